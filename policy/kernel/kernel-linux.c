/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/kernel.h"

#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "core/tunnel-sysctl.h"
#include "kernel/genl-wg.h"
#include "kernel/nft-kernel.h"
#include "kernel/nl-socket.h"
#include "kernel/rtnl-address.h"
#include "kernel/rtnl-link.h"
#include "kernel/rtnl-neigh.h"
#include "kernel/rtnl-nexthop.h"
#include "kernel/rtnl-rp-filter.h"
#include "kernel/rtnl-route.h"
#include "kernel/rtnl-rule.h"
#include "kernel/sock-diag.h"
#include "kernel/sysctl.h"

typedef struct {
    SgKernel base;
    SgNlSocket *route;
    SgNlSocket *netfilter; /* this and the next two: opened when first needed */
    SgNlSocket *generic;
    SgNlSocket *diag;
    uint16_t wg_family;      /* 0: not asked for yet */
    uint32_t nft_generation; /* what the ruleset was at the last dump or commit */
} Linux;

/* ---- sockets ---- */

static SgNlSocket *
open_netfilter (Linux *self, GError **error)
{
    if (!self->netfilter)
        self->netfilter = sg_nl_socket_open (NETLINK_NETFILTER, &self->base.stats, error);
    return self->netfilter;
}

/* The socket that reaches WireGuard, its family known. */
static SgNlSocket *
open_wireguard (Linux *self, GError **error)
{
    if (!self->generic)
        self->generic = sg_nl_socket_open (NETLINK_GENERIC, &self->base.stats, error);
    if (!self->generic)
        return NULL;
    if (self->wg_family == 0 && !sg_genl_wg_resolve (self->generic, &self->wg_family, error))
        return NULL;
    return self->generic;
}

static SgNlSocket *
open_diag (Linux *self, GError **error)
{
    if (!self->diag)
        self->diag = sg_nl_socket_open (NETLINK_SOCK_DIAG, &self->base.stats, error);
    return self->diag;
}

/* ---- reading ---- */

static bool
dump_wireguards (Linux *self, SgSnapshot *snapshot, GError **error)
{
    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);
        g_autoptr (GError) failure = NULL;
        SgNlSocket *sock;

        if (!g_str_equal (link->kind, "wireguard"))
            continue;
        if (!(sock = open_wireguard (self, error)))
            return false;
        /* One that went away since the links were read is not there, that is all. */
        if (!sg_genl_wg_dump (sock, self->wg_family, link->ifindex, snapshot, &failure) &&
            !g_error_matches (failure, SG_ERROR, SG_ERROR_NOT_FOUND)) {
            g_propagate_error (error, g_steal_pointer (&failure));
            return false;
        }
    }
    return true;
}

static bool
dump_family (Linux *self, uint8_t family, SgSnapshot *snapshot, GError **error)
{
    return sg_rtnl_address_dump (self->route, family, snapshot, error) &&
           sg_rtnl_route_dump (self->route, family, snapshot, error) &&
           sg_rtnl_rule_dump (self->route, family, snapshot, error);
}

static bool
dump_nft (Linux *self, const SgConfig *config, SgFamily family, SgSnapshot *snapshot,
          GError **error)
{
    static const uint8_t protocols[SG_FAMILY_N] = {NFPROTO_IPV6, NFPROTO_IPV4};
    SgNftTable *table;
    SgNlSocket *sock = open_netfilter (self, error);

    if (!sock)
        return false;
    sg_nft_table_free (snapshot->nft[family]);
    table = snapshot->nft[family] = sg_nft_table_new (protocols[family], config->nft_table);
    if (!sg_nft_dump (sock, table, error))
        return false;
    /* Of two tables the first: whoever wrote in between is noticed at the commit. */
    if (family == SG_IPV6)
        self->nft_generation = table->generation;
    return true;
}

/* A profile may say an IPv4 address that is missing, and a name server. */
static bool
has_wireguard (const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->links->len; i++) {
        if (g_str_equal (g_array_index (snapshot->links, SgLink, i).kind, "wireguard"))
            return true;
    }
    return false;
}

/* What of IPv4 concerns us where Families= leaves it out. */
static bool
dump_some_ipv4 (Linux *self, SgSnapshot *snapshot, GError **error)
{
    bool wireguard = has_wireguard (snapshot);

    if ((snapshot->tunnel || wireguard) &&
        !sg_rtnl_address_dump (self->route, AF_INET, snapshot, error))
        return false;
    return !wireguard || sg_rtnl_route_dump_to_servers (self->route, snapshot, error);
}

