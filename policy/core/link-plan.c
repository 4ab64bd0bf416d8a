/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/link-plan.h"

#include <string.h>

/* ---- the difference ---- */

static void
add (SgLinkPlan *plan, SgLinkAction action)
{
    g_array_append_val (plan->actions, action);
}

static bool
key_equal (const SgWgKey *a, const SgWgKey *b)
{
    return strcmp (a->text, b->text) == 0;
}

static void
add_device (SgLinkPlan *plan, const SgWgConf *now)
{
    const SgWgConf *to = plan->to->conf;
    unsigned fields = 0;

    if (!key_equal (&now->private_key, &to->private_key))
        fields |= SG_LINK_PRIVATE_KEY;
    if (now->listen_port != to->listen_port)
        fields |= SG_LINK_LISTEN_PORT;
    if (now->fwmark != to->fwmark)
        fields |= SG_LINK_FWMARK;
    if (fields)
        add (plan, (SgLinkAction) {.kind = SG_LINK_DEVICE, .fields = fields});
}

/* Whether every prefix of @part is in @whole. */
static bool
covers_all (const GArray *whole, const GArray *part)
{
    g_autoptr (GHashTable) set = g_hash_table_new (sg_prefix_hash, sg_prefix_equal);

    for (guint i = 0; i < whole->len; i++)
        g_hash_table_add (set, &g_array_index (whole, SgPrefix, i));
    for (guint i = 0; i < part->len; i++) {
        if (!g_hash_table_contains (set, &g_array_index (part, SgPrefix, i)))
            return false;
    }
    return true;
}

static unsigned
peer_fields (const SgWgPeer *now, const SgWgPeer *to)
{
    unsigned fields = 0;

    if (!key_equal (&now->preshared_key, &to->preshared_key))
        fields |= SG_LINK_PRESHARED_KEY;
    if (*to->endpoint.host && !sg_wg_endpoint_equal (&now->endpoint, &to->endpoint))
        fields |= SG_LINK_ENDPOINT;
    if (now->keepalive != to->keepalive)
        fields |= SG_LINK_KEEPALIVE;
    if (!covers_all (to->allowed_ips, now->allowed_ips))
        fields |= SG_LINK_ALLOWED_IPS;
    else if (!covers_all (now->allowed_ips, to->allowed_ips))
        fields |= SG_LINK_MORE_IPS;
    return fields;
}

static unsigned
new_peer_fields (const SgWgPeer *to)
{
    return SG_LINK_NEW_PEER | SG_LINK_ALLOWED_IPS | SG_LINK_KEEPALIVE |
           (*to->preshared_key.text ? SG_LINK_PRESHARED_KEY : 0) |
           (*to->endpoint.host ? SG_LINK_ENDPOINT : 0);
}

static void
add_peers (SgLinkPlan *plan, const SgWgConf *now)
{
    const SgWgConf *to = plan->to->conf;

    for (guint i = 0; i < to->peers->len; i++) {
        const SgWgPeer *peer = to->peers->pdata[i];
        const SgWgPeer *old = sg_wg_conf_peer (now, &peer->public_key);
        unsigned fields = old ? peer_fields (old, peer) : new_peer_fields (peer);

        if (fields)
            add (plan, (SgLinkAction) {.kind = SG_LINK_PEER_SET, .fields = fields, .peer = peer});
    }
}

static void
remove_peers (SgLinkPlan *plan, const SgWgConf *now)
{
    for (guint i = 0; i < now->peers->len; i++) {
        const SgWgPeer *peer = now->peers->pdata[i];

        if (!sg_wg_conf_peer (plan->to->conf, &peer->public_key))
            add (plan, (SgLinkAction) {.kind = SG_LINK_PEER_DEL, .peer = peer});
    }
}

/* The addresses of @of that @than has not. */
static void
add_addresses (SgLinkPlan *plan, SgLinkActionKind kind, const SgWgConf *of, const SgWgConf *than)
{
    for (guint i = 0; i < of->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (of->addresses, SgWgAddress, i);

        if (!sg_wg_conf_has_address (than, address))
            add (plan, (SgLinkAction) {.kind = kind, .address = address});
    }
}

static void
add_routes (SgLinkPlan *plan, SgLinkActionKind kind, const SgLinkState *of, const SgLinkState *than)
{
    for (guint i = 0; i < of->routes->len; i++) {
        const SgLinkRoute *route = &g_array_index (of->routes, SgLinkRoute, i);

        if (!sg_link_state_has_route (than, route))
            add (plan, (SgLinkAction) {.kind = kind, .route = route});
    }
}

SgLinkPlan *
sg_link_plan_new (const SgLinkState *now, const SgLinkState *to)
{
    SgLinkPlan *plan = g_new0 (SgLinkPlan, 1);

    plan->to = to;
    plan->actions =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgLinkAction));
    if (now->ipv6_off && !to->ipv6_off)
        add (plan, (SgLinkAction) {.kind = SG_LINK_IPV6_ON});
    /* The key first: a new peer begins its handshake at once, and a next try takes 5 s. */
    add_device (plan, now->conf);
    add_peers (plan, now->conf);
    add_addresses (plan, SG_LINK_ADDRESS_ADD, to->conf, now->conf);
    add_routes (plan, SG_LINK_ROUTE_ADD, to, now);
    if (now->conf->mtu != to->conf->mtu)
        add (plan, (SgLinkAction) {.kind = SG_LINK_MTU});
    add_routes (plan, SG_LINK_ROUTE_DEL, now, to);
    add_addresses (plan, SG_LINK_ADDRESS_DEL, now->conf, to->conf);
    remove_peers (plan, now->conf);
    if (!now->ipv6_off && to->ipv6_off)
        add (plan, (SgLinkAction) {.kind = SG_LINK_IPV6_OFF});
    return plan;
}

