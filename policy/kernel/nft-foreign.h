/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The base chains of all of nftables, for looking only. */
#pragma once

#include "core/doctor.h"
#include "kernel/nl-socket.h"

/* Reads NFT_MSG_NEWCHAIN: *@ret_chain when it is a base chain (@ret_base). False when it is
 * malformed. */
bool sg_nft_foreign_parse (const struct nlmsghdr *nlh, SgForeignChain *ret_chain,
                           bool *ret_base) G_GNUC_WARN_UNUSED_RESULT;
/* Appends every base chain of every table but @ours (of SgForeignChain) to @chains. */
bool sg_nft_foreign_dump (SgNlSocket *sock, const char *ours, GArray *chains,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
