/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts that sg_plan_new() puts together; for plan*.c only. */
#pragma once

#include "core/plan.h"

/* Appends one action; the order within a stage is the order of the calls. */
void sg_plan_add (SgPlan *plan, SgStage stage, SgAction action);

/* plan-nft.c: appends what changes in nftables, in the stages guard and unguard. */
void sg_plan_add_nft (SgPlan *plan, const SgNftTable *have, const SgNftTable *want);
/* plan-routes.c: appends what changes in our tables, in the stages tables and stale routes. */
void sg_plan_add_routes (SgPlan *plan, const SgSnapshot *snapshot, const SgWanted *wanted);
