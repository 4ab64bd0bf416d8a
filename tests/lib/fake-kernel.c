/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/fake-kernel.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/tunnel-sysctl.h"

typedef struct {
    SgKernel base;
    SgSnapshot *state;
} Fake;

/* ---- copies ---- */

void
sg_fake_copy (const SgSnapshot *from, SgSnapshot *to)
{
    g_array_append_vals (to->links, from->links->data, from->links->len);
    g_array_append_vals (to->addresses, from->addresses->data, from->addresses->len);
    g_array_append_vals (to->rules, from->rules->data, from->rules->len);
    g_array_append_vals (to->wireguards, from->wireguards->data, from->wireguards->len);
    g_array_append_vals (to->peers, from->peers->data, from->peers->len);
    g_array_append_vals (to->allowed, from->allowed->data, from->allowed->len);
    g_array_append_vals (to->proxies, from->proxies->data, from->proxies->len);
    g_array_append_vals (to->nexthops, from->nexthops->data, from->nexthops->len);
    g_array_append_vals (to->sysctls, from->sysctls->data, from->sysctls->len);
    for (guint i = 0; i < from->routes->len; i++)
        g_ptr_array_add (to->routes, sg_route_copy (g_ptr_array_index (from->routes, i)));
    to->rp_filter_all = from->rp_filter_all;
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        g_clear_pointer (&to->nft[family], sg_nft_table_free);
        if (from->nft[family])
            to->nft[family] = sg_fake_nft_copy (from->nft[family]);
    }
}

static bool
fake_dump (SgKernel *kernel, const SgConfig *config, SgSnapshot *snapshot, GError **error)
{
    Fake *self = (Fake *) kernel;

    if (!self->state->nft[SG_IPV6])
        self->state->nft[SG_IPV6] = sg_nft_table_new (/* NFPROTO_IPV6 */ 10, config->nft_table);
    if (!self->state->nft[SG_IPV4])
        self->state->nft[SG_IPV4] = sg_nft_table_new (/* NFPROTO_IPV4 */ 2, config->nft_table);
    sg_fake_copy (self->state, snapshot);
    kernel->stats.dumps++;
    return true;
}

/* ---- rules (net/core/fib_rules.c) ---- */

static int
rule_add (GArray *rules, const SgRule *rule)
{
    guint at = 0;

    for (guint i = 0; i < rules->len; i++) {
        const SgRule *have = &g_array_index (rules, SgRule, i);

        if (sg_rule_compare (have, rule) == 0)
            return EEXIST;
        /* Behind those of the same preference. */
        if (have->pref <= rule->pref)
            at = i + 1;
    }
    g_array_insert_val (rules, at, *rule);
    return 0;
}

/* Whether a deletion that names @rule hits @have: what it does not name is "any". */
static bool
rule_matches (const SgRule *have, const SgRule *rule)
{
    return have->family == rule->family && have->pref == rule->pref &&
           have->action == rule->action && have->protocol == rule->protocol &&
           (rule->table == 0 || have->table == rule->table) &&
           (rule->fwmask == 0 || (have->fwmask == rule->fwmask && have->fwmark == rule->fwmark)) &&
           (rule->suppress_prefixlen < 0 || have->suppress_prefixlen == rule->suppress_prefixlen) &&
           (rule->src.len == 0 || sg_prefix_compare (&have->src, &rule->src) == 0) &&
           (rule->dst.len == 0 || sg_prefix_compare (&have->dst, &rule->dst) == 0) &&
           (rule->iif[0] == '\0' || strcmp (have->iif, rule->iif) == 0) &&
           (rule->oif[0] == '\0' || strcmp (have->oif, rule->oif) == 0);
}

static int
rule_del (GArray *rules, const SgRule *rule)
{
    for (guint i = 0; i < rules->len; i++) {
        if (rule_matches (&g_array_index (rules, SgRule, i), rule)) {
            g_array_remove_index (rules, i);
            return 0;
        }
    }
    return ENOENT;
}

