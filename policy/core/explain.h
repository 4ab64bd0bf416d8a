/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a packet, and why: rule by rule, table, route, gateway, the source that the
 * kernel chooses, what the guard says; as fields and in a sentence. */
#pragma once

#include "core/fib.h"
#include "core/gateway.h"
#include "core/nft-eval.h"

/* What a person asks. */
typedef struct {
    const char *destination; /* an IPv6 address */
    const char *from;        /* NULL or "": none, the kernel chooses */
    const char *in;          /* the interface that it came in by; NULL or "": this host makes it */
    uint32_t mark;
} SgExplainRequest;

/* As a flow. SG_ERROR_INVALID_ARGUMENT for what is no address, SG_ERROR_NOT_FOUND for an interface
 * that is not there, naming those that are. */
bool sg_explain_parse (const SgExplainRequest *request, const SgSnapshot *snapshot,
                       SgFlow *ret_flow, GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef enum {
    SG_GUARD_NONE,    /* no outbound is selected, or the packet does not leave */
    SG_GUARD_PASSES,  /* lets it pass */
    SG_GUARD_REFUSES, /* refuses it, by at least one of the interfaces */
    SG_GUARD_UNCLEAR, /* somebody's rule in our chains that is not understood */
    SG_GUARD_N
} SgGuardVerdict;

typedef struct {
    SgFlow flow;        /* as asked */
    SgFibResult *first; /* the lookup without a source, when it failed and the kernel chose one to
                         * try again with (net/ipv6/ip6_output.c, ip6_dst_lookup_tail); else NULL */
    SgFibResult *fib;   /* the lookup that counts */
    SgIp source;        /* the packet's: as asked, or as the kernel chooses (with several next hops,
                         * for the first); AF_UNSPEC: none */
    SgGuardVerdict guard;
    SgNftSaying saying; /* whose rule decided */
    bool reply;         /* its mark is a gateway's: taken for a reply to what came in by it */
} SgExplanation;

/* Never fails. Borrows from @snapshot. What NetworkManager says does not matter here. */
SgExplanation *sg_explain (const SgSnapshot *snapshot, const SgFlow *flow);
void sg_explanation_free (SgExplanation *explanation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgExplanation, sg_explanation_free)

/* Whom the words name. */
typedef struct {
    const SgSnapshot *snapshot;
    const GArray *gateways; /* of SgGateway */
    const char *outbound;   /* the selected one; "" = auto */
} SgExplainNames;

/* One sentence for a person. Owned by the caller. */
char *sg_explanation_sentence (const SgExplanation *explanation, const SgExplainNames *names);
/* All of it as a{sv}, floating:
 *   sentence s; outcome s: "leaves", "local", "refused" (by the guard), "unreachable",
 *     "blackhole", "prohibited" or "no-route"
 *   destination s, source s ("" = none), source-chosen b (by the kernel), retried b
 *   rules a(ss): each rule up to the one that decided, with what became of it
 *   first-rules a(ss): those of the lookup without a source, when it was retried
 *   rule s, table u (0: none), route s, prefix s, metric u
 *   interfaces as, gateways as: by which it may leave; several: a multipath route
 *   guard s: "none", "passes", "refuses", "unclear"; guard-chain s; guard-rule s */
GVariant *sg_explanation_fields (const SgExplanation *explanation, const SgExplainNames *names);
