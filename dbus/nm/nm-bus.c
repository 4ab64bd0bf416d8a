/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-bus.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "nm/nm-variant.h"

#define BUS_ADDRESS_DEFAULT "unix:path=/run/dbus/system_bus_socket"

/* ---- opening ---- */

static int
open_bus (sd_bus **ret_bus)
{
    const char *address = secure_getenv ("DBUS_SYSTEM_BUS_ADDRESS");
    g_autoptr (sd_bus) bus = NULL;
    int r = sd_bus_new (&bus);

    if (r >= 0)
        r = sd_bus_set_address (bus, address ? address : BUS_ADDRESS_DEFAULT);
    if (r >= 0)
        r = sd_bus_set_bus_client (bus, /* b= */ true);
    if (r >= 0)
        r = sd_bus_start (bus);
    if (r >= 0)
        *ret_bus = g_steal_pointer (&bus);
    return r;
}

/* Why there is no answer, in words of a person; owned by the caller. */
static char *
reason_of_errno (int r, uint32_t timeout_ms)
{
    if (r == -ETIMEDOUT)
        return g_strdup_printf ("NetworkManager did not answer within %u ms", timeout_ms);
    return g_strdup_printf ("cannot ask NetworkManager over the system bus: %s", g_strerror (-r));
}

bool
sg_nm_bus_open (SgNmBus *ret_bus, uint32_t timeout_ms, char **ret_reason)
{
    SgNmBus bus = {.timeout_ms = timeout_ms,
                   .deadline = g_get_monotonic_time () + (int64_t) timeout_ms * 1000};
    int r = open_bus (&bus.bus);

    if (r < 0) {
        *ret_reason = reason_of_errno (r, timeout_ms);
        return false;
    }
    *ret_bus = bus;
    return true;
}

void
sg_nm_bus_close (SgNmBus *bus)
{
    sd_bus_close_unref (bus->bus);
}

/* ---- asking ---- */

static int
keep_reply (sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    sd_bus_message **ret_reply = data;

    *ret_reply = sd_bus_message_ref (reply);
    return 0;
}

static int
new_call (const SgNmBus *bus, const SgNmCall *call, sd_bus_message **ret_message)
{
    g_autoptr (sd_bus_message) message = NULL;
    const char *service = call->service ? call->service : "org.freedesktop.NetworkManager";
    int r = sd_bus_message_new_method_call (bus->bus, &message, service, call->path,
                                            call->interface, call->method);

    if (r >= 0)
        r = sd_bus_message_set_auto_start (message, /* b= */ false);
    if (r >= 0 && call->secret)
        r = sd_bus_message_sensitive (message);
    if (r >= 0 && call->argument)
        r = sd_bus_message_append_basic (message, 's', call->argument);
    for (gsize i = 0; r >= 0 && call->arguments && i < g_variant_n_children (call->arguments);
         i++) {
        g_autoptr (GVariant) argument = g_variant_get_child_value (call->arguments, i);

        r = sg_nm_append_variant (message, argument);
    }
    if (r >= 0)
        *ret_message = g_steal_pointer (&message);
    return r;
}

/* Sends the call and waits for its answer. Not sd_bus_call(): that waits without a bound until
 * the connection is authenticated. This way the call is queued behind Hello, and one bound holds
 * for all of it. */
static int
ask (const SgNmBus *bus, const SgNmCall *call, sd_bus_message **ret_reply)
{
    g_autoptr (sd_bus_message) message = NULL;
    g_autoptr (sd_bus_message) reply = NULL;
    g_autoptr (sd_bus_slot) slot = NULL;
    int r = new_call (bus, call, &message);

    if (r >= 0)
        r = sd_bus_call_async (bus->bus, &slot, message, keep_reply, &reply,
                               /* usec= */ UINT64_MAX);
    while (r >= 0 && !reply) {
        int64_t left = bus->deadline - g_get_monotonic_time ();

        if (left <= 0)
            return -ETIMEDOUT;
        r = sd_bus_process (bus->bus, NULL);
        if (r == 0) {
            r = sd_bus_wait (bus->bus, left);
            if (r == -EINTR)
                r = 0;
        }
    }
    if (r >= 0 && call->secret)
        r = sd_bus_message_sensitive (reply);
    if (r >= 0)
        *ret_reply = g_steal_pointer (&reply);
    return r;
}

