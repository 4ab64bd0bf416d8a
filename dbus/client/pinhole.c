/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pinholes of the tunnel's devices: list, add, remove, enable, disable, label. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/port-range.h"
#include "command.h"
#include "print.h"
#include "words.h"

/* ---- reading ---- */

/* A pinhole and what it is below. */
typedef struct {
    const SgObjectView *pinhole, *device, *subnet;
} Row;

/* Of @subnet and @device, where they are not NULL. */
static GArray *
find_rows (const SgView *view, const SgObjectView *subnet, const SgObjectView *device)
{
    GArray *rows = g_array_new (FALSE, FALSE, sizeof (Row));

    for (guint i = 0; i < view->pinholes->len; i++) {
        Row row = {.pinhole = g_ptr_array_index (view->pinholes, i)};

        row.device = sg_view_at (view, sg_view_string (row.pinhole->properties, "Device"));
        row.subnet = row.device
                         ? sg_view_at (view, sg_view_string (row.device->properties, "Subnet"))
                         : NULL;
        if (row.subnet && (!subnet || row.subnet == subnet) && (!device || row.device == device))
            g_array_append_val (rows, row);
    }
    return rows;
}

/* In microseconds since 1970; 0: never. */
static guint64
expires_of (GVariant *properties)
{
    guint64 expires = 0;

    g_variant_lookup (properties, "Expires", "t", &expires);
    return expires;
}

static bool
is_by_device (GVariant *properties)
{
    return strcmp (sg_view_string (properties, "Source"), "pcp") == 0;
}

/* What a person calls it: its label, or for how long the device has it. */
static char *
describe (GVariant *properties)
{
    const char *label = sg_view_string (properties, "Label");
    gint64 seconds = ((gint64) expires_of (properties) - g_get_real_time ()) / G_USEC_PER_SEC;

    if (!is_by_device (properties))
        return g_strdup (*label ? label : "-");
    return g_strdup_printf ("by the device itself, for %" G_GINT64_FORMAT " s", MAX (seconds, 0));
}

static GVariant *
value_of (const Row *row)
{
    GVariant *properties = row->pinhole->properties;
    GVariantBuilder out;

    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    sg_words_add_string (&out, "subnet", row->subnet->name);
    sg_words_add_string (&out, "device", sg_view_string (row->device->properties, "Name"));
    sg_words_add_string (&out, "ipv4", row->device->name);
    sg_words_add_string (&out, "ipv6", sg_view_string (row->device->properties, "Address6"));
    sg_words_add_string (&out, "protocol", row->pinhole->name);
    sg_words_add_value (&out, "external",
                        g_variant_new_uint32 (sg_view_port (properties, "ExternalPort")));
    sg_words_add_value (&out, "internal",
                        g_variant_new_uint32 (sg_view_port (properties, "InternalPort")));
    sg_words_add_string (&out, "label", sg_view_string (properties, "Label"));
    sg_words_add_value (&out, "enabled",
                        g_variant_new_boolean (sg_view_flag (properties, "Enabled")));
    sg_words_add_string (&out, "source", sg_view_string (properties, "Source"));
    sg_words_add_value (&out, "expires",
                        g_variant_new_uint64 (expires_of (properties) / G_USEC_PER_SEC));
    return g_variant_builder_end (&out);
}

static void
print_json (const GArray *rows)
{
    GVariantBuilder out, list;

    g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
    for (guint i = 0; i < rows->len; i++)
        g_variant_builder_add_value (&list, value_of (&g_array_index (rows, Row, i)));
    g_variant_builder_init (&out, G_VARIANT_TYPE ("a{sv}"));
    sg_words_add_value (&out, "pinholes", g_variant_builder_end (&list));
    sg_print_json (g_variant_builder_end (&out));
}

