/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/fib.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <string.h>

/* What the kernel gives multicast routes (IP6_RT_PRIO_ADDRCONF, net/ip6_route.h). */
#define MULTICAST_METRIC 256u

/* ---- table local, which a snapshot does not hold ---- */

static SgRoute *
new_local (uint8_t type, const SgPrefix *dst, uint32_t ifindex)
{
    SgRoute *route = sg_route_new (AF_INET6, 1);

    route->type = type;
    route->protocol = RTPROT_KERNEL;
    route->table = RT_TABLE_LOCAL;
    route->dst = *dst;
    route->nexthops[0].ifindex = ifindex;
    return route;
}

/* Every address that is not on trial, and multicast on every interface (net/ipv6/addrconf.c,
 * addrconf_add_mroute); the anycast addresses of a router are left out. */
static GPtrArray *
local_table (const SgSnapshot *snapshot)
{
    static const SgPrefix multicast = {{AF_INET6, {0xff}}, 8};
    GPtrArray *routes = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        bool on_trial = (address->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
                        !(address->flags & IFA_F_OPTIMISTIC);
        SgPrefix host = sg_prefix_host (&address->ip);

        if (address->ip.family == AF_INET6 && !on_trial)
            g_ptr_array_add (routes, new_local (RTN_LOCAL, &host, address->ifindex));
    }
    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);
        SgRoute *route;

        if (!(link->flags & IFF_UP) || (link->flags & IFF_LOOPBACK))
            continue;
        route = new_local (RTN_MULTICAST, &multicast, link->ifindex);
        route->metric = MULTICAST_METRIC;
        g_ptr_array_add (routes, route);
    }
    return routes;
}

/* ---- a table (net/ipv6/route.c, fib6_table_lookup) ---- */

/* rt6_need_strict() in net/ipv6/route.c */
static bool
stays_on_link (const SgIp *ip)
{
    return sg_ip_is_link_local (ip) || sg_ip_is_multicast (ip) || sg_ip_is_loopback (ip);
}

/* Sockets bound to a device take no other, nor does what came in for such a destination. */
static bool
is_strict (const SgFlow *flow)
{
    return flow->bound || (flow->iif && stays_on_link (&flow->dst));
}

static uint32_t
preferred_device (const SgFlow *flow)
{
    return flow->bound ? flow->bound : flow->iif;
}

/* A blackhole and its like are on lo. */
static bool
leads_by (const SgRoute *route, uint32_t ifindex)
{
    return ifindex == 0 || sg_route_uses (route, ifindex);
}

static bool
route_matches (const SgRoute *route, uint32_t table, const SgFlow *flow)
{
    static const SgIp none = {AF_INET6, {0}};

    return route->family == AF_INET6 && route->table == table &&
           sg_prefix_contains (&route->dst, &flow->dst) &&
           (!route->src.len ||
            sg_prefix_contains (&route->src, flow->src.family ? &flow->src : &none)) &&
           (!is_strict (flow) || leads_by (route, preferred_device (flow)));
}

/* The kernel's score among routes of one prefix and metric: router preference (RFC 4191: high 1,
 * medium 0, low 3), then the device asked for. */
static int
score (const SgRoute *route, const SgFlow *flow)
{
    int preference = route->pref == 1 ? 2 : route->pref == 0 ? 1 : 0;

    return preference * 2 + leads_by (route, preferred_device (flow));
}

static bool
is_better (const SgRoute *route, const SgRoute *best, const SgFlow *flow)
{
    if (route->dst.len != best->dst.len)
        return route->dst.len > best->dst.len;
    if (route->src.len != best->src.len)
        return route->src.len > best->src.len;
    if (route->metric != best->metric)
        return route->metric < best->metric;
    return score (route, flow) > score (best, flow);
}

static const SgRoute *
best_of (const GPtrArray *routes, uint32_t table, const SgFlow *flow)
{
    const SgRoute *best = NULL;

    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);

        if (route_matches (route, table, flow) && (!best || is_better (route, best, flow)))
            best = route;
    }
    return best;
}

/* ---- rules (net/core/fib_rules.c, net/ipv6/fib6_rules.c) ---- */

static bool
device_matches (const SgSnapshot *snapshot, const char *name, uint32_t ifindex)
{
    const SgLink *link;

    if (!name[0])
        return true;
    link = sg_snapshot_link_by_name (snapshot, name);
    return link && link->ifindex == ifindex;
}

/* What the host itself sends comes in by lo, the kernel says. */
static uint32_t
incoming (const SgSnapshot *snapshot, const SgFlow *flow)
{
    for (guint i = 0; !flow->iif && i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);

        if (link->flags & IFF_LOOPBACK)
            return link->ifindex;
    }
    return flow->iif;
}

static bool
source_matches (const SgRule *rule, const SgFlow *flow)
{
    return !rule->src.len || (flow->src.family && sg_prefix_contains (&rule->src, &flow->src));
}

