/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-gather.h"

#include <string.h>

#include "base/error.h"
#include "nm/nm-bus.h"
#include "nm/nm-parse.h"
#include "nm/nm-profile-parse.h"
#include "nm/nm-profiles.h"

#define SETTINGS "org.freedesktop.NetworkManager.Settings"
#define CONNECTION "org.freedesktop.NetworkManager.Settings.Connection"

struct SgNmGather {
    SgNmQuestion question;
    SgSnapshot *snapshot;
    SgKeyring *keyring;
    const SgSnapshot *known; /* whose devices the keys are of */
    char *reason;            /* the first that there was */
    int64_t deadline;        /* of g_get_monotonic_time() */
    GPtrArray *slots;        /* of sd_bus_slot: calls without an answer yet, and answered ones */
    unsigned pending;
};

/* A call on its way: what its answer is for. */
typedef bool (*Read) (SgNmGather *gather, const char *about, sd_bus_message *reply, GError **error);

typedef struct {
    SgNmGather *gather;
    Read read;
    char *about; /* a device, a profile; "" = neither */
} Asked;

static void
unref_slot (void *slot)
{
    sd_bus_slot_unref (slot);
}

static void
free_asked (void *data)
{
    Asked *asked = data;

    g_free (asked->about);
    g_free (asked);
}

GHashTable *
sg_nm_catalog_new (void)
{
    return g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                  (GDestroyNotify) sg_nm_summary_free);
}

/* ---- asking ---- */

static void
note_reason (SgNmGather *gather, const char *about, const char *reason)
{
    /* A profile of the catalog that went away meanwhile is no news. */
    if (gather->reason || *about == '/')
        return;
    gather->reason = *about ? g_strdup_printf ("%s: %s", about, reason) : g_strdup (reason);
}

static void
finish (SgNmGather *gather)
{
    g_autoptr (SgNmGather) self = gather;

    self->question.done (self->question.data, self);
}

static int
on_reply (sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const Asked *asked = data;
    SgNmGather *gather = asked->gather;

    if (sd_bus_message_is_method_error (reply, NULL)) {
        g_autofree char *reason =
            sg_nm_bus_reason (sd_bus_message_get_error (reply), gather->question.timeout_ms);

        note_reason (gather, asked->about, reason);
    } else {
        g_autoptr (GError) error = NULL;

        if (!asked->read (gather, asked->about, reply, &error))
            note_reason (gather, asked->about, error->message);
    }
    if (--gather->pending == 0)
        finish (gather);
    return 0;
}

/* Queues a call; false with a negative errno noted as the reason. */
static bool
ask (SgNmGather *gather, const SgNmCall *call, Read read, const char *about)
{
    int64_t left = gather->deadline - g_get_monotonic_time ();
    g_autoptr (sd_bus_message) message = NULL;
    Asked *asked = g_new0 (Asked, 1);
    sd_bus_slot *slot = NULL;
    int r = sg_nm_bus_new_call (gather->question.bus, call, &message);

    asked->gather = gather;
    asked->read = read;
    asked->about = g_strdup (about);
    if (r >= 0)
        r = sd_bus_call_async (gather->question.bus, &slot, message, on_reply, asked,
                               (uint64_t) MAX (left, 1));
    if (r < 0) {
        g_autofree char *reason =
            g_strdup_printf ("cannot ask NetworkManager over the system bus: %s", g_strerror (-r));

        note_reason (gather, asked->about, reason);
        free_asked (asked);
        return false;
    }
    sd_bus_slot_set_destroy_callback (slot, free_asked);
    g_ptr_array_add (gather->slots, slot);
    gather->pending++;
    return true;
}

/* ---- devices, and their profiles ---- */

static bool
read_profile (SgNmGather *gather, const char *about, sd_bus_message *reply, GError **error)
{
    g_autoptr (SgWireguardProfile) profile = sg_wireguard_profile_new (about);

    if (!sg_nm_parse_profile (reply, profile, error))
        return false;
    sg_nm_note_profile (gather->snapshot, profile);
    g_ptr_array_add (gather->snapshot->profiles, g_steal_pointer (&profile));
    return true;
}

static bool
has_wireguard_profile (const SgDevice *device)
{
    return device->active && device->managed && !device->external && device->profile[0] &&
           strcmp (device->kind, "wireguard") == 0;
}

static void
ask_profiles (SgNmGather *gather)
{
    const GArray *devices = gather->snapshot->devices;

    for (guint i = 0; i < devices->len; i++) {
        SgDevice *device = &g_array_index (devices, SgDevice, i);
        const SgNmCall call = {
            .path = device->profile, .interface = CONNECTION, .method = "GetSettings"};

        if (has_wireguard_profile (device) && !ask (gather, &call, read_profile, device->name))
            return;
    }
}

static bool
read_devices (SgNmGather *gather, const char *about, sd_bus_message *reply, GError **error)
{
    SgSnapshot *snapshot = gather->snapshot;

    if (!sg_nm_parse_objects (reply, snapshot->devices, &snapshot->nm, error)) {
        g_array_set_size (snapshot->devices, 0);
        snapshot->nm = SG_NM_ABSENT;
        return false;
    }
    if (gather->question.profiles)
        ask_profiles (gather);
    return true;
}

