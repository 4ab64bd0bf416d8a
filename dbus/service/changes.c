/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "changes.h"

#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "core/contract.h"
#include "looks.h"
#include "nm/nm-gather.h"
#include "nm/resolver.h"
#include "nm/unit.h"
#include "pass/files.h"

/* How often the lock is tried for. */
#define LOCK_RETRY_US 20000u

typedef struct {
    SgCall *call;
    const SgChange *change;
} Entry;

struct SgChanges {
    SgService *service;
    GQueue *queue;  /* of Entry */
    Entry *current; /* NULL: none */
    /* Of the current one. */
    SgConfig *config;
    uint64_t deadline; /* for the lock */
    sd_event_source *retry;
    SgNmGather *gather;
    SgResolverTalk *talk; /* with systemd-resolved */
    void (*told) (SgChanges *changes);
    SgPass *pass;
    SgWorker *worker;
    char *before;      /* the choices, to be put back */
    bool chosen;       /* they were changed, and saved */
    SgOutcome outcome; /* so far */
    SgTunnel *tunnel;  /* the tunnel role as it was before the work; NULL: there was none */
    bool seen;         /* the kernel may have a part of what is being undone */
    GError *failure;   /* why it is being undone */
    /* The choices as they were seen last. */
    char *known;
};

static void start_next (SgChanges *changes);

SgChanges *
sg_changes_new (SgService *service)
{
    SgChanges *changes = g_new0 (SgChanges, 1);

    changes->service = service;
    changes->queue = g_queue_new ();
    return changes;
}

/* Gives up the lock, too. */
static void
drop_current (SgChanges *changes)
{
    changes->retry = sd_event_source_disable_unref (changes->retry);
    g_clear_pointer (&changes->gather, sg_nm_gather_free);
    g_clear_pointer (&changes->talk, sg_resolver_talk_free);
    g_clear_pointer (&changes->pass, sg_pass_free);
    g_clear_pointer (&changes->config, sg_config_free);
    g_clear_pointer (&changes->worker, sg_worker_free);
    g_clear_pointer (&changes->before, g_free);
    g_clear_pointer (&changes->outcome.worked, g_variant_unref);
    g_clear_error (&changes->failure);
    g_clear_pointer (&changes->tunnel, sg_tunnel_free);
    g_clear_pointer (&changes->current, g_free);
    changes->outcome.written = 0;
    changes->chosen = false;
}

void
sg_changes_free (SgChanges *changes)
{
    if (!changes)
        return;
    drop_current (changes);
    g_queue_free_full (changes->queue, g_free);
    g_free (changes->known);
    g_free (changes);
}

/* ---- the end of a change ---- */

static void
fail (SgChanges *changes, const GError *error)
{
    SgCall *call = changes->current->call;

    drop_current (changes);
    sg_call_fail (call, error);
    start_next (changes);
}

static void
succeed (SgChanges *changes)
{
    SgCall *call = changes->current->call;
    const SgChange *change = changes->current->change;
    SgOutcome outcome = changes->outcome;
    g_autoptr (GVariant) worked = g_steal_pointer (&changes->outcome.worked);

    sg_looks_show_pass (changes->service->looks, changes->pass);
    if (change->tunnel)
        sg_calls_see (changes->service, call->caller, sd_bus_message_get_path (call->message),
                      changes->pass->tunnel);
    drop_current (changes);
    change->answer (call, &outcome);
    start_next (changes);
}

/* ---- whether somebody else changed the choices ---- */

static void
note_choices (SgChanges *changes, const SgState *state, const SgCaller *by)
{
    char *text = sg_state_to_text (state);

    if (changes->known && g_strcmp0 (changes->known, text) != 0)
        sg_calls_outdate (changes->service, by, /* gateway= */ NULL);
    g_free (changes->known);
    changes->known = text;
}

void
sg_changes_notice (SgChanges *changes)
{
    g_autoptr (SgState) state = sg_files_load_state (NULL);

    if (state)
        note_choices (changes, state, /* by= */ NULL);
}

void
sg_changes_notice_gateway (SgChanges *changes, const char *gateway)
{
    const Entry *current = changes->current;

    if (!current || g_strcmp0 (current->call->gateway, gateway) != 0)
        sg_calls_outdate (changes->service, /* by= */ NULL, gateway);
}

/* ---- what blocks ---- */

/* A person waits: NetworkManager gets more time than in an event. */
#define WORK_TIMEOUT_MIN_MS 10000u

