/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/profile.h"

#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/profile-parts.h"

/* NM_SETTING_IP6_CONFIG_ADDR_GEN_MODE_STABLE_PRIVACY: without it an activation can fail with
 * "failed to get interface identifier". */
#define STABLE_PRIVACY "1"

/* ---- a property each way; NULL: not in the profile ---- */

static GVariant *
get_interface (const SgProfileDraft *draft, uint8_t family)
{
    return g_variant_new_string (draft->interface);
}

static GVariant *
get_uuid (const SgProfileDraft *draft, uint8_t family)
{
    return draft->uuid ? g_variant_new_string (draft->uuid) : NULL;
}

static GVariant *
get_private_key (const SgProfileDraft *draft, uint8_t family)
{
    const char *key = draft->given->private_key.text;

    return *key ? sg_profile_secret (key) : NULL;
}

static bool
set_private_key (SgProfileDraft *draft, GVariant *value, GError **error)
{
    return sg_wg_key_parse (g_variant_get_string (value, NULL), /* zero_is_none= */ true,
                            &draft->conf->private_key, error);
}

static GVariant *
number (uint32_t value)
{
    return value ? g_variant_new_uint32 (value) : NULL;
}

static GVariant *
get_listen_port (const SgProfileDraft *draft, uint8_t family)
{
    return number (draft->given->listen_port);
}

static bool
set_listen_port (SgProfileDraft *draft, GVariant *value, GError **error)
{
    draft->conf->listen_port = (uint16_t) MIN (g_variant_get_uint32 (value), UINT16_MAX);
    return true;
}

static GVariant *
get_mtu (const SgProfileDraft *draft, uint8_t family)
{
    return number (draft->given->mtu);
}

static bool
set_mtu (SgProfileDraft *draft, GVariant *value, GError **error)
{
    draft->conf->mtu = g_variant_get_uint32 (value);
    return true;
}

static GVariant *
get_fwmark (const SgProfileDraft *draft, uint8_t family)
{
    if (draft->verbatim)
        return number (draft->given->fwmark);
    return number (draft->given->fwmark ? draft->given->fwmark : SG_WG_FWMARK);
}

static bool
set_fwmark (SgProfileDraft *draft, GVariant *value, GError **error)
{
    uint32_t mark = g_variant_get_uint32 (value);

    draft->conf->fwmark = mark == SG_WG_FWMARK ? 0 : mark;
    return true;
}

static GVariant *
get_method (const SgProfileDraft *draft, uint8_t family)
{
    for (guint i = 0; i < draft->given->addresses->len; i++) {
        if (g_array_index (draft->given->addresses, SgWgAddress, i).ip.family == family)
            return g_variant_new_string ("manual");
    }
    return g_variant_new_string ("disabled");
}

static GVariant *
get_addresses (const SgProfileDraft *draft, uint8_t family)
{
    GVariantBuilder list;
    bool any = false;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < draft->given->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (draft->given->addresses, SgWgAddress, i);
        char text[SG_PREFIX_TEXT_MAX];

        if (address->ip.family != family)
            continue;
        any = true;
        g_variant_builder_open (&list, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add (&list, "{sv}", "address",
                               g_variant_new_string (sg_ip_format (&address->ip, text)));
        g_variant_builder_add (&list, "{sv}", "prefix", g_variant_new_uint32 (address->len));
        g_variant_builder_close (&list);
    }
    if (any)
        return g_variant_builder_end (&list);
    g_variant_builder_clear (&list);
    return NULL;
}

