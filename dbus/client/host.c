/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host as a whole: status, plan, reconcile, explain, doctor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "command.h"
#include "print.h"
#include "words.h"

/* ---- status ---- */

/* Everything that the screen shows. */
typedef struct {
    SgView *view;
    GVariant *plan; /* as: what Reconcile would change */
    const char *outbound;
} Status;

static const SgObjectView *
find_gateway (const SgView *view, const char *name)
{
    return sg_view_gateway (view, name, /* error= */ NULL);
}

static void
print_outbound (const SgClient *client, const Status *status)
{
    const SgObjectView *gateway = find_gateway (status->view, status->outbound);

    printf ("outbound  ");
    if (!status->outbound[0]) {
        puts ("auto: no gateway is chosen, the host's own traffic leaves as main's routes say");
    } else if (!gateway || !sg_view_flag (gateway->properties, "Active")) {
        sg_print (client, SG_STYLE_BAD, status->outbound);
        puts (": chosen, and not there; what is new and not local is refused until it is");
    } else if (!sg_view_flag (gateway->properties, "CanCarryIPv6")) {
        sg_print (client, SG_STYLE_BAD, status->outbound);
        printf (": chosen, and cannot carry IPv6; what is new and not local is refused until it "
                "can\n");
    } else {
        sg_print (client, SG_STYLE_GOOD, status->outbound);
        puts (": chosen; the host's own traffic leaves by it and by no other");
    }
}

static void
print_gateways (const SgClient *client, const Status *status)
{
    g_autoptr (SgTable) table = sg_table_new (client, 5);

    if (!status->view->gateways->len) {
        puts ("gateways  none: NetworkManager has no active device that leads out\n"
              "          (sixgatectl gateway import FILE brings one)");
        return;
    }
    putchar ('\n');
    sg_words_add_heading (table);
    for (guint i = 0; i < status->view->gateways->len; i++)
        sg_words_add_gateway (table, g_ptr_array_index (status->view->gateways, i));
    sg_table_print (table);
    putchar ('\n');
}

static void
print_overrides (GVariant *manager)
{
    g_autoptr (GVariant) overrides =
        g_variant_lookup_value (manager, "Overrides", G_VARIANT_TYPE ("a(ss)"));

    for (gsize i = 0; overrides && i < g_variant_n_children (overrides); i++) {
        const char *prefix, *interface;

        g_variant_get_child (overrides, i, "(&s&s)", &prefix, &interface);
        printf ("override  %s leaves by %s\n", prefix, interface);
    }
}

/* What stands in the way of a gateway, and what to do; a bullet each. */
static bool
print_advice (const SgClient *client, const Status *status)
{
    bool any = false;

    for (guint i = 0; i < status->view->gateways->len; i++) {
        const SgObjectView *gateway = g_ptr_array_index (status->view->gateways, i);
        const char *advice = sg_words_advice (sg_view_string (gateway->properties, "Reason"));

        if (!advice)
            continue;
        sg_print (client, SG_STYLE_BAD, "  ! ");
        printf ("%s: %s\n", gateway->name, advice);
        any = true;
    }
    return any;
}

static bool
print_warnings (const SgClient *client, GVariant *manager)
{
    g_autoptr (GVariant) warnings =
        g_variant_lookup_value (manager, "Warnings", G_VARIANT_TYPE ("as"));
    gsize n = warnings ? g_variant_n_children (warnings) : 0;

    for (gsize i = 0; i < n; i++) {
        const char *warning;

        g_variant_get_child (warnings, i, "&s", &warning);
        sg_print (client, SG_STYLE_BAD, "  ! ");
        puts (warning);
    }
    return n > 0;
}

static void
print_status (const SgClient *client, const Status *status)
{
    gsize changes = g_variant_n_children (status->plan);
    bool wrong;

    sg_print (client, SG_STYLE_STRONG, "Sixgate");
    printf (" %s\n\n", sg_view_string (status->view->manager, "Version"));
    print_outbound (client, status);
    print_overrides (status->view->manager);
    print_gateways (client, status);
    wrong = print_advice (client, status);
    wrong = print_warnings (client, status->view->manager) || wrong;
    if (changes) {
        sg_print (client, SG_STYLE_BAD, "  ! ");
        printf ("the kernel differs from what it should hold in %zu points: sixgatectl plan shows "
                "them, sixgatectl reconcile puts them right\n",
                changes);
    }
    if (!changes && !wrong) {
        sg_print (client, SG_STYLE_GOOD, "all is as it should be");
        puts ("; sixgatectl doctor looks deeper");
    }
}

