/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A gateway as a file of wg-quick(8) describes it: parser and writer. docs/import.md says what of
 * the format is followed. */
#pragma once

#include "core/wg-value.h"

/* Limits: of the text, checked before anything is allocated, and of what is in it. */
#define SG_WG_TEXT_MAX (1024u * 1024u)
#define SG_WG_ADDRESSES_MAX 256u
#define SG_WG_DNS_MAX 32u
#define SG_WG_PEERS_MAX 1024u
#define SG_WG_ALLOWED_IPS_MAX 1024u /* of one peer */
/* The largest networks that a tunnel's address may claim. Larger ones would take the host's own
 * traffic by their mere route in the main table: 0.0.0.0/1, 2000::/3. */
#define SG_WG_NETWORK_MIN_IPV4 8u
#define SG_WG_NETWORK_MIN_IPV6 32u
/* WireGuard's smallest useful and largest MTU; IPv6 needs SG_WG_MTU_IPV6 (RFC 8200, section 5). */
#define SG_WG_MTU_MIN 576u
#define SG_WG_MTU_IPV6 1280u
#define SG_WG_MTU_MAX 65535u

typedef struct {
    SgWgKey public_key;
    SgWgKey preshared_key; /* "" for none */
    SgWgEndpoint endpoint; /* host "" for none */
    GArray *allowed_ips;   /* of SgPrefix, in the order of the file */
    uint16_t keepalive;    /* seconds; 0 = off */
} SgWgPeer;

typedef struct {
    SgWgType type;
    SgWgKey private_key;    /* "" when a profile was read without its secrets */
    GArray *addresses;      /* of SgWgAddress, no address twice */
    GArray *dns;            /* of SgIp: servers */
    GPtrArray *dns_domains; /* of char *: search domains */
    uint16_t listen_port;   /* 0 = any */
    uint32_t fwmark;        /* 0 = not said */
    uint32_t mtu;           /* 0 = not said */
    GPtrArray *peers;       /* of SgWgPeer */
    GPtrArray *warnings; /* of char *: "FILE:LINE: …", what is not followed, one sentence each */
} SgWgConf;

SgWgConf *sg_wg_conf_new (void);
/* Wipes the keys. */
void sg_wg_conf_free (SgWgConf *conf);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgWgConf, sg_wg_conf_free)
SgWgPeer *sg_wg_peer_new (void);
void sg_wg_peer_free (SgWgPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgWgPeer, sg_wg_peer_free)
SgWgPeer *sg_wg_peer_copy (const SgWgPeer *peer);
/* The first peer with that key; NULL when there is none. */
SgWgPeer *sg_wg_conf_peer (const SgWgConf *conf, const SgWgKey *public_key);

/* Appends unless it is there; false when it is there. */
bool sg_wg_conf_add_dns (SgWgConf *conf, const SgIp *server);
bool sg_wg_conf_add_domain (SgWgConf *conf, const char *domain);

/* "inbound-outbound" or "outbound-only"; static. */
const char *sg_wg_type_to_string (SgWgType type);
bool sg_wg_type_from_string (const char *text, SgWgType *ret_type);

/* Reads @text, @len bytes of the file @file (a name for messages). SG_ERROR_NOT_WIREGUARD when it
 * is a file of another kind: neither [Interface] nor [Peer] is in it. SG_ERROR_LIMIT when it is
 * larger than the limits, else SG_ERROR_INVALID_ARGUMENT: "FILE:LINE: …". No message holds a key. */
SgWgConf *sg_wg_conf_parse (const char *file, const char *text, size_t len,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The text of a file with the same content, keys included: free it with sg_wg_text_free(). Parsing
 * and writing it again gives the same text. */
char *sg_wg_conf_to_text (const SgWgConf *conf);
/* Wipes and frees a text with keys in it. */
void sg_wg_text_free (char *text);
