/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tunnel role in the kernel (spec 2.4 and 2.5): addresses of the server, peers, settings, proxy
 * neighbours; routes and rules: wanted-tunnel-routes.c. The link is NetworkManager's; everything on it is
 * ours. */
#include "core/wanted-parts.h"

#include <string.h>

#include <linux/if_addr.h>

#include "core/contract.h"
#include "core/tunnel-addresses.h"
#include "core/tunnel-config.h"
#include "core/tunnel-prefix.h"
#include "core/tunnel-sysctl.h"

static bool
is_foreign (const SgSituation *situation)
{
    return sg_tunnel_link_is_foreign (situation->snapshot, situation->config->tunnel_interface,
                                      situation->tunnel);
}

const SgLink *
sg_wanted_tunnel_link (const SgSituation *situation)
{
    const char *name = situation->config->tunnel_interface;

    return situation->tunnel && !is_foreign (situation)
               ? sg_snapshot_link_by_name (situation->snapshot, name)
               : NULL;
}

/* ---- addresses ---- */

static bool
is_server_address (const GArray *addresses, const SgAddress *address)
{
    for (guint i = 0; i < addresses->len; i++) {
        const SgWgAddress *wanted = &g_array_index (addresses, SgWgAddress, i);

        if (sg_ip_compare (&wanted->ip, &address->ip) == 0 && wanted->len == address->prefix_len)
            return true;
    }
    return false;
}

static bool
has_address (const GArray *addresses, uint32_t ifindex, const SgWgAddress *wanted)
{
    for (guint i = 0; i < addresses->len; i++) {
        const SgAddress *address = &g_array_index (addresses, SgAddress, i);

        if (address->ifindex == ifindex && sg_ip_compare (&address->ip, &wanted->ip) == 0 &&
            address->prefix_len == wanted->len)
            return true;
    }
    return false;
}

static bool
has_prefix (const SgTunnel *tunnel)
{
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        if (sg_prefix_is_set (&((const SgTunnelSubnet *) tunnel->subnets->pdata[i])->prefix))
            return true;
    }
    return false;
}

/* Where PCP clients ask without being told; the family is 0 while no device has an address for it. */
static SgIp
anycast_of (const SgTunnel *tunnel)
{
    SgIp ip = {0};

    if (has_prefix (tunnel))
        sg_ip_parse (SG_PCP_ANYCAST, &ip);
    return ip;
}

/* Deprecated: nothing of ours begins a conversation with it. */
static void
add_anycast (SgWanted *wanted, const SgSituation *situation, const SgLink *link, const SgIp *ip)
{
    SgWgAddress mine = {.ip = *ip, .len = 128};
    SgAddress address = {.ifindex = link->ifindex,
                         .ip = mine.ip,
                         .prefix_len = mine.len,
                         .scope = RT_SCOPE_UNIVERSE,
                         .flags = IFA_F_PERMANENT | IFA_F_NODAD | IFA_F_DEPRECATED |
                                  IFA_F_NOPREFIXROUTE};

    if (ip->family && !has_address (situation->snapshot->addresses, link->ifindex, &mine))
        g_array_append_val (wanted->addresses, address);
}

bool
sg_wanted_is_beside_address (const SgRoute *route, uint32_t ifindex)
{
    return route->family == AF_INET6 && route->table == RT_TABLE_MAIN &&
           route->protocol == RTPROT_KERNEL && route->dst.len == 128 && route->n_nexthops == 1 &&
           route->nexthops[0].ifindex == ifindex;
}

/* Of addresses that are not there any more: neither the kernel nor NetworkManager takes them away where the other
 * made the address. */
static void
add_stale_routes (SgWanted *wanted, const SgSituation *situation, const SgLink *link,
                  const GArray *server, const SgIp *anycast)
{
    const GPtrArray *routes = situation->snapshot->routes;

    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);
        const SgAddress to = {.ip = route->dst.ip, .prefix_len = 128};

        if (sg_wanted_is_beside_address (route, link->ifindex) && !sg_ip_is_link_local (&to.ip) &&
            !is_server_address (server, &to) && sg_ip_compare (&to.ip, anycast) != 0)
            g_ptr_array_add (wanted->stale_routes, (SgRoute *) route);
    }
}

