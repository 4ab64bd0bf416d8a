/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/plan.h"

#include <string.h>

#include "core/contract.h"
#include "core/plan-parts.h"

void
sg_plan_add (SgPlan *plan, SgStage stage, SgAction action)
{
    action.stage = stage;
    g_array_append_val (plan->actions, action);
}

/* ---- rules ---- */

static void
add_rule_action (SgPlan *plan, SgStage stage, SgActionKind kind, const SgRule *rule)
{
    sg_plan_add (plan, stage, (SgAction) {.kind = kind, .rule = *rule});
}

static bool
is_ours (const SgRule *rule)
{
    return rule->protocol == SG_PROTOCOL;
}

static int
compare_rules (const SgRule **a, const SgRule **b)
{
    return sg_rule_compare (*a, *b);
}

/* The pointers of the rules of ours in @rules, sorted. */
static GPtrArray *
sort_rules (const GArray *rules)
{
    GPtrArray *sorted = g_ptr_array_new ();

    for (guint i = 0; i < rules->len; i++) {
        SgRule *rule = &g_array_index (rules, SgRule, i);

        if (is_ours (rule))
            g_ptr_array_add (sorted, rule);
    }
    g_ptr_array_sort (sorted, (GCompareFunc) compare_rules);
    return sorted;
}

/* The rules that only one side has. Both lists are sorted; a rule that stands twice in @have is
 * there once too often. */
static void
diff_rules (const GPtrArray *have, const GPtrArray *want, GHashTable *missing, GHashTable *stale)
{
    guint i = 0, j = 0;

    while (i < have->len || j < want->len) {
        SgRule *mine = i < have->len ? g_ptr_array_index (have, i) : NULL;
        SgRule *other = j < want->len ? g_ptr_array_index (want, j) : NULL;
        int order = !mine ? 1 : !other ? -1 : sg_rule_compare (mine, other);

        if (order < 0)
            g_hash_table_add (stale, mine);
        else if (order > 0)
            g_hash_table_add (missing, other);
        i += order <= 0;
        j += order >= 0;
    }
}

/* In the order in which they are wanted, and removed in the order of their preference. */
static void
add_rules (SgPlan *plan, const SgWanted *wanted, GHashTable *missing)
{
    for (guint i = 0; i < wanted->rules->len; i++) {
        SgRule *rule = &g_array_index (wanted->rules, SgRule, i);

        if (g_hash_table_contains (missing, rule))
            add_rule_action (plan, SG_STAGE_RULES, SG_ACTION_RULE_ADD, rule);
    }
}

static void
remove_rules (SgPlan *plan, const GPtrArray *have, GHashTable *stale, SgStage stage)
{
    for (guint i = 0; i < have->len; i++) {
        SgRule *rule = g_ptr_array_index (have, i);
        bool choice = rule->pref == SG_PREF_SELECTED || rule->pref == SG_PREF_OVERRIDE;

        if (g_hash_table_contains (stale, rule) && choice == (stage == SG_STAGE_OLD_SELECTION))
            add_rule_action (plan, stage, SG_ACTION_RULE_DEL, rule);
    }
}

/* ---- WireGuard ---- */

static void
add_fwmarks (SgPlan *plan, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->fwmarks->len; i++) {
        const SgWantedFwmark *change = &g_array_index (wanted->fwmarks, SgWantedFwmark, i);

        sg_plan_add (plan, SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_WG_FWMARK,
                                 .ifindex = change->ifindex,
                                 .fwmark = change->fwmark});
    }
}

static void
add_repair (SgPlan *plan, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->preshared->len; i++) {
        const SgWantedPreshared *change = &g_array_index (wanted->preshared, SgWantedPreshared, i);

        sg_plan_add (plan, SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_WG_PRESHARED_KEY,
                                 .ifindex = change->ifindex,
                                 .public_key = change->public_key});
    }
    for (guint i = 0; i < wanted->addresses->len; i++)
        sg_plan_add (plan, SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_ADDRESS_ADD,
                                 .address = g_array_index (wanted->addresses, SgAddress, i)});
}

/* ---- the tunnel role ---- */

/* Who is no device any more goes at once, whatever fails elsewhere. */
static void
add_peers (SgPlan *plan, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->stale_peers->len; i++) {
        const SgWireguardPeer *peer = &g_array_index (wanted->stale_peers, SgWireguardPeer, i);

        sg_plan_add (plan, SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_WG_PEER_DEL,
                                 .ifindex = peer->ifindex,
                                 .public_key = peer->public_key});
    }
    for (guint i = 0; i < wanted->peers->len; i++)
        sg_plan_add (plan, SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_WG_PEER_SET,
                                 .peer = g_array_index (wanted->peers, SgWantedPeer, i)});
}

/* Before addresses: one of them may be that the link takes IPv6 at all. */
static void
add_sysctls (SgPlan *plan, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->sysctls->len; i++)
        sg_plan_add (plan, SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_SYSCTL,
                                 .sysctl = g_array_index (wanted->sysctls, SgSysctl, i)});
}

/* One goes when nothing leads by it any more: the kernel would take the routes along. */
static void
add_nexthops (SgPlan *plan, const SgWanted *wanted, SgActionKind kind)
{
    bool add = kind == SG_ACTION_NEXTHOP_ADD;
    const GArray *nexthops = add ? wanted->nexthops : wanted->stale_nexthops;

    for (guint i = 0; i < nexthops->len; i++)
        sg_plan_add (
            plan, add ? SG_STAGE_TABLES : SG_STAGE_STALE_ROUTES,
            (SgAction) {.kind = kind, .nexthop = g_array_index (nexthops, SgNexthopObject, i)});
}

