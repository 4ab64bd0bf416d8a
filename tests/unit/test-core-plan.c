/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The order of a plan (spec 1.5), what it replaces and what it leaves alone. */
#include <locale.h>
#include <string.h>

#include "core/contract.h"
#include "core/plan.h"
#include "kernel/apply.h"
#include "lib/fake-kernel.h"
#include "lib/situation.h"

#define HOST                                                                                       \
    "link 1 lo loopback up\n"                                                                      \
    "link 2 eth0 up\n"                                                                             \
    "link 5 wg0 kind wireguard up\n"                                                               \
    "address 2001:db8:1::10/64 dev eth0 permanent\n"                                               \
    "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0\n"                               \
    "route 2a00::/12 table main proto 4 metric 7 dev eth0\n"                                       \
    "route default table main proto 9 metric 100 via fe80::1 dev eth0\n"                           \
    "device eth0 kind ethernet can-be-gateway managed active\n"                                    \
    "address 2001:db8:f::2/128 dev wg0 permanent\n"                                                \
    "wireguard wg0 fwmark 0x0 default6\n"                                                          \
    "device wg0 kind wireguard can-be-gateway managed active\n"                                    \
    "rule pref 0 lookup 255 proto 2\n"                                                             \
    "rule pref 32766 lookup main proto 2\n"

/* ---- a kernel that lives on from one plan to the next ---- */

typedef struct {
    SgSituationText *now;
    SgWanted *wanted;
    SgPlan *plan;
    char *text;
} Fixture;

/* Plans for @text, in a kernel that holds, beside what @text says, all of ours of @before. */
static Fixture *
plan_for (const char *text, const SgSnapshot *before)
{
    Fixture *f = g_new0 (Fixture, 1);

    f->now = sg_situation_parse (text);
    for (guint i = 0; before && i < before->rules->len; i++) {
        const SgRule *rule = &g_array_index (before->rules, SgRule, i);

        if (rule->protocol == SG_PROTOCOL)
            g_array_append_vals (f->now->snapshot->rules, rule, 1);
    }
    for (guint i = 0; before && i < before->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (before->routes, i);

        if (route->protocol == SG_PROTOCOL)
            g_ptr_array_add (f->now->snapshot->routes, sg_route_copy (route));
    }
    if (before) {
        sg_nft_table_free (f->now->snapshot->nft[SG_IPV6]);
        f->now->snapshot->nft[SG_IPV6] = sg_fake_nft_copy (before->nft[SG_IPV6]);
    }
    f->wanted = sg_wanted_new (f->now->config, f->now->state, f->now->memory, f->now->tunnel,
                               f->now->snapshot);
    f->plan = sg_plan_new (f->now->snapshot, f->wanted);
    f->text = sg_plan_to_string (f->plan, f->now->snapshot);
    return f;
}

static SgSnapshot *
apply (const Fixture *f)
{
    g_autoptr (SgKernel) kernel = sg_fake_kernel_new (f->now->snapshot);
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgSnapshot *after = sg_snapshot_new ();

    g_assert_true (sg_apply (kernel, f->now->snapshot, f->plan, failures));
    g_assert_true (kernel->ops->dump (kernel, f->now->config, after, NULL));
    return after;
}

static void
fixture_free (Fixture *f)
{
    sg_plan_free (f->plan);
    sg_wanted_free (f->wanted);
    sg_situation_free (f->now);
    g_free (f->text);
    g_free (f);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fixture, fixture_free)

/* Where the first line with @words is; it must be there. */
static long
at (const char *plan, const char *words)
{
    const char *found = strstr (plan, words);

    if (!found)
        g_error ("no “%s” in\n%s", words, plan);
    return found - plan;
}

static void
in_this_order (const char *plan, const char *const *words)
{
    for (; words[1]; words++) {
        if (at (plan, words[0]) >= at (plan, words[1]))
            g_error ("“%s” comes not before “%s” in\n%s", words[0], words[1], plan);
    }
}

/* ---- order ---- */

static void
test_from_nothing (void)
{
    static const char *const order[] = {"nft 'add table",
                                        "element ip6 startos selected",
                                        "add chain ip6 startos guard_post",
                                        "wg set wg0 fwmark",
                                        "blackhole default table 1002",
                                        "default table 1005",
                                        "pref 1000",
                                        "pref 76",
                                        "pref 50",
                                        "pref 74",
                                        "pref 64",
                                        "pref 65",
                                        "pref 60",
                                        "pref 75",
                                        NULL};
    g_autoptr (Fixture) f = plan_for (HOST "outbound wg0\n", NULL);

    in_this_order (f->text, order);
    /* Both blackholes before any other route. */
    g_assert_cmpint (at (f->text, "blackhole default table 1005"), <,
                     at (f->text, "route append 2001:db8:1::/64"));
}

