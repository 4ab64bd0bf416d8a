/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/route.h"

#include <stdlib.h>
#include <string.h>

#include "core/contract.h"

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

SgRoute *
sg_route_new (uint8_t family, uint16_t n_nexthops)
{
    SgRoute *route = g_malloc0 (sizeof *route + n_nexthops * sizeof *route->nexthops);

    route->family = family;
    route->type = RTN_UNICAST;
    route->dst = sg_prefix_any (family);
    route->src = sg_prefix_any (family);
    route->n_nexthops = n_nexthops;
    for (uint16_t i = 0; i < n_nexthops; i++)
        route->nexthops[i].weight = 1;
    return route;
}

SgRoute *
sg_route_copy (const SgRoute *route)
{
    return g_memdup2 (route, sizeof *route + route->n_nexthops * sizeof *route->nexthops);
}

int
sg_nexthop_compare (const SgNexthop *a, const SgNexthop *b)
{
    int order = CMP (a->ifindex, b->ifindex);

    if (!order)
        order = sg_ip_compare (&a->gateway, &b->gateway);
    if (!order)
        order = CMP (a->weight, b->weight);
    return order ? order : CMP (a->onlink, b->onlink);
}

static int
compare_slots (const SgRoute *a, const SgRoute *b)
{
    int order = CMP (a->family, b->family);

    if (!order)
        order = CMP (a->table, b->table);
    if (!order)
        order = sg_prefix_compare (&a->dst, &b->dst);
    if (!order)
        order = sg_prefix_compare (&a->src, &b->src);
    if (!order)
        order = CMP (a->tos, b->tos);
    return order ? order : CMP (a->metric, b->metric);
}

static int
compare_paths (const SgRoute *a, const SgRoute *b)
{
    int order = CMP (a->type, b->type);

    if (!order)
        order = CMP (a->nexthop_id, b->nexthop_id);
    if (order || a->nexthop_id)
        return order;
    order = CMP (a->n_nexthops, b->n_nexthops);
    for (uint16_t i = 0; i < a->n_nexthops && !order; i++)
        order = sg_nexthop_compare (&a->nexthops[i], &b->nexthops[i]);
    return order;
}

int
sg_route_compare (const SgRoute *a, const SgRoute *b)
{
    int order = compare_slots (a, b);

    if (!order)
        order = compare_paths (a, b);
    if (!order)
        order = CMP (a->protocol, b->protocol);
    if (!order)
        order = CMP (a->scope, b->scope);
    if (!order)
        order = sg_ip_compare (&a->prefsrc, &b->prefsrc);
    return order ? order : memcmp (a->metrics, b->metrics, sizeof a->metrics);
}

bool
sg_route_same_slot (const SgRoute *a, const SgRoute *b)
{
    return compare_slots (a, b) == 0;
}

bool
sg_route_same_path (const SgRoute *a, const SgRoute *b)
{
    return compare_slots (a, b) == 0 && compare_paths (a, b) == 0;
}

void
sg_route_sort_nexthops (SgRoute *route)
{
    qsort (route->nexthops, route->n_nexthops, sizeof *route->nexthops,
           (int (*) (const void *, const void *)) sg_nexthop_compare);
}

bool
sg_route_uses (const SgRoute *route, uint32_t ifindex)
{
    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        if (route->nexthops[i].ifindex == ifindex)
            return true;
    }
    return false;
}

bool
sg_route_is_default (const SgRoute *route)
{
    return route->dst.len == 0;
}

/* 2000::/4 and 3000::/4 are the smallest pieces in use (OpenVPN's redirect-gateway ipv6). Of IPv4 no
 * network of anybody is shorter than a /8. */
#define DISGUISE_LEN_MAX 4
#define DISGUISE_LEN_MAX4 7

bool
sg_route_is_default_in_disguise (const SgRoute *route)
{
    uint8_t most = route->family == AF_INET6 ? DISGUISE_LEN_MAX : DISGUISE_LEN_MAX4;

    return route->dst.len > 0 && route->dst.len <= most;
}

bool
sg_route_is_to_server (const SgRoute *route)
{
    return route->protocol == SG_PROTOCOL && route->table == RT_TABLE_MAIN &&
           route->metric == SG_DNS_METRIC;
}

/* ---- printing ---- */

