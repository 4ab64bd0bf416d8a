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

/* Writes @tunnel down, durably. From then on it holds; where NetworkManager's profile has to follow
 * (tunnel-profile.h), that is noted before. The first state of a machine is refused (SG_ERROR_EXISTS) where
 * its interface, or a profile for it, is there and somebody else's. @old: what it comes after. */
bool sg_tunnel_ops_save (const SgConfig *config, const SgTunnel *old, const SgTunnel *tunnel,
                         uint32_t timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The file is as @before (NULL: there was none) again; the way back where the profile was not changed, as far as
 * is known: it stays due. */
bool sg_tunnel_ops_put_back (const SgTunnel *before, GError **error);

/* How devices reach this machine: @text ("HOST", "HOST:PORT"), else what the configuration says,
 * else this machine's own address. SG_ERROR_INVALID_ARGUMENT, SG_ERROR_NOT_FOUND. */
bool sg_tunnel_ops_endpoint (const SgConfig *config, const char *text, SgWgEndpoint *ret_endpoint,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
