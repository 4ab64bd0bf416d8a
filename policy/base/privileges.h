/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rights of the calling process. */
#pragma once

#include <stdbool.h>

#include <glib.h>

/* Keeps only CAP_NET_ADMIN (effective and permitted; bounding, inheritable and ambient sets
 * empty but for it) and sets no_new_privs. The user id stays. Call it first in main(), before
 * anything is read. A process without CAP_NET_ADMIN ends up with no capability: not an error
 * here. SG_ERROR_FAILED when the kernel refuses. */
bool sg_privileges_drop (GError **error) G_GNUC_WARN_UNUSED_RESULT;
