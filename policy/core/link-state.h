/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WireGuard link as it is in the kernel, or as it is to be: keys, peers, addresses and the
 * routes of their networks. docs/import.md, "Update in place". */
#pragma once

#include <net/if.h>

#include "core/wg-conf.h"

/* The route of main by which the network of an address is reached; as NetworkManager makes it:
 * `proto kernel`, on-link, with the address as source (IPv4). */
typedef struct {
    SgPrefix dst;
    SgIp prefsrc; /* AF_UNSPEC = none */
    uint32_t metric;
} SgLinkRoute;

typedef struct {
    uint32_t ifindex;
    char name[IFNAMSIZ];
    bool ipv6_off;  /* net.ipv6.conf.NAME.disable_ipv6: what NetworkManager does for "disabled" */
    SgWgConf *conf; /* keys, port, fwmark, MTU, addresses, peers; endpoints as in the kernel. No
                     * DNS, no warnings. Owned; wiped with the state */
    GArray *routes; /* of SgLinkRoute */
} SgLinkState;

SgLinkState *sg_link_state_new (const char *name, uint32_t ifindex);
void sg_link_state_free (SgLinkState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgLinkState, sg_link_state_free)

/* What @conf, of a profile, means for the link @now: routes as NetworkManager would make them.
 * Endpoints may still be names of hosts. */
SgLinkState *sg_link_state_from_conf (const SgWgConf *conf, const SgLinkState *now);

/* @now with the change from @from to @to made to it: what only @from says goes, what @to says is
 * there, what neither says stays. A number of 0 and an empty private key say nothing. An endpoint
 * that is the same in both stays as it is in @now, where peers roam, unless there is none. */
SgLinkState *sg_link_state_merge (const SgLinkState *now, const SgLinkState *from,
                                  const SgLinkState *to);

bool sg_wg_endpoint_equal (const SgWgEndpoint *a, const SgWgEndpoint *b);

/* Two addresses that the kernel cannot hold both: the same, and of IPv4 with the same length. */
bool sg_wg_address_equal (const SgWgAddress *a, const SgWgAddress *b);
bool sg_wg_conf_has_address (const SgWgConf *conf, const SgWgAddress *address);
bool sg_wg_conf_has_family (const SgWgConf *conf, uint8_t family);
bool sg_link_state_has_route (const SgLinkState *state, const SgLinkRoute *route);

/* ---- as a GVariant, for the file that an update is rolled back from ---- */

#define SG_LINK_STATE_TYPE "(usbsuuua(su)a(sssuas)a(ssu))"

/* Holds keys; strings of the value are wiped with it. Floating. */
GVariant *sg_link_state_to_variant (const SgLinkState *state);
/* SG_ERROR_STATE_CORRUPT when it is no such state. */
SgLinkState *sg_link_state_from_variant (GVariant *value, GError **error) G_GNUC_WARN_UNUSED_RESULT;
