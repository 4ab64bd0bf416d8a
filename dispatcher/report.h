/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the program says: failures once each, warnings when they are new. */
#pragma once

#include "core/memory.h"
#include "core/plan.h"
#include "kernel/kernel.h"

/* Sends messages to the journal where stderr is connected to it, else as plain lines to
 * stderr. Call once, in main(). */
void sg_report_init (void);
/* Logs a failure, a warning. */
void sg_report_failure (const GError *error);
void sg_report_warning (const char *warning);

/* Logs the warnings that @memory does not know yet (all with @everything) and notes them
 * there. Returns whether @memory changed. */
bool sg_report_new_warnings (const GPtrArray *warnings, bool everything, SgMemory *memory);

/* On stdout: the gateways, a line each; the counters, one line. */
void sg_report_gateways (const GArray *gateways, const char *selected);
void sg_report_stats (const SgKernelStats *stats);
