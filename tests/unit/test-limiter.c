/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The limiter: a table of what it does as time goes by, and properties over random fights. */
#include "core/limiter.h"

#include <string.h>

#include <linux/rtnetlink.h>

#include "base/error.h"
#include "core/contract.h"

/* ---- plans ---- */

typedef struct {
    SgLimiter *limiter;
    SgSnapshot *snapshot;
    SgNftTable *table;
    SgNftChain chain;
    SgPlan *plan;
    GPtrArray *news;
    uint64_t now;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    memset (f, 0, sizeof *f);
    f->limiter = sg_limiter_new ();
    f->snapshot = sg_snapshot_new ();
    f->table = sg_nft_table_new (10, "startos");
    g_strlcpy (f->chain.name, "guard_post", sizeof f->chain.name);
    f->plan = g_new0 (SgPlan, 1);
    f->plan->actions = g_array_new (FALSE, TRUE, sizeof (SgAction));
    f->news = g_ptr_array_new_with_free_func (g_free);
    f->now = 1000000;
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    sg_plan_free (f->plan);
    sg_nft_table_free (f->table);
    sg_snapshot_free (f->snapshot);
    sg_limiter_free (f->limiter);
    g_ptr_array_unref (f->news);
}

static void
add (Fixture *f, SgStage stage, SgAction action)
{
    action.stage = stage;
    g_array_append_val (f->plan->actions, action);
}

static void
add_rule (Fixture *f, SgStage stage, SgActionKind kind, uint32_t pref)
{
    add (f, stage,
         (SgAction) {.kind = kind, .rule = sg_rule_ours (AF_INET6, pref, FR_ACT_UNREACHABLE)});
}

static void
add_chain (Fixture *f, SgStage stage)
{
    add (f, stage,
         (SgAction) {.kind = SG_ACTION_NFT_CHAIN_ADD, .table = f->table, .chain = &f->chain});
    add (f, stage,
         (SgAction) {.kind = SG_ACTION_NFT_CHAIN_FLUSH, .table = f->table, .chain = &f->chain});
}

/* How many actions are left. */
static guint
apply (Fixture *f)
{
    SgLimiterMoment moment = {f->now, "process 1, “rival”", "process 2, “flusher”"};

    sg_limiter_apply (f->limiter, f->plan, f->snapshot, &moment, f->news);
    return f->plan->actions->len;
}

static bool
put_rule (Fixture *f, uint32_t pref)
{
    g_array_set_size (f->plan->actions, 0);
    add_rule (f, SG_STAGE_RULES, SG_ACTION_RULE_ADD, pref);
    return apply (f) == 1;
}

static bool
put_chain (Fixture *f)
{
    g_array_set_size (f->plan->actions, 0);
    add_chain (f, SG_STAGE_GUARD);
    return apply (f) == 2;
}

static void
fight_over_rule (Fixture *f, uint32_t pref)
{
    for (uint32_t i = 0; i < SG_LIMITER_TIMES; i++, f->now += 10)
        g_assert_true (put_rule (f, pref));
    g_assert_cmpuint (sg_limiter_next (f->limiter), ==, 0);
    g_assert_false (put_rule (f, pref));
    g_assert_cmpuint (sg_limiter_next (f->limiter), ==, f->now + SG_LIMITER_FIRST_MS);
}

/* ---- one object ---- */

static void
test_peace (Fixture *f, gconstpointer data)
{
    /* As often as is permitted, for an hour. */
    for (uint32_t i = 0; i < 3600; i++, f->now += 1010)
        g_assert_true (put_rule (f, 75));
    g_assert_cmpuint (f->news->len, ==, 0);
}

static void
test_fight (Fixture *f, gconstpointer data)
{
    uint64_t backoff = SG_LIMITER_FIRST_MS;

    fight_over_rule (f, 75);
    for (int i = 0; i < 15; i++) {
        f->now = sg_limiter_next (f->limiter) - 1;
        g_assert_false (put_rule (f, 75));
        f->now += 1;
        g_assert_true (put_rule (f, 75));
        g_assert_cmpuint (sg_limiter_next (f->limiter), ==, 0);
        f->now += 10;
        g_assert_false (put_rule (f, 75));
        backoff = MIN (2 * backoff, SG_LIMITER_MOST_MS);
        g_assert_cmpuint (sg_limiter_next (f->limiter), ==, f->now + backoff);
    }
    g_assert_cmpuint (backoff, ==, SG_LIMITER_MOST_MS);
    g_assert_cmpuint (f->news->len, ==, 1);
    g_assert_nonnull (strstr (g_ptr_array_index (f->news, 0), "pref 75"));
    g_assert_nonnull (strstr (g_ptr_array_index (f->news, 0), "“rival”"));
}

