/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The settings of the kernel that the tunnel role depends on (Documentation/networking/
 * ip-sysctl.rst). The * stands for the name of a link. */
#pragma once

#include "core/snapshot.h"

#define SG_TUNNEL_FORWARDING_ALL "net/ipv6/conf/all/forwarding"
/* Of links to come; whoever writes the one above writes it, too (net/ipv6/addrconf.c,
 * addrconf_fixup_forwarding). */
#define SG_TUNNEL_FORWARDING_DEFAULT "net/ipv6/conf/default/forwarding"
#define SG_TUNNEL_FORWARDING "net/ipv6/conf/*/forwarding"
#define SG_TUNNEL_DISABLE_IPV6 "net/ipv6/conf/*/disable_ipv6"
#define SG_TUNNEL_ACCEPT_RA "net/ipv6/conf/*/accept_ra"
#define SG_TUNNEL_PROXY_NDP "net/ipv6/conf/*/proxy_ndp"
#define SG_TUNNEL_PROXY_DELAY "net/ipv6/neigh/*/proxy_delay"

/* The path of the setting @pattern for @link. False when it is too long. */
bool sg_tunnel_sysctl_path (char path[sizeof (((SgSysctl *) 0)->path)], const char *pattern,
                            const char *link);
/* Those that are to be read beside SG_TUNNEL_FORWARDING_ALL, as that, the links and the routes of @snapshot
 * are: GPtrArray of char *, owned by the caller. None where the tunnel's link (@interface) is not there. */
GPtrArray *sg_tunnel_sysctl_paths (const SgSnapshot *snapshot, const char *interface);
