/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/wg-link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "core/snapshot.h"
#include "kernel/genl-wg-conf.h"
#include "kernel/genl-wg.h"
#include "kernel/rtnl-address.h"
#include "kernel/rtnl-link.h"
#include "kernel/rtnl-route.h"

struct SgWgLinks {
    SgKernelStats stats;
    SgNlSocket *route;
    SgNlSocket *generic;
    uint16_t family; /* of WireGuard */
};

SgWgLinks *
sg_wg_links_open (GError **error)
{
    g_autoptr (SgWgLinks) links = g_new0 (SgWgLinks, 1);

    links->route = sg_nl_socket_open (NETLINK_ROUTE, &links->stats, error);
    if (!links->route)
        return NULL;
    links->generic = sg_nl_socket_open (NETLINK_GENERIC, &links->stats, error);
    if (!links->generic || !sg_genl_wg_resolve (links->generic, &links->family, error))
        return NULL;
    return g_steal_pointer (&links);
}

void
sg_wg_links_close (SgWgLinks *links)
{
    if (!links)
        return;
    sg_nl_socket_close (links->route);
    sg_nl_socket_close (links->generic);
    g_free (links);
}

/* ---- the switch of IPv6 ---- */

static char *
ipv6_switch (const char *name)
{
    return g_strdup_printf ("/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
}

/* A kernel without IPv6 has no such file: then it is off. */
static bool
read_ipv6_off (const char *name)
{
    g_autofree char *path = ipv6_switch (name);
    char value = '1';
    int fd = open (path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return true;
    if (read (fd, &value, 1) != 1)
        value = '1';
    close (fd);
    return value != '0';
}

static bool
write_ipv6_off (const char *name, bool off, GError **error)
{
    g_autofree char *path = ipv6_switch (name);
    int fd = open (path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write (fd, off ? "1" : "0", 1) == 1;
    int errnum = errno;

    if (fd >= 0)
        close (fd);
    if (!ok)
        sg_error_set_errno (error, SG_ERROR_KERNEL, errnum, "write %s", path);
    return ok;
}

/* ---- reading ---- */

static void
take_addresses (SgLinkState *state, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        SgWgAddress taken = {address->ip, address->prefix_len};

        if (address->ifindex == state->ifindex)
            g_array_append_val (state->conf->addresses, taken);
    }
}

/* Those that were made for the network of an address. */
static void
take_routes (SgLinkState *state, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);
        SgLinkRoute taken = {route->dst, route->prefsrc, route->metric};

        if (route->table == RT_TABLE_MAIN && route->protocol == RTPROT_KERNEL &&
            route->type == RTN_UNICAST && route->n_nexthops == 1 &&
            route->nexthops[0].ifindex == state->ifindex &&
            !sg_ip_is_set (&route->nexthops[0].gateway))
            g_array_append_val (state->routes, taken);
    }
}

SgLinkState *
sg_wg_links_read (SgWgLinks *links, const char *name, GError **error)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autoptr (SgLinkState) state = NULL;
    const SgLink *link;

    if (!sg_rtnl_link_dump (links->route, snapshot, error))
        return NULL;
    link = sg_snapshot_link_by_name (snapshot, name);
    if (!link || !g_str_equal (link->kind, "wireguard")) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "there is no WireGuard link %s", name);
        return NULL;
    }
    state = sg_link_state_new (name, link->ifindex);
    state->conf->mtu = link->mtu;
    state->ipv6_off = read_ipv6_off (name);
    if (!sg_rtnl_address_dump (links->route, AF_INET, snapshot, error) ||
        !sg_rtnl_address_dump (links->route, AF_INET6, snapshot, error) ||
        !sg_rtnl_route_dump (links->route, AF_INET, snapshot, error) ||
        !sg_rtnl_route_dump (links->route, AF_INET6, snapshot, error) ||
        !sg_genl_wg_dump_conf (links->generic, links->family, state, error))
        return NULL;
    take_addresses (state, snapshot);
    take_routes (state, snapshot);
    return g_steal_pointer (&state);
}

/* ---- building ---- */

static bool
build_address (SgNlBatch *batch, const SgLinkState *to, const SgLinkAction *action)
{
    const SgWgAddress *given = action->address;
    void *memory = sg_nl_batch_reserve (batch, SG_RTNL_ADDRESS_ROOM);
    /* With the flags that NetworkManager gives it: the route of the network is made apart. */
    const SgAddress address = {.ifindex = to->ifindex,
                               .ip = given->ip,
                               .prefix_len = given->len,
                               .scope = sg_ip_is_link_local (&given->ip) ? RT_SCOPE_LINK
                                                                         : RT_SCOPE_UNIVERSE,
                               .flags = IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE};

    return action->kind == SG_LINK_ADDRESS_ADD
               ? sg_rtnl_address_build (memory, SG_RTNL_ADDRESS_ROOM, &address)
               : sg_rtnl_address_build_del (memory, SG_RTNL_ADDRESS_ROOM, &address);
}

static bool
build_route (SgNlBatch *batch, const SgLinkState *to, const SgLinkAction *action)
{
    const SgLinkRoute *given = action->route;
    g_autofree SgRoute *route = sg_route_new (given->dst.ip.family, /* n_nexthops= */ 1);
    size_t room;

    route->type = RTN_UNICAST;
    route->protocol = RTPROT_KERNEL;
    route->scope = given->dst.ip.family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    route->table = RT_TABLE_MAIN;
    route->metric = given->metric;
    route->dst = given->dst;
    route->prefsrc = given->prefsrc;
    route->nexthops[0].ifindex = to->ifindex;
    room = sg_rtnl_route_room (route);
    return sg_rtnl_route_build (
        sg_nl_batch_reserve (batch, room), room,
        action->kind == SG_LINK_ROUTE_ADD ? SG_RTNL_ROUTE_ADD : SG_RTNL_ROUTE_DEL, route);
}

