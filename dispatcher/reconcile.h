/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One run: lock, snapshot, wanted, difference, apply. */
#pragma once

#include "options.h"
#include "pass/pass.h"

/* Brings the kernel to what is wanted, as @options say. Everything that goes wrong is reported
 * there and then; the result is the exit status of the program: 0 when all that is wanted is in
 * force, else that of the first failure (sg_error_exit_status). Without @healing nothing waits. */
int sg_reconcile (const SgOptions *options, SgHealing *healing);
