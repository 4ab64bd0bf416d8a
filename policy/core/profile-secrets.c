/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkManager tells a profile and its secrets apart; an update needs both in one. */
#include "core/profile-parts.h"

#include <string.h>

/* The preshared key of the peer @public_key in @secrets (aa{sv}); NULL when there is none. */
static GVariant *
find_preshared (GVariant *secrets, const char *public_key)
{
    GVariantIter iter;
    GVariant *entry;

    g_variant_iter_init (&iter, secrets);
    while ((entry = g_variant_iter_next_value (&iter)) != NULL) {
        g_autoptr (GVariant) owned = entry;
        const char *key;

        if (g_variant_lookup (owned, "public-key", "&s", &key) && strcmp (key, public_key) == 0)
            return g_variant_lookup_value (owned, "preshared-key", G_VARIANT_TYPE_STRING);
    }
    return NULL;
}

static void
add_peer (GVariantBuilder *list, GVariant *peer, GVariant *secrets)
{
    g_autoptr (GVariant) preshared = NULL;
    GVariantIter iter;
    const char *name, *public_key;
    GVariant *value;

    g_variant_builder_open (list, G_VARIANT_TYPE_VARDICT);
    g_variant_iter_init (&iter, peer);
    while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
        g_variant_builder_add (list, "{sv}", name, value);
        g_variant_unref (value);
    }
    if (g_variant_lookup (peer, "public-key", "&s", &public_key))
        preshared = find_preshared (secrets, public_key);
    if (preshared)
        g_variant_builder_add (list, "{sv}", "preshared-key", preshared);
    g_variant_builder_close (list);
}

/* Floating. */
static GVariant *
merge_peers (GVariant *peers, GVariant *secrets)
{
    GVariantBuilder list;
    GVariantIter iter;
    GVariant *peer;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
    g_variant_iter_init (&iter, peers);
    while ((peer = g_variant_iter_next_value (&iter)) != NULL) {
        add_peer (&list, peer, secrets);
        g_variant_unref (peer);
    }
    return g_variant_builder_end (&list);
}

static void
add_wireguard (GVariantBuilder *result, GVariant *setting, GVariant *secrets)
{
    g_autoptr (GVariant) private_key = sg_profile_lookup (secrets, "wireguard", "private-key");
    g_autoptr (GVariant) secret_peers = sg_profile_lookup (secrets, "wireguard", "peers");
    bool merges = secret_peers && g_variant_is_of_type (secret_peers, G_VARIANT_TYPE ("aa{sv}"));
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init (&iter, setting);
    while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
        if (merges && strcmp (name, "peers") == 0 &&
            g_variant_is_of_type (value, G_VARIANT_TYPE ("aa{sv}")))
            g_variant_builder_add (result, "{sv}", name, merge_peers (value, secret_peers));
        else if (!private_key || strcmp (name, "private-key") != 0)
            g_variant_builder_add (result, "{sv}", name, value);
        g_variant_unref (value);
    }
    if (private_key)
        g_variant_builder_add (result, "{sv}", "private-key", private_key);
}

GVariant *
sg_profile_add_secrets (GVariant *profile, GVariant *secrets)
{
    GVariantBuilder result;
    GVariantIter iter;
    const char *name;
    GVariant *setting;

    g_variant_builder_init (&result, G_VARIANT_TYPE ("a{sa{sv}}"));
    g_variant_iter_init (&iter, profile);
    while (g_variant_iter_next (&iter, "{&s@a{sv}}", &name, &setting)) {
        if (strcmp (name, "wireguard") == 0) {
            g_variant_builder_open (&result, G_VARIANT_TYPE ("{sa{sv}}"));
            g_variant_builder_add (&result, "s", name);
            g_variant_builder_open (&result, G_VARIANT_TYPE_VARDICT);
            add_wireguard (&result, setting, secrets);
            g_variant_builder_close (&result);
            g_variant_builder_close (&result);
        } else {
            g_variant_builder_add (&result, "{s@a{sv}}", name, setting);
        }
        g_variant_unref (setting);
    }
    return g_variant_ref_sink (g_variant_builder_end (&result));
}

/* ---- comparing, without a copy of the keys ---- */

static bool equal (GVariant *a, GVariant *b);

static bool
children_equal (GVariant *a, GVariant *b)
{
    gsize n = g_variant_n_children (a);

    if (n != g_variant_n_children (b))
        return false;
    for (gsize i = 0; i < n; i++) {
        g_autoptr (GVariant) left = g_variant_get_child_value (a, i);
        g_autoptr (GVariant) right = g_variant_get_child_value (b, i);

        if (!equal (left, right))
            return false;
    }
    return true;
}

/* When it was last up: no change that anybody made. */
static bool
is_timestamp (GVariant *entry)
{
    g_autoptr (GVariant) key = NULL;

    if (!g_variant_is_of_type (entry, G_VARIANT_TYPE ("{sv}")))
        return false;
    key = g_variant_get_child_value (entry, 0);
    return strcmp (g_variant_get_string (key, NULL), "timestamp") == 0;
}

static bool
equal (GVariant *a, GVariant *b)
{
    if (strcmp (g_variant_get_type_string (a), g_variant_get_type_string (b)) != 0)
        return false;
    if (is_timestamp (a) && is_timestamp (b))
        return true;
    if (g_variant_is_container (a))
        return children_equal (a, b);
    return g_variant_compare (a, b) == 0;
}

bool
sg_profile_equal (GVariant *a, GVariant *b)
{
    return equal (a, b);
}
