/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-counter.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/error.h"
#include "kernel/nft-message.h"

static const SgNlSpec rule_specs[] = {
    [NFTA_RULE_EXPRESSIONS] = {SG_NL_BYTES, 0},
};

static const SgNlSpec expr_specs[] = {
    [NFTA_EXPR_NAME] = {SG_NL_STRING, 0},
    [NFTA_EXPR_DATA] = {SG_NL_BYTES, 0},
};

static const SgNlSpec counter_specs[] = {
    [NFTA_COUNTER_PACKETS] = {SG_NL_BYTES, sizeof (uint64_t)},
};

/* Adds what an expression of a rule has counted. */
static bool
add_packets (const struct nlattr *entry, uint64_t *packets)
{
    const struct nlattr *expr[G_N_ELEMENTS (expr_specs)];
    const struct nlattr *counter[G_N_ELEMENTS (counter_specs)];
    uint64_t counted;

    if (!sg_nl_attrs_parse (sg_nl_attr_data (entry), sg_nl_attr_len (entry), expr_specs,
                            G_N_ELEMENTS (expr_specs), expr) ||
        !expr[NFTA_EXPR_NAME])
        return false;
    if (strcmp (sg_nl_attr_data (expr[NFTA_EXPR_NAME]), "counter") != 0)
        return true;
    if (!expr[NFTA_EXPR_DATA] ||
        !sg_nl_attrs_parse (sg_nl_attr_data (expr[NFTA_EXPR_DATA]),
                            sg_nl_attr_len (expr[NFTA_EXPR_DATA]), counter_specs,
                            G_N_ELEMENTS (counter_specs), counter) ||
        !counter[NFTA_COUNTER_PACKETS])
        return false;
    memcpy (&counted, sg_nl_attr_data (counter[NFTA_COUNTER_PACKETS]), sizeof counted);
    *packets += GUINT64_FROM_BE (counted);
    return true;
}

bool
sg_nft_counter_parse (const struct nlmsghdr *nlh, uint64_t *ret_packets)
{
    const struct nlattr *attrs[G_N_ELEMENTS (rule_specs)];
    const struct nlattr *entry = NULL;
    uint64_t packets = 0;
    bool broken = false;

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), rule_specs, G_N_ELEMENTS (rule_specs),
                              attrs))
        return false;
    while (attrs[NFTA_RULE_EXPRESSIONS] &&
           sg_nl_attr_next (attrs[NFTA_RULE_EXPRESSIONS], &entry, &broken))
        if (!add_packets (entry, &packets))
            return false;
    *ret_packets = packets;
    return !broken;
}

static bool
take_rule (const struct nlmsghdr *nlh, void *data, GError **error)
{
    uint64_t *sum = data, packets;

    if (!sg_nft_counter_parse (nlh, &packets)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a rule");
        return false;
    }
    *sum += packets;
    return true;
}

static void
reset_sum (void *data)
{
    *(uint64_t *) data = 0;
}

bool
sg_nft_counter_read (SgNlSocket *sock, const char *table, const char *chain, uint64_t *ret_packets,
                     GError **error)
{
    const SgNlReader reader = {take_rule, reset_sum, ret_packets};
    union {
        struct nlmsghdr header;
        uint8_t bytes[1024]; /* a header and two names */
    } memory = {0};
    SgNlMessage message = sg_nft_message_begin (&memory.header, sizeof memory, NFT_MSG_GETRULE,
                                                NLM_F_DUMP, NFPROTO_IPV6);

    sg_nl_put_string (&message, NFTA_RULE_TABLE, table);
    sg_nl_put_string (&message, NFTA_RULE_CHAIN, chain);
    *ret_packets = 0;
    if (sg_nl_socket_read (sock, message.nlh, &reader, error))
        return true;
    g_prefix_error (error, "read the counters of the chain %s: ", chain);
    return false;
}
