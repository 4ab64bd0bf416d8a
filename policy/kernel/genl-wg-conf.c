/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/genl-wg-conf.h"

#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "core/wg-key.h"
#include "kernel/genl-wg-attr.h"

/* Room for a device or a peer without its allowed IPs, and for one of those. */
#define ROOM 320
#define ALLOWED_ROOM 48

/* ---- reading ---- */

/* Zeros are none. */
static void
take_key (const struct nlattr *attr, SgWgKey *ret_key)
{
    SgWgRawKey raw;

    memcpy (raw.bytes, sg_nl_attr_data (attr), sizeof raw.bytes);
    *ret_key = (SgWgKey) {""};
    if (sg_wg_key_is_set (&raw))
        sg_wg_key_encode (&raw, ret_key);
    explicit_bzero (&raw, sizeof raw);
}

/* A family that is not IP, or no port, leaves it at none. */
static bool
take_endpoint (const struct nlattr *attr, SgWgEndpoint *ret_endpoint)
{
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    char text[SG_PREFIX_TEXT_MAX];
    SgIp ip;

    memcpy (&in4, sg_nl_attr_data (attr), sizeof in4); /* the port is at the same place in both */
    if (in4.sin_port == 0)
        return true;
    if (in4.sin_family == AF_INET) {
        ip = sg_ip_from_bytes (AF_INET, &in4.sin_addr);
    } else if (in4.sin_family == AF_INET6) {
        if (sg_nl_attr_len (attr) < sizeof in6)
            return false;
        memcpy (&in6, sg_nl_attr_data (attr), sizeof in6);
        ip = sg_ip_from_bytes (AF_INET6, &in6.sin6_addr);
    } else {
        return true;
    }
    ret_endpoint->port = ntohs (in4.sin_port);
    g_strlcpy (ret_endpoint->host, sg_ip_format (&ip, text), sizeof ret_endpoint->host);
    return true;
}

/* Without a preshared key, zeros or not, it is the last one, whose allowed IPs go on
 * (drivers/net/wireguard/netlink.c, get_peer). */
static SgWgPeer *
begin_peer (const struct nlattr **attrs, SgWgConf *conf)
{
    SgWgPeer *peer;

    if (!attrs[WGPEER_A_PRESHARED_KEY])
        return conf->peers->len > 0 ? conf->peers->pdata[conf->peers->len - 1] : NULL;
    peer = sg_wg_peer_new ();
    g_ptr_array_add (conf->peers, peer);
    take_key (attrs[WGPEER_A_PUBLIC_KEY], &peer->public_key);
    take_key (attrs[WGPEER_A_PRESHARED_KEY], &peer->preshared_key);
    if (attrs[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL])
        peer->keepalive = sg_nl_attr_u16 (attrs[WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL]);
    if (attrs[WGPEER_A_ENDPOINT] && !take_endpoint (attrs[WGPEER_A_ENDPOINT], &peer->endpoint))
        return NULL;
    return peer;
}

static bool
has_key (const struct nlattr *attr)
{
    SgWgRawKey raw;

    memcpy (raw.bytes, sg_nl_attr_data (attr), sizeof raw.bytes);
    return sg_wg_key_is_set (&raw);
}

/* The kernel takes zeros for a public key like any other; no file can have such a peer, nobody can
 * shake hands with it, and it is left alone. */
static bool
parse_peer (const struct nlattr *nest, SgWgConf *conf)
{
    const struct nlattr *attrs[SG_GENL_WG_PEER_N];
    const struct nlattr *allowed = NULL;
    bool broken = false;
    SgWgPeer *peer;

    if (!sg_genl_wg_peer_attrs (nest, attrs) || !attrs[WGPEER_A_PUBLIC_KEY])
        return false;
    if (!has_key (attrs[WGPEER_A_PUBLIC_KEY]))
        return true;
    peer = begin_peer (attrs, conf);
    if (!peer)
        return false;
    while (attrs[WGPEER_A_ALLOWEDIPS] &&
           sg_nl_attr_next (attrs[WGPEER_A_ALLOWEDIPS], &allowed, &broken)) {
        SgPrefix prefix;

        if (!sg_genl_wg_allowed_parse (allowed, &prefix))
            return false;
        g_array_append_val (peer->allowed_ips, prefix);
    }
    return !broken;
}

static bool
parse_peers (const struct nlattr *nest, SgWgConf *conf)
{
    const struct nlattr *peer = NULL;
    bool broken = false;

    while (sg_nl_attr_next (nest, &peer, &broken)) {
        if (!parse_peer (peer, conf))
            return false;
    }
    return !broken;
}

bool
sg_genl_wg_parse_conf (const struct nlmsghdr *nlh, SgWgConf *conf, GError **error)
{
    const struct nlattr *attrs[SG_GENL_WG_DEVICE_N];
    bool ok = sg_genl_wg_device_attrs (nlh, attrs);

    if (ok && attrs[WGDEVICE_A_PRIVATE_KEY])
        take_key (attrs[WGDEVICE_A_PRIVATE_KEY], &conf->private_key);
    if (ok && attrs[WGDEVICE_A_LISTEN_PORT])
        conf->listen_port = sg_nl_attr_u16 (attrs[WGDEVICE_A_LISTEN_PORT]);
    if (ok && attrs[WGDEVICE_A_FWMARK])
        conf->fwmark = sg_nl_attr_u32 (attrs[WGDEVICE_A_FWMARK]);
    if (!ok || (attrs[WGDEVICE_A_PEERS] && !parse_peers (attrs[WGDEVICE_A_PEERS], conf))) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a WireGuard link");
        return false;
    }
    return true;
}

