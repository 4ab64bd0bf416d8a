/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-tunnel.h"

#include <string.h>

#include "base/error.h"
#include "changes.h"
#include "core/tunnel-addresses.h"
#include "tunnel-path.h"
#include "tunnel-work.h"

/* ---- objects ---- */

static int
find_subnet (sd_bus *bus, const char *path, const char *interface, void *data, void **ret_found,
             sd_bus_error *ret_error)
{
    const SgService *service = data;

    *ret_found = data;
    return sg_tunnel_path_subnet (service->model->tunnel, path) != NULL;
}

static int
find_device (sd_bus *bus, const char *path, const char *interface, void *data, void **ret_found,
             sd_bus_error *ret_error)
{
    const SgService *service = data;

    *ret_found = data;
    return sg_tunnel_path_device (service->model->tunnel, path) != NULL;
}

static int
find_pinhole (sd_bus *bus, const char *path, const char *interface, void *data, void **ret_found,
              sd_bus_error *ret_error)
{
    const SgModel *model = ((const SgService *) data)->model;
    SgPinholeId id;

    *ret_found = data;
    return sg_tunnel_path_pinhole (model->tunnel, path) ||
           (sg_pinhole_path_parse (path, &id) && sg_opened_find (model->opened, &id));
}

static char *
pinhole_path (const SgTunnelSubnet *subnet, const SgTunnelDevice *device, const SgPinhole *pinhole)
{
    const SgPinholeId id = {{subnet->network, device->ip4}, pinhole->protocol, pinhole->external};

    return sg_pinhole_path (&id);
}

/* A device, and what is below it. */
static void
enumerate_device (GPtrArray *nodes, const SgTunnelSubnet *subnet, const SgTunnelDevice *device)
{
    g_ptr_array_add (nodes, sg_tunnel_path (&subnet->network, &device->ip4));
    for (guint i = 0; i < device->pinholes->len; i++)
        g_ptr_array_add (nodes,
                         pinhole_path (subnet, device, g_ptr_array_index (device->pinholes, i)));
}

static int
enumerate (sd_bus *bus, const char *prefix, void *data, char ***ret_nodes, sd_bus_error *ret_error)
{
    const SgModel *model = ((const SgService *) data)->model;
    const SgTunnel *tunnel = model->tunnel;
    GPtrArray *nodes = g_ptr_array_new ();

    for (guint i = 0; tunnel && i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        g_ptr_array_add (nodes, sg_tunnel_path (&subnet->network, NULL));
        for (guint k = 0; k < subnet->devices->len; k++)
            enumerate_device (nodes, subnet, g_ptr_array_index (subnet->devices, k));
    }
    for (guint i = 0; i < model->opened->len; i++)
        g_ptr_array_add (nodes, sg_pinhole_path (&g_array_index (model->opened, SgOpened, i).id));
    g_ptr_array_add (nodes, NULL);
    /* sd-bus frees it with free(3), which is what g_free() is (GLib 2.46). */
    *ret_nodes = (char **) g_ptr_array_free (nodes, /* free_seg= */ FALSE);
    return 1;
}

int
sg_bus_tunnel_add (SgService *service)
{
    int r = sd_bus_add_fallback_vtable (service->bus, NULL, SG_BUS_SUBNETS, SG_BUS_SUBNET,
                                        sg_bus_subnet_vtable, find_subnet, service);

    if (r >= 0)
        r = sd_bus_add_fallback_vtable (service->bus, NULL, SG_BUS_SUBNETS, SG_BUS_DEVICE,
                                        sg_bus_device_vtable, find_device, service);
    if (r >= 0)
        r = sd_bus_add_fallback_vtable (service->bus, NULL, SG_BUS_SUBNETS, SG_BUS_PINHOLE,
                                        sg_bus_pinhole_vtable, find_pinhole, service);
    if (r >= 0)
        r = sd_bus_add_node_enumerator (service->bus, NULL, SG_BUS_SUBNETS, enumerate, service);
    return r;
}

/* ---- changes ---- */

static void
answer_done (SgCall *call, const SgOutcome *outcome)
{
    sg_call_reply (call, NULL);
}

/* The path of what @call made: a pinhole by its port, a device by the address that it got (@ip4), a subnet
 * by its network. NULL: none can be told. */
