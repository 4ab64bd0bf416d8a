/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a message about a WireGuard device is made of (linux/wireguard.h): for genl-wg.h, which keeps
 * no secret, and for genl-wg-conf.h, which reads all. */
#pragma once

#include <linux/wireguard.h>

#include "kernel/nl-attr.h"

/* Entries of a table of attributes: up to the last that is read. */
#define SG_GENL_WG_DEVICE_N (WGDEVICE_A_PEERS + 1)
#define SG_GENL_WG_PEER_N (WGPEER_A_ALLOWEDIPS + 1)

/* The attributes of a device and of one of its peers; as sg_nl_attrs_parse(), for
 * SG_GENL_WG_DEVICE_N and SG_GENL_WG_PEER_N entries. */
bool sg_genl_wg_device_attrs (const struct nlmsghdr *nlh,
                              const struct nlattr **ret_attrs) G_GNUC_WARN_UNUSED_RESULT;
bool sg_genl_wg_peer_attrs (const struct nlattr *nest,
                            const struct nlattr **ret_attrs) G_GNUC_WARN_UNUSED_RESULT;
/* One of a peer's allowed IPs; false when a part is missing, or its family is not IP. */
bool sg_genl_wg_allowed_parse (const struct nlattr *nest,
                               SgPrefix *ret_prefix) G_GNUC_WARN_UNUSED_RESULT;

/* Starts a message to the generic netlink family @family; as sg_nl_message_begin(). */
SgNlMessage sg_genl_wg_message_begin (void *memory, size_t room, uint16_t family, uint8_t command);
/* One entry of a list of allowed IPs. */
void sg_genl_wg_put_allowed (SgNlMessage *message, const SgIp *ip, uint8_t len);
