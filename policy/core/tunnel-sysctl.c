/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-sysctl.h"

#include <net/if.h>
#include <string.h>

#include "core/tunnel-prefix.h"

bool
sg_tunnel_sysctl_path (char path[sizeof (((SgSysctl *) 0)->path)], const char *pattern,
                       const char *link)
{
    const char *star = strchr (pattern, '*');
    const size_t size = sizeof (((SgSysctl *) 0)->path);

    return (size_t) g_snprintf (path, size, "%.*s%s%s", (int) (star - pattern), pattern, link,
                                star + 1) < size;
}

static void
add_path (GPtrArray *paths, const char *pattern, const char *link)
{
    char path[sizeof (((SgSysctl *) 0)->path)];

    if (sg_tunnel_sysctl_path (path, pattern, link))
        g_ptr_array_add (paths, g_strdup (path));
}

/* As long as nothing is forwarded every link may listen to routers, and would cease to. */
static void
add_paths_of_links (GPtrArray *paths, const SgSnapshot *snapshot, const char *interface)
{
    bool every = sg_snapshot_sysctl (snapshot, SG_TUNNEL_FORWARDING_ALL, /* fallback= */ 1) == 0;
    g_autoptr (GArray) wans = sg_tunnel_wan_links (snapshot, interface, AF_INET6);

    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);
        bool is_wan = sg_tunnel_has_link (wans, link->ifindex);

        if (is_wan ||
            (every && !(link->flags & IFF_LOOPBACK) && strcmp (link->name, interface) != 0)) {
            add_path (paths, SG_TUNNEL_ACCEPT_RA, link->name);
            add_path (paths, SG_TUNNEL_FORWARDING, link->name);
        }
        if (is_wan) {
            add_path (paths, SG_TUNNEL_PROXY_NDP, link->name);
            add_path (paths, SG_TUNNEL_PROXY_DELAY, link->name);
        }
    }
    if (every)
        g_ptr_array_add (paths, g_strdup (SG_TUNNEL_FORWARDING_DEFAULT));
}

GPtrArray *
sg_tunnel_sysctl_paths (const SgSnapshot *snapshot, const char *interface)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

    if (!sg_snapshot_link_by_name (snapshot, interface))
        return paths;
    add_path (paths, SG_TUNNEL_DISABLE_IPV6, interface);
    add_path (paths, SG_TUNNEL_FORWARDING, interface);
    add_paths_of_links (paths, snapshot, interface);
    return paths;
}
