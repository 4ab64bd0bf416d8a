/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/gateway.h"

#include <linux/if_addr.h>
#include <string.h>

#include "core/contract.h"

/* ---- which interfaces ---- */

static bool
is_port (const SgLink *link, const SgSnapshot *snapshot)
{
    static const char *const port_masters[] = {"bridge", "bond", "team", "openvswitch"};
    const SgLink *master = link->master ? sg_snapshot_link (snapshot, link->master) : NULL;

    for (size_t i = 0; master && i < G_N_ELEMENTS (port_masters); i++) {
        if (strcmp (master->kind, port_masters[i]) == 0)
            return true;
    }
    return false;
}

static bool
can_be_gateway (const SgLink *link, const SgConfig *config, const SgSnapshot *snapshot)
{
    return !(link->flags & IFF_LOOPBACK) && strcmp (link->kind, "bridge") != 0 &&
           strcmp (link->kind, "dummy") != 0 &&
           strcmp (link->name, config->tunnel_interface) != 0 && !is_port (link, snapshot);
}

static SgGateway
new_gateway (const SgLink *link, const SgDevice *device, const SgSnapshot *snapshot)
{
    const SgWireguard *wireguard = sg_snapshot_wireguard (snapshot, link->ifindex);
    SgGateway gateway = {
        .ifindex = link->ifindex,
        .table = SG_TABLE_BASE + link->ifindex,
        .mark = SG_TABLE_BASE + link->ifindex,
        .wireguard = wireguard != NULL,
        .type = device->typed ? device->type : SG_WG_TYPE_OUTBOUND_ONLY,
        .dns = device->dns,
        .dns_search = device->dns_search,
    };

    memcpy (gateway.name, link->name, sizeof gateway.name);
    memcpy (gateway.nm_gateway, device->gateway, sizeof gateway.nm_gateway);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++)
        gateway.capability[family] = SG_NO_ADDRESS;
    if (wireguard) {
        const SgWireguardProfile *profile = sg_snapshot_profile (snapshot, link->name);
        uint32_t said = profile ? profile->fwmark : 0;

        gateway.fwmark = wireguard->fwmark ? wireguard->fwmark : said ? said : SG_WG_FWMARK;
    }
    return gateway;
}

static GHashTable *
index_links (const SgSnapshot *snapshot)
{
    GHashTable *links = g_hash_table_new (g_str_hash, g_str_equal);

    for (guint i = 0; i < snapshot->links->len; i++) {
        SgLink *link = &g_array_index (snapshot->links, SgLink, i);

        g_hash_table_insert (links, link->name, link);
    }
    return links;
}

