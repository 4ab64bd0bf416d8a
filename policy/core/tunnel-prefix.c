/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-prefix.h"

#include <string.h>

#include "base/error.h"
#include "core/contract.h"

/* ---- kinds of prefixes ---- */

static const struct {
    uint8_t bytes[16];
    uint8_t len;
    const char *what;
} forbidden[] = {
    {{0xfe, 0x80}, 10, "link-local (fe80::/10): it means something else on every link"},
    {{0xff}, 8, "multicast (ff00::/8): no host has such an address"},
    {{[15] = 1}, 128, "the loopback address (::1)"},
    {{0}, 128, "the unspecified address (::)"},
    {{[10] = 0xff, [11] = 0xff}, 96, "IPv4 in IPv6 (::ffff:0:0/96): it is never on the wire"},
};

static bool
check_kind (const SgPrefix *prefix, GError **error)
{
    char text[SG_PREFIX_TEXT_MAX];

    for (size_t i = 0; i < G_N_ELEMENTS (forbidden); i++) {
        SgIp ip = sg_ip_from_bytes (AF_INET6, forbidden[i].bytes);
        SgPrefix range = sg_prefix_new (&ip, forbidden[i].len);
        bool covered = sg_prefix_covers (&range, prefix);

        if (!covered && !sg_prefix_covers (prefix, &range))
            continue;
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s %s %s; use a prefix that the provider of this server gave to it",
                     sg_prefix_format (prefix, text), covered ? "is" : "contains",
                     forbidden[i].what);
        return false;
    }
    return true;
}

static bool
check_unique_local (const SgPrefix *prefix, GError **error)
{
    static const uint8_t bytes[16] = {0xfc};
    SgIp ip = sg_ip_from_bytes (AF_INET6, bytes);
    SgPrefix range = sg_prefix_new (&ip, 7);
    char text[SG_PREFIX_TEXT_MAX];

    if (!sg_prefix_overlaps (&range, prefix))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "%s is unique local (fc00::/7): nobody on the Internet reaches it; allow it "
                 "explicitly if that is what you want",
                 sg_prefix_format (prefix, text));
    return false;
}

bool
sg_tunnel_prefix_check (const SgPrefix *prefix, bool allow_ula, GError **error)
{
    char text[SG_PREFIX_TEXT_MAX];

    sg_prefix_format (prefix, text);
    if (prefix->ip.family != AF_INET6) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is no IPv6 prefix; write it like 2001:db8:1::/64", text);
        return false;
    }
    if (!check_kind (prefix, error) || (!allow_ula && !check_unique_local (prefix, error)))
        return false;
    if (prefix->len == 128) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is a single address, which the server has itself; ask the provider for a "
                     "prefix (a /64 is usual), routed to this server or on its link",
                     text);
        return false;
    }
    return true;
}

/* ---- what the kernel knows ---- */

static bool
is_in_main (const SgRoute *route)
{
    return route->table == RT_TABLE_MAIN && route->type == RTN_UNICAST;
}

static bool
is_of_main (const SgRoute *route)
{
    return route->family == AF_INET6 && is_in_main (route);
}

bool
sg_tunnel_has_link (const GArray *links, uint32_t ifindex)
{
    for (guint i = 0; i < links->len; i++) {
        if (g_array_index (links, uint32_t, i) == ifindex)
            return true;
    }
    return false;
}

GArray *
sg_tunnel_wan_links (const SgSnapshot *snapshot, const char *interface, uint8_t family)
{
    GArray *links =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (uint32_t));
    const SgLink *own = sg_snapshot_link_by_name (snapshot, interface);

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (!is_in_main (route) || !sg_route_is_default (route) ||
            (family != AF_UNSPEC && route->family != family))
            continue;
        for (uint16_t j = 0; j < route->n_nexthops; j++) {
            uint32_t ifindex = route->nexthops[j].ifindex;

            if (ifindex && !sg_tunnel_has_link (links, ifindex) &&
                !(own && own->ifindex == ifindex))
                g_array_append_val (links, ifindex);
        }
    }
    return links;
}

/* A route to neighbours on @ifindex, no router between. */
static bool
is_on_link_route (const SgRoute *route, uint32_t ifindex)
{
    return is_of_main (route) && !sg_route_is_default (route) && route->n_nexthops == 1 &&
           route->nexthops[0].ifindex == ifindex && !sg_ip_is_set (&route->nexthops[0].gateway) &&
           route->protocol != SG_PROTOCOL;
}

bool
sg_tunnel_has_address_in (const SgSnapshot *snapshot, uint32_t ifindex, const SgPrefix *prefix)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (address->ifindex == ifindex && sg_prefix_contains (prefix, &address->ip))
            return true;
    }
    return false;
}

GArray *
sg_tunnel_on_link_prefixes (const SgSnapshot *snapshot, uint32_t ifindex)
{
    GArray *prefixes =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (is_on_link_route (route, ifindex))
            g_array_append_val (prefixes, route->dst);
    }
    return prefixes;
}