static void
print_nexthop (const SgNexthop *hop, SgLinkName link_name, const void *data, GString *out)
{
    char text[SG_PREFIX_TEXT_MAX];

    if (sg_ip_is_set (&hop->gateway))
        g_string_append_printf (out, " via %s", sg_ip_format (&hop->gateway, text));
    if (hop->ifindex && link_name (hop->ifindex, data))
        g_string_append_printf (out, " dev %s", link_name (hop->ifindex, data));
    else if (hop->ifindex)
        g_string_append_printf (out, " dev if%u", hop->ifindex);
    if (hop->onlink)
        g_string_append (out, " onlink");
}

static void
print_path (const SgRoute *route, SgLinkName link_name, const void *data, GString *out)
{
    if (route->nexthop_id) {
        g_string_append_printf (out, " nhid %u", route->nexthop_id);
    } else if (route->n_nexthops == 1) {
        print_nexthop (&route->nexthops[0], link_name, data, out);
    } else {
        for (uint16_t i = 0; i < route->n_nexthops; i++) {
            g_string_append (out, " nexthop");
            print_nexthop (&route->nexthops[i], link_name, data, out);
            g_string_append_printf (out, " weight %u", route->nexthops[i].weight);
        }
    }
}

static void
print_table (uint32_t table, GString *out)
{
    if (table == RT_TABLE_MAIN)
        g_string_append (out, " table main");
    else if (table == RT_TABLE_DEFAULT)
        g_string_append (out, " table default");
    else if (table == RT_TABLE_LOCAL)
        g_string_append (out, " table local");
    else
        g_string_append_printf (out, " table %u", table);
}

/* The words of ip-route(8) for RTAX_* (linux/rtnetlink.h). */
static const char *const metric_words[SG_ROUTE_METRICS_N] = {
    [RTAX_LOCK] = "lock",
    [RTAX_MTU] = "mtu",
    [RTAX_WINDOW] = "window",
    [RTAX_RTT] = "rtt",
    [RTAX_RTTVAR] = "rttvar",
    [RTAX_SSTHRESH] = "ssthresh",
    [RTAX_CWND] = "cwnd",
    [RTAX_ADVMSS] = "advmss",
    [RTAX_REORDERING] = "reordering",
    [RTAX_HOPLIMIT] = "hoplimit",
    [RTAX_INITCWND] = "initcwnd",
    [RTAX_FEATURES] = "features",
    [RTAX_RTO_MIN] = "rto_min",
    [RTAX_INITRWND] = "initrwnd",
    [RTAX_QUICKACK] = "quickack",
    [RTAX_FASTOPEN_NO_COOKIE] = "fastopen_no_cookie",
};

static const char *
type_word (uint8_t type)
{
    switch (type) {
    case RTN_BLACKHOLE:
        return "blackhole ";
    case RTN_UNREACHABLE:
        return "unreachable ";
    case RTN_PROHIBIT:
        return "prohibit ";
    case RTN_THROW:
        return "throw ";
    case RTN_LOCAL:
        return "local ";
    default:
        return "";
    }
}

static void
print_protocol (uint8_t protocol, GString *out)
{
    if (protocol == SG_PROTOCOL)
        g_string_append (out, " proto " SG_PROTOCOL_NAME);
    else
        g_string_append_printf (out, " proto %u", protocol);
}

void
sg_route_print (const SgRoute *route, SgLinkName link_name, const void *data, GString *out)
{
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append (out, type_word (route->type));
    g_string_append (out, sg_route_is_default (route) ? "default"
                                                      : sg_prefix_format (&route->dst, text));
    if (route->src.len)
        g_string_append_printf (out, " from %s", sg_prefix_format (&route->src, text));
    if (route->tos)
        g_string_append_printf (out, " tos 0x%02x", route->tos);
    print_table (route->table, out);
    print_protocol (route->protocol, out);
    if (sg_ip_is_set (&route->prefsrc))
        g_string_append_printf (out, " src %s", sg_ip_format (&route->prefsrc, text));
    if (route->metric)
        g_string_append_printf (out, " metric %u", route->metric);
    for (size_t i = 0; i < SG_ROUTE_METRICS_N; i++) {
        if (route->metrics[i] && metric_words[i])
            g_string_append_printf (out, " %s %u", metric_words[i], route->metrics[i]);
    }
    print_path (route, link_name, data, out);
}
