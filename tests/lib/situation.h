/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A situation of a host as text, for golden tests: the lines that sg_snapshot_to_string()
 * prints, and a few for what else decides:
 *
 *     link 2 eth0 [kind KIND] [master IF] [lower IF] [loopback] [up]
 *     address 2001:db8::1/64 dev eth0 [tentative|deprecated|dadfailed|permanent|…]
 *     route default table main proto 9 metric 100 via fe80::1 dev eth0 [expires] [pref high]
 *     rule pref 0 lookup 255 proto 2
 *     wireguard wg0 fwmark 0x0 [unkeyed] [default6] [default4] [key PUBLICKEY]
 *     peer PUBLICKEY dev wg0 [preshared|other-preshared] [endpoint IP] [allowed PREFIX]…
 *     proxy 2001:db8::2 dev eth0 proto sixgate
 *     nexthop 1936261124 [dev wg-sixgate] [proto sixgate]
 *     sysctl net/ipv6/conf/all/forwarding 0
 *     profile wg0 [fwmark 0x0] [address 2001:db8::2/128]… [preshared PUBLICKEY]…
 *     networkmanager absent|starting|ready
 *     device eth0 kind ethernet can-be-gateway managed active [external] [gateway6 IP]
 *         [type inbound-outbound] [dns IP,IP…] [dns-search DOMAIN,DOMAIN…]
 *     resolver wg0 VALUE        # what systemd-resolved has for the link; “unknown”: nothing
 *     foreign-chain NAME
 *     config KEY=VALUE          outbound IF          trusted IF PREFIX
 *     override PREFIX IF        (sorted by prefix)
 *     remember IFINDEX IF KIND  mark NUMBER
 *     subnet 10.59.0.0/24 [2001:db8:1::/64]      # of the tunnel role
 *     tunnel-device 10.59.0.2 [server]           # of the last subnet; its keys follow from it
 *     tunnel-pinhole tcp 80 8080 [disabled]      # of the last device: external and internal port
 *
 * Empty lines and what follows a # are for readers. */
#pragma once

#include "core/wanted.h"

typedef struct {
    SgConfig *config;
    SgState *state;
    SgMemory *memory;
    SgTunnel *tunnel; /* NULL where no line is about it */
    SgSnapshot *snapshot;
} SgSituationText;

/* Aborts the test, naming the line, when @text is malformed: it is part of the test. */
SgSituationText *sg_situation_parse (const char *text);
void sg_situation_free (SgSituationText *situation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgSituationText, sg_situation_free)
