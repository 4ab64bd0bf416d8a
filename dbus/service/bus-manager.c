/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-manager.h"

#include <string.h>

#include "base/error.h"
#include "bus-gateway.h"
#include "bus-tunnel.h"
#include "changes.h"
#include "core/explain.h"
#include "exports.h"
#include "gateway-work.h"
#include "looks.h"
#include "nm/nm-variant.h"
#include "tunnel-work.h"

#define INTERFACE SG_BUS_MANAGER

/* ---- properties ---- */

static int
get_version (sd_bus *bus, const char *path, const char *interface, const char *property,
             sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    return sd_bus_message_append (reply, "s", SG_VERSION);
}

static int
get_outbound (sd_bus *bus, const char *path, const char *interface, const char *property,
              sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgService *service = data;

    return sd_bus_message_append (reply, "s", service->model->outbound);
}

static int
get_overrides (sd_bus *bus, const char *path, const char *interface, const char *property,
               sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgService *service = data;
    const GArray *overrides = service->model->overrides;
    int r = sd_bus_message_open_container (reply, 'a', "(ss)");

    for (guint i = 0; r >= 0 && i < overrides->len; i++) {
        const SgOverride *override = &g_array_index (overrides, SgOverride, i);
        char text[SG_PREFIX_TEXT_MAX];

        r = sd_bus_message_append (reply, "(ss)", sg_prefix_format (&override->prefix, text),
                                   override->interface);
    }
    return r < 0 ? r : sd_bus_message_close_container (reply);
}

static int
get_warnings (sd_bus *bus, const char *path, const char *interface, const char *property,
              sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgService *service = data;

    return sd_bus_message_append_strv (reply, (char **) service->model->warnings->pdata);
}

static int
get_tunnel_key (sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgTunnel *tunnel = ((const SgService *) data)->model->tunnel;
    g_autofree char *key = tunnel ? g_base64_encode (tunnel->server.public_key.bytes,
                                                     sizeof tunnel->server.public_key.bytes)
                                  : g_strdup ("");

    return sd_bus_message_append (reply, "s", key);
}

static int
get_tunnel_port (sd_bus *bus, const char *path, const char *interface, const char *property,
                 sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgService *service = data;

    return sd_bus_message_append (reply, "q", service->model->port);
}

static int
get_tunnel_endpoint (sd_bus *bus, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgService *service = data;

    return sd_bus_message_append (reply, "s", service->model->endpoint);
}

/* ---- arguments ---- */

static bool
read_words (SgCall *call, GError **error)
{
    return sg_call_understood (
        sd_bus_message_read (call->message, "ss", &call->words[0], &call->words[1]), error);
}

/* ---- looking ---- */

static void
answer_plan (SgCall *call, SgPass *pass)
{
    g_autofree char *text = sg_plan_to_string (pass->plan, pass->snapshot);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    size_t n = g_strv_length (lines);

    /* What stands behind the last newline. */
    if (n > 0 && !*lines[n - 1])
        g_clear_pointer (&lines[n - 1], g_free);
    sg_call_reply_strv (call, lines);
}

static void
run_plan (SgCall *call)
{
    sg_looks_ask (call->service->looks, call, answer_plan);
}

static void
answer_explain (SgCall *call, SgPass *pass)
{
    const SgExplainRequest request = {call->words[0], call->options.from, call->options.in,
                                      call->options.mark};
    const SgExplainNames names = {pass->snapshot, pass->wanted->gateways, pass->state->outbound};
    g_autoptr (SgExplanation) explanation = NULL;
    g_autoptr (GVariant) fields = NULL;
    g_autoptr (sd_bus_message) reply = NULL;
    g_autoptr (GError) error = NULL;
    SgFlow flow;
    int r;

    if (!sg_explain_parse (&request, pass->snapshot, &flow, &error)) {
        sg_call_fail (call, error);
        return;
    }
    explanation = sg_explain (pass->snapshot, &flow);
    fields = g_variant_ref_sink (sg_explanation_fields (explanation, &names));
    r = sd_bus_message_new_method_return (call->message, &reply);
    if (r >= 0)
        r = sg_nm_append_variant (reply, fields);
    sg_call_send (call, reply, r);
}

static bool
read_explain (SgCall *call, GError **error)
{
    static const SgCallOption options[] = {
        {"from", "s", offsetof (SgCallOptions, from)},
        {"in", "s", offsetof (SgCallOptions, in)},
        {"mark", "u", offsetof (SgCallOptions, mark)},
        {NULL},
    };

    return sg_call_read_word (call, error) && sg_call_read_options (call, options, error);
}

static void
run_explain (SgCall *call)
{
    sg_looks_ask (call->service->looks, call, answer_explain);
}

/* ---- gateways by file ---- */

static bool
read_import (SgCall *call, GError **error)
{
    static const SgCallOption options[] = {
        {"interface", "s", offsetof (SgCallOptions, interface)},
        {"outbound", "b", offsetof (SgCallOptions, outbound)},
        {"type", "s", offsetof (SgCallOptions, type)},
        {NULL},
    };

    return sg_call_understood (sd_bus_message_sensitive (call->message), error) &&
           read_words (call, error) && sg_call_read_options (call, options, error);
}

