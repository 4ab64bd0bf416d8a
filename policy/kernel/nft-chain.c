/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-message.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "core/ruleset.h"
#include "kernel/nft-expr.h"

SgNlMessage
sg_nft_message_begin (struct nlmsghdr *memory, size_t room, uint16_t type, uint16_t flags,
                      uint8_t family)
{
    SgNlMessage message =
        sg_nl_message_begin (memory, room, (uint16_t) (NFNL_SUBSYS_NFTABLES << 8 | type), flags);
    struct nfgenmsg *header = sg_nl_put_header (&message, sizeof (*header));

    if (header) {
        header->nfgen_family = family;
        header->version = NFNETLINK_V0;
    }
    return message;
}

bool
sg_nft_parse_generation (const struct nlmsghdr *nlh, uint32_t *ret_generation)
{
    static const SgNlSpec specs[] = {[NFTA_GEN_ID] = {SG_NL_U32, 0}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), specs, G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_GEN_ID])
        return false;
    *ret_generation = GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_GEN_ID]));
    return true;
}

/* Whether a message is about the table: kernels do not filter every dump by it. */
static bool
is_of_table (const struct nlmsghdr *nlh, const struct nlattr *name, const SgNftTable *table)
{
    const struct nfgenmsg *header = sg_nl_message_header (nlh);

    return header->nfgen_family == table->family && name &&
           strcmp (sg_nl_attr_data (name), table->name) == 0;
}

bool
sg_nft_parse_table (const struct nlmsghdr *nlh, SgNftTable *table)
{
    static const SgNlSpec specs[] = {
        [NFTA_TABLE_NAME] = {SG_NL_STRING, 0}, [NFTA_TABLE_FLAGS] = {SG_NL_U32, 0}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), specs, G_N_ELEMENTS (specs), attrs))
        return false;
    if (!is_of_table (nlh, attrs[NFTA_TABLE_NAME], table))
        return true;
    table->exists = true;
    table->dormant =
        attrs[NFTA_TABLE_FLAGS] &&
        (GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_TABLE_FLAGS])) & NFT_TABLE_F_DORMANT);
    return true;
}

/* ---- chains ---- */

static bool
parse_hook (const struct nlattr *nest, SgNftChain *chain)
{
    static const SgNlSpec specs[] = {
        [NFTA_HOOK_HOOKNUM] = {SG_NL_U32, 0},
        [NFTA_HOOK_PRIORITY] = {SG_NL_U32, 0},
    };
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), specs,
                            G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_HOOK_HOOKNUM] || !attrs[NFTA_HOOK_PRIORITY])
        return false;
    chain->base = true;
    chain->hook = GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_HOOK_HOOKNUM]));
    chain->priority = (int32_t) GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_HOOK_PRIORITY]));
    return true;
}

bool
sg_nft_parse_chain (const struct nlmsghdr *nlh, SgNftTable *table)
{
    static const SgNlSpec specs[] = {
        [NFTA_CHAIN_TABLE] = {SG_NL_STRING, 0}, [NFTA_CHAIN_NAME] = {SG_NL_STRING, 0},
        [NFTA_CHAIN_HOOK] = {SG_NL_BYTES, 0},   [NFTA_CHAIN_POLICY] = {SG_NL_U32, 0},
        [NFTA_CHAIN_TYPE] = {SG_NL_STRING, 0},
    };
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), specs, G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_CHAIN_NAME])
        return false;
    if (!is_of_table (nlh, attrs[NFTA_CHAIN_TABLE], table))
        return true;

    const char *name = sg_nl_attr_data (attrs[NFTA_CHAIN_NAME]);
    if (!sg_ruleset_is_our_chain (name)) {
        g_ptr_array_add (table->foreign, g_strdup (name));
        return true;
    }
    g_autoptr (SgNftChain) chain = sg_nft_chain_new (name);
    if (attrs[NFTA_CHAIN_HOOK] && !parse_hook (attrs[NFTA_CHAIN_HOOK], chain))
        return false;
    if (chain->base && attrs[NFTA_CHAIN_TYPE])
        g_strlcpy (chain->type, sg_nl_attr_data (attrs[NFTA_CHAIN_TYPE]), sizeof (chain->type));
    if (chain->base && attrs[NFTA_CHAIN_POLICY])
        chain->policy = GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_CHAIN_POLICY]));
    g_ptr_array_add (table->chains, g_steal_pointer (&chain));
    return true;
}

