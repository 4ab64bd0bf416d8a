/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wanted.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */

#include <linux/netfilter.h>
#include <string.h>

#include "core/local-prefixes.h"
#include "core/wanted-parts.h"

/* A WireGuard gateway without fwmark would send its own packets into itself. */
static void
add_fwmarks (SgWanted *wanted, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);
        const SgWireguard *wireguard = sg_snapshot_wireguard (snapshot, gateway->ifindex);

        if (wireguard && wireguard->fwmark != gateway->fwmark) {
            SgWantedFwmark change = {gateway->ifindex, gateway->fwmark};

            g_array_append_val (wanted->fwmarks, change);
        }
    }
}

/* Why an interface that was named is not there. Owned by the caller. */
static char *
absence (const SgSituation *situation, const char *name)
{
    const SgLink *link = sg_memory_find_renamed (situation->memory, situation->snapshot, name);

    if (!link)
        return g_strdup ("is not there");
    return g_strdup_printf ("is not there: the interface is called %s now; name it %s again, or "
                            "choose %s",
                            link->name, name, link->name);
}

static void
warn_of_absence (SgWanted *wanted, const SgSituation *situation)
{
    const char *outbound = situation->state->outbound;
    g_autofree char *why = NULL;

    if (!situation->selection || situation->selected)
        return;
    why = absence (situation, outbound);
    g_ptr_array_add (wanted->warnings,
                     g_strdup_printf ("%s: the selected outbound %s; until it is, new connections "
                                      "to the Internet are refused",
                                      outbound, why));
}

/* What the host sends from an address of another gateway is routed at 60 already. */
static void
warn_of_other_gateways (SgWanted *wanted, const SgSituation *situation, const SgOverride *override)
{
    const GArray *addresses = situation->snapshot->addresses;
    char prefix[SG_PREFIX_TEXT_MAX], ip[SG_PREFIX_TEXT_MAX];

    for (guint i = 0; i < addresses->len; i++) {
        const SgAddress *address = &g_array_index (addresses, SgAddress, i);
        const SgLink *link = sg_snapshot_link (situation->snapshot, address->ifindex);

        if (!link || strcmp (link->name, override->interface) == 0 ||
            !sg_gateways_contain (situation->gateways, address->ifindex) ||
            !sg_prefix_contains (&override->prefix, &address->ip))
            continue;
        g_ptr_array_add (
            wanted->warnings,
            g_strdup_printf ("the override of %s by %s holds %s, which is an address of %s: what "
                             "this host itself sends from it is refused; name a smaller prefix",
                             sg_prefix_format (&override->prefix, prefix), override->interface,
                             sg_ip_format (&address->ip, ip), link->name));
    }
}

/* It was routed when the override was added. */
static void
warn_of_unrouted_overrides (SgWanted *wanted, const SgSituation *situation)
{
    const GArray *overrides = situation->state->overrides;
    char prefix[SG_PREFIX_TEXT_MAX];

    for (guint i = 0; i < overrides->len; i++) {
        const SgOverride *override = &g_array_index (overrides, SgOverride, i);
        SgFamily family = override->prefix.ip.family == AF_INET6 ? SG_IPV6 : SG_IPV4;

        if (!situation->config->families[family])
            g_ptr_array_add (
                wanted->warnings,
                g_strdup_printf ("the override of %s by %s does nothing: %s is not routed "
                                 "(Families= in sixgate.conf)",
                                 sg_prefix_format (&override->prefix, prefix), override->interface,
                                 sg_family_title (family)));
    }
}

static void
warn_of_overrides (SgWanted *wanted, const SgSituation *situation)
{
    const GArray *overrides = situation->state->overrides;
    char prefix[SG_PREFIX_TEXT_MAX];

    for (guint i = 0; i < overrides->len; i++) {
        const SgOverride *override = &g_array_index (overrides, SgOverride, i);
        const SgGateway *gateway = sg_wanted_override_gateway (override, situation);
        bool capable = gateway && gateway->capability[situation->family] == SG_CAPABLE;
        g_autofree char *why = NULL;

        if (override->prefix.ip.family != situation->af)
            continue;
        warn_of_other_gateways (wanted, situation, override);
        why = gateway ? g_strdup_printf ("cannot carry %s", sg_family_title (situation->family))
                      : absence (situation, override->interface);
        if (!capable)
            g_ptr_array_add (
                wanted->warnings,
                g_strdup_printf ("%s may leave by %s only, which %s; until that changes, its "
                                 "new connections to the Internet are refused",
                                 sg_prefix_format (&override->prefix, prefix), override->interface,
                                 why));
    }
}

static void
warn_of_incapacity (SgWanted *wanted, const SgSituation *situation)
{
    const SgGateway *selected = situation->selected;
    const char *title = sg_family_title (situation->family);

    if (selected && selected->capability[situation->family] != SG_CAPABLE)
        g_ptr_array_add (
            wanted->warnings,
            g_strdup_printf ("%s: the selected outbound cannot carry %s (%s); until it can, new "
                             "%s connections to the Internet are refused",
                             selected->name, title,
                             sg_capability_name (selected->capability[situation->family]), title));
}

static void
warn_of_foreign_chains (SgWanted *wanted, const SgSituation *situation)
{
    const SgNftTable *table = situation->snapshot->nft[situation->family];

    if (table && table->foreign->len)
        g_ptr_array_add (wanted->warnings,
                         g_strdup_printf ("nftables: the table %s %s also holds %u chains that "
                                          "are not ours, such as %s; they are left alone",
                                          sg_nft_family_word (table->family), table->name,
                                          table->foreign->len,
                                          (const char *) g_ptr_array_index (table->foreign, 0)));
}

