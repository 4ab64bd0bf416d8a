/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wg-value.h"

#include <string.h>

#include "base/error.h"

/* A key is 44 bytes long, and 43 where a line was torn at its equals sign. */
#define QUOTE_MAX 40

#define KEY_HELP                                                                                   \
    "a key is 44 characters of base64 that end in =, as `wg genkey` or `wg pubkey` prints it"

static bool invalid (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Always false, so that a caller can return it. */
static bool
invalid (GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start (args, format);
    text = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error_literal (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, text);
    return false;
}

char *
sg_wg_quote (const char *text)
{
    size_t len = strlen (text);

    if (len == 0)
        return g_strdup ("an empty value");
    if (len > QUOTE_MAX)
        return g_strdup ("this value");
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isprint (text[i]))
            return g_strdup ("this value");
    }
    return g_strdup_printf ("“%s”", text);
}

/* The six bits that a character of base64 stands for; -1 for any other. */
static int
base64_value (char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
sg_wg_key_parse (const char *text, bool zero_is_none, SgWgKey *ret_key, GError **error)
{
    /* 32 bytes are 42 characters, four bits of a 43rd, and one of padding. */
    const size_t digits = SG_WG_KEY_TEXT - 2;
    int any = 0;

    if (strlen (text) != digits + 1 || text[digits] != '=')
        return invalid (error, "this is not a key: " KEY_HELP);
    for (size_t i = 0; i < digits; i++) {
        int value = base64_value (text[i]);

        if (value < 0 || (i == digits - 1 && (value & 3) != 0))
            return invalid (error, "this is not a key: " KEY_HELP);
        any |= value;
    }
    if (!any && !zero_is_none)
        return invalid (error, "a key of zeros only is none: " KEY_HELP);
    g_strlcpy (ret_key->text, any ? text : "", sizeof ret_key->text);
    return true;
}

/* Splits "ADDRESS/LEN"; the length is that of a host where none is said. */
static bool
split_prefix (const char *text, SgIp *ret_ip, uint8_t *ret_len)
{
    const char *slash = strchr (text, '/');
    g_autofree char *address = slash ? g_strndup (text, slash - text) : g_strdup (text);
    SgIp ip;
    guint64 len;

    if (!sg_ip_parse (address, &ip))
        return false;
    len = sg_family_bits (ip.family);
    if (slash && !g_ascii_string_to_unsigned (slash + 1, 10, 0, len, &len, NULL))
        return false;
    *ret_ip = ip;
    *ret_len = (uint8_t) len;
    return true;
}

bool
sg_wg_address_parse (const char *text, SgWgAddress *ret_address, GError **error)
{
    static const uint8_t zeros[16];
    g_autofree char *quoted = sg_wg_quote (text);
    SgWgAddress address;

    if (!split_prefix (text, &address.ip, &address.len))
        return invalid (error, "%s is no address; write it like 10.59.0.2/24 or 2001:db8::2/128",
                        quoted);
    if (memcmp (address.ip.bytes, zeros, sizeof zeros) == 0 || address.len == 0 ||
        sg_ip_is_multicast (&address.ip) || sg_ip_is_loopback (&address.ip))
        return invalid (error,
                        "%s can be no address of a tunnel; write the one that the server gave to "
                        "this device, like 10.59.0.2/24",
                        quoted);
    *ret_address = address;
    return true;
}

bool
sg_wg_allowed_ip_parse (const char *text, SgPrefix *ret_prefix, GError **error)
{
    SgIp ip;
    uint8_t len;

    if (!split_prefix (text, &ip, &len)) {
        g_autofree char *quoted = sg_wg_quote (text);

        return invalid (error, "%s is no prefix; write it like 10.59.0.0/24 or ::/0", quoted);
    }
    *ret_prefix = sg_prefix_new (&ip, len);
    return true;
}

bool
sg_wg_host_is_valid (const char *text)
{
    size_t len = strlen (text), label = 0;
    bool digits_only = true;

    if (len == 0 || len > SG_WG_HOST_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (c == '.') {
            if (label == 0)
                return false;
            if (i + 1 == len) /* the root's dot */
                break;
            label = 0;
            digits_only = true;
            continue;
        }
        if (!(g_ascii_isalnum (c) || c == '_' || (c == '-' && label > 0)) || ++label > 63)
            return false;
        digits_only = digits_only && g_ascii_isdigit (c);
    }
    return !digits_only;
}

bool
sg_wg_domain_is_valid (const char *text)
{
    if (*text != '~')
        return sg_wg_host_is_valid (text);
    return text[1] == '\0' || strcmp (text, "~.") == 0 || sg_wg_host_is_valid (text + 1);
}

#define ENDPOINT_HELP                                                                              \
    "write it like 203.0.113.1:51820, [2001:db8::1]:51820 or vpn.example.com:51820"

bool
sg_wg_endpoint_parse (const char *text, SgWgEndpoint *ret_endpoint, GError **error)
{
    g_autofree char *quoted = sg_wg_quote (text);
    const char *colon = strrchr (text, ':');
    SgWgEndpoint endpoint = {0};
    const char *host = text;
    size_t len = colon ? (size_t) (colon - text) : strlen (text);
    bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
    guint64 port;
    SgIp ip;

    if (bracketed) {
        host++;
        len -= 2;
    }
    if (len >= sizeof endpoint.host)
        return invalid (error, "the host of this endpoint is too long; " ENDPOINT_HELP);
    memcpy (endpoint.host, host, len);
    if (sg_ip_parse (endpoint.host, &ip)) {
        /* Without brackets nobody can tell the port from the address. */
        if (bracketed != (ip.family == AF_INET6))
            return invalid (error, "%s is no endpoint; " ENDPOINT_HELP, quoted);
    } else if (bracketed || !sg_wg_host_is_valid (endpoint.host)) {
        return invalid (error, "%s is no endpoint; " ENDPOINT_HELP, quoted);
    }
    if (!colon || !g_ascii_string_to_unsigned (colon + 1, 10, 1, UINT16_MAX, &port, NULL))
        return invalid (error, "%s has no port from 1 to 65535; " ENDPOINT_HELP, quoted);
    endpoint.port = (uint16_t) port;
    *ret_endpoint = endpoint;
    return true;
}

char *
sg_wg_endpoint_format (const SgWgEndpoint *endpoint)
{
    return g_strdup_printf (strchr (endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host,
                            endpoint->port);
}