void
sg_nft_put_chain (SgNlMessage *message, const char *table, const SgNftChain *chain)
{
    sg_nl_put_string (message, NFTA_CHAIN_TABLE, table);
    sg_nl_put_string (message, NFTA_CHAIN_NAME, chain->name);
    if (!chain->base)
        return;
    struct nlattr *hook = sg_nl_nest_begin (message, NFTA_CHAIN_HOOK);
    sg_nl_put_u32 (message, NFTA_HOOK_HOOKNUM, GUINT32_TO_BE (chain->hook));
    sg_nl_put_u32 (message, NFTA_HOOK_PRIORITY, GUINT32_TO_BE ((uint32_t) chain->priority));
    sg_nl_nest_end (message, hook);
    sg_nl_put_u32 (message, NFTA_CHAIN_POLICY, GUINT32_TO_BE (chain->policy));
    sg_nl_put_string (message, NFTA_CHAIN_TYPE, chain->type);
}

/* ---- rules ---- */

static bool
parse_exprs (const struct nlattr *list, SgNftRule *rule)
{
    const struct nlattr *entry = NULL;
    bool broken = false;

    while (sg_nl_attr_next (list, &entry, &broken)) {
        SgNftExpr expr = sg_nft_expr_parse (entry);

        g_array_append_val (rule->exprs, expr);
    }
    return !broken;
}

bool
sg_nft_parse_rule (const struct nlmsghdr *nlh, SgNftTable *table)
{
    static const SgNlSpec specs[] = {
        [NFTA_RULE_TABLE] = {SG_NL_STRING, 0},
        [NFTA_RULE_CHAIN] = {SG_NL_STRING, 0},
        [NFTA_RULE_HANDLE] = {SG_NL_BYTES, sizeof (uint64_t)},
        [NFTA_RULE_EXPRESSIONS] = {SG_NL_BYTES, 0},
    };
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), specs, G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_RULE_CHAIN] || !attrs[NFTA_RULE_HANDLE])
        return false;
    if (!is_of_table (nlh, attrs[NFTA_RULE_TABLE], table))
        return true;
    SgNftChain *chain = sg_nft_table_find_chain (table, sg_nl_attr_data (attrs[NFTA_RULE_CHAIN]));
    if (!chain)
        return true;

    g_autoptr (SgNftRule) rule = sg_nft_rule_new ();
    uint64_t handle;
    memcpy (&handle, sg_nl_attr_data (attrs[NFTA_RULE_HANDLE]), sizeof (handle));
    rule->handle = GUINT64_FROM_BE (handle);

    if (attrs[NFTA_RULE_EXPRESSIONS] && !parse_exprs (attrs[NFTA_RULE_EXPRESSIONS], rule))
        return false;
    g_ptr_array_add (chain->rules, g_steal_pointer (&rule));
    return true;
}

bool
sg_nft_put_rule (SgNlMessage *message, const char *table, const char *chain, const SgNftRule *rule)
{
    sg_nl_put_string (message, NFTA_RULE_TABLE, table);
    sg_nl_put_string (message, NFTA_RULE_CHAIN, chain);
    struct nlattr *list = sg_nl_nest_begin (message, NFTA_RULE_EXPRESSIONS);
    for (guint i = 0; i < rule->exprs->len; i++) {
        if (!sg_nft_expr_put (message, &g_array_index (rule->exprs, SgNftExpr, i)))
            return false;
    }
    sg_nl_nest_end (message, list);
    return true;
}
