/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of hosts as addresses. */
#pragma once

#include "core/link-state.h"

/* Replaces each endpoint of @state that is the name of a host by its address, within a few seconds
 * in all. SG_ERROR_NOT_FOUND names the first that cannot be found. */
bool sg_resolve_endpoints (SgLinkState *state, GError **error) G_GNUC_WARN_UNUSED_RESULT;
