/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rtnetlink, generic netlink and sock_diag answer: the first byte chooses the parser, the rest is
 * messages. */
#include "kernel/genl-wg.h"
#include "kernel/nl-attr.h"
#include "kernel/rtnl-address.h"
#include "kernel/rtnl-link.h"
#include "kernel/rtnl-neigh.h"
#include "kernel/rtnl-nexthop.h"
#include "kernel/rtnl-route.h"
#include "kernel/rtnl-rp-filter.h"
#include "kernel/rtnl-rule.h"
#include "kernel/sock-diag.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static bool
parse_link (const struct nlmsghdr *nlh, GError **error)
{
    SgLink link;

    return sg_rtnl_link_parse (nlh, &link, error);
}

static bool
parse_address (const struct nlmsghdr *nlh, GError **error)
{
    SgAddress address;

    return sg_rtnl_address_parse (nlh, &address, error);
}

/* What was read can be built, and is read the same again. */
static bool
parse_rule (const struct nlmsghdr *nlh, GError **error)
{
    _Alignas(struct nlmsghdr) uint8_t memory[SG_RTNL_RULE_ROOM] = {0};
    SgRule rule, again;

    if (!sg_rtnl_rule_parse (nlh, &rule, error))
        return false;
    /* A mark under the mask 0 selects nothing and is not said again. */
    if (rule.other || rule.family == AF_UNSPEC || (rule.fwmark != 0 && rule.fwmask == 0))
        return true;
    g_assert_true (sg_rtnl_rule_build (memory, sizeof memory, RTM_NEWRULE, &rule));
    g_assert_true (sg_rtnl_rule_parse ((const void *) memory, &again, error));
    g_assert_cmpint (sg_rule_compare (&rule, &again), ==, 0);
    return true;
}

static bool
parse_route (const struct nlmsghdr *nlh, GError **error)
{
    g_autofree SgRoute *route = NULL;

    if (!sg_rtnl_route_parse (nlh, &route, error))
        return false;
    if (route) {
        size_t room = sg_rtnl_route_room (route);
        g_autofree uint8_t *memory = g_malloc0 (room);

        /* Only next hops without end do not fit. */
        g_assert_true (sg_rtnl_route_build (memory, room, SG_RTNL_ROUTE_ADD, route) ||
                       route->n_nexthops > 1000);
    }
    return true;
}

static bool
parse_nexthop (const struct nlmsghdr *nlh, GError **error)
{
    SgRtnlNexthop nexthop = {0};
    bool ok = sg_rtnl_nexthop_parse (nlh, &nexthop, error);

    sg_rtnl_nexthop_clear (&nexthop);
    return ok;
}

static bool
parse_wireguard (const struct nlmsghdr *nlh, GError **error)
{
    g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
    g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
    SgWireguard wireguard = {0};

    return sg_genl_wg_parse (nlh, /* expected= */ NULL, &wireguard, peers, allowed, error);
}

/* What was read can be built, and is read the same again. */
static bool
parse_proxy (const struct nlmsghdr *nlh, GError **error)
{
    _Alignas(struct nlmsghdr) uint8_t memory[SG_RTNL_PROXY_ROOM] = {0};
    SgProxy proxy, again;

    if (!sg_rtnl_proxy_parse (nlh, &proxy, error))
        return false;
    g_assert_true (sg_rtnl_proxy_build (memory, sizeof memory, RTM_NEWNEIGH, &proxy));
    g_assert_true (sg_rtnl_proxy_parse ((const void *) memory, &again, error));
    g_assert_cmpint (sg_ip_compare (&proxy.ip, &again.ip), ==, 0);
    return true;
}

static bool
parse_error (const struct nlmsghdr *nlh, GError **error)
{
    char text[SG_NL_TEXT_MAX];
    int errnum;

    return sg_nl_error_parse (nlh, &errnum, text);
}

static bool
parse_socket (const struct nlmsghdr *nlh, GError **error)
{
    SgSocket found;

    if (!sg_sock_diag_parse (nlh, 6 /* TCP */, &found, error))
        return false;
    g_assert_true (found.source.family == AF_INET || found.source.family == AF_INET6);
    return true;
}

static bool
parse_rp_filter (const struct nlmsghdr *nlh, GError **error)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    const SgLink link = {.ifindex = 1};

    g_array_append_val (snapshot->links, link);
    return sg_rtnl_rp_filter_parse (nlh, snapshot, error);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static bool (*const parsers[]) (const struct nlmsghdr *nlh, GError **error) = {
        parse_link,      parse_address, parse_rule,  parse_route,  parse_nexthop,
        parse_wireguard, parse_error,   parse_proxy, parse_socket, parse_rp_filter,
    };
    const struct nlmsghdr *nlh;

    if (size == 0)
        return 0;
    g_autofree uint8_t *copy = g_memdup2 (data + 1, size - 1); /* aligned, ends where it ends */
    const uint8_t *at = copy;
    size_t left = size - 1;
    while ((nlh = sg_nl_message_next (&at, &left))) {
        g_autoptr (GError) error = NULL;
        bool ok = parsers[data[0] % G_N_ELEMENTS (parsers)](nlh, &error);

        g_assert_true (!ok || !error);
    }
    return 0;
}