/* ---- routes (net/ipv6/ip6_fib.c) ---- */

/* Whether routes of one slot are members of one multipath route: all through gateways. */
static bool
can_merge (const SgRoute *route)
{
    if (route->family != AF_INET6 || route->nexthop_id != 0 || route->n_nexthops == 0)
        return false;
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (!sg_ip_is_set (&route->nexthops[i].gateway))
            return false;
    }
    return true;
}

static bool
has_hop (const SgRoute *route, const SgNexthop *hop)
{
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (route->nexthops[i].ifindex == hop->ifindex &&
            sg_ip_compare (&route->nexthops[i].gateway, &hop->gateway) == 0)
            return true;
    }
    return false;
}

/* @have with the next hops of @route that it does not have; NULL when it has all. */
static SgRoute *
merge (const SgRoute *have, const SgRoute *route)
{
    SgRoute *merged =
        g_realloc (sg_route_copy (have), sizeof (*have) + (have->n_nexthops + route->n_nexthops) *
                                                              sizeof (*have->nexthops));

    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (!has_hop (have, &route->nexthops[i]))
            merged->nexthops[merged->n_nexthops++] = route->nexthops[i];
    }
    if (merged->n_nexthops == have->n_nexthops) {
        g_free (merged);
        return NULL;
    }
    sg_route_sort_nexthops (merged);
    return merged;
}

static int
route_append (GPtrArray *routes, const SgRoute *route)
{
    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *have = g_ptr_array_index (routes, i);

        if (!sg_route_same_slot (have, route))
            continue;
        if (sg_route_same_path (have, route))
            return EEXIST;
        if (can_merge (have) && can_merge (route)) {
            SgRoute *merged = merge (have, route);

            if (!merged)
                return EEXIST;
            g_free (routes->pdata[i]);
            routes->pdata[i] = merged;
            return 0;
        }
    }
    g_ptr_array_add (routes, sg_route_copy (route));
    return 0;
}

/* The first of the slot makes room. */
static int
route_replace (GPtrArray *routes, const SgRoute *route)
{
    for (guint i = 0; i < routes->len; i++) {
        if (sg_route_same_slot (g_ptr_array_index (routes, i), route)) {
            g_free (routes->pdata[i]);
            routes->pdata[i] = sg_route_copy (route);
            return 0;
        }
    }
    g_ptr_array_add (routes, sg_route_copy (route));
    return 0;
}

static bool
route_matches (const SgRoute *have, const SgRoute *route)
{
    return sg_route_same_slot (have, route) && have->protocol == route->protocol &&
           have->nexthop_id == route->nexthop_id &&
           (have->n_nexthops == 0) == (route->n_nexthops == 0);
}

/* Takes the hops of @route out of routes that match; a route without hops goes as a whole. */
static int
route_del (GPtrArray *routes, const SgRoute *route)
{
    int result = ESRCH;

    for (guint i = routes->len; i-- > 0;) {
        SgRoute *have = g_ptr_array_index (routes, i);
        uint16_t left = 0;

        if (!route_matches (have, route))
            continue;
        for (uint16_t j = 0; route->nexthop_id == 0 && j < have->n_nexthops; j++) {
            if (!has_hop (route, &have->nexthops[j]))
                have->nexthops[left++] = have->nexthops[j];
        }
        if (left < have->n_nexthops || have->n_nexthops == 0)
            result = 0;
        have->n_nexthops = left;
        if (left == 0)
            g_ptr_array_remove_index (routes, i);
    }
    return result;
}

static int
nexthop_find (const SgSnapshot *state, uint32_t id)
{
    for (guint i = 0; i < state->nexthops->len; i++) {
        if (g_array_index (state->nexthops, SgNexthopObject, i).id == id)
            return (int) i;
    }
    return -1;
}

