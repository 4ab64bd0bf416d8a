/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-tunnel: subnets, devices and pinholes of the tunnel role, as a command. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/privileges.h"
#include "base/qr.h"
#include "command.h"
#include "pass/files.h"
#include "tunnel/tunnel-call.h"
#include "tunnel/tunnel-ops.h"
#include "tunnel/tunnel-profile.h"
#include "tunnel/unmanaged.h"

/* ---- subnets ---- */

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

/* ---- pinholes ---- */

static SgTunnel *
pinhole_list (SgTunnelCall *call, GError **error)
{
    SgTunnelDeviceId id;
    const SgTunnelDevice *device;

    if (!sg_tunnel_call_device (call, &id, error))
        return NULL;
    device = sg_tunnel_subnet_find (sg_tunnel_find (call->tunnel, &id.network), &id.ip4);
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);

        printf ("%s\t%u\t%u\t%s\t%s\n", sg_pinhole_protocol_to_string (pinhole->protocol),
                pinhole->external, pinhole->internal, pinhole->enabled ? "open" : "disabled",
                pinhole->label);
    }
    return NULL;
}

/* ---- the profile ---- */

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
    {"subnet", "add", 2, true, sg_tunnel_call_subnet_add},
    {"subnet", "remove", 1, true, sg_tunnel_call_subnet_remove},
    {"subnet", "set-name", 2, true, sg_tunnel_call_subnet_set_name},
    {"subnet", "set-ipv6", 2, true, sg_tunnel_call_subnet_set_ipv6},
    {"subnet", "clear-ipv6", 1, true, sg_tunnel_call_subnet_clear_ipv6},
    {"device", "list", 1, false, device_list},
    {"device", "add", 2, true, sg_tunnel_call_device_add},
    {"device", "show-config", 2, false, device_show_config},
    {"device", "remove", 2, true, sg_tunnel_call_device_remove},
    {"device", "set-name", 3, true, sg_tunnel_call_device_set_name},
    {"device", "set-kind", 3, true, sg_tunnel_call_device_set_kind},
    {"device", "allow-pinholes", 3, true, sg_tunnel_call_device_allow_pinholes},
    {"pinhole", "list", 2, false, pinhole_list},
    {"pinhole", "add", 4, true, sg_tunnel_call_pinhole_add},
    {"pinhole", "remove", 4, true, sg_tunnel_call_pinhole_remove},
    {"pinhole", "enable", 4, true, sg_tunnel_call_pinhole_enable},
    {"pinhole", "disable", 4, true, sg_tunnel_call_pinhole_disable},
    {"pinhole", "label", 5, true, sg_tunnel_call_pinhole_label},
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

/* The device got its addresses: both are said. */
static void
print_added (const SgTunnel *tunnel, const SgTunnelDeviceId *added)
{
    const SgTunnelSubnet *subnet = sg_tunnel_find (tunnel, &added->network);
    SgIp ip6 = sg_tunnel_device_ip6 (subnet, sg_tunnel_subnet_find (subnet, &added->ip4));
    char text4[SG_PREFIX_TEXT_MAX], text6[SG_PREFIX_TEXT_MAX];

    printf ("%s %s\n", sg_ip_format (&added->ip4, text4), sg_ip_format (&ip6, text6));
}

/* The state first: it holds from then on, whatever NetworkManager says. */
static bool
keep (const Command *command, SgTunnelCall *call, const SgTunnel *next, GError **error)
{
    bool restore = command->run == profile_restore;
    uint32_t timeout = MAX (call->config->nm_timeout_ms, SG_COMMAND_TIMEOUT_MIN_MS);

    if (!restore && !sg_tunnel_ops_save (call->config, call->tunnel, next, timeout, error))
        return false;
    if (call->added.ip4.family)
        print_added (next, &call->added);
    if (call->uses_wan)
        sg_tunnel_declare_unmanaged (call->config, timeout, call->warnings);
    if (restore ? sg_tunnel_profile_restore (call->config, next, timeout, error)
                : sg_tunnel_profile_save (call->config, call->tunnel, next, timeout, error))
        return true;
    g_prefix_error (
        error,
        "the change is kept, but NetworkManager's profile %s is not as it should be yet (the "
        "next run tries again, and so does `sixgate-tunnel profile restore`): ",
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
