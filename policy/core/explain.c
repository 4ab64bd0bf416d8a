/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/explain.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "base/error.h"
#include "core/contract.h"

/* ---- the question ---- */

static char *
names_of_links (const SgSnapshot *snapshot)
{
    GString *names = g_string_new (NULL);

    for (guint i = 0; i < snapshot->links->len; i++)
        g_string_append_printf (names, "%s%s", i ? ", " : "",
                                g_array_index (snapshot->links, SgLink, i).name);
    return g_string_free (names, /* free_segment= */ FALSE);
}

static bool
parse_address (const char *text, const char *what, SgIp *ret_ip, GError **error)
{
    SgIp ip;
    bool understood = sg_ip_parse (text, &ip);

    if (understood && ip.family == AF_INET6) {
        *ret_ip = ip;
        return true;
    }
    if (understood)
        g_set_error (error, SG_ERROR, SG_ERROR_UNSUPPORTED,
                     "%s %s is of IPv4, and explanations are of IPv6 only; ask the kernel: ip -4 "
                     "route get %s",
                     what, text, text);
    else
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s “%s” is no IPv6 address", what,
                     text);
    return false;
}

bool
sg_explain_parse (const SgExplainRequest *request, const SgSnapshot *snapshot, SgFlow *ret_flow,
                  GError **error)
{
    SgFlow flow = {.mark = request->mark};

    if (!parse_address (request->destination, "the destination", &flow.dst, error))
        return false;
    if (request->from && request->from[0] &&
        !parse_address (request->from, "the source", &flow.src, error))
        return false;
    if (request->in && request->in[0]) {
        const SgLink *link = sg_snapshot_link_by_name (snapshot, request->in);
        g_autofree char *names = link ? NULL : names_of_links (snapshot);

        if (!link) {
            g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "no interface %s; there are %s",
                         request->in, names);
            return false;
        }
        flow.iif = link->ifindex;
    }
    *ret_flow = flow;
    return true;
}

/* ---- routing ---- */

/* The source of a packet of ours that none was asked for: the route's, else the best. */
static SgIp
source_for (const SgSnapshot *snapshot, const SgFlow *flow, const SgFibResult *fib)
{
    const SgRoute *route = fib->route;
    uint32_t ifindex = 0;

    if (route && sg_ip_is_set (&route->prefsrc))
        return route->prefsrc;
    if (fib->fate == SG_FATE_LEAVES || fib->fate == SG_FATE_LOCAL)
        ifindex = flow->bound ? flow->bound : route->n_nexthops ? route->nexthops[0].ifindex : 0;
    return sg_fib_choose_source (snapshot, &flow->dst, ifindex);
}

/* A program's packet without a source is routed, gets one, and is routed again with it if the first
 * time failed. */
static void
route (SgExplanation *self, const SgSnapshot *snapshot)
{
    SgFlow flow = self->flow;

    self->fib = sg_fib_lookup (snapshot, &flow);
    self->source = flow.src;
    if (flow.src.family || flow.iif)
        return;
    self->source = source_for (snapshot, &flow, self->fib);
    if (!sg_fib_errno (self->fib) || !sg_ip_is_set (&self->source))
        return;
    flow.src = self->source;
    self->first = self->fib;
    self->fib = sg_fib_lookup (snapshot, &flow);
}

/* ---- the guard ---- */

static bool
has_mark (const SgSnapshot *snapshot, uint32_t mark)
{
    const SgNftSet *set = snapshot->nft[SG_IPV6]
                              ? sg_nft_table_find_set (snapshot->nft[SG_IPV6], SG_SET_GATEWAY_MARKS)
                              : NULL;

    for (guint i = 0; set && i < set->elements->len; i++) {
        if (memcmp (g_array_index (set->elements, SgNftElement, i).key, &mark, sizeof mark) == 0)
            return true;
    }
    return false;
}

static SgGuardVerdict
verdict_of (SgNftOpinion opinion)
{
    switch (opinion) {
    case SG_NFT_PASSES:
        return SG_GUARD_PASSES;
    case SG_NFT_REFUSED:
        return SG_GUARD_REFUSES;
    case SG_NFT_UNCLEAR:
        break;
    }
    return SG_GUARD_UNCLEAR;
}

/* Both hooks that the packet passes on its way out by @ifindex. */
static SgGuardVerdict
ask_guard (SgExplanation *self, const SgSnapshot *snapshot, uint32_t ifindex)
{
    const uint32_t hooks[] = {self->flow.iif ? NF_INET_FORWARD : NF_INET_LOCAL_OUT,
                              NF_INET_POST_ROUTING};
    const SgNftPacket packet = {
        .src = self->source,
        .dst = self->flow.dst,
        .iif = self->flow.iif,
        .oif = ifindex,
        .mark = self->flow.mark,
        .protocol = IPPROTO_UDP,
        .reply = self->reply,
        .ct_mark = self->reply ? self->flow.mark : 0,
    };
    SgGuardVerdict verdict = SG_GUARD_PASSES;

    for (size_t i = 0; i < G_N_ELEMENTS (hooks) && verdict == SG_GUARD_PASSES; i++) {
        SgNftSaying saying = sg_nft_eval (snapshot, hooks[i], &packet);

        verdict = verdict_of (saying.opinion);
        if (saying.chain)
            self->saying = saying;
    }
    return verdict;
}

static bool
has_guard (const SgSnapshot *snapshot)
{
    const SgNftTable *table = snapshot->nft[SG_IPV6];

    return table && table->exists && !table->dormant &&
           sg_nft_table_find_chain (table, SG_CHAIN_GUARD_POST);
}

/* Of several next hops the one that is refused counts: any packet may take it. */
static void
guard (SgExplanation *self, const SgSnapshot *snapshot)
{
    const SgRoute *route = self->fib->route;

    if (self->fib->fate != SG_FATE_LEAVES || !has_guard (snapshot))
        return;
    self->guard = SG_GUARD_PASSES;
    for (uint16_t i = 0; i < route->n_nexthops && self->guard == SG_GUARD_PASSES; i++) {
        uint32_t ifindex = route->nexthops[i].ifindex;

        if (!self->flow.bound || self->flow.bound == ifindex)
            self->guard = ask_guard (self, snapshot, ifindex);
    }
}

/* ---- the whole ---- */

SgExplanation *
sg_explain (const SgSnapshot *snapshot, const SgFlow *flow)
{
    SgExplanation *self = g_new0 (SgExplanation, 1);

    self->flow = *flow;
    self->reply = flow->mark && has_mark (snapshot, flow->mark);
    route (self, snapshot);
    guard (self, snapshot);
    return self;
}

void
sg_explanation_free (SgExplanation *explanation)
{
    if (!explanation)
        return;
    sg_fib_result_free (explanation->first);
    sg_fib_result_free (explanation->fib);
    g_free (explanation);
}
