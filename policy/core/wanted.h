/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wanted: every rule, route, mark and nftables object that Sixgate should have in the
 * kernel, decided from the snapshot, the configuration and the choices of the host. */
#pragma once

#include "core/config.h"
#include "core/gateway.h"
#include "core/memory.h"
#include "core/snapshot.h"
#include "core/state.h"
#include "core/tunnel.h"

/* The fwmark that a WireGuard gateway without one gets. */
typedef struct {
    uint32_t ifindex;
    uint32_t fwmark;
} SgWantedFwmark;

/* A peer that lost the preshared key that its profile still has. */
typedef struct {
    uint32_t ifindex;
    SgWgRawKey public_key;
} SgWantedPreshared;

/* A peer of the tunnel's server that is not as its device is to be. Its preshared key, if any,
 * travels on the keyring. */
typedef struct {
    uint32_t ifindex;
    SgWgRawKey public_key;
    bool preshared;
    SgIp ip4;
    SgIp ip6; /* AF_UNSPEC: none */
} SgWantedPeer;

/* Name servers that are to be asked while their gateway is the selected outbound. */
typedef struct {
    uint32_t ifindex;   /* of the gateway */
    GArray *servers;    /* of SgIp, at least one */
    GPtrArray *domains; /* of char *: to be searched in; behind "~" only to route by */
} SgWantedDns;

/* The reverse path filter of an interface. */
typedef struct {
    uint32_t ifindex;
    uint8_t value;
    bool back; /* to what it was before us */
} SgWantedRpFilter;

typedef struct {
    GArray *gateways;   /* of SgGateway, sorted by ifindex; with @addresses put back */
    GArray *present;    /* the same gateways, by what is there now */
    GArray *rules;      /* of SgRule, in the order in which they are to be added */
    GPtrArray *routes;  /* of SgRoute (owned), sorted by sg_route_compare */
    GArray *fwmarks;    /* of SgWantedFwmark: only those to be changed */
    GArray *preshared;  /* of SgWantedPreshared: the same */
    GArray *addresses;  /* of SgAddress: those that are missing on WireGuard links */
    GArray *closings;   /* of SgIp: addresses whose connections cannot go on */
    GArray *rp_filters; /* of SgWantedRpFilter: only those to be changed */
    SgNftTable *nft[SG_FAMILY_N];
    GArray *peers;           /* of SgWantedPeer: the tunnel's that differ */
    GArray *stale_peers;     /* of SgWireguardPeer: the tunnel's that no device has any more */
    GArray *stale_addresses; /* of SgAddress: the tunnel's that no subnet has any more */
    GPtrArray *stale_routes; /* of SgRoute (the snapshot's): the tunnel's link's, to what it lost */
    GArray *nexthops;        /* of SgNexthopObject: those that are missing */
    GArray *stale_nexthops;  /* of SgNexthopObject: ours that nothing leads by */
    GArray *sysctls;         /* of SgSysctl: those to be changed, in this order */
    GArray *proxies;         /* of SgProxy: those that are missing */
    GArray *stale_proxies;   /* of SgProxy: ours that are there in vain */
    SgWantedDns *dns;        /* NULL: none */
    GPtrArray *warnings;     /* of char *: what a person should know, one sentence each */
} SgWanted;

/* Decides. Pure; never fails: whatever the snapshot holds, there is something safe to want.
 * @tunnel: NULL where this machine has no tunnel role. */
SgWanted *sg_wanted_new (const SgConfig *config, const SgState *state, const SgMemory *memory,
                         const SgTunnel *tunnel, const SgSnapshot *snapshot);
/* Notes, before a change is made, what is to be put back of IPv4 when it is not routed any more, and
 * forgets what is. Returns whether @memory changed. */
bool sg_wanted_remember_ipv4 (const SgWanted *wanted, const SgConfig *config,
                              const SgSnapshot *snapshot, SgMemory *memory);
/* Takes back what is wanted of peers whose preshared key @keyring does not hold: what the profile
 * promised is not in it. */
void sg_wanted_keep_known (SgWanted *wanted, const SgKeyring *keyring);
/* Puts the preshared keys of the peers in wanted->peers on @keyring; @device_keys are all that there are
 * (sg_tunnel_preshared_keys()). */
void sg_wanted_collect_keys (const SgWanted *wanted, const SgKeyring *device_keys,
                             SgKeyring *keyring);
void sg_wanted_free (SgWanted *wanted);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgWanted, sg_wanted_free)
