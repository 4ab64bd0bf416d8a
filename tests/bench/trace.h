/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that record.c writes and bare.c sends: records of this head and @len bytes, which
 * are the netlink messages of one system call. */
#pragma once

#include <stdint.h>

typedef struct {
    uint32_t family; /* NETLINK_ROUTE, … */
    uint32_t len;    /* bytes that follow */
} TraceRecord;
