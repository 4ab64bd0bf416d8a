/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/genl-wg.h"

#include <netinet/in.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/time_types.h>

#include "base/error.h"
#include "kernel/genl-wg-attr.h"

static const SgNlSpec family_specs[] = {
    [CTRL_ATTR_FAMILY_ID] = {SG_NL_U16},
};

/* Of the last of @peers. */
static bool
parse_allowed (const struct nlattr *nest, SgWireguard *wireguard, const GArray *peers,
               GArray *allowed)
{
    SgWireguardAllowed entry = {.peer = MAX (peers->len, 1) - 1};

    if (!sg_genl_wg_allowed_parse (nest, &entry.prefix))
        return false;
    if (peers->len > 0)
        g_array_append_val (allowed, entry);
    if (entry.prefix.len != 0)
        return true;
    wireguard->peer_default[SG_IPV6] |= entry.prefix.ip.family == AF_INET6;
    wireguard->peer_default[SG_IPV4] |= entry.prefix.ip.family == AF_INET;
    return true;
}

static bool
is_zero (const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;

    while (len-- > 0)
        any |= *bytes++;
    return any == 0;
}

/* All zero as long as there was none. */
static uint64_t
handshake_of (const struct nlattr *attr)
{
    struct __kernel_timespec time = {0};

    if (attr)
        memcpy (&time, sg_nl_attr_data (attr), sizeof time);
    return time.tv_sec > 0 ? (uint64_t) time.tv_sec : 0;
}

/* A sockaddr_in or sockaddr_in6; none for anything else. */
static SgIp
endpoint_of (const struct nlattr *attr)
{
    struct sockaddr_in6 in6 = {0};
    struct sockaddr_in in4;

    if (!attr)
        return (SgIp) {0};
    memcpy (&in4, sg_nl_attr_data (attr), sizeof in4);
    if (in4.sin_family == AF_INET)
        return sg_ip_from_bytes (AF_INET, &in4.sin_addr);
    memcpy (&in6, sg_nl_attr_data (attr), MIN (sg_nl_attr_len (attr), sizeof in6));
    return in6.sin6_family == AF_INET6 ? sg_ip_from_bytes (AF_INET6, &in6.sin6_addr) : (SgIp) {0};
}

/* In both kinds of address it is at the same place. */
static uint16_t
port_of (const struct nlattr *attr)
{
    struct sockaddr_in in4 = {0};

    if (attr)
        memcpy (&in4, sg_nl_attr_data (attr), sizeof in4);
    return ntohs (in4.sin_port);
}

static uint64_t
bytes_of (const struct nlattr *attr)
{
    uint64_t bytes = 0;

    if (attr)
        memcpy (&bytes, sg_nl_attr_data (attr), sizeof bytes);
    return bytes;
}

/* Whether it is another than that which the peer is to have. */
static bool
is_other (const uint8_t *preshared, const SgKeyring *expected, const SgWgRawKey *public_key)
{
    const SgWgRawKey *key = expected ? sg_keyring_find (expected, 0, public_key) : NULL;

    return key && memcmp (key->bytes, preshared, sizeof key->bytes) != 0;
}

/* Notes who the peer is. Without a preshared key, zeros or not, it is one of which the allowed-ips
 * go on (drivers/net/wireguard/netlink.c, get_peer). */
static void
add_peer (const struct nlattr **attrs, const SgKeyring *expected, const SgWireguard *wireguard,
          GArray *peers)
{
    const struct nlattr *preshared = attrs[WGPEER_A_PRESHARED_KEY];
    SgWireguardPeer peer = {.ifindex = wireguard->ifindex};

    if (!attrs[WGPEER_A_PUBLIC_KEY] || !preshared)
        return;
    memcpy (peer.public_key.bytes, sg_nl_attr_data (attrs[WGPEER_A_PUBLIC_KEY]), WG_KEY_LEN);
    peer.preshared = !is_zero (sg_nl_attr_data (preshared), WG_KEY_LEN);
    peer.other_preshared =
        peer.preshared && is_other (sg_nl_attr_data (preshared), expected, &peer.public_key);
    peer.endpoint = endpoint_of (attrs[WGPEER_A_ENDPOINT]);
    peer.port = port_of (attrs[WGPEER_A_ENDPOINT]);
    peer.handshake = handshake_of (attrs[WGPEER_A_LAST_HANDSHAKE_TIME]);
    peer.rx = bytes_of (attrs[WGPEER_A_RX_BYTES]);
    peer.tx = bytes_of (attrs[WGPEER_A_TX_BYTES]);
    g_array_append_val (peers, peer);
}