static bool
set_addresses (SgProfileDraft *draft, GVariant *value, GError **error)
{
    GVariantIter iter;
    GVariant *entry;

    g_variant_iter_init (&iter, value);
    while ((entry = g_variant_iter_next_value (&iter)) != NULL) {
        g_autoptr (GVariant) owned = entry;
        g_autofree char *text = NULL;
        const char *ip;
        SgWgAddress address;
        uint32_t len;

        if (!g_variant_lookup (owned, "address", "&s", &ip) ||
            !g_variant_lookup (owned, "prefix", "u", &len)) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                         "an address has to have “address” and “prefix”");
            return false;
        }
        text = g_strdup_printf ("%s/%u", ip, len);
        if (!sg_wg_address_parse (text, &address, error))
            return false;
        g_array_append_val (draft->conf->addresses, address);
    }
    return true;
}

/* ---- the table ---- */

#define CONSTANT(setting, name, type, text)                                                        \
    {                                                                                              \
        setting, name, type, text, AF_UNSPEC, NULL, NULL, SG_PROFILE_WAITS                         \
    }
#define VALUE(setting, name, type, get, set, effect)                                               \
    {                                                                                              \
        setting, name, type, NULL, AF_UNSPEC, get, set, SG_PROFILE_##effect                        \
    }
#define IP(setting, family, name, type, get, set, effect)                                          \
    {                                                                                              \
        setting, name, type, NULL, family, get, set, SG_PROFILE_##effect                           \
    }
#define IP_SETTING(setting, family)                                                                \
    IP (setting, family, "method", "s", get_method, NULL, LIVE),                                   \
        IP (setting, family, "address-data", "aa{sv}", get_addresses, set_addresses, LIVE),        \
        CONSTANT (setting, "never-default", "b", "true"),                                          \
        IP (setting, family, "dns-data", "as", sg_profile_get_dns, sg_profile_set_dns, WAITS),     \
        IP (setting, family, "dns-search", "as", sg_profile_get_dns_search,                        \
            sg_profile_set_dns_search, WAITS),                                                     \
        IP (setting, family, "dns-priority", "i", sg_profile_get_dns_priority, NULL, WAITS)

static const SgProfileProperty properties[] = {
    CONSTANT ("connection", "type", "s", "'wireguard'"),
    VALUE ("connection", "id", "s", get_interface, NULL, LIVE),
    VALUE ("connection", "interface-name", "s", get_interface, NULL, LIVE),
    VALUE ("connection", "uuid", "s", get_uuid, NULL, LIVE),
    VALUE ("wireguard", "private-key", "s", get_private_key, set_private_key, LIVE),
    CONSTANT ("wireguard", "private-key-flags", "u", "0"),
    VALUE ("wireguard", "listen-port", "u", get_listen_port, set_listen_port, LIVE_IF_SET),
    VALUE ("wireguard", "fwmark", "u", get_fwmark, set_fwmark, LIVE_IF_SET),
    VALUE ("wireguard", "mtu", "u", get_mtu, set_mtu, LIVE_IF_SET),
    /* NetworkManager is to make no routes and rules that would have to be outranked. */
    CONSTANT ("wireguard", "ip4-auto-default-route", "i", "0"),
    CONSTANT ("wireguard", "ip6-auto-default-route", "i", "0"),
    CONSTANT ("wireguard", "peer-routes", "b", "false"),
    VALUE ("wireguard", "peers", "aa{sv}", sg_profile_get_peers, sg_profile_set_peers, LIVE),
    IP_SETTING ("ipv4", AF_INET),
    IP_SETTING ("ipv6", AF_INET6),
    CONSTANT ("ipv6", "addr-gen-mode", "i", STABLE_PRIVACY),
    VALUE ("user", "data", "a{ss}", sg_profile_get_user, sg_profile_set_user, LIVE),
};

const SgProfileProperty *
sg_profile_properties (size_t *ret_n)
{
    *ret_n = G_N_ELEMENTS (properties);
    return properties;
}

static void
wipe_and_free (void *data)
{
    char *text = data;

    explicit_bzero (text, strlen (text));
    g_free (text);
}

