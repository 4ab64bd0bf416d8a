/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/prefix.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"

static const struct {
    uint8_t af;
    const char *word, *title;
} family_table[SG_FAMILY_N] = {
    [SG_IPV6] = {AF_INET6, "ipv6", "IPv6"},
    [SG_IPV4] = {AF_INET, "ipv4", "IPv4"},
};

uint8_t
sg_family_af (SgFamily family)
{
    return family_table[family].af;
}

const char *
sg_family_word (SgFamily family)
{
    return family_table[family].word;
}

const char *
sg_family_title (SgFamily family)
{
    return family_table[family].title;
}

size_t
sg_family_bytes (uint8_t family)
{
    return family == AF_INET6 ? 16 : family == AF_INET ? 4 : 0;
}

uint8_t
sg_family_bits (uint8_t family)
{
    return (uint8_t) (sg_family_bytes (family) * 8);
}

SgIp
sg_ip_from_bytes (uint8_t family, const void *bytes)
{
    SgIp ip = {.family = family};

    memcpy (ip.bytes, bytes, sg_family_bytes (family));
    return ip;
}

bool
sg_ip_parse (const char *text, SgIp *ret_ip)
{
    SgIp ip = {.family = strchr (text, ':') ? AF_INET6 : AF_INET};

    if (inet_pton (ip.family, text, ip.bytes) != 1)
        return false;
    *ret_ip = ip;
    return true;
}

const char *
sg_ip_format (const SgIp *ip, char text[SG_PREFIX_TEXT_MAX])
{
    if (!sg_ip_is_set (ip) || !inet_ntop (ip->family, ip->bytes, text, SG_PREFIX_TEXT_MAX))
        g_strlcpy (text, "none", SG_PREFIX_TEXT_MAX);
    return text;
}

int
sg_ip_compare (const SgIp *a, const SgIp *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp (a->bytes, b->bytes, sizeof a->bytes);
}

bool
sg_ip_is_set (const SgIp *ip)
{
    return ip->family != AF_UNSPEC;
}

bool
sg_ip_is_link_local (const SgIp *ip)
{
    if (ip->family == AF_INET6)
        return ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
    return ip->family == AF_INET && ip->bytes[0] == 169 && ip->bytes[1] == 254;
}

bool
sg_ip_is_multicast (const SgIp *ip)
{
    if (ip->family == AF_INET6)
        return ip->bytes[0] == 0xff;
    return ip->family == AF_INET && (ip->bytes[0] & 0xf0) == 0xe0;
}

bool
sg_ip_is_loopback (const SgIp *ip)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (ip->family == AF_INET6)
        return memcmp (ip->bytes, loopback6, sizeof loopback6) == 0;
    return ip->family == AF_INET && ip->bytes[0] == 127;
}

bool
sg_ip_is_unique_local (const SgIp *ip)
{
    const uint8_t *b = ip->bytes;

    if (ip->family == AF_INET6)
        return (b[0] & 0xfe) == 0xfc;
    return ip->family == AF_INET &&
           (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168));
}

/* The mask for byte @index of a prefix of @len bits: 0x00 to 0xff. */
static uint8_t
mask_byte (uint8_t len, size_t index)
{
    size_t first_bit = index * 8;

    if (len >= first_bit + 8)
        return 0xff;
    if (len <= first_bit)
        return 0;
    return (uint8_t) (0xff00u >> (len - first_bit));
}

SgPrefix
sg_prefix_new (const SgIp *ip, uint8_t len)
{
    SgPrefix prefix = {.ip = *ip, .len = MIN (len, sg_family_bits (ip->family))};

    for (size_t i = 0; i < sizeof prefix.ip.bytes; i++)
        prefix.ip.bytes[i] &= mask_byte (prefix.len, i);
    return prefix;
}

SgPrefix
sg_prefix_any (uint8_t family)
{
    return (SgPrefix) {.ip = {.family = family}};
}

