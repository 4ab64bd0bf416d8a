/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The links of other managers, declared unmanaged in a file of NetworkManager's configuration. */
#pragma once

#include "core/config.h"

/* Where systemd-networkd or ifupdown configures a link that carries a default route, and NetworkManager does not:
 * tells NetworkManager to leave it alone from its next start on, when it might come first. @warnings (of char *)
 * gets a sentence for each link, or why it could not be. Blocks, each question bounded by @timeout_ms; asks
 * nothing where neither manager has left a trace. */
void sg_tunnel_declare_unmanaged (const SgConfig *config, uint32_t timeout_ms, GPtrArray *warnings);
