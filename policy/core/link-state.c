/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/link-state.h"

#include <string.h>

/* What NetworkManager gives to routes of WireGuard links where the profile says nothing
 * (NM_DEVICE_TYPE_WIREGUARD in nm_device_get_route_metric_default()). */
#define METRIC_DEFAULT 50u

/* ---- life and death ---- */

SgLinkState *
sg_link_state_new (const char *name, uint32_t ifindex)
{
    SgLinkState *state = g_new0 (SgLinkState, 1);

    state->ifindex = ifindex;
    g_strlcpy (state->name, name, sizeof state->name);
    state->conf = sg_wg_conf_new ();
    state->routes =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgLinkRoute));
    return state;
}

void
sg_link_state_free (SgLinkState *state)
{
    if (!state)
        return;
    sg_wg_conf_free (state->conf);
    g_array_unref (state->routes);
    g_free (state);
}

/* ---- values ---- */

bool
sg_wg_endpoint_equal (const SgWgEndpoint *a, const SgWgEndpoint *b)
{
    return a->port == b->port && g_ascii_strcasecmp (a->host, b->host) == 0;
}

bool
sg_wg_address_equal (const SgWgAddress *a, const SgWgAddress *b)
{
    return sg_ip_compare (&a->ip, &b->ip) == 0 && (a->ip.family == AF_INET6 || a->len == b->len);
}

bool
sg_wg_conf_has_address (const SgWgConf *conf, const SgWgAddress *address)
{
    for (guint i = 0; i < conf->addresses->len; i++) {
        if (sg_wg_address_equal (&g_array_index (conf->addresses, SgWgAddress, i), address))
            return true;
    }
    return false;
}

bool
sg_wg_conf_has_family (const SgWgConf *conf, uint8_t family)
{
    for (guint i = 0; i < conf->addresses->len; i++) {
        if (g_array_index (conf->addresses, SgWgAddress, i).ip.family == family)
            return true;
    }
    return false;
}

bool
sg_link_state_has_route (const SgLinkState *state, const SgLinkRoute *route)
{
    for (guint i = 0; i < state->routes->len; i++) {
        const SgLinkRoute *other = &g_array_index (state->routes, SgLinkRoute, i);

        /* not the metric: whoever changed that meant it */
        if (sg_prefix_compare (&other->dst, &route->dst) == 0 &&
            sg_ip_compare (&other->prefsrc, &route->prefsrc) == 0)
            return true;
    }
    return false;
}

/* ---- what a profile means ---- */

static uint32_t
metric_of (const SgLinkState *now, uint8_t family)
{
    for (guint i = 0; i < now->routes->len; i++) {
        const SgLinkRoute *route = &g_array_index (now->routes, SgLinkRoute, i);

        if (route->dst.ip.family == family && !sg_ip_is_link_local (&route->dst.ip))
            return route->metric;
    }
    return METRIC_DEFAULT;
}

/* As nm_ip_config_add_device_routes() of NetworkManager: none for a lone IPv4 host, one for a lone
 * IPv6 host. */
static void
add_route_of (SgLinkState *state, const SgWgAddress *address, const SgLinkState *now)
{
    SgLinkRoute route = {.dst = sg_prefix_new (&address->ip, address->len),
                         .metric = metric_of (now, address->ip.family)};

    if (address->ip.family == AF_INET) {
        if (address->len == 32)
            return;
        route.prefsrc = address->ip;
    }
    if (!sg_link_state_has_route (state, &route))
        g_array_append_val (state->routes, route);
}

static void
copy_addresses (SgWgConf *to, const SgWgConf *from)
{
    g_array_append_vals (to->addresses, from->addresses->data, from->addresses->len);
}

SgLinkState *
sg_link_state_from_conf (const SgWgConf *conf, const SgLinkState *now)
{
    SgLinkState *state = sg_link_state_new (now->name, now->ifindex);

    state->ipv6_off = now->ipv6_off && !sg_wg_conf_has_family (conf, AF_INET6);
    state->conf->private_key = conf->private_key;
    state->conf->listen_port = conf->listen_port;
    state->conf->fwmark = conf->fwmark;
    state->conf->mtu = conf->mtu;
    copy_addresses (state->conf, conf);
    for (guint i = 0; i < conf->addresses->len; i++)
        add_route_of (state, &g_array_index (conf->addresses, SgWgAddress, i), now);
    for (guint i = 0; i < conf->peers->len; i++)
        g_ptr_array_add (state->conf->peers, sg_wg_peer_copy (conf->peers->pdata[i]));
    return state;
}

/* ---- a change made to what is ---- */

