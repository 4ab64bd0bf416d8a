/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run: lock, snapshot, wanted, difference, apply. */
#pragma once

#include "core/limiter.h"
#include "options.h"

/* What a run that nobody asked for takes and gives, beyond its exit status. */
typedef struct {
    SgLimiter *limiter; /* decides what has to wait */
    SgLimiterMoment moment;
    bool wrote;     /* the kernel was changed */
    bool refreshes; /* some link has deprecated addresses only: a refresh may bring one back */
} SgHealing;

/* Brings the kernel to what is wanted, as @options say. Everything that goes wrong is reported
 * there and then; the result is the exit status of the program: 0 when all that is wanted is in
 * force, else that of the first failure (sg_error_exit_status). Without @healing nothing waits. */
int sg_reconcile (const SgOptions *options, SgHealing *healing);
