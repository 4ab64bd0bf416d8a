/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wg-conf.h"

#include <string.h>

static const char *const type_names[SG_WG_TYPE_N] = {
    [SG_WG_TYPE_OUTBOUND_ONLY] = "outbound-only",
    [SG_WG_TYPE_INBOUND_OUTBOUND] = "inbound-outbound",
};

const char *
sg_wg_type_to_string (SgWgType type)
{
    g_return_val_if_fail (type < SG_WG_TYPE_N, "outbound-only");

    return type_names[type];
}

bool
sg_wg_type_from_string (const char *text, SgWgType *ret_type)
{
    for (SgWgType type = 0; type < SG_WG_TYPE_N; type++) {
        if (strcmp (text, type_names[type]) == 0) {
            *ret_type = type;
            return true;
        }
    }
    return false;
}

/* ---- life and death ---- */

SgWgPeer *
sg_wg_peer_new (void)
{
    SgWgPeer *peer = g_new0 (SgWgPeer, 1);

    peer->allowed_ips =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));
    return peer;
}

void
sg_wg_peer_free (SgWgPeer *peer)
{
    if (!peer)
        return;
    g_array_unref (peer->allowed_ips);
    explicit_bzero (peer, sizeof *peer);
    g_free (peer);
}

SgWgPeer *
sg_wg_peer_copy (const SgWgPeer *peer)
{
    SgWgPeer *copy = sg_wg_peer_new ();
    GArray *allowed_ips = copy->allowed_ips;

    g_array_append_vals (allowed_ips, peer->allowed_ips->data, peer->allowed_ips->len);
    *copy = *peer;
    copy->allowed_ips = allowed_ips;
    return copy;
}

SgWgPeer *
sg_wg_conf_peer (const SgWgConf *conf, const SgWgKey *public_key)
{
    for (guint i = 0; i < conf->peers->len; i++) {
        SgWgPeer *peer = conf->peers->pdata[i];

        if (strcmp (peer->public_key.text, public_key->text) == 0)
            return peer;
    }
    return NULL;
}

SgWgConf *
sg_wg_conf_new (void)
{
    SgWgConf *conf = g_new0 (SgWgConf, 1);

    conf->addresses =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgWgAddress));
    conf->dns = g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgIp));
    conf->dns_domains = g_ptr_array_new_with_free_func (g_free);
    conf->peers = g_ptr_array_new_with_free_func ((GDestroyNotify) sg_wg_peer_free);
    conf->warnings = g_ptr_array_new_with_free_func (g_free);
    return conf;
}

void
sg_wg_conf_free (SgWgConf *conf)
{
    if (!conf)
        return;
    g_array_unref (conf->addresses);
    g_array_unref (conf->dns);
    g_ptr_array_unref (conf->dns_domains);
    g_ptr_array_unref (conf->peers);
    g_ptr_array_unref (conf->warnings);
    explicit_bzero (conf, sizeof *conf);
    g_free (conf);
}

void
sg_wg_text_free (char *text)
{
    if (!text)
        return;
    explicit_bzero (text, strlen (text));
    g_free (text);
}

/* ---- lists in which nothing is twice ---- */

bool
sg_wg_conf_add_dns (SgWgConf *conf, const SgIp *server)
{
    for (guint i = 0; i < conf->dns->len; i++) {
        if (sg_ip_compare (&g_array_index (conf->dns, SgIp, i), server) == 0)
            return false;
    }
    g_array_append_val (conf->dns, *server);
    return true;
}

bool
sg_wg_conf_add_domain (SgWgConf *conf, const char *domain)
{
    for (guint i = 0; i < conf->dns_domains->len; i++) {
        if (g_ascii_strcasecmp (conf->dns_domains->pdata[i], domain) == 0)
            return false;
    }
    g_ptr_array_add (conf->dns_domains, g_strdup (domain));
    return true;
}

/* ---- the writer ---- */

/* A string that holds keys never grows: a realloc would leave a copy behind. This is more than
 * enough for what it is told, in bytes. */
