/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-route.h"

#include <string.h>

#include <linux/rtnetlink.h>

#include "base/error.h"
#include "core/contract.h"
#include "kernel/nl-attr.h"

static const SgNlSpec route_specs[] = {
    [RTA_DST] = {SG_NL_BYTES, 4},
    [RTA_SRC] = {SG_NL_BYTES, 4},
    [RTA_OIF] = {SG_NL_U32},
    [RTA_GATEWAY] = {SG_NL_BYTES, 4},
    [RTA_PRIORITY] = {SG_NL_U32},
    [RTA_PREFSRC] = {SG_NL_BYTES, 4},
    [RTA_METRICS] = {SG_NL_BYTES},
    [RTA_MULTIPATH] = {SG_NL_BYTES},
    [RTA_CACHEINFO] = {SG_NL_BYTES, sizeof (struct rta_cacheinfo)},
    [RTA_TABLE] = {SG_NL_U32},
    [RTA_VIA] = {SG_NL_BYTES, sizeof (struct rtvia)},
    [RTA_PREF] = {SG_NL_U8},
    [RTA_NH_ID] = {SG_NL_U32},
};

typedef const struct nlattr *Attrs[G_N_ELEMENTS (route_specs)];

/* ---- reading ---- */

/* Whether routes of @type lead somewhere (the others the kernel shows on lo). */
static bool
has_nexthops (uint8_t type)
{
    return type != RTN_BLACKHOLE && type != RTN_UNREACHABLE && type != RTN_PROHIBIT &&
           type != RTN_THROW;
}

static uint32_t
u32_or (const struct nlattr *attr, uint32_t otherwise)
{
    return attr ? sg_nl_attr_u32 (attr) : otherwise;
}

/* The prefix of @len bits that @attr holds; any when there is none. */
static bool
parse_prefix (const struct nlattr *attr, uint8_t family, uint8_t len, SgPrefix *ret_prefix)
{
    SgIp ip;

    if (len > sg_family_bits (family) || (len > 0 && !attr))
        return false;
    if (!attr)
        return true;
    if (!sg_nl_attr_ip (attr, family, &ip))
        return false;
    *ret_prefix = sg_prefix_new (&ip, len);
    return true;
}

/* RTA_METRICS: attributes whose type is a number of RTAX_*. */
static bool
parse_metrics (const struct nlattr *nest, SgRoute *route)
{
    const struct nlattr *attr = NULL;
    bool broken = false;

    while (sg_nl_attr_next (nest, &attr, &broken)) {
        uint16_t type = attr->nla_type & NLA_TYPE_MASK;

        if (type == RTAX_CC_ALGO || type >= SG_ROUTE_METRICS_N)
            continue;
        if (sg_nl_attr_len (attr) < sizeof (uint32_t))
            return false;
        route->metrics[type] = sg_nl_attr_u32 (attr);
    }
    return !broken;
}

/* RTA_GATEWAY, or RTA_VIA: an IPv6 gateway of an IPv4 route (RFC 5549). */
static bool
parse_gateway (const Attrs attrs, uint8_t family, SgNexthop *hop)
{
    if (attrs[RTA_GATEWAY])
        return sg_nl_attr_ip (attrs[RTA_GATEWAY], family, &hop->gateway);
    if (attrs[RTA_VIA]) {
        const struct rtvia *via = sg_nl_attr_data (attrs[RTA_VIA]);
        size_t bytes = sg_family_bytes ((uint8_t) via->rtvia_family);

        if (bytes == 0 || sg_nl_attr_len (attrs[RTA_VIA]) < sizeof (*via) + bytes)
            return false;
        hop->gateway = sg_ip_from_bytes ((uint8_t) via->rtvia_family, via->rtvia_addr);
    }
    return true;
}

/* One struct rtnexthop with its attributes. */
static bool
parse_hop (const struct rtnexthop *rtnh, uint8_t family, SgNexthop *hop)
{
    Attrs attrs;

    hop->ifindex = (uint32_t) rtnh->rtnh_ifindex;
    hop->weight = (uint16_t) (rtnh->rtnh_hops + 1);
    hop->onlink = (rtnh->rtnh_flags & RTNH_F_ONLINK) != 0;
    return sg_nl_attrs_parse (rtnh + 1, rtnh->rtnh_len - sizeof (*rtnh), route_specs,
                              G_N_ELEMENTS (route_specs), attrs) &&
           parse_gateway (attrs, family, hop);
}

