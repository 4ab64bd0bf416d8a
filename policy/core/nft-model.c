/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/nft-model.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

/* ---- expressions ---- */

bool
sg_nft_expr_equal (const SgNftExpr *a, const SgNftExpr *b)
{
    if (a->kind == SG_NFT_EXPR_UNKNOWN || a->kind != b->kind)
        return false;
    return a->key == b->key && a->op == b->op && a->sreg == b->sreg && a->dreg == b->dreg &&
           a->base == b->base && a->offset == b->offset && a->len == b->len && a->size == b->size &&
           a->flags == b->flags && a->code == b->code &&
           memcmp (a->data, b->data, sizeof a->data) == 0 &&
           memcmp (a->data2, b->data2, sizeof a->data2) == 0 && strcmp (a->name, b->name) == 0;
}

/* ---- rules and chains ---- */

SgNftRule *
sg_nft_rule_new (void)
{
    SgNftRule *rule = g_new0 (SgNftRule, 1);

    rule->exprs =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgNftExpr));
    return rule;
}

void
sg_nft_rule_free (SgNftRule *rule)
{
    if (!rule)
        return;
    g_array_unref (rule->exprs);
    g_free (rule->text);
    g_free (rule);
}

static bool
rules_equal (const SgNftRule *a, const SgNftRule *b)
{
    if (a->exprs->len != b->exprs->len)
        return false;
    for (guint i = 0; i < a->exprs->len; i++) {
        if (!sg_nft_expr_equal (&g_array_index (a->exprs, SgNftExpr, i),
                                &g_array_index (b->exprs, SgNftExpr, i)))
            return false;
    }
    return true;
}

SgNftChain *
sg_nft_chain_new (const char *name)
{
    SgNftChain *chain = g_new0 (SgNftChain, 1);

    g_strlcpy (chain->name, name, sizeof chain->name);
    chain->rules = g_ptr_array_new_with_free_func ((GDestroyNotify) sg_nft_rule_free);
    return chain;
}

void
sg_nft_chain_free (SgNftChain *chain)
{
    if (!chain)
        return;
    g_ptr_array_unref (chain->rules);
    g_free (chain);
}

bool
sg_nft_chain_same_definition (const SgNftChain *a, const SgNftChain *b)
{
    if (a->base != b->base || strcmp (a->name, b->name) != 0)
        return false;
    return !a->base || (strcmp (a->type, b->type) == 0 && a->hook == b->hook &&
                        a->priority == b->priority && a->policy == b->policy);
}

bool
sg_nft_chain_same_rules (const SgNftChain *a, const SgNftChain *b)
{
    if (a->rules->len != b->rules->len)
        return false;
    for (guint i = 0; i < a->rules->len; i++) {
        if (!rules_equal (g_ptr_array_index (a->rules, i), g_ptr_array_index (b->rules, i)))
            return false;
    }
    return true;
}

/* ---- sets ---- */

uint32_t
sg_nft_type_len (SgNftType type)
{
    switch (type) {
    case SG_NFT_TYPE_NONE:
        return 0;
    case SG_NFT_TYPE_INET_PROTO:
        return 1;
    case SG_NFT_TYPE_INET_SERVICE:
        return 2;
    case SG_NFT_TYPE_IPV4_ADDR:
    case SG_NFT_TYPE_MARK:
    case SG_NFT_TYPE_IFINDEX:
        return 4;
    case SG_NFT_TYPE_IPV6_ADDR:
        return 16;
    }
    return 0;
}

int
sg_nft_element_compare (const SgNftElement *a, const SgNftElement *b)
{
    int order = memcmp (a->key, b->key, sizeof a->key);

    if (!order)
        order = memcmp (a->key_end, b->key_end, sizeof a->key_end);
    return order ? order : (a->data > b->data) - (a->data < b->data);
}

void
sg_nft_port_key (uint8_t key[SG_NFT_KEY_MAX], const SgIp *ip, uint8_t protocol, uint16_t port)
{
    memcpy (key, ip->bytes, sizeof ip->bytes);
    key[16] = protocol;
    key[20] = (uint8_t) (port >> 8);
    key[21] = (uint8_t) port;
}

SgNftSet *
sg_nft_set_new (const char *name)
{
    SgNftSet *set = g_new0 (SgNftSet, 1);

    g_strlcpy (set->name, name, sizeof set->name);
    set->elements =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgNftElement));
    return set;
}

void
sg_nft_set_free (SgNftSet *set)
{
    if (!set)
        return;
    g_array_unref (set->elements);
    g_free (set);
}

bool
sg_nft_set_same_definition (const SgNftSet *a, const SgNftSet *b)
{
    if (!a->n_key || a->n_key != b->n_key || a->data != b->data || a->interval != b->interval ||
        a->timeout != b->timeout)
        return false;
    for (uint32_t i = 0; i < a->n_key; i++) {
        if (a->key[i] != b->key[i])
            return false;
    }
    return strcmp (a->name, b->name) == 0;
}

uint32_t
sg_nft_set_key_len (const SgNftSet *set)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < set->n_key; i++)
        len += (sg_nft_type_len (set->key[i]) + 3) & ~3u;
    return len;
}

void
sg_nft_set_normalise (SgNftSet *set)
{
    GArray *elements = set->elements;
    guint kept = 0;

    g_array_sort (elements, (GCompareFunc) sg_nft_element_compare);
    for (guint i = 0; i < elements->len; i++) {
        const SgNftElement *element = &g_array_index (elements, SgNftElement, i);

        if (kept && sg_nft_element_compare (&g_array_index (elements, SgNftElement, kept - 1),
                                            element) == 0)
            continue;
        g_array_index (elements, SgNftElement, kept++) = *element;
    }
    g_array_set_size (elements, kept);
}

/* ---- the table ---- */

const char *
sg_nft_family_word (uint8_t family)
{
    return family == NFPROTO_IPV6 ? "ip6" : "ip";
}

SgNftTable *
sg_nft_table_new (uint8_t family, const char *name)
{
    SgNftTable *table = g_new0 (SgNftTable, 1);

    table->family = family;
    table->name = g_strdup (name);
    table->sets = g_ptr_array_new_with_free_func ((GDestroyNotify) sg_nft_set_free);
    table->chains = g_ptr_array_new_with_free_func ((GDestroyNotify) sg_nft_chain_free);
    table->foreign = g_ptr_array_new_with_free_func (g_free);
    return table;
}

void
sg_nft_table_free (SgNftTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref (table->sets);
    g_ptr_array_unref (table->chains);
    g_ptr_array_unref (table->foreign);
    g_free (table->name);
    g_free (table);
}

SgNftSet *
sg_nft_table_find_set (const SgNftTable *table, const char *name)
{
    for (guint i = 0; i < table->sets->len; i++) {
        SgNftSet *set = g_ptr_array_index (table->sets, i);

        if (strcmp (set->name, name) == 0)
            return set;
    }
    return NULL;
}

SgNftChain *
sg_nft_table_find_chain (const SgNftTable *table, const char *name)
{
    for (guint i = 0; i < table->chains->len; i++) {
        SgNftChain *chain = g_ptr_array_index (table->chains, i);

        if (strcmp (chain->name, name) == 0)
            return chain;
    }
    return NULL;
}
