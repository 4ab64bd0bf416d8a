/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Golden plans: a folder per situation. `situation` is what is; with `then`, the plan of the
 * first is applied (to a kernel in memory), the lines of `then` change the situation, and the
 * plan of the second is what counts. `plan` is what we expect to be decided and done.
 * Whatever the situation, applying the plan and looking again must leave nothing to do.
 * SG_TEST_REGENERATE=1 writes the plans anew: read the difference before you commit it. */
#include <locale.h>
#include <string.h>

#include "core/plan.h"
#include "core/resolver.h"
#include "lib/fake-kernel.h"
#include "lib/situation.h"

#include "kernel/apply.h"

#define SHOW_RULESET "show ruleset\n"

typedef struct {
    char *folder;
    bool show_ruleset; /* also print the definitions of sets, chains and rules */
} Golden;

static char *
read_file (const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename (folder, name, NULL);
    char *text = NULL;

    return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

/* ---- the two steps of a situation ---- */

/* Applies the lines "- LINE" and "+ LINE" of @then to @text. */
static char *
change_text (const char *text, const char *then)
{
    g_auto (GStrv) changes = g_strsplit (then, "\n", -1);
    g_autofree char *result = g_strdup (text);

    for (char **change = changes; *change; change++) {
        g_autofree char *line = NULL;
        char *changed;

        if (g_str_has_prefix (*change, "- ")) {
            g_auto (GStrv) halves = NULL;

            line = g_strdup_printf ("%s\n", *change + 2);
            halves = g_strsplit (result, line, 2);
            if (!halves[1])
                g_error ("then: the situation has no line “%s”", *change + 2);
            changed = g_strconcat (halves[0], halves[1], NULL);
        } else if (g_str_has_prefix (*change, "+ ")) {
            changed = g_strconcat (result, *change + 2, "\n", NULL);
        } else {
            continue;
        }
        g_free (result);
        result = changed;
    }
    return g_steal_pointer (&result);
}

/* What Sixgate did to a kernel is still there when the rest of the world has changed. Routes
 * through a link go with it, as the kernel does it; those on lo stay. */
static void
carry_over (const SgSnapshot *from, SgSnapshot *to)
{
    for (guint i = 0; i < from->rules->len; i++) {
        const SgRule *rule = &g_array_index (from->rules, SgRule, i);

        if (rule->protocol == 106)
            g_array_append_vals (to->rules, rule, 1);
    }
    for (guint i = 0; i < from->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (from->routes, i);
        bool alive = route->protocol == 106;

        for (uint16_t j = 0; j < route->n_nexthops; j++)
            alive = alive && (route->nexthops[j].ifindex == SG_LOOPBACK_IFINDEX ||
                              sg_snapshot_link (to, route->nexthops[j].ifindex));
        if (alive)
            g_ptr_array_add (to->routes, sg_route_copy (route));
    }
    for (guint i = 0; i < from->nexthops->len; i++) {
        const SgNexthopObject *nexthop = &g_array_index (from->nexthops, SgNexthopObject, i);

        if (nexthop->protocol == 106 && sg_snapshot_link (to, nexthop->ifindex))
            g_array_append_vals (to->nexthops, nexthop, 1);
    }
}

/* The tunnel's link is there all the time, and with it what is on it; the settings, too. */
static void
carry_over_tunnel (const SgSituationText *from, const SgSnapshot *after, SgSnapshot *to)
{
    const SgLink *link = sg_snapshot_link_by_name (after, from->config->tunnel_interface);

    if (from->tunnel)
        g_array_append_vals (to->proxies, after->proxies->data, after->proxies->len);
    if (!from->tunnel || !link || !sg_snapshot_link_by_name (to, link->name))
        return;
    g_array_set_size (to->peers, 0);
    g_array_set_size (to->allowed, 0);
    g_array_set_size (to->sysctls, 0);
    g_array_append_vals (to->peers, after->peers->data, after->peers->len);
    g_array_append_vals (to->allowed, after->allowed->data, after->allowed->len);
    g_array_append_vals (to->sysctls, after->sysctls->data, after->sysctls->len);
    for (guint i = 0; i < after->addresses->len; i++) {
        const SgAddress *address = &g_array_index (after->addresses, SgAddress, i);

        if (address->ifindex == link->ifindex && !sg_ip_is_link_local (&address->ip))
            g_array_append_vals (to->addresses, address, 1);
    }
}

/* ---- planning and applying ---- */

static SgWanted *
decide (const SgSituationText *situation)
{
    SgWanted *wanted = sg_wanted_new (situation->config, situation->state, situation->memory,
                                      situation->tunnel, situation->snapshot);

    sg_gateways_remember (wanted->gateways, situation->snapshot, situation->memory);
    sg_wanted_remember_ipv4 (wanted, situation->config, situation->snapshot, situation->memory);
    return wanted;
}

/* With systemd-resolved's part, where the situation says what that has. */
static SgPlan *
plan_for (const SgSituationText *situation, const SgWanted *wanted)
{
    SgPlan *plan = sg_plan_new (situation->snapshot, wanted);

    if (!situation->snapshot->resolver_answers)
        return plan;
    sg_resolver_plan (plan, situation->snapshot, wanted, situation->memory);
    sg_resolver_remember (situation->snapshot, wanted, situation->memory);
    return plan;
}

/* What systemd-resolved has once it was told. */
static void
carry_over_resolver (const SgSnapshot *from, const SgPlan *plan, SgSnapshot *to)
{
    g_array_set_size (to->resolver, 0);
    to->resolver_answers = from->resolver_answers;
    for (guint i = 0; i < from->resolver->len; i++) {
        SgResolverLink link = g_array_index (from->resolver, SgResolverLink, i);

        for (guint j = 0; j < plan->resolver->len; j++) {
            const SgResolverChange *change = &g_array_index (plan->resolver, SgResolverChange, j);

            if (change->ifindex == link.ifindex)
                link.has = change->to;
        }
        if (link.has)
            g_variant_ref (link.has);
        if (sg_snapshot_link (to, link.ifindex))
            g_array_append_val (to->resolver, link);
        else
            g_clear_pointer (&link.has, g_variant_unref);
    }
}

/* Applies @plan to a kernel that holds @situation; its state afterwards. */
static SgSnapshot *
apply (const SgSituationText *situation, const SgPlan *plan)
{
    g_autoptr (SgKernel) kernel = sg_fake_kernel_new (situation->snapshot);
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgSnapshot *after = sg_snapshot_new ();
    GError *error = NULL;

    g_assert_true (sg_apply (kernel, situation->snapshot, plan, failures));
    g_assert_cmpuint (failures->len, ==, 0);
    kernel->ops->dump (kernel, situation->config, after, &error);
    g_assert_no_error (error);
    return after;
}

/* NetworkManager's part of a snapshot is no business of the kernel. */
static void
replace_snapshot (SgSituationText *situation, SgSnapshot *after)
{
    after->nm = situation->snapshot->nm;
    after->tunnel = situation->snapshot->tunnel;
    g_array_append_vals (after->devices, situation->snapshot->devices->data,
                         situation->snapshot->devices->len);
    g_ptr_array_extend_and_steal (after->profiles,
                                  g_steal_pointer (&situation->snapshot->profiles));
    situation->snapshot->profiles = g_ptr_array_new ();
    sg_snapshot_free (situation->snapshot);
    situation->snapshot = after;
}

static SgSituationText *
second_step (const char *text, const char *then)
{
    g_autoptr (SgSituationText) first = sg_situation_parse (text);
    g_autoptr (SgWanted) wanted = decide (first);
    g_autoptr (SgPlan) plan = plan_for (first, wanted);
    g_autoptr (SgSnapshot) after = apply (first, plan);
    g_autofree char *changed = change_text (text, then);
    SgSituationText *second = sg_situation_parse (changed);

    carry_over (after, second->snapshot);
    carry_over_tunnel (first, after, second->snapshot);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        sg_nft_table_free (second->snapshot->nft[family]);
        second->snapshot->nft[family] = g_steal_pointer (&after->nft[family]);
    }
    for (guint i = 0; i < after->links->len && i < second->snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (after->links, SgLink, i);

        if (g_array_index (second->snapshot->links, SgLink, i).ifindex == link->ifindex)
            g_array_index (second->snapshot->links, SgLink, i).rp_filter = link->rp_filter;
    }
    if (!strstr (then, "+ resolver "))
        carry_over_resolver (first->snapshot, plan, second->snapshot);
    sg_memory_free (second->memory);
    second->memory = g_steal_pointer (&first->memory);
    return second;
}

