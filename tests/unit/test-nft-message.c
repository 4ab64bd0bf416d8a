/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/kernel/nft-*: expressions and messages in memory. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "core/contract.h"
#include "kernel/nft-counter.h"
#include "kernel/nft-expr.h"
#include "kernel/nft-foreign.h"
#include "kernel/nft-message.h"

#define REG_CMP                                                                                    \
    {                                                                                              \
        .kind = SG_NFT_EXPR_CMP, .op = NFT_CMP_NEQ, .sreg = 1, .len = 16, .data = { 1, 2 }         \
    }

static const SgNftExpr all_kinds[] = {
    {.kind = SG_NFT_EXPR_META_LOAD, .key = NFT_META_OIF, .dreg = 1},
    {.kind = SG_NFT_EXPR_META_SET, .key = NFT_META_MARK, .sreg = 1},
    {.kind = SG_NFT_EXPR_CT_LOAD, .key = NFT_CT_MARK, .dreg = 1},
    {.kind = SG_NFT_EXPR_CT_SET, .key = NFT_CT_MARK, .sreg = 1},
    {.kind = SG_NFT_EXPR_PAYLOAD,
     .base = NFT_PAYLOAD_NETWORK_HEADER,
     .offset = 24,
     .len = 16,
     .dreg = 9},
    {.kind = SG_NFT_EXPR_EXTHDR, .key = 43, .len = 1, .flags = NFT_EXTHDR_F_PRESENT, .dreg = 1},
    REG_CMP,
    {.kind = SG_NFT_EXPR_BITWISE, .sreg = 1, .dreg = 1, .len = 4, .data = {255}, .data2 = {0, 1}},
    {.kind = SG_NFT_EXPR_BYTEORDER,
     .op = NFT_BYTEORDER_HTON,
     .sreg = 1,
     .dreg = 1,
     .len = 4,
     .size = 4},
    {.kind = SG_NFT_EXPR_CT_TUPLE, .key = NFT_CT_PROTO_DST, .op = 0, .dreg = 13},
    {.kind = SG_NFT_EXPR_NAT,
     .key = NFT_NAT_DNAT,
     .base = NFPROTO_IPV6,
     .sreg = 1,
     .dreg = 1,
     .flags = 2},
    {.kind = SG_NFT_EXPR_RT_LOAD, .key = NFT_RT_TCPMSS, .dreg = 1},
    {.kind = SG_NFT_EXPR_TCPOPT_SET,
     .op = NFT_EXTHDR_OP_TCPOPT,
     .key = 2,
     .offset = 2,
     .len = 2,
     .sreg = 1},
    {.kind = SG_NFT_EXPR_LOOKUP, .name = "gateways", .sreg = 1, .flags = NFT_LOOKUP_F_INV},
    {.kind = SG_NFT_EXPR_LOOKUP, .name = "gateway_mark", .sreg = 1, .dreg = 1},
    {.kind = SG_NFT_EXPR_VERDICT, .code = NF_ACCEPT},
    {.kind = SG_NFT_EXPR_VERDICT, .code = NFT_GOTO, .name = "choice"},
    {.kind = SG_NFT_EXPR_COUNTER},
    {.kind = SG_NFT_EXPR_REJECT, .key = NFT_REJECT_ICMP_UNREACH, .op = 1},
};

/* Memory for one message. */
typedef union {
    struct nlmsghdr header;
    uint8_t bytes[512];
} Memory;

static SgNlMessage
begin (Memory *memory)
{
    return sg_nl_message_begin (&memory->header, sizeof (*memory), NFT_MSG_NEWRULE, /* flags= */ 0);
}

/* The first attribute of a message without a header of its own. */
static const struct nlattr *
first_attr (const Memory *memory)
{
    return (const void *) (memory->bytes + sizeof (struct nlmsghdr));
}

