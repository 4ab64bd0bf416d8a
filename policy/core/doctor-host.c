/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/doctor-parts.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "core/contract.h"
#include "core/explain.h"

/* RFC 8200, section 5. */
#define IPV6_MTU_MIN 1280
/* What WireGuard adds to a packet over IPv6: 40 + 8 + 32 bytes. */
#define WIREGUARD_OVERHEAD 80
/* An outbound that carries traffic shakes hands every two minutes. */
#define HANDSHAKE_OLD_S 86400u

static const char *
name_of (const SgPatient *patient, uint32_t ifindex)
{
    const char *name = sg_snapshot_link_name (ifindex, patient->snapshot);

    return name ? name : "?";
}

/* ---- firewalls of others ---- */

static const char *
firewall_of (const SgForeignChain *chain)
{
    if (strcmp (chain->table, "firewalld") == 0)
        return "firewalld";
    return chain->family == NFPROTO_IPV6 && strcmp (chain->table, "filter") == 0
               ? "ufw, docker or ip6tables"
               : chain->table;
}

/* Whether something is forwarded here: a bridge with addresses of its own, or the tunnel role. */
static bool
forwards (const SgPatient *patient)
{
    const SgSnapshot *snapshot = patient->snapshot;

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        const SgLink *link = sg_snapshot_link (snapshot, address->ifindex);

        if (link && address->ip.family == AF_INET6 && !sg_ip_is_link_local (&address->ip) &&
            (strcmp (link->kind, "bridge") == 0 ||
             strcmp (link->name, patient->config->tunnel_interface) == 0))
            return true;
    }
    return false;
}

static void
examine_firewalls (const SgPatient *patient, GPtrArray *findings)
{
    for (guint i = 0; i < patient->facts->chains->len; i++) {
        const SgForeignChain *chain = &g_array_index (patient->facts->chains, SgForeignChain, i);
        bool forward = chain->hook == NF_INET_FORWARD;

        if (!chain->drops || (chain->family != NFPROTO_IPV6 && chain->family != NFPROTO_INET) ||
            (forward ? !forwards (patient) : chain->hook != NF_INET_LOCAL_IN))
            continue;
        sg_doctor_add (
            findings,
            &(SgFinding) {
                .id = forward ? "firewall-forward" : "firewall-input",
                .severity = forward ? SG_SEVERITY_WARNING : SG_SEVERITY_NOTE,
                .what = g_strdup_printf ("the chain %s of the nftables table %s (%s) drops what it "
                                         "does not know",
                                         chain->chain, chain->table, firewall_of (chain)),
                .why = g_strdup (forward ? "a drop wins over every accept of ours: containers and "
                                           "tunnels behind this host may not be reached over IPv6"
                                         : "who connects to an address of a gateway is answered "
                                           "only if that firewall lets it in"),
                .advice = g_strdup (forward ? "allow forwarding between the interfaces there (ufw "
                                              "route allow, a firewalld policy, DOCKER-USER)"
                                            : "open the ports there that are to be reached"),
            });
    }
}

/* ---- settings of the kernel ---- */

/* A default that the kernel itself learned: forwarding makes accept_ra=1 inert, and it expires. */
static bool
has_learned_default (const SgSnapshot *snapshot, uint32_t ifindex)
{
    for (guint i = 0; i < snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        if (route->family == AF_INET6 && route->table == RT_TABLE_MAIN && route->expires &&
            sg_route_is_default (route) && sg_route_uses (route, ifindex))
            return true;
    }
    return false;
}

