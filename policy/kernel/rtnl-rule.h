/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policy routing rules as rtnetlink messages (linux/fib_rules.h). */
#pragma once

#include "core/snapshot.h"
#include "kernel/nl-attr.h"
#include "kernel/nl-socket.h"

/* Room that the message of any rule fits in. */
#define SG_RTNL_RULE_ROOM 512

/* Reads RTM_NEWRULE. Selectors that SgRule has no place for, also such as are newer than this
 * program, set other. False (SG_ERROR_KERNEL) when it is malformed. */
bool sg_rtnl_rule_parse (const struct nlmsghdr *nlh, SgRule *ret_rule,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Builds RTM_NEWRULE (CREATE | EXCL) or RTM_DELRULE, as @type says, in @room zeroed bytes at
 * @memory. Both name every member, protocol included: the kernel takes what a deletion does not
 * name as "any". False when it does not fit. */
bool sg_rtnl_rule_build (void *memory, size_t room, uint16_t type,
                         const SgRule *rule) G_GNUC_WARN_UNUSED_RESULT;
/* Appends the rules of @family to @snapshot, in the kernel's order. */
bool sg_rtnl_rule_dump (SgNlSocket *sock, uint8_t family, SgSnapshot *snapshot,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
