/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of a WireGuard configuration: one function a key, and their table. */
#include "core/wg-conf-parts.h"

#include <string.h>

#include "base/error.h"

/* Calls @take for every word of the list @value, which may be empty. */
static bool
each_word (SgWgConf *conf, SgWgPeer *peer, char *value,
           bool (*take) (SgWgConf *, SgWgPeer *, const char *, GError **), GError **error)
{
    static const char separators[] = ", \t";

    for (char *word = value + strspn (value, separators); *word;) {
        size_t len = strcspn (word, separators);
        bool last = word[len] == '\0';

        word[len] = '\0';
        if (!take (conf, peer, word, error))
            return false;
        word += last ? len : len + 1;
        word += strspn (word, separators);
    }
    return true;
}

static bool
over (GError **error, unsigned limit, const char *what)
{
    g_set_error (error, SG_ERROR, SG_ERROR_LIMIT, "more than %u %s; a gateway can have no more",
                 limit, what);
    return false;
}

/* Whether @address fits to those of @conf; an error when not, @ret_new false when it is there. */
static bool
check_address (const SgWgConf *conf, const SgWgAddress *address, bool *ret_new, GError **error)
{
    char text[SG_PREFIX_TEXT_MAX];
    uint8_t min = address->ip.family == AF_INET6 ? SG_WG_NETWORK_MIN_IPV6 : SG_WG_NETWORK_MIN_IPV4;

    sg_ip_format (&address->ip, text);
    if (address->len < min) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "a network as large as that of %s/%u would take the host's own traffic; write "
                     "the length of the tunnel's network, at least /%u",
                     text, address->len, min);
        return false;
    }
    for (guint i = 0; i < conf->addresses->len; i++) {
        const SgWgAddress *other = &g_array_index (conf->addresses, SgWgAddress, i);

        if (sg_ip_compare (&other->ip, &address->ip) != 0)
            continue;
        if (other->len != address->len) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                         "%s/%u is there already with the length %u; keep one of the two", text,
                         address->len, other->len);
            return false;
        }
        *ret_new = false;
        return true;
    }
    *ret_new = true;
    return true;
}

static bool
take_address (SgWgConf *conf, SgWgPeer *peer, const char *word, GError **error)
{
    SgWgAddress address;
    bool is_new;

    if (!sg_wg_address_parse (word, &address, error) ||
        !check_address (conf, &address, &is_new, error))
        return false;
    if (!is_new)
        return true;
    if (conf->addresses->len == SG_WG_ADDRESSES_MAX)
        return over (error, SG_WG_ADDRESSES_MAX, "addresses");
    g_array_append_val (conf->addresses, address);
    return true;
}

static bool
set_address (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    return each_word (conf, peer, value, take_address, error);
}

static bool
take_dns (SgWgConf *conf, SgWgPeer *peer, const char *word, GError **error)
{
    SgIp server;

    if (sg_ip_parse (word, &server)) {
        sg_wg_conf_add_dns (conf, &server);
    } else if (sg_wg_domain_is_valid (word)) {
        sg_wg_conf_add_domain (conf, word);
    } else {
        g_autofree char *quoted = sg_wg_quote (word);

        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is neither the address of a name server, like 10.59.0.1, nor a search "
                     "domain, like example.com",
                     quoted);
        return false;
    }
    if (conf->dns->len + conf->dns_domains->len > SG_WG_DNS_MAX)
        return over (error, SG_WG_DNS_MAX, "name servers and domains");
    return true;
}

static bool
set_dns (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    return each_word (conf, peer, value, take_dns, error);
}

static bool
take_allowed_ip (SgWgConf *conf, SgWgPeer *peer, const char *word, GError **error)
{
    SgPrefix prefix;

    if (!sg_wg_allowed_ip_parse (word, &prefix, error))
        return false;
    if (peer->allowed_ips->len == SG_WG_ALLOWED_IPS_MAX)
        return over (error, SG_WG_ALLOWED_IPS_MAX, "allowed IPs of one peer");
    g_array_append_val (peer->allowed_ips, prefix);
    return true;
}

static bool
set_allowed_ips (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    return each_word (conf, peer, value, take_allowed_ip, error);
}

static bool
set_private_key (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    return sg_wg_key_parse (value, /* zero_is_none= */ false, &conf->private_key, error);
}

static bool
set_public_key (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    if (!sg_wg_key_parse (value, /* zero_is_none= */ false, &peer->public_key, error))
        return false;
    for (guint i = 0; i + 1 < conf->peers->len; i++) {
        const SgWgPeer *other = conf->peers->pdata[i];

        if (strcmp (other->public_key.text, peer->public_key.text) == 0) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                         "an earlier [Peer] has this key, too; write one [Peer] a key");
            return false;
        }
    }
    return true;
}

