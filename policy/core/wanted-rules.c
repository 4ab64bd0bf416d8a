/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of spec 1.1, one function a preference, in the order in which an apply adds them. */
#include "core/wanted-parts.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "core/contract.h"
#include "core/local-prefixes.h"

static void
add (SgWanted *wanted, SgRule rule)
{
    g_array_append_val (wanted->rules, rule);
}

static SgRule
lookup_by_mark (uint8_t af, uint32_t pref, uint32_t mark, uint32_t table)
{
    SgRule rule = sg_rule_lookup (af, pref, table);

    rule.fwmark = mark;
    rule.fwmask = UINT32_MAX;
    return rule;
}

/* 1000 and 1100: above every rule that NetworkManager makes for a tunnel's ::/0. */
static void
add_main (SgWanted *wanted, uint8_t af)
{
    add (wanted, sg_rule_lookup (af, SG_PREF_MAIN, RT_TABLE_MAIN));
    add (wanted, sg_rule_lookup (af, SG_PREF_DEFAULT, RT_TABLE_DEFAULT));
}

/* 76: the selected gateway is gone, or its table is: fail closed. */
static void
add_selected_end (SgWanted *wanted, uint8_t af)
{
    add (wanted, sg_rule_ours (af, SG_PREF_SELECTED_END, FR_ACT_UNREACHABLE));
}

/* 71: the gateway of an override is gone, or its table is. */
static void
add_overrides_end (SgWanted *wanted, const SgSituation *situation)
{
    const GArray *overrides = situation->state->overrides;

    for (guint i = 0; i < overrides->len; i++) {
        SgRule rule = sg_rule_ours (situation->af, SG_PREF_OVERRIDE_END, FR_ACT_UNREACHABLE);

        rule.src = g_array_index (overrides, SgOverride, i).prefix;
        if (rule.src.ip.family == situation->af)
            add (wanted, rule);
    }
}

/* 70: the choice of a source. */
static void
add_overrides (SgWanted *wanted, const SgSituation *situation)
{
    const GArray *overrides = situation->state->overrides;

    for (guint i = 0; i < overrides->len; i++) {
        const SgOverride *override = &g_array_index (overrides, SgOverride, i);
        const SgGateway *gateway = sg_wanted_override_gateway (override, situation);

        if (gateway && override->prefix.ip.family == situation->af) {
            SgRule rule = sg_rule_lookup (situation->af, SG_PREF_OVERRIDE, gateway->table);

            rule.src = override->prefix;
            add (wanted, rule);
        }
    }
}

/* 50: a marked reply leaves by the gateway that its connection came in by. */
static void
add_marks (SgWanted *wanted, uint8_t af)
{
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);

        add (wanted, lookup_by_mark (af, SG_PREF_MARK, gateway->mark, gateway->table));
    }
}

/* ---- 74: encapsulated packets never enter a tunnel ---- */

/* The default route of main with the smallest metric; of equal ones the first. */
static const SgRoute *
best_default (const SgSituation *situation)
{
    const SgSnapshot *snapshot = situation->snapshot;
    const SgRoute *best = NULL;

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family == situation->af && route->table == RT_TABLE_MAIN &&
            route->type == RTN_UNICAST && sg_route_is_default (route) && !route->src.len &&
            route->n_nexthops && (!best || route->metric < best->metric))
            best = route;
    }
    return best;
}

static bool
is_underlay (const SgGateway *gateway, SgFamily family)
{
    return !gateway->wireguard && gateway->capability[family] == SG_CAPABLE;
}

/* The capable gateway that is no tunnel and has the best default of main; else any capable one
 * that is no tunnel; NULL when there is none. */
