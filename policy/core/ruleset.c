/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ruleset.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv6.h>
#include <string.h>

#include "core/contract.h"
#include "core/nft-build.h"

/* Neighbour discovery: router and neighbour solicitation and advertisement, redirect
 * (RFC 4861, section 4); valid only with hop limit 255. */
#define NDP_FIRST 133
#define NDP_LAST 137
#define NDP_HOPLIMIT 255

/* ---- sets and maps ---- */

/* IPV6_ADDR stands for an address of the table's family. */
static const struct {
    const char *name;
    SgNftType key[SG_NFT_FIELDS_MAX];
    SgNftType data;
    bool interval;
    unsigned part; /* 0: always there */
    bool timeout;
} set_table[] = {
    /* inbound gateways: interface → mark */
    {SG_MAP_GATEWAY_MARK, {SG_NFT_TYPE_IFINDEX}, SG_NFT_TYPE_MARK},
    /* marks of gateways, also of those that are gone */
    {SG_SET_GATEWAY_MARKS, {SG_NFT_TYPE_MARK}},
    /* mark and the gateway that it belongs to */
    {SG_SET_REPLY_OK, {SG_NFT_TYPE_MARK, SG_NFT_TYPE_IFINDEX}},
    {SG_SET_GATEWAYS, {SG_NFT_TYPE_IFINDEX}},
    /* interfaces known not to be gateways */
    {SG_SET_EXEMPT, {SG_NFT_TYPE_IFINDEX}},
    {SG_SET_SELECTED, {SG_NFT_TYPE_IFINDEX}},
    /* all interfaces and sources, while no outbound is selected */
    {SG_SET_UNSELECTED,
     {SG_NFT_TYPE_IFINDEX, SG_NFT_TYPE_IPV6_ADDR},
     SG_NFT_TYPE_NONE,
     /* interval= */ true},
    /* sources with a gateway of their own, by any interface; and by that gateway */
    {SG_SET_OVERRIDES,
     {SG_NFT_TYPE_IFINDEX, SG_NFT_TYPE_IPV6_ADDR},
     SG_NFT_TYPE_NONE,
     /* interval= */ true},
    {SG_SET_OVERRIDE_WAYS,
     {SG_NFT_TYPE_IFINDEX, SG_NFT_TYPE_IPV6_ADDR},
     SG_NFT_TYPE_NONE,
     /* interval= */ true},
    /* every address on a gateway, and with the gateway that it is on */
    {SG_SET_GATEWAY_ADDRESSES, {SG_NFT_TYPE_IPV6_ADDR}},
    {SG_SET_OWN_ADDRESSES, {SG_NFT_TYPE_IFINDEX, SG_NFT_TYPE_IPV6_ADDR}},
    /* what is local to an interface; no covered prefixes */
    {SG_SET_LOCAL_PREFIXES,
     {SG_NFT_TYPE_IFINDEX, SG_NFT_TYPE_IPV6_ADDR},
     SG_NFT_TYPE_NONE,
     /* interval= */ true},
    /* fwmarks of WireGuard links */
    {SG_SET_TRANSPORT_MARKS, {SG_NFT_TYPE_MARK}},
    /* the tunnel's own link; devices; device → its subnet; subnet and each of its devices */
    {SG_SET_TUNNEL_LINKS, {SG_NFT_TYPE_IFINDEX}, .part = SG_RULESET_TUNNEL},
    {SG_SET_TUNNEL_DEVICES, {SG_NFT_TYPE_IPV6_ADDR}, .part = SG_RULESET_TUNNEL},
    {SG_MAP_TUNNEL_SUBNETS, {SG_NFT_TYPE_IPV6_ADDR}, SG_NFT_TYPE_MARK, .part = SG_RULESET_TUNNEL},
    {SG_SET_TUNNEL_MEMBERS, {SG_NFT_TYPE_MARK, SG_NFT_TYPE_IPV6_ADDR}, .part = SG_RULESET_TUNNEL},
    /* device, protocol, external port; of those that lead to another port, where to */
    {SG_SET_PINHOLES,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_PROTO, SG_NFT_TYPE_INET_SERVICE},
     .part = SG_RULESET_TUNNEL},
    {SG_MAP_PINHOLE_PORTS,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_PROTO, SG_NFT_TYPE_INET_SERVICE},
     SG_NFT_TYPE_INET_SERVICE,
     .part = SG_RULESET_TUNNEL},
    /* the same, opened by PCP; and with who may use them */
    {SG_SET_PCP_PINHOLES,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_PROTO, SG_NFT_TYPE_INET_SERVICE},
     .part = SG_RULESET_TUNNEL,
     .timeout = true},
    {SG_MAP_PCP_PORTS,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_PROTO, SG_NFT_TYPE_INET_SERVICE},
     SG_NFT_TYPE_INET_SERVICE,
     .part = SG_RULESET_TUNNEL,
     .timeout = true},
    {SG_SET_PCP_TCP_FILTERS,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_SERVICE, SG_NFT_TYPE_IPV6_ADDR},
     .interval = true,
     .part = SG_RULESET_TUNNEL,
     .timeout = true},
    {SG_SET_PCP_UDP_FILTERS,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_SERVICE, SG_NFT_TYPE_IPV6_ADDR},
     .interval = true,
     .part = SG_RULESET_TUNNEL,
     .timeout = true},
    {SG_SET_PCP_TCP_PORT_FILTERS,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_SERVICE, SG_NFT_TYPE_IPV6_ADDR,
      SG_NFT_TYPE_INET_SERVICE},
     .interval = true,
     .part = SG_RULESET_TUNNEL,
     .timeout = true},
    {SG_SET_PCP_UDP_PORT_FILTERS,
     {SG_NFT_TYPE_IPV6_ADDR, SG_NFT_TYPE_INET_SERVICE, SG_NFT_TYPE_IPV6_ADDR,
      SG_NFT_TYPE_INET_SERVICE},
     .interval = true,
     .part = SG_RULESET_TUNNEL,
     .timeout = true},
};