static void
start_work (SgChanges *changes, SgWork work, SgWorkDone done)
{
    const SgWorkOrder order = {.work = work,
                               .call = changes->current->call,
                               .worked = changes->outcome.worked,
                               .timeout_ms =
                                   MAX (changes->config->nm_timeout_ms, WORK_TIMEOUT_MIN_MS),
                               .done = done,
                               .data = changes};
    g_autoptr (GError) error = NULL;

    changes->worker = sg_worker_start (&order, &error);
    if (!changes->worker)
        done (changes, NULL, error);
}

/* ---- applying ---- */

static void ask_networkmanager (SgChanges *changes);

/* A part of what failed is in the kernel by now: it becomes what the choices and the tunnel role say. What
 * fails then is said in the journal. */
static void
put_kernel_back (SgChanges *changes)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgPass *pass = changes->pass;
    g_autoptr (GError) error = NULL;

    if (!sg_pass_look (pass, sg_looks_copy_nm (pass->snapshot), &error)) {
        sg_log_failure (error);
        return;
    }
    sg_pass_decide (pass);
    sg_pass_plan (pass, /* healing= */ NULL);
    if (!sg_pass_keep (pass, /* everything= */ false, &error))
        sg_log_failure (error);
    else if (!sg_pass_apply (pass, failures))
        sg_log_failure (g_ptr_array_index (failures, 0));
}

/* Puts the choices back, and the kernel, when it was @seen, to what they say. What fails then is said
 * in the journal. */
static void
undo (SgChanges *changes, bool seen)
{
    SgPass *pass = changes->pass;
    g_autoptr (GError) error = NULL;
    SgState *before =
        sg_state_parse ("the choices", changes->before, strlen (changes->before), &error);

    if (before) {
        sg_state_free (pass->state);
        pass->state = before;
    }
    if (!before || !sg_pass_save_state (pass, &error)) {
        sg_log_failure (error);
        return;
    }
    note_choices (changes, pass->state, changes->current->call->caller);
    if (seen)
        put_kernel_back (changes);
}

/* The pass takes the tunnel role as it was before, or back again. */
static void
swap_tunnel (SgChanges *changes)
{
    SgTunnel *tunnel = changes->pass->tunnel;

    changes->pass->tunnel = changes->tunnel;
    changes->tunnel = tunnel;
}

static void
on_undone (void *data, GVariant *result, const GError *error)
{
    SgChanges *changes = data;
    g_autoptr (GError) failure = g_steal_pointer (&changes->failure);

    changes->worker = NULL; /* it frees itself */
    if (error) {
        sg_log_failure (error);
    } else if (changes->current->change->tunnel) {
        swap_tunnel (changes);
        if (changes->seen)
            put_kernel_back (changes);
    }
    fail (changes, failure);
}

static void
undo_and_fail (SgChanges *changes, bool seen, const GError *error)
{
    const SgChange *change = changes->current->change;

    if (change->choose && changes->chosen)
        undo (changes, seen);
    if (changes->outcome.worked && change->undo) {
        changes->failure = g_error_copy (error);
        changes->seen = seen;
        start_work (changes, change->undo, on_undone);
    } else {
        fail (changes, error);
    }
}

static SgResolverQuestion
resolver_question (SgChanges *changes, SgResolverDone done)
{
    return (SgResolverQuestion) {.bus = changes->service->peers,
                                 .timeout_ms = changes->config->nm_timeout_ms,
                                 .done = done,
                                 .data = changes};
}

/* What systemd-resolved does not take now, a later pass tells it again. */
static void
on_told (void *data, const char *reason)
{
    SgChanges *changes = data;

    changes->talk = NULL; /* it frees itself */
    if (reason)
        sg_log_warning (reason);
    changes->told (changes);
}

static void
tell_resolver (SgChanges *changes, bool back, void (*then) (SgChanges *changes))
{
    const SgResolverQuestion question = resolver_question (changes, on_told);
    g_autofree char *reason = NULL;

    changes->told = then;
    changes->talk = sg_resolver_tell (&question, changes->pass->plan, back, &reason);
    if (!changes->talk)
        on_told (changes, reason);
}

/* It tells devices of what was lost, and waits for their requests from then on. */
static void
start_pcp (const SgChanges *changes)
{
    const SgUnit unit = {SG_PCP_UNIT, changes->config->tunnel_interface};

    if (sd_booted () > 0 && sg_plan_begins_tunnel (changes->pass->plan))
        sg_unit_restart_later (changes->service->peers, &unit);
}

