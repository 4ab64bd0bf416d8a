/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/situation.h"
#include "core/wg-conf.h"
#include "lib/situation-words.h"

#include <linux/if_addr.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- links, addresses ---- */

static void
parse_link (SgWords *words, SgSituationText *to)
{
    SgLink link = {.ifindex = sg_take_number (words)};

    g_strlcpy (link.name, sg_take (words), sizeof link.name);
    while (sg_peek_word (words)) {
        if (sg_take_word (words, "kind"))
            g_strlcpy (link.kind, sg_take (words), sizeof link.kind);
        else if (sg_take_word (words, "master"))
            link.master = sg_take_interface (words, to->snapshot);
        else if (sg_take_word (words, "lower"))
            link.lower = sg_take_interface (words, to->snapshot);
        else if (sg_take_word (words, "loopback"))
            link.flags |= IFF_LOOPBACK;
        else if (sg_take_word (words, "noarp"))
            link.flags |= IFF_NOARP;
        else if (sg_take_word (words, "up"))
            link.flags |= IFF_UP;
        else if (sg_take_word (words, "rp-filter"))
            link.rp_filter = (uint8_t) sg_take_number (words);
        else
            sg_refuse_word (words);
    }
    g_array_append_val (to->snapshot->links, link);
}

static void
parse_address (SgWords *words, SgSituationText *to)
{
    static const struct {
        const char *word;
        uint32_t flag;
    } flags[] = {
        {"tentative", IFA_F_TENTATIVE}, {"deprecated", IFA_F_DEPRECATED},
        {"dadfailed", IFA_F_DADFAILED}, {"permanent", IFA_F_PERMANENT},
        {"temporary", IFA_F_TEMPORARY}, {"mngtmpaddr", IFA_F_MANAGETEMPADDR},
    };
    g_auto (GStrv) parts = g_strsplit (sg_take (words), "/", 2);
    SgAddress address = {0};

    if (!parts[1] || !sg_ip_parse (parts[0], &address.ip))
        g_error ("situation: “%s”: write ADDRESS/LENGTH", words->line);
    address.prefix_len = (uint8_t) atoi (parts[1]);
    if (sg_ip_is_link_local (&address.ip))
        address.scope = RT_SCOPE_LINK;
    if (!sg_take_word (words, "dev"))
        sg_refuse_word (words);
    address.ifindex = sg_take_interface (words, to->snapshot);
    while (sg_peek_word (words)) {
        size_t i = 0;

        while (i < G_N_ELEMENTS (flags) && !sg_take_word (words, flags[i].word))
            i++;
        if (i == G_N_ELEMENTS (flags))
            sg_refuse_word (words);
        address.flags |= flags[i].flag;
    }
    g_array_append_val (to->snapshot->addresses, address);
}

/* ---- routes ---- */

#define NEXTHOPS_MAX 8

/* Next hops as they are read; "nexthop" starts another. */
static void
parse_nexthop_word (SgWords *words, const SgSnapshot *snapshot, SgRoute *route)
{
    SgNexthop *hop;

    if (sg_take_word (words, "nexthop")) {
        g_assert (route->n_nexthops < NEXTHOPS_MAX);
        route->n_nexthops++;
        return;
    }
    if (route->n_nexthops == 0)
        route->n_nexthops = 1;
    hop = &route->nexthops[route->n_nexthops - 1];
    if (sg_take_word (words, "via"))
        hop->gateway = sg_take_ip (words);
    else if (sg_take_word (words, "dev"))
        hop->ifindex = sg_take_interface (words, snapshot);
    else if (sg_take_word (words, "weight"))
        hop->weight = (uint16_t) sg_take_number (words);
    else if (sg_take_word (words, "onlink"))
        hop->onlink = true;
    else
        sg_refuse_word (words);
}

static bool
parse_route_word (SgWords *words, SgRoute *route)
{
    if (sg_take_word (words, "table"))
        route->table = sg_take_table (words);
    else if (sg_take_word (words, "proto"))
        route->protocol = sg_take_protocol (words);
    else if (sg_take_word (words, "metric"))
        route->metric = sg_take_number (words);
    else if (sg_take_word (words, "from"))
        route->src = sg_take_prefix (words);
    else if (sg_take_word (words, "src"))
        route->prefsrc = sg_take_ip (words);
    else if (sg_take_word (words, "nhid"))
        route->nexthop_id = sg_take_number (words);
    else if (sg_take_word (words, "mtu"))
        route->metrics[RTAX_MTU] = sg_take_number (words);
    else if (sg_take_word (words, "advmss"))
        route->metrics[RTAX_ADVMSS] = sg_take_number (words);
    else if (sg_take_word (words, "hoplimit"))
        route->metrics[RTAX_HOPLIMIT] = sg_take_number (words);
    else if (sg_take_word (words, "expires"))
        route->expires = true;
    else if (sg_take_word (words, "pref"))
        route->pref = sg_take_word (words, "high") ? 1 : sg_take_word (words, "low") ? 3 : 0;
    else
        return false;
    return true;
}