GVariant *
sg_profile_secret (const char *text)
{
    char *copy = g_strdup (text);

    return g_variant_new_from_data (G_VARIANT_TYPE_STRING, copy, strlen (copy) + 1,
                                    /* trusted= */ TRUE, wipe_and_free, copy);
}

GVariant *
sg_profile_lookup (GVariant *profile, const char *setting, const char *name)
{
    g_autoptr (GVariant) properties_of =
        g_variant_lookup_value (profile, setting, G_VARIANT_TYPE_VARDICT);

    return properties_of ? g_variant_lookup_value (properties_of, name, NULL) : NULL;
}

GVariant *
sg_profile_value (const SgProfileProperty *property, const SgProfileDraft *draft)
{
    GVariant *value;

    if (property->constant)
        return g_variant_parse (G_VARIANT_TYPE (property->type), property->constant, NULL, NULL,
                                NULL);
    value = property->get (draft, property->family);
    return value ? g_variant_ref_sink (value) : NULL;
}

GVariant *
sg_profile_new (const SgWgConf *conf, const char *interface, const char *uuid, GPtrArray *warnings)
{
    const SgProfileDraft draft = {.given = conf, .interface = interface, .uuid = uuid};
    GVariantBuilder profile;

    g_variant_builder_init (&profile, G_VARIANT_TYPE ("a{sa{sv}}"));
    /* Rows of one setting stand together. */
    for (size_t i = 0; i < G_N_ELEMENTS (properties);) {
        const char *setting = properties[i].setting;

        g_variant_builder_open (&profile, G_VARIANT_TYPE ("{sa{sv}}"));
        g_variant_builder_add (&profile, "s", setting);
        g_variant_builder_open (&profile, G_VARIANT_TYPE_VARDICT);
        for (; i < G_N_ELEMENTS (properties) && strcmp (properties[i].setting, setting) == 0; i++) {
            g_autoptr (GVariant) value = sg_profile_value (&properties[i], &draft);

            if (value)
                g_variant_builder_add (&profile, "{sv}", properties[i].name, value);
        }
        g_variant_builder_close (&profile);
        g_variant_builder_close (&profile);
    }
    sg_profile_warn_unused_dns (conf, interface, warnings);
    return g_variant_ref_sink (g_variant_builder_end (&profile));
}

static bool
read_property (GVariant *profile, const SgProfileProperty *property, SgProfileDraft *draft,
               GError **error)
{
    g_autoptr (GVariant) value = sg_profile_lookup (profile, property->setting, property->name);

    if (!value)
        return true;
    if (sg_profile_expect_type (property->name, value, property->type, error) &&
        property->set (draft, value, error))
        return true;
    g_prefix_error (error, "%s.%s: ", property->setting, property->name);
    return false;
}

static bool
is_wireguard (GVariant *profile)
{
    g_autoptr (GVariant) type = sg_profile_lookup (profile, "connection", "type");

    return type && g_variant_is_of_type (type, G_VARIANT_TYPE_STRING) &&
           strcmp (g_variant_get_string (type, NULL), "wireguard") == 0;
}

SgWgConf *
sg_profile_read (GVariant *profile, GError **error)
{
    g_autoptr (SgWgConf) conf = sg_wg_conf_new ();
    SgProfileDraft draft = {.conf = conf};

    if (!g_variant_is_of_type (profile, G_VARIANT_TYPE ("a{sa{sv}}")) || !is_wireguard (profile)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "the profile is not of the type wireguard");
        return NULL;
    }
    for (size_t i = 0; i < G_N_ELEMENTS (properties); i++) {
        if (properties[i].set && !read_property (profile, &properties[i], &draft, error))
            return NULL;
    }
    return g_steal_pointer (&conf);
}

uint32_t
sg_profile_fwmark (GVariant *profile)
{
    g_autoptr (GVariant) value = sg_profile_lookup (profile, "wireguard", "fwmark");

    return value && g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32)
               ? g_variant_get_uint32 (value)
               : 0;
}
