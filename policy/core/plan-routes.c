/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The difference in our tables. A route's slot (table, prefix, metric) is what the kernel
 * replaces by; where a slot holds one route on either side, one atomic replace does it. */
#include "core/plan-parts.h"

#include "core/contract.h"

/* Routes of one slot: a stretch of a sorted array. */
typedef struct {
    SgRoute **routes;
    guint n;
} Slot;

static void
add_action (SgPlan *plan, SgStage stage, SgActionKind kind, const SgRoute *route)
{
    sg_plan_add (plan, stage, (SgAction) {.kind = kind, .route = route});
}

static bool
contains (const Slot *slot, const SgRoute *route)
{
    for (guint i = 0; i < slot->n; i++) {
        if (sg_route_compare (slot->routes[i], route) == 0)
            return true;
    }
    return false;
}

/* Same path but, say, another MTU: the kernel calls it a duplicate and refuses to add it. */
static const SgRoute *
find_same_path (const Slot *slot, const SgRoute *route)
{
    for (guint i = 0; i < slot->n; i++) {
        if (sg_route_same_path (slot->routes[i], route))
            return slot->routes[i];
    }
    return NULL;
}

static bool
has_twin (const GPtrArray *foreign, const SgRoute *route)
{
    for (guint i = 0; i < foreign->len; i++) {
        if (sg_route_same_path (g_ptr_array_index (foreign, i), route))
            return true;
    }
    return false;
}

/* Adds before it removes, except duplicates: there the blackhole default covers the moment. What
 * somebody else has put there just so cannot be added, and need not. */
static void
diff_slot_by_path (SgPlan *plan, const Slot *have, const Slot *want, const GPtrArray *foreign)
{
    for (guint i = 0; i < want->n; i++) {
        const SgRoute *duplicate;

        if (contains (have, want->routes[i]) || has_twin (foreign, want->routes[i]))
            continue;
        duplicate = find_same_path (have, want->routes[i]);
        if (duplicate)
            add_action (plan, SG_STAGE_TABLES, SG_ACTION_ROUTE_DEL, duplicate);
        add_action (plan, SG_STAGE_TABLES, SG_ACTION_ROUTE_ADD, want->routes[i]);
    }
    for (guint i = 0; i < have->n; i++) {
        if (!contains (want, have->routes[i]) && !find_same_path (want, have->routes[i]))
            add_action (plan, SG_STAGE_STALE_ROUTES, SG_ACTION_ROUTE_DEL, have->routes[i]);
    }
}

static bool
in_slot (const GPtrArray *routes, const SgRoute *route)
{
    for (guint i = 0; i < routes->len; i++) {
        if (sg_route_same_slot (g_ptr_array_index (routes, i), route))
            return true;
    }
    return false;
}

/* @foreign: routes of others; a replace could hit one in the same slot. */
static void
diff_slot (SgPlan *plan, const Slot *have, const Slot *want, const GPtrArray *foreign)
{
    if (have->n != 1 || want->n != 1)
        diff_slot_by_path (plan, have, want, foreign);
    else if (sg_route_compare (have->routes[0], want->routes[0]) == 0)
        return;
    else if (in_slot (foreign, want->routes[0]))
        diff_slot_by_path (plan, have, want, foreign);
    else
        add_action (plan, SG_STAGE_TABLES, SG_ACTION_ROUTE_REPLACE, want->routes[0]);
}

/* The stretch that starts at @from. */
static Slot
slot_at (const GPtrArray *routes, guint from)
{
    Slot slot = {NULL, 0};

    if (from < routes->len)
        slot.routes = (SgRoute **) &g_ptr_array_index (routes, from);
    while (from + slot.n < routes->len && sg_route_same_slot (slot.routes[0], slot.routes[slot.n]))
        slot.n++;
    return slot;
}

static int
compare_slots (const Slot *a, const Slot *b)
{
    if (!a->n || !b->n)
        return a->n ? -1 : 1;
    return sg_route_same_slot (a->routes[0], b->routes[0])
               ? 0
               : sg_route_compare (a->routes[0], b->routes[0]);
}

static int
compare_routes (const SgRoute **a, const SgRoute **b)
{
    return sg_route_compare (*a, *b);
}

/* Whether somebody's route could be in the slot of one of ours: of main we have only routes to hosts. */
static bool
can_be_in_the_way (const SgRoute *route)
{
    if (route->table == RT_TABLE_MAIN)
        return route->dst.len == sg_family_bits (route->family);
    return route->table > SG_TABLE_BASE || route->table == RT_TABLE_DEFAULT;
}

/* Splits what the kernel has: ours, sorted; and foreign ones that a replace could hit. */
static void
split_routes (const GPtrArray *routes, GPtrArray *ours, GPtrArray *foreign)
{
    for (guint i = 0; i < routes->len; i++) {
        SgRoute *route = g_ptr_array_index (routes, i);

        if (route->protocol == SG_PROTOCOL)
            g_ptr_array_add (ours, route);
        else if (can_be_in_the_way (route))
            g_ptr_array_add (foreign, route);
    }
    g_ptr_array_sort (ours, (GCompareFunc) compare_routes);
}

static void
diff_routes (SgPlan *plan, const GPtrArray *ours, const GPtrArray *foreign, const GPtrArray *wanted)
{
    guint i = 0, j = 0;

    while (i < ours->len || j < wanted->len) {
        Slot have = slot_at (ours, i), want = slot_at (wanted, j);
        int order = compare_slots (&have, &want);

        if (order < 0)
            want.n = 0;
        else if (order > 0)
            have.n = 0;
        diff_slot (plan, &have, &want, foreign);
        i += have.n;
        j += want.n;
    }
}

/* The blackhole defaults come before all other additions: from then on no table of ours can
 * fall through to the next rule. */
static int
compare_urgency (const SgAction *a, const SgAction *b)
{
    bool first = a->route->type == RTN_BLACKHOLE && sg_route_is_default (a->route);
    bool second = b->route->type == RTN_BLACKHOLE && sg_route_is_default (b->route);

    return (int) second - (int) first;
}

void
sg_plan_add_routes (SgPlan *plan, const SgSnapshot *snapshot, const SgWanted *wanted)
{
    g_autoptr (GPtrArray) ours = g_ptr_array_new ();
    g_autoptr (GPtrArray) foreign = g_ptr_array_new ();
    SgPlan routes = {
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgAction))};

    split_routes (snapshot->routes, ours, foreign);
    diff_routes (&routes, ours, foreign, wanted->routes);
    g_array_sort (routes.actions, (GCompareFunc) compare_urgency);
    g_array_append_vals (plan->actions, routes.actions->data, routes.actions->len);
    g_array_unref (routes.actions);
}
