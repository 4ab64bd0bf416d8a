/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lifetime.h"

#include <signal.h>

#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/log.h"

/* How long it stays after the name is released, for clients that still call the connection by its
 * own name, as GDBusProxy does until it has heard of the release (milliseconds). */
#define LINGER_MS 50u
/* When the bus does not say that the name is released. */
#define RELEASE_MAX_MS 5000u

typedef enum {
    STAYING,
    RELEASING, /* the bus is asked to take the name back */
    RELEASED,
} Stage;

struct SgLifetime {
    SgService *service;
    Stage stage;
    sd_event_source *timer, *terminate, *interrupt;
};

static void
set_timer (SgLifetime *lifetime, uint64_t ms)
{
    uint64_t at = (sg_service_now (lifetime->service) + ms) * 1000;

    (void) sd_event_source_set_time (lifetime->timer, at);
    (void) sd_event_source_set_enabled (lifetime->timer, SD_EVENT_ONESHOT);
}

static bool
is_used (const SgLifetime *lifetime)
{
    const SgService *service = lifetime->service;

    return service->calls->len > 0 ||
           (lifetime->stage == STAYING && sg_callers_any_subscribed (service->callers));
}

/* First systemd is told, so that it starts another one for the next call; then the name goes. What was
 * sent to it before is still answered. */
static void
leave (SgLifetime *lifetime)
{
    if (lifetime->stage != STAYING)
        return;
    lifetime->stage = RELEASING;
    (void) sd_notify (/* unset_environment= */ false, "STOPPING=1");
    set_timer (lifetime, RELEASE_MAX_MS);
    if (sd_bus_release_name_async (lifetime->service->bus, NULL, SG_BUS_NAME, NULL, NULL) < 0)
        sg_lifetime_name_released (lifetime);
}

void
sg_lifetime_name_released (SgLifetime *lifetime)
{
    if (lifetime->stage == RELEASED)
        return;
    lifetime->stage = RELEASED;
    set_timer (lifetime, LINGER_MS);
}

static int
on_timer (sd_event_source *source, uint64_t usec, void *data)
{
    SgLifetime *lifetime = data;

    if (lifetime->stage == RELEASING) /* the bus says nothing: it is as good as gone */
        lifetime->stage = RELEASED;
    if (is_used (lifetime))
        return 0; /* the end of the last call sets it again */
    if (lifetime->stage == STAYING)
        leave (lifetime);
    else
        (void) sd_event_exit (lifetime->service->event, 0);
    return 0;
}

void
sg_lifetime_touch (SgLifetime *lifetime)
{
    if (lifetime->stage == STAYING)
        set_timer (lifetime, lifetime->service->config->idle_timeout_ms);
    else if (lifetime->stage == RELEASED)
        set_timer (lifetime, LINGER_MS);
}

void
sg_lifetime_call_ended (SgLifetime *lifetime)
{
    if (lifetime && !is_used (lifetime))
        sg_lifetime_touch (lifetime);
}

/* What was accepted is finished; who is subscribed hears that the name has gone. */
static int
on_signal (sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
    leave (data);
    return 0;
}

SgLifetime *
sg_lifetime_new (SgService *service, GError **error)
{
    SgLifetime *lifetime = g_new0 (SgLifetime, 1);
    int r = sd_event_add_time (service->event, &lifetime->timer, CLOCK_MONOTONIC, 0, 1000, on_timer,
                               lifetime);

    lifetime->service = service;
    if (r >= 0)
        r = sd_event_source_set_enabled (lifetime->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_signal (service->event, &lifetime->terminate, SIGTERM, on_signal,
                                 lifetime);
    if (r >= 0)
        r = sd_event_add_signal (service->event, &lifetime->interrupt, SIGINT, on_signal, lifetime);
    if (r >= 0)
        return lifetime;
    sg_error_set_errno (error, SG_ERROR_FAILED, -r, "cannot watch the time");
    sg_lifetime_free (lifetime);
    return NULL;
}

void
sg_lifetime_free (SgLifetime *lifetime)
{
    if (!lifetime)
        return;
    sd_event_source_disable_unref (lifetime->timer);
    sd_event_source_disable_unref (lifetime->terminate);
    sd_event_source_disable_unref (lifetime->interrupt);
    g_free (lifetime);
}
