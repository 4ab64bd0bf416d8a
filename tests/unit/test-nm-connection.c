/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dbus/nm: a profile is saved while somebody else changes it, at one moment after the other. The
 * NetworkManager is a thread of this process, and counts versions as its releases do. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "base/error.h"
#include "core/profile-parts.h"
#include "nm/nm-connection.h"
#include "nm/nm-variant.h"

#define SETTINGS "org.freedesktop.NetworkManager.Settings"
#define SETTINGS_PATH "/org/freedesktop/NetworkManager/Settings"
#define CONNECTION SETTINGS ".Connection"
#define PROFILE SETTINGS_PATH "/1"
#define UUID "2c2f4d1e-6c3f-4f5a-9d0b-3f1f0c7b9a10"

#define BUS "DBUS_SYSTEM_BUS_ADDRESS"
#define BUS_PREFIX "unix:path="

/* What Update2 is told: to disk, and nothing to the device. */
#define FLAGS 0x41u

/* Both far above what it takes; who asks gives up first, so that it is they who say what hangs. */
#define ASKING_MS 8000
#define SERVING_MS 16000

/* What differs between releases is VersionId: there is none; it counts changes; and readings of the
 * keys, too. */
typedef enum { NM_1_42, NM_1_44, NM_1_52 } Release;

/* What of a profile is changed here: its name stands for all that is no secret. */
typedef struct {
    char name[16], key[48];
} Content;

static const Content at_first = {"home", "6L2wMjSxXzZlD0vPsyMoqY8eDU1vPcYEo4jXyJmXlXA="};
static const Content of_ours = {"ours", "iE9tmW2xq0sQ1l6mJr8vYx3bJm7c4nH0a5Kp2dTfWlY="};
static const Content of_theirs = {"theirs", "qJ7zv2hQ0y5m0cQyq3n3VZbq5m7rj0Y3m1Jr1o7mB3k="};

/* Somebody's change: of the name or of the key, right behind the answer to the @nth call of
 * @method while we save. */
typedef enum { NOTHING, NAME, KEY } What;
typedef struct {
    What what;
    const char *method; /* NULL: before the first call */
    unsigned nth;
} Change;

/* ---- NetworkManager ---- */

typedef struct {
    Release release;
    const char *path; /* of its socket */
    int listener;
    GThread *thread;

    GMutex lock; /* of the rest, which the test reads and changes between its calls */
    Content content;
    uint64_t version;
    unsigned n_updates;    /* calls of Update2, also those that were refused */
    bool told_the_version; /* the last of them */
    Change next;           /* somebody's */
} Mock;

static void
somebody_changes (Mock *mock)
{
    if (mock->next.what == NAME)
        g_strlcpy (mock->content.name, of_theirs.name, sizeof mock->content.name);
    else
        g_strlcpy (mock->content.key, of_theirs.key, sizeof mock->content.key);
    mock->version++;
    mock->next.what = NOTHING;
}

/* A profile as GetSettings has it; with @key as Update2 takes it. Not floating. */
static GVariant *
profile_of (const char *name, const char *key)
{
    GVariantDict connection, wireguard;
    GVariantBuilder profile;

    g_variant_dict_init (&connection, NULL);
    g_variant_dict_insert (&connection, "id", "s", name);
    g_variant_dict_insert (&connection, "interface-name", "s", "wg0");
    g_variant_dict_insert (&connection, "type", "s", "wireguard");
    g_variant_dict_insert (&connection, "uuid", "s", UUID);
    g_variant_dict_init (&wireguard, NULL);
    if (key)
        g_variant_dict_insert (&wireguard, "private-key", "s", key);
    g_variant_builder_init (&profile, G_VARIANT_TYPE ("a{sa{sv}}"));
    g_variant_builder_add (&profile, "{s@a{sv}}", "connection", g_variant_dict_end (&connection));
    g_variant_builder_add (&profile, "{s@a{sv}}", "wireguard", g_variant_dict_end (&wireguard));
    return g_variant_ref_sink (g_variant_builder_end (&profile));
}

static int
reply_with (sd_bus_message *call, GVariant *value)
{
    g_autoptr (sd_bus_message) reply = NULL;
    int r = sd_bus_message_new_method_return (call, &reply);

    if (r >= 0)
        r = sg_nm_append_variant (reply, value);
    return r < 0 ? r : sd_bus_send (NULL, reply, NULL);
}

static int
hello (Mock *mock, sd_bus_message *call)
{
    return sd_bus_reply_method_return (call, "s", ":1.1");
}

static int
list_connections (Mock *mock, sd_bus_message *call)
{
    return sd_bus_reply_method_return (call, "ao", 1, PROFILE);
}

static int
get_settings (Mock *mock, sd_bus_message *call)
{
    g_autoptr (GVariant) profile = profile_of (mock->content.name, NULL);

    return reply_with (call, profile);
}

