/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of sixgate-tunnel: one call of it. */
#pragma once

#include "core/config.h"
#include "core/tunnel-change.h"

typedef struct {
    char **words; /* behind the name of the command; NULL-terminated */
    const char *ip, *kind, *public_key, *endpoint, *label;
    gboolean allow_ula, qr;
    SgConfig *config;
    SgTunnel *tunnel;
    GPtrArray *warnings; /* of char *, what there is to say when it went well */
} SgTunnelCall;

/* What a command makes of the state; NULL: with an error, or it changes nothing. */
typedef SgTunnel *(*SgTunnelCommandRun) (SgTunnelCall *call, GError **error);

/* The device that the first two words name. SG_ERROR_NOT_FOUND. */
bool sg_tunnel_call_device (const SgTunnelCall *call, SgTunnelDeviceId *ret_id,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* pinhole …, each an SgTunnelCommandRun */
SgTunnel *sg_tunnel_pinhole_list (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_add (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_remove (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_enable (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_disable (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_label (SgTunnelCall *call, GError **error);
