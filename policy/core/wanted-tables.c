/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of spec 1.2: one per gateway, 1000 + its interface index. */
#include "core/wanted-parts.h"

#include <string.h>

#include "core/contract.h"

/* Order of router preferences (RFC 4191, section 2.1): high 1, medium 0, low 3. */
static int
pref_rank (uint8_t pref)
{
    return pref == 1 ? 0 : pref == 0 ? 1 : 2;
}

/* ---- which next hops of a route of main belong into the table of a gateway ---- */

/* A default route, also one in pieces: copied elsewhere, it would take all that leaves by there. */
static bool
is_way_out (const SgRoute *route)
{
    return sg_route_is_default (route) || sg_route_is_default_in_disguise (route);
}

/* For a way out: only those through the gateway itself. For others: all but those through
 * another gateway; the way back to a neighbour on another LAN is through this one. */
static bool
is_wanted_hop (const SgNexthop *hop, const SgRoute *route, const SgGateway *gateway,
               const GArray *gateways)
{
    if (hop->ifindex == gateway->ifindex)
        return true;
    return !is_way_out (route) && !sg_gateways_contain (gateways, hop->ifindex);
}

static bool
is_wanted_route (const SgRoute *route, const SgGateway *gateway, const GArray *gateways)
{
    if ((is_way_out (route) && route->type != RTN_UNICAST) ||
        (sg_route_is_default (route) && gateway->wireguard))
        return false;
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (is_wanted_hop (&route->nexthops[i], route, gateway, gateways))
            return true;
    }
    return route->n_nexthops == 0;
}

/* The route as it should be in the table of @gateway; NULL when it does not belong there. Most do
 * not, on a host with many of both, so that is found out before anything is copied. */
static SgRoute *
copy_for (const SgRoute *route, const SgGateway *gateway, const GArray *gateways)
{
    SgRoute *copy;
    uint16_t kept = 0;

    if (!is_wanted_route (route, gateway, gateways))
        return NULL;
    copy = sg_route_copy (route);
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (is_wanted_hop (&route->nexthops[i], route, gateway, gateways))
            copy->nexthops[kept++] = route->nexthops[i];
    }
    if (kept < route->n_nexthops)
        copy->nexthop_id = 0; /* a group with foreign members: its own ones, one by one */
    copy->n_nexthops = kept;
    copy->table = gateway->table;
    copy->protocol = SG_PROTOCOL;
    copy->expires = false;
    return copy;
}

/* ---- routes that the kernel would join ---- */

/* IPv6 makes one multipath route of gatewayed routes with the same slot (rt6_qualify_for_ecmp
 * in net/ipv6/ip6_fib.c), unless a router advertisement made them. IPv4 never does. */
static bool
may_join (const SgRoute *route)
{
    return route->family == AF_INET6 && route->type == RTN_UNICAST && !route->nexthop_id &&
           route->n_nexthops && sg_ip_is_set (&route->nexthops[0].gateway);
}

static bool
has_nexthop (const SgRoute *route, const SgNexthop *hop)
{
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (sg_nexthop_compare (&route->nexthops[i], hop) == 0)
            return true;
    }
    return false;
}

static SgRoute *
join (const SgRoute *a, const SgRoute *b)
{
    SgRoute *joined = sg_route_new (a->family, a->n_nexthops + b->n_nexthops);

    memcpy (joined, a, sizeof *a + a->n_nexthops * sizeof *a->nexthops);
    for (uint16_t i = 0; i < b->n_nexthops; i++) {
        if (!has_nexthop (a, &b->nexthops[i]))
            joined->nexthops[joined->n_nexthops++] = b->nexthops[i];
    }
    sg_route_sort_nexthops (joined);
    return joined;
}

/* Sorts by slot, then by router preference; of IPv4 routes the kernel's order in a slot stays. */
static int
compare_for_joining (const SgRoute **a, const SgRoute **b)
{
    int order = pref_rank ((*a)->pref) - pref_rank ((*b)->pref);

    if (!sg_route_same_slot (*a, *b))
        order = sg_route_compare (*a, *b);
    else if (order == 0 && (*a)->family == AF_INET6)
        order = sg_route_compare (*a, *b);
    return order;
}