/* 0, or why a route cannot lead there (net/ipv6/route.c). Next hops of others are there: a snapshot holds them
 * for the tunnel role only. */
static int
refuse_route (const SgSnapshot *state, const SgRoute *route)
{
    if (route->nexthop_id >= SG_NEXTHOP_BASE && nexthop_find (state, route->nexthop_id) < 0)
        return EINVAL;
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        uint32_t ifindex = route->nexthops[i].ifindex;

        if (ifindex != SG_LOOPBACK_IFINDEX && !sg_snapshot_link (state, ifindex))
            return ENODEV;
    }
    return 0;
}

static int
set_fwmark (SgSnapshot *state, uint32_t ifindex, uint32_t fwmark)
{
    for (guint i = 0; i < state->wireguards->len; i++) {
        SgWireguard *wireguard = &g_array_index (state->wireguards, SgWireguard, i);

        if (wireguard->ifindex == ifindex) {
            wireguard->fwmark = fwmark;
            return 0;
        }
    }
    return ENODEV;
}

static int
set_rp_filter (SgSnapshot *state, uint32_t ifindex, uint8_t value)
{
    for (guint i = 0; i < state->links->len; i++) {
        SgLink *link = &g_array_index (state->links, SgLink, i);

        if (link->ifindex == ifindex)
            link->rp_filter = value;
    }
    return 0;
}

/* A peer that is not there is not made (WGPEER_F_UPDATE_ONLY). */
static int
set_preshared (SgSnapshot *state, const SgAction *action)
{
    for (guint i = 0; i < state->peers->len; i++) {
        SgWireguardPeer *peer = &g_array_index (state->peers, SgWireguardPeer, i);

        if (peer->ifindex == action->ifindex &&
            sg_wg_key_equal (&peer->public_key, &action->public_key))
            peer->preshared = true;
    }
    return 0;
}

/* ---- the tunnel role ---- */

/* Takes the peer away, and returns the index where it was; -1 when it was not there. */
static int
peer_del (SgSnapshot *state, uint32_t ifindex, const SgWgRawKey *public_key)
{
    for (guint i = 0; i < state->peers->len; i++) {
        SgWireguardPeer *peer = &g_array_index (state->peers, SgWireguardPeer, i);

        if (peer->ifindex != ifindex || !sg_wg_key_equal (&peer->public_key, public_key))
            continue;
        g_array_remove_index (state->peers, i);
        for (guint j = state->allowed->len; j-- > 0;) {
            SgWireguardAllowed *allowed = &g_array_index (state->allowed, SgWireguardAllowed, j);

            if (allowed->peer == i)
                g_array_remove_index (state->allowed, j);
            else if (allowed->peer > i)
                allowed->peer--;
        }
        return (int) i;
    }
    return -1;
}

/* As the last of all: the order of peers means nothing. */
static void
peer_set (SgSnapshot *state, const SgWantedPeer *wanted)
{
    SgWireguardPeer peer = {wanted->ifindex, wanted->public_key, wanted->preshared};
    SgWireguardAllowed ip4 = {0, sg_prefix_host (&wanted->ip4)};
    SgWireguardAllowed ip6 = {0, sg_prefix_host (&wanted->ip6)};

    peer_del (state, wanted->ifindex, &wanted->public_key);
    ip4.peer = ip6.peer = state->peers->len;
    g_array_append_val (state->peers, peer);
    g_array_append_val (state->allowed, ip4);
    if (sg_ip_is_set (&wanted->ip6))
        g_array_append_val (state->allowed, ip6);
}

/* The one for all sets each link's, and that of links to come (net/ipv6/addrconf.c). */
static bool
sysctl_sets (const SgSysctl *wanted, const char *path)
{
    return strcmp (path, wanted->path) == 0 ||
           (strcmp (wanted->path, SG_TUNNEL_FORWARDING_ALL) == 0 &&
            g_str_has_suffix (path, "/forwarding"));
}

