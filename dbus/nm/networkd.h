/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd-networkd, asked over D-Bus (org.freedesktop.network1(5)). */
#pragma once

#include "nm/nm-bus.h"

/* What it says of the link @ifindex: "configured", "unmanaged", … Owned by the caller; NULL where it does not run, or
 * has nothing to say. Never starts it. */
char *sg_networkd_state (const SgNmBus *bus, uint32_t ifindex);
