/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exports.h"

#include "base/error.h"

/* At once: each is a process. */
#define EXPORTS_MAX 4u

static void
on_exported (void *data, GVariant *result, const GError *error)
{
    SgCall *call = data;
    g_autoptr (sd_bus_message) reply = NULL;
    int r;

    call->service->exports--;
    if (!result) {
        sg_call_fail (call, error);
        return;
    }
    r = sd_bus_message_new_method_return (call->message, &reply);
    if (r >= 0)
        r = sd_bus_message_sensitive (reply);
    if (r >= 0)
        r = sd_bus_message_append (reply, "s", g_variant_get_string (result, NULL));
    sg_call_send (call, reply, r);
}

void
sg_export (SgCall *call, SgWork work)
{
    SgService *service = call->service;
    const SgWorkOrder order = {.work = work,
                               .call = call,
                               .timeout_ms = service->config->nm_timeout_ms,
                               .done = on_exported,
                               .data = call};
    g_autoptr (GError) error = NULL;

    if (service->exports >= EXPORTS_MAX) {
        sg_call_fail_with (call, SG_ERROR_LIMIT, "%u files are being exported; wait for one",
                           EXPORTS_MAX);
        return;
    }
    call->started = true;
    service->exports++;
    if (!sg_worker_start (&order, &error))
        on_exported (call, NULL, error);
}
