/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-error.h"

#include "base/error.h"

int
sg_bus_reply_error (sd_bus_message *call, const GError *error)
{
    int code = error->domain == SG_ERROR ? error->code : SG_ERROR_FAILED;

    return sd_bus_reply_method_errorf (call, sg_error_dbus_name (code), "%s", error->message);
}
