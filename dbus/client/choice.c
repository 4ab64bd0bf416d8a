/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the administrator chooses: the outbound, and overrides. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "command.h"
#include "print.h"
#include "words.h"

#define AUTO "auto"

/* ---- outbound ---- */

static bool
show_outbound (SgClient *client, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    const char *outbound;

    if (!view)
        return false;
    outbound = sg_view_string (view->manager, "DefaultOutbound");
    if (client->json) {
        GVariantBuilder out;

        g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
        sg_words_add_string (&out, "outbound", outbound);
        sg_print_json (g_variant_builder_end (&out));
    } else {
        puts (outbound[0] ? outbound : AUTO);
    }
    return true;
}

/* One that is not there may be chosen: a person hears what that means. */
static bool
warn_of_absence (SgClient *client, const char *name, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (GError) absent = NULL;
    const SgObjectView *gateway;

    if (!view)
        return false;
    gateway = sg_view_gateway (view, name, &absent);
    if (!gateway)
        fprintf (stderr,
                 "sixgatectl: %s; until it is there, what is new and not local is refused\n",
                 absent->message);
    else if (!sg_view_flag (gateway->properties, "CanCarryIPv6"))
        fprintf (stderr,
                 "sixgatectl: %s cannot carry IPv6 (%s); until it can, what is new and not "
                 "local is refused\n",
                 name, sg_view_string (gateway->properties, "Reason"));
    return true;
}

static bool
run_outbound (SgClient *client, const SgArguments *arguments, GError **error)
{
    const char *name = arguments->n_words ? arguments->words[0] : NULL;
    bool none = g_strcmp0 (name, AUTO) == 0;
    g_autoptr (GVariant) answer = NULL;

    if (!name)
        return show_outbound (client, error);
    if (!name[0]) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "name a gateway, or " AUTO " for none");
        return false;
    }
    if (client->json) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "--json is for reading; without INTERFACE the outbound is shown");
        return false;
    }
    answer = sg_client_manage (client, "SetDefaultOutbound",
                               g_variant_new ("(s)", none ? "" : name), error);
    return answer && (none || warn_of_absence (client, name, error));
}

/* ---- overrides ---- */

static bool
run_override_list (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (GVariant) overrides = NULL;
    g_autoptr (SgTable) table = NULL;
    GVariantBuilder out;

    if (!view)
        return false;
    if (client->json) {
        g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
        sg_words_add_value (&out, "overrides", sg_words_overrides (view->manager));
        sg_print_json (g_variant_builder_end (&out));
        return true;
    }
    overrides = g_variant_lookup_value (view->manager, "Overrides", G_VARIANT_TYPE ("a(ss)"));
    table = sg_table_new (client, 2);
    sg_table_add (table, SG_STYLE_DIM, "PREFIX");
    sg_table_add (table, SG_STYLE_DIM, "GATEWAY");
    for (gsize i = 0; overrides && i < g_variant_n_children (overrides); i++) {
        const char *prefix, *interface;

        g_variant_get_child (overrides, i, "(&s&s)", &prefix, &interface);
        sg_table_add (table, SG_STYLE_PLAIN, prefix);
        sg_table_add (table, SG_STYLE_PLAIN, interface);
    }
    sg_table_print (table);
    return true;
}

static bool
run_override_add (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer =
        sg_client_manage (client, "AddOverride",
                          g_variant_new ("(ss)", arguments->words[0], arguments->words[1]), error);

    return answer != NULL;
}

static bool
run_override_remove (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = sg_client_manage (
        client, "RemoveOverride", g_variant_new ("(s)", arguments->words[0]), error);

    return answer != NULL;
}

const SgCommand sg_choice_commands[] = {
    {
        .name = "outbound",
        .arguments = "[INTERFACE | auto]",
        .summary = "Show or choose the gateway for the host's own traffic",
        .help = "From then on everything new that is not local leaves by that gateway, and by no "
                "other: when it\nis down, nothing does. The networks that are on the LAN at this "
                "moment count as local. Who\nconnects to another gateway still gets an answer by "
                "that one. Kept over reboots. auto: no\ngateway is chosen, and nothing is "
                "refused.\n\n"
                "  sixgatectl outbound            shows it\n"
                "  sixgatectl outbound wg0        chooses wg0\n"
                "  sixgatectl outbound auto       chooses none",
        .max_words = 1,
        .reads = true,
        .run = run_outbound,
    },
    {
        .group = "override",
        .name = "list",
        .arguments = "",
        .summary = "Show which sources have a gateway of their own",
        .help = "An override sends what has a source in a prefix by a gateway of its own, whatever "
                "the outbound is.",
        .reads = true,
        .run = run_override_list,
    },
    {
        .group = "override",
        .name = "add",
        .arguments = "PREFIX INTERFACE",
        .summary = "Give a source prefix a gateway of its own",
        .help = "For a container network or a service with an address of its own. When the gateway "
                "is gone, what\nhas such a source is refused.\n\n"
                "  sixgatectl override add 2001:db8:5::/64 wg0",
        .min_words = 2,
        .max_words = 2,
        .run = run_override_add,
    },
    {
        .group = "override",
        .name = "remove",
        .arguments = "PREFIX",
        .summary = "Take an override back",
        .help = "What has such a source leaves like everything else again.",
        .min_words = 1,
        .max_words = 1,
        .run = run_override_remove,
    },
    {0},
};
