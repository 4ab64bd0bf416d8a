/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-change.h"

#include "base/error.h"
#include "core/tunnel-prefix.h"

/* ---- what all changes share ---- */

static bool
not_found (const char *what, GError **error)
{
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "there is no %s", what);
    return false;
}

static SgTunnelSubnet *
find_subnet (const SgTunnel *tunnel, const SgPrefix *network, GError **error)
{
    SgTunnelSubnet *subnet = sg_tunnel_find (tunnel, network);
    char text[SG_PREFIX_TEXT_MAX];

    if (!subnet) {
        g_autofree char *what = g_strdup_printf ("subnet %s", sg_prefix_format (network, text));

        not_found (what, error);
    }
    return subnet;
}

/* The new state when it is right as a whole; takes @tunnel. */
static SgTunnel *
finish (SgTunnel *tunnel, GError **error)
{
    tunnel->generation++;
    if (sg_tunnel_check (tunnel, error))
        return tunnel;
    sg_tunnel_free (tunnel);
    return NULL;
}

/* ---- the whole ---- */

/* A generation of 0 is that of a state that was never written: there is no tunnel role yet. */
static bool
is_other_server (const SgTunnel *old, const SgTunnel *saved)
{
    return old->generation > 0 &&
           !sg_wg_key_equal (&old->server.private_key, &saved->server.private_key);
}

SgTunnel *
sg_tunnel_restore (const SgTunnel *old, const SgTunnel *saved, const GArray *taken, GError **error)
{
    g_autoptr (SgTunnel) tunnel = sg_tunnel_copy (saved);

    if (is_other_server (old, saved)) {
        g_set_error (error, SG_ERROR, SG_ERROR_EXISTS,
                     "this machine is a tunnel server already, with another key, which %u devices "
                     "have in their configs; to become the server of the backup, first remove the "
                     "tunnel's state and its NetworkManager connection",
                     sg_tunnel_count_devices (old));
        return NULL;
    }
    if (!sg_tunnel_addresses_unique (tunnel, taken, error))
        return NULL;
    tunnel->generation = old->generation;
    return finish (g_steal_pointer (&tunnel), error);
}

/* ---- subnets ---- */

static int
compare_subnets (const SgTunnelSubnet **a, const SgTunnelSubnet **b)
{
    return sg_prefix_compare (&(*a)->network, &(*b)->network);
}

SgTunnel *
sg_tunnel_add_subnet (const SgTunnel *old, const SgPrefix *network, const char *name,
                      GError **error)
{
    SgTunnel *tunnel = sg_tunnel_copy (old);

    g_ptr_array_add (tunnel->subnets, sg_tunnel_subnet_new (network, name));
    g_ptr_array_sort (tunnel->subnets, (GCompareFunc) compare_subnets);
    return finish (tunnel, error);
}

SgTunnel *
sg_tunnel_remove_subnet (const SgTunnel *old, const SgPrefix *network, GError **error)
{
    g_autoptr (SgTunnel) tunnel = sg_tunnel_copy (old);
    SgTunnelSubnet *subnet = find_subnet (tunnel, network, error);

    if (!subnet)
        return NULL;
    g_ptr_array_remove (tunnel->subnets, subnet);
    return finish (g_steal_pointer (&tunnel), error);
}

SgTunnel *
sg_tunnel_rename_subnet (const SgTunnel *old, const SgPrefix *network, const char *name,
                         GError **error)
{
    g_autoptr (SgTunnel) tunnel = sg_tunnel_copy (old);
    SgTunnelSubnet *subnet = find_subnet (tunnel, network, error);

    if (!subnet)
        return NULL;
    g_free (subnet->name);
    subnet->name = g_strdup (name);
    return finish (g_steal_pointer (&tunnel), error);
}

SgTunnel *
sg_tunnel_set_prefix (const SgTunnel *old, const SgPrefix *network,
                      const SgTunnelPrefixRequest *request, GError **error)
{
    g_autoptr (SgTunnel) tunnel = sg_tunnel_copy (old);
    SgTunnelSubnet *subnet = find_subnet (tunnel, network, error);

    if (!subnet || (sg_prefix_is_set (&request->prefix) &&
                    !sg_tunnel_prefix_check (&request->prefix, request->allow_ula, error)))
        return NULL;
    subnet->prefix = request->prefix;
    if (!sg_tunnel_addresses_unique (tunnel, request->taken, error)) {
        char text[SG_PREFIX_TEXT_MAX];

        g_prefix_error (error, "%s cannot give each host its own address: ",
                        sg_prefix_format (&request->prefix, text));
        return NULL;
    }
    return finish (g_steal_pointer (&tunnel), error);
}

