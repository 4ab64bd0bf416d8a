/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd-resolved, asked and told about links over D-Bus. It is never started. */
#pragma once

#include <systemd/sd-bus.h>

#include "core/plan.h"

typedef struct SgResolverTalk SgResolverTalk;

/* Called once, from the loop, when all answers are there or the time is up; @reason says what failed
 * first, NULL: nothing. The talk is freed right after. */
typedef void (*SgResolverDone) (void *data, const char *reason);

typedef struct {
    sd_bus *bus;         /* attached to the loop */
    uint32_t timeout_ms; /* of all of it */
    SgResolverDone done;
    void *data;
} SgResolverQuestion;

/* Fills in what systemd-resolved has for the links of snapshot->resolver, and whether it runs at all;
 * that it does not is no failure. NULL with a sentence in @ret_reason (owned by the caller) when
 * nothing can be asked; nothing is called then. */
SgResolverTalk *sg_resolver_ask (const SgResolverQuestion *question, SgSnapshot *snapshot,
                                 char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
/* Tells it what of @plan comes before the actions (@back), or what behind. NULL without a reason when there is
 * nothing of that kind. Only root may. */
SgResolverTalk *sg_resolver_tell (const SgResolverQuestion *question, const SgPlan *plan, bool back,
                                  char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
/* What systemd-resolved's answer to GetAll of a link says that SG_RESOLVER_TYPE holds. Owned by the
 * caller; NULL when it lacks some of it. */
GVariant *sg_resolver_parse_link (sd_bus_message *reply);
/* Stops waiting. Not from within done(), where it is freed already. */
void sg_resolver_talk_free (SgResolverTalk *talk);

/* The same on a connection of their own, waited for. */
void sg_resolver_ask_and_wait (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason);
void sg_resolver_tell_and_wait (const SgPlan *plan, bool back, uint32_t timeout_ms,
                                char **ret_reason);
