/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model.h"

#include <string.h>

#include "core/tunnel-config.h"
#include "nm/nm-profile-parse.h"

static void
free_gateway (void *data)
{
    SgModelGateway *gateway = data;

    g_free (gateway->kind);
    g_free (gateway->uuid);
    g_ptr_array_unref (gateway->addresses);
    g_free (gateway);
}

static GArray *
no_opened (void)
{
    return g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (SgOpened));
}

void
sg_model_free (SgModel *model)
{
    if (!model)
        return;
    g_array_unref (model->overrides);
    g_ptr_array_unref (model->warnings);
    g_ptr_array_unref (model->gateways);
    sg_tunnel_free (model->tunnel);
    g_array_unref (model->opened);
    g_free (model->endpoint);
    g_free (model);
}

/* ---- gateways ---- */

static bool
is_wireguard (const char *kind)
{
    return strcmp (kind, "wireguard") == 0;
}

/* What the profile says; connections come in by any gateway that is not a tunnel. */
static const char *
type_of (const char *said, const char *kind)
{
    SgWgType type = is_wireguard (kind) ? SG_WG_TYPE_OUTBOUND_ONLY : SG_WG_TYPE_INBOUND_OUTBOUND;

    sg_wg_type_from_string (said, &type);
    return sg_wg_type_to_string (type);
}

static SgModelGateway *
new_gateway (const char *name, const char *kind, const char *uuid, const char *said_type)
{
    SgModelGateway *gateway = g_new0 (SgModelGateway, 1);

    g_strlcpy (gateway->name, name, sizeof gateway->name);
    gateway->kind = g_strdup (kind);
    gateway->uuid = g_strdup (uuid);
    gateway->type = type_of (said_type, kind);
    gateway->reason = SG_REASON_INACTIVE;
    gateway->addresses = g_ptr_array_new_with_free_func (g_free);
    return gateway;
}

static void
add_addresses (SgModelGateway *gateway, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        char text[SG_PREFIX_TEXT_MAX];

        if (address->ifindex == gateway->index && !sg_ip_is_link_local (&address->ip))
            g_ptr_array_add (
                gateway->addresses,
                g_strdup_printf ("%s/%u", sg_ip_format (&address->ip, text), address->prefix_len));
    }
}

static const SgNmSummary *
find_summary (GHashTable *catalog, const char *uuid)
{
    GHashTableIter iter;
    const SgNmSummary *summary;

    g_hash_table_iter_init (&iter, catalog);
    while (g_hash_table_iter_next (&iter, NULL, (void **) &summary)) {
        if (*uuid && strcmp (summary->uuid, uuid) == 0)
            return summary;
    }
    return NULL;
}

static SgModelGateway *
active_gateway (const SgGateway *from, const SgSnapshot *snapshot, GHashTable *catalog)
{
    const SgDevice *device = sg_snapshot_device (snapshot, from->name);
    const char *uuid = device ? device->uuid : "";
    const SgNmSummary *summary = find_summary (catalog, uuid);
    const char *kind = device ? device->kind : from->wireguard ? "wireguard" : "";
    SgModelGateway *gateway = new_gateway (from->name, kind, uuid, summary ? summary->type : "");

    gateway->index = from->ifindex;
    gateway->table = from->table;
    gateway->mark = from->mark;
    gateway->active = true;
    gateway->capable = from->capability[SG_IPV6] == SG_CAPABLE;
    gateway->reason = sg_capability_name (from->capability[SG_IPV6]);
    return gateway;
}

const SgModelGateway *
sg_model_gateway (const SgModel *model, const char *name)
{
    for (guint i = 0; i < model->gateways->len; i++) {
        const SgModelGateway *gateway = g_ptr_array_index (model->gateways, i);

        if (strcmp (gateway->name, name) == 0)
            return gateway;
    }
    return NULL;
}

/* Tunnels that are down, by their profiles. */
static void
add_inactive (SgModel *model, GHashTable *catalog)
{
    GHashTableIter iter;
    const SgNmSummary *summary;

    g_hash_table_iter_init (&iter, catalog);
    while (g_hash_table_iter_next (&iter, NULL, (void **) &summary)) {
        if (is_wireguard (summary->kind) && *summary->interface &&
            !sg_model_gateway (model, summary->interface))
            g_ptr_array_add (model->gateways, new_gateway (summary->interface, summary->kind,
                                                           summary->uuid, summary->type));
    }
}

static int
compare_gateways (gconstpointer a, gconstpointer b)
{
    const SgModelGateway *const *first = a, *const *second = b;

    return strcmp ((*first)->name, (*second)->name);
}

/* ---- the whole ---- */

static GPtrArray *
copy_words (const GPtrArray *words)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < words->len; i++)
        g_ptr_array_add (copy, g_strdup (g_ptr_array_index (words, i)));
    g_ptr_array_add (copy, NULL);
    return copy;
}

