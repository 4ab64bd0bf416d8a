/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A link's state as a GVariant and back: the rollback file's part of it. */
#include "core/link-state.h"

#include "base/error.h"
#include "core/profile-parts.h"

/* ---- there ---- */

static GVariant *
addresses_to_variant (const GArray *addresses)
{
    GVariantBuilder list;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("a(su)"));
    for (guint i = 0; i < addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (addresses, SgWgAddress, i);
        char text[SG_PREFIX_TEXT_MAX];

        g_variant_builder_add (&list, "(su)", sg_ip_format (&address->ip, text), address->len);
    }
    return g_variant_builder_end (&list);
}

static GVariant *
peer_to_variant (const SgWgPeer *peer)
{
    g_autofree char *endpoint =
        *peer->endpoint.host ? sg_wg_endpoint_format (&peer->endpoint) : g_strdup ("");
    GVariantBuilder allowed;

    g_variant_builder_init (&allowed, G_VARIANT_TYPE_STRING_ARRAY);
    for (guint i = 0; i < peer->allowed_ips->len; i++) {
        char text[SG_PREFIX_TEXT_MAX];

        g_variant_builder_add (
            &allowed, "s",
            sg_prefix_format (&g_array_index (peer->allowed_ips, SgPrefix, i), text));
    }
    return g_variant_new ("(s@ssuas)", peer->public_key.text,
                          sg_profile_secret (peer->preshared_key.text), endpoint, peer->keepalive,
                          &allowed);
}

static GVariant *
routes_to_variant (const GArray *routes)
{
    GVariantBuilder list;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("a(ssu)"));
    for (guint i = 0; i < routes->len; i++) {
        const SgLinkRoute *route = &g_array_index (routes, SgLinkRoute, i);
        char dst[SG_PREFIX_TEXT_MAX], prefsrc[SG_PREFIX_TEXT_MAX];

        g_variant_builder_add (
            &list, "(ssu)", sg_prefix_format (&route->dst, dst),
            sg_ip_is_set (&route->prefsrc) ? sg_ip_format (&route->prefsrc, prefsrc) : "",
            route->metric);
    }
    return g_variant_builder_end (&list);
}

GVariant *
sg_link_state_to_variant (const SgLinkState *state)
{
    const SgWgConf *conf = state->conf;
    GVariantBuilder peers;

    g_variant_builder_init (&peers, G_VARIANT_TYPE ("a(sssuas)"));
    for (guint i = 0; i < conf->peers->len; i++)
        g_variant_builder_add_value (&peers, peer_to_variant (conf->peers->pdata[i]));
    return g_variant_new (
        "(usb@suuu@a(su)a(sssuas)@a(ssu))", state->ifindex, state->name, state->ipv6_off,
        sg_profile_secret (conf->private_key.text), conf->listen_port, conf->fwmark, conf->mtu,
        addresses_to_variant (conf->addresses), &peers, routes_to_variant (state->routes));
}

/* ---- and back ---- */

/* "" is none. */
static bool
read_key (const char *text, SgWgKey *ret_key)
{
    return !*text || sg_wg_key_parse (text, /* zero_is_none= */ true, ret_key, NULL);
}

static bool
read_addresses (GVariant *list, GArray *addresses)
{
    GVariantIter iter;
    const char *ip;
    uint32_t len;

    g_variant_iter_init (&iter, list);
    while (g_variant_iter_next (&iter, "(&su)", &ip, &len)) {
        SgWgAddress address;

        if (!sg_ip_parse (ip, &address.ip) || len > sg_family_bits (address.ip.family))
            return false;
        address.len = (uint8_t) len;
        g_array_append_val (addresses, address);
    }
    return true;
}

static bool
read_peer (GVariant *entry, SgWgPeer *peer)
{
    g_autoptr (GVariant) allowed = g_variant_get_child_value (entry, 4);
    const char *public_key, *preshared_key, *endpoint, *text;
    uint32_t keepalive;
    GVariantIter iter;

    g_variant_get (entry, "(&s&s&su@as)", &public_key, &preshared_key, &endpoint, &keepalive, NULL);
    if (!sg_wg_key_parse (public_key, /* zero_is_none= */ false, &peer->public_key, NULL) ||
        !read_key (preshared_key, &peer->preshared_key) || keepalive > UINT16_MAX ||
        (*endpoint && !sg_wg_endpoint_parse (endpoint, &peer->endpoint, NULL)))
        return false;
    peer->keepalive = (uint16_t) keepalive;
    g_variant_iter_init (&iter, allowed);
    while (g_variant_iter_next (&iter, "&s", &text)) {
        SgPrefix prefix;

        if (!sg_wg_allowed_ip_parse (text, &prefix, NULL))
            return false;
        g_array_append_val (peer->allowed_ips, prefix);
    }
    return true;
}

static bool
read_peers (GVariant *list, GPtrArray *peers)
{
    for (gsize i = 0; i < g_variant_n_children (list); i++) {
        g_autoptr (GVariant) entry = g_variant_get_child_value (list, i);
        SgWgPeer *peer = sg_wg_peer_new ();

        g_ptr_array_add (peers, peer);
        if (!read_peer (entry, peer))
            return false;
    }
    return true;
}

static bool
read_routes (GVariant *list, GArray *routes)
{
    const char *dst, *prefsrc;
    GVariantIter iter;
    uint32_t metric;

    g_variant_iter_init (&iter, list);
    while (g_variant_iter_next (&iter, "(&s&su)", &dst, &prefsrc, &metric)) {
        SgLinkRoute route = {.metric = metric};

        if (!sg_prefix_parse (dst, &route.dst, NULL) ||
            (*prefsrc && !sg_ip_parse (prefsrc, &route.prefsrc)))
            return false;
        g_array_append_val (routes, route);
    }
    return true;
}

SgLinkState *
sg_link_state_from_variant (GVariant *value, GError **error)
{
    g_autoptr (GVariant) addresses = NULL;
    g_autoptr (GVariant) peers = NULL;
    g_autoptr (GVariant) routes = NULL;
    g_autoptr (SgLinkState) state = sg_link_state_new ("", 0);
    SgWgConf *conf = state->conf;
    const char *name, *private_key;
    gboolean ipv6_off;
    uint32_t port;

    if (g_variant_is_of_type (value, G_VARIANT_TYPE (SG_LINK_STATE_TYPE))) {
        g_variant_get (value, "(u&sb&suuu@a(su)@a(sssuas)@a(ssu))", &state->ifindex, &name,
                       &ipv6_off, &private_key, &port, &conf->fwmark, &conf->mtu, &addresses,
                       &peers, &routes);
        state->ipv6_off = ipv6_off;
        conf->listen_port = (uint16_t) port;
        if (g_strlcpy (state->name, name, sizeof state->name) < sizeof state->name &&
            port <= UINT16_MAX && read_key (private_key, &conf->private_key) &&
            read_addresses (addresses, conf->addresses) && read_peers (peers, conf->peers) &&
            read_routes (routes, state->routes))
            return g_steal_pointer (&state);
    }
    g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT, "this is no state of a WireGuard link");
    return NULL;
}
