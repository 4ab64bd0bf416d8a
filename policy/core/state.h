/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /var/lib/sixgate/host.conf: the choices of the host role. Kept over reboots. */
#pragma once

#include "core/snapshot.h"

/* An on-link prefix that was on an interface when the outbound was chosen. */
typedef struct {
    char interface[IFNAMSIZ];
    SgPrefix prefix;
} SgTrusted;

typedef struct {
    char outbound[IFNAMSIZ]; /* the selected outbound; "" = auto */
    GArray *trusted;         /* of SgTrusted, each once */
} SgState;

SgState *sg_state_new (void);
void sg_state_free (SgState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgState, sg_state_free)

/* Reads what sg_state_to_text() wrote. SG_ERROR_STATE_CORRUPT when it is truncated, malformed
 * or of a newer version: the caller then keeps what is in force and says so. */
SgState *sg_state_parse (const char *name, const char *text, size_t len,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The state as a file's text, owned by the caller. */
char *sg_state_to_text (const SgState *state);

/* Selects @interface ("" = auto) and notes the on-link prefixes of @snapshot that are trusted
 * with it. SG_ERROR_INVALID_ARGUMENT when it can be no interface's name. */
bool sg_state_select (SgState *state, const SgSnapshot *snapshot, const char *interface,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
