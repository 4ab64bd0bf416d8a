/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/base with file descriptors: files, the lock, privileges. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/privileges.h"

/* Makes a folder for one test; owned by the caller. */
static char *
new_folder (void)
{
    char *folder = g_dir_make_tmp ("sixgate-test-XXXXXX", NULL);

    g_assert_nonnull (folder);
    return folder;
}

static unsigned
count_entries (const char *folder)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    unsigned n = 0;

    g_assert_nonnull (dir);
    while (g_dir_read_name (dir))
        n++;
    return n;
}

static void
remove_folder (const char *folder)
{
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir))) {
        g_autofree char *path = g_build_filename (folder, name, NULL);

        g_assert_cmpint (remove (path), ==, 0);
    }
    g_assert_cmpint (rmdir (folder), ==, 0);
}

/* Runs @body in a child inside a mount namespace of its own; skips where that is not to be had
 * (only root may). */
static void
in_mount_namespace (void (*body) (void))
{
    int status;
    pid_t pid = fork ();

    g_assert_cmpint (pid, >=, 0);
    if (pid == 0) {
        if (unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
            _exit (77);
        body ();
        _exit (0);
    }
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    if (WIFEXITED (status) && WEXITSTATUS (status) == 77) {
        g_test_skip ("needs a mount namespace of its own: run it as root");
        return;
    }
    g_assert_cmpint (status, ==, 0);
}

/* ---- files ---- */

static void
test_fs_round_trip (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "file", NULL);
    static const char *const texts[] = {"first\n", "", "a longer second text\n"};

    for (size_t i = 0; i < G_N_ELEMENTS (texts) * 2; i++) {
        const char *wanted = texts[i / 2];
        g_autoptr (GError) error = NULL;
        g_autofree char *text = NULL;
        size_t len = 99;
        struct stat st;

        g_assert_true (sg_fs_write (path, wanted, /* durable= */ i % 2, &error));
        g_assert_no_error (error);
        g_assert_true (sg_fs_read (path, 100, &text, &len, &error));
        g_assert_no_error (error);
        g_assert_cmpstr (text, ==, wanted);
        g_assert_cmpuint (len, ==, strlen (wanted));
        g_assert_cmpint (stat (path, &st), ==, 0);
        g_assert_cmpint (st.st_mode & 07777, ==, 0600);
        g_assert_cmpuint (count_entries (folder), ==, 1);
    }
    remove_folder (folder);
}

/* It makes no file: who appends relies on what stands before. */
static void
test_fs_append (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "file", NULL);
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_false (sg_fs_append (path, "a", 1, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
    g_assert_cmpuint (count_entries (folder), ==, 0);
    g_assert_true (g_file_set_contents (path, "one ", -1, NULL));
    g_assert_true (sg_fs_append (path, "two three", 3, NULL));
    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_assert_cmpstr (text, ==, "one two");
    remove_folder (folder);
}

/* What a writer left that was killed goes; a file of somebody else's stays. */
static void
test_fs_leftovers (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "file", NULL);
    static const char *const names[] = {
        "file",           "file.backup", "file.new", "other.new-aB3dEf", "file.new-aB3dEf",
        "file.new-012345"};

    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *one = g_build_filename (folder, names[i], NULL);

        g_assert_true (g_file_set_contents (one, "key", -1, NULL));
    }
    sg_fs_remove_leftovers (path);
    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *one = g_build_filename (folder, names[i], NULL);

        g_assert_cmpint (g_file_test (one, G_FILE_TEST_EXISTS), ==, i < 4);
    }
    remove_folder (folder);
}

static void
test_fs_read_bound (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "file", NULL);
    g_autofree char *content = g_strnfill (1000, 'x');

    g_assert_true (sg_fs_write (path, content, /* durable= */ false, NULL));
    for (size_t max = 998; max <= 1001; max++) {
        g_autoptr (GError) error = NULL;
        g_autofree char *text = NULL;
        size_t len = 0;
        bool ok = sg_fs_read (path, max, &text, &len, &error);

        g_assert_cmpint (ok, ==, max >= 1000);
        if (ok)
            g_assert_cmpstr (text, ==, content);
        else
            g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    }
    remove_folder (folder);
}