static SgNlMessage
begin (void *memory, size_t room, uint16_t family, uint8_t command, uint32_t ifindex)
{
    SgNlMessage message = sg_genl_wg_message_begin (memory, room, family, command);

    sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, ifindex);
    return message;
}

static bool
take_device (const struct nlmsghdr *nlh, void *data, GError **error)
{
    return sg_genl_wg_parse_conf (nlh, data, error);
}

static void
reset_device (void *data)
{
    SgWgConf *conf = data;

    g_ptr_array_set_size (conf->peers, 0);
}

bool
sg_genl_wg_dump_conf (SgNlSocket *sock, uint16_t family, SgLinkState *state, GError **error)
{
    const SgNlReader reader = {take_device, reset_device, state->conf};
    uint8_t memory[64] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message =
        begin (memory, sizeof (memory), family, WG_CMD_GET_DEVICE, state->ifindex);
    bool ok;

    message.nlh->nlmsg_flags |= NLM_F_DUMP;
    ok = sg_nl_socket_read (sock, message.nlh, &reader, error);
    sg_nl_socket_wipe (sock);
    if (!ok)
        g_prefix_error (error, "read WireGuard link %s: ", state->name);
    return ok;
}

/* ---- changing ---- */

/* "" is zeros, which take a preshared key away. */
static void
put_key (SgNlMessage *message, uint16_t type, const SgWgKey *key)
{
    SgWgRawKey raw = {0};

    if (*key->text && !sg_wg_key_decode (key->text, &raw))
        message->full = true;
    sg_nl_put (message, type, raw.bytes, sizeof raw.bytes);
    explicit_bzero (&raw, sizeof raw);
}

static void
put_endpoint (SgNlMessage *message, const SgWgEndpoint *endpoint)
{
    SgIp ip;

    if (!sg_ip_parse (endpoint->host, &ip)) {
        message->full = true;
    } else if (ip.family == AF_INET) {
        struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons (endpoint->port)};

        memcpy (&in4.sin_addr, ip.bytes, sizeof in4.sin_addr);
        sg_nl_put (message, WGPEER_A_ENDPOINT, &in4, sizeof in4);
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons (endpoint->port)};

        memcpy (&in6.sin6_addr, ip.bytes, sizeof in6.sin6_addr);
        sg_nl_put (message, WGPEER_A_ENDPOINT, &in6, sizeof in6);
    }
}

static void
put_allowed_ips (SgNlMessage *message, const GArray *allowed_ips)
{
    struct nlattr *list = sg_nl_nest_begin (message, WGPEER_A_ALLOWEDIPS);

    for (guint i = 0; i < allowed_ips->len; i++) {
        const SgPrefix *prefix = &g_array_index (allowed_ips, SgPrefix, i);

        sg_genl_wg_put_allowed (message, &prefix->ip, prefix->len);
    }
    sg_nl_nest_end (message, list);
}

static uint32_t
peer_flags (const SgLinkAction *action)
{
    if (action->kind == SG_LINK_PEER_DEL)
        return WGPEER_F_REMOVE_ME | WGPEER_F_UPDATE_ONLY;
    return (action->fields & SG_LINK_NEW_PEER ? 0 : WGPEER_F_UPDATE_ONLY) |
           (action->fields & SG_LINK_ALLOWED_IPS ? WGPEER_F_REPLACE_ALLOWEDIPS : 0);
}

static void
put_peer (SgNlMessage *message, const SgLinkAction *action)
{
    const SgWgPeer *peer = action->peer;
    struct nlattr *peers = sg_nl_nest_begin (message, WGDEVICE_A_PEERS);
    struct nlattr *entry = sg_nl_nest_begin (message, /* type= */ 0);

    put_key (message, WGPEER_A_PUBLIC_KEY, &peer->public_key);
    sg_nl_put_u32 (message, WGPEER_A_FLAGS, peer_flags (action));
    if (action->fields & SG_LINK_PRESHARED_KEY)
        put_key (message, WGPEER_A_PRESHARED_KEY, &peer->preshared_key);
    if (action->fields & SG_LINK_ENDPOINT)
        put_endpoint (message, &peer->endpoint);
    if (action->fields & SG_LINK_KEEPALIVE)
        sg_nl_put_u16 (message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive);
    if (action->fields & (SG_LINK_ALLOWED_IPS | SG_LINK_MORE_IPS))
        put_allowed_ips (message, peer->allowed_ips);
    sg_nl_nest_end (message, entry);
    sg_nl_nest_end (message, peers);
}

static void
put_device (SgNlMessage *message, const SgWgConf *conf, unsigned fields)
{
    if (fields & SG_LINK_PRIVATE_KEY)
        put_key (message, WGDEVICE_A_PRIVATE_KEY, &conf->private_key);
    if (fields & SG_LINK_LISTEN_PORT)
        sg_nl_put_u16 (message, WGDEVICE_A_LISTEN_PORT, conf->listen_port);
    if (fields & SG_LINK_FWMARK)
        sg_nl_put_u32 (message, WGDEVICE_A_FWMARK, conf->fwmark);
}

size_t
sg_genl_wg_conf_room (const SgLinkAction *action)
{
    return ROOM + (action->kind == SG_LINK_PEER_SET
                       ? (size_t) action->peer->allowed_ips->len * ALLOWED_ROOM
                       : 0);
}

bool
sg_genl_wg_build_conf (void *memory, size_t room, uint16_t family, const SgLinkState *to,
                       const SgLinkAction *action)
{
    SgNlMessage message = begin (memory, room, family, WG_CMD_SET_DEVICE, to->ifindex);

    if (action->kind == SG_LINK_DEVICE)
        put_device (&message, to->conf, action->fields);
    else
        put_peer (&message, action);
    return !message.full;
}
