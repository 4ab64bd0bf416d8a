/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-connection.h"

#include <string.h>

#include "base/error.h"
#include "core/profile-parts.h"
#include "core/snapshot.h"
#include "nm/nm-devices.h"
#include "nm/nm-variant.h"

#define SETTINGS_PATH "/org/freedesktop/NetworkManager/Settings"
#define SETTINGS "org.freedesktop.NetworkManager.Settings"
#define CONNECTION "org.freedesktop.NetworkManager.Settings.Connection"

/* NMSettingsUpdate2Flags, NMSettingsAddConnection2Flags: to disk; NO_REAPPLY: not even the few
 * properties that NetworkManager would bring to the device by itself. */
#define TO_DISK 0x1u
#define NO_REAPPLY 0x40u

void
sg_nm_profile_free (SgNmProfile *profile)
{
    if (!profile)
        return;
    g_free (profile->path);
    g_free (profile->uuid);
    g_clear_pointer (&profile->settings, g_variant_unref);
    g_free (profile);
}

/* ---- asking ---- */

/* The only value of the answer. Owned by the caller. */
static GVariant *
ask_value (const SgNmBus *bus, const SgNmCall *call, const char *type, GError **error)
{
    g_autoptr (sd_bus_message) reply = sg_nm_bus_ask (bus, call, error);
    g_autoptr (GVariant) value = NULL;

    if (!reply)
        return NULL;
    value = sg_nm_read_variant (reply);
    if (value && g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
        return g_steal_pointer (&value);
    g_set_error (error, SG_ERROR, SG_ERROR_FAILED,
                 "cannot understand NetworkManager's answer to %s", call->method);
    return NULL;
}

static GVariant *
get_settings (const SgNmBus *bus, const char *path, GError **error)
{
    const SgNmCall call = {.path = path, .interface = CONNECTION, .method = "GetSettings"};

    return ask_value (bus, &call, "a{sa{sv}}", error);
}

static GVariant *
get_with_secrets (const SgNmBus *bus, const char *path, GError **error)
{
    const SgNmCall call = {.path = path,
                           .interface = CONNECTION,
                           .method = "GetSecrets",
                           .argument = "wireguard",
                           .secret = true};
    g_autoptr (GVariant) settings = get_settings (bus, path, error);
    g_autoptr (GVariant) secrets = NULL;

    if (!settings)
        return NULL;
    secrets = ask_value (bus, &call, "a{sa{sv}}", error);
    return secrets ? sg_profile_add_secrets (settings, secrets) : NULL;
}

/* "" when it has none. */
static const char *
text_of (GVariant *settings, const char *name)
{
    g_autoptr (GVariant) value = sg_profile_lookup (settings, "connection", name);

    return value && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
               ? g_variant_get_string (value, NULL) /* lives as long as @settings */
               : "";
}

/* ---- finding ---- */

/* Whether a profile is the one that is looked for. */
typedef bool (*Matches) (GVariant *settings, const char *wanted);

static bool
is_for_interface (GVariant *settings, const char *name)
{
    return strcmp (text_of (settings, "type"), "wireguard") == 0 &&
           strcmp (text_of (settings, "interface-name"), name) == 0;
}

static bool
has_uuid (GVariant *settings, const char *uuid)
{
    return strcmp (text_of (settings, "uuid"), uuid) == 0;
}

static GVariant *
list_paths (const SgNmBus *bus, GError **error)
{
    const SgNmCall call = {
        .path = SETTINGS_PATH, .interface = SETTINGS, .method = "ListConnections"};

    return ask_value (bus, &call, "ao", error);
}

/* The settings of a profile that may have been deleted since it was listed: then NULL and no
 * error. */
static bool
get_listed (const SgNmBus *bus, const char *path, GVariant **ret_settings, GError **error)
{
    g_autoptr (GError) failure = NULL;

    *ret_settings = get_settings (bus, path, &failure);
    if (*ret_settings || g_error_matches (failure, SG_ERROR, SG_ERROR_NOT_FOUND))
        return true;
    g_propagate_error (error, g_steal_pointer (&failure));
    return false;
}

/* All that match: paths, of char *. NULL when they cannot be had. */
static GPtrArray *
find_paths (const SgNmBus *bus, Matches matches, const char *wanted, GError **error)
{
    g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GVariant) paths = list_paths (bus, error);
    GVariantIter iter;
    const char *path;

    if (!paths)
        return NULL;
    g_variant_iter_init (&iter, paths);
    while (g_variant_iter_next (&iter, "&o", &path)) {
        g_autoptr (GVariant) settings = NULL;

        if (!get_listed (bus, path, &settings, error))
            return NULL;
        if (settings && matches (settings, wanted))
            g_ptr_array_add (found, g_strdup (path));
    }
    return g_steal_pointer (&found);
}

