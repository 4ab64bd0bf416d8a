/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of other managers of links, and the one in which NetworkManager is told of them (core/unmanaged.h). */
#pragma once

#include <stdbool.h>

#include <glib.h>

/* Where that is. */
#define SG_UNMANAGED_FILE "/etc/NetworkManager/conf.d/90-sixgate-unmanaged.conf"

/* Whether systemd-networkd is installed or ifupdown has been at work, and NetworkManager is installed: else there
 * is nothing to be told. */
bool sg_unmanaged_files_matter (void);
/* ifupdown's state. Owned by the caller; NULL: there is none. */
char *sg_unmanaged_files_ifstate (void);
/* The names in our file: of char *, owned by the caller. NULL: it is not to be touched, as it cannot be read, or
 * somebody made something else of it. */
GPtrArray *sg_unmanaged_files_load (void);
/* Adds those that the file, as it could be loaded, lacks. */
bool sg_unmanaged_files_save (const GPtrArray *names, GError **error) G_GNUC_WARN_UNUSED_RESULT;