/* Link-local ones are NetworkManager's. A route beside an IPv6 one would lead nowhere: table local has it. */
static void
add_addresses (SgWanted *wanted, const SgSituation *situation, const SgLink *link)
{
    g_autoptr (GArray) server = sg_tunnel_server_addresses (situation->tunnel);
    const GArray *have = situation->snapshot->addresses;
    SgIp anycast = anycast_of (situation->tunnel);

    for (guint i = 0; i < server->len; i++) {
        const SgWgAddress *mine = &g_array_index (server, SgWgAddress, i);
        SgAddress address = {.ifindex = link->ifindex,
                             .ip = mine->ip,
                             .prefix_len = mine->len,
                             .scope = RT_SCOPE_UNIVERSE,
                             .flags = IFA_F_PERMANENT};

        if (mine->ip.family == AF_INET6)
            address.flags |= IFA_F_NOPREFIXROUTE;

        if (!has_address (have, link->ifindex, mine))
            g_array_append_val (wanted->addresses, address);
    }
    add_anycast (wanted, situation, link, &anycast);
    for (guint i = 0; i < have->len; i++) {
        const SgAddress *address = &g_array_index (have, SgAddress, i);

        if (address->ifindex == link->ifindex && !sg_ip_is_link_local (&address->ip) &&
            !is_server_address (server, address) && sg_ip_compare (&address->ip, &anycast) != 0)
            g_array_append_vals (wanted->stale_addresses, address, 1);
    }
    add_stale_routes (wanted, situation, link, server, &anycast);
}

/* ---- peers ---- */

/* What the kernel has of a peer, against the allowed-ips that its device is to have. */
typedef struct {
    const SgWireguardPeer *peer;
    uint32_t first, n; /* its stretch of SgSnapshot.allowed */
    bool kept;
} Have;

static bool
allows (const SgSnapshot *snapshot, const Have *have, const SgIp *ip)
{
    for (uint32_t i = have->first; i < have->first + have->n; i++) {
        const SgWireguardAllowed *allowed =
            &g_array_index (snapshot->allowed, SgWireguardAllowed, i);

        if (sg_ip_compare (&allowed->prefix.ip, ip) == 0 &&
            allowed->prefix.len == sg_family_bits (ip->family))
            return true;
    }
    return false;
}

static bool
is_as_wanted (const SgSnapshot *snapshot, const Have *have, const SgWantedPeer *peer)
{
    uint32_t n = sg_ip_is_set (&peer->ip6) ? 2 : 1;

    return have->n == n && (have->peer->preshared || !peer->preshared) &&
           !have->peer->other_preshared && allows (snapshot, have, &peer->ip4) &&
           (n == 1 || allows (snapshot, have, &peer->ip6));
}

/* The peers of the link by public key. */
static GArray *
collect_peers (const SgSnapshot *snapshot, uint32_t ifindex)
{
    GArray *have = g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (Have));
    guint at = 0;

    for (guint i = 0; i < snapshot->peers->len; i++) {
        Have entry = {&g_array_index (snapshot->peers, SgWireguardPeer, i), at, 0, false};

        while (at < snapshot->allowed->len &&
               g_array_index (snapshot->allowed, SgWireguardAllowed, at).peer == i)
            at++;
        entry.n = at - entry.first;
        if (entry.peer->ifindex == ifindex)
            g_array_append_val (have, entry);
    }
    return have;
}

static void
add_peer (SgWanted *wanted, const SgSituation *situation, GHashTable *by_key,
          const SgWantedPeer *peer)
{
    Have *have = g_hash_table_lookup (by_key, &peer->public_key);

    if (have)
        have->kept = true;
    if (!have || !is_as_wanted (situation->snapshot, have, peer))
        g_array_append_vals (wanted->peers, peer, 1);
}

static void
add_peers (SgWanted *wanted, const SgSituation *situation, const SgLink *link)
{
    g_autoptr (GArray) have = collect_peers (situation->snapshot, link->ifindex);
    g_autoptr (GHashTable) by_key = g_hash_table_new (sg_wg_key_hash, sg_wg_key_equal_hashed);

    for (guint i = 0; i < have->len; i++) {
        Have *entry = &g_array_index (have, Have, i);

        g_hash_table_insert (by_key, (void *) &entry->peer->public_key, entry);
    }
    for (guint i = 0; i < situation->tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (situation->tunnel->subnets, i);

        for (guint j = 0; j < subnet->devices->len; j++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, j);
            SgWantedPeer peer = {link->ifindex, device->keys.public_key,
                                 sg_wg_key_is_set (&device->keys.preshared_key), device->ip4,
                                 sg_tunnel_device_ip6 (subnet, device)};

            add_peer (wanted, situation, by_key, &peer);
        }
    }
    for (guint i = 0; i < have->len; i++) {
        const Have *entry = &g_array_index (have, Have, i);

        if (!entry->kept)
            g_array_append_vals (wanted->stale_peers, entry->peer, 1);
    }
}

