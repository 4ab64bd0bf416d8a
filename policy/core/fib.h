/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the kernel routes an IPv6 packet: rules in order, the longest prefix of a table, metric,
 * router preference; and which source address it gives one that has none. On values; the kernel
 * itself is asked by tests/integration/test-explain.c. Where it is not certain it says less:
 * what neighbour discovery found out about routers is not known here. */
#pragma once

#include "core/snapshot.h"

/* A packet to be routed. */
typedef struct {
    SgIp src; /* AF_UNSPEC: none yet */
    SgIp dst;
    uint32_t mark;
    uint32_t iif;   /* it came in by this interface; 0: this host makes it */
    uint32_t bound; /* the socket is bound to this device; 0: to none */
} SgFlow;

/* What became of one rule. */
typedef enum {
    SG_RULE_NO_MATCH,   /* a selector excludes the packet: @selector */
    SG_RULE_UNCLEAR,    /* has selectors or an action that are not known; taken as no match */
    SG_RULE_NO_ROUTE,   /* its table has no route for the destination */
    SG_RULE_SUPPRESSED, /* the route is not longer than suppress_prefixlength */
    SG_RULE_THROWN,     /* the route says: go on with the next rule */
    SG_RULE_DECIDES,
    SG_RULE_FATE_N
} SgRuleFate;

typedef struct {
    const SgRule *rule; /* of the snapshot */
    SgRuleFate fate;
    const char *selector; /* "from", "to", "fwmark", "iif", "oif", "tos"; NULL; static */
    const SgRoute *route; /* the best in its table; NULL: none was looked for, or found */
} SgFibStep;

/* What the kernel does with the packet. */
typedef enum {
    SG_FATE_LEAVES,
    SG_FATE_LOCAL,       /* the destination is this host */
    SG_FATE_UNREACHABLE, /* EHOSTUNREACH by a route, ENETUNREACH by a rule */
    SG_FATE_BLACKHOLE,   /* EINVAL */
    SG_FATE_PROHIBITED,  /* EACCES */
    SG_FATE_NO_ROUTE,    /* no rule led anywhere: ENETUNREACH */
    SG_FATE_N
} SgFate;

typedef struct {
    GArray *steps; /* of SgFibStep, up to the one that decides */
    SgFate fate;
    const SgRule *rule;   /* that decided; NULL: none */
    const SgRoute *route; /* by which; NULL: the rule alone */
    GPtrArray *local;     /* owned: what table local holds, as far as it is known */
} SgFibResult;

/* Routes one packet. Never fails. */
SgFibResult *sg_fib_lookup (const SgSnapshot *snapshot, const SgFlow *flow);
void sg_fib_result_free (SgFibResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgFibResult, sg_fib_result_free)
/* What a program gets for such a packet: an errno value; 0 for one that leaves or is local. */
int sg_fib_errno (const SgFibResult *result);

/* Whether @rule applies to the packet; *@ret_selector (may be NULL) names what excludes it. */
bool sg_fib_rule_matches (const SgSnapshot *snapshot, const SgRule *rule, const SgFlow *flow,
                          const char **ret_selector);

/* The source address that the kernel gives a packet to @dst that leaves by @ifindex (0: not known
 * yet), by the rules of RFC 6724, section 5, as in net/ipv6/addrconf.c. AF_UNSPEC: there is
 * none. Temporary addresses are preferred where there are some, as with IPv6 privacy on. */
SgIp sg_fib_choose_source (const SgSnapshot *snapshot, const SgIp *dst, uint32_t ifindex);
