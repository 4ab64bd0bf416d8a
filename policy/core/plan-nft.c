/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The difference in nftables. What widens the guard or adds to it goes first, what narrows the
 * guard goes last; both are transactions. */
#include "core/plan-parts.h"

#include <string.h>

#include "core/contract.h"

/* ---- the table under comparison ---- */

typedef struct {
    SgPlan *plan;
    const SgNftTable *have; /* NULL or !exists: there is none */
    const SgNftTable *want;
} Diff;

static void
add_chain_action (const Diff *diff, SgStage stage, SgActionKind kind, const SgNftChain *chain)
{
    sg_plan_add (diff->plan, stage, (SgAction) {.kind = kind, .table = diff->want, .chain = chain});
}

static void
add_set_action (const Diff *diff, SgStage stage, SgActionKind kind, const SgNftSet *set)
{
    sg_plan_add (diff->plan, stage, (SgAction) {.kind = kind, .table = diff->want, .set = set});
}

/* ---- elements ---- */

static bool
is_set (const SgNftSet *set, const char *name)
{
    return strcmp (set->name, name) == 0;
}

/* Whether both ranges, of sets with intervals, have a key in common. Overrides of all interfaces:
 * only the addresses count. */
static bool
ranges_overlap (const SgNftElement *a, const SgNftElement *b)
{
    return memcmp (a->key + 4, b->key_end + 4, 16) <= 0 &&
           memcmp (b->key + 4, a->key_end + 4, 16) <= 0;
}

/* What binds a source stays as long as the rules that lead it out, unless the kernel would refuse
 * another prefix beside it. */
static SgStage
stage_of_override_removal (const SgNftSet *want, const SgNftElement *element)
{
    for (guint i = 0; i < want->elements->len; i++) {
        if (ranges_overlap (&g_array_index (want->elements, SgNftElement, i), element))
            return SG_STAGE_GUARD;
    }
    return SG_STAGE_UNGUARD;
}

/* Of some sets old elements go before new ones come: where an element opens the guard, where
 * the kernel refuses a prefix that covers one that is there, and where a map has one value only
 * for a key. */
static SgStage
stage_of_removal (const SgNftSet *want, const SgNftElement *element)
{
    if (is_set (want, SG_SET_OVERRIDES))
        return stage_of_override_removal (want, element);
    return want->interval || want->data || is_set (want, SG_SET_EXEMPT) ||
                   is_set (want, SG_SET_TUNNEL_DEVICES) || is_set (want, SG_SET_TUNNEL_MEMBERS) ||
                   is_set (want, SG_SET_PINHOLES) || is_set (want, SG_SET_PCP_PINHOLES)
               ? SG_STAGE_GUARD
               : SG_STAGE_UNGUARD;
}

static void
add_element_action (const Diff *diff, SgStage stage, SgActionKind kind, const SgNftSet *set,
                    const SgNftElement *element)
{
    sg_plan_add (diff->plan, stage,
                 (SgAction) {.kind = kind, .table = diff->want, .set = set, .element = *element});
}

static bool
was_gateway (const Diff *diff, const SgNftElement *element)
{
    const SgNftSet *gateways =
        diff->have ? sg_nft_table_find_set (diff->have, SG_SET_GATEWAYS) : NULL;

    for (guint i = 0; gateways && i < gateways->elements->len; i++) {
        if (memcmp (g_array_index (gateways->elements, SgNftElement, i).key, element->key,
                    sizeof element->key) == 0)
            return true;
    }
    return false;
}

static bool
was_guarded (const Diff *diff)
{
    return diff->have && sg_nft_table_find_chain (diff->have, SG_CHAIN_CHOICE_POST);
}

/* What opens the guard comes when the rules are gone that it has to be there for: what was a
 * gateway is guarded until they no longer lead out by it, and who was bound to the selected outbound
 * is until they no longer lead there. Where no guard is up yet, it must refuse nothing meanwhile. */
static SgStage
stage_of_addition (const Diff *diff, const SgNftSet *set, const SgNftElement *element)
{
    bool opens = (is_set (set, SG_SET_EXEMPT) && was_gateway (diff, element)) ||
                 (is_set (set, SG_SET_UNSELECTED) && was_guarded (diff));

    return opens ? SG_STAGE_UNGUARD : SG_STAGE_GUARD;
}

/* Both are sorted. Calls for the elements that only one side has: one pass for additions, one
 * for removals, so that those of a set stand together and fit in one message. */
static void
diff_elements (const Diff *diff, const SgNftSet *have, const SgNftSet *want, SgActionKind kind)
{
    static const GArray none;
    const GArray *old = have ? have->elements : &none, *new = want->elements;
    guint i = 0, j = 0;

    while (i < old->len || j < new->len) {
        const SgNftElement *a = i < old->len ? &g_array_index (old, SgNftElement, i) : NULL;
        const SgNftElement *b = j < new->len ? &g_array_index (new, SgNftElement, j) : NULL;
        int order = !a ? 1 : !b ? -1 : sg_nft_element_compare (a, b);

        if (order < 0 && kind == SG_ACTION_NFT_ELEMENT_DEL)
            add_element_action (diff, stage_of_removal (want, a), kind, want, a);
        else if (order > 0 && kind == SG_ACTION_NFT_ELEMENT_ADD)
            add_element_action (diff, stage_of_addition (diff, want, b), kind, want, b);
        i += order <= 0;
        j += order >= 0;
    }
}