/* ---- settings ---- */

static void
want_sysctl (SgWanted *wanted, const SgSnapshot *snapshot, const char *path, int32_t value)
{
    SgSysctl sysctl = {.value = value};

    if (sg_snapshot_sysctl (snapshot, path, value) == value)
        return;
    g_strlcpy (sysctl.path, path, sizeof sysctl.path);
    g_array_append_val (wanted->sysctls, sysctl);
}

/* The setting @name of the link in @group ("conf", "neigh"). */
static void
want_of_link (SgWanted *wanted, const SgSnapshot *snapshot, const SgLink *link,
              const SgSysctl *setting)
{
    char path[sizeof setting->path];

    if (sg_tunnel_sysctl_path (path, setting->path, link->name))
        want_sysctl (wanted, snapshot, path, setting->value);
}

/* Whether the kernel itself listens to routers there, and would cease to once the link forwards: 0 is somebody's
 * who does without it or listens himself (NetworkManager, systemd-networkd). Of a link that forwards already nobody
 * knows that it should. */
static bool
listens (const SgSnapshot *snapshot, const SgLink *link)
{
    char accept_ra[sizeof ((SgSysctl *) 0)->path], forwarding[sizeof accept_ra];

    return sg_tunnel_sysctl_path (accept_ra, SG_TUNNEL_ACCEPT_RA, link->name) &&
           sg_tunnel_sysctl_path (forwarding, SG_TUNNEL_FORWARDING, link->name) &&
           sg_snapshot_sysctl (snapshot, accept_ra, /* fallback= */ 0) == 1 &&
           sg_snapshot_sysctl (snapshot, forwarding, /* fallback= */ 1) == 0;
}

/* The one for all sets each link's, and that of links to come, which are to listen as before. */
static void
add_forwarding_of_all (SgWanted *wanted, const SgSnapshot *snapshot)
{
    static const SgSysctl of_links_to_come = {SG_TUNNEL_FORWARDING_DEFAULT, 0};
    guint before = wanted->sysctls->len;

    want_sysctl (wanted, snapshot, SG_TUNNEL_FORWARDING_ALL, 1);
    if (wanted->sysctls->len > before &&
        sg_snapshot_sysctl (snapshot, SG_TUNNEL_FORWARDING_DEFAULT, /* fallback= */ 1) == 0)
        g_array_append_val (wanted->sysctls, of_links_to_come);
}

/* With forwarding on, the kernel drops what it learned from routers and listens no more, unless told 2. Of links
 * that it may learn on later, too: at a boot the tunnel can be up before the first router is heard. */
static void
add_settings (SgWanted *wanted, const SgSnapshot *snapshot, const SgLink *own, const GArray *wans)
{
    static const SgSysctl keep_listening = {SG_TUNNEL_ACCEPT_RA, 2};
    static const SgSysctl forward = {SG_TUNNEL_FORWARDING, 1};
    static const SgSysctl not_disabled = {SG_TUNNEL_DISABLE_IPV6, 0};

    /* NetworkManager disables it where the profile has no IPv6 address when the link comes up. */
    want_of_link (wanted, snapshot, own, &not_disabled);
    /* Of those that go on to forward the settings have been read (sg_tunnel_sysctl_paths). */
    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);

        if (link->ifindex != own->ifindex && listens (snapshot, link))
            want_of_link (wanted, snapshot, link, &keep_listening);
    }
    add_forwarding_of_all (wanted, snapshot);
    want_of_link (wanted, snapshot, own, &forward);
    for (guint i = 0; i < wans->len; i++) {
        const SgLink *link = sg_snapshot_link (snapshot, g_array_index (wans, uint32_t, i));

        if (link)
            want_of_link (wanted, snapshot, link, &forward);
    }
}

/* ---- proxy neighbours ---- */

static guint
hash_proxy (const void *data)
{
    const SgProxy *proxy = data;
    uint32_t words[4];

    memcpy (words, proxy->ip.bytes, sizeof words);
    return (words[0] ^ words[1] ^ words[2]) * 31 + words[3] * 2654435761u + proxy->ifindex;
}