static void
parse_route (SgWords *words, SgSituationText *to)
{
    static const struct {
        const char *word;
        uint8_t type;
    } types[] = {{"blackhole", RTN_BLACKHOLE},
                 {"unreachable", RTN_UNREACHABLE},
                 {"prohibit", RTN_PROHIBIT},
                 {"throw", RTN_THROW}};
    g_autofree SgRoute *route = sg_route_new (AF_INET6, NEXTHOPS_MAX);

    if (strcmp (words->words[0], "route4") == 0)
        route->family = AF_INET;
    route->dst = route->src = sg_prefix_any (route->family);
    route->n_nexthops = 0;
    for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
        if (sg_take_word (words, types[i].word))
            route->type = types[i].type;
    }
    if (!sg_take_word (words, "default"))
        route->dst = sg_take_prefix (words);
    if (route->dst.ip.family == AF_INET)
        route->family = AF_INET;
    route->src = sg_prefix_any (route->family);
    while (sg_peek_word (words)) {
        if (!parse_route_word (words, route))
            parse_nexthop_word (words, to->snapshot, route);
    }
    if (route->family == AF_INET && route->n_nexthops &&
        !sg_ip_is_set (&route->nexthops[0].gateway))
        route->scope = RT_SCOPE_LINK;
    sg_route_sort_nexthops (route);
    g_ptr_array_add (to->snapshot->routes, sg_route_copy (route));
}

/* ---- rules ---- */

static void
parse_fwmark (SgWords *words, SgRule *rule)
{
    g_auto (GStrv) parts = g_strsplit (sg_take (words), "/", 2);

    rule->fwmark = (uint32_t) strtoul (parts[0], NULL, 0);
    rule->fwmask = parts[1] ? (uint32_t) strtoul (parts[1], NULL, 0) : UINT32_MAX;
}

static void
parse_rule (SgWords *words, SgSituationText *to)
{
    bool ipv4 = strcmp (words->words[0], "rule4") == 0;
    SgRule rule = sg_rule_ours (ipv4 ? AF_INET : AF_INET6, 0, FR_ACT_TO_TBL);

    rule.protocol = 0;
    while (sg_peek_word (words)) {
        if (sg_take_word (words, "pref"))
            rule.pref = sg_take_number (words);
        else if (sg_take_word (words, "not"))
            rule.flags |= FIB_RULE_INVERT;
        else if (sg_take_word (words, "from"))
            rule.src = sg_take_prefix (words);
        else if (sg_take_word (words, "to"))
            rule.dst = sg_take_prefix (words);
        else if (sg_take_word (words, "fwmark"))
            parse_fwmark (words, &rule);
        else if (sg_take_word (words, "iif"))
            g_strlcpy (rule.iif, sg_take (words), sizeof rule.iif);
        else if (sg_take_word (words, "lookup"))
            rule.table = sg_take_table (words);
        else if (sg_take_word (words, "unreachable"))
            rule.action = FR_ACT_UNREACHABLE;
        else if (sg_take_word (words, "suppress_prefixlength"))
            rule.suppress_prefixlen = (int32_t) sg_take_number (words);
        else if (sg_take_word (words, "proto"))
            rule.protocol = sg_take_protocol (words);
        else
            sg_refuse_word (words);
    }
    g_array_append_val (to->snapshot->rules, rule);
}

/* ---- WireGuard, NetworkManager, nftables ---- */

static void
parse_wireguard (SgWords *words, SgSituationText *to)
{
    SgWireguard wireguard = {.ifindex = sg_take_interface (words, to->snapshot)};

    while (sg_peek_word (words)) {
        if (sg_take_word (words, "fwmark"))
            wireguard.fwmark = sg_take_number (words);
        else if (sg_take_word (words, "unkeyed"))
            wireguard.unkeyed = true;
        else if (sg_take_word (words, "default6"))
            wireguard.peer_default[SG_IPV6] = true;
        else if (sg_take_word (words, "default4"))
            wireguard.peer_default[SG_IPV4] = true;
        else if (sg_take_word (words, "key"))
            wireguard.public_key = sg_take_key (words);
        else
            sg_refuse_word (words);
    }
    g_array_append_val (to->snapshot->wireguards, wireguard);
}

