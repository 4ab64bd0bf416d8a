/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reconcile.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "core/contract.h"
#include "nm/nm-devices.h"
#include "nm/nm-profiles.h"
#include "nm/resolver.h"
#include "nm/unit.h"
#include "pass/files.h"
#include "report.h"
#include "tunnel/tunnel-profile.h"
#include "tunnel/unmanaged.h"

/* What one run holds. */
typedef struct {
    const SgOptions *options;
    SgHealing *healing; /* NULL: a person or an event of NetworkManager asked */
    SgPass *pass;
    bool chosen; /* what the options choose is in the state */
    char *
        unfinished; /* why NetworkManager's profile of the tunnel still lags behind; NULL: it does not */
} Run;

/* ---- NetworkManager's part, waited for ---- */

static void
warn_once (const Run *run, const char *reason)
{
    if (reason && run->pass->tries == 0)
        sg_log_warning (reason);
}

/* What a Reapply may have wiped; nothing where there is no WireGuard device. */
static void
read_profiles (const Run *run, SgSnapshot *snapshot)
{
    g_autofree char *reason = NULL;

    sg_nm_read_profiles (snapshot, run->pass->config->nm_timeout_ms, &reason);
    warn_once (run, reason);
}

/* Of gateways that are new: a type that is known is remembered. */
static void
read_types (const Run *run, SgSnapshot *snapshot)
{
    g_autofree char *reason = NULL;

    sg_nm_read_types (snapshot, run->pass->config->nm_timeout_ms, &reason);
    warn_once (run, reason);
}

/* Before the kernel's part: the answer takes longest. */
static SgSnapshot *
ask_networkmanager (const Run *run)
{
    SgSnapshot *snapshot = sg_snapshot_new ();
    g_autofree char *reason = NULL;

    if (!run->options->boot)
        sg_nm_read_devices (snapshot, run->pass->config->nm_timeout_ms, &reason);
    if (run->options->by_hand)
        warn_once (run, reason);
    if (run->options->repair)
        read_profiles (run, snapshot);
    else if (sg_gateways_lack_types (run->pass->memory, snapshot))
        read_types (run, snapshot);
    return snapshot;
}

/* The secrets of a profile, only when the kernel lacks one that it says it has. */
static void
fetch_keys (const Run *run)
{
    SgPass *pass = run->pass;
    g_autofree char *reason = NULL;
    SgKeyring *keyring;

    if (pass->wanted->preshared->len == 0)
        return;
    keyring = sg_nm_read_keys (pass->snapshot, pass->wanted, pass->config->nm_timeout_ms, &reason);
    if (reason && pass->tries == 1)
        sg_log_warning (reason);
    sg_pass_give_keys (pass, keyring);
}

/* ---- systemd-resolved's part ---- */

/* Not before the network: there is no bus, and nothing of ours is in it. */
static void
ask_resolver (const Run *run)
{
    SgPass *pass = run->pass;
    g_autofree char *reason = NULL;

    if (run->options->boot || !sg_pass_needs_resolver (pass))
        return;
    sg_resolver_ask_and_wait (pass->snapshot, pass->config->nm_timeout_ms, &reason);
    if (reason && pass->tries == 1)
        sg_log_warning (reason);
    if (!reason)
        sg_pass_resolver_asked (pass);
}

static void
tell_resolver (const Run *run, bool back)
{
    const SgPass *pass = run->pass;
    g_autofree char *reason = NULL;

    if (run->options->dry_run)
        return;
    sg_resolver_tell_and_wait (pass->plan, back, pass->config->nm_timeout_ms, &reason);
    if (reason)
        sg_log_warning (reason);
}

/* ---- the PCP server ---- */

/* It tells devices of what was lost, and waits for their requests from then on. */
static void
start_pcp (const Run *run)
{
    const SgPass *pass = run->pass;
    const SgUnit unit = {SG_PCP_UNIT, pass->config->tunnel_interface};
    g_autofree char *reason = NULL;

    if (run->options->dry_run || run->options->boot || sd_booted () <= 0 ||
        !sg_plan_begins_tunnel (pass->plan))
        return;
    if (!sg_unit_restart (&unit, pass->config->nm_timeout_ms, &reason))
        sg_log_warning (reason);
}

/* ---- the tunnel's profile ---- */

/* Who changed the tunnel was killed before NetworkManager had followed, or it was not there. */
static void
finish_profile (Run *run)
{
    const SgPass *pass = run->pass;
    g_autoptr (GError) error = NULL;

    if (run->options->dry_run || run->options->boot || !pass->tunnel ||
        !sg_files_is_profile_due () ||
        sg_tunnel_profile_save (pass->config, /* old= */ NULL, pass->tunnel,
                                pass->config->nm_timeout_ms, &error))
        return;
    run->unfinished = g_strdup_printf ("NetworkManager's profile of %s is not as it should be yet: "
                                       "%s",
                                       pass->config->tunnel_interface, error->message);
}

