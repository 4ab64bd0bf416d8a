/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answers of nf_tables: a dump of any bytes, message after message. */
#include "core/contract.h"
#include "kernel/nft-counter.h"
#include "kernel/nft-foreign.h"
#include "kernel/nft-message.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* The shapes of our sets, which decide how long a key is. */
static SgNftSet *
set_of_shape (unsigned shape)
{
    static const SgNftSet shapes[] = {
        {.key = {SG_NFT_TYPE_MARK}, .n_key = 1},
        {.key = {SG_NFT_TYPE_IFINDEX}, .n_key = 1, .data = SG_NFT_TYPE_MARK},
        {.key = {SG_NFT_TYPE_IPV6_ADDR}, .n_key = 1},
        {.key = {SG_NFT_TYPE_IFINDEX, SG_NFT_TYPE_IPV6_ADDR}, .n_key = 2, .interval = true},
    };
    SgNftSet *set = sg_nft_set_new (SG_SET_GATEWAYS);
    GArray *elements = set->elements;

    *set = shapes[shape % G_N_ELEMENTS (shapes)];
    set->elements = elements;
    return set;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autoptr (SgNftTable) table = sg_nft_table_new (/* NFPROTO_IPV6 */ 10, SG_NFT_TABLE);
    g_autofree uint8_t *copy = g_memdup2 (data, size); /* aligned, and ends where it ends */
    const uint8_t *at = copy;
    const struct nlmsghdr *nlh;
    SgForeignChain foreign;
    uint64_t packets;
    uint32_t generation;
    bool strange = false, base;

    /* Rules are only read into chains that are known. */
    g_ptr_array_add (table->chains, sg_nft_chain_new (SG_CHAIN_CHOICE));
    g_ptr_array_add (table->chains, sg_nft_chain_new (SG_CHAIN_MANGLE_PREROUTING));
    g_ptr_array_add (table->chains, sg_nft_chain_new (SG_CHAIN_INGRESS));

    while ((nlh = sg_nl_message_next (&at, &size)) != NULL) {
        g_autoptr (SgNftSet) set = set_of_shape (nlh->nlmsg_seq);
        bool whole = sg_nft_parse_chain (nlh, table);

        whole = sg_nft_parse_table (nlh, table) && whole;
        whole = sg_nft_parse_set (nlh, table) && whole;
        whole = sg_nft_parse_rule (nlh, table) && whole;
        whole = sg_nft_parse_elements (nlh, set, &strange) && whole;
        whole = sg_nft_foreign_parse (nlh, &foreign, &base) && whole;
        whole = sg_nft_counter_parse (nlh, &packets) && whole;
        if (sg_nft_parse_generation (nlh, &generation) && whole)
            table->generation = generation;
        sg_nft_set_normalise (set);
    }
    return 0;
}
