/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "looks.h"

#include "base/error.h"
#include "base/log.h"
#include "nm/nm-gather.h"
#include "nm/resolver.h"
#include "pass/files.h"
#include "watch.h"

/* Somebody who waits for a look: a call with its answer, or a function. */
typedef struct {
    SgCall *call;
    SgLookAnswer answer;
    void (*done) (void *data);
    void *data;
} Waiting;

struct SgLooks {
    SgService *service;
    GArray *served;     /* of Waiting: by the look that is under way */
    GArray *waiting;    /* by the next one */
    bool again;         /* there has to be a next one */
    SgNmGather *gather; /* NetworkManager is being asked; with @talk NULL, too: none is under way */
    SgResolverTalk *talk; /* systemd-resolved is */
    SgPass *pass;         /* what waits for its answer */
    SgSnapshot *nm;       /* what NetworkManager said last: devices only */
    char *problem;        /* what was said last of a look that failed, or lacked something */
    uint64_t ended, took;
};

static GArray *
new_queue (void)
{
    return g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (Waiting));
}

SgLooks *
sg_looks_new (SgService *service)
{
    SgLooks *looks = g_new0 (SgLooks, 1);

    looks->service = service;
    looks->served = new_queue ();
    looks->waiting = new_queue ();
    looks->nm = sg_snapshot_new ();
    looks->nm->nm = SG_NM_ABSENT;
    return looks;
}

void
sg_looks_free (SgLooks *looks)
{
    if (!looks)
        return;
    sg_nm_gather_free (looks->gather);
    sg_resolver_talk_free (looks->talk);
    sg_pass_free (looks->pass);
    sg_snapshot_free (looks->nm);
    g_array_unref (looks->served);
    g_array_unref (looks->waiting);
    g_free (looks->problem);
    g_free (looks);
}

/* ---- one look ---- */

/* Once, until it is another one. */
static void
say_problem (SgLooks *looks, const char *problem)
{
    if (problem && g_strcmp0 (problem, looks->problem) != 0)
        sg_log_warning (problem);
    g_free (looks->problem);
    looks->problem = g_strdup (problem);
}

/* Warnings are shown on the bus; the passes that change something say them. */
static void
say_nothing (void *data, const char *warning)
{
}

SgSnapshot *
sg_looks_copy_nm (const SgSnapshot *from)
{
    SgSnapshot *copy = sg_snapshot_new ();

    copy->nm = from->nm;
    g_array_append_vals (copy->devices, from->devices->data, from->devices->len);
    return copy;
}

static SgPass *
look (SgLooks *looks, SgSnapshot *snapshot, GError **error)
{
    static const SgReporter reporter = {.warning = say_nothing};
    g_autoptr (SgSnapshot) nm = snapshot;
    SgConfig *config = sg_files_load_config (error);
    g_autoptr (SgPass) pass =
        config ? sg_pass_new (config, /* lock= */ -1, &reporter, error) : NULL;

    if (!pass || !sg_pass_look (pass, g_steal_pointer (&nm), error))
        return NULL;
    sg_pass_decide (pass);
    return g_steal_pointer (&pass);
}

static void
show (SgLooks *looks, SgPass *pass)
{
    SgService *service = looks->service;
    SgModel *model = sg_model_new (pass->state, pass->snapshot, pass->wanted, service->catalog);

    sg_model_take_tunnel (model, pass->tunnel, pass->config, pass->snapshot);
    sg_model_take_opened (model, sg_opened_read (pass->tunnel));
    sg_service_show (service, model);
    sg_watch_look_at (service->watch, sg_opened_first_end (service->model->opened));
    sg_watch_tune (service->watch, sg_snapshot_waits_for_refresh (pass->snapshot));
}

void
sg_looks_show_pass (SgLooks *looks, SgPass *pass)
{
    SgSnapshot *old = looks->nm;

    looks->nm = sg_looks_copy_nm (pass->snapshot);
    sg_snapshot_free (old);
    show (looks, pass);
}

/* What is still there of it after a failure: nothing is shown that is not known. */
static void
show_failure (SgLooks *looks, const GError *error)
{
    say_problem (looks, error->message);
    sg_service_show_failure (looks->service, error->message);
}

void
sg_looks_at_kernel (SgLooks *looks)
{
    uint64_t began = sg_service_now (looks->service);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgPass) pass = look (looks, sg_looks_copy_nm (looks->nm), &error);

    if (pass)
        show (looks, pass);
    else
        show_failure (looks, error);
    looks->ended = sg_service_now (looks->service);
    looks->took = looks->ended - began;
}

uint64_t
sg_looks_ended (const SgLooks *looks, uint64_t *ret_took)
{
    *ret_took = looks->took;
    return looks->ended;
}

