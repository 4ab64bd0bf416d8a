/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "reconcile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "core/plan.h"
#include "files.h"
#include "kernel/apply.h"
#include "kernel/kernel.h"
#include "nm/nm-devices.h"
#include "nm/nm-profiles.h"
#include "report.h"

/* How often a run starts over because another writer came in between. */
#define TRIES_MAX 5

/* What one run holds. */
typedef struct {
    const SgOptions *options;
    SgHealing *healing; /* NULL: a person or an event of NetworkManager asked */
    SgConfig *config;
    SgState *state;
    SgMemory *memory;
    SgKernel *kernel;
    SgSnapshot *snapshot;
    SgWanted *wanted;
    SgKeyring *keyring; /* keys that are to be put back; NULL: none */
    SgPlan *plan;
    int lock;
    int tries;           /* begun, this one included */
    bool memory_damaged; /* its file has to be written anew */
} Run;

/* ---- snapshot ---- */

static void
drop_plan (Run *run)
{
    g_clear_pointer (&run->plan, sg_plan_free);
    if (run->kernel)
        run->kernel->keyring = NULL;
    g_clear_pointer (&run->keyring, sg_keyring_free);
    g_clear_pointer (&run->wanted, sg_wanted_free);
    g_clear_pointer (&run->snapshot, sg_snapshot_free);
}

/* What a Reapply may have wiped; nothing where there is no WireGuard device. */
static void
read_profiles (Run *run)
{
    g_autofree char *reason = NULL;

    sg_nm_read_profiles (run->snapshot, run->config->nm_timeout_ms, &reason);
    if (reason && run->tries == 1)
        sg_report_warning (reason);
}

/* NetworkManager first: its answer takes longest, and the kernel has the last word. */
static bool
take_snapshot (Run *run, GError **error)
{
    g_autofree char *reason = NULL;

    drop_plan (run);
    run->snapshot = sg_snapshot_new ();
    if (!run->options->boot)
        sg_nm_read_devices (run->snapshot, run->config->nm_timeout_ms, &reason);
    if (reason && run->options->by_hand && run->tries == 1)
        sg_report_warning (reason);
    if (run->options->repair)
        read_profiles (run);
    return run->kernel->ops->dump (run->kernel, run->config, run->snapshot, error);
}

/* ---- what is decided, and what has to be kept before anything is changed ---- */

static bool
select_outbound (Run *run, GError **error)
{
    const char *outbound = run->options->outbound;

    if (!outbound)
        return true;
    return sg_state_select (run->state, run->snapshot, outbound, error) &&
           (run->options->dry_run || sg_files_save_state (run->state, error));
}

/* Marks are written down before they are used, so that no kill can lose one. */
static bool
keep_memory (Run *run, GError **error)
{
    bool changed = run->memory_damaged;

    changed = sg_gateways_remember (run->wanted->gateways, run->snapshot, run->memory) || changed;
    changed = sg_report_new_warnings (run->wanted->warnings,
                                      /* everything= */ run->options->by_hand && run->tries == 1,
                                      run->memory) ||
              changed;
    return !changed || run->options->dry_run || sg_files_save_memory (run->memory, error);
}

/* The secrets of a profile, only when the kernel lacks one that it says it has. */
static void
fetch_keys (Run *run)
{
    g_autofree char *reason = NULL;

    if (run->wanted->preshared->len == 0)
        return;
    run->keyring =
        sg_nm_read_keys (run->snapshot, run->wanted, run->config->nm_timeout_ms, &reason);
    if (reason && run->tries == 1)
        sg_report_warning (reason);
    sg_wanted_keep_known (run->wanted, run->keyring);
    run->kernel->keyring = run->keyring;
}

static void
hold_back (Run *run)
{
    g_autoptr (GPtrArray) news = g_ptr_array_new_with_free_func (g_free);

    run->healing->refreshes = sg_snapshot_waits_for_refresh (run->snapshot);
    sg_limiter_apply (run->healing->limiter, run->plan, run->snapshot, &run->healing->moment, news);
    for (guint i = 0; i < news->len; i++)
        sg_report_warning (g_ptr_array_index (news, i));
}