static void
test_over (Fixture *f, gconstpointer data)
{
    fight_over_rule (f, 75);
    f->now += SG_LIMITER_FIRST_MS;
    g_assert_true (put_rule (f, 75));
    f->now += SG_LIMITER_WINDOW_MS + 1;
    /* The other gave up: all begins anew, and a new fight is said again. */
    fight_over_rule (f, 75);
    g_assert_cmpuint (f->news->len, ==, 2);
}

static void
test_changed (Fixture *f, gconstpointer data)
{
    for (int i = 0; i < 100; i++, f->now += 10) {
        g_assert_true (put_rule (f, 75));
        f->now += 5;
        g_array_set_size (f->plan->actions, 0);
        add_rule (f, SG_STAGE_STALE_RULES, SG_ACTION_RULE_DEL, 75);
        g_assert_cmpuint (apply (f), ==, 1);
    }
    g_assert_cmpuint (f->news->len, ==, 0);
}

static void
test_again_at_once (Fixture *f, gconstpointer data)
{
    /* A run that starts over because of another writer counts once. */
    for (int i = 0; i < 100; i++)
        g_assert_true (put_rule (f, 75));
}

/* ---- next hops ---- */

#define NEXTHOP                                                                                    \
    {                                                                                              \
        .id = SG_NEXTHOP_BASE + 3, .ifindex = 3, .protocol = SG_PROTOCOL                           \
    }

static void
add_nexthop (Fixture *f, SgActionKind kind)
{
    SgStage stage = kind == SG_ACTION_NEXTHOP_ADD ? SG_STAGE_TABLES : SG_STAGE_STALE_ROUTES;

    add (f, stage, (SgAction) {.kind = kind, .nexthop = NEXTHOP});
}

/* The route to the device @last, by the next hop. */
static SgRoute *
add_route (Fixture *f, uint8_t last)
{
    SgRoute *route = sg_route_new (AF_INET6, 1);

    route->protocol = SG_PROTOCOL;
    route->table = RT_TABLE_MAIN;
    route->dst = (SgPrefix) {{AF_INET6, {0x20, 1, [15] = last}}, 128};
    route->nexthop_id = SG_NEXTHOP_BASE + 3;
    add (f, SG_STAGE_TABLES, (SgAction) {.kind = SG_ACTION_ROUTE_ADD, .route = route});
    return route;
}

/* One that is new has no fight behind it, but waits with the next hop that it needs. */
static void
test_nexthop_held_back (Fixture *f, gconstpointer data)
{
    g_autofree SgRoute *route = NULL;

    for (uint32_t i = 0; i <= SG_LIMITER_TIMES; i++, f->now += 10) {
        g_array_set_size (f->plan->actions, 0);
        add_nexthop (f, SG_ACTION_NEXTHOP_ADD);
        g_assert_cmpuint (apply (f), ==, i < SG_LIMITER_TIMES ? 1 : 0);
    }
    g_array_set_size (f->plan->actions, 0);
    add_nexthop (f, SG_ACTION_NEXTHOP_ADD);
    route = add_route (f, 1);
    g_assert_cmpuint (apply (f), ==, 0);
}

/* The kernel would take the routes along that have not been led elsewhere yet. */
static void
test_nexthop_stays_with_its_routes (Fixture *f, gconstpointer data)
{
    g_autofree SgRoute *route = add_route (f, 1);

    for (uint32_t i = 0; i <= SG_LIMITER_TIMES; i++, f->now += 10) {
        g_array_set_size (f->plan->actions, 0);
        g_free (route);
        route = add_route (f, 1);
        g_assert_cmpuint (apply (f), ==, i < SG_LIMITER_TIMES ? 1 : 0);
    }
    g_array_set_size (f->plan->actions, 0);
    add (f, SG_STAGE_TABLES, (SgAction) {.kind = SG_ACTION_ROUTE_ADD, .route = route});
    add_nexthop (f, SG_ACTION_NEXTHOP_DEL);
    g_assert_cmpuint (apply (f), ==, 0);
}

/* ---- among others ---- */