/* ---- who waits ---- */

static void
serve (const Waiting *waiting, SgPass *pass, const GError *error)
{
    if (!waiting->call)
        waiting->done (waiting->data);
    else if (pass)
        waiting->answer (waiting->call, pass);
    else
        sg_call_fail (waiting->call, error);
}

static void
finish (SgLooks *looks, SgPass *pass, const GError *error)
{
    g_autoptr (GArray) served = looks->served;

    looks->served = new_queue ();
    for (guint i = 0; i < served->len; i++)
        serve (&g_array_index (served, Waiting, i), pass, error);
}

static void begin (SgLooks *looks);

static bool
is_under_way (const SgLooks *looks)
{
    return looks->gather || looks->talk;
}

static void
conclude (SgLooks *looks, SgPass *pass, const GError *error)
{
    if (pass)
        sg_pass_plan (pass, /* healing= */ NULL);
    finish (looks, pass, error);
    if (looks->again && !is_under_way (looks))
        begin (looks);
}

static void
on_resolver (void *data, const char *reason)
{
    SgLooks *looks = data;
    g_autoptr (SgPass) pass = g_steal_pointer (&looks->pass);

    looks->talk = NULL; /* it frees itself */
    if (reason)
        say_problem (looks, reason);
    else
        sg_pass_resolver_asked (pass);
    conclude (looks, pass, /* error= */ NULL);
}

static bool
anybody_waits (const SgLooks *looks)
{
    for (guint i = 0; i < looks->served->len; i++) {
        if (g_array_index (looks->served, Waiting, i).call)
            return true;
    }
    return false;
}

/* Of what is shown nothing is systemd-resolved's, of a plan some may be. Takes over @pass. */
static void
ask_resolver (SgLooks *looks, SgPass *pass)
{
    const SgResolverQuestion question = {.bus = looks->service->peers,
                                         .timeout_ms = looks->service->config->nm_timeout_ms,
                                         .done = on_resolver,
                                         .data = looks};
    g_autofree char *reason = NULL;

    looks->pass = pass;
    looks->talk = sg_resolver_ask (&question, pass->snapshot, &reason);
    if (!looks->talk)
        on_resolver (looks, reason);
}

static void
look_at_all (SgLooks *looks, SgSnapshot *snapshot, const char *reason)
{
    uint64_t began = sg_service_now (looks->service);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgPass) pass = NULL;

    sg_watch_seen (looks->service->watch);
    pass = look (looks, snapshot, &error);
    if (pass) {
        say_problem (looks, reason);
        sg_looks_show_pass (looks, pass);
    } else {
        show_failure (looks, error);
    }
    looks->ended = sg_service_now (looks->service);
    looks->took = looks->ended - began;
    if (pass && anybody_waits (looks) && sg_pass_needs_resolver (pass))
        ask_resolver (looks, g_steal_pointer (&pass));
    else
        conclude (looks, pass, error);
}

static void
on_gathered (void *data, SgNmGather *gather)
{
    SgLooks *looks = data;

    looks->gather = NULL; /* it frees itself */
    look_at_all (looks, sg_nm_gather_take_snapshot (gather), sg_nm_gather_reason (gather));
}

static void
begin (SgLooks *looks)
{
    const SgNmQuestion question = {.bus = looks->service->peers,
                                   .timeout_ms = looks->service->config->nm_timeout_ms,
                                   .profiles = true,
                                   .catalog = looks->service->catalog,
                                   .done = on_gathered,
                                   .data = looks};
    g_autofree char *reason = NULL;
    GArray *empty = looks->served;

    looks->again = false;
    looks->served = looks->waiting;
    looks->waiting = empty;
    looks->gather = sg_nm_gather_start (&question, &reason);
    if (!looks->gather) {
        SgSnapshot *absent = sg_snapshot_new ();

        absent->nm = SG_NM_ABSENT;
        look_at_all (looks, absent, reason);
    }
}

static void
wait_for_look (SgLooks *looks, const Waiting *waiting)
{
    if (waiting)
        g_array_append_val (looks->waiting, *waiting);
    looks->again = true;
    if (!is_under_way (looks))
        begin (looks);
}

void
sg_looks_ask (SgLooks *looks, SgCall *call, SgLookAnswer answer)
{
    wait_for_look (looks, &(Waiting) {.call = call, .answer = answer});
}

void
sg_looks_refresh (SgLooks *looks)
{
    wait_for_look (looks, NULL);
}

void
sg_looks_refresh_then (SgLooks *looks, void (*done) (void *data), void *data)
{
    wait_for_look (looks, &(Waiting) {.done = done, .data = data});
}
