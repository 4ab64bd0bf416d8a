/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-message.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>

#include "core/ruleset.h"
#include "kernel/nft-expr.h"

/* More than any rule of ours has; keeps a rule within the room of its message. */
#define EXPRS_MAX 64

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
    *ret_generation = ntohl (sg_nl_attr_u32 (attrs[NFTA_GEN_ID]));
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
    chain->hook = ntohl (sg_nl_attr_u32 (attrs[NFTA_HOOK_HOOKNUM]));
    chain->priority = (int32_t) ntohl (sg_nl_attr_u32 (attrs[NFTA_HOOK_PRIORITY]));
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
        chain->policy = ntohl (sg_nl_attr_u32 (attrs[NFTA_CHAIN_POLICY]));
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
    sg_nl_put_u32 (message, NFTA_HOOK_HOOKNUM, htonl (chain->hook));
    sg_nl_put_u32 (message, NFTA_HOOK_PRIORITY, htonl ((uint32_t) chain->priority));
    sg_nl_nest_end (message, hook);
    sg_nl_put_u32 (message, NFTA_CHAIN_POLICY, htonl (chain->policy));
    sg_nl_put_string (message, NFTA_CHAIN_TYPE, chain->type);
}

/* ---- rules ---- */

typedef struct nftnl_rule NftnlRule;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (NftnlRule, nftnl_rule_free)

static int
append_decoded (struct nftnl_expr *from, void *data)
{
    SgNftRule *rule = data;
    SgNftExpr expr = sg_nft_expr_decode (from);

    g_array_append_val (rule->exprs, expr);
    return 0;
}

bool
sg_nft_parse_rule (const struct nlmsghdr *nlh, SgNftTable *table)
{
    static const SgNlSpec specs[] = {
        [NFTA_RULE_TABLE] = {SG_NL_STRING, 0},
        [NFTA_RULE_CHAIN] = {SG_NL_STRING, 0},
        [NFTA_RULE_HANDLE] = {SG_NL_BYTES, sizeof (uint64_t)},
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

    /* libnftnl refuses a rule that holds an expression it does not know: somebody else's. */
    g_autoptr (NftnlRule) from = nftnl_rule_alloc ();
    if (from && nftnl_rule_nlmsg_parse (nlh, from) == 0) {
        nftnl_expr_foreach (from, append_decoded, rule);
    } else {
        SgNftExpr unknown = {.kind = SG_NFT_EXPR_UNKNOWN};
        g_array_append_val (rule->exprs, unknown);
    }
    g_ptr_array_add (chain->rules, g_steal_pointer (&rule));
    return true;
}

bool
sg_nft_put_rule (SgNlMessage *message, const char *table, const char *chain, const SgNftRule *rule)
{
    g_autoptr (NftnlRule) to = nftnl_rule_alloc ();

    if (!to || rule->exprs->len > EXPRS_MAX)
        return false;
    if (nftnl_rule_set_str (to, NFTNL_RULE_TABLE, table) != 0 ||
        nftnl_rule_set_str (to, NFTNL_RULE_CHAIN, chain) != 0)
        return false;
    for (guint i = 0; i < rule->exprs->len; i++) {
        struct nftnl_expr *expr = sg_nft_expr_encode (&g_array_index (rule->exprs, SgNftExpr, i));

        if (!expr)
            return false;
        nftnl_rule_add_expr (to, expr);
    }
    nftnl_rule_nlmsg_build_payload (message->nlh, to);
    return true;
}