static const SgGateway *
best_underlay (const SgSituation *situation)
{
    const SgGateway *best = NULL;
    uint32_t best_metric = UINT32_MAX;

    for (guint i = 0; i < situation->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (situation->gateways, SgGateway, i);

        if (is_underlay (gateway, situation->family) && !best)
            best = gateway;
    }
    for (guint i = 0; i < situation->snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (situation->snapshot->routes, i);

        if (route->family != situation->af || route->table != RT_TABLE_MAIN ||
            route->type != RTN_UNICAST || !sg_route_is_default (route) ||
            route->metric >= best_metric)
            continue;
        for (guint j = 0; j < situation->gateways->len; j++) {
            const SgGateway *gateway = &g_array_index (situation->gateways, SgGateway, j);

            if (is_underlay (gateway, situation->family) &&
                sg_route_uses (route, gateway->ifindex)) {
                best = gateway;
                best_metric = route->metric;
            }
        }
    }
    return best;
}

static bool
is_through_tunnel (const SgRoute *route, const SgSnapshot *snapshot)
{
    return route->n_nexthops && sg_snapshot_wireguard (snapshot, route->nexthops[0].ifindex);
}

/* Whether main leads strangers out, and not into a WireGuard link: neither by its best default,
 * nor by one in pieces, which is longer than any default. */
static bool
leads_main_out (const SgSituation *situation)
{
    const SgSnapshot *snapshot = situation->snapshot;
    const SgRoute *best = best_default (situation);

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family == situation->af && route->table == RT_TABLE_MAIN &&
            sg_route_is_default_in_disguise (route) && is_through_tunnel (route, snapshot))
            return false;
    }
    return best && !is_through_tunnel (best, snapshot);
}

/* Without a route in main the packet would go on to 75: into the tunnel. */
static uint32_t
transport_table (const SgSituation *situation)
{
    const SgGateway *underlay = leads_main_out (situation) ? NULL : best_underlay (situation);

    return underlay ? underlay->table : RT_TABLE_MAIN;
}

/* Every WireGuard link counts, also those of others; each as it will be after the apply. */
static uint32_t
fwmark_to_be (const SgWireguard *wireguard, const SgSituation *situation)
{
    for (guint i = 0; i < situation->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (situation->gateways, SgGateway, i);

        if (gateway->ifindex == wireguard->ifindex)
            return gateway->fwmark;
    }
    return wireguard->fwmark;
}

static void
add_transport (SgWanted *wanted, const SgSituation *situation)
{
    const GArray *wireguards = situation->snapshot->wireguards;
    g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
    uint32_t table = transport_table (situation);

    for (guint i = 0; i < wireguards->len; i++) {
        uint32_t fwmark = fwmark_to_be (&g_array_index (wireguards, SgWireguard, i), situation);

        if (fwmark && g_hash_table_add (seen, GUINT_TO_POINTER (fwmark)))
            add (wanted, lookup_by_mark (situation->af, SG_PREF_TRANSPORT, fwmark, table));
    }
}

/* ---- 64 and 65: LAN, containers and other specific routes stay reachable, live ---- */

uint8_t
sg_wanted_suppress_len (uint8_t af)
{
    return af == AF_INET6 ? SG_SPECIFIC_SUPPRESS : SG_SPECIFIC_SUPPRESS4;
}

/* 65 does not follow routes this short; a router advertisement could inject one (RFC 4191). A
 * default in disguise is no specific route either. */
static bool
is_short_and_static (const SgRoute *route, const SgSituation *situation)
{
    return route->family == situation->af && route->table == RT_TABLE_MAIN &&
           !sg_route_is_default (route) && !sg_route_is_default_in_disguise (route) &&
           route->dst.len <= sg_wanted_suppress_len (situation->af) &&
           !sg_route_is_learned (route, situation->snapshot);
}

static bool
has_rule (const SgWanted *wanted, const SgRule *rule)
{
    for (guint i = 0; i < wanted->rules->len; i++) {
        if (sg_rule_compare (&g_array_index (wanted->rules, SgRule, i), rule) == 0)
            return true;
    }
    return false;
}

