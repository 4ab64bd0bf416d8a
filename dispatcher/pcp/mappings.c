/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mappings.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/pcp-elements.h"
#include "core/pcp-journal.h"
#include "core/ruleset.h"
#include "core/tunnel-addresses.h"
#include "kernel/nft-kernel.h"
#include "pass/files.h"

struct SgMappings {
    SgConfig *config;
    SgTunnel *tunnel;
    uint64_t stamp; /* of the tunnel role's file, as it was read */
    SgPcpServer *server;
    SgKernelStats stats;
    SgNlSocket *socket;
    SgNftTable *definitions;
    SgSnapshot *names; /* of no interface: our elements have none */
    uint32_t generation;
    size_t whole, appended; /* bytes of the journal: when it was written, and since then */
    bool void_;             /* what is known does not hold any more */
};

uint64_t
sg_mappings_now (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

SgMappings *
sg_mappings_open (SgConfig *config, GError **error)
{
    g_autoptr (SgMappings) mappings = g_new0 (SgMappings, 1);

    mappings->config = config;
    mappings->void_ = true;
    mappings->names = sg_snapshot_new ();
    mappings->definitions = sg_nft_table_new (NFPROTO_IPV6, config->nft_table);
    sg_ruleset_add_sets (mappings->definitions, SG_RULESET_TUNNEL);
    mappings->socket = sg_nl_socket_open (NETLINK_NETFILTER, &mappings->stats, error);
    return mappings->socket ? g_steal_pointer (&mappings) : NULL;
}

void
sg_mappings_close (SgMappings *mappings)
{
    if (!mappings)
        return;
    sg_nl_socket_close (mappings->socket);
    sg_pcp_server_free (mappings->server);
    sg_tunnel_free (mappings->tunnel);
    sg_nft_table_free (mappings->definitions);
    sg_snapshot_free (mappings->names);
    sg_config_free (mappings->config);
    g_free (mappings);
}

SgPcpServer *
sg_mappings_server (const SgMappings *mappings)
{
    return mappings->server;
}

/* ---- devices ---- */

GArray *
sg_mappings_clients (const SgMappings *mappings)
{
    const SgTunnel *tunnel = mappings->tunnel;
    GArray *clients =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (SgIp));

    for (guint i = 0; tunnel && i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);

        for (guint k = 0; sg_prefix_is_set (&subnet->prefix) && k < subnet->devices->len; k++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, k);
            SgIp ip = sg_tunnel_device_ip6 (subnet, device);

            if (device->allow_pinholes)
                g_array_append_val (clients, ip);
        }
    }
    return clients;
}

/* ---- reading ---- */

static bool
read_tunnel (SgMappings *mappings, GError **error)
{
    SgTunnel *tunnel = NULL;
    uint64_t stamp = sg_files_tunnel_stamp ();

    if (!sg_files_load_tunnel (&tunnel, error))
        return false;
    g_clear_pointer (&mappings->server, sg_pcp_server_free); /* borrows from the old one */
    sg_tunnel_free (mappings->tunnel);
    mappings->tunnel = tunnel;
    mappings->stamp = stamp;
    mappings->server = sg_pcp_server_new (sg_mappings_now ());
    if (tunnel)
        sg_pcp_server_add_tunnel (mappings->server, tunnel);
    return true;
}

static bool
transact (SgMappings *mappings, const GArray *actions, GError **error)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgNftBase base = {mappings->names, mappings->generation};

    if (sg_nft_commit (mappings->socket, &base, (const SgAction *) actions->data, actions->len,
                       failures)) {
        mappings->generation = base.generation;
        return true;
    }
    mappings->void_ = true;
    g_propagate_error (error, g_ptr_array_steal_index (failures, 0));
    return false;
}

/* The kernel has the last word on what is open. */
static bool
compare (SgMappings *mappings, bool *ret_lost, GError **error)
{
    g_autoptr (SgNftTable) have = sg_nft_table_new (NFPROTO_IPV6, mappings->config->nft_table);
    g_autoptr (GArray) actions =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgAction));

    if (!sg_nft_dump (mappings->socket, have, error))
        return false;
    if (!sg_nft_table_find_set (have, SG_SET_PCP_PINHOLES)) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                     "the tunnel role has no nftables yet; `sixgate-reconcile` makes them");
        return false;
    }
    mappings->generation = have->generation;
    *ret_lost = sg_pcp_reconcile (mappings->server, have, mappings->definitions, sg_mappings_now (),
                                  actions);
    return transact (mappings, actions, error);
}

/* What an earlier start knew. @ret_whole: it was there, and all of it; the epoch of another boot is none. */
static bool
read_journal (SgMappings *mappings, bool *ret_whole, GError **error)
{
    g_autoptr (GError) failure = NULL;
    bool there = false, read = sg_files_load_pcp (mappings->server, &there, &failure);

    if (!read && !g_error_matches (failure, SG_ERROR, SG_ERROR_STATE_CORRUPT)) {
        g_propagate_error (error, g_steal_pointer (&failure));
        return false;
    }
    *ret_whole = read && there && sg_pcp_server_epoch (mappings->server) <= sg_mappings_now ();
    return true;
}

static bool
write_journal (SgMappings *mappings, GError **error)
{
    g_autoptr (GString) text = sg_pcp_journal_all (mappings->server, sg_mappings_now ());

    mappings->whole = text->len;
    mappings->appended = 0;
    return sg_files_save_pcp (text, error);
}

bool
sg_mappings_refresh (SgMappings *mappings, bool *ret_lost, GError **error)
{
    bool whole = false, lost = false;
    int lock;

    *ret_lost = false;
    if (!mappings->void_ && mappings->stamp == sg_files_tunnel_stamp ())
        return true;
    mappings->void_ = true;
    lock = sg_files_lock (mappings->config->lock_timeout_ms, error);
    if (lock < 0)
        return false;
    if (read_tunnel (mappings, error) && read_journal (mappings, &whole, error) &&
        compare (mappings, &lost, error)) {
        *ret_lost = lost || !whole;
        if (*ret_lost)
            sg_pcp_server_reset_epoch (mappings->server, sg_mappings_now ());
        mappings->void_ = !write_journal (mappings, error);
    }
    close (lock);
    return !mappings->void_;
}

/* ---- changing ---- */

bool
sg_mappings_commit (SgMappings *mappings, const GArray *changes, GError **error)
{
    g_autoptr (GArray) actions =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgAction));
    g_autoptr (GString) text = g_string_new (NULL);
    bool ok;

    if (changes->len == 0)
        return true;
    for (guint i = 0; i < changes->len; i++)
        sg_pcp_journal_change (&g_array_index (changes, SgPcpChange, i), text);
    sg_pcp_plan (changes, mappings->definitions, sg_mappings_now (), actions);
    ok = sg_files_append_pcp (text, error) && transact (mappings, actions, error);
    mappings->appended += text->len;
    mappings->void_ = !ok || sg_pcp_journal_is_due (mappings->whole, mappings->appended);
    return ok;
}
