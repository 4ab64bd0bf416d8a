/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Manager object on the bus. */
#pragma once

#include "call.h"

/* The methods, until one without an interface. */
extern const SgMethod sg_bus_manager_methods[];

/* Puts the interface on the bus. A negative errno when that fails. */
int sg_bus_manager_add (SgService *service);
/* Signals how the properties differ from those of @old. */
void sg_bus_manager_signal (SgService *service, const SgModel *old);
