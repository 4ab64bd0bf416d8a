/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"

/* How often a lock that is taken is tried again. A run holds it for a few milliseconds; flock()
 * with a time limit would need a signal or a thread. */
#define RETRY_US 2000

/* The process that holds the flock on @file, 0 when /proc/locks does not tell. A line is
 * "1: FLOCK  ADVISORY  WRITE 1234 00:19:56 0 EOF" (proc_pid_locks in fs/locks.c). */
static int
holder_of (const struct stat *file)
{
    FILE *locks = fopen ("/proc/locks", "re");
    char line[256];
    int found = 0;

    if (!locks)
        return 0;
    while (found == 0 && fgets (line, sizeof line, locks)) {
        unsigned dev_major, dev_minor;
        uint64_t inode;
        int pid;

        if (sscanf (line, "%*d: FLOCK %*s WRITE %d %x:%x:%" SCNu64, &pid, &dev_major, &dev_minor,
                    &inode) == 4 &&
            inode == file->st_ino && dev_major == major (file->st_dev) &&
            dev_minor == minor (file->st_dev))
            found = MAX (pid, 0);
    }
    fclose (locks);
    return found;
}

static void
set_busy (GError **error, const char *path, int fd, uint32_t timeout_ms)
{
    g_autofree char *comm_path = NULL;
    g_autofree char *comm = NULL;
    struct stat st;
    int pid = fstat (fd, &st) == 0 ? holder_of (&st) : 0;

    if (pid == 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_BUSY,
                     "another process held the lock %s for %" PRIu32 " ms", path, timeout_ms);
        return;
    }
    comm_path = g_strdup_printf ("/proc/%d/comm", pid);
    if (g_file_get_contents (comm_path, &comm, NULL, NULL))
        g_strchomp (comm);
    if (timeout_ms == 0)
        g_set_error (error, SG_ERROR, SG_ERROR_BUSY, "process %d (%s) holds the lock %s", pid,
                     comm ? comm : "gone", path);
    else
        g_set_error (error, SG_ERROR, SG_ERROR_BUSY,
                     "process %d (%s) held the lock %s for %" PRIu32 " ms", pid,
                     comm ? comm : "gone", path, timeout_ms);
}

/* Opens @path and takes its lock until @deadline (of g_get_monotonic_time()); -1 with @error
 * set. */
static int
open_and_take (const char *path, int64_t deadline, uint32_t timeout_ms, GError **error)
{
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    if (fd < 0) {
        sg_error_set_errno (error, SG_ERROR_FAILED, errno, "cannot open the lock %s", path);
        return -1;
    }
    while (flock (fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK) {
            sg_error_set_errno (error, SG_ERROR_FAILED, errno, "cannot lock %s", path);
            close (fd);
            return -1;
        }
        if (g_get_monotonic_time () >= deadline) {
            set_busy (error, path, fd, timeout_ms);
            close (fd);
            return -1;
        }
        g_usleep (RETRY_US);
    }
    return fd;
}

/* Whether @fd is a file that has been unlinked: its lock excludes nobody any more. */
static bool
is_unlinked (int fd)
{
    struct stat st;

    return fstat (fd, &st) == 0 && st.st_nlink == 0;
}

int
sg_lock_take (const char *path, uint32_t timeout_ms, GError **error)
{
    int64_t deadline = g_get_monotonic_time () + (int64_t) timeout_ms * 1000;
    int fd;

    /* Whoever cleans /run while we wait hands us the lock of a file that nobody else will find:
     * then there is a new one to wait for. */
    while ((fd = open_and_take (path, deadline, timeout_ms, error)) >= 0 && is_unlinked (fd))
        close (fd);
    return fd;
}