const SgGateway *
sg_wanted_override_gateway (const SgOverride *override, const SgSituation *situation)
{
    return sg_gateways_by_name (situation->gateways, override->interface);
}

static GArray *
values (guint size)
{
    return g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, size);
}

static SgWanted *
new_empty (const SgConfig *config)
{
    SgWanted *wanted = g_new0 (SgWanted, 1);

    wanted->rules = values (sizeof (SgRule));
    wanted->routes = g_ptr_array_new_with_free_func (g_free);
    wanted->fwmarks = values (sizeof (SgWantedFwmark));
    wanted->preshared = values (sizeof (SgWantedPreshared));
    wanted->addresses = values (sizeof (SgAddress));
    wanted->peers = values (sizeof (SgWantedPeer));
    wanted->stale_peers = values (sizeof (SgWireguardPeer));
    wanted->stale_addresses = values (sizeof (SgAddress));
    wanted->sysctls = values (sizeof (SgSysctl));
    wanted->stale_routes = g_ptr_array_new ();
    wanted->nexthops = values (sizeof (SgNexthopObject));
    wanted->stale_nexthops = values (sizeof (SgNexthopObject));
    wanted->proxies = values (sizeof (SgProxy));
    wanted->stale_proxies = values (sizeof (SgProxy));
    wanted->closings = values (sizeof (SgIp));
    wanted->rp_filters = values (sizeof (SgWantedRpFilter));
    wanted->nft[SG_IPV6] = sg_nft_table_new (NFPROTO_IPV6, config->nft_table);
    wanted->nft[SG_IPV4] = sg_nft_table_new (NFPROTO_IPV4, config->nft_table);
    wanted->warnings = g_ptr_array_new_with_free_func (g_free);
    return wanted;
}

static void
decide_family (SgWanted *wanted, SgSituation *situation, SgFamily family)
{
    g_autoptr (GArray) local =
        sg_local_prefixes_find (situation->config, situation->state, situation->snapshot,
                                sg_family_af (family), wanted->warnings);

    situation->family = family;
    situation->af = sg_family_af (family);
    situation->local = local;
    warn_of_incapacity (wanted, situation);
    warn_of_overrides (wanted, situation);
    sg_wanted_add_rules (wanted, situation);
    sg_wanted_add_routes (wanted, situation);
    sg_wanted_add_guard (wanted, situation);
    sg_wanted_add_closings (wanted, situation);
    warn_of_foreign_chains (wanted, situation);
}

static int
compare_routes (const SgRoute **a, const SgRoute **b)
{
    return sg_route_compare (*a, *b);
}

/* Decides on the snapshot, in which the addresses that come back are already there: their rules are
 * neither taken away nor late. */
static void
decide (SgWanted *wanted, SgSituation *situation)
{
    const char *outbound = situation->state->outbound;

    wanted->gateways = sg_gateways_find (situation->config, situation->memory, situation->snapshot);
    situation->gateways = wanted->gateways;
    situation->selection = outbound[0] != '\0';
    situation->guarded = sg_state_is_guarded (situation->state);
    if (situation->selection)
        situation->selected = sg_gateways_by_name (wanted->gateways, outbound);
    warn_of_absence (wanted, situation);
    warn_of_unrouted_overrides (wanted, situation);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        if (situation->config->families[family])
            decide_family (wanted, situation, family);
    }
    if (situation->config->families[SG_IPV6] || situation->config->families[SG_IPV4])
        add_fwmarks (wanted, situation->snapshot);
    sg_wanted_add_tunnel (wanted, situation);
    sg_wanted_add_rp_filters (wanted, situation);
    sg_wanted_add_dns (wanted, situation);
    g_ptr_array_sort (wanted->routes, (GCompareFunc) compare_routes);
}

SgWanted *
sg_wanted_new (const SgConfig *config, const SgState *state, const SgMemory *memory,
               const SgTunnel *tunnel, const SgSnapshot *snapshot)
{
    SgWanted *wanted = new_empty (config);
    g_autoptr (GArray) addresses = values (sizeof (SgAddress));
    SgSnapshot repaired = *snapshot;
    SgSituation situation = {config, state, memory, tunnel, &repaired};

    sg_wanted_add_repair (wanted, tunnel ? config->tunnel_interface : NULL, snapshot);
    g_array_append_vals (addresses, snapshot->addresses->data, snapshot->addresses->len);
    g_array_append_vals (addresses, wanted->addresses->data, wanted->addresses->len);
    repaired.addresses = addresses;
    decide (wanted, &situation);
    wanted->present = wanted->addresses->len ? sg_gateways_find (config, memory, snapshot)
                                             : g_array_ref (wanted->gateways);
    return wanted;
}

void
sg_wanted_free (SgWanted *wanted)
{
    if (!wanted)
        return;
    g_array_unref (wanted->gateways);
    g_array_unref (wanted->present);
    g_array_unref (wanted->rules);
    g_ptr_array_unref (wanted->routes);
    g_array_unref (wanted->fwmarks);
    g_array_unref (wanted->preshared);
    g_array_unref (wanted->addresses);
    g_array_unref (wanted->peers);
    g_array_unref (wanted->stale_peers);
    g_array_unref (wanted->stale_addresses);
    g_array_unref (wanted->sysctls);
    g_ptr_array_unref (wanted->stale_routes);
    g_array_unref (wanted->nexthops);
    g_array_unref (wanted->stale_nexthops);
    g_array_unref (wanted->proxies);
    g_array_unref (wanted->stale_proxies);
    g_array_unref (wanted->closings);
    g_array_unref (wanted->rp_filters);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++)
        sg_nft_table_free (wanted->nft[family]);
    sg_wanted_dns_free (wanted->dns);
    g_ptr_array_unref (wanted->warnings);
    g_free (wanted);
}
