/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links as rtnetlink messages (linux/if_link.h). */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-socket.h"

/* Reads RTM_NEWLINK. False (SG_ERROR_KERNEL) when it is malformed. */
bool sg_rtnl_link_parse (const struct nlmsghdr *nlh, SgLink *ret_link,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Fills the links of @snapshot, sorted by index. */
bool sg_rtnl_link_dump (SgNlSocket *sock, SgSnapshot *snapshot,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Room that the message about an MTU fits in. */
#define SG_RTNL_MTU_ROOM 64
/* Builds RTM_NEWLINK with nothing but the MTU. */
bool sg_rtnl_link_build_mtu (void *memory, size_t room, uint32_t ifindex,
                             uint32_t mtu) G_GNUC_WARN_UNUSED_RESULT;
