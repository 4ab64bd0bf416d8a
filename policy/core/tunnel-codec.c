/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-codec.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

/* The layout; a larger number is from the future and refused. */
#define VERSION 1

/* Bytes of a value with the final NUL, the longest being a label, and of a line around them. */
#define VALUE_MAX (SG_TUNNEL_LABEL_MAX + 1)
#define LINE_ROOM 384

/* ---- writing ---- */

static size_t
room_for (const SgTunnel *tunnel)
{
    size_t lines = 3;

    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        lines += 1 + subnet->devices->len;
        for (guint j = 0; j < subnet->devices->len; j++)
            lines +=
                ((const SgTunnelDevice *) g_ptr_array_index (subnet->devices, j))->pinholes->len;
    }
    return lines * LINE_ROOM;
}

/* " name=KEY", not by printf, which has a buffer of its own. */
static void
write_key (GString *out, const char *name, const SgWgRawKey *key)
{
    SgWgKey text = {{0}};

    if (sg_wg_key_is_set (key))
        sg_wg_key_encode (key, &text);
    g_string_append_c (out, ' ');
    g_string_append (out, name);
    g_string_append_c (out, '=');
    g_string_append (out, text.text);
    explicit_bzero (&text, sizeof text);
}

static const char *
yes_or_no (bool value)
{
    return value ? "yes" : "no";
}

static void
write_device (GString *out, const SgTunnelDevice *device)
{
    char ip4[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (
        out, "device address=%s kind=%s pinholes=%s", sg_ip_format (&device->ip4, ip4),
        sg_tunnel_kind_to_string (device->kind), yes_or_no (device->allow_pinholes));
    write_key (out, "public", &device->keys.public_key);
    write_key (out, "private", &device->keys.private_key);
    write_key (out, "preshared", &device->keys.preshared_key);
    g_string_append_printf (out, " name=%s\n", device->name);
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);

        g_string_append_printf (out,
                                "pinhole protocol=%s external=%u internal=%u enabled=%s "
                                "label=%s\n",
                                sg_pinhole_protocol_to_string (pinhole->protocol),
                                pinhole->external, pinhole->internal, yes_or_no (pinhole->enabled),
                                pinhole->label);
    }
}

char *
sg_tunnel_to_text (const SgTunnel *tunnel)
{
    /* Never grows: a realloc would leave a copy of the keys behind. */
    GString *out = g_string_sized_new (room_for (tunnel));

    g_string_append_printf (out, "sixgate-tunnel version=%d generation=%" PRIu64 "\nserver",
                            VERSION, tunnel->generation);
    write_key (out, "public", &tunnel->server.public_key);
    write_key (out, "private", &tunnel->server.private_key);
    g_string_append_c (out, '\n');
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);
        char network[SG_PREFIX_TEXT_MAX], prefix[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (out, "subnet network=%s prefix=%s name=%s\n",
                                sg_prefix_format (&subnet->network, network),
                                sg_prefix_format (&subnet->prefix, prefix), subnet->name);
        for (guint j = 0; j < subnet->devices->len; j++)
            write_device (out, g_ptr_array_index (subnet->devices, j));
    }
    g_string_append (out, "end\n");
    return g_string_free (out, /* free_segment= */ FALSE);
}

/* ---- reading ---- */

typedef struct {
    const char *at, *end; /* what of the line is left */
    SgTunnel *tunnel;
    SgTunnelSubnet *subnet; /* the last one, to which devices belong */
    SgTunnelDevice *device;
    const char *problem; /* what is wrong with the line */
    bool begun, keyed, complete;
} Reader;

/* Always false, so that a caller can return it. */
static bool
wrong (Reader *reader, const char *problem)
{
    if (!reader->problem)
        reader->problem = problem;
    return false;
}

/* The next value, which has to be that of @key; the value of @last goes to the end of the line. */
static bool
take (Reader *reader, const char *key, bool last, char value[VALUE_MAX])
{
    size_t key_len = strlen (key), left = reader->end - reader->at, len;
    const char *space;

    if (left < key_len + 2 || reader->at[0] != ' ' || memcmp (reader->at + 1, key, key_len) != 0 ||
        reader->at[key_len + 1] != '=')
        return wrong (reader, "a value is missing");
    reader->at += key_len + 2;
    left -= key_len + 2;
    space = last ? NULL : memchr (reader->at, ' ', left);
    len = space ? (size_t) (space - reader->at) : left;
    if (len >= VALUE_MAX)
        return wrong (reader, "a value is too long");
    memcpy (value, reader->at, len);
    value[len] = '\0';
    reader->at += len;
    return true;
}

