/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-tunnel: subnets, devices and pinholes of the tunnel role, as a command. */
#include "tunnel.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/privileges.h"
#include "base/qr.h"
#include "command.h"
#include "core/tunnel-prefix.h"
#include "pass/files.h"
#include "tunnel/tunnel-ops.h"

/* ---- subnets ---- */

static SgTunnel *
subnet_add (SgTunnelCall *call, GError **error)
{
    SgPrefix network;

    return sg_prefix_parse (call->words[0], &network, error)
               ? sg_tunnel_add_subnet (call->tunnel, &network, call->words[1], error)
               : NULL;
}

static SgTunnel *
subnet_remove (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);

    return subnet ? sg_tunnel_remove_subnet (call->tunnel, &subnet->network, error) : NULL;
}

static SgTunnel *
subnet_set_name (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);

    return subnet ? sg_tunnel_rename_subnet (call->tunnel, &subnet->network, call->words[1], error)
                  : NULL;
}

static SgTunnel *
subnet_set_ipv6 (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    g_autoptr (SgSnapshot) snapshot = NULL;
    g_autoptr (GArray) taken = NULL;
    SgTunnelPrefixRequest request = {.allow_ula = call->allow_ula};

    if (!subnet || !sg_prefix_parse (call->words[1], &request.prefix, error) ||
        !sg_tunnel_prefix_check (&request.prefix, request.allow_ula, error) ||
        !(snapshot = sg_tunnel_ops_look (call->config, error)) ||
        !sg_tunnel_prefix_judge (&request.prefix, snapshot, call->config->tunnel_interface,
                                 call->warnings, error))
        return NULL;
    request.taken = taken = sg_tunnel_taken_find (snapshot, call->config->tunnel_interface);
    return sg_tunnel_set_prefix (call->tunnel, &subnet->network, &request, error);
}

static SgTunnel *
subnet_clear_ipv6 (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    const SgTunnelPrefixRequest none = {0};

    return subnet ? sg_tunnel_set_prefix (call->tunnel, &subnet->network, &none, error) : NULL;
}

static SgTunnel *
subnet_list (SgTunnelCall *call, GError **error)
{
    for (guint i = 0; i < call->tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (call->tunnel->subnets, i);
        char network[SG_PREFIX_TEXT_MAX], prefix[SG_PREFIX_TEXT_MAX];

        printf ("%s\t%s\t%u devices\t%s\n", sg_prefix_format (&subnet->network, network),
                sg_prefix_format (&subnet->prefix, prefix), subnet->devices->len, subnet->name);
    }
    return NULL;
}

/* ---- devices ---- */

bool
sg_tunnel_call_device (const SgTunnelCall *call, SgTunnelDeviceId *ret_id, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    const SgTunnelDevice *device =
        subnet ? sg_tunnel_subnet_named (subnet, call->words[1], error) : NULL;

    if (device)
        *ret_id = (SgTunnelDeviceId) {subnet->network, device->ip4};
    return device != NULL;
}

static bool
parse_kind (const char *text, SgTunnelKind *ret_kind, GError **error)
{
    if (sg_tunnel_kind_from_string (text, ret_kind))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "“%s” is no kind of device; it is client or server", text);
    return false;
}

static bool
fill_request (const SgTunnelCall *call, SgTunnelDeviceRequest *request, GError **error)
{
    if (call->ip && (!sg_ip_parse (call->ip, &request->ip4) || request->ip4.family != AF_INET)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is no IPv4 address; write it like 10.59.0.2", call->ip);
        return false;
    }
    return !call->kind || parse_kind (call->kind, &request->kind, error);
}

