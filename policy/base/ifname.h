/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of network interfaces. */
#pragma once

#include <stdbool.h>

/* Whether the kernel would take @name for an interface (net/core/dev.c, dev_valid_name): 1 to
 * 15 bytes, not "." or "..", no slash, colon or white space. */
bool sg_ifname_is_valid (const char *name);
