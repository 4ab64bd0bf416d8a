/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pass/unmanaged-files.h"

#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "core/unmanaged.h"

#define NM_FOLDER "/etc/NetworkManager"
/* Made at boot where networkd is installed. */
#define NETWORKD_FOLDER "/run/systemd/netif"
#define IFUPDOWN_FILE "/run/network/ifstate"
#define FILE_MAX (1u << 20)

static char *
read_text (const char *path)
{
    char *text = NULL;
    size_t len;

    return sg_fs_read (path, FILE_MAX, &text, &len, NULL) ? text : NULL;
}

bool
sg_unmanaged_files_matter (void)
{
    return (access (NETWORKD_FOLDER, F_OK) == 0 || access (IFUPDOWN_FILE, F_OK) == 0) &&
           access (NM_FOLDER, F_OK) == 0;
}

char *
sg_unmanaged_files_ifstate (void)
{
    return read_text (IFUPDOWN_FILE);
}

GPtrArray *
sg_unmanaged_files_load (void)
{
    g_autofree char *text = NULL;
    size_t len;

    if (!sg_fs_read (SG_UNMANAGED_FILE, FILE_MAX, &text, &len, NULL))
        return NULL;
    return text ? sg_unmanaged_parse (text) : g_ptr_array_new_with_free_func (g_free);
}

bool
sg_unmanaged_files_save (const GPtrArray *names, GError **error)
{
    g_autofree char *old = NULL, *text = NULL;
    size_t len;

    if (!sg_fs_read (SG_UNMANAGED_FILE, FILE_MAX, &old, &len, error))
        return false;
    text = old ? sg_unmanaged_with (old, names) : sg_unmanaged_to_text (names);
    if (!text) {
        g_set_error (error, SG_ERROR, SG_ERROR_BUSY,
                     "%s: somebody else changed it meanwhile; try again", SG_UNMANAGED_FILE);
        return false;
    }
    return sg_fs_make_folder (NM_FOLDER "/conf.d", error) &&
           sg_fs_write (SG_UNMANAGED_FILE, text, /* durable= */ true, error);
}