static int
sysctl_set (SgSnapshot *state, const SgSysctl *wanted)
{
    int errnum = ENOENT;

    for (guint i = 0; i < state->sysctls->len; i++) {
        SgSysctl *sysctl = &g_array_index (state->sysctls, SgSysctl, i);

        if (!sysctl_sets (wanted, sysctl->path))
            continue;
        sysctl->value = wanted->value;
        errnum = 0;
    }
    return errnum;
}

static void
proxy_del (SgSnapshot *state, const SgProxy *proxy)
{
    for (guint i = state->proxies->len; i-- > 0;) {
        const SgProxy *have = &g_array_index (state->proxies, SgProxy, i);

        if (have->ifindex == proxy->ifindex && sg_ip_compare (&have->ip, &proxy->ip) == 0)
            g_array_remove_index (state->proxies, i);
    }
}

static int
nexthop_add (SgSnapshot *state, const SgNexthopObject *nexthop)
{
    if (nexthop_find (state, nexthop->id) >= 0)
        return EEXIST;
    if (!sg_snapshot_link (state, nexthop->ifindex))
        return ENODEV;
    g_array_append_vals (state->nexthops, nexthop, 1);
    return 0;
}

/* Takes its routes along (net/ipv4/nexthop.c, __remove_nexthop_fib). */
static void
nexthop_del (SgSnapshot *state, uint32_t id)
{
    int at = nexthop_find (state, id);

    if (at >= 0)
        g_array_remove_index (state->nexthops, (guint) at);
    for (guint i = state->routes->len; i-- > 0;) {
        const SgRoute *route = g_ptr_array_index (state->routes, i);

        if (route->nexthop_id == id)
            g_ptr_array_remove_index (state->routes, i);
    }
}

static void
address_del (SgSnapshot *state, const SgAddress *address)
{
    for (guint i = state->addresses->len; i-- > 0;) {
        const SgAddress *have = &g_array_index (state->addresses, SgAddress, i);

        if (have->ifindex == address->ifindex && have->prefix_len == address->prefix_len &&
            sg_ip_compare (&have->ip, &address->ip) == 0)
            g_array_remove_index (state->addresses, i);
    }
}

/* ---- commits ---- */

/* One action that is not of nftables; 0 or the errno that counts as failure (see
 * SgActionKind). */
static int
change (SgSnapshot *state, const SgAction *action)
{
    int errnum;

    switch (action->kind) {
    case SG_ACTION_WG_FWMARK:
        return set_fwmark (state, action->ifindex, action->fwmark);
    case SG_ACTION_WG_PRESHARED_KEY:
        return set_preshared (state, action);
    case SG_ACTION_WG_PEER_SET:
        peer_set (state, &action->peer);
        return 0;
    case SG_ACTION_WG_PEER_DEL:
        peer_del (state, action->ifindex, &action->public_key);
        return 0;
    case SG_ACTION_SYSCTL:
        return sysctl_set (state, &action->sysctl);
    case SG_ACTION_PROXY_ADD:
        proxy_del (state, &action->proxy);
        g_array_append_val (state->proxies, action->proxy);
        return 0;
    case SG_ACTION_PROXY_DEL:
        proxy_del (state, &action->proxy);
        return 0;
    case SG_ACTION_ADDRESS_DEL:
        address_del (state, &action->address);
        return 0;
    case SG_ACTION_ADDRESS_ADD:
        g_array_append_val (state->addresses, action->address);
        return 0;
    case SG_ACTION_NEXTHOP_ADD:
        return nexthop_add (state, &action->nexthop);
    case SG_ACTION_NEXTHOP_DEL:
        nexthop_del (state, action->nexthop.id);
        return 0;
    case SG_ACTION_ROUTE_ADD:
        errnum = refuse_route (state, action->route);
        if (errnum == 0)
            route_append (state->routes, action->route);
        return errnum;
    case SG_ACTION_ROUTE_REPLACE:
        errnum = refuse_route (state, action->route);
        return errnum ? errnum : route_replace (state->routes, action->route);
    case SG_ACTION_ROUTE_DEL:
        route_del (state->routes, action->route);
        return 0;
    case SG_ACTION_RULE_ADD:
        rule_add (state->rules, &action->rule);
        return 0;
    case SG_ACTION_RULE_DEL:
        rule_del (state->rules, &action->rule);
        return 0;
    case SG_ACTION_SOCKETS_CLOSE:
        return 0;
    case SG_ACTION_RP_FILTER:
        return set_rp_filter (state, action->ifindex, action->value);
    case SG_ACTION_NFT_TABLE_ADD:
    case SG_ACTION_NFT_SET_ADD:
    case SG_ACTION_NFT_SET_DEL:
    case SG_ACTION_NFT_CHAIN_ADD:
    case SG_ACTION_NFT_CHAIN_DEL:
    case SG_ACTION_NFT_CHAIN_FLUSH:
    case SG_ACTION_NFT_RULE_ADD:
    case SG_ACTION_NFT_ELEMENT_ADD:
    case SG_ACTION_NFT_ELEMENT_DEL:
    case SG_ACTION_KIND_N:
        break;
    }
    g_assert_not_reached ();
}

