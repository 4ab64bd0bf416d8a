/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tunnel role's routes and rules (spec 2.4). Routes lead by a next hop object, not by the link: a
 * Reapply of NetworkManager switches IPv6 off and on again on the link, and the kernel then drops every
 * route by it but those (net/ipv6/route.c, fib6_ifdown). So no packet to a device is lost to it. */
#include "core/wanted-parts.h"

#include "core/contract.h"
#include "core/tunnel-addresses.h"
#include "core/tunnel-config.h"

/* Whether an earlier subnet has the same range: one route is enough. */
static bool
is_repeated (const SgTunnel *tunnel, guint index, const SgPrefix *range)
{
    for (guint i = 0; i < index; i++) {
        SgPrefix other = sg_tunnel_subnet_range (g_ptr_array_index (tunnel->subnets, i));

        if (sg_prefix_compare (&other, range) == 0)
            return true;
    }
    return false;
}

/* ---- routes ---- */

/* By what the routes lead. */
typedef struct {
    uint32_t ifindex;
    uint32_t nexthop_id; /* 0: by the link itself */
} Path;

/* The route, which is in @wanted. */
static SgRoute *
add_route (SgWanted *wanted, const SgPrefix *dst, uint32_t table, const Path *path)
{
    SgRoute *route = sg_route_new (AF_INET6, 1);

    route->type = RTN_UNICAST;
    route->protocol = SG_PROTOCOL;
    route->table = table;
    route->metric = SG_ROUTE_METRIC;
    route->dst = *dst;
    route->nexthop_id = path->nexthop_id;
    route->nexthops[0].ifindex = path->ifindex;
    g_ptr_array_add (wanted->routes, route);
    return route;
}

/* Whether a route of main to others is as specific as @range, as that to a WAN of a few addresses. */
static bool
is_contested (const SgSnapshot *snapshot, const SgPrefix *range)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family == AF_INET6 && route->table == RT_TABLE_MAIN &&
            route->protocol != SG_PROTOCOL && route->dst.len < 128 &&
            route->dst.len >= range->len && sg_prefix_covers (range, &route->dst))
            return true;
    }
    return false;
}

static void
add_device_routes (SgWanted *wanted, const SgTunnelSubnet *subnet, uint32_t table, const Path *path)
{
    for (guint i = 0; i < subnet->devices->len; i++) {
        SgIp ip = sg_tunnel_device_ip6 (subnet, g_ptr_array_index (subnet->devices, i));
        SgPrefix host = sg_prefix_host (&ip);

        add_route (wanted, &host, table, path);
    }
}

/* What is sent to the server's own address arrives also while NetworkManager has it off the link: the
 * kernel's own entry in the table goes with it. */
static void
add_own_route (SgWanted *wanted, const SgTunnelSubnet *subnet)
{
    static const Path here = {.ifindex = SG_LOOPBACK_IFINDEX};
    SgIp ip = sg_tunnel_server_ip6 (subnet);
    SgPrefix host = sg_prefix_host (&ip);

    add_route (wanted, &host, RT_TABLE_LOCAL, &here)->type = RTN_LOCAL;
}

/* A host route per device in main: it wins over an on-link prefix of the same addresses. In the
 * gateways' tables one route per subnet is enough, unless another is as specific. */
static void
add_routes (SgWanted *wanted, const SgSituation *situation, const Path *path)
{
    for (guint i = 0; i < situation->tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (situation->tunnel->subnets, i);
        SgPrefix range = sg_tunnel_subnet_range (subnet);
        bool contested, repeated;

        if (!sg_prefix_is_set (&range))
            continue;
        contested = is_contested (situation->snapshot, &range);
        repeated = is_repeated (situation->tunnel, i, &range);
        add_device_routes (wanted, subnet, RT_TABLE_MAIN, path);
        add_own_route (wanted, subnet);
        for (guint j = 0; j < situation->gateways->len; j++) {
            uint32_t table = g_array_index (situation->gateways, SgGateway, j).table;

            if (contested)
                add_device_routes (wanted, subnet, table, path);
            else if (!repeated)
                add_route (wanted, &range, table, path);
        }
    }
}

/* ---- rules ---- */

/* While an outbound is selected: what devices send has their own addresses, for which only this
 * server's own way out is right. */
static void
add_rules (SgWanted *wanted, const SgTunnel *tunnel)
{
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        SgPrefix range = sg_tunnel_subnet_range (g_ptr_array_index (tunnel->subnets, i));
        SgRule rule = sg_rule_lookup (AF_INET6, SG_PREF_OVERRIDE, RT_TABLE_MAIN);

        rule.src = range;
        if (sg_prefix_is_set (&range) && !is_repeated (tunnel, i, &range))
            g_array_append_val (wanted->rules, rule);
    }
}

/* ---- the next hop ---- */

static void
warn_of_foreign (SgWanted *wanted, const SgLink *link, uint32_t id)
{
    g_ptr_array_add (wanted->warnings,
                     g_strdup_printf ("%s: the next hop %u is somebody else's; routes to devices "
                                      "lead by the link itself, and are gone for a moment when "
                                      "NetworkManager applies its profile again (`ip nexthop show "
                                      "id %u` tells whose)",
                                      link->name, id, id));
}

/* The path of every route to devices; the object it needs is wanted, where it is missing. */
static Path
choose_path (SgWanted *wanted, const SgSnapshot *snapshot, const SgLink *link)
{
    SgNexthopObject mine = {SG_NEXTHOP_BASE + link->ifindex, link->ifindex, SG_PROTOCOL};
    const SgNexthopObject *have = sg_snapshot_nexthop (snapshot, mine.id);
    Path path = {link->ifindex, mine.id};

    if (!have) {
        g_array_append_val (wanted->nexthops, mine);
    } else if (have->protocol != SG_PROTOCOL || have->ifindex != link->ifindex) {
        warn_of_foreign (wanted, link, mine.id);
        path.nexthop_id = 0;
    }
    return path;
}

/* Ours that no route leads by. @used: 0 where none is used. */
static void
add_stale_nexthops (SgWanted *wanted, const SgSnapshot *snapshot, uint32_t used)
{
    for (guint i = 0; i < snapshot->nexthops->len; i++) {
        const SgNexthopObject *nexthop = &g_array_index (snapshot->nexthops, SgNexthopObject, i);

        if (nexthop->protocol == SG_PROTOCOL && nexthop->id != used)
            g_array_append_vals (wanted->stale_nexthops, nexthop, 1);
    }
}

/* ---- all ---- */

void
sg_wanted_add_tunnel_routes (SgWanted *wanted, const SgSituation *situation, const SgLink *link)
{
    Path path = {0};

    if (link) {
        path = choose_path (wanted, situation->snapshot, link);
        add_routes (wanted, situation, &path);
        if (situation->selection)
            add_rules (wanted, situation->tunnel);
    }
    add_stale_nexthops (wanted, situation->snapshot, path.nexthop_id);
}
