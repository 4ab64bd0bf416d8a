/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-doctor: looks for what goes wrong, or will. Changes nothing. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/privileges.h"
#include "facts.h"
#include "leak.h"
#include "nm/nm-devices.h"
#include "nm/nm-profiles.h"
#include "pass/files.h"
#include "pass/pass.h"

/* ---- looking ---- */

static void
hear_nothing (void *data, const char *warning)
{
}

static SgSnapshot *
ask_networkmanager (const SgConfig *config)
{
    SgSnapshot *snapshot = sg_snapshot_new ();
    g_autofree char *devices = NULL;
    g_autofree char *profiles = NULL;

    sg_nm_read_devices (snapshot, config->nm_timeout_ms, &devices);
    if (devices)
        sg_log_warning (devices);
    sg_nm_read_profiles (snapshot, config->nm_timeout_ms, &profiles);
    return snapshot;
}

/* The findings; NULL when not even looking was possible. */
static GPtrArray *
examine (GError **error)
{
    const SgReporter reporter = {hear_nothing, NULL};
    SgConfig *config = sg_files_load_config (error);
    g_autoptr (SgPass) pass =
        config ? sg_pass_new (config, /* lock= */ -1, &reporter, error) : NULL;
    g_autoptr (SgDoctorFacts) facts = NULL;
    SgPatient patient;

    if (!pass || !sg_pass_look (pass, ask_networkmanager (pass->config), error))
        return NULL;
    sg_pass_decide (pass);
    sg_pass_plan (pass, /* healing= */ NULL);
    facts = sg_facts_read (pass->snapshot, pass->config->nft_table, error);
    if (!facts || !sg_leak_test (pass, facts, error))
        return NULL;
    patient = (SgPatient) {
        pass->config, pass->state, pass->snapshot, pass->wanted, pass->plan->actions->len, facts};
    return sg_doctor_examine (&patient);
}

/* ---- saying ---- */

static void
print_json (const GPtrArray *findings)
{
    GVariantBuilder list, out;
    g_autoptr (GVariant) value = NULL;
    g_autoptr (JsonNode) node = NULL;
    g_autofree char *text = NULL;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < findings->len; i++) {
        const SgFinding *finding = g_ptr_array_index (findings, i);

        g_variant_builder_open (&list, G_VARIANT_TYPE ("a{sv}"));
        g_variant_builder_add_parsed (&list, "{'id', <%s>}", finding->id);
        g_variant_builder_add_parsed (&list, "{'severity', <%s>}",
                                      sg_severity_name (finding->severity));
        g_variant_builder_add_parsed (&list, "{'what', <%s>}", finding->what);
        g_variant_builder_add_parsed (&list, "{'why', <%s>}", finding->why);
        g_variant_builder_add_parsed (&list, "{'advice', <%s>}", finding->advice);
        g_variant_builder_close (&list);
    }
    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    g_variant_builder_add (&out, "{sv}", "findings", g_variant_builder_end (&list));
    value = g_variant_ref_sink (g_variant_builder_end (&out));
    node = json_gvariant_serialize (value);
    text = json_to_string (node, /* pretty= */ TRUE);
    puts (text);
}

static void
print_findings (const GPtrArray *findings, bool colour)
{
    static const char *const colours[SG_SEVERITY_N] = {
        [SG_SEVERITY_NOTE] = "\033[2m",
        [SG_SEVERITY_WARNING] = "\033[33m",
        [SG_SEVERITY_ERROR] = "\033[1;31m",
    };

    for (guint i = 0; i < findings->len; i++) {
        const SgFinding *finding = g_ptr_array_index (findings, i);

        printf ("%s%s%s: %s\n  why: %s\n  do:  %s\n\n", colour ? colours[finding->severity] : "",
                sg_severity_name (finding->severity), colour ? "\033[0m" : "", finding->what,
                finding->why, finding->advice);
    }
    if (sg_doctor_exit_status (findings) == 0)
        puts ("nothing is wrong");
}

static bool
parse (int *argc, char ***argv, gboolean *json, gboolean *colour, GError **error)
{
    const GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, json, "Print JSON", NULL},
        {"colour", 0, 0, G_OPTION_ARG_NONE, colour, "Print with colours", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr (GOptionContext) context = g_option_context_new (NULL);
    g_autoptr (GError) usage = NULL;

    g_option_context_set_summary (context, "Looks for what goes wrong later; changes nothing. "
                                           "Called as sixgatectl doctor.");
    g_option_context_add_main_entries (context, entries, NULL);
    if (g_option_context_parse (context, argc, argv, &usage) && *argc == 1)
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s; --help tells the options",
                 usage ? usage->message : "there is one word too many");
    return false;
}

int
main (int argc, char **argv)
{
    g_autoptr (GPtrArray) findings = NULL;
    g_autoptr (GError) error = NULL;
    gboolean json = FALSE, colour = FALSE;

    setlocale (LC_ALL, "");
    sg_log_init ();
    if (sg_privileges_drop (&error) && parse (&argc, &argv, &json, &colour, &error))
        findings = examine (&error);
    if (!findings) {
        sg_log_failure (error);
        return sg_error_exit_status (error);
    }
    if (json)
        print_json (findings);
    else
        print_findings (findings, colour);
    return sg_doctor_exit_status (findings);
}
