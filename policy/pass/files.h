/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the host role: where they are, and how each is read and written. */
#pragma once

#include "core/config.h"
#include "core/limiter.h"
#include "core/memory.h"
#include "core/pcp-server.h"
#include "core/state.h"
#include "core/tunnel.h"

/* The configuration, the default where there is no file. */
SgConfig *sg_files_load_config (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The choices; those of a new installation (auto) where there is no file. */
SgState *sg_files_load_state (GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool sg_files_save_state (const SgState *state, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The tunnel role; NULL in @ret_tunnel where there is no file. One that is truncated, unknown or
 * from the future is SG_ERROR_STATE_CORRUPT. */
bool sg_files_load_tunnel (SgTunnel **ret_tunnel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Durably, and as a whole: the old or the new one is there at any moment. */
bool sg_files_save_tunnel (const SgTunnel *tunnel, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a change of the tunnel's state was begun that NetworkManager's profile has to follow, and has not
 * followed: who makes the change notes it, durably, before the state, and forgets it behind the profile. Who was
 * killed in between left it to the next. */
bool sg_files_is_profile_due (void);
bool sg_files_set_profile_due (bool due, GError **error);

/* This machine has no tunnel role (any more): the way back from its first subnet. */
bool sg_files_remove_tunnel (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What must not be forgotten until the next boot. A file that is malformed counts as none;
 * @ret_problem (owned by the caller) then says so, else it is NULL. One that cannot be read just
 * now is an error: it is not to be overwritten. */
SgMemory *sg_files_load_memory (char **ret_problem, GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool sg_files_save_memory (const SgMemory *memory, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The ledger of the limiter; the same. */
SgLimiter *sg_files_load_limiter (char **ret_problem);
bool sg_files_save_limiter (const SgLimiter *limiter, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What the PCP server remembers; into @server. @ret_there: there was such a file, and it was whole. */
bool sg_files_load_pcp (SgPcpServer *server, bool *ret_there,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool sg_files_save_pcp (const GString *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds lines to the file. Where it is gone, so is what was remembered: an error, and the next start begins anew. */
bool sg_files_append_pcp (const GString *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Changes with every change of the tunnel role's file; 0: there is none. */
uint64_t sg_files_tunnel_stamp (void);

/* One writer at a time: waits at most @timeout_ms. The descriptor that holds the lock, or -1. */
int sg_files_lock (uint32_t timeout_ms, GError **error) G_GNUC_WARN_UNUSED_RESULT;