SgModel *
sg_model_new (const SgState *state, const SgSnapshot *snapshot, const SgWanted *wanted,
              GHashTable *catalog)
{
    SgModel *model = g_new0 (SgModel, 1);

    g_strlcpy (model->outbound, state->outbound, sizeof model->outbound);
    model->overrides = g_array_copy (state->overrides);
    model->warnings = copy_words (wanted->warnings);
    model->gateways = g_ptr_array_new_with_free_func (free_gateway);
    for (guint i = 0; i < wanted->present->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->present, SgGateway, i);

        g_ptr_array_add (model->gateways, active_gateway (gateway, snapshot, catalog));
    }
    model->endpoint = g_strdup ("");
    model->opened = no_opened ();
    add_inactive (model, catalog);
    g_ptr_array_sort (model->gateways, compare_gateways);
    for (guint i = 0; i < model->gateways->len; i++) {
        SgModelGateway *gateway = g_ptr_array_index (model->gateways, i);

        gateway->selected = strcmp (gateway->name, state->outbound) == 0;
        if (gateway->active)
            add_addresses (gateway, snapshot);
        g_ptr_array_add (gateway->addresses, NULL);
    }
    return model;
}

/* ---- the tunnel role ---- */

static void
forget_secrets (SgTunnelKeys *keys)
{
    explicit_bzero (&keys->private_key, sizeof keys->private_key);
    explicit_bzero (&keys->preshared_key, sizeof keys->preshared_key);
}

static SgTunnel *
copy_without_secrets (const SgTunnel *tunnel)
{
    SgTunnel *copy = sg_tunnel_copy (tunnel);

    forget_secrets (&copy->server);
    for (guint i = 0; i < copy->subnets->len; i++) {
        GPtrArray *devices = ((SgTunnelSubnet *) g_ptr_array_index (copy->subnets, i))->devices;

        for (guint k = 0; k < devices->len; k++) {
            SgTunnelDevice *device = g_ptr_array_index (devices, k);

            devices->pdata[k] = sg_tunnel_device_copy (device);
            forget_secrets (&((SgTunnelDevice *) devices->pdata[k])->keys);
            sg_tunnel_device_unref (device);
        }
    }
    return copy;
}

static char *
find_endpoint (const SgConfig *config, const SgSnapshot *snapshot)
{
    char text[SG_PREFIX_TEXT_MAX];
    SgIp ip;

    if (*config->tunnel_endpoint)
        return g_strdup (config->tunnel_endpoint);
    return g_strdup (sg_tunnel_endpoint_choose (snapshot, config->tunnel_interface, &ip)
                         ? sg_ip_format (&ip, text)
                         : "");
}

/* The tunnel's own interface leads in, not out: its profile is no gateway while it is down either. */
static void
drop_gateway (SgModel *model, const char *name)
{
    for (guint i = 0; i < model->gateways->len; i++) {
        const SgModelGateway *gateway = g_ptr_array_index (model->gateways, i);

        if (strcmp (gateway->name, name) == 0) {
            g_ptr_array_remove_index (model->gateways, i);
            return;
        }
    }
}

void
sg_model_take_tunnel (SgModel *model, const SgTunnel *tunnel, const SgConfig *config,
                      const SgSnapshot *snapshot)
{
    if (tunnel) {
        model->tunnel = copy_without_secrets (tunnel);
        drop_gateway (model, config->tunnel_interface);
    }
    model->port = config->tunnel_port;
    g_free (model->endpoint);
    model->endpoint = find_endpoint (config, snapshot);
}

void
sg_model_take_opened (SgModel *model, GArray *opened)
{
    g_array_unref (model->opened);
    model->opened = opened;
}

/* ---- without news ---- */

static SgModelGateway *
copy_gateway (const SgModelGateway *gateway)
{
    SgModelGateway *copy = g_memdup2 (gateway, sizeof *gateway);

    copy->kind = g_strdup (gateway->kind);
    copy->uuid = g_strdup (gateway->uuid);
    copy->addresses = g_ptr_array_ref (gateway->addresses);
    return copy;
}

SgModel *
sg_model_new_failed (const SgModel *old, const char *problem)
{
    SgModel *model = g_new0 (SgModel, 1);

    if (old)
        g_strlcpy (model->outbound, old->outbound, sizeof model->outbound);
    model->overrides =
        old ? g_array_copy (old->overrides)
            : g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (SgOverride));
    model->warnings = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (model->warnings, g_strdup (problem));
    g_ptr_array_add (model->warnings, NULL);
    model->gateways = g_ptr_array_new_with_free_func (free_gateway);
    model->tunnel = old && old->tunnel ? sg_tunnel_copy (old->tunnel) : NULL;
    model->opened = old ? g_array_ref (old->opened) : no_opened ();
    model->port = old ? old->port : 0;
    model->endpoint = g_strdup (old ? old->endpoint : "");
    for (guint i = 0; old && i < old->gateways->len; i++)
        g_ptr_array_add (model->gateways, copy_gateway (g_ptr_array_index (old->gateways, i)));
    return model;
}