static void
parse_peer (SgWords *words, SgSituationText *to)
{
    SgWireguardPeer peer = {.public_key = sg_take_key (words)};

    if (!sg_take_word (words, "dev"))
        sg_refuse_word (words);
    peer.ifindex = sg_take_interface (words, to->snapshot);
    peer.other_preshared = sg_take_word (words, "other-preshared");
    peer.preshared = peer.other_preshared || sg_take_word (words, "preshared");
    if (sg_take_word (words, "endpoint"))
        peer.endpoint = sg_take_ip (words);
    g_array_append_val (to->snapshot->peers, peer);
    while (sg_peek_word (words)) {
        SgWireguardAllowed allowed = {.peer = to->snapshot->peers->len - 1};

        if (!sg_take_word (words, "allowed"))
            sg_refuse_word (words);
        allowed.prefix = sg_take_prefix (words);
        g_array_append_val (to->snapshot->allowed, allowed);
    }
}

static void
parse_proxy (SgWords *words, SgSituationText *to)
{
    SgProxy proxy = {.ip = sg_take_ip (words)};

    if (!sg_take_word (words, "dev"))
        sg_refuse_word (words);
    proxy.ifindex = sg_take_interface (words, to->snapshot);
    if (sg_take_word (words, "proto"))
        proxy.protocol = sg_take_protocol (words);
    g_array_append_val (to->snapshot->proxies, proxy);
}

static void
parse_nexthop (SgWords *words, SgSituationText *to)
{
    SgNexthopObject nexthop = {.id = sg_take_number (words)};

    if (sg_take_word (words, "dev"))
        nexthop.ifindex = sg_take_interface (words, to->snapshot);
    if (sg_take_word (words, "proto"))
        nexthop.protocol = sg_take_protocol (words);
    g_array_append_val (to->snapshot->nexthops, nexthop);
}

static void
parse_sysctl (SgWords *words, SgSituationText *to)
{
    SgSysctl sysctl = {0};

    g_strlcpy (sysctl.path, sg_take (words), sizeof sysctl.path);
    sysctl.value = (int32_t) sg_take_number (words);
    g_array_append_val (to->snapshot->sysctls, sysctl);
}

static void
parse_profile (SgWords *words, SgSituationText *to)
{
    SgWireguardProfile *profile = sg_wireguard_profile_new (sg_take (words));

    g_ptr_array_add (to->snapshot->profiles, profile);
    while (sg_peek_word (words)) {
        if (sg_take_word (words, "fwmark")) {
            profile->fwmark = sg_take_number (words);
        } else if (sg_take_word (words, "address")) {
            SgWgAddress address;

            if (!sg_wg_address_parse (sg_take (words), &address, NULL))
                sg_refuse_word (words);
            g_array_append_val (profile->addresses, address);
        } else if (sg_take_word (words, "preshared")) {
            SgWgRawKey key = sg_take_key (words);

            g_array_append_val (profile->preshared, key);
        } else {
            sg_refuse_word (words);
        }
    }
}

static void
parse_networkmanager (SgWords *words, SgSituationText *to)
{
    to->snapshot->nm = sg_take_word (words, "ready")      ? SG_NM_READY
                       : sg_take_word (words, "starting") ? SG_NM_STARTING
                                                          : SG_NM_ABSENT;
}

static void
parse_device (SgWords *words, SgSituationText *to)
{
    SgDevice device = {0};

    g_strlcpy (device.name, sg_take (words), sizeof device.name);
    while (sg_peek_word (words)) {
        if (sg_take_word (words, "kind"))
            g_strlcpy (device.kind, sg_take (words), sizeof device.kind);
        else if (sg_take_word (words, "can-be-gateway"))
            device.can_be_gateway = true;
        else if (sg_take_word (words, "managed"))
            device.managed = true;
        else if (sg_take_word (words, "active"))
            device.active = true;
        else if (sg_take_word (words, "external"))
            device.external = true;
        else if (sg_take_word (words, "type"))
            device.typed = sg_wg_type_from_string (sg_take (words), &device.type);
        else if (sg_take_word (words, "dns"))
            device.dns = g_intern_string (sg_take (words));
        else if (sg_take_word (words, "dns-search"))
            device.dns_search = g_intern_string (sg_take (words));
        else if (sg_take_word (words, "gateway6"))
            device.gateway[SG_IPV6] = sg_take_ip (words);
        else if (sg_take_word (words, "gateway4"))
            device.gateway[SG_IPV4] = sg_take_ip (words);
        else
            sg_refuse_word (words);
    }
    g_array_append_val (to->snapshot->devices, device);
}

