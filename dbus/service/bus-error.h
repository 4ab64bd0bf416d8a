/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors of ours as answers on the bus. */
#pragma once

#include <systemd/sd-bus.h>

#include <glib.h>

/* Answers @call with @error under its name of the one table in base/error. */
int sg_bus_reply_error (sd_bus_message *call, const GError *error);
