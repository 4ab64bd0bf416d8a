/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the counters of nftables have counted, for looking only. */
#pragma once

#include "kernel/nl-socket.h"

/* Reads NFT_MSG_NEWRULE: the packets that its counters have counted, 0 where it has none. False
 * when it is malformed. */
bool sg_nft_counter_parse (const struct nlmsghdr *nlh,
                           uint64_t *ret_packets) G_GNUC_WARN_UNUSED_RESULT;
/* The packets that the counters of all rules of @chain in the table ip6 @table have counted; 0 when
 * there is no such chain. SG_ERROR_KERNEL with the kernel's words. */
bool sg_nft_counter_read (SgNlSocket *sock, const char *table, const char *chain,
                          uint64_t *ret_packets, GError **error) G_GNUC_WARN_UNUSED_RESULT;
