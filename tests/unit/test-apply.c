/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans carried out: against the kernel in memory and, compiled with SG_TEST_LINUX, the real one in
 * a network namespace. Applied once there is nothing left to do; refused or killed at any action
 * the next run repairs; guards come first and go last. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "core/contract.h"
#include "core/plan.h"
#include "kernel/apply.h"
#include "lib/fake-kernel.h"
#include "lib/fault-kernel.h"
#include "lib/shell.h"
#include "lib/situation.h"

/* A LAN, a second way out, a bridge with a route of its own, and what others made: a rule at one
 * of our preferences, a route in a gateway's table. lan0 has index 3, tun0 5. */
static const char *const situation_text =
    "link 1 lo loopback up\n"
    "link 2 br0 kind bridge up\n"
    "link 3 lan0 kind veth up\n"
    "link 5 tun0 kind veth up\n"
    "address 2001:db8:a::10/64 dev lan0 permanent\n"
    "address 2001:db8:f::2/64 dev tun0 permanent\n"
    "address fd00:7::1/64 dev br0 permanent\n"
    "route 2001:db8:a::/64 table main proto 2 metric 256 dev lan0\n"
    "route 2001:db8:f::/64 table main proto 2 metric 256 dev tun0\n"
    "route fd00:7::/64 table main proto 2 metric 256 dev br0\n"
    "route 2001:db8:5::/48 table main proto 4 metric 30 via fd00:7::9 dev br0\n"
    "route default table main proto 4 metric 100 via 2001:db8:a::1 dev lan0\n"
    "route default table main proto 4 metric 200 via 2001:db8:f::1 dev tun0\n"
    "route 2001:db8:9::/48 table 1003 proto 4 metric 7 dev lan0\n"
    "rule pref 0 lookup 255 proto 2\n"
    "rule pref 60 from 2001:db8:77::1/128 lookup main proto 4\n"
    "rule pref 32766 lookup main proto 2\n"
    "device lan0 kind ethernet can-be-gateway managed active gateway6 2001:db8:a::1\n"
    "device tun0 kind veth can-be-gateway managed active gateway6 2001:db8:f::1\n";

typedef struct {
    SgKernel *kernel;
    SgSituationText *text; /* its snapshot gives the devices, and the fake its start */
} World;

#ifdef SG_TEST_LINUX

/* The same as the text says. */
static SgKernel *
open_kernel (const SgSnapshot *snapshot)
{
    static const char *const commands[] = {
        "ip link set lo up",
        "ip link add br0 index 2 type bridge",
        "ip link add lan0 index 3 type veth peer name lan1 index 4",
        "ip link add tun0 index 5 type veth peer name tun1 index 6",
        "ip link set br0 up addrgenmode none",
        "ip link set lan0 up addrgenmode none",
        "ip link set tun0 up addrgenmode none",
        "ip link set lan1 up addrgenmode none",
        "ip link set tun1 up addrgenmode none",
        "ip addr add 2001:db8:a::10/64 dev lan0 nodad",
        "ip addr add 2001:db8:f::2/64 dev tun0 nodad",
        "ip addr add fd00:7::1/64 dev br0 nodad",
        "ip route add 2001:db8:5::/48 metric 30 via fd00:7::9 dev br0 proto static",
        "ip route add default metric 100 via 2001:db8:a::1 dev lan0 proto static",
        "ip route add default metric 200 via 2001:db8:f::1 dev tun0 proto static",
        "ip route add 2001:db8:9::/48 table 1003 metric 7 dev lan0 proto static",
        "ip -6 rule add pref 60 from 2001:db8:77::1 lookup main protocol static",
    };
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (unshare (CLONE_NEWNET), ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS (commands); i++)
        SG_SHELL ("%s", commands[i]);
    SgKernel *kernel = sg_kernel_linux_open (&error);
    g_assert_no_error (error);
    return kernel;
}

/* Of 150 places for a fault in a plan from nothing, each in a namespace of its own. */
#    define STEP_FROM_NOTHING 10

#else

static SgKernel *
open_kernel (const SgSnapshot *snapshot)
{
    return sg_fake_kernel_new (snapshot);
}

#    define STEP_FROM_NOTHING 1

#endif

static void
world_open (World *world, const char *text)
{
    world->text = sg_situation_parse (text);
    world->kernel = open_kernel (world->text->snapshot);
}

static void
world_close (World *world)
{
    sg_kernel_close (world->kernel);
    sg_situation_free (world->text);
}

/* ---- one reconcile ---- */

/* What is, what is wanted, and the difference, for the selection that the world has. */
typedef struct {
    SgSnapshot *snapshot;
    SgWanted *wanted;
    SgPlan *plan;
} Run;

