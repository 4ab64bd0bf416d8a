/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The instructions are those of nft 1.0.6 (`nft --debug=netlink`), so that `nft list` shows our
 * rules in the words of their text; tests/unit/test-nft.c compares both. */
#include "core/nft-build.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Registers as nft counts them: the first of 16 bytes, and in a concatenation the one behind
 * the first 4 bytes. */
#define REG_FIRST NFT_REG_1
#define REG_SECOND NFT_REG32_01
/* Behind an address of 16 bytes: a protocol, a port. */
#define REG_PROTOCOL NFT_REG_2
#define REG_PORT NFT_REG32_05
/* Without a protocol: a port, an address, another port. */
#define REG_NEXT_PORT NFT_REG_2
#define REG_FAR_ADDRESS NFT_REG32_05
#define REG_FAR_PORT NFT_REG32_09

/* linux/netfilter/nf_conntrack_common.h, struct ip6_hdr, struct tcphdr */
#define CT_STATE_NEW (1u << 3)
#define CT_DIRECTION_REPLY 1
#define IPV6_HOPLIMIT_OFFSET 7
#define IPV6_SADDR_OFFSET 8
#define IPV6_DADDR_OFFSET 24
#define IPV4_SADDR_OFFSET 12
#define IPV4_DADDR_OFFSET 16
#define UDP_PORTS_OFFSET 0
#define SPORT_OFFSET 0 /* of TCP and UDP */
#define DPORT_OFFSET 2
#define CT_DIRECTION_ORIGINAL 0
#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define TCP_FLAGS_OFFSET 13
#define TCP_SYN 0x02
#define TCP_ACK 0x10
#define TCP_OPTION_MSS 2
#define TCP_OPTION_MSS_OFFSET 2

/* ---- text and single instructions ---- */

static void G_GNUC_PRINTF (2, 3) say (SgNftRule *rule, const char *format, ...)
{
    g_autofree char *before = g_steal_pointer (&rule->text);
    g_autofree char *phrase = NULL;
    va_list args;

    va_start (args, format);
    phrase = g_strdup_vprintf (format, args);
    va_end (args);
    rule->text = before ? g_strconcat (before, " ", phrase, NULL) : g_steal_pointer (&phrase);
}

static void
add (SgNftRule *rule, SgNftExpr expr)
{
    g_array_append_val (rule->exprs, expr);
}

static void
load_meta (SgNftRule *rule, uint32_t key, uint32_t dreg)
{
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_META_LOAD, .key = key, .dreg = dreg});
}

static void
load_ct (SgNftRule *rule, uint32_t key)
{
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_CT_LOAD, .key = key, .dreg = REG_FIRST});
}

static void
load_payload (SgNftRule *rule, uint32_t base, uint32_t offset, uint32_t len, uint32_t dreg)
{
    add (
        rule,
        (SgNftExpr) {
            .kind = SG_NFT_EXPR_PAYLOAD, .base = base, .offset = offset, .len = len, .dreg = dreg});
}

static void
compare (SgNftRule *rule, uint32_t op, const void *data, uint32_t len)
{
    SgNftExpr expr = {.kind = SG_NFT_EXPR_CMP, .op = op, .sreg = REG_FIRST, .len = len};

    memcpy (expr.data, data, len);
    add (rule, expr);
}

static void
compare_byte (SgNftRule *rule, uint32_t op, uint8_t value)
{
    compare (rule, op, &value, sizeof value);
}

static void
compare_u32 (SgNftRule *rule, uint32_t op, uint32_t value)
{
    compare (rule, op, &value, sizeof value);
}

static void
mask (SgNftRule *rule, const void *bits, uint32_t len)
{
    SgNftExpr expr = {
        .kind = SG_NFT_EXPR_BITWISE, .sreg = REG_FIRST, .dreg = REG_FIRST, .len = len};

    memcpy (expr.data, bits, len);
    add (rule, expr);
}

static void
lookup (SgNftRule *rule, const char *set, bool inverted)
{
    SgNftExpr expr = {
        .kind = SG_NFT_EXPR_LOOKUP, .sreg = REG_FIRST, .flags = inverted ? NFT_LOOKUP_F_INV : 0};

    g_strlcpy (expr.name, set, sizeof expr.name);
    add (rule, expr);
}