static void
add_failure (GPtrArray *failures, const SgAction *action, const SgSnapshot *snapshot, int errnum)
{
    g_autofree char *what = sg_action_to_string (action, snapshot);

    g_ptr_array_add (failures,
                     g_error_new (SG_ERROR, SG_ERROR_KERNEL, "%s: %s", what, g_strerror (errnum)));
}

/* The actions of nftables at the start of @actions: one transaction. */
static size_t
commit_nft (Fake *self, const SgSnapshot *snapshot, const SgAction *actions, size_t n,
            GPtrArray *failures)
{
    size_t len = 0;
    size_t bad = 0;
    int errnum = 0;

    while (len < n && actions[len].kind < SG_ACTION_WG_FWMARK)
        len++;
    SgNftTable *made[SG_FAMILY_N] = {NULL};
    bool good = true;

    for (SgFamily family = 0; family < SG_FAMILY_N && good; family++) {
        made[family] = sg_fake_nft_transact (self->state->nft[family], actions, len, &bad, &errnum);
        good = made[family] != NULL;
    }
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        if (good)
            sg_nft_table_free (self->state->nft[family]);
        else
            sg_nft_table_free (made[family]);
        if (good)
            self->state->nft[family] = made[family];
    }
    if (!good)
        add_failure (failures, &actions[bad], snapshot, errnum);
    return len;
}

static bool
fake_commit (SgKernel *kernel, const SgSnapshot *snapshot, const SgAction *actions, size_t n,
             GPtrArray *failures)
{
    Fake *self = (Fake *) kernel;
    guint before = failures->len;

    kernel->stats.writes += n;
    for (size_t i = 0; i < n;) {
        if (actions[i].kind < SG_ACTION_WG_FWMARK) {
            i += commit_nft (self, snapshot, &actions[i], n - i, failures);
        } else {
            int errnum = change (self->state, &actions[i]);

            if (errnum != 0)
                add_failure (failures, &actions[i], snapshot, errnum);
            i++;
        }
    }
    return failures->len == before;
}

static void
fake_close (SgKernel *kernel)
{
    Fake *self = (Fake *) kernel;

    sg_snapshot_free (self->state);
    g_free (self);
}

static const SgKernelOps fake_ops = {fake_dump, fake_commit, fake_close};

SgKernel *
sg_fake_kernel_new (const SgSnapshot *snapshot)
{
    Fake *self = g_new0 (Fake, 1);

    self->base.ops = &fake_ops;
    self->state = sg_snapshot_new ();
    sg_fake_copy (snapshot, self->state);
    return &self->base;
}