static void
test_switch (void)
{
    static const char *const order[] = {
        "add element ip6 startos selected { \"eth0\" }", "rule add pref 75 lookup 1002",
        "rule del pref 75 lookup 1005", "delete element ip6 startos selected { \"wg0\" }", NULL};
    g_autoptr (Fixture) first = plan_for (HOST "outbound wg0\n", NULL);
    g_autoptr (SgSnapshot) kernel = apply (first);
    g_autoptr (Fixture) second = plan_for (HOST "outbound eth0\n", kernel);
    guint lines = 0;

    in_this_order (second->text, order);
    for (const char *c = second->text; *c; c++)
        lines += *c == '\n';
    g_assert_cmpuint (lines, ==, 5); /* … and the fwmark, which the situation says is 0 */
}

static void
test_back_to_auto (void)
{
    static const char *const order[] = {"rule del pref 75",
                                        "rule del pref 64",
                                        "rule del pref 65",
                                        "rule del pref 74",
                                        "rule del pref 76",
                                        "delete chain ip6 startos guard_post",
                                        NULL};
    g_autoptr (Fixture) first = plan_for (HOST "outbound wg0\n", NULL);
    g_autoptr (SgSnapshot) kernel = apply (first);
    g_autoptr (Fixture) second = plan_for (HOST, kernel);

    in_this_order (second->text, order);
    g_assert_null (strstr (second->text, "pref 1000"));
    g_assert_null (strstr (second->text, "pref 50"));
}

static void
test_gateway_gone (void)
{
    static const char *const order[] = {"rule del pref 75",
                                        "rule del pref 50",
                                        "rule del pref 60",
                                        "route del",
                                        "delete element ip6 startos gateways",
                                        NULL};
    g_autoptr (Fixture) first = plan_for (HOST "outbound wg0\nmark 1005\n", NULL);
    g_autoptr (SgSnapshot) kernel = apply (first);
    g_autofree char *text = g_strdelimit (g_strdup (HOST "outbound wg0\nmark 1005\n"), "\t", ' ');
    char *device = strstr (text, "device wg0");
    g_autoptr (Fixture) second = NULL;

    *device = '#'; /* NetworkManager lists it no more */
    second = plan_for (text, kernel);
    in_this_order (second->text, order);
    /* Its mark is not forgotten, the blackhole goes with the table, what is selected stays shut. */
    g_assert_null (strstr (second->text, "gateway_marks"));
    at (second->text, "route del blackhole default table 1005");
    g_assert_null (strstr (second->text, "pref 76"));
    /* It was a gateway: exempt only when all that leads out by it is gone. */
    g_assert_cmpint (at (second->text, "add element ip6 startos exempt { \"wg0\" }"), >,
                     at (second->text, "rule del pref 60"));
}

/* No family is to be routed: all of ours goes, the guard last. */
static void
test_no_family (void)
{
    static const char *const order[] = {"rule del pref 75",
                                        "rule del pref 50",
                                        "rule del pref 1100",
                                        "route del",
                                        "delete chain ip6 startos guard_post",
                                        "delete set ip6 startos exempt",
                                        NULL};
    g_autoptr (Fixture) first = plan_for (HOST "outbound wg0\n", NULL);
    g_autoptr (SgSnapshot) kernel = apply (first);
    g_autoptr (Fixture) second = plan_for (HOST "outbound wg0\nconfig Families=\n", kernel);
    g_autoptr (SgSnapshot) after = apply (second);

    in_this_order (second->text, order);
    for (guint i = 0; i < after->rules->len; i++)
        g_assert_cmpint (g_array_index (after->rules, SgRule, i).protocol, !=, SG_PROTOCOL);
    for (guint i = 0; i < after->routes->len; i++)
        g_assert_cmpint (((SgRoute *) g_ptr_array_index (after->routes, i))->protocol, !=,
                         SG_PROTOCOL);
    g_assert_cmpuint (after->nft[SG_IPV6]->chains->len + after->nft[SG_IPV6]->sets->len, ==, 0);
}

/* ---- transactions, replacements ---- */

static guint
count_stages (const SgPlan *plan)
{
    guint n = 0;

    for (guint i = 0; i < plan->actions->len; i++) {
        const SgAction *action = &g_array_index (plan->actions, SgAction, i);

        n += i == 0 || action->stage != g_array_index (plan->actions, SgAction, i - 1).stage;
        if (i)
            g_assert_cmpint (action->stage, >=,
                             g_array_index (plan->actions, SgAction, i - 1).stage);
    }
    return n;
}

/* Chains flushed by somebody and an element too many: added and removed in one transaction. */
static void
test_one_transaction (void)
{
    g_autofree char *text = g_strdup (HOST "outbound eth0\n");
    g_autoptr (Fixture) first = NULL;
    g_autoptr (SgSnapshot) kernel = NULL;
    g_autoptr (Fixture) second = NULL;
    SgNftElement stray = {.key = {77}};
    SgNftSet *selected;

    strstr (text, "fwmark 0x0")[strlen ("fwmark 0x")] = '7';
    first = plan_for (text, NULL);
    kernel = apply (first);
    g_ptr_array_set_size (kernel->nft[SG_IPV6]->chains, 3);
    selected = sg_nft_table_find_set (kernel->nft[SG_IPV6], SG_SET_SELECTED);
    g_array_append_val (selected->elements, stray);
    sg_nft_set_normalise (selected);
    second = plan_for (text, kernel);
    at (second->text, "delete element ip6 startos selected { 77 }");
    at (second->text, "add chain ip6 startos guard_post");
    g_assert_cmpuint (count_stages (second->plan), ==, 1);
}

