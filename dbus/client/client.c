/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "value.h"

#define SERVICE "org.sixgate.Sixgate1"
/* A person may have to type a password. */
#define TIMEOUT_US (300 * UINT64_C (1000000))

void
sg_client_clear (SgClient *client)
{
    client->bus = sd_bus_flush_close_unref (client->bus);
}

/* ---- errors ---- */

static const struct {
    const char *name;
    SgErrorCode code;
    const char *words; /* NULL: what the error says itself */
} foreign_errors[] = {
    {SD_BUS_ERROR_ACCESS_DENIED, SG_ERROR_PERMISSION, NULL},
    {SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, SG_ERROR_PERMISSION,
     "this needs an administrator: try again with sudo"},
    {SD_BUS_ERROR_UNKNOWN_OBJECT, SG_ERROR_NOT_FOUND, "it went away meanwhile"},
    {SD_BUS_ERROR_SERVICE_UNKNOWN, SG_ERROR_FAILED,
     "the service " SERVICE " is not installed, or the bus has not noticed it yet"},
    {SD_BUS_ERROR_NO_REPLY, SG_ERROR_FAILED,
     "the service did not answer; systemctl status sixgate.service tells more"},
    {SD_BUS_ERROR_TIMEOUT, SG_ERROR_FAILED,
     "the service did not answer in time; systemctl status sixgate.service tells more"},
};

/* What the service itself says has a name of ours. */
static bool
is_ours (const char *name, SgErrorCode *ret_code)
{
    for (SgErrorCode code = 0; code < SG_ERROR_N; code++) {
        if (strcmp (name, sg_error_dbus_name (code)) == 0) {
            *ret_code = code;
            return true;
        }
    }
    return false;
}

static void
set_error (GError **error, const sd_bus_error *failure, int r)
{
    const char *words = failure->message ? failure->message : g_strerror (-r);
    SgErrorCode code = SG_ERROR_FAILED;

    if (!failure->name || is_ours (failure->name, &code)) {
        g_set_error_literal (error, SG_ERROR, (int) code, words);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS (foreign_errors); i++) {
        if (strcmp (failure->name, foreign_errors[i].name) == 0) {
            code = foreign_errors[i].code;
            words = foreign_errors[i].words ? foreign_errors[i].words : words;
        }
    }
    if (g_str_has_prefix (failure->name, "org.freedesktop.systemd1.") ||
        g_str_has_prefix (failure->name, "org.freedesktop.DBus.Error.Spawn."))
        g_set_error (error, SG_ERROR, SG_ERROR_FAILED,
                     "the service cannot be started: %s; systemctl status sixgate.service tells "
                     "more",
                     words);
    else
        g_set_error_literal (error, SG_ERROR, (int) code, words);
}

/* ---- calls ---- */

static bool
open_bus (SgClient *client, GError **error)
{
    int r;

    if (client->bus)
        return true;
    r = sd_bus_open_system (&client->bus);
    if (r >= 0)
        r = sd_bus_set_allow_interactive_authorization (client->bus, /* b= */ true);
    if (r >= 0)
        return true;
    sg_error_set_errno (error, SG_ERROR_FAILED, -r, "cannot reach the system bus");
    return false;
}

static int
call (SgClient *client, sd_bus_message *request, sd_bus_error *failure, GVariant **ret_answer)
{
    sd_bus_message *reply = NULL;
    int r = sd_bus_call (client->bus, request, TIMEOUT_US, failure, &reply);

    if (r >= 0)
        r = sg_value_read (reply, ret_answer);
    sd_bus_message_unref (reply);
    return r;
}

GVariant *
sg_client_call (SgClient *client, const SgObject *object, const char *method, GVariant *arguments,
                GError **error)
{
    g_autoptr (GVariant) tuple =
        g_variant_ref_sink (arguments ? arguments : g_variant_new_tuple (NULL, 0));
    sd_bus_error failure = SD_BUS_ERROR_NULL;
    sd_bus_message *request = NULL;
    GVariant *answer = NULL;
    int r;

    if (!open_bus (client, error))
        return NULL;
    r = sd_bus_message_new_method_call (client->bus, &request, SERVICE, object->path,
                                        object->interface, method);
    if (r >= 0 && client->quiet)
        r = sd_bus_message_set_allow_interactive_authorization (request, /* b= */ false);
    if (r >= 0)
        r = sg_value_append (request, tuple);
    if (r >= 0)
        r = call (client, request, &failure, &answer);
    if (r < 0)
        set_error (error, &failure, r);
    sd_bus_error_free (&failure);
    sd_bus_message_unref (request);
    return answer;
}

