/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "listen.h"

#include <time.h>

#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/log.h"
#include "hearing.h"
#include "pass/files.h"
#include "reconcile.h"

/* Changes come in groups: a run begins when nothing was heard for so long, and at the latest so
 * long after the first. */
#define QUIET_MS 30
#define COLLECT_MS 300
/* On a busy host at most a fifth of the time is ours: after a run comes a pause of so many times its
 * length. It is bounded, because what is taken away meanwhile has to be back within a second; the
 * unit bounds the processor time of long runs (CPUQuota=). */
#define PAUSE_TIMES 4
#define PAUSE_MAX_MS 400
/* How long it stays after the last run. */
#define LINGER_MS 1000
/* A back-off that ends within this time is waited for; for others the timer is there. */
#define WAIT_MAX_MS 60000
/* A run that fails is tried again so often, after a pause that grows. */
#define FAILURES_MAX 3
#define FAILURE_PAUSE_MS 200

typedef struct {
    const SgOptions *options;
    SgConfig *config;
    SgHearing hearing;
    SgNotifyInterest interest;
    SgLimiter *limiter;
    bool due;            /* something was heard or is unfinished */
    uint64_t not_before; /* the next run */
    uint64_t ended;      /* the last run */
    unsigned failures;   /* in a row */
    int status;
} Listener;

/* Goes on while the machine sleeps, and never back when somebody sets the clock. */
static uint64_t
now_ms (void)
{
    struct timespec now;

    clock_gettime (CLOCK_BOOTTIME, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* ---- one run ---- */

/* Until nothing comes any more, and until the pause is over. */
static void
collect (Listener *self)
{
    uint64_t end = now_ms () + COLLECT_MS, now;

    while ((now = now_ms ()) < MAX (end, self->not_before)) {
        bool pausing = now < self->not_before;
        uint64_t until = pausing ? self->not_before : MIN (end, now + QUIET_MS);

        if (!sg_hearing_wait (&self->hearing, (int64_t) (until - now)) && !pausing)
            break;
    }
}

static void
save_limiter (const Listener *self)
{
    g_autoptr (GError) error = NULL;

    if (!sg_files_save_limiter (self->limiter, &error))
        sg_log_failure (error);
}

/* Which refreshes matter is known after a run only. */
static void
retune (Listener *self, bool refreshes)
{
    g_autoptr (GError) error = NULL;

    if (self->interest.refreshes == refreshes)
        return;
    self->interest.refreshes = refreshes;
    if (!sg_hearing_tune (&self->hearing, &self->interest, &error))
        sg_log_failure (error);
}

static void
run (Listener *self)
{
    uint64_t began = now_ms ();
    SgHealing healing = {
        .limiter = self->limiter,
        .moment = {began, self->hearing.who_routing, self->hearing.who_nft},
        .refreshes = self->interest.refreshes,
    };

    self->status = sg_reconcile (self->options, &healing);
    self->ended = now_ms ();
    self->failures = self->status == 0 ? 0 : self->failures + 1;
    self->due = healing.wrote || self->status != 0;
    self->not_before = self->ended + MIN (PAUSE_TIMES * (self->ended - began), PAUSE_MAX_MS) +
                       (uint64_t) self->failures * FAILURE_PAUSE_MS;
    retune (self, healing.refreshes);
    if (healing.wrote)
        save_limiter (self);
}

/* ---- between runs ---- */

/* How long to wait for something to be heard; negative: no longer. */
static int64_t
patience (const Listener *self)
{
    uint64_t now = now_ms (), retry = sg_limiter_next (self->limiter);

    if (retry && retry <= now + WAIT_MAX_MS)
        return retry > now ? (int64_t) (retry - now) : 0;
    return (int64_t) (self->ended + LINGER_MS) - (int64_t) now;
}

/* False when it is time to go. */
static bool
wait_for_change (Listener *self)
{
    int64_t wait = patience (self);
    uint64_t retry = sg_limiter_next (self->limiter);

    if (wait < 0)
        return false;
    self->due = sg_hearing_wait (&self->hearing, wait) || (retry && retry <= now_ms ());
    return true;
}

static void
listen_until_quiet (Listener *self)
{
    self->due = true;
    while (self->failures < FAILURES_MAX) {
        sd_notify (/* unset_environment= */ false, "WATCHDOG=1");
        if (self->due) {
            collect (self);
            run (self);
        } else if (!wait_for_change (self)) {
            break;
        }
    }
}

/* ---- the whole ---- */

static bool
open_listener (Listener *self, GError **error)
{
    g_autofree char *problem = NULL;

    self->config = sg_files_load_config (error);
    if (!self->config)
        return false;
    self->limiter = sg_files_load_limiter (&problem);
    if (problem)
        sg_log_warning (problem);
    self->interest = (SgNotifyInterest) {.ipv6 = self->config->families[SG_IPV6],
                                         .ipv4 = self->config->families[SG_IPV4],
                                         .nft_table = self->config->nft_table};
    return sg_hearing_tune (&self->hearing, &self->interest, error);
}

static void
close_listener (Listener *self)
{
    sg_hearing_clear (&self->hearing);
    g_clear_pointer (&self->limiter, sg_limiter_free);
    g_clear_pointer (&self->config, sg_config_free);
}

int
sg_listen (const SgOptions *options)
{
    Listener self = {.options = options};
    g_autoptr (GError) deaf = NULL;
    g_autoptr (GError) error = NULL;
    int status;

    /* Half deaf: what can be done is done, and the failure is seen. */
    if (!sg_hearing_open (&self.hearing, &deaf))
        sg_log_failure (deaf);
    if (open_listener (&self, &error)) {
        sd_notify (/* unset_environment= */ false, "READY=1");
        listen_until_quiet (&self);
        status = self.status;
    } else {
        sg_log_failure (error);
        status = sg_error_exit_status (error);
    }
    close_listener (&self);
    return deaf && status == 0 ? sg_error_exit_status (deaf) : status;
}
