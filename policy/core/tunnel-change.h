/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of the tunnel role's state: each takes the old state and a request, and gives the new
 * state, checked as a whole, its generation one more; or NULL with an error, a sentence that says
 * what to do. Nothing else is looked at and the old state stays as it was. A subnet is named by its
 * network, a device by that and its IPv4: SG_ERROR_NOT_FOUND where there is none.
 * Errors besides: SG_ERROR_INVALID_ARGUMENT, SG_ERROR_EXISTS, SG_ERROR_OVERLAP (somebody has the
 * address; the text names who), SG_ERROR_NO_SPACE, SG_ERROR_LIMIT. */
#pragma once

#include "core/tunnel-addresses.h"

/* ---- the whole ---- */

/* @saved, of a backup, in the place of @old, with the addresses of others in @taken. SG_ERROR_EXISTS
 * when @old is another server: its devices know its key, and would lose it. */
SgTunnel *sg_tunnel_restore (const SgTunnel *old, const SgTunnel *saved, const GArray *taken,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- subnets ---- */

SgTunnel *sg_tunnel_add_subnet (const SgTunnel *old, const SgPrefix *network, const char *name,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* With its devices. */
SgTunnel *sg_tunnel_remove_subnet (const SgTunnel *old, const SgPrefix *network,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
SgTunnel *sg_tunnel_rename_subnet (const SgTunnel *old, const SgPrefix *network, const char *name,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct {
    SgPrefix prefix;     /* AF_UNSPEC: the subnet is to have none */
    bool allow_ula;      /* also a unique local one */
    const GArray *taken; /* of SgTunnelTaken: addresses of others; NULL: none are known */
} SgTunnelPrefixRequest;

/* sg_tunnel_prefix_judge() says what this machine thinks of it; that comes first. */
SgTunnel *sg_tunnel_set_prefix (const SgTunnel *old, const SgPrefix *network,
                                const SgTunnelPrefixRequest *request,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- devices ---- */

typedef struct {
    const char *name;
    SgIp ip4; /* AF_UNSPEC: the lowest that is free */
    SgTunnelKind kind;
    const SgTunnelKeys *keys;
    const GArray *taken; /* as above */
} SgTunnelDeviceRequest;

/* The address that the device got is in @ret_ip4. */
SgTunnel *sg_tunnel_add_device (const SgTunnel *old, const SgPrefix *network,
                                const SgTunnelDeviceRequest *request, SgIp *ret_ip4,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Which device. */
typedef struct {
    SgPrefix network;
    SgIp ip4;
} SgTunnelDeviceId;

SgTunnel *sg_tunnel_remove_device (const SgTunnel *old, const SgTunnelDeviceId *id,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
SgTunnel *sg_tunnel_rename_device (const SgTunnel *old, const SgTunnelDeviceId *id,
                                   const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Does not touch whether it may ask for pinholes. */
SgTunnel *sg_tunnel_set_kind (const SgTunnel *old, const SgTunnelDeviceId *id, SgTunnelKind kind,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
SgTunnel *sg_tunnel_allow_pinholes (const SgTunnel *old, const SgTunnelDeviceId *id, bool allow,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- pinholes: one is named by its protocol and external port ---- */

/* Takes protocol, ports, label of @pinhole; it is enabled as @pinhole says. With @n ports of either
 * side from there on, each is a pinhole of its own; all or none. */
SgTunnel *sg_tunnel_add_pinholes (const SgTunnel *old, const SgTunnelDeviceId *id,
                                  const SgPinhole *pinhole, guint n,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;
SgTunnel *sg_tunnel_remove_pinholes (const SgTunnel *old, const SgTunnelDeviceId *id,
                                     const SgPinhole *first, guint n,
                                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Gives the pinhole of that protocol and external port the other members of @pinhole. */
SgTunnel *sg_tunnel_change_pinhole (const SgTunnel *old, const SgTunnelDeviceId *id,
                                    const SgPinhole *pinhole,
                                    GError **error) G_GNUC_WARN_UNUSED_RESULT;
