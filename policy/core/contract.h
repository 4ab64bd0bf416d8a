/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The numbers and names that other software and people's habits depend on. Each fact stands
 * here and nowhere else. */
#pragma once

/* Our protocol number on rules (FRA_PROTOCOL) and routes (rtm_protocol), and its name in
 * data/sixgate.rt_protos. Only objects that carry it are ever removed. */
#define SG_PROTOCOL 106
#define SG_PROTOCOL_NAME "sixgate"

/* Table and mark of a gateway: this plus its interface index. */
#define SG_TABLE_BASE 1000u

/* The fwmark that a WireGuard gateway without one gets ("sixg" in ASCII): far from every
 * mark of a gateway and from the 51820… that NetworkManager picks. */
#define SG_WG_FWMARK 0x73697867u

/* What a profile says in its "user" setting: the type of the gateway, and name servers and search
 * domains for the time when it is the selected outbound, separated by ", ". */
#define SG_USER_TYPE "sixgate.type"
#define SG_USER_DNS "sixgate.dns"
#define SG_USER_DNS_SEARCH "sixgate.dns-search"

/* Metric of the blackhole default in each table of a gateway: the largest, so that any other
 * default wins. */
#define SG_BLACKHOLE_METRIC 4294967295u

/* Metric of the host routes of main to those name servers: before whatever NetworkManager has through
 * a tunnel (50). Of our routes of main only they have it. */
#define SG_DNS_METRIC 49u

/* Rule priorities (ip-rule "pref"). */
#define SG_PREF_MARK 50u         /* fwmark MARK lookup TABLE, one per gateway */
#define SG_PREF_FROM 60u         /* from ADDRESS lookup TABLE, one per address */
#define SG_PREF_NOT_INJECTED 61u /* what a longer prefix of 62 must not take: lookup main */
#define SG_PREF_INJECTED 62u     /* to PREFIX lookup TABLE of the selected outbound */
#define SG_PREF_TO_MAIN 64u      /* to PREFIX lookup main, short static routes */
#define SG_PREF_SPECIFIC 65u     /* lookup main suppress_prefixlength 31 */
#define SG_PREF_OVERRIDE 70u     /* from PREFIX lookup TABLE, one per override */
#define SG_PREF_OVERRIDE_END 71u /* from PREFIX unreachable */
#define SG_PREF_TRANSPORT 74u    /* fwmark WIREGUARD lookup main */
#define SG_PREF_SELECTED 75u     /* lookup TABLE of the selected outbound */
#define SG_PREF_SELECTED_END 76u /* unreachable */
#define SG_PREF_MAIN 1000u       /* lookup main */
#define SG_PREF_DEFAULT 1100u    /* lookup default */
/* Foreign rules above this and below SG_PREF_KERNEL_MAIN are hidden by SG_PREF_MAIN. */
#define SG_PREF_KERNEL_MAIN 32766u

/* Rules at SG_PREF_INJECTED: more injected routes than this are refused by the guard only. */
#define SG_INJECTED_MAX 64u

/* Routes of main up to this length are suppressed by SG_PREF_SPECIFIC… */
#define SG_SPECIFIC_SUPPRESS 31
/* …and of IPv4 up to this one: the shortest network that a LAN can have is 10.0.0.0/8. */
#define SG_SPECIFIC_SUPPRESS4 7

/* Default of NftTable= in the configuration. */
#define SG_NFT_TABLE "startos"
/* Default of TunnelInterface=: the tunnel role's own interface, never a gateway. */
#define SG_TUNNEL_INTERFACE "wg-sixgate"
/* Default of TunnelPort=: where it listens. */
#define SG_TUNNEL_PORT 51820u

/* The PCP server's units are named so, and after the tunnel's interface. */
#define SG_PCP_UNIT "sixgate-pcp"
/* Where PCP clients find a server without being told (RFC 7723). */
#define SG_PCP_ANYCAST "2001:1::1"

/* The next hop object that the tunnel role's routes lead by: this plus the index of the interface. Far from
 * the numbers that the kernel and routing daemons count up from 1. */
#define SG_NEXTHOP_BASE 0x73690000u

/* The nftables objects that are ours inside that table. */
#define SG_MAP_GATEWAY_MARK "gateway_mark"
#define SG_SET_GATEWAY_MARKS "gateway_marks"
#define SG_SET_REPLY_OK "reply_ok"
#define SG_SET_GATEWAYS "gateways"
#define SG_SET_EXEMPT "exempt"
#define SG_SET_SELECTED "selected"
#define SG_SET_UNSELECTED "unselected"
#define SG_SET_OVERRIDES "overrides"
#define SG_SET_OVERRIDE_WAYS "override_ways"
#define SG_SET_GATEWAY_ADDRESSES "gateway_addresses"
#define SG_SET_OWN_ADDRESSES "own_addresses"
#define SG_SET_LOCAL_PREFIXES "local_prefixes"
#define SG_SET_TRANSPORT_MARKS "transport_marks"
#define SG_SET_TUNNEL_LINKS "tunnel_links"
#define SG_SET_TUNNEL_DEVICES "tunnel_devices"
#define SG_MAP_TUNNEL_SUBNETS "tunnel_subnets"
#define SG_SET_TUNNEL_MEMBERS "tunnel_members"
/* Open external ports; where they lead when the internal one is another. */
#define SG_SET_PINHOLES "pinholes"
#define SG_MAP_PINHOLE_PORTS "pinhole_ports"
/* The same of PCP, with timeouts; those that only some may use, by any port of theirs and by one. */
#define SG_SET_PCP_PINHOLES "pcp_pinholes"
#define SG_MAP_PCP_PORTS "pcp_ports"
#define SG_SET_PCP_TCP_FILTERS "pcp_tcp_filters"
#define SG_SET_PCP_UDP_FILTERS "pcp_udp_filters"
#define SG_SET_PCP_TCP_PORT_FILTERS "pcp_tcp_port_filters"
#define SG_SET_PCP_UDP_PORT_FILTERS "pcp_udp_port_filters"
#define SG_CHAIN_INGRESS "ingress"
#define SG_CHAIN_MANGLE_PREROUTING "mangle_prerouting"
#define SG_CHAIN_MANGLE_OUTPUT "mangle_output"
#define SG_CHAIN_GUARD_OUTPUT "guard_output"
#define SG_CHAIN_GUARD_FORWARD "guard_forward"
#define SG_CHAIN_GUARD_POST "guard_post"
#define SG_CHAIN_CHOICE "choice"
#define SG_CHAIN_CHOICE_POST "choice_post"
#define SG_CHAIN_TUNNEL_NAT "tunnel_nat"
#define SG_CHAIN_TUNNEL_MANGLE "tunnel_mangle"
#define SG_CHAIN_TUNNEL_FORWARD "tunnel_forward"
