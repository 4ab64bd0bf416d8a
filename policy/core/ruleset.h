/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our nftables ruleset (spec 1.3 and 1.4): which sets, chains and rules there are. What is in
 * the sets is decided in wanted-guard.c; no rule depends on how many gateways there are. */
#pragma once

#include "core/nft-model.h"

/* Whether a chain, or a set or map, of this name inside our table is ours. */
bool sg_ruleset_is_our_chain (const char *name);
bool sg_ruleset_is_our_set (const char *name);

/* Chains, and their sets, that are there only when they are needed. */
typedef enum {
    SG_RULESET_GUARD = 1u << 0,  /* an outbound is selected */
    SG_RULESET_TUNNEL = 1u << 1, /* this machine has the tunnel role */
} SgRulesetPart;

/* Appends our sets, without elements, to @table; those of the tunnel role only where @parts say. */
void sg_ruleset_add_sets (SgNftTable *table, unsigned parts);
/* Appends our chains with their rules to @table; of those that belong to a part only the ones of
 * @parts (SgRulesetPart). */
void sg_ruleset_add_chains (SgNftTable *table, unsigned parts);