static char *
reason_of_reply (const sd_bus_error *error)
{
    if (sd_bus_error_has_name (error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
        sd_bus_error_has_name (error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
        return g_strdup ("NetworkManager is not running");
    return g_strdup_printf ("NetworkManager did not answer: %s",
                            error->message ? error->message : error->name);
}

sd_bus_message *
sg_nm_bus_call (const SgNmBus *bus, const SgNmCall *call, char **ret_reason)
{
    g_autoptr (sd_bus_message) reply = NULL;
    int r = ask (bus, call, &reply);

    if (r < 0) {
        *ret_reason = reason_of_errno (r, bus->timeout_ms);
        return NULL;
    }
    if (sd_bus_message_is_method_error (reply, NULL)) {
        *ret_reason = reason_of_reply (sd_bus_message_get_error (reply));
        return NULL;
    }
    return g_steal_pointer (&reply);
}

/* Ends of NetworkManager's names of errors, and what they are to us. */
static int
code_of (const sd_bus_error *error)
{
    static const struct {
        const char *suffix;
        SgErrorCode code;
    } table[] = {
        {".VersionIdMismatch", SG_ERROR_CONFLICT},
        {".PermissionDenied", SG_ERROR_PERMISSION},
        {".AccessDenied", SG_ERROR_PERMISSION},
        {".UnknownObject", SG_ERROR_NOT_FOUND},
        {".UnknownMethod",
         SG_ERROR_NOT_FOUND}, /* what sd-bus and GDBus say of a path that is gone */
        {".InvalidConnection", SG_ERROR_INVALID_ARGUMENT},
        {".InvalidProperty", SG_ERROR_INVALID_ARGUMENT},
        {".InvalidSetting", SG_ERROR_INVALID_ARGUMENT},
        {".MissingProperty", SG_ERROR_INVALID_ARGUMENT},
        {".MissingSetting", SG_ERROR_INVALID_ARGUMENT},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (table); i++) {
        if (g_str_has_suffix (error->name, table[i].suffix))
            return table[i].code;
    }
    return SG_ERROR_FAILED;
}

sd_bus_message *
sg_nm_bus_ask (const SgNmBus *bus, const SgNmCall *call, GError **error)
{
    g_autoptr (sd_bus_message) reply = NULL;
    g_autofree char *reason = NULL;
    int code = SG_ERROR_FAILED;
    int r = ask (bus, call, &reply);

    if (r >= 0 && !sd_bus_message_is_method_error (reply, NULL))
        return g_steal_pointer (&reply);
    if (r < 0) {
        reason = reason_of_errno (r, bus->timeout_ms);
    } else {
        code = code_of (sd_bus_message_get_error (reply));
        reason = reason_of_reply (sd_bus_message_get_error (reply));
    }
    g_set_error_literal (error, SG_ERROR, code, reason);
    return NULL;
}

/* ---- for those who do not wait here ---- */

int
sg_nm_bus_new_call (sd_bus *bus, const SgNmCall *call, sd_bus_message **ret_message)
{
    const SgNmBus own = {.bus = bus};

    return new_call (&own, call, ret_message);
}

char *
sg_nm_bus_reason (const sd_bus_error *error, uint32_t timeout_ms)
{
    /* What sd-bus itself says when the time is up. */
    if (sd_bus_error_has_name (error, SD_BUS_ERROR_NO_REPLY))
        return reason_of_errno (-ETIMEDOUT, timeout_ms);
    return reason_of_reply (error);
}