static int
get_secrets (Mock *mock, sd_bus_message *call)
{
    const char *setting;

    g_assert_cmpint (sd_bus_message_read (call, "s", &setting), >, 0);
    g_assert_cmpstr (setting, ==, "wireguard");
    if (mock->release >= NM_1_52)
        mock->version++;
    return sd_bus_reply_method_return (call, "a{sa{sv}}", 1, "wireguard", 1, "private-key", "s",
                                       mock->content.key);
}

static int
get_property (Mock *mock, sd_bus_message *call)
{
    const char *interface, *name;

    g_assert_cmpint (sd_bus_message_read (call, "ss", &interface, &name), >, 0);
    g_assert_cmpstr (interface, ==, CONNECTION);
    g_assert_cmpstr (name, ==, "VersionId");
    if (mock->release < NM_1_44)
        return sd_bus_reply_method_errorf (call, SD_BUS_ERROR_INVALID_ARGS, "No such property");
    return sd_bus_reply_method_return (call, "v", "t", mock->version);
}

static void
keep (Mock *mock, GVariant *settings)
{
    g_autoptr (GVariant) name = sg_profile_lookup (settings, "connection", "id");
    g_autoptr (GVariant) key = sg_profile_lookup (settings, "wireguard", "private-key");

    g_assert_true (name && key);
    g_strlcpy (mock->content.name, g_variant_get_string (name, NULL), sizeof mock->content.name);
    g_strlcpy (mock->content.key, g_variant_get_string (key, NULL), sizeof mock->content.key);
    mock->version++;
}

static int
update2 (Mock *mock, sd_bus_message *call)
{
    g_autoptr (GVariant) settings = sg_nm_read_variant (call);
    g_autoptr (GVariant) flags = sg_nm_read_variant (call);
    g_autoptr (GVariant) options = sg_nm_read_variant (call);
    uint64_t version;

    g_assert_true (settings && flags && options);
    g_assert_cmpuint (g_variant_get_uint32 (flags), ==, FLAGS);
    mock->n_updates++;
    mock->told_the_version = g_variant_lookup (options, "version-id", "t", &version);
    /* What it does not know it refuses, and the old one knows no version. */
    if (g_variant_n_children (options) != mock->told_the_version ||
        (mock->told_the_version && mock->release < NM_1_44))
        return sd_bus_reply_method_errorf (call, SETTINGS ".InvalidArguments",
                                           "Unsupported argument");
    if (mock->told_the_version && version != mock->version)
        return sd_bus_reply_method_errorf (call, SETTINGS ".VersionIdMismatch",
                                           "Update failed because profile changed");
    keep (mock, settings);
    return sd_bus_reply_method_return (call, "a{sv}", 0);
}

static const struct {
    const char *path, *interface, *method;
    int (*answer) (Mock *mock, sd_bus_message *call);
} methods[] = {
    {"/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello", hello},
    {SETTINGS_PATH, SETTINGS, "ListConnections", list_connections},
    {PROFILE, CONNECTION, "GetSettings", get_settings},
    {PROFILE, CONNECTION, "GetSecrets", get_secrets},
    {PROFILE, "org.freedesktop.DBus.Properties", "Get", get_property},
    {PROFILE, CONNECTION, "Update2", update2},
};

static int
answer (sd_bus_message *call, void *data, sd_bus_error *ret_error)
{
    Mock *mock = data;
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mock->lock);

    for (size_t i = 0; i < G_N_ELEMENTS (methods); i++) {
        int r;

        if (!sd_bus_message_is_method_call (call, methods[i].interface, methods[i].method) ||
            strcmp (sd_bus_message_get_path (call), methods[i].path) != 0)
            continue;
        r = methods[i].answer (mock, call);
        g_assert_cmpint (r, >=, 0);
        if (mock->next.what && strcmp (mock->next.method, methods[i].method) == 0 &&
            --mock->next.nth == 0)
            somebody_changes (mock);
        return 1;
    }
    return 0; /* what it does not know sd-bus refuses */
}

/* Until the other end hangs up. */
static void
serve_until_closed (sd_bus *bus)
{
    int64_t deadline = g_get_monotonic_time () + (int64_t) SERVING_MS * 1000;
    int r = 0;

    while (r >= 0) {
        int64_t left = deadline - g_get_monotonic_time ();

        g_assert_cmpint (left, >, 0);
        r = sd_bus_process (bus, NULL);
        if (r == 0)
            r = sd_bus_wait (bus, left);
        if (r == -EINTR)
            r = 0;
    }
}

