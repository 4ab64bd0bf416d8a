/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes as rtnetlink messages (linux/rtnetlink.h). */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-socket.h"

/* What is to be done with a route. */
typedef enum {
    SG_RTNL_ROUTE_ADD,     /* NLM_F_CREATE | NLM_F_APPEND */
    SG_RTNL_ROUTE_REPLACE, /* NLM_F_CREATE | NLM_F_REPLACE */
    SG_RTNL_ROUTE_DEL,
} SgRtnlRouteKind;

/* Reads RTM_NEWROUTE of IPv4 or IPv6; next hops in canonical order. @ret_route is NULL for what
 * a snapshot does not hold: clones, and routes of tables other than main and default that are
 * not ours. False (SG_ERROR_KERNEL) when it is malformed. The route is the caller's (g_free). */
bool sg_rtnl_route_parse (const struct nlmsghdr *nlh, SgRoute **ret_route,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Room that the message about @route fits in. */
size_t sg_rtnl_route_room (const SgRoute *route);
/* Builds the message in @room zeroed bytes at @memory. A deletion names everything that the
 * kernel compares, so that it never hits a twin of another protocol. False when it does not
 * fit (more next hops than an attribute can hold). */
bool sg_rtnl_route_build (void *memory, size_t room, SgRtnlRouteKind kind,
                          const SgRoute *route) G_GNUC_WARN_UNUSED_RESULT;
/* Appends the routes of @family to @snapshot. */
bool sg_rtnl_route_dump (SgNlSocket *sock, uint8_t family, SgSnapshot *snapshot,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Only those of IPv4 that are ours, to name servers: where IPv4 is left alone otherwise. */
bool sg_rtnl_route_dump_to_servers (SgNlSocket *sock, SgSnapshot *snapshot,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