/* ---- what is compared ---- */

static void
print_gateways (const SgWanted *wanted, const SgConfig *config, GString *out)
{
    g_string_append (out, "gateways:\n");
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);

        g_string_append_printf (out, "  %s table %u:", gateway->name, gateway->table);
        for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
            SgCapability capability = gateway->capability[family];

            if (family == SG_IPV4 && !config->families[SG_IPV4])
                continue;
            if (capability == SG_CAPABLE)
                g_string_append_printf (out, " carries %s", sg_family_title (family));
            else
                g_string_append_printf (out, " %s", sg_capability_name (capability));
        }
        g_string_append_c (out, '\n');
    }
    if (wanted->warnings->len)
        g_string_append (out, "warnings:\n");
    for (guint i = 0; i < wanted->warnings->len; i++)
        g_string_append_printf (out, "  %s\n", (char *) g_ptr_array_index (wanted->warnings, i));
}

static bool
is_definition (const SgAction *action)
{
    return action->kind == SG_ACTION_NFT_SET_ADD || action->kind == SG_ACTION_NFT_CHAIN_ADD ||
           action->kind == SG_ACTION_NFT_RULE_ADD;
}

/* The ruleset never depends on the situation but for the guard: its definitions are counted,
 * and shown where the situation asks for it. */