bool
sg_ruleset_is_our_set (const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS (set_table); i++) {
        if (strcmp (set_table[i].name, name) == 0)
            return true;
    }
    return false;
}

static SgNftType
type_in (SgNftType type, const SgNftTable *table)
{
    bool ipv4 = type == SG_NFT_TYPE_IPV6_ADDR && table->family == NFPROTO_IPV4;

    return ipv4 ? SG_NFT_TYPE_IPV4_ADDR : type;
}

void
sg_ruleset_add_sets (SgNftTable *table, unsigned parts)
{
    for (size_t i = 0; i < G_N_ELEMENTS (set_table); i++) {
        SgNftSet *set;

        if (set_table[i].part & ~parts)
            continue;
        set = sg_nft_set_new (set_table[i].name);
        while (set->n_key < SG_NFT_FIELDS_MAX && set_table[i].key[set->n_key]) {
            set->key[set->n_key] = type_in (set_table[i].key[set->n_key], table);
            set->n_key++;
        }
        set->data = set_table[i].data;
        set->interval = set_table[i].interval;
        set->timeout = set_table[i].timeout;
        g_ptr_array_add (table->sets, set);
    }
}

/* ---- chains: each function fills one ---- */

static SgNftRule *
new_rule (SgNftChain *chain)
{
    SgNftRule *rule = sg_nft_rule_new ();

    rule->family = chain->family;
    g_ptr_array_add (chain->rules, rule);
    return rule;
}

/* One spoofed packet on a LAN towards the address of another gateway would make our own later
 * datagram a "reply" that leaves by the wrong one. A neighbour on the same LAN may use it. */
static void
fill_ingress (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_iif (rule, SG_SET_GATEWAYS, /* inverted= */ false);
    sg_nft_match_address_in (rule, SG_NFT_DADDR, SG_SET_GATEWAY_ADDRESSES);
    sg_nft_match_iif_address_in (rule, SG_NFT_DADDR, SG_SET_OWN_ADDRESSES, /* interval= */ false,
                                 /* inverted= */ true);
    sg_nft_match_iif_address_in (rule, SG_NFT_SADDR, SG_SET_LOCAL_PREFIXES, /* interval= */ true,
                                 /* inverted= */ true);
    sg_nft_match_link_local (rule, SG_NFT_SADDR, /* inverted= */ true);
    sg_nft_counter (rule);
    sg_nft_drop (rule);
}

/* Gives a reply of an inbound connection the mark of the gateway it came in by. Marks of
 * others are never touched. */
static void
add_restore_mark (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_ct_reply (rule);
    sg_nft_match_mark (rule, 0);
    sg_nft_match_ct_mark_in (rule, SG_SET_GATEWAY_MARKS);
    sg_nft_set_mark_from_ct (rule);
}