static void
examine_accept_ra (const SgPatient *patient, const SgInterfaceFacts *interface, GPtrArray *findings)
{
    const char *name = name_of (patient, interface->ifindex);
    const SgDevice *device = sg_snapshot_device (patient->snapshot, name);

    if (interface->forwarding != 1 || interface->accept_ra != 1 || (device && device->managed) ||
        !has_learned_default (patient->snapshot, interface->ifindex))
        return;
    sg_doctor_add (findings,
                   &(SgFinding) {
                       .id = "accept-ra",
                       .severity = SG_SEVERITY_ERROR,
                       .what = g_strdup_printf ("%s forwards, and its default route comes from "
                                                "router advertisements that it then ignores",
                                                name),
                       .why = g_strdup ("the route is not refreshed any more and goes away when it "
                                        "expires"),
                       .advice = g_strdup_printf ("sysctl -w net.ipv6.conf.%s.accept_ra=2", name),
                   });
}

static void
examine_mtu (const SgPatient *patient, const SgInterfaceFacts *interface, GPtrArray *findings)
{
    const char *name = name_of (patient, interface->ifindex);

    if (interface->mtu < 0 || interface->mtu >= IPV6_MTU_MIN ||
        !sg_gateways_contain (patient->wanted->gateways, interface->ifindex))
        return;
    sg_doctor_add (findings,
                   &(SgFinding) {
                       .id = "mtu",
                       .severity = SG_SEVERITY_ERROR,
                       .what = g_strdup_printf ("the MTU of %s is %d", name, interface->mtu),
                       .why = g_strdup ("IPv6 needs at least 1280: the kernel takes it "
                                        "off the interface"),
                       .advice = g_strdup_printf ("nmcli connection modify %s mtu 1420 "
                                                  "(802-3-ethernet.mtu, wireguard.mtu)",
                                                  name),
                   });
}

static const SgInterfaceFacts *
facts_of (const SgPatient *patient, uint32_t ifindex)
{
    for (guint i = 0; i < patient->facts->interfaces->len; i++) {
        const SgInterfaceFacts *facts =
            &g_array_index (patient->facts->interfaces, SgInterfaceFacts, i);

        if (facts->ifindex == ifindex)
            return facts;
    }
    return NULL;
}

/* The smallest MTU of what carries the tunnels. */
static int
underlay_mtu (const SgPatient *patient)
{
    const GArray *gateways = patient->wanted->gateways;
    int mtu = 0;

    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);
        const SgInterfaceFacts *facts = facts_of (patient, gateway->ifindex);

        if (!gateway->wireguard && facts && facts->mtu > 0)
            mtu = mtu ? MIN (mtu, facts->mtu) : facts->mtu;
    }
    return mtu;
}

static void
examine_tunnel_mtu (const SgPatient *patient, const SgGateway *gateway, GPtrArray *findings)
{
    const SgInterfaceFacts *facts = facts_of (patient, gateway->ifindex);
    int below = underlay_mtu (patient);

    if (!gateway->wireguard || !facts || !below || facts->mtu <= below - WIREGUARD_OVERHEAD)
        return;
    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = "tunnel-mtu",
            .severity = SG_SEVERITY_WARNING,
            .what = g_strdup_printf ("the MTU of %s is %d, too much for the %d of what carries it",
                                     gateway->name, facts->mtu, below),
            .why = g_strdup ("large packets are cut into pieces or lost: some pages hang"),
            .advice = g_strdup_printf ("nmcli connection modify %s wireguard.mtu %d", gateway->name,
                                       below - WIREGUARD_OVERHEAD),
        });
}

/* The larger of both holds (Documentation/networking/ip-sysctl.rst). */
static void
examine_rp_filter (const SgPatient *patient, const SgInterfaceFacts *interface, GPtrArray *findings)
{
    const char *name = name_of (patient, interface->ifindex);
    int effective = MAX (interface->rp_filter, patient->facts->rp_filter_all);

    if (effective != 1 || !sg_gateways_contain (patient->wanted->gateways, interface->ifindex))
        return;
    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = "rp-filter",
            .severity = SG_SEVERITY_WARNING,
            .what = g_strdup_printf ("net.ipv4.conf.%s.rp_filter is strict (1)", name),
            .why = g_strdup ("IPv4 connections that come in by a gateway which is not the "
                             "outbound are dropped"),
            .advice = g_strdup_printf ("sysctl -w net.ipv4.conf.%s.rp_filter=2", name),
        });
}