static int
compare_gateways (const SgGateway *a, const SgGateway *b)
{
    return (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

static SgGateway *
find (const GArray *gateways, uint32_t ifindex)
{
    SgGateway key = {.ifindex = ifindex};
    guint index;

    if (!g_array_binary_search ((GArray *) gateways, &key, (GCompareFunc) compare_gateways, &index))
        return NULL;
    return &g_array_index (gateways, SgGateway, index);
}

/* The device as it is, with what its profile was known to say. */
static SgDevice
with_known_type (const SgDevice *device, const SgMemory *memory)
{
    SgDevice result = *device;

    for (guint i = 0; i < memory->gateways->len && !result.typed; i++) {
        const SgDevice *old = &g_array_index (memory->gateways, SgRemembered, i).device;

        if (old->typed && old->uuid[0] && strcmp (old->uuid, device->uuid) == 0) {
            result.typed = true;
            result.type = old->type;
            result.dns = old->dns;
            result.dns_search = old->dns_search;
        }
    }
    return result;
}

/* What NetworkManager does not list while it is absent or starting may come back. */
static void
add_remembered (GArray *gateways, const SgConfig *config, const SgMemory *memory,
                const SgSnapshot *snapshot)
{
    guint known = gateways->len;

    for (guint i = 0; i < memory->gateways->len; i++) {
        const SgRemembered *remembered = &g_array_index (memory->gateways, SgRemembered, i);
        const SgLink *link = sg_snapshot_link (snapshot, remembered->ifindex);
        bool listed = false;

        for (guint j = 0; j < known && !listed; j++)
            listed = g_array_index (gateways, SgGateway, j).ifindex == remembered->ifindex;
        if (!listed && link && strcmp (link->name, remembered->device.name) == 0 &&
            can_be_gateway (link, config, snapshot)) {
            SgGateway gateway = new_gateway (link, &remembered->device, snapshot);

            g_array_append_val (gateways, gateway);
        }
    }
}

/* ---- whether each can carry a family ---- */

/* A tentative address counts: its rule has to be there before its first packet. A unique local
 * one of IPv6 counts on WireGuard only, where the far end may translate it; of IPv4 every router
 * translates. */
static bool
is_usable_address (const SgAddress *address, const SgGateway *gateway, SgFamily family)
{
    return address->ip.family == sg_family_af (family) && address->scope == RT_SCOPE_UNIVERSE &&
           !(address->flags & (IFA_F_DADFAILED | IFA_F_DEPRECATED)) &&
           !sg_ip_is_link_local (&address->ip) && !sg_ip_is_loopback (&address->ip) &&
           (gateway->wireguard || family == SG_IPV4 || !sg_ip_is_unique_local (&address->ip));
}

/* Marks the gateways that have what comes first: an address. */
static void
judge_addresses (GArray *gateways, const SgSnapshot *snapshot, SgFamily family)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        SgGateway *gateway = find (gateways, address->ifindex);

        if (gateway && gateway->capability[family] == SG_NO_ADDRESS &&
            is_usable_address (address, gateway, family))
            gateway->capability[family] =
                gateway->wireguard ? SG_PEER_DOES_NOT_ALLOW_DEFAULT : SG_NO_DEFAULT_ROUTE;
    }
}

static void
judge_defaults (GArray *gateways, const SgSnapshot *snapshot, SgFamily family)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family != sg_family_af (family) || route->table != RT_TABLE_MAIN ||
            route->type != RTN_UNICAST || !sg_route_is_default (route) || route->src.len)
            continue;
        for (uint16_t j = 0; j < route->n_nexthops; j++) {
            SgGateway *gateway = find (gateways, route->nexthops[j].ifindex);

            if (gateway && gateway->capability[family] == SG_NO_DEFAULT_ROUTE)
                gateway->capability[family] = SG_CAPABLE;
        }
    }
    for (guint i = 0; i < gateways->len; i++) {
        SgGateway *gateway = &g_array_index (gateways, SgGateway, i);
        const SgWireguard *wireguard = sg_snapshot_wireguard (snapshot, gateway->ifindex);

        if (gateway->capability[family] == SG_NO_DEFAULT_ROUTE &&
            sg_ip_is_set (&gateway->nm_gateway[family]))
            gateway->capability[family] = SG_CAPABLE;
        if (gateway->capability[family] == SG_PEER_DOES_NOT_ALLOW_DEFAULT && wireguard &&
            wireguard->peer_default[family])
            gateway->capability[family] = SG_CAPABLE;
    }
}

/* ---- public ---- */

const char *
sg_capability_name (SgCapability capability)
{
    static const char *const names[SG_CAPABILITY_N] = {
        [SG_CAPABLE] = "",
        [SG_NO_ADDRESS] = "no-address",
        [SG_NO_DEFAULT_ROUTE] = "no-default-route",
        [SG_PEER_DOES_NOT_ALLOW_DEFAULT] = "peer-does-not-allow-default",
    };

    g_return_val_if_fail (capability < SG_CAPABILITY_N, "");
    return names[capability];
}