/* Files whose size is not known before they are read. */
static void
test_fs_read_unknown_size (void)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;
    g_autofree char *none = NULL;
    size_t len;

    g_assert_true (sg_fs_read ("/proc/self/status", 65536, &text, &len, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (len, >, 500);
    g_assert_cmpuint (strlen (text), ==, len);
    g_assert_nonnull (strstr (text, "\nnonvoluntary_ctxt_switches:"));
    g_assert_false (sg_fs_read ("/proc/self/status", 20, &none, &len, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    g_assert_null (none);
}

static void
test_fs_read_missing (void)
{
    g_autoptr (GError) error = NULL;
    char *text = (char *) "untouched";
    size_t len = 99;

    g_assert_true (sg_fs_read ("/nonexistent/sixgate.conf", 100, &text, &len, &error));
    g_assert_no_error (error);
    g_assert_null (text);
    g_assert_cmpuint (len, ==, 0);
}

static void
expect_not_regular (const char *path)
{
    g_autoptr (GError) error = NULL;
    char *text = NULL;
    size_t len = 99;

    g_test_message ("%s", path);
    g_assert_false (sg_fs_read (path, 100, &text, &len, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull (strstr (error->message, path));
    g_assert_null (text);
    g_assert_cmpuint (len, ==, 99);
}

static void
test_fs_read_not_regular (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);

    g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
    alarm (10); /* a reader that waits for a writer would wait for ever */
    expect_not_regular (fifo);
    alarm (0);
    expect_not_regular (folder);
    expect_not_regular ("/dev/null");
    remove_folder (folder);
}

/* The configuration may be a link to where the administrator really keeps it. */
static void
test_fs_read_link (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "real", NULL);
    g_autofree char *link = g_build_filename (folder, "link", NULL);
    g_autofree char *text = NULL;
    size_t len;

    g_assert_true (sg_fs_write (path, "here", /* durable= */ false, NULL));
    g_assert_cmpint (symlink ("real", link), ==, 0);
    g_assert_true (sg_fs_read (link, 100, &text, &len, NULL));
    g_assert_cmpstr (text, ==, "here");
    remove_folder (folder);
}

static void
test_fs_write_over_folder (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "is-a-folder", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (mkdir (path, 0700), ==, 0);
    g_assert_false (sg_fs_write (path, "text", /* durable= */ true, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, path));
    g_assert_cmpuint (count_entries (folder), ==, 1); /* no temporary file is left */
    remove_folder (folder);
}

static void
test_fs_write_no_folder (void)
{
    g_autoptr (GError) error = NULL;

    g_assert_false (sg_fs_write ("/nonexistent/file", "text", /* durable= */ true, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, "No such file"));
}

/* In the child of a mount namespace: a fresh file system on /tmp with one file of ours. */
static void
mount_small (const char *options)
{
    g_assert_cmpint (mount ("tmpfs", "/tmp", "tmpfs", 0, options), ==, 0);
    g_assert_true (sg_fs_write ("/tmp/file", "old", /* durable= */ true, NULL));
}

static void
expect_old_content (SgErrorCode code, const char *text)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *now = NULL;
    size_t len;

    g_assert_false (sg_fs_write ("/tmp/file", text, /* durable= */ true, &error));
    g_assert_error (error, SG_ERROR, (int) code);
    g_assert_true (sg_fs_read ("/tmp/file", 100, &now, &len, NULL));
    g_assert_cmpstr (now, ==, "old");
    g_assert_cmpuint (count_entries ("/tmp"), ==, 1);
}

static void
write_read_only (void)
{
    mount_small ("mode=700");
    g_assert_cmpint (mount (NULL, "/tmp", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), ==, 0);
    expect_old_content (SG_ERROR_PERMISSION, "new");
}

static void
write_disk_full (void)
{
    long page = sysconf (_SC_PAGESIZE);
    g_autofree char *options = g_strdup_printf ("mode=700,size=%ld", 2 * page);
    g_autofree char *large = g_strnfill (4 * page, 'x');

    mount_small (options);
    expect_old_content (SG_ERROR_NO_SPACE, large);
}

static void
test_fs_write_read_only (void)
{
    in_mount_namespace (write_read_only);
}

static void
test_fs_write_disk_full (void)
{
    in_mount_namespace (write_disk_full);
}

static void
test_fs_make_folder (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *deep = g_build_filename (folder, "a", "b", NULL);
    g_autofree char *parent = g_build_filename (folder, "a", NULL);
    g_autofree char *file = g_build_filename (folder, "file", NULL);
    g_autofree char *below = g_build_filename (file, "x", NULL);
    g_autoptr (GError) error = NULL;

    for (int i = 0; i < 2; i++) {
        g_assert_true (sg_fs_make_folder (deep, &error));
        g_assert_no_error (error);
        g_assert_true (g_file_test (deep, G_FILE_TEST_IS_DIR));
    }
    g_assert_true (sg_fs_write (file, "", /* durable= */ false, NULL));
    g_assert_false (sg_fs_make_folder (file, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
    g_clear_error (&error);
    g_assert_false (sg_fs_make_folder (below, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
    g_assert_cmpint (rmdir (deep), ==, 0);
    g_assert_cmpint (rmdir (parent), ==, 0);
    remove_folder (folder);
}

/* ---- the lock ---- */

static void
test_lock_excludes (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "lock", NULL);
    g_autofree char *self = g_strdup_printf ("process %d (", (int) getpid ());
    g_autoptr (GError) error = NULL;
    int64_t start;
    int fd = sg_lock_take (path, 0, &error);

    g_assert_no_error (error);
    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    start = g_get_monotonic_time ();
    g_assert_cmpint (sg_lock_take (path, 50, &error), ==, -1);
    g_assert_cmpint (g_get_monotonic_time () - start, >=, 50000);
    g_assert_cmpint (g_get_monotonic_time () - start, <, 5000000);
    g_assert_error (error, SG_ERROR, SG_ERROR_BUSY);
    g_assert_nonnull (strstr (error->message, path));
    g_assert_nonnull (strstr (error->message, self)); /* who it is */
    g_clear_error (&error);
    close (fd);
    fd = sg_lock_take (path, 0, &error);
    g_assert_no_error (error);
    close (fd);
    remove_folder (folder);
}

/* Holds the lock of @path in a child for @ms; returns when it has it. */
static pid_t
hold_in_child (const char *path, int ms, bool unlink_it)
{
    int ready[2];
    char byte;
    pid_t pid;

    g_assert_cmpint (pipe (ready), ==, 0);
    pid = fork ();
    if (pid == 0) {
        g_autoptr (GError) error = NULL;

        if (sg_lock_take (path, 0, &error) < 0 || write (ready[1], "x", 1) != 1)
            _exit (1);
        g_usleep (ms * 1000);
        _exit (unlink_it && unlink (path) < 0);
    }
    g_assert_cmpint (read (ready[0], &byte, 1), ==, 1);
    close (ready[0]);
    close (ready[1]);
    return pid;
}

static void
test_lock_waits (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "lock", NULL);
    g_autoptr (GError) error = NULL;
    pid_t pid = hold_in_child (path, 60, /* unlink_it= */ false);
    int fd = sg_lock_take (path, 10000, &error), status;

    g_assert_no_error (error);
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_cmpint (status, ==, 0);
    close (fd);
    remove_folder (folder);
}

/* Whoever waited on a file that is then removed must not believe that he is alone. */
static void
test_lock_unlinked (void)
{
    g_autofree char *folder = new_folder ();
    g_autofree char *path = g_build_filename (folder, "lock", NULL);
    g_autoptr (GError) error = NULL;
    pid_t pid = hold_in_child (path, 60, /* unlink_it= */ true);
    int fd = sg_lock_take (path, 10000, &error), status;

    g_assert_no_error (error);
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_cmpint (status, ==, 0);
    g_assert_cmpint (sg_lock_take (path, 0, &error), ==, -1);
    g_assert_error (error, SG_ERROR, SG_ERROR_BUSY);
    close (fd);
    remove_folder (folder);
}

static void
test_lock_no_folder (void)
{
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (sg_lock_take ("/nonexistent/lock", 1000, &error), ==, -1);
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
}

/* ---- privileges ---- */

/* The value of a line of /proc/self/status as a hexadecimal number. */
static uint64_t
status_of (const char *text, const char *key)
{
    g_autofree char *line = g_strdup_printf ("\n%s:\t", key);
    const char *at = strstr (text, line);

    g_assert_nonnull (at);
    return g_ascii_strtoull (at + strlen (line), NULL, 16);
}

static uint64_t
raise_ambient_net_admin (void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    g_assert_cmpint (syscall (SYS_capget, &header, data), ==, 0);
    data[0].inheritable = data[0].permitted;
    g_assert_cmpint (syscall (SYS_capset, &header, data), ==, 0);
    if (data[0].permitted & CAP_TO_MASK (CAP_NET_ADMIN))
        prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
    return data[0].permitted;
}

/* In a child: drops, and exits with 0 when /proc/self/status says what it should. */
static void
drop_and_check (bool without_setpcap)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;
    uint64_t had = raise_ambient_net_admin (), net_admin = CAP_TO_MASK (CAP_NET_ADMIN);
    bool setpcap = (had & CAP_TO_MASK (CAP_SETPCAP)) && !without_setpcap;

    if (without_setpcap)
        g_assert_cmpint (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
    for (int twice = 0; twice < 2; twice++) {
        g_assert_true (sg_privileges_drop (&error));
        g_assert_no_error (error);
    }
    g_assert_true (g_file_get_contents ("/proc/self/status", &text, NULL, NULL));
    g_assert_cmphex (status_of (text, "CapEff"), ==, had & net_admin);
    g_assert_cmphex (status_of (text, "CapPrm"), ==, had & net_admin);
    g_assert_cmphex (status_of (text, "CapInh"), ==, 0);
    g_assert_cmphex (status_of (text, "CapAmb"), ==, 0);
    g_assert_cmphex (status_of (text, "NoNewPrivs"), ==, 1);
    if (setpcap)
        g_assert_cmphex (status_of (text, "CapBnd"), ==, net_admin);
}

/* Takes away all capabilities but CAP_NET_ADMIN (or that too), as a unit would. */
static void
keep_only (uint32_t mask)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    g_assert_cmpint (syscall (SYS_capget, &header, data), ==, 0);
    data[0].effective &= mask;
    data[0].permitted &= mask;
    data[0].inheritable = 0;
    data[1] = (struct __user_cap_data_struct) {0};
    g_assert_cmpint (syscall (SYS_capset, &header, data), ==, 0);
}

static void
expect_child_ok (int kept, bool restrict_first)
{
    int status;
    pid_t pid = fork ();

    if (pid == 0) {
        if (restrict_first)
            keep_only (kept < 0 ? 0 : CAP_TO_MASK (kept));
        drop_and_check (/* without_setpcap= */ restrict_first);
        _exit (0);
    }
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    g_assert_cmpint (status, ==, 0);
}

static void
test_privileges_drop (void)
{
    expect_child_ok (0, /* restrict_first= */ false);
}

static void
test_privileges_without_setpcap (void)
{
    expect_child_ok (CAP_NET_ADMIN, /* restrict_first= */ true);
}

static void
test_privileges_without_any (void)
{
    expect_child_ok (-1, /* restrict_first= */ true);
}

/* ---- one line, whatever it is made of ---- */

static void
test_log_line (void)
{
    static const struct {
        const char *text, *line;
    } cases[] = {
        {"“wg0” is there", "“wg0” is there"},
        {"a\nsixgate: forged", "a\\nsixgate: forged"},
        {"\x1b[2J\a\t\x7f", "\\x1b[2J\\x07\\x09\\x7f"},
        {"\xc2\x9b"
         "1m",
         "\\x9b1m"}, /* CSI in one character */
        {"\xe2\x80\xae"
         "abc",
         "\\u202eabc"},                           /* right to left from here */
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"}, /* no UTF-8 */
        {"", ""},
    };
    g_autofree char *many = g_strnfill (100000, 'x');
    g_autofree char *cut = sg_log_line (many);

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *line = sg_log_line (cases[i].text);

        g_assert_cmpstr (line, ==, cases[i].line);
    }
    g_assert_cmpint (g_utf8_strlen (cut, -1), ==, SG_LOG_LINE_MAX + 1);
    g_assert_true (g_str_has_suffix (cut, "x…"));
}

/* Thousands of failures do not flood the journal. */
static void
test_log_failures (void)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

    if (!g_test_subprocess ()) {
        g_test_trap_subprocess (NULL, 0, 0);
        g_test_trap_assert_passed ();
        g_test_trap_assert_stderr ("sixgate: route 0\n*sixgate: route 7\nsixgate: 3992 more *\n");
        g_test_trap_assert_stderr_unmatched ("*route 8\n*");
        return;
    }
    for (int i = 0; i < 4000; i++)
        g_ptr_array_add (failures, g_error_new (SG_ERROR, SG_ERROR_KERNEL, "route %d", i));
    /* Else the test framework ends at the first. */
    g_log_set_always_fatal (G_LOG_FATAL_MASK);
    sg_log_init ();
    sg_log_failures (failures);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/fs/round-trip", test_fs_round_trip);
    g_test_add_func ("/fs/append", test_fs_append);
    g_test_add_func ("/fs/leftovers", test_fs_leftovers);
    g_test_add_func ("/fs/read/bound", test_fs_read_bound);
    g_test_add_func ("/fs/read/unknown-size", test_fs_read_unknown_size);
    g_test_add_func ("/fs/read/missing", test_fs_read_missing);
    g_test_add_func ("/fs/read/not-regular", test_fs_read_not_regular);
    g_test_add_func ("/fs/read/link", test_fs_read_link);
    g_test_add_func ("/fs/write/over-folder", test_fs_write_over_folder);
    g_test_add_func ("/fs/write/no-folder", test_fs_write_no_folder);
    g_test_add_func ("/fs/write/read-only", test_fs_write_read_only);
    g_test_add_func ("/fs/write/disk-full", test_fs_write_disk_full);
    g_test_add_func ("/fs/make-folder", test_fs_make_folder);
    g_test_add_func ("/lock/excludes", test_lock_excludes);
    g_test_add_func ("/lock/waits", test_lock_waits);
    g_test_add_func ("/lock/unlinked", test_lock_unlinked);
    g_test_add_func ("/lock/no-folder", test_lock_no_folder);
    g_test_add_func ("/privileges/drop", test_privileges_drop);
    g_test_add_func ("/privileges/without-setpcap", test_privileges_without_setpcap);
    g_test_add_func ("/privileges/without-any", test_privileges_without_any);
    g_test_add_func ("/base/log/line", test_log_line);
    g_test_add_func ("/base/log/failures", test_log_failures);
    return g_test_run ();
}