/* Takes one connection, and no second: who asks has only one. */
static void *
serve (void *data)
{
    Mock *mock = data;
    struct pollfd waiting = {.fd = mock->listener, .events = POLLIN};
    g_autoptr (sd_bus) bus = NULL;
    sd_id128_t id;
    int fd;

    g_assert_cmpint (poll (&waiting, 1, SERVING_MS), ==, 1);
    fd = accept4 (mock->listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (sd_id128_randomize (&id), >=, 0);
    g_assert_cmpint (sd_bus_new (&bus), >=, 0);
    g_assert_cmpint (sd_bus_set_fd (bus, fd, fd), >=, 0);
    g_assert_cmpint (sd_bus_set_server (bus, /* b= */ true, id), >=, 0);
    g_assert_cmpint (sd_bus_add_filter (bus, /* slot= */ NULL, answer, mock), >=, 0);
    g_assert_cmpint (sd_bus_start (bus), >=, 0);
    serve_until_closed (bus);
    return NULL;
}

static void
mock_start (Mock *mock, Release release)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    *mock = (Mock) {.release = release, .content = at_first, .version = 3};
    g_mutex_init (&mock->lock);
    mock->path = g_getenv (BUS) + strlen (BUS_PREFIX);
    g_strlcpy (address.sun_path, mock->path, sizeof address.sun_path);
    mock->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint (bind (mock->listener, (struct sockaddr *) &address, sizeof address), ==, 0);
    g_assert_cmpint (listen (mock->listener, 1), ==, 0);
    mock->thread = g_thread_new ("mock-nm", serve, mock);
}

/* The connection to it is closed: so it ends. */
static void
mock_clear (Mock *mock)
{
    g_thread_join (mock->thread);
    close (mock->listener);
    g_assert_cmpint (unlink (mock->path), ==, 0);
    g_mutex_clear (&mock->lock);
}

/* ---- saving ---- */

/* Who notices: nobody (there is nothing to notice), we (Update2 is not even asked for),
 * NetworkManager (it refuses). */
typedef enum { SAVED, SEEN, REFUSED } Outcome;

typedef struct {
    const char *what;
    Release release;
    Outcome outcome;
    Change change;
} Row;

/* There are no rows of what nobody can notice: before 1.44 a change behind our reading. */
static const Row rows[] = {
    {"1.42-alone", NM_1_42, SAVED, {NOTHING}},
    {"1.44-alone", NM_1_44, SAVED, {NOTHING}},
    {"1.52-alone", NM_1_52, SAVED, {NOTHING}},

    {"1.42-setting-before", NM_1_42, SEEN, {NAME}},
    {"1.44-setting-before", NM_1_44, SEEN, {NAME}},
    {"1.52-setting-before", NM_1_52, SEEN, {NAME}},
    {"1.42-key-before", NM_1_42, SEEN, {KEY}},
    {"1.44-key-before", NM_1_44, SEEN, {KEY}},
    {"1.52-key-before", NM_1_52, SEEN, {KEY}},

    /* Behind the first version, where there is one, both are still to be read. */
    {"1.42-setting-behind-version", NM_1_42, SEEN, {NAME, "Get", 1}},
    {"1.44-setting-behind-version", NM_1_44, SEEN, {NAME, "Get", 1}},
    {"1.52-setting-behind-version", NM_1_52, SEEN, {NAME, "Get", 1}},
    {"1.42-key-behind-version", NM_1_42, SEEN, {KEY, "Get", 1}},
    {"1.44-key-behind-version", NM_1_44, SEEN, {KEY, "Get", 1}},
    {"1.52-key-behind-version", NM_1_52, SEEN, {KEY, "Get", 1}},

    /* Between the settings and the keys. */
    {"1.44-setting-behind-settings", NM_1_44, SEEN, {NAME, "GetSettings", 1}},
    {"1.52-setting-behind-settings", NM_1_52, SEEN, {NAME, "GetSettings", 1}},
    {"1.42-key-behind-settings", NM_1_42, SEEN, {KEY, "GetSettings", 1}},
    {"1.44-key-behind-settings", NM_1_44, SEEN, {KEY, "GetSettings", 1}},
    {"1.52-key-behind-settings", NM_1_52, SEEN, {KEY, "GetSettings", 1}},

    /* From here on it is the versions that tell. */
    {"1.44-setting-behind-keys", NM_1_44, SEEN, {NAME, "GetSecrets", 1}},
    {"1.52-setting-behind-keys", NM_1_52, SEEN, {NAME, "GetSecrets", 1}},
    {"1.44-key-behind-keys", NM_1_44, SEEN, {KEY, "GetSecrets", 1}},
    {"1.52-key-behind-keys", NM_1_52, SEEN, {KEY, "GetSecrets", 1}},
    {"1.44-setting-behind-second-version", NM_1_44, SEEN, {NAME, "Get", 2}},
    {"1.52-setting-behind-second-version", NM_1_52, SEEN, {NAME, "Get", 2}},
    {"1.44-key-behind-second-version", NM_1_44, SEEN, {KEY, "Get", 2}},
    {"1.52-key-behind-second-version", NM_1_52, SEEN, {KEY, "Get", 2}},
    {"1.44-setting-behind-settings-again", NM_1_44, SEEN, {NAME, "GetSettings", 2}},
    {"1.52-setting-behind-settings-again", NM_1_52, SEEN, {NAME, "GetSettings", 2}},
    {"1.44-key-behind-settings-again", NM_1_44, SEEN, {KEY, "GetSettings", 2}},
    {"1.52-key-behind-settings-again", NM_1_52, SEEN, {KEY, "GetSettings", 2}},
    {"1.44-setting-behind-keys-again", NM_1_44, SEEN, {NAME, "GetSecrets", 2}},
    {"1.52-setting-behind-keys-again", NM_1_52, SEEN, {NAME, "GetSecrets", 2}},
    {"1.44-key-behind-keys-again", NM_1_44, SEEN, {KEY, "GetSecrets", 2}},
    {"1.52-key-behind-keys-again", NM_1_52, SEEN, {KEY, "GetSecrets", 2}},

    /* And NetworkManager, which is told the last. */
    {"1.44-setting-behind-last-version", NM_1_44, REFUSED, {NAME, "Get", 3}},
    {"1.52-setting-behind-last-version", NM_1_52, REFUSED, {NAME, "Get", 3}},
    {"1.44-key-behind-last-version", NM_1_44, REFUSED, {KEY, "Get", 3}},
    {"1.52-key-behind-last-version", NM_1_52, REFUSED, {KEY, "Get", 3}},
};

