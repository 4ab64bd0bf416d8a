/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wanted, promise by promise (spec 1.1 to 1.4). A row adds lines to one common host, and
 * says which lines the decision must hold and which words must be in none of its lines. */
#include <locale.h>
#include <string.h>

#include "core/plan.h"
#include "lib/situation.h"

/* A host with a LAN, a tunnel and containers. */
#define LINKS                                                                                      \
    "link 1 lo loopback up\n"                                                                      \
    "link 2 eth0 up\n"                                                                             \
    "link 5 wg0 kind wireguard up\n"                                                               \
    "link 7 br0 kind bridge up\n"
#define LAN                                                                                        \
    "address 2001:db8:1::10/64 dev eth0 permanent\n"                                               \
    "address fe80::10/64 dev eth0 permanent\n"                                                     \
    "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0\n"                               \
    "route default table main proto 9 metric 100 via fe80::1 dev eth0\n"                           \
    "device eth0 kind ethernet can-be-gateway managed active\n"
#define TUNNEL                                                                                     \
    "address 2001:db8:f::2/128 dev wg0 permanent\n"                                                \
    "wireguard wg0 fwmark 0xcafe default6\n"                                                       \
    "device wg0 kind wireguard can-be-gateway managed active\n"
#define CONTAINERS                                                                                 \
    "address fd00:7::1/64 dev br0 permanent\n"                                                     \
    "route fd00:7::/64 table main proto 2 metric 256 dev br0\n"
#define HOST LINKS LAN TUNNEL CONTAINERS
#define SELECTED "outbound wg0\n"

typedef struct {
    const char *promise; /* "group/what holds" */
    const char *text;    /* the situation */
    const char *has;     /* lines that must be there, each whole (warnings: a part) */
    const char *lacks;   /* words that no line may hold, a line each */
} Row;

/* ---- a decision as text ---- */

static void
say_action (GString *out, const SgSnapshot *snapshot, SgAction action)
{
    g_autofree char *line = sg_action_to_string (&action, snapshot);

    g_string_append_printf (out, "%s\n", line);
}

static void
say_gateways (GString *out, const SgWanted *wanted)
{
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);

        g_string_append_printf (out, "gateway %s %u %s\n", gateway->name, gateway->table,
                                gateway->capability[SG_IPV6] == SG_CAPABLE
                                    ? "capable"
                                    : sg_capability_name (gateway->capability[SG_IPV6]));
    }
    for (guint i = 0; i < wanted->warnings->len; i++)
        g_string_append_printf (out, "warning %s\n",
                                (const char *) g_ptr_array_index (wanted->warnings, i));
}

static void
say_elements (GString *out, const SgWanted *wanted, const SgSnapshot *snapshot)
{
    for (guint i = 0; i < wanted->nft[SG_IPV6]->sets->len; i++) {
        const SgNftSet *set = g_ptr_array_index (wanted->nft[SG_IPV6]->sets, i);

        for (guint j = 0; j < set->elements->len; j++)
            say_action (out, snapshot,
                        (SgAction) {.kind = SG_ACTION_NFT_ELEMENT_ADD,
                                    .table = wanted->nft[SG_IPV6],
                                    .set = set,
                                    .element = g_array_index (set->elements, SgNftElement, j)});
    }
    for (guint i = 0; i < wanted->nft[SG_IPV6]->chains->len; i++)
        g_string_append_printf (
            out, "chain %s\n",
            ((const SgNftChain *) g_ptr_array_index (wanted->nft[SG_IPV6]->chains, i))->name);
}

static char *
decide (const char *text)
{
    g_autoptr (SgSituationText) now = sg_situation_parse (text);
    g_autoptr (SgWanted) wanted =
        sg_wanted_new (now->config, now->state, now->memory, now->tunnel, now->snapshot);
    GString *out = g_string_new (NULL);

    say_gateways (out, wanted);
    for (guint i = 0; i < wanted->rules->len; i++)
        say_action (out, now->snapshot,
                    (SgAction) {.kind = SG_ACTION_RULE_ADD,
                                .rule = g_array_index (wanted->rules, SgRule, i)});
    for (guint i = 0; i < wanted->routes->len; i++)
        say_action (out, now->snapshot,
                    (SgAction) {.kind = SG_ACTION_ROUTE_REPLACE,
                                .route = g_ptr_array_index (wanted->routes, i)});
    for (guint i = 0; i < wanted->fwmarks->len; i++) {
        const SgWantedFwmark *change = &g_array_index (wanted->fwmarks, SgWantedFwmark, i);

        say_action (out, now->snapshot,
                    (SgAction) {.kind = SG_ACTION_WG_FWMARK,
                                .ifindex = change->ifindex,
                                .fwmark = change->fwmark});
    }
    say_elements (out, wanted, now->snapshot);
    return g_string_free (out, /* free_segment= */ FALSE);
}

