/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages that are torn, cut or lying: refused without reading past them, which the sanitizers see: every
 * message lies in an allocation of its own size. Each aborts the test where a parser does not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <linux/netlink.h>

#define SG_TORN_ROOM 4096

typedef union {
    struct nlmsghdr nlh;
    uint8_t bytes[SG_TORN_ROOM];
} SgTornMemory;

/* A parser, whatever it makes of a message; SG_ERROR_KERNEL where it refuses one. */
typedef bool (*SgTornParse) (const struct nlmsghdr *nlh, GError **error);

/* The message says what it is cut to: less than its @fixed part is refused, and so is an end
 * within an attribute. @most is how many ends lie between attributes. */
void sg_torn_check_cut (SgTornParse parse, const SgTornMemory *memory, size_t fixed,
                        unsigned int most);
/* Any byte may lie (the length of the message is checked before, by sg_nl_message_next). */
void sg_torn_check_lies (SgTornParse parse, const SgTornMemory *memory);
