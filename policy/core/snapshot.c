/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/snapshot.h"

#include <string.h>

#include <linux/if_addr.h>

static GArray *
values (guint size)
{
    return g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, size);
}

SgWireguardProfile *
sg_wireguard_profile_new (const char *device)
{
    SgWireguardProfile *profile = g_new0 (SgWireguardProfile, 1);

    g_strlcpy (profile->device, device, sizeof profile->device);
    profile->addresses = values (sizeof (SgWgAddress));
    profile->preshared = values (sizeof (SgWgRawKey));
    return profile;
}

static void
clear_resolver_link (void *data)
{
    SgResolverLink *link = data;

    g_clear_pointer (&link->has, g_variant_unref);
}

void
sg_wireguard_profile_free (SgWireguardProfile *profile)
{
    if (!profile)
        return;
    g_array_unref (profile->addresses);
    g_array_unref (profile->preshared);
    g_free (profile);
}

SgSnapshot *
sg_snapshot_new (void)
{
    SgSnapshot *snapshot = g_new0 (SgSnapshot, 1);

    snapshot->links = values (sizeof (SgLink));
    snapshot->addresses = values (sizeof (SgAddress));
    snapshot->routes = g_ptr_array_new_with_free_func (g_free);
    snapshot->rules = values (sizeof (SgRule));
    snapshot->wireguards = values (sizeof (SgWireguard));
    snapshot->peers = values (sizeof (SgWireguardPeer));
    snapshot->allowed = values (sizeof (SgWireguardAllowed));
    snapshot->proxies = values (sizeof (SgProxy));
    snapshot->nexthops = values (sizeof (SgNexthopObject));
    snapshot->sysctls = values (sizeof (SgSysctl));
    snapshot->devices = values (sizeof (SgDevice));
    snapshot->profiles =
        g_ptr_array_new_with_free_func ((GDestroyNotify) sg_wireguard_profile_free);
    snapshot->nm = SG_NM_ABSENT;
    snapshot->resolver = values (sizeof (SgResolverLink));
    g_array_set_clear_func (snapshot->resolver, clear_resolver_link);
    return snapshot;
}

void
sg_snapshot_free (SgSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_array_unref (snapshot->links);
    g_array_unref (snapshot->addresses);
    g_ptr_array_unref (snapshot->routes);
    g_array_unref (snapshot->rules);
    g_array_unref (snapshot->wireguards);
    g_array_unref (snapshot->peers);
    g_array_unref (snapshot->allowed);
    g_array_unref (snapshot->proxies);
    g_array_unref (snapshot->nexthops);
    g_array_unref (snapshot->sysctls);
    g_array_unref (snapshot->devices);
    g_ptr_array_unref (snapshot->profiles);
    g_array_unref (snapshot->resolver);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++)
        sg_nft_table_free (snapshot->nft[family]);
    g_free (snapshot);
}

static int
compare_ifindex (const void *a, const void *b)
{
    uint32_t left = ((const SgLink *) a)->ifindex, right = ((const SgLink *) b)->ifindex;

    return (left > right) - (left < right);
}

const SgLink *
sg_snapshot_link (const SgSnapshot *snapshot, uint32_t ifindex)
{
    SgLink wanted = {.ifindex = ifindex};
    guint index;

    if (!g_array_binary_search (snapshot->links, &wanted, compare_ifindex, &index))
        return NULL;
    return &g_array_index (snapshot->links, SgLink, index);
}

const SgLink *
sg_snapshot_link_by_name (const SgSnapshot *snapshot, const char *name)
{
    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);

        if (strcmp (link->name, name) == 0)
            return link;
    }
    return NULL;
}

const SgWireguard *
sg_snapshot_wireguard (const SgSnapshot *snapshot, uint32_t ifindex)
{
    for (guint i = 0; i < snapshot->wireguards->len; i++) {
        const SgWireguard *wireguard = &g_array_index (snapshot->wireguards, SgWireguard, i);

        if (wireguard->ifindex == ifindex)
            return wireguard;
    }
    return NULL;
}

const SgDevice *
sg_snapshot_device (const SgSnapshot *snapshot, const char *name)
{
    for (guint i = 0; i < snapshot->devices->len; i++) {
        const SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);

        if (strcmp (device->name, name) == 0)
            return device;
    }
    return NULL;
}

const SgNexthopObject *
sg_snapshot_nexthop (const SgSnapshot *snapshot, uint32_t id)
{
    for (guint i = 0; i < snapshot->nexthops->len; i++) {
        const SgNexthopObject *nexthop = &g_array_index (snapshot->nexthops, SgNexthopObject, i);

        if (nexthop->id == id)
            return nexthop;
    }
    return NULL;
}

const SgWireguardProfile *
sg_snapshot_profile (const SgSnapshot *snapshot, const char *device)
{
    for (guint i = 0; i < snapshot->profiles->len; i++) {
        const SgWireguardProfile *profile = g_ptr_array_index (snapshot->profiles, i);

        if (strcmp (profile->device, device) == 0)
            return profile;
    }
    return NULL;
}

int32_t
sg_snapshot_sysctl (const SgSnapshot *snapshot, const char *path, int32_t fallback)
{
    for (guint i = 0; i < snapshot->sysctls->len; i++) {
        const SgSysctl *sysctl = &g_array_index (snapshot->sysctls, SgSysctl, i);

        if (strcmp (sysctl->path, path) == 0)
            return sysctl->value;
    }
    return fallback;
}

const char *
sg_snapshot_link_name (uint32_t ifindex, const void *data)
{
    const SgLink *link = sg_snapshot_link (data, ifindex);

    return link ? link->name : NULL;
}

static bool
is_alone (const GArray *addresses, const SgAddress *deprecated)
{
    for (guint i = 0; i < addresses->len; i++) {
        const SgAddress *other = &g_array_index (addresses, SgAddress, i);

        if (other->ifindex == deprecated->ifindex && other->ip.family == deprecated->ip.family &&
            other->scope == RT_SCOPE_UNIVERSE &&
            !(other->flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED)))
            return false;
    }
    return true;
}

bool
sg_snapshot_waits_for_refresh (const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (address->flags & IFA_F_DEPRECATED && is_alone (snapshot->addresses, address))
            return true;
    }
    return false;
}
