/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/genl-wg-attr.h"

#include <netinet/in.h>

#include <linux/genetlink.h>
#include <linux/time_types.h>

static const SgNlSpec device_specs[SG_GENL_WG_DEVICE_N] = {
    [WGDEVICE_A_IFINDEX] = {SG_NL_U32},
    [WGDEVICE_A_PRIVATE_KEY] = {SG_NL_BYTES, WG_KEY_LEN},
    [WGDEVICE_A_PUBLIC_KEY] = {SG_NL_BYTES, WG_KEY_LEN},
    [WGDEVICE_A_LISTEN_PORT] = {SG_NL_U16},
    [WGDEVICE_A_FWMARK] = {SG_NL_U32},
    [WGDEVICE_A_PEERS] = {SG_NL_BYTES},
};

static const SgNlSpec peer_specs[SG_GENL_WG_PEER_N] = {
    [WGPEER_A_PUBLIC_KEY] = {SG_NL_BYTES, WG_KEY_LEN},
    [WGPEER_A_PRESHARED_KEY] = {SG_NL_BYTES, WG_KEY_LEN},
    [WGPEER_A_ENDPOINT] = {SG_NL_BYTES, sizeof (struct sockaddr_in)},
    [WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL] = {SG_NL_U16},
    [WGPEER_A_LAST_HANDSHAKE_TIME] = {SG_NL_BYTES, sizeof (struct __kernel_timespec)},
    [WGPEER_A_RX_BYTES] = {SG_NL_BYTES, sizeof (uint64_t)},
    [WGPEER_A_TX_BYTES] = {SG_NL_BYTES, sizeof (uint64_t)},
    [WGPEER_A_ALLOWEDIPS] = {SG_NL_BYTES},
};

static const SgNlSpec allowed_specs[] = {
    [WGALLOWEDIP_A_FAMILY] = {SG_NL_U16},
    [WGALLOWEDIP_A_IPADDR] = {SG_NL_BYTES, 4},
    [WGALLOWEDIP_A_CIDR_MASK] = {SG_NL_U8},
};

/* ---- reading ---- */

bool
sg_genl_wg_device_attrs (const struct nlmsghdr *nlh, const struct nlattr **ret_attrs)
{
    return sg_nl_message_parse (nlh, sizeof (struct genlmsghdr), device_specs, SG_GENL_WG_DEVICE_N,
                                ret_attrs);
}

bool
sg_genl_wg_peer_attrs (const struct nlattr *nest, const struct nlattr **ret_attrs)
{
    return sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), peer_specs,
                              SG_GENL_WG_PEER_N, ret_attrs);
}

bool
sg_genl_wg_allowed_parse (const struct nlattr *nest, SgPrefix *ret_prefix)
{
    const struct nlattr *attrs[G_N_ELEMENTS (allowed_specs)];
    SgIp ip;

    if (!sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), allowed_specs,
                            G_N_ELEMENTS (allowed_specs), attrs) ||
        !attrs[WGALLOWEDIP_A_FAMILY] || !attrs[WGALLOWEDIP_A_IPADDR] ||
        !attrs[WGALLOWEDIP_A_CIDR_MASK] ||
        !sg_nl_attr_ip (attrs[WGALLOWEDIP_A_IPADDR],
                        (uint8_t) MIN (sg_nl_attr_u16 (attrs[WGALLOWEDIP_A_FAMILY]), UINT8_MAX),
                        &ip))
        return false;
    *ret_prefix = sg_prefix_new (&ip, sg_nl_attr_u8 (attrs[WGALLOWEDIP_A_CIDR_MASK]));
    return true;
}

/* ---- building ---- */

SgNlMessage
sg_genl_wg_message_begin (void *memory, size_t room, uint16_t family, uint8_t command)
{
    SgNlMessage message = sg_nl_message_begin (memory, room, family, NLM_F_REQUEST);
    struct genlmsghdr *header = sg_nl_put_header (&message, sizeof (*header));

    if (header) {
        header->cmd = command;
        header->version = family == GENL_ID_CTRL ? 2 : WG_GENL_VERSION;
    }
    return message;
}

void
sg_genl_wg_put_allowed (SgNlMessage *message, const SgIp *ip, uint8_t len)
{
    struct nlattr *entry = sg_nl_nest_begin (message, /* type= */ 0);

    sg_nl_put_u16 (message, WGALLOWEDIP_A_FAMILY, ip->family);
    sg_nl_put_ip (message, WGALLOWEDIP_A_IPADDR, ip);
    sg_nl_put_u8 (message, WGALLOWEDIP_A_CIDR_MASK, len);
    sg_nl_nest_end (message, entry);
}