GVariant *
sg_client_manage (SgClient *client, const char *method, GVariant *arguments, GError **error)
{
    const SgObject manager = {SG_CLIENT_ROOT, SG_CLIENT_MANAGER};

    return sg_client_call (client, &manager, method, arguments, error);
}

bool
sg_client_tell (SgClient *client, const SgObject *object, const char *method, GVariant *arguments,
                GError **error)
{
    g_autoptr (GVariant) answer = sg_client_call (client, object, method, arguments, error);

    return answer != NULL;
}

/* ---- what there is ---- */

static void
free_object (SgObjectView *gateway)
{
    g_free (gateway->path);
    g_free (gateway->name);
    g_variant_unref (gateway->properties);
    g_free (gateway);
}

static int
compare_names (const SgObjectView **a, const SgObjectView **b)
{
    return strcmp ((*a)->name, (*b)->name);
}

/* In the order of the numbers of their IPv4 addresses. */
static int
compare_addresses (const SgObjectView **a, const SgObjectView **b)
{
    unsigned first[4] = {0}, second[4] = {0};
    int order = 0;

    (void) sscanf ((*a)->name, "%u.%u.%u.%u", &first[0], &first[1], &first[2], &first[3]);
    (void) sscanf ((*b)->name, "%u.%u.%u.%u", &second[0], &second[1], &second[2], &second[3]);
    for (size_t i = 0; i < 4 && order == 0; i++)
        order = (first[i] > second[i]) - (first[i] < second[i]);
    return order;
}

static int
compare_ports (const SgObjectView **a, const SgObjectView **b)
{
    int order = strcmp (sg_view_string ((*a)->properties, "Device"),
                        sg_view_string ((*b)->properties, "Device"));

    if (order == 0)
        order = strcmp (sg_view_string ((*a)->properties, "Protocol"),
                        sg_view_string ((*b)->properties, "Protocol"));
    return order ? order
                 : (int) sg_view_port ((*a)->properties, "ExternalPort") -
                       (int) sg_view_port ((*b)->properties, "ExternalPort");
}

/* Those of @interface among the objects, a{oa{sa{sv}}}; @property is their name. */
static GPtrArray *
take_objects (GVariant *objects, const char *interface, const char *property)
{
    GPtrArray *found = g_ptr_array_new_with_free_func ((GDestroyNotify) free_object);
    GVariantIter iter;
    const char *path;
    GVariant *interfaces;

    g_variant_iter_init (&iter, objects);
    while (g_variant_iter_next (&iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        GVariant *properties =
            g_variant_lookup_value (interfaces, interface, G_VARIANT_TYPE ("a{sv}"));

        if (properties) {
            SgObjectView *object = g_new0 (SgObjectView, 1);

            object->path = g_strdup (path);
            object->name = g_strdup (sg_view_string (properties, property));
            object->properties = properties;
            g_ptr_array_add (found, object);
        }
        g_variant_unref (interfaces);
    }
    return found;
}

static void
index_paths (GHashTable *by_path, const GPtrArray *objects)
{
    for (guint i = 0; i < objects->len; i++) {
        SgObjectView *object = g_ptr_array_index (objects, i);

        g_hash_table_insert (by_path, object->path, object);
    }
}

SgView *
sg_view_new (SgClient *client, GError **error)
{
    const SgObject manager = {SG_CLIENT_ROOT, "org.freedesktop.DBus.Properties"};
    const SgObject root = {SG_CLIENT_ROOT, "org.freedesktop.DBus.ObjectManager"};
    g_autoptr (GVariant) properties = sg_client_call (
        client, &manager, "GetAll", g_variant_new ("(s)", SG_CLIENT_MANAGER), error);
    g_autoptr (GVariant) objects =
        properties ? sg_client_call (client, &root, "GetManagedObjects", NULL, error) : NULL;
    g_autoptr (GVariant) all = NULL;
    SgView *view;

    if (!objects)
        return NULL;
    if (!g_variant_is_of_type (properties, G_VARIANT_TYPE ("(a{sv})")) ||
        !g_variant_is_of_type (objects, G_VARIANT_TYPE ("(a{oa{sa{sv}}})"))) {
        g_set_error (error, SG_ERROR, SG_ERROR_FAILED,
                     "the service answers in an unknown way; is it of another version?");
        return NULL;
    }
    view = g_new0 (SgView, 1);
    view->manager = g_variant_get_child_value (properties, 0);
    all = g_variant_get_child_value (objects, 0);
    view->gateways = take_objects (all, SG_CLIENT_GATEWAY, "Interface");
    view->subnets = take_objects (all, SG_CLIENT_SUBNET, "Network");
    view->devices = take_objects (all, SG_CLIENT_DEVICE, "Address4");
    g_ptr_array_sort (view->gateways, (GCompareFunc) compare_names);
    g_ptr_array_sort (view->subnets, (GCompareFunc) compare_addresses);
    g_ptr_array_sort (view->devices, (GCompareFunc) compare_addresses);
    view->pinholes = take_objects (all, SG_CLIENT_PINHOLE, "Protocol");
    g_ptr_array_sort (view->pinholes, (GCompareFunc) compare_ports);
    view->by_path = g_hash_table_new (g_str_hash, g_str_equal);
    index_paths (view->by_path, view->gateways);
    index_paths (view->by_path, view->subnets);
    index_paths (view->by_path, view->devices);
    index_paths (view->by_path, view->pinholes);
    return view;
}

void
sg_view_free (SgView *view)
{
    if (!view)
        return;
    g_variant_unref (view->manager);
    g_hash_table_unref (view->by_path);
    g_ptr_array_unref (view->gateways);
    g_ptr_array_unref (view->subnets);
    g_ptr_array_unref (view->devices);
    g_ptr_array_unref (view->pinholes);
    g_free (view);
}

static char *
names_of (const GPtrArray *gateways)
{
    GString *names = g_string_new (NULL);

    for (guint i = 0; i < gateways->len; i++) {
        const SgObjectView *gateway = g_ptr_array_index (gateways, i);

        g_string_append_printf (names, "%s%s", i ? ", " : "there are ", gateway->name);
    }
    if (!gateways->len)
        g_string_append (names, "there are none");
    return g_string_free (names, /* free_segment= */ FALSE);
}

const SgObjectView *
sg_view_gateway (const SgView *view, const char *name, GError **error)
{
    g_autofree char *names = NULL;

    for (guint i = 0; i < view->gateways->len; i++) {
        const SgObjectView *gateway = g_ptr_array_index (view->gateways, i);

        if (strcmp (gateway->name, name) == 0)
            return gateway;
    }
    names = names_of (view->gateways);
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "no gateway %s; %s", name, names);
    return NULL;
}

