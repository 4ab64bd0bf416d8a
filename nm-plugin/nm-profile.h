/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WireGuard file as an NMConnection, and back. */
#pragma once

#include <NetworkManager.h>

/* Reads the file @path into a native wireguard profile under a free interface name. What of the
 * file is not followed is appended to @warnings (of char *). Errors: SG_ERROR, as
 * sg_wg_conf_parse(); SG_ERROR_NOT_FOUND, SG_ERROR_PERMISSION … when it cannot be read. */
NMConnection *sg_nm_profile_import (const char *path, GPtrArray *warnings,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes @connection, with the keys that are in it, to the file @path, mode 0600. SG_ERROR. */
gboolean sg_nm_profile_export (NMConnection *connection, const char *path,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
