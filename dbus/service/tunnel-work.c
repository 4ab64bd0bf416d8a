/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel-work.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/tunnel-codec.h"
#include "core/tunnel-config.h"
#include "pass/files.h"
#include "tunnel-path.h"
#include "tunnel/tunnel-call.h"
#include "tunnel/tunnel-ops.h"
#include "tunnel/tunnel-profile.h"
#include "tunnel/unmanaged.h"

/* Words of a command: of the object, of the call. */
#define OBJECT_WORDS 4
#define WORDS_MAX (OBJECT_WORDS + SG_CALL_WORDS + 1)
/* Room for "65535:65535". */
#define PORTS_TEXT_MAX 12

static const struct {
    const char *interface, *member;
    SgTunnelCommandRun run;
} commands[] = {
    {SG_BUS_MANAGER, "AddSubnet", sg_tunnel_call_subnet_add},
    {SG_BUS_MANAGER, "ImportTunnel", sg_tunnel_call_restore},
    {SG_BUS_SUBNET, "SetName", sg_tunnel_call_subnet_set_name},
    {SG_BUS_SUBNET, "SetIPv6", sg_tunnel_call_subnet_set_ipv6},
    {SG_BUS_SUBNET, "ClearIPv6", sg_tunnel_call_subnet_clear_ipv6},
    {SG_BUS_SUBNET, "AddDevice", sg_tunnel_call_device_add},
    {SG_BUS_SUBNET, "Remove", sg_tunnel_call_subnet_remove},
    {SG_BUS_DEVICE, "SetName", sg_tunnel_call_device_set_name},
    {SG_BUS_DEVICE, "SetKind", sg_tunnel_call_device_set_kind},
    {SG_BUS_DEVICE, "SetAllowPinholes", sg_tunnel_call_device_allow_pinholes},
    {SG_BUS_DEVICE, "Remove", sg_tunnel_call_device_remove},
    {SG_BUS_DEVICE, "AddPinhole", sg_tunnel_call_pinhole_add},
    {SG_BUS_PINHOLE, "SetEnabled", sg_tunnel_call_pinhole_set_enabled},
    {SG_BUS_PINHOLE, "SetLabel", sg_tunnel_call_pinhole_label},
    {SG_BUS_PINHOLE, "Remove", sg_tunnel_call_pinhole_remove},
};

static SgTunnelCommandRun
find_command (const SgMethod *method)
{
    for (size_t i = 0; i < G_N_ELEMENTS (commands); i++) {
        if (strcmp (commands[i].interface, method->interface) == 0 &&
            strcmp (commands[i].member, method->member) == 0)
            return commands[i].run;
    }
    g_return_val_if_reached (NULL);
}

/* The words of a command, and the memory that they are in. */
typedef struct {
    const char *words[WORDS_MAX];
    guint n;
    char network[SG_PREFIX_TEXT_MAX], ip4[SG_PREFIX_TEXT_MAX], ports[PORTS_TEXT_MAX];
} Words;

static void
add_word (Words *words, const char *word)
{
    words->words[words->n++] = word;
}

/* Of the object: what it is below, and it. */
static void
name_object (const SgCall *call, Words *words)
{
    const char *path = sd_bus_message_get_path (call->message);
    SgPinholeId id = {0};
    bool is_pinhole = sg_pinhole_path_parse (path, &id);

    if (!is_pinhole && !sg_tunnel_path_parse (path, &id.device))
        return;
    add_word (words, sg_prefix_format (&id.device.network, words->network));
    if (id.device.ip4.family)
        add_word (words, sg_ip_format (&id.device.ip4, words->ip4));
    if (!is_pinhole)
        return;
    g_snprintf (words->ports, sizeof words->ports, "%u", id.external);
    add_word (words, sg_pinhole_protocol_to_string (id.protocol));
    add_word (words, words->ports);
}

/* Of the call. */
static void
name_arguments (const SgCall *call, Words *words)
{
    for (guint i = 0; i < SG_CALL_WORDS && call->words[i]; i++)
        add_word (words, call->words[i]);
    if (!call->options.external)
        return;
    g_snprintf (words->ports, sizeof words->ports, "%u:%u", call->options.external,
                call->options.internal);
    add_word (words, words->ports);
}

/* "" counts as not said. */
static const char *
said (const char *text)
{
    return text && *text ? text : NULL;
}

/* Runs the method's command on @request->tunnel. */
static SgTunnel *
run (const SgCall *call, SgTunnelCall *request, GError **error)
{
    Words words = {0};

    name_object (call, &words);
    name_arguments (call, &words);
    request->words = (char **) words.words;
    request->label = said (call->options.label);
    request->ip = said (call->options.address);
    request->kind = said (call->options.kind);
    request->public_key = said (call->options.public_key);
    request->allow_ula = call->options.allow_ula;
    return find_command (call->method) (request, error);
}

