/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is made of the tunnel role's state for the two ends: the file for a device, the profile of
 * the server's interface (spec 2.4). */
#pragma once

#include "core/snapshot.h"
#include "core/tunnel.h"
#include "core/wg-conf.h"

/* Keeps the way through translators and firewalls open; seconds. */
#define SG_TUNNEL_KEEPALIVE 25u

/* The file of wg-quick(8) for @device of @subnet, with its keys: free it with sg_wg_text_free().
 * The first line has the word by which a host knows such a tunnel (SG_WG_TYPE_INBOUND_OUTBOUND).
 * Where the device's private key is not known here a comment says so. @endpoint: the server, as
 * the device reaches it. */
char *sg_tunnel_device_config (const SgTunnel *tunnel, const SgTunnelSubnet *subnet,
                               const SgTunnelDevice *device, const SgWgEndpoint *endpoint);

/* "HOST" or "HOST:PORT", @port where none is said. SG_ERROR_INVALID_ARGUMENT. */
bool sg_tunnel_endpoint_parse (const char *text, uint16_t port, SgWgEndpoint *ret_endpoint,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The address of this machine that devices most likely reach: a public IPv4 one, because not every
 * device has IPv6, else one of IPv6, of links that carry a default route. False when there is
 * none; @interface is the tunnel's own. */
bool sg_tunnel_endpoint_choose (const SgSnapshot *snapshot, const char *interface,
                                SgIp *ret_ip) G_GNUC_WARN_UNUSED_RESULT;

/* Whether the link @interface is somebody else's: of another kind, or with another key than the server's.
 * False where it is not there, or has no key (yet). */
bool sg_tunnel_link_is_foreign (const SgSnapshot *snapshot, const char *interface,
                                const SgTunnel *tunnel);
/* The server's interface as a configuration without peers: its key, @port, our fwmark and the
 * addresses of every subnet. What NetworkManager's profile is made of (sg_profile_new). */
SgWgConf *sg_tunnel_server_conf (const SgTunnel *tunnel, uint16_t port);
/* The addresses of the server in all subnets: GArray of SgWgAddress, owned by the caller. */
GArray *sg_tunnel_server_addresses (const SgTunnel *tunnel);
