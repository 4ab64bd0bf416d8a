/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nftables in the kernel: read our part of a table, change it in one transaction. */
#pragma once

#include "core/plan.h"
#include "kernel/nl-socket.h"

/* Reads the table that @table names (fresh from sg_nft_table_new): our chains with their rules,
 * our sets with their elements, the names of other chains. A table that is not there is no
 * error. Repeats, a bounded number of times, when another writer comes in between, then
 * SG_ERROR_BUSY. SG_ERROR_KERNEL with the kernel's words otherwise. */
bool sg_nft_dump (SgNlSocket *socket, SgNftTable *table, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What a transaction stands on. */
typedef struct {
    const SgSnapshot *snapshot; /* gives interfaces their names in messages */
    uint32_t generation; /* the ruleset must still be this one (SgNftTable.generation); 0 = any.
                          * A commit that succeeds moves it on to the generation it made. */
} SgNftBase;

/* Executes @n actions, all of them SG_ACTION_NFT_*, as one transaction: all or nothing. Every
 * failure is appended to @failures (of GError *): SG_ERROR_KERNEL names the action and the
 * kernel's words; SG_ERROR_BUSY means that the ruleset is no longer that of @base, so the
 * actions are stale. True when none failed. */
bool sg_nft_commit (SgNlSocket *socket, SgNftBase *base, const SgAction *actions, size_t n,
                    GPtrArray *failures);