static void
print_plan (const SgPlan *plan, const SgSnapshot *snapshot, bool show_ruleset, GString *out)
{
    SgStage stage = SG_STAGE_N;
    guint hidden = 0;

    sg_resolver_print (plan, /* back= */ true, snapshot, out);

    for (guint i = 0; i < plan->actions->len; i++) {
        const SgAction *action = &g_array_index (plan->actions, SgAction, i);
        g_autofree char *line = sg_action_to_string (action, snapshot);

        if (action->stage != stage)
            g_string_append_printf (out, "%s:\n", sg_stage_name (stage = action->stage));
        if (is_definition (action) && !show_ruleset)
            hidden++;
        else
            g_string_append_printf (out, "  %s\n", line);
    }
    if (hidden)
        g_string_append_printf (out, "(and %u definitions of sets, chains and rules)\n", hidden);
    sg_resolver_print (plan, /* back= */ false, snapshot, out);
    if (!plan->actions->len && !plan->resolver->len)
        g_string_append (out, "nothing to do\n");
}

static void
compare_or_write (const Golden *golden, const char *text)
{
    g_autofree char *path = g_build_filename (golden->folder, "plan", NULL);
    g_autofree char *expected = NULL;

    if (g_getenv ("SG_TEST_REGENERATE")) {
        g_assert_true (g_file_set_contents (path, text, -1, NULL));
        return;
    }
    expected = read_file (golden->folder, "plan");
    if (!expected)
        g_error ("%s is missing; SG_TEST_REGENERATE=1 writes it", path);
    if (strcmp (text, expected) != 0)
        g_printerr ("--- what was decided ---\n%s", text);
    g_assert_cmpstr (text, ==, expected);
}

static void
nothing_is_left_to_do (SgSituationText *situation, const SgPlan *plan)
{
    SgSnapshot *after = apply (situation, plan);
    g_autoptr (SgWanted) wanted = NULL;
    g_autoptr (SgPlan) again = NULL;
    g_autofree char *text = NULL;

    carry_over_resolver (situation->snapshot, plan, after);
    replace_snapshot (situation, after);
    wanted = decide (situation);
    again = plan_for (situation, wanted);
    text = sg_plan_to_string (again, situation->snapshot);
    g_assert_cmpstr (text, ==, "");
}

static void
test_situation (const void *data)
{
    const Golden *golden = data;
    g_autofree char *text = read_file (golden->folder, "situation");
    g_autofree char *then = read_file (golden->folder, "then");
    g_autoptr (SgSituationText) situation = NULL;
    g_autoptr (SgWanted) wanted = NULL;
    g_autoptr (SgPlan) plan = NULL;
    g_autoptr (GString) out = g_string_new (NULL);
    char *show = strstr (text, SHOW_RULESET);

    if (show)
        memmove (show, show + strlen (SHOW_RULESET), strlen (show + strlen (SHOW_RULESET)) + 1);
    situation = then ? second_step (text, then) : sg_situation_parse (text);
    wanted = decide (situation);
    plan = plan_for (situation, wanted);
    print_gateways (wanted, situation->config, out);
    print_plan (plan, situation->snapshot, show != NULL, out);
    compare_or_write (golden, out->str);
    nothing_is_left_to_do (situation, plan);
}

static void
free_golden (void *data)
{
    Golden *golden = data;

    g_free (golden->folder);
    g_free (golden);
}

int
main (int argc, char **argv)
{
    g_autoptr (GDir) dir = NULL;
    const char *name;

    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    g_assert_cmpint (argc, ==, 2);
    dir = g_dir_open (argv[1], 0, NULL);
    g_assert_nonnull (dir);
    while ((name = g_dir_read_name (dir))) {
        g_autofree char *folder = g_build_filename (argv[1], name, NULL);
        g_autofree char *path = g_strdup_printf ("/golden/%s", name);
        Golden *golden;

        if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
            continue;
        golden = g_new0 (Golden, 1);
        golden->folder = g_steal_pointer (&folder);
        g_test_add_data_func_full (path, golden, test_situation, free_golden);
    }
    return g_test_run ();
}