GArray *
sg_gateways_find (const SgConfig *config, const SgMemory *memory, const SgSnapshot *snapshot)
{
    GArray *gateways =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgGateway));
    g_autoptr (GHashTable) links = index_links (snapshot);

    for (guint i = 0; i < snapshot->devices->len; i++) {
        const SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);
        const SgLink *link = g_hash_table_lookup (links, device->name);

        /* Two devices may share a link, as an ethernet one and its PPPoE. */
        if (link && device->can_be_gateway && device->managed && device->active &&
            !device->external && can_be_gateway (link, config, snapshot) &&
            !sg_gateways_by_name (gateways, link->name)) {
            const SgDevice known = with_known_type (device, memory);
            SgGateway gateway = new_gateway (link, &known, snapshot);

            g_array_append_val (gateways, gateway);
        }
    }
    if (snapshot->nm != SG_NM_READY)
        add_remembered (gateways, config, memory, snapshot);
    g_array_sort (gateways, (GCompareFunc) compare_gateways);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        judge_addresses (gateways, snapshot, family);
        judge_defaults (gateways, snapshot, family);
    }
    return gateways;
}

const SgGateway *
sg_gateways_by_name (const GArray *gateways, const char *name)
{
    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);

        if (strcmp (gateway->name, name) == 0)
            return gateway;
    }
    return NULL;
}

const SgGateway *
sg_gateways_by_ifindex (const GArray *gateways, uint32_t ifindex)
{
    return find (gateways, ifindex);
}

bool
sg_gateways_contain (const GArray *gateways, uint32_t ifindex)
{
    return find (gateways, ifindex) != NULL;
}

bool
sg_gateways_lack_types (const SgMemory *memory, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->devices->len; i++) {
        const SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);

        if (device->active && device->managed && !device->external && device->uuid[0] &&
            strcmp (device->kind, "wireguard") == 0 && !with_known_type (device, memory).typed)
            return true;
    }
    return false;
}

static bool
remember_mark (SgMemory *memory, uint32_t mark)
{
    guint i = 0;

    while (i < memory->marks->len && g_array_index (memory->marks, uint32_t, i) < mark)
        i++;
    if (i < memory->marks->len && g_array_index (memory->marks, uint32_t, i) == mark)
        return false;
    g_array_insert_val (memory->marks, i, mark);
    return true;
}

/* A gateway as it is to be remembered: as NetworkManager lists it, else as it was. */
static SgRemembered
remembered_gateway (const SgGateway *gateway, const SgSnapshot *snapshot, const SgMemory *memory)
{
    SgRemembered result = {.ifindex = gateway->ifindex};
    const SgDevice *device = sg_snapshot_device (snapshot, gateway->name);

    for (guint i = 0; i < memory->gateways->len; i++) {
        const SgRemembered *old = &g_array_index (memory->gateways, SgRemembered, i);

        if (old->ifindex == gateway->ifindex)
            result = *old;
    }
    if (device && device->active)
        result.device = with_known_type (device, memory);
    return result;
}

static bool
same_device (const SgDevice *a, const SgDevice *b)
{
    return strcmp (a->name, b->name) == 0 && strcmp (a->kind, b->kind) == 0 &&
           strcmp (a->uuid, b->uuid) == 0 && a->typed == b->typed && a->type == b->type &&
           a->dns == b->dns && a->dns_search == b->dns_search &&
           sg_ip_compare (&a->gateway[SG_IPV6], &b->gateway[SG_IPV6]) == 0 &&
           sg_ip_compare (&a->gateway[SG_IPV4], &b->gateway[SG_IPV4]) == 0;
}

bool
sg_gateways_remember (const GArray *gateways, const SgSnapshot *snapshot, SgMemory *memory)
{
    g_autoptr (GArray) now =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgRemembered));
    bool renamed = sg_memory_note_renamed (memory, snapshot);
    bool changed = gateways->len != memory->gateways->len;

    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);
        SgRemembered remembered = remembered_gateway (gateway, snapshot, memory);

        changed = remember_mark (memory, gateway->mark) || changed;
        if (!changed) {
            const SgRemembered *old = &g_array_index (memory->gateways, SgRemembered, i);

            changed = old->ifindex != remembered.ifindex ||
                      !same_device (&old->device, &remembered.device);
        }
        g_array_append_val (now, remembered);
    }
    if (changed) {
        g_array_unref (memory->gateways);
        memory->gateways = g_steal_pointer (&now);
    }
    return changed || renamed;
}
