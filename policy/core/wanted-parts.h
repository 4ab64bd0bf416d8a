/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts that sg_wanted_new() puts together; for wanted*.c only. */
#pragma once

#include "core/wanted.h"

/* Everything that a decision may look at. */
typedef struct {
    const SgConfig *config;
    const SgState *state;
    const SgMemory *memory;
    const SgTunnel *tunnel; /* NULL: this machine has no tunnel role */
    const SgSnapshot *snapshot;
    const GArray *gateways;    /* of SgGateway */
    const SgGateway *selected; /* NULL: auto, or the selected outbound is not there */
    bool selection;            /* an outbound is selected, there or not */
    bool guarded;              /* it is, or there are overrides */
    /* The family that is being decided on, and what depends on it: */
    SgFamily family;
    uint8_t af;
    const GArray *local; /* of SgLocalPrefix */
} SgSituation;

/* wanted-rules.c: appends to wanted->rules, and warns of foreign rules. */
void sg_wanted_add_rules (SgWanted *wanted, const SgSituation *situation);
/* wanted-rules.c: routes of main up to this length are not followed at 65. */
uint8_t sg_wanted_suppress_len (uint8_t af);
/* wanted-injected.c: those at 61 and 62. */
void sg_wanted_add_injected (SgWanted *wanted, const SgSituation *situation);
/* wanted-tables.c: appends to wanted->routes. */
void sg_wanted_add_routes (SgWanted *wanted, const SgSituation *situation);
/* The gateway of @override; NULL: it is not there. */
const SgGateway *sg_wanted_override_gateway (const SgOverride *override,
                                             const SgSituation *situation);
/* wanted-dns.c: wanted->dns, with a route to each server. */
void sg_wanted_add_dns (SgWanted *wanted, const SgSituation *situation);
void sg_wanted_dns_free (SgWantedDns *dns);
/* wanted-repair.c: fills wanted->preshared and wanted->addresses, but for the link @except (may be
 * NULL): its addresses are not those of its profile. */
void sg_wanted_add_repair (SgWanted *wanted, const char *except, const SgSnapshot *snapshot);
/* wanted-tunnel.c: what the tunnel role needs of the kernel, but for nftables; appends routes. */
void sg_wanted_add_tunnel (SgWanted *wanted, const SgSituation *situation);
/* wanted-tunnel.c: whether @route is that of main to an address of the link @ifindex itself, which the kernel or
 * NetworkManager puts beside it. */
bool sg_wanted_is_beside_address (const SgRoute *route, uint32_t ifindex);
/* wanted-tunnel-routes.c: its routes by @link, rules and next hop; none where it is NULL. */
void sg_wanted_add_tunnel_routes (SgWanted *wanted, const SgSituation *situation,
                                  const SgLink *link);
/* wanted-tunnel-nft.c: fills the sets of the tunnel role in @table. */
void sg_wanted_add_tunnel_sets (SgNftTable *table, const SgSituation *situation);
/* wanted-tunnel.c: the tunnel's own link; NULL while it is not there or somebody else's, or there is no role. */
const SgLink *sg_wanted_tunnel_link (const SgSituation *situation);
/* wanted-rp-filter.c: fills wanted->rp_filters. */
void sg_wanted_add_rp_filters (SgWanted *wanted, const SgSituation *situation);
/* wanted-guard.c: fills wanted->nft of the family. */
void sg_wanted_add_guard (SgWanted *wanted, const SgSituation *situation);
/* wanted-sockets.c: fills wanted->closings, once wanted->nft of the family is there. */
void sg_wanted_add_closings (SgWanted *wanted, const SgSituation *situation);
/* wanted-guard.c: whether the guard does not look at what leaves by @link, as it is known not to
 * be a gateway. */
bool sg_wanted_is_exempt (const SgLink *link, const SgSituation *situation);