static void
examine_forwarding (const SgPatient *patient, GPtrArray *findings)
{
    if (patient->facts->forwarding_all != 0 || !forwards (patient))
        return;
    sg_doctor_add (findings, &(SgFinding) {
                                 .id = "forwarding",
                                 .severity = SG_SEVERITY_WARNING,
                                 .what = g_strdup ("IPv6 forwarding is off, and there is a bridge "
                                                   "or tunnel with IPv6 addresses"),
                                 .why = g_strdup ("what is behind it has no IPv6"),
                                 .advice = g_strdup ("sysctl -w net.ipv6.conf.all.forwarding=1 "
                                                     "(accept_ra=2 first where a default comes "
                                                     "from router advertisements)"),
                             });
}

static void
examine_interfaces (const SgPatient *patient, GPtrArray *findings)
{
    for (guint i = 0; i < patient->facts->interfaces->len; i++) {
        const SgInterfaceFacts *interface =
            &g_array_index (patient->facts->interfaces, SgInterfaceFacts, i);

        examine_accept_ra (patient, interface, findings);
        examine_mtu (patient, interface, findings);
        examine_rp_filter (patient, interface, findings);
    }
}

/* ---- tunnels ---- */

/* The newest handshake of any peer; whether there are peers at all. */
static bool
newest_handshake (const SgSnapshot *snapshot, uint32_t ifindex, uint64_t *ret_time)
{
    bool peers = false;

    *ret_time = 0;
    for (guint i = 0; i < snapshot->peers->len; i++) {
        const SgWireguardPeer *peer = &g_array_index (snapshot->peers, SgWireguardPeer, i);

        if (peer->ifindex != ifindex)
            continue;
        peers = true;
        *ret_time = MAX (*ret_time, peer->handshake);
    }
    return peers;
}

static void
examine_handshake (const SgPatient *patient, const SgGateway *gateway, GPtrArray *findings)
{
    bool selected = strcmp (gateway->name, patient->state->outbound) == 0;
    uint64_t time;

    if (!gateway->wireguard || !newest_handshake (patient->snapshot, gateway->ifindex, &time) ||
        (time && patient->facts->now < time + HANDSHAKE_OLD_S))
        return;
    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = "no-handshake",
            .severity = selected ? SG_SEVERITY_ERROR : SG_SEVERITY_WARNING,
            .what = time ? g_strdup_printf ("%s: no handshake for %u hours", gateway->name,
                                            (guint) ((patient->facts->now - time) / 3600))
                         : g_strdup_printf ("%s: no handshake ever", gateway->name),
            .why = g_strdup ("the far end does not answer: nothing passes the tunnel"),
            .advice = g_strdup_printf ("look at endpoint, keys and the far end (wg show %s); a new "
                                       "file from the provider: sixgatectl gateway update %s FILE",
                                       gateway->name, gateway->name),
        });
}

static bool
profile_has_key (const SgWireguardProfile *profile, const SgWgRawKey *public_key)
{
    for (guint i = 0; i < profile->preshared->len; i++) {
        if (memcmp (&g_array_index (profile->preshared, SgWgRawKey, i), public_key,
                    sizeof *public_key) == 0)
            return true;
    }
    return false;
}

static void
examine_keys (const SgPatient *patient, const SgGateway *gateway, GPtrArray *findings)
{
    const SgWireguardProfile *profile = sg_snapshot_profile (patient->snapshot, gateway->name);
    const GArray *peers = patient->snapshot->peers;
    bool lost = false;

    for (guint i = 0; profile && i < peers->len; i++) {
        const SgWireguardPeer *peer = &g_array_index (peers, SgWireguardPeer, i);

        lost = lost || (peer->ifindex == gateway->ifindex && peer->preshared &&
                        !profile_has_key (profile, &peer->public_key));
    }
    if (!lost)
        return;
    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = "preshared-key",
            .severity = SG_SEVERITY_WARNING,
            .what = g_strdup_printf (
                "%s: a peer has a preshared key that its profile does not keep", gateway->name),
            .why = g_strdup ("the key is lost with the next activation, and the tunnel with it"),
            .advice = g_strdup_printf ("sixgatectl gateway update %s FILE, with the provider's "
                                       "file; it is kept from then on",
                                       gateway->name),
        });
}