static bool
choose_imported (const SgCall *call, SgState *state, const SgOutcome *outcome,
                 const SgSnapshot *snapshot, GError **error)
{
    const char *interface;

    g_variant_get_child (outcome->worked, 0, "&s", &interface);
    return sg_state_select (state, snapshot, interface, error);
}

static void
answer_imported (SgCall *call, const SgOutcome *outcome)
{
    const char *interface, *uuid;
    g_autofree const char **warnings = NULL;
    g_autofree char *path = NULL;
    g_autoptr (sd_bus_message) reply = NULL;
    int r;

    g_variant_get (outcome->worked, SG_WORK_IMPORTED, &interface, &uuid, &warnings);
    path = sg_bus_gateway_path (interface);
    r = sd_bus_message_new_method_return (call->message, &reply);
    if (r >= 0)
        r = sd_bus_message_append (reply, "os", path, uuid);
    if (r >= 0)
        r = sd_bus_message_append_strv (reply, (char **) warnings);
    sg_call_send (call, reply, r);
}

static void
run_import (SgCall *call)
{
    static const SgChange import = {
        .work = sg_work_import, .answer = answer_imported, .undo = sg_work_undo_import};
    static const SgChange import_and_select = {.work = sg_work_import,
                                               .choose = choose_imported,
                                               .answer = answer_imported,
                                               .undo = sg_work_undo_import};

    sg_changes_make (call->service->changes, call,
                     call->options.outbound ? &import_and_select : &import);
}

/* ---- the tunnel role as a whole ---- */

static void
run_export_tunnel (SgCall *call)
{
    sg_export (call, sg_work_export_tunnel);
}

static bool
read_import_tunnel (SgCall *call, GError **error)
{
    return sg_call_understood (sd_bus_message_sensitive (call->message), error) &&
           sg_call_read_word (call, error);
}

/* ---- choices ---- */

static void
answer_changed (SgCall *call, const SgOutcome *outcome)
{
    sg_call_reply (call, NULL);
}

static void
answer_written (SgCall *call, const SgOutcome *outcome)
{
    sg_call_reply (call, "u", outcome->written);
}

static bool
choose_outbound (const SgCall *call, SgState *state, const SgOutcome *outcome,
                 const SgSnapshot *snapshot, GError **error)
{
    return sg_state_select (state, snapshot, call->words[0], error);
}

static bool
choose_override (const SgCall *call, SgState *state, const SgOutcome *outcome,
                 const SgSnapshot *snapshot, GError **error)
{
    return sg_config_routes (call->service->config, call->words[0], error) &&
           sg_state_add_override (state, snapshot, call->words[0], call->words[1], error);
}

static bool
choose_no_override (const SgCall *call, SgState *state, const SgOutcome *outcome,
                    const SgSnapshot *snapshot, GError **error)
{
    return sg_state_remove_override (state, call->words[0], error);
}

static void
run_set_default_outbound (SgCall *call)
{
    static const SgChange change = {.choose = choose_outbound, .answer = answer_changed};

    sg_changes_make (call->service->changes, call, &change);
}

static void
run_add_override (SgCall *call)
{
    static const SgChange change = {.choose = choose_override, .answer = answer_changed};

    sg_changes_make (call->service->changes, call, &change);
}

static void
run_remove_override (SgCall *call)
{
    static const SgChange change = {.choose = choose_no_override, .answer = answer_changed};

    sg_changes_make (call->service->changes, call, &change);
}

static void
run_reconcile (SgCall *call)
{
    static const SgChange change = {.answer = answer_written};

    sg_changes_make (call->service->changes, call, &change);
}

/* ---- subscribers ---- */

static void
run_subscribe (SgCall *call)
{
    call->caller->subscribed = true;
    sg_call_reply (call, NULL);
}

static void
run_unsubscribe (SgCall *call)
{
    if (!call->caller->subscribed) {
        sg_call_fail_with (call, SG_ERROR_NOT_FOUND, "this caller is not subscribed");
        return;
    }
    call->caller->subscribed = false;
    sg_call_reply (call, NULL);
}

/* ---- the tables ---- */

