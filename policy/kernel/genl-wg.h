/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WireGuard over generic netlink (linux/wireguard.h). No secret key is ever kept. */
#pragma once

#include "core/wanted.h"
#include "kernel/nl-socket.h"

/* Room that a message of sg_genl_wg_build_fwmark() and of the others about a peer fits in. */
#define SG_GENL_WG_ROOM 64
#define SG_GENL_WG_PEER_ROOM 256

/* The number of the generic netlink family "wireguard". SG_ERROR_NOT_FOUND when this kernel has
 * none. */
bool sg_genl_wg_resolve (SgNlSocket *sock, uint16_t *ret_family,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds what one message of a device's dump says to @wireguard, @peers (of SgWireguardPeer) and
 * @allowed (of SgWireguardAllowed): the peers, and the allowed-ips of one, continue over several
 * messages. False (SG_ERROR_KERNEL) when it is malformed; @wireguard and what was added to both are
 * then undefined. @expected: as SgSnapshot has it. */
bool sg_genl_wg_parse (const struct nlmsghdr *nlh, const SgKeyring *expected,
                       SgWireguard *wireguard, GArray *peers, GArray *allowed,
                       GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reads the device @ifindex into @snapshot. SG_ERROR_NOT_FOUND when it went away meanwhile. */
bool sg_genl_wg_dump (SgNlSocket *sock, uint16_t family, uint32_t ifindex, SgSnapshot *snapshot,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Builds WG_CMD_SET_DEVICE with nothing but the fwmark: everything else of the device stays. */
bool sg_genl_wg_build_fwmark (void *memory, size_t room, uint16_t family, uint32_t ifindex,
                              uint32_t fwmark) G_GNUC_WARN_UNUSED_RESULT;
/* Builds WG_CMD_SET_DEVICE with the preshared key of one peer: everything else stays, a session
 * that is on too, and a peer that is not there is not made. The message holds the key. */
bool sg_genl_wg_build_preshared (void *memory, size_t room, uint16_t family,
                                 const SgWireguardPeer *peer,
                                 const SgWgRawKey *preshared) G_GNUC_WARN_UNUSED_RESULT;
/* Builds WG_CMD_SET_DEVICE with one peer, made or changed: its allowed-ips anew, its preshared key
 * where @preshared is not NULL; a session that is on stays. The message may hold the key. */
bool sg_genl_wg_build_peer (void *memory, size_t room, uint16_t family, const SgWantedPeer *peer,
                            const SgWgRawKey *preshared) G_GNUC_WARN_UNUSED_RESULT;
/* Builds WG_CMD_SET_DEVICE that removes one peer; the kernel takes one that is not there for done. */
bool sg_genl_wg_build_peer_remove (void *memory, size_t room, uint16_t family,
                                   const SgWireguardPeer *peer) G_GNUC_WARN_UNUSED_RESULT;
