/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tunnel role between its state (policy/core/tunnel*) and what holds it: the file, the profile
 * of NetworkManager, keys. The caller has the lock (sg_files_lock) from opening to saving. Blocks,
 * bounded. */
#pragma once

#include "core/config.h"
#include "core/tunnel-change.h"
#include "core/tunnel-config.h"

/* The state; where there is none yet a new one, with keys, that no file has. */
SgTunnel *sg_tunnel_ops_open (GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the kernel knows of this machine: links, addresses, routes. */
SgSnapshot *sg_tunnel_ops_look (const SgConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Keys for a device: all new; or, when @public_key is not NULL, its own one and a preshared key. */
bool sg_tunnel_ops_make_keys (const char *public_key, SgTunnelKeys *ret_keys,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Writes @tunnel down, durably. From then on it holds. */
bool sg_tunnel_ops_save (const SgTunnel *tunnel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Brings NetworkManager's profile of the interface to what @tunnel says: made where there is none;
 * else its key, port and addresses, where @old (NULL: in any case) said others. What the kernel has
 * is changed by the next pass, not by a Reapply. On failure the state holds all the same. */
bool sg_tunnel_ops_save_profile (const SgConfig *config, const SgTunnel *old,
                                 const SgTunnel *tunnel, uint32_t timeout_ms,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The file is as @before (NULL: there was none) again; the way back where the profile was not changed. */
bool sg_tunnel_ops_put_back (const SgTunnel *before, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether NetworkManager has a profile of the interface; false, too, where it cannot be asked. */
bool sg_tunnel_ops_has_profile (const SgConfig *config, uint32_t timeout_ms);
/* Removes it. */
bool sg_tunnel_ops_remove_profile (const SgConfig *config, uint32_t timeout_ms,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* How devices reach this machine: @text ("HOST", "HOST:PORT"), else what the configuration says,
 * else this machine's own address. SG_ERROR_INVALID_ARGUMENT, SG_ERROR_NOT_FOUND. */
bool sg_tunnel_ops_endpoint (const SgConfig *config, const char *text, SgWgEndpoint *ret_endpoint,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
