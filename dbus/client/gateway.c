/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gateways: list, show, import, update, export, set-type, remove. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "command.h"
#include "print.h"
#include "words.h"

/* ---- reading ---- */

static bool
run_list (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (SgTable) table = NULL;

    if (!view)
        return false;
    if (client->json) {
        GVariantBuilder out;

        g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
        sg_words_add_value (&out, "gateways", sg_words_gateways (view));
        sg_print_json (g_variant_builder_end (&out));
        return true;
    }
    table = sg_table_new (client, 5);
    sg_words_add_heading (table);
    for (guint i = 0; i < view->gateways->len; i++)
        sg_words_add_gateway (table, g_ptr_array_index (view->gateways, i));
    sg_table_print (table);
    return true;
}

static void
add_row (SgTable *table, const char *name, const char *value)
{
    sg_table_add (table, SG_STYLE_DIM, name);
    sg_table_add (table, SG_STYLE_PLAIN, value);
}

static void
add_number (SgTable *table, GVariant *properties, const char *name, const char *property)
{
    uint32_t number = 0;
    g_autofree char *text = NULL;

    if (!g_variant_lookup (properties, property, "u", &number) || number == 0)
        return;
    text = g_strdup_printf ("%u", number);
    add_row (table, name, text);
}

static void
print_gateway (const SgClient *client, const SgObjectView *gateway)
{
    g_autoptr (SgTable) table = sg_table_new (client, 2);
    g_autoptr (GVariant) addresses =
        g_variant_lookup_value (gateway->properties, "Addresses", G_VARIANT_TYPE ("as"));
    const char *reason = sg_view_string (gateway->properties, "Reason");
    const char *advice = sg_words_advice (reason);

    add_row (table, "interface", gateway->name);
    add_row (table, "kind", sg_view_string (gateway->properties, "Kind"));
    add_row (table, "type", sg_view_string (gateway->properties, "Type"));
    add_row (table, "profile", sg_view_string (gateway->properties, "Uuid"));
    add_row (table, "active", sg_view_flag (gateway->properties, "Active") ? "yes" : "no");
    add_row (table, "IPv6", reason[0] ? sg_words_reason (reason) : "yes");
    add_row (table, "outbound", sg_view_flag (gateway->properties, "Selected") ? "yes" : "no");
    add_number (table, gateway->properties, "index", "Index");
    add_number (table, gateway->properties, "table", "Table");
    add_number (table, gateway->properties, "mark", "Mark");
    for (gsize i = 0; addresses && i < g_variant_n_children (addresses); i++) {
        const char *address;

        g_variant_get_child (addresses, i, "&s", &address);
        add_row (table, i ? "" : "addresses", address);
    }
    sg_table_print (table);
    if (advice)
        printf ("\n%s: %s\n", gateway->name, advice);
}

static bool
run_show (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *gateway = view ? sg_view_gateway (view, arguments->words[0], error) : NULL;

    if (!gateway)
        return false;
    if (client->json)
        sg_print_json (sg_words_gateway (gateway));
    else
        print_gateway (client, gateway);
    return true;
}

/* ---- import ---- */

static GVariant *
import_options (const SgArguments *arguments)
{
    GVariantBuilder options;

    g_variant_builder_init (&options, G_VARIANT_TYPE ("a{sv}"));
    if (arguments->values[0])
        sg_words_add_string (&options, "interface", arguments->values[0]);
    if (arguments->values[1])
        sg_words_add_string (&options, "type", arguments->values[1]);
    if (arguments->values[2])
        sg_words_add_value (&options, "outbound", g_variant_new_boolean (TRUE));
    return g_variant_builder_end (&options);
}

/* The name of the gateway that was just made. */
static bool
tell_name (SgClient *client, const char *path, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);

    for (guint i = 0; view && i < view->gateways->len; i++) {
        const SgObjectView *gateway = g_ptr_array_index (view->gateways, i);

        if (strcmp (gateway->path, path) == 0)
            puts (gateway->name);
    }
    return view != NULL;
}

static bool
run_import (SgClient *client, const SgArguments *arguments, GError **error)
{
    const char *file = arguments->words[0];
    g_autofree char *config = sg_command_read_file (file, error);
    g_autofree char *name = g_path_get_basename (strcmp (file, "-") == 0 ? "standard-input" : file);
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) warnings = NULL;
    const char *path;

    if (!config)
        return false;
    answer = sg_client_manage (
        client, "ImportGateway",
        g_variant_new ("(ss@a{sv})", name, config, import_options (arguments)), error);
    if (!answer)
        return false;
    g_variant_get (answer, "(&o&s@as)", &path, NULL, &warnings);
    sg_command_warn (warnings);
    return tell_name (client, path, error);
}

