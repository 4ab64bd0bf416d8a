/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/unit.h"

#include <string.h>

#include "nm/nm-bus.h"

#define SERVICE "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER SERVICE ".Manager"

char *
sg_unit_escape (const char *instance)
{
    GString *out = g_string_new (NULL);

    for (const char *at = instance; *at; at++) {
        if (*at == '/')
            g_string_append_c (out, '-');
        else if (g_ascii_isalnum (*at) || *at == ':' || *at == '_' || (*at == '.' && at > instance))
            g_string_append_c (out, *at);
        else
            g_string_append_printf (out, "\\x%02x", (unsigned char) *at);
    }
    return g_string_free (out, FALSE);
}

bool
sg_unit_restart (const char *prefix, const char *instance, const char *suffix, uint32_t timeout_ms,
                 char **ret_reason)
{
    g_autofree char *escaped = sg_unit_escape (instance);
    g_autofree char *name = g_strconcat (prefix, "@", escaped, suffix, NULL);
    sd_bus_error error = SD_BUS_ERROR_NULL;
    g_autoptr (sd_bus_message) call = NULL;
    SgNmBus bus;
    int r;

    if (!sg_nm_bus_open (&bus, timeout_ms, ret_reason))
        return false;
    r = sd_bus_message_new_method_call (bus.bus, &call, SERVICE, MANAGER_PATH, MANAGER,
                                        "RestartUnit");
    if (r >= 0)
        r = sd_bus_message_append (call, "ss", name, "replace");
    if (r >= 0)
        r = sd_bus_call (bus.bus, call, timeout_ms * 1000ull, &error, /* ret_reply= */ NULL);
    if (r < 0)
        *ret_reason = g_strdup_printf ("systemd did not start %s: %s", name,
                                       error.message ? error.message : g_strerror (-r));
    sd_bus_error_free (&error);
    g_clear_pointer (&call, sd_bus_message_unref);
    sg_nm_bus_close (&bus);
    return r >= 0;
}
