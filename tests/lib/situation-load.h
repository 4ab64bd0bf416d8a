/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A situation (lib/situation.h) made true: in the kernel, by ip(8). */
#pragma once

#include "core/snapshot.h"

/* The index of a link's other end: this plus the link's. */
#define SG_SITUATION_PEER_BASE 100u

/* Puts the links, IPv6 addresses, routes, next hop objects and rules of @snapshot into the network namespace that the
 * test is in, which is empty. Every link is a veth or a bridge, whatever its kind. What ip refuses aborts the test. */
void sg_situation_load (const SgSnapshot *snapshot);