/* The value is what is left of the line, as g_variant_print() writes it. */
static void
parse_resolver (SgWords *words, SgSituationText *to)
{
    SgResolverLink link = {.ifindex = sg_take_interface (words, to->snapshot)};
    g_autofree char *text = g_strjoinv (" ", words->words + words->next);

    if (strcmp (text, "unknown") != 0) {
        GError *error = NULL;
        GVariant *value =
            g_variant_parse (G_VARIANT_TYPE (SG_RESOLVER_TYPE), text, NULL, NULL, &error);

        g_assert_no_error (error);
        link.has = g_variant_ref_sink (value);
    }
    to->snapshot->resolver_answers = true;
    g_array_append_val (to->snapshot->resolver, link);
}

static void
parse_foreign_chain (SgWords *words, SgSituationText *to)
{
    to->snapshot->nft[SG_IPV6]->exists = true;
    g_ptr_array_add (to->snapshot->nft[SG_IPV6]->foreign, g_strdup (sg_take (words)));
}

/* ---- what else decides ---- */

static void
parse_config (SgWords *words, SgSituationText *to)
{
    g_autofree char *text = g_strdup_printf ("[sixgate]\n%s\n", sg_take (words));
    GError *error = NULL;

    sg_config_free (to->config);
    to->config = sg_config_parse ("config", text, strlen (text), &error);
    g_assert_no_error (error);
}

static void
parse_outbound (SgWords *words, SgSituationText *to)
{
    g_strlcpy (to->state->outbound, sg_take (words), sizeof to->state->outbound);
}

static void
parse_override (SgWords *words, SgSituationText *to)
{
    SgOverride override = {.prefix = sg_take_prefix (words)};

    g_strlcpy (override.interface, sg_take (words), sizeof override.interface);
    g_array_append_val (to->state->overrides, override);
}

static void
parse_trusted (SgWords *words, SgSituationText *to)
{
    SgTrusted trusted = {0};

    g_strlcpy (trusted.interface, sg_take (words), sizeof trusted.interface);
    trusted.prefix = sg_take_prefix (words);
    g_array_append_val (to->state->trusted, trusted);
}

static void
parse_remember (SgWords *words, SgSituationText *to)
{
    SgRemembered remembered = {.ifindex = sg_take_number (words)};

    g_strlcpy (remembered.device.name, sg_take (words), sizeof remembered.device.name);
    g_strlcpy (remembered.device.kind, sg_take (words), sizeof remembered.device.kind);
    remembered.device.can_be_gateway = remembered.device.managed = remembered.device.active = true;
    g_array_append_val (to->memory->gateways, remembered);
}

static void
parse_rp_filter_all (SgWords *words, SgSituationText *to)
{
    to->snapshot->rp_filter_all = (uint8_t) sg_take_number (words);
}

static void
parse_rp_filter_was (SgWords *words, SgSituationText *to)
{
    SgRpFilter entry = {sg_take_interface (words, to->snapshot), (uint8_t) sg_take_number (words)};

    g_array_append_val (to->memory->rp_filters, entry);
}

static void
parse_mark (SgWords *words, SgSituationText *to)
{
    uint32_t mark = sg_take_number (words);

    g_array_append_val (to->memory->marks, mark);
}

/* ---- the tunnel role ---- */

static void
parse_subnet (SgWords *words, SgSituationText *to)
{
    static const SgTunnelKeys server = {{{1}}, {{2}}, {{0}}};
    SgPrefix network = sg_take_prefix (words);
    SgTunnelSubnet *subnet = sg_tunnel_subnet_new (&network, words->line);

    if (sg_peek_word (words))
        subnet->prefix = sg_take_prefix (words);
    if (!to->tunnel)
        to->tunnel = sg_tunnel_new (&server);
    to->snapshot->tunnel = true;
    g_ptr_array_add (to->tunnel->subnets, subnet);
}

static void
parse_tunnel_device (SgWords *words, SgSituationText *to)
{
    SgIp ip4 = sg_take_ip (words);
    SgTunnelDevice *device = sg_tunnel_device_new (&ip4, words->line);

    memcpy (device->keys.public_key.bytes, ip4.bytes, 4);
    memcpy (device->keys.preshared_key.bytes + 1, ip4.bytes, 4);
    if (sg_take_word (words, "server"))
        device->kind = SG_TUNNEL_SERVER;
    if (!to->tunnel)
        g_error ("situation: “%s”: a device belongs to a subnet", words->line);
    g_ptr_array_add (
        ((SgTunnelSubnet *) g_ptr_array_index (to->tunnel->subnets, to->tunnel->subnets->len - 1))
            ->devices,
        device);
}

