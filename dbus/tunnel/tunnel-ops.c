/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/tunnel-ops.h"

#include <string.h>

#include "base/error.h"
#include "base/keygen.h"
#include "core/profile.h"
#include "kernel/kernel.h"
#include "nm/nm-connection.h"
#include "pass/files.h"

/* ---- keys ---- */

static bool
make_pair (SgTunnelKeys *keys, GError **error)
{
    if (!sg_keygen_private (keys->private_key.bytes, error))
        return false;
    sg_keygen_public (keys->private_key.bytes, keys->public_key.bytes);
    return true;
}

static bool
take_public (const char *text, SgTunnelKeys *keys, GError **error)
{
    SgWgKey checked;

    return sg_wg_key_parse (text, /* zero_is_none= */ false, &checked, error) &&
           sg_wg_key_decode (checked.text, &keys->public_key);
}

bool
sg_tunnel_ops_make_keys (const char *public_key, SgTunnelKeys *ret_keys, GError **error)
{
    SgTunnelKeys keys = {0};
    bool ok = (public_key ? take_public (public_key, &keys, error) : make_pair (&keys, error)) &&
              sg_keygen_random (keys.preshared_key.bytes, error);

    if (ok)
        *ret_keys = keys;
    explicit_bzero (&keys, sizeof keys);
    return ok;
}

/* ---- the state ---- */

SgTunnel *
sg_tunnel_ops_open (GError **error)
{
    SgTunnelKeys keys = {0};
    SgTunnel *tunnel = NULL;

    if (!sg_files_load_tunnel (&tunnel, error))
        return NULL;
    if (!tunnel && make_pair (&keys, error))
        tunnel = sg_tunnel_new (&keys);
    explicit_bzero (&keys, sizeof keys);
    return tunnel;
}

bool
sg_tunnel_ops_save (const SgTunnel *tunnel, GError **error)
{
    return sg_files_save_tunnel (tunnel, error);
}

SgSnapshot *
sg_tunnel_ops_look (const SgConfig *config, GError **error)
{
    g_autoptr (SgKernel) kernel = sg_kernel_linux_open (error);
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();

    if (!kernel)
        return NULL;
    snapshot->tunnel = true;
    if (!kernel->ops->dump (kernel, config, snapshot, error))
        return NULL;
    return g_steal_pointer (&snapshot);
}

/* ---- the profile ---- */

/* Whether the profile of @old is that of @tunnel: the same key and addresses. */
static bool
has_same_profile (const SgTunnel *old, const SgTunnel *tunnel)
{
    g_autoptr (GArray) before = sg_tunnel_server_addresses (old);
    g_autoptr (GArray) after = sg_tunnel_server_addresses (tunnel);

    if (before->len != after->len ||
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

    return sg_nm_profile_save (bus, profile, settings, error);
}

bool
sg_tunnel_ops_save_profile (const SgConfig *config, const SgTunnel *old, const SgTunnel *tunnel,
                            uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgWgConf) conf = sg_tunnel_server_conf (tunnel, config->tunnel_port);
    g_autoptr (SgNmProfile) profile = NULL;
    g_autoptr (GError) missing = NULL;
    g_autofree char *reason = NULL;
    SgNmBus bus;
    bool ok;

    if (old && has_same_profile (old, tunnel))
        return true;
    if (!sg_nm_bus_open (&bus, timeout_ms, &reason)) {
        g_set_error_literal (error, SG_ERROR, SG_ERROR_FAILED, reason);
        return false;
    }
    profile = sg_nm_profile_find (&bus, config->tunnel_interface, &missing);
    if (profile)
        ok = update_profile (&bus, conf, profile, error);
    else if (g_error_matches (missing, SG_ERROR, SG_ERROR_NOT_FOUND))
        ok = add_profile (&bus, conf, config->tunnel_interface, error);
    else
        ok = (g_propagate_error (error, g_steal_pointer (&missing)), false);
    sg_nm_bus_close (&bus);
    return ok;
}

bool
sg_tunnel_ops_put_back (const SgTunnel *before, GError **error)
{
    return before ? sg_tunnel_ops_save (before, error) : sg_files_remove_tunnel (error);
}

/* Calls @found with the profile of the interface, if there is one. */
static bool
with_profile (const SgConfig *config, uint32_t timeout_ms,
              bool (*found) (const SgNmBus *bus, const SgNmProfile *profile, GError **error),
              GError **error)
{
    g_autoptr (SgNmProfile) profile = NULL;
    g_autofree char *reason = NULL;
    bool ok = true;
    SgNmBus bus;

    /* Without NetworkManager there is none. */
    if (!sg_nm_bus_open (&bus, timeout_ms, &reason))
        return true;
    profile = sg_nm_profile_find (&bus, config->tunnel_interface, NULL);
    if (profile)
        ok = found (&bus, profile, error);
    sg_nm_bus_close (&bus);
    return ok;
}

static bool
say_no (const SgNmBus *bus, const SgNmProfile *profile, GError **error)
{
    return false;
}

bool
sg_tunnel_ops_has_profile (const SgConfig *config, uint32_t timeout_ms)
{
    return !with_profile (config, timeout_ms, say_no, NULL);
}

static bool
delete_profile (const SgNmBus *bus, const SgNmProfile *profile, GError **error)
{
    return sg_nm_profile_delete (bus, profile->path, error);
}

bool
sg_tunnel_ops_remove_profile (const SgConfig *config, uint32_t timeout_ms, GError **error)
{
    return with_profile (config, timeout_ms, delete_profile, error);
}

/* ---- the endpoint ---- */

bool
sg_tunnel_ops_endpoint (const SgConfig *config, const char *text, SgWgEndpoint *ret_endpoint,
                        GError **error)
{
    g_autofree char *own = NULL;
    g_autoptr (SgSnapshot) snapshot = NULL;
    char ip_text[SG_PREFIX_TEXT_MAX];
    SgIp ip;

    if (!text && *config->tunnel_endpoint)
        text = config->tunnel_endpoint;
    if (!text) {
        snapshot = sg_tunnel_ops_look (config, error);
        if (!snapshot)
            return false;
        if (!sg_tunnel_endpoint_choose (snapshot, config->tunnel_interface, &ip)) {
            g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                         "this machine has no public address on the link of its default route; say "
                         "how devices reach it, with --endpoint or with TunnelEndpoint= in the "
                         "configuration");
            return false;
        }
        text = own = g_strdup (sg_ip_format (&ip, ip_text));
    }
    return sg_tunnel_endpoint_parse (text, config->tunnel_port, ret_endpoint, error);
}
