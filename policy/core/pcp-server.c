/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Section numbers are those of RFC 6887. */
#include "core/pcp-server.h"

#include <string.h>

#include "core/pcp-parts.h"
#include "core/tunnel-addresses.h"

#define CREDIT 1000u /* of one request */

struct SgPcpServer {
    uint64_t epoch_ms;
    GHashTable *devices; /* SgIp, in the device → SgPcpDevice (owned) */
};

/* ---- devices ---- */

static void
free_device (void *data)
{
    SgPcpDevice *device = data;

    g_array_unref (device->mappings);
    g_free (device);
}

SgPcpServer *
sg_pcp_server_new (uint64_t epoch_ms)
{
    SgPcpServer *server = g_new0 (SgPcpServer, 1);

    server->epoch_ms = epoch_ms;
    server->devices = g_hash_table_new_full (sg_ip_hash, sg_ip_equal, NULL, free_device);
    return server;
}

void
sg_pcp_server_free (SgPcpServer *server)
{
    if (!server)
        return;
    g_hash_table_unref (server->devices);
    g_free (server);
}

uint64_t
sg_pcp_server_epoch (const SgPcpServer *server)
{
    return server->epoch_ms;
}

void
sg_pcp_server_reset_epoch (SgPcpServer *server, uint64_t now_ms)
{
    server->epoch_ms = now_ms;
}

void
sg_pcp_server_add_device (SgPcpServer *server, const SgIp *ip, bool allowed,
                          const GPtrArray *pinholes)
{
    SgPcpDevice *device = g_new0 (SgPcpDevice, 1);

    device->ip = *ip;
    device->allowed = allowed;
    device->pinholes = pinholes;
    device->mappings =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (SgPcpMapping));
    device->credit = SG_PCP_RATE_BURST * CREDIT;
    g_hash_table_insert (server->devices, &device->ip, device);
}

void
sg_pcp_server_add_tunnel (SgPcpServer *server, const SgTunnel *tunnel)
{
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        for (guint k = 0; sg_prefix_is_set (&subnet->prefix) && k < subnet->devices->len; k++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, k);
            SgIp ip = sg_tunnel_device_ip6 (subnet, device);

            sg_pcp_server_add_device (server, &ip, device->allow_pinholes, device->pinholes);
        }
    }
}

/* ---- mappings from before ---- */

void
sg_pcp_server_forget (SgPcpServer *server, const SgIp *ip, const SgPcpMapping *mapping)
{
    const SgPcpDevice *device = g_hash_table_lookup (server->devices, ip);

    for (guint i = 0; device && i < device->mappings->len; i++) {
        const SgPcpMapping *mine = &g_array_index (device->mappings, SgPcpMapping, i);

        if (mine->protocol == mapping->protocol && mine->internal == mapping->internal) {
            g_array_remove_index_fast (device->mappings, i);
            return;
        }
    }
}

bool
sg_pcp_server_restore (SgPcpServer *server, const SgIp *ip, const SgPcpMapping *mapping)
{
    const SgPcpDevice *device = g_hash_table_lookup (server->devices, ip);

    if (!device || !device->allowed)
        return false;
    sg_pcp_server_forget (server, ip, mapping);
    if (device->mappings->len >= SG_PCP_PORTS_MAX)
        return false;
    g_array_append_vals (device->mappings, mapping, 1);
    return true;
}

void
sg_pcp_server_foreach (const SgPcpServer *server, uint64_t now_ms, SgPcpEach each, void *data)
{
    GHashTableIter iter;
    void *value;

    g_hash_table_iter_init (&iter, server->devices);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        const SgPcpDevice *device = value;

        for (guint i = 0; i < device->mappings->len; i++) {
            const SgPcpMapping *mapping = &g_array_index (device->mappings, SgPcpMapping, i);

            if (mapping->expires_ms + SG_PCP_GRACE_MS > now_ms)
                each (&device->ip, mapping, data);
        }
    }
}

/* ---- requests ---- */

/* Whether the device may ask once more now (section 8.2: an overloaded server may be silent). */
static bool
take_credit (SgPcpDevice *device, uint64_t now_ms)
{
    uint64_t passed = now_ms - MIN (device->rate_ms, now_ms);
    uint64_t credit = device->credit + passed * (SG_PCP_RATE_SECOND * CREDIT / 1000);

    device->rate_ms = now_ms;
    device->credit = (uint32_t) MIN (credit, SG_PCP_RATE_BURST * CREDIT);
    if (device->credit < CREDIT)
        return false;
    device->credit -= CREDIT;
    return true;
}

static void
drop_expired (SgPcpDevice *device, uint64_t now_ms)
{
    for (guint i = 0; i < device->mappings->len;) {
        if (g_array_index (device->mappings, SgPcpMapping, i).expires_ms + SG_PCP_GRACE_MS <=
            now_ms)
            g_array_remove_index_fast (device->mappings, i);
        else
            i++;
    }
}

static size_t
answer_map (const SgPcpCall *call, const SgPcpContext *context, uint8_t *answer)
{
    SgPcpMapAnswer map = {.external_ip = call->request->external_ip};
    uint32_t lifetime = 0;
    SgPcpResult result =
        call->device->allowed ? sg_pcp_map (call, &map, &lifetime) : SG_PCP_NOT_AUTHORIZED;

    if (result == SG_PCP_SUCCESS)
        return sg_pcp_put_map (context, &map, answer);
    return sg_pcp_put_error (context, result, lifetime ? lifetime : sg_pcp_error_lifetime (result),
                             answer);
}

size_t
sg_pcp_server_answer (SgPcpServer *server, const SgPcpDatagram *datagram,
                      uint8_t answer[SG_PCP_MESSAGE_MAX], GArray *changes)
{
    SgPcpDevice *device = g_hash_table_lookup (server->devices, &datagram->source);
    SgPcpRequest request;
    SgPcpContext context = {&request, datagram->bytes, datagram->len,
                            (uint32_t) ((datagram->now_ms - server->epoch_ms) / 1000)};
    SgPcpCall call = {device, &request, datagram->now_ms, changes};
    SgPcpResult result;

    if (!device || !sg_pcp_parse (datagram->bytes, datagram->len, &request) ||
        !take_credit (device, datagram->now_ms))
        return 0;
    result = request.result;
    if (result == SG_PCP_SUCCESS && sg_ip_compare (&request.client, &datagram->source) != 0)
        result = SG_PCP_ADDRESS_MISMATCH;
    if (result != SG_PCP_SUCCESS)
        return sg_pcp_put_error (&context, result, sg_pcp_error_lifetime (result), answer);
    if (request.opcode == SG_PCP_ANNOUNCE)
        return sg_pcp_put_announce (context.epoch, answer);
    drop_expired (device, datagram->now_ms);
    return answer_map (&call, &context, answer);
}
