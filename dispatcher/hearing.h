/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two netlink sockets that systemd holds for us: what is heard on them is a hint only, all
 * that counts is that something was. */
#pragma once

#include "kernel/notify-filter.h"

typedef struct {
    int route; /* -1: systemd did not pass it */
    int netfilter;
    char *who_routing; /* who removed something last, as far as known; NULL: nobody */
    char *who_nft;
} SgHearing;

/* Takes the sockets that systemd passed; both stay its own. True when both are there. */
bool sg_hearing_open (SgHearing *hearing, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes our copies of them. */
void sg_hearing_clear (SgHearing *hearing);
/* Sets what stays on the sockets while systemd holds them: no ENOBUFS, after which systemd would
 * give them up, the filters of @interest, and the groups of IPv4 where that is routed. */
bool sg_hearing_tune (const SgHearing *hearing, const SgNotifyInterest *interest,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Waits at most @timeout_ms for something; takes it, and all that is there, off the sockets.
 * Whether there was anything. */
bool sg_hearing_wait (SgHearing *hearing, int64_t timeout_ms);
