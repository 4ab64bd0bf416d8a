/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/fake-kernel.h"

#include <errno.h>
#include <string.h>

/* ---- copies ---- */

static SgNftRule *
copy_rule (const SgNftRule *rule)
{
    SgNftRule *copy = sg_nft_rule_new ();

    g_array_append_vals (copy->exprs, rule->exprs->data, rule->exprs->len);
    copy->handle = 1; /* the kernel forgets our text and gives a number */
    return copy;
}

static SgNftChain *
copy_chain (const SgNftChain *chain, bool with_rules)
{
    SgNftChain *copy = sg_nft_chain_new (chain->name);
    GPtrArray *rules = copy->rules;

    *copy = *chain;
    copy->rules = rules;
    for (guint i = 0; with_rules && i < chain->rules->len; i++)
        g_ptr_array_add (rules, copy_rule (g_ptr_array_index (chain->rules, i)));
    return copy;
}

static SgNftSet *
copy_set (const SgNftSet *set, bool with_elements)
{
    SgNftSet *copy = sg_nft_set_new (set->name);
    GArray *elements = copy->elements;

    *copy = *set;
    copy->elements = elements;
    if (with_elements)
        g_array_append_vals (elements, set->elements->data, set->elements->len);
    return copy;
}

SgNftTable *
sg_fake_nft_copy (const SgNftTable *table)
{
    SgNftTable *copy = sg_nft_table_new (table->family, table->name);

    copy->exists = table->exists;
    copy->dormant = table->dormant;
    copy->generation = table->generation;
    for (guint i = 0; i < table->sets->len; i++)
        g_ptr_array_add (copy->sets, copy_set (g_ptr_array_index (table->sets, i), true));
    for (guint i = 0; i < table->chains->len; i++)
        g_ptr_array_add (copy->chains, copy_chain (g_ptr_array_index (table->chains, i), true));
    for (guint i = 0; i < table->foreign->len; i++)
        g_ptr_array_add (copy->foreign, g_strdup (g_ptr_array_index (table->foreign, i)));
    return copy;
}

/* ---- one action; 0 or an errno ---- */

/* Whether a rule anywhere names the set or chain @name. */
static bool
is_used (const SgNftTable *table, SgNftExprKind kind, const char *name)
{
    for (guint i = 0; i < table->chains->len; i++) {
        const SgNftChain *chain = g_ptr_array_index (table->chains, i);

        for (guint j = 0; j < chain->rules->len; j++) {
            const SgNftRule *rule = g_ptr_array_index (chain->rules, j);

            for (guint k = 0; k < rule->exprs->len; k++) {
                const SgNftExpr *expr = &g_array_index (rule->exprs, SgNftExpr, k);

                if (expr->kind == kind && strcmp (expr->name, name) == 0)
                    return true;
            }
        }
    }
    return false;
}

static int
change_set (SgNftTable *table, const SgAction *action)
{
    SgNftSet *set = sg_nft_table_find_set (table, action->set->name);

    if (action->kind == SG_ACTION_NFT_SET_ADD) {
        if (set)
            return sg_nft_set_same_definition (set, action->set) ? 0 : EEXIST;
        g_ptr_array_add (table->sets, copy_set (action->set, false));
        return 0;
    }
    if (!set)
        return ENOENT;
    if (is_used (table, SG_NFT_EXPR_LOOKUP, set->name))
        return EBUSY;
    g_ptr_array_remove (table->sets, set);
    return 0;
}

static int
change_chain (SgNftTable *table, const SgAction *action)
{
    SgNftChain *chain = sg_nft_table_find_chain (table, action->chain->name);

    if (action->kind == SG_ACTION_NFT_CHAIN_ADD) {
        if (chain)
            return sg_nft_chain_same_definition (chain, action->chain) ? 0 : EEXIST;
        g_ptr_array_add (table->chains, copy_chain (action->chain, false));
        return 0;
    }
    if (!chain)
        return ENOENT;
    if (action->kind == SG_ACTION_NFT_CHAIN_FLUSH) {
        g_ptr_array_set_size (chain->rules, 0);
        return 0;
    }
    if (is_used (table, SG_NFT_EXPR_VERDICT, chain->name))
        return EBUSY;
    g_ptr_array_remove (table->chains, chain);
    return 0;
}

static int
add_rule (SgNftTable *table, const SgAction *action)
{
    SgNftChain *chain = sg_nft_table_find_chain (table, action->chain->name);
    const GArray *exprs = action->nft_rule->exprs;

    if (!chain)
        return ENOENT;
    for (guint i = 0; i < exprs->len; i++) {
        const SgNftExpr *expr = &g_array_index (exprs, SgNftExpr, i);

        if (expr->name[0] == '\0')
            continue;
        if (expr->kind == SG_NFT_EXPR_LOOKUP && !sg_nft_table_find_set (table, expr->name))
            return ENOENT;
        if (expr->kind == SG_NFT_EXPR_VERDICT && !sg_nft_table_find_chain (table, expr->name))
            return ENOENT;
    }
    g_ptr_array_add (chain->rules, copy_rule (action->nft_rule));
    return 0;
}