/* ---- devices ---- */

static int
compare_devices (const SgTunnelDevice **a, const SgTunnelDevice **b)
{
    return sg_ip_compare (&(*a)->ip4, &(*b)->ip4);
}

/* The address that was asked for, if it is free, or one that is. */
static bool
place_device (const SgTunnel *tunnel, const SgTunnelSubnet *subnet,
              const SgTunnelDeviceRequest *request, SgIp *ret_ip4, GError **error)
{
    g_autoptr (SgTunnelAddresses) addresses = sg_tunnel_addresses_new (tunnel, request->taken);
    SgIp ip6;

    if (!sg_ip_is_set (&request->ip4))
        return sg_tunnel_addresses_choose (addresses, subnet, ret_ip4, error);
    if (sg_prefix_is_set (&subnet->prefix) && request->ip4.family == AF_INET &&
        !sg_tunnel_subnet_find (subnet, &request->ip4)) {
        ip6 = sg_tunnel_host_v6 (&subnet->prefix, &request->ip4);
        if (!sg_tunnel_addresses_check (addresses, &subnet->prefix, &ip6, error)) {
            char text[SG_PREFIX_TEXT_MAX];

            g_prefix_error (error, "%s cannot be had: its IPv6 address ",
                            sg_ip_format (&request->ip4, text));
            return false;
        }
    }
    *ret_ip4 = request->ip4;
    return true;
}

SgTunnel *
sg_tunnel_add_device (const SgTunnel *old, const SgPrefix *network,
                      const SgTunnelDeviceRequest *request, SgIp *ret_ip4, GError **error)
{
    g_autoptr (SgTunnel) tunnel = sg_tunnel_copy (old);
    SgTunnelSubnet *subnet = find_subnet (tunnel, network, error);
    SgTunnelDevice *device;
    SgTunnel *result;
    SgIp ip4;

    if (!subnet || !place_device (tunnel, subnet, request, &ip4, error))
        return NULL;
    device = sg_tunnel_device_new (&ip4, request->name);
    device->kind = request->kind;
    device->allow_pinholes = request->kind == SG_TUNNEL_SERVER;
    device->keys = *request->keys;
    g_ptr_array_add (subnet->devices, device);
    g_ptr_array_sort (subnet->devices, (GCompareFunc) compare_devices);
    result = finish (g_steal_pointer (&tunnel), error);
    if (result)
        *ret_ip4 = ip4;
    return result;
}

/* A device that may be changed, in a state that may be: a copy in the place of the old one. */
typedef struct {
    SgTunnel *tunnel;
    SgTunnelSubnet *subnet;
    SgTunnelDevice *device;
    guint index;
} Change;

/* NULL in ret_change->tunnel when there is no such device. */
static bool
begin (const SgTunnel *old, const SgTunnelDeviceId *id, Change *ret_change, GError **error)
{
    g_autoptr (SgTunnel) tunnel = sg_tunnel_copy (old);
    SgTunnelSubnet *subnet = find_subnet (tunnel, &id->network, error);
    SgTunnelDevice *device = subnet ? sg_tunnel_subnet_find (subnet, &id->ip4) : NULL;
    char text[SG_PREFIX_TEXT_MAX];
    guint index;

    if (subnet && !device) {
        g_autofree char *what = g_strdup_printf ("device %s", sg_ip_format (&id->ip4, text));

        not_found (what, error);
    }
    if (!device || !g_ptr_array_find (subnet->devices, device, &index))
        return false;
    *ret_change =
        (Change) {g_steal_pointer (&tunnel), subnet, sg_tunnel_device_copy (device), index};
    sg_tunnel_device_unref (device);
    subnet->devices->pdata[index] = ret_change->device;
    return true;
}

SgTunnel *
sg_tunnel_remove_device (const SgTunnel *old, const SgTunnelDeviceId *id, GError **error)
{
    Change change;

    if (!begin (old, id, &change, error))
        return NULL;
    g_ptr_array_remove_index (change.subnet->devices, change.index);
    return finish (change.tunnel, error);
}