static void
verdict (SgNftRule *rule, int32_t code, const char *chain)
{
    SgNftExpr expr = {.kind = SG_NFT_EXPR_VERDICT, .code = code};

    if (chain)
        g_strlcpy (expr.name, chain, sizeof expr.name);
    add (rule, expr);
}

static const char *
not_equal (bool inverted)
{
    return inverted ? "!= " : "";
}

/* ---- interfaces ---- */

void
sg_nft_match_oif (SgNftRule *rule, const char *set, bool inverted)
{
    say (rule, "oif %s@%s", not_equal (inverted), set);
    load_meta (rule, NFT_META_OIF, REG_FIRST);
    lookup (rule, set, inverted);
}

void
sg_nft_match_iif (SgNftRule *rule, const char *set, bool inverted)
{
    say (rule, "iif %s@%s", not_equal (inverted), set);
    load_meta (rule, NFT_META_IIF, REG_FIRST);
    lookup (rule, set, inverted);
}

void
sg_nft_match_oifkind (SgNftRule *rule, const char *kind)
{
    char padded[16] = {0};

    say (rule, "meta oifkind \"%s\"", kind);
    g_strlcpy (padded, kind, sizeof padded);
    load_meta (rule, NFT_META_OIFKIND, REG_FIRST);
    compare (rule, NFT_CMP_EQ, padded, sizeof padded);
}

/* ---- marks and conntrack ---- */

void
sg_nft_match_mark (SgNftRule *rule, uint32_t value)
{
    say (rule, "meta mark %u", value);
    load_meta (rule, NFT_META_MARK, REG_FIRST);
    compare_u32 (rule, NFT_CMP_EQ, value);
}

void
sg_nft_match_mark_in (SgNftRule *rule, const char *set)
{
    say (rule, "meta mark @%s", set);
    load_meta (rule, NFT_META_MARK, REG_FIRST);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_match_ct_mark (SgNftRule *rule, uint32_t value, bool inverted)
{
    say (rule, "ct mark %s%u", not_equal (inverted), value);
    load_ct (rule, NFT_CT_MARK);
    compare_u32 (rule, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, value);
}

void
sg_nft_match_ct_mark_in (SgNftRule *rule, const char *set)
{
    say (rule, "ct mark @%s", set);
    load_ct (rule, NFT_CT_MARK);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_match_ct_mark_oif_in (SgNftRule *rule, const char *set)
{
    say (rule, "ct mark . oif @%s", set);
    load_ct (rule, NFT_CT_MARK);
    load_meta (rule, NFT_META_OIF, REG_SECOND);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_match_ct_reply (SgNftRule *rule)
{
    say (rule, "ct direction reply");
    load_ct (rule, NFT_CT_DIRECTION);
    compare_byte (rule, NFT_CMP_EQ, CT_DIRECTION_REPLY);
}

void
sg_nft_match_ct_new (SgNftRule *rule)
{
    uint32_t bit = CT_STATE_NEW;

    say (rule, "ct state new");
    load_ct (rule, NFT_CT_STATE);
    mask (rule, &bit, sizeof bit);
    compare_u32 (rule, NFT_CMP_NEQ, 0);
}

/* ---- headers ---- */

void
sg_nft_match_l4proto (SgNftRule *rule, uint8_t protocol)
{
    say (rule, "meta l4proto %u", protocol);
    load_meta (rule, NFT_META_L4PROTO, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, protocol);
}

void
sg_nft_match_tcp_not_syn (SgNftRule *rule)
{
    uint8_t bits = TCP_SYN | TCP_ACK;

    say (rule, "tcp flags & (syn | ack) != syn");
    load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1, REG_FIRST);
    mask (rule, &bits, sizeof bits);
    compare_byte (rule, NFT_CMP_NEQ, TCP_SYN);
}

void
sg_nft_match_tcp_syn (SgNftRule *rule)
{
    uint8_t bit = TCP_SYN;

    say (rule, "tcp flags & syn == syn");
    load_meta (rule, NFT_META_L4PROTO, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, IPPROTO_TCP);
    load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1, REG_FIRST);
    mask (rule, &bit, sizeof bit);
    compare_byte (rule, NFT_CMP_EQ, TCP_SYN);
}

void
sg_nft_match_icmpv6_type (SgNftRule *rule, uint8_t type)
{
    say (rule, "icmpv6 type %u", type);
    load_meta (rule, NFT_META_L4PROTO, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, IPPROTO_ICMPV6);
    load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, type);
}

