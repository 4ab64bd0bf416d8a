/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of sixgate-tunnel. */
#pragma once

#include "tunnel/tunnel-call.h"

/* pinhole …, each an SgTunnelCommandRun */
SgTunnel *sg_tunnel_pinhole_list (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_add (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_remove (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_enable (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_disable (SgTunnelCall *call, GError **error);
SgTunnel *sg_tunnel_pinhole_label (SgTunnelCall *call, GError **error);