const SgObjectView *
sg_view_subnet (const SgView *view, const char *text, GError **error)
{
    g_autofree char *names = NULL;

    for (guint i = 0; i < view->subnets->len; i++) {
        const SgObjectView *subnet = g_ptr_array_index (view->subnets, i);

        if (strcmp (subnet->name, text) == 0 ||
            strcmp (sg_view_string (subnet->properties, "Name"), text) == 0)
            return subnet;
    }
    names = names_of (view->subnets);
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "no subnet %s; %s", text, names);
    return NULL;
}

const SgObjectView *
sg_view_device (const SgView *view, const SgObjectView *subnet, const char *text, GError **error)
{
    for (guint i = 0; i < view->devices->len; i++) {
        const SgObjectView *device = g_ptr_array_index (view->devices, i);

        if (strcmp (sg_view_string (device->properties, "Subnet"), subnet->path) == 0 &&
            (strcmp (device->name, text) == 0 ||
             strcmp (sg_view_string (device->properties, "Name"), text) == 0))
            return device;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                 "no device %s in %s; sixgatectl device list shows them", text, subnet->name);
    return NULL;
}

const SgObjectView *
sg_view_device_of (const SgView *view, char *const words[2], GError **error)
{
    const SgObjectView *subnet = sg_view_subnet (view, words[0], error);

    return subnet ? sg_view_device (view, subnet, words[1], error) : NULL;
}

const SgObjectView *
sg_view_at (const SgView *view, const char *path)
{
    return g_hash_table_lookup (view->by_path, path);
}

const SgObjectView *
sg_view_pinhole (const SgView *view, const SgObjectView *device, const char *protocol, guint port,
                 GError **error)
{
    for (guint i = 0; i < view->pinholes->len; i++) {
        const SgObjectView *pinhole = g_ptr_array_index (view->pinholes, i);

        if (strcmp (sg_view_string (pinhole->properties, "Device"), device->path) == 0 &&
            strcmp (pinhole->name, protocol) == 0 &&
            sg_view_port (pinhole->properties, "ExternalPort") == port)
            return pinhole;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                 "no pinhole %s %u of %s; sixgatectl pinhole list shows them", protocol, port,
                 device->name);
    return NULL;
}

const char *
sg_view_string (GVariant *properties, const char *name)
{
    const char *value = "";

    if (!g_variant_lookup (properties, name, "&s", &value))
        g_variant_lookup (properties, name, "&o", &value);
    return value;
}

bool
sg_view_flag (GVariant *properties, const char *name)
{
    gboolean value = FALSE;

    return g_variant_lookup (properties, name, "b", &value) && value;
}

guint
sg_view_port (GVariant *properties, const char *name)
{
    guint16 port = 0;

    g_variant_lookup (properties, name, "q", &port);
    return port;
}
