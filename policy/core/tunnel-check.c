/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What holds in every state of the tunnel role, whoever made it: a change, or a file. */
#include "core/tunnel.h"

#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "core/tunnel-addresses.h"
#include "core/tunnel-prefix.h"

static bool fail (GError **error, SgErrorCode code, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* Always false, so that a caller can return it. */
static bool
fail (GError **error, SgErrorCode code, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, SG_ERROR, code, text);
    return false;
}

/* ---- words ---- */

/* One line of text that a terminal shows as it is. */
static bool
is_printable (const char *text)
{
    if (!g_utf8_validate (text, -1, NULL))
        return false;
    for (; *text; text = g_utf8_next_char (text)) {
        if (!g_unichar_isprint (g_utf8_get_char (text)))
            return false;
    }
    return true;
}

/* Names stand where addresses may stand, too. */
static bool
is_address (const char *text)
{
    SgPrefix prefix;

    return sg_prefix_parse (text, &prefix, NULL);
}

bool
sg_tunnel_check_name (const char *text, GError **error)
{
    size_t len = strlen (text);

    if (len > SG_TUNNEL_NAME_MAX)
        return fail (error, SG_ERROR_LIMIT, "this name is %zu bytes long; %u are allowed", len,
                     SG_TUNNEL_NAME_MAX);
    if (len == 0 || !is_printable (text) || text[0] == ' ' || text[len - 1] == ' ')
        return fail (error, SG_ERROR_INVALID_ARGUMENT,
                     "this is no name; write one of printable characters that neither begins nor "
                     "ends with a space");
    if (is_address (text))
        return fail (error, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is an address; choose a name that cannot be mistaken for one", text);
    return true;
}

static bool
check_label (const char *text, GError **error)
{
    if (strlen (text) > SG_TUNNEL_LABEL_MAX)
        return fail (error, SG_ERROR_LIMIT, "this label is %zu bytes long; %u are allowed",
                     strlen (text), SG_TUNNEL_LABEL_MAX);
    if (!is_printable (text))
        return fail (error, SG_ERROR_INVALID_ARGUMENT,
                     "this is no label; write printable characters");
    return true;
}

/* ---- networks ---- */

/* Private (RFC 1918) or shared (RFC 6598): nobody on the Internet has these addresses. */
static bool
is_private (const SgPrefix *network)
{
    static const struct {
        uint8_t bytes[4];
        uint8_t len;
    } ranges[] = {{{10}, 8}, {{172, 16}, 12}, {{192, 168}, 16}, {{100, 64}, 10}};

    for (size_t i = 0; i < G_N_ELEMENTS (ranges); i++) {
        SgIp ip = sg_ip_from_bytes (AF_INET, ranges[i].bytes);
        SgPrefix range = sg_prefix_new (&ip, ranges[i].len);

        if (sg_prefix_covers (&range, network))
            return true;
    }
    return false;
}

bool
sg_tunnel_check_network (const SgPrefix *network, GError **error)
{
    char text[SG_PREFIX_TEXT_MAX];

    sg_prefix_format (network, text);
    if (network->ip.family != AF_INET || !is_private (network))
        return fail (error, SG_ERROR_INVALID_ARGUMENT,
                     "%s is no private IPv4 network; choose one like 10.59.0.0/24", text);
    if (network->len < SG_TUNNEL_NETWORK_MIN || network->len > SG_TUNNEL_NETWORK_MAX)
        return fail (error, SG_ERROR_INVALID_ARGUMENT,
                     "%s: a subnet is a /%u to /%u; choose one like 10.59.0.0/24", text,
                     SG_TUNNEL_NETWORK_MIN, SG_TUNNEL_NETWORK_MAX);
    return true;
}

/* ---- one by one ---- */

static bool
check_pinholes (const SgTunnelDevice *device, GError **error)
{
    const SgPinhole *last = NULL;

    if (device->pinholes->len > SG_TUNNEL_PINHOLES_MAX)
        return fail (error, SG_ERROR_LIMIT, "“%s” has %u pinholes; %u are allowed", device->name,
                     device->pinholes->len, SG_TUNNEL_PINHOLES_MAX);
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);

        if ((pinhole->protocol != IPPROTO_TCP && pinhole->protocol != IPPROTO_UDP) ||
            pinhole->external == 0 || pinhole->internal == 0)
            return fail (error, SG_ERROR_INVALID_ARGUMENT,
                         "a pinhole is of tcp or udp, with ports from 1 to 65535");
        if (last && (last->protocol > pinhole->protocol ||
                     (last->protocol == pinhole->protocol && last->external >= pinhole->external)))
            return fail (error, SG_ERROR_EXISTS, "“%s” has a pinhole at port %u already",
                         device->name, pinhole->external);
        if (!check_label (pinhole->label, error))
            return false;
        last = pinhole;
    }
    return true;
}

static bool
check_device (const SgTunnelDevice *device, GError **error)
{
    if (!sg_tunnel_check_name (device->name, error))
        return false;
    if (device->kind >= SG_TUNNEL_KIND_N)
        return fail (error, SG_ERROR_INVALID_ARGUMENT, "a device is a client or a server");
    if (!sg_wg_key_is_set (&device->keys.public_key))
        return fail (error, SG_ERROR_INVALID_ARGUMENT, "“%s” has no public key", device->name);
    return check_pinholes (device, error);
}