/* Whether both compete for the same packets; the metric decides between them. */
static bool
same_destination (const SgRoute *a, const SgRoute *b)
{
    return sg_prefix_compare (&a->dst, &b->dst) == 0 && sg_prefix_compare (&a->src, &b->src) == 0;
}

/* Replaces routes of one slot that the kernel would join by what it would make of them; those
 * of a lower router preference get the next metric instead, and so does whoever has that
 * already, which keeps the order of all. */
static GPtrArray *
join_routes (GPtrArray *routes)
{
    GPtrArray *result = g_ptr_array_new_with_free_func (g_free);
    const SgRoute *last = NULL; /* of @routes, the last one that may join… */
    SgRoute *made = NULL;       /* …and what became of it: the one at @index of @result */
    guint index = 0;

    g_ptr_array_sort (routes, (GCompareFunc) compare_for_joining);
    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);
        bool joins = may_join (route);

        /* Of a slot IPv4 follows the first. */
        if (i && route->family == AF_INET &&
            sg_route_same_slot (g_ptr_array_index (routes, i - 1), route))
            continue;
        if (joins && last && route->pref == last->pref && sg_route_same_slot (last, route)) {
            g_autofree SgRoute *before = made;

            made = g_ptr_array_index (result, index) = join (before, route);
            continue;
        }
        g_ptr_array_add (result, sg_route_copy (route));
        if (joins) {
            SgRoute *copy = g_ptr_array_index (result, result->len - 1);

            if (last && same_destination (last, route) && copy->metric <= made->metric)
                copy->metric = MIN (made->metric, UINT32_MAX - 1) + 1;
            last = route;
            made = copy;
            index = result->len - 1;
        }
    }
    return result;
}

/* ---- defaults ---- */

static SgRoute *
new_default (const SgGateway *gateway, uint8_t af, const SgIp *via)
{
    SgRoute *route = sg_route_new (af, 1);

    route->protocol = SG_PROTOCOL;
    route->table = gateway->table;
    route->metric = SG_ROUTE_METRIC;
    route->nexthops[0].ifindex = gateway->ifindex;
    /* As ip(8) does it; IPv6 knows no scope. */
    if (via)
        route->nexthops[0].gateway = *via;
    else if (af == AF_INET)
        route->scope = RT_SCOPE_LINK;
    return route;
}

/* Without it an empty or flushed table would fall through to the next rule: a leak. It sits on
 * lo, so it also survives the loss of the link. */
static SgRoute *
new_blackhole (const SgGateway *gateway, uint8_t af)
{
    SgRoute *route = sg_route_new (af, 0);

    route->type = RTN_BLACKHOLE;
    route->protocol = SG_PROTOCOL;
    route->table = gateway->table;
    route->metric = SG_BLACKHOLE_METRIC;
    return route;
}

static bool
has_default (const GPtrArray *routes)
{
    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);

        if (sg_route_is_default (route) && !route->src.len)
            return true;
    }
    return false;
}

static void
add_default (GPtrArray *routes, const SgGateway *gateway, SgFamily family)
{
    bool capable = gateway->capability[family] == SG_CAPABLE;
    uint8_t af = sg_family_af (family);

    if (capable && gateway->wireguard)
        g_ptr_array_add (routes, new_default (gateway, af, NULL));
    else if (capable && !has_default (routes))
        g_ptr_array_add (routes, new_default (gateway, af, &gateway->nm_gateway[family]));
    g_ptr_array_add (routes, new_blackhole (gateway, af));
}

/* ---- which routes of main may belong into which table ---- */

/* On a host with many gateways and routes most pairs of both have nothing to do with each other: they
 * are told apart in one pass. */
typedef struct {
    GPtrArray *shared; /* of SgRoute: not only through gateways */
    GPtrArray *own;    /* of GPtrArray of SgRoute, by the gateway's place in the list */
} Candidates;

static void
candidates_clear (Candidates *candidates)
{
    g_ptr_array_unref (candidates->shared);
    g_ptr_array_unref (candidates->own);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Candidates, candidates_clear)

static bool
is_only_through_gateways (const SgRoute *route, const GArray *gateways)
{
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (!sg_gateways_contain (gateways, route->nexthops[i].ifindex))
            return false;
    }
    return route->n_nexthops > 0;
}