/* The device got its addresses: both are said. */
static void
print_addresses (const SgTunnel *tunnel, const SgPrefix *network, const SgIp *ip4)
{
    const SgTunnelSubnet *subnet = sg_tunnel_find (tunnel, network);
    SgIp ip6 = sg_tunnel_device_ip6 (subnet, sg_tunnel_subnet_find (subnet, ip4));
    char text4[SG_PREFIX_TEXT_MAX], text6[SG_PREFIX_TEXT_MAX];

    printf ("%s %s\n", sg_ip_format (ip4, text4), sg_ip_format (&ip6, text6));
}

static SgTunnel *
device_add (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    g_autoptr (SgSnapshot) snapshot = NULL;
    g_autoptr (GArray) taken = NULL;
    SgTunnelKeys keys = {0};
    SgTunnelDeviceRequest request = {.name = call->words[1], .keys = &keys};
    SgTunnel *next = NULL;
    SgIp got;

    if (!subnet || !fill_request (call, &request, error) ||
        !(snapshot = sg_tunnel_ops_look (call->config, error)) ||
        !sg_tunnel_ops_make_keys (call->public_key, &keys, error))
        return NULL;
    request.taken = taken = sg_tunnel_taken_find (snapshot, call->config->tunnel_interface);
    next = sg_tunnel_add_device (call->tunnel, &subnet->network, &request, &got, error);
    explicit_bzero (&keys, sizeof keys);
    if (next)
        print_addresses (next, &subnet->network, &got);
    return next;
}

static SgTunnel *
device_remove (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;

    return sg_tunnel_call_device (call, &id, error)
               ? sg_tunnel_remove_device (call->tunnel, &id, error)
               : NULL;
}

static SgTunnel *
device_set_name (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;

    return sg_tunnel_call_device (call, &id, error)
               ? sg_tunnel_rename_device (call->tunnel, &id, call->words[2], error)
               : NULL;
}

static SgTunnel *
device_set_kind (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    SgTunnelKind kind;

    return sg_tunnel_call_device (call, &id, error) && parse_kind (call->words[2], &kind, error)
               ? sg_tunnel_set_kind (call->tunnel, &id, kind, error)
               : NULL;
}

static SgTunnel *
device_allow_pinholes (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    bool yes = strcmp (call->words[2], "yes") == 0;

    if (!yes && strcmp (call->words[2], "no") != 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "say yes or no, not “%s”",
                     call->words[2]);
        return NULL;
    }
    return sg_tunnel_call_device (call, &id, error)
               ? sg_tunnel_allow_pinholes (call->tunnel, &id, yes, error)
               : NULL;
}

static void
print_devices (const SgTunnelSubnet *subnet)
{
    for (guint i = 0; i < subnet->devices->len; i++) {
        const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, i);
        SgIp ip6 = sg_tunnel_device_ip6 (subnet, device);
        char text4[SG_PREFIX_TEXT_MAX], text6[SG_PREFIX_TEXT_MAX];

        printf ("%s\t%s\t%s\t%s\n", sg_ip_format (&device->ip4, text4), sg_ip_format (&ip6, text6),
                sg_tunnel_kind_to_string (device->kind), device->name);
    }
}

static SgTunnel *
device_list (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);

    if (subnet)
        print_devices (subnet);
    return NULL;
}

/* Not by stdio, whose buffer would keep the keys. */
static void
print_secret (const char *text, GError **error)
{
    for (size_t done = 0, len = strlen (text); done < len;) {
        ssize_t n = write (STDOUT_FILENO, text + done, len - done);

        if (n <= 0) {
            g_set_error (error, SG_ERROR, SG_ERROR_FAILED, "cannot write the configuration out");
            return;
        }
        done += (size_t) n;
    }
}

static SgTunnel *
device_show_config (SgTunnelCall *call, GError **error)
{
    const SgTunnelSubnet *subnet = sg_tunnel_named (call->tunnel, call->words[0], error);
    const SgTunnelDevice *device =
        subnet ? sg_tunnel_subnet_named (subnet, call->words[1], error) : NULL;
    char *text, *drawn = NULL;
    SgWgEndpoint endpoint;

    if (!device || !sg_tunnel_ops_endpoint (call->config, call->endpoint, &endpoint, error))
        return NULL;
    text = sg_tunnel_device_config (call->tunnel, subnet, device, &endpoint);
    if (call->qr)
        drawn = sg_qr_draw (text, error);
    if (!call->qr || drawn)
        print_secret (call->qr ? drawn : text, error);
    sg_wg_text_free (drawn);
    sg_wg_text_free (text);
    return NULL;
}

