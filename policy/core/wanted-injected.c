/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes that a router advertisement injected (RFC 4191, or a prefix announced after the outbound
 * was chosen) and that are long enough for 65 to follow: what goes there belongs to the selected
 * outbound like everything else. The guard would refuse it on the LAN anyway; these rules make it
 * work. What is truly local and more specific is excepted, and so are encapsulated packets: their
 * way is decided at 74. */
#include "core/wanted-parts.h"

#include <string.h>

#include "core/contract.h"
#include "core/local-prefixes.h"

/* Whether @prefix is local to the interface, in part or as a whole. */
static bool
is_local (uint32_t ifindex, const SgPrefix *prefix, const GArray *local)
{
    for (guint i = 0; i < local->len; i++) {
        const SgLocalPrefix *entry = &g_array_index (local, SgLocalPrefix, i);

        if (entry->ifindex == ifindex && sg_prefix_covers (&entry->prefix, prefix))
            return true;
    }
    return false;
}

/* A host route to an address of our own, as DHCPv6 brings it: table local comes first. */
static bool
is_own_address (const SgRoute *route, const SgSnapshot *snapshot)
{
    if (route->dst.len < sg_family_bits (route->family))
        return false;
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        if (sg_ip_compare (&g_array_index (snapshot->addresses, SgAddress, i).ip, &route->dst.ip) ==
            0)
            return true;
    }
    return false;
}

/* Whether the packet would be refused if it followed the route to that hop. */
static bool
is_refused_hop (const SgNexthop *hop, const SgRoute *route, const SgSituation *situation)
{
    const SgLink *link = sg_snapshot_link (situation->snapshot, hop->ifindex);

    return link && hop->ifindex != situation->selected->ifindex &&
           !sg_wanted_is_exempt (link, situation) &&
           !is_local (hop->ifindex, &route->dst, situation->local);
}

static bool
is_injected (const SgRoute *route, const SgSituation *situation)
{
    if (route->family != situation->af || route->table != RT_TABLE_MAIN ||
        route->type != RTN_UNICAST || route->dst.len <= sg_wanted_suppress_len (situation->af) ||
        sg_ip_is_link_local (&route->dst.ip) || sg_ip_is_multicast (&route->dst.ip) ||
        !sg_route_is_learned (route, situation->snapshot) ||
        is_own_address (route, situation->snapshot))
        return false;
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (is_refused_hop (&route->nexthops[i], route, situation))
            return true;
    }
    return false;
}

static bool
contains (const GArray *prefixes, const SgPrefix *prefix)
{
    for (guint i = 0; i < prefixes->len; i++) {
        if (sg_prefix_compare (&g_array_index (prefixes, SgPrefix, i), prefix) == 0)
            return true;
    }
    return false;
}

/* The destinations of injected routes, each once, at most SG_INJECTED_MAX. */
static GArray *
find_injected (const SgSituation *situation, GPtrArray *warnings)
{
    const GPtrArray *routes = situation->snapshot->routes;
    GArray *prefixes =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));

    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);

        if (!is_injected (route, situation) || contains (prefixes, &route->dst))
            continue;
        if (prefixes->len == SG_INJECTED_MAX) {
            g_ptr_array_add (warnings, g_strdup_printf ("%s more than %u routes; what "
                                                        "goes to the others is refused",
                                                        situation->family == SG_IPV6
                                                            ? "router advertisements inject"
                                                            : "DHCP injects",
                                                        SG_INJECTED_MAX));
            break;
        }
        g_array_append_val (prefixes, route->dst);
    }
    return prefixes;
}

/* ---- rules ---- */

static void
add (SgWanted *wanted, SgRule rule)
{
    g_array_append_val (wanted->rules, rule);
}

/* Encapsulated packets go where 74 sends them, whatever is injected for the server's address. */
static void
except_transport (SgWanted *wanted)
{
    guint n = wanted->rules->len;

    for (guint i = 0; i < n; i++) {
        SgRule rule = g_array_index (wanted->rules, SgRule, i);

        if (rule.pref == SG_PREF_TRANSPORT) {
            rule.pref = SG_PREF_NOT_INJECTED;
            add (wanted, rule);
        }
    }
}

static bool
is_covered (const SgPrefix *prefix, const GArray *prefixes)
{
    for (guint i = 0; i < prefixes->len; i++) {
        if (sg_prefix_covers (&g_array_index (prefixes, SgPrefix, i), prefix))
            return true;
    }
    return false;
}

/* A LAN, a container, a static route inside an injected prefix stays what it is. */
static void
except_specific (SgWanted *wanted, const SgSituation *situation, const GArray *prefixes)
{
    const GPtrArray *routes = situation->snapshot->routes;
    g_autoptr (GArray) seen =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));

    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);
        SgRule rule = sg_rule_lookup (situation->af, SG_PREF_NOT_INJECTED, RT_TABLE_MAIN);

        if (route->family != situation->af || route->table != RT_TABLE_MAIN ||
            sg_route_is_to_server (route) || !is_covered (&route->dst, prefixes) ||
            contains (seen, &route->dst) || is_injected (route, situation))
            continue;
        g_array_append_val (seen, route->dst);
        rule.dst = route->dst;
        add (wanted, rule);
    }
}

void
sg_wanted_add_injected (SgWanted *wanted, const SgSituation *situation)
{
    g_autoptr (GArray) prefixes = NULL;

    if (!situation->selected)
        return;
    prefixes = find_injected (situation, wanted->warnings);
    if (!prefixes->len)
        return;
    except_transport (wanted);
    except_specific (wanted, situation, prefixes);
    for (guint i = 0; i < prefixes->len; i++) {
        SgRule rule = sg_rule_lookup (situation->af, SG_PREF_INJECTED, situation->selected->table);

        rule.dst = g_array_index (prefixes, SgPrefix, i);
        add (wanted, rule);
    }
}
