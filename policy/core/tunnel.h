/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tunnel role keeps (spec 2.1): subnets, their devices, the devices' pinholes. A value:
 * whoever changes it gets a new one, the old one stays as it was. It holds secret keys, as its
 * file does; nothing but the file, a device's config and the keyring is ever made of them. */
#pragma once

#include "base/prefix.h"
#include "core/wg-key.h"

/* Limits. */
#define SG_TUNNEL_SUBNETS_MAX 256u
#define SG_TUNNEL_DEVICES_MAX 20000u  /* of all subnets together */
#define SG_TUNNEL_PINHOLES_MAX 256u   /* of one device */
#define SG_TUNNEL_PINHOLES_ALL 65536u /* of all devices together */
#define SG_TUNNEL_NAME_MAX 64u        /* bytes of a name */
#define SG_TUNNEL_LABEL_MAX 128u      /* bytes of a label */
/* Lengths of a subnet's IPv4 network: room for a server and a device at least. */
#define SG_TUNNEL_NETWORK_MIN 8u
#define SG_TUNNEL_NETWORK_MAX 30u

/* A client asks; a server is asked, too. */
typedef enum { SG_TUNNEL_CLIENT, SG_TUNNEL_SERVER, SG_TUNNEL_KIND_N } SgTunnelKind;

/* "client" or "server"; static. */
const char *sg_tunnel_kind_to_string (SgTunnelKind kind);
bool sg_tunnel_kind_from_string (const char *text, SgTunnelKind *ret_kind);

/* An open port of a device's IPv6 address, made by hand (spec 2.6). */
typedef struct {
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint16_t external;
    uint16_t internal;
    bool enabled;
    char *label; /* "" for none */
} SgPinhole;

/* "tcp" or "udp"; static. */
const char *sg_pinhole_protocol_to_string (uint8_t protocol);
bool sg_pinhole_protocol_from_string (const char *text, uint8_t *ret_protocol);

/* The keys of one end. */
typedef struct {
    SgWgRawKey public_key;
    SgWgRawKey private_key;   /* zero: not known here */
    SgWgRawKey preshared_key; /* of a device only */
} SgTunnelKeys;

/* A WireGuard peer of the tunnel. Never changed once it is in a state: shared by the states that
 * have it, wiped with the last. */
typedef struct {
    SgIp ip4;
    char *name;
    SgTunnelKind kind;
    bool allow_pinholes; /* may ask for pinholes itself (PCP) */
    SgTunnelKeys keys;
    GPtrArray *pinholes; /* of SgPinhole (owned), sorted by protocol and external port */
} SgTunnelDevice;

typedef struct {
    SgPrefix network; /* IPv4 */
    char *name;
    SgPrefix prefix;    /* IPv6; AF_UNSPEC = none */
    GPtrArray *devices; /* of SgTunnelDevice (a reference each), sorted by ip4 */
} SgTunnelSubnet;

typedef struct {
    uint64_t generation; /* one more with every change */
    SgTunnelKeys server;
    GPtrArray *subnets; /* of SgTunnelSubnet (owned), sorted by network */
} SgTunnel;

/* A tunnel without subnets; its server has @keys (the preshared one does not count). */
SgTunnel *sg_tunnel_new (const SgTunnelKeys *keys);
SgTunnel *sg_tunnel_copy (const SgTunnel *tunnel);
void sg_tunnel_free (SgTunnel *tunnel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgTunnel, sg_tunnel_free)

SgTunnelSubnet *sg_tunnel_subnet_new (const SgPrefix *network, const char *name);
SgTunnelDevice *sg_tunnel_device_new (const SgIp *ip4, const char *name);
/* With pinholes and keys of its own. */
SgTunnelDevice *sg_tunnel_device_copy (const SgTunnelDevice *device);
void sg_tunnel_device_unref (SgTunnelDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgTunnelDevice, sg_tunnel_device_unref)
SgPinhole *sg_pinhole_new (uint8_t protocol, uint16_t external, uint16_t internal,
                           const char *label);

/* By its network; NULL: there is none. */
SgTunnelSubnet *sg_tunnel_find (const SgTunnel *tunnel, const SgPrefix *network);
/* By IPv4. */
SgTunnelDevice *sg_tunnel_subnet_find (const SgTunnelSubnet *subnet, const SgIp *ip4);
SgPinhole *sg_tunnel_device_find (const SgTunnelDevice *device, uint8_t protocol,
                                  uint16_t external);
/* As people say it: by network or name, by IPv4 or name. SG_ERROR_NOT_FOUND. */
SgTunnelSubnet *sg_tunnel_named (const SgTunnel *tunnel, const char *text,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
SgTunnelDevice *sg_tunnel_subnet_named (const SgTunnelSubnet *subnet, const char *text,
                                        GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* All devices. */
guint sg_tunnel_count_devices (const SgTunnel *tunnel);
/* Their preshared keys, by public key, for link number 0. Owned by the caller. */
SgKeyring *sg_tunnel_preshared_keys (const SgTunnel *tunnel);

/* Whether @text can name a subnet or device: printable, no blank at either end, not longer than
 * SG_TUNNEL_NAME_MAX, and no address. SG_ERROR_INVALID_ARGUMENT, or SG_ERROR_LIMIT. */
bool sg_tunnel_check_name (const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether @network can be a subnet's: private, of a fit length. SG_ERROR_INVALID_ARGUMENT. */
bool sg_tunnel_check_network (const SgPrefix *network, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The whole: every name, address, key and limit, that nothing is there twice and every host has an
 * IPv6 address of its own. The code of the error tells what it is; its text names who. */
bool sg_tunnel_check (const SgTunnel *tunnel, GError **error) G_GNUC_WARN_UNUSED_RESULT;
