/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Gateway objects on the bus. */
#pragma once

#include "call.h"

/* The methods, until one without an interface. */
extern const SgMethod sg_bus_gateway_methods[];

/* Puts the interface on the bus. A negative errno when that fails. */
int sg_bus_gateway_add (SgService *service);
/* The path of the gateway @name, owned by the caller. */
char *sg_bus_gateway_path (const char *name);
/* The other way round; NULL: it is the path of no gateway. */
char *sg_bus_gateway_name (const char *path);
/* Signals how the gateways of the service differ from those of @old. */
void sg_bus_gateway_signal (SgService *service, const SgModel *old);
/* Signals that those go that are in @next no more. Before @next is the model. */
void sg_bus_gateway_signal_gone (SgService *service, const SgModel *next);