/* ---- rows ---- */

/* Lines of rows leave out what is the same in all: the command and our protocol. */
static char *
shorten (const char *text)
{
    static const char *const words[] = {
        "ip -6 ", " replace", " add", "nft 'add element ip6 startos ", " proto sixgate", "'"};
    GString *out = g_string_new (text);

    for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
        g_string_replace (out, words[i], "", 0);
    return g_string_free (out, /* free_segment= */ FALSE);
}

static guint
count_lines (char **lines, const char *wanted)
{
    guint n = 0;

    for (char **line = lines; *line; line++) {
        bool warning =
            g_str_has_prefix (wanted, "warning ") && g_str_has_prefix (*line, "warning ");

        n += strcmp (*line, wanted) == 0 ||
             (warning && strstr (*line, wanted + strlen ("warning ")));
    }
    return n;
}

static void
test_row (const void *data)
{
    const Row *row = data;
    g_autofree char *decision = decide (row->text);
    g_autofree char *text = shorten (decision);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    g_auto (GStrv) has = g_strsplit (row->has ? row->has : "", "\n", -1);
    g_auto (GStrv) lacks = g_strsplit (row->lacks ? row->lacks : "", "\n", -1);

    for (char **line = has; *line; line++) {
        if (**line && count_lines (lines, *line) != 1)
            g_test_fail_printf ("%s: “%s” is there %u times in\n%s", row->promise, *line,
                                count_lines (lines, *line), text);
    }
    for (char **words = lacks; *words; words++) {
        if (**words && strstr (text, *words))
            g_test_fail_printf ("%s: there is “%s” in\n%s", row->promise, *words, text);
    }
}

