/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/tunnel-call.h"

#include <string.h>

#include "base/error.h"
#include "core/tunnel-codec.h"
#include "core/tunnel-prefix.h"
#include "tunnel/tunnel-ops.h"

/* ---- the whole ---- */

static void
warn_of_prefixes (SgTunnelCall *call, const SgTunnel *tunnel, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);
        g_autoptr (GError) refusal = NULL;

        if (sg_prefix_is_set (&subnet->prefix) &&
            !sg_tunnel_prefix_judge (&subnet->prefix, snapshot, call->config->tunnel_interface,
                                     call->warnings, &refusal))
            g_ptr_array_add (call->warnings, g_strdup (refusal->message));
    }
}

SgTunnel *
sg_tunnel_call_restore (SgTunnelCall *call, GError **error)
{
    const char *text = call->words[0];
    g_autoptr (SgTunnel) saved = sg_tunnel_parse ("tunnel state", text, strlen (text), error);
    g_autoptr (SgSnapshot) snapshot = saved ? sg_tunnel_ops_look (call->config, error) : NULL;
    g_autoptr (GArray) taken = NULL;
    SgTunnel *next;

    if (!snapshot)
        return NULL;
    taken = sg_tunnel_taken_find (snapshot, call->config->tunnel_interface);
    next = sg_tunnel_restore (call->tunnel, saved, taken, error);
    if (next)
        warn_of_prefixes (call, next, snapshot);
    return next;
}

/* ---- subnets ---- */

SgTunnel *
sg_tunnel_call_subnet_add (SgTunnelCall *call, GError **error)
{
    SgPrefix network;

    call->uses_wan = true;
    return sg_prefix_parse (call->words[0], &network, error)
               ? sg_tunnel_add_subnet (call->tunnel, &network, call->words[1], error)
               : NULL;
}

SgTunnel *
sg_tunnel_call_subnet_remove (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);

    return subnet ? sg_tunnel_remove_subnet (call->tunnel, &subnet->network, error) : NULL;
}

SgTunnel *
sg_tunnel_call_subnet_set_name (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);

    return subnet ? sg_tunnel_rename_subnet (call->tunnel, &subnet->network, call->words[1], error)
                  : NULL;
}

SgTunnel *
sg_tunnel_call_subnet_set_ipv6 (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    g_autoptr (SgSnapshot) snapshot = NULL;
    g_autoptr (GArray) taken = NULL;
    SgTunnelPrefixRequest request = {.allow_ula = call->allow_ula};

    if (!subnet || !sg_prefix_parse (call->words[1], &request.prefix, error) ||
        !sg_tunnel_prefix_check (&request.prefix, request.allow_ula, error) ||
        !(snapshot = sg_tunnel_ops_look (call->config, error)) ||
        !sg_tunnel_prefix_judge (&request.prefix, snapshot, call->config->tunnel_interface,
                                 call->warnings, error))
        return NULL;
    call->uses_wan = true;
    request.taken = taken = sg_tunnel_taken_find (snapshot, call->config->tunnel_interface);
    return sg_tunnel_set_prefix (call->tunnel, &subnet->network, &request, error);
}

SgTunnel *
sg_tunnel_call_subnet_clear_ipv6 (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    const SgTunnelPrefixRequest none = {0};

    return subnet ? sg_tunnel_set_prefix (call->tunnel, &subnet->network, &none, error) : NULL;
}

/* ---- devices ---- */

bool
sg_tunnel_call_device (const SgTunnelCall *call, SgTunnelDeviceId *ret_id, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    const SgTunnelDevice *device =
        subnet ? sg_tunnel_subnet_named (subnet, call->words[1], error) : NULL;

    if (device)
        *ret_id = (SgTunnelDeviceId) {subnet->network, device->ip4};
    return device != NULL;
}

static bool
parse_kind (const char *text, SgTunnelKind *ret_kind, GError **error)
{
    if (sg_tunnel_kind_from_string (text, ret_kind))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "“%s” is no kind of device; it is client or server", text);
    return false;
}

static bool
fill_request (const SgTunnelCall *call, SgTunnelDeviceRequest *request, GError **error)
{
    if (call->ip && (!sg_ip_parse (call->ip, &request->ip4) || request->ip4.family != AF_INET)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is no IPv4 address; write it like 10.59.0.2", call->ip);
        return false;
    }
    return !call->kind || parse_kind (call->kind, &request->kind, error);
}

SgTunnel *
sg_tunnel_call_device_add (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    g_autoptr (SgSnapshot) snapshot = NULL;
    g_autoptr (GArray) taken = NULL;
    SgTunnelKeys keys = {0};
    SgTunnelDeviceRequest request = {.name = call->words[1], .keys = &keys};
    SgTunnel *next = NULL;
    SgIp got;

    if (!subnet || !fill_request (call, &request, error) ||
        !(snapshot = sg_tunnel_ops_look (call->config, error)) ||
        !sg_tunnel_ops_make_keys (call->public_key, &keys, error))
        return NULL;
    request.taken = taken = sg_tunnel_taken_find (snapshot, call->config->tunnel_interface);
    next = sg_tunnel_add_device (call->tunnel, &subnet->network, &request, &got, error);
    explicit_bzero (&keys, sizeof keys);
    if (next)
        call->added = (SgTunnelDeviceId) {subnet->network, got};
    return next;
}

SgTunnel *
sg_tunnel_call_device_remove (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;

    return sg_tunnel_call_device (call, &id, error)
               ? sg_tunnel_remove_device (call->tunnel, &id, error)
               : NULL;
}

SgTunnel *
sg_tunnel_call_device_set_name (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;

    return sg_tunnel_call_device (call, &id, error)
               ? sg_tunnel_rename_device (call->tunnel, &id, call->words[2], error)
               : NULL;
}

SgTunnel *
sg_tunnel_call_device_set_kind (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    SgTunnelKind kind;

    return sg_tunnel_call_device (call, &id, error) && parse_kind (call->words[2], &kind, error)
               ? sg_tunnel_set_kind (call->tunnel, &id, kind, error)
               : NULL;
}

SgTunnel *
sg_tunnel_call_device_allow_pinholes (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    bool yes = strcmp (call->words[2], "yes") == 0;

    if (!yes && strcmp (call->words[2], "no") != 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "say yes or no, not “%s”",
                     call->words[2]);
        return NULL;
    }
    return sg_tunnel_call_device (call, &id, error)
               ? sg_tunnel_allow_pinholes (call->tunnel, &id, yes, error)
               : NULL;
}