/* Two intervals that share a key (of any number of fields: each has to). */
static bool
overlap (const SgNftSet *set, const SgNftElement *a, const SgNftElement *b)
{
    uint32_t offset = 0;

    for (uint32_t i = 0; i < set->n_key; i++) {
        uint32_t len = sg_nft_type_len (set->key[i]);

        if (memcmp (a->key_end + offset, b->key + offset, len) < 0 ||
            memcmp (b->key_end + offset, a->key + offset, len) < 0)
            return false;
        offset += (len + 3) & ~3u;
    }
    return true;
}

static int
add_element (SgNftSet *set, const SgNftElement *element)
{
    for (guint i = 0; i < set->elements->len; i++) {
        const SgNftElement *have = &g_array_index (set->elements, SgNftElement, i);

        if (sg_nft_element_compare (have, element) == 0)
            return 0;
        if (memcmp (have->key, element->key, sizeof (have->key)) == 0 ||
            (set->interval && overlap (set, have, element)))
            return EEXIST;
    }
    g_array_append_val (set->elements, *element);
    sg_nft_set_normalise (set);
    return 0;
}

static int
change_element (SgNftTable *table, const SgAction *action)
{
    SgNftSet *set = sg_nft_table_find_set (table, action->set->name);

    if (!set)
        return ENOENT;
    if (action->kind == SG_ACTION_NFT_ELEMENT_ADD)
        return add_element (set, &action->element);
    for (guint i = 0; i < set->elements->len; i++) {
        const SgNftElement *have = &g_array_index (set->elements, SgNftElement, i);

        if (sg_nft_element_compare (have, &action->element) == 0) {
            g_array_remove_index (set->elements, i);
            return 0;
        }
    }
    return ENOENT;
}

static int
change (SgNftTable *table, const SgAction *action)
{
    if (action->kind == SG_ACTION_NFT_TABLE_ADD) {
        table->exists = true;
        table->dormant = false;
        return 0;
    }
    if (!table->exists)
        return ENOENT;

    switch (action->kind) {
    case SG_ACTION_NFT_SET_ADD:
    case SG_ACTION_NFT_SET_DEL:
        return change_set (table, action);
    case SG_ACTION_NFT_CHAIN_ADD:
    case SG_ACTION_NFT_CHAIN_DEL:
    case SG_ACTION_NFT_CHAIN_FLUSH:
        return change_chain (table, action);
    case SG_ACTION_NFT_RULE_ADD:
        return add_rule (table, action);
    case SG_ACTION_NFT_ELEMENT_ADD:
    case SG_ACTION_NFT_ELEMENT_DEL:
        return change_element (table, action);
    case SG_ACTION_NFT_TABLE_ADD:
    case SG_ACTION_WG_FWMARK:
    case SG_ACTION_WG_PRESHARED_KEY:
    case SG_ACTION_WG_PEER_SET:
    case SG_ACTION_WG_PEER_DEL:
    case SG_ACTION_SYSCTL:
    case SG_ACTION_PROXY_ADD:
    case SG_ACTION_PROXY_DEL:
    case SG_ACTION_ADDRESS_DEL:
    case SG_ACTION_ADDRESS_ADD:
    case SG_ACTION_NEXTHOP_ADD:
    case SG_ACTION_NEXTHOP_DEL:
    case SG_ACTION_ROUTE_ADD:
    case SG_ACTION_ROUTE_REPLACE:
    case SG_ACTION_ROUTE_DEL:
    case SG_ACTION_RULE_ADD:
    case SG_ACTION_RULE_DEL:
    case SG_ACTION_SOCKETS_CLOSE:
    case SG_ACTION_RP_FILTER:
    case SG_ACTION_KIND_N:
        break;
    }
    g_assert_not_reached ();
}

SgNftTable *
sg_fake_nft_transact (const SgNftTable *table, const SgAction *actions, size_t n, size_t *ret_index,
                      int *ret_errnum)
{
    g_autoptr (SgNftTable) copy = sg_fake_nft_copy (table);

    for (size_t i = 0; i < n; i++) {
        /* A transaction holds both families; each table takes its own. */
        int errnum = actions[i].table->family == table->family ? change (copy, &actions[i]) : 0;

        if (errnum != 0) {
            *ret_index = i;
            *ret_errnum = errnum;
            return NULL;
        }
    }
    copy->generation++;
    return g_steal_pointer (&copy);
}
