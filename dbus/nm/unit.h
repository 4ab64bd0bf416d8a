/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's units. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

/* A service made of a template: @prefix@INSTANCE.service, its instance escaped (systemd.unit(5)). */
typedef struct {
    const char *prefix, *instance;
} SgUnit;

/* Asks systemd to start @unit anew, on a connection of its own; does not wait until it runs. False with
 * @ret_reason (a sentence, owned by the caller) when systemd did not take it. */
bool sg_unit_restart (const SgUnit *unit, uint32_t timeout_ms, char **ret_reason);
/* The same on @bus, without waiting for anything: systemd's own log says what fails. */
void sg_unit_restart_later (sd_bus *bus, const SgUnit *unit);
/* @instance as a unit's name has it. Owned by the caller. */
char *sg_unit_escape (const char *instance);
