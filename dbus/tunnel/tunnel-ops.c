/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/tunnel-ops.h"

#include <string.h>

#include "base/error.h"
#include "base/keygen.h"
#include "kernel/kernel.h"
#include "pass/files.h"
#include "tunnel/tunnel-profile.h"

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

/* Where the role begins: nothing of somebody else's has the name of its interface. */
static bool
check_free (const SgConfig *config, const SgTunnel *tunnel, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgSnapshot) snapshot = sg_tunnel_ops_look (config, error);

    if (!snapshot)
        return false;
    if (sg_tunnel_link_is_foreign (snapshot, config->tunnel_interface, tunnel)) {
        g_set_error (
            error, SG_ERROR, SG_ERROR_EXISTS,
            "there is an interface %s already that is not the tunnel's: remove it, or name "
            "another with TunnelInterface= in sixgate.conf",
            config->tunnel_interface);
        return false;
    }
    return sg_tunnel_profile_check_free (config, tunnel, timeout_ms, error);
}

bool
sg_tunnel_ops_save (const SgConfig *config, const SgTunnel *old, const SgTunnel *tunnel,
                    uint32_t timeout_ms, GError **error)
{
    bool begins = !old || old->generation == 0;
    bool due = sg_files_is_profile_due () || !sg_tunnel_profile_is_same (old, tunnel);

    /* A mark too many costs a look at the profile, one too few leaves it behind: none is taken back. */
    return (!begins || check_free (config, tunnel, timeout_ms, error)) &&
           sg_files_set_profile_due (due, error) && sg_files_save_tunnel (tunnel, error);
}

bool
sg_tunnel_ops_put_back (const SgTunnel *before, GError **error)
{
    if (before)
        return sg_files_save_tunnel (before, error);
    return sg_files_remove_tunnel (error) && sg_files_set_profile_due (false, error);
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