SgPrefix
sg_prefix_host (const SgIp *ip)
{
    return sg_prefix_new (ip, sg_family_bits (ip->family));
}

bool
sg_prefix_parse (const char *text, SgPrefix *ret_prefix, GError **error)
{
    const char *slash = strchr (text, '/');
    g_autofree char *address = slash ? g_strndup (text, slash - text) : g_strdup (text);
    SgIp ip;
    SgPrefix prefix;
    guint64 len;

    if (!sg_ip_parse (address, &ip)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is not a prefix; write it like 2001:db8::/48", text);
        return false;
    }
    len = sg_family_bits (ip.family);
    if (slash && !g_ascii_string_to_unsigned (slash + 1, 10, 0, len, &len, NULL)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s”: the prefix length is a number from 0 to %u", text,
                     sg_family_bits (ip.family));
        return false;
    }
    prefix = sg_prefix_new (&ip, (uint8_t) len);
    if (sg_ip_compare (&prefix.ip, &ip) != 0) {
        char meant[SG_PREFIX_TEXT_MAX];

        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” has host bits set; the network is %s", text,
                     sg_prefix_format (&prefix, meant));
        return false;
    }
    *ret_prefix = prefix;
    return true;
}

const char *
sg_prefix_format (const SgPrefix *prefix, char text[SG_PREFIX_TEXT_MAX])
{
    sg_ip_format (&prefix->ip, text);
    if (sg_prefix_is_set (prefix)) {
        size_t used = strlen (text);

        g_snprintf (text + used, SG_PREFIX_TEXT_MAX - used, "/%u", prefix->len);
    }
    return text;
}

int
sg_prefix_compare (const SgPrefix *a, const SgPrefix *b)
{
    int order = sg_ip_compare (&a->ip, &b->ip);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Devices differ in the last bytes, subnets in the middle. */
guint
sg_ip_hash (const void *ip)
{
    uint32_t words[4];

    memcpy (words, ((const SgIp *) ip)->bytes, sizeof words);
    return (words[0] * 31 + words[1]) * 31 + words[2] + words[3] * 2654435761u;
}

gboolean
sg_ip_equal (const void *a, const void *b)
{
    return sg_ip_compare (a, b) == 0;
}

guint
sg_prefix_hash (const void *prefix)
{
    const SgPrefix *value = prefix;

    return sg_ip_hash (&value->ip) * 31 + value->len;
}

gboolean
sg_prefix_equal (const void *a, const void *b)
{
    return sg_prefix_compare (a, b) == 0;
}

bool
sg_prefix_is_set (const SgPrefix *prefix)
{
    return sg_ip_is_set (&prefix->ip);
}

bool
sg_prefix_is_any (const SgPrefix *prefix)
{
    return sg_prefix_is_set (prefix) && prefix->len == 0;
}

bool
sg_prefix_contains (const SgPrefix *prefix, const SgIp *ip)
{
    const size_t whole = prefix->len / 8;

    if (prefix->ip.family != ip->family || !sg_ip_is_set (ip) ||
        memcmp (prefix->ip.bytes, ip->bytes, whole) != 0)
        return false;
    return prefix->len % 8 == 0 ||
           (ip->bytes[whole] & mask_byte (prefix->len, whole)) == prefix->ip.bytes[whole];
}

bool
sg_prefix_covers (const SgPrefix *outer, const SgPrefix *inner)
{
    return outer->len <= inner->len && sg_prefix_contains (outer, &inner->ip);
}

bool
sg_prefix_overlaps (const SgPrefix *a, const SgPrefix *b)
{
    return sg_prefix_covers (a, b) || sg_prefix_covers (b, a);
}

SgIp
sg_prefix_last (const SgPrefix *prefix)
{
    SgIp last = prefix->ip;

    for (size_t i = 0; i < sg_family_bytes (last.family); i++)
        last.bytes[i] |= (uint8_t) ~mask_byte (prefix->len, i);
    return last;
}
