/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the tunnel role as a file's text (/var/lib/sixgate/tunnel.state): a line for each
 * subnet, device and pinhole, what belongs to what by order; the last line tells that all is there.
 * A layout with a larger version is from the future and refused. */
#pragma once

#include "core/tunnel.h"
#include "core/wg-conf.h"

/* The most that a file can have, in bytes. */
#define SG_TUNNEL_TEXT_MAX (32u * 1024u * 1024u)

/* The text, keys included: free it with sg_wg_text_free(). */
char *sg_tunnel_to_text (const SgTunnel *tunnel);
/* Reads it; @name is the file's, for messages. SG_ERROR_STATE_CORRUPT when it is truncated,
 * malformed, of a newer version, or holds what no change could have made: "NAME:LINE: …". No
 * message holds a key. */
SgTunnel *sg_tunnel_parse (const char *name, const char *text, size_t len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
