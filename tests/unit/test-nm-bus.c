/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dbus/nm on buses that do not behave: in time, and with a reason. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nm/nm-devices.h"
#include "nm/nm-profiles.h"

#define PATH "/org/freedesktop/NetworkManager"

typedef struct {
    char *folder, *path;
    int fd;
} Listener;

static void
listen_at (Listener *listener)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *value = NULL;

    listener->folder = g_dir_make_tmp ("sixgate-test-XXXXXX", NULL);
    g_assert_nonnull (listener->folder);
    listener->path = g_build_filename (listener->folder, "bus", NULL);
    g_strlcpy (address.sun_path, listener->path, sizeof address.sun_path);
    listener->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint (bind (listener->fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    g_assert_cmpint (listen (listener->fd, 5), ==, 0);
    value = g_strconcat ("unix:path=", listener->path, NULL);
    g_assert_true (g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", value, /* overwrite= */ TRUE));
}

static void
listener_clear (Listener *listener)
{
    close (listener->fd);
    g_assert_cmpint (unlink (listener->path), ==, 0);
    g_assert_cmpint (rmdir (listener->folder), ==, 0);
    g_free (listener->path);
    g_free (listener->folder);
}

/* Asks; checks that nothing came of it, with a reason that has @words in it, and within
 * @max_ms. */
static void
expect_absent (uint32_t timeout_ms, int max_ms, const char *words)
{
    SgSnapshot snapshot = {.nm = SG_NM_READY,
                           .devices = g_array_new (FALSE, FALSE, sizeof (SgDevice))};
    int64_t start = g_get_monotonic_time ();
    g_autofree char *reason = NULL;

    sg_nm_read_devices (&snapshot, timeout_ms, &reason);
    g_assert_cmpint (g_get_monotonic_time () - start, <, max_ms * 1000);
    g_assert_cmpint (snapshot.nm, ==, SG_NM_ABSENT);
    g_assert_cmpuint (snapshot.devices->len, ==, 0);
    g_assert_nonnull (reason);
    g_test_message ("%s", reason);
    g_assert_nonnull (strstr (reason, words));
    g_array_unref (snapshot.devices);
}

static void
test_bus_absent (void)
{
    g_assert_true (
        g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", /* overwrite= */ TRUE));
    expect_absent (5000, 2000, "No such file");
    g_assert_true (g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "nonsense", /* overwrite= */ TRUE));
    expect_absent (5000, 2000, "cannot ask NetworkManager");
}

/* Only active WireGuard devices that NetworkManager configures are asked about: for the others
 * nobody even connects, so that there is no reason. */
static void
test_profiles_asked (void)
{
    static const struct {
        SgDevice device;
        bool asked;
    } rows[] = {
        {{.kind = "wireguard", .managed = true, .active = true, .profile = PATH "/1"}, true},
        {{.kind = "wireguard", .managed = true, .active = true}, false},
        {{.kind = "wireguard", .managed = true, .profile = PATH "/1"}, false},
        {{.kind = "wireguard", .active = true, .profile = PATH "/1"}, false},
        {{.kind = "ethernet", .managed = true, .active = true, .profile = PATH "/1"}, false},
        {{.kind = "wireguard",
          .managed = true,
          .active = true,
          .external = true,
          .profile = PATH "/1"},
         false},
    };

    g_assert_true (
        g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", /* overwrite= */ TRUE));
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
        g_autofree char *reason = NULL;

        g_array_append_vals (snapshot->devices, &rows[i].device, 1);
        sg_nm_read_profiles (snapshot, 1000, &reason);
        g_assert_cmpuint (snapshot->profiles->len, ==, 0);
        g_assert_true ((reason != NULL) == rows[i].asked);
    }
}

static void
test_bus_silent (void)
{
    Listener listener;

    listen_at (&listener);
    expect_absent (100, 2000, "did not answer within 100 ms");
    expect_absent (0, 2000, "did not answer within 0 ms");
    listener_clear (&listener);
}

/* Answers one connection with @text, then hangs up. */
static void
expect_absent_after (const char *text)
{
    Listener listener;
    int status;
    pid_t pid;

    listen_at (&listener);
    pid = fork ();
    if (pid == 0) {
        int fd = accept (listener.fd, NULL, NULL);
        ssize_t n = write (fd, text, strlen (text));

        shutdown (fd, SHUT_WR);
        while (n >= 0 && (n = read (fd, (char[64]) {0}, 64)) > 0)
            continue;
        _exit (0);
    }
    expect_absent (5000, 3000, "NetworkManager");
    g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
    listener_clear (&listener);
}

static void
test_bus_nonsense (void)
{
    static const char *const answers[] = {
        "",
        "REJECTED EXTERNAL\r\n",
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        ("DATA\r\nOK 1d2ee4301f57802fbbc2d7d51d2ee430\r\nAGREE_UNIX_FD\r\n"
         "no message of D-Bus, but long enough to be the head of one"),
    };

    for (size_t i = 0; i < G_N_ELEMENTS (answers); i++)
        expect_absent_after (answers[i]);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/nm/profile/who-is-asked", test_profiles_asked);
    g_test_add_func ("/nm/bus/absent", test_bus_absent);
    g_test_add_func ("/nm/bus/silent", test_bus_silent);
    g_test_add_func ("/nm/bus/nonsense", test_bus_nonsense);
    return g_test_run ();
}