/* Whether some part of @prefix is on the link of one of @wans. */
static bool
is_partly_on_link (const SgPrefix *prefix, const SgSnapshot *snapshot, const GArray *wans)
{
    for (guint i = 0; i < wans->len; i++) {
        uint32_t ifindex = g_array_index (wans, uint32_t, i);
        g_autoptr (GArray) on_link = sg_tunnel_on_link_prefixes (snapshot, ifindex);

        if (sg_tunnel_has_address_in (snapshot, ifindex, prefix))
            return true;
        for (guint j = 0; j < on_link->len; j++) {
            if (sg_prefix_overlaps (&g_array_index (on_link, SgPrefix, j), prefix))
                return true;
        }
    }
    return false;
}

/* ---- the judgement ---- */

/* A route of others that says where a part of the prefix is; what is on the link of a WAN is no
 * surprise. */
static bool
is_foreign (const SgRoute *route, const SgPrefix *prefix, const SgLink *own, const GArray *wans)
{
    uint32_t ifindex = route->n_nexthops ? route->nexthops[0].ifindex : 0;

    return is_of_main (route) && route->protocol != SG_PROTOCOL && !sg_route_is_default (route) &&
           !sg_route_is_default_in_disguise (route) && sg_prefix_overlaps (&route->dst, prefix) &&
           !(own && own->ifindex == ifindex) &&
           !(sg_tunnel_has_link (wans, ifindex) && is_on_link_route (route, ifindex));
}

static void
warn_of_foreign (const SgPrefix *prefix, const SgSnapshot *snapshot, const SgLink *own,
                 const GArray *wans, GPtrArray *warnings)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);
        char destination[SG_PREFIX_TEXT_MAX], text[SG_PREFIX_TEXT_MAX];
        const char *link;

        if (!is_foreign (route, prefix, own, wans))
            continue;
        link = sg_snapshot_link_name (route->nexthops[0].ifindex, snapshot);
        g_ptr_array_add (
            warnings,
            g_strdup_printf ("%s overlaps %s, which is routed to %s here; addresses that devices "
                             "get are no longer reached there",
                             sg_prefix_format (prefix, text),
                             sg_prefix_format (&route->dst, destination), link ? link : "a link"));
    }
}

bool
sg_tunnel_prefix_judge (const SgPrefix *prefix, const SgSnapshot *snapshot, const char *interface,
                        GPtrArray *warnings, GError **error)
{
    g_autoptr (GArray) wans = sg_tunnel_wan_links (snapshot, interface, AF_INET6);
    const SgLink *own = sg_snapshot_link_by_name (snapshot, interface);
    char text[SG_PREFIX_TEXT_MAX];

    sg_prefix_format (prefix, text);
    if (wans->len == 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_UNSUPPORTED,
                     "this server has no IPv6 default route: devices with an address of %s would "
                     "reach nobody; make IPv6 work on the server first",
                     text);
        return false;
    }
    if (!is_partly_on_link (prefix, snapshot, wans))
        g_ptr_array_add (warnings,
                         g_strdup_printf ("%s is on no link to the Internet here; that works only "
                                          "if the provider routes it to this server, which cannot "
                                          "be seen from here",
                                          text));
    warn_of_foreign (prefix, snapshot, own, wans, warnings);
    return true;
}

/* ---- addresses of others ---- */

static void
add_taken (GArray *taken, const SgSnapshot *snapshot, SgTunnelTaken entry, const char *who,
           uint32_t ifindex)
{
    const char *link = sg_snapshot_link_name (ifindex, snapshot);

    g_snprintf (entry.who, sizeof entry.who, "%s on %s", who, link ? link : "a link");
    g_array_append_val (taken, entry);
}

static void
add_own (GArray *taken, const SgSnapshot *snapshot, const SgLink *own)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (address->ip.family == AF_INET6 && address->scope == RT_SCOPE_UNIVERSE &&
            !(own && own->ifindex == address->ifindex))
            add_taken (taken, snapshot, (SgTunnelTaken) {address->ip, /* ours= */ true},
                       "this machine", address->ifindex);
    }
}

static void
add_others (GArray *taken, const SgSnapshot *snapshot, const SgLink *own)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (!is_of_main (route) || route->protocol == SG_PROTOCOL)
            continue;
        for (uint16_t j = 0; j < route->n_nexthops; j++) {
            const SgNexthop *hop = &route->nexthops[j];

            if (own && own->ifindex == hop->ifindex)
                continue;
            if (hop->gateway.family == AF_INET6 && !sg_ip_is_link_local (&hop->gateway))
                add_taken (taken, snapshot, (SgTunnelTaken) {hop->gateway}, "the router",
                           hop->ifindex);
            /* The kernel's own routes to our addresses are in main, too. */
            if (route->dst.len == 128 && route->protocol != RTPROT_KERNEL)
                add_taken (taken, snapshot, (SgTunnelTaken) {route->dst.ip}, "a host",
                           hop->ifindex);
        }
    }
}

GArray *
sg_tunnel_taken_find (const SgSnapshot *snapshot, const char *interface)
{
    GArray *taken =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgTunnelTaken));
    const SgLink *own = sg_snapshot_link_by_name (snapshot, interface);

    add_own (taken, snapshot, own);
    add_others (taken, snapshot, own);
    return taken;
}
