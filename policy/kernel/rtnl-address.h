/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses as rtnetlink messages (linux/if_addr.h). */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-socket.h"

/* Reads RTM_NEWADDR of IPv4 or IPv6. False (SG_ERROR_KERNEL) when it is malformed. */
bool sg_rtnl_address_parse (const struct nlmsghdr *nlh, SgAddress *ret_address,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Room that the message about any address fits in. */
#define SG_RTNL_ADDRESS_ROOM 128

/* Builds RTM_NEWADDR (CREATE | EXCL) in @room zeroed bytes at @memory: valid for ever. False when
 * it does not fit. */
bool sg_rtnl_address_build (void *memory, size_t room,
                            const SgAddress *address) G_GNUC_WARN_UNUSED_RESULT;
/* Builds RTM_DELADDR of that very address. */
bool sg_rtnl_address_build_del (void *memory, size_t room,
                                const SgAddress *address) G_GNUC_WARN_UNUSED_RESULT;
/* Appends the addresses of @family to @snapshot. */
bool sg_rtnl_address_dump (SgNlSocket *sock, uint8_t family, SgSnapshot *snapshot,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
