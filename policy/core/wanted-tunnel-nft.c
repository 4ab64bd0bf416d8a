/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in the sets and maps of the tunnel role (spec 2.5): elements only, so that the cost of a
 * packet does not grow with the number of devices. */
#include "core/wanted-parts.h"

#include <string.h>

#include "core/contract.h"
#include "core/tunnel-addresses.h"

static SgNftElement *
add_element (SgNftTable *table, const char *set_name)
{
    GArray *elements = sg_nft_table_find_set (table, set_name)->elements;

    g_array_set_size (elements, elements->len + 1);
    return &g_array_index (elements, SgNftElement, elements->len - 1);
}

/* The subnet in a conntrack mark: its network's address, which no other subnet has, and which is
 * far from every mark of a gateway. */
static uint32_t
mark_of (const SgTunnelSubnet *subnet)
{
    uint32_t number;

    memcpy (&number, subnet->network.ip.bytes, sizeof number);
    return GUINT32_FROM_BE (number);
}

static void
add_device (SgNftTable *table, uint32_t mark, const SgIp *ip)
{
    SgNftElement *element = add_element (table, SG_SET_TUNNEL_DEVICES);

    memcpy (element->key, ip->bytes, sizeof ip->bytes);
    element = add_element (table, SG_MAP_TUNNEL_SUBNETS);
    memcpy (element->key, ip->bytes, sizeof ip->bytes);
    element->data = mark;
    element = add_element (table, SG_SET_TUNNEL_MEMBERS);
    memcpy (element->key, &mark, sizeof mark);
    memcpy (element->key + sizeof mark, ip->bytes, sizeof ip->bytes);
}

static void
add_pinholes (SgNftTable *table, const SgTunnelDevice *device, const SgIp *ip)
{
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);
        SgNftElement element = {.data = pinhole->internal};

        if (!pinhole->enabled)
            continue;
        sg_nft_port_key (element.key, ip, pinhole->protocol, pinhole->external);
        if (pinhole->internal != pinhole->external)
            *add_element (table, SG_MAP_PINHOLE_PORTS) = element;
        element.data = 0;
        *add_element (table, SG_SET_PINHOLES) = element;
    }
}

/* What devices opened themselves stays until it goes by itself, or its device may not any more. */
static void
keep_opened (SgNftTable *table, const SgNftTable *have, GHashTable *allowed)
{
    for (guint i = 0; have && i < table->sets->len; i++) {
        SgNftSet *set = g_ptr_array_index (table->sets, i);
        const SgNftSet *mine = set->timeout ? sg_nft_table_find_set (have, set->name) : NULL;

        for (guint j = 0; mine && sg_nft_set_same_definition (mine, set) && j < mine->elements->len;
             j++) {
            const SgNftElement *element = &g_array_index (mine->elements, SgNftElement, j);
            SgIp ip = sg_ip_from_bytes (AF_INET6, element->key);

            if (g_hash_table_contains (allowed, &ip))
                g_array_append_val (set->elements, *element);
        }
    }
}

void
sg_wanted_add_tunnel_sets (SgNftTable *table, const SgSituation *situation)
{
    g_autoptr (GHashTable) allowed = g_hash_table_new_full (sg_ip_hash, sg_ip_equal, g_free, NULL);
    const SgLink *link = sg_wanted_tunnel_link (situation);

    if (!link)
        return;
    memcpy (add_element (table, SG_SET_TUNNEL_LINKS)->key, &link->ifindex, sizeof link->ifindex);
    for (guint i = 0; i < situation->tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (situation->tunnel->subnets, i);

        for (guint j = 0; j < subnet->devices->len && sg_prefix_is_set (&subnet->prefix); j++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, j);
            SgIp ip = sg_tunnel_device_ip6 (subnet, device);

            add_device (table, mark_of (subnet), &ip);
            add_pinholes (table, device, &ip);
            if (device->allow_pinholes)
                g_hash_table_add (allowed, g_memdup2 (&ip, sizeof ip));
        }
    }
    keep_opened (table, situation->snapshot->nft[SG_IPV6], allowed);
}
