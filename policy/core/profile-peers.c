/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The property wireguard.peers of a profile. */
#include "core/profile-parts.h"

#include "base/error.h"

bool
sg_profile_expect_type (const char *name, GVariant *value, const char *type, GError **error)
{
    if (g_variant_is_of_type (value, G_VARIANT_TYPE (type)))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s is of the type %s, not %s", name,
                 g_variant_get_type_string (value), type);
    return false;
}

static GVariant *
get_allowed_ips (const SgProfileDraft *draft, const SgWgPeer *peer)
{
    static const char *const everything[] = {"0.0.0.0/0", "::/0"};
    g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);

    /* What goes to the only peer is decided by routes, and replies go to anywhere. */
    if (draft->given->peers->len == 1 && !draft->verbatim)
        return g_variant_new_strv (everything, G_N_ELEMENTS (everything));
    for (guint i = 0; i < peer->allowed_ips->len; i++) {
        char text[SG_PREFIX_TEXT_MAX];

        g_ptr_array_add (list, g_strdup (sg_prefix_format (
                                   &g_array_index (peer->allowed_ips, SgPrefix, i), text)));
    }
    return list->len ? g_variant_new_strv ((const char *const *) list->pdata, list->len) : NULL;
}

static bool
set_allowed_ips (SgWgPeer *peer, GVariant *value, GError **error)
{
    g_autofree const char **list = g_variant_get_strv (value, NULL);

    for (const char **text = list; *text; text++) {
        SgPrefix prefix;

        if (!sg_wg_allowed_ip_parse (*text, &prefix, error))
            return false;
        g_array_append_val (peer->allowed_ips, prefix);
    }
    return true;
}

static GVariant *
get_public_key (const SgProfileDraft *draft, const SgWgPeer *peer)
{
    return g_variant_new_string (peer->public_key.text);
}

static bool
set_public_key (SgWgPeer *peer, GVariant *value, GError **error)
{
    return sg_wg_key_parse (g_variant_get_string (value, NULL), /* zero_is_none= */ false,
                            &peer->public_key, error);
}

static GVariant *
get_preshared_key (const SgProfileDraft *draft, const SgWgPeer *peer)
{
    return *peer->preshared_key.text ? sg_profile_secret (peer->preshared_key.text) : NULL;
}

/* A peer whose flags are not said has "not required", and the key would never reach the disk. */
static GVariant *
get_preshared_key_flags (const SgProfileDraft *draft, const SgWgPeer *peer)
{
    return *peer->preshared_key.text ? g_variant_new_uint32 (0) : NULL;
}

static bool
set_preshared_key (SgWgPeer *peer, GVariant *value, GError **error)
{
    return sg_wg_key_parse (g_variant_get_string (value, NULL), /* zero_is_none= */ true,
                            &peer->preshared_key, error);
}

static GVariant *
get_endpoint (const SgProfileDraft *draft, const SgWgPeer *peer)
{
    return *peer->endpoint.host
               ? g_variant_new_take_string (sg_wg_endpoint_format (&peer->endpoint))
               : NULL;
}

static bool
set_endpoint (SgWgPeer *peer, GVariant *value, GError **error)
{
    return sg_wg_endpoint_parse (g_variant_get_string (value, NULL), &peer->endpoint, error);
}

static GVariant *
get_keepalive (const SgProfileDraft *draft, const SgWgPeer *peer)
{
    return peer->keepalive ? g_variant_new_uint32 (peer->keepalive) : NULL;
}

static bool
set_keepalive (SgWgPeer *peer, GVariant *value, GError **error)
{
    peer->keepalive = (uint16_t) MIN (g_variant_get_uint32 (value), UINT16_MAX);
    return true;
}

/* Without a second function: a decision of ours, not read back. */
static const struct {
    const char *name, *type;
    GVariant *(*get) (const SgProfileDraft *draft, const SgWgPeer *peer);
    bool (*set) (SgWgPeer *peer, GVariant *value, GError **error);
} peer_properties[] = {
    {"public-key", "s", get_public_key, set_public_key},
    {"preshared-key", "s", get_preshared_key, set_preshared_key},
    {"preshared-key-flags", "u", get_preshared_key_flags, NULL},
    {"endpoint", "s", get_endpoint, set_endpoint},
    {"persistent-keepalive", "u", get_keepalive, set_keepalive},
    {"allowed-ips", "as", get_allowed_ips, set_allowed_ips},
};

GVariant *
sg_profile_get_peers (const SgProfileDraft *draft, uint8_t family)
{
    const SgWgConf *conf = draft->given;
    GVariantBuilder list;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < conf->peers->len; i++) {
        g_variant_builder_open (&list, G_VARIANT_TYPE_VARDICT);
        for (size_t k = 0; k < G_N_ELEMENTS (peer_properties); k++) {
            GVariant *value = peer_properties[k].get (draft, conf->peers->pdata[i]);

            if (value)
                g_variant_builder_add (&list, "{sv}", peer_properties[k].name, value);
        }
        g_variant_builder_close (&list);
    }
    return g_variant_builder_end (&list);
}

static bool
set_peer (SgWgPeer *peer, GVariant *entry, GError **error)
{
    for (size_t k = 0; k < G_N_ELEMENTS (peer_properties); k++) {
        g_autoptr (GVariant) value = g_variant_lookup_value (entry, peer_properties[k].name, NULL);

        if (!value || !peer_properties[k].set)
            continue;
        if (!sg_profile_expect_type (peer_properties[k].name, value, peer_properties[k].type,
                                     error))
            return false;
        if (!peer_properties[k].set (peer, value, error)) {
            g_prefix_error (error, "%s: ", peer_properties[k].name);
            return false;
        }
    }
    return true;
}

bool
sg_profile_set_peers (SgProfileDraft *draft, GVariant *value, GError **error)
{
    GVariantIter iter;
    GVariant *entry;

    g_variant_iter_init (&iter, value);
    while ((entry = g_variant_iter_next_value (&iter)) != NULL) {
        g_autoptr (GVariant) owned = entry;
        SgWgPeer *peer = sg_wg_peer_new ();

        g_ptr_array_add (draft->conf->peers, peer);
        if (!set_peer (peer, owned, error))
            return false;
    }
    return true;
}