static void
add_specific (SgWanted *wanted, const SgSituation *situation)
{
    const GPtrArray *routes = situation->snapshot->routes;
    SgRule rule = sg_rule_lookup (situation->af, SG_PREF_SPECIFIC, RT_TABLE_MAIN);

    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);
        SgRule to = sg_rule_lookup (situation->af, SG_PREF_TO_MAIN, RT_TABLE_MAIN);

        to.dst = route->dst;
        if (is_short_and_static (route, situation) && !has_rule (wanted, &to))
            add (wanted, to);
    }
    rule.suppress_prefixlen = sg_wanted_suppress_len (situation->af);
    add (wanted, rule);
}

/* ---- 60: replies that the host itself makes are routed before any hook can mark them ---- */

static void
add_addresses (SgWanted *wanted, const SgSituation *situation)
{
    const SgSnapshot *snapshot = situation->snapshot;

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        SgRule rule =
            sg_rule_lookup (situation->af, SG_PREF_FROM, SG_TABLE_BASE + address->ifindex);

        if (address->ip.family != situation->af || sg_ip_is_link_local (&address->ip) ||
            !sg_gateways_contain (wanted->gateways, address->ifindex))
            continue;
        rule.src = sg_prefix_host (&address->ip);
        add (wanted, rule);
    }
}

/* ---- foreign rules ---- */

static bool
is_pref_of_ours (uint32_t pref)
{
    static const uint32_t prefs[] = {SG_PREF_MARK,     SG_PREF_FROM,         SG_PREF_TO_MAIN,
                                     SG_PREF_SPECIFIC, SG_PREF_NOT_INJECTED, SG_PREF_INJECTED,
                                     SG_PREF_OVERRIDE, SG_PREF_OVERRIDE_END, SG_PREF_TRANSPORT,
                                     SG_PREF_SELECTED, SG_PREF_SELECTED_END, SG_PREF_MAIN,
                                     SG_PREF_DEFAULT};

    for (size_t i = 0; i < G_N_ELEMENTS (prefs); i++) {
        if (pref == prefs[i])
            return true;
    }
    return false;
}

static void
warn_of_foreign (SgWanted *wanted, const SgSituation *situation)
{
    const SgSnapshot *snapshot = situation->snapshot;

    for (guint i = 0; i < snapshot->rules->len; i++) {
        const SgRule *rule = &g_array_index (snapshot->rules, SgRule, i);
        g_autoptr (GString) text = g_string_new (NULL);
        const char *what;

        if (rule->family != situation->af || rule->protocol == SG_PROTOCOL)
            continue;
        if (is_pref_of_ours (rule->pref))
            what = "stands at a preference of ours and is left alone; it may decide before ours";
        else if (rule->pref > SG_PREF_MAIN && rule->pref < SG_PREF_KERNEL_MAIN &&
                 !sg_rule_is_networkmanagers (rule))
            what = "never decides while main has a default route: 1000 comes first; move it below "
                   "50 if it is to decide";
        else
            continue;
        sg_rule_print (rule, text);
        g_ptr_array_add (wanted->warnings,
                         g_strdup_printf ("the foreign %srule “%s” %s",
                                          situation->family == SG_IPV4 ? "IPv4 " : "", text->str,
                                          what));
    }
}

void
sg_wanted_add_rules (SgWanted *wanted, const SgSituation *situation)
{
    add_main (wanted, situation->af);
    if (situation->selection)
        add_selected_end (wanted, situation->af);
    add_overrides_end (wanted, situation);
    add_marks (wanted, situation->af);
    if (situation->selection) {
        add_transport (wanted, situation);
        sg_wanted_add_injected (wanted, situation);
    }
    if (situation->guarded)
        add_specific (wanted, situation);
    add_addresses (wanted, situation);
    add_overrides (wanted, situation);
    if (situation->selected)
        add (wanted, sg_rule_lookup (situation->af, SG_PREF_SELECTED, situation->selected->table));
    warn_of_foreign (wanted, situation);
}