static bool
set_preshared_key (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    return sg_wg_key_parse (value, /* zero_is_none= */ true, &peer->preshared_key, error);
}

static bool
set_endpoint (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    return sg_wg_endpoint_parse (value, &peer->endpoint, error);
}

/* A number; also "off" for 0, where @or_else, the end of the message, says so. */
static bool
parse_number (const char *value, const char *or_else, uint32_t min, uint32_t max,
              uint32_t *ret_number, GError **error)
{
    g_autofree char *quoted = NULL;
    guint64 number;

    if (*or_else && g_ascii_strcasecmp (value, "off") == 0) {
        *ret_number = 0;
        return true;
    }
    if (g_ascii_string_to_unsigned (value, 10, min, max, &number, NULL)) {
        *ret_number = (uint32_t) number;
        return true;
    }
    quoted = sg_wg_quote (value);
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s is no number from %u to %u%s",
                 quoted, min, max, or_else);
    return false;
}

static bool
set_listen_port (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    uint32_t port;

    if (!parse_number (value, "", 0, UINT16_MAX, &port, error))
        return false;
    conf->listen_port = (uint16_t) port;
    return true;
}

static bool
set_keepalive (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    uint32_t seconds;

    if (!parse_number (value, ", nor off", 0, UINT16_MAX, &seconds, error))
        return false;
    peer->keepalive = (uint16_t) seconds;
    return true;
}

static bool
set_mtu (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    /* wg-quick takes 0 for "find out". */
    return strcmp (value, "0") == 0 ||
           parse_number (value, "", SG_WG_MTU_MIN, SG_WG_MTU_MAX, &conf->mtu, error);
}

static bool
set_fwmark (SgWgConf *conf, SgWgPeer *peer, char *value, GError **error)
{
    guint64 mark;

    if (g_ascii_strncasecmp (value, "0x", 2) == 0 &&
        g_ascii_string_to_unsigned (value + 2, 16, 0, UINT32_MAX, &mark, NULL)) {
        conf->fwmark = (uint32_t) mark;
        return true;
    }
    return parse_number (value, ", also like 0xca6c, nor off", 0, UINT32_MAX, &conf->fwmark, error);
}

#define NOT_RUN "is not run; NetworkManager's dispatcher can run a script instead"
#define NO_ANDROID "is for Android's app only and has no effect"

static const SgWgConfKey keys[SG_WG_CONF_KEYS] = {
    {"PrivateKey", SG_WG_SECTION_INTERFACE, false, set_private_key, NULL},
    {"Address", SG_WG_SECTION_INTERFACE, true, set_address, NULL},
    {"DNS", SG_WG_SECTION_INTERFACE, true, set_dns, NULL},
    {"MTU", SG_WG_SECTION_INTERFACE, false, set_mtu, NULL},
    {"ListenPort", SG_WG_SECTION_INTERFACE, false, set_listen_port, NULL},
    {"FwMark", SG_WG_SECTION_INTERFACE, false, set_fwmark, NULL},
    {"PublicKey", SG_WG_SECTION_PEER, false, set_public_key, NULL},
    {"PresharedKey", SG_WG_SECTION_PEER, false, set_preshared_key, NULL},
    {"AllowedIPs", SG_WG_SECTION_PEER, true, set_allowed_ips, NULL},
    {"Endpoint", SG_WG_SECTION_PEER, false, set_endpoint, NULL},
    {"PersistentKeepalive", SG_WG_SECTION_PEER, false, set_keepalive, NULL},
    {"PreUp", SG_WG_SECTION_INTERFACE, true, NULL, NOT_RUN},
    {"PostUp", SG_WG_SECTION_INTERFACE, true, NULL, NOT_RUN},
    {"PreDown", SG_WG_SECTION_INTERFACE, true, NULL, NOT_RUN},
    {"PostDown", SG_WG_SECTION_INTERFACE, true, NULL, NOT_RUN},
    {"Table", SG_WG_SECTION_INTERFACE, true, NULL,
     "is not followed: every gateway has a table of its own, and the outbound is chosen"},
    {"SaveConfig", SG_WG_SECTION_INTERFACE, true, NULL,
     "is not followed: what changes at run time is not written into the profile"},
    {"IncludedApplications", SG_WG_SECTION_INTERFACE, true, NULL, NO_ANDROID},
    {"ExcludedApplications", SG_WG_SECTION_INTERFACE, true, NULL, NO_ANDROID},
};

const SgWgConfKey *
sg_wg_conf_key (size_t index)
{
    return index < G_N_ELEMENTS (keys) ? &keys[index] : NULL;
}
