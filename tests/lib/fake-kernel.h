/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel in memory that behaves like the real one where a plan can see it: appends merge into
 * multipath, replaces go by slot, deletions take what they do not name as "any", nftables is all or
 * nothing. Tests run against it and against the real one alike. */
#pragma once

#include "kernel/kernel.h"

/* Starts from a copy of what @snapshot holds (not its devices: those are NetworkManager's). */
SgKernel *sg_fake_kernel_new (const SgSnapshot *snapshot);

/* The kernel side of a snapshot, deep. */
void sg_fake_copy (const SgSnapshot *from, SgSnapshot *to);

/* The table after @n actions, all of nftables, as the kernel would have it; NULL when it refuses
 * one, with its index and the errno. */
SgNftTable *sg_fake_nft_transact (const SgNftTable *table, const SgAction *actions, size_t n,
                                  size_t *ret_index, int *ret_errnum);
SgNftTable *sg_fake_nft_copy (const SgNftTable *table);