static void
test_others (Fixture *f, gconstpointer data)
{
    fight_over_rule (f, 75);
    g_array_set_size (f->plan->actions, 0);
    add_chain (f, SG_STAGE_GUARD);
    add_rule (f, SG_STAGE_RULES, SG_ACTION_RULE_ADD, 74);
    add_rule (f, SG_STAGE_RULES, SG_ACTION_RULE_ADD, 75);
    add_rule (f, SG_STAGE_OLD_SELECTION, SG_ACTION_RULE_DEL, 70);
    add_rule (f, SG_STAGE_STALE_RULES, SG_ACTION_RULE_DEL, 60);
    add (f, SG_STAGE_UNGUARD,
         (SgAction) {.kind = SG_ACTION_NFT_CHAIN_DEL, .table = f->table, .chain = &f->chain});
    /* The guard is put up; what replaces the old selection has to wait, so that stays. */
    g_assert_cmpuint (apply (f), ==, 4);
    g_assert_cmpuint (g_array_index (f->plan->actions, SgAction, 2).rule.pref, ==, 74);
    g_assert_cmpuint (g_array_index (f->plan->actions, SgAction, 3).rule.pref, ==, 60);
}

static void
test_guard (Fixture *f, gconstpointer data)
{
    for (uint32_t i = 0; i < SG_LIMITER_GUARD_TIMES; i++, f->now += 10)
        g_assert_true (put_chain (f));
    for (int i = 0; i < 100; i++) {
        g_assert_false (put_chain (f));
        g_assert_cmpuint (sg_limiter_next (f->limiter), ==, f->now + SG_LIMITER_GUARD_MS);
        /* No routing without its guard. */
        add_chain (f, SG_STAGE_GUARD);
        add_rule (f, SG_STAGE_RULES, SG_ACTION_RULE_ADD, 75);
        g_assert_cmpuint (apply (f), ==, 0);
        f->now += SG_LIMITER_GUARD_MS;
        g_assert_true (put_chain (f));
        f->now += 10;
    }
    g_assert_cmpuint (f->news->len, ==, 1);
    g_assert_nonnull (strstr (g_ptr_array_index (f->news, 0), "“flusher”"));
}

static guint
count_lines (const char *text, const char *start)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    guint n = 0;

    for (char **line = lines; *line; line++)
        n += g_str_has_prefix (*line, start);
    return n;
}

static void
test_bounded (Fixture *f, gconstpointer data)
{
    g_autofree char *text = NULL;
    g_autofree char *fine = NULL;

    for (uint32_t i = 0; i < 20000; i++)
        add_rule (f, SG_STAGE_RULES, SG_ACTION_RULE_ADD, 60 + i % 3);
    g_assert_cmpuint (apply (f), ==, 20000);
    text = sg_limiter_to_text (f->limiter);
    g_assert_cmpuint (count_lines (text, "Object="), ==, 3);
    for (uint32_t i = 0; i < 3 * SG_LIMITER_ENTRIES; i++, f->now++)
        g_assert_true (put_rule (f, 10000 + i));
    fine = sg_limiter_to_text (f->limiter);
    g_assert_cmpuint (count_lines (fine, "Object="), ==, SG_LIMITER_ENTRIES);
    g_assert_nonnull (strstr (fine, "pref 13071"));
    g_assert_null (strstr (fine, "pref 10000"));
}

/* ---- as text ---- */

static void
test_text (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;
    g_autofree char *again = NULL;

    fight_over_rule (f, 75);
    text = sg_limiter_to_text (f->limiter);
    sg_limiter_free (f->limiter);
    f->limiter = sg_limiter_parse ("limits", text, strlen (text), &error);
    g_assert_no_error (error);
    again = sg_limiter_to_text (f->limiter);
    g_assert_cmpstr (text, ==, again);
    /* The fight goes on where it was, and is not said again. */
    g_assert_false (put_rule (f, 75));
    g_assert_cmpuint (f->news->len, ==, 1);
    /* After a reboot the clock starts anew: what it says belongs to another time. */
    f->now = 5;
    g_assert_true (put_rule (f, 75));
}

