/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Phrases of the nft language, each as the instructions that nft(8) itself makes of it. Every
 * function appends one phrase to the end of @rule: its text and its expressions. */
#pragma once

#include "core/nft-model.h"

/* "oif @SET" or "oif != @SET"; likewise for iif. SET holds interface indices. */
void sg_nft_match_oif (SgNftRule *rule, const char *set, bool inverted);
void sg_nft_match_iif (SgNftRule *rule, const char *set, bool inverted);
/* "meta oifkind KIND": the link's IFLA_INFO_KIND, also of interfaces that nobody knows yet. */
void sg_nft_match_oifkind (SgNftRule *rule, const char *kind);

/* "meta mark VALUE", "meta mark @SET". */
void sg_nft_match_mark (SgNftRule *rule, uint32_t value);
void sg_nft_match_mark_in (SgNftRule *rule, const char *set);
/* "ct mark VALUE" or "ct mark != VALUE", "ct mark @SET". */
void sg_nft_match_ct_mark (SgNftRule *rule, uint32_t value, bool inverted);
void sg_nft_match_ct_mark_in (SgNftRule *rule, const char *set);
/* "ct mark . oif @SET". */
void sg_nft_match_ct_mark_oif_in (SgNftRule *rule, const char *set);
/* "ct direction reply", "ct state new". */
void sg_nft_match_ct_reply (SgNftRule *rule);
void sg_nft_match_ct_new (SgNftRule *rule);

/* "meta l4proto PROTOCOL" (IPPROTO_*). */
void sg_nft_match_l4proto (SgNftRule *rule, uint8_t protocol);
/* "tcp flags & (syn | ack) != syn", behind sg_nft_match_l4proto (IPPROTO_TCP). */
void sg_nft_match_tcp_not_syn (SgNftRule *rule);
/* "icmpv6 type FIRST-LAST". */
void sg_nft_match_icmpv6_types (SgNftRule *rule, uint8_t first, uint8_t last);
/* "icmpv6 type TYPE". */
void sg_nft_match_icmpv6_type (SgNftRule *rule, uint8_t type);
/* "tcp flags & syn == syn": the first packet of either side. */
void sg_nft_match_tcp_syn (SgNftRule *rule);
/* "ip6 hoplimit VALUE". */
void sg_nft_match_hoplimit (SgNftRule *rule, uint8_t value);
/* "exthdr rt exists": a routing header (RFC 8200, section 4.4). */
void sg_nft_match_routing_header (SgNftRule *rule);

/* "ip option lsrr exists"; @option of RFC 791, section 3.1: IPOPT_LSRR or IPOPT_SSRR. */
void sg_nft_match_ip_option (SgNftRule *rule, uint8_t option);
/* "udp sport 68 udp dport 67": a DHCP client to its server (RFC 2131, section 4.1). */
void sg_nft_match_dhcp_client (SgNftRule *rule);

/* The two addresses of an IP header. In the phrases below "ip6" is "ip" in a rule of IPv4. */
typedef enum { SG_NFT_SADDR, SG_NFT_DADDR } SgNftAddress;

/* "ip6 daddr @SET". */
void sg_nft_match_address_in (SgNftRule *rule, SgNftAddress which, const char *set);
/* "ip6 saddr != @SET". */
void sg_nft_match_address_not_in (SgNftRule *rule, SgNftAddress which, const char *set);
/* "ct mark . ip6 daddr @SET". */
void sg_nft_match_ct_mark_address_in (SgNftRule *rule, SgNftAddress which, const char *set);
/* "iif . ip6 daddr @SET", "… != @SET"; @interval: SET has intervals. */
void sg_nft_match_iif_address_in (SgNftRule *rule, SgNftAddress which, const char *set,
                                  bool interval, bool inverted);
/* "oif . ip6 daddr @SET", "… != @SET", SET with intervals. */
void sg_nft_match_oif_address_in (SgNftRule *rule, SgNftAddress which, const char *set,
                                  bool inverted);
/* "ip6 daddr fe80::/10" or "… != fe80::/10"; of IPv4 169.254.0.0/16. */
void sg_nft_match_link_local (SgNftRule *rule, SgNftAddress which, bool inverted);
/* "ip daddr PREFIX"; @len bits of @bytes, whole bytes. */
void sg_nft_match_ip_daddr (SgNftRule *rule, const char *prefix, const uint8_t bytes[4],
                            uint8_t len);
/* IPv6 destination is multicast of less than global scope (RFC 4291, section 2.7). */
void sg_nft_match_narrow_multicast (SgNftRule *rule);

/* "meta mark set ct mark"; "ct mark set iif map @MAP". */
void sg_nft_set_mark_from_ct (SgNftRule *rule);
void sg_nft_set_ct_mark_from_iif (SgNftRule *rule, const char *map);

/* "ct mark set ip6 saddr map @MAP". */
void sg_nft_set_ct_mark_from_address (SgNftRule *rule, SgNftAddress which, const char *map);
/* "ip6 daddr . meta l4proto . ct original proto-dst @SET": the port that the connection was begun to,
 * whatever became of it; behind sg_nft_match_l4proto(). */
void sg_nft_match_original_port_in (SgNftRule *rule, const char *set);
/* "ip6 daddr . ct original proto-dst . ip6 saddr @SET", with " . th sport" for @port; SET has intervals.
 * The protocol is no field of it: nft 1.0.6 swaps the bytes of each field there, also of one that has a
 * single byte, which kernels from 7.0 on refuse. */
void sg_nft_match_original_port_from (SgNftRule *rule, const char *set, bool port);
/* "dnat to :ip6 daddr . meta l4proto . th dport map @MAP": another port at the same address; behind
 * sg_nft_match_l4proto(). */
void sg_nft_translate_port (SgNftRule *rule, const char *map);
/* "tcp option maxseg size set rt mtu", behind sg_nft_match_tcp_syn(). */
void sg_nft_set_mss_from_route (SgNftRule *rule);

/* "counter"; verdicts: "accept", "drop", "return", "goto CHAIN". */
void sg_nft_counter (SgNftRule *rule);
void sg_nft_accept (SgNftRule *rule);
void sg_nft_drop (SgNftRule *rule);
void sg_nft_return (SgNftRule *rule);
void sg_nft_goto (SgNftRule *rule, const char *chain);
/* "reject with tcp reset", behind sg_nft_match_l4proto (IPPROTO_TCP). */
void sg_nft_reject_tcp_reset (SgNftRule *rule);
/* "reject with icmpv6 type NAME", of IPv4 "icmp"; @code of RFC 4443, section 3.1, RFC 792. */
void sg_nft_reject (SgNftRule *rule, uint8_t code, const char *name);