static void
add_candidate (Candidates *candidates, SgRoute *route, const GArray *gateways)
{
    if (!is_only_through_gateways (route, gateways)) {
        g_ptr_array_add (candidates->shared, route);
        return;
    }
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        const SgGateway *gateway = sg_gateways_by_ifindex (gateways, route->nexthops[i].ifindex);
        GPtrArray *own = candidates->own->pdata[gateway - (const SgGateway *) gateways->data];

        if (own->len == 0 || own->pdata[own->len - 1] != route)
            g_ptr_array_add (own, route);
    }
}

static Candidates
sort_routes (const SgSituation *situation)
{
    Candidates candidates = {g_ptr_array_new (),
                             g_ptr_array_new_with_free_func ((GDestroyNotify) g_ptr_array_unref)};
    const SgLink *tunnel = sg_wanted_tunnel_link (situation);

    for (guint i = 0; i < situation->gateways->len; i++)
        g_ptr_array_add (candidates.own, g_ptr_array_new ());
    for (guint i = 0; i < situation->snapshot->routes->len; i++) {
        SgRoute *route = g_ptr_array_index (situation->snapshot->routes, i);

        /* Ours in main are the tunnel's, one per device; here one per subnet will do. And those to
         * name servers, which the default leads to the same way. */
        if (route->family == situation->af && route->table == RT_TABLE_MAIN &&
            route->protocol != SG_PROTOCOL &&
            !(tunnel && sg_wanted_is_beside_address (route, tunnel->ifindex)))
            add_candidate (&candidates, route, situation->gateways);
    }
    return candidates;
}

static void
add_copies (GPtrArray *table, const GPtrArray *routes, const SgGateway *gateway,
            const SgSituation *situation)
{
    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);
        SgRoute *copy = NULL;

        if (!sg_route_is_default (route) || gateway->capability[situation->family] == SG_CAPABLE)
            copy = copy_for (route, gateway, situation->gateways);
        if (copy)
            g_ptr_array_add (table, copy);
    }
}

/* The whole table of the gateway at @place. */
static GPtrArray *
table_of (guint place, const Candidates *candidates, const SgSituation *situation)
{
    const SgGateway *gateway = &g_array_index (situation->gateways, SgGateway, place);
    g_autoptr (GPtrArray) table = g_ptr_array_new_with_free_func (g_free);
    GPtrArray *joined;

    add_copies (table, candidates->own->pdata[place], gateway, situation);
    add_copies (table, candidates->shared, gateway, situation);
    joined = join_routes (table);
    add_default (joined, gateway, situation->family);
    return joined;
}

/* ---- auto's last resort: table default, looked up at 1100 ---- */

static bool
has_default_in (const SgSituation *situation, uint32_t table)
{
    const SgSnapshot *snapshot = situation->snapshot;

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family == situation->af && route->table == table &&
            route->protocol != SG_PROTOCOL && is_way_out (route))
            return true;
    }
    return false;
}

/* The oldest tunnel that somebody called inbound-outbound. No LAN: what main does not have of it, an
 * administrator took out. */
static const SgGateway *
last_resort (const GArray *gateways, SgFamily family)
{
    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);

        if (gateway->wireguard && gateway->type == SG_WG_TYPE_INBOUND_OUTBOUND &&
            gateway->capability[family] == SG_CAPABLE)
            return gateway;
    }
    return NULL;
}

/* Without a choice and without a default in main there would be no IPv6 at all. A default that
 * somebody else has in table default is left to decide. */
static void
add_last_resort (SgWanted *wanted, const SgSituation *situation)
{
    const SgGateway *gateway = last_resort (situation->gateways, situation->family);
    SgRoute *route;

    if (situation->selection || !gateway || has_default_in (situation, RT_TABLE_MAIN) ||
        has_default_in (situation, RT_TABLE_DEFAULT))
        return;
    route = new_default (gateway, situation->af, NULL);
    route->table = RT_TABLE_DEFAULT;
    g_ptr_array_add (wanted->routes, route);
}

void
sg_wanted_add_routes (SgWanted *wanted, const SgSituation *situation)
{
    g_auto (Candidates) candidates = sort_routes (situation);

    for (guint i = 0; i < situation->gateways->len; i++)
        g_ptr_array_extend_and_steal (wanted->routes, table_of (i, &candidates, situation));
    add_last_resort (wanted, situation);
}
