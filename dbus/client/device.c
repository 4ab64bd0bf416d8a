/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of the tunnel role: list, add, show-config, remove, set-name, set-kind, allow-pinholes. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/qr.h"
#include "command.h"
#include "print.h"
#include "words.h"

/* ---- reading ---- */

/* What the service says of a device's peer. */
typedef struct {
    const char *endpoint;
    guint64 handshake, rx, tx; /* microseconds since 1970; bytes */
} Peer;

/* Path → an element of ReadPeers' answer; NULL for who may not read them. */
static bool
read_peers (SgClient *client, GHashTable **ret_peers, GError **error)
{
    g_autoptr (GError) problem = NULL;
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) list = NULL;
    GHashTable *peers;

    client->quiet = true;
    answer = sg_client_manage (client, "ReadPeers", NULL, &problem);
    client->quiet = false;
    if (g_error_matches (problem, SG_ERROR, SG_ERROR_PERMISSION)) {
        *ret_peers = NULL;
        return true;
    }
    if (!answer) {
        g_propagate_error (error, g_steal_pointer (&problem));
        return false;
    }
    peers =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
    list = g_variant_get_child_value (answer, 0);
    for (gsize i = 0; i < g_variant_n_children (list); i++) {
        GVariant *peer = g_variant_get_child_value (list, i);
        char *path;

        g_variant_get_child (peer, 0, "o", &path);
        g_hash_table_insert (peers, path, peer);
    }
    *ret_peers = peers;
    return true;
}

/* False when nothing is known of it. */
static bool
find_peer (GHashTable *peers, const SgObjectView *device, Peer *ret_peer)
{
    GVariant *found = peers ? g_hash_table_lookup (peers, device->path) : NULL;

    *ret_peer = (Peer) {.endpoint = ""};
    if (found)
        g_variant_get (found, "(&o&s&sttt)", NULL, NULL, &ret_peer->endpoint, &ret_peer->handshake,
                       &ret_peer->rx, &ret_peer->tx);
    return found != NULL;
}

/* The network of its subnet. */
static const char *
network_of (const SgView *view, const SgObjectView *device)
{
    const SgObjectView *subnet = sg_view_at (view, sg_view_string (device->properties, "Subnet"));

    return subnet ? subnet->name : "";
}

static GVariant *
value_of (const SgView *view, const SgObjectView *device, GHashTable *peers)
{
    GVariant *properties = device->properties;
    GVariantBuilder out;
    Peer peer;
    bool known = find_peer (peers, device, &peer);

    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    sg_words_add_string (&out, "subnet", network_of (view, device));
    sg_words_add_string (&out, "name", sg_view_string (properties, "Name"));
    sg_words_add_string (&out, "ipv4", device->name);
    sg_words_add_string (&out, "ipv6", sg_view_string (properties, "Address6"));
    sg_words_add_string (&out, "kind", sg_view_string (properties, "Kind"));
    sg_words_add_value (&out, "allow-pinholes",
                        g_variant_new_boolean (sg_view_flag (properties, "AllowPinholes")));
    if (known) {
        sg_words_add_string (&out, "endpoint", peer.endpoint);
        sg_words_add_value (&out, "latest-handshake",
                            g_variant_new_uint64 (peer.handshake / G_USEC_PER_SEC));
        sg_words_add_value (&out, "rx-bytes", g_variant_new_uint64 (peer.rx));
        sg_words_add_value (&out, "tx-bytes", g_variant_new_uint64 (peer.tx));
    }
    return g_variant_builder_end (&out);
}

/* "3 min ago"; "never". */
static char *
format_handshake (guint64 handshake)
{
    gint64 seconds = (g_get_real_time () - (gint64) handshake) / G_USEC_PER_SEC;

    if (handshake == 0)
        return g_strdup ("never");
    if (seconds < 120)
        return g_strdup_printf ("%" G_GINT64_FORMAT " s ago", MAX (seconds, 0));
    if (seconds < 7200)
        return g_strdup_printf ("%" G_GINT64_FORMAT " min ago", seconds / 60);
    if (seconds < 172800)
        return g_strdup_printf ("%" G_GINT64_FORMAT " h ago", seconds / 3600);
    return g_strdup_printf ("%" G_GINT64_FORMAT " days ago", seconds / 86400);
}

