/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel.h"

#include <netinet/in.h>
#include <string.h>

#include "base/error.h"

static const char *const kind_names[SG_TUNNEL_KIND_N] = {
    [SG_TUNNEL_CLIENT] = "client",
    [SG_TUNNEL_SERVER] = "server",
};

const char *
sg_tunnel_kind_to_string (SgTunnelKind kind)
{
    g_return_val_if_fail (kind < SG_TUNNEL_KIND_N, "client");

    return kind_names[kind];
}

bool
sg_tunnel_kind_from_string (const char *text, SgTunnelKind *ret_kind)
{
    for (SgTunnelKind kind = 0; kind < SG_TUNNEL_KIND_N; kind++) {
        if (strcmp (text, kind_names[kind]) == 0) {
            *ret_kind = kind;
            return true;
        }
    }
    return false;
}

const char *
sg_pinhole_protocol_to_string (uint8_t protocol)
{
    return protocol == IPPROTO_TCP ? "tcp" : "udp";
}

bool
sg_pinhole_protocol_from_string (const char *text, uint8_t *ret_protocol)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

    for (size_t i = 0; i < G_N_ELEMENTS (protocols); i++) {
        if (strcmp (text, sg_pinhole_protocol_to_string (protocols[i])) == 0) {
            *ret_protocol = protocols[i];
            return true;
        }
    }
    return false;
}

/* ---- life and death ---- */

SgPinhole *
sg_pinhole_new (uint8_t protocol, uint16_t external, uint16_t internal, const char *label)
{
    SgPinhole *pinhole = g_new0 (SgPinhole, 1);

    pinhole->protocol = protocol;
    pinhole->external = external;
    pinhole->internal = internal;
    pinhole->enabled = true;
    pinhole->label = g_strdup (label);
    return pinhole;
}

static void
pinhole_free (SgPinhole *pinhole)
{
    g_free (pinhole->label);
    g_free (pinhole);
}

SgTunnelDevice *
sg_tunnel_device_new (const SgIp *ip4, const char *name)
{
    SgTunnelDevice *device = g_rc_box_new0 (SgTunnelDevice);

    device->ip4 = *ip4;
    device->name = g_strdup (name);
    device->pinholes = g_ptr_array_new_with_free_func ((GDestroyNotify) pinhole_free);
    return device;
}

SgTunnelDevice *
sg_tunnel_device_copy (const SgTunnelDevice *device)
{
    SgTunnelDevice *copy = sg_tunnel_device_new (&device->ip4, device->name);

    copy->kind = device->kind;
    copy->allow_pinholes = device->allow_pinholes;
    copy->keys = device->keys;
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *old = g_ptr_array_index (device->pinholes, i);
        SgPinhole *pinhole =
            sg_pinhole_new (old->protocol, old->external, old->internal, old->label);

        pinhole->enabled = old->enabled;
        g_ptr_array_add (copy->pinholes, pinhole);
    }
    return copy;
}

static void
device_clear (void *data)
{
    SgTunnelDevice *device = data;

    explicit_bzero (&device->keys, sizeof device->keys);
    g_ptr_array_unref (device->pinholes);
    g_free (device->name);
}

void
sg_tunnel_device_unref (SgTunnelDevice *device)
{
    if (device)
        g_rc_box_release_full (device, device_clear);
}

SgTunnelSubnet *
sg_tunnel_subnet_new (const SgPrefix *network, const char *name)
{
    SgTunnelSubnet *subnet = g_new0 (SgTunnelSubnet, 1);

    subnet->network = *network;
    subnet->name = g_strdup (name);
    subnet->devices = g_ptr_array_new_with_free_func ((GDestroyNotify) sg_tunnel_device_unref);
    return subnet;
}

static void
subnet_free (SgTunnelSubnet *subnet)
{
    g_ptr_array_unref (subnet->devices);
    g_free (subnet->name);
    g_free (subnet);
}

SgTunnel *
sg_tunnel_new (const SgTunnelKeys *keys)
{
    SgTunnel *tunnel = g_new0 (SgTunnel, 1);

    tunnel->server = *keys;
    tunnel->subnets = g_ptr_array_new_with_free_func ((GDestroyNotify) subnet_free);
    return tunnel;
}