/* An MTU below what IPv6 needs makes the kernel drop every IPv6 address of the link. */
static uint32_t
merge_mtu (const SgLinkState *now, const SgLinkState *to)
{
    if (to->conf->mtu == 0 || (to->conf->mtu < SG_WG_MTU_IPV6 && !now->ipv6_off))
        return now->conf->mtu;
    return to->conf->mtu;
}

static void
merge_addresses (SgLinkState *state, const SgLinkState *now, const SgLinkState *from,
                 const SgLinkState *to)
{
    for (guint i = 0; i < now->conf->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (now->conf->addresses, SgWgAddress, i);

        if (sg_wg_conf_has_address (to->conf, address) ||
            !sg_wg_conf_has_address (from->conf, address))
            g_array_append_val (state->conf->addresses, *address);
    }
    for (guint i = 0; i < to->conf->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (to->conf->addresses, SgWgAddress, i);

        if (!sg_wg_conf_has_address (state->conf, address))
            g_array_append_val (state->conf->addresses, *address);
    }
}

static void
merge_routes (SgLinkState *state, const SgLinkState *now, const SgLinkState *from,
              const SgLinkState *to)
{
    for (guint i = 0; i < now->routes->len; i++) {
        const SgLinkRoute *route = &g_array_index (now->routes, SgLinkRoute, i);

        if (sg_link_state_has_route (to, route) || !sg_link_state_has_route (from, route))
            g_array_append_val (state->routes, *route);
    }
    for (guint i = 0; i < to->routes->len; i++) {
        const SgLinkRoute *route = &g_array_index (to->routes, SgLinkRoute, i);

        if (!sg_link_state_has_route (state, route))
            g_array_append_val (state->routes, *route);
    }
}

static SgWgPeer *
merge_peer (const SgWgPeer *now, const SgWgPeer *from, const SgWgPeer *to)
{
    SgWgPeer *peer = sg_wg_peer_copy (to);

    if (now && (!*to->endpoint.host || (*now->endpoint.host && from &&
                                        sg_wg_endpoint_equal (&from->endpoint, &to->endpoint))))
        peer->endpoint = now->endpoint;
    return peer;
}

/* The kernel gives an allowed IP to the last peer that asks for it. */
static void
settle_allowed_ips (GPtrArray *peers)
{
    g_autoptr (GHashTable) given = g_hash_table_new (sg_prefix_hash, sg_prefix_equal);
    g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

    for (guint i = peers->len; i-- > 0;) {
        SgWgPeer *peer = peers->pdata[i];
        const GArray *all = peer->allowed_ips;

        g_ptr_array_add (keys, peer->allowed_ips);
        peer->allowed_ips =
            g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));
        for (guint k = 0; k < all->len; k++) {
            const SgPrefix *prefix = &g_array_index (all, SgPrefix, k);

            if (g_hash_table_add (given, (void *) prefix))
                g_array_append_val (peer->allowed_ips, *prefix);
        }
    }
}

static void
merge_peers (SgLinkState *state, const SgLinkState *now, const SgLinkState *from,
             const SgLinkState *to)
{
    GPtrArray *peers = state->conf->peers;

    for (guint i = 0; i < now->conf->peers->len; i++) {
        const SgWgPeer *peer = now->conf->peers->pdata[i];

        if (!sg_wg_conf_peer (to->conf, &peer->public_key) &&
            !sg_wg_conf_peer (from->conf, &peer->public_key))
            g_ptr_array_add (peers, sg_wg_peer_copy (peer));
    }
    for (guint i = 0; i < to->conf->peers->len; i++) {
        const SgWgPeer *peer = to->conf->peers->pdata[i];

        g_ptr_array_add (peers, merge_peer (sg_wg_conf_peer (now->conf, &peer->public_key),
                                            sg_wg_conf_peer (from->conf, &peer->public_key), peer));
    }
    settle_allowed_ips (peers);
}

SgLinkState *
sg_link_state_merge (const SgLinkState *now, const SgLinkState *from, const SgLinkState *to)
{
    SgLinkState *state = sg_link_state_new (now->name, now->ifindex);
    SgWgConf *conf = state->conf;

    state->ipv6_off = to->ipv6_off;
    conf->private_key =
        *to->conf->private_key.text ? to->conf->private_key : now->conf->private_key;
    conf->listen_port = to->conf->listen_port ? to->conf->listen_port : now->conf->listen_port;
    conf->fwmark = to->conf->fwmark ? to->conf->fwmark : now->conf->fwmark;
    conf->mtu = merge_mtu (now, to);
    merge_addresses (state, now, from, to);
    merge_routes (state, now, from, to);
    merge_peers (state, now, from, to);
    return state;
}