static void
parse_tunnel_pinhole (SgWords *words, SgSituationText *to)
{
    const SgTunnelSubnet *subnet;
    const SgTunnelDevice *device;
    uint8_t protocol = sg_take_word (words, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
    uint16_t external, internal;
    SgPinhole *pinhole;

    if (!to->tunnel)
        g_error ("situation: “%s”: a pinhole belongs to a device", words->line);
    sg_take_word (words, "tcp");
    external = (uint16_t) sg_take_number (words);
    internal = (uint16_t) sg_take_number (words);
    pinhole = sg_pinhole_new (protocol, external, internal, "");
    pinhole->enabled = !sg_take_word (words, "disabled");
    subnet = g_ptr_array_index (to->tunnel->subnets, to->tunnel->subnets->len - 1);
    device = g_ptr_array_index (subnet->devices, subnet->devices->len - 1);
    g_ptr_array_add (device->pinholes, pinhole);
}

static const struct {
    const char *word;
    void (*parse) (SgWords *words, SgSituationText *to);
} line_table[] = {
    {"link", parse_link},
    {"address", parse_address},
    {"rp-filter-all", parse_rp_filter_all},
    {"rp-filter-was", parse_rp_filter_was},
    {"route4", parse_route},
    {"rule4", parse_rule},
    {"route", parse_route},
    {"rule", parse_rule},
    {"wireguard", parse_wireguard},
    {"networkmanager", parse_networkmanager},
    {"device", parse_device},
    {"resolver", parse_resolver},
    {"foreign-chain", parse_foreign_chain},
    {"config", parse_config},
    {"outbound", parse_outbound},
    {"trusted", parse_trusted},
    {"remember", parse_remember},
    {"mark", parse_mark},
    {"peer", parse_peer},
    {"profile", parse_profile},
    {"proxy", parse_proxy},
    {"nexthop", parse_nexthop},
    {"sysctl", parse_sysctl},
    {"subnet", parse_subnet},
    {"tunnel-device", parse_tunnel_device},
    {"tunnel-pinhole", parse_tunnel_pinhole},
    {"override", parse_override},
};

/* Links come in a first pass: any other line may name one. */
static void
parse_line (const char *text, bool links, SgSituationText *to)
{
    g_autofree char *line = g_strdup (text);
    g_auto (GStrv) parts = NULL;
    g_autoptr (GPtrArray) words = g_ptr_array_new ();
    SgWords reader = {.line = line};

    if (strchr (line, '#'))
        *strchr (line, '#') = '\0';
    parts = g_strsplit_set (line, " \t", -1);
    for (char **part = parts; *part; part++) {
        if (**part)
            g_ptr_array_add (words, *part);
    }
    g_ptr_array_add (words, NULL);
    reader.words = (char **) words->pdata;
    if (!sg_peek_word (&reader) || links != (strcmp (sg_peek_word (&reader), "link") == 0))
        return;
    for (size_t i = 0; i < G_N_ELEMENTS (line_table); i++) {
        if (sg_take_word (&reader, line_table[i].word)) {
            line_table[i].parse (&reader, to);
            return;
        }
    }
    sg_refuse_word (&reader);
}

SgSituationText *
sg_situation_parse (const char *text)
{
    SgSituationText *situation = g_new0 (SgSituationText, 1);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    situation->config = sg_config_new_default ();
    situation->state = sg_state_new ();
    situation->memory = sg_memory_new ();
    situation->snapshot = sg_snapshot_new ();
    situation->snapshot->nm = SG_NM_READY;
    situation->snapshot->nft[SG_IPV6] = sg_nft_table_new (10 /* NFPROTO_IPV6 */, "startos");
    situation->snapshot->nft[SG_IPV4] = sg_nft_table_new (2 /* NFPROTO_IPV4 */, "startos");
    for (char **line = lines; *line; line++)
        parse_line (*line, /* links= */ true, situation);
    for (char **line = lines; *line; line++)
        parse_line (*line, /* links= */ false, situation);
    return situation;
}

void
sg_situation_free (SgSituationText *situation)
{
    if (!situation)
        return;
    sg_config_free (situation->config);
    sg_state_free (situation->state);
    sg_memory_free (situation->memory);
    sg_tunnel_free (situation->tunnel);
    sg_snapshot_free (situation->snapshot);
    g_free (situation);
}
