/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Source address selection: RFC 6724, section 5, in the order of net/ipv6/addrconf.c
 * (ipv6_get_saddr_eval). */
#include "core/fib.h"

#include <linux/if_addr.h>
#include <string.h>

/* The kernel's table of labels (net/ipv6/addrlabel.c), longest prefixes first. */
static const struct {
    SgPrefix prefix;
    int label;
} labels[] = {
    {{{AF_INET6, {[15] = 1}}, 128}, 0},
    {{{AF_INET6, {[10] = 0xff, [11] = 0xff}}, 96}, 4},
    {{{AF_INET6, {0}}, 96}, 3},
    {{{AF_INET6, {0x20, 0x01, 0, 0}}, 32}, 6},
    {{{AF_INET6, {0x20, 0x01, 0, 0x10}}, 28}, 7},
    {{{AF_INET6, {0x3f, 0xfe}}, 16}, 12},
    {{{AF_INET6, {0x20, 0x02}}, 16}, 2},
    {{{AF_INET6, {0xfe, 0xc0}}, 10}, 11},
    {{{AF_INET6, {0xfc}}, 7}, 5},
};
#define OTHER_LABEL 1

static int
label_of (const SgIp *ip)
{
    for (size_t i = 0; i < G_N_ELEMENTS (labels); i++) {
        if (sg_prefix_contains (&labels[i].prefix, ip))
            return labels[i].label;
    }
    return OTHER_LABEL;
}

/* Scopes as RFC 4291, section 2.7 numbers them. */
static int
scope_of (const SgIp *ip)
{
    if (sg_ip_is_multicast (ip))
        return ip->bytes[1] & 0xf;
    if (sg_ip_is_loopback (ip))
        return 1;
    if (sg_ip_is_link_local (ip))
        return 2;
    if (ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0xc0)
        return 5;
    return 14;
}

/* How many leading bits both have in common, at most @most. */
static int
common_bits (const SgIp *a, const SgIp *b, int most)
{
    int bits = 0;

    while (bits < most && !((a->bytes[bits / 8] ^ b->bytes[bits / 8]) & (0x80 >> bits % 8)))
        bits++;
    return bits;
}

/* Keyed hash identifiers (RFC 4843). */
static bool
is_orchid (const SgIp *ip)
{
    return ip->bytes[0] == 0x20 && ip->bytes[1] == 0x01 && ip->bytes[2] == 0x00 &&
           (ip->bytes[3] & 0xf0) == 0x10;
}

typedef struct {
    const SgIp *dst;
    uint32_t ifindex;
    int scope;
} Wish;

static int
better_of (int a, int b)
{
    return (a > b) - (a < b);
}

/* Rule 2: the smallest scope that reaches; else the largest. */
static int
rate_scope (const SgAddress *address, const Wish *wish)
{
    int scope = scope_of (&address->ip);

    return scope >= wish->scope ? -scope : scope - 128;
}

/* Positive where @a is the better one. */
static int
compare (const SgAddress *a, const SgAddress *b, const Wish *wish)
{
    const int rates[][2] = {
        {sg_ip_compare (&a->ip, wish->dst) == 0, sg_ip_compare (&b->ip, wish->dst) == 0},
        {rate_scope (a, wish), rate_scope (b, wish)},
        {!(a->flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC)),
         !(b->flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC))},
        {!wish->ifindex || a->ifindex == wish->ifindex,
         !wish->ifindex || b->ifindex == wish->ifindex},
        {label_of (&a->ip) == label_of (wish->dst), label_of (&b->ip) == label_of (wish->dst)},
        {!!(a->flags & IFA_F_TEMPORARY), !!(b->flags & IFA_F_TEMPORARY)},
        {is_orchid (&a->ip) == is_orchid (wish->dst), is_orchid (&b->ip) == is_orchid (wish->dst)},
        {common_bits (&a->ip, wish->dst, a->prefix_len),
         common_bits (&b->ip, wish->dst, b->prefix_len)},
    };
    int order = 0;

    for (size_t i = 0; i < G_N_ELEMENTS (rates) && !order; i++)
        order = better_of (rates[i][0], rates[i][1]);
    return order;
}

/* Whether the address's link is up does not matter to the kernel (__ipv6_dev_get_saddr). */
static bool
is_candidate (const SgAddress *address, const Wish *wish)
{
    bool on_trial = (address->flags & IFA_F_TENTATIVE) && !(address->flags & IFA_F_OPTIMISTIC);
    /* Destinations that stay on a link want a source of that link. */
    bool same_link = wish->ifindex && (sg_ip_is_multicast (wish->dst) || wish->scope <= 2);

    return address->ip.family == AF_INET6 && !on_trial && !(address->flags & IFA_F_DADFAILED) &&
           (!same_link || address->ifindex == wish->ifindex);
}

SgIp
sg_fib_choose_source (const SgSnapshot *snapshot, const SgIp *dst, uint32_t ifindex)
{
    const SgAddress *best = NULL;
    const Wish wish = {dst, ifindex, scope_of (dst)};

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (is_candidate (address, &wish) && (!best || compare (address, best, &wish) > 0))
            best = address;
    }
    return best ? best->ip : (SgIp) {0};
}