/* Reads up to @most next hops into @hops (NULL: only counts). -1 when they are malformed. */
static int
parse_multipath (const struct nlattr *attr, uint8_t family, SgNexthop *hops, int most)
{
    const uint8_t *at = sg_nl_attr_data (attr);
    size_t left = sg_nl_attr_len (attr);
    int n = 0;

    while (left > 0) {
        const struct rtnexthop *rtnh = (const void *) at;

        if (left < sizeof (*rtnh) || rtnh->rtnh_len < sizeof (*rtnh) || rtnh->rtnh_len > left)
            return -1;
        if (hops && n < most && !parse_hop (rtnh, family, &hops[n]))
            return -1;
        n++;
        size_t step = MIN ((size_t) RTNH_ALIGN ((size_t) rtnh->rtnh_len), left);
        at += step;
        left -= step;
    }
    return n;
}

static int
count_hops (const Attrs attrs, const struct rtmsg *header)
{
    if (!has_nexthops (header->rtm_type))
        return 0;
    if (attrs[RTA_MULTIPATH])
        return parse_multipath (attrs[RTA_MULTIPATH], header->rtm_family, NULL, 0);
    return attrs[RTA_OIF] || attrs[RTA_GATEWAY] || attrs[RTA_VIA] ? 1 : 0;
}

static bool
take_hops (const Attrs attrs, const struct rtmsg *header, SgRoute *route)
{
    if (route->n_nexthops == 0)
        return true;
    if (attrs[RTA_MULTIPATH])
        return parse_multipath (attrs[RTA_MULTIPATH], header->rtm_family, route->nexthops,
                                route->n_nexthops) >= 0;
    route->nexthops[0].ifindex = u32_or (attrs[RTA_OIF], 0);
    route->nexthops[0].onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0;
    return parse_gateway (attrs, header->rtm_family, &route->nexthops[0]);
}

static bool
take_members (const Attrs attrs, const struct rtmsg *header, SgRoute *route)
{
    route->type = header->rtm_type;
    route->protocol = header->rtm_protocol;
    route->scope = header->rtm_scope;
    route->tos = header->rtm_tos;
    route->table = u32_or (attrs[RTA_TABLE], header->rtm_table);
    route->metric = u32_or (attrs[RTA_PRIORITY], 0);
    route->nexthop_id = u32_or (attrs[RTA_NH_ID], 0);
    if (attrs[RTA_PREF])
        route->pref = sg_nl_attr_u8 (attrs[RTA_PREF]);
    if (attrs[RTA_CACHEINFO]) {
        const struct rta_cacheinfo *info = sg_nl_attr_data (attrs[RTA_CACHEINFO]);

        route->expires = info->rta_expires != 0;
    }
    if (!parse_prefix (attrs[RTA_DST], header->rtm_family, header->rtm_dst_len, &route->dst) ||
        !parse_prefix (attrs[RTA_SRC], header->rtm_family, header->rtm_src_len, &route->src))
        return false;
    if (attrs[RTA_PREFSRC] &&
        !sg_nl_attr_ip (attrs[RTA_PREFSRC], header->rtm_family, &route->prefsrc))
        return false;
    return !attrs[RTA_METRICS] || parse_metrics (attrs[RTA_METRICS], route);
}

/* Whether a snapshot holds routes like this. */
static bool
is_kept (const Attrs attrs, const struct rtmsg *header)
{
    uint32_t table = u32_or (attrs[RTA_TABLE], header->rtm_table);

    if (header->rtm_flags & RTM_F_CLONED)
        return false;
    return table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT || table > SG_TABLE_BASE ||
           header->rtm_protocol == SG_PROTOCOL;
}

static bool
malformed (GError **error)
{
    g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a route");
    return false;
}

bool
sg_rtnl_route_parse (const struct nlmsghdr *nlh, SgRoute **ret_route, GError **error)
{
    Attrs attrs;
    const struct rtmsg *header = sg_nl_message_header (nlh);

    if (nlh->nlmsg_type != RTM_NEWROUTE ||
        !sg_nl_message_parse (nlh, sizeof (*header), route_specs, G_N_ELEMENTS (route_specs),
                              attrs) ||
        sg_family_bytes (header->rtm_family) == 0)
        return malformed (error);
    if (!is_kept (attrs, header)) {
        *ret_route = NULL;
        return true;
    }

    int n = count_hops (attrs, header);
    if (n < 0)
        return malformed (error);
    g_autofree SgRoute *route = sg_route_new (header->rtm_family, (uint16_t) n);
    if (!take_members (attrs, header, route) || !take_hops (attrs, header, route))
        return malformed (error);
    sg_route_sort_nexthops (route);
    *ret_route = g_steal_pointer (&route);
    return true;
}

/* ---- building ---- */