static void
run_begin (Run *now, const World *world)
{
    const SgSituationText *text = world->text;
    g_autoptr (GError) error = NULL;

    now->snapshot = sg_snapshot_new ();
    g_assert_true (world->kernel->ops->dump (world->kernel, text->config, now->snapshot, &error));
    g_assert_no_error (error);
    now->snapshot->nm = text->snapshot->nm;
    g_array_append_vals (now->snapshot->devices, text->snapshot->devices->data,
                         text->snapshot->devices->len);
    now->wanted =
        sg_wanted_new (text->config, text->state, text->memory, text->tunnel, now->snapshot);
    now->plan = sg_plan_new (now->snapshot, now->wanted);
}

static void
run_end (Run *now)
{
    sg_plan_free (now->plan);
    sg_wanted_free (now->wanted);
    sg_snapshot_free (now->snapshot);
}

static void
select_outbound (World *world, const char *name)
{
    g_autoptr (GError) error = NULL;
    Run now;

    run_begin (&now, world);
    g_assert_true (sg_state_select (world->text->state, now.snapshot, name, &error));
    g_assert_no_error (error);
    run_end (&now);
}

/* Applies what is to be done and checks that all of it succeeded; the number of actions. */
static size_t
apply (World *world)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    Run now;

    run_begin (&now, world);
    size_t n = now.plan->actions->len;
    bool ok = sg_apply (world->kernel, now.snapshot, now.plan, failures);
    if (failures->len > 0)
        g_error ("%s", ((GError *) failures->pdata[0])->message);
    g_assert_true (ok);
    run_end (&now);
    return n;
}

/* Nothing is left to do, and doing it writes nothing. */
static void
assert_settled (World *world)
{
    uint64_t before = world->kernel->stats.writes;
    Run now;

    run_begin (&now, world);
    g_autofree char *text = sg_plan_to_string (now.plan, now.snapshot);
    g_assert_cmpstr (text, ==, "");
    run_end (&now);
    g_assert_cmpuint (apply (world), ==, 0);
    g_assert_cmpuint (world->kernel->stats.writes, ==, before);
}

/* Rules and routes of others, as text. */
static char *
print_foreign (const World *world)
{
    GString *out = g_string_new (NULL);
    Run now;

    run_begin (&now, world);
    for (guint i = 0; i < now.snapshot->rules->len; i++) {
        const SgRule *rule = &g_array_index (now.snapshot->rules, SgRule, i);

        if (rule->protocol == SG_PROTOCOL)
            continue;
        sg_rule_print (rule, out);
        g_string_append_c (out, '\n');
    }
    for (guint i = 0; i < now.snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (now.snapshot->routes, i);

        if (route->protocol == SG_PROTOCOL)
            continue;
        sg_route_print (route, sg_snapshot_link_name, now.snapshot, out);
        g_string_append_c (out, '\n');
    }
    run_end (&now);
    return g_string_free (out, FALSE);
}

/* ---- settling ---- */

static const char *const selections[] = {"", "tun0", "lan0", "gone0"};

static void
test_settles (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (selections); i++) {
        World world;

        world_open (&world, situation_text);
        select_outbound (&world, selections[i]);
        g_assert_cmpuint (apply (&world), >, 20);
        assert_settled (&world);
        world_close (&world);
    }
}

/* From each selection to each other; what is not ours stays as it is. */
static void
test_changes (void)
{
    World world;

    world_open (&world, situation_text);
    g_autofree char *before = print_foreign (&world);
    g_assert_nonnull (strstr (before, "pref 60 from 2001:db8:77::1"));
    g_assert_nonnull (strstr (before, "2001:db8:9::/48 table 1003"));
    for (size_t i = 0; i < G_N_ELEMENTS (selections); i++) {
        for (size_t j = 0; j < G_N_ELEMENTS (selections); j++) {
            select_outbound (&world, selections[i]);
            apply (&world);
            assert_settled (&world);
            select_outbound (&world, selections[j]);
            apply (&world);
            assert_settled (&world);
        }
    }
    g_autofree char *after = print_foreign (&world);
    g_assert_cmpstr (after, ==, before);
    world_close (&world);
}

/* ---- faults ---- */

static size_t
reached_from (const SgKernel *faulty, SgStage first)
{
    size_t n = 0;

    for (SgStage stage = first; stage < SG_STAGE_N; stage++)
        n += sg_fault_kernel_reached (faulty, stage);
    return n;
}

/* What may have reached the kernel behind a fault in @stage: nothing behind the guard; no removal
 * behind a failed addition; nothing at all of a program that was killed. */