/* A setting that went away with its link is not there, that is all. */
static bool
dump_sysctl (const char *path, SgSnapshot *snapshot, GError **error)
{
    g_autoptr (GError) failure = NULL;
    SgSysctl sysctl;

    if (sg_sysctl_read (path, &sysctl, &failure)) {
        g_array_append_val (snapshot->sysctls, sysctl);
    } else if (!g_error_matches (failure, SG_ERROR, SG_ERROR_NOT_FOUND)) {
        g_propagate_error (error, g_steal_pointer (&failure));
        return false;
    }
    return true;
}

/* What only the tunnel role needs. */
static bool
dump_tunnel (Linux *self, const SgConfig *config, SgSnapshot *snapshot, GError **error)
{
    g_autoptr (GPtrArray) paths = NULL;

    if (!snapshot->tunnel)
        return true;
    if (!sg_rtnl_proxy_dump (self->route, snapshot, error) ||
        !sg_rtnl_nexthop_dump (self->route, snapshot, error) ||
        !dump_sysctl (SG_TUNNEL_FORWARDING_ALL, snapshot, error))
        return false;
    paths = sg_tunnel_sysctl_paths (snapshot, config->tunnel_interface);
    for (guint i = 0; i < paths->len; i++) {
        if (!dump_sysctl (g_ptr_array_index (paths, i), snapshot, error))
            return false;
    }
    return true;
}

static bool
linux_dump (SgKernel *kernel, const SgConfig *config, SgSnapshot *snapshot, GError **error)
{
    Linux *self = (Linux *) kernel;
    bool ipv4 = config->families[SG_IPV4] || snapshot->ipv4_left;

    if (!sg_rtnl_link_dump (self->route, snapshot, error))
        return false;
    /* Also where Families= leaves it out: what is ours has to go then. */
    if (!dump_family (self, AF_INET6, snapshot, error))
        return false;
    if (ipv4 && (!dump_family (self, AF_INET, snapshot, error) ||
                 !sg_rtnl_rp_filter_dump (self->route, snapshot, error)))
        return false;
    if (!ipv4 && !dump_some_ipv4 (self, snapshot, error))
        return false;
    return dump_wireguards (self, snapshot, error) && dump_tunnel (self, config, snapshot, error) &&
           dump_nft (self, config, SG_IPV6, snapshot, error) &&
           (!ipv4 || dump_nft (self, config, SG_IPV4, snapshot, error));
}

/* ---- writing ---- */

/* Which socket an action goes through. */
typedef enum { ROAD_NETFILTER, ROAD_WIREGUARD, ROAD_SYSCTL, ROAD_ROUTE, ROAD_SOCKETS } Road;

static Road
road_of (SgActionKind kind)
{
    if (kind == SG_ACTION_SOCKETS_CLOSE)
        return ROAD_SOCKETS;
    if (kind == SG_ACTION_SYSCTL)
        return ROAD_SYSCTL;
    if (kind > SG_ACTION_SYSCTL)
        return ROAD_ROUTE;
    return kind >= SG_ACTION_WG_FWMARK ? ROAD_WIREGUARD : ROAD_NETFILTER;
}

/* The actions of one exchange, for telling which was refused. */
typedef struct {
    const SgSnapshot *snapshot;
    const SgAction *actions;
    GPtrArray *failures;
    GArray *gone; /* of uint32_t: links that went since the snapshot; NULL: does not matter */
} Exchange;

static void
add_failure_of (const Exchange *exchange, const SgAction *action, SgErrorCode code, const char *why)
{
    g_autofree char *what = sg_action_to_string (action, exchange->snapshot);

    g_ptr_array_add (exchange->failures, g_error_new (SG_ERROR, code, "%s: %s", what, why));
}

static void
add_failure (const Exchange *exchange, const SgAction *action, const char *why)
{
    add_failure_of (exchange, action, SG_ERROR_KERNEL, why);
}

/* Refusals that leave the kernel as it was wanted. */
static bool
is_as_wanted (SgActionKind kind, int errnum)
{
    if (kind == SG_ACTION_ROUTE_ADD || kind == SG_ACTION_RULE_ADD || kind == SG_ACTION_ADDRESS_ADD)
        return errnum == EEXIST;
    /* ENODEV: the device is gone, and took the route along. */
    if (kind == SG_ACTION_ROUTE_DEL)
        return errnum == ESRCH || errnum == ENODEV;
    if (kind == SG_ACTION_RP_FILTER)
        return errnum == ENODEV;
    if (kind == SG_ACTION_ADDRESS_DEL)
        return errnum == EADDRNOTAVAIL;
    return (kind == SG_ACTION_RULE_DEL || kind == SG_ACTION_PROXY_DEL ||
            kind == SG_ACTION_NEXTHOP_DEL) &&
           errnum == ENOENT;
}

