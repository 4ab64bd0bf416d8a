/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-tunnel pinhole …: open ports of a device, made by hand. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "tunnel.h"

/* ---- words ---- */

/* What the words behind the device say. */
typedef struct {
    SgPinhole first; /* borrows its label */
    guint n;
} Range;

/* A port at *@at, which moves behind it. */
static bool
take_port (const char **at, uint32_t *ret_port)
{
    uint32_t port = 0;
    const char *begin = *at;

    for (; g_ascii_isdigit (**at) && *at - begin < 5; (*at)++)
        port = port * 10 + (uint32_t) (**at - '0');
    *ret_port = port;
    return *at > begin && port >= 1 && port <= UINT16_MAX;
}

/* PORT, PORT-PORT, each with :INTERNAL. */
static bool
parse_ports (const char *text, uint32_t *ret_first, uint32_t *ret_last, uint32_t *ret_internal)
{
    if (!take_port (&text, ret_first))
        return false;
    *ret_last = *ret_internal = *ret_first;
    if (*text == '-' && (text++, !take_port (&text, ret_last) || *ret_last < *ret_first))
        return false;
    return (*text != ':' || (text++, take_port (&text, ret_internal))) && *text == '\0';
}

static bool
parse_range (const SgTunnelCall *call, Range *ret_range, GError **error)
{
    const char *protocol = call->words[2], *ports = call->words[3];
    uint32_t first, last, internal;
    bool tcp = strcmp (protocol, "tcp") == 0;

    if (!tcp && strcmp (protocol, "udp") != 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "say tcp or udp, not “%s”",
                     protocol);
        return false;
    }
    if (!parse_ports (ports, &first, &last, &internal)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is no port; write it like 443, 443:8443, 6000-6009 or 6000-6009:7000, "
                     "with ports from 1 to 65535",
                     ports);
        return false;
    }
    *ret_range = (Range) {{tcp ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t) first, (uint16_t) internal,
                           true, (char *) (call->label ? call->label : "")},
                          last - first + 1};
    return true;
}

/* ---- commands ---- */

SgTunnel *
sg_tunnel_pinhole_add (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    Range range;

    return sg_tunnel_call_device (call, &id, error) && parse_range (call, &range, error)
               ? sg_tunnel_add_pinholes (call->tunnel, &id, &range.first, range.n, error)
               : NULL;
}

SgTunnel *
sg_tunnel_pinhole_remove (SgTunnelCall *call, GError **error)
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
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                     "“%s” has no pinhole %s %s; `sixgate-tunnel pinhole list` tells them",
                     call->words[1], call->words[2], call->words[3]);
        return false;
    }
    *ret_pinhole = *found;
    return true;
}

static SgTunnel *
set_enabled (SgTunnelCall *call, bool enabled, GError **error)
{
    SgTunnelDeviceId id;
    SgPinhole pinhole;

    if (!find (call, &id, &pinhole, error))
        return NULL;
    pinhole.enabled = enabled;
    return sg_tunnel_change_pinhole (call->tunnel, &id, &pinhole, error);
}

SgTunnel *
sg_tunnel_pinhole_enable (SgTunnelCall *call, GError **error)
{
    return set_enabled (call, true, error);
}

SgTunnel *
sg_tunnel_pinhole_disable (SgTunnelCall *call, GError **error)
{
    return set_enabled (call, false, error);
}

SgTunnel *
sg_tunnel_pinhole_label (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    SgPinhole pinhole;

    if (!find (call, &id, &pinhole, error))
        return NULL;
    pinhole.label = call->words[4];
    return sg_tunnel_change_pinhole (call->tunnel, &id, &pinhole, error);
}

SgTunnel *
sg_tunnel_pinhole_list (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    const SgTunnelDevice *device;

    if (!sg_tunnel_call_device (call, &id, error))
        return NULL;
    device = sg_tunnel_subnet_find (sg_tunnel_find (call->tunnel, &id.network), &id.ip4);
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);

        printf ("%s\t%u\t%u\t%s\t%s\n", pinhole->protocol == IPPROTO_TCP ? "tcp" : "udp",
                pinhole->external, pinhole->internal, pinhole->enabled ? "open" : "disabled",
                pinhole->label);
    }
    return NULL;
}