static void
print_status_json (const Status *status)
{
    GVariantBuilder out;

    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    sg_words_add_string (&out, "version", sg_view_string (status->view->manager, "Version"));
    sg_words_add_string (&out, "outbound", status->outbound);
    sg_words_add_value (&out, "gateways", sg_words_gateways (status->view));
    sg_words_add_value (&out, "overrides", sg_words_overrides (status->view->manager));
    sg_words_add_value (&out, "warnings", sg_words_warnings (status->view->manager));
    sg_words_add_value (&out, "changes", status->plan);
    sg_print_json (g_variant_builder_end (&out));
}

static GVariant *
read_plan (SgClient *client, GError **error)
{
    g_autoptr (GVariant) answer = sg_client_manage (client, "Plan", NULL, error);

    return answer ? g_variant_get_child_value (answer, 0) : NULL;
}

static bool
run_status (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (GVariant) plan = view ? read_plan (client, error) : NULL;
    Status status = {view, plan, NULL};

    if (!plan)
        return false;
    status.outbound = sg_view_string (view->manager, "DefaultOutbound");
    if (client->json)
        print_status_json (&status);
    else
        print_status (client, &status);
    return true;
}

/* ---- plan, reconcile ---- */

static bool
run_plan (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) plan = read_plan (client, error);
    gsize n = plan ? g_variant_n_children (plan) : 0;

    if (!plan)
        return false;
    if (client->json) {
        GVariantBuilder out;

        g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
        sg_words_add_value (&out, "changes", plan);
        sg_print_json (g_variant_builder_end (&out));
        return true;
    }
    for (gsize i = 0; i < n; i++) {
        const char *line;

        g_variant_get_child (plan, i, "&s", &line);
        puts (line);
    }
    if (!n && isatty (STDOUT_FILENO))
        puts ("nothing to change");
    return true;
}

static bool
run_reconcile (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = sg_client_manage (client, "Reconcile", NULL, error);
    uint32_t changes;

    if (!answer)
        return false;
    g_variant_get (answer, "(u)", &changes);
    if (changes)
        printf ("%u changes made\n", changes);
    else
        puts ("nothing had to be changed");
    return true;
}

/* ---- explain ---- */

static bool
parse_mark (const char *text, uint32_t *ret_mark, GError **error)
{
    char *end;
    unsigned long long mark;

    errno = 0;
    mark = strtoull (text, &end, 0);
    if (!*text || *end || errno || mark > UINT32_MAX || strchr (text, '-')) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is no mark; write a number such as 1005 or 0x3ed", text);
        return false;
    }
    *ret_mark = (uint32_t) mark;
    return true;
}

static GVariant *
explain_options (const SgArguments *arguments, GError **error)
{
    GVariantBuilder options;
    uint32_t mark = 0;

    if (arguments->values[1] && !parse_mark (arguments->values[1], &mark, error))
        return NULL;
    g_variant_builder_init (&options, G_VARIANT_TYPE ("a{sv}"));
    if (arguments->values[0])
        sg_words_add_string (&options, "from", arguments->values[0]);
    if (arguments->values[1])
        sg_words_add_value (&options, "mark", g_variant_new_uint32 (mark));
    if (arguments->values[2])
        sg_words_add_string (&options, "in", arguments->values[2]);
    return g_variant_builder_end (&options);
}

static void
print_rules (const SgClient *client, GVariant *fields, const char *name, const char *heading)
{
    g_autoptr (GVariant) rules = g_variant_lookup_value (fields, name, G_VARIANT_TYPE ("a(ss)"));
    g_autoptr (SgTable) table = sg_table_new (client, 2);
    gsize n = rules ? g_variant_n_children (rules) : 0;

    if (!n)
        return;
    printf ("\n%s\n", heading);
    for (gsize i = 0; i < n; i++) {
        const char *rule, *fate;
        bool decides;
        g_autofree char *indented = NULL;

        g_variant_get_child (rules, i, "(&s&s)", &rule, &fate);
        decides = g_str_has_prefix (fate, "decides");
        indented = g_strdup_printf ("  %s", rule);
        sg_table_add (table, decides ? SG_STYLE_STRONG : SG_STYLE_PLAIN, indented);
        sg_table_add (table, decides ? SG_STYLE_STRONG : SG_STYLE_DIM, fate);
    }
    sg_table_print (table);
}

