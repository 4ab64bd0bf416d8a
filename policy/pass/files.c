/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pass/files.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/lock.h"
#include "core/pcp-journal.h"
#include "core/tunnel-codec.h"

#define STATE_FILE SG_STATE_DIR "/host.conf"
#define TUNNEL_FILE SG_STATE_DIR "/tunnel.state"
#define PROFILE_DUE_FILE SG_STATE_DIR "/tunnel.profile-due"
#define MEMORY_FILE SG_RUNTIME_DIR "/memory"
#define LIMITS_FILE SG_RUNTIME_DIR "/limits"
#define PCP_FILE SG_RUNTIME_DIR "/pcp"
#define LOCK_FILE SG_RUNTIME_DIR "/lock"

/* Largest files that are read; each of ours is far smaller. */
#define FILE_MAX (1u << 20)

SgConfig *
sg_files_load_config (GError **error)
{
    g_autofree char *text = NULL;
    size_t len = 0;

    if (!sg_fs_read (SG_CONFIG_FILE, FILE_MAX, &text, &len, error))
        return NULL;
    return text ? sg_config_parse (SG_CONFIG_FILE, text, len, error) : sg_config_new_default ();
}

SgState *
sg_files_load_state (GError **error)
{
    g_autofree char *text = NULL;
    size_t len = 0;

    if (!sg_fs_read (STATE_FILE, FILE_MAX, &text, &len, error))
        return NULL;
    return text ? sg_state_parse (STATE_FILE, text, len, error) : sg_state_new ();
}

bool
sg_files_save_state (const SgState *state, GError **error)
{
    g_autofree char *text = sg_state_to_text (state);

    return sg_fs_make_folder (SG_STATE_DIR, error) &&
           sg_fs_write (STATE_FILE, text, /* durable= */ true, error);
}

bool
sg_files_load_tunnel (SgTunnel **ret_tunnel, GError **error)
{
    SgTunnel *tunnel = NULL;
    char *text = NULL;
    size_t len = 0;

    if (!sg_fs_read (TUNNEL_FILE, SG_TUNNEL_TEXT_MAX, &text, &len, error))
        return false;
    if (text) {
        tunnel = sg_tunnel_parse (TUNNEL_FILE, text, len, error);
        explicit_bzero (text, len);
        g_free (text);
        if (!tunnel)
            return false;
    }
    *ret_tunnel = tunnel;
    return true;
}

bool
sg_files_save_tunnel (const SgTunnel *tunnel, GError **error)
{
    char *text = sg_tunnel_to_text (tunnel);
    bool ok = sg_fs_make_folder (SG_STATE_DIR, error);

    /* They hold keys, also of devices that are gone. */
    sg_fs_remove_leftovers (TUNNEL_FILE);
    ok = ok && sg_fs_write (TUNNEL_FILE, text, /* durable= */ true, error);
    sg_wg_text_free (text);
    return ok;
}

static bool
remove_file (const char *path, GError **error)
{
    if (unlink (path) == 0 || errno == ENOENT)
        return true;
    sg_error_set_errno (error, SG_ERROR_FAILED, errno, "cannot remove %s", path);
    return false;
}

bool
sg_files_remove_tunnel (GError **error)
{
    return remove_file (TUNNEL_FILE, error);
}

bool
sg_files_is_profile_due (void)
{
    return access (PROFILE_DUE_FILE, F_OK) == 0;
}

bool
sg_files_set_profile_due (bool due, GError **error)
{
    sg_fs_remove_leftovers (PROFILE_DUE_FILE);
    if (due == sg_files_is_profile_due ())
        return true;
    if (!due)
        return remove_file (PROFILE_DUE_FILE, error);
    return sg_fs_make_folder (SG_STATE_DIR, error) &&
           sg_fs_write (
               PROFILE_DUE_FILE,
               "NetworkManager's profile of the tunnel's interface is to be brought to what "
               "tunnel.state says; the next run of Sixgate does it.\n",
               /* durable= */ true, error);
}

SgMemory *
sg_files_load_memory (char **ret_problem, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) problem = NULL;
    SgMemory *memory = NULL;
    size_t len = 0;

    if (!sg_fs_read (MEMORY_FILE, FILE_MAX, &text, &len, &problem) &&
        !g_error_matches (problem, SG_ERROR, SG_ERROR_INVALID_ARGUMENT)) {
        g_propagate_error (error, g_steal_pointer (&problem));
        return NULL;
    }
    if (text)
        memory = sg_memory_parse (MEMORY_FILE, text, len, &problem);
    *ret_problem = problem ? g_strdup (problem->message) : NULL;
    return memory ? memory : sg_memory_new ();
}

bool
sg_files_save_memory (const SgMemory *memory, GError **error)
{
    g_autofree char *text = sg_memory_to_text (memory);

    return sg_fs_make_folder (SG_RUNTIME_DIR, error) &&
           sg_fs_write (MEMORY_FILE, text, /* durable= */ false, error);
}

SgLimiter *
sg_files_load_limiter (char **ret_problem)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (SgLimiter) limiter = NULL;
    size_t len = 0;

    if (sg_fs_read (LIMITS_FILE, FILE_MAX, &text, &len, &error) && text)
        limiter = sg_limiter_parse (LIMITS_FILE, text, len, &error);
    *ret_problem = error ? g_strdup (error->message) : NULL;
    return limiter ? g_steal_pointer (&limiter) : sg_limiter_new ();
}

bool
sg_files_save_limiter (const SgLimiter *limiter, GError **error)
{
    g_autofree char *text = sg_limiter_to_text (limiter);

    return sg_fs_make_folder (SG_RUNTIME_DIR, error) &&
           sg_fs_write (LIMITS_FILE, text, /* durable= */ false, error);
}

/* Of 20,000 devices with all their ports. */
#define PCP_MAX (256u << 20)

bool
sg_files_load_pcp (SgPcpServer *server, bool *ret_there, GError **error)
{
    g_autofree char *text = NULL;
    size_t len = 0;

    if (!sg_fs_read (PCP_FILE, PCP_MAX, &text, &len, error))
        return false;
    *ret_there = text != NULL;
    return !text || sg_pcp_journal_parse (server, PCP_FILE, text, len, error);
}

bool
sg_files_save_pcp (const GString *text, GError **error)
{
    return sg_fs_make_folder (SG_RUNTIME_DIR, error) &&
           sg_fs_write (PCP_FILE, text->str, /* durable= */ false, error);
}

bool
sg_files_append_pcp (const GString *text, GError **error)
{
    return sg_fs_append (PCP_FILE, text->str, text->len, error);
}

uint64_t
sg_files_tunnel_stamp (void)
{
    struct stat info;

    /* Every change makes another file. */
    return stat (TUNNEL_FILE, &info) < 0 ? 0
                                         : (uint64_t) info.st_mtim.tv_sec * 1000000000u +
                                               (uint64_t) info.st_mtim.tv_nsec + info.st_ino;
}

int
sg_files_lock (uint32_t timeout_ms, GError **error)
{
    if (!sg_fs_make_folder (SG_RUNTIME_DIR, error))
        return -1;
    return sg_lock_take (LOCK_FILE, timeout_ms, error);
}