static SgNmProfile *
read_profile (const SgNmBus *bus, const char *path, bool active, GError **error)
{
    g_autoptr (SgNmProfile) profile = g_new0 (SgNmProfile, 1);

    profile->path = g_strdup (path);
    profile->active = active;
    profile->settings = get_with_secrets (bus, path, error);
    if (!profile->settings)
        return NULL;
    profile->uuid = g_strdup (text_of (profile->settings, "uuid"));
    return g_steal_pointer (&profile);
}

/* The profile that is active on the WireGuard device @name; NULL: none. False when that cannot be
 * known: to take it for none would change the profile alone, and leave the link as it was. */
static bool
find_active (const SgNmBus *bus, const char *name, char **ret_path, GError **error)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autofree char *reason = NULL;
    const SgDevice *device;

    sg_nm_read_devices (snapshot, bus->timeout_ms, &reason);
    if (reason) {
        g_set_error_literal (error, SG_ERROR, SG_ERROR_FAILED, reason);
        return false;
    }
    device = sg_snapshot_device (snapshot, name);
    *ret_path = device && device->active && device->profile[0] &&
                        strcmp (device->kind, "wireguard") == 0 && !device->external
                    ? g_strdup (device->profile)
                    : NULL;
    return true;
}

SgNmProfile *
sg_nm_profile_find (const SgNmBus *bus, const char *name, GError **error)
{
    g_autofree char *active = NULL;
    g_autoptr (GPtrArray) paths = NULL;

    if (!find_active (bus, name, &active, error))
        return NULL;
    if (active)
        return read_profile (bus, active, /* active= */ true, error);
    paths = find_paths (bus, is_for_interface, name, error);
    if (!paths)
        return NULL;
    if (paths->len == 1)
        return read_profile (bus, g_ptr_array_index (paths, 0), /* active= */ false, error);
    if (paths->len == 0)
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                     "there is no gateway %s: NetworkManager has no WireGuard profile for an "
                     "interface of that name",
                     name);
    else
        g_set_error (error, SG_ERROR, SG_ERROR_EXISTS,
                     "NetworkManager has %u profiles for %s, and none is active; activate one, or "
                     "delete the others",
                     paths->len, name);
    return NULL;
}

SgNmProfile *
sg_nm_profile_find_uuid (const SgNmBus *bus, const char *uuid, GError **error)
{
    g_autoptr (GPtrArray) paths = find_paths (bus, has_uuid, uuid, error);

    if (!paths)
        return NULL;
    if (paths->len > 0)
        return read_profile (bus, g_ptr_array_index (paths, 0), /* active= */ false, error);
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "NetworkManager has no profile %s any more",
                 uuid);
    return NULL;
}

/* A property of the profile's object. Owned by the caller. */
static GVariant *
get_property (const SgNmBus *bus, const char *path, const char *name, GError **error)
{
    g_autoptr (GVariant) arguments = g_variant_ref_sink (g_variant_new ("(ss)", CONNECTION, name));
    const SgNmCall call = {.path = path,
                           .interface = "org.freedesktop.DBus.Properties",
                           .method = "Get",
                           .arguments = arguments};
    g_autoptr (GVariant) value = ask_value (bus, &call, "v", error);

    return value ? g_variant_get_variant (value) : NULL;
}

/* By its name, or as a cable that is plugged in. */
static bool
fits_links (GVariant *settings)
{
    return *text_of (settings, "interface-name") ||
           strcmp (text_of (settings, "type"), "802-3-ethernet") == 0;
}

static bool
is_saved (const SgNmBus *bus, const char *path)
{
    g_autoptr (GVariant) file = get_property (bus, path, "Filename", NULL);

    return !file || !g_variant_is_of_type (file, G_VARIANT_TYPE_STRING) ||
           !g_str_has_prefix (g_variant_get_string (file, NULL), "/run/");
}

static bool
is_wanted (const SgNmBus *bus, const char *path, GVariant *settings, bool saved)
{
    return saved ? fits_links (settings) && is_saved (bus, path)
                 : *text_of (settings, "interface-name") != '\0';
}

static bool
collect_names (const SgNmBus *bus, bool saved, GHashTable *names, GError **error)
{
    g_autoptr (GVariant) paths = list_paths (bus, error);
    GVariantIter iter;
    const char *path;

    if (!paths)
        return false;
    g_variant_iter_init (&iter, paths);
    while (g_variant_iter_next (&iter, "&o", &path)) {
        g_autoptr (GVariant) settings = NULL;

        if (!get_listed (bus, path, &settings, error))
            return false;
        if (settings && is_wanted (bus, path, settings, saved))
            g_hash_table_add (names, g_strdup (text_of (settings, "interface-name")));
    }
    return true;
}

bool
sg_nm_profile_names (const SgNmBus *bus, GHashTable *names, GError **error)
{
    return collect_names (bus, /* saved= */ false, names, error);
}

