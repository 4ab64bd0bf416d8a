/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the PCP server has to remember between its starts, and until the next boot
 * (/run/sixgate/pcp): a line for each change of a mapping, appended; the last one for an internal port
 * holds. Whether a port is open is the kernel's knowledge alone. */
#pragma once

#include "core/pcp-server.h"

/* The first line. */
void sg_pcp_journal_begin (GString *out, uint64_t epoch_ms);
void sg_pcp_journal_mapping (const SgIp *device, const SgPcpMapping *mapping, GString *out);
void sg_pcp_journal_change (const SgPcpChange *change, GString *out);
/* All that @server has at @now_ms, with the first line. Owned by the caller. */
GString *sg_pcp_journal_all (const SgPcpServer *server, uint64_t now_ms);

/* Whether it is to be written anew: after @appended bytes behind the @whole ones that it began with. It grows
 * with what is open, not with how often that is renewed. */
bool sg_pcp_journal_is_due (size_t whole, size_t appended);

/* Reads it into @server, whose devices are known: the epoch, and the mappings that their devices may
 * still have. @name is the file's, for messages; a last line that was cut off does not count.
 * SG_ERROR_STATE_CORRUPT: "NAME:LINE: …"; @server has then what came before. */
bool sg_pcp_journal_parse (SgPcpServer *server, const char *name, const char *text, size_t len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
