/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/networkd.h"

#define SERVICE "org.freedesktop.network1"
#define MANAGER_PATH "/org/freedesktop/network1"

/* The answer, owned by the caller, or NULL. */
static sd_bus_message *
ask (const SgNmBus *bus, const char *path, const char *interface, const char *method,
     GVariant *arguments)
{
    g_autoptr (GVariant) owned = g_variant_ref_sink (arguments);
    g_autofree char *reason = NULL;
    const SgNmCall call = {.service = SERVICE,
                           .path = path,
                           .interface = interface,
                           .method = method,
                           .arguments = owned};

    return sg_nm_bus_call (bus, &call, &reason);
}

char *
sg_networkd_state (const SgNmBus *bus, uint32_t ifindex)
{
    g_autoptr (sd_bus_message) link = ask (bus, MANAGER_PATH, SERVICE ".Manager", "GetLinkByIndex",
                                           g_variant_new ("(i)", (int32_t) ifindex));
    g_autoptr (sd_bus_message) answer = NULL;
    const char *name, *path, *state;

    if (!link || sd_bus_message_read (link, "so", &name, &path) < 0)
        return NULL;
    answer = ask (bus, path, "org.freedesktop.DBus.Properties", "Get",
                  g_variant_new ("(ss)", SERVICE ".Link", "AdministrativeState"));
    return answer && sd_bus_message_read (answer, "v", "s", &state) > 0 ? g_strdup (state) : NULL;
}
