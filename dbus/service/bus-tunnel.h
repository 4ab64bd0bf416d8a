/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* …/subnet/NETWORK, …/subnet/NETWORK/IPV4 and what is below: subnets, devices, pinholes on the bus. */
#pragma once

#include "call.h"

extern const SgMethod sg_bus_subnet_methods[];
extern const SgMethod sg_bus_device_methods[];
extern const SgMethod sg_bus_pinhole_methods[];

int sg_bus_tunnel_add (SgService *service);
/* Signals what is new in the model: other than in @old; and, before it is shown, what @next lacks. */
void sg_bus_tunnel_signal (SgService *service, const SgModel *old);
void sg_bus_tunnel_signal_gone (SgService *service, const SgModel *next);

/* A change of the tunnel role for @call; @answer as in SgChange. */
void sg_bus_tunnel_run (SgCall *call);
/* Answers with the object that was made, or with the warnings. */
void sg_bus_tunnel_run_add (SgCall *call);
void sg_bus_tunnel_run_warned (SgCall *call);

/* Each interface; for sg_bus_tunnel_add(). */
extern const sd_bus_vtable sg_bus_subnet_vtable[];
extern const sd_bus_vtable sg_bus_device_vtable[];
extern const sd_bus_vtable sg_bus_pinhole_vtable[];
/* A property of a device's peer is read: answers, when the right is known. */
bool sg_bus_device_take_read (SgService *service, sd_bus_message *message);
/* The Manager's ReadPeers: all at once. */
void sg_bus_device_run_read_peers (SgCall *call);