/* ---- links of other managers ---- */

/* At installation: the boot service is started while the links are up. At a boot there is nobody to ask yet. */
static void
declare_unmanaged (const Run *run)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);

    if (!run->options->boot || run->options->dry_run)
        return;
    sg_tunnel_declare_unmanaged (run->pass->config, run->pass->config->nm_timeout_ms, warnings);
    for (guint i = 0; i < warnings->len; i++)
        sg_log_warning (g_ptr_array_index (warnings, i));
}

/* ---- one try ---- */

static bool
makes_choices (const SgOptions *options)
{
    return options->outbound || options->added_overrides || options->removed_overrides;
}

static bool
change_overrides (const Run *run, GError **error)
{
    const SgPass *pass = run->pass;

    for (char **prefix = run->options->removed_overrides; prefix && *prefix; prefix++) {
        if (!sg_state_remove_override (pass->state, *prefix, error))
            return false;
    }
    for (char **word = run->options->added_overrides; word && *word; word++) {
        g_auto (GStrv) parts = g_strsplit (*word, "=", 2);

        if (!sg_config_routes (pass->config, parts[0], error) ||
            !sg_state_add_override (pass->state, pass->snapshot, parts[0], parts[1], error))
            return false;
    }
    return true;
}

/* Once: a try that starts over finds the choice made. */
static bool
choose (Run *run, GError **error)
{
    const char *outbound = run->options->outbound;
    const SgPass *pass = run->pass;

    if (run->chosen || !makes_choices (run->options))
        return true;
    if ((outbound && !sg_state_select (pass->state, pass->snapshot, outbound, error)) ||
        !change_overrides (run, error))
        return false;
    run->chosen = true;
    return sg_pass_save_state (pass, error);
}

static bool
decide (Run *run, GError **error)
{
    SgPass *pass = run->pass;

    if (!sg_pass_look (pass, ask_networkmanager (run), error) || !choose (run, error))
        return false;
    sg_pass_decide (pass);
    if (run->unfinished)
        g_ptr_array_add (pass->wanted->warnings, g_strdup (run->unfinished));
    fetch_keys (run);
    ask_resolver (run);
    sg_pass_plan (pass, run->healing);
    return sg_pass_keep (pass, /* everything= */ run->options->by_hand && pass->tries == 1, error);
}

static void
print_plan (const Run *run)
{
    const SgPass *pass = run->pass;
    g_autofree char *plan = sg_plan_to_string (pass->plan, pass->snapshot);

    if (run->options->verbose) {
        g_autofree char *snapshot = sg_snapshot_to_string (pass->snapshot);

        fputs (snapshot, stdout);
        sg_report_gateways (pass->wanted->gateways, pass->config, pass->state->outbound);
    }
    if (run->options->verbose || run->options->dry_run)
        fputs (plan, stdout);
}

/* Returns the exit status, or -1: start over. */
static int
try_once (Run *run)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    GError *error = NULL;

    if (!decide (run, &error)) {
        g_ptr_array_add (failures, error);
    } else {
        print_plan (run);
        tell_resolver (run, /* back= */ true);
        if (sg_pass_apply (run->pass, failures)) {
            tell_resolver (run, /* back= */ false);
            start_pcp (run);
            return 0;
        }
    }
    if (sg_pass_may_retry (run->pass, failures))
        return -1;
    sg_log_failures (failures);
    return sg_error_exit_status (g_ptr_array_index (failures, 0));
}

/* ---- the run ---- */

static void
say (void *data, const char *warning)
{
    sg_log_warning (warning);
}

static SgPass *
open_pass (const SgOptions *options, GError **error)
{
    static const SgReporter reporter = {.warning = say};
    g_autoptr (SgConfig) config = sg_files_load_config (error);
    int lock = -1;

    if (!config)
        return NULL;
    if (!options->dry_run) {
        lock = sg_files_lock (config->lock_timeout_ms, error);
        if (lock < 0)
            return NULL;
    }
    return sg_pass_new (g_steal_pointer (&config), lock, &reporter, error);
}

int
sg_reconcile (const SgOptions *options, SgHealing *healing)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgPass) pass = open_pass (options, &error);
    Run run = {.options = options, .healing = healing, .pass = pass};
    int status = -1;

    if (!pass) {
        sg_log_failure (error);
        return sg_error_exit_status (error);
    }
    /* First, so that the profile is read as it should be; but a choice may yet be refused. */
    if (!makes_choices (options))
        finish_profile (&run);
    while (status < 0)
        status = try_once (&run);
    declare_unmanaged (&run);
    g_free (run.unfinished);
    if (options->verbose)
        sg_report_stats (&pass->kernel->stats);
    if (healing)
        healing->wrote = pass->kernel->stats.writes > 0;
    return status;
}
