/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel-path.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <systemd/sd-bus.h>

#include "service.h"

char *
sg_tunnel_path (const SgPrefix *network, const SgIp *ip4)
{
    char text[SG_PREFIX_TEXT_MAX], device[SG_PREFIX_TEXT_MAX];
    char *path = NULL, *copy;
    int r;

    sg_prefix_format (network, text);
    r = ip4 ? sd_bus_path_encode_many (&path, SG_BUS_SUBNETS "/%/%", text,
                                       sg_ip_format (ip4, device))
            : sd_bus_path_encode_many (&path, SG_BUS_SUBNETS "/%", text);
    copy = r >= 0 ? g_strdup (path) : NULL;
    free (path);
    return copy;
}

bool
sg_tunnel_path_parse (const char *path, SgTunnelDeviceId *ret_id)
{
    char *network = NULL, *ip4 = NULL;
    SgTunnelDeviceId id = {0};
    bool ok;

    if (sd_bus_path_decode_many (path, SG_BUS_SUBNETS "/%/%", &network, &ip4) > 0)
        ok = sg_ip_parse (ip4, &id.ip4) && id.ip4.family == AF_INET;
    else
        ok = sd_bus_path_decode_many (path, SG_BUS_SUBNETS "/%", &network) > 0;
    ok = ok && sg_prefix_parse (network, &id.network, /* error= */ NULL);
    free (network);
    free (ip4);
    if (ok)
        *ret_id = id;
    return ok;
}

const SgTunnelSubnet *
sg_tunnel_path_subnet (const SgTunnel *tunnel, const char *path)
{
    SgTunnelDeviceId id;

    return tunnel && sg_tunnel_path_parse (path, &id) && !id.ip4.family
               ? sg_tunnel_find (tunnel, &id.network)
               : NULL;
}

static const SgTunnelDevice *
find_device (const SgTunnel *tunnel, const SgTunnelDeviceId *id)
{
    const SgTunnelSubnet *subnet = sg_tunnel_find (tunnel, &id->network);

    return subnet ? sg_tunnel_subnet_find (subnet, &id->ip4) : NULL;
}

const SgTunnelDevice *
sg_tunnel_path_device (const SgTunnel *tunnel, const char *path)
{
    SgTunnelDeviceId id;

    return tunnel && sg_tunnel_path_parse (path, &id) && id.ip4.family ? find_device (tunnel, &id)
                                                                       : NULL;
}

static char *
look_of_device (const SgTunnelDevice *device)
{
    g_autofree char *key =
        g_base64_encode (device->keys.public_key.bytes, sizeof device->keys.public_key.bytes);

    return g_strdup_printf ("%s %d %d %s", device->name, device->kind, device->allow_pinholes, key);
}

static char *
look_of_subnet (const SgTunnelSubnet *subnet, bool whole)
{
    GString *look = g_string_new (subnet->name);
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (look, " %s", sg_prefix_format (&subnet->prefix, text));
    for (guint i = 0; whole && i < subnet->devices->len; i++) {
        const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, i);
        g_autofree char *one = look_of_device (device);

        g_string_append_printf (look, "\n%s %s", sg_ip_format (&device->ip4, text), one);
    }
    return g_string_free (look, /* free_segment= */ FALSE);
}

char *
sg_tunnel_path_look (const SgTunnel *tunnel, const char *path, bool whole)
{
    const SgTunnelSubnet *subnet = sg_tunnel_path_subnet (tunnel, path);
    const SgTunnelDevice *device = sg_tunnel_path_device (tunnel, path);

    return subnet ? look_of_subnet (subnet, whole) : device ? look_of_device (device) : NULL;
}
