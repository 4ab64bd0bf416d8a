/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service.h"

#include "base/error.h"
#include "base/log.h"
#include "bus-error.h"
#include "bus-gateway.h"
#include "bus-manager.h"
#include "bus-tunnel.h"
#include "changes.h"
#include "lifetime.h"
#include "looks.h"
#include "nm/nm-bus.h"
#include "nm/nm-gather.h"
#include "pass/files.h"
#include "watch.h"

/* Calls wait so long for NetworkManager's first answer; then what is remembered has to do
 * (milliseconds). */
#define FIRST_LOOK_MAX_MS 200u

uint64_t
sg_service_now (const SgService *service)
{
    uint64_t now;

    (void) sd_event_now (service->event, CLOCK_MONOTONIC, &now);
    return now / 1000;
}

/* ---- what is shown ---- */

void
sg_service_show (SgService *service, SgModel *model)
{
    g_autoptr (SgModel) old = service->model;

    if (old) {
        sg_bus_gateway_signal_gone (service, model);
        sg_bus_tunnel_signal_gone (service, model);
    }
    service->model = model;
    if (!old)
        return;
    sg_bus_gateway_signal (service, old);
    sg_bus_tunnel_signal (service, old);
    sg_bus_manager_signal (service, old);
}

void
sg_service_show_failure (SgService *service, const char *problem)
{
    sg_service_show (service, sg_model_new_failed (service->model, problem));
}

/* ---- what comes in ---- */

static int
limit_reading (const SgService *service, SgCaller *caller, sd_bus_message *message)
{
    g_autoptr (GError) error = NULL;

    if (!sd_bus_message_is_method_call (message, "org.freedesktop.DBus.ObjectManager",
                                        "GetManagedObjects") ||
        sg_caller_may_read_all (caller, sg_service_now (service)))
        return 0;
    g_set_error (&error, SG_ERROR, SG_ERROR_LIMIT,
                 "this caller reads all objects more than %u times a second; subscribe instead",
                 SG_READ_ALL_MAX);
    return sg_bus_reply_error (message, error);
}

/* Before sd-bus looks for whom the message is. */
static int
on_message (sd_bus_message *message, void *data, sd_bus_error *ret_error)
{
    SgService *service = data;
    const char *sender = sd_bus_message_get_sender (message);

    if (!sender || !sd_bus_message_is_method_call (message, NULL, NULL))
        return 0;
    sg_lifetime_touch (service->lifetime);
    sg_watch_catch_up (service->watch);
    if (sg_bus_device_take_read (service, message))
        return 1;
    return limit_reading (service, sg_callers_get (service->callers, sender), message);
}

/* A name without an owner: a caller that vanished, or our own that was released. */
static int
on_vanished (sd_bus_message *signal, void *data, sd_bus_error *ret_error)
{
    SgService *service = data;
    SgCaller *caller;
    const char *name;

    if (sd_bus_message_read (signal, "s", &name) < 0)
        return 0;
    if (g_strcmp0 (name, SG_BUS_NAME) == 0)
        sg_lifetime_name_released (service->lifetime);
    caller = g_hash_table_lookup (service->callers, name);
    if (!caller)
        return 0;
    sg_calls_drop (service, caller);
    if (caller->subscribed)
        sg_lifetime_touch (service->lifetime);
    g_hash_table_remove (service->callers, name);
    return 0;
}

/* ---- the beginning ---- */

static int
take_calls (SgService *service)
{
    return sd_bus_attach_event (service->bus, service->event, SD_EVENT_PRIORITY_NORMAL);
}

static void
on_first_look (void *data)
{
    SgService *service = data;

    service->first_look = sd_event_source_disable_unref (service->first_look);
    if (!sd_bus_get_event (service->bus) && take_calls (service) < 0)
        (void) sd_event_exit (service->event, 1);
}

static int
on_first_look_late (sd_event_source *source, uint64_t usec, void *data)
{
    SgService *service = data;

    sg_looks_at_kernel (service->looks);
    on_first_look (service);
    return 0;
}