static const Row rule_rows[] = {
    {"50/one per gateway, for its own mark and table", HOST,
     "rule pref 50 fwmark 0x3ea lookup 1002\nrule pref 50 fwmark 0x3ed lookup 1005", "0x3ef"},
    {"60/one per address that is not link-local", HOST,
     "rule pref 60 from 2001:db8:1::10/128 lookup 1002\n"
     "rule pref 60 from 2001:db8:f::2/128 lookup 1005",
     "from fe80\nfrom fd00:7::1"},
    {"60/also of a tentative address", HOST "address 2001:db8:1::20/64 dev eth0 tentative\n",
     "rule pref 60 from 2001:db8:1::20/128 lookup 1002", NULL},
    {"60/also of a deprecated address", HOST "address 2001:db8:1::20/64 dev eth0 deprecated\n",
     "rule pref 60 from 2001:db8:1::20/128 lookup 1002", NULL},
    {"60/also of an address that lost duplicate detection, which may be fought for",
     HOST "address 2001:db8:1::20/64 dev eth0 dadfailed\n",
     "rule pref 60 from 2001:db8:1::20/128 lookup 1002", NULL},
    {"60/also of a unique local address", HOST "address fd00:1::1/64 dev eth0 permanent\n",
     "rule pref 60 from fd00:1::1/128 lookup 1002", NULL},
    {"64/not a static route of length 32, which 65 follows",
     HOST SELECTED "route 2001:db8::/32 table main proto 4 metric 9 dev eth0\n", NULL, "pref 64"},
    {"64/a static route of length 31",
     HOST SELECTED "route 2001:db8::/31 table main proto 4 metric 9 dev eth0\n",
     "rule pref 64 to 2001:db8::/31 lookup main", NULL},
    {"64/a static route of length 5, the shortest",
     HOST SELECTED "route 2800::/5 table main proto 4 dev eth0\n",
     "rule pref 64 to 2800::/5 lookup main", NULL},
    {"64/not a default in disguise of length 4",
     HOST SELECTED "route 2000::/4 table main proto 4 dev eth0\n", NULL, "pref 64"},
    {"64/not 2000::, length 3", HOST SELECTED "route 2000::/3 table main proto 4 dev eth0\n", NULL,
     "pref 64"},
    {"64/not ::, length 1", HOST SELECTED "route ::/1 table main proto 4 dev eth0\n", NULL,
     "pref 64"},
    {"64/not learned by NetworkManager from an advertisement",
     HOST SELECTED "route 2a00::/12 table main proto 9 metric 9 via fe80::1 dev eth0\n", NULL,
     "pref 64"},
    {"64/not learned by the kernel from an advertisement",
     HOST SELECTED "route 2a00::/12 table main proto 3 metric 9 expires via fe80::1 dev eth0\n",
     NULL, "pref 64"},
    {"64/not a prefix of the kernel without permanent address",
     HOST SELECTED "address 2a00::9/12 dev eth0\nroute 2a00::/12 table main proto 2 dev eth0\n",
     NULL, "pref 64"},
    {"64/a prefix of the kernel of a permanent address",
     HOST SELECTED
     "address 2a00::9/12 dev eth0 permanent\nroute 2a00::/12 table main proto 2 dev eth0\n",
     "rule pref 64 to 2a00::/12 lookup main", NULL},
    {"64/once for two routes of a prefix",
     HOST SELECTED "route 2a00::/12 table main proto 4 metric 1 dev eth0\n"
                   "route 2a00::/12 table main proto 4 metric 2 dev br0\n",
     "rule pref 64 to 2a00::/12 lookup main", NULL},
    {"64/only while an outbound is selected", HOST "route 2a00::/12 table main proto 4 dev eth0\n",
     NULL, "pref 64"},
    {"65/while an outbound is selected", HOST SELECTED,
     "rule pref 65 lookup main suppress_prefixlength 31", NULL},
    {"65/also while it is gone", HOST "outbound wg9\n",
     "rule pref 65 lookup main suppress_prefixlength 31", NULL},
    {"65/not in auto", HOST, NULL, "pref 65"},
    {"74/for the fwmark of a tunnel", HOST SELECTED, "rule pref 74 fwmark 0xcafe lookup main",
     NULL},
    {"74/once for two tunnels of one fwmark",
     HOST SELECTED "link 8 wg1 kind wireguard\nwireguard wg1 fwmark 0xcafe\n",
     "rule pref 74 fwmark 0xcafe lookup main", NULL},
    {"74/also for a link that is no gateway",
     HOST SELECTED "link 8 wg1 kind wireguard\nwireguard wg1 fwmark 0x77\n",
     "rule pref 74 fwmark 0x77 lookup main", NULL},
    {"65/while there is an override, also in auto", HOST "override fd00:7::2/128 wg0\n",
     "rule pref 65 lookup main suppress_prefixlength 31", "pref 74\npref 75\npref 76"},
    {"70/the table of its gateway", HOST SELECTED "override fd00:7::/64 eth0\n",
     "rule pref 70 from fd00:7::/64 lookup 1002\nrule pref 71 from fd00:7::/64 unreachable", NULL},
    {"70/not while it is gone, and that is said", HOST "override fd00:7::2/128 wg9\n",
     "rule pref 71 from fd00:7::2/128 unreachable\n"
     "warning fd00:7::2/128 may leave by wg9 only, which is not there",
     "pref 70"},
    {"70/also when it cannot carry IPv6, and that is said",
     LINKS LAN
     "device wg0 kind wireguard can-be-gateway managed active\nwireguard wg0 fwmark 0x1 default6\n"
     "override fd00:7::2/128 wg0\n",
     "rule pref 70 from fd00:7::2/128 lookup 1005\n"
     "warning fd00:7::2/128 may leave by wg0 only, which cannot carry IPv6",
     NULL},
    {"70/of a family that is not routed does nothing, and that is said",
     HOST "override 10.7.0.0/16 wg0\n",
     "warning the override of 10.7.0.0/16 by wg0 does nothing: IPv4 is not routed",
     "from 10.7.0.0\npref 70\npref 71"},
    {"71/also at boot, without any gateway",
     "link 1 lo loopback up\nnetworkmanager absent\noverride fd00:7::2/128 wg0\n",
     "rule pref 71 from fd00:7::2/128 unreachable\nrule pref 65 lookup main suppress_prefixlength "
     "31",
     NULL},
    {"71/an address of another gateway is routed before it: said",
     HOST "override 2001:db8:1::/64 wg0\n",
     "warning the override of 2001:db8:1::/64 by wg0 holds 2001:db8:1::10", NULL},
    {"74/no rule for a link without fwmark that is not ours",
     HOST SELECTED "link 8 wg1 kind wireguard\nwireguard wg1 fwmark 0x0\n", NULL, "fwmark 0x0 "},
    {"74/the fwmark that a gateway will get",
     LINKS LAN SELECTED "wireguard wg0 fwmark 0x0 default6\naddress 2001:db8:f::2/128 dev wg0\n"
                        "device wg0 kind wireguard can-be-gateway managed active\n",
     "rule pref 74 fwmark 0x73697867 lookup main\nwg set wg0 fwmark 0x73697867", NULL},
    {"74/main's best default is a tunnel: the table of the best gateway that is none",
     HOST SELECTED "route default table main proto 3 metric 50 dev wg0\n",
     "rule pref 74 fwmark 0xcafe lookup 1002", NULL},
    {"74/a worse default through a tunnel changes nothing",
     HOST SELECTED "route default table main proto 3 metric 200 dev wg0\n",
     "rule pref 74 fwmark 0xcafe lookup main", NULL},
    {"74/main's best default is a tunnel and nothing else can: main",
     LINKS TUNNEL SELECTED "route default table main proto 3 metric 50 dev wg0\n",
     "rule pref 74 fwmark 0xcafe lookup main", NULL},
    {"74/a tunnel has the default in pieces: the table of the best gateway that is none",
     HOST SELECTED "route 2000::/3 table main proto 3 metric 50 dev wg0\n",
     "rule pref 74 fwmark 0xcafe lookup 1002", NULL},
    {"74/main has no default at all: the table of the best gateway that is no tunnel",
     LINKS TUNNEL SELECTED "device eth0 can-be-gateway managed active gateway6 fe80::1\n"
                           "address 2001:db8:1::10/64 dev eth0\n",
     "rule pref 74 fwmark 0xcafe lookup 1002", NULL},
    {"74/not in auto", HOST, NULL, "pref 74"},
    {"75/the table of the selected outbound", HOST SELECTED, "rule pref 75 lookup 1005", NULL},
    {"75/also when it cannot carry IPv6",
     LINKS LAN SELECTED
     "device wg0 kind wireguard can-be-gateway managed active\nwireguard wg0 fwmark 0x1 default6\n",
     "rule pref 75 lookup 1005\nwarning wg0: the selected outbound cannot carry IPv6 (no-address)",
     NULL},
    {"75/not while it is gone, and that is said", HOST "outbound wg9\n",
     "warning wg9: the selected outbound is not there", "pref 75"},
    {"76/while an outbound is selected", HOST SELECTED, "rule pref 76 unreachable", NULL},
    {"76/also while it is gone", HOST "outbound wg9\n", "rule pref 76 unreachable", NULL},
    {"76/not in auto", HOST, NULL, "pref 75\npref 76"},
    {"1000/always, also without any gateway", "link 1 lo loopback up\n",
     "rule pref 1000 lookup main\nrule pref 1100 lookup default", NULL},
    {"foreign/at a preference of ours: said", HOST "rule pref 75 lookup 7\n",
     "warning “pref 75 lookup 7” stands at a preference of ours", NULL},
    {"foreign/hidden by 1000: said", HOST "rule pref 5210 lookup 52\n",
     "warning “pref 5210 lookup 52” never decides", NULL},
    {"foreign/elsewhere: nothing to say",
     HOST "rule pref 40 lookup 7\nrule pref 32766 lookup main proto 2\n"
          "rule pref 0 lookup 255 proto 2\n",
     NULL, "foreign rule"},
};

