/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name servers that a profile keeps for the time when its gateway is the selected outbound (spec
 * 1.7, "DNS"): which of them can be asked, and a host route to each through the gateway, so that no
 * question for one of them leaves by the LAN, whoever asks. */
#include "core/wanted-parts.h"

#include <string.h>

#include "core/contract.h"
#include "core/wg-conf.h"

static bool
contains (const GArray *servers, const SgIp *server)
{
    for (guint i = 0; i < servers->len; i++) {
        if (sg_ip_compare (&g_array_index (servers, SgIp, i), server) == 0)
            return true;
    }
    return false;
}

/* ---- which can be asked ---- */

/* Without an address of the family on the link, questions would have the LAN's as their source. */
static bool
has_source (const SgSituation *situation, uint8_t af)
{
    const GArray *addresses = situation->snapshot->addresses;

    for (guint i = 0; i < addresses->len; i++) {
        const SgAddress *address = &g_array_index (addresses, SgAddress, i);

        if (address->ifindex == situation->selected->ifindex && address->ip.family == af &&
            !sg_ip_is_link_local (&address->ip))
            return true;
    }
    return false;
}

/* A host route to where encapsulated packets go would send them into the tunnel again. */
static bool
is_endpoint (const SgSituation *situation, const SgIp *server)
{
    const GArray *peers = situation->snapshot->peers;

    for (guint i = 0; i < peers->len; i++) {
        if (sg_ip_compare (&g_array_index (peers, SgWireguardPeer, i).endpoint, server) == 0)
            return true;
    }
    return false;
}

/* Nobody is to find his LAN's router, or the whole network, behind a host route. */
static bool
is_host (const SgIp *server)
{
    return sg_ip_is_set (server) && !sg_ip_is_link_local (server) && !sg_ip_is_multicast (server) &&
           !sg_ip_is_loopback (server);
}

static bool
can_be_asked (const SgSituation *situation, const SgIp *server, GPtrArray *warnings)
{
    const char *name = situation->selected->name;
    char text[SG_PREFIX_TEXT_MAX];
    const char *why = NULL;

    if (!is_host (server))
        why = "is no address of a host beyond the link";
    else if (!has_source (situation, server->family))
        why = server->family == AF_INET6 ? "cannot be reached: the gateway has no IPv6 address"
                                         : "cannot be reached: the gateway has no IPv4 address";
    else if (is_endpoint (situation, server))
        why = "is where a WireGuard tunnel ends, and a route to it through the gateway would cut "
              "that off";
    if (why)
        g_ptr_array_add (warnings, g_strdup_printf ("%s: its name server %s is not asked: it %s",
                                                    name, sg_ip_format (server, text), why));
    return !why;
}

/* ---- what the profile says ---- */

/* What is no address, or too much, is not ours. */
static GArray *
find_servers (const SgSituation *situation, GPtrArray *warnings)
{
    GArray *servers = g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgIp));
    g_auto (GStrv) words = g_strsplit_set (situation->selected->dns, ", ", -1);

    for (char **word = words; *word && servers->len < SG_WG_DNS_MAX; word++) {
        SgIp server;

        if (sg_ip_parse (*word, &server) && !contains (servers, &server) &&
            can_be_asked (situation, &server, warnings))
            g_array_append_val (servers, server);
    }
    return servers;
}

static GPtrArray *
find_domains (const SgSituation *situation)
{
    const char *said = situation->selected->dns_search;
    g_auto (GStrv) words = g_strsplit_set (said ? said : "", ", ", -1);
    GPtrArray *domains = g_ptr_array_new_with_free_func (g_free);

    for (char **word = words; *word && domains->len < SG_WG_DNS_MAX; word++) {
        if (sg_wg_domain_is_valid (*word))
            g_ptr_array_add (domains, g_strdup (*word));
    }
    return domains;
}

/* ---- what is wanted ---- */

static void
add_route (SgWanted *wanted, const SgIp *server, uint32_t ifindex)
{
    SgRoute *route = sg_route_new (server->family, /* n_nexthops= */ 1);

    route->protocol = SG_PROTOCOL;
    route->scope = server->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    route->table = RT_TABLE_MAIN;
    route->metric = SG_DNS_METRIC;
    route->dst = sg_prefix_host (server);
    route->nexthops[0].ifindex = ifindex;
    g_ptr_array_add (wanted->routes, route);
}

/* IPv4 servers, too, where Families= leaves IPv4 alone: asking one is not left to the LAN. */
void
sg_wanted_add_dns (SgWanted *wanted, const SgSituation *situation)
{
    const bool *families = situation->config->families;
    const SgGateway *selected = situation->selected;
    GArray *servers;

    if (!selected || !selected->wireguard || !selected->dns ||
        (!families[SG_IPV6] && !families[SG_IPV4]))
        return;
    servers = find_servers (situation, wanted->warnings);
    if (servers->len == 0) {
        g_array_unref (servers);
        return;
    }
    wanted->dns = g_new0 (SgWantedDns, 1);
    wanted->dns->ifindex = selected->ifindex;
    wanted->dns->servers = servers;
    wanted->dns->domains = find_domains (situation);
    for (guint i = 0; i < servers->len; i++)
        add_route (wanted, &g_array_index (servers, SgIp, i), selected->ifindex);
}

void
sg_wanted_dns_free (SgWantedDns *dns)
{
    if (!dns)
        return;
    g_array_unref (dns->servers);
    g_ptr_array_unref (dns->domains);
    g_free (dns);
}
