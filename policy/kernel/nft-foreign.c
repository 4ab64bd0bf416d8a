/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-foreign.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/error.h"
#include "kernel/nft-message.h"

static const SgNlSpec chain_specs[] = {
    [NFTA_CHAIN_TABLE] = {SG_NL_STRING, 0},
    [NFTA_CHAIN_NAME] = {SG_NL_STRING, 0},
    [NFTA_CHAIN_HOOK] = {SG_NL_BYTES, 0},
    [NFTA_CHAIN_POLICY] = {SG_NL_U32, 0},
};

static const SgNlSpec hook_specs[] = {
    [NFTA_HOOK_HOOKNUM] = {SG_NL_U32, 0},
};

static bool
parse_hook (const struct nlattr *nest, SgForeignChain *chain)
{
    const struct nlattr *attrs[G_N_ELEMENTS (hook_specs)];

    if (!sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), hook_specs,
                            G_N_ELEMENTS (hook_specs), attrs) ||
        !attrs[NFTA_HOOK_HOOKNUM])
        return false;
    chain->hook = GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_HOOK_HOOKNUM]));
    return true;
}

bool
sg_nft_foreign_parse (const struct nlmsghdr *nlh, SgForeignChain *ret_chain, bool *ret_base)
{
    const struct nlattr *attrs[G_N_ELEMENTS (chain_specs)];
    const struct nfgenmsg *header = sg_nl_message_header (nlh);
    SgForeignChain chain = {0};

    if (!sg_nl_message_parse (nlh, sizeof *header, chain_specs, G_N_ELEMENTS (chain_specs),
                              attrs) ||
        !attrs[NFTA_CHAIN_TABLE] || !attrs[NFTA_CHAIN_NAME])
        return false;
    *ret_base = attrs[NFTA_CHAIN_HOOK] != NULL;
    if (*ret_base && !parse_hook (attrs[NFTA_CHAIN_HOOK], &chain))
        return false;
    chain.family = header->nfgen_family;
    g_strlcpy (chain.table, sg_nl_attr_data (attrs[NFTA_CHAIN_TABLE]), sizeof chain.table);
    g_strlcpy (chain.chain, sg_nl_attr_data (attrs[NFTA_CHAIN_NAME]), sizeof chain.chain);
    chain.drops = attrs[NFTA_CHAIN_POLICY] &&
                  GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_CHAIN_POLICY])) == NF_DROP;
    *ret_chain = chain;
    return true;
}

typedef struct {
    GArray *chains;
    guint before;
    const char *ours;
} Taking;

static bool
take_chain (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;
    SgForeignChain chain;
    bool base;

    if (!sg_nft_foreign_parse (nlh, &chain, &base)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a chain");
        return false;
    }
    if (base && strcmp (chain.table, taking->ours) != 0)
        g_array_append_val (taking->chains, chain);
    return true;
}

static void
reset_chains (void *data)
{
    Taking *taking = data;

    g_array_set_size (taking->chains, taking->before);
}

bool
sg_nft_foreign_dump (SgNlSocket *sock, const char *ours, GArray *chains, GError **error)
{
    Taking taking = {chains, chains->len, ours};
    const SgNlReader reader = {take_chain, reset_chains, &taking};
    union {
        struct nlmsghdr header;
        uint8_t bytes[64];
    } memory = {0};
    SgNlMessage message = sg_nft_message_begin (&memory.header, sizeof memory, NFT_MSG_GETCHAIN,
                                                NLM_F_DUMP, NFPROTO_UNSPEC);

    if (sg_nl_socket_read (sock, message.nlh, &reader, error))
        return true;
    g_prefix_error (error, "read the chains of nftables: ");
    return false;
}
