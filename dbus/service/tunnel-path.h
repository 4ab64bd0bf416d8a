/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The objects of subnets, devices and pinholes: …/subnet/NETWORK, …/subnet/NETWORK/IPV4 and
 * …/subnet/NETWORK/IPV4/tcp443, escaped. */
#pragma once

#include "core/tunnel-change.h"

/* Of a subnet; with @ip4 (may be NULL) of that device. Owned by the caller. */
char *sg_tunnel_path (const SgPrefix *network, const SgIp *ip4);
/* What @path is about; the IPv4 is AF_UNSPEC for a subnet. False for any other path. */
bool sg_tunnel_path_parse (const char *path, SgTunnelDeviceId *ret_id);

/* Which pinhole. */
typedef struct {
    SgTunnelDeviceId device;
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint16_t external;
} SgPinholeId;

/* Owned by the caller. */
char *sg_pinhole_path (const SgPinholeId *id);
/* False for any other path. */
bool sg_pinhole_path_parse (const char *path, SgPinholeId *ret_id);

/* NULL when they are not there; @tunnel may be NULL. */
const SgTunnelSubnet *sg_tunnel_path_subnet (const SgTunnel *tunnel, const char *path);
const SgTunnelDevice *sg_tunnel_path_device (const SgTunnel *tunnel, const char *path);
/* One made by hand. */
const SgPinhole *sg_tunnel_path_pinhole (const SgTunnel *tunnel, const char *path);

/* How the object looks, for finding out whether somebody changed it meanwhile: of a subnet the devices, of
 * a device the pinholes as well when it is to go @whole. NULL: it is not there. Owned by the caller. */
char *sg_tunnel_path_look (const SgTunnel *tunnel, const char *path, bool whole);
