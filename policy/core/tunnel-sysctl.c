/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-sysctl.h"

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

GPtrArray *
sg_tunnel_sysctl_paths (const SgSnapshot *snapshot, const char *interface)
{
    static const char *const of_wan[] = {SG_TUNNEL_ACCEPT_RA, SG_TUNNEL_FORWARDING,
                                         SG_TUNNEL_PROXY_NDP, SG_TUNNEL_PROXY_DELAY};
    GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GArray) wans = sg_tunnel_wan_links (snapshot, interface, AF_INET6);

    if (!sg_snapshot_link_by_name (snapshot, interface))
        return paths;
    g_ptr_array_add (paths, g_strdup (SG_TUNNEL_FORWARDING_ALL));
    add_path (paths, SG_TUNNEL_DISABLE_IPV6, interface);
    add_path (paths, SG_TUNNEL_FORWARDING, interface);
    for (guint i = 0; i < wans->len; i++) {
        const SgLink *link = sg_snapshot_link (snapshot, g_array_index (wans, uint32_t, i));

        for (size_t j = 0; link && j < G_N_ELEMENTS (of_wan); j++)
            add_path (paths, of_wan[j], link->name);
    }
    return paths;
}
