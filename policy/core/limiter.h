/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When somebody takes away what we put back, again and again: leaves that object alone for a
 * while, twice as long each time, and goes on with everything else. Pure: time and the other's
 * name come in, the ledger goes out as text. */
#pragma once

#include "core/plan.h"

/* How often an object may be put back within how long, before that is a fight. */
#define SG_LIMITER_TIMES 10u
#define SG_LIMITER_WINDOW_MS 10000u
/* The first back-off, and the longest: by then the timer has taken over. */
#define SG_LIMITER_FIRST_MS 1000u
#define SG_LIMITER_MOST_MS 600000u
/* The guard gives way later, and never longer than this. */
#define SG_LIMITER_GUARD_TIMES 20u
#define SG_LIMITER_GUARD_MS 1000u
/* Plans of more actions than this are counted by tables, sets and preferences. */
#define SG_LIMITER_FINE 256u
/* Objects in the ledger. */
#define SG_LIMITER_ENTRIES 1024u

typedef struct SgLimiter SgLimiter;

SgLimiter *sg_limiter_new (void);
void sg_limiter_free (SgLimiter *limiter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgLimiter, sg_limiter_free)
/* Reads what sg_limiter_to_text() wrote; @name is the file's, for messages. SG_ERROR_STATE_CORRUPT
 * when it is malformed: as good as none, the caller says so. */
SgLimiter *sg_limiter_parse (const char *name, const char *text, size_t len,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The ledger as a file's text, owned by the caller. */
char *sg_limiter_to_text (const SgLimiter *limiter);

/* What is known at the moment of a run. */
typedef struct {
    uint64_t now_ms;         /* of a clock that never goes back, the same over all runs */
    const char *who_routing; /* who changed rules or routes last, NULL: not known */
    const char *who_nft;     /* … nftables */
} SgLimiterMoment;

/* Counts what @plan puts back and takes out of it what has to wait. Where something of nftables
 * waits, all of the plan does: routing without its guard is never put up. While anything waits,
 * the old selection and the guard are not taken away. Appends to @news (of char *), once for each
 * fight, what a person should know. */
void sg_limiter_apply (SgLimiter *limiter, SgPlan *plan, const SgSnapshot *snapshot,
                       const SgLimiterMoment *moment, GPtrArray *news);
/* When the first of what the last plan had to leave out may be tried again; 0: nothing waits. */
uint64_t sg_limiter_next (const SgLimiter *limiter);