static const Row gateway_rows[] = {
    {"carries/a LAN with address and default, a tunnel with address and peer", HOST,
     "gateway eth0 1002 capable\ngateway wg0 1005 capable", "gateway br0\ngateway lo"},
    {"reason/no address at all",
     LINKS "device eth0 can-be-gateway managed active\n"
           "route default table main proto 9 via fe80::1 dev eth0\n",
     "gateway eth0 1002 no-address", NULL},
    {"reason/link-local is no address",
     LINKS "device eth0 can-be-gateway managed active\n"
           "address fe80::1/64 dev eth0\nroute default table main proto 9 via fe80::1 dev eth0\n",
     "gateway eth0 1002 no-address", NULL},
    {"reason/unique local is no address on a LAN",
     LINKS "device eth0 can-be-gateway managed active\n"
           "address fd00::9/64 dev eth0\nroute default table main proto 9 via fe80::1 dev eth0\n",
     "gateway eth0 1002 no-address", NULL},
    {"reason/deprecated only",
     LINKS
     "device eth0 can-be-gateway managed active\n"
     "address 2001:db8::9/64 dev eth0 deprecated\nroute default table main via fe80::1 dev eth0\n",
     "gateway eth0 1002 no-address", NULL},
    {"reason/lost duplicate detection",
     LINKS
     "device eth0 can-be-gateway managed active\n"
     "address 2001:db8::9/64 dev eth0 dadfailed\nroute default table main via fe80::1 dev eth0\n",
     "gateway eth0 1002 no-address", NULL},
    {"carries/a tentative address counts",
     LINKS
     "device eth0 can-be-gateway managed active\n"
     "address 2001:db8::9/64 dev eth0 tentative\nroute default table main via fe80::1 dev eth0\n",
     "gateway eth0 1002 capable", NULL},
    {"reason/no default route",
     LINKS "device eth0 can-be-gateway managed active\n"
           "address 2001:db8::9/64 dev eth0\n",
     "gateway eth0 1002 no-default-route", NULL},
    {"reason/an unreachable default is none",
     LINKS "device eth0 can-be-gateway managed active\n"
           "address 2001:db8::9/64 dev eth0\nroute unreachable default table main dev lo\n",
     "gateway eth0 1002 no-default-route", NULL},
    {"reason/a default of certain sources is none",
     LINKS "device eth0 can-be-gateway managed active\n"
           "address 2001:db8::9/64 dev eth0\nroute default table main from 2001:db8::/64 via "
           "fe80::1 dev eth0\n",
     "gateway eth0 1002 no-default-route", NULL},
    {"carries/a default that only NetworkManager knows",
     LINKS "device eth0 can-be-gateway managed active gateway6 fe80::1\naddress 2001:db8::9/64 dev "
           "eth0\n",
     "gateway eth0 1002 capable\nroute default table 1002 metric 1024 via fe80::1 dev eth0", NULL},
    {"carries/that default also beside one of certain sources",
     LINKS
     "device eth0 can-be-gateway managed active gateway6 fe80::1\naddress 2001:db8::9/64 dev eth0\n"
     "route default table main from 2001:db8::/64 metric 9 via fe80::2 dev eth0\n",
     "gateway eth0 1002 capable\nroute default table 1002 metric 1024 via fe80::1 dev eth0", NULL},
    {"carries/one next hop of many",
     LINKS "link 9 eth1\ndevice eth0 can-be-gateway managed active\n"
           "address 2001:db8::9/64 dev eth0\n"
           "route default table main nexthop via fe80::1 dev eth1 nexthop via fe80::1 dev eth0\n",
     "gateway eth0 1002 capable", NULL},
    {"reason/no peer allows the default",
     LINKS "device wg0 can-be-gateway managed active\n"
           "address 2001:db8::9/64 dev wg0\nwireguard wg0 fwmark 0x1 default4\n",
     "gateway wg0 1005 peer-does-not-allow-default", NULL},
    {"carries/unique local on a tunnel",
     LINKS "device wg0 can-be-gateway managed active\n"
           "address fd00::9/64 dev wg0\nwireguard wg0 fwmark 0x1 default6\n",
     "gateway wg0 1005 capable", NULL},
    {"which/not an external one", LINKS "device eth0 can-be-gateway managed active external\n",
     NULL, "gateway eth0"},
    {"which/not an unmanaged one", LINKS "device eth0 can-be-gateway active\n", NULL,
     "gateway eth0"},
    {"which/not an inactive one", LINKS "device eth0 can-be-gateway managed\n", NULL,
     "gateway eth0"},
    {"which/not of a kind that cannot", LINKS "device eth0 managed active\n", NULL, "gateway eth0"},
    {"which/not one without a link", LINKS "device eth9 can-be-gateway managed active\n", NULL,
     "gateway eth9"},
    {"which/not a bridge, whatever NetworkManager says",
     LINKS "device br0 can-be-gateway managed active\n", NULL, "gateway br0"},
    {"which/not a dummy, whatever NetworkManager says",
     LINKS "link 8 d0 kind dummy\ndevice d0 can-be-gateway managed active\n", NULL, "gateway d0"},
    {"which/not loopback, whatever NetworkManager says",
     LINKS "device lo can-be-gateway managed active\n", NULL, "gateway lo"},
    {"which/not a port of a bridge",
     LINKS "link 8 e8 master br0\ndevice e8 can-be-gateway managed active\n", NULL, "gateway e8"},
    {"which/not a port of a bond",
     LINKS
     "link 8 bond0 kind bond\nlink 9 e9 master bond0\ndevice e9 can-be-gateway managed active\n"
     "device bond0 can-be-gateway managed active\n",
     "gateway bond0 1008 no-address", "gateway e9"},
    {"which/a member of a VRF",
     LINKS "link 8 v0 kind vrf\nlink 9 e9 master v0\n"
           "device e9 can-be-gateway managed active\n",
     "gateway e9 1009 no-address", NULL},
    {"which/not the tunnel role's own interface",
     LINKS "link 8 wg-sixgate kind wireguard\ndevice wg-sixgate can-be-gateway managed active\n",
     NULL, "gateway wg-sixgate"},
    {"which/not that interface under its configured name",
     LINKS "config TunnelInterface=wg0\ndevice wg0 can-be-gateway managed active\n", NULL,
     "gateway wg0"},
    {"which/once, although NetworkManager lists two devices of one link",
     HOST "device eth0 kind ppp can-be-gateway managed active\n",
     "gateway eth0 1002 capable\nrule pref 50 fwmark 0x3ea lookup 1002", NULL},
    {"remembered/NetworkManager absent: same name and index",
     LINKS "networkmanager absent\nremember 2 eth0 ethernet\n", "gateway eth0 1002 no-address",
     NULL},
    {"remembered/NetworkManager starting: same name and index",
     LINKS "networkmanager starting\nremember 2 eth0 ethernet\n", "gateway eth0 1002 no-address",
     NULL},
    {"remembered/never when NetworkManager is ready", LINKS "remember 2 eth0 ethernet\n", NULL,
     "gateway eth0"},
    {"remembered/not another link with its index",
     LINKS "networkmanager absent\nremember 2 eth7 ethernet\n", NULL, "gateway eth"},
    {"remembered/not its name with another index",
     LINKS "networkmanager absent\nremember 3 eth0 ethernet\n", NULL, "gateway eth0"},
    {"remembered/not one that became a port",
     LINKS "networkmanager absent\nremember 8 e8 ethernet\n"
           "link 8 e8 master br0\n",
     NULL, "gateway e8"},
};

