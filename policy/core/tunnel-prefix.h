/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which IPv6 prefix a subnet may have (spec 2.3), and what this machine knows about it: from the
 * kernel only, whoever configured the links. */
#pragma once

#include "core/snapshot.h"
#include "core/tunnel-addresses.h"

/* Whether @prefix is of a kind that hosts can have addresses of: not link-local, multicast,
 * loopback, unspecified or IPv4-mapped, not of one address only; and, but for @allow_ula, not
 * unique local. SG_ERROR_INVALID_ARGUMENT. */
bool sg_tunnel_prefix_check (const SgPrefix *prefix, bool allow_ula,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether this machine can be the way to @prefix. False when it has no IPv6 default route
 * (SG_ERROR_UNSUPPORTED). What a person should know is appended to @warnings (of char *): that
 * nothing shows that the prefix is routed here, that something else is routed inside of it.
 * @interface: the tunnel's own. */
bool sg_tunnel_prefix_judge (const SgPrefix *prefix, const SgSnapshot *snapshot,
                             const char *interface, GPtrArray *warnings,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The links that carry a default route of main of @family (AF_UNSPEC: of either), the tunnel's own left
 * out: GArray of uint32_t, owned by the caller. */
GArray *sg_tunnel_wan_links (const SgSnapshot *snapshot, const char *interface, uint8_t family);
/* Whether @ifindex is one of such. */
bool sg_tunnel_has_link (const GArray *links, uint32_t ifindex);
/* The prefixes whose addresses the neighbours on the link @ifindex look for there. GArray of
 * SgPrefix, owned by the caller. */
GArray *sg_tunnel_on_link_prefixes (const SgSnapshot *snapshot, uint32_t ifindex);
/* Whether that link has an address in @prefix: then they look for all of it there, as far as one
 * can know. */
bool sg_tunnel_has_address_in (const SgSnapshot *snapshot, uint32_t ifindex,
                               const SgPrefix *prefix);

/* The addresses that others have: this machine on its other links, routers, hosts that a route
 * leads to. GArray of SgTunnelTaken, owned by the caller. */
GArray *sg_tunnel_taken_find (const SgSnapshot *snapshot, const char *interface);