static void
fill_mangle_prerouting (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule;

    add_restore_mark (chain, parts);

    /* A connection older than conntrack whose far end speaks first is not inbound. */
    rule = new_rule (chain);
    sg_nft_match_ct_new (rule);
    sg_nft_match_ct_mark (rule, 0, /* inverted= */ false);
    sg_nft_match_l4proto (rule, IPPROTO_TCP);
    sg_nft_match_tcp_not_syn (rule);
    sg_nft_return (rule);

    rule = new_rule (chain);
    sg_nft_match_ct_new (rule);
    sg_nft_match_ct_mark (rule, 0, /* inverted= */ false);
    sg_nft_set_ct_mark_from_iif (rule, SG_MAP_GATEWAY_MARK);
}

/* What no guard looks at: interfaces known not to be gateways, and containers. */
static void
add_exemptions (SgNftChain *chain)
{
    static const char *const container_kinds[] = {"bridge", "veth"};
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_oif (rule, SG_SET_EXEMPT, /* inverted= */ false);
    sg_nft_accept (rule);
    for (size_t i = 0; i < G_N_ELEMENTS (container_kinds); i++) {
        rule = new_rule (chain);
        sg_nft_match_oif (rule, SG_SET_GATEWAYS, /* inverted= */ true);
        sg_nft_match_oifkind (rule, container_kinds[i]);
        sg_nft_accept (rule);
    }
}

/* IPv4 has its own protocol for that (ARP), which does not pass here. */
static void
add_accept_neighbour_discovery (SgNftChain *chain)
{
    SgNftRule *rule;

    if (chain->family != NFPROTO_IPV6)
        return;
    rule = new_rule (chain);
    sg_nft_match_icmpv6_types (rule, NDP_FIRST, NDP_LAST);
    sg_nft_match_hoplimit (rule, NDP_HOPLIMIT);
    sg_nft_accept (rule);
}

static void
add_accept_replies (SgNftChain *chain)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_ct_reply (rule);
    sg_nft_accept (rule);
}

/* What devices of the tunnel role send has their own addresses: this server's own way out is the only
 * one for it. The mark tells it from what a process here sends with such a source. */
static void
add_accept_devices (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule;

    if (!(parts & SG_RULESET_TUNNEL))
        return;
    rule = new_rule (chain);
    sg_nft_match_ct_mark_address_in (rule, SG_NFT_SADDR, SG_SET_TUNNEL_MEMBERS);
    sg_nft_accept (rule);
}

/* Output and forward only give the caller a fast error; the device they see may be stale. */
static void
fill_guard_output (SgNftChain *chain, unsigned parts)
{
    add_exemptions (chain);
    add_accept_neighbour_discovery (chain);
    add_accept_replies (chain);
    sg_nft_goto (new_rule (chain), SG_CHAIN_CHOICE);
}

static void
fill_guard_forward (SgNftChain *chain, unsigned parts)
{
    add_exemptions (chain);
    add_accept_devices (chain, parts);
    add_accept_replies (chain);
    sg_nft_goto (new_rule (chain), SG_CHAIN_CHOICE);
}

/* Binding: postrouting sees the device that the packet really leaves by. */
static void
fill_guard_post (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule;

    add_exemptions (chain);
    add_accept_neighbour_discovery (chain);
    add_accept_devices (chain, parts);

    /* A reply leaves by the gateway that its connection came in by… */
    rule = new_rule (chain);
    sg_nft_match_ct_reply (rule);
    sg_nft_match_ct_mark_oif_in (rule, SG_SET_REPLY_OK);
    sg_nft_accept (rule);

    /* …and by no other, also when that one is gone. */
    rule = new_rule (chain);
    sg_nft_match_ct_reply (rule);
    sg_nft_match_ct_mark_in (rule, SG_SET_GATEWAY_MARKS);
    sg_nft_counter (rule);
    sg_nft_drop (rule);

    /* Marks of others. */
    rule = new_rule (chain);
    sg_nft_match_ct_reply (rule);
    sg_nft_match_ct_mark (rule, 0, /* inverted= */ true);
    sg_nft_accept (rule);

    sg_nft_goto (new_rule (chain), SG_CHAIN_CHOICE_POST);
}

