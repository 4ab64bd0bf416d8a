/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Healing: runs as the kernel reports changes, until all is quiet. */
#pragma once

#include "options.h"

/* Takes the netlink sockets that systemd passes (sd_listen_fds(3)), sets them up, and reconciles;
 * again after every change that is heard, until nothing is heard for a moment. The exit status of
 * the program: that of the last run; 1 when systemd did not pass both sockets. */
int sg_listen (const SgOptions *options);
