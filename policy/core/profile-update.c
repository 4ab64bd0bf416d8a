/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new file for a gateway that has a profile. */
#include "core/profile-parts.h"

#include <string.h>

#include "core/contract.h"

/* ---- whose routing it is ---- */

/* Whether a constant of ours for the routing (wireguard.*-auto-default-route, peer-routes) holds. */
static bool
constant_holds (GVariant *profile, const SgProfileProperty *property)
{
    const SgProfileDraft draft = {0};
    g_autoptr (GVariant) ours = sg_profile_value (property, &draft);
    g_autoptr (GVariant) value = sg_profile_lookup (profile, property->setting, property->name);

    return value && g_variant_equal (value, ours);
}

static bool
routes_are_networkmanagers (GVariant *profile)
{
    size_t n;
    const SgProfileProperty *properties = sg_profile_properties (&n);

    for (size_t i = 0; i < n; i++) {
        const SgProfileProperty *property = &properties[i];

        if (property->constant && strcmp (property->setting, "wireguard") == 0 &&
            strcmp (property->name, "private-key-flags") != 0 &&
            !constant_holds (profile, property))
            return true;
    }
    return false;
}

/* ---- one setting ---- */

static const SgProfileProperty *
find_property (const char *setting, const char *name)
{
    size_t n;
    const SgProfileProperty *properties = sg_profile_properties (&n);

    for (size_t i = 0; i < n; i++) {
        if (strcmp (properties[i].setting, setting) == 0 && strcmp (properties[i].name, name) == 0)
            return &properties[i];
    }
    return NULL;
}

/* Second forms of what the table says, for clients of old. */
static bool
is_legacy (const char *setting, const char *name)
{
    return (strcmp (setting, "ipv4") == 0 || strcmp (setting, "ipv6") == 0) &&
           (strcmp (name, "addresses") == 0 || strcmp (name, "dns") == 0 ||
            strcmp (name, "routes") == 0);
}

/* Whether an update writes it: who the profile is stays, and so does the routing that is not ours. */
static bool
is_written (const SgProfileProperty *property, const SgProfileDraft *draft)
{
    if (strcmp (property->setting, "connection") == 0)
        return false;
    return !property->constant || !draft->verbatim ||
           strcmp (property->name, "private-key-flags") == 0;
}

/* What others keep in the user data, and @ours. Owned by the caller. */
static GVariant *
merge_user (GVariant *old, GVariant *ours)
{
    static const char *const keys[] = {SG_USER_TYPE, SG_USER_DNS, SG_USER_DNS_SEARCH, NULL};
    GVariantBuilder data;
    GVariantIter iter;
    const char *key, *value;

    g_variant_builder_init (&data, G_VARIANT_TYPE ("a{ss}"));
    g_variant_iter_init (&iter, old);
    while (g_variant_iter_next (&iter, "{&s&s}", &key, &value)) {
        if (!g_strv_contains (keys, key))
            g_variant_builder_add (&data, "{ss}", key, value);
    }
    g_variant_iter_init (&iter, ours);
    while (g_variant_iter_next (&iter, "{&s&s}", &key, &value))
        g_variant_builder_add (&data, "{ss}", key, value);
    return g_variant_ref_sink (g_variant_builder_end (&data));
}

/* Opens an entry of the profile, with what of @old (NULL: the setting is new) stays. */
static void
begin_setting (GVariantBuilder *profile, const char *setting, GVariant *old,
               const SgProfileDraft *draft)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_builder_open (profile, G_VARIANT_TYPE ("{sa{sv}}"));
    g_variant_builder_add (profile, "s", setting);
    g_variant_builder_open (profile, G_VARIANT_TYPE_VARDICT);
    if (!old)
        return;
    g_variant_iter_init (&iter, old);
    while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
        const SgProfileProperty *property = find_property (setting, name);

        if (!is_legacy (setting, name) && (!property || !is_written (property, draft)))
            g_variant_builder_add (profile, "{sv}", name, value);
        g_variant_unref (value);
    }
}

static void
write_rows (GVariantBuilder *profile, const char *setting, GVariant *old,
            const SgProfileDraft *draft)
{
    g_autoptr (GVariant) user = old && strcmp (setting, "user") == 0
                                    ? g_variant_lookup_value (old, "data", G_VARIANT_TYPE ("a{ss}"))
                                    : NULL;
    size_t n;
    const SgProfileProperty *properties = sg_profile_properties (&n);

    for (size_t i = 0; i < n; i++) {
        const SgProfileProperty *property = &properties[i];
        g_autoptr (GVariant) value = NULL;
        g_autoptr (GVariant) merged = NULL;

        if (strcmp (property->setting, setting) != 0 || !is_written (property, draft))
            continue;
        value = sg_profile_value (property, draft);
        if (value && user)
            merged = merge_user (user, value);
        if (value)
            g_variant_builder_add (profile, "{sv}", property->name, merged ? merged : value);
    }
}

