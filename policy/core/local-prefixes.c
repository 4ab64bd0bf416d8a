/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/local-prefixes.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <string.h>

/* Whether the interface has an address in @prefix with all of the flags @flags. */
static bool
has_address (const SgSnapshot *snapshot, uint32_t ifindex, const SgPrefix *prefix, uint32_t flags)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (address->ifindex == ifindex && (address->flags & flags) == flags &&
            sg_prefix_contains (prefix, &address->ip))
            return true;
    }
    return false;
}

bool
sg_route_is_learned (const SgRoute *route, const SgSnapshot *snapshot)
{
    if (route->protocol == RTPROT_RA || route->expires)
        return true;
    if (route->family == AF_INET && route->protocol == RTPROT_DHCP)
        return true;
    return route->protocol == RTPROT_KERNEL && route->n_nexthops == 1 &&
           !sg_ip_is_link_local (&route->dst.ip) &&
           !has_address (snapshot, route->nexthops[0].ifindex, &route->dst, IFA_F_PERMANENT);
}

/* A route of main that says where neighbours are, or specific networks behind them. */
static bool
is_specific (const SgRoute *route)
{
    return route->table == RT_TABLE_MAIN && route->type == RTN_UNICAST &&
           !sg_route_is_to_server (route) && !sg_route_is_default (route) &&
           !sg_route_is_default_in_disguise (route) && !sg_ip_is_link_local (&route->dst.ip) &&
           !sg_ip_is_multicast (&route->dst.ip);
}

/* Whether all of the prefix is unique local, or private. */
static bool
is_private (const SgPrefix *prefix)
{
    SgIp last = sg_prefix_last (prefix);

    return sg_ip_is_unique_local (&prefix->ip) && sg_ip_is_unique_local (&last);
}

/* A host route is an address of our own (from DHCPv6), not where neighbours are. */
static bool
is_learned_on_link (const SgRoute *route, const SgSnapshot *snapshot)
{
    return is_specific (route) && route->n_nexthops == 1 &&
           route->dst.len < sg_family_bits (route->family) &&
           !sg_ip_is_set (&route->nexthops[0].gateway) && !is_private (&route->dst) &&
           sg_route_is_learned (route, snapshot) &&
           has_address (snapshot, route->nexthops[0].ifindex, &route->dst, /* flags= */ 0);
}

static bool
contains (const GArray *trusted, const char *interface, const SgPrefix *prefix)
{
    for (guint i = 0; i < trusted->len; i++) {
        const SgTrusted *entry = &g_array_index (trusted, SgTrusted, i);

        if (strcmp (entry->interface, interface) == 0 &&
            sg_prefix_compare (&entry->prefix, prefix) == 0)
            return true;
    }
    return false;
}

void
sg_local_prefixes_learned (const SgSnapshot *snapshot, GArray *trusted)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);
        const SgLink *link;
        SgTrusted entry = {.prefix = route->dst};

        if (!is_learned_on_link (route, snapshot))
            continue;
        link = sg_snapshot_link (snapshot, route->nexthops[0].ifindex);
        if (!link)
            continue;
        memcpy (entry.interface, link->name, sizeof entry.interface);
        if (!contains (trusted, entry.interface, &entry.prefix))
            g_array_append_val (trusted, entry);
    }
}

/* ---- which learned on-link prefixes count ---- */

static bool
is_listed (const SgConfig *config, const SgPrefix *prefix)
{
    for (guint i = 0; i < config->local_prefix_list->len; i++) {
        if (sg_prefix_covers (&g_array_index (config->local_prefix_list, SgPrefix, i), prefix))
            return true;
    }
    return false;
}

static bool
is_trusted (const SgRoute *route, const SgConfig *config, const SgState *state,
            const SgSnapshot *snapshot)
{
    const SgLink *link = sg_snapshot_link (snapshot, route->nexthops[0].ifindex);

    switch (config->local_prefixes) {
    case SG_LOCAL_PREFIXES_AUTO:
        /* With nothing guarded nothing can leak: the LAN is what it says it is. */
        return !sg_state_is_guarded (state) ||
               (link && contains (state->trusted, link->name, &route->dst));
    case SG_LOCAL_PREFIXES_ULA:
        return false;
    case SG_LOCAL_PREFIXES_LIST:
        return is_listed (config, &route->dst);
    }
    return false;
}

/* A link without neighbour discovery: WireGuard, tun. A dummy has no other end. */
static bool
is_tunnel (const SgLink *link)
{
    return link && (link->flags & IFF_NOARP) && strcmp (link->kind, "dummy") != 0;
}

