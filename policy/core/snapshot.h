/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is: the kernel's and NetworkManager's state at one moment, as plain values. Filled by
 * policy/kernel and dbus/nm, read by everything in policy/core, changed by nobody. */
#pragma once

#include <net/if.h>

#include "core/nft-model.h"
#include "core/route.h"
#include "core/rule.h"
#include "core/wg-key.h"

/* A network interface (RTM_NEWLINK). */
typedef struct {
    uint32_t ifindex;
    char name[IFNAMSIZ];
    char kind[16];   /* IFLA_INFO_KIND: "wireguard", "bridge", "veth"…; "" for hardware */
    uint32_t master; /* ifindex of the bridge, bond, … that it is a port of; 0 = none */
    uint32_t lower;  /* IFLA_LINK: ifindex of the link below a VLAN, macvlan, …; 0 = none here */
    uint16_t type;   /* ARPHRD_* (linux/if_arp.h) */
    uint32_t flags;  /* IFF_* */
    uint32_t mtu;    /* 0 = not said */
    uint8_t rp_filter; /* its own IPv4 reverse path filter: 0, 1 strict, 2 loose */
} SgLink;

/* An address on an interface (RTM_NEWADDR). */
typedef struct {
    uint32_t ifindex;
    SgIp ip; /* IFA_LOCAL where there is one, else IFA_ADDRESS */
    uint8_t prefix_len;
    uint8_t scope;  /* RT_SCOPE_* */
    uint32_t flags; /* IFA_F_* (IFA_FLAGS, 32 bits) */
} SgAddress;

/* A WireGuard interface (generic netlink, linux/wireguard.h). Holds no secret key. */
typedef struct {
    uint32_t ifindex;
    SgWgRawKey public_key;          /* zero: none, or not said */
    uint32_t fwmark;                /* 0 = none */
    bool unkeyed;                   /* has no private key: who makes it is not done yet */
    bool peer_default[SG_FAMILY_N]; /* some peer's allowed-ips contain ::/0, 0.0.0.0/0 */
} SgWireguard;

/* A peer of one. Says whether it has a preshared key, never which. */
typedef struct {
    uint32_t ifindex;
    SgWgRawKey public_key;
    bool preshared;
    bool other_preshared; /* one, but not that of SgSnapshot.expected */
    SgIp endpoint;        /* where its packets go; AF_UNSPEC = not known */
    uint16_t port;        /* the endpoint's */
    uint64_t handshake;   /* when the last one was, in seconds since 1970; 0 = never */
    uint64_t rx, tx;      /* bytes from it and to it; only to be shown */
} SgWireguardPeer;

/* One of the allowed-ips of a peer. */
typedef struct {
    uint32_t peer; /* its index in SgSnapshot.peers */
    SgPrefix prefix;
} SgWireguardAllowed;

/* An address for which this host answers neighbour solicitations (NTF_PROXY). */
typedef struct {
    uint32_t ifindex;
    SgIp ip;
    uint8_t protocol; /* NDA_PROTOCOL: RTPROT_* or SG_PROTOCOL */
} SgProxy;

/* A next hop object (RTM_NEWNEXTHOP, linux/nexthop.h). */
typedef struct {
    uint32_t id;
    uint32_t ifindex; /* the link it leads by, without a gateway; 0: it is anything else */
    uint8_t protocol; /* nh_protocol: RTPROT_* or SG_PROTOCOL */
} SgNexthopObject;

/* A setting of the kernel: its path below /proc/sys, "net/ipv6/conf/eth0/proxy_ndp". */
typedef struct {
    char path[64];
    int32_t value;
} SgSysctl;

/* A network device as NetworkManager sees it. */
typedef struct {
    char name[IFNAMSIZ];
    bool can_be_gateway; /* of a kind that can carry traffic out (not bridge, loopback, …) */
    bool managed;        /* NetworkManager manages it */
    bool active;         /* being activated with addresses, activated, or on its way down */
    bool external;       /* NetworkManager only observes it */
    char kind[16];       /* "ethernet", "wifi", "wireguard", … */
    /* The default gateways that NetworkManager reports; AF_UNSPEC = none. */
    SgIp gateway[SG_FAMILY_N];
    char uuid[37];   /* of the active profile; "" = none */
    bool typed;      /* the profile was asked for its type, now or earlier */
    SgWgType type;   /* what it said; outbound-only when it said nothing */
    const char *dns; /* SG_USER_DNS and SG_USER_DNS_SEARCH as it said them: interned, so that */
    const char *dns_search; /* equal ones are the same pointer; NULL = not said */
    char profile[96];       /* its object on the bus; "" = none */
} SgDevice;

