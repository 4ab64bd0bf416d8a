/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /run/sixgate/memory: what must not be forgotten until the next boot: marks of gateways that
 * are gone, the gateways last known (for when NetworkManager is absent), warnings said. */
#pragma once

#include "core/snapshot.h"

/* A gateway as it was last seen. */
typedef struct {
    uint32_t ifindex;
    SgDevice device;
} SgRemembered;

typedef struct {
    GArray *marks;     /* of uint32_t, sorted: every mark that a gateway had since boot */
    GArray *gateways;  /* of SgRemembered, sorted by ifindex */
    GPtrArray *warned; /* of char *: warnings that were said and still hold */
} SgMemory;

SgMemory *sg_memory_new (void);
void sg_memory_free (SgMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgMemory, sg_memory_free)
/* As for the state; a file that cannot be read is as good as none, the caller says so. */
SgMemory *sg_memory_parse (const char *name, const char *text, size_t len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *sg_memory_to_text (const SgMemory *memory);
