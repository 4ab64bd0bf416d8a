/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports as people write them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* @n ports from @external on, the last at most 65535, which lead to as many from @internal on, the last
 * perhaps beyond. No port is 0. */
typedef struct {
    uint16_t external, internal;
    uint16_t n;
} SgPortRange;

/* "443", "443:8443", "6000-6009", "6000-6009:7000". SG_ERROR_INVALID_ARGUMENT, a sentence with examples. */
bool sg_port_range_parse (const char *text, SgPortRange *ret_range,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