static void
print_explanation (const SgClient *client, GVariant *fields)
{
    bool retried = sg_view_flag (fields, "retried");
    const char *route = sg_view_string (fields, "route");
    const char *guard = sg_view_string (fields, "guard-rule");

    sg_print (client, SG_STYLE_STRONG, sg_view_string (fields, "sentence"));
    putchar ('\n');
    print_rules (client, fields, "first-rules", "Rules, while the packet has no source address:");
    print_rules (client, fields, "rules", retried ? "Rules, with the source:" : "Rules:");
    if (route[0])
        printf ("\nRoute:  %s\n", route);
    if (sg_view_string (fields, "source")[0])
        printf ("Source: %s%s\n", sg_view_string (fields, "source"),
                sg_view_flag (fields, "source-chosen") ? " (chosen by the kernel)" : "");
    if (guard[0])
        printf ("Guard:  %s, in %s: %s\n", sg_view_string (fields, "guard"),
                sg_view_string (fields, "guard-chain"), guard);
}

static bool
run_explain (SgClient *client, const SgArguments *arguments, GError **error)
{
    GVariant *options = explain_options (arguments, error);
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) fields = NULL;

    if (!options)
        return false;
    answer = sg_client_manage (client, "Explain",
                               g_variant_new ("(s@a{sv})", arguments->words[0], options), error);
    if (!answer)
        return false;
    fields = g_variant_get_child_value (answer, 0);
    if (client->json)
        sg_print_json (g_variant_ref (fields));
    else
        print_explanation (client, fields);
    return true;
}

/* ---- doctor ---- */

/* It looks into the kernel by itself, and sends packets: a program of its own. */
static bool
run_doctor (SgClient *client, const SgArguments *arguments, GError **error)
{
    const char *const argv[] = {SG_DOCTOR,
                                client->json     ? "--json"
                                : client->colour ? "--colour"
                                                 : NULL,
                                NULL};

    if (geteuid () != 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_PERMISSION,
                     "the doctor looks into the kernel and sends packets: try again with sudo");
        return false;
    }
    fflush (stdout);
    execv (SG_DOCTOR, (char *const *) argv);
    sg_error_set_errno (error, SG_ERROR_FAILED, errno, "cannot start %s", SG_DOCTOR);
    return false;
}

const SgCommand sg_host_commands[] = {
    {
        .name = "status",
        .arguments = "",
        .summary = "Show the gateways, the outbound, and what is wrong",
        .help =
            "One screen: which gateways there are, whether each carries IPv6 and why not, which "
            "one the\nhost's own traffic leaves by, whether who connects to it gets an answer "
            "(inbound), what\nis wrong and what to do, and whether the kernel holds what it "
            "should.",
        .reads = true,
        .run = run_status,
    },
    {
        .name = "plan",
        .arguments = "",
        .summary = "Show what a reconcile would change",
        .help = "The difference between what the kernel holds and what it should hold, as lines of "
                "ip, nft\nand wg. No line: there is none. Nothing is changed.",
        .reads = true,
        .run = run_plan,
    },
    {
        .name = "reconcile",
        .arguments = "",
        .summary = "Bring the kernel to what it should hold",
        .help = "Happens by itself whenever NetworkManager or the kernel reports a change; by hand "
                "it does no\nharm, and nothing a second time.",
        .run = run_reconcile,
    },
    {
        .name = "explain",
        .arguments = "DESTINATION [--from ADDRESS] [--mark N] [--in INTERFACE]",
        .summary = "Tell where a packet would go, and why",
        .help = "Rule by rule: which applies, which table and route decide, by which gateway the "
                "packet leaves,\nwhich source address the kernel gives it, and whether the guard "
                "lets it pass.\n\n"
                "  --from ADDRESS  its source; without one the kernel chooses\n"
                "  --mark N        its mark; a gateway's mark makes it a reply to what came in by "
                "that gateway\n"
                "  --in INTERFACE  it came in by this interface and is forwarded; else this host "
                "sends it\n\n"
                "  sixgatectl explain 2001:db8::1\n"
                "  sixgatectl explain 2001:db8::1 --from fd00:10::5 --in br0",
        .min_words = 1,
        .max_words = 1,
        .reads = true,
        .options = {{"--from", "ADDRESS"}, {"--mark", "N"}, {"--in", "INTERFACE"}},
        .run = run_explain,
    },
    {
        .name = "doctor",
        .arguments = "",
        .summary = "Look for what goes wrong later: other VPNs, firewalls, leaks (root)",
        .help = "Each finding says what it is, why it matters and what to do. The leak test really "
                "sends, to an\naddress that nobody has; nothing of it leaves the machine while an "
                "outbound is chosen.\n\n"
                "Exit status: 0 nothing is wrong, 5 there are warnings, 1 something is wrong.",
        .reads = true,
        .run = run_doctor,
    },
    {0},
};