static const Row table_rows[] = {
    {"blackhole/always, also of a gateway that cannot",
     LINKS "device eth0 can-be-gateway managed active\n",
     "route blackhole default table 1002 metric 4294967295", NULL},
    {"default/none while the gateway cannot",
     LINKS "device eth0 can-be-gateway managed active\n"
           "route default table main proto 9 metric 100 via fe80::1 dev eth0\n",
     NULL, "via fe80::1"},
    {"default/main's, with its metric", HOST,
     "route default table 1002 metric 100 via fe80::1 dev eth0", NULL},
    {"default/a tunnel's own", HOST, "route default table 1005 metric 1024 dev wg0", NULL},
    {"default/of another gateway never", HOST, NULL, "default table 1005 metric 100"},
    {"copied/containers into every table", HOST,
     "route fd00:7::/64 table 1002 metric 256 dev br0\nroute fd00:7::/64 table 1005 metric 256 dev "
     "br0",
     NULL},
    {"copied/a LAN only into its own table", HOST,
     "route 2001:db8:1::/64 table 1002 metric 256 dev eth0", "2001:db8:1::/64 table 1005"},
    {"copied/mtu, advmss, hop limit and source",
     HOST
     "route 2001:db8:5::/48 table main proto 4 src 2001:db8:1::10 metric 7 mtu 1280 advmss 1200 "
     "hoplimit 3 via fe80::5 dev eth0\n",
     "route 2001:db8:5::/48 table 1002 src 2001:db8:1::10 metric 7 mtu 1280 advmss 1200 hoplimit 3 "
     "via fe80::5 dev eth0",
     NULL},
    {"copied/not the lifetime",
     HOST "route 2001:db8:5::/48 table main proto 9 expires metric 7 via fe80::5 dev eth0\n",
     "route 2001:db8:5::/48 table 1002 metric 7 via fe80::5 dev eth0", "expires"},
    {"copied/an unreachable route into every table",
     HOST "route unreachable 2001:db8:6::/48 table main proto 4 metric 7\n",
     "route unreachable 2001:db8:6::/48 table 1002 metric 7\nroute unreachable 2001:db8:6::/48 "
     "table 1005 metric 7",
     NULL},
    {"copied/not an unreachable default, which would hide the gateway",
     HOST "route unreachable default table main proto 4 metric 7\n", NULL, "unreachable default"},
    {"copied/not an unreachable default in disguise",
     HOST "route unreachable 2000::/3 table main proto 4 metric 7\n", NULL, "unreachable 2000::/3"},
    {"copied/a default in disguise into the table of its own gateway only",
     HOST "link 9 tun0 kind tun\nroute 2000::/3 table main proto 3 metric 7 dev eth0\n",
     "route 2000::/3 table 1002 metric 7 dev eth0", "2000::/3 table 1005"},
    {"copied/a default in disguise of a link that is no gateway into none",
     HOST "link 9 tun0 kind tun\nroute 2000::/3 table main proto 3 metric 7 dev tun0\n", NULL,
     "2000::/3"},
    {"copied/nothing of other tables", HOST "route 2001:db8:8::/48 table 77 proto 4 dev eth0\n",
     NULL, "2001:db8:8"},
    {"next hops/only those that belong",
     HOST "link 9 eth1\ndevice eth1 can-be-gateway managed active\nroute 2001:db8:5::/48 table "
          "main proto 4 "
          "metric 7 nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth1\n",
     "route 2001:db8:5::/48 table 1002 metric 7 via fe80::1 dev eth0\n"
     "route 2001:db8:5::/48 table 1009 metric 7 via fe80::2 dev eth1",
     "2001:db8:5::/48 table 1005"},
    {"next hops/a nexthop object is kept whole",
     HOST "route 2001:db8:5::/48 table main proto 4 metric 7 nhid 12 via fe80::1 dev eth0\n",
     "route 2001:db8:5::/48 table 1002 metric 7 nhid 12", NULL},
    {"next hops/a nexthop group with foreign members is taken apart",
     HOST "link 9 eth1\ndevice eth1 can-be-gateway managed active\nroute 2001:db8:5::/48 table "
          "main proto 4 "
          "metric 7 nhid 12 nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth1\n",
     "route 2001:db8:5::/48 table 1002 metric 7 via fe80::1 dev eth0", "nhid"},
    {"routers/two of one preference share the load, as in the kernel",
     HOST "route default table main proto 9 metric 100 via fe80::2 dev eth0\n",
     "route default table 1002 metric 100 nexthop via fe80::1 dev eth0 weight 1 nexthop via "
     "fe80::2 dev eth0 weight 1",
     NULL},
    {"routers/a preferred one goes before the others",
     HOST "route default table main proto 9 metric 100 pref high via fe80::2 dev eth0\n",
     "route default table 1002 metric 100 via fe80::2 dev eth0\n"
     "route default table 1002 metric 101 via fe80::1 dev eth0",
     NULL},
    {"routers/three preferences, and the next metric is taken: nothing is joined, the order stays",
     HOST "route default table main proto 9 metric 100 pref high via fe80::2 dev eth0\n"
          "route default table main proto 9 metric 100 pref low via fe80::3 dev eth0\n"
          "route default table main proto 9 metric 101 via fe80::4 dev eth0\n",
     "route default table 1002 metric 100 via fe80::2 dev eth0\n"
     "route default table 1002 metric 101 via fe80::1 dev eth0\n"
     "route default table 1002 metric 102 via fe80::3 dev eth0\n"
     "route default table 1002 metric 103 via fe80::4 dev eth0",
     "nexthop"},
};