const SgMethod sg_bus_manager_methods[] = {
    {INTERFACE, "ImportGateway", SG_RIGHT_MANAGE, false, read_import, run_import},
    {INTERFACE, "SetDefaultOutbound", SG_RIGHT_MANAGE, true, sg_call_read_word,
     run_set_default_outbound},
    {INTERFACE, "AddOverride", SG_RIGHT_MANAGE, true, read_words, run_add_override},
    {INTERFACE, "RemoveOverride", SG_RIGHT_MANAGE, true, sg_call_read_word, run_remove_override},
    {INTERFACE, "Reconcile", SG_RIGHT_MANAGE, false, NULL, run_reconcile},
    {INTERFACE, "Plan", SG_RIGHT_NONE, false, NULL, run_plan},
    {INTERFACE, "Explain", SG_RIGHT_NONE, false, read_explain, run_explain},
    {INTERFACE, "AddSubnet", SG_RIGHT_MANAGE, false, read_words, sg_bus_tunnel_run_add},
    {INTERFACE, "ExportTunnel", SG_RIGHT_READ_SECRETS, false, NULL, run_export_tunnel},
    {INTERFACE, "ImportTunnel", SG_RIGHT_MANAGE, false, read_import_tunnel,
     sg_bus_tunnel_run_warned},
    {INTERFACE, "ReadPeers", SG_RIGHT_READ_PEERS, false, NULL, sg_bus_device_run_read_peers},
    {INTERFACE, "Subscribe", SG_RIGHT_NONE, false, NULL, run_subscribe},
    {INTERFACE, "Unsubscribe", SG_RIGHT_NONE, false, NULL, run_unsubscribe},
    {NULL},
};

#define PROPERTY(name, type, get)                                                                  \
    SD_BUS_PROPERTY (name, type, get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

/* As in data/org.sixgate.Sixgate1.xml. */
static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START (0),
    SD_BUS_METHOD_WITH_ARGS ("ImportGateway",
                             SD_BUS_ARGS ("s", name, "s", config, "a{sv}", options),
                             SD_BUS_RESULT ("o", gateway, "s", uuid, "as", warnings),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetDefaultOutbound", SD_BUS_ARGS ("s", interface), SD_BUS_NO_RESULT,
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("AddOverride", SD_BUS_ARGS ("s", prefix, "s", interface),
                             SD_BUS_NO_RESULT, sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("RemoveOverride", SD_BUS_ARGS ("s", prefix), SD_BUS_NO_RESULT,
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Reconcile", SD_BUS_NO_ARGS, SD_BUS_RESULT ("u", changes),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Plan", SD_BUS_NO_ARGS, SD_BUS_RESULT ("as", actions),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Explain", SD_BUS_ARGS ("s", destination, "a{sv}", options),
                             SD_BUS_RESULT ("a{sv}", explanation), sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("AddSubnet", SD_BUS_ARGS ("s", network, "s", name),
                             SD_BUS_RESULT ("o", subnet), sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("ExportTunnel", SD_BUS_NO_ARGS, SD_BUS_RESULT ("s", state),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("ImportTunnel", SD_BUS_ARGS ("s", state),
                             SD_BUS_RESULT ("as", warnings), sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("ReadPeers", SD_BUS_NO_ARGS, SD_BUS_RESULT ("a(ossttt)", peers),
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Subscribe", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Unsubscribe", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY ("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("DefaultOutbound", "s", get_outbound),
    PROPERTY ("Overrides", "a(ss)", get_overrides),
    PROPERTY ("Warnings", "as", get_warnings),
    PROPERTY ("TunnelPublicKey", "s", get_tunnel_key),
    PROPERTY ("TunnelPort", "q", get_tunnel_port),
    PROPERTY ("TunnelEndpoint", "s", get_tunnel_endpoint),
    SD_BUS_VTABLE_END,
};

int
sg_bus_manager_add (SgService *service)
{
    return sd_bus_add_object_vtable (service->bus, NULL, SG_BUS_PATH, INTERFACE, vtable, service);
}

/* ---- signals ---- */

static bool
same_overrides (const GArray *a, const GArray *b)
{
    for (guint i = 0; a->len == b->len && i < a->len; i++) {
        const SgOverride *first = &g_array_index (a, SgOverride, i);
        const SgOverride *second = &g_array_index (b, SgOverride, i);

        if (sg_prefix_compare (&first->prefix, &second->prefix) != 0 ||
            strcmp (first->interface, second->interface) != 0)
            return false;
    }
    return a->len == b->len;
}

static bool
same_server (const SgTunnel *a, const SgTunnel *b)
{
    return (!a && !b) || (a && b && sg_wg_key_equal (&a->server.public_key, &b->server.public_key));
}

void
sg_bus_manager_signal (SgService *service, const SgModel *old)
{
    const SgModel *model = service->model;
    const char *names[7] = {NULL};
    size_t n = 0;

    if (strcmp (model->outbound, old->outbound) != 0)
        names[n++] = "DefaultOutbound";
    if (!same_overrides (model->overrides, old->overrides))
        names[n++] = "Overrides";
    if (!g_strv_equal ((const char *const *) model->warnings->pdata,
                       (const char *const *) old->warnings->pdata))
        names[n++] = "Warnings";
    if (!same_server (model->tunnel, old->tunnel))
        names[n++] = "TunnelPublicKey";
    if (model->port != old->port)
        names[n++] = "TunnelPort";
    if (strcmp (model->endpoint, old->endpoint) != 0)
        names[n++] = "TunnelEndpoint";
    if (n > 0)
        (void) sd_bus_emit_properties_changed_strv (service->bus, SG_BUS_PATH, INTERFACE,
                                                    (char **) names);
}
