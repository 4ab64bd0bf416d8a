/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "call.h"

#include <string.h>

#include "base/error.h"

static bool
read_option (SgCall *call, const SgCallOption *options, GError **error)
{
    const char *name, *type;
    const SgCallOption *option = options;
    int r = sd_bus_message_read_basic (call->message, 's', &name);

    if (r >= 0)
        r = sd_bus_message_peek_type (call->message, NULL, &type);
    if (!sg_call_understood (r, error))
        return false;
    while (option->name && strcmp (option->name, name) != 0)
        option++;
    if (!option->name || strcmp (option->type, type) != 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     option->name ? "the option “%s” has another type than %s"
                                  : "the option “%s” is unknown",
                     name, option->type);
        return false;
    }
    return sg_call_understood (sd_bus_message_read (call->message, "v", option->type,
                                                    (char *) &call->options + option->offset),
                               error);
}

bool
sg_call_read_flag (SgCall *call, GError **error)
{
    int flag = 0;

    if (!sg_call_understood (sd_bus_message_read (call->message, "b", &flag), error))
        return false;
    call->words[0] = flag ? "yes" : "no";
    return true;
}

bool
sg_call_read_word (SgCall *call, GError **error)
{
    return sg_call_understood (sd_bus_message_read (call->message, "s", &call->words[0]), error);
}

bool
sg_call_read_options (SgCall *call, const SgCallOption *options, GError **error)
{
    sd_bus_message *m = call->message;
    int r = sd_bus_message_enter_container (m, 'a', "{sv}");

    while (r >= 0 && (r = sd_bus_message_enter_container (m, 'e', "sv")) > 0) {
        if (!read_option (call, options, error))
            return false;
        r = sd_bus_message_exit_container (m);
    }
    return sg_call_understood (r, error);
}
