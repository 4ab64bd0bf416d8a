/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of a WireGuard configuration, one by one, from and to text. Shared by the file format
 * (wg-conf) and the profile (profile). No message ever holds a key, nor anything long enough to be
 * one. Errors: SG_ERROR_INVALID_ARGUMENT, what is wrong and what would be right. */
#pragma once

#include "base/prefix.h"

/* Bytes of a key, and of its base64 text with the final NUL. */
#define SG_WG_KEY_BYTES 32
#define SG_WG_KEY_TEXT 45
/* The longest name of DNS (RFC 1035, section 2.3.4). */
#define SG_WG_HOST_MAX 253

/* What a gateway is for. */
typedef enum {
    SG_WG_TYPE_OUTBOUND_ONLY,
    SG_WG_TYPE_INBOUND_OUTBOUND, /* connections come in by it, too */
    SG_WG_TYPE_N
} SgWgType;

/* A key as base64; "" for none. */
typedef struct {
    char text[SG_WG_KEY_TEXT];
} SgWgKey;

/* An address of an interface with the length of its network; host bits are kept. */
typedef struct {
    SgIp ip;
    uint8_t len;
} SgWgAddress;

/* A host (an address without brackets, or a name; "" for none) and a port. */
typedef struct {
    char host[SG_WG_HOST_MAX + 1];
    uint16_t port;
} SgWgEndpoint;

/* @text for a message, in quotes; "this value" when it could hold a key or is not printable. */
char *sg_wg_quote (const char *text);

/* A key of 32 bytes that are not all zero; @zero_is_none: zeros are taken for none, as the kernel
 * does for preshared keys. */
bool sg_wg_key_parse (const char *text, bool zero_is_none, SgWgKey *ret_key,
                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "10.59.0.2/24"; without a length it is that of a host. */
bool sg_wg_address_parse (const char *text, SgWgAddress *ret_address,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Masked, as the kernel does it: host bits in allowed IPs are common and mean nothing. */
bool sg_wg_allowed_ip_parse (const char *text, SgPrefix *ret_prefix,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* "203.0.113.1:51820", "[2001:db8::1]:51820", "vpn.example.com:51820". */
bool sg_wg_endpoint_parse (const char *text, SgWgEndpoint *ret_endpoint,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* With brackets where they are needed; owned by the caller. */
char *sg_wg_endpoint_format (const SgWgEndpoint *endpoint);
/* Whether @text can be a name of DNS: letters, digits, - and _ between dots, at most 63 bytes
 * each, and the last not a number (or a mistyped address would be a name). */
bool sg_wg_host_is_valid (const char *text);
/* Whether @text can be a search domain: such a name, or one behind "~" (a domain to route by, not
 * to search in), or "~" or "~." (all of them). */
bool sg_wg_domain_is_valid (const char *text);