/* ---- changing one ---- */

/* Calls a method of the gateway that the first word names. */
static GVariant *
call_gateway (SgClient *client, const SgArguments *arguments, const char *method, GVariant *body,
              GError **error)
{
    g_autoptr (GVariant) owned = body ? g_variant_ref_sink (body) : NULL;
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *gateway = view ? sg_view_gateway (view, arguments->words[0], error) : NULL;
    SgObject object = {.interface = SG_CLIENT_GATEWAY};

    if (!gateway)
        return NULL;
    object.path = gateway->path;
    return sg_client_call (client, &object, method, owned, error);
}

static bool
run_update (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autofree char *config = sg_command_read_file (arguments->words[1], error);
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) warnings = NULL;

    if (config)
        answer = call_gateway (client, arguments, "Update", g_variant_new ("(s)", config), error);
    if (!answer)
        return false;
    warnings = g_variant_get_child_value (answer, 0);
    sg_command_warn (warnings);
    return true;
}

static bool
run_export (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_gateway (client, arguments, "Export", NULL, error);
    const char *config;

    if (!answer)
        return false;
    g_variant_get (answer, "(&s)", &config);
    fputs (config, stdout);
    return true;
}

static bool
run_set_type (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_gateway (client, arguments, "SetType",
                                                g_variant_new ("(s)", arguments->words[1]), error);

    return answer != NULL;
}

static bool
run_remove (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_gateway (client, arguments, "Remove", NULL, error);

    return answer != NULL;
}

const SgCommand sg_gateway_commands[] = {
    {
        .group = "gateway",
        .name = "list",
        .arguments = "",
        .summary = "List the gateways",
        .help = "Every way out of this host: active devices of NetworkManager, and WireGuard "
                "gateways that are\ndown. The one with a star is the outbound.",
        .reads = true,
        .run = run_list,
    },
    {
        .group = "gateway",
        .name = "show",
        .arguments = "INTERFACE",
        .summary = "Show all of one gateway",
        .help = "Its routing table and mark are those that ip -6 rule and nft list show.",
        .min_words = 1,
        .max_words = 1,
        .reads = true,
        .run = run_show,
    },
    {
        .group = "gateway",
        .name = "import",
        .arguments = "FILE [--name INTERFACE] [--type TYPE] [--outbound]",
        .summary = "Make a gateway of a WireGuard file",
        .help =
            "FILE is what a provider or wg-quick has; - reads standard input. Prints the name "
            "of the gateway.\nIt does not take over the host's own traffic, unless told so.\n\n"
            "  --name INTERFACE  its name; else the file's, or the first free wgN\n"
            "  --type TYPE       inbound-outbound: who connects to its address gets an answer;\n"
            "                    outbound-only: for leaving only\n"
            "  --outbound        choose it for the host's own traffic, too",
        .min_words = 1,
        .max_words = 1,
        .options = {{"--name", "INTERFACE"}, {"--type", "TYPE"}, {"--outbound", NULL}},
        .run = run_import,
    },
    {
        .group = "gateway",
        .name = "update",
        .arguments = "INTERFACE FILE",
        .summary = "Take a gateway over to another WireGuard file",
        .help = "What stays in the file is not interrupted: sessions of peers that stay live on. "
                "After an error\neverything is as before. - reads standard input.",
        .min_words = 2,
        .max_words = 2,
        .run = run_update,
    },
    {
        .group = "gateway",
        .name = "export",
        .arguments = "INTERFACE",
        .summary = "Write a gateway as a WireGuard file, keys included",
        .help = "To standard output. Who has the file can be this host to the tunnel's far end.",
        .min_words = 1,
        .max_words = 1,
        .run = run_export,
    },
    {
        .group = "gateway",
        .name = "set-type",
        .arguments = "INTERFACE TYPE",
        .summary = "Say what a gateway is for",
        .help = "TYPE is inbound-outbound or outbound-only.",
        .min_words = 2,
        .max_words = 2,
        .run = run_set_type,
    },
    {
        .group = "gateway",
        .name = "remove",
        .arguments = "INTERFACE",
        .summary = "Delete a WireGuard gateway and its profile",
        .help = "Its keys are gone with it: sixgatectl gateway export keeps them.",
        .min_words = 1,
        .max_words = 1,
        .run = run_remove,
    },
    {0},
};
