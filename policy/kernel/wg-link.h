/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One WireGuard link, whole: read with its keys, and brought from one state to another. */
#pragma once

#include "core/link-plan.h"
#include "kernel/nl-socket.h"

/* The way to the kernel's WireGuard links in the caller's network namespace. */
typedef struct SgWgLinks SgWgLinks;

SgWgLinks *sg_wg_links_open (GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_wg_links_close (SgWgLinks *links);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgWgLinks, sg_wg_links_close)

/* The link @name as it is. SG_ERROR_NOT_FOUND when there is no WireGuard link of that name;
 * SG_ERROR_KERNEL, SG_ERROR_BUSY otherwise. */
SgLinkState *sg_wg_links_read (SgWgLinks *links, const char *name,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Carries out @plan, in few messages. The first refusal ends it (SG_ERROR_KERNEL: the action, and
 * the kernel's words); what was done by then stays done. An address or route that is there already,
 * or gone already, is no refusal. Writes below /proc/sys/net/ipv6 where IPv6 comes or goes. */
bool sg_wg_links_apply (SgWgLinks *links, const SgLinkPlan *plan,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
