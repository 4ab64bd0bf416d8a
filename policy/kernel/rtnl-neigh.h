/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proxy neighbours (linux/neighbour.h, NTF_PROXY): addresses for which this host answers neighbour
 * solicitations in place of who has them. */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-socket.h"

/* Room that a message of sg_rtnl_proxy_build() fits in. */
#define SG_RTNL_PROXY_ROOM 96

/* The proxy that an RTM_NEWNEIGH message is about. SG_ERROR_KERNEL when it is malformed or about a
 * neighbour of another kind. */
bool sg_rtnl_proxy_parse (const struct nlmsghdr *nlh, SgProxy *ret_proxy,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Builds RTM_NEWNEIGH (make or replace) or RTM_DELNEIGH, as @type says. */
bool sg_rtnl_proxy_build (void *memory, size_t room, uint16_t type,
                          const SgProxy *proxy) G_GNUC_WARN_UNUSED_RESULT;
/* Appends the IPv6 proxies of the namespace to @snapshot. */
bool sg_rtnl_proxy_dump (SgNlSocket *sock, SgSnapshot *snapshot,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
