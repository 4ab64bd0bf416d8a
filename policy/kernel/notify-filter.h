/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which notifications of the kernel reach a netlink socket at all: programs of classic BPF that
 * drop, inside the kernel, what can never matter to us. Whoever holds the socket is then not
 * woken. What they cannot decide they let pass. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* What the programs have to know. */
typedef struct {
    bool ipv6, ipv4; /* families that are routed */
    /* Pass addresses too whose lifetime was refreshed, as each router advertisement does. Only
     * needed while some address is deprecated: its return is nothing but a refresh. */
    bool refreshes;
    const char *nft_table; /* ours, of family ip6, and of ip where IPv4 is routed */
} SgNotifyInterest;

/* For rtnetlink, its groups of links, addresses, routes, rules and next hops, of IPv4 also of settings; for
 * nftables. Arrays of struct sock_filter (linux/filter.h), the caller's. */
GArray *sg_notify_filter_route (const SgNotifyInterest *interest);
GArray *sg_notify_filter_nft (const SgNotifyInterest *interest);

/* Puts @program on the socket @fd, in place of what was there. SG_ERROR_KERNEL. */
bool sg_notify_filter_attach (int fd, const GArray *program,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
