/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan as the commands that would do the same; each line can be pasted into a shell. */
#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */

#include "core/plan.h"

#include <linux/if_addr.h>
#include <linux/netfilter.h>
#include <inttypes.h>
#include <string.h>

#include "core/contract.h"
#include "core/resolver.h"

/* ---- words ---- */

static const char *
type_word (SgNftType type)
{
    switch (type) {
    case SG_NFT_TYPE_NONE:
        break;
    case SG_NFT_TYPE_IPV4_ADDR:
        return "ipv4_addr";
    case SG_NFT_TYPE_IPV6_ADDR:
        return "ipv6_addr";
    case SG_NFT_TYPE_INET_PROTO:
        return "inet_proto";
    case SG_NFT_TYPE_INET_SERVICE:
        return "inet_service";
    case SG_NFT_TYPE_MARK:
        return "mark";
    case SG_NFT_TYPE_IFINDEX:
        return "iface_index";
    }
    return "?";
}

static const char *
hook_word (uint32_t hook)
{
    static const char *const words[] = {"prerouting", "input", "forward", "output", "postrouting"};

    return hook < G_N_ELEMENTS (words) ? words[hook] : "?";
}

static const char *
family_word (const SgNftTable *table)
{
    return sg_nft_family_word (table->family);
}

/* ---- sets and elements ---- */

static void
print_set (const SgNftSet *set, const SgNftTable *table, GString *out)
{
    g_string_append_printf (out, "add %s %s %s %s { type ", set->data ? "map" : "set",
                            family_word (table), table->name, set->name);
    for (uint32_t i = 0; i < set->n_key; i++)
        g_string_append_printf (out, "%s%s", i ? " . " : "", type_word (set->key[i]));
    if (set->data)
        g_string_append_printf (out, " : %s", type_word (set->data));
    if (set->interval || set->timeout)
        g_string_append_printf (out, "; flags %s%s%s", set->interval ? "interval" : "",
                                set->interval && set->timeout ? "," : "",
                                set->timeout ? "timeout" : "");
    g_string_append (out, "; }");
}

static void
print_interface (uint32_t ifindex, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (ifindex, snapshot);

    if (name)
        g_string_append_printf (out, "\"%s\"", name);
    else
        g_string_append_printf (out, "%u", ifindex);
}

/* How many leading bits two addresses share: the length of the prefix from @first to @last. */
static uint8_t
prefix_len (const uint8_t *first, const uint8_t *last, size_t bytes)
{
    uint8_t len = 0;

    while (len < bytes * 8 && ((first[len / 8] ^ last[len / 8]) & (0x80u >> len % 8)) == 0)
        len++;
    return len;
}

static void
print_address (const uint8_t *first, const uint8_t *last, uint8_t family, GString *out)
{
    SgIp ip = sg_ip_from_bytes (family, first);
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append (out, sg_ip_format (&ip, text));
    if (last && prefix_len (first, last, sg_family_bytes (family)) < sg_family_bits (family))
        g_string_append_printf (out, "/%u", prefix_len (first, last, sg_family_bytes (family)));
}

/* One field of a key; @end: its last value in sets with intervals, else NULL. */
static void
print_field (SgNftType type, const uint8_t *key, const uint8_t *end, const SgSnapshot *snapshot,
             GString *out)
{
    uint32_t number, last;

    memcpy (&number, key, sizeof number);
    memcpy (&last, end ? end : key, sizeof last);
    switch (type) {
    case SG_NFT_TYPE_IPV4_ADDR:
        print_address (key, end, AF_INET, out);
        break;
    case SG_NFT_TYPE_IPV6_ADDR:
        print_address (key, end, AF_INET6, out);
        break;
    case SG_NFT_TYPE_IFINDEX:
        if (number != last)
            g_string_append_printf (out, "%u-%u", GUINT32_FROM_BE (number), GUINT32_FROM_BE (last));
        else
            print_interface (end ? GUINT32_FROM_BE (number) : number, snapshot, out);
        break;
    case SG_NFT_TYPE_MARK:
        g_string_append_printf (out, "0x%x", number);
        break;
    case SG_NFT_TYPE_INET_PROTO:
        g_string_append_printf (out, "%u", key[0]);
        break;
    case SG_NFT_TYPE_INET_SERVICE:
        g_string_append_printf (out, "%u", key[0] << 8 | key[1]);
        break;
    case SG_NFT_TYPE_NONE:
        break;
    }
}

