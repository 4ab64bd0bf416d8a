/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-tunnel.h"

#include <string.h>

#include "base/error.h"
#include "core/tunnel-addresses.h"
#include "exports.h"
#include "looks.h"
#include "tunnel-path.h"
#include "tunnel-work.h"

#define INTERFACE SG_BUS_DEVICE
#define PROPERTIES "org.freedesktop.DBus.Properties"

static int
fail_gone (sd_bus_error *ret_error)
{
    return sd_bus_error_setf (ret_error, sg_error_dbus_name (SG_ERROR_NOT_FOUND),
                              "the device is gone");
}

/* ---- what everybody may read ---- */

static int
append_address6 (sd_bus_message *reply, const SgTunnel *tunnel, const SgTunnelDevice *device,
                 const SgPrefix *network)
{
    SgIp ip = sg_tunnel_device_ip6 (sg_tunnel_find (tunnel, network), device);
    char text[SG_PREFIX_TEXT_MAX];

    return sd_bus_message_append (reply, "s", ip.family ? sg_ip_format (&ip, text) : "");
}

static int
get_property (sd_bus *bus, const char *path, const char *interface, const char *property,
              sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgTunnel *tunnel = ((const SgService *) data)->model->tunnel;
    const SgTunnelDevice *device = sg_tunnel_path_device (tunnel, path);
    g_autofree char *subnet = NULL;
    char text[SG_PREFIX_TEXT_MAX];
    SgTunnelDeviceId id;

    if (!device || !sg_tunnel_path_parse (path, &id))
        return fail_gone (ret_error);
    subnet = sg_tunnel_path (&id.network, NULL);
    if (strcmp (property, "Subnet") == 0)
        return sd_bus_message_append (reply, "o", subnet);
    if (strcmp (property, "Name") == 0)
        return sd_bus_message_append (reply, "s", device->name);
    if (strcmp (property, "Address4") == 0)
        return sd_bus_message_append (reply, "s", sg_ip_format (&device->ip4, text));
    if (strcmp (property, "Address6") == 0)
        return append_address6 (reply, tunnel, device, &id.network);
    if (strcmp (property, "Kind") == 0)
        return sd_bus_message_append (reply, "s", sg_tunnel_kind_to_string (device->kind));
    return sd_bus_message_append (reply, "b", device->allow_pinholes);
}

/* ---- what the kernel hides from the unprivileged ---- */

/* A device and what WireGuard has of it. */
typedef struct {
    char *key, *endpoint; /* "" = none */
    uint64_t handshake, rx, tx;
} Peer;

static void
clear_peer (Peer *peer)
{
    g_free (peer->key);
    g_free (peer->endpoint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Peer, clear_peer)

static char *
format_endpoint (const SgWireguardPeer *peer)
{
    char text[SG_PREFIX_TEXT_MAX];

    if (!peer->endpoint.family)
        return g_strdup ("");
    sg_ip_format (&peer->endpoint, text);
    return g_strdup_printf (peer->endpoint.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text,
                            peer->port);
}

/* The peers of the tunnel's link by their keys, borrowed. */
static GHashTable *
index_peers (const SgPass *pass)
{
    GHashTable *peers =
        g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, NULL);
    const SgLink *link = sg_snapshot_link_by_name (pass->snapshot, pass->config->tunnel_interface);

    for (guint i = 0; link && i < pass->snapshot->peers->len; i++) {
        SgWireguardPeer *peer = &g_array_index (pass->snapshot->peers, SgWireguardPeer, i);

        if (peer->ifindex == link->ifindex)
            g_hash_table_insert (
                peers, g_bytes_new (peer->public_key.bytes, sizeof peer->public_key.bytes), peer);
    }
    return peers;
}

static Peer
peer_of (GHashTable *peers, const SgTunnelDevice *device)
{
    const SgWgRawKey *key = &device->keys.public_key;
    g_autoptr (GBytes) bytes = g_bytes_new (key->bytes, sizeof key->bytes);
    const SgWireguardPeer *found = g_hash_table_lookup (peers, bytes);

    return (Peer) {g_base64_encode (key->bytes, sizeof key->bytes),
                   found ? format_endpoint (found) : g_strdup (""),
                   found ? found->handshake * G_USEC_PER_SEC : 0, found ? found->rx : 0,
                   found ? found->tx : 0};
}