static const Row set_rows[] = {
    {"gateways/marks, pairs and interfaces", HOST,
     "gateway_mark { \"eth0\" : 0x3ea }\ngateway_mark { \"wg0\" : 0x3ed }\ngateway_marks { 0x3ea "
     "}\n"
     "reply_ok { 0x3ea . \"eth0\" }\nreply_ok { 0x3ed . \"wg0\" }\ngateways { \"eth0\" }\ngateways "
     "{ \"wg0\" }",
     "selected { \"\ngateways { \"br0\""},
    {"gateways/marks of those that are gone", HOST "mark 1009\n", "gateway_marks { 0x3f1 }",
     "reply_ok { 0x3f1"},
    {"selected/the outbound", HOST SELECTED, "selected { \"wg0\" }\nchain guard_post\nchain choice",
     NULL},
    {"selected/nobody while it is gone, and the guard is up", HOST "outbound wg9\n",
     "chain guard_post\nchain guard_output\nchain guard_forward\nchain choice\nchain choice_post",
     "selected { \""},
    {"overrides/their sources by any interface, and by their gateway",
     HOST "override fd00:7::/64 wg0\n",
     "overrides { 0-2147483647 . fd00:7::/64 }\noverride_ways { \"wg0\" . fd00:7::/64 }\n"
     "unselected { 0-2147483647 . ::/0 }\nchain guard_post\nchain choice_post",
     "selected { \""},
    {"overrides/no way while it is gone", HOST SELECTED "override fd00:7::/64 wg9\n",
     "overrides { 0-2147483647 . fd00:7::/64 }\nselected { \"wg0\" }",
     "override_ways {\nunselected {"},
    {"guard/not in auto; the marks always", HOST,
     "chain ingress\nchain mangle_prerouting\nchain mangle_output", "chain guard\nchain choice"},
    {"exempt/loopback and bridges, no gateway", HOST, "exempt { \"lo\" }\nexempt { \"br0\" }",
     "exempt { \"eth0\"\nexempt { \"wg0\""},
    {"exempt/not what is unknown", HOST "link 9 eth9\n", NULL, "exempt { \"eth9\""},
    {"exempt/a tunnel that NetworkManager does not manage", HOST "link 9 tun0 kind tun\n",
     "exempt { \"tun0\" }", NULL},
    {"exempt/not one that has the default",
     HOST "link 9 tun0 kind tun\nroute default table main dev tun0\n", NULL, "exempt { \"tun0\""},
    {"exempt/not one that has the default in halves",
     HOST "link 9 tun0 kind tun\nroute 8000::/1 table main dev tun0\n", NULL, "exempt { \"tun0\""},
    {"exempt/no tunnel as long as NetworkManager is silent",
     HOST "link 9 tun0 kind tun\nnetworkmanager absent\n", NULL, "exempt { \"tun0\""},
    {"exempt/not a managed tunnel that is down", LINKS "device wg0 can-be-gateway managed\n", NULL,
     "exempt { \"wg0\""},
    {"exempt/the tunnel role's interface",
     LINKS "link 8 wg-sixgate kind wireguard\n"
           "device wg-sixgate can-be-gateway managed active\n",
     "exempt { \"wg-sixgate\" }", NULL},
    {"addresses/every one on a gateway, none link-local", HOST,
     "gateway_addresses { 2001:db8:1::10 }\nown_addresses { \"eth0\" . 2001:db8:1::10 }\n"
     "gateway_addresses { 2001:db8:f::2 }",
     "addresses { fe80\naddresses { fd00:7"},
    {"local/the LAN of a permanent address", HOST SELECTED,
     "local_prefixes { \"eth0\" . 2001:db8:1::/64 }", NULL},
    {"local/not of interfaces that nobody guards", HOST SELECTED, NULL, "local_prefixes { \"br0\""},
    {"local/never a default in disguise",
     HOST SELECTED "route 2000::/4 table main proto 4 dev eth0\n", NULL, "2000::/4 }"},
    {"local/a static route of length 5",
     HOST SELECTED "route 2800::/5 table main proto 4 via fe80::1 dev eth0\n",
     "local_prefixes { \"eth0\" . 2800::/5 }", NULL},
    {"local/not what an advertisement says lies behind a router",
     HOST SELECTED "route 2a00::/48 table main proto 9 via fe80::1 dev eth0\n", NULL,
     "local_prefixes { \"eth0\" . 2a00\nwarning"},
    {"local/not even when a list covers it",
     HOST SELECTED "config LocalPrefixes=2a00::/32\n"
                   "route 2a00::/48 table main proto 9 via fe80::1 dev eth0\n",
     NULL, "local_prefixes { \"eth0\" . 2a00"},
    {"local/unique local, also when learned",
     HOST SELECTED "route fd00:9::/48 table main proto 9 via fe80::1 dev eth0\n",
     "local_prefixes { \"eth0\" . fd00:9::/48 }", NULL},
    {"local/an advertised prefix that was there at the choice",
     HOST SELECTED "address 2a00:1::9/64 dev eth0\nroute 2a00:1::/64 table main proto 9 dev eth0\n"
                   "trusted eth0 2a00:1::/64\n",
     "local_prefixes { \"eth0\" . 2a00:1::/64 }", "warning"},
    {"local/one that came later is reported, not trusted",
     HOST SELECTED "address 2a00:1::9/64 dev eth0\nroute 2a00:1::/64 table main proto 9 dev eth0\n"
                   "trusted wg0 2a00:1::/64\ntrusted eth0 2a00:2::/64\n",
     "warning eth0: the prefix 2a00:1::/64 was announced after",
     "local_prefixes { \"eth0\" . 2a00"},
    {"local/advertised without an address of ours: neither trusted nor reported",
     HOST SELECTED "route 2a00:1::/64 table main proto 9 dev eth0\ntrusted eth0 2a00:1::/64\n",
     NULL, "2a00:1::/64 }\nwarning"},
    {"local/LocalPrefixes=ula trusts no advertised one",
     HOST SELECTED "config LocalPrefixes=ula\naddress 2a00:1::9/64 dev eth0\n"
                   "route 2a00:1::/64 table main proto 9 dev eth0\ntrusted eth0 2a00:1::/64\n",
     NULL, "2a00:1::/64 }\nwarning"},
    {"local/a list trusts what it covers",
     HOST SELECTED "config LocalPrefixes=2a00:1::/48\naddress 2a00:1::9/64 dev eth0\n"
                   "route 2a00:1::/64 table main proto 9 dev eth0\n",
     "local_prefixes { \"eth0\" . 2a00:1::/64 }", NULL},
    {"local/a list does not trust what is wider than it",
     HOST SELECTED "config LocalPrefixes=2a00:1::/64\naddress 2a00:1::9/48 dev eth0\n"
                   "route 2a00:1::/48 table main proto 9 dev eth0\n",
     NULL, "2a00:1::/48 }"},
    {"local/covered prefixes are dropped, of the same interface only",
     HOST SELECTED "route 2001:db8:1::/48 table main proto 4 via fe80::1 dev eth0\n"
                   "route 2001:db8:1:5::/64 table main proto 4 dev wg0\n",
     "local_prefixes { \"eth0\" . 2001:db8:1::/48 }\nlocal_prefixes { \"wg0\" . 2001:db8:1:5::/64 "
     "}",
     "\"eth0\" . 2001:db8:1::/64"},
    {"transport/marks as they are and as they will be",
     LINKS LAN "wireguard wg0 fwmark 0x0 default6\naddress 2001:db8:f::2/128 dev wg0\n"
               "device wg0 kind wireguard can-be-gateway managed active\n"
               "link 8 wg1 kind wireguard\nwireguard wg1 fwmark 0x77\n",
     "transport_marks { 0x73697867 }\ntransport_marks { 0x77 }", "transport_marks { 0x0"},
    {"foreign/chains of others in the table are reported", HOST "foreign-chain mine\n",
     "warning also holds 1 chains that are not ours, such as mine", NULL},
};

static void
add_rows (const char *group, const Row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf ("/core/%s/%s", group, rows[i].promise);

        g_test_add_data_func (path, &rows[i], test_row);
    }
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    add_rows ("rules", rule_rows, G_N_ELEMENTS (rule_rows));
    add_rows ("gateways", gateway_rows, G_N_ELEMENTS (gateway_rows));
    add_rows ("tables", table_rows, G_N_ELEMENTS (table_rows));
    add_rows ("sets", set_rows, G_N_ELEMENTS (set_rows));
    return g_test_run ();
}
