/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watching, while the service is there: the kernel by netlink, NetworkManager by its signals, our
 * own choices by their folder. What is heard is a hint to look. */
#pragma once

#include "service.h"

SgWatch *sg_watch_new (SgService *service, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_watch_free (SgWatch *watch);
/* Whether refreshed lifetimes of addresses matter (see core/snapshot.h). */
void sg_watch_tune (SgWatch *watch, bool refreshes);
/* A look at @at_ms (sg_service_now()) for what ends in silence; 0: nothing does. */
void sg_watch_look_at (SgWatch *watch, uint64_t at_ms);
/* Something was heard that is not looked at yet: looks now. For who is about to answer. */
void sg_watch_catch_up (SgWatch *watch);
/* A look begins: what was heard before is seen by it. */
void sg_watch_seen (SgWatch *watch);