static void
add_row (SgTable *table, const SgView *view, const SgObjectView *device, GHashTable *peers)
{
    const char *address6 = sg_view_string (device->properties, "Address6");
    Peer peer;
    bool known = find_peer (peers, device, &peer);
    g_autofree char *handshake = known ? format_handshake (peer.handshake) : g_strdup ("-");
    g_autofree char *rx = known ? g_format_size_full (peer.rx, G_FORMAT_SIZE_IEC_UNITS) : NULL;
    g_autofree char *tx = known ? g_format_size_full (peer.tx, G_FORMAT_SIZE_IEC_UNITS) : NULL;
    g_autofree char *traffic = known ? g_strdup_printf ("%s / %s", rx, tx) : g_strdup ("-");

    sg_table_add (table, SG_STYLE_STRONG, sg_view_string (device->properties, "Name"));
    sg_table_add (table, SG_STYLE_PLAIN, network_of (view, device));
    sg_table_add (table, SG_STYLE_PLAIN, device->name);
    sg_table_add (table, *address6 ? SG_STYLE_GOOD : SG_STYLE_DIM, *address6 ? address6 : "-");
    sg_table_add (table, SG_STYLE_PLAIN, sg_view_string (device->properties, "Kind"));
    sg_table_add (table, peer.handshake ? SG_STYLE_PLAIN : SG_STYLE_DIM, handshake);
    sg_table_add (table, SG_STYLE_PLAIN, traffic);
}

static void
print_table (const SgClient *client, const SgView *view, const GPtrArray *devices,
             GHashTable *peers)
{
    static const char *const headings[] = {"DEVICE", "SUBNET",    "IPV4",        "IPV6",
                                           "KIND",   "HANDSHAKE", "FROM / TO IT"};
    g_autoptr (SgTable) table = sg_table_new (client, G_N_ELEMENTS (headings));

    for (size_t i = 0; i < G_N_ELEMENTS (headings); i++)
        sg_table_add (table, SG_STYLE_DIM, headings[i]);
    for (guint i = 0; i < devices->len; i++)
        add_row (table, view, g_ptr_array_index (devices, i), peers);
    sg_table_print (table);
    if (!peers && devices->len)
        fputs ("sixgatectl: handshakes and traffic are shown to administrators only: try again "
               "with sudo\n",
               stderr);
}

static void
print_json (const SgView *view, const GPtrArray *devices, GHashTable *peers)
{
    GVariantBuilder out, list;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < devices->len; i++)
        g_variant_builder_add_value (&list, value_of (view, g_ptr_array_index (devices, i), peers));
    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    sg_words_add_value (&out, "devices", g_variant_builder_end (&list));
    sg_print_json (g_variant_builder_end (&out));
}

static bool
run_list (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (GPtrArray) devices = g_ptr_array_new ();
    g_autoptr (GHashTable) peers = NULL;
    const SgObjectView *subnet = NULL;

    if (!view ||
        (arguments->n_words && !(subnet = sg_view_subnet (view, arguments->words[0], error))) ||
        !read_peers (client, &peers, error))
        return false;
    for (guint i = 0; i < view->devices->len; i++) {
        SgObjectView *device = g_ptr_array_index (view->devices, i);

        if (!subnet || strcmp (network_of (view, device), subnet->name) == 0)
            g_ptr_array_add (devices, device);
    }
    if (client->json)
        print_json (view, devices, peers);
    else
        print_table (client, view, devices, peers);
    return true;
}

/* ---- changing ---- */

/* Calls a method of the device that the first two words name. */
static GVariant *
call_device (SgClient *client, const SgArguments *arguments, const char *method, GVariant *body,
             GError **error)
{
    g_autoptr (GVariant) owned = body ? g_variant_ref_sink (body) : NULL;
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *device = view ? sg_view_device_of (view, arguments->words, error) : NULL;
    SgObject object = {.interface = SG_CLIENT_DEVICE};

    if (!device)
        return NULL;
    object.path = device->path;
    return sg_client_call (client, &object, method, owned, error);
}

/* Both addresses of the device that was just made. */
static bool
tell_addresses (SgClient *client, const char *path, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *device = view ? sg_view_at (view, path) : NULL;
    const char *address6 = device ? sg_view_string (device->properties, "Address6") : "";

    if (device)
        printf ("%s %s\n", device->name, *address6 ? address6 : "none");
    return view != NULL;
}

static GVariant *
add_arguments (const SgArguments *arguments)
{
    const char *const *values = arguments->values;
    GVariantBuilder options;

    g_variant_builder_init (&options, G_VARIANT_TYPE ("a{sv}"));
    if (values[2])
        sg_words_add_string (&options, "public-key", values[2]);
    return g_variant_new ("(sss@a{sv})", arguments->words[1], values[0] ? values[0] : "",
                          values[1] ? values[1] : "", g_variant_builder_end (&options));
}

static bool
run_add (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *subnet = view ? sg_view_subnet (view, arguments->words[0], error) : NULL;
    g_autoptr (GVariant) answer = NULL;
    SgObject object = {.interface = SG_CLIENT_SUBNET};
    const char *path;

    if (!subnet)
        return false;
    object.path = subnet->path;
    answer = sg_client_call (client, &object, "AddDevice", add_arguments (arguments), error);
    if (!answer)
        return false;
    g_variant_get (answer, "(&o)", &path);
    return tell_addresses (client, path, error);
}