/* Whether a device may have this IPv4 address: a host of the network, and not the server. */
static bool
check_ip4 (const SgTunnelSubnet *subnet, const SgIp *ip4, GError **error)
{
    SgIp server = sg_tunnel_server_ip4 (&subnet->network), last = sg_prefix_last (&subnet->network);
    char text[SG_PREFIX_TEXT_MAX], network[SG_PREFIX_TEXT_MAX];

    sg_ip_format (ip4, text);
    sg_prefix_format (&subnet->network, network);
    if (sg_ip_compare (ip4, &server) == 0)
        return fail (error, SG_ERROR_OVERLAP, "%s belongs to the server in the subnet %s", text,
                     network);
    if (!sg_prefix_contains (&subnet->network, ip4) ||
        sg_ip_compare (ip4, &subnet->network.ip) == 0 || sg_ip_compare (ip4, &last) == 0)
        return fail (error, SG_ERROR_INVALID_ARGUMENT, "%s is no address of a host in %s", text,
                     network);
    return true;
}

static bool
check_devices (const SgTunnelSubnet *subnet, GHashTable *keys, GError **error)
{
    g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
    const SgTunnelDevice *last = NULL;
    char ip4[SG_PREFIX_TEXT_MAX];

    for (guint i = 0; i < subnet->devices->len; i++) {
        SgTunnelDevice *device = g_ptr_array_index (subnet->devices, i);
        const SgTunnelDevice *other = g_hash_table_lookup (keys, &device->keys.public_key);

        if (!check_device (device, error) || !check_ip4 (subnet, &device->ip4, error))
            return false;
        if (last && sg_ip_compare (&last->ip4, &device->ip4) >= 0)
            return fail (error, SG_ERROR_EXISTS, "%s belongs to “%s”",
                         sg_ip_format (&device->ip4, ip4), last->name);
        if (!g_hash_table_add (names, device->name))
            return fail (error, SG_ERROR_EXISTS, "there is a device “%s” in this subnet already",
                         device->name);
        if (other)
            return fail (error, SG_ERROR_EXISTS,
                         "“%s” and “%s” would have the same public key; each device needs one of "
                         "its own",
                         other->name, device->name);
        g_hash_table_insert (keys, &device->keys.public_key, device);
        last = device;
    }
    return true;
}

static bool
check_subnet (const SgTunnelSubnet *subnet, GError **error)
{
    return sg_tunnel_check_name (subnet->name, error) &&
           sg_tunnel_check_network (&subnet->network, error) &&
           (!sg_prefix_is_set (&subnet->prefix) ||
            sg_tunnel_prefix_check (&subnet->prefix, /* allow_ula= */ true, error));
}

/* ---- the whole ---- */

static bool
check_limits (const SgTunnel *tunnel, GError **error)
{
    guint devices = sg_tunnel_count_devices (tunnel), pinholes = 0;

    if (tunnel->subnets->len > SG_TUNNEL_SUBNETS_MAX)
        return fail (error, SG_ERROR_LIMIT, "there are %u subnets; %u are allowed",
                     tunnel->subnets->len, SG_TUNNEL_SUBNETS_MAX);
    if (devices > SG_TUNNEL_DEVICES_MAX)
        return fail (error, SG_ERROR_LIMIT, "there are %u devices; %u are allowed", devices,
                     SG_TUNNEL_DEVICES_MAX);
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        for (guint j = 0; j < subnet->devices->len; j++)
            pinholes +=
                ((const SgTunnelDevice *) g_ptr_array_index (subnet->devices, j))->pinholes->len;
    }
    if (pinholes > SG_TUNNEL_PINHOLES_ALL)
        return fail (error, SG_ERROR_LIMIT, "there are %u pinholes; %u are allowed", pinholes,
                     SG_TUNNEL_PINHOLES_ALL);
    return true;
}

static bool
check_neighbours (const SgTunnelSubnet *last, const SgTunnelSubnet *subnet, GError **error)
{
    char first[SG_PREFIX_TEXT_MAX], second[SG_PREFIX_TEXT_MAX];

    sg_prefix_format (&last->network, first);
    sg_prefix_format (&subnet->network, second);
    if (sg_prefix_compare (&last->network, &subnet->network) == 0)
        return fail (error, SG_ERROR_EXISTS, "there is a subnet %s already", second);
    if (sg_prefix_overlaps (&last->network, &subnet->network) ||
        sg_prefix_compare (&last->network, &subnet->network) > 0)
        return fail (error, SG_ERROR_OVERLAP, "the subnets %s (“%s”) and %s (“%s”) overlap", first,
                     last->name, second, subnet->name);
    return true;
}

bool
sg_tunnel_check (const SgTunnel *tunnel, GError **error)
{
    g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
    g_autoptr (GHashTable) keys = g_hash_table_new (sg_wg_key_hash, sg_wg_key_equal_hashed);

    if (!sg_wg_key_is_set (&tunnel->server.public_key) ||
        !sg_wg_key_is_set (&tunnel->server.private_key))
        return fail (error, SG_ERROR_INVALID_ARGUMENT, "the server has no key");
    if (!check_limits (tunnel, error))
        return false;
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        if ((i > 0 &&
             !check_neighbours (g_ptr_array_index (tunnel->subnets, i - 1), subnet, error)) ||
            !check_subnet (subnet, error) || !check_devices (subnet, keys, error))
            return false;
        if (!g_hash_table_add (names, subnet->name))
            return fail (error, SG_ERROR_EXISTS, "there is a subnet “%s” already", subnet->name);
    }
    if (g_hash_table_contains (keys, &tunnel->server.public_key))
        return fail (error, SG_ERROR_EXISTS,
                     "this is the server's own public key; a device needs one of its own");
    return sg_tunnel_addresses_unique (tunnel, /* taken= */ NULL, error);
}