void
sg_nft_match_icmpv6_types (SgNftRule *rule, uint8_t first, uint8_t last)
{
    say (rule, "icmpv6 type %u-%u", first, last);
    load_meta (rule, NFT_META_L4PROTO, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, IPPROTO_ICMPV6);
    load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, REG_FIRST);
    compare_byte (rule, NFT_CMP_GTE, first);
    compare_byte (rule, NFT_CMP_LTE, last);
}

void
sg_nft_match_hoplimit (SgNftRule *rule, uint8_t value)
{
    say (rule, "ip6 hoplimit %u", value);
    load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, IPV6_HOPLIMIT_OFFSET, 1, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, value);
}

void
sg_nft_match_routing_header (SgNftRule *rule)
{
    say (rule, "exthdr rt exists");
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_EXTHDR,
                            .key = IPPROTO_ROUTING,
                            .len = 1,
                            .flags = NFT_EXTHDR_F_PRESENT,
                            .dreg = REG_FIRST});
    compare_byte (rule, NFT_CMP_EQ, 1);
}

void
sg_nft_match_ip_option (SgNftRule *rule, uint8_t option)
{
    say (rule, "ip option %s exists", option == IPOPT_LSRR ? "lsrr" : "ssrr");
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_EXTHDR,
                            .key = option,
                            .op = NFT_EXTHDR_OP_IPV4,
                            .len = 1,
                            .flags = NFT_EXTHDR_F_PRESENT,
                            .dreg = REG_FIRST});
    compare_byte (rule, NFT_CMP_EQ, 1);
}

void
sg_nft_match_dhcp_client (SgNftRule *rule)
{
    static const uint8_t ports[4] = {0, DHCP_CLIENT_PORT, 0, DHCP_SERVER_PORT};

    say (rule, "udp sport %u udp dport %u", DHCP_CLIENT_PORT, DHCP_SERVER_PORT);
    load_meta (rule, NFT_META_L4PROTO, REG_FIRST);
    compare_byte (rule, NFT_CMP_EQ, IPPROTO_UDP);
    load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_PORTS_OFFSET, sizeof ports, REG_FIRST);
    compare (rule, NFT_CMP_EQ, ports, sizeof ports);
}

/* ---- addresses ---- */

static const struct {
    uint32_t offset6, offset4;
    const char *word;
} address_table[] = {
    [SG_NFT_SADDR] = {IPV6_SADDR_OFFSET, IPV4_SADDR_OFFSET, "saddr"},
    [SG_NFT_DADDR] = {IPV6_DADDR_OFFSET, IPV4_DADDR_OFFSET, "daddr"},
};

static bool
is_ipv4 (const SgNftRule *rule)
{
    return rule->family == NFPROTO_IPV4;
}

/* "ip6" or "ip". */
static const char *
header_word (const SgNftRule *rule)
{
    return is_ipv4 (rule) ? "ip" : "ip6";
}

static void
load_address (SgNftRule *rule, SgNftAddress which, uint32_t dreg)
{
    if (is_ipv4 (rule))
        load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, address_table[which].offset4, 4, dreg);
    else
        load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, address_table[which].offset6, 16, dreg);
}

/* Interface index and address as the key of a concatenated set. Where the set has intervals the
 * index has to be in network order: ranges are compared as bytes. */
static void
load_interface_address (SgNftRule *rule, uint32_t meta_key, SgNftAddress which, bool interval)
{
    load_meta (rule, meta_key, REG_FIRST);
    if (interval)
        add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_BYTEORDER,
                                .op = NFT_BYTEORDER_HTON,
                                .sreg = REG_FIRST,
                                .dreg = REG_FIRST,
                                .len = 4,
                                .size = 4});
    load_address (rule, which, REG_SECOND);
}