static void
add_row (SgTable *table, const Row *row)
{
    GVariant *properties = row->pinhole->properties;
    const char *address6 = sg_view_string (row->device->properties, "Address6");
    guint external = sg_view_port (properties, "ExternalPort");
    guint internal = sg_view_port (properties, "InternalPort");
    bool enabled = sg_view_flag (properties, "Enabled");
    g_autofree char *outside = g_strdup_printf ("%s %u", row->pinhole->name, external);
    g_autofree char *inside = g_strdup_printf ("%u", internal);
    g_autofree char *what = describe (properties);

    sg_table_add (table, SG_STYLE_STRONG, sg_view_string (row->device->properties, "Name"));
    sg_table_add (table, SG_STYLE_PLAIN, row->subnet->name);
    sg_table_add (table, *address6 ? SG_STYLE_PLAIN : SG_STYLE_DIM, *address6 ? address6 : "-");
    sg_table_add (table, SG_STYLE_PLAIN, outside);
    sg_table_add (table, internal == external ? SG_STYLE_DIM : SG_STYLE_PLAIN, inside);
    sg_table_add (table, enabled && *address6 ? SG_STYLE_GOOD : SG_STYLE_DIM,
                  !enabled    ? "disabled"
                  : *address6 ? "open"
                              : "no IPv6");
    sg_table_add (table, strcmp (what, "-") != 0 ? SG_STYLE_PLAIN : SG_STYLE_DIM, what);
}

static void
print_table (const SgClient *client, const GArray *rows)
{
    static const char *const headings[] = {"DEVICE",   "SUBNET", "IPV6", "PORT",
                                           "LEADS TO", "STATE",  "LABEL"};
    g_autoptr (SgTable) table = sg_table_new (client, G_N_ELEMENTS (headings));

    for (size_t i = 0; i < G_N_ELEMENTS (headings); i++)
        sg_table_add (table, SG_STYLE_DIM, headings[i]);
    for (guint i = 0; i < rows->len; i++)
        add_row (table, &g_array_index (rows, Row, i));
    sg_table_print (table);
}

static bool
run_list (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *subnet = NULL, *device = NULL;
    g_autoptr (GArray) rows = NULL;

    if (!view ||
        (arguments->n_words > 0 && !(subnet = sg_view_subnet (view, arguments->words[0], error))) ||
        (arguments->n_words > 1 &&
         !(device = sg_view_device (view, subnet, arguments->words[1], error))))
        return false;
    rows = find_rows (view, subnet, device);
    if (client->json)
        print_json (rows);
    else
        print_table (client, rows);
    return true;
}

/* ---- adding ---- */

static bool
remove_added (SgClient *client, const GPtrArray *paths, GError **error)
{
    for (guint i = 0; i < paths->len; i++) {
        const SgObject pinhole = {g_ptr_array_index (paths, i), SG_CLIENT_PINHOLE};

        if (!sg_client_tell (client, &pinhole, "Remove", NULL, error))
            return false;
    }
    return true;
}

/* One port; appends what came of it to @paths. */
static bool
add_one (SgClient *client, const SgObject *device, GVariant *body, GPtrArray *paths, GError **error)
{
    g_autoptr (GVariant) answer = sg_client_call (client, device, "AddPinhole", body, error);
    char *path;

    if (!answer)
        return false;
    g_variant_get (answer, "(o)", &path);
    g_ptr_array_add (paths, path);
    return true;
}

/* All ports of @range, or none. */
static bool
add_range (SgClient *client, const SgObject *device, const SgArguments *arguments,
           const SgPortRange *range, GError **error)
{
    g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
    const char *protocol = arguments->words[2];
    const char *label = arguments->values[0] ? arguments->values[0] : "";
    g_autoptr (GError) failure = NULL;
    bool done = true;

    for (guint i = 0; done && i < range->n; i++)
        done = add_one (client, device,
                        g_variant_new ("(sqqs)", protocol, (guint16) (range->external + i),
                                       (guint16) (range->internal + i), label),
                        paths, error);
    if (!done && !remove_added (client, paths, &failure))
        fprintf (stderr, "sixgatectl: cannot take back what was opened: %s\n", failure->message);
    return done;
}

static bool
run_add (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *device = view ? sg_view_device_of (view, arguments->words, error) : NULL;
    SgPortRange range;

    if (!device || !sg_port_range_parse (arguments->words[3], &range, error))
        return false;
    if (range.internal + range.n - 1 > G_MAXUINT16) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” would lead beyond port 65535; begin with a smaller port, or name fewer",
                     arguments->words[3]);
        return false;
    }
    return add_range (client, &(SgObject) {device->path, SG_CLIENT_DEVICE}, arguments, &range,
                      error);
}

/* ---- changing ---- */