static bool
take_number (Reader *reader, const char *key, uint64_t max, uint64_t *ret_number)
{
    char value[VALUE_MAX];

    return take (reader, key, /* last= */ false, value) &&
           (g_ascii_string_to_unsigned (value, 10, 0, max, ret_number, NULL) ||
            wrong (reader, "a number is malformed"));
}

static bool
take_bool (Reader *reader, const char *key, bool *ret_value)
{
    char value[VALUE_MAX];

    if (!take (reader, key, /* last= */ false, value))
        return false;
    *ret_value = strcmp (value, "yes") == 0;
    return *ret_value || strcmp (value, "no") == 0 || wrong (reader, "neither yes nor no");
}

/* An empty value is no key. */
static bool
take_key (Reader *reader, const char *key, SgWgRawKey *ret_key)
{
    char value[VALUE_MAX];
    bool ok = take (reader, key, /* last= */ false, value);

    if (ok && *value)
        ok = sg_wg_key_decode (value, ret_key) || wrong (reader, "a key is malformed");
    explicit_bzero (value, sizeof value);
    return ok;
}

static bool
take_prefix (Reader *reader, const char *key, SgPrefix *ret_prefix)
{
    char value[VALUE_MAX];

    if (!take (reader, key, /* last= */ false, value))
        return false;
    if (strcmp (value, "none") == 0)
        return true;
    return sg_prefix_parse (value, ret_prefix, NULL) || wrong (reader, "a prefix is malformed");
}

static bool
read_head (Reader *reader)
{
    uint64_t version;

    if (reader->begun)
        return wrong (reader, "the file begins again");
    if (!take_number (reader, "version", UINT32_MAX, &version))
        return false;
    if (version != VERSION)
        return wrong (reader, version > VERSION
                                  ? "this file was written by a newer version of Sixgate"
                                  : "there is no such version");
    reader->begun = true;
    return take_number (reader, "generation", UINT64_MAX, &reader->tunnel->generation);
}

static bool
read_server (Reader *reader)
{
    if (reader->keyed)
        return wrong (reader, "there is a second server");
    reader->keyed = true;
    return take_key (reader, "public", &reader->tunnel->server.public_key) &&
           take_key (reader, "private", &reader->tunnel->server.private_key);
}

static bool
read_subnet (Reader *reader)
{
    SgPrefix network = {0}, prefix = {0};
    char name[VALUE_MAX];

    if (!take_prefix (reader, "network", &network) || !take_prefix (reader, "prefix", &prefix) ||
        !take (reader, "name", /* last= */ true, name))
        return false;
    if (reader->tunnel->subnets->len >= SG_TUNNEL_SUBNETS_MAX)
        return wrong (reader, "there are too many subnets");
    reader->subnet = sg_tunnel_subnet_new (&network, name);
    reader->subnet->prefix = prefix;
    reader->device = NULL;
    g_ptr_array_add (reader->tunnel->subnets, reader->subnet);
    return true;
}

static bool
read_device (Reader *reader)
{
    SgTunnelDevice *device;
    char address[VALUE_MAX], kind[VALUE_MAX], name[VALUE_MAX];
    SgIp ip4;

    if (!reader->subnet)
        return wrong (reader, "a device belongs to a subnet");
    if (!take (reader, "address", /* last= */ false, address) ||
        !take (reader, "kind", /* last= */ false, kind))
        return false;
    if (!sg_ip_parse (address, &ip4))
        return wrong (reader, "an address is malformed");
    /* Into its place at once: keys that were read are wiped with it, whatever follows. */
    device = reader->device = sg_tunnel_device_new (&ip4, "");
    g_ptr_array_add (reader->subnet->devices, device);
    if (!sg_tunnel_kind_from_string (kind, &device->kind))
        return wrong (reader, "a device is a client or a server");
    if (!take_bool (reader, "pinholes", &device->allow_pinholes) ||
        !take_key (reader, "public", &device->keys.public_key) ||
        !take_key (reader, "private", &device->keys.private_key) ||
        !take_key (reader, "preshared", &device->keys.preshared_key) ||
        !take (reader, "name", /* last= */ true, name))
        return false;
    g_free (device->name);
    device->name = g_strdup (name);
    return true;
}