static void
diff_all_elements (const Diff *diff, bool rebuild)
{
    for (guint i = 0; i < diff->want->sets->len; i++) {
        const SgNftSet *want = g_ptr_array_index (diff->want->sets, i);
        const SgNftSet *have =
            diff->have && !rebuild ? sg_nft_table_find_set (diff->have, want->name) : NULL;

        diff_elements (diff, have, want, SG_ACTION_NFT_ELEMENT_DEL);
        diff_elements (diff, have, want, SG_ACTION_NFT_ELEMENT_ADD);
    }
}

/* ---- definitions ---- */

/* A set or chain of our name that is something else, as from an older version: the kernel
 * cannot change it in place. */
static bool
has_other_definitions (const Diff *diff)
{
    for (guint i = 0; diff->have && i < diff->want->sets->len; i++) {
        const SgNftSet *want = g_ptr_array_index (diff->want->sets, i);
        const SgNftSet *have = sg_nft_table_find_set (diff->have, want->name);

        if (have && !sg_nft_set_same_definition (have, want))
            return true;
    }
    for (guint i = 0; diff->have && i < diff->want->chains->len; i++) {
        const SgNftChain *want = g_ptr_array_index (diff->want->chains, i);
        const SgNftChain *have = sg_nft_table_find_chain (diff->have, want->name);

        if (have && !sg_nft_chain_same_definition (have, want))
            return true;
    }
    return false;
}

/* Chains go before what they go to: the reverse of the order in which they are made. */
static void
remove_chains (const Diff *diff, const GPtrArray *chains, SgStage stage)
{
    for (guint i = 0; i < chains->len; i++)
        add_chain_action (diff, stage, SG_ACTION_NFT_CHAIN_FLUSH, g_ptr_array_index (chains, i));
    for (guint i = 0; i < chains->len; i++)
        add_chain_action (diff, stage, SG_ACTION_NFT_CHAIN_DEL, g_ptr_array_index (chains, i));
}

/* Takes away all that is ours: for good, or to be made anew in the same transaction (no gap). */
static void
remove_everything (const Diff *diff, SgStage stage)
{
    remove_chains (diff, diff->have->chains, stage);
    for (guint i = 0; i < diff->have->sets->len; i++)
        add_set_action (diff, stage, SG_ACTION_NFT_SET_DEL,
                        g_ptr_array_index (diff->have->sets, i));
}

static void
add_sets (const Diff *diff, bool rebuild)
{
    for (guint i = 0; i < diff->want->sets->len; i++) {
        const SgNftSet *set = g_ptr_array_index (diff->want->sets, i);

        if (!diff->have || rebuild || !sg_nft_table_find_set (diff->have, set->name))
            add_set_action (diff, SG_STAGE_GUARD, SG_ACTION_NFT_SET_ADD, set);
    }
}

/* ---- chains and rules ---- */

static void
fill_chain (const Diff *diff, const SgNftChain *chain)
{
    for (guint i = 0; i < chain->rules->len; i++)
        sg_plan_add (diff->plan, SG_STAGE_GUARD,
                     (SgAction) {.kind = SG_ACTION_NFT_RULE_ADD,
                                 .table = diff->want,
                                 .chain = chain,
                                 .nft_rule = g_ptr_array_index (chain->rules, i)});
}

/* A chain whose rules are not what they should be is filled anew, in the same transaction. */
static void
add_chains (const Diff *diff, bool rebuild)
{
    for (guint i = 0; i < diff->want->chains->len; i++) {
        const SgNftChain *want = g_ptr_array_index (diff->want->chains, i);
        const SgNftChain *have =
            diff->have && !rebuild ? sg_nft_table_find_chain (diff->have, want->name) : NULL;

        if (!have)
            add_chain_action (diff, SG_STAGE_GUARD, SG_ACTION_NFT_CHAIN_ADD, want);
        else if (sg_nft_chain_same_rules (have, want))
            continue;
        else
            add_chain_action (diff, SG_STAGE_GUARD, SG_ACTION_NFT_CHAIN_FLUSH, want);
        fill_chain (diff, want);
    }
}

static void
remove_stale_chains (const Diff *diff)
{
    g_autoptr (GPtrArray) stale = g_ptr_array_new ();

    for (guint i = 0; diff->have && i < diff->have->chains->len; i++) {
        SgNftChain *chain = g_ptr_array_index (diff->have->chains, i);

        if (!sg_nft_table_find_chain (diff->want, chain->name))
            g_ptr_array_add (stale, chain);
    }
    remove_chains (diff, stale, SG_STAGE_UNGUARD);
}

/* Of a part that is not needed any more; behind the chains that look into them. */
static void
remove_stale_sets (const Diff *diff)
{
    for (guint i = 0; diff->have && i < diff->have->sets->len; i++) {
        const SgNftSet *set = g_ptr_array_index (diff->have->sets, i);

        if (!sg_nft_table_find_set (diff->want, set->name))
            add_set_action (diff, SG_STAGE_UNGUARD, SG_ACTION_NFT_SET_DEL, set);
    }
}

void
sg_plan_add_nft (SgPlan *plan, const SgNftTable *have, const SgNftTable *want)
{
    Diff diff = {plan, have && have->exists ? have : NULL, want};
    bool rebuild = has_other_definitions (&diff);

    if (!want->exists) {
        if (diff.have)
            remove_everything (&diff, SG_STAGE_UNGUARD);
        return;
    }
    if (!diff.have || diff.have->dormant)
        sg_plan_add (plan, SG_STAGE_GUARD,
                     (SgAction) {.kind = SG_ACTION_NFT_TABLE_ADD, .table = want});
    if (rebuild)
        remove_everything (&diff, SG_STAGE_GUARD);
    add_sets (&diff, rebuild);
    diff_all_elements (&diff, rebuild);
    add_chains (&diff, rebuild);
    if (!rebuild) {
        remove_stale_chains (&diff);
        remove_stale_sets (&diff);
    }
}
