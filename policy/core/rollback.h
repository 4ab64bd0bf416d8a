/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an update that does not come to its end is undone from: a file that is there only while one
 * runs, for root only, gone with a reboot. It holds keys. */
#pragma once

#include "core/link-state.h"

/* The largest file that is read. */
#define SG_ROLLBACK_MAX (16u * 1024 * 1024)

typedef struct {
    char *uuid;          /* of the profile */
    GVariant *settings;  /* the profile as it was, keys included */
    SgLinkState *before; /* the link as it was … */
    SgLinkState *target; /* … and as it was to be */
} SgRollback;

/* Takes copies or references of all. SG_ERROR_STATE_CORRUPT when a state is one that could not be
 * read from the file again: nothing could be undone then. */
SgRollback *sg_rollback_new (const char *uuid, GVariant *settings, const SgLinkState *before,
                             const SgLinkState *target, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Wipes the keys of the two states. */
void sg_rollback_free (SgRollback *rollback);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgRollback, sg_rollback_free)

/* One line of text: free it with sg_wg_text_free(). */
char *sg_rollback_to_text (const SgRollback *rollback);
/* Reads @text, which it wipes. SG_ERROR_STATE_CORRUPT when it is none of ours. */
SgRollback *sg_rollback_parse (char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