/* Calls a method of the pinhole that the first four words name. */
static bool
call_pinhole (SgClient *client, const SgArguments *arguments, const char *method, GVariant *body,
              GError **error)
{
    g_autoptr (GVariant) owned = body ? g_variant_ref_sink (body) : NULL;
    g_autoptr (SgView) view = sg_view_new (client, error);
    const SgObjectView *device = view ? sg_view_device_of (view, arguments->words, error) : NULL;
    const SgObjectView *pinhole;
    SgPortRange port;

    if (!device || !sg_port_range_parse (arguments->words[3], &port, error))
        return false;
    if (port.n > 1) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is more than one port; name one", arguments->words[3]);
        return false;
    }
    pinhole = sg_view_pinhole (view, device, arguments->words[2], port.external, error);
    if (pinhole && is_by_device (pinhole->properties)) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_OWNED,
                     "%s opened %s %u itself; it ends by itself, or at once with sixgatectl device "
                     "allow-pinholes %s %s no",
                     arguments->words[1], arguments->words[2], port.external, arguments->words[0],
                     arguments->words[1]);
        return false;
    }
    return pinhole && sg_client_tell (client, &(SgObject) {pinhole->path, SG_CLIENT_PINHOLE},
                                      method, owned, error);
}

static bool
run_remove (SgClient *client, const SgArguments *arguments, GError **error)
{
    return call_pinhole (client, arguments, "Remove", NULL, error);
}

static bool
run_enable (SgClient *client, const SgArguments *arguments, GError **error)
{
    return call_pinhole (client, arguments, "SetEnabled", g_variant_new ("(b)", TRUE), error);
}

static bool
run_disable (SgClient *client, const SgArguments *arguments, GError **error)
{
    return call_pinhole (client, arguments, "SetEnabled", g_variant_new ("(b)", FALSE), error);
}

static bool
run_label (SgClient *client, const SgArguments *arguments, GError **error)
{
    return call_pinhole (client, arguments, "SetLabel", g_variant_new ("(s)", arguments->words[4]),
                         error);
}

const SgCommand sg_pinhole_commands[] = {
    {
        .group = "pinhole",
        .name = "list",
        .arguments = "[SUBNET [DEVICE]]",
        .summary = "List the open ports of devices",
        .help =
            "Those that were opened by hand, and those that devices opened themselves (PCP), which "
            "end by\nthemselves.",
        .max_words = 2,
        .reads = true,
        .run = run_list,
    },
    {
        .group = "pinhole",
        .name = "add",
        .arguments = "SUBNET DEVICE tcp|udp PORT[-PORT][:INTERNAL] [--label TEXT]",
        .summary = "Open ports of a device's IPv6 address",
        .help =
            "To everybody. INTERNAL is the port at the device that the first one leads to, when "
            "it is another;\nthat one is not opened by it. Of several ports all are opened, or "
            "none.\n\n"
            "  sixgatectl pinhole add home box tcp 443\n"
            "  sixgatectl pinhole add home box tcp 80:8080 --label web",
        .min_words = 4,
        .max_words = 4,
        .options = {{"--label", "TEXT"}},
        .run = run_add,
    },
    {
        .group = "pinhole",
        .name = "remove",
        .arguments = "SUBNET DEVICE tcp|udp PORT",
        .summary = "Close a port for good",
        .help = "Connections through it end.",
        .min_words = 4,
        .max_words = 4,
        .run = run_remove,
    },
    {
        .group = "pinhole",
        .name = "enable",
        .arguments = "SUBNET DEVICE tcp|udp PORT",
        .summary = "Open a disabled port again",
        .help = "As it was.",
        .min_words = 4,
        .max_words = 4,
        .run = run_enable,
    },
    {
        .group = "pinhole",
        .name = "disable",
        .arguments = "SUBNET DEVICE tcp|udp PORT",
        .summary = "Close a port, and keep it in the list",
        .help = "Connections through it end.",
        .min_words = 4,
        .max_words = 4,
        .run = run_disable,
    },
    {
        .group = "pinhole",
        .name = "label",
        .arguments = "SUBNET DEVICE tcp|udp PORT TEXT",
        .summary = "Say what a port is for",
        .help = "For people only. An empty TEXT takes it away.",
        .min_words = 5,
        .max_words = 5,
        .run = run_label,
    },
    {0},
};