static bool
adds_route (const SgAction *action)
{
    return action->kind == SG_ACTION_ROUTE_ADD || action->kind == SG_ACTION_ROUTE_REPLACE;
}

/* Whether @errnum says that the link of the route went, or went down, since the snapshot: EINVAL that the
 * next hop did (net/ipv6/route.c, ip6_route_info_create), EEXIST that somebody else made one meanwhile. */
static bool
is_outdated (const SgAction *action, int errnum)
{
    bool link = errnum == ENODEV || errnum == ENETDOWN;

    if (action->kind == SG_ACTION_NEXTHOP_ADD)
        return link || errnum == EEXIST;
    return adds_route (action) && (link || (action->route->nexthop_id && errnum == EINVAL));
}

static bool
leaves_by_gone (const SgAction *action, const GArray *gone)
{
    for (guint i = 0; adds_route (action) && i < gone->len; i++) {
        if (sg_route_uses (action->route, g_array_index (gone, uint32_t, i)))
            return true;
    }
    return false;
}

/* Of several next hops it is not known which. */
static void
note_gone (const Exchange *exchange, const SgAction *action)
{
    if (action->kind == SG_ACTION_NEXTHOP_ADD)
        g_array_append_val (exchange->gone, action->nexthop.ifindex);
    else if (action->route->n_nexthops == 1 && !leaves_by_gone (action, exchange->gone))
        g_array_append_val (exchange->gone, action->route->nexthops[0].ifindex);
}

static void
take_refusal (size_t index, int errnum, const char *text, void *data)
{
    const Exchange *exchange = data;
    const SgAction *action = &exchange->actions[index];
    bool outdated = is_outdated (action, errnum);
    g_autofree char *why = NULL;

    if (is_as_wanted (action->kind, errnum))
        return;
    if (outdated)
        note_gone (exchange, action);
    if (text[0] != '\0')
        why = g_strdup_printf ("%s (%s)", g_strerror (errnum), text);
    add_failure_of (exchange, action, outdated ? SG_ERROR_BUSY : SG_ERROR_KERNEL,
                    why ? why : g_strerror (errnum));
}

static bool
build_rule (SgNlBatch *batch, uint16_t type, const SgRule *rule)
{
    void *memory = sg_nl_batch_reserve (batch, SG_RTNL_RULE_ROOM);

    return sg_rtnl_rule_build (memory, SG_RTNL_RULE_ROOM, type, rule);
}

static bool
build_route (SgNlBatch *batch, SgRtnlRouteKind kind, const SgRoute *route)
{
    size_t room = sg_rtnl_route_room (route);

    return sg_rtnl_route_build (sg_nl_batch_reserve (batch, room), room, kind, route);
}

/* False also when nobody brought the key along. */
static bool
build_preshared (const Linux *self, SgNlBatch *batch, const SgAction *action)
{
    const SgWireguardPeer peer = {.ifindex = action->ifindex, .public_key = action->public_key};
    const SgWgRawKey *key =
        self->base.keyring
            ? sg_keyring_find (self->base.keyring, action->ifindex, &action->public_key)
            : NULL;

    return key && sg_genl_wg_build_preshared (sg_nl_batch_reserve (batch, SG_GENL_WG_PEER_ROOM),
                                              SG_GENL_WG_PEER_ROOM, self->wg_family, &peer, key);
}

/* False also when nobody brought the preshared key along. */
static bool
build_peer (const Linux *self, SgNlBatch *batch, const SgWantedPeer *peer)
{
    const SgWgRawKey *key = NULL;

    if (peer->preshared) {
        key = self->base.keyring
                  ? sg_keyring_find (self->base.keyring, peer->ifindex, &peer->public_key)
                  : NULL;
        if (!key)
            return false;
    }
    return sg_genl_wg_build_peer (sg_nl_batch_reserve (batch, SG_GENL_WG_PEER_ROOM),
                                  SG_GENL_WG_PEER_ROOM, self->wg_family, peer, key);
}

static bool
build_peer_remove (const Linux *self, SgNlBatch *batch, const SgAction *action)
{
    const SgWireguardPeer peer = {.ifindex = action->ifindex, .public_key = action->public_key};

    return sg_genl_wg_build_peer_remove (sg_nl_batch_reserve (batch, SG_GENL_WG_PEER_ROOM),
                                         SG_GENL_WG_PEER_ROOM, self->wg_family, &peer);
}