/* Where each is in Peer. */
static const struct {
    const char *name, *type;
    size_t offset;
} hidden[] = {
    {"PublicKey", "s", offsetof (Peer, key)},
    {"Endpoint", "s", offsetof (Peer, endpoint)},
    {"LatestHandshake", "t", offsetof (Peer, handshake)},
    {"RxBytes", "t", offsetof (Peer, rx)},
    {"TxBytes", "t", offsetof (Peer, tx)},
};

static bool
is_hidden (const char *property)
{
    for (size_t i = 0; i < G_N_ELEMENTS (hidden); i++) {
        if (strcmp (hidden[i].name, property) == 0)
            return true;
    }
    return false;
}

/* Answers Get with the property of @peer that the second word names. */
static void
answer_property (SgCall *call, const Peer *peer)
{
    for (size_t i = 0; i < G_N_ELEMENTS (hidden); i++) {
        const void *member = (const char *) peer + hidden[i].offset;

        if (strcmp (hidden[i].name, call->words[1]) != 0)
            continue;
        if (*hidden[i].type == 's')
            sg_call_reply (call, "v", "s", *(char *const *) member);
        else
            sg_call_reply (call, "v", "t", *(const uint64_t *) member);
        return;
    }
}

static void
answer_get (SgCall *call, SgPass *pass)
{
    const SgTunnelDevice *device =
        sg_tunnel_path_device (pass->tunnel, sd_bus_message_get_path (call->message));
    g_autoptr (GHashTable) peers = index_peers (pass);
    g_auto (Peer) peer = {0};

    if (!device) {
        sg_call_fail_with (call, SG_ERROR_NOT_FOUND, "the device is gone");
        return;
    }
    peer = peer_of (peers, device);
    answer_property (call, &peer);
}

static void
run_get (SgCall *call)
{
    sg_looks_ask (call->service->looks, call, answer_get);
}

static void
answer_empty (SgCall *call)
{
    const Peer nobody = {.key = (char *) "", .endpoint = (char *) ""};

    answer_property (call, &nobody);
}

static bool
read_get (SgCall *call, GError **error)
{
    return sg_call_understood (
        sd_bus_message_read (call->message, "ss", &call->words[0], &call->words[1]), error);
}

bool
sg_bus_device_take_read (SgService *service, sd_bus_message *message)
{
    static const SgMethod method = {PROPERTIES, "Get",   SG_RIGHT_READ_PEERS,   false,
                                    read_get,   run_get, .denied = answer_empty};
    const char *interface, *property;
    bool ours = sd_bus_message_is_method_call (message, PROPERTIES, "Get") > 0 &&
                sd_bus_message_has_signature (message, "ss") > 0 &&
                sg_tunnel_path_device (service->model->tunnel, sd_bus_message_get_path (message)) &&
                sd_bus_message_read (message, "ss", &interface, &property) >= 0;

    if (!ours)
        return false;
    (void) sd_bus_message_rewind (message, /* complete= */ true);
    if (strcmp (interface, INTERFACE) != 0 || !is_hidden (property))
        return false;
    sg_call_take (service, message, &method);
    return true;
}

/* ---- all at once ---- */

static int
append_peer (sd_bus_message *reply, const SgTunnelSubnet *subnet, const SgTunnelDevice *device,
             GHashTable *peers)
{
    g_autofree char *path = sg_tunnel_path (&subnet->network, &device->ip4);
    g_auto (Peer) peer = peer_of (peers, device);

    return sd_bus_message_append (reply, "(ossttt)", path, peer.key, peer.endpoint, peer.handshake,
                                  peer.rx, peer.tx);
}