static bool
build_wireguard (SgWgLinks *links, SgNlBatch *batch, const SgLinkState *to,
                 const SgLinkAction *action)
{
    size_t room = sg_genl_wg_conf_room (action);

    return sg_genl_wg_build_conf (sg_nl_batch_reserve (batch, room), room, links->family, to,
                                  action);
}

static bool
build (SgWgLinks *links, SgNlBatch *batch, const SgLinkState *to, const SgLinkAction *action)
{
    switch (action->kind) {
    case SG_LINK_DEVICE:
    case SG_LINK_PEER_SET:
    case SG_LINK_PEER_DEL:
        return build_wireguard (links, batch, to, action);
    case SG_LINK_ADDRESS_ADD:
    case SG_LINK_ADDRESS_DEL:
        return build_address (batch, to, action);
    case SG_LINK_ROUTE_ADD:
    case SG_LINK_ROUTE_DEL:
        return build_route (batch, to, action);
    case SG_LINK_MTU:
        return sg_rtnl_link_build_mtu (sg_nl_batch_reserve (batch, SG_RTNL_MTU_ROOM),
                                       SG_RTNL_MTU_ROOM, to->ifindex, to->conf->mtu);
    case SG_LINK_IPV6_ON:
    case SG_LINK_IPV6_OFF:
    case SG_LINK_ACTION_KIND_N:
        break;
    }
    g_assert_not_reached ();
}

/* ---- carrying out ---- */

/* By which way an action goes: actions in a row with the same go in one piece. */
typedef enum { ROAD_SWITCH, ROAD_WIREGUARD, ROAD_ROUTE } Road;

static Road
road_of (const SgLinkAction *action)
{
    static const Road roads[SG_LINK_ACTION_KIND_N] = {
        [SG_LINK_IPV6_ON] = ROAD_SWITCH,     [SG_LINK_IPV6_OFF] = ROAD_SWITCH,
        [SG_LINK_DEVICE] = ROAD_WIREGUARD,   [SG_LINK_PEER_SET] = ROAD_WIREGUARD,
        [SG_LINK_PEER_DEL] = ROAD_WIREGUARD, [SG_LINK_ADDRESS_ADD] = ROAD_ROUTE,
        [SG_LINK_ADDRESS_DEL] = ROAD_ROUTE,  [SG_LINK_ROUTE_ADD] = ROAD_ROUTE,
        [SG_LINK_ROUTE_DEL] = ROAD_ROUTE,    [SG_LINK_MTU] = ROAD_ROUTE,
    };

    return roads[action->kind];
}

typedef struct {
    const SgLinkState *to;
    const SgLinkAction *actions;
    GError *first; /* refusal */
} Exchange;

static bool
is_as_wanted (SgLinkActionKind kind, int errnum)
{
    if (kind == SG_LINK_ADDRESS_ADD || kind == SG_LINK_ROUTE_ADD)
        return errnum == EEXIST;
    /* A route goes with its source address. */
    return (kind == SG_LINK_ADDRESS_DEL && errnum == EADDRNOTAVAIL) ||
           (kind == SG_LINK_ROUTE_DEL && errnum == ESRCH);
}

static void
take_refusal (size_t index, int errnum, const char *text, void *data)
{
    Exchange *exchange = data;
    const SgLinkAction *action = &exchange->actions[index];
    g_autofree char *what = NULL;

    if (exchange->first || is_as_wanted (action->kind, errnum))
        return;
    what = sg_link_action_to_string (action, exchange->to);
    exchange->first = g_error_new (SG_ERROR, SG_ERROR_KERNEL, "%s: %s%s%s%s", what,
                                   g_strerror (errnum), *text ? " (" : "", text, *text ? ")" : "");
}

static bool
send_actions (SgWgLinks *links, Exchange *exchange, size_t n, GError **error)
{
    SgNlSocket *sock =
        road_of (exchange->actions) == ROAD_WIREGUARD ? links->generic : links->route;
    g_autoptr (SgNlBatch) batch = sg_nl_batch_new ();

    for (size_t i = 0; i < n; i++) {
        const SgLinkAction *action = &exchange->actions[i];

        if (!build (links, batch, exchange->to, action)) {
            g_autofree char *what = sg_link_action_to_string (action, exchange->to);

            g_set_error (error, SG_ERROR, SG_ERROR_LIMIT, "%s: does not fit into a message", what);
            return false;
        }
        sg_nl_batch_commit (batch);
    }
    if (!sg_nl_socket_write (sock, batch, take_refusal, exchange, error)) {
        g_clear_error (&exchange->first);
        return false;
    }
    if (exchange->first)
        g_propagate_error (error, exchange->first);
    return !exchange->first;
}

bool
sg_wg_links_apply (SgWgLinks *links, const SgLinkPlan *plan, GError **error)
{
    const SgLinkAction *actions = (const SgLinkAction *) plan->actions->data;

    for (size_t start = 0, n; start < plan->actions->len; start += n) {
        Exchange exchange = {.to = plan->to, .actions = actions + start};
        Road road = road_of (exchange.actions);
        bool ok;

        n = 1;
        while (start + n < plan->actions->len && road_of (&actions[start + n]) == road &&
               road != ROAD_SWITCH)
            n++;
        ok = road == ROAD_SWITCH ? write_ipv6_off (plan->to->name, plan->to->ipv6_off, error)
                                 : send_actions (links, &exchange, n, error);
        if (!ok)
            return false;
    }
    return true;
}