static void
add_tunnel (SgPlan *plan, const SgWanted *wanted)
{
    add_peers (plan, wanted);
    for (guint i = 0; i < wanted->proxies->len; i++)
        sg_plan_add (plan, SG_STAGE_RULES,
                     (SgAction) {.kind = SG_ACTION_PROXY_ADD,
                                 .proxy = g_array_index (wanted->proxies, SgProxy, i)});
    for (guint i = 0; i < wanted->stale_proxies->len; i++)
        sg_plan_add (plan, SG_STAGE_STALE_RULES,
                     (SgAction) {.kind = SG_ACTION_PROXY_DEL,
                                 .proxy = g_array_index (wanted->stale_proxies, SgProxy, i)});
    for (guint i = 0; i < wanted->stale_addresses->len; i++)
        sg_plan_add (plan, SG_STAGE_STALE_ROUTES,
                     (SgAction) {.kind = SG_ACTION_ADDRESS_DEL,
                                 .address = g_array_index (wanted->stale_addresses, SgAddress, i)});
    for (guint i = 0; i < wanted->stale_routes->len; i++)
        sg_plan_add (plan, SG_STAGE_STALE_ROUTES,
                     (SgAction) {.kind = SG_ACTION_ROUTE_DEL,
                                 .route = g_ptr_array_index (wanted->stale_routes, i)});
}

/* ---- sockets ---- */

static void
add_closings (SgPlan *plan, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->closings->len; i++)
        sg_plan_add (plan, SG_STAGE_SOCKETS,
                     (SgAction) {.kind = SG_ACTION_SOCKETS_CLOSE,
                                 .address.ip = g_array_index (wanted->closings, SgIp, i)});
}

/* ---- the reverse path filter ---- */

/* Loose before anything is routed by it, back when nothing is any more. */
static void
add_rp_filters (SgPlan *plan, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->rp_filters->len; i++) {
        const SgWantedRpFilter *change = &g_array_index (wanted->rp_filters, SgWantedRpFilter, i);

        sg_plan_add (plan, change->back ? SG_STAGE_STALE_ROUTES : SG_STAGE_TRANSPORT,
                     (SgAction) {.kind = SG_ACTION_RP_FILTER,
                                 .ifindex = change->ifindex,
                                 .value = change->value});
    }
}

/* ---- the whole ---- */

static int
compare_stages (const SgAction *a, const SgAction *b)
{
    return (int) a->stage - (int) b->stage;
}

/* Nothing between both transactions: one will do. */
static void
join_transactions (SgPlan *plan)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        SgStage stage = g_array_index (plan->actions, SgAction, i).stage;

        if (stage != SG_STAGE_GUARD && stage != SG_STAGE_UNGUARD)
            return;
    }
    for (guint i = 0; i < plan->actions->len; i++)
        g_array_index (plan->actions, SgAction, i).stage = SG_STAGE_GUARD;
}

static void
clear_change (void *data)
{
    SgResolverChange *change = data;

    g_clear_pointer (&change->to, g_variant_unref);
}

SgPlan *
sg_plan_new (const SgSnapshot *snapshot, const SgWanted *wanted)
{
    SgPlan *plan = g_new0 (SgPlan, 1);
    g_autoptr (GPtrArray) have = sort_rules (snapshot->rules);
    g_autoptr (GPtrArray) want = sort_rules (wanted->rules);
    g_autoptr (GHashTable) missing = g_hash_table_new (NULL, NULL);
    g_autoptr (GHashTable) stale = g_hash_table_new (NULL, NULL);

    plan->actions =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgAction));
    plan->resolver =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgResolverChange));
    g_array_set_clear_func (plan->resolver, clear_change);
    diff_rules (have, want, missing, stale);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        if (snapshot->nft[family] || wanted->nft[family]->exists)
            sg_plan_add_nft (plan, snapshot->nft[family], wanted->nft[family]);
    }
    add_fwmarks (plan, wanted);
    add_sysctls (plan, wanted);
    add_repair (plan, wanted);
    add_tunnel (plan, wanted);
    add_closings (plan, wanted);
    add_rules (plan, wanted, missing);
    remove_rules (plan, have, stale, SG_STAGE_OLD_SELECTION);
    remove_rules (plan, have, stale, SG_STAGE_STALE_RULES);
    add_nexthops (plan, wanted, SG_ACTION_NEXTHOP_ADD);
    sg_plan_add_routes (plan, snapshot, wanted);
    add_nexthops (plan, wanted, SG_ACTION_NEXTHOP_DEL);
    add_rp_filters (plan, wanted);
    /* g_array_sort is stable: the order within a stage stays. */
    g_array_sort (plan->actions, (GCompareFunc) compare_stages);
    join_transactions (plan);
    return plan;
}

bool
sg_plan_begins_tunnel (const SgPlan *plan)
{
    for (guint i = 0; i < plan->actions->len; i++) {
        const SgAction *action = &g_array_index (plan->actions, SgAction, i);

        if (action->kind == SG_ACTION_NFT_ELEMENT_ADD &&
            strcmp (action->set->name, SG_SET_TUNNEL_LINKS) == 0)
            return true;
    }
    return false;
}

void
sg_plan_free (SgPlan *plan)
{
    if (!plan)
        return;
    g_array_unref (plan->actions);
    g_clear_pointer (&plan->resolver, g_array_unref);
    g_free (plan);
}
