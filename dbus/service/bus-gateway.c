/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-gateway.h"

#include <string.h>

#include "base/error.h"
#include "changes.h"
#include "exports.h"
#include "gateway-work.h"

#define INTERFACE SG_BUS_GATEWAY

/* ---- paths ---- */

char *
sg_bus_gateway_path (const char *name)
{
    char *path = NULL, *copy;

    if (sd_bus_path_encode (SG_BUS_GATEWAYS, name, &path) < 0)
        return NULL;
    copy = g_strdup (path);
    free (path);
    return copy;
}

char *
sg_bus_gateway_name (const char *path)
{
    char *name = NULL, *copy;

    if (sd_bus_path_decode (path, SG_BUS_GATEWAYS, &name) <= 0)
        return NULL;
    copy = g_strdup (name);
    free (name);
    return copy;
}

static const SgModelGateway *
gateway_at (const SgService *service, const char *path)
{
    g_autofree char *name = sg_bus_gateway_name (path);

    return name ? sg_model_gateway (service->model, name) : NULL;
}

static int
find (sd_bus *bus, const char *path, const char *interface, void *data, void **ret_found,
      sd_bus_error *ret_error)
{
    if (!gateway_at (data, path))
        return 0;
    *ret_found = data;
    return 1;
}

static int
enumerate (sd_bus *bus, const char *prefix, void *data, char ***ret_nodes, sd_bus_error *ret_error)
{
    const SgService *service = data;
    const GPtrArray *gateways = service->model->gateways;
    /* sd-bus frees it with free(3), which is what g_free() is (GLib 2.46). */
    char **nodes = g_new0 (char *, gateways->len + 1);

    for (guint i = 0; i < gateways->len; i++) {
        const SgModelGateway *gateway = g_ptr_array_index (gateways, i);

        nodes[i] = sg_bus_gateway_path (gateway->name);
    }
    *ret_nodes = nodes;
    return 1;
}

/* ---- properties ---- */

static int
append_text (sd_bus_message *reply, const SgModelGateway *gateway, size_t offset)
{
    return sd_bus_message_append (reply, "s", *(char *const *) ((const char *) gateway + offset));
}

static int
append_number (sd_bus_message *reply, const SgModelGateway *gateway, size_t offset)
{
    return sd_bus_message_append (
        reply, "u", *(const uint32_t *) (const void *) ((const char *) gateway + offset));
}

static int
append_flag (sd_bus_message *reply, const SgModelGateway *gateway, size_t offset)
{
    return sd_bus_message_append (reply, "b", *(const bool *) ((const char *) gateway + offset));
}

static int
append_name (sd_bus_message *reply, const SgModelGateway *gateway, size_t offset)
{
    return sd_bus_message_append (reply, "s", gateway->name);
}

static int
append_addresses (sd_bus_message *reply, const SgModelGateway *gateway, size_t offset)
{
    return sd_bus_message_append_strv (reply, (char **) gateway->addresses->pdata);
}

/* Where each is in SgModelGateway, and how it is said. */
static const struct {
    const char *name;
    int (*append) (sd_bus_message *reply, const SgModelGateway *gateway, size_t offset);
    size_t offset;
} properties[] = {
    {"Interface", append_name, 0},
    {"Index", append_number, offsetof (SgModelGateway, index)},
    {"Table", append_number, offsetof (SgModelGateway, table)},
    {"Mark", append_number, offsetof (SgModelGateway, mark)},
    {"Kind", append_text, offsetof (SgModelGateway, kind)},
    {"Type", append_text, offsetof (SgModelGateway, type)},
    {"Uuid", append_text, offsetof (SgModelGateway, uuid)},
    {"Active", append_flag, offsetof (SgModelGateway, active)},
    {"CanCarryIPv6", append_flag, offsetof (SgModelGateway, capable)},
    {"Reason", append_text, offsetof (SgModelGateway, reason)},
    {"Addresses", append_addresses, 0},
    {"Selected", append_flag, offsetof (SgModelGateway, selected)},
};

static int
get_property (sd_bus *bus, const char *path, const char *interface, const char *property,
              sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgModelGateway *gateway = gateway_at (data, path);

    for (size_t i = 0; gateway && i < G_N_ELEMENTS (properties); i++) {
        if (strcmp (properties[i].name, property) == 0)
            return properties[i].append (reply, gateway, properties[i].offset);
    }
    return sd_bus_error_setf (ret_error, sg_error_dbus_name (SG_ERROR_NOT_FOUND),
                              "the gateway is gone");
}

/* ---- methods ---- */

/* Whether the object is a WireGuard gateway; others have no file. */
static bool
check_wireguard (SgCall *call, GError **error)
{
    const SgModelGateway *gateway = sg_model_gateway (call->service->model, call->gateway);

    if (!gateway)
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "there is no gateway %s any more",
                     call->gateway);
    else if (strcmp (gateway->kind, "wireguard") != 0)
        g_set_error (error, SG_ERROR, SG_ERROR_UNSUPPORTED,
                     "%s is no WireGuard gateway; its profile is NetworkManager's alone",
                     call->gateway);
    return gateway && strcmp (gateway->kind, "wireguard") == 0;
}

static bool
read_update (SgCall *call, GError **error)
{
    return check_wireguard (call, error) &&
           sg_call_understood (sd_bus_message_sensitive (call->message), error) &&
           sg_call_understood (sd_bus_message_read (call->message, "s", &call->words[0]), error);
}

static bool
read_set_type (SgCall *call, GError **error)
{
    if (!check_wireguard (call, error) ||
        !sg_call_understood (sd_bus_message_read (call->message, "s", &call->words[0]), error))
        return false;
    /* The word for the type is static. */
    call->words[1] = sg_model_gateway (call->service->model, call->gateway)->type;
    return true;
}

