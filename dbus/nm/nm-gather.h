/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What NetworkManager says, asked without waiting: for a program with a loop of its own. */
#pragma once

#include <systemd/sd-bus.h>

#include "core/wanted.h"

typedef struct SgNmGather SgNmGather;

/* Called once, from the loop, when all answers are there or the time is up. What is not taken from
 * @gather is freed with it, right after. */
typedef void (*SgNmGathered) (void *data, SgNmGather *gather);

typedef struct {
    sd_bus *bus;         /* attached to the loop */
    uint32_t timeout_ms; /* of all that is asked */
    bool profiles;       /* also what repair needs of the profiles of active WireGuard devices */
    GHashTable
        *catalog; /* object path → SgNmSummary of every profile, to be brought up to date: what
                          * is gone is taken out, what lacks or is stale is read. NULL: not asked for */
    SgNmGathered done;
    void *data;
} SgNmQuestion;

/* An empty catalog. */
GHashTable *sg_nm_catalog_new (void);

/* Asks for the devices. NULL with a sentence in @ret_reason (owned by the caller) when nothing can be
 * asked; nothing is called then. */
SgNmGather *sg_nm_gather_start (const SgNmQuestion *question,
                                char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
/* Asks for the preshared keys that @wanted lacks; both have to stay meanwhile. Only root is told. */
SgNmGather *sg_nm_gather_keys (const SgNmQuestion *question, const SgSnapshot *snapshot,
                               const SgWanted *wanted, char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
/* Stops waiting. Not from within done(), where it is freed already. */
void sg_nm_gather_free (SgNmGather *gather);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNmGather, sg_nm_gather_free)

/* NetworkManager's part of a snapshot, for the caller: absent when there was no answer. */
SgSnapshot *sg_nm_gather_take_snapshot (SgNmGather *gather);
/* The keys, for the caller. */
SgKeyring *sg_nm_gather_take_keyring (SgNmGather *gather);
/* What is missing, as a sentence; NULL: nothing. */
const char *sg_nm_gather_reason (const SgNmGather *gather);
