/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-config.h"

#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/tunnel-addresses.h"

#define HEADER "# StartTunnel config for "
#define NO_PRIVATE_KEY "# PrivateKey: known to the device only; write it into [Interface]\n"

/* ---- the device ---- */

static void
add_allowed (SgWgPeer *peer, const SgTunnelSubnet *subnet)
{
    SgPrefix everything = sg_prefix_any (AF_INET6);

    g_array_append_val (peer->allowed_ips, subnet->network);
    /* Answers of its global address have to come back through the tunnel. */
    if (sg_prefix_is_set (&subnet->prefix))
        g_array_append_val (peer->allowed_ips, everything);
}

static void
add_addresses (SgWgConf *conf, const SgTunnelSubnet *subnet, const SgTunnelDevice *device)
{
    SgWgAddress ip4 = {device->ip4, subnet->network.len};
    SgWgAddress ip6 = {sg_tunnel_device_ip6 (subnet, device), 128};

    g_array_append_val (conf->addresses, ip4);
    if (sg_ip_is_set (&ip6.ip))
        g_array_append_val (conf->addresses, ip6);
}

/* @text behind a first line with @name; takes @text. */
static char *
add_header (char *text, const SgTunnelDevice *device)
{
    bool whole = sg_wg_key_is_set (&device->keys.private_key);
    GString *out = g_string_sized_new (sizeof HEADER + SG_TUNNEL_NAME_MAX + sizeof NO_PRIVATE_KEY +
                                       strlen (text) + 1);

    g_string_append (out, HEADER);
    g_string_append (out, device->name);
    g_string_append_c (out, '\n');
    if (!whole)
        g_string_append (out, NO_PRIVATE_KEY);
    g_string_append (out, text);
    sg_wg_text_free (text);
    return g_string_free (out, /* free_segment= */ FALSE);
}

char *
sg_tunnel_device_config (const SgTunnel *tunnel, const SgTunnelSubnet *subnet,
                         const SgTunnelDevice *device, const SgWgEndpoint *endpoint)
{
    g_autoptr (SgWgConf) conf = sg_wg_conf_new ();
    SgWgPeer *peer = sg_wg_peer_new ();

    conf->type = SG_WG_TYPE_OUTBOUND_ONLY; /* the header says it, with the name */
    if (sg_wg_key_is_set (&device->keys.private_key))
        sg_wg_key_encode (&device->keys.private_key, &conf->private_key);
    add_addresses (conf, subnet, device);
    sg_wg_key_encode (&tunnel->server.public_key, &peer->public_key);
    if (sg_wg_key_is_set (&device->keys.preshared_key))
        sg_wg_key_encode (&device->keys.preshared_key, &peer->preshared_key);
    add_allowed (peer, subnet);
    peer->endpoint = *endpoint;
    peer->keepalive = SG_TUNNEL_KEEPALIVE;
    g_ptr_array_add (conf->peers, peer);
    return add_header (sg_wg_conf_to_text (conf), device);
}

/* ---- where the server is ---- */

bool
sg_tunnel_endpoint_parse (const char *text, uint16_t port, SgWgEndpoint *ret_endpoint,
                          GError **error)
{
    g_autofree char *with_port = NULL;
    SgIp ip;

    if (sg_ip_parse (text, &ip))
        with_port = g_strdup_printf (ip.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
    else if (!strchr (text, ':') || g_str_has_suffix (text, "]"))
        with_port = g_strdup_printf ("%s:%u", text, port);
    return sg_wg_endpoint_parse (with_port ? with_port : text, ret_endpoint, error);
}

/* Whether some default route of main, of either family, leaves by @ifindex. */
static bool
is_way_out (const SgSnapshot *snapshot, uint32_t ifindex)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->table == RT_TABLE_MAIN && route->type == RTN_UNICAST &&
            sg_route_is_default (route) && sg_route_uses (route, ifindex))
            return true;
    }
    return false;
}

bool
sg_tunnel_endpoint_choose (const SgSnapshot *snapshot, const char *interface, SgIp *ret_ip)
{
    const SgLink *own = sg_snapshot_link_by_name (snapshot, interface);
    SgIp best = {0};

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (address->scope != RT_SCOPE_UNIVERSE || sg_ip_is_unique_local (&address->ip) ||
            sg_ip_is_link_local (&address->ip) || (own && own->ifindex == address->ifindex) ||
            !is_way_out (snapshot, address->ifindex))
            continue;
        if (!sg_ip_is_set (&best) || (best.family == AF_INET6 && address->ip.family == AF_INET))
            best = address->ip;
    }
    if (sg_ip_is_set (&best))
        *ret_ip = best;
    return sg_ip_is_set (&best);
}

/* ---- the server ---- */

GArray *
sg_tunnel_server_addresses (const SgTunnel *tunnel)
{
    GArray *addresses =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgWgAddress));

    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);
        SgWgAddress ip4 = {sg_tunnel_server_ip4 (&subnet->network), subnet->network.len};
        SgWgAddress ip6 = {sg_tunnel_server_ip6 (subnet), 128};

        g_array_append_val (addresses, ip4);
        if (sg_ip_is_set (&ip6.ip))
            g_array_append_val (addresses, ip6);
    }
    return addresses;
}

bool
sg_tunnel_link_is_foreign (const SgSnapshot *snapshot, const char *interface,
                           const SgTunnel *tunnel)
{
    const SgLink *link = sg_snapshot_link_by_name (snapshot, interface);
    const SgWireguard *wireguard = link ? sg_snapshot_wireguard (snapshot, link->ifindex) : NULL;

    if (!link)
        return false;
    return strcmp (link->kind, "wireguard") != 0 ||
           (wireguard && sg_wg_key_is_set (&wireguard->public_key) &&
            !sg_wg_key_equal (&wireguard->public_key, &tunnel->server.public_key));
}

SgWgConf *
sg_tunnel_server_conf (const SgTunnel *tunnel, uint16_t port)
{
    SgWgConf *conf = sg_wg_conf_new ();

    conf->type = SG_WG_TYPE_OUTBOUND_ONLY;
    sg_wg_key_encode (&tunnel->server.private_key, &conf->private_key);
    conf->listen_port = port;
    conf->fwmark = SG_WG_FWMARK;
    g_array_unref (conf->addresses);
    conf->addresses = sg_tunnel_server_addresses (tunnel);
    return conf;
}