static bool
build_proxy (SgNlBatch *batch, uint16_t type, const SgProxy *proxy)
{
    return sg_rtnl_proxy_build (sg_nl_batch_reserve (batch, SG_RTNL_PROXY_ROOM), SG_RTNL_PROXY_ROOM,
                                type, proxy);
}

static bool
build_nexthop (SgNlBatch *batch, uint16_t type, const SgNexthopObject *nexthop)
{
    return sg_rtnl_nexthop_build (sg_nl_batch_reserve (batch, SG_RTNL_NEXTHOP_ROOM),
                                  SG_RTNL_NEXTHOP_ROOM, type, nexthop);
}

static bool
build (const Linux *self, SgNlBatch *batch, const SgAction *action)
{
    switch (action->kind) {
    case SG_ACTION_WG_FWMARK:
        return sg_genl_wg_build_fwmark (sg_nl_batch_reserve (batch, SG_GENL_WG_ROOM),
                                        SG_GENL_WG_ROOM, self->wg_family, action->ifindex,
                                        action->fwmark);
    case SG_ACTION_WG_PRESHARED_KEY:
        return build_preshared (self, batch, action);
    case SG_ACTION_WG_PEER_SET:
        return build_peer (self, batch, &action->peer);
    case SG_ACTION_WG_PEER_DEL:
        return build_peer_remove (self, batch, action);
    case SG_ACTION_PROXY_ADD:
        return build_proxy (batch, RTM_NEWNEIGH, &action->proxy);
    case SG_ACTION_PROXY_DEL:
        return build_proxy (batch, RTM_DELNEIGH, &action->proxy);
    case SG_ACTION_ADDRESS_ADD:
        return sg_rtnl_address_build (sg_nl_batch_reserve (batch, SG_RTNL_ADDRESS_ROOM),
                                      SG_RTNL_ADDRESS_ROOM, &action->address);
    case SG_ACTION_ADDRESS_DEL:
        return sg_rtnl_address_build_del (sg_nl_batch_reserve (batch, SG_RTNL_ADDRESS_ROOM),
                                          SG_RTNL_ADDRESS_ROOM, &action->address);
    case SG_ACTION_NEXTHOP_ADD:
        return build_nexthop (batch, RTM_NEWNEXTHOP, &action->nexthop);
    case SG_ACTION_NEXTHOP_DEL:
        return build_nexthop (batch, RTM_DELNEXTHOP, &action->nexthop);
    case SG_ACTION_ROUTE_ADD:
        return build_route (batch, SG_RTNL_ROUTE_ADD, action->route);
    case SG_ACTION_ROUTE_REPLACE:
        return build_route (batch, SG_RTNL_ROUTE_REPLACE, action->route);
    case SG_ACTION_ROUTE_DEL:
        return build_route (batch, SG_RTNL_ROUTE_DEL, action->route);
    case SG_ACTION_RULE_ADD:
        return build_rule (batch, RTM_NEWRULE, &action->rule);
    case SG_ACTION_RULE_DEL:
        return build_rule (batch, RTM_DELRULE, &action->rule);
    case SG_ACTION_RP_FILTER:
        return sg_rtnl_rp_filter_build (sg_nl_batch_reserve (batch, SG_RTNL_RP_FILTER_ROOM),
                                        SG_RTNL_RP_FILTER_ROOM, action->ifindex, action->value);
    case SG_ACTION_SYSCTL:
    case SG_ACTION_SOCKETS_CLOSE:
    case SG_ACTION_NFT_TABLE_ADD:
    case SG_ACTION_NFT_SET_ADD:
    case SG_ACTION_NFT_SET_DEL:
    case SG_ACTION_NFT_CHAIN_ADD:
    case SG_ACTION_NFT_CHAIN_DEL:
    case SG_ACTION_NFT_CHAIN_FLUSH:
    case SG_ACTION_NFT_RULE_ADD:
    case SG_ACTION_NFT_ELEMENT_ADD:
    case SG_ACTION_NFT_ELEMENT_DEL:
    case SG_ACTION_KIND_N:
        break;
    }
    g_assert_not_reached ();
}

/* So many actions are sent before the refusals are looked at: some sends (nl-socket.c). */
#define SLICE_ACTIONS 512u

/* Sends @n actions, each a message of its own, through @sock; not those for links that are gone. False:
 * the exchange broke. */
