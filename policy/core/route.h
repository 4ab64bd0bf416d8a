/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A route of the kernel as a value: what is (snapshot) and what we want use the same type. */
#pragma once

#include <linux/rtnetlink.h>

#include "base/prefix.h"

/* The loopback device, in every network namespace (include/net/flow.h). */
#define SG_LOOPBACK_IFINDEX 1u

/* What the kernel gives an IPv6 route without a metric (IP6_RT_PRIO_USER, net/ip6_route.h). */
#define SG_ROUTE_METRIC 1024u

/* One next hop (rtnetlink: RTA_OIF/RTA_GATEWAY/RTA_VIA or a member of RTA_MULTIPATH). */
typedef struct {
    uint32_t ifindex; /* 0: no device (blackhole and friends) */
    SgIp gateway;     /* AF_UNSPEC: on-link */
    uint16_t weight;  /* 1–256; the kernel's rtnh_hops + 1 */
    bool onlink;      /* RTNH_F_ONLINK */
} SgNexthop;

/* RTAX_* values by their number (index 0 unused); 0 means not set. RTAX_CC_ALGO is a name,
 * not a number, and not kept. */
#define SG_ROUTE_METRICS_N (RTAX_MAX + 1)

/* One block of memory: made by sg_route_new(), freed by g_free(). */
typedef struct {
    uint8_t family;
    uint8_t type;     /* RTN_UNICAST, RTN_BLACKHOLE, … */
    uint8_t protocol; /* RTPROT_* or SG_PROTOCOL */
    uint8_t scope;    /* RT_SCOPE_*; always universe for IPv6 */
    uint8_t tos;      /* IPv4 only */
    uint8_t pref; /* ICMPV6_ROUTER_PREF_* (RFC 4191), as the kernel has it; never wanted by us */
    bool expires; /* has a lifetime: learned from a router advertisement */
    uint32_t table;
    uint32_t metric;
    SgPrefix dst;        /* len 0 = default */
    SgPrefix src;        /* `from` of source-specific routes (IPV6_SUBTREES); len 0 = any */
    SgIp prefsrc;        /* RTA_PREFSRC; AF_UNSPEC = none */
    uint32_t nexthop_id; /* RTA_NH_ID; 0 = none. Next hops below are then informative only */
    uint32_t metrics[SG_ROUTE_METRICS_N];
    uint16_t n_nexthops; /* 0 for blackhole, unreachable, prohibit, throw */
    SgNexthop nexthops[];
} SgRoute;

/* A zeroed route with room for @n_nexthops (their weight set to 1). */
SgRoute *sg_route_new (uint8_t family, uint16_t n_nexthops);
SgRoute *sg_route_copy (const SgRoute *route);

/* Total order by table, destination, source, metric; then the rest. Next hops have to be in
 * canonical order (sg_route_sort_nexthops) on both sides. pref and expires do not count, nor
 * do next hops where both have the same nexthop_id. */
int sg_route_compare (const SgRoute *a, const SgRoute *b);
/* Whether the kernel holds both in the same slot: same table, dst, src, tos and metric. */
bool sg_route_same_slot (const SgRoute *a, const SgRoute *b);
/* Whether everything that makes the kernel call two routes duplicates is equal: the slot,
 * type, nexthop id and next hops. */
bool sg_route_same_path (const SgRoute *a, const SgRoute *b);
int sg_nexthop_compare (const SgNexthop *a, const SgNexthop *b);
void sg_route_sort_nexthops (SgRoute *route);
/* Whether some next hop leaves by @ifindex. */
bool sg_route_uses (const SgRoute *route, uint32_t ifindex);
bool sg_route_is_default (const SgRoute *route);
/* Whether it is so short that it stands for a default route: the halves and quarters of the
 * address space that VPN clients install to outrank one (::/1 and 8000::/1, 2000::/3…). */
bool sg_route_is_default_in_disguise (const SgRoute *route);
/* Whether it is one of ours to a name server of the selected outbound: it says nothing of where
 * neighbours are. */
bool sg_route_is_to_server (const SgRoute *route);

/* Gives the name of an interface index for printing; NULL when there is none of that index. */
typedef const char *(*SgLinkName) (uint32_t ifindex, const void *data);
/* As `ip -6 route` takes it after add/replace/del: "default dev wg0 table 1003 proto sixgate".
 * Appends to @out. */
void sg_route_print (const SgRoute *route, SgLinkName link_name, const void *data, GString *out);