void
sg_link_plan_free (SgLinkPlan *plan)
{
    if (!plan)
        return;
    g_array_unref (plan->actions);
    g_free (plan);
}

/* ---- as text ---- */

static void
print_device (const SgLinkAction *action, const SgLinkState *to, GString *out)
{
    g_string_append_printf (out, "wg set %s", to->name);
    if (action->fields & SG_LINK_PRIVATE_KEY)
        g_string_append (out, " private-key /dev/stdin");
    if (action->fields & SG_LINK_LISTEN_PORT)
        g_string_append_printf (out, " listen-port %u", to->conf->listen_port);
    if (action->fields & SG_LINK_FWMARK)
        g_string_append_printf (out, " fwmark 0x%x", to->conf->fwmark);
}

static void
print_allowed_ips (const SgWgPeer *peer, GString *out)
{
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append (out, " allowed-ips ");
    for (guint i = 0; i < peer->allowed_ips->len; i++)
        g_string_append_printf (
            out, "%s%s", i ? "," : "",
            sg_prefix_format (&g_array_index (peer->allowed_ips, SgPrefix, i), text));
    if (peer->allowed_ips->len == 0)
        g_string_append (out, "''");
}

static void
print_peer (const SgLinkAction *action, const SgLinkState *to, GString *out)
{
    const SgWgPeer *peer = action->peer;

    g_string_append_printf (out, "wg set %s peer %s", to->name, peer->public_key.text);
    if (action->kind == SG_LINK_PEER_DEL) {
        g_string_append (out, " remove");
        return;
    }
    if (action->fields & SG_LINK_PRESHARED_KEY)
        g_string_append (out, *peer->preshared_key.text ? " preshared-key /dev/stdin"
                                                        : " preshared-key /dev/null");
    if (action->fields & SG_LINK_ENDPOINT) {
        g_autofree char *endpoint = sg_wg_endpoint_format (&peer->endpoint);

        g_string_append_printf (out, " endpoint %s", endpoint);
    }
    if (action->fields & SG_LINK_KEEPALIVE)
        g_string_append_printf (out, " persistent-keepalive %u", peer->keepalive);
    if (action->fields & (SG_LINK_ALLOWED_IPS | SG_LINK_MORE_IPS))
        print_allowed_ips (peer, out);
}

static void
print_address (const SgLinkAction *action, const SgLinkState *to, GString *out)
{
    const SgWgAddress *address = action->address;
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (
        out, "ip -%c address %s %s/%u dev %s%s", address->ip.family == AF_INET6 ? '6' : '4',
        action->kind == SG_LINK_ADDRESS_ADD ? "add" : "del", sg_ip_format (&address->ip, text),
        address->len, to->name, action->kind == SG_LINK_ADDRESS_ADD ? " noprefixroute" : "");
}

static void
print_route (const SgLinkAction *action, const SgLinkState *to, GString *out)
{
    const SgLinkRoute *route = action->route;
    char dst[SG_PREFIX_TEXT_MAX], prefsrc[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (out, "ip -%c route %s %s dev %s proto kernel",
                            route->dst.ip.family == AF_INET6 ? '6' : '4',
                            action->kind == SG_LINK_ROUTE_ADD ? "append" : "del",
                            sg_prefix_format (&route->dst, dst), to->name);
    if (sg_ip_is_set (&route->prefsrc))
        g_string_append_printf (out, " src %s", sg_ip_format (&route->prefsrc, prefsrc));
    g_string_append_printf (out, " metric %u", route->metric);
}

static void
print_action (const SgLinkAction *action, const SgLinkState *to, GString *out)
{
    switch (action->kind) {
    case SG_LINK_IPV6_ON:
    case SG_LINK_IPV6_OFF:
        g_string_append_printf (out, "sysctl net.ipv6.conf.%s.disable_ipv6=%d", to->name,
                                action->kind == SG_LINK_IPV6_OFF);
        break;
    case SG_LINK_DEVICE:
        print_device (action, to, out);
        break;
    case SG_LINK_PEER_SET:
    case SG_LINK_PEER_DEL:
        print_peer (action, to, out);
        break;
    case SG_LINK_ADDRESS_ADD:
    case SG_LINK_ADDRESS_DEL:
        print_address (action, to, out);
        break;
    case SG_LINK_ROUTE_ADD:
    case SG_LINK_ROUTE_DEL:
        print_route (action, to, out);
        break;
    case SG_LINK_MTU:
        g_string_append_printf (out, "ip link set dev %s mtu %u", to->name, to->conf->mtu);
        break;
    case SG_LINK_ACTION_KIND_N:
        break;
    }
}

char *
sg_link_action_to_string (const SgLinkAction *action, const SgLinkState *to)
{
    GString *out = g_string_new (NULL);

    print_action (action, to, out);
    return g_string_free (out, /* free_segment= */ FALSE);
}

char *
sg_link_plan_to_string (const SgLinkPlan *plan)
{
    GString *out = g_string_new (NULL);

    for (guint i = 0; i < plan->actions->len; i++) {
        print_action (&g_array_index (plan->actions, SgLinkAction, i), plan->to, out);
        g_string_append_c (out, '\n');
    }
    return g_string_free (out, /* free_segment= */ FALSE);
}
