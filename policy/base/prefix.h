/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IP addresses and prefixes of either family as plain values. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <glib.h>

/* The families that can be routed, as an index into arrays of one member each. */
typedef enum { SG_IPV6, SG_IPV4, SG_FAMILY_N } SgFamily;

/* Its AF_*, and its name as Families= and people say it ("ipv6", "IPv6"); static. */
uint8_t sg_family_af (SgFamily family);
const char *sg_family_word (SgFamily family);
const char *sg_family_title (SgFamily family);

/* An address. family is AF_INET6, AF_INET, or AF_UNSPEC for "none"; bytes are in network
 * order, the first 4 for IPv4 (the rest zero), all zero for none. */
typedef struct {
    uint8_t family;
    uint8_t bytes[16];
} SgIp;

/* A prefix, always stored masked: bits behind len are zero. A family of AF_UNSPEC means that
 * there is no prefix; len 0 with a family means "all of that family". */
typedef struct {
    SgIp ip;
    uint8_t len;
} SgPrefix;

/* Room for any address or prefix as text, with the final NUL. */
#define SG_PREFIX_TEXT_MAX 64

/* How many bytes (4, 16; 0 for AF_UNSPEC) and bits an address of @family has. */
size_t sg_family_bytes (uint8_t family);
uint8_t sg_family_bits (uint8_t family);

/* An address from @bytes in network order (sg_family_bytes (family) of them). */
SgIp sg_ip_from_bytes (uint8_t family, const void *bytes);
/* Parses "2001:db8::1" or "10.0.0.1". False and @ret_ip untouched when malformed. */
bool sg_ip_parse (const char *text, SgIp *ret_ip);
/* Writes the address as text into @text and returns it; "none" for AF_UNSPEC. */
const char *sg_ip_format (const SgIp *ip, char text[SG_PREFIX_TEXT_MAX]);
int sg_ip_compare (const SgIp *a, const SgIp *b);
bool sg_ip_is_set (const SgIp *ip);

/* Scopes (RFC 4291, RFC 4193; for IPv4 RFC 3927, RFC 5771). */
bool sg_ip_is_link_local (const SgIp *ip);
bool sg_ip_is_multicast (const SgIp *ip);
bool sg_ip_is_loopback (const SgIp *ip);
/* fc00::/7; private IPv4 (RFC 1918). */
bool sg_ip_is_unique_local (const SgIp *ip);

/* The only constructor: masks @ip to @len bits (at most the family's). */
SgPrefix sg_prefix_new (const SgIp *ip, uint8_t len);
/* ::/0 or 0.0.0.0/0. */
SgPrefix sg_prefix_any (uint8_t family);
/* For a GHashTable with an SgIp as key. */
guint sg_ip_hash (const void *ip);
gboolean sg_ip_equal (const void *a, const void *b);

/* The prefix that holds just @ip. */
SgPrefix sg_prefix_host (const SgIp *ip);
/* Parses "2001:db8::/48" (a bare address is a host prefix). Host bits set are refused, the
 * error names the network that was meant. Error: SG_ERROR_INVALID_ARGUMENT. */
bool sg_prefix_parse (const char *text, SgPrefix *ret_prefix,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "2001:db8::/48"; "none" for AF_UNSPEC. */
const char *sg_prefix_format (const SgPrefix *prefix, char text[SG_PREFIX_TEXT_MAX]);
int sg_prefix_compare (const SgPrefix *a, const SgPrefix *b);
/* For a GHashTable with an SgPrefix as key. */
guint sg_prefix_hash (const void *prefix);
gboolean sg_prefix_equal (const void *a, const void *b);
bool sg_prefix_is_set (const SgPrefix *prefix);
/* Whether it is the default prefix (len 0) of its family. */
bool sg_prefix_is_any (const SgPrefix *prefix);
bool sg_prefix_contains (const SgPrefix *prefix, const SgIp *ip);
bool sg_prefix_covers (const SgPrefix *outer, const SgPrefix *inner);
bool sg_prefix_overlaps (const SgPrefix *a, const SgPrefix *b);
/* The last address of the prefix: all bits behind len set. */
SgIp sg_prefix_last (const SgPrefix *prefix);
