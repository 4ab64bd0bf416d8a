/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name servers in a profile, and its user data, where those are kept that are not used. */
#include "core/profile-parts.h"

#include <string.h>

#include "base/error.h"
#include "core/contract.h"

/* Before the servers of other links (100 for a LAN, 50 for a VPN), without shutting them out as a
 * negative number would. */
#define DNS_PRIORITY 10

/* A server inside the tunnel's own network can be reached whatever the outbound is; a query to any
 * other would leave by the LAN and tell the ISP. */
static bool
is_used (const SgWgConf *conf, const SgIp *server)
{
    if (conf->type != SG_WG_TYPE_INBOUND_OUTBOUND)
        return false;
    for (guint i = 0; i < conf->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (conf->addresses, SgWgAddress, i);
        SgPrefix network = sg_prefix_new (&address->ip, address->len);

        if (sg_prefix_contains (&network, server))
            return true;
    }
    return false;
}

/* Servers of @family (AF_UNSPEC: any) that are used, or that are not; of char *. */
static GPtrArray *
servers (const SgWgConf *conf, uint8_t family, bool used)
{
    GPtrArray *list = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < conf->dns->len; i++) {
        const SgIp *server = &g_array_index (conf->dns, SgIp, i);
        char text[SG_PREFIX_TEXT_MAX];

        if ((family == AF_UNSPEC || server->family == family) && is_used (conf, server) == used)
            g_ptr_array_add (list, g_strdup (sg_ip_format (server, text)));
    }
    return list;
}

static bool
any_server_used (const SgWgConf *conf, uint8_t family)
{
    g_autoptr (GPtrArray) used = servers (conf, family, /* used= */ true);

    return used->len > 0;
}

static char *
join (GPtrArray *words)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < words->len; i++)
        g_string_append_printf (text, i ? ", %s" : "%s", (const char *) words->pdata[i]);
    return g_string_free (text, /* free_segment= */ FALSE);
}

static GVariant *
strings (GPtrArray *words)
{
    return words->len ? g_variant_new_strv ((const char *const *) words->pdata, words->len) : NULL;
}

GVariant *
sg_profile_get_dns (const SgProfileDraft *draft, uint8_t family)
{
    g_autoptr (GPtrArray) used = servers (draft->given, family, /* used= */ true);

    return strings (used);
}

static bool
add_server (SgWgConf *conf, const char *text, GError **error)
{
    SgIp server;

    if (!sg_ip_parse (text, &server)) {
        g_autofree char *quoted = sg_wg_quote (text);

        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is no address of a name server; write it like 10.59.0.1", quoted);
        return false;
    }
    sg_wg_conf_add_dns (conf, &server);
    return true;
}

bool
sg_profile_set_dns (SgProfileDraft *draft, GVariant *value, GError **error)
{
    g_autofree const char **list = g_variant_get_strv (value, NULL);

    for (const char **server = list; *server; server++) {
        if (!add_server (draft->conf, *server, error))
            return false;
    }
    return true;
}

GVariant *
sg_profile_get_dns_search (const SgProfileDraft *draft, uint8_t family)
{
    static const char *const everything[] = {"~"};

    if (!any_server_used (draft->given, family))
        return NULL;
    if (!draft->given->dns_domains->len)
        return g_variant_new_strv (everything, G_N_ELEMENTS (everything));
    return strings (draft->given->dns_domains);
}

/* A line break in a domain would be a line of its own in an exported file. */
static bool
add_domain (SgWgConf *conf, const char *text, GError **error)
{
    if (!sg_wg_domain_is_valid (text)) {
        g_autofree char *quoted = sg_wg_quote (text);

        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is no search domain; write it like example.com", quoted);
        return false;
    }
    sg_wg_conf_add_domain (conf, text);
    return true;
}

bool
sg_profile_set_dns_search (SgProfileDraft *draft, GVariant *value, GError **error)
{
    g_autofree const char **list = g_variant_get_strv (value, NULL);

    /* "~" alone is what we write when no domain was given. */
    if (g_strv_length ((char **) list) == 1 && strcmp (list[0], "~") == 0)
        return true;
    for (const char **domain = list; *domain; domain++) {
        if (!add_domain (draft->conf, *domain, error))
            return false;
    }
    return true;
}

GVariant *
sg_profile_get_dns_priority (const SgProfileDraft *draft, uint8_t family)
{
    return any_server_used (draft->given, family) ? g_variant_new_int32 (DNS_PRIORITY) : NULL;
}

/* ---- user data: what NetworkManager has no property for ---- */

static void
add_user (GVariantBuilder *data, const char *key, GPtrArray *words)
{
    g_autofree char *text = join (words);

    if (words->len)
        g_variant_builder_add (data, "{ss}", key, text);
}

GVariant *
sg_profile_get_user (const SgProfileDraft *draft, uint8_t family)
{
    const SgWgConf *conf = draft->given;
    g_autoptr (GPtrArray) unused = servers (conf, AF_UNSPEC, /* used= */ false);
    GVariantBuilder data;

    g_variant_builder_init (&data, G_VARIANT_TYPE ("a{ss}"));
    g_variant_builder_add (&data, "{ss}", SG_USER_TYPE, sg_wg_type_to_string (conf->type));
    add_user (&data, SG_USER_DNS, unused);
    if (!any_server_used (conf, AF_UNSPEC))
        add_user (&data, SG_USER_DNS_SEARCH, conf->dns_domains);
    return g_variant_builder_end (&data);
}

/* Calls @add for each of the ", "-separated words of a user data entry, where it is there. */
static bool
read_user (SgWgConf *conf, GVariant *data, const char *key,
           bool (*add) (SgWgConf *, const char *, GError **), GError **error)
{
    g_auto (GStrv) words = NULL;
    const char *text;

    if (!g_variant_lookup (data, key, "&s", &text))
        return true;
    words = g_strsplit (text, ", ", -1);
    for (char **word = words; *word; word++) {
        if (!add (conf, *word, error))
            return false;
    }
    return true;
}

bool
sg_profile_set_user (SgProfileDraft *draft, GVariant *value, GError **error)
{
    const char *text;

    if (g_variant_lookup (value, SG_USER_TYPE, "&s", &text) &&
        !sg_wg_type_from_string (text, &draft->conf->type)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is no type of gateway; " SG_USER_TYPE " is inbound-outbound or "
                     "outbound-only",
                     text);
        return false;
    }
    return read_user (draft->conf, value, SG_USER_DNS, add_server, error) &&
           read_user (draft->conf, value, SG_USER_DNS_SEARCH, add_domain, error);
}

void
sg_profile_warn_unused_dns (const SgWgConf *conf, const char *interface, GPtrArray *warnings)
{
    g_autoptr (GPtrArray) unused = servers (conf, AF_UNSPEC, /* used= */ false);
    g_autofree char *list = join (unused);

    if (unused->len > 0)
        g_ptr_array_add (
            warnings, g_strdup_printf ("%s: DNS = %s is kept in the profile and asked only while "
                                       "the gateway is the selected outbound, by "
                                       "systemd-resolved",
                                       interface, list));
}