/* Who is bound to one gateway may leave by it; who is not, by any. */
static void
add_accept_choice (SgNftChain *chain)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_oif (rule, SG_SET_SELECTED, /* inverted= */ false);
    sg_nft_match_oif_address_in (rule, SG_NFT_SADDR, SG_SET_OVERRIDES, /* inverted= */ true);
    sg_nft_accept (rule);

    /* Overrides alone bind only their sources. */
    rule = new_rule (chain);
    sg_nft_match_oif_address_in (rule, SG_NFT_SADDR, SG_SET_UNSELECTED, /* inverted= */ false);
    sg_nft_match_oif_address_in (rule, SG_NFT_SADDR, SG_SET_OVERRIDES, /* inverted= */ true);
    sg_nft_accept (rule);

    rule = new_rule (chain);
    sg_nft_match_oif_address_in (rule, SG_NFT_SADDR, SG_SET_OVERRIDE_WAYS, /* inverted= */ false);
    sg_nft_accept (rule);
}

/* Any process may set a routing header; a source route of IPv4 some kernels leave to CAP_NET_RAW, which
 * containers have. It would carry a packet from a local address to anywhere. */
static void
add_refuse_source_routes (SgNftChain *chain, void (*refuse) (SgNftRule *))
{
    static const uint8_t options[] = {IPOPT_LSRR, IPOPT_SSRR};
    SgNftRule *rule;

    if (chain->family == NFPROTO_IPV6) {
        rule = new_rule (chain);
        sg_nft_match_routing_header (rule);
        refuse (rule);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS (options); i++) {
        rule = new_rule (chain);
        sg_nft_match_ip_option (rule, options[i]);
        refuse (rule);
    }
}

/* Multicast that stays near: of less than global scope (RFC 4291, section 2.7). Of IPv4 that which no
 * router forwards (RFC 5771, section 4) and what is scoped by administrators (RFC 2365); and the
 * broadcast that never leaves the link. Besides, DHCP: a lease is renewed at the server that gave it,
 * which may be behind a relay; port 68 takes CAP_NET_BIND_SERVICE. */
static void
add_accept_narrow (SgNftChain *chain)
{
    static const struct {
        const char *prefix;
        uint8_t bytes[4];
        uint8_t len;
    } narrow4[] = {{"224.0.0.0/24", {224, 0, 0}, 24},
                   {"239.0.0.0/8", {239}, 8},
                   {"255.255.255.255", {255, 255, 255, 255}, 32}};
    SgNftRule *rule;

    if (chain->family == NFPROTO_IPV6) {
        rule = new_rule (chain);
        sg_nft_match_narrow_multicast (rule);
        sg_nft_accept (rule);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS (narrow4); i++) {
        rule = new_rule (chain);
        sg_nft_match_ip_daddr (rule, narrow4[i].prefix, narrow4[i].bytes, narrow4[i].len);
        sg_nft_accept (rule);
    }
    rule = new_rule (chain);
    sg_nft_match_dhcp_client (rule);
    sg_nft_accept (rule);
}

/* What may leave while somebody is bound to a gateway, up to the refusal. */
static void
add_choice (SgNftChain *chain, void (*refuse) (SgNftRule *))
{
    SgNftRule *rule;

    add_accept_choice (chain);
    add_refuse_source_routes (chain, refuse);

    rule = new_rule (chain);
    sg_nft_match_mark_in (rule, SG_SET_TRANSPORT_MARKS);
    sg_nft_accept (rule);

    rule = new_rule (chain);
    sg_nft_match_link_local (rule, SG_NFT_DADDR, /* inverted= */ false);
    sg_nft_accept (rule);

    add_accept_narrow (chain);

    rule = new_rule (chain);
    sg_nft_match_oif_address_in (rule, SG_NFT_DADDR, SG_SET_LOCAL_PREFIXES, /* inverted= */ false);
    sg_nft_accept (rule);
}

static void
reject_prohibited (SgNftRule *rule)
{
    if (rule->family == NFPROTO_IPV6)
        sg_nft_reject (rule, ICMPV6_ADM_PROHIBITED, "admin-prohibited");
    else
        sg_nft_reject (rule, ICMP_PKT_FILTERED, "admin-prohibited");
}