bool
sg_nm_profile_saved_names (const SgNmBus *bus, GHashTable *names, GError **error)
{
    return collect_names (bus, /* saved= */ true, names, error);
}

/* ---- changing ---- */

static bool
update (const SgNmBus *bus, const char *path, GVariant *settings, GVariant *version, GError **error)
{
    g_auto (GVariantBuilder) options;
    g_autoptr (GVariant) arguments = NULL;
    g_autoptr (sd_bus_message) reply = NULL;

    g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
    if (version)
        g_variant_builder_add (&options, "{sv}", "version-id", version);
    arguments = g_variant_ref_sink (
        g_variant_new ("(@a{sa{sv}}ua{sv})", settings, TO_DISK | NO_REAPPLY, &options));
    const SgNmCall call = {.path = path,
                           .interface = CONNECTION,
                           .method = "Update2",
                           .arguments = arguments,
                           .secret = true};

    reply = sg_nm_bus_ask (bus, &call, error);
    return reply != NULL;
}

/* Counts the changes of a profile, from NetworkManager 1.44 on. */
static bool
read_version (const SgNmBus *bus, const char *path, uint64_t *ret_version, GError **error)
{
    g_autoptr (GVariant) version = get_property (bus, path, "VersionId", error);

    if (!version)
        return false;
    if (!g_variant_is_of_type (version, G_VARIANT_TYPE_UINT64)) {
        g_set_error (error, SG_ERROR, SG_ERROR_FAILED,
                     "cannot understand NetworkManager's VersionId of a profile");
        return false;
    }
    *ret_version = g_variant_get_uint64 (version);
    return true;
}

static bool
refuse_changed (GError **error)
{
    g_set_error (error, SG_ERROR, SG_ERROR_CONFLICT,
                 "somebody else changed the profile meanwhile; look at it and try again");
    return false;
}

/* Whether nothing happened while a profile was read twice, the first time as @settings. Reading its keys counts as a
 * change itself (1.52), or does not (1.44): a change of somebody else makes the difference between both
 * times. */
static bool
was_quiet (const SgNmBus *bus, const char *path, GVariant *settings, uint64_t versions[3],
           GError **error)
{
    g_autoptr (GVariant) again = NULL;

    if (!read_version (bus, path, &versions[1], error) ||
        !(again = get_with_secrets (bus, path, error)) ||
        !read_version (bus, path, &versions[2], error))
        return false;
    return (sg_profile_equal (again, settings) &&
            versions[1] - versions[0] == versions[2] - versions[1]) ||
           refuse_changed (error);
}

/* Whether @profile is what NetworkManager has of it; from then on @ret_version watches (NULL before 1.44, which
 * has no such property: nothing can). */
static bool
is_unchanged (const SgNmBus *bus, const SgNmProfile *profile, GVariant **ret_version,
              GError **error)
{
    uint64_t versions[3];
    bool counted = read_version (bus, profile->path, &versions[0], NULL);
    g_autoptr (GVariant) now = get_with_secrets (bus, profile->path, error);

    if (!now)
        return false;
    if (!sg_profile_equal (now, profile->settings))
        return refuse_changed (error);
    if (counted && !was_quiet (bus, profile->path, now, versions, error))
        return false;
    *ret_version = counted ? g_variant_ref_sink (g_variant_new_uint64 (versions[2])) : NULL;
    return true;
}

bool
sg_nm_profile_save (const SgNmBus *bus, const SgNmProfile *profile, GVariant *settings,
                    GError **error)
{
    g_autoptr (GVariant) version = NULL;

    return is_unchanged (bus, profile, &version, error) &&
           update (bus, profile->path, settings, version, error);
}

bool
sg_nm_profile_restore (const SgNmBus *bus, const char *path, GVariant *settings, GError **error)
{
    return update (bus, path, settings, /* version= */ NULL, error);
}

char *
sg_nm_profile_add (const SgNmBus *bus, GVariant *settings, GError **error)
{
    g_autoptr (GVariant) arguments =
        g_variant_ref_sink (g_variant_new ("(@a{sa{sv}}ua{sv})", settings, TO_DISK, NULL));
    const SgNmCall call = {.path = SETTINGS_PATH,
                           .interface = SETTINGS,
                           .method = "AddConnection2",
                           .arguments = arguments,
                           .secret = true};
    g_autoptr (GVariant) path = ask_value (bus, &call, "o", error);

    return path ? g_variant_dup_string (path, NULL) : NULL;
}

bool
sg_nm_profile_delete (const SgNmBus *bus, const char *path, GError **error)
{
    const SgNmCall call = {.path = path, .interface = CONNECTION, .method = "Delete"};
    g_autoptr (sd_bus_message) reply = sg_nm_bus_ask (bus, &call, error);

    return reply != NULL;
}