/* What the active profile of a WireGuard device says, without its secrets. */
typedef struct {
    char device[IFNAMSIZ];
    uint32_t fwmark; /* 0 = not said */
    SgWgType type;   /* SG_USER_TYPE; outbound-only when it is not said */
    const char *dns; /* the next two as in SgDevice */
    const char *dns_search;
    GArray *addresses; /* of SgWgAddress, both families */
    GArray *preshared; /* of SgWgRawKey: public keys of the peers that have a preshared key there */
} SgWireguardProfile;

SgWireguardProfile *sg_wireguard_profile_new (const char *device);
void sg_wireguard_profile_free (SgWireguardProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgWireguardProfile, sg_wireguard_profile_free)

/* What systemd-resolved has for a link: what SetLinkDNSEx, SetLinkDomains and SetLinkDefaultRoute
 * (org.freedesktop.resolve1(5)) take, one behind the other. */
#define SG_RESOLVER_TYPE "(a(iayqs)a(sb)b)"
enum { SG_RESOLVER_SERVERS, SG_RESOLVER_DOMAINS, SG_RESOLVER_DEFAULT_ROUTE, SG_RESOLVER_MEMBERS_N };

typedef struct {
    uint32_t ifindex;
    GVariant *has; /* owned; NULL: it does not know the link, or was not asked yet */
} SgResolverLink;

/* How much the devices say. */
typedef enum {
    SG_NM_ABSENT,   /* no answer: devices is empty and proves nothing */
    SG_NM_STARTING, /* it answered but is still starting: what it does not list may come back */
    SG_NM_READY,    /* what it says is all there is */
} SgNmState;

typedef struct {
    /* IPv4 is not routed, but something of ours may be left of it: set before the snapshot is
     * taken, which then holds it too. */
    bool ipv4_left;
    /* Likewise: preshared keys that peers are to have, of any link (number 0). Not kept: whoever sets it takes
     * it away again. May be NULL. */
    const SgKeyring *expected;
    uint8_t rp_filter_all; /* net.ipv4.conf.all.rp_filter: the larger number holds */
    GArray *links;         /* of SgLink, sorted by ifindex */
    GArray *addresses;  /* of SgAddress, of the configured families and those that profiles name */
    GPtrArray *routes;  /* of SgRoute (owned), next hops in canonical order: every route of main,
                         * default and the tables that could be a gateway's, and whatever has our
                         * protocol number in any table */
    GArray *rules;      /* of SgRule, in the kernel's order */
    GArray *wireguards; /* of SgWireguard */
    GArray *peers;      /* of SgWireguardPeer */
    GArray *allowed;    /* of SgWireguardAllowed, in the order of peers */
    bool tunnel;        /* asked for: what follows is read only for the tunnel role */
    GArray *proxies;    /* of SgProxy, IPv6 */
    GArray *nexthops;   /* of SgNexthopObject */
    GArray *sysctls;    /* of SgSysctl: those that the tunnel role needs and that are there */
    SgNftTable *nft[SG_FAMILY_N]; /* tables ip6 and ip NftTable=; NULL: not read */
    SgNmState nm;
    GArray *devices;       /* of SgDevice */
    GPtrArray *profiles;   /* of SgWireguardProfile (owned): those that were asked for */
    bool resolver_answers; /* systemd-resolved was asked about those that follow, and runs */
    GArray *resolver;      /* of SgResolverLink: those that matter (core/resolver.h) */
} SgSnapshot;

SgSnapshot *sg_snapshot_new (void);
void sg_snapshot_free (SgSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgSnapshot, sg_snapshot_free)
const SgLink *sg_snapshot_link (const SgSnapshot *snapshot, uint32_t ifindex);
const SgLink *sg_snapshot_link_by_name (const SgSnapshot *snapshot, const char *name);
const SgWireguard *sg_snapshot_wireguard (const SgSnapshot *snapshot, uint32_t ifindex);
const SgNexthopObject *sg_snapshot_nexthop (const SgSnapshot *snapshot, uint32_t id);
/* The first profile whose device has that name; NULL when none was asked for. */
const SgWireguardProfile *sg_snapshot_profile (const SgSnapshot *snapshot, const char *device);
const SgDevice *sg_snapshot_device (const SgSnapshot *snapshot, const char *name);
/* The value of a setting; @fallback when it was not read. */
int32_t sg_snapshot_sysctl (const SgSnapshot *snapshot, const char *path, int32_t fallback);
/* An SgLinkName: @data is the snapshot. */
const char *sg_snapshot_link_name (uint32_t ifindex, const void *data);
/* Whether some link has deprecated addresses only: when one is refreshed, its gateway can carry
 * traffic again. */
bool sg_snapshot_waits_for_refresh (const SgSnapshot *snapshot);
/* Everything, one line each; for --dry-run -v and bug reports. tests/lib/situation.c reads the
 * same lines. Owned by the caller. */
char *sg_snapshot_to_string (const SgSnapshot *snapshot);
