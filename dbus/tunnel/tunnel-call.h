/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people ask of the tunnel role, in their words: the same for the command and for the bus. */
#pragma once

#include "core/config.h"
#include "core/tunnel-change.h"

typedef struct {
    char **words; /* behind the name of the command; NULL-terminated */
    const char *ip, *kind, *public_key, *endpoint, *label;
    gboolean allow_ula, qr;
    SgConfig *config;
    SgTunnel *tunnel;
    GPtrArray *warnings;    /* of char *, what there is to say when it went well */
    bool uses_wan;          /* links of other managers are to be declared (unmanaged.h) */
    SgTunnelDeviceId added; /* the device that was made; AF_UNSPEC: none was */
} SgTunnelCall;

/* What a command makes of the state; NULL: with an error, or it changes nothing. */
typedef SgTunnel *(*SgTunnelCommandRun) (SgTunnelCall *call, GError **error);

/* The device that the first two words name. SG_ERROR_NOT_FOUND. */
bool sg_tunnel_call_device (const SgTunnelCall *call, SgTunnelDeviceId *ret_id,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* An SgTunnelCommandRun; the only word is the text of a state (tunnel-codec.h). What this machine thinks
 * of the prefixes is a warning: a backup may be older than its provider. */
SgTunnel *sg_tunnel_call_restore (SgTunnelCall *call, GError **error);

/* Each an SgTunnelCommandRun; the words are NETWORK NAME, SUBNET …, SUBNET DEVICE …, as in
 * sixgate-tunnel(8). */
SgTunnel *sg_tunnel_call_subnet_add (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_subnet_remove (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_subnet_set_name (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_subnet_set_ipv6 (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_subnet_clear_ipv6 (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_device_add (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_device_remove (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_device_set_name (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_device_set_kind (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_device_allow_pinholes (SgTunnelCall *call, GError **error);
/* … SUBNET DEVICE tcp|udp PORT …; add and remove take ranges, too. */
SgTunnel *sg_tunnel_call_pinhole_add (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_pinhole_remove (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_pinhole_enable (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_pinhole_disable (SgTunnelCall *call, GError **error);
/* … yes|no: the last word decides. */
SgTunnel *sg_tunnel_call_pinhole_set_enabled (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_call_pinhole_label (SgTunnelCall *call, GError **error);