static void
print_element (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const SgNftSet *set = action->set;
    const SgNftElement *element = &action->element;
    size_t offset = 0;

    g_string_append_printf (out, "%s element %s %s %s { ",
                            action->kind == SG_ACTION_NFT_ELEMENT_ADD ? "add" : "delete",
                            family_word (action->table), action->table->name, set->name);
    for (uint32_t i = 0; i < set->n_key; i++) {
        g_string_append (out, i ? " . " : "");
        print_field (set->key[i], element->key + offset,
                     set->interval ? element->key_end + offset : NULL, snapshot, out);
        offset += (sg_nft_type_len (set->key[i]) + 3) & ~3u;
    }
    if (element->timeout_ms && action->kind == SG_ACTION_NFT_ELEMENT_ADD)
        g_string_append_printf (out, " timeout %" PRIu64 "ms", element->timeout_ms);
    if (set->data)
        g_string_append_printf (out, set->data == SG_NFT_TYPE_INET_SERVICE ? " : %u" : " : 0x%x",
                                element->data);
    g_string_append (out, " }");
}

/* ---- tables, chains, rules ---- */

static void
print_chain (const SgNftChain *chain, const SgNftTable *table, GString *out)
{
    g_string_append_printf (out, "add chain %s %s %s", family_word (table), table->name,
                            chain->name);
    if (chain->base)
        g_string_append_printf (out, " { type %s hook %s priority %d; policy %s; }", chain->type,
                                hook_word (chain->hook), chain->priority,
                                chain->policy == NF_ACCEPT ? "accept" : "drop");
}

static void
print_nft (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const SgNftTable *table = action->table;
    const char *verb = NULL;

    if (action->kind == SG_ACTION_NFT_TABLE_ADD)
        g_string_append_printf (out, "add table %s %s", family_word (table), table->name);
    else if (action->kind == SG_ACTION_NFT_SET_ADD)
        print_set (action->set, table, out);
    else if (action->kind == SG_ACTION_NFT_SET_DEL)
        g_string_append_printf (out, "delete %s %s %s %s", action->set->data ? "map" : "set",
                                family_word (table), table->name, action->set->name);
    else if (action->kind == SG_ACTION_NFT_CHAIN_ADD)
        print_chain (action->chain, table, out);
    else if (action->kind == SG_ACTION_NFT_CHAIN_DEL)
        verb = "delete";
    else if (action->kind == SG_ACTION_NFT_CHAIN_FLUSH)
        verb = "flush";
    else if (action->kind == SG_ACTION_NFT_RULE_ADD)
        g_string_append_printf (out, "add rule %s %s %s %s", family_word (table), table->name,
                                action->chain->name, action->nft_rule->text);
    else
        print_element (action, snapshot, out);
    if (verb)
        g_string_append_printf (out, "%s chain %s %s %s", verb, family_word (table), table->name,
                                action->chain->name);
}

/* ---- public ---- */

static void
print_route (const char *verb, const SgRoute *route, const SgSnapshot *snapshot, GString *out)
{
    g_string_append_printf (out, "ip -%c route %s ", route->family == AF_INET6 ? '6' : '4', verb);
    sg_route_print (route, sg_snapshot_link_name, snapshot, out);
}

static void
print_rule (const char *verb, const SgRule *rule, GString *out)
{
    g_string_append_printf (out, "ip -%c rule %s ", rule->family == AF_INET6 ? '6' : '4', verb);
    sg_rule_print (rule, out);
}

