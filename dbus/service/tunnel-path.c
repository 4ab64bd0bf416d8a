/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel-path.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- pinholes ---- */

char *
sg_pinhole_path (const SgPinholeId *id)
{
    g_autofree char *device = sg_tunnel_path (&id->device.network, &id->device.ip4);

    return g_strdup_printf ("%s/%s%u", device, sg_pinhole_protocol_to_string (id->protocol),
                            id->external);
}

/* As sg_pinhole_path() writes it, and in no other way. */
static bool
parse_name (const char *name, SgPinholeId *id)
{
    g_autofree char *protocol = g_strndup (name, strcspn (name, "0123456789"));
    g_autofree char *again = NULL;
    guint64 port;

    if (!sg_pinhole_protocol_from_string (protocol, &id->protocol))
        return false;
    port = g_ascii_strtoull (name + strlen (protocol), NULL, 10);
    if (port == 0 || port > UINT16_MAX)
        return false;
    id->external = (uint16_t) port;
    again = g_strdup_printf ("%s%u", sg_pinhole_protocol_to_string (id->protocol), id->external);
    return strcmp (again, name) == 0;
}

bool
sg_pinhole_path_parse (const char *path, SgPinholeId *ret_id)
{
    const char *name = strrchr (path, '/');
    g_autofree char *device = name ? g_strndup (path, (gsize) (name - path)) : NULL;
    SgPinholeId id = {0};

    if (!device || !sg_tunnel_path_parse (device, &id.device) || !id.device.ip4.family ||
        !parse_name (name + 1, &id))
        return false;
    *ret_id = id;
    return true;
}

/* ---- in the state ---- */

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

const SgPinhole *
sg_tunnel_path_pinhole (const SgTunnel *tunnel, const char *path)
{
    const SgTunnelDevice *device;
    SgPinholeId id;

    if (!tunnel || !sg_pinhole_path_parse (path, &id))
        return NULL;
    device = find_device (tunnel, &id.device);
    return device ? sg_tunnel_device_find (device, id.protocol, id.external) : NULL;
}

/* ---- how they look ---- */

static char *
look_of_pinhole (const SgPinhole *pinhole)
{
    return g_strdup_printf ("%u %u %u %d %s", pinhole->protocol, pinhole->external,
                            pinhole->internal, pinhole->enabled, pinhole->label);
}

static char *
look_of_device (const SgTunnelDevice *device, bool whole)
{
    GString *look = g_string_new (device->name);
    g_autofree char *key =
        g_base64_encode (device->keys.public_key.bytes, sizeof device->keys.public_key.bytes);

    g_string_append_printf (look, " %d %d %s", device->kind, device->allow_pinholes, key);
    for (guint i = 0; whole && i < device->pinholes->len; i++) {
        g_autofree char *one = look_of_pinhole (g_ptr_array_index (device->pinholes, i));

        g_string_append_printf (look, "\n%s", one);
    }
    return g_string_free (look, /* free_segment= */ FALSE);
}

static char *
look_of_subnet (const SgTunnelSubnet *subnet, bool whole)
{
    GString *look = g_string_new (subnet->name);
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (look, " %s", sg_prefix_format (&subnet->prefix, text));
    for (guint i = 0; whole && i < subnet->devices->len; i++) {
        const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, i);
        g_autofree char *one = look_of_device (device, whole);

        g_string_append_printf (look, "\n%s %s", sg_ip_format (&device->ip4, text), one);
    }
    return g_string_free (look, /* free_segment= */ FALSE);
}

char *
sg_tunnel_path_look (const SgTunnel *tunnel, const char *path, bool whole)
{
    const SgTunnelSubnet *subnet = sg_tunnel_path_subnet (tunnel, path);
    const SgTunnelDevice *device = sg_tunnel_path_device (tunnel, path);

    const SgPinhole *pinhole = sg_tunnel_path_pinhole (tunnel, path);

    if (subnet)
        return look_of_subnet (subnet, whole);
    if (device)
        return look_of_device (device, whole);
    return pinhole ? look_of_pinhole (pinhole) : NULL;
}
