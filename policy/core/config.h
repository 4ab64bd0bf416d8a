/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /etc/sixgate/sixgate.conf: what the administrator of this machine decided. */
#pragma once

#include "base/prefix.h"

/* LocalPrefixes=: which on-link prefixes of router advertisements count as the LAN. */
typedef enum {
    SG_LOCAL_PREFIXES_AUTO, /* those that were there when the outbound was chosen */
    SG_LOCAL_PREFIXES_ULA,  /* none (unique local ones always count) */
    SG_LOCAL_PREFIXES_LIST, /* those of the list */
} SgLocalPrefixes;

typedef struct {
    char *nft_table;            /* NftTable= */
    char *tunnel_interface;     /* TunnelInterface= */
    uint16_t tunnel_port;       /* TunnelPort= */
    char *tunnel_endpoint;      /* TunnelEndpoint=: "HOST" or "HOST:PORT"; "" = not said */
    bool families[SG_FAMILY_N]; /* Families= */
    SgLocalPrefixes local_prefixes;
    GArray *local_prefix_list; /* of SgPrefix */
    uint32_t nm_timeout_ms;    /* NetworkManagerTimeoutMSec=: how long to wait for its answer */
    uint32_t lock_timeout_ms;  /* LockTimeoutMSec= */
    uint32_t idle_timeout_ms;  /* IdleTimeoutMSec=: how long the D-Bus service stays unused */
    GPtrArray *warnings; /* of char *: unknown keys and values, "FILE: …", one sentence each */
} SgConfig;

/* What holds without a file. */
SgConfig *sg_config_new_default (void);
/* Reads @text (a keyfile of @len bytes); @name is the file's name, for messages. Unknown
 * groups and keys are warned about; a malformed file or value is SG_ERROR_INVALID_ARGUMENT. */
SgConfig *sg_config_parse (const char *name, const char *text, size_t len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_config_free (SgConfig *config);
/* Whether the family of @prefix (or address) is one that is routed: SG_ERROR_UNSUPPORTED if not. What
 * is no prefix is passed: whoever reads it says so. */
bool sg_config_routes (const SgConfig *config, const char *prefix,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgConfig, sg_config_free)
