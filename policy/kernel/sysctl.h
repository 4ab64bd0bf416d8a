/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of the kernel below /proc/sys. */
#pragma once

#include "core/snapshot.h"

/* Reads the setting @path ("net/ipv6/conf/eth0/proxy_ndp") in the caller's network namespace; a
 * number. SG_ERROR_NOT_FOUND when there is none (the link went away, IPv6 is off), else
 * SG_ERROR_KERNEL. */
bool sg_sysctl_read (const char *path, SgSysctl *ret_sysctl,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Returns 0, or the errno value (positive) that the kernel refused with. */
int sg_sysctl_write (const SgSysctl *sysctl) G_GNUC_WARN_UNUSED_RESULT;