static int
append_peers (sd_bus_message *reply, const SgPass *pass)
{
    g_autoptr (GHashTable) peers = index_peers (pass);
    int r = sd_bus_message_open_container (reply, 'a', "(ossttt)");

    for (guint i = 0; pass->tunnel && i < pass->tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (pass->tunnel->subnets, i);

        for (guint k = 0; r >= 0 && k < subnet->devices->len; k++)
            r = append_peer (reply, subnet, g_ptr_array_index (subnet->devices, k), peers);
    }
    return r < 0 ? r : sd_bus_message_close_container (reply);
}

static void
answer_peers (SgCall *call, SgPass *pass)
{
    g_autoptr (sd_bus_message) reply = NULL;
    int r = sd_bus_message_new_method_return (call->message, &reply);

    if (r >= 0)
        r = append_peers (reply, pass);
    sg_call_send (call, reply, r);
}

void
sg_bus_device_run_read_peers (SgCall *call)
{
    sg_looks_ask (call->service->looks, call, answer_peers);
}

/* ---- methods ---- */

/* Port 0 is no port, and would not be said at all. */
static bool
read_pinhole (SgCall *call, GError **error)
{
    SgCallOptions *options = &call->options;

    if (!sg_call_understood (sd_bus_message_read (call->message, "sqqs", &call->words[0],
                                                  &options->external, &options->internal,
                                                  &options->label),
                             error))
        return false;
    if (options->external && options->internal)
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "ports are from 1 to 65535");
    return false;
}

static void
run_show_config (SgCall *call)
{
    sg_export (call, sg_work_show_config);
}

const SgMethod sg_bus_device_methods[] = {
    {INTERFACE, "ShowConfig", SG_RIGHT_READ_SECRETS, false, sg_call_read_word, run_show_config},
    {INTERFACE, "SetName", SG_RIGHT_MANAGE, false, sg_call_read_word, sg_bus_tunnel_run,
     .compared = true},
    {INTERFACE, "SetKind", SG_RIGHT_MANAGE, false, sg_call_read_word, sg_bus_tunnel_run,
     .compared = true},
    {INTERFACE, "SetAllowPinholes", SG_RIGHT_MANAGE, false, sg_call_read_flag, sg_bus_tunnel_run,
     .compared = true},
    {INTERFACE, "AddPinhole", SG_RIGHT_MANAGE, false, read_pinhole, sg_bus_tunnel_run_add},
    {INTERFACE, "Remove", SG_RIGHT_MANAGE, false, NULL, sg_bus_tunnel_run, .compared = true},
    {NULL},
};

/* sg_bus_device_take_read() answers before anybody comes here. */
static int
get_hidden (sd_bus *bus, const char *path, const char *interface, const char *property,
            sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    return fail_gone (ret_error);
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY (name, type, get_property, 0, flags)
#define HIDDEN(name, type)                                                                         \
    SD_BUS_PROPERTY (name, type, get_hidden, 0, SD_BUS_VTABLE_PROPERTY_EXPLICIT)

/* As in data/org.sixgate.Sixgate1.xml. */
const sd_bus_vtable sg_bus_device_vtable[] = {
    SD_BUS_VTABLE_START (0),
    SD_BUS_METHOD_WITH_ARGS ("ShowConfig", SD_BUS_ARGS ("s", endpoint), SD_BUS_RESULT ("s", config),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetName", SD_BUS_ARGS ("s", name), SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetKind", SD_BUS_ARGS ("s", kind), SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetAllowPinholes", SD_BUS_ARGS ("b", allow), SD_BUS_NO_RESULT,
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS (
        "AddPinhole", SD_BUS_ARGS ("s", protocol, "q", external, "q", internal, "s", label),
        SD_BUS_RESULT ("o", pinhole), sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Remove", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    PROPERTY ("Subnet", "o", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("Name", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("Address4", "s", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("Address6", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("Kind", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("AllowPinholes", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    HIDDEN ("PublicKey", "s"),
    HIDDEN ("Endpoint", "s"),
    HIDDEN ("LatestHandshake", "t"),
    HIDDEN ("RxBytes", "t"),
    HIDDEN ("TxBytes", "t"),
    SD_BUS_VTABLE_END,
};