static void
test_expr_round_trip (void)
{
    bool seen[SG_NFT_EXPR_KIND_N] = {[SG_NFT_EXPR_UNKNOWN] = true};

    for (size_t i = 0; i < G_N_ELEMENTS (all_kinds); i++) {
        Memory memory = {0};
        SgNlMessage message = begin (&memory);

        g_assert_true (sg_nft_expr_put (&message, &all_kinds[i]));
        g_assert_false (message.full);
        SgNftExpr back = sg_nft_expr_parse (first_attr (&memory));
        g_assert_true (sg_nft_expr_equal (&back, &all_kinds[i]));
        seen[back.kind] = true;
    }
    for (size_t kind = 0; kind < SG_NFT_EXPR_KIND_N; kind++)
        g_assert_true (seen[kind]);
}

static void
test_expr_refused (void)
{
    static const SgNftExpr refused[] = {
        {.kind = SG_NFT_EXPR_UNKNOWN},
        {.kind = SG_NFT_EXPR_CMP, .sreg = 1, .len = SG_NFT_DATA_MAX + 1},
        {.kind = SG_NFT_EXPR_CMP, .sreg = 1, .len = 0},
        {.kind = SG_NFT_EXPR_EXTHDR, .key = 256, .len = 1, .dreg = 1},
        {.kind = SG_NFT_EXPR_LOOKUP, .sreg = 1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
        Memory memory = {0};
        SgNlMessage message = begin (&memory);

        g_assert_false (sg_nft_expr_put (&message, &refused[i]));
    }
}

/* Other attributes than those of a kind make an expression unknown, never another one. */
static void
test_expr_unknown (void)
{
    static const struct {
        const char *name;
        uint16_t attrs[4];
    } rows[] = {
        {"limit", {NFTA_LIMIT_UNIT}},
        {"ct", {NFTA_CT_KEY, NFTA_CT_DREG, NFTA_CT_DIRECTION}},
        {"meta", {NFTA_META_KEY}},
        {"meta", {NFTA_META_KEY, NFTA_META_DREG, 15}},
        {"meta", {NFTA_META_KEY, NFTA_META_DREG, 200}},
        {"bitwise", {NFTA_BITWISE_SREG, NFTA_BITWISE_DREG, NFTA_BITWISE_OP}},
        {"lookup", {NFTA_LOOKUP_SREG}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        Memory memory = {0};
        SgNlMessage message = begin (&memory);
        struct nlattr *entry = sg_nl_nest_begin (&message, NFTA_LIST_ELEM);

        sg_nl_put_string (&message, NFTA_EXPR_NAME, rows[i].name);
        struct nlattr *data = sg_nl_nest_begin (&message, NFTA_EXPR_DATA);
        for (size_t k = 0; k < G_N_ELEMENTS (rows[i].attrs) && rows[i].attrs[k]; k++)
            sg_nl_put_u32 (&message, rows[i].attrs[k], htonl (1));
        sg_nl_nest_end (&message, data);
        sg_nl_nest_end (&message, entry);
        g_assert_cmpint (sg_nft_expr_parse (first_attr (&memory)).kind, ==, SG_NFT_EXPR_UNKNOWN);
    }
}

/* ---- torn messages ---- */

static bool
parse_any (const struct nlmsghdr *nlh)
{
    g_autoptr (SgNftTable) table = sg_nft_table_new (NFPROTO_IPV6, SG_NFT_TABLE);
    g_autoptr (SgNftSet) set = sg_nft_set_new (SG_SET_LOCAL_PREFIXES);
    SgForeignChain foreign;
    uint64_t packets;
    bool strange = false, base;

    set->key[0] = SG_NFT_TYPE_IFINDEX;
    set->key[1] = SG_NFT_TYPE_IPV6_ADDR;
    set->n_key = 2;
    set->interval = true;
    g_ptr_array_add (table->chains, sg_nft_chain_new (SG_CHAIN_CHOICE));
    switch (nlh->nlmsg_type & 0xff) {
    case NFT_MSG_NEWCHAIN:
        return sg_nft_parse_chain (nlh, table) && sg_nft_foreign_parse (nlh, &foreign, &base);
    case NFT_MSG_NEWRULE:
        return sg_nft_parse_rule (nlh, table) && sg_nft_counter_parse (nlh, &packets);
    case NFT_MSG_NEWSET:
        return sg_nft_parse_set (nlh, table);
    case NFT_MSG_NEWSETELEM:
        return sg_nft_parse_elements (nlh, set, &strange);
    default:
        g_assert_not_reached ();
    }
}

/* Every truncation of a message in memory that ends with it, where a sanitizer sees a step too
 * far; whole it must be understood. */
static void
truncate_message (const struct nlmsghdr *nlh)
{
    for (uint32_t len = sizeof (*nlh); len <= nlh->nlmsg_len; len++) {
        struct nlmsghdr *copy = g_memdup2 (nlh, len);

        copy->nlmsg_len = len;
        bool understood = parse_any (copy);
        g_free (copy);
        g_assert_true (understood || len < nlh->nlmsg_len);
    }
}

/* Recorded from a kernel with our whole ruleset. */
static void
test_truncated (void)
{
    static const char *const files[] = {"chains", "elements", "rules", "sets"};

    for (size_t i = 0; i < G_N_ELEMENTS (files); i++) {
        g_autofree char *path =
            g_test_build_filename (G_TEST_DIST, "..", "fuzz", "corpus-nft", files[i], NULL);
        g_autofree char *bytes = NULL;
        gsize left = 0;
        const struct nlmsghdr *nlh;

        g_assert_true (g_file_get_contents (path, &bytes, &left, NULL));
        const uint8_t *at = (const uint8_t *) bytes;
        g_assert_cmpuint (left, >, 0);
        while ((nlh = sg_nl_message_next (&at, &left)) != NULL)
            truncate_message (nlh);
        g_assert_cmpuint (left, ==, 0);
    }
}

/* An expression of a rule's list; @packets < 0: its counter lacks them. */
static void
put_counted (SgNlMessage *message, const char *name, int64_t packets)
{
    struct nlattr *entry = sg_nl_nest_begin (message, NFTA_LIST_ELEM);
    uint64_t counted = GUINT64_TO_BE ((uint64_t) packets);
    struct nlattr *data;

    sg_nl_put_string (message, NFTA_EXPR_NAME, name);
    data = sg_nl_nest_begin (message, NFTA_EXPR_DATA);
    if (packets >= 0)
        sg_nl_put (message, NFTA_COUNTER_PACKETS, &counted, sizeof counted);
    sg_nl_nest_end (message, data);
    sg_nl_nest_end (message, entry);
}

static bool
read_counters (int64_t first, int64_t second, uint64_t *ret_packets)
{
    Memory memory = {0};
    SgNlMessage message = sg_nft_message_begin (&memory.header, sizeof memory, NFT_MSG_NEWRULE,
                                                /* flags= */ 0, NFPROTO_IPV6);
    struct nlattr *list = sg_nl_nest_begin (&message, NFTA_RULE_EXPRESSIONS);

    put_counted (&message, "counter", first);
    put_counted (&message, "reject", 77); /* whatever it holds, it is no counter */
    put_counted (&message, "counter", second);
    sg_nl_nest_end (&message, list);
    return sg_nft_counter_parse (&memory.header, ret_packets);
}

static void
test_counters (void)
{
    uint64_t packets = 0;

    g_assert_true (read_counters (3, 1 + (INT64_C (1) << 40), &packets));
    g_assert_cmpuint (packets, ==, 4 + (INT64_C (1) << 40));
    g_assert_false (read_counters (3, -1, &packets));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/nft-message/round-trip", test_expr_round_trip);
    g_test_add_func ("/nft-message/refused", test_expr_refused);
    g_test_add_func ("/nft-message/unknown", test_expr_unknown);
    g_test_add_func ("/nft-message/truncated", test_truncated);
    g_test_add_func ("/nft-message/counters", test_counters);
    return g_test_run ();
}
