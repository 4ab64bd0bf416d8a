/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/unit.h"

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

static int
new_call (sd_bus *bus, const SgUnit *unit, sd_bus_message **ret_call)
{
    g_autofree char *escaped = sg_unit_escape (unit->instance);
    g_autofree char *name = g_strconcat (unit->prefix, "@", escaped, ".service", NULL);
    int r = sd_bus_message_new_method_call (bus, ret_call, SERVICE, MANAGER_PATH, MANAGER,
                                            "RestartUnit");

    return r < 0 ? r : sd_bus_message_append (*ret_call, "ss", name, "replace");
}

bool
sg_unit_restart (const SgUnit *unit, uint32_t timeout_ms, char **ret_reason)
{
    sd_bus_error error = SD_BUS_ERROR_NULL;
    g_autoptr (sd_bus_message) call = NULL;
    SgNmBus bus;
    int r;

    if (!sg_nm_bus_open (&bus, timeout_ms, ret_reason))
        return false;
    r = new_call (bus.bus, unit, &call);
    if (r >= 0)
        r = sd_bus_call (bus.bus, call, timeout_ms * 1000ull, &error, /* ret_reply= */ NULL);
    if (r < 0)
        *ret_reason =
            g_strdup_printf ("systemd did not start %s for %s: %s", unit->prefix, unit->instance,
                             error.message ? error.message : g_strerror (-r));
    sd_bus_error_free (&error);
    g_clear_pointer (&call, sd_bus_message_unref);
    sg_nm_bus_close (&bus);
    return r >= 0;
}

void
sg_unit_restart_later (sd_bus *bus, const SgUnit *unit)
{
    g_autoptr (sd_bus_message) call = NULL;
    int r = new_call (bus, unit, &call);

    if (r >= 0)
        r = sd_bus_message_set_expect_reply (call, /* b= */ false);
    if (r >= 0)
        (void) sd_bus_send (bus, call, /* ret_cookie= */ NULL);
}