static void
assert_order (const SgKernel *faulty, SgFault fault, SgStage stage)
{
    if (fault == SG_FAULT_KILL || stage == SG_STAGE_GUARD)
        g_assert_cmpuint (reached_from (faulty, stage + 1), ==, 0);
    else if (stage == SG_STAGE_TABLES || stage == SG_STAGE_RULES)
        g_assert_cmpuint (reached_from (faulty, SG_STAGE_OLD_SELECTION), ==, 0);
    else if (stage >= SG_STAGE_OLD_SELECTION)
        g_assert_cmpuint (reached_from (faulty, stage + 1), ==, 0);
}

/* Runs with a fault at action @nth; false when the plan has no such action. */
static bool
apply_with_fault (World *world, SgFault fault, size_t nth)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    g_autoptr (SgKernel) faulty = sg_fault_kernel_new (world->kernel, fault, nth);
    Run now;

    run_begin (&now, world);
    bool there = nth < now.plan->actions->len;
    if (there) {
        g_assert_false (sg_apply (faulty, now.snapshot, now.plan, failures));
        g_assert_cmpuint (failures->len, >=, 1);
        assert_order (faulty, fault, g_array_index (now.plan->actions, SgAction, nth).stage);
    }
    run_end (&now);
    return there;
}

static void
test_fault_from_nothing (void)
{
    for (SgFault fault = SG_FAULT_REFUSE; fault <= SG_FAULT_KILL; fault++) {
        bool more = true;

        for (size_t nth = 0; more; nth += STEP_FROM_NOTHING) {
            World world;

            world_open (&world, situation_text);
            select_outbound (&world, "tun0");
            more = apply_with_fault (&world, fault, nth);
            apply (&world);
            assert_settled (&world);
            world_close (&world);
        }
    }
}

static void
test_fault_in_change (void)
{
    static const char *const changes[][2] = {
        {"", "tun0"}, {"tun0", "lan0"}, {"lan0", "gone0"}, {"tun0", ""}};
    World world;

    world_open (&world, situation_text);
    for (size_t i = 0; i < G_N_ELEMENTS (changes); i++) {
        for (SgFault fault = SG_FAULT_REFUSE; fault <= SG_FAULT_KILL; fault++) {
            bool more = true;
            size_t nth;

            for (nth = 0; more; nth++) {
                select_outbound (&world, changes[i][0]);
                apply (&world);
                select_outbound (&world, changes[i][1]);
                more = apply_with_fault (&world, fault, nth);
                apply (&world);
                assert_settled (&world);
            }
            g_assert_cmpuint (nth, >, 2);
        }
    }
    world_close (&world);
}

/* ---- every situation of the golden tests ---- */

#ifndef SG_TEST_LINUX

static void
test_golden (gconstpointer data)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    World world;

    g_file_get_contents (data, &text, NULL, &error);
    g_assert_no_error (error);
    /* What the golden test is to print besides the plan; nothing of the situation. */
    char *show = g_str_has_prefix (text, "show ") ? text : strstr (text, "\nshow ");
    if (show)
        memset (show, ' ', strcspn (show + 1, "\n") + 1);
    world_open (&world, text);
    apply (&world);
    assert_settled (&world);
    world_close (&world);
}

/* A folder per situation; there have to be some. */
static void
add_golden_tests (void)
{
    g_autofree char *root = g_test_build_filename (G_TEST_DIST, "..", "golden", NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (GDir) folder = g_dir_open (root, /* flags= */ 0, &error);
    unsigned int n = 0;
    const char *name;

    g_assert_no_error (error);
    while ((name = g_dir_read_name (folder))) {
        char *path = g_build_filename (root, name, "situation", NULL);
        g_autofree char *test = g_strconcat ("/apply/golden/", name, NULL);

        if (g_file_test (path, G_FILE_TEST_EXISTS)) {
            g_test_add_data_func_full (test, path, test_golden, g_free);
            n++;
        } else {
            g_free (path);
        }
    }
    g_assert_cmpuint (n, >=, 20);
}

#endif

#ifdef SG_TEST_LINUX
static void
skip_without_root (void)
{
    g_test_skip ("needs root, for a network namespace of its own");
}
#endif

int
main (int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*test) (void);
    } tests[] = {
        {"/apply/settles", test_settles},
        {"/apply/changes-settle-and-leave-others", test_changes},
        {"/apply/fault-from-nothing-is-repaired", test_fault_from_nothing},
        {"/apply/fault-in-a-change-is-repaired", test_fault_in_change},
    };

    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
#ifdef SG_TEST_LINUX
        if (geteuid () != 0) {
            g_test_add_func (tests[i].name, skip_without_root);
            continue;
        }
#endif
        g_test_add_func (tests[i].name, tests[i].test);
    }
#ifndef SG_TEST_LINUX
    add_golden_tests ();
#endif
    return g_test_run ();
}