static void
put_gateway (SgNlMessage *message, const SgRoute *route, const SgNexthop *hop)
{
    struct {
        uint16_t family;
        uint8_t bytes[16];
    } via = {.family = hop->gateway.family};

    if (!sg_ip_is_set (&hop->gateway))
        return;
    if (hop->gateway.family == route->family) {
        sg_nl_put_ip (message, RTA_GATEWAY, &hop->gateway);
        return;
    }
    memcpy (via.bytes, hop->gateway.bytes, sizeof (via.bytes));
    sg_nl_put (message, RTA_VIA, &via, sizeof (via.family) + sg_family_bytes (hop->gateway.family));
}

static void
put_multipath (SgNlMessage *message, const SgRoute *route)
{
    struct nlattr *nest = sg_nl_nest_begin (message, RTA_MULTIPATH);

    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        const SgNexthop *hop = &route->nexthops[i];
        uint32_t start = message->nlh->nlmsg_len;
        struct rtnexthop *rtnh = sg_nl_put_header (message, sizeof (*rtnh));

        if (!rtnh)
            break;
        rtnh->rtnh_ifindex = (int) hop->ifindex;
        rtnh->rtnh_hops = (uint8_t) (MAX (hop->weight, 1) - 1);
        rtnh->rtnh_flags = hop->onlink ? RTNH_F_ONLINK : 0;
        put_gateway (message, route, hop);
        rtnh->rtnh_len = (uint16_t) (message->nlh->nlmsg_len - start);
    }
    sg_nl_nest_end (message, nest);
}

/* Where the route leads. */
static void
put_path (SgNlMessage *message, SgRtnlRouteKind kind, const SgRoute *route, struct rtmsg *header)
{
    if (route->nexthop_id != 0) {
        sg_nl_put_u32 (message, RTA_NH_ID, route->nexthop_id);
    } else if (!has_nexthops (route->type)) {
        /* Of an IPv6 route that it deletes the kernel does not compare the type (net/ipv6/route.c,
         * ip6_route_del), but the device, and these are on lo. */
        if (kind == SG_RTNL_ROUTE_DEL && route->family == AF_INET6)
            sg_nl_put_u32 (message, RTA_OIF, SG_LOOPBACK_IFINDEX);
    } else if (route->n_nexthops > 1) {
        put_multipath (message, route);
    } else if (route->n_nexthops == 1) {
        if (route->nexthops[0].ifindex != 0)
            sg_nl_put_u32 (message, RTA_OIF, route->nexthops[0].ifindex);
        header->rtm_flags = route->nexthops[0].onlink ? RTNH_F_ONLINK : 0;
        put_gateway (message, route, &route->nexthops[0]);
    }
}

static void
put_metrics (SgNlMessage *message, const SgRoute *route)
{
    struct nlattr *nest = NULL;

    for (uint16_t i = 1; i < SG_ROUTE_METRICS_N; i++) {
        if (route->metrics[i] == 0)
            continue;
        if (!nest)
            nest = sg_nl_nest_begin (message, RTA_METRICS);
        sg_nl_put_u32 (message, i, route->metrics[i]);
    }
    sg_nl_nest_end (message, nest);
}

size_t
sg_rtnl_route_room (const SgRoute *route)
{
    return 512 + (size_t) route->n_nexthops * 64;
}

bool
sg_rtnl_route_build (void *memory, size_t room, SgRtnlRouteKind kind, const SgRoute *route)
{
    static const struct {
        uint16_t type;
        uint16_t flags;
    } kinds[] = {
        [SG_RTNL_ROUTE_ADD] = {RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND},
        [SG_RTNL_ROUTE_REPLACE] = {RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE},
        [SG_RTNL_ROUTE_DEL] = {RTM_DELROUTE, 0},
    };
    SgNlMessage message =
        sg_nl_message_begin (memory, room, kinds[kind].type, NLM_F_REQUEST | kinds[kind].flags);
    struct rtmsg *header = sg_nl_put_header (&message, sizeof (*header));

    if (!header)
        return false;
    header->rtm_family = route->family;
    header->rtm_dst_len = route->dst.len;
    header->rtm_src_len = route->src.len;
    header->rtm_tos = route->tos;
    header->rtm_protocol = route->protocol;
    header->rtm_scope = route->scope;
    header->rtm_type = route->type;

    if (route->dst.len > 0)
        sg_nl_put_ip (&message, RTA_DST, &route->dst.ip);
    if (route->src.len > 0)
        sg_nl_put_ip (&message, RTA_SRC, &route->src.ip);
    sg_nl_put_u32 (&message, RTA_TABLE, route->table);
    if (route->metric != 0)
        sg_nl_put_u32 (&message, RTA_PRIORITY, route->metric);
    if (sg_ip_is_set (&route->prefsrc))
        sg_nl_put_ip (&message, RTA_PREFSRC, &route->prefsrc);
    put_metrics (&message, route);
    put_path (&message, kind, route, header);
    return !message.full;
}