static bool
decide (Run *run, GError **error)
{
    if (!take_snapshot (run, error) || !select_outbound (run, error))
        return false;
    run->wanted = sg_wanted_new (run->config, run->state, run->memory, run->snapshot);
    for (guint i = 0; i < run->config->warnings->len; i++)
        g_ptr_array_add (run->wanted->warnings,
                         g_strdup (g_ptr_array_index (run->config->warnings, i)));
    fetch_keys (run);
    run->plan = sg_plan_new (run->snapshot, run->wanted);
    if (run->healing)
        hold_back (run);
    return keep_memory (run, error);
}

/* ---- apply ---- */

static void
print_plan (const Run *run)
{
    g_autofree char *plan = sg_plan_to_string (run->plan, run->snapshot);

    if (run->options->verbose) {
        g_autofree char *snapshot = sg_snapshot_to_string (run->snapshot);

        fputs (snapshot, stdout);
        sg_report_gateways (run->wanted->gateways, run->state->outbound);
    }
    if (run->options->verbose || run->options->dry_run)
        fputs (plan, stdout);
}

static bool
met_another_writer (const GPtrArray *failures)
{
    for (guint i = 0; i < failures->len; i++) {
        if (g_error_matches (g_ptr_array_index (failures, i), SG_ERROR, SG_ERROR_BUSY))
            return true;
    }
    return false;
}

/* One try. Returns the exit status, or -1: start over. */
static int
try_once (Run *run)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    GError *error = NULL;

    if (!decide (run, &error)) {
        g_ptr_array_add (failures, error);
    } else {
        print_plan (run);
        if (run->options->dry_run || sg_apply (run->kernel, run->snapshot, run->plan, failures))
            return 0;
    }
    if (run->tries < TRIES_MAX && met_another_writer (failures))
        return -1;
    for (guint i = 0; i < failures->len; i++)
        sg_report_failure (g_ptr_array_index (failures, i));
    return sg_error_exit_status (g_ptr_array_index (failures, 0));
}

/* ---- the run ---- */

static bool
open_run (Run *run, GError **error)
{
    g_autofree char *problem = NULL;

    run->config = sg_files_load_config (error);
    if (!run->config)
        return false;
    if (!run->options->dry_run) {
        run->lock = sg_files_lock (run->config->lock_timeout_ms, error);
        if (run->lock < 0)
            return false;
    }
    run->state = sg_files_load_state (error);
    if (!run->state)
        return false;
    run->memory = sg_files_load_memory (&problem, error);
    if (!run->memory)
        return false;
    run->memory_damaged = problem != NULL;
    if (problem)
        sg_report_warning (problem);
    run->kernel = sg_kernel_linux_open (error);
    return run->kernel != NULL;
}

static void
close_run (Run *run)
{
    drop_plan (run);
    g_clear_pointer (&run->kernel, sg_kernel_close);
    g_clear_pointer (&run->memory, sg_memory_free);
    g_clear_pointer (&run->state, sg_state_free);
    g_clear_pointer (&run->config, sg_config_free);
    if (run->lock >= 0)
        close (run->lock);
}

int
sg_reconcile (const SgOptions *options, SgHealing *healing)
{
    Run run = {.options = options, .healing = healing, .lock = -1};
    g_autoptr (GError) error = NULL;
    int status = -1;

    if (!open_run (&run, &error)) {
        sg_report_failure (error);
        status = sg_error_exit_status (error);
    }
    while (status < 0) {
        run.tries++;
        status = try_once (&run);
    }
    if (options->verbose && run.kernel)
        sg_report_stats (&run.kernel->stats);
    if (healing && run.kernel)
        healing->wrote = run.kernel->stats.writes > 0;
    close_run (&run);
    return status;
}