static void *
copy_device (const void *device, void *data)
{
    return g_rc_box_acquire ((void *) device);
}

SgTunnel *
sg_tunnel_copy (const SgTunnel *tunnel)
{
    SgTunnel *copy = sg_tunnel_new (&tunnel->server);

    copy->generation = tunnel->generation;
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *old = g_ptr_array_index (tunnel->subnets, i);
        SgTunnelSubnet *subnet = sg_tunnel_subnet_new (&old->network, old->name);

        subnet->prefix = old->prefix;
        g_ptr_array_extend (subnet->devices, old->devices, copy_device, NULL);
        g_ptr_array_add (copy->subnets, subnet);
    }
    return copy;
}

void
sg_tunnel_free (SgTunnel *tunnel)
{
    if (!tunnel)
        return;
    g_ptr_array_unref (tunnel->subnets);
    explicit_bzero (&tunnel->server, sizeof tunnel->server);
    g_free (tunnel);
}

/* ---- finding ---- */

SgTunnelSubnet *
sg_tunnel_find (const SgTunnel *tunnel, const SgPrefix *network)
{
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        if (sg_prefix_compare (&subnet->network, network) == 0)
            return subnet;
    }
    return NULL;
}

SgTunnelDevice *
sg_tunnel_subnet_find (const SgTunnelSubnet *subnet, const SgIp *ip4)
{
    guint low = 0, high = subnet->devices->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        SgTunnelDevice *device = g_ptr_array_index (subnet->devices, middle);
        int order = sg_ip_compare (&device->ip4, ip4);

        if (order == 0)
            return device;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

SgPinhole *
sg_tunnel_device_find (const SgTunnelDevice *device, uint8_t protocol, uint16_t external)
{
    for (guint i = 0; i < device->pinholes->len; i++) {
        SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);

        if (pinhole->protocol == protocol && pinhole->external == external)
            return pinhole;
    }
    return NULL;
}

SgTunnelSubnet *
sg_tunnel_named (const SgTunnel *tunnel, const char *text, GError **error)
{
    SgPrefix network;

    if (sg_prefix_parse (text, &network, NULL)) {
        SgTunnelSubnet *subnet = sg_tunnel_find (tunnel, &network);

        if (subnet)
            return subnet;
    }
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        if (strcmp (subnet->name, text) == 0)
            return subnet;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                 "there is no subnet “%s”; say its network, like 10.59.0.0/24, or its name", text);
    return NULL;
}

SgTunnelDevice *
sg_tunnel_subnet_named (const SgTunnelSubnet *subnet, const char *text, GError **error)
{
    char network[SG_PREFIX_TEXT_MAX];
    SgIp ip4;

    if (sg_ip_parse (text, &ip4) && sg_tunnel_subnet_find (subnet, &ip4))
        return sg_tunnel_subnet_find (subnet, &ip4);
    for (guint i = 0; i < subnet->devices->len; i++) {
        SgTunnelDevice *device = g_ptr_array_index (subnet->devices, i);

        if (strcmp (device->name, text) == 0)
            return device;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                 "there is no device “%s” in the subnet %s; say its IPv4 address or its name", text,
                 sg_prefix_format (&subnet->network, network));
    return NULL;
}

guint
sg_tunnel_count_devices (const SgTunnel *tunnel)
{
    guint n = 0;

    for (guint i = 0; i < tunnel->subnets->len; i++)
        n += ((const SgTunnelSubnet *) g_ptr_array_index (tunnel->subnets, i))->devices->len;
    return n;
}

SgKeyring *
sg_tunnel_preshared_keys (const SgTunnel *tunnel)
{
    SgKeyring *keyring = sg_keyring_new ();

    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        for (guint j = 0; j < subnet->devices->len; j++) {
            const SgTunnelKeys *keys =
                &((const SgTunnelDevice *) g_ptr_array_index (subnet->devices, j))->keys;

            if (sg_wg_key_is_set (&keys->preshared_key))
                sg_keyring_add (keyring, /* ifindex= */ 0, &keys->public_key, &keys->preshared_key);
        }
    }
    return keyring;
}