void
sg_nft_match_address_in (SgNftRule *rule, SgNftAddress which, const char *set)
{
    say (rule, "%s %s @%s", header_word (rule), address_table[which].word, set);
    load_address (rule, which, REG_FIRST);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_match_address_not_in (SgNftRule *rule, SgNftAddress which, const char *set)
{
    say (rule, "ip6 %s != @%s", address_table[which].word, set);
    load_address (rule, which, REG_FIRST);
    lookup (rule, set, /* inverted= */ true);
}

void
sg_nft_match_ct_mark_address_in (SgNftRule *rule, SgNftAddress which, const char *set)
{
    say (rule, "ct mark . ip6 %s @%s", address_table[which].word, set);
    load_ct (rule, NFT_CT_MARK);
    load_address (rule, which, REG_SECOND);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_match_iif_address_in (SgNftRule *rule, SgNftAddress which, const char *set, bool interval,
                             bool inverted)
{
    say (rule, "iif . %s %s %s@%s", header_word (rule), address_table[which].word,
         not_equal (inverted), set);
    load_interface_address (rule, NFT_META_IIF, which, interval);
    lookup (rule, set, inverted);
}

void
sg_nft_match_oif_address_in (SgNftRule *rule, SgNftAddress which, const char *set, bool inverted)
{
    say (rule, "oif . %s %s %s@%s", header_word (rule), address_table[which].word,
         not_equal (inverted), set);
    load_interface_address (rule, NFT_META_OIF, which, /* interval= */ true);
    lookup (rule, set, inverted);
}

void
sg_nft_match_link_local (SgNftRule *rule, SgNftAddress which, bool inverted)
{
    static const uint8_t bits[16] = {0xff, 0xc0};
    static const uint8_t value[16] = {0xfe, 0x80};
    static const uint8_t value4[2] = {169, 254};

    if (is_ipv4 (rule)) {
        say (rule, "ip %s %s169.254.0.0/16", address_table[which].word, not_equal (inverted));
        load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, address_table[which].offset4, sizeof value4,
                      REG_FIRST);
        compare (rule, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, value4, sizeof value4);
        return;
    }
    say (rule, "ip6 %s %sfe80::/10", address_table[which].word, not_equal (inverted));
    load_address (rule, which, REG_FIRST);
    mask (rule, bits, sizeof bits);
    compare (rule, inverted ? NFT_CMP_NEQ : NFT_CMP_EQ, value, sizeof value);
}

void
sg_nft_match_ip_daddr (SgNftRule *rule, const char *prefix, const uint8_t bytes[4], uint8_t len)
{
    say (rule, "ip daddr %s", prefix);
    load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, IPV4_DADDR_OFFSET, len / 8, REG_FIRST);
    compare (rule, NFT_CMP_EQ, bytes, len / 8);
}

void
sg_nft_match_narrow_multicast (SgNftRule *rule)
{
    /* The first two bytes are ff, four flag bits and the scope; 0xe is global, 0xf reserved. */
    static const uint8_t bits[2] = {0xff, 0x0f};
    static const uint8_t first[2] = {0xff, 0x00}, last[2] = {0xff, 0x0d};

    say (rule, "@nh,192,16 & 0xff0f >= 0xff00 @nh,192,16 & 0xff0f <= 0xff0d");
    load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, IPV6_DADDR_OFFSET, sizeof bits, REG_FIRST);
    mask (rule, bits, sizeof bits);
    compare (rule, NFT_CMP_GTE, first, sizeof first);
    load_payload (rule, NFT_PAYLOAD_NETWORK_HEADER, IPV6_DADDR_OFFSET, sizeof bits, REG_FIRST);
    mask (rule, bits, sizeof bits);
    compare (rule, NFT_CMP_LTE, last, sizeof last);
}

/* ---- pinholes ---- */

/* Destination address and protocol, as the first two fields of a key. */
static void
load_address_protocol (SgNftRule *rule)
{
    load_address (rule, SG_NFT_DADDR, REG_FIRST);
    load_meta (rule, NFT_META_L4PROTO, REG_PROTOCOL);
}

static void
load_original_port (SgNftRule *rule, uint32_t dreg)
{
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_CT_TUPLE,
                            .key = NFT_CT_PROTO_DST,
                            .op = CT_DIRECTION_ORIGINAL,
                            .dreg = dreg});
}

void
sg_nft_match_original_port_from (SgNftRule *rule, const char *set, bool port)
{
    say (rule, "ip6 daddr . ct original proto-dst . ip6 saddr %s@%s", port ? ". th sport " : "",
         set);
    load_address (rule, SG_NFT_DADDR, REG_FIRST);
    load_original_port (rule, REG_NEXT_PORT);
    load_address (rule, SG_NFT_SADDR, REG_FAR_ADDRESS);
    if (port)
        load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, SPORT_OFFSET, 2, REG_FAR_PORT);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_match_original_port_in (SgNftRule *rule, const char *set)
{
    say (rule, "ip6 daddr . meta l4proto . ct original proto-dst @%s", set);
    load_address_protocol (rule);
    load_original_port (rule, REG_PORT);
    lookup (rule, set, /* inverted= */ false);
}