static int
add_objects (SgService *service)
{
    int r = sd_bus_add_object_manager (service->bus, NULL, SG_BUS_PATH);

    if (r >= 0)
        r = sg_bus_manager_add (service);
    if (r >= 0)
        r = sg_bus_gateway_add (service);
    if (r >= 0)
        r = sg_bus_tunnel_add (service);
    if (r >= 0)
        r = sd_bus_add_filter (service->bus, NULL, on_message, service);
    if (r >= 0)
        r = sd_bus_add_match_async (service->bus, NULL,
                                    "type='signal',sender='org.freedesktop.DBus',"
                                    "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                    "arg2=''",
                                    on_vanished, /* install= */ NULL, service);
    return r;
}

static int
connect_to_bus (SgService *service)
{
    int r = sd_bus_open_system (&service->peers);

    if (r >= 0)
        r = sd_bus_attach_event (service->peers, service->event, SD_EVENT_PRIORITY_NORMAL);
    if (r >= 0)
        r = sd_bus_open_system (&service->bus);
    /* Without a bus there is nobody to serve. */
    if (r >= 0)
        r = sd_bus_set_exit_on_disconnect (service->bus, /* b= */ true);
    if (r >= 0)
        r = sd_bus_set_exit_on_disconnect (service->peers, /* b= */ true);
    return r;
}

/* The name last: from then on somebody may call. */
static bool
start (SgService *service, GError **error)
{
    int r = sd_event_default (&service->event);

    if (r >= 0)
        r = connect_to_bus (service);
    if (r < 0) {
        sg_error_set_errno (error, SG_ERROR_FAILED, -r, "cannot connect to the system bus");
        return false;
    }
    service->looks = sg_looks_new (service);
    service->changes = sg_changes_new (service);
    service->lifetime = sg_lifetime_new (service, error);
    if (!service->lifetime)
        return false;
    service->watch = sg_watch_new (service, error);
    if (!service->watch)
        return false;
    sg_looks_refresh_then (service->looks, on_first_look, service);
    r = add_objects (service);
    if (r >= 0)
        r = sd_event_add_time_relative (service->event, &service->first_look, CLOCK_MONOTONIC,
                                        FIRST_LOOK_MAX_MS * 1000, 1000, on_first_look_late,
                                        service);
    if (r >= 0)
        r = sd_bus_request_name (service->bus, SG_BUS_NAME, 0);
    if (r >= 0)
        return true;
    sg_error_set_errno (error, SG_ERROR_FAILED, -r, "cannot take the name " SG_BUS_NAME);
    return false;
}

static void
stop (SgService *service)
{
    sg_watch_free (service->watch);
    sg_changes_free (service->changes);
    sg_looks_free (service->looks);
    while (service->calls->len > 0)
        sg_call_fail_with (g_ptr_array_index (service->calls, 0), SG_ERROR_FAILED,
                           "the service ends");
    sg_lifetime_free (service->lifetime);
    sd_bus_flush_close_unref (service->bus);
    sd_bus_flush_close_unref (service->peers);
    sd_event_source_disable_unref (service->first_look);
    sd_event_unref (service->event);
    sg_model_free (service->model);
    g_hash_table_unref (service->catalog);
    g_hash_table_unref (service->callers);
    g_ptr_array_unref (service->calls);
    sg_config_free (service->config);
}

int
sg_service_run (void)
{
    g_autoptr (GError) error = NULL;
    SgService service = {
        .config = sg_files_load_config (&error),
        .callers = sg_callers_new (),
        .calls = g_ptr_array_new (),
        .catalog = sg_nm_catalog_new (),
    };
    int status;

    if (service.config && start (&service, &error)) {
        sg_lifetime_touch (service.lifetime);
        status = sd_event_loop (service.event) < 0 ? 1 : 0;
    } else {
        sg_log_failure (error);
        status = sg_error_exit_status (error);
    }
    stop (&service);
    return status;
}
