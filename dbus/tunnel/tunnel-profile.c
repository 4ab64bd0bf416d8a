/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/tunnel-profile.h"

#include <string.h>

#include "base/error.h"
#include "core/profile-parts.h"
#include "core/profile.h"
#include "core/tunnel-config.h"
#include "nm/nm-connection.h"
#include "pass/files.h"

bool
sg_tunnel_profile_is_same (const SgTunnel *old, const SgTunnel *tunnel)
{
    g_autoptr (GArray) before = old ? sg_tunnel_server_addresses (old) : NULL;
    g_autoptr (GArray) after = sg_tunnel_server_addresses (tunnel);

    if (!before || before->len != after->len ||
        !sg_wg_key_equal (&old->server.private_key, &tunnel->server.private_key))
        return false;
    for (guint i = 0; i < before->len; i++) {
        const SgWgAddress *a = &g_array_index (before, SgWgAddress, i);
        const SgWgAddress *b = &g_array_index (after, SgWgAddress, i);

        if (sg_ip_compare (&a->ip, &b->ip) != 0 || a->len != b->len)
            return false;
    }
    return true;
}

/* ---- whose it is ---- */

static bool
has_key (GVariant *settings, const SgWgRawKey *key)
{
    g_autoptr (GVariant) value = sg_profile_lookup (settings, "wireguard", "private-key");
    SgWgRawKey have = {0};
    bool same = value && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) &&
                sg_wg_key_decode (g_variant_get_string (value, NULL), &have) &&
                sg_wg_key_equal (&have, key);

    explicit_bzero (&have, sizeof have);
    return same;
}

/* Whether it has the key of @tunnel, or that of @old (NULL: nothing was before). */
static bool
is_ours (const SgConfig *config, const SgNmProfile *profile, const SgTunnel *old,
         const SgTunnel *tunnel, GError **error)
{
    if (has_key (profile->settings, &tunnel->server.private_key) ||
        (old && has_key (profile->settings, &old->server.private_key)))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_EXISTS,
                 "NetworkManager has a profile for %s that is not the tunnel's: delete it (nmcli "
                 "connection delete %s), or name another interface with TunnelInterface= in "
                 "sixgate.conf",
                 config->tunnel_interface, profile->uuid);
    return false;
}

bool
sg_tunnel_profile_check_free (const SgConfig *config, const SgTunnel *tunnel, uint32_t timeout_ms,
                              GError **error)
{
    g_autoptr (SgNmProfile) profile = NULL;
    g_autoptr (GError) missing = NULL;
    g_autofree char *reason = NULL;
    SgNmBus bus;

    /* Without NetworkManager it cannot be known; it is looked at again when the profile is to be made. */
    if (!sg_nm_bus_open (&bus, timeout_ms, &reason))
        return true;
    profile = sg_nm_profile_find (&bus, config->tunnel_interface, &missing);
    sg_nm_bus_close (&bus);
    if (g_error_matches (missing, SG_ERROR, SG_ERROR_EXISTS)) {
        g_propagate_error (error, g_steal_pointer (&missing));
        return false;
    }
    return !profile || is_ours (config, profile, /* old= */ NULL, tunnel, error);
}

/* ---- adding, updating ---- */

static bool
add_profile (const SgNmBus *bus, const SgWgConf *conf, const char *interface, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *uuid = g_uuid_string_random ();
    g_autoptr (GVariant) settings = sg_profile_new (conf, interface, uuid, warnings);
    g_autofree char *path = sg_nm_profile_add (bus, settings, error);

    return path != NULL;
}

static bool
update_profile (const SgNmBus *bus, SgWgConf *conf, const SgNmProfile *profile, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GVariant) settings = sg_profile_update (profile->settings, conf, warnings);

    return sg_profile_equal (settings, profile->settings) ||
           sg_nm_profile_save (bus, profile, settings, error);
}

/* @force: also where it is not the tunnel's. */
static bool
add_or_update (const SgConfig *config, const SgTunnel *old, const SgTunnel *tunnel, bool force,
               uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgWgConf) conf = sg_tunnel_server_conf (tunnel, config->tunnel_port);
    g_autoptr (SgNmProfile) profile = NULL;
    g_autoptr (GError) missing = NULL;
    g_autofree char *reason = NULL;
    SgNmBus bus;
    bool ok;

    if (!sg_nm_bus_open (&bus, timeout_ms, &reason)) {
        g_set_error_literal (error, SG_ERROR, SG_ERROR_FAILED, reason);
        return false;
    }
    profile = sg_nm_profile_find (&bus, config->tunnel_interface, &missing);
    if (profile)
        ok = (force || is_ours (config, profile, old, tunnel, error)) &&
             update_profile (&bus, conf, profile, error);
    else if (g_error_matches (missing, SG_ERROR, SG_ERROR_NOT_FOUND))
        ok = add_profile (&bus, conf, config->tunnel_interface, error);
    else
        ok = (g_propagate_error (error, g_steal_pointer (&missing)), false);
    sg_nm_bus_close (&bus);
    return ok && sg_files_set_profile_due (false, error);
}

bool
sg_tunnel_profile_save (const SgConfig *config, const SgTunnel *old, const SgTunnel *tunnel,
                        uint32_t timeout_ms, GError **error)
{
    return sg_tunnel_profile_is_same (old, tunnel) ||
           add_or_update (config, old, tunnel, /* force= */ false, timeout_ms, error);
}

bool
sg_tunnel_profile_restore (const SgConfig *config, const SgTunnel *tunnel, uint32_t timeout_ms,
                           GError **error)
{
    return add_or_update (config, /* old= */ NULL, tunnel, /* force= */ true, timeout_ms, error);
}

/* ---- removing ---- */

bool
sg_tunnel_profile_exists (const SgConfig *config, uint32_t timeout_ms)
{
    g_autoptr (SgNmProfile) profile = NULL;
    g_autofree char *reason = NULL;
    SgNmBus bus;

    if (!sg_nm_bus_open (&bus, timeout_ms, &reason))
        return false;
    profile = sg_nm_profile_find (&bus, config->tunnel_interface, NULL);
    sg_nm_bus_close (&bus);
    return profile != NULL;
}

bool
sg_tunnel_profile_remove (const SgConfig *config, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgNmProfile) profile = NULL;
    g_autoptr (GError) missing = NULL;
    g_autofree char *reason = NULL;
    bool ok = true;
    SgNmBus bus;

    /* Without NetworkManager there is none. */
    if (!sg_nm_bus_open (&bus, timeout_ms, &reason))
        return true;
    profile = sg_nm_profile_find (&bus, config->tunnel_interface, &missing);
    if (profile) {
        ok = sg_nm_profile_delete (&bus, profile->path, error);
    } else if (!g_error_matches (missing, SG_ERROR, SG_ERROR_NOT_FOUND)) {
        g_propagate_error (error, g_steal_pointer (&missing));
        ok = false;
    }
    sg_nm_bus_close (&bus);
    return ok;
}
