/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of sd-bus as GVariants, and back. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include <glib.h>

/* The next complete value of @message; strings are wiped when it is freed. NULL when the message
 * has none, or is malformed. Owned by the caller, not floating. */
GVariant *sg_nm_read_variant (sd_bus_message *message);

/* Appends @value. Returns a negative errno when it cannot (file descriptors, maybes). */
int sg_nm_append_variant (sd_bus_message *message, GVariant *value);