/* A route of ours in table 1002, and what becomes of it. */
static void
test_replacements (void)
{
    static const struct {
        const char *there, *has, *lacks;
    } rows[] = {
        /* the slot is ours alone: one atomic replace */
        {"route default table 1002 proto sixgate metric 100 via fe80::9 dev eth0\n",
         "route replace default table 1002", "route del"},
        {"route default table 1002 proto sixgate metric 100 mtu 1400 via fe80::1 dev eth0\n",
         "route replace default table 1002", "route del"},
        /* somebody else's route is in it */
        {"route default table 1002 proto sixgate metric 100 via fe80::9 dev eth0\n"
         "route default table 1002 proto 4 metric 100 via fe80::7 dev eth0\n",
         "route append default table 1002", "route replace default table 1002"},
        /* … and is left alone */
        {"route default table 1002 proto 4 metric 7 via fe80::7 dev eth0\n",
         "route append default table 1002", "fe80::7"},
        /* ours, of no use any more */
        {"route 2001:db8:99::/48 table 1002 proto sixgate metric 100 via fe80::9 dev eth0\n",
         "route del 2001:db8:99::/48 table 1002", NULL},
        {"route default table 1077 proto sixgate metric 100 via fe80::9 dev eth0\n",
         "route del default table 1077", NULL},
        /* a rule of ours, of no use any more; those of others never go */
        {"rule pref 50 fwmark 0x99 lookup 1077 proto sixgate\n", "rule del pref 50 fwmark 0x99",
         NULL},
        {"rule pref 75 lookup 1077 proto sixgate\n", "rule del pref 75 lookup 1077", NULL},
        {"rule pref 75 lookup 1077 proto 4\n", "rule add pref 1000", "1077"},
        /* all that is there and right is left alone */
        {"rule pref 1000 lookup main proto sixgate\n", "rule add pref 1100", "pref 1000"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *text = g_strconcat (HOST, rows[i].there, NULL);
        g_autoptr (Fixture) f = plan_for (text, NULL);

        at (f->text, rows[i].has);
        if (rows[i].lacks && strstr (f->text, rows[i].lacks))
            g_error ("%s: there is “%s” in\n%s", rows[i].there, rows[i].lacks, f->text);
    }
}

/* A route of somebody else's that is just what we want: nothing to write, now or later. */
static void
test_foreign_twin (void)
{
    g_autoptr (Fixture) first =
        plan_for (HOST "route default table 1005 metric 1024 proto 3 dev wg0\n", NULL);
    g_autoptr (SgSnapshot) kernel = apply (first);
    g_autoptr (Fixture) second =
        plan_for (HOST "route default table 1005 metric 1024 proto 3 dev wg0\n", kernel);

    g_assert_null (strstr (second->text, "route "));
}

/* A set or chain of our name that is something else: made anew in one transaction. */
static void
test_other_definitions (void)
{
    for (int which = 0; which < 3; which++) {
        static const char host[] = HOST "outbound eth0\n";
        g_autoptr (Fixture) first = plan_for (host, NULL);
        g_autoptr (SgSnapshot) kernel = apply (first);
        g_autoptr (Fixture) second = NULL;
        g_autoptr (SgSnapshot) after = NULL;
        g_autoptr (Fixture) third = NULL;

        if (which == 0)
            sg_nft_table_find_set (kernel->nft[SG_IPV6], SG_SET_EXEMPT)->n_key = 0;
        else if (which == 1)
            sg_nft_table_find_chain (kernel->nft[SG_IPV6], SG_CHAIN_GUARD_POST)->priority = 7;
        else
            sg_nft_table_find_set (kernel->nft[SG_IPV6], SG_SET_LOCAL_PREFIXES)->interval = false;
        second = plan_for (host, kernel);
        at (second->text, "delete set ip6 startos exempt");
        for (guint i = 0; i < second->plan->actions->len; i++) {
            const SgAction *action = &g_array_index (second->plan->actions, SgAction, i);

            if (action->kind < SG_ACTION_WG_FWMARK)
                g_assert_cmpint (action->stage, ==, SG_STAGE_GUARD);
        }
        after = apply (second);
        third = plan_for (host, after);
        g_assert_null (strstr (third->text, "nft "));
    }
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/core/plan/order/from-nothing", test_from_nothing);
    g_test_add_func ("/core/plan/order/switch", test_switch);
    g_test_add_func ("/core/plan/order/back-to-auto", test_back_to_auto);
    g_test_add_func ("/core/plan/order/gateway-gone", test_gateway_gone);
    g_test_add_func ("/core/plan/order/no-family", test_no_family);
    g_test_add_func ("/core/plan/one-transaction", test_one_transaction);
    g_test_add_func ("/core/plan/replacements", test_replacements);
    g_test_add_func ("/core/plan/foreign-twin", test_foreign_twin);
    g_test_add_func ("/core/plan/other-definitions", test_other_definitions);
    return g_test_run ();
}