/* The profile as it should be, whoever changed or deleted it. */
static SgTunnel *
profile_restore (SgTunnelCall *call, GError **error)
{
    return sg_tunnel_copy (call->tunnel);
}

/* ---- the line ---- */

typedef struct {
    const char *object, *verb;
    guint n_words;
    bool changes;
    SgTunnelCommandRun run;
} Command;

static const Command commands[] = {
    {"subnet", "list", 0, false, subnet_list},
    {"subnet", "add", 2, true, subnet_add},
    {"subnet", "remove", 1, true, subnet_remove},
    {"subnet", "set-name", 2, true, subnet_set_name},
    {"subnet", "set-ipv6", 2, true, subnet_set_ipv6},
    {"subnet", "clear-ipv6", 1, true, subnet_clear_ipv6},
    {"device", "list", 1, false, device_list},
    {"device", "add", 2, true, device_add},
    {"device", "show-config", 2, false, device_show_config},
    {"device", "remove", 2, true, device_remove},
    {"device", "set-name", 3, true, device_set_name},
    {"device", "set-kind", 3, true, device_set_kind},
    {"device", "allow-pinholes", 3, true, device_allow_pinholes},
    {"pinhole", "list", 2, false, sg_tunnel_pinhole_list},
    {"pinhole", "add", 4, true, sg_tunnel_pinhole_add},
    {"pinhole", "remove", 4, true, sg_tunnel_pinhole_remove},
    {"pinhole", "enable", 4, true, sg_tunnel_pinhole_enable},
    {"pinhole", "disable", 4, true, sg_tunnel_pinhole_disable},
    {"pinhole", "label", 5, true, sg_tunnel_pinhole_label},
    {"profile", "restore", 0, true, profile_restore},
};

static const char usage[] =
    "subnet list\n"
    "  sixgate-tunnel subnet add NETWORK NAME\n"
    "  sixgate-tunnel subnet remove|clear-ipv6 SUBNET\n"
    "  sixgate-tunnel subnet set-name SUBNET NAME\n"
    "  sixgate-tunnel subnet set-ipv6 SUBNET PREFIX [--allow-ula]\n"
    "  sixgate-tunnel device list SUBNET\n"
    "  sixgate-tunnel device add SUBNET NAME [--ip IPV4] [--kind client|server] [--public-key "
    "KEY]\n"
    "  sixgate-tunnel device show-config SUBNET DEVICE [--endpoint HOST[:PORT]] [--qr]\n"
    "  sixgate-tunnel device remove SUBNET DEVICE\n"
    "  sixgate-tunnel device set-name SUBNET DEVICE NAME\n"
    "  sixgate-tunnel device set-kind SUBNET DEVICE client|server\n"
    "  sixgate-tunnel device allow-pinholes SUBNET DEVICE yes|no\n"
    "  sixgate-tunnel pinhole list SUBNET DEVICE\n"
    "  sixgate-tunnel pinhole add SUBNET DEVICE tcp|udp PORT[-PORT][:INTERNAL] [--label TEXT]\n"
    "  sixgate-tunnel pinhole remove SUBNET DEVICE tcp|udp PORT[-PORT]\n"
    "  sixgate-tunnel pinhole enable|disable SUBNET DEVICE tcp|udp PORT\n"
    "  sixgate-tunnel pinhole label SUBNET DEVICE tcp|udp PORT TEXT\n"
    "  sixgate-tunnel profile restore\n"
    "\n"
    "The tunnel role: subnets and their devices. See sixgate-tunnel(8).";