static char *
path_of_added (const SgCall *call, const char *ip4)
{
    const char *above = sd_bus_message_get_path (call->message);
    SgPinholeId id = {.external = call->options.external};

    if (id.external)
        return sg_pinhole_protocol_from_string (call->words[0], &id.protocol) &&
                       sg_tunnel_path_parse (above, &id.device)
                   ? sg_pinhole_path (&id)
                   : NULL;
    if (*ip4 && sg_tunnel_path_parse (above, &id.device) && sg_ip_parse (ip4, &id.device.ip4))
        return sg_tunnel_path (&id.device.network, &id.device.ip4);
    return sg_prefix_parse (call->words[0], &id.device.network, NULL)
               ? sg_tunnel_path (&id.device.network, NULL)
               : NULL;
}

static void
answer_added (SgCall *call, const SgOutcome *outcome)
{
    g_autofree char *path = NULL;
    const char *ip4;

    g_variant_get_child (outcome->worked, 0, "&s", &ip4);
    path = path_of_added (call, ip4);
    sg_call_reply (call, "o", path ? path : SG_BUS_PATH);
}

static void
answer_warned (SgCall *call, const SgOutcome *outcome)
{
    const char *ip4;
    g_autofree const char **warnings = NULL;

    g_variant_get (outcome->worked, SG_WORK_TUNNEL, &ip4, &warnings, NULL);
    sg_call_reply_strv (call, (char **) warnings);
}

void
sg_bus_tunnel_run (SgCall *call)
{
    static const SgChange change = {
        .work = sg_work_tunnel, .answer = answer_done, .tunnel = true, .undo = sg_work_undo_tunnel};

    sg_changes_make (call->service->changes, call, &change);
}

void
sg_bus_tunnel_run_add (SgCall *call)
{
    static const SgChange change = {.work = sg_work_tunnel,
                                    .answer = answer_added,
                                    .tunnel = true,
                                    .undo = sg_work_undo_tunnel};

    sg_changes_make (call->service->changes, call, &change);
}

void
sg_bus_tunnel_run_warned (SgCall *call)
{
    static const SgChange change = {.work = sg_work_tunnel,
                                    .answer = answer_warned,
                                    .tunnel = true,
                                    .undo = sg_work_undo_tunnel};

    sg_changes_make (call->service->changes, call, &change);
}

/* ---- signals ---- */

/* Names of at most four properties that changed. */
typedef struct {
    const char *names[5];
    size_t n;
} Changed;

static void
note (Changed *changed, const char *name, bool differs)
{
    if (differs)
        changed->names[changed->n++] = name;
}

static void
emit (SgService *service, const char *path, const char *interface, Changed *changed)
{
    if (changed->n > 0)
        (void) sd_bus_emit_properties_changed_strv (service->bus, path, interface,
                                                    (char **) changed->names);
}

static void
signal_subnet (SgService *service, const SgTunnelSubnet *subnet, const SgTunnelSubnet *before)
{
    g_autofree char *path = sg_tunnel_path (&subnet->network, NULL);
    Changed changed = {0};

    if (!before) {
        (void) sd_bus_emit_interfaces_added (service->bus, path, SG_BUS_SUBNET, NULL);
        return;
    }
    note (&changed, "Name", strcmp (subnet->name, before->name) != 0);
    if (sg_prefix_compare (&subnet->prefix, &before->prefix) != 0) {
        note (&changed, "IPv6Prefix", true);
        note (&changed, "ServerAddress6", true);
    }
    emit (service, path, SG_BUS_SUBNET, &changed);
}

/* Those that @device has, other than in @before (may be NULL). */
static void
signal_pinholes (SgService *service, const SgTunnelSubnet *subnet, const SgTunnelDevice *device,
                 const SgTunnelDevice *before)
{
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);
        const SgPinhole *old =
            before ? sg_tunnel_device_find (before, pinhole->protocol, pinhole->external) : NULL;
        g_autofree char *path = pinhole_path (subnet, device, pinhole);
        Changed changed = {0};

        if (!old) {
            (void) sd_bus_emit_interfaces_added (service->bus, path, SG_BUS_PINHOLE, NULL);
            continue;
        }
        note (&changed, "InternalPort", pinhole->internal != old->internal);
        note (&changed, "Label", strcmp (pinhole->label, old->label) != 0);
        note (&changed, "Enabled", pinhole->enabled != old->enabled);
        emit (service, path, SG_BUS_PINHOLE, &changed);
    }
}