void
sg_nft_translate_port (SgNftRule *rule, const char *map)
{
    SgNftExpr expr = {.kind = SG_NFT_EXPR_LOOKUP, .sreg = REG_FIRST, .dreg = REG_FIRST};

    say (rule, "dnat to :ip6 daddr . meta l4proto . th dport map @%s", map);
    g_strlcpy (expr.name, map, sizeof expr.name);
    load_address_protocol (rule);
    load_payload (rule, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, 2, REG_PORT);
    add (rule, expr);
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_NAT,
                            .key = NFT_NAT_DNAT,
                            .base = NFPROTO_IPV6,
                            .sreg = REG_FIRST,
                            .dreg = REG_FIRST,
                            .flags = NF_NAT_RANGE_PROTO_SPECIFIED});
}

/* ---- statements ---- */

void
sg_nft_set_mark_from_ct (SgNftRule *rule)
{
    say (rule, "meta mark set ct mark");
    load_ct (rule, NFT_CT_MARK);
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_META_SET, .key = NFT_META_MARK, .sreg = REG_FIRST});
}

void
sg_nft_set_ct_mark_from_iif (SgNftRule *rule, const char *map)
{
    SgNftExpr expr = {.kind = SG_NFT_EXPR_LOOKUP, .sreg = REG_FIRST, .dreg = REG_FIRST};

    say (rule, "ct mark set iif map @%s", map);
    g_strlcpy (expr.name, map, sizeof expr.name);
    load_meta (rule, NFT_META_IIF, REG_FIRST);
    add (rule, expr);
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_CT_SET, .key = NFT_CT_MARK, .sreg = REG_FIRST});
}

void
sg_nft_set_ct_mark_from_address (SgNftRule *rule, SgNftAddress which, const char *map)
{
    SgNftExpr expr = {.kind = SG_NFT_EXPR_LOOKUP, .sreg = REG_FIRST, .dreg = REG_FIRST};

    say (rule, "ct mark set ip6 %s map @%s", address_table[which].word, map);
    g_strlcpy (expr.name, map, sizeof expr.name);
    load_address (rule, which, REG_FIRST);
    add (rule, expr);
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_CT_SET, .key = NFT_CT_MARK, .sreg = REG_FIRST});
}

void
sg_nft_set_mss_from_route (SgNftRule *rule)
{
    say (rule, "tcp option maxseg size set rt mtu");
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_RT_LOAD, .key = NFT_RT_TCPMSS, .dreg = REG_FIRST});
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_BYTEORDER,
                            .op = NFT_BYTEORDER_HTON,
                            .sreg = REG_FIRST,
                            .dreg = REG_FIRST,
                            .len = 2,
                            .size = 2});
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_TCPOPT_SET,
                            .op = NFT_EXTHDR_OP_TCPOPT,
                            .key = TCP_OPTION_MSS,
                            .offset = TCP_OPTION_MSS_OFFSET,
                            .len = 2,
                            .sreg = REG_FIRST});
}

void
sg_nft_counter (SgNftRule *rule)
{
    say (rule, "counter");
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_COUNTER});
}

void
sg_nft_accept (SgNftRule *rule)
{
    say (rule, "accept");
    verdict (rule, NF_ACCEPT, NULL);
}

void
sg_nft_drop (SgNftRule *rule)
{
    say (rule, "drop");
    verdict (rule, NF_DROP, NULL);
}

void
sg_nft_return (SgNftRule *rule)
{
    say (rule, "return");
    verdict (rule, NFT_RETURN, NULL);
}

void
sg_nft_goto (SgNftRule *rule, const char *chain)
{
    say (rule, "goto %s", chain);
    verdict (rule, NFT_GOTO, chain);
}

void
sg_nft_reject (SgNftRule *rule, uint8_t code, const char *name)
{
    say (rule, "reject with %s type %s", is_ipv4 (rule) ? "icmp" : "icmpv6", name);
    add (rule,
         (SgNftExpr) {.kind = SG_NFT_EXPR_REJECT, .key = NFT_REJECT_ICMP_UNREACH, .op = code});
}

void
sg_nft_reject_tcp_reset (SgNftRule *rule)
{
    say (rule, "reject with tcp reset");
    add (rule, (SgNftExpr) {.kind = SG_NFT_EXPR_REJECT, .key = NFT_REJECT_TCP_RST});
}
