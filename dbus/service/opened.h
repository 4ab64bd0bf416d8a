/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports that devices opened themselves (PCP), as the file of their server tells: shown, and never changed
 * from here. */
#pragma once

#include "core/tunnel.h"
#include "tunnel-path.h"

/* What tells of them: a file of that name in SG_RUNTIME_DIR. */
#define SG_OPENED_FILE "pcp"

typedef struct {
    SgPinholeId id;
    uint16_t internal;
    uint64_t expires_ms; /* of CLOCK_MONOTONIC */
} SgOpened;

/* Those of @tunnel (may be NULL) that have not ended, of SgOpened, sorted by id. A file that cannot be read
 * is as good as none: its server says so. */
GArray *sg_opened_read (const SgTunnel *tunnel);
/* NULL: it is not among @opened. */
const SgOpened *sg_opened_find (const GArray *opened, const SgPinholeId *id);
/* When the first of @opened is forgotten, of CLOCK_MONOTONIC in ms; 0: there is none. */
uint64_t sg_opened_first_end (const GArray *opened);
/* When it ends, in microseconds since 1970. */
uint64_t sg_opened_expires (const SgOpened *opened);
