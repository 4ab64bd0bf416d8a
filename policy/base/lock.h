/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One writer at a time: an exclusive lock on a file. */
#pragma once

#include <stdint.h>

#include <glib.h>

/* Takes the lock of @path (made when missing), waiting at most @timeout_ms milliseconds.
 * Returns the descriptor that holds it (close-on-exec; closing it or the end of the process
 * releases it), or -1: SG_ERROR_BUSY when the time is up, naming the process that holds it
 * where that is known. */
int sg_lock_take (const char *path, uint32_t timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;
