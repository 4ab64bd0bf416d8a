/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-profiles.h"

#include <string.h>

#include "nm/nm-bus.h"
#include "nm/nm-profile-parse.h"

#define CONNECTION "org.freedesktop.NetworkManager.Settings.Connection"

/* What is asked about one device; false with @ret_reason when there is no answer. */
typedef bool (*Ask) (const SgNmBus *bus, const SgDevice *device, void *data, char **ret_reason);
/* Whether it is to be asked about. */
typedef bool (*Concerns) (const SgDevice *device, void *data);

/* Goes on after a failure, unless the time is up; the first reason is kept. */
static void
ask_about (const SgSnapshot *snapshot, uint32_t timeout_ms, Concerns concerns, Ask ask, void *data,
           char **ret_reason)
{
    SgNmBus bus = {0};

    *ret_reason = NULL;
    for (guint i = 0; i < snapshot->devices->len; i++) {
        const SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);
        g_autofree char *reason = NULL;

        if (!concerns (device, data))
            continue;
        if (!bus.bus && !sg_nm_bus_open (&bus, timeout_ms, ret_reason))
            return;
        if (!ask (&bus, device, data, &reason) && !*ret_reason)
            *ret_reason = g_strdup_printf ("%s: %s", device->name, reason);
    }
    sg_nm_bus_close (&bus);
}

/* ---- settings ---- */

static bool
has_profile (const SgDevice *device, void *data)
{
    return device->active && device->managed && !device->external && device->profile[0] &&
           strcmp (device->kind, "wireguard") == 0;
}

void
sg_nm_note_profile (SgSnapshot *snapshot, const SgWireguardProfile *profile)
{
    for (guint i = 0; i < snapshot->devices->len; i++) {
        SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);

        if (strcmp (device->name, profile->device) == 0) {
            device->typed = true;
            device->type = profile->type;
            device->dns = profile->dns;
            device->dns_search = profile->dns_search;
        }
    }
}

static SgWireguardProfile *
fetch_settings (const SgNmBus *bus, const SgDevice *device, char **ret_reason)
{
    const SgNmCall call = {
        .path = device->profile, .interface = CONNECTION, .method = "GetSettings"};
    g_autoptr (SgWireguardProfile) profile = sg_wireguard_profile_new (device->name);
    g_autoptr (sd_bus_message) reply = sg_nm_bus_call (bus, &call, ret_reason);
    g_autoptr (GError) error = NULL;

    if (!reply)
        return NULL;
    if (!sg_nm_parse_profile (reply, profile, &error)) {
        *ret_reason = g_strdup (error->message);
        return NULL;
    }
    return g_steal_pointer (&profile);
}

static bool
ask_settings (const SgNmBus *bus, const SgDevice *device, void *data, char **ret_reason)
{
    SgWireguardProfile *profile = fetch_settings (bus, device, ret_reason);
    SgSnapshot *snapshot = data;

    if (!profile)
        return false;
    sg_nm_note_profile (snapshot, profile);
    g_ptr_array_add (snapshot->profiles, profile);
    return true;
}

static bool
ask_type (const SgNmBus *bus, const SgDevice *device, void *data, char **ret_reason)
{
    g_autoptr (SgWireguardProfile) profile = fetch_settings (bus, device, ret_reason);

    if (profile)
        sg_nm_note_profile (data, profile);
    return profile != NULL;
}

void
sg_nm_read_profiles (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason)
{
    g_ptr_array_set_size (snapshot->profiles, 0);
    ask_about (snapshot, timeout_ms, has_profile, ask_settings, snapshot, ret_reason);
}

void
sg_nm_read_types (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason)
{
    ask_about (snapshot, timeout_ms, has_profile, ask_type, snapshot, ret_reason);
}

/* ---- secrets ---- */

typedef struct {
    const SgSnapshot *snapshot;
    const SgWanted *wanted;
    SgKeyring *keyring;
} Fetching;

static bool
lacks_keys (const SgDevice *device, void *data)
{
    const Fetching *fetching = data;
    const SgLink *link = sg_snapshot_link_by_name (fetching->snapshot, device->name);
    const GArray *preshared = fetching->wanted->preshared;

    if (!link || !has_profile (device, /* data= */ NULL))
        return false;
    for (guint i = 0; i < preshared->len; i++) {
        if (g_array_index (preshared, SgWantedPreshared, i).ifindex == link->ifindex)
            return true;
    }
    return false;
}

static bool
ask_secrets (const SgNmBus *bus, const SgDevice *device, void *data, char **ret_reason)
{
    const SgNmCall call = {.path = device->profile,
                           .interface = CONNECTION,
                           .method = "GetSecrets",
                           .argument = "wireguard",
                           .secret = true};
    const Fetching *fetching = data;
    const SgLink *link = sg_snapshot_link_by_name (fetching->snapshot, device->name);
    g_autoptr (sd_bus_message) reply = sg_nm_bus_call (bus, &call, ret_reason);
    g_autoptr (GError) error = NULL;

    if (!reply)
        return false;
    if (sg_nm_parse_secrets (reply, link->ifindex, fetching->keyring, &error))
        return true;
    *ret_reason = g_strdup (error->message);
    return false;
}

SgKeyring *
sg_nm_read_keys (const SgSnapshot *snapshot, const SgWanted *wanted, uint32_t timeout_ms,
                 char **ret_reason)
{
    Fetching fetching = {snapshot, wanted, sg_keyring_new ()};

    ask_about (snapshot, timeout_ms, lacks_keys, ask_secrets, &fetching, ret_reason);
    return fetching.keyring;
}
