/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's units. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Asks systemd to start the unit @prefix@INSTANCE@suffix anew, its instance being @instance, escaped
 * (systemd.unit(5)); does not wait until it runs. False with @ret_reason (a sentence, owned by the
 * caller) when systemd did not take it. */
bool sg_unit_restart (const char *prefix, const char *instance, const char *suffix,
                      uint32_t timeout_ms, char **ret_reason);
/* @instance as a unit's name has it. Owned by the caller. */
char *sg_unit_escape (const char *instance);
