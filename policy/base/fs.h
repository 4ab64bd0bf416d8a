/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small files of ours: read whole with a bound, written atomically and durably. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

/* Reads the regular file @path, at most @max bytes, into a NUL-terminated text owned by the
 * caller. A missing file is not an error: true, with @ret_text NULL. Not a regular file, or
 * larger than @max: SG_ERROR_INVALID_ARGUMENT. Never blocks on a fifo. */
bool sg_fs_read (const char *path, size_t max, char **ret_text, size_t *ret_len,
                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Replaces @path by @text: a temporary file beside it, fsync, rename, fsync of the folder
 * (the two fsyncs only when @durable). Mode 0600. The old or the new content is there at any
 * moment, never another. Nothing is left behind on failure. */
bool sg_fs_write (const char *path, const char *text, bool durable,
                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Appends @text to the file @path, which has to be there; in one write, so that it is there as a whole or is
 * the cut-off end. */
bool sg_fs_append (const char *path, const char *text, size_t len,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Removes the temporary files that writers of @path left who were killed; what cannot be removed
 * stays. Only for who holds a lock that every writer of @path takes. */
void sg_fs_remove_leftovers (const char *path);

/* Makes the folder @path (mode 0755, parents too) where it is missing. */
bool sg_fs_make_folder (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