static void
fill_choice (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule;

    add_choice (chain, reject_prohibited);

    /* An ICMPv6 error reaches a connect() that waits only with its first repetition, a second
     * later (net/ipv6/tcp_ipv6.c, sk_err_soft); a reset at once. */
    rule = new_rule (chain);
    sg_nft_match_l4proto (rule, IPPROTO_TCP);
    sg_nft_counter (rule);
    sg_nft_reject_tcp_reset (rule);

    rule = new_rule (chain);
    sg_nft_counter (rule);
    if (rule->family == NFPROTO_IPV6)
        sg_nft_reject (rule, ICMPV6_NOROUTE, "no-route");
    else
        sg_nft_reject (rule, ICMP_NET_UNREACH, "net-unreachable");
}

/* The kernel has no reject in postrouting. */
static void
fill_choice_post (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule;

    add_choice (chain, sg_nft_drop);
    rule = new_rule (chain);
    sg_nft_counter (rule);
    sg_nft_drop (rule);
}

/* ---- the tunnel role ---- */

/* A connection remembers the subnet of the device that began it. Marks of others are never touched;
 * a connection that has one is none of a subnet. And TCP learns the path's size from its first
 * packets, of either side, where ICMPv6 gets lost. */
static void
fill_tunnel_mangle (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ false);
    sg_nft_match_ct_new (rule);
    sg_nft_match_ct_mark (rule, 0, /* inverted= */ false);
    sg_nft_set_ct_mark_from_address (rule, SG_NFT_SADDR, SG_MAP_TUNNEL_SUBNETS);

    rule = new_rule (chain);
    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ false);
    sg_nft_match_tcp_syn (rule);
    sg_nft_set_mss_from_route (rule);

    rule = new_rule (chain);
    sg_nft_match_oif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ false);
    sg_nft_match_tcp_syn (rule);
    sg_nft_set_mss_from_route (rule);
}

/* From one device to another: of the same subnet. */
static void
add_within_subnet (SgNftChain *chain)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ false);
    sg_nft_match_ct_mark_address_in (rule, SG_NFT_DADDR, SG_SET_TUNNEL_MEMBERS);
    sg_nft_accept (rule);
}

/* What devices need to be told, and to answer (RFC 4890, section 4.3.1): errors, and echo. */
static void
add_accept_icmpv6 (SgNftChain *chain)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
    sg_nft_match_icmpv6_types (rule, ICMPV6_DEST_UNREACH, ICMPV6_PARAMPROB);
    sg_nft_accept (rule);

    rule = new_rule (chain);
    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
    sg_nft_match_icmpv6_type (rule, ICMPV6_ECHO_REQUEST);
    sg_nft_accept (rule);
}

static const uint8_t pinhole_protocols[] = {IPPROTO_TCP, IPPROTO_UDP};

/* Only the port is another one: the device has its own address. */
static void
fill_tunnel_nat (SgNftChain *chain, unsigned parts)
{
    static const char *const maps[] = {SG_MAP_PINHOLE_PORTS, SG_MAP_PCP_PORTS};

    for (size_t i = 0; i < 2 * G_N_ELEMENTS (maps); i++) {
        SgNftRule *rule = new_rule (chain);

        sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
        sg_nft_match_l4proto (rule, pinhole_protocols[i % 2]);
        sg_nft_translate_port (rule, maps[i / 2]);
    }
}

/* Asked for every packet, by the port that its connection was begun to: what is closed ends the flows
 * through it, and a port that another one leads to is not open itself. */
static void
add_accept_pinholes (SgNftChain *chain)
{
    static const struct {
        const char *set[2];     /* of TCP, of UDP */
        bool filtered, by_port; /* asks for the far end's address, and its port */
    } sets[] = {{{SG_SET_PINHOLES, SG_SET_PINHOLES}},
                {{SG_SET_PCP_PINHOLES, SG_SET_PCP_PINHOLES}},
                {{SG_SET_PCP_TCP_FILTERS, SG_SET_PCP_UDP_FILTERS}, true},
                {{SG_SET_PCP_TCP_PORT_FILTERS, SG_SET_PCP_UDP_PORT_FILTERS}, true, true}};

    for (size_t i = 0; i < 2 * G_N_ELEMENTS (sets); i++) {
        const char *set = sets[i / 2].set[i % 2];
        SgNftRule *rule = new_rule (chain);

        sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
        sg_nft_match_l4proto (rule, pinhole_protocols[i % 2]);
        if (sets[i / 2].filtered)
            sg_nft_match_original_port_from (rule, set, sets[i / 2].by_port);
        else
            sg_nft_match_original_port_in (rule, set);
        sg_nft_accept (rule);
    }
}

