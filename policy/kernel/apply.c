/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/apply.h"

/* Whether @stage may run after the failures so far. Spec 1.5: additions go on whatever failed
 * behind the guard, since each only makes more traffic go right; something is taken away only when
 * all that replaces it is in force, and the guard goes last. */
static bool
may_run (SgStage stage, const bool failed[SG_STAGE_N])
{
    if (failed[SG_STAGE_GUARD])
        return false;
    if (stage < SG_STAGE_OLD_SELECTION)
        return true;
    for (SgStage before = SG_STAGE_TABLES; before < stage; before++) {
        if (failed[before])
            return false;
    }
    return true;
}

bool
sg_apply (SgKernel *kernel, const SgSnapshot *snapshot, const SgPlan *plan, GPtrArray *failures)
{
    const GArray *actions = plan->actions;
    bool failed[SG_STAGE_N] = {false};
    bool complete = true;

    for (guint start = 0, n; start < actions->len; start += n) {
        const SgAction *first = &g_array_index (actions, SgAction, start);

        n = 1;
        while (start + n < actions->len &&
               g_array_index (actions, SgAction, start + n).stage == first->stage)
            n++;
        if (!may_run (first->stage, failed))
            complete = false;
        else if (!kernel->ops->commit (kernel, snapshot, first, n, failures))
            failed[first->stage] = true;
        complete = complete && !failed[first->stage];
    }
    return complete;
}
