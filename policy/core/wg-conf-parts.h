/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the parser in wg-conf.h share. */
#pragma once

#include "core/wg-conf.h"

typedef enum {
    SG_WG_SECTION_NONE,
    SG_WG_SECTION_INTERFACE,
    SG_WG_SECTION_PEER,
} SgWgSection;

/* How many keys are known. */
#define SG_WG_CONF_KEYS 19

typedef struct {
    const char *name; /* in files, in any case */
    SgWgSection section;
    bool repeats; /* may be there more than once in a section */
    /* Takes @value, which may be cut up, into @conf or its last peer @peer. The error is without
     * the place and the name of the key. NULL: known, but not followed. */
    bool (*set) (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error);
    const char *why_not; /* how a warning goes on behind the name, when set is NULL */
} SgWgConfKey;

/* The key of that number, below SG_WG_CONF_KEYS; else NULL. */
const SgWgConfKey *sg_wg_conf_key (size_t index);
