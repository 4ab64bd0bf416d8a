/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table of ours in the words of nft; for test-nft.c only. */
#pragma once

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>

#include "core/contract.h"
#include "core/nft-model.h"

/* What the sets are in the nft language. */
#define SETS_TEXT                                                                                  \
    "map gateway_mark { type iface_index : mark; }\n"                                              \
    "set gateway_marks { type mark; }\n"                                                           \
    "set reply_ok { type mark . iface_index; }\n"                                                  \
    "set gateways { type iface_index; }\n"                                                         \
    "set exempt { type iface_index; }\n"                                                           \
    "set selected { type iface_index; }\n"                                                         \
    "set unselected { type iface_index . ipv6_addr; flags interval; }\n"                           \
    "set overrides { type iface_index . ipv6_addr; flags interval; }\n"                            \
    "set override_ways { type iface_index . ipv6_addr; flags interval; }\n"                        \
    "set gateway_addresses { type ipv6_addr; }\n"                                                  \
    "set own_addresses { type iface_index . ipv6_addr; }\n"                                        \
    "set local_prefixes { type iface_index . ipv6_addr; flags interval; }\n"                       \
    "set transport_marks { type mark; }\n"
/* …of the tunnel role, which is of IPv6 only. */
#define TUNNEL_SETS_TEXT                                                                           \
    "set tunnel_links { type iface_index; }\n"                                                     \
    "set tunnel_devices { type ipv6_addr; }\n"                                                     \
    "map tunnel_subnets { type ipv6_addr : mark; }\n"                                              \
    "set tunnel_members { type mark . ipv6_addr; }\n"                                              \
    "set pinholes { type ipv6_addr . inet_proto . inet_service; }\n"                               \
    "map pinhole_ports { type ipv6_addr . inet_proto . inet_service : inet_service; }\n"           \
    "set pcp_pinholes { type ipv6_addr . inet_proto . inet_service; flags timeout; }\n"            \
    "map pcp_ports { type ipv6_addr . inet_proto . inet_service : inet_service; flags timeout; "   \
    "}\n"                                                                                          \
    "set pcp_tcp_filters { type ipv6_addr . inet_service . ipv6_addr; flags interval,timeout; }\n" \
    "set pcp_udp_filters { type ipv6_addr . inet_service . ipv6_addr; flags interval,timeout; }\n" \
    "set pcp_tcp_port_filters { type ipv6_addr . inet_service . ipv6_addr . inet_service; flags "  \
    "interval,timeout; }\n"                                                                        \
    "set pcp_udp_port_filters { type ipv6_addr . inet_service . ipv6_addr . inet_service; flags "  \
    "interval,timeout; }\n"

/* The text of @table: its rules in their own words. */
static char *
text_of (const SgNftTable *table)
{
    static const char *const hooks[] = {"prerouting", "input", "forward", "output", "postrouting"};
    GString *text = g_string_new ("table ip6 " SG_NFT_TABLE " {\n" SETS_TEXT);

    if (table->family == NFPROTO_IPV6)
        g_string_append (text, TUNNEL_SETS_TEXT);
    else {
        g_string_replace (text, "ip6", "ip", 0);
        g_string_replace (text, "ipv6_addr", "ipv4_addr", 0);
    }

    for (guint i = 0; i < table->chains->len; i++) {
        const SgNftChain *chain = g_ptr_array_index (table->chains, i);

        g_string_append_printf (text, "chain %s {\n", chain->name);
        if (chain->base)
            g_string_append_printf (text, "type %s hook %s priority %d; policy accept;\n",
                                    chain->type, hooks[chain->hook], chain->priority);
        for (guint k = 0; k < chain->rules->len; k++)
            g_string_append_printf (text, "%s\n",
                                    ((SgNftRule *) g_ptr_array_index (chain->rules, k))->text);
        g_string_append (text, "}\n");
    }
    g_string_append (text, "}\n");
    return g_string_free (text, FALSE);
}