static const Command *
parse (int *argc, char ***argv, SgTunnelCall *call, GError **error)
{
    const GOptionEntry entries[] = {
        {"ip", 0, 0, G_OPTION_ARG_STRING, &call->ip, "IPv4 address of the device", "IPV4"},
        {"kind", 0, 0, G_OPTION_ARG_STRING, &call->kind, "client (default) or server", "KIND"},
        {"public-key", 0, 0, G_OPTION_ARG_STRING, &call->public_key,
         "The device's own key; no private key is made", "KEY"},
        {"endpoint", 0, 0, G_OPTION_ARG_STRING, &call->endpoint, "How devices reach this machine",
         "HOST[:PORT]"},
        {"allow-ula", 0, 0, G_OPTION_ARG_NONE, &call->allow_ula,
         "Also a prefix that nobody on the Internet reaches", NULL},
        {"label", 0, 0, G_OPTION_ARG_STRING, &call->label, "What the pinhole is for", "TEXT"},
        {"qr", 0, 0, G_OPTION_ARG_NONE, &call->qr, "As a QR code, for phones", NULL},
        {NULL}};
    g_autoptr (GOptionContext) context = g_option_context_new (usage);

    g_option_context_add_main_entries (context, entries, NULL);
    if (!sg_command_parse (context, argc, argv, error))
        return NULL;
    for (size_t i = 0; *argc >= 3 && i < G_N_ELEMENTS (commands); i++) {
        const Command *command = &commands[i];

        call->words = *argv + 3;
        if (strcmp ((*argv)[1], command->object) == 0 && strcmp ((*argv)[2], command->verb) == 0 &&
            g_strv_length (call->words) == command->n_words)
            return command;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "this is no command of sixgate-tunnel; --help tells them");
    return NULL;
}

/* ---- the run ---- */

/* The state first: it holds from then on, whatever NetworkManager says. */
static bool
keep (const Command *command, SgTunnelCall *call, const SgTunnel *next, GError **error)
{
    bool restore = command->run == profile_restore;
    uint32_t timeout = MAX (call->config->nm_timeout_ms, SG_COMMAND_TIMEOUT_MIN_MS);

    if (!restore && !sg_tunnel_ops_save (next, error))
        return false;
    if (sg_tunnel_ops_save_profile (call->config, restore ? NULL : call->tunnel, next, timeout,
                                    error))
        return true;
    g_prefix_error (error,
                    "the change is kept, but NetworkManager's profile %s is not as it "
                    "should be (`sixgate-tunnel profile restore` tries again): ",
                    call->config->tunnel_interface);
    return false;
}

static bool
run_locked (const Command *command, SgTunnelCall *call, GError **error)
{
    int lock =
        sg_files_lock (MAX (call->config->lock_timeout_ms, SG_COMMAND_TIMEOUT_MIN_MS), error);
    g_autoptr (SgTunnel) next = NULL;
    g_autoptr (GError) problem = NULL;
    bool ok = lock >= 0 && (call->tunnel = sg_tunnel_ops_open (error));

    if (ok) {
        next = command->run (call, &problem);
        ok = !problem && (!next || keep (command, call, next, &problem));
        if (problem)
            g_propagate_error (error, g_steal_pointer (&problem));
    }
    if (lock >= 0)
        close (lock);
    return ok;
}

int
main (int argc, char **argv)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    GError *error = NULL;
    SgTunnelCall call = {.warnings = warnings};
    const Command *command;

    sg_command_begin ();
    command = parse (&argc, &argv, &call, &error);
    if (command && sg_privileges_drop (&error) && (call.config = sg_files_load_config (&error)))
        run_locked (command, &call, &error);
    g_clear_pointer (&call.tunnel, sg_tunnel_free);
    g_clear_pointer (&call.config, sg_config_free);
    return sg_command_end (error, command && command->changes, warnings);
}
