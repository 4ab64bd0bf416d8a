/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is local to an interface: where packets may go although another outbound is selected,
 * and from where a neighbour may use an address of another gateway (spec 1.4). */
#pragma once

#include "core/config.h"
#include "core/snapshot.h"
#include "core/state.h"

/* Whether a router advertisement put the route there: the sender of one is anybody on the LAN.
 * Covers NetworkManager's (proto ra) and the kernel's own (proto kernel, of a prefix in which
 * the interface has no permanent address). Of IPv4 the same of DHCP, whose routes anybody can
 * inject as well (RFC 3442). */
bool sg_route_is_learned (const SgRoute *route, const SgSnapshot *snapshot);

/* Appends to @trusted (of SgTrusted) every on-link prefix that was learned from a router
 * advertisement, is not unique local, and in which its interface has an address. */
void sg_local_prefixes_learned (const SgSnapshot *snapshot, GArray *trusted);

/* A prefix that is local to an interface. */
typedef struct {
    uint32_t ifindex;
    SgPrefix prefix;
} SgLocalPrefix;

/* The local prefixes of family @af of all interfaces that have routes in main, sorted by interface and
 * prefix, none covered by another of its interface; link-local prefixes are not listed. New
 * on-link prefixes that are not trusted, and advertised unique local ones where a tunnel has
 * its address, are appended to @warnings (of char *). GArray of
 * SgLocalPrefix, owned by the caller. */
GArray *sg_local_prefixes_find (const SgConfig *config, const SgState *state,
                                const SgSnapshot *snapshot, uint8_t af, GPtrArray *warnings);
