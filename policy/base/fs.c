/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* What the name of a temporary file has after that of the file that it is to become. */
#define TEMPORARY ".new-"

/* Which of our codes an errno of a file operation is. */
static SgErrorCode
code_of_errno (int errnum)
{
    switch (errnum) {
    case EACCES:
    case EPERM:
    case EROFS:
        return SG_ERROR_PERMISSION;
    case ENOSPC:
    case EDQUOT:
        return SG_ERROR_NO_SPACE;
    default:
        return SG_ERROR_FAILED;
    }
}

/* Always false, so that a caller can return it. Keeps errno of the failed call. */
static bool
fail (GError **error, const char *what, const char *path)
{
    int errnum = errno;

    sg_error_set_errno (error, code_of_errno (errnum), errnum, "cannot %s %s", what, path);
    return false;
}

/* Reads until the end of the file or until @size bytes are there; -1 with errno set. */
static ssize_t
read_all (int fd, char *buffer, size_t size)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read (fd, buffer + len, size - len);

        if (n == 0)
            break;
        if (n > 0)
            len += n;
        else if (errno != EINTR)
            return -1;
    }
    return len;
}

static bool
write_all (int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, text, len);

        if (n >= 0) {
            text += n;
            len -= n;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool
read_regular (int fd, const char *path, size_t max, GString *text, GError **error)
{
    struct stat st;
    ssize_t n;

    if (fstat (fd, &st) < 0)
        return fail (error, "read", path);
    if (!S_ISREG (st.st_mode)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s is not a regular file", path);
        return false;
    }
    /* st_size is a hint only (files of /proc say 0, others grow meanwhile): what is read counts.
     * One byte more than is allowed tells a file that is too large from one that just fits. */
    g_string_set_size (text, MIN ((size_t) st.st_size, max) + 1);
    n = read_all (fd, text->str, text->len);
    if (n == (ssize_t) text->len && (size_t) n <= max) {
        size_t have = n;

        g_string_set_size (text, max + 1);
        n = read_all (fd, text->str + have, text->len - have);
        if (n >= 0)
            n += have;
    }
    if (n < 0)
        return fail (error, "read", path);
    if ((size_t) n > max) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is larger than the %zu bytes that are allowed", path, max);
        return false;
    }
    g_string_truncate (text, n);
    return true;
}

bool
sg_fs_read (const char *path, size_t max, char **ret_text, size_t *ret_len, GError **error)
{
    g_autoptr (GString) text = NULL;
    bool ok;
    int fd;

    /* A link is followed: an administrator may keep the configuration elsewhere. O_NONBLOCK:
     * opening a fifo must not wait for a writer. */
    fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) {
        *ret_text = NULL;
        *ret_len = 0;
        return true;
    }
    if (fd < 0)
        return fail (error, "open", path);
    text = g_string_new (NULL);
    ok = read_regular (fd, path, max, text, error);
    close (fd);
    if (!ok)
        return false;
    *ret_len = text->len;
    *ret_text = g_string_free (g_steal_pointer (&text), /* free_segment= */ FALSE);
    return true;
}

/* Writes @text into the open file @fd, down to the disk when @durable; closes @fd in any case. */
static bool
fill (int fd, const char *text, bool durable)
{
    bool ok = write_all (fd, text, strlen (text)) && (!durable || fsync (fd) == 0);
    int errnum = errno;

    /* Some file systems report a full disk only here. */
    if (close (fd) < 0 && ok)
        return false;
    errno = errnum;
    return ok;
}

/* Makes a rename in the folder of @path last over a loss of power. */
static bool
sync_folder_of (const char *path)
{
    g_autofree char *folder = g_path_get_dirname (path);
    int fd, errnum;
    bool ok;

    fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = fsync (fd) == 0;
    errnum = errno;
    close (fd);
    errno = errnum;
    return ok;
}

bool
sg_fs_write (const char *path, const char *text, bool durable, GError **error)
{
    g_autofree char *temporary = g_strconcat (path, TEMPORARY "XXXXXX", NULL);
    int fd, errnum;

    fd = mkostemp (temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return fail (error, "write", path);
    if (!fill (fd, text, durable) || rename (temporary, path) < 0) {
        errnum = errno;
        unlink (temporary);
        errno = errnum;
        return fail (error, "write", path);
    }
    if (durable && !sync_folder_of (path))
        return fail (error, "sync the folder of", path);
    return true;
}

bool
sg_fs_append (const char *path, const char *text, size_t len, GError **error)
{
    int fd = open (path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : write (fd, text, len);
    int errnum = n < 0 ? errno : ENOSPC;

    if (fd >= 0)
        close (fd);
    errno = errnum;
    return n == (ssize_t) len ? true : fail (error, "write", path);
}

void
sg_fs_remove_leftovers (const char *path)
{
    g_autofree char *folder = g_path_get_dirname (path);
    g_autofree char *name = g_path_get_basename (path);
    g_autofree char *beginning = g_strconcat (name, TEMPORARY, NULL);
    g_autoptr (GDir) dir = g_dir_open (folder, 0, /* error= */ NULL);
    const char *entry;

    while (dir && (entry = g_dir_read_name (dir))) {
        g_autofree char *leftover = g_build_filename (folder, entry, NULL);

        if (g_str_has_prefix (entry, beginning))
            unlink (leftover);
    }
}

bool
sg_fs_make_folder (const char *path, GError **error)
{
    struct stat st;

    if (g_mkdir_with_parents (path, 0755) < 0)
        return fail (error, "make the folder", path);
    if (stat (path, &st) < 0)
        return fail (error, "make the folder", path);
    if (!S_ISDIR (st.st_mode)) {
        errno = ENOTDIR;
        return fail (error, "make the folder", path);
    }
    return true;
}
