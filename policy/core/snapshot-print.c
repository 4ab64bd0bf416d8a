/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A snapshot as text. tests/lib/situation.c reads the same lines, so that what a user's
 * machine printed can become a test as it is. */
#include "core/snapshot.h"

#include "core/wg-conf.h"

#include <linux/if_addr.h>
#include <netinet/in.h>

static void
print_link (const SgLink *link, const SgSnapshot *snapshot, GString *out)
{
    const char *master = sg_snapshot_link_name (link->master, snapshot);

    g_string_append_printf (out, "link %u %s", link->ifindex, link->name);
    if (link->kind[0])
        g_string_append_printf (out, " kind %s", link->kind);
    if (master)
        g_string_append_printf (out, " master %s", master);
    if (sg_snapshot_link_name (link->lower, snapshot))
        g_string_append_printf (out, " lower %s", sg_snapshot_link_name (link->lower, snapshot));
    if (link->flags & IFF_LOOPBACK)
        g_string_append (out, " loopback");
    if (link->flags & IFF_NOARP)
        g_string_append (out, " noarp");
    if (link->flags & IFF_UP)
        g_string_append (out, " up");
    if (link->rp_filter)
        g_string_append_printf (out, " rp-filter %u", link->rp_filter);
    g_string_append_c (out, '\n');
}

static const struct {
    uint32_t flag;
    const char *word;
} address_flags[] = {
    {IFA_F_TENTATIVE, "tentative"}, {IFA_F_DEPRECATED, "deprecated"},
    {IFA_F_DADFAILED, "dadfailed"}, {IFA_F_PERMANENT, "permanent"},
    {IFA_F_TEMPORARY, "temporary"}, {IFA_F_MANAGETEMPADDR, "mngtmpaddr"},
};

static void
print_address (const SgAddress *address, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (address->ifindex, snapshot);
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (out, "address %s/%u dev %s", sg_ip_format (&address->ip, text),
                            address->prefix_len, name ? name : "?");
    for (size_t i = 0; i < G_N_ELEMENTS (address_flags); i++) {
        if (address->flags & address_flags[i].flag)
            g_string_append_printf (out, " %s", address_flags[i].word);
    }
    g_string_append_c (out, '\n');
}

static void
print_wireguard (const SgWireguard *wireguard, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (wireguard->ifindex, snapshot);
    SgWgKey key = {0};

    sg_wg_key_encode (&wireguard->public_key, &key);
    g_string_append_printf (out, "wireguard %s fwmark 0x%x%s%s%s%s%s\n", name ? name : "?",
                            wireguard->fwmark, wireguard->unkeyed ? " unkeyed" : "",
                            wireguard->peer_default[SG_IPV6] ? " default6" : "",
                            wireguard->peer_default[SG_IPV4] ? " default4" : "",
                            sg_wg_key_is_set (&wireguard->public_key) ? " key " : "",
                            sg_wg_key_is_set (&wireguard->public_key) ? key.text : "");
}

/* All of them; the allowed-ips stand in the order of the peers. */
static void
print_peers (const SgSnapshot *snapshot, GString *out)
{
    guint at = 0;

    for (guint i = 0; i < snapshot->peers->len; i++) {
        const SgWireguardPeer *peer = &g_array_index (snapshot->peers, SgWireguardPeer, i);
        const char *name = sg_snapshot_link_name (peer->ifindex, snapshot);
        SgWgKey key;

        sg_wg_key_encode (&peer->public_key, &key);
        g_string_append_printf (out, "peer %s dev %s%s", key.text, name ? name : "?",
                                peer->other_preshared ? " other-preshared"
                                : peer->preshared     ? " preshared"
                                                      : "");
        if (sg_ip_is_set (&peer->endpoint)) {
            char text[SG_PREFIX_TEXT_MAX];

            g_string_append_printf (out, " endpoint %s", sg_ip_format (&peer->endpoint, text));
        }
        for (; at < snapshot->allowed->len; at++) {
            const SgWireguardAllowed *allowed =
                &g_array_index (snapshot->allowed, SgWireguardAllowed, at);
            char text[SG_PREFIX_TEXT_MAX];

            if (allowed->peer != i)
                break;
            g_string_append_printf (out, " allowed %s", sg_prefix_format (&allowed->prefix, text));
        }
        g_string_append_c (out, '\n');
    }
}

static void
print_nexthop (const SgNexthopObject *nexthop, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (nexthop->ifindex, snapshot);

    g_string_append_printf (out, "nexthop %u", nexthop->id);
    if (name)
        g_string_append_printf (out, " dev %s", name);
    g_string_append_printf (out, " proto %u\n", nexthop->protocol);
}

static void
print_tunnel (const SgSnapshot *snapshot, GString *out)
{
    for (guint i = 0; i < snapshot->nexthops->len; i++)
        print_nexthop (&g_array_index (snapshot->nexthops, SgNexthopObject, i), snapshot, out);
    for (guint i = 0; i < snapshot->proxies->len; i++) {
        const SgProxy *proxy = &g_array_index (snapshot->proxies, SgProxy, i);
        const char *name = sg_snapshot_link_name (proxy->ifindex, snapshot);
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (out, "proxy %s dev %s proto %u\n", sg_ip_format (&proxy->ip, text),
                                name ? name : "?", proxy->protocol);
    }
    for (guint i = 0; i < snapshot->sysctls->len; i++) {
        const SgSysctl *sysctl = &g_array_index (snapshot->sysctls, SgSysctl, i);

        g_string_append_printf (out, "sysctl %s %d\n", sysctl->path, sysctl->value);
    }
}