/* Unique local networks that routers advertise are local, but for that of a tunnel: whoever claims
 * a resolver's address in there on the LAN would get what belongs into the tunnel. A /64 is one
 * link (RFC 4291, section 2.5.4); of IPv4 a /24 at least, where the tunnel's address is a /32. */
static bool
claims_tunnel (const SgRoute *route, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        SgPrefix network;

        if (!sg_ip_is_unique_local (&address->ip) || sg_route_uses (route, address->ifindex) ||
            !is_tunnel (sg_snapshot_link (snapshot, address->ifindex)))
            continue;
        network = sg_prefix_new (
            &address->ip, address->ip.family == AF_INET6 ? 64 : MIN (address->prefix_len, 24));
        if (sg_prefix_overlaps (&network, &route->dst))
            return true;
    }
    return false;
}

static void
warn_of_claim (const SgRoute *route, const SgSnapshot *snapshot, GPtrArray *warnings)
{
    const SgLink *link =
        route->n_nexthops ? sg_snapshot_link (snapshot, route->nexthops[0].ifindex) : NULL;
    char text[SG_PREFIX_TEXT_MAX];

    g_ptr_array_add (warnings,
                     g_strdup_printf ("%s: %s claims %s, where a tunnel "
                                      "has its address; it is not treated as local",
                                      link ? link->name : "?",
                                      route->family == AF_INET6 ? "a router advertisement" : "DHCP",
                                      sg_prefix_format (&route->dst, text)));
}

static void
warn_of_new (const SgRoute *route, const SgSnapshot *snapshot, GPtrArray *warnings)
{
    const SgLink *link = sg_snapshot_link (snapshot, route->nexthops[0].ifindex);
    char text[SG_PREFIX_TEXT_MAX];

    g_ptr_array_add (
        warnings,
        g_strdup_printf ("%s: the prefix %s was announced after the outbound was chosen and is not "
                         "treated as local; choose the outbound again to trust it",
                         link ? link->name : "?", sg_prefix_format (&route->dst, text)));
}

/* Whether what a router advertisement says is taken for local; if not, says so. */
static bool
is_believed (const SgRoute *route, const SgConfig *config, const SgState *state,
             const SgSnapshot *snapshot, GPtrArray *warnings)
{
    /* A private network behind a router that DHCP names could be anywhere: only when it is listed. */
    if (route->family == AF_INET && sg_ip_is_set (&route->nexthops[0].gateway))
        return config->local_prefixes == SG_LOCAL_PREFIXES_LIST && is_listed (config, &route->dst);
    if (is_private (&route->dst)) {
        if (!claims_tunnel (route, snapshot))
            return true;
        warn_of_claim (route, snapshot, warnings);
        return false;
    }
    if (!is_learned_on_link (route, snapshot))
        return false;
    if (is_trusted (route, config, state, snapshot))
        return true;
    if (config->local_prefixes == SG_LOCAL_PREFIXES_AUTO)
        warn_of_new (route, snapshot, warnings);
    return false;
}

/* ---- the list ---- */

static int
compare (const SgLocalPrefix *a, const SgLocalPrefix *b)
{
    if (a->ifindex != b->ifindex)
        return a->ifindex < b->ifindex ? -1 : 1;
    return sg_prefix_compare (&a->prefix, &b->prefix);
}

/* In the order of compare() a covering prefix comes before what it covers. */
static void
drop_covered (GArray *prefixes)
{
    guint kept = 0;

    g_array_sort (prefixes, (GCompareFunc) compare);
    for (guint i = 0; i < prefixes->len; i++) {
        const SgLocalPrefix *entry = &g_array_index (prefixes, SgLocalPrefix, i);
        const SgLocalPrefix *last =
            kept ? &g_array_index (prefixes, SgLocalPrefix, kept - 1) : NULL;

        if (last && last->ifindex == entry->ifindex &&
            sg_prefix_covers (&last->prefix, &entry->prefix))
            continue;
        g_array_index (prefixes, SgLocalPrefix, kept++) = *entry;
    }
    g_array_set_size (prefixes, kept);
}

GArray *
sg_local_prefixes_find (const SgConfig *config, const SgState *state, const SgSnapshot *snapshot,
                        uint8_t af, GPtrArray *warnings)
{
    GArray *prefixes =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgLocalPrefix));

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family != af || !is_specific (route))
            continue;
        if (sg_route_is_learned (route, snapshot) &&
            !is_believed (route, config, state, snapshot, warnings))
            continue;
        for (uint16_t j = 0; j < route->n_nexthops; j++) {
            SgLocalPrefix entry = {route->nexthops[j].ifindex, route->dst};

            g_array_append_val (prefixes, entry);
        }
    }
    drop_covered (prefixes);
    return prefixes;
}
