/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* D-Bus messages as GVariant, which prints as JSON, and back. */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

/* The whole body of @message as a tuple. Negative errno when it is malformed. */
int sg_value_read (sd_bus_message *message, GVariant **ret_value);
/* Appends the members of the tuple @value. */
int sg_value_append (sd_bus_message *message, GVariant *value);
