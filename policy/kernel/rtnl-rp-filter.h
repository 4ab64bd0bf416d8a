/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reverse path filter of IPv4 as rtnetlink messages: read as RTM_GETNETCONF (linux/netconf.h),
 * written as part of a link (IFLA_AF_SPEC). So /proc/sys stays closed to us. */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-socket.h"

/* Reads RTM_NEWNETCONF into the link of @snapshot that it is about, or into rp_filter_all; others
 * are passed over. False (SG_ERROR_KERNEL) when it is malformed. */
bool sg_rtnl_rp_filter_parse (const struct nlmsghdr *nlh, SgSnapshot *snapshot,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Fills rp_filter of the links of @snapshot, which are there already, and rp_filter_all. */
bool sg_rtnl_rp_filter_dump (SgNlSocket *sock, SgSnapshot *snapshot,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Room that the message about one fits in. */
#define SG_RTNL_RP_FILTER_ROOM 96
/* Builds RTM_SETLINK with nothing but the filter. */
bool sg_rtnl_rp_filter_build (void *memory, size_t room, uint32_t ifindex,
                              uint8_t value) G_GNUC_WARN_UNUSED_RESULT;