static bool
parse_peer (const struct nlattr *nest, const SgKeyring *expected, SgWireguard *wireguard,
            GArray *peers, GArray *allowed_ips)
{
    const struct nlattr *attrs[SG_GENL_WG_PEER_N];
    const struct nlattr *allowed = NULL;
    bool broken = false;

    if (!sg_genl_wg_peer_attrs (nest, attrs))
        return false;
    add_peer (attrs, expected, wireguard, peers);
    if (!attrs[WGPEER_A_ALLOWEDIPS])
        return true;
    while (sg_nl_attr_next (attrs[WGPEER_A_ALLOWEDIPS], &allowed, &broken)) {
        if (!parse_allowed (allowed, wireguard, peers, allowed_ips))
            return false;
    }
    return !broken;
}

static bool
parse_peers (const struct nlattr *nest, const SgKeyring *expected, SgWireguard *wireguard,
             GArray *peers, GArray *allowed)
{
    const struct nlattr *peer = NULL;
    bool broken = false;

    while (sg_nl_attr_next (nest, &peer, &broken)) {
        if (!parse_peer (peer, expected, wireguard, peers, allowed))
            return false;
    }
    return !broken;
}

bool
sg_genl_wg_parse (const struct nlmsghdr *nlh, const SgKeyring *expected, SgWireguard *wireguard,
                  GArray *peers, GArray *allowed, GError **error)
{
    const struct nlattr *attrs[SG_GENL_WG_DEVICE_N];
    bool ok = sg_genl_wg_device_attrs (nlh, attrs);

    /* What follows in further messages is peers only. */
    if (ok && attrs[WGDEVICE_A_IFINDEX]) {
        wireguard->ifindex = sg_nl_attr_u32 (attrs[WGDEVICE_A_IFINDEX]);
        wireguard->unkeyed = !attrs[WGDEVICE_A_PRIVATE_KEY];
        if (attrs[WGDEVICE_A_PUBLIC_KEY])
            memcpy (wireguard->public_key.bytes, sg_nl_attr_data (attrs[WGDEVICE_A_PUBLIC_KEY]),
                    sizeof wireguard->public_key.bytes);
    }
    if (ok && attrs[WGDEVICE_A_FWMARK])
        wireguard->fwmark = sg_nl_attr_u32 (attrs[WGDEVICE_A_FWMARK]);
    if (!ok || (attrs[WGDEVICE_A_PEERS] &&
                !parse_peers (attrs[WGDEVICE_A_PEERS], expected, wireguard, peers, allowed))) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a WireGuard link");
        return false;
    }
    return true;
}

/* ---- asking ---- */

static bool
take_family (const struct nlmsghdr *nlh, void *data, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (family_specs)];
    uint16_t *family = data;

    if (!sg_nl_message_parse (nlh, sizeof (struct genlmsghdr), family_specs,
                              G_N_ELEMENTS (family_specs), attrs) ||
        !attrs[CTRL_ATTR_FAMILY_ID]) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL,
                     "malformed message about a generic netlink family");
        return false;
    }
    *family = sg_nl_attr_u16 (attrs[CTRL_ATTR_FAMILY_ID]);
    return true;
}

bool
sg_genl_wg_resolve (SgNlSocket *sock, uint16_t *ret_family, GError **error)
{
    uint16_t family = 0;
    const SgNlReader reader = {.message = take_family, .data = &family};
    uint8_t memory[SG_GENL_WG_ROOM] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message =
        sg_genl_wg_message_begin (memory, sizeof (memory), GENL_ID_CTRL, CTRL_CMD_GETFAMILY);

    sg_nl_put_string (&message, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "find WireGuard in the kernel: ");
        return false;
    }
    *ret_family = family;
    return true;
}

/* Where one dump goes. */
typedef struct {
    const SgKeyring *expected;
    SgWireguard wireguard;
    GArray *peers;
    guint before; /* how many peers there were when it started */
    GArray *allowed;
    guint allowed_before;
} Taking;

static bool
take_device (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;

    return sg_genl_wg_parse (nlh, taking->expected, &taking->wireguard, taking->peers,
                             taking->allowed, error);
}

static void
reset_device (void *data)
{
    Taking *taking = data;

    taking->wireguard = (SgWireguard) {.ifindex = taking->wireguard.ifindex};
    g_array_set_size (taking->peers, taking->before);
    g_array_set_size (taking->allowed, taking->allowed_before);
}

