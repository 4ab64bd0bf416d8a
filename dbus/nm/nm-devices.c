/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-devices.h"

#include "nm/nm-bus.h"
#include "nm/nm-parse.h"

/* The answer; NULL with @ret_reason set when there is none. */
static sd_bus_message *
fetch (uint32_t timeout_ms, char **ret_reason)
{
    static const SgNmCall call = {
        .path = "/org/freedesktop",
        .interface = "org.freedesktop.DBus.ObjectManager",
        .method = "GetManagedObjects",
    };
    sd_bus_message *reply;
    SgNmBus bus;

    if (!sg_nm_bus_open (&bus, timeout_ms, ret_reason))
        return NULL;
    reply = sg_nm_bus_call (&bus, &call, ret_reason);
    sg_nm_bus_close (&bus);
    return reply;
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
