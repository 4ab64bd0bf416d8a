/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-devices.h"

#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>

#include "base/error.h"
#include "nm/nm-parse.h"

#define BUS_ADDRESS_DEFAULT "unix:path=/run/dbus/system_bus_socket"

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sd_bus, sd_bus_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (sd_bus_slot, sd_bus_slot_unref)

/* Starts a connection to the system bus; nothing here waits for the other side. */
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

static int
keep_reply (sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    sd_bus_message **ret_reply = data;

    *ret_reply = sd_bus_message_ref (reply);
    return 0;
}

static int
new_call (sd_bus *bus, sd_bus_message **ret_call)
{
    g_autoptr (sd_bus_message) call = NULL;
    int r = sd_bus_message_new_method_call (
        bus, &call, "org.freedesktop.NetworkManager", "/org/freedesktop",
        "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");

    if (r >= 0)
        r = sd_bus_message_set_auto_start (call, /* b= */ false);
    if (r >= 0)
        *ret_call = g_steal_pointer (&call);
    return r;
}

/* Sends the call and waits for its answer until @deadline (of g_get_monotonic_time()). Not
 * sd_bus_call(): that waits without a bound until the connection is authenticated. This way the
 * call is queued behind Hello, and one bound holds for all of it. */
static int
ask (sd_bus *bus, int64_t deadline, sd_bus_message **ret_reply)
{
    g_autoptr (sd_bus_message) call = NULL;
    g_autoptr (sd_bus_message) reply = NULL;
    g_autoptr (sd_bus_slot) slot = NULL;
    int r = new_call (bus, &call);

    if (r >= 0)
        r = sd_bus_call_async (bus, &slot, call, keep_reply, &reply, /* usec= */ UINT64_MAX);
    while (r >= 0 && !reply) {
        int64_t left = deadline - g_get_monotonic_time ();

        if (left <= 0)
            return -ETIMEDOUT;
        r = sd_bus_process (bus, NULL);
        if (r == 0) {
            r = sd_bus_wait (bus, left);
            if (r == -EINTR)
                r = 0;
        }
    }
    if (r >= 0)
        *ret_reply = g_steal_pointer (&reply);
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

static char *
reason_of_reply (const sd_bus_error *error)
{
    if (sd_bus_error_has_name (error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
        sd_bus_error_has_name (error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
        return g_strdup ("NetworkManager is not running");
    return g_strdup_printf ("NetworkManager did not answer: %s",
                            error->message ? error->message : error->name);
}

/* The answer; NULL with @ret_reason set when there is none. */
static sd_bus_message *
fetch (uint32_t timeout_ms, char **ret_reason)
{
    int64_t deadline = g_get_monotonic_time () + (int64_t) timeout_ms * 1000;
    g_autoptr (sd_bus) bus = NULL;
    g_autoptr (sd_bus_message) reply = NULL;
    int r = open_bus (&bus);

    if (r >= 0)
        r = ask (bus, deadline, &reply);
    if (r < 0) {
        *ret_reason = reason_of_errno (r, timeout_ms);
        return NULL;
    }
    if (sd_bus_message_is_method_error (reply, NULL)) {
        *ret_reason = reason_of_reply (sd_bus_message_get_error (reply));
        return NULL;
    }
    return g_steal_pointer (&reply);
}

void
sg_nm_read_devices (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason)
{
    g_autoptr (sd_bus_message) reply = NULL;
    g_autoptr (GError) error = NULL;

    *ret_reason = NULL;
    snapshot->nm = SG_NM_ABSENT;
    g_array_set_size (snapshot->devices, 0);
    reply = fetch (timeout_ms, ret_reason);
    if (!reply || sg_nm_parse_objects (reply, snapshot->devices, &snapshot->nm, &error))
        return;
    g_array_set_size (snapshot->devices, 0);
    *ret_reason = g_strdup (error->message);
}