/* Both or none: the file first, it holds from then on. */
static bool
keep (const SgCall *call, const SgTunnelCall *request, const SgTunnel *next, uint32_t timeout_ms,
      GError **error)
{
    g_autoptr (GError) failure = NULL;

    if (!sg_tunnel_ops_save (request->config, call->tunnel, next, timeout_ms, error))
        return false;
    if (sg_tunnel_profile_save (request->config, call->tunnel, next, timeout_ms, error))
        return true;
    if (!sg_tunnel_ops_put_back (call->tunnel, &failure))
        g_prefix_error (error, "the change is kept (%s), but not followed: ", failure->message);
    return false;
}

/* AddSubnet answers no warnings: there they go to the journal. */
static void
declare_unmanaged (const SgCall *call, const SgTunnelCall *request, uint32_t timeout_ms)
{
    g_autoptr (GPtrArray) logged = g_ptr_array_new_with_free_func (g_free);
    bool answered = strcmp (call->method->member, "AddSubnet") != 0;

    sg_tunnel_declare_unmanaged (request->config, timeout_ms,
                                 answered ? request->warnings : logged);
    for (guint i = 0; i < logged->len; i++)
        sg_log_warning (g_ptr_array_index (logged, i));
}

GVariant *
sg_work_tunnel (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (SgConfig) config = sg_files_load_config (error);
    g_autoptr (SgTunnel) tunnel = config ? sg_tunnel_ops_open (error) : NULL;
    g_autoptr (SgTunnel) next = NULL;
    SgTunnelCall request = {.config = config, .tunnel = tunnel, .warnings = warnings};
    char text[SG_PREFIX_TEXT_MAX] = "";
    bool made;

    if (!tunnel || !(next = run (call, &request, error)))
        return NULL;
    made = !call->tunnel && !sg_tunnel_profile_exists (config, timeout_ms);
    if (!keep (call, &request, next, timeout_ms, error))
        return NULL;
    if (request.uses_wan)
        declare_unmanaged (call, &request, timeout_ms);
    if (request.added.ip4.family)
        sg_ip_format (&request.added.ip4, text);
    return g_variant_new ("(s@asb)", text,
                          g_variant_new_strv ((const char *const *) warnings->pdata, warnings->len),
                          made);
}

typedef struct {
    const SgTunnel *before, *now; /* before: NULL, there was no role */
    gboolean made;                /* the profile, for it */
} Change;

/* A profile that was there before the role is not ours to remove, whatever became of it. */
static bool
undo (const SgConfig *config, const Change *change, uint32_t timeout_ms, GError **error)
{
    if (change->before)
        return sg_tunnel_ops_save (config, change->now, change->before, timeout_ms, error) &&
               sg_tunnel_profile_save (config, change->now, change->before, timeout_ms, error);
    /* The profile first: without the state nobody knows it for the tunnel's. */
    return (!change->made || sg_tunnel_profile_remove (config, timeout_ms, error)) &&
           sg_tunnel_ops_put_back (/* before= */ NULL, error);
}

GVariant *
sg_work_undo_tunnel (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgConfig) config = sg_files_load_config (error);
    g_autoptr (SgTunnel) now = config ? sg_tunnel_ops_open (error) : NULL;

    Change change = {call->tunnel, now};

    g_variant_get_child (worked, 2, "b", &change.made);
    return now && undo (config, &change, timeout_ms, error) ? g_variant_new_boolean (true) : NULL;
}

GVariant *
sg_work_show_config (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    const char *path = sd_bus_message_get_path (call->message);
    g_autoptr (SgConfig) config = sg_files_load_config (error);
    g_autoptr (SgTunnel) tunnel = config ? sg_tunnel_ops_open (error) : NULL;
    const SgTunnelDevice *device = sg_tunnel_path_device (tunnel, path);
    SgTunnelDeviceId id;
    SgWgEndpoint endpoint;
    GVariant *answer;
    char *text;

    if (!tunnel || !sg_tunnel_ops_endpoint (config, said (call->words[0]), &endpoint, error))
        return NULL;
    if (!device || !sg_tunnel_path_parse (path, &id)) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "the device is gone");
        return NULL;
    }
    text =
        sg_tunnel_device_config (tunnel, sg_tunnel_find (tunnel, &id.network), device, &endpoint);
    answer = g_variant_new_string (text);
    sg_wg_text_free (text);
    return answer;
}

GVariant *
sg_work_export_tunnel (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgTunnel) tunnel = NULL;
    GVariant *answer;
    char *text;

    if (!sg_files_load_tunnel (&tunnel, error))
        return NULL;
    if (!tunnel)
        return g_variant_new_string ("");
    text = sg_tunnel_to_text (tunnel);
    answer = g_variant_new_string (text);
    sg_wg_text_free (text);
    return answer;
}
