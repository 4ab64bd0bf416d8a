/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "call.h"

#include <string.h>

#include "base/error.h"
#include "bus-error.h"
#include "bus-gateway.h"
#include "bus-manager.h"
#include "bus-tunnel.h"
#include "changes.h"
#include "lifetime.h"
#include "pass/files.h"
#include "rights.h"
#include "tunnel-path.h"

/* Calls of all callers together that have no answer yet. */
#define ALL_CALLS_MAX 2048u

/* ---- the end of a call ---- */

static void
free_call (SgCall *call)
{
    SgService *service = call->service;

    g_ptr_array_remove_fast (service->calls, call);
    if (call->caller)
        call->caller->calls--;
    sd_bus_message_unref (call->message);
    g_free (call->gateway);
    g_free (call->seen);
    g_free (call);
    sg_lifetime_call_ended (service->lifetime);
}

void
sg_call_fail (SgCall *call, const GError *error)
{
    if (call->caller)
        sg_bus_reply_error (call->message, error);
    free_call (call);
}

void
sg_call_fail_with (SgCall *call, SgErrorCode code, const char *format, ...)
{
    g_autoptr (GError) error = NULL;
    va_list args;

    va_start (args, format);
    error = g_error_new_valist (SG_ERROR, (int) code, format, args);
    va_end (args);
    sg_call_fail (call, error);
}

void
sg_call_reply (SgCall *call, const char *types, ...)
{
    g_autoptr (sd_bus_message) reply = NULL;
    va_list args;
    int r = sd_bus_message_new_method_return (call->message, &reply);

    va_start (args, types);
    if (r >= 0 && types)
        r = sd_bus_message_appendv (reply, types, args);
    va_end (args);
    sg_call_send (call, reply, r);
}

void
sg_call_reply_strv (SgCall *call, char **words)
{
    g_autoptr (sd_bus_message) reply = NULL;
    int r = sd_bus_message_new_method_return (call->message, &reply);

    if (r >= 0)
        r = sd_bus_message_append_strv (reply, words);
    sg_call_send (call, reply, r);
}

void
sg_call_send (SgCall *call, sd_bus_message *reply, int r)
{
    if (r < 0) {
        sg_call_fail_with (call, SG_ERROR_FAILED,
                           "%s is done, but its answer cannot be put into a message: %s",
                           call->method->member, g_strerror (-r));
        return;
    }
    if (call->caller)
        (void) sd_bus_send (NULL, reply, NULL);
    free_call (call);
}

void
sg_calls_drop (SgService *service, SgCaller *caller)
{
    for (guint i = service->calls->len; i-- > 0;) {
        SgCall *call = g_ptr_array_index (service->calls, i);

        if (call->caller != caller)
            continue;
        /* What waits in a queue is freed there, when its turn comes. */
        if (call->asking)
            sg_rights_cancel (call);
        call->caller = NULL;
        if (call->asking)
            free_call (call);
    }
}

void
sg_calls_outdate (SgService *service, const SgCaller *by, const char *gateway)
{
    for (guint i = 0; i < service->calls->len; i++) {
        SgCall *call = g_ptr_array_index (service->calls, i);

        if (!call->started && call->caller != by && call->method->checked &&
            g_strcmp0 (call->gateway, gateway) == 0)
            call->conflict = true;
    }
}

/* As a method of @call compares it. */
static char *
look_at (const SgCall *call, const SgTunnel *tunnel)
{
    return sg_tunnel_path_look (tunnel, sd_bus_message_get_path (call->message),
                                strcmp (call->method->member, "Remove") == 0);
}

bool
sg_call_is_outdated (const SgCall *call, const SgTunnel *tunnel)
{
    g_autofree char *now = call->seen ? look_at (call, tunnel) : NULL;

    /* One that is gone is not found, later. */
    return now && strcmp (now, call->seen) != 0;
}