static void
fill_tunnel_forward (SgNftChain *chain, unsigned parts)
{
    SgNftRule *rule = new_rule (chain);

    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
    sg_nft_match_oif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
    sg_nft_accept (rule);

    rule = new_rule (chain);
    sg_nft_match_iif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ false);
    sg_nft_match_address_not_in (rule, SG_NFT_SADDR, SG_SET_TUNNEL_DEVICES);
    sg_nft_counter (rule);
    sg_nft_drop (rule);

    /* What devices sent for is answered… */
    rule = new_rule (chain);
    sg_nft_match_ct_reply (rule);
    sg_nft_accept (rule);

    rule = new_rule (chain);
    sg_nft_match_oif (rule, SG_SET_TUNNEL_LINKS, /* inverted= */ true);
    sg_nft_accept (rule);

    add_within_subnet (chain);
    add_accept_icmpv6 (chain);
    add_accept_pinholes (chain);

    rule = new_rule (chain);
    sg_nft_counter (rule);
    sg_nft_drop (rule);
}

/* ---- the chains ---- */

/* Chains without a hook come before those that go to them. */
static const struct {
    const char *name;
    void (*fill) (SgNftChain *chain, unsigned parts);
    unsigned part;    /* 0: always there */
    const char *type; /* NULL: no hook */
    uint32_t hook;
    int32_t priority;
} chain_table[] = {
    {SG_CHAIN_CHOICE, fill_choice, SG_RULESET_GUARD, NULL},
    {SG_CHAIN_CHOICE_POST, fill_choice_post, SG_RULESET_GUARD, NULL},
    {SG_CHAIN_INGRESS, fill_ingress, 0, "filter", NF_INET_PRE_ROUTING, NF_IP6_PRI_RAW},
    {SG_CHAIN_MANGLE_PREROUTING, fill_mangle_prerouting, 0, "filter", NF_INET_PRE_ROUTING,
     NF_IP6_PRI_MANGLE},
    {SG_CHAIN_MANGLE_OUTPUT, add_restore_mark, 0, "route", NF_INET_LOCAL_OUT, NF_IP6_PRI_MANGLE},
    {SG_CHAIN_GUARD_OUTPUT, fill_guard_output, SG_RULESET_GUARD, "filter", NF_INET_LOCAL_OUT,
     NF_IP6_PRI_FILTER},
    {SG_CHAIN_GUARD_FORWARD, fill_guard_forward, SG_RULESET_GUARD, "filter", NF_INET_FORWARD,
     NF_IP6_PRI_FILTER},
    {SG_CHAIN_GUARD_POST, fill_guard_post, SG_RULESET_GUARD, "filter", NF_INET_POST_ROUTING,
     NF_IP6_PRI_MANGLE},
    {SG_CHAIN_TUNNEL_NAT, fill_tunnel_nat, SG_RULESET_TUNNEL, "nat", NF_INET_PRE_ROUTING,
     NF_IP6_PRI_NAT_DST},
    {SG_CHAIN_TUNNEL_MANGLE, fill_tunnel_mangle, SG_RULESET_TUNNEL, "filter", NF_INET_FORWARD,
     NF_IP6_PRI_MANGLE},
    {SG_CHAIN_TUNNEL_FORWARD, fill_tunnel_forward, SG_RULESET_TUNNEL, "filter", NF_INET_FORWARD,
     NF_IP6_PRI_FILTER},
};

bool
sg_ruleset_is_our_chain (const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS (chain_table); i++) {
        if (strcmp (chain_table[i].name, name) == 0)
            return true;
    }
    return false;
}

void
sg_ruleset_add_chains (SgNftTable *table, unsigned parts)
{
    for (size_t i = 0; i < G_N_ELEMENTS (chain_table); i++) {
        SgNftChain *chain;

        if (chain_table[i].part & ~parts)
            continue;
        chain = sg_nft_chain_new (chain_table[i].name);
        chain->family = table->family;
        if (chain_table[i].type) {
            chain->base = true;
            g_strlcpy (chain->type, chain_table[i].type, sizeof chain->type);
            chain->hook = chain_table[i].hook;
            chain->priority = chain_table[i].priority;
            chain->policy = NF_ACCEPT;
        }
        chain_table[i].fill (chain, parts);
        g_ptr_array_add (table->chains, chain);
    }
}
