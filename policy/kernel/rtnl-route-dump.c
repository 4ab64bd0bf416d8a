/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-route.h"

#include "core/contract.h"
#include "kernel/nl-attr.h"
#include "kernel/rtnl-nexthop.h"

/* Where the routes of one dump go. */
typedef struct {
    GPtrArray *routes;
    guint before; /* how many there were when it started */
    uint8_t family;
} Taking;

static bool
take_route (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;
    SgRoute *route;

    if (!sg_rtnl_route_parse (nlh, &route, error))
        return false;
    if (route && route->family == taking->family)
        g_ptr_array_add (taking->routes, route);
    else
        g_free (route);
    return true;
}

static void
reset_routes (void *data)
{
    Taking *taking = data;

    g_ptr_array_set_size (taking->routes, (int) taking->before);
}

/* A route dump goes on by counting too (net/ipv6/ip6_fib.c, fib6_dump_table), unmarked. */
static int
group_of (uint8_t family)
{
    return family == AF_INET6 ? RTNLGRP_IPV6_ROUTE : RTNLGRP_IPV4_ROUTE;
}

/* @protocol: the kernel leaves out those of any other; RTPROT_UNSPEC: none. */
static bool
dump (SgNlSocket *sock, uint8_t family, uint8_t protocol, SgSnapshot *snapshot, GError **error)
{
    Taking taking = {snapshot->routes, snapshot->routes->len, family};
    const SgNlReader reader = {take_route, reset_routes, &taking, group_of (family),
                               /* restless= */ true};
    uint8_t memory[64] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETROUTE, NLM_F_DUMP);
    struct rtmsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->rtm_family = family;
    header->rtm_protocol = protocol;
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read the routes: ");
        return false;
    }
    return sg_rtnl_nexthop_resolve (sock, snapshot->routes, taking.before, error);
}

bool
sg_rtnl_route_dump (SgNlSocket *sock, uint8_t family, SgSnapshot *snapshot, GError **error)
{
    return dump (sock, family, RTPROT_UNSPEC, snapshot, error);
}

bool
sg_rtnl_route_dump_to_servers (SgNlSocket *sock, SgSnapshot *snapshot, GError **error)
{
    guint before = snapshot->routes->len;

    if (!dump (sock, AF_INET, SG_PROTOCOL, snapshot, error))
        return false;
    for (guint i = snapshot->routes->len; i-- > before;) {
        if (!sg_route_is_to_server (g_ptr_array_index (snapshot->routes, i)))
            g_ptr_array_remove_index (snapshot->routes, i);
    }
    return true;
}