static size_t
room_for (const SgWgConf *conf)
{
    size_t room = 1024 + conf->addresses->len * (SG_PREFIX_TEXT_MAX + 2) +
                  (size_t) conf->dns->len * (SG_PREFIX_TEXT_MAX + 2);

    for (guint i = 0; i < conf->dns_domains->len; i++)
        room += strlen (conf->dns_domains->pdata[i]) + 2;
    for (guint i = 0; i < conf->peers->len; i++) {
        const SgWgPeer *peer = conf->peers->pdata[i];

        room += 1024 + peer->allowed_ips->len * (SG_PREFIX_TEXT_MAX + 2);
    }
    return room;
}

/* Not by printf, which has a buffer of its own. */
static void
add_key (GString *text, const char *name, const SgWgKey *key)
{
    if (!*key->text)
        return;
    g_string_append (text, name);
    g_string_append (text, " = ");
    g_string_append (text, key->text);
    g_string_append_c (text, '\n');
}

/* Appends "KEY = a" the first time, ", a" from then on. */
static void
add_to_list (GString *text, const char *key, guint index, const char *value)
{
    if (index == 0)
        g_string_append_printf (text, "%s = ", key);
    else
        g_string_append (text, ", ");
    g_string_append (text, value);
}

static void
write_dns (GString *text, const SgWgConf *conf)
{
    char ip[SG_PREFIX_TEXT_MAX];

    for (guint i = 0; i < conf->dns->len; i++)
        add_to_list (text, "DNS", i, sg_ip_format (&g_array_index (conf->dns, SgIp, i), ip));
    for (guint i = 0; i < conf->dns_domains->len; i++)
        add_to_list (text, "DNS", conf->dns->len + i, conf->dns_domains->pdata[i]);
    if (conf->dns->len + conf->dns_domains->len > 0)
        g_string_append_c (text, '\n');
}

static void
write_interface (GString *text, const SgWgConf *conf)
{
    g_string_append (text, "[Interface]\n");
    add_key (text, "PrivateKey", &conf->private_key);
    for (guint i = 0; i < conf->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (conf->addresses, SgWgAddress, i);
        char ip[SG_PREFIX_TEXT_MAX];

        add_to_list (text, "Address", i, sg_ip_format (&address->ip, ip));
        g_string_append_printf (text, "/%u", address->len);
    }
    if (conf->addresses->len)
        g_string_append_c (text, '\n');
    write_dns (text, conf);
    if (conf->mtu)
        g_string_append_printf (text, "MTU = %u\n", conf->mtu);
    if (conf->listen_port)
        g_string_append_printf (text, "ListenPort = %u\n", conf->listen_port);
    if (conf->fwmark)
        g_string_append_printf (text, "FwMark = 0x%x\n", conf->fwmark);
}

static void
write_peer (GString *text, const SgWgPeer *peer)
{
    g_string_append (text, "\n[Peer]\n");
    add_key (text, "PublicKey", &peer->public_key);
    add_key (text, "PresharedKey", &peer->preshared_key);
    for (guint i = 0; i < peer->allowed_ips->len; i++) {
        char prefix[SG_PREFIX_TEXT_MAX];

        add_to_list (text, "AllowedIPs", i,
                     sg_prefix_format (&g_array_index (peer->allowed_ips, SgPrefix, i), prefix));
    }
    if (peer->allowed_ips->len)
        g_string_append_c (text, '\n');
    if (*peer->endpoint.host) {
        g_autofree char *endpoint = sg_wg_endpoint_format (&peer->endpoint);

        g_string_append_printf (text, "Endpoint = %s\n", endpoint);
    }
    if (peer->keepalive)
        g_string_append_printf (text, "PersistentKeepalive = %u\n", peer->keepalive);
}

char *
sg_wg_conf_to_text (const SgWgConf *conf)
{
    GString *text = g_string_sized_new (room_for (conf));

    /* The word by which the parser knows the type. */
    if (conf->type == SG_WG_TYPE_INBOUND_OUTBOUND)
        g_string_append (text, "# StartTunnel: an inbound-outbound gateway\n");
    write_interface (text, conf);
    for (guint i = 0; i < conf->peers->len; i++)
        write_peer (text, conf->peers->pdata[i]);
    return g_string_free (text, /* free_segment= */ FALSE);
}