static bool
read_pinhole (Reader *reader)
{
    char protocol[VALUE_MAX], label[VALUE_MAX];
    uint64_t external, internal;
    uint8_t number;
    SgPinhole *pinhole;
    bool enabled;

    if (!reader->device)
        return wrong (reader, "a pinhole belongs to a device");
    if (!take (reader, "protocol", /* last= */ false, protocol) ||
        !take_number (reader, "external", UINT16_MAX, &external) ||
        !take_number (reader, "internal", UINT16_MAX, &internal) ||
        !take_bool (reader, "enabled", &enabled) ||
        !take (reader, "label", /* last= */ true, label))
        return false;
    if (!sg_pinhole_protocol_from_string (protocol, &number))
        return wrong (reader, "a protocol is tcp or udp");
    pinhole = sg_pinhole_new (number, (uint16_t) external, (uint16_t) internal, label);
    pinhole->enabled = enabled;
    g_ptr_array_add (reader->device->pinholes, pinhole);
    return true;
}

static bool
read_end (Reader *reader)
{
    reader->complete = reader->begun && reader->keyed;
    return reader->complete || wrong (reader, "the file has no server");
}

/* The kinds of lines. */
static const struct {
    const char *word;
    bool (*read) (Reader *reader);
} lines[] = {
    {"sixgate-tunnel", read_head}, {"server", read_server},   {"subnet", read_subnet},
    {"device", read_device},       {"pinhole", read_pinhole}, {"end", read_end},
};

static bool
read_line (Reader *reader)
{
    const char *begin = reader->at, *space = memchr (begin, ' ', reader->end - begin);
    size_t len = (space ? space : reader->end) - begin;

    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
        if (len != strlen (lines[i].word) || memcmp (begin, lines[i].word, len) != 0)
            continue;
        if (!reader->begun && lines[i].read != read_head)
            break;
        if (reader->complete)
            return wrong (reader, "something follows the end");
        reader->at += len;
        return lines[i].read (reader) &&
               (reader->at == reader->end || wrong (reader, "the line is too long"));
    }
    return wrong (reader, reader->begun ? "this line is unknown"
                                        : "this is no state file of the tunnel role");
}

static void
corrupt (const char *name, unsigned line, const char *problem, GError **error)
{
    g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                 "%s:%u: %s; put the file back from a backup", name, line, problem);
}

static bool
read_lines (Reader *reader, const char *name, const char *text, size_t len, GError **error)
{
    const char *end = text + len;
    unsigned line = 0;

    while (text < end) {
        const char *newline = memchr (text, '\n', end - text);

        line++;
        reader->at = text;
        reader->end = newline ? newline : end;
        if (!newline) {
            corrupt (name, line, "the end of the file is missing", error);
            return false;
        }
        if (!read_line (reader)) {
            corrupt (name, line, reader->problem, error);
            return false;
        }
        text = newline + 1;
    }
    if (!reader->complete)
        corrupt (name, line + 1, "the end of the file is missing", error);
    return reader->complete;
}

SgTunnel *
sg_tunnel_parse (const char *name, const char *text, size_t len, GError **error)
{
    static const SgTunnelKeys none;
    g_autoptr (SgTunnel) tunnel = sg_tunnel_new (&none);
    g_autoptr (GError) problem = NULL;
    Reader reader = {.tunnel = tunnel};

    if (memchr (text, '\0', len)) {
        corrupt (name, 1, "there are bytes of zero in the file", error);
        return NULL;
    }
    if (!read_lines (&reader, name, text, len, error))
        return NULL;
    if (!sg_tunnel_check (tunnel, &problem)) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                     "%s: %s; put the file back from a backup", name, problem->message);
        return NULL;
    }
    return g_steal_pointer (&tunnel);
}