static gboolean
equal_proxies (const void *a, const void *b)
{
    const SgProxy *first = a, *second = b;

    return first->ifindex == second->ifindex && sg_ip_compare (&first->ip, &second->ip) == 0;
}

/* One WAN link, while hosts are looked at one after another. */
typedef struct {
    uint32_t ifindex;
    const GArray *on_link; /* of SgPrefix */
    bool whole;            /* neighbours look for every address of the subnet's prefix there */
    GHashTable *have;      /* SgProxy → itself, of the snapshot; those that stay are taken out */
    bool answers;          /* there is a host to answer for */
} Wan;

static void
add_proxy (SgWanted *wanted, const SgSnapshot *snapshot, Wan *wan, const SgIp *ip)
{
    SgProxy proxy = {wan->ifindex, *ip, SG_PROTOCOL};
    SgPrefix host = sg_prefix_host (ip);
    bool on_link = wan->whole;

    for (guint i = 0; i < wan->on_link->len && !on_link; i++)
        on_link = sg_prefix_contains (&g_array_index (wan->on_link, SgPrefix, i), ip);
    /* What the link has itself it answers for itself. */
    if (!on_link || sg_tunnel_has_address_in (snapshot, wan->ifindex, &host))
        return;
    wan->answers = true;
    if (!g_hash_table_remove (wan->have, &proxy))
        g_array_append_val (wanted->proxies, proxy);
}

static void
add_proxies_of (SgWanted *wanted, const SgSituation *situation, Wan *wan)
{
    static const SgSysctl answer = {SG_TUNNEL_PROXY_NDP, 1};
    static const SgSysctl at_once = {SG_TUNNEL_PROXY_DELAY, 0};
    const SgLink *link = sg_snapshot_link (situation->snapshot, wan->ifindex);
    g_autoptr (GArray) on_link = sg_tunnel_on_link_prefixes (situation->snapshot, wan->ifindex);

    wan->on_link = on_link;
    for (guint i = 0; i < situation->tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (situation->tunnel->subnets, i);
        SgIp server = sg_tunnel_server_ip6 (subnet);

        if (!sg_prefix_is_set (&subnet->prefix))
            continue;
        wan->whole = sg_tunnel_has_address_in (situation->snapshot, wan->ifindex, &subnet->prefix);
        add_proxy (wanted, situation->snapshot, wan, &server);
        for (guint j = 0; j < subnet->devices->len; j++) {
            SgIp ip = sg_tunnel_device_ip6 (subnet, g_ptr_array_index (subnet->devices, j));

            add_proxy (wanted, situation->snapshot, wan, &ip);
        }
    }
    if (wan->answers && link) {
        want_of_link (wanted, situation->snapshot, link, &at_once);
        want_of_link (wanted, situation->snapshot, link, &answer);
    }
}

static int
compare_proxies (const SgProxy *a, const SgProxy *b)
{
    int order = (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);

    return order ? order : sg_ip_compare (&a->ip, &b->ip);
}

/* Entries of others that are just so will do; they are not ours to remove. */
static void
add_proxies (SgWanted *wanted, const SgSituation *situation, const GArray *wans)
{
    g_autoptr (GHashTable) have = g_hash_table_new (hash_proxy, equal_proxies);
    GHashTableIter iter;
    void *left;

    for (guint i = 0; i < situation->snapshot->proxies->len; i++)
        g_hash_table_add (have, &g_array_index (situation->snapshot->proxies, SgProxy, i));
    for (guint i = 0; wans && i < wans->len; i++) {
        Wan wan = {.ifindex = g_array_index (wans, uint32_t, i), .have = have};

        add_proxies_of (wanted, situation, &wan);
    }
    g_hash_table_iter_init (&iter, have);
    while (g_hash_table_iter_next (&iter, &left, NULL)) {
        if (((const SgProxy *) left)->protocol == SG_PROTOCOL)
            g_array_append_vals (wanted->stale_proxies, left, 1);
    }
    g_array_sort (wanted->stale_proxies, (GCompareFunc) compare_proxies);
}

/* NetworkManager made the link and has not configured it yet. What is put on it now would make it take the
 * link for somebody else's, and leave it without a key (NetworkManager 1.42: "connection-assumed"). */
static bool
is_unfinished (const SgSnapshot *snapshot, const SgLink *link)
{
    const SgWireguard *wireguard = sg_snapshot_wireguard (snapshot, link->ifindex);

    return wireguard && wireguard->unkeyed;
}

