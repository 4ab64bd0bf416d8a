/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What blocks is done in a child of its own, so that nobody else waits for it; what it holds of keys
 * goes with it. */
#pragma once

#include "call.h"

/* Done in the child, for @call; @worked is what an earlier work for it answered, or NULL. What it
 * answers, floating; NULL with @error. */
typedef GVariant *(*SgWork) (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                             GError **error);
/* Called in the loop: @result, or NULL and @error. */
typedef void (*SgWorkDone) (void *data, GVariant *result, const GError *error);

typedef struct SgWorker SgWorker;

typedef struct {
    SgWork work;
    const SgCall *call;
    GVariant *worked;
    uint32_t timeout_ms; /* for each of a few exchanges */
    SgWorkDone done;
    void *data;
} SgWorkOrder;

/* Starts it. NULL with @error when it cannot be; done() is not called then. */
SgWorker *sg_worker_start (const SgWorkOrder *order, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stops listening, and ends the child. Not from within done(), where it is freed already. */
void sg_worker_free (SgWorker *worker);
