/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our nftables ruleset (spec 1.3 and 1.4): which sets, chains and rules there are. What is in
 * the sets is decided in wanted-guard.c; no rule depends on how many gateways there are. */
#pragma once

#include "core/nft-model.h"

/* Whether a chain, or a set or map, of this name inside our table is ours. */
bool sg_ruleset_is_our_chain (const char *name);
bool sg_ruleset_is_our_set (const char *name);

/* Appends our sets, without elements, to @table. */
void sg_ruleset_add_sets (SgNftTable *table);
/* Appends our chains with their rules to @table; those of the guard only with @guard. */
void sg_ruleset_add_chains (SgNftTable *table, bool guard);
