/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "opened.h"

#include "core/pcp-server.h"
#include "core/tunnel-addresses.h"
#include "pass/files.h"

#define USEC_PER_MSEC 1000

static uint64_t
now_ms (void)
{
    return (uint64_t) g_get_monotonic_time () / USEC_PER_MSEC;
}

/* ---- whose they are ---- */

typedef struct {
    SgIp ip6;
    SgTunnelDeviceId id;
} Owner;

/* The devices by their IPv6 address. */
static GHashTable *
index_owners (const SgTunnel *tunnel)
{
    GHashTable *owners = g_hash_table_new_full (sg_ip_hash, sg_ip_equal, NULL, g_free);

    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        for (guint k = 0; sg_prefix_is_set (&subnet->prefix) && k < subnet->devices->len; k++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, k);
            Owner *owner = g_new (Owner, 1);

            *owner =
                (Owner) {sg_tunnel_device_ip6 (subnet, device), {subnet->network, device->ip4}};
            g_hash_table_insert (owners, &owner->ip6, owner);
        }
    }
    return owners;
}

/* ---- reading ---- */

static int
compare_ids (const SgPinholeId *a, const SgPinholeId *b)
{
    int order = sg_prefix_compare (&a->device.network, &b->device.network);

    if (order == 0)
        order = sg_ip_compare (&a->device.ip4, &b->device.ip4);
    if (order == 0)
        order = a->protocol - b->protocol;
    return order ? order : a->external - b->external;
}

static int
compare (const SgOpened *a, const SgOpened *b)
{
    return compare_ids (&a->id, &b->id);
}

typedef struct {
    GHashTable *owners;
    GArray *opened;
} Reading;

/* Each port of a mapping by itself. */
static void
take_mapping (const SgIp *ip6, const SgPcpMapping *mapping, void *data)
{
    const Reading *reading = data;
    const Owner *owner = g_hash_table_lookup (reading->owners, ip6);

    for (uint16_t i = 0; owner && i < mapping->size; i++) {
        SgOpened one = {{owner->id, mapping->protocol, (uint16_t) (mapping->external + i)},
                        (uint16_t) (mapping->internal + i),
                        mapping->expires_ms};

        g_array_append_val (reading->opened, one);
    }
}

GArray *
sg_opened_read (const SgTunnel *tunnel)
{
    GArray *opened =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (SgOpened));
    g_autoptr (SgPcpServer) server = sg_pcp_server_new (/* epoch_ms= */ 0);
    g_autoptr (GHashTable) owners = NULL;
    Reading reading = {.opened = opened};
    bool there = false;

    if (!tunnel)
        return opened;
    sg_pcp_server_add_tunnel (server, tunnel);
    if (!sg_files_load_pcp (server, &there, /* error= */ NULL) || !there)
        return opened;
    reading.owners = owners = index_owners (tunnel);
    sg_pcp_server_foreach (server, now_ms (), take_mapping, &reading);
    g_array_sort (opened, (GCompareFunc) compare);
    return opened;
}

/* ---- looking ---- */

const SgOpened *
sg_opened_find (const GArray *opened, const SgPinholeId *id)
{
    const SgOpened wanted = {.id = *id};
    guint at;

    return g_array_binary_search ((GArray *) opened, &wanted, (GCompareFunc) compare, &at)
               ? &g_array_index (opened, SgOpened, at)
               : NULL;
}

uint64_t
sg_opened_first_end (const GArray *opened)
{
    uint64_t first = UINT64_MAX;

    for (guint i = 0; i < opened->len; i++)
        first = MIN (first, g_array_index (opened, SgOpened, i).expires_ms);
    return opened->len ? first + SG_PCP_GRACE_MS : 0;
}

uint64_t
sg_opened_expires (const SgOpened *opened)
{
    int64_t offset = g_get_real_time () - g_get_monotonic_time ();

    return opened->expires_ms * USEC_PER_MSEC + (uint64_t) offset;
}
