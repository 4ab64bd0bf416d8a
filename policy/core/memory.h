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

/* The name that an interface had when it was a gateway, and has not any more. */
typedef struct {
    uint32_t ifindex;
    char name[IFNAMSIZ];
} SgFormerName;

/* What the reverse path filter of an interface was before us. */
typedef struct {
    uint32_t ifindex;
    uint8_t value; /* 0, 1 */
} SgRpFilter;

/* What systemd-resolved had for a link, and what it got from us (SG_RESOLVER_TYPE, owned). */
typedef struct {
    uint32_t ifindex;
    GVariant *before, *ours;
} SgResolverMemo;

typedef struct {
    GArray *marks;      /* of uint32_t, sorted: every mark that a gateway had since boot */
    GArray *gateways;   /* of SgRemembered, sorted by ifindex */
    GArray *renamed;    /* of SgFormerName */
    bool ipv4;          /* something of ours may be in the kernel that is of IPv4 */
    GArray *rp_filters; /* of SgRpFilter */
    GArray *resolver;   /* of SgResolverMemo: links whose name servers are ours, in part */
    GPtrArray *warned;  /* of char *: warnings that were said and still hold */
} SgMemory;

SgMemory *sg_memory_new (void);
void sg_memory_free (SgMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgMemory, sg_memory_free)
/* An empty list of SgResolverMemo, which frees what they hold. */
GArray *sg_memory_new_resolver (void);
/* Notes which of the gateways last known have another name by now, and forgets of whom that is no
 * longer so. Returns whether @memory changed. */
bool sg_memory_note_renamed (SgMemory *memory, const SgSnapshot *snapshot);
/* The link that was a gateway by the name of @name, which no link has; NULL: none is known. */
const SgLink *sg_memory_find_renamed (const SgMemory *memory, const SgSnapshot *snapshot,
                                      const char *name);
/* As for the state; a file that cannot be read is as good as none, the caller says so. */
SgMemory *sg_memory_parse (const char *name, const char *text, size_t len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
char *sg_memory_to_text (const SgMemory *memory);