static void
change_kernel (SgChanges *changes)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgPass *pass = changes->pass;

    if (sg_pass_apply (pass, failures)) {
        start_pcp (changes);
        tell_resolver (changes, /* back= */ false, succeed);
    } else if (sg_pass_may_retry (pass, failures))
        ask_networkmanager (changes);
    else
        undo_and_fail (changes, /* seen= */ true, g_ptr_array_index (failures, 0));
}

static void
apply (SgChanges *changes)
{
    SgPass *pass = changes->pass;
    g_autoptr (GError) error = NULL;

    sg_pass_plan (pass, /* healing= */ NULL);
    if (!sg_pass_keep (pass, /* everything= */ false, &error)) {
        undo_and_fail (changes, /* seen= */ true, error);
        return;
    }
    changes->outcome.written += pass->plan->actions->len + pass->plan->resolver->len;
    tell_resolver (changes, /* back= */ true, change_kernel);
}

/* ---- deciding ---- */

static void
on_resolver (void *data, const char *reason)
{
    SgChanges *changes = data;

    changes->talk = NULL; /* it frees itself */
    if (reason)
        sg_log_warning (reason);
    else
        sg_pass_resolver_asked (changes->pass);
    apply (changes);
}

static void
ask_resolver (SgChanges *changes)
{
    const SgResolverQuestion question = resolver_question (changes, on_resolver);
    g_autofree char *reason = NULL;

    if (!sg_pass_needs_resolver (changes->pass)) {
        apply (changes);
        return;
    }
    changes->talk = sg_resolver_ask (&question, changes->pass->snapshot, &reason);
    if (!changes->talk)
        on_resolver (changes, reason);
}

static void
on_keys (void *data, SgNmGather *gather)
{
    SgChanges *changes = data;

    changes->gather = NULL; /* it frees itself */
    if (sg_nm_gather_reason (gather))
        sg_log_warning (sg_nm_gather_reason (gather));
    sg_pass_give_keys (changes->pass, sg_nm_gather_take_keyring (gather));
    ask_resolver (changes);
}

/* Preshared keys that a Reapply wiped. */
static void
fetch_keys (SgChanges *changes)
{
    const SgNmQuestion question = {.bus = changes->service->peers,
                                   .timeout_ms = changes->config->nm_timeout_ms,
                                   .done = on_keys,
                                   .data = changes};
    SgPass *pass = changes->pass;
    g_autofree char *reason = NULL;

    changes->gather = sg_nm_gather_keys (&question, pass->snapshot, pass->wanted, &reason);
    if (changes->gather)
        return;
    if (reason)
        sg_log_warning (reason);
    sg_pass_give_keys (pass, sg_keyring_new ());
    ask_resolver (changes);
}

static bool
choose (SgChanges *changes, GError **error)
{
    const Entry *entry = changes->current;
    SgPass *pass = changes->pass;

    /* A later try finds the choice made. */
    if (!entry->change->choose || changes->chosen)
        return true;
    if (!entry->change->choose (entry->call, pass->state, &changes->outcome, pass->snapshot,
                                error) ||
        !sg_pass_save_state (pass, error))
        return false;
    changes->chosen = true;
    note_choices (changes, pass->state, entry->call->caller);
    return true;
}

static void
decide (SgChanges *changes, SgSnapshot *snapshot)
{
    SgPass *pass = changes->pass;
    g_autoptr (GError) error = NULL;

    if (!sg_pass_look (pass, snapshot, &error) || !choose (changes, &error)) {
        undo_and_fail (changes, /* seen= */ false, error);
        return;
    }
    sg_pass_decide (pass);
    if (pass->wanted->preshared->len > 0)
        fetch_keys (changes);
    else
        ask_resolver (changes);
}

static void
on_gathered (void *data, SgNmGather *gather)
{
    SgChanges *changes = data;

    changes->gather = NULL; /* it frees itself */
    if (sg_nm_gather_reason (gather))
        sg_log_warning (sg_nm_gather_reason (gather));
    decide (changes, sg_nm_gather_take_snapshot (gather));
}

/* With the lock held, so that nobody acts on what is newer meanwhile. */
static void
ask_networkmanager (SgChanges *changes)
{
    const SgNmQuestion question = {.bus = changes->service->peers,
                                   .timeout_ms = changes->config->nm_timeout_ms,
                                   .profiles = true,
                                   .catalog = changes->service->catalog,
                                   .done = on_gathered,
                                   .data = changes};
    g_autofree char *reason = NULL;

    changes->gather = sg_nm_gather_start (&question, &reason);
    if (!changes->gather) {
        SgSnapshot *absent = sg_snapshot_new ();

        absent->nm = SG_NM_ABSENT;
        sg_log_warning (reason);
        decide (changes, absent);
    }
}

