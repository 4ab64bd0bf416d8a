/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Executes a plan stage by stage; knows which stage may run after which failed. */
#pragma once

#include "core/plan.h"
#include "kernel/kernel.h"

/* Runs the stages of @plan in order through @kernel. When the guard stage fails nothing else
 * is done; when a route or rule could not be added, nothing is removed (never leak), but the
 * additions go on. Failures are appended to @failures (of GError *). Returns true when the
 * whole plan is in force. SG_ERROR_BUSY among the failures: another writer came in between,
 * or a link went; take a new snapshot and try again. */
bool sg_apply (SgKernel *kernel, const SgSnapshot *snapshot, const SgPlan *plan,
               GPtrArray *failures);
