/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "words.h"

#include <string.h>

static const struct {
    const char *reason, *words, *advice;
} reasons[] = {
    {"inactive", "down", NULL},
    {"no-address", "no: no address",
     "it has no global IPv6 address that may be used; the provider, or the tunnel's far end, has "
     "to "
     "give it one"},
    {"no-default-route", "no: no default route",
     "no router offers a way out by it; look at its router, or at ipv6.method of its profile"},
    {"peer-does-not-allow-default", "no: its peer allows less",
     "AllowedIPs of its peer lacks ::/0; add it to the file, then sixgatectl gateway update"},
};

const char *
sg_words_reason (const char *reason)
{
    for (size_t i = 0; i < G_N_ELEMENTS (reasons); i++) {
        if (strcmp (reasons[i].reason, reason) == 0)
            return reasons[i].words;
    }
    return reason[0] ? reason : NULL;
}

const char *
sg_words_advice (const char *reason)
{
    for (size_t i = 0; i < G_N_ELEMENTS (reasons); i++) {
        if (strcmp (reasons[i].reason, reason) == 0)
            return reasons[i].advice;
    }
    return NULL;
}

/* ---- rows ---- */

void
sg_words_add_heading (SgTable *table)
{
    static const char *const headings[] = {"  GATEWAY", "KIND", "IPV6", "INBOUND", "ADDRESSES"};

    for (size_t i = 0; i < G_N_ELEMENTS (headings); i++)
        sg_table_add (table, SG_STYLE_DIM, headings[i]);
}

static char *
addresses_of (GVariant *properties)
{
    g_autoptr (GVariant) addresses =
        g_variant_lookup_value (properties, "Addresses", G_VARIANT_TYPE ("as"));
    g_autofree const char **words = addresses ? g_variant_get_strv (addresses, NULL) : NULL;

    return words && words[0] ? g_strjoinv (" ", (char **) words) : g_strdup ("-");
}

void
sg_words_add_gateway (SgTable *table, const SgObjectView *gateway)
{
    GVariant *properties = gateway->properties;
    const char *reason = sg_words_reason (sg_view_string (properties, "Reason"));
    bool can = sg_view_flag (properties, "CanCarryIPv6");
    bool selected = sg_view_flag (properties, "Selected");
    bool down = !sg_view_flag (properties, "Active");
    g_autofree char *addresses = addresses_of (properties);
    g_autofree char *name = g_strconcat (selected ? "* " : "  ", gateway->name, NULL);

    sg_table_add (table, selected ? SG_STYLE_STRONG : SG_STYLE_PLAIN, name);
    sg_table_add (table, SG_STYLE_PLAIN, sg_view_string (properties, "Kind"));
    sg_table_add (table,
                  can    ? SG_STYLE_GOOD
                  : down ? SG_STYLE_DIM
                         : SG_STYLE_BAD,
                  can      ? "yes"
                  : reason ? reason
                           : "no");
    sg_table_add (table, can ? SG_STYLE_GOOD : SG_STYLE_DIM, can ? "ready" : "-");
    sg_table_add (table, SG_STYLE_PLAIN, addresses);
}

/* ---- values ---- */

void
sg_words_add_string (GVariantBuilder *builder, const char *name, const char *value)
{
    g_variant_builder_add (builder, "{sv}", name, g_variant_new_string (value));
}

void
sg_words_add_value (GVariantBuilder *builder, const char *name, GVariant *value)
{
    g_variant_builder_add (builder, "{sv}", name, value);
}

/* What the service calls it, and what JSON does. */
static const struct {
    const char *property, *member, *type;
} members[] = {
    {"Interface", "interface", "s"},
    {"Index", "index", "u"},
    {"Table", "table", "u"},
    {"Mark", "mark", "u"},
    {"Kind", "kind", "s"},
    {"Type", "type", "s"},
    {"Uuid", "uuid", "s"},
    {"Active", "active", "b"},
    {"CanCarryIPv6", "ipv6", "b"},
    {"Reason", "reason", "s"},
    {"Addresses", "addresses", "as"},
    {"Selected", "selected", "b"},
};

GVariant *
sg_words_gateway (const SgObjectView *gateway)
{
    GVariantBuilder builder;

    g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sv}"));
    for (size_t i = 0; i < G_N_ELEMENTS (members); i++) {
        g_autoptr (GVariant) value = g_variant_lookup_value (
            gateway->properties, members[i].property, (const GVariantType *) members[i].type);

        if (value)
            sg_words_add_value (&builder, members[i].member, value);
    }
    return g_variant_builder_end (&builder);
}

GVariant *
sg_words_gateways (const SgView *view)
{
    GVariantBuilder builder;

    g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < view->gateways->len; i++)
        g_variant_builder_add_value (&builder,
                                     sg_words_gateway (g_ptr_array_index (view->gateways, i)));
    return g_variant_builder_end (&builder);
}

GVariant *
sg_words_overrides (GVariant *manager)
{
    g_autoptr (GVariant) overrides =
        g_variant_lookup_value (manager, "Overrides", G_VARIANT_TYPE ("a(ss)"));
    GVariantBuilder builder;

    g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
    for (gsize i = 0; overrides && i < g_variant_n_children (overrides); i++) {
        const char *prefix, *interface;

        g_variant_get_child (overrides, i, "(&s&s)", &prefix, &interface);
        g_variant_builder_open (&builder, G_VARIANT_TYPE ("a{sv}"));
        sg_words_add_string (&builder, "prefix", prefix);
        sg_words_add_string (&builder, "interface", interface);
        g_variant_builder_close (&builder);
    }
    return g_variant_builder_end (&builder);
}

GVariant *
sg_words_warnings (GVariant *manager)
{
    g_autoptr (GVariant) warnings =
        g_variant_lookup_value (manager, "Warnings", G_VARIANT_TYPE ("as"));
    g_autofree const char **words = warnings ? g_variant_get_strv (warnings, NULL) : NULL;

    return g_variant_new_strv (words, words ? -1 : 0);
}
