/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subnets of the tunnel role: list, add, remove, set-name, set-ipv6, clear-ipv6. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "command.h"
#include "print.h"
#include "words.h"

static guint
count_devices (const SgView *view, const SgObjectView *subnet)
{
    guint n = 0;

    for (guint i = 0; i < view->devices->len; i++) {
        const SgObjectView *device = g_ptr_array_index (view->devices, i);

        n += strcmp (sg_view_string (device->properties, "Subnet"), subnet->path) == 0;
    }
    return n;
}

/* ---- reading ---- */

static void
print_json (const SgView *view)
{
    GVariantBuilder out, subnets;

    g_variant_builder_init (&subnets, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < view->subnets->len; i++) {
        const SgObjectView *subnet = g_ptr_array_index (view->subnets, i);
        GVariant *properties = subnet->properties;

        g_variant_builder_open (&subnets, G_VARIANT_TYPE ("a{sv}"));
        sg_words_add_string (&subnets, "network", subnet->name);
        sg_words_add_string (&subnets, "name", sg_view_string (properties, "Name"));
        sg_words_add_string (&subnets, "prefix", sg_view_string (properties, "IPv6Prefix"));
        sg_words_add_string (&subnets, "server4", sg_view_string (properties, "ServerAddress4"));
        sg_words_add_string (&subnets, "server6", sg_view_string (properties, "ServerAddress6"));
        sg_words_add_value (&subnets, "devices",
                            g_variant_new_uint32 (count_devices (view, subnet)));
        g_variant_builder_close (&subnets);
    }
    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    sg_words_add_value (&out, "subnets", g_variant_builder_end (&subnets));
    sg_print_json (g_variant_builder_end (&out));
}

static bool
run_list (SgClient *client, const SgArguments *arguments, GError **error)
{
    static const char *const headings[] = {"NETWORK", "NAME", "IPV6", "DEVICES"};
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (SgTable) table = NULL;

    if (!view)
        return false;
    if (client->json) {
        print_json (view);
        return true;
    }
    table = sg_table_new (client, G_N_ELEMENTS (headings));
    for (size_t i = 0; i < G_N_ELEMENTS (headings); i++)
        sg_table_add (table, SG_STYLE_DIM, headings[i]);
    for (guint i = 0; i < view->subnets->len; i++) {
        const SgObjectView *subnet = g_ptr_array_index (view->subnets, i);
        const char *prefix = sg_view_string (subnet->properties, "IPv6Prefix");
        g_autofree char *devices = g_strdup_printf ("%u", count_devices (view, subnet));

        sg_table_add (table, SG_STYLE_PLAIN, subnet->name);
        sg_table_add (table, SG_STYLE_PLAIN, sg_view_string (subnet->properties, "Name"));
        sg_table_add (table, *prefix ? SG_STYLE_GOOD : SG_STYLE_DIM, *prefix ? prefix : "-");
        sg_table_add (table, SG_STYLE_PLAIN, devices);
    }
    sg_table_print (table);
    return true;
}

/* ---- changing ---- */

/* Calls a method of the subnet that the first word names. */
static GVariant *
call_subnet (SgClient *client, const SgArguments *arguments, const char *method, GVariant *body,
             GError **error)
{
    g_autoptr (GVariant) owned = body ? g_variant_ref_sink (body) : NULL;
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *subnet = view ? sg_view_subnet (view, arguments->words[0], error) : NULL;
    SgObject object = {.interface = SG_CLIENT_SUBNET};

    if (!subnet)
        return NULL;
    object.path = subnet->path;
    return sg_client_call (client, &object, method, owned, error);
}

static bool
run_add (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer =
        sg_client_manage (client, "AddSubnet",
                          g_variant_new ("(ss)", arguments->words[0], arguments->words[1]), error);

    return answer != NULL;
}

static bool
run_remove (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_subnet (client, arguments, "Remove", NULL, error);

    return answer != NULL;
}

static bool
run_set_name (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_subnet (client, arguments, "SetName",
                                               g_variant_new ("(s)", arguments->words[1]), error);

    return answer != NULL;
}

static bool
run_set_ipv6 (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) warnings = NULL;
    GVariantBuilder options;

    g_variant_builder_init (&options, G_VARIANT_TYPE ("a{sv}"));
    if (arguments->values[0])
        sg_words_add_value (&options, "allow-ula", g_variant_new_boolean (TRUE));
    answer = call_subnet (
        client, arguments, "SetIPv6",
        g_variant_new ("(s@a{sv})", arguments->words[1], g_variant_builder_end (&options)), error);
    if (!answer)
        return false;
    warnings = g_variant_get_child_value (answer, 0);
    sg_command_warn (warnings);
    return true;
}

static bool
run_clear_ipv6 (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GVariant) answer = call_subnet (client, arguments, "ClearIPv6", NULL, error);

    return answer != NULL;
}

const SgCommand sg_subnet_commands[] = {
    {
        .group = "subnet",
        .name = "list",
        .arguments = "",
        .summary = "List the subnets of the tunnel",
        .help = "A subnet is a private IPv4 network whose devices reach each other, and, with an "
                "IPv6 prefix, have a\nglobal address each.",
        .reads = true,
        .run = run_list,
    },
    {
        .group = "subnet",
        .name = "add",
        .arguments = "NETWORK NAME",
        .summary = "Make a subnet; with the first, this machine becomes a tunnel server",
        .help = "NETWORK is private IPv4, large enough for all devices that may come.\n\n"
                "  sixgatectl subnet add 10.59.0.0/24 home",
        .min_words = 2,
        .max_words = 2,
        .run = run_add,
    },
    {
        .group = "subnet",
        .name = "remove",
        .arguments = "SUBNET",
        .summary = "Delete a subnet with its devices",
        .help = "Their tunnels end, their keys are gone. SUBNET is its network or its name.",
        .min_words = 1,
        .max_words = 1,
        .run = run_remove,
    },
    {
        .group = "subnet",
        .name = "set-name",
        .arguments = "SUBNET NAME",
        .summary = "Rename a subnet",
        .help = "Nothing else changes.",
        .min_words = 2,
        .max_words = 2,
        .run = run_set_name,
    },
    {
        .group = "subnet",
        .name = "set-ipv6",
        .arguments = "SUBNET PREFIX [--allow-ula]",
        .summary = "Give every device of a subnet a global IPv6 address",
        .help =
            "PREFIX is one that the provider routes to this machine, or has on its link. A device "
            "keeps the\nlow bits of its IPv4 address. Each device then needs its file anew: "
            "sixgatectl device show-config.\n\n"
            "  --allow-ula    also a prefix of fc00::/7, which nobody on the Internet reaches\n\n"
            "  sixgatectl subnet set-ipv6 home 2001:db8:1::/64",
        .min_words = 2,
        .max_words = 2,
        .options = {{"--allow-ula", NULL}},
        .run = run_set_ipv6,
    },
    {
        .group = "subnet",
        .name = "clear-ipv6",
        .arguments = "SUBNET",
        .summary = "Take the IPv6 prefix of a subnet back",
        .help = "IPv4 goes on undisturbed.",
        .min_words = 1,
        .max_words = 1,
        .run = run_clear_ipv6,
    },
    {0},
};
