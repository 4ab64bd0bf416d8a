/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in the sets and maps of our nftables ruleset (spec 1.3 and 1.4). */
#include "core/wanted-parts.h"

#include <string.h>

#include "core/contract.h"
#include "core/local-prefixes.h"
#include "core/ruleset.h"

/* ---- elements ---- */

static SgNftElement *
add_element (SgNftTable *table, const char *set_name)
{
    GArray *elements = sg_nft_table_find_set (table, set_name)->elements;

    g_array_set_size (elements, elements->len + 1);
    return &g_array_index (elements, SgNftElement, elements->len - 1);
}

static void
add_number (SgNftTable *table, const char *set_name, uint32_t number)
{
    memcpy (add_element (table, set_name)->key, &number, sizeof number);
}

static void
add_mapping (SgNftTable *table, const char *map_name, uint32_t key, uint32_t data)
{
    SgNftElement *element = add_element (table, map_name);

    memcpy (element->key, &key, sizeof key);
    element->data = data;
}

static void
add_two_numbers (SgNftTable *table, const char *set_name, uint32_t first, uint32_t second)
{
    SgNftElement *element = add_element (table, set_name);

    memcpy (element->key, &first, sizeof first);
    memcpy (element->key + sizeof first, &second, sizeof second);
}

static void
add_interface_address (SgNftTable *table, const char *set_name, uint32_t ifindex, const SgIp *ip)
{
    SgNftElement *element = add_element (table, set_name);

    memcpy (element->key, &ifindex, sizeof ifindex);
    memcpy (element->key + sizeof ifindex, ip->bytes, sizeof ip->bytes);
}

/* In sets with intervals the interface index is in network order. */
static void
add_interfaces_prefix (SgNftTable *table, const char *set_name, const uint32_t range[2],
                       const SgPrefix *prefix)
{
    SgNftElement *element = add_element (table, set_name);
    SgIp last = sg_prefix_last (prefix);
    uint32_t from = GUINT32_TO_BE (range[0]), to = GUINT32_TO_BE (range[1]);

    memcpy (element->key, &from, sizeof from);
    memcpy (element->key + sizeof from, prefix->ip.bytes, sizeof prefix->ip.bytes);
    memcpy (element->key_end, &to, sizeof to);
    memcpy (element->key_end + sizeof to, last.bytes, sizeof last.bytes);
}

static void
add_interface_prefix (SgNftTable *table, const char *set_name, uint32_t ifindex,
                      const SgPrefix *prefix)
{
    add_interfaces_prefix (table, set_name, (uint32_t[]) {ifindex, ifindex}, prefix);
}

/* ---- interfaces that are known not to be gateways ---- */

static bool
is_one_of (const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp (word, words[i]) == 0)
            return true;
    }
    return false;
}

static bool
carries_default (const SgSituation *situation, uint32_t ifindex)
{
    const SgSnapshot *snapshot = situation->snapshot;

    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family == situation->af && route->table == RT_TABLE_MAIN &&
            (sg_route_is_default (route) || sg_route_is_default_in_disguise (route)) &&
            sg_route_uses (route, ifindex))
            return true;
    }
    return false;
}

/* While NetworkManager says nothing, what was exempt stays so. */
static bool
is_exempt_now (const SgSituation *situation, uint32_t ifindex)
{
    const SgNftTable *table = situation->snapshot->nft[situation->family];
    const SgNftSet *set = table ? sg_nft_table_find_set (table, SG_SET_EXEMPT) : NULL;

    for (guint i = 0; set && i < set->elements->len; i++) {
        if (memcmp (g_array_index (set->elements, SgNftElement, i).key, &ifindex, sizeof ifindex) ==
            0)
            return true;
    }
    return false;
}

/* A tunnel that NetworkManager does not manage is another VPN's own business, unless it is the
 * way to the Internet. */
static bool
is_unmanaged_tunnel (const SgLink *link, const SgSituation *situation)
{
    static const char *const kinds[] = {"wireguard", "tun",    "sit", "ipip", "ip6tnl",
                                        "gre",       "ip6gre", "vti", "vti6", "xfrm"};
    const SgSnapshot *snapshot = situation->snapshot;
    const SgDevice *device;

    if (!is_one_of (link->kind, kinds, G_N_ELEMENTS (kinds)) ||
        carries_default (situation, link->ifindex))
        return false;
    if (snapshot->nm != SG_NM_READY)
        return is_exempt_now (situation, link->ifindex);
    device = sg_snapshot_device (snapshot, link->name);
    return !device || !device->managed || device->external;
}

/* Not a link of somebody else that happens to have the name. */
static bool
is_tunnels_own (const SgLink *link, const SgSituation *situation)
{
    return strcmp (link->name, situation->config->tunnel_interface) == 0 &&
           (!situation->tunnel || sg_wanted_tunnel_link (situation));
}

bool
sg_wanted_is_exempt (const SgLink *link, const SgSituation *situation)
{
    static const char *const inner_kinds[] = {"bridge", "dummy", "ifb", "nlmon"};

    if (sg_gateways_contain (situation->gateways, link->ifindex))
        return false;
    return (link->flags & IFF_LOOPBACK) || is_tunnels_own (link, situation) ||
           is_one_of (link->kind, inner_kinds, G_N_ELEMENTS (inner_kinds)) ||
           is_unmanaged_tunnel (link, situation);
}

/* ---- sets ---- */

