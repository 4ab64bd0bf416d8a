/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address plan of the tunnel role (spec 2.2): which IPv6 address a host has, and whether
 * somebody has it already. Nothing of it is stored. */
#pragma once

#include "core/tunnel.h"

/* The network of @prefix, and the low bits of @ip4: as many as the prefix leaves, at most 32.
 * Stays inside @prefix whatever its length. */
SgIp sg_tunnel_host_v6 (const SgPrefix *prefix, const SgIp *ip4);
/* The first host of a subnet's IPv4 network. */
SgIp sg_tunnel_server_ip4 (const SgPrefix *network);
/* AF_UNSPEC while the subnet has no prefix. */
SgIp sg_tunnel_server_ip6 (const SgTunnelSubnet *subnet);
SgIp sg_tunnel_device_ip6 (const SgTunnelSubnet *subnet, const SgTunnelDevice *device);
/* The IPv6 addresses that hosts of @subnet can have, as a prefix inside of its own; AF_UNSPEC while
 * it has none. Two subnets have different ones unless their prefixes leave too few bits. */
SgPrefix sg_tunnel_subnet_range (const SgTunnelSubnet *subnet);
/* Whether @ip is the subnet-router anycast address of @prefix (RFC 4291, section 2.6.1), which the
 * kernel of a router takes for itself; prefixes of two addresses have none (RFC 6164). */
bool sg_tunnel_is_anycast (const SgPrefix *prefix, const SgIp *ip);

/* An address that is somebody else's, as the snapshot tells (core/tunnel-prefix.h). */
typedef struct {
    SgIp ip;
    bool ours;    /* of this machine: the tunnel's server may have it too */
    char who[64]; /* for messages: "this machine on eth0" */
} SgTunnelTaken;

/* Who has which IPv6 address. Every question is one look-up. */
typedef struct SgTunnelAddresses SgTunnelAddresses;

/* All hosts of @tunnel, and @taken (of SgTunnelTaken; may be NULL). Borrows both. Never fails:
 * where two have the same address the first is kept. */
SgTunnelAddresses *sg_tunnel_addresses_new (const SgTunnel *tunnel, const GArray *taken);
void sg_tunnel_addresses_free (SgTunnelAddresses *addresses);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgTunnelAddresses, sg_tunnel_addresses_free)
/* Whether @ip is free for a host of the tunnel whose prefix is @prefix. SG_ERROR_OVERLAP naming
 * who has it: "2001:db8::2 belongs to …". */
bool sg_tunnel_addresses_check (const SgTunnelAddresses *addresses, const SgPrefix *prefix,
                                const SgIp *ip, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The lowest IPv4 of @subnet that nobody has and whose IPv6, if any, is free. SG_ERROR_NO_SPACE,
 * saying whether the IPv4 network or the prefix is full. */
bool sg_tunnel_addresses_choose (const SgTunnelAddresses *addresses, const SgTunnelSubnet *subnet,
                                 SgIp *ret_ip4, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether each host of @tunnel has an IPv6 address of its own. SG_ERROR_OVERLAP naming the two. */
bool sg_tunnel_addresses_unique (const SgTunnel *tunnel, const GArray *taken,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