/* ---- containers ---- */

static int
common_bits (const SgIp *a, const SgIp *b)
{
    int bits = 0;

    while (bits < 128 && !((a->bytes[bits / 8] ^ b->bytes[bits / 8]) & (0x80 >> bits % 8)))
        bits++;
    return bits;
}

/* The gateway whose addresses are nearest to @prefix, at least 32 bits: most likely the one that
 * it was delegated by. */
static const SgGateway *
gateway_of (const SgPatient *patient, const SgPrefix *prefix)
{
    const SgSnapshot *snapshot = patient->snapshot;
    const SgGateway *best = NULL;
    int most = 31;

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        const char *name = name_of (patient, address->ifindex);
        const SgGateway *gateway = sg_gateways_by_name (patient->wanted->gateways, name);

        if (gateway && address->ip.family == AF_INET6 &&
            common_bits (&address->ip, &prefix->ip) > most) {
            most = common_bits (&address->ip, &prefix->ip);
            best = gateway;
        }
    }
    return best;
}

static void
examine_network (const SgPatient *patient, const SgAddress *address, GPtrArray *findings)
{
    static const SgIp stranger = {AF_INET6, {0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff}};
    SgPrefix prefix = sg_prefix_new (&address->ip, address->prefix_len);
    const SgFlow flow = {.src = sg_prefix_last (&prefix), .dst = stranger, .iif = address->ifindex};
    const SgGateway *right = gateway_of (patient, &prefix);
    g_autoptr (SgExplanation) explanation = sg_explain (patient->snapshot, &flow);
    const SgRoute *route = explanation->fib->route;
    char text[SG_PREFIX_TEXT_MAX];

    if (!right || explanation->fib->fate != SG_FATE_LEAVES || !route->n_nexthops ||
        sg_route_uses (route, right->ifindex))
        return;
    sg_doctor_add (findings,
                   &(SgFinding) {
                       .id = "container-prefix",
                       .severity = SG_SEVERITY_WARNING,
                       .what = g_strdup_printf (
                           "what %s has in %s leaves by %s; the prefix looks like %s's",
                           name_of (patient, address->ifindex), sg_prefix_format (&prefix, text),
                           name_of (patient, route->nexthops[0].ifindex), right->name),
                       .why = g_strdup ("the provider there drops sources that are not its own"),
                       .advice = g_strdup_printf ("sixgatectl override add %s %s",
                                                  sg_prefix_format (&prefix, text), right->name),
                   });
}

static void
examine_containers (const SgPatient *patient, GPtrArray *findings)
{
    const SgSnapshot *snapshot = patient->snapshot;

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);
        const SgLink *link = sg_snapshot_link (snapshot, address->ifindex);

        if (link && strcmp (link->kind, "bridge") == 0 && address->ip.family == AF_INET6 &&
            address->scope == RT_SCOPE_UNIVERSE && address->prefix_len < 128 &&
            !sg_ip_is_link_local (&address->ip) && !sg_ip_is_unique_local (&address->ip))
            examine_network (patient, address, findings);
    }
}

/* ---- the whole ---- */

void
sg_doctor_host (const SgPatient *patient, GPtrArray *findings)
{
    const GArray *gateways = patient->wanted->gateways;

    examine_firewalls (patient, findings);
    examine_forwarding (patient, findings);
    examine_interfaces (patient, findings);
    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);

        examine_tunnel_mtu (patient, gateway, findings);
        examine_handshake (patient, gateway, findings);
        examine_keys (patient, gateway, findings);
    }
    examine_containers (patient, findings);
}