/* Those of @device that @after (may be NULL) lacks. */
static void
signal_pinholes_gone (SgService *service, const SgTunnelSubnet *subnet,
                      const SgTunnelDevice *device, const SgTunnelDevice *after)
{
    for (guint i = 0; i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);
        g_autofree char *path = pinhole_path (subnet, device, pinhole);

        if (!after || !sg_tunnel_device_find (after, pinhole->protocol, pinhole->external))
            (void) sd_bus_emit_interfaces_removed (service->bus, path, SG_BUS_PINHOLE, NULL);
    }
}

static void
signal_device (SgService *service, const SgTunnelSubnet *subnet, const SgTunnelDevice *device,
               const SgTunnelSubnet *subnet_before)
{
    const SgTunnelDevice *before =
        subnet_before ? sg_tunnel_subnet_find (subnet_before, &device->ip4) : NULL;
    g_autofree char *path = sg_tunnel_path (&subnet->network, &device->ip4);
    Changed changed = {0};

    if (!before) {
        (void) sd_bus_emit_interfaces_added (service->bus, path, SG_BUS_DEVICE, NULL);
        signal_pinholes (service, subnet, device, NULL);
        return;
    }
    /* Shared by the states as long as nothing of it changes. */
    if (before != device)
        signal_pinholes (service, subnet, device, before);
    note (&changed, "Name", strcmp (device->name, before->name) != 0);
    note (&changed, "Kind", device->kind != before->kind);
    note (&changed, "AllowPinholes", device->allow_pinholes != before->allow_pinholes);
    note (&changed, "Address6", sg_prefix_compare (&subnet->prefix, &subnet_before->prefix) != 0);
    emit (service, path, SG_BUS_DEVICE, &changed);
}

/* What devices opened since @old, or asked for again. */
static void
signal_opened (SgService *service, const GArray *old)
{
    for (guint i = 0; i < service->model->opened->len; i++) {
        const SgOpened *now = &g_array_index (service->model->opened, SgOpened, i);
        const SgOpened *before = sg_opened_find (old, &now->id);
        g_autofree char *path = sg_pinhole_path (&now->id);
        Changed changed = {0};

        if (!before) {
            (void) sd_bus_emit_interfaces_added (service->bus, path, SG_BUS_PINHOLE, NULL);
            continue;
        }
        note (&changed, "InternalPort", now->internal != before->internal);
        note (&changed, "Expires", now->expires_ms != before->expires_ms);
        emit (service, path, SG_BUS_PINHOLE, &changed);
    }
}

static void
signal_opened_gone (SgService *service, const GArray *next)
{
    for (guint i = 0; i < service->model->opened->len; i++) {
        const SgPinholeId *id = &g_array_index (service->model->opened, SgOpened, i).id;
        g_autofree char *path = sg_pinhole_path (id);

        if (!sg_opened_find (next, id))
            (void) sd_bus_emit_interfaces_removed (service->bus, path, SG_BUS_PINHOLE, NULL);
    }
}

void
sg_bus_tunnel_signal (SgService *service, const SgModel *old)
{
    const SgTunnel *tunnel = service->model->tunnel;

    signal_opened (service, old->opened);
    if (!tunnel || (old->tunnel && old->tunnel->generation == tunnel->generation))
        return;
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);
        const SgTunnelSubnet *before =
            old->tunnel ? sg_tunnel_find (old->tunnel, &subnet->network) : NULL;

        signal_subnet (service, subnet, before);
        for (guint k = 0; k < subnet->devices->len; k++)
            signal_device (service, subnet, g_ptr_array_index (subnet->devices, k), before);
    }
}

void
sg_bus_tunnel_signal_gone (SgService *service, const SgModel *next)
{
    const SgTunnel *tunnel = service->model->tunnel;

    signal_opened_gone (service, next->opened);
    if (!tunnel || (next->tunnel && next->tunnel->generation == tunnel->generation))
        return;
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);
        const SgTunnelSubnet *after =
            next->tunnel ? sg_tunnel_find (next->tunnel, &subnet->network) : NULL;
        g_autofree char *path = sg_tunnel_path (&subnet->network, NULL);

        for (guint k = 0; k < subnet->devices->len; k++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, k);
            const SgTunnelDevice *then = after ? sg_tunnel_subnet_find (after, &device->ip4) : NULL;
            g_autofree char *below = sg_tunnel_path (&subnet->network, &device->ip4);

            if (then != device)
                signal_pinholes_gone (service, subnet, device, then);
            if (!then)
                (void) sd_bus_emit_interfaces_removed (service->bus, below, SG_BUS_DEVICE, NULL);
        }
        if (!after)
            (void) sd_bus_emit_interfaces_removed (service->bus, path, SG_BUS_SUBNET, NULL);
    }
}
