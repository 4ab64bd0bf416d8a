/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WireGuard device with its keys over generic netlink (linux/wireguard.h): read whole, and
 * changed by one message per peer. What is read here is secret; genl-wg.h is for all the rest. */
#pragma once

#include "core/link-plan.h"
#include "kernel/nl-socket.h"

/* Adds what one message of a device's dump says to @conf: keys, port, fwmark, peers; peers, and
 * the allowed IPs of one, continue over several messages. A peer whose public key is zeros is
 * passed over. False (SG_ERROR_KERNEL) when it is malformed; @conf then holds a part. */
bool sg_genl_wg_parse_conf (const struct nlmsghdr *nlh, SgWgConf *conf,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Reads the device into @state->conf. SG_ERROR_NOT_FOUND when it went away meanwhile. */
bool sg_genl_wg_dump_conf (SgNlSocket *sock, uint16_t family, SgLinkState *state,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Room that the message for @action (SG_LINK_DEVICE, SG_LINK_PEER_SET, SG_LINK_PEER_DEL) fits in. */
size_t sg_genl_wg_conf_room (const SgLinkAction *action);
/* Builds it in @room zeroed bytes at @memory: WG_CMD_SET_DEVICE with what differs and nothing
 * else. False when it does not fit, or an endpoint is still the name of a host. It may hold keys. */
bool sg_genl_wg_build_conf (void *memory, size_t room, uint16_t family, const SgLinkState *to,
                            const SgLinkAction *action) G_GNUC_WARN_UNUSED_RESULT;