static bool
commit_slice (Linux *self, SgNlSocket *sock, const Exchange *run, size_t n)
{
    g_autoptr (SgNlBatch) batch = sg_nl_batch_new ();
    g_autofree SgAction *sent = g_new (SgAction, n);
    Exchange exchange = {run->snapshot, sent, run->failures, run->gone};
    g_autoptr (GError) error = NULL;

    for (size_t i = 0; i < n; i++) {
        if (leaves_by_gone (&run->actions[i], run->gone))
            continue;
        if (!build (self, batch, &run->actions[i])) {
            add_failure (run, &run->actions[i], "cannot be put into a message");
            continue;
        }
        sent[sg_nl_batch_count (batch)] = run->actions[i];
        sg_nl_batch_commit (batch);
    }
    if (sg_nl_socket_write (sock, batch, take_refusal, &exchange, &error))
        return true;
    g_ptr_array_add (run->failures, g_steal_pointer (&error));
    return false;
}

static void
commit_messages (Linux *self, SgNlSocket *sock, const Exchange *run, size_t n)
{
    g_autoptr (GArray) gone = g_array_new (FALSE, FALSE, sizeof (uint32_t));

    for (size_t start = 0; start < n; start += SLICE_ACTIONS) {
        Exchange slice = {run->snapshot, run->actions + start, run->failures, gone};

        if (!commit_slice (self, sock, &slice, MIN (SLICE_ACTIONS, n - start)))
            return;
    }
}

static void
commit_nft (Linux *self, SgNlSocket *sock, const Exchange *run, size_t n)
{
    SgNftBase base = {run->snapshot, self->nft_generation};

    sg_nft_commit (sock, &base, run->actions, n, run->failures);
    self->nft_generation = base.generation;
}

/* In order, up to the first that fails: forwarding must not come on before the default route is
 * safe from it. */
static void
commit_sysctls (Linux *self, const Exchange *run, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int errnum = sg_sysctl_write (&run->actions[i].sysctl);

        self->base.stats.writes++;
        if (errnum != 0) {
            add_failure (run, &run->actions[i], g_strerror (errnum));
            return;
        }
    }
}

static void
commit_closings (SgNlSocket *sock, const Exchange *run, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_autoptr (GError) error = NULL;

        if (!sg_sock_diag_close (sock, &run->actions[i].address.ip, &error))
            add_failure (run, &run->actions[i], error->message);
    }
}

/* Executes a run of actions that go the same road. */
static void
commit_run (Linux *self, const Exchange *run, size_t n)
{
    Road road = road_of (run->actions[0].kind);
    SgNlSocket *sock = self->route;
    g_autoptr (GError) error = NULL;

    if (road == ROAD_NETFILTER)
        sock = open_netfilter (self, &error);
    else if (road == ROAD_WIREGUARD)
        sock = open_wireguard (self, &error);
    else if (road == ROAD_SOCKETS)
        sock = open_diag (self, &error);

    if (!sock)
        add_failure (run, &run->actions[0], error->message);
    else if (road == ROAD_SYSCTL)
        commit_sysctls (self, run, n);
    else if (road == ROAD_NETFILTER)
        commit_nft (self, sock, run, n);
    else if (road == ROAD_SOCKETS)
        commit_closings (sock, run, n);
    else
        commit_messages (self, sock, run, n);
}

static bool
linux_commit (SgKernel *kernel, const SgSnapshot *snapshot, const SgAction *actions, size_t n,
              GPtrArray *failures)
{
    guint before = failures->len;

    for (size_t start = 0, len; start < n; start += len) {
        Exchange run = {snapshot, actions + start, failures, NULL};

        len = 1;
        while (start + len < n &&
               road_of (actions[start + len].kind) == road_of (actions[start].kind))
            len++;
        commit_run ((Linux *) kernel, &run, len);
    }
    return failures->len == before;
}

/* ---- opening ---- */

static void
linux_close (SgKernel *kernel)
{
    Linux *self = (Linux *) kernel;

    sg_nl_socket_close (self->route);
    sg_nl_socket_close (self->netfilter);
    sg_nl_socket_close (self->generic);
    sg_nl_socket_close (self->diag);
    g_free (self);
}

static const SgKernelOps linux_ops = {linux_dump, linux_commit, linux_close};

SgKernel *
sg_kernel_linux_open (GError **error)
{
    Linux *self = g_new0 (Linux, 1);

    self->base.ops = &linux_ops;
    self->route = sg_nl_socket_open (NETLINK_ROUTE, &self->base.stats, error);
    if (!self->route) {
        linux_close (&self->base);
        return NULL;
    }
    return &self->base;
}