/* ---- the lock ---- */

static void
say (void *data, const char *warning)
{
    sg_log_warning (warning);
}

/* Takes what the work made of the tunnel role; what it was is kept for the way back. */
static bool
take_tunnel (SgChanges *changes, GError **error)
{
    SgTunnel *tunnel = NULL;

    if (!sg_files_load_tunnel (&tunnel, error))
        return false;
    swap_tunnel (changes);
    changes->pass->tunnel = tunnel;
    return true;
}

static void
on_worked (void *data, GVariant *result, const GError *error)
{
    SgChanges *changes = data;
    g_autoptr (GError) failure = NULL;

    changes->worker = NULL; /* it frees itself */
    if (!result) {
        fail (changes, error);
        return;
    }
    changes->outcome.worked = g_variant_ref (result);
    if (changes->current->change->tunnel && !take_tunnel (changes, &failure))
        undo_and_fail (changes, /* seen= */ false, failure);
    else
        ask_networkmanager (changes);
}

static void
open_pass (SgChanges *changes, int lock)
{
    static const SgReporter reporter = {.warning = say};
    SgCall *call = changes->current->call;
    g_autoptr (GError) error = NULL;
    SgConfig *config = sg_files_load_config (&error);

    changes->pass = config ? sg_pass_new (config, lock, &reporter, &error) : NULL;
    if (!config)
        close (lock);
    if (!changes->pass) {
        fail (changes, error);
        return;
    }
    /* Under the lock nobody changes them any more. */
    note_choices (changes, changes->pass->state, /* by= */ NULL);
    if (call->conflict) {
        g_set_error (&error, SG_ERROR, SG_ERROR_CONFLICT,
                     "somebody else changed %s meanwhile; look at it, then try again",
                     call->gateway ? call->gateway : "the choices");
        fail (changes, error);
        return;
    }
    if (sg_call_is_outdated (call, changes->pass->tunnel)) {
        g_set_error (&error, SG_ERROR, SG_ERROR_CONFLICT,
                     "somebody else changed it meanwhile; look at it, then try again");
        fail (changes, error);
        return;
    }
    call->started = true;
    call->tunnel = changes->pass->tunnel;
    if (call->gateway)
        sg_calls_outdate (changes->service, call->caller, call->gateway);
    changes->before = sg_state_to_text (changes->pass->state);
    if (changes->current->change->work)
        start_work (changes, changes->current->change->work, on_worked);
    else
        ask_networkmanager (changes);
}

static void try_lock (SgChanges *changes);

static int
on_retry (sd_event_source *source, uint64_t usec, void *data)
{
    try_lock (data);
    return 0;
}

static void
try_lock (SgChanges *changes)
{
    g_autoptr (GError) error = NULL;
    int lock = sg_files_lock (/* timeout_ms= */ 0, &error);

    if (lock >= 0) {
        open_pass (changes, lock);
        return;
    }
    if (!g_error_matches (error, SG_ERROR, SG_ERROR_BUSY) ||
        sg_service_now (changes->service) >= changes->deadline) {
        fail (changes, error);
        return;
    }
    changes->retry = sd_event_source_unref (changes->retry);
    if (sd_event_add_time_relative (changes->service->event, &changes->retry, CLOCK_MONOTONIC,
                                    LOCK_RETRY_US, LOCK_RETRY_US / 10, on_retry, changes) < 0)
        fail (changes, error);
}

/* ---- the queue ---- */

static void
start_next (SgChanges *changes)
{
    g_autoptr (GError) error = NULL;
    Entry *entry;

    if (changes->current)
        return;
    entry = g_queue_pop_head (changes->queue);
    if (!entry)
        return;
    changes->current = entry;
    changes->config = sg_files_load_config (&error);
    if (entry->call->caller && changes->config) {
        changes->deadline = sg_service_now (changes->service) + changes->config->lock_timeout_ms;
        try_lock (changes);
        return;
    }
    if (!error) /* nobody waits for it any more, and it has not begun */
        error = g_error_new (SG_ERROR, SG_ERROR_FAILED, "the caller is gone");
    fail (changes, error);
}

void
sg_changes_make (SgChanges *changes, SgCall *call, const SgChange *change)
{
    Entry *entry = g_new0 (Entry, 1);

    entry->call = call;
    entry->change = change;
    g_queue_push_tail (changes->queue, entry);
    start_next (changes);
}
