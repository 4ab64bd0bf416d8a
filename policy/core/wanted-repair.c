/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What somebody else's Reapply wiped from a WireGuard link and its profile still says (spec 1.7,
 * "Repair"). NetworkManager 1.42 flushes the addresses of such a link, some for good, and sets its
 * peers anew without their preshared keys. */
#include "core/wanted-parts.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

static bool
has_address (const GArray *addresses, uint32_t ifindex, const SgIp *ip)
{
    for (guint i = 0; i < addresses->len; i++) {
        const SgAddress *address = &g_array_index (addresses, SgAddress, i);

        if (address->ifindex == ifindex && sg_ip_compare (&address->ip, ip) == 0)
            return true;
    }
    return false;
}

/* With the flags that NetworkManager gives it: it makes the route of the network itself. */
static void
add_addresses (SgWanted *wanted, const SgSnapshot *snapshot, uint32_t ifindex,
               const SgWireguardProfile *profile)
{
    for (guint i = 0; i < profile->addresses->len; i++) {
        const SgWgAddress *said = &g_array_index (profile->addresses, SgWgAddress, i);
        SgAddress address = {.ifindex = ifindex,
                             .ip = said->ip,
                             .prefix_len = said->len,
                             .scope = sg_ip_is_link_local (&said->ip) ? RT_SCOPE_LINK
                                                                      : RT_SCOPE_UNIVERSE,
                             .flags = IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE};

        if (!has_address (snapshot->addresses, ifindex, &said->ip) &&
            !has_address (wanted->addresses, ifindex, &said->ip))
            g_array_append_val (wanted->addresses, address);
    }
}

static bool
has_preshared (const SgWireguardProfile *profile, const SgWgRawKey *public_key)
{
    for (guint i = 0; i < profile->preshared->len; i++) {
        if (sg_wg_key_equal (&g_array_index (profile->preshared, SgWgRawKey, i), public_key))
            return true;
    }
    return false;
}

static void
add_preshared (SgWanted *wanted, const SgSnapshot *snapshot, uint32_t ifindex,
               const SgWireguardProfile *profile)
{
    for (guint i = 0; i < snapshot->peers->len; i++) {
        const SgWireguardPeer *peer = &g_array_index (snapshot->peers, SgWireguardPeer, i);
        SgWantedPreshared change = {ifindex, peer->public_key};

        if (peer->ifindex == ifindex && !peer->preshared &&
            has_preshared (profile, &peer->public_key))
            g_array_append_val (wanted->preshared, change);
    }
}

void
sg_wanted_add_repair (SgWanted *wanted, const char *except, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->profiles->len; i++) {
        const SgWireguardProfile *profile = g_ptr_array_index (snapshot->profiles, i);
        const SgLink *link = sg_snapshot_link_by_name (snapshot, profile->device);

        if (!link || !sg_snapshot_wireguard (snapshot, link->ifindex) ||
            g_strcmp0 (link->name, except) == 0)
            continue;
        add_addresses (wanted, snapshot, link->ifindex, profile);
        add_preshared (wanted, snapshot, link->ifindex, profile);
    }
}

void
sg_wanted_keep_known (SgWanted *wanted, const SgKeyring *keyring)
{
    for (guint i = wanted->preshared->len; i-- > 0;) {
        const SgWantedPreshared *change = &g_array_index (wanted->preshared, SgWantedPreshared, i);

        if (!sg_keyring_find (keyring, change->ifindex, &change->public_key))
            g_array_remove_index (wanted->preshared, i);
    }
}
