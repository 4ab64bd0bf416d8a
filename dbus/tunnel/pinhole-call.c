/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Open ports of a device, made by hand. */
#include <string.h>

#include "base/error.h"
#include "base/port-range.h"
#include "tunnel/tunnel-call.h"

/* ---- words ---- */

/* What the words behind the device say. */
typedef struct {
    SgPinhole first; /* borrows its label */
    guint n;
} Range;

static bool
parse_range (const SgTunnelCall *call, Range *ret_range, GError **error)
{
    const char *protocol = call->words[2], *label = call->label ? call->label : "";
    SgPortRange ports;
    uint8_t number;

    if (!sg_pinhole_protocol_from_string (protocol, &number)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "say tcp or udp, not “%s”",
                     protocol);
        return false;
    }
    if (!sg_port_range_parse (call->words[3], &ports, error))
        return false;
    *ret_range = (Range) {{number, ports.external, ports.internal, true, (char *) label}, ports.n};
    return true;
}

/* ---- commands ---- */

SgTunnel *
sg_tunnel_call_pinhole_add (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    Range range;

    return sg_tunnel_call_device (call, &id, error) && parse_range (call, &range, error)
               ? sg_tunnel_add_pinholes (call->tunnel, &id, &range.first, range.n, error)
               : NULL;
}

SgTunnel *
sg_tunnel_call_pinhole_remove (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    Range range;

    return sg_tunnel_call_device (call, &id, error) && parse_range (call, &range, error)
               ? sg_tunnel_remove_pinholes (call->tunnel, &id, &range.first, range.n, error)
               : NULL;
}

/* The one that the words name, as it is; its strings belong to the state. */
static bool
find (const SgTunnelCall *call, SgTunnelDeviceId *id, SgPinhole *ret_pinhole, GError **error)
{
    const SgPinhole *found;
    Range range;

    if (!sg_tunnel_call_device (call, id, error) || !parse_range (call, &range, error))
        return false;
    found = sg_tunnel_device_find (
        sg_tunnel_subnet_find (sg_tunnel_find (call->tunnel, &id->network), &id->ip4),
        range.first.protocol, range.first.external);
    if (!found || range.n > 1) {
        g_set_error (
            error, SG_ERROR, SG_ERROR_NOT_FOUND,
            "“%s” has no pinhole %s %s that was made by hand; `sixgatectl pinhole list` tells them",
            call->words[1], call->words[2], call->words[3]);
        return false;
    }
    *ret_pinhole = *found;
    return true;
}

static SgTunnel *
set_enabled (const SgTunnelCall *call, bool enabled, GError **error)
{
    SgTunnelDeviceId id;
    SgPinhole pinhole;

    if (!find (call, &id, &pinhole, error))
        return NULL;
    pinhole.enabled = enabled;
    return sg_tunnel_change_pinhole (call->tunnel, &id, &pinhole, error);
}

SgTunnel *
sg_tunnel_call_pinhole_set_enabled (SgTunnelCall *call, GError **error)
{
    return set_enabled (call, strcmp (call->words[4], "yes") == 0, error);
}

SgTunnel *
sg_tunnel_call_pinhole_enable (SgTunnelCall *call, GError **error)
{
    return set_enabled (call, true, error);
}

SgTunnel *
sg_tunnel_call_pinhole_disable (SgTunnelCall *call, GError **error)
{
    return set_enabled (call, false, error);
}

SgTunnel *
sg_tunnel_call_pinhole_label (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    SgPinhole pinhole;

    if (!find (call, &id, &pinhole, error))
        return NULL;
    pinhole.label = call->words[4];
    return sg_tunnel_change_pinhole (call->tunnel, &id, &pinhole, error);
}