static void
print_profile (const SgWireguardProfile *profile, GString *out)
{
    g_string_append_printf (out, "profile %s", profile->device);
    if (profile->fwmark)
        g_string_append_printf (out, " fwmark 0x%x", profile->fwmark);
    for (guint i = 0; i < profile->addresses->len; i++) {
        const SgWgAddress *address = &g_array_index (profile->addresses, SgWgAddress, i);
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (out, " address %s/%u", sg_ip_format (&address->ip, text),
                                address->len);
    }
    for (guint i = 0; i < profile->preshared->len; i++) {
        SgWgKey key;

        sg_wg_key_encode (&g_array_index (profile->preshared, SgWgRawKey, i), &key);
        g_string_append_printf (out, " preshared %s", key.text);
    }
    g_string_append_c (out, '\n');
}

/* As one word: without the blanks. */
static void
print_list (const char *name, const char *list, GString *out)
{
    if (!list)
        return;
    g_string_append_printf (out, " %s ", name);
    for (const char *c = list; *c; c++) {
        if (*c != ' ')
            g_string_append_c (out, *c);
    }
}

static void
print_device (const SgDevice *device, GString *out)
{
    char text[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (out, "device %s kind %s%s%s%s%s", device->name, device->kind,
                            device->can_be_gateway ? " can-be-gateway" : "",
                            device->managed ? " managed" : "", device->active ? " active" : "",
                            device->external ? " external" : "");
    if (device->typed)
        g_string_append_printf (out, " type %s", sg_wg_type_to_string (device->type));
    print_list ("dns", device->dns, out);
    print_list ("dns-search", device->dns_search, out);
    if (sg_ip_is_set (&device->gateway[SG_IPV6]))
        g_string_append_printf (out, " gateway6 %s",
                                sg_ip_format (&device->gateway[SG_IPV6], text));
    if (sg_ip_is_set (&device->gateway[SG_IPV4]))
        g_string_append_printf (out, " gateway4 %s",
                                sg_ip_format (&device->gateway[SG_IPV4], text));
    g_string_append_c (out, '\n');
}

static void
print_routing (const SgSnapshot *snapshot, GString *out)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        g_string_append (out, route->family == AF_INET6 ? "route " : "route4 ");
        sg_route_print (route, sg_snapshot_link_name, snapshot, out);
        g_string_append (out, route->expires ? " expires\n" : "\n");
    }
    for (guint i = 0; i < snapshot->rules->len; i++) {
        const SgRule *rule = &g_array_index (snapshot->rules, SgRule, i);

        g_string_append (out, rule->family == AF_INET6 ? "rule " : "rule4 ");
        sg_rule_print (rule, out);
        g_string_append_c (out, '\n');
    }
}

static void
print_resolver (const SgSnapshot *snapshot, GString *out)
{
    for (guint i = 0; i < snapshot->resolver->len; i++) {
        const SgResolverLink *link = &g_array_index (snapshot->resolver, SgResolverLink, i);
        const char *name = sg_snapshot_link_name (link->ifindex, snapshot);
        g_autofree char *has =
            link->has ? g_variant_print (link->has, /* type_annotate= */ FALSE) : NULL;

        g_string_append_printf (out, "resolver %s %s\n", name ? name : "?", has ? has : "unknown");
    }
}

static void
print_nft (const SgNftTable *table, GString *out)
{
    if (!table || !table->exists)
        return;
    for (guint i = 0; i < table->sets->len; i++) {
        const SgNftSet *set = g_ptr_array_index (table->sets, i);

        g_string_append_printf (out, "# nft set %s: %u elements\n", set->name, set->elements->len);
    }
    for (guint i = 0; i < table->chains->len; i++) {
        const SgNftChain *chain = g_ptr_array_index (table->chains, i);

        g_string_append_printf (out, "# nft chain %s: %u rules\n", chain->name, chain->rules->len);
    }
    for (guint i = 0; i < table->foreign->len; i++)
        g_string_append_printf (out, "foreign-chain %s\n",
                                (const char *) g_ptr_array_index (table->foreign, i));
}

char *
sg_snapshot_to_string (const SgSnapshot *snapshot)
{
    static const char *const nm_words[] = {"absent", "starting", "ready"};
    GString *out = g_string_new (NULL);

    for (guint i = 0; i < snapshot->links->len; i++)
        print_link (&g_array_index (snapshot->links, SgLink, i), snapshot, out);
    if (snapshot->rp_filter_all)
        g_string_append_printf (out, "rp-filter-all %u\n", snapshot->rp_filter_all);
    for (guint i = 0; i < snapshot->addresses->len; i++)
        print_address (&g_array_index (snapshot->addresses, SgAddress, i), snapshot, out);
    print_routing (snapshot, out);
    for (guint i = 0; i < snapshot->wireguards->len; i++)
        print_wireguard (&g_array_index (snapshot->wireguards, SgWireguard, i), snapshot, out);
    print_peers (snapshot, out);
    print_tunnel (snapshot, out);
    g_string_append_printf (out, "networkmanager %s\n", nm_words[snapshot->nm]);
    for (guint i = 0; i < snapshot->devices->len; i++)
        print_device (&g_array_index (snapshot->devices, SgDevice, i), out);
    for (guint i = 0; i < snapshot->profiles->len; i++)
        print_profile (g_ptr_array_index (snapshot->profiles, i), out);
    print_resolver (snapshot, out);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++)
        print_nft (snapshot->nft[family], out);
    return g_string_free (out, /* free_segment= */ FALSE);
}