static void
print_fwmark (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (action->ifindex, snapshot);

    g_string_append_printf (out, "wg set %s fwmark 0x%x", name ? name : "?", action->fwmark);
}

/* The key itself is nowhere near: whoever pastes the line types it. */
static void
print_preshared (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (action->ifindex, snapshot);
    SgWgKey key;

    sg_wg_key_encode (&action->public_key, &key);
    g_string_append_printf (out, "wg set %s peer %s preshared-key /dev/stdin", name ? name : "?",
                            key.text);
}

static void
print_link_address (const char *verb, const SgAddress *address, const SgSnapshot *snapshot,
                    GString *out)
{
    const char *name = sg_snapshot_link_name (address->ifindex, snapshot);
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (
        out, "ip -%c address %s %s/%u dev %s%s%s", address->ip.family == AF_INET6 ? '6' : '4', verb,
        sg_ip_format (&address->ip, text), address->prefix_len, name ? name : "?",
        address->flags & IFA_F_NOPREFIXROUTE ? " noprefixroute" : "",
        address->flags & IFA_F_DEPRECATED ? " preferred_lft 0" : "");
}

static void
print_peer (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const SgWantedPeer *peer = &action->peer;
    bool set = action->kind == SG_ACTION_WG_PEER_SET;
    const char *name = sg_snapshot_link_name (set ? peer->ifindex : action->ifindex, snapshot);
    char text[SG_PREFIX_TEXT_MAX];
    SgWgKey key;

    sg_wg_key_encode (set ? &peer->public_key : &action->public_key, &key);
    g_string_append_printf (out, "wg set %s peer %s ", name ? name : "?", key.text);
    if (!set) {
        g_string_append (out, "remove");
        return;
    }
    if (peer->preshared)
        g_string_append (out, "preshared-key /dev/stdin ");
    g_string_append_printf (out, "allowed-ips %s/32", sg_ip_format (&peer->ip4, text));
    if (sg_ip_is_set (&peer->ip6))
        g_string_append_printf (out, ",%s/128", sg_ip_format (&peer->ip6, text));
}

static void
print_proxy (const char *verb, const SgProxy *proxy, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (proxy->ifindex, snapshot);
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (out, "ip -6 neighbour %s proxy %s dev %s", verb,
                            sg_ip_format (&proxy->ip, text), name ? name : "?");
}

static void
print_nexthop (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const SgNexthopObject *nexthop = &action->nexthop;
    const char *name = sg_snapshot_link_name (nexthop->ifindex, snapshot);

    if (action->kind == SG_ACTION_NEXTHOP_ADD)
        g_string_append_printf (out, "ip -6 nexthop add id %u dev %s proto " SG_PROTOCOL_NAME,
                                nexthop->id, name ? name : "?");
    else
        g_string_append_printf (out, "ip -6 nexthop del id %u", nexthop->id);
}

static void
print_rp_filter (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (action->ifindex, snapshot);

    /* With slashes: an interface's name may hold a dot. */
    g_string_append_printf (out, "sysctl -w net/ipv4/conf/%s/rp_filter=%u", name ? name : "?",
                            action->value);
}

