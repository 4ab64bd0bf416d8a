/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/networkd.h"

#define SERVICE "org.freedesktop.network1"
#define MANAGER_PATH "/org/freedesktop/network1"

/* Sends @call, which is freed; its answer, owned by the caller, or NULL. */
static sd_bus_message *
ask (const SgNmBus *bus, sd_bus_message *call)
{
    g_autoptr (sd_bus_message) owned = call;
    sd_bus_message *reply = NULL;

    if (sd_bus_message_set_auto_start (owned, /* b= */ false) < 0 ||
        sd_bus_call (bus->bus, owned, bus->timeout_ms * 1000ull, /* ret_error= */ NULL, &reply) < 0)
        return NULL;
    return reply;
}

static sd_bus_message *
get_link (const SgNmBus *bus, uint32_t ifindex)
{
    g_autoptr (sd_bus_message) call = NULL;

    if (sd_bus_message_new_method_call (bus->bus, &call, SERVICE, MANAGER_PATH, SERVICE ".Manager",
                                        "GetLinkByIndex") < 0 ||
        sd_bus_message_append (call, "i", (int32_t) ifindex) < 0)
        return NULL;
    return ask (bus, g_steal_pointer (&call));
}

static sd_bus_message *
get_state (const SgNmBus *bus, const char *path)
{
    g_autoptr (sd_bus_message) call = NULL;

    if (sd_bus_message_new_method_call (bus->bus, &call, SERVICE, path,
                                        "org.freedesktop.DBus.Properties", "Get") < 0 ||
        sd_bus_message_append (call, "ss", SERVICE ".Link", "AdministrativeState") < 0)
        return NULL;
    return ask (bus, g_steal_pointer (&call));
}

char *
sg_networkd_state (const SgNmBus *bus, uint32_t ifindex)
{
    g_autoptr (sd_bus_message) link = get_link (bus, ifindex);
    g_autoptr (sd_bus_message) answer = NULL;
    const char *name, *path, *state;

    if (!link || sd_bus_message_read (link, "so", &name, &path) < 0)
        return NULL;
    answer = get_state (bus, path);
    return answer && sd_bus_message_read (answer, "v", "s", &state) > 0 ? g_strdup (state) : NULL;
}
