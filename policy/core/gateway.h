/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gateways of a host: which interfaces they are, and what families each can carry. */
#pragma once

#include "core/config.h"
#include "core/memory.h"
#include "core/snapshot.h"

/* Why a gateway cannot carry a family (the words are those of status and D-Bus). */
typedef enum {
    SG_CAPABLE,
    SG_NO_ADDRESS,                  /* no-address */
    SG_NO_DEFAULT_ROUTE,            /* no-default-route */
    SG_PEER_DOES_NOT_ALLOW_DEFAULT, /* peer-does-not-allow-default */
    SG_CAPABILITY_N
} SgCapability;

typedef struct {
    uint32_t ifindex;
    uint32_t table; /* SG_TABLE_BASE + ifindex */
    uint32_t mark;  /* the same number */
    char name[IFNAMSIZ];
    bool wireguard;
    SgWgType type;   /* of WireGuard; outbound-only as long as nobody said */
    const char *dns; /* this and the next as in SgDevice */
    const char *dns_search;
    uint32_t fwmark;              /* of WireGuard, as it will be after the apply */
    SgIp nm_gateway[SG_FAMILY_N]; /* AF_UNSPEC = none */
    SgCapability capability[SG_FAMILY_N];
} SgGateway;

/* The word for a reason; "" for SG_CAPABLE; static. */
const char *sg_capability_name (SgCapability capability);

/* All gateways, sorted by ifindex: what NetworkManager says, and while it is absent or
 * starting also those remembered whose interface (name and index) still exists.
 * GArray of SgGateway, owned by the caller. */
GArray *sg_gateways_find (const SgConfig *config, const SgMemory *memory,
                          const SgSnapshot *snapshot);
/* NULL when none has that name, that index. */
const SgGateway *sg_gateways_by_name (const GArray *gateways, const char *name);
const SgGateway *sg_gateways_by_ifindex (const GArray *gateways, uint32_t ifindex);
bool sg_gateways_contain (const GArray *gateways, uint32_t ifindex);

/* Whether there is a gateway by WireGuard whose type neither @snapshot nor @memory knows: its
 * profile has to be asked. */
bool sg_gateways_lack_types (const SgMemory *memory, const SgSnapshot *snapshot);

/* Notes the gateways, and that their marks were in use, so that neither is forgotten until the
 * next boot. Returns whether @memory changed. */
bool sg_gateways_remember (const GArray *gateways, const SgSnapshot *snapshot, SgMemory *memory);