/* ---- the catalog ---- */

static bool
read_summary (SgNmGather *gather, const char *about, sd_bus_message *reply, GError **error)
{
    g_autoptr (SgNmSummary) summary = sg_nm_parse_summary (reply, error);

    if (!summary)
        return false;
    g_hash_table_replace (gather->question.catalog, g_strdup (about), g_steal_pointer (&summary));
    return true;
}

static gboolean
is_not_listed (gpointer path, gpointer summary, gpointer listed)
{
    return !g_strv_contains (listed, path);
}

static bool
read_list (SgNmGather *gather, const char *about, sd_bus_message *reply, GError **error)
{
    GHashTable *catalog = gather->question.catalog;
    g_auto (GStrv) paths = NULL;
    int r = sd_bus_message_read_strv (reply, &paths);

    if (r < 0) {
        sg_error_set_errno (error, SG_ERROR_FAILED, -r,
                            "cannot understand NetworkManager's list of profiles");
        return false;
    }
    g_hash_table_foreach_remove (catalog, is_not_listed, paths ? paths : (char *[]) {NULL});
    for (char **path = paths; path && *path; path++) {
        const SgNmCall call = {.path = *path, .interface = CONNECTION, .method = "GetSettings"};

        const SgNmSummary *known = g_hash_table_lookup (catalog, *path);

        if ((!known || known->stale) && !ask (gather, &call, read_summary, *path))
            break;
    }
    return true;
}

/* ---- keys ---- */

static bool
read_keys (SgNmGather *gather, const char *about, sd_bus_message *reply, GError **error)
{
    const SgLink *link = sg_snapshot_link_by_name (gather->known, about);

    return sd_bus_message_sensitive (reply) >= 0 &&
           sg_nm_parse_secrets (reply, link->ifindex, gather->keyring, error);
}

static bool
lacks_keys (const SgNmGather *gather, const SgWanted *wanted, const SgDevice *device)
{
    const SgLink *link = sg_snapshot_link_by_name (gather->known, device->name);

    if (!link || !has_wireguard_profile (device))
        return false;
    for (guint i = 0; i < wanted->preshared->len; i++) {
        if (g_array_index (wanted->preshared, SgWantedPreshared, i).ifindex == link->ifindex)
            return true;
    }
    return false;
}

/* ---- the whole ---- */

static SgNmGather *
new_gather (const SgNmQuestion *question)
{
    SgNmGather *gather = g_new0 (SgNmGather, 1);

    gather->question = *question;
    gather->deadline = g_get_monotonic_time () + (int64_t) question->timeout_ms * 1000;
    gather->slots = g_ptr_array_new_with_free_func (unref_slot);
    return gather;
}

/* What is on its way; none with the reason when that is nothing. */
static SgNmGather *
if_pending (SgNmGather *gather, char **ret_reason)
{
    if (gather->pending > 0)
        return gather;
    *ret_reason = g_steal_pointer (&gather->reason);
    sg_nm_gather_free (gather);
    return NULL;
}

SgNmGather *
sg_nm_gather_start (const SgNmQuestion *question, char **ret_reason)
{
    static const SgNmCall objects = {
        .path = "/org/freedesktop",
        .interface = "org.freedesktop.DBus.ObjectManager",
        .method = "GetManagedObjects",
    };
    static const SgNmCall list = {.path = "/org/freedesktop/NetworkManager/Settings",
                                  .interface = SETTINGS,
                                  .method = "ListConnections"};
    SgNmGather *gather = new_gather (question);

    gather->snapshot = sg_snapshot_new ();
    gather->snapshot->nm = SG_NM_ABSENT;
    if (ask (gather, &objects, read_devices, "") && question->catalog)
        (void) ask (gather, &list, read_list, "");
    return if_pending (gather, ret_reason);
}

SgNmGather *
sg_nm_gather_keys (const SgNmQuestion *question, const SgSnapshot *snapshot, const SgWanted *wanted,
                   char **ret_reason)
{
    SgNmGather *gather = new_gather (question);

    gather->known = snapshot;
    gather->keyring = sg_keyring_new ();
    for (guint i = 0; i < snapshot->devices->len; i++) {
        SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);
        const SgNmCall call = {.path = device->profile,
                               .interface = CONNECTION,
                               .method = "GetSecrets",
                               .argument = "wireguard",
                               .secret = true};

        if (lacks_keys (gather, wanted, device) && !ask (gather, &call, read_keys, device->name))
            break;
    }
    return if_pending (gather, ret_reason);
}

void
sg_nm_gather_free (SgNmGather *gather)
{
    if (!gather)
        return;
    g_ptr_array_unref (gather->slots);
    g_clear_pointer (&gather->snapshot, sg_snapshot_free);
    g_clear_pointer (&gather->keyring, sg_keyring_free);
    g_free (gather->reason);
    g_free (gather);
}

SgSnapshot *
sg_nm_gather_take_snapshot (SgNmGather *gather)
{
    return g_steal_pointer (&gather->snapshot);
}

SgKeyring *
sg_nm_gather_take_keyring (SgNmGather *gather)
{
    return g_steal_pointer (&gather->keyring);
}

const char *
sg_nm_gather_reason (const SgNmGather *gather)
{
    return gather->reason;
}
