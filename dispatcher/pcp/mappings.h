/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server's knowledge while it runs: the state of the tunnel role, its mappings, the kernel. */
#pragma once

#include "core/config.h"
#include "core/pcp-server.h"
#include "core/tunnel.h"

typedef struct SgMappings SgMappings;

/* Takes over @config. SG_ERROR_KERNEL. */
SgMappings *sg_mappings_open (SgConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_mappings_close (SgMappings *mappings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgMappings, sg_mappings_close)

/* Milliseconds of the clock that the kernel's timeouts follow. */
uint64_t sg_mappings_now (void);

/* Reads everything afresh where something of it has changed. @ret_lost: mappings were lost, or this is
 * the first start since boot; clients are to be told. SG_ERROR_NOT_FOUND: the tunnel role has no
 * nftables yet. */
bool sg_mappings_refresh (SgMappings *mappings, bool *ret_lost,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What requests are put to; gone with the next refresh. */
SgPcpServer *sg_mappings_server (const SgMappings *mappings);
/* The addresses of the devices that may open ports, of SgIp. Owned by the caller. */
GArray *sg_mappings_clients (const SgMappings *mappings);

/* Does @changes (of SgPcpChange): remembered first, then in the kernel, as one transaction. Whatever
 * the error, what the server thought is void: refresh. SG_ERROR_BUSY: somebody else changed the
 * ruleset, ask again. */
bool sg_mappings_commit (SgMappings *mappings, const GArray *changes,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
