/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What both halves of the state need of each other; for state*.c only. */
#pragma once

#include "core/state.h"

/* Whether @interface can be a gateway's name, here and in the file. */
bool sg_state_check_interface (const char *interface, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Notes the on-link prefixes of @snapshot as those that are trusted. */
void sg_state_trust_local (SgState *state, const SgSnapshot *snapshot);
/* Forgets them when nothing is guarded any more. */
void sg_state_drop_trust (SgState *state);
/* Adds @override, or changes the gateway of the one with just that prefix, whatever the prefix is
 * good for. SG_ERROR_OVERLAP, SG_ERROR_LIMIT. */
bool sg_state_put_override (SgState *state, const SgOverride *override,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