static SgNmProfile *
find (const SgNmBus *bus)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) wanted = profile_of (at_first.name, at_first.key);
    SgNmProfile *profile = sg_nm_profile_find_uuid (bus, UUID, &error);

    g_assert_no_error (error);
    g_assert_cmpstr (profile->path, ==, PROFILE);
    g_assert_cmpstr (profile->uuid, ==, UUID);
    g_assert_true (sg_profile_equal (profile->settings, wanted));
    return profile;
}

/* From here on somebody may change something. */
static void
arm (Mock *mock, const Change *change)
{
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mock->lock);

    mock->next = *change;
    if (change->what && !change->method)
        somebody_changes (mock);
}

/* Whose the profile is in the end, and who noticed. */
static void
expect_outcome (Mock *mock, const Row *row)
{
    g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&mock->lock);
    const Content *owner = row->outcome == SAVED ? &of_ours : &at_first;
    What change = row->change.what;

    g_assert_cmpint (mock->next.what, ==, NOTHING); /* it did happen */
    g_assert_cmpuint (mock->n_updates, ==, row->outcome == SEEN ? 0 : 1);
    g_assert_true (mock->told_the_version == (row->outcome != SEEN && row->release >= NM_1_44));
    g_assert_cmpstr (mock->content.name, ==, change == NAME ? of_theirs.name : owner->name);
    g_assert_cmpstr (mock->content.key, ==, change == KEY ? of_theirs.key : owner->key);
}

static void
test_save (const void *data)
{
    const Row *row = data;
    g_autoptr (GError) error = NULL;
    g_autoptr (SgNmProfile) profile = NULL;
    g_autoptr (GVariant) settings = profile_of (of_ours.name, of_ours.key);
    g_autofree char *reason = NULL;
    SgNmBus bus;
    Mock mock;
    bool saved;

    mock_start (&mock, row->release);
    if (!sg_nm_bus_open (&bus, ASKING_MS, &reason))
        g_error ("%s", reason);
    profile = find (&bus);
    arm (&mock, &row->change);
    saved = sg_nm_profile_save (&bus, profile, settings, &error);
    if (row->outcome == SAVED)
        g_assert_no_error (error);
    else
        g_assert_error (error, SG_ERROR, SG_ERROR_CONFLICT);
    g_assert_true (saved == (row->outcome == SAVED));
    expect_outcome (&mock, row);
    sg_nm_bus_close (&bus);
    mock_clear (&mock);
}

int
main (int argc, char **argv)
{
    g_autofree char *folder = g_dir_make_tmp ("sixgate-test-XXXXXX", NULL);
    g_autofree char *address = g_strconcat (BUS_PREFIX, folder, "/bus", NULL);
    int status;

    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = g_strconcat ("/nm/connection/save/", rows[i].what, NULL);

        g_test_add_data_func (path, &rows[i], test_save);
    }
    /* Once for all: the environment is not to be changed when there are threads. */
    g_assert_nonnull (folder);
    g_assert_true (g_setenv (BUS, address, /* overwrite= */ TRUE));
    status = g_test_run ();
    g_assert_cmpint (rmdir (folder), ==, 0);
    return status;
}
