/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name servers of the selected outbound in systemd-resolved (spec 1.7, "DNS"): what its link is to
 * have, and what it gets back. Decisions on values; nm/resolver.h asks and tells. */
#pragma once

#include "core/memory.h"
#include "core/plan.h"
#include "core/wanted.h"

/* Fills snapshot->resolver with the links about which systemd-resolved has to be asked: that of
 * @wanted, and those of which @memory says that something of ours is there. False: none. */
bool sg_resolver_find_links (SgSnapshot *snapshot, const SgWanted *wanted, const SgMemory *memory);
/* Adds to @plan what it is to be told, once it was asked. What a link had before us stays beside what
 * is wanted; what somebody else set since then counts as that. */
void sg_resolver_plan (SgPlan *plan, const SgSnapshot *snapshot, const SgWanted *wanted,
                       const SgMemory *memory);
/* Notes in @memory what each link had before the plan is carried out; returns whether it changed. */
bool sg_resolver_remember (const SgSnapshot *snapshot, const SgWanted *wanted, SgMemory *memory);
/* Names the servers of @wanted that nobody asks, where systemd-resolved does not run. */
void sg_resolver_warn_absent (SgWanted *wanted, const SgSnapshot *snapshot);
/* What of @plan comes before the actions, or what behind: lines for resolvectl(1). */
void sg_resolver_print (const SgPlan *plan, bool back, const SgSnapshot *snapshot, GString *out);