SgTunnel *
sg_tunnel_rename_device (const SgTunnel *old, const SgTunnelDeviceId *id, const char *name,
                         GError **error)
{
    Change change;

    if (!begin (old, id, &change, error))
        return NULL;
    g_free (change.device->name);
    change.device->name = g_strdup (name);
    return finish (change.tunnel, error);
}

SgTunnel *
sg_tunnel_set_kind (const SgTunnel *old, const SgTunnelDeviceId *id, SgTunnelKind kind,
                    GError **error)
{
    Change change;

    if (!begin (old, id, &change, error))
        return NULL;
    change.device->kind = kind;
    return finish (change.tunnel, error);
}

SgTunnel *
sg_tunnel_allow_pinholes (const SgTunnel *old, const SgTunnelDeviceId *id, bool allow,
                          GError **error)
{
    Change change;

    if (!begin (old, id, &change, error))
        return NULL;
    change.device->allow_pinholes = allow;
    return finish (change.tunnel, error);
}

/* ---- pinholes ---- */

static int
compare_pinholes (const SgPinhole **a, const SgPinhole **b)
{
    int order = (int) (*a)->protocol - (*b)->protocol;

    return order ? order : (int) (*a)->external - (*b)->external;
}

static bool
check_range (const SgPinhole *pinhole, guint n, GError **error)
{
    if (n > 0 && n <= SG_TUNNEL_PINHOLES_MAX && pinhole->external + n <= 65536 &&
        pinhole->internal + n <= 65536)
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "a range has at most %u ports and ends with 65535", SG_TUNNEL_PINHOLES_MAX);
    return false;
}

SgTunnel *
sg_tunnel_add_pinholes (const SgTunnel *old, const SgTunnelDeviceId *id, const SgPinhole *pinhole,
                        guint n, GError **error)
{
    Change change;

    if (!check_range (pinhole, n, error) || !begin (old, id, &change, error))
        return NULL;
    for (guint i = 0; i < n; i++) {
        SgPinhole *copy = sg_pinhole_new (pinhole->protocol, (uint16_t) (pinhole->external + i),
                                          (uint16_t) (pinhole->internal + i), pinhole->label);

        copy->enabled = pinhole->enabled;
        g_ptr_array_add (change.device->pinholes, copy);
    }
    g_ptr_array_sort (change.device->pinholes, (GCompareFunc) compare_pinholes);
    return finish (change.tunnel, error);
}

/* The pinhole in the copy of the device; NULL with @error set, and the change given up. */
static SgPinhole *
find_pinhole (Change *change, const SgPinhole *which, GError **error)
{
    SgPinhole *pinhole = sg_tunnel_device_find (change->device, which->protocol, which->external);

    if (!pinhole) {
        g_autofree char *what = g_strdup_printf ("pinhole at port %u of “%s” that was made by hand",
                                                 which->external, change->device->name);

        not_found (what, error);
        g_clear_pointer (&change->tunnel, sg_tunnel_free);
    }
    return pinhole;
}

SgTunnel *
sg_tunnel_remove_pinholes (const SgTunnel *old, const SgTunnelDeviceId *id, const SgPinhole *first,
                           guint n, GError **error)
{
    SgPinhole which = *first, *pinhole;
    Change change;

    if (!begin (old, id, &change, error))
        return NULL;
    for (; n > 0; n--, which.external++) {
        pinhole = find_pinhole (&change, &which, error);
        if (!pinhole)
            return NULL;
        g_ptr_array_remove (change.device->pinholes, pinhole);
    }
    return finish (change.tunnel, error);
}

SgTunnel *
sg_tunnel_change_pinhole (const SgTunnel *old, const SgTunnelDeviceId *id, const SgPinhole *pinhole,
                          GError **error)
{
    SgPinhole *mine;
    Change change;

    if (!begin (old, id, &change, error) || !(mine = find_pinhole (&change, pinhole, error)))
        return NULL;
    mine->internal = pinhole->internal;
    mine->enabled = pinhole->enabled;
    g_free (mine->label);
    mine->label = g_strdup (pinhole->label);
    return finish (change.tunnel, error);
}