void
sg_calls_see (SgService *service, const SgCaller *caller, const char *path, const SgTunnel *tunnel)
{
    for (guint i = 0; i < service->calls->len; i++) {
        SgCall *call = g_ptr_array_index (service->calls, i);

        if (call->started || call->caller != caller || !call->seen ||
            strcmp (sd_bus_message_get_path (call->message), path) != 0)
            continue;
        g_free (call->seen);
        call->seen = look_at (call, tunnel);
    }
}

/* ---- its begin ---- */

static const SgMethod *
find_method (const SgMethod *methods, const char *interface, const char *member)
{
    for (const SgMethod *method = methods; method->interface; method++) {
        if (strcmp (method->interface, interface) == 0 && strcmp (method->member, member) == 0)
            return method;
    }
    return NULL;
}

bool
sg_call_understood (int r, GError **error)
{
    if (r >= 0)
        return true;
    sg_error_set_errno (error, SG_ERROR_INVALID_ARGUMENT, -r, "the arguments cannot be read");
    return false;
}

const SgMethod *
sg_call_method (const char *interface, const char *member)
{
    const SgMethod *method = find_method (sg_bus_manager_methods, interface, member);

    if (!method)
        method = find_method (sg_bus_gateway_methods, interface, member);
    if (!method)
        method = find_method (sg_bus_subnet_methods, interface, member);
    if (!method)
        method = find_method (sg_bus_device_methods, interface, member);
    return method ? method : find_method (sg_bus_pinhole_methods, interface, member);
}

static bool
within_limits (const SgService *service, const SgCaller *caller, GError **error)
{
    if (caller->calls < SG_CALLS_MAX && service->calls->len < ALL_CALLS_MAX)
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_LIMIT,
                 "too many calls are waiting for their answer, %u of this caller; wait for one",
                 caller->calls);
    return false;
}

static SgCall *
new_call (SgService *service, sd_bus_message *message, const SgMethod *method)
{
    SgCall *call = g_new0 (SgCall, 1);

    call->service = service;
    call->message = sd_bus_message_ref (message);
    call->method = method;
    call->caller = sg_callers_get (service->callers, sd_bus_message_get_sender (message));
    call->caller->calls++;
    call->gateway = sg_bus_gateway_name (sd_bus_message_get_path (message));
    g_ptr_array_add (service->calls, call);
    return call;
}

/* Notes how what the call is about looks: as the file says now, whoever wrote it last. */
static void
see (SgCall *call)
{
    g_autoptr (SgTunnel) tunnel = NULL;

    if (sg_files_load_tunnel (&tunnel, NULL))
        call->seen = look_at (call, tunnel);
}

static void
begin (SgCall *call)
{
    g_autoptr (GError) error = NULL;

    if (call->method->compared)
        see (call);
    if (call->method->read && !call->method->read (call, &error))
        sg_call_fail (call, error);
    else
        sg_rights_ask (call);
}

void
sg_call_take (SgService *service, sd_bus_message *message, const SgMethod *method)
{
    const SgCaller *caller = sg_callers_get (service->callers, sd_bus_message_get_sender (message));
    g_autoptr (GError) error = NULL;

    if (!within_limits (service, caller, &error)) {
        (void) sg_bus_reply_error (message, error);
        return;
    }
    if (method->checked)
        sg_changes_notice (service->changes);
    begin (new_call (service, message, method));
}

int
sg_call_received (sd_bus_message *message, void *data, sd_bus_error *ret_error)
{
    const char *member = sd_bus_message_get_member (message);
    const SgMethod *method = sg_call_method (sd_bus_message_get_interface (message), member);
    g_autoptr (GError) error = NULL;

    if (method) {
        sg_call_take (data, message, method);
        return 1;
    }
    g_set_error (&error, SG_ERROR, SG_ERROR_PERMISSION, "nobody may call %s", member);
    return sg_bus_reply_error (message, error);
}