static void
warn_of_missing_link (SgWanted *wanted, const SgSituation *situation)
{
    if (situation->tunnel->subnets->len)
        g_ptr_array_add (
            wanted->warnings,
            g_strdup_printf ("%s: the tunnel's interface is not there; no device can "
                             "connect until NetworkManager brings its profile up (if it "
                             "was deleted: `sixgate-tunnel profile restore`)",
                             situation->config->tunnel_interface));
}

/* Somebody's link of that name, or somebody changed the profile: its peers are not ours to remove. */
static void
warn_of_foreign_link (SgWanted *wanted, const SgSituation *situation)
{
    g_ptr_array_add (
        wanted->warnings,
        g_strdup_printf (
            "%s: this link is not the tunnel's, by its key; it is left alone, and no device can "
            "connect: if somebody changed NetworkManager's profile, `sixgate-tunnel profile "
            "restore` and activate it again; else name another with TunnelInterface= in "
            "sixgate.conf",
            situation->config->tunnel_interface));
}

static bool
has_profile_address (const SgWireguardProfile *profile, const SgWgAddress *wanted)
{
    for (guint i = 0; i < profile->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (profile->addresses, SgWgAddress, i);

        if (sg_ip_compare (&address->ip, &wanted->ip) == 0 && address->len == wanted->len)
            return true;
    }
    return false;
}

static bool
has_other_addresses (const SgWireguardProfile *profile, const SgTunnel *tunnel)
{
    g_autoptr (GArray) server = sg_tunnel_server_addresses (tunnel);

    for (guint i = 0; i < server->len; i++) {
        if (!has_profile_address (profile, &g_array_index (server, SgWgAddress, i)))
            return true;
    }
    return profile->addresses->len != server->len;
}

/* Put back on request only: somebody may have meant it. A run that did not ask for the profile knows nothing new of
 * it: what was said holds. */
static void
warn_of_profile (SgWanted *wanted, const SgSituation *situation)
{
    const char *name = situation->config->tunnel_interface;
    const SgWireguardProfile *profile = sg_snapshot_profile (situation->snapshot, name);
    char *warning =
        g_strdup_printf ("%s: NetworkManager's profile has other addresses than the tunnel, so "
                         "some are missing for a moment whenever it applies it; `sixgate-tunnel "
                         "profile restore` puts it right",
                         name);
    bool holds = profile ? has_other_addresses (profile, situation->tunnel)
                         : g_ptr_array_find_with_equal_func (situation->memory->warned, warning,
                                                             g_str_equal, NULL);

    if (holds)
        g_ptr_array_add (wanted->warnings, warning);
    else
        g_free (warning);
}

void
sg_wanted_add_tunnel (SgWanted *wanted, const SgSituation *situation)
{
    const SgLink *link = sg_wanted_tunnel_link (situation);
    bool ipv6 = situation->config->families[SG_IPV6];
    bool prefix = situation->tunnel && has_prefix (situation->tunnel);
    g_autoptr (GArray) wans = NULL;

    if (!situation->tunnel)
        return;
    if (!link || is_unfinished (situation->snapshot, link)) {
        if (is_foreign (situation))
            warn_of_foreign_link (wanted, situation);
        else if (!link)
            warn_of_missing_link (wanted, situation);
        add_proxies (wanted, situation, /* wans= */ NULL);
        sg_wanted_add_tunnel_routes (wanted, situation, /* link= */ NULL);
        return;
    }
    warn_of_profile (wanted, situation);
    wans = sg_tunnel_wan_links (situation->snapshot, link->name, AF_INET6);
    add_addresses (wanted, situation, link);
    add_peers (wanted, situation, link);
    if (ipv6 && prefix)
        add_settings (wanted, situation->snapshot, link, wans);
    /* The kernel takes none by a link that is down. */
    sg_wanted_add_tunnel_routes (wanted, situation,
                                 ipv6 && prefix && (link->flags & IFF_UP) ? link : NULL);
    add_proxies (wanted, situation, ipv6 ? wans : NULL);
}

void
sg_wanted_collect_keys (const SgWanted *wanted, const SgKeyring *device_keys, SgKeyring *keyring)
{
    for (guint i = 0; i < wanted->peers->len; i++) {
        const SgWantedPeer *peer = &g_array_index (wanted->peers, SgWantedPeer, i);
        const SgWgRawKey *key = sg_keyring_find (device_keys, /* ifindex= */ 0, &peer->public_key);

        if (peer->preshared && key)
            sg_keyring_add (keyring, peer->ifindex, &peer->public_key, key);
    }
}
