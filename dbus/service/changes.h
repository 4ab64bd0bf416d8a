/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes, one after the other: each is in force when it is answered, or undone as a whole. */
#pragma once

#include "call.h"
#include "pass/pass.h"
#include "worker.h"

/* How a change came out, for its answer. */
typedef struct {
    GVariant *worked; /* what its work answered; NULL where it has none */
    unsigned written; /* changes of the kernel that it took */
} SgOutcome;

/* A change, in the order of its steps. Each of the first two may be NULL. */
typedef struct {
    /* What has to be done first, and blocks, with the lock held: whole, or not at all. */
    SgWork work;
    /* Changes @state. */
    bool (*choose) (const SgCall *call, SgState *state, const SgOutcome *outcome,
                    const SgSnapshot *snapshot, GError **error);
    /* Then the kernel is brought to what is wanted, and this answers. */
    void (*answer) (SgCall *call, const SgOutcome *outcome);
    /* The work changes the tunnel role's state: it is read anew then. */
    bool tunnel;
    /* When a later step fails: undoes the work, knowing what it answered; NULL: nothing to undo. */
    SgWork undo;
} SgChange;

SgChanges *sg_changes_new (SgService *service);
void sg_changes_free (SgChanges *changes);

/* Makes @change for @call when its turn comes. */
void sg_changes_make (SgChanges *changes, SgCall *call, const SgChange *change);
/* The profile of @gateway was changed, if not by a change of ours that is being made: whoever has called
 * for a change of it before is in conflict. */
void sg_changes_notice_gateway (SgChanges *changes, const char *gateway);
/* Whether the choices were changed by somebody else since they were last seen: whoever has called
 * for a change of them before is in conflict. For each call that arrives. */
void sg_changes_notice (SgChanges *changes);