static bool
run_show_config (SgClient *client, const SgArguments *arguments, GError **error)
{
    const char *endpoint = arguments->values[0] ? arguments->values[0] : "";
    g_autoptr (GVariant) answer =
        call_device (client, arguments, "ShowConfig", g_variant_new ("(s)", endpoint), error);
    g_autofree char *drawn = NULL;
    const char *config;

    if (!answer)
        return false;
    g_variant_get (answer, "(&s)", &config);
    if (arguments->values[1] && !(drawn = sg_qr_draw (config, error)))
        return false;
    fputs (drawn ? drawn : config, stdout);
    return true;
}

static bool
run_remove (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_device (client, arguments, "Remove", NULL, error);

    return answer != NULL;
}

static bool
run_set_name (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_device (client, arguments, "SetName",
                                               g_variant_new ("(s)", arguments->words[2]), error);

    return answer != NULL;
}

static bool
run_set_kind (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_device (client, arguments, "SetKind",
                                               g_variant_new ("(s)", arguments->words[2]), error);

    return answer != NULL;
}

static bool
run_allow_pinholes (SgClient *client, const SgArguments *arguments, GError **error)
{
    bool yes = strcmp (arguments->words[2], "yes") == 0;
    g_autoptr (GVariant) answer = NULL;

    if (!yes && strcmp (arguments->words[2], "no") != 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "say yes or no, not “%s”",
                     arguments->words[2]);
        return false;
    }
    answer = call_device (client, arguments, "SetAllowPinholes", g_variant_new ("(b)", yes), error);
    return answer != NULL;
}

const SgCommand sg_device_commands[] = {
    {
        .group = "device",
        .name = "list",
        .arguments = "[SUBNET]",
        .summary = "List the devices of the tunnel, and when each was heard",
        .help = "HANDSHAKE is when the device last proved its key: within three minutes while it "
                "is in use. It and\nthe traffic are for administrators.",
        .max_words = 1,
        .reads = true,
        .run = run_list,
    },
    {
        .group = "device",
        .name = "add",
        .arguments = "SUBNET NAME [--ip IPV4] [--kind KIND] [--public-key KEY]",
        .summary = "Make a device; prints its IPv4 and its IPv6",
        .help = "Then give it its file: sixgatectl device show-config.\n\n"
                "  --ip IPV4           its address; else the lowest that is free\n"
                "  --kind KIND         client, or server: one that may open ports itself\n"
                "  --public-key KEY    its own; the private key then never leaves the device\n\n"
                "  sixgatectl device add home phone",
        .min_words = 2,
        .max_words = 2,
        .options = {{"--ip", "IPV4"}, {"--kind", "KIND"}, {"--public-key", "KEY"}},
        .run = run_add,
    },
    {
        .group = "device",
        .name = "show-config",
        .arguments = "SUBNET DEVICE [--endpoint HOST[:PORT]] [--qr]",
        .summary = "Write the WireGuard file for a device, keys included",
        .help = "To standard output. Who has it can be the device.\n\n"
                "  --endpoint HOST    how it reaches this machine; else TunnelEndpoint= of "
                "sixgate.conf, else\n                     this machine's own address\n"
                "  --qr               as a QR code, for phones",
        .min_words = 2,
        .max_words = 2,
        .options = {{"--endpoint", "HOST[:PORT]"}, {"--qr", NULL}},
        .run = run_show_config,
    },
    {
        .group = "device",
        .name = "remove",
        .arguments = "SUBNET DEVICE",
        .summary = "Delete a device",
        .help = "Its tunnel ends, its keys are gone. DEVICE is its IPv4 or its name.",
        .min_words = 2,
        .max_words = 2,
        .run = run_remove,
    },
    {
        .group = "device",
        .name = "set-name",
        .arguments = "SUBNET DEVICE NAME",
        .summary = "Rename a device",
        .help = "Nothing else changes.",
        .min_words = 3,
        .max_words = 3,
        .run = run_set_name,
    },
    {
        .group = "device",
        .name = "set-kind",
        .arguments = "SUBNET DEVICE KIND",
        .summary = "Say what a device is",
        .help = "KIND is client or server. Whether it may open ports stays as it is.",
        .min_words = 3,
        .max_words = 3,
        .run = run_set_kind,
    },
    {
        .group = "device",
        .name = "allow-pinholes",
        .arguments = "SUBNET DEVICE yes|no",
        .summary = "Say whether a device may ask for open ports itself",
        .help = "By PCP. What was opened by hand stays.",
        .min_words = 3,
        .max_words = 3,
        .run = run_allow_pinholes,
    },
    {0},
};
