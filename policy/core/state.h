/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /var/lib/sixgate/host.conf: the choices of the host role. Kept over reboots. */
#pragma once

#include "core/snapshot.h"

/* An on-link prefix that was on an interface when the outbound was chosen. */
typedef struct {
    char interface[IFNAMSIZ];
    SgPrefix prefix;
} SgTrusted;

/* What comes from addresses of a prefix leaves by a gateway of its own, or not at all. */
typedef struct {
    SgPrefix prefix;
    char interface[IFNAMSIZ];
} SgOverride;

/* More overrides than this are refused: each is two rules that every packet may have to pass. */
#define SG_OVERRIDES_MAX 256u

typedef struct {
    char outbound[IFNAMSIZ]; /* the selected outbound; "" = auto */
    GArray *overrides;       /* of SgOverride, sorted by prefix; none overlaps another */
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

/* Whether something has to leave by one gateway only: an outbound is selected, or there is an
 * override. */
bool sg_state_is_guarded (const SgState *state);

/* Sends what comes from @prefix ("2001:db8:a::/64", or one address) by @interface; an override of
 * just that prefix changes its gateway. The first thing to be guarded also notes the on-link
 * prefixes of @snapshot, as selecting does. SG_ERROR_INVALID_ARGUMENT when one of both is
 * malformed or @prefix holds what is no source of traffic to the Internet, SG_ERROR_OVERLAP when
 * another override has a part of it, SG_ERROR_LIMIT. Whether its family is routed says
 * sg_config_routes(). */
bool sg_state_add_override (SgState *state, const SgSnapshot *snapshot, const char *prefix,
                            const char *interface, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* SG_ERROR_INVALID_ARGUMENT when @prefix is malformed, SG_ERROR_NOT_FOUND when there is no override
 * of just that prefix; the sentence names one that overlaps. */
bool sg_state_remove_override (SgState *state, const char *prefix,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The override that @source belongs to; NULL: none. */
const SgOverride *sg_state_override_of (const SgState *state, const SgIp *source);
