/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

/* Room for a number with its newline. */
#define NUMBER_MAX 32

/* -1 with errno set. */
static int
open_setting (const char *path, int flags)
{
    g_autofree char *full = g_strconcat ("/proc/sys/", path, NULL);

    return open (full, flags | O_CLOEXEC | O_NOCTTY);
}

bool
sg_sysctl_read (const char *path, SgSysctl *ret_sysctl, GError **error)
{
    char text[NUMBER_MAX];
    SgSysctl sysctl = {0};
    gint64 value = 0;
    ssize_t n = -1;
    int fd = open_setting (path, O_RDONLY), errnum = errno;

    if (fd >= 0) {
        n = read (fd, text, sizeof text - 1);
        errnum = errno;
        close (fd);
    }
    if (n >= 0) {
        text[n] = '\0';
        if (!g_ascii_string_to_signed (g_strstrip (text), 10, INT32_MIN, INT32_MAX, &value, NULL)) {
            n = -1;
            errnum = EINVAL;
        }
    }
    if (n < 0) {
        sg_error_set_errno (error, errnum == ENOENT ? SG_ERROR_NOT_FOUND : SG_ERROR_KERNEL, errnum,
                            "read the setting %s", path);
        return false;
    }
    g_strlcpy (sysctl.path, path, sizeof sysctl.path);
    sysctl.value = (int32_t) value;
    *ret_sysctl = sysctl;
    return true;
}

int
sg_sysctl_write (const SgSysctl *sysctl)
{
    char text[NUMBER_MAX];
    int len = g_snprintf (text, sizeof text, "%" PRId32 "\n", sysctl->value);
    int fd = open_setting (sysctl->path, O_WRONLY), errnum;
    ssize_t n;

    if (fd < 0)
        return errno;
    n = write (fd, text, len);
    errnum = n == len ? 0 : n < 0 ? errno : EIO;
    close (fd);
    return errnum;
}
