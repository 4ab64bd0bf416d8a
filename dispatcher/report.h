/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sixgate-reconcile prints where a person asked for it. */
#pragma once

#include "core/gateway.h"
#include "kernel/kernel.h"

/* On stdout: the gateways, a line each; the counters, one line. */
void sg_report_gateways (const GArray *gateways, const SgConfig *config, const char *selected);
void sg_report_stats (const SgKernelStats *stats);
