/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mappings of PCP as elements of nftables' sets. */
#pragma once

#include "core/pcp-server.h"
#include "core/plan.h"

/* What does @changes (of SgPcpChange) in the kernel, for one transaction: appended to @actions (of
 * SgAction). @table: the definitions (sg_ruleset_add_sets()), borrowed by them. */
void sg_pcp_plan (const GArray *changes, const SgNftTable *table, uint64_t now_ms, GArray *actions);

/* Compares what the kernel has (@have) with what @server remembers. What the kernel lacks, the server
 * forgets: true when there was such a mapping. What the server does not know is taken out of the
 * kernel, by @actions. */
bool sg_pcp_reconcile (SgPcpServer *server, const SgNftTable *have, const SgNftTable *table,
                       uint64_t now_ms, GArray *actions);