static void
test_malformed (Fixture *f, gconstpointer data)
{
    static const char head[] = "[limit 0]\nObject=rule pref 75\n";
    static const char *const texts[] = {
        "x",
        "[other]\nTimes=1\n",
        "[limit 0]\nTimes=1\n",
        "Times=0\nSince=1\nLast=1\nBackoff=0\nUntil=0\n",
        "Times=1\nSince=2\nLast=1\nBackoff=0\nUntil=0\n",
        "Times=1\nSince=1\nLast=1\nBackoff=600001\nUntil=0\n",
        "Times=1\nSince=1\nLast=1\nBackoff=0\n",
        "Times=1\nSince=1\nLast=-1\nBackoff=0\nUntil=0\n",
        "Times=1\nSince=1\nLast=1\nBackoff=0\nUntil=18446744073709551615\n",
        ("Times=1\nSince=1\nLast=1\nBackoff=0\nUntil=0\n[limit 1]\nObject=rule pref 75\nTimes=1\n"
         "Since=1\nLast=1\nBackoff=0\nUntil=0\n"),
    };

    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autofree char *text = g_strconcat (i < 3 ? "" : head, texts[i], NULL);
        g_autoptr (GError) error = NULL;

        g_assert_null (sg_limiter_parse ("limits", text, strlen (text), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    }
}

/* ---- properties ---- */

/* Somebody undoes everything at once, for an hour, at random moments. */
static void
test_bounded_puts (Fixture *f, gconstpointer data)
{
    uint64_t end = f->now + 3600 * 1000;
    guint puts = 0, guard_puts = 0;
    uint64_t guard_last = f->now;

    while (f->now < end) {
        puts += put_rule (f, 75);
        if (put_chain (f)) {
            guard_puts++;
            guard_last = f->now;
        }
        g_assert_cmpuint (f->now - guard_last, <=, SG_LIMITER_GUARD_MS + 50);
        f->now += (uint64_t) g_test_rand_int_range (1, 50);
    }
    g_assert_cmpuint (puts, <=, SG_LIMITER_TIMES + 20);
    g_assert_cmpuint (guard_puts, <=, SG_LIMITER_GUARD_TIMES + 3600);
    g_assert_cmpuint (guard_puts, >=, 3400);
    g_assert_cmpuint (f->news->len, ==, 2);
    g_test_message ("an hour of fight: the rule put back %u times, the guard %u times", puts,
                    guard_puts);
}

/* Copied as a whole, padding included. */
static bool
is_copy (const void *a, const void *b)
{
    return memcmp (a, b, sizeof (SgAction)) == 0;
}

/* Random plans: what is left is what was, in its order; with the guard waiting it is nothing. */
static void
test_random (Fixture *f, gconstpointer data)
{
    for (int round = 0; round < 20000;
         round++, f->now += (uint64_t) g_test_rand_int_range (1, 400)) {
        g_autoptr (GArray) before = NULL;
        guint at = 0;

        g_array_set_size (f->plan->actions, 0);
        if (g_test_rand_int_range (0, 3) == 0)
            add_chain (f, SG_STAGE_GUARD);
        for (uint32_t pref = 60; pref < 70; pref++) {
            if (g_test_rand_int_range (0, (int) pref - 57) == 0)
                add_rule (f, SG_STAGE_RULES, SG_ACTION_RULE_ADD, pref);
        }
        before = g_array_copy (f->plan->actions);
        apply (f);
        for (guint i = 0; i < f->plan->actions->len; i++, at++) {
            while (!is_copy (&g_array_index (before, SgAction, at),
                             &g_array_index (f->plan->actions, SgAction, i)))
                g_assert_cmpuint (++at, <, before->len);
        }
        /* Whatever waits has an end that is known. */
        if (f->plan->actions->len < before->len)
            g_assert_cmpuint (sg_limiter_next (f->limiter), >, f->now);
        else
            g_assert_cmpuint (sg_limiter_next (f->limiter), ==, 0);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add ("/limiter/" name, Fixture, NULL, set_up, function, tear_down)
    ADD ("peace", test_peace);
    ADD ("fight", test_fight);
    ADD ("over", test_over);
    ADD ("changed", test_changed);
    ADD ("again-at-once", test_again_at_once);
    ADD ("nexthop/held-back", test_nexthop_held_back);
    ADD ("nexthop/stays-with-its-routes", test_nexthop_stays_with_its_routes);
    ADD ("others", test_others);
    ADD ("guard", test_guard);
    ADD ("bounded", test_bounded);
    ADD ("text", test_text);
    ADD ("malformed", test_malformed);
    ADD ("property/puts", test_bounded_puts);
    ADD ("property/plans", test_random);
    return g_test_run ();
}