static void
add_setting (GVariantBuilder *profile, const char *setting, GVariant *old,
             const SgProfileDraft *draft)
{
    begin_setting (profile, setting, old, draft);
    write_rows (profile, setting, old, draft);
    g_variant_builder_close (profile);
    g_variant_builder_close (profile);
}

/* ---- the whole ---- */

static GVariant *
rewrite (GVariant *profile, const SgProfileDraft *draft)
{
    size_t n;
    const SgProfileProperty *properties = sg_profile_properties (&n);
    GVariantBuilder result;
    GVariantIter iter;
    const char *setting;
    GVariant *old;

    g_variant_builder_init (&result, G_VARIANT_TYPE ("a{sa{sv}}"));
    g_variant_iter_init (&iter, profile);
    while (g_variant_iter_next (&iter, "{&s@a{sv}}", &setting, &old)) {
        add_setting (&result, setting, old, draft);
        g_variant_unref (old);
    }
    for (size_t i = 0; i < n; i++) {
        g_autoptr (GVariant) there =
            g_variant_lookup_value (profile, properties[i].setting, G_VARIANT_TYPE_VARDICT);

        if (!there && (i == 0 || strcmp (properties[i].setting, properties[i - 1].setting) != 0))
            add_setting (&result, properties[i].setting, /* old= */ NULL, draft);
    }
    return g_variant_ref_sink (g_variant_builder_end (&result));
}

/* What the profile says in its user data; false when it says nothing that is a type. */
static bool
type_of (GVariant *profile, SgWgType *ret_type)
{
    g_autoptr (GVariant) data = sg_profile_lookup (profile, "user", "data");
    const char *text;

    return data && g_variant_is_of_type (data, G_VARIANT_TYPE ("a{ss}")) &&
           g_variant_lookup (data, SG_USER_TYPE, "&s", &text) &&
           sg_wg_type_from_string (text, ret_type);
}

static const char *
interface_of (GVariant *profile)
{
    g_autoptr (GVariant) name = sg_profile_lookup (profile, "connection", "interface-name");

    return name && g_variant_is_of_type (name, G_VARIANT_TYPE_STRING)
               ? g_variant_get_string (name, NULL) /* lives as long as @profile */
               : "";
}

GVariant *
sg_profile_update (GVariant *profile, SgWgConf *conf, GPtrArray *warnings)
{
    const SgProfileDraft draft = {.given = conf, .verbatim = routes_are_networkmanagers (profile)};

    type_of (profile, &conf->type);
    sg_profile_warn_unused_dns (conf, interface_of (profile), warnings);
    return rewrite (profile, &draft);
}

GVariant *
sg_profile_set_type (GVariant *profile, SgWgType type, GError **error)
{
    g_autoptr (SgWgConf) conf = sg_profile_read (profile, error);
    const SgProfileDraft draft = {.given = conf, .verbatim = routes_are_networkmanagers (profile)};

    if (!conf)
        return NULL;
    conf->type = type;
    return rewrite (profile, &draft);
}

/* ---- what an update in place cannot do ---- */

/* NULL, too, when it is an empty list: NetworkManager says some of those and leaves out others. */
static GVariant *
value_or_null (GVariant *profile, const SgProfileProperty *property)
{
    GVariant *value = sg_profile_lookup (profile, property->setting, property->name);

    if (value && g_variant_is_container (value) && g_variant_n_children (value) == 0)
        g_clear_pointer (&value, g_variant_unref);
    return value;
}

static bool
has_to_wait (const SgProfileProperty *property, GVariant *old, GVariant *new)
{
    /* NetworkManager leaves out what is 0, and how it keeps keys concerns nobody else. */
    if (strcmp (property->name, "private-key-flags") == 0)
        return false;
    if (property->effect == SG_PROFILE_LIVE || (property->effect == SG_PROFILE_LIVE_IF_SET && new))
        return false;
    return old && new ? !g_variant_equal (old, new) : old || new;
}

void
sg_profile_compare (GVariant *old, GVariant *new, GPtrArray *waits)
{
    size_t n;
    const SgProfileProperty *properties = sg_profile_properties (&n);

    for (size_t i = 0; i < n; i++) {
        const SgProfileProperty *property = &properties[i];
        g_autoptr (GVariant) before = value_or_null (old, property);
        g_autoptr (GVariant) after = value_or_null (new, property);

        if (has_to_wait (property, before, after))
            g_ptr_array_add (waits, g_strdup_printf ("%s.%s", property->setting, property->name));
    }
}