bool
sg_genl_wg_dump (SgNlSocket *sock, uint16_t family, uint32_t ifindex, SgSnapshot *snapshot,
                 GError **error)
{
    Taking taking = {snapshot->expected,   {.ifindex = ifindex}, snapshot->peers,
                     snapshot->peers->len, snapshot->allowed,    snapshot->allowed->len};
    const SgNlReader reader = {take_device, reset_device, &taking};
    uint8_t memory[SG_GENL_WG_ROOM] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message =
        sg_genl_wg_message_begin (memory, sizeof (memory), family, WG_CMD_GET_DEVICE);

    message.nlh->nlmsg_flags |= NLM_F_DUMP;
    sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, ifindex);
    bool ok = sg_nl_socket_read (sock, message.nlh, &reader, error);
    /* The answer holds the private key and every preshared key. */
    sg_nl_socket_wipe (sock);
    if (!ok) {
        g_array_set_size (taking.peers, taking.before);
        g_array_set_size (taking.allowed, taking.allowed_before);
        g_prefix_error (error, "read WireGuard link %u: ", ifindex);
        return false;
    }
    g_array_append_val (snapshot->wireguards, taking.wireguard);
    return true;
}

bool
sg_genl_wg_build_fwmark (void *memory, size_t room, uint16_t family, uint32_t ifindex,
                         uint32_t fwmark)
{
    SgNlMessage message = sg_genl_wg_message_begin (memory, room, family, WG_CMD_SET_DEVICE);

    sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, ifindex);
    sg_nl_put_u32 (&message, WGDEVICE_A_FWMARK, fwmark);
    return !message.full;
}

bool
sg_genl_wg_build_preshared (void *memory, size_t room, uint16_t family, const SgWireguardPeer *peer,
                            const SgWgRawKey *preshared)
{
    SgNlMessage message = sg_genl_wg_message_begin (memory, room, family, WG_CMD_SET_DEVICE);
    struct nlattr *peers, *entry;

    sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, peer->ifindex);
    peers = sg_nl_nest_begin (&message, WGDEVICE_A_PEERS);
    entry = sg_nl_nest_begin (&message, /* type= */ 0);
    sg_nl_put (&message, WGPEER_A_PUBLIC_KEY, peer->public_key.bytes, WG_KEY_LEN);
    sg_nl_put_u32 (&message, WGPEER_A_FLAGS, WGPEER_F_UPDATE_ONLY);
    sg_nl_put (&message, WGPEER_A_PRESHARED_KEY, preshared->bytes, WG_KEY_LEN);
    sg_nl_nest_end (&message, entry);
    sg_nl_nest_end (&message, peers);
    return !message.full;
}

bool
sg_genl_wg_build_peer (void *memory, size_t room, uint16_t family, const SgWantedPeer *peer,
                       const SgWgRawKey *preshared)
{
    SgNlMessage message = sg_genl_wg_message_begin (memory, room, family, WG_CMD_SET_DEVICE);
    struct nlattr *peers, *entry, *allowed;

    sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, peer->ifindex);
    peers = sg_nl_nest_begin (&message, WGDEVICE_A_PEERS);
    entry = sg_nl_nest_begin (&message, /* type= */ 0);
    sg_nl_put (&message, WGPEER_A_PUBLIC_KEY, peer->public_key.bytes, WG_KEY_LEN);
    sg_nl_put_u32 (&message, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
    if (preshared)
        sg_nl_put (&message, WGPEER_A_PRESHARED_KEY, preshared->bytes, WG_KEY_LEN);
    allowed = sg_nl_nest_begin (&message, WGPEER_A_ALLOWEDIPS);
    sg_genl_wg_put_allowed (&message, &peer->ip4, sg_family_bits (AF_INET));
    if (sg_ip_is_set (&peer->ip6))
        sg_genl_wg_put_allowed (&message, &peer->ip6, sg_family_bits (AF_INET6));
    sg_nl_nest_end (&message, allowed);
    sg_nl_nest_end (&message, entry);
    sg_nl_nest_end (&message, peers);
    return !message.full;
}

bool
sg_genl_wg_build_peer_remove (void *memory, size_t room, uint16_t family,
                              const SgWireguardPeer *peer)
{
    SgNlMessage message = sg_genl_wg_message_begin (memory, room, family, WG_CMD_SET_DEVICE);
    struct nlattr *peers, *entry;

    sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, peer->ifindex);
    peers = sg_nl_nest_begin (&message, WGDEVICE_A_PEERS);
    entry = sg_nl_nest_begin (&message, /* type= */ 0);
    sg_nl_put (&message, WGPEER_A_PUBLIC_KEY, peer->public_key.bytes, WG_KEY_LEN);
    sg_nl_put_u32 (&message, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
    sg_nl_nest_end (&message, entry);
    sg_nl_nest_end (&message, peers);
    return !message.full;
}