/* Marks that the kernel still holds: they were a gateway's, whatever became of our memory. */
static void
keep_marks (SgNftTable *table, const SgSituation *situation)
{
    const SgNftTable *have = situation->snapshot->nft[situation->family];
    const SgNftSet *set = have ? sg_nft_table_find_set (have, SG_SET_GATEWAY_MARKS) : NULL;
    SgNftSet *marks = sg_nft_table_find_set (table, SG_SET_GATEWAY_MARKS);

    if (set && sg_nft_set_same_definition (set, marks))
        g_array_append_vals (marks->elements, set->elements->data, set->elements->len);
}

static void
add_gateways (SgNftTable *table, const SgSituation *situation)
{
    for (guint i = 0; i < situation->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (situation->gateways, SgGateway, i);

        add_mapping (table, SG_MAP_GATEWAY_MARK, gateway->ifindex, gateway->mark);
        add_number (table, SG_SET_GATEWAY_MARKS, gateway->mark);
        add_two_numbers (table, SG_SET_REPLY_OK, gateway->mark, gateway->ifindex);
        add_number (table, SG_SET_GATEWAYS, gateway->ifindex);
    }
    for (guint i = 0; i < situation->memory->marks->len; i++)
        add_number (table, SG_SET_GATEWAY_MARKS,
                    g_array_index (situation->memory->marks, uint32_t, i));
    keep_marks (table, situation);
}

/* By which gateway who may leave. */
static void
add_choices (SgNftTable *table, const SgSituation *situation)
{
    /* All that an interface index can be (an int): nft takes no larger one, and the plan is printed. */
    static const uint32_t any[2] = {0, INT32_MAX};
    const SgPrefix everything = sg_prefix_any (situation->af);
    const GArray *overrides = situation->state->overrides;

    if (situation->selected)
        add_number (table, SG_SET_SELECTED, situation->selected->ifindex);
    if (!situation->selection)
        add_interfaces_prefix (table, SG_SET_UNSELECTED, any, &everything);
    for (guint i = 0; i < overrides->len; i++) {
        const SgOverride *override = &g_array_index (overrides, SgOverride, i);
        const SgGateway *gateway = sg_wanted_override_gateway (override, situation);

        if (override->prefix.ip.family != situation->af)
            continue;
        add_interfaces_prefix (table, SG_SET_OVERRIDES, any, &override->prefix);
        if (gateway)
            add_interface_prefix (table, SG_SET_OVERRIDE_WAYS, gateway->ifindex, &override->prefix);
    }
}

static void
add_addresses (SgNftTable *table, const SgSituation *situation)
{
    const GArray *addresses = situation->snapshot->addresses;

    for (guint i = 0; i < addresses->len; i++) {
        const SgAddress *address = &g_array_index (addresses, SgAddress, i);

        if (address->ip.family != situation->af || sg_ip_is_link_local (&address->ip) ||
            !sg_gateways_contain (situation->gateways, address->ifindex))
            continue;
        memcpy (add_element (table, SG_SET_GATEWAY_ADDRESSES)->key, address->ip.bytes,
                sizeof address->ip.bytes);
        add_interface_address (table, SG_SET_OWN_ADDRESSES, address->ifindex, &address->ip);
    }
}

static void
add_interfaces (SgNftTable *table, const SgSituation *situation)
{
    const SgSnapshot *snapshot = situation->snapshot;
    const GArray *local = situation->local;

    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);

        if (sg_wanted_is_exempt (link, situation))
            add_number (table, SG_SET_EXEMPT, link->ifindex);
    }
    for (guint i = 0; i < local->len; i++) {
        const SgLocalPrefix *entry = &g_array_index (local, SgLocalPrefix, i);
        const SgLink *link = sg_snapshot_link (snapshot, entry->ifindex);

        if (link && !sg_wanted_is_exempt (link, situation))
            add_interface_prefix (table, SG_SET_LOCAL_PREFIXES, entry->ifindex, &entry->prefix);
    }
}

/* The fwmarks that encapsulated packets have now, and will have after the apply. */
static void
add_transport_marks (SgNftTable *table, const SgWanted *wanted, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->wireguards->len; i++) {
        uint32_t fwmark = g_array_index (snapshot->wireguards, SgWireguard, i).fwmark;

        if (fwmark)
            add_number (table, SG_SET_TRANSPORT_MARKS, fwmark);
    }
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);

        if (gateway->wireguard)
            add_number (table, SG_SET_TRANSPORT_MARKS, gateway->fwmark);
    }
}

void
sg_wanted_add_guard (SgWanted *wanted, const SgSituation *situation)
{
    SgNftTable *table = wanted->nft[situation->family];
    bool tunnel = situation->tunnel && situation->family == SG_IPV6;
    unsigned parts = (situation->guarded ? SG_RULESET_GUARD : 0) | (tunnel ? SG_RULESET_TUNNEL : 0);

    table->exists = true;
    sg_ruleset_add_sets (table, parts);
    sg_ruleset_add_chains (table, parts);
    add_gateways (table, situation);
    add_choices (table, situation);
    add_addresses (table, situation);
    add_interfaces (table, situation);
    add_transport_marks (table, wanted, situation->snapshot);
    if (tunnel)
        sg_wanted_add_tunnel_sets (table, situation);
    for (guint i = 0; i < table->sets->len; i++)
        sg_nft_set_normalise (g_ptr_array_index (table->sets, i));
}
