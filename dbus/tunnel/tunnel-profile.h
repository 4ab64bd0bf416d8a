/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkManager's profile of the tunnel's interface: its key, its port, the server's addresses, no peer.
 * The caller has the lock (sg_files_lock). Blocks, bounded by @timeout_ms. */
#pragma once

#include "core/config.h"
#include "core/tunnel.h"

/* Whether the profile that @tunnel needs is that of @old: the same key and addresses. NULL has none. */
bool sg_tunnel_profile_is_same (const SgTunnel *old, const SgTunnel *tunnel);
/* Brings it to what @tunnel says, where @old (NULL: in any case) said something else: made where there is
 * none; else its key, port and addresses. It is not due any more then (sg_files_set_profile_due). One that is not
 * the tunnel's, or not any more (somebody changed its key), is left as it is: SG_ERROR_EXISTS. What the kernel
 * has is changed by the next pass, not by a Reapply. On failure the state holds all the same. */
bool sg_tunnel_profile_save (const SgConfig *config, const SgTunnel *old, const SgTunnel *tunnel,
                             uint32_t timeout_ms, GError **error);
/* The same in any case, whatever somebody made of it. */
bool sg_tunnel_profile_restore (const SgConfig *config, const SgTunnel *tunnel, uint32_t timeout_ms,
                                GError **error);
/* Whether NetworkManager has one; false, too, where it cannot be asked. */
bool sg_tunnel_profile_exists (const SgConfig *config, uint32_t timeout_ms);
/* True, too, where there is none. */
bool sg_tunnel_profile_remove (const SgConfig *config, uint32_t timeout_ms, GError **error);
/* Whether the role of @tunnel can begin: a profile for its interface, if there is one, has the server's
 * key. SG_ERROR_EXISTS, with what to do. */
bool sg_tunnel_profile_check_free (const SgConfig *config, const SgTunnel *tunnel,
                                   uint32_t timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;