static void
answer_done (SgCall *call, const SgOutcome *outcome)
{
    sg_call_reply (call, NULL);
}

static void
answer_updated (SgCall *call, const SgOutcome *outcome)
{
    const char *before;
    g_autofree const char **warnings = NULL;

    g_variant_get (outcome->worked, SG_WORK_UPDATED, &before, &warnings);
    sg_call_reply_strv (call, (char **) warnings);
}

static void
run_update (SgCall *call)
{
    static const SgChange change = {
        .work = sg_work_update, .answer = answer_updated, .undo = sg_work_undo_update};

    sg_changes_make (call->service->changes, call, &change);
}

static void
run_set_type (SgCall *call)
{
    static const SgChange change = {
        .work = sg_work_set_type, .answer = answer_done, .undo = sg_work_undo_set_type};

    sg_changes_make (call->service->changes, call, &change);
}

static void
run_remove (SgCall *call)
{
    static const SgChange change = {.work = sg_work_remove, .answer = answer_done};

    sg_changes_make (call->service->changes, call, &change);
}

static void
run_export (SgCall *call)
{
    sg_export (call, sg_work_export);
}

const SgMethod sg_bus_gateway_methods[] = {
    {INTERFACE, "Update", SG_RIGHT_MANAGE, true, read_update, run_update},
    {INTERFACE, "Export", SG_RIGHT_READ_SECRETS, false, check_wireguard, run_export},
    {INTERFACE, "SetType", SG_RIGHT_MANAGE, true, read_set_type, run_set_type},
    {INTERFACE, "Remove", SG_RIGHT_MANAGE, true, check_wireguard, run_remove},
    {NULL},
};

#define PROPERTY(name, type)                                                                       \
    SD_BUS_PROPERTY (name, type, get_property, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* As in data/org.sixgate.Sixgate1.xml. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START (0),
    SD_BUS_METHOD_WITH_ARGS ("Update", SD_BUS_ARGS ("s", config), SD_BUS_RESULT ("as", warnings),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Export", SD_BUS_NO_ARGS, SD_BUS_RESULT ("s", config),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetType", SD_BUS_ARGS ("s", type), SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Remove", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY ("Interface", "s", get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("Index", "u"),
    PROPERTY ("Table", "u"),
    PROPERTY ("Mark", "u"),
    PROPERTY ("Kind", "s"),
    PROPERTY ("Type", "s"),
    PROPERTY ("Uuid", "s"),
    PROPERTY ("Active", "b"),
    PROPERTY ("CanCarryIPv6", "b"),
    PROPERTY ("Reason", "s"),
    PROPERTY ("Addresses", "as"),
    PROPERTY ("Selected", "b"),
    SD_BUS_VTABLE_END,
};

int
sg_bus_gateway_add (SgService *service)
{
    int r = sd_bus_add_fallback_vtable (service->bus, NULL, SG_BUS_GATEWAYS, INTERFACE, vtable,
                                        find, service);

    if (r >= 0)
        r = sd_bus_add_node_enumerator (service->bus, NULL, SG_BUS_GATEWAYS, enumerate, service);
    return r;
}

/* ---- signals ---- */

static bool
same_addresses (const GPtrArray *a, const GPtrArray *b)
{
    return g_strv_equal ((const char *const *) a->pdata, (const char *const *) b->pdata);
}

static void
signal_properties (SgService *service, const SgModelGateway *a, const SgModelGateway *b)
{
    const struct {
        const char *name;
        bool changed;
    } rows[] = {
        {"Index", a->index != b->index},
        {"Table", a->table != b->table},
        {"Mark", a->mark != b->mark},
        {"Kind", strcmp (a->kind, b->kind) != 0},
        {"Type", strcmp (a->type, b->type) != 0},
        {"Uuid", strcmp (a->uuid, b->uuid) != 0},
        {"Active", a->active != b->active},
        {"CanCarryIPv6", a->capable != b->capable},
        {"Reason", strcmp (a->reason, b->reason) != 0},
        {"Addresses", !same_addresses (a->addresses, b->addresses)},
        {"Selected", a->selected != b->selected},
    };
    g_autofree char *path = sg_bus_gateway_path (b->name);
    const char *names[G_N_ELEMENTS (rows) + 1] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        if (rows[i].changed)
            names[n++] = rows[i].name;
    }
    if (n > 0)
        (void) sd_bus_emit_properties_changed_strv (service->bus, path, INTERFACE, (char **) names);
}

void
sg_bus_gateway_signal (SgService *service, const SgModel *old)
{
    const GPtrArray *gateways = service->model->gateways;

    for (guint i = 0; i < gateways->len; i++) {
        const SgModelGateway *gateway = g_ptr_array_index (gateways, i);
        const SgModelGateway *before = sg_model_gateway (old, gateway->name);
        g_autofree char *path = sg_bus_gateway_path (gateway->name);

        if (before)
            signal_properties (service, before, gateway);
        else
            (void) sd_bus_emit_interfaces_added (service->bus, path, INTERFACE, NULL);
    }
}

void
sg_bus_gateway_signal_gone (SgService *service, const SgModel *next)
{
    const GPtrArray *gateways = service->model->gateways;

    for (guint i = 0; i < gateways->len; i++) {
        const SgModelGateway *gateway = g_ptr_array_index (gateways, i);
        g_autofree char *path = sg_bus_gateway_path (gateway->name);

        if (!sg_model_gateway (next, gateway->name))
            (void) sd_bus_emit_interfaces_removed (service->bus, path, INTERFACE, NULL);
    }
}
