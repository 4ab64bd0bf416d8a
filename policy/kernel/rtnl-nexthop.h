/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Next hop objects (linux/nexthop.h): what stands behind RTA_NH_ID. */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-socket.h"

/* Room that a message of sg_rtnl_nexthop_build() fits in. */
#define SG_RTNL_NEXTHOP_ROOM 64

/* A next hop object: one hop, or a group of others. */
typedef struct {
    uint32_t id;
    uint8_t family;
    uint8_t protocol; /* nh_protocol */
    SgNexthop hop;    /* of a single one; ifindex 0 for a blackhole */
    GArray *members;  /* of SgRtnlMember; NULL unless it is a group */
} SgRtnlNexthop;

typedef struct {
    uint32_t id;
    uint16_t weight;
} SgRtnlMember;

/* Releases what @nexthop holds. */
void sg_rtnl_nexthop_clear (SgRtnlNexthop *nexthop);
/* Reads RTM_NEWNEXTHOP; @ret_nexthop is to be cleared. False (SG_ERROR_KERNEL) when it is
 * malformed. */
bool sg_rtnl_nexthop_parse (const struct nlmsghdr *nlh, SgRtnlNexthop *ret_nexthop,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Gives every route of @routes (of SgRoute *, owned) from @first on that has a next hop id but no
 * next hops those of the object; asks the kernel only when there is one. With the sysctl
 * nexthop_compat_mode=0 route messages do not carry them. */
bool sg_rtnl_nexthop_resolve (SgNlSocket *sock, GPtrArray *routes, guint first,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Appends the objects of the namespace to @snapshot. */
bool sg_rtnl_nexthop_dump (SgNlSocket *sock, SgSnapshot *snapshot,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Builds RTM_NEWNEXTHOP (IPv6, only where there is none of that id) or RTM_DELNEXTHOP, as @type says. */
bool sg_rtnl_nexthop_build (void *memory, size_t room, uint16_t type,
                            const SgNexthopObject *nexthop) G_GNUC_WARN_UNUSED_RESULT;