static void
print_action (const SgAction *action, const SgSnapshot *snapshot, GString *out)
{
    char text[SG_PREFIX_TEXT_MAX];

    switch (action->kind) {
    case SG_ACTION_NFT_TABLE_ADD:
    case SG_ACTION_NFT_SET_ADD:
    case SG_ACTION_NFT_SET_DEL:
    case SG_ACTION_NFT_CHAIN_ADD:
    case SG_ACTION_NFT_CHAIN_DEL:
    case SG_ACTION_NFT_CHAIN_FLUSH:
    case SG_ACTION_NFT_RULE_ADD:
    case SG_ACTION_NFT_ELEMENT_ADD:
    case SG_ACTION_NFT_ELEMENT_DEL:
        g_string_append (out, "nft '");
        print_nft (action, snapshot, out);
        g_string_append_c (out, '\'');
        break;
    case SG_ACTION_WG_FWMARK:
        print_fwmark (action, snapshot, out);
        break;
    case SG_ACTION_WG_PRESHARED_KEY:
        print_preshared (action, snapshot, out);
        break;
    case SG_ACTION_WG_PEER_SET:
    case SG_ACTION_WG_PEER_DEL:
        print_peer (action, snapshot, out);
        break;
    case SG_ACTION_SYSCTL:
        g_string_append_printf (out, "sysctl -w %s=%d", action->sysctl.path, action->sysctl.value);
        break;
    case SG_ACTION_PROXY_ADD:
        print_proxy ("replace", &action->proxy, snapshot, out);
        g_string_append (out, " proto " SG_PROTOCOL_NAME);
        break;
    case SG_ACTION_PROXY_DEL:
        print_proxy ("del", &action->proxy, snapshot, out);
        break;
    case SG_ACTION_ADDRESS_ADD:
        print_link_address ("add", &action->address, snapshot, out);
        break;
    case SG_ACTION_ADDRESS_DEL:
        print_link_address ("del", &action->address, snapshot, out);
        break;
    case SG_ACTION_NEXTHOP_ADD:
    case SG_ACTION_NEXTHOP_DEL:
        print_nexthop (action, snapshot, out);
        break;
    case SG_ACTION_ROUTE_ADD:
        print_route ("append", action->route, snapshot, out);
        break;
    case SG_ACTION_ROUTE_REPLACE:
        print_route ("replace", action->route, snapshot, out);
        break;
    case SG_ACTION_ROUTE_DEL:
        print_route ("del", action->route, snapshot, out);
        break;
    case SG_ACTION_RULE_ADD:
        print_rule ("add", &action->rule, out);
        break;
    case SG_ACTION_RULE_DEL:
        print_rule ("del", &action->rule, out);
        break;
    case SG_ACTION_SOCKETS_CLOSE:
        g_string_append_printf (out, "ss --kill --tcp --udp src %s",
                                sg_ip_format (&action->address.ip, text));
        break;
    case SG_ACTION_RP_FILTER:
        print_rp_filter (action, snapshot, out);
        break;
    case SG_ACTION_KIND_N:
        break;
    }
}

char *
sg_action_to_string (const SgAction *action, const SgSnapshot *snapshot)
{
    GString *out = g_string_new (NULL);

    print_action (action, snapshot, out);
    return g_string_free (out, /* free_segment= */ FALSE);
}

char *
sg_plan_to_string (const SgPlan *plan, const SgSnapshot *snapshot)
{
    GString *out = g_string_new (NULL);

    sg_resolver_print (plan, /* back= */ true, snapshot, out);
    for (guint i = 0; i < plan->actions->len; i++) {
        print_action (&g_array_index (plan->actions, SgAction, i), snapshot, out);
        g_string_append_c (out, '\n');
    }
    sg_resolver_print (plan, /* back= */ false, snapshot, out);
    return g_string_free (out, /* free_segment= */ FALSE);
}

const char *
sg_stage_name (SgStage stage)
{
    static const char *const names[SG_STAGE_N] = {
        [SG_STAGE_GUARD] = "guard",
        [SG_STAGE_TRANSPORT] = "transport",
        [SG_STAGE_TABLES] = "tables",
        [SG_STAGE_RULES] = "rules",
        [SG_STAGE_OLD_SELECTION] = "old-selection",
        [SG_STAGE_STALE_RULES] = "stale-rules",
        [SG_STAGE_STALE_ROUTES] = "stale-routes",
        [SG_STAGE_SOCKETS] = "sockets",
        [SG_STAGE_UNGUARD] = "unguard",
    };

    g_return_val_if_fail (stage < SG_STAGE_N, "");
    return names[stage];
}