bool
sg_fib_rule_matches (const SgSnapshot *snapshot, const SgRule *rule, const SgFlow *flow,
                     const char **ret_selector)
{
    const char *selector = NULL;

    if (!device_matches (snapshot, rule->iif, incoming (snapshot, flow)))
        selector = "iif";
    else if (!device_matches (snapshot, rule->oif, flow->bound))
        selector = "oif";
    else if ((rule->fwmark ^ flow->mark) & rule->fwmask)
        selector = "fwmark";
    else if (rule->dst.len && !sg_prefix_contains (&rule->dst, &flow->dst))
        selector = "to";
    else if (!source_matches (rule, flow))
        selector = "from";
    else if (rule->tos)
        selector = "tos";
    if (rule->flags & FIB_RULE_INVERT)
        selector = selector ? NULL : "not";
    if (ret_selector)
        *ret_selector = selector;
    return !selector;
}

static bool
fate_of_action (const SgRule *rule, SgFate *ret_fate)
{
    switch (rule->action) {
    case FR_ACT_UNREACHABLE:
        *ret_fate = SG_FATE_UNREACHABLE;
        return true;
    case FR_ACT_BLACKHOLE:
        *ret_fate = SG_FATE_BLACKHOLE;
        return true;
    case FR_ACT_PROHIBIT:
        *ret_fate = SG_FATE_PROHIBITED;
        return true;
    default:
        return false;
    }
}

/* Multicast that came in is for whoever listens here. */
static SgFate
fate_of_type (uint8_t type, const SgFlow *flow)
{
    switch (type) {
    case RTN_MULTICAST:
        return flow->iif ? SG_FATE_LOCAL : SG_FATE_LEAVES;
    case RTN_LOCAL:
    case RTN_ANYCAST:
        return SG_FATE_LOCAL;
    case RTN_UNREACHABLE:
        return SG_FATE_UNREACHABLE;
    case RTN_BLACKHOLE:
        return SG_FATE_BLACKHOLE;
    case RTN_PROHIBIT:
        return SG_FATE_PROHIBITED;
    default:
        return SG_FATE_LEAVES;
    }
}

/* One rule that matches. */
static SgRuleFate
follow (const SgSnapshot *snapshot, const SgFlow *flow, SgFibResult *result, SgFibStep *step)
{
    const SgRule *rule = step->rule;

    if (fate_of_action (rule, &result->fate))
        return SG_RULE_DECIDES;
    if (rule->action != FR_ACT_TO_TBL)
        return SG_RULE_UNCLEAR;
    step->route = best_of (rule->table == RT_TABLE_LOCAL ? result->local : snapshot->routes,
                           rule->table, flow);
    if (!step->route)
        return SG_RULE_NO_ROUTE;
    if (rule->suppress_prefixlen >= 0 && step->route->dst.len <= rule->suppress_prefixlen)
        return SG_RULE_SUPPRESSED;
    if (step->route->type == RTN_THROW)
        return SG_RULE_THROWN;
    result->route = step->route;
    result->fate = fate_of_type (step->route->type, flow);
    return SG_RULE_DECIDES;
}

SgFibResult *
sg_fib_lookup (const SgSnapshot *snapshot, const SgFlow *flow)
{
    SgFibResult *result = g_new0 (SgFibResult, 1);

    result->fate = SG_FATE_NO_ROUTE;
    result->local = local_table (snapshot);
    result->steps =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgFibStep));
    for (guint i = 0; i < snapshot->rules->len && !result->rule; i++) {
        SgFibStep step = {.rule = &g_array_index (snapshot->rules, SgRule, i)};

        if (step.rule->family != AF_INET6)
            continue;
        if (!sg_fib_rule_matches (snapshot, step.rule, flow, &step.selector))
            step.fate = SG_RULE_NO_MATCH;
        else if (step.rule->other)
            step.fate = SG_RULE_UNCLEAR;
        else
            step.fate = follow (snapshot, flow, result, &step);
        if (step.fate == SG_RULE_DECIDES)
            result->rule = step.rule;
        g_array_append_val (result->steps, step);
    }
    return result;
}

void
sg_fib_result_free (SgFibResult *result)
{
    if (!result)
        return;
    g_array_unref (result->steps);
    g_ptr_array_unref (result->local);
    g_free (result);
}

int
sg_fib_errno (const SgFibResult *result)
{
    switch (result->fate) {
    case SG_FATE_UNREACHABLE:
        return result->route ? EHOSTUNREACH : ENETUNREACH;
    case SG_FATE_BLACKHOLE:
        return EINVAL;
    case SG_FATE_PROHIBITED:
        return EACCES;
    case SG_FATE_NO_ROUTE:
        return ENETUNREACH;
    case SG_FATE_LEAVES:
    case SG_FATE_LOCAL:
    case SG_FATE_N:
        break;
    }
    return 0;
}
