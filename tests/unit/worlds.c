/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worlds.h"

#include <string.h>

typedef struct {
    int percent;
    const char *line;
} Line;

static const Line lines[] = {
    {100, "link 1 lo loopback up"},
    {95, "link 2 eth0 up"},
    {60, "link 3 eth1 up"},
    {85, "link 5 wg0 kind wireguard up"},
    {50, "link 6 wg1 kind wireguard up"},
    {80, "link 7 br0 kind bridge up"},
    {40, "link 8 eth8 up"},
    {40, "link 9 tun0 kind tun up"},

    {90, "device eth0 kind ethernet can-be-gateway managed active"},
    {90, "device eth1 kind ethernet can-be-gateway managed active gateway6 fe80::3"},
    {90, "device wg0 kind wireguard can-be-gateway managed active"},
    {70, "device wg1 kind wireguard can-be-gateway managed active"},
    {80, "device br0 kind bridge managed active"},
    {20, "device tun0 kind tun can-be-gateway managed active external"},

    {90, "address 2001:db8:1::10/64 dev eth0 permanent"},
    {20, "address 2001:db8:1::77/64 dev eth0 temporary tentative"},
    {20, "address 2001:db8:aa::10/64 dev eth0"},
    {80, "address 2001:db8:3::10/64 dev eth1 deprecated"},
    {60, "address 2001:db8:3::11/64 dev eth1"},
    {90, "address 2001:db8:f::2/128 dev wg0 permanent"},
    {80, "address fd00:6::2/128 dev wg1 permanent"},
    {90, "address fd00:7::1/64 dev br0 permanent"},
    {70, "address 2001:db8:8::10/64 dev eth8"},
    {70, "address 2001:db8:9::10/64 dev tun0"},
    {90, "wireguard wg0 fwmark 0x0 default6"},
    {60, "wireguard wg1 fwmark 0xcafe default6"},

    {90, "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0"},
    {40, "route 2001:db8:aa::/64 table main proto 9 metric 100 dev eth0"},
    {80, "route 2001:db8:3::/64 table main proto 9 metric 101 dev eth1"},
    {90, "route fd00:7::/64 table main proto 2 metric 256 dev br0"},
    {70, "route 2001:db8:9::/64 table main proto 4 dev tun0"},
    {80, "route default table main proto 9 metric 100 via fe80::1 dev eth0"},
    {20, "route default table main proto 9 metric 100 pref high via fe80::2 dev eth0"},
    {15, "route default table main proto 9 metric 100 pref low via fe80::4 dev eth0"},
    {15, "route default table main proto 9 metric 101 mtu 1400 via fe80::5 dev eth0"},
    {60, "route default table main proto 9 metric 101 via fe80::3 dev eth1"},
    {20, "route default table main proto 4 metric 99 nexthop via fe80::1 dev eth0 nexthop via "
         "fe80::3 dev eth1"},
    {15, "route default table main proto 4 metric 98 nhid 4 nexthop via fe80::1 dev eth0 nexthop "
         "via fe80::3 dev eth1"},
    {25, "route default table main proto 4 metric 50 dev wg0"},
    {40, "route default table main proto 4 metric 300 via fe80::8 dev eth8"},
    {15, "route default table main proto 4 metric 20 dev tun0"},
    /* injected, in disguise, and static */
    {20, "route 2000::/3 table main proto 9 metric 9 via fe80::1 dev eth0"},
    {15, "route 2000::/3 table main proto 4 metric 9 dev wg1"},
    {15, "route 2000::/3 table main proto 4 metric 8 dev tun0"},
    {10, "route unreachable 2000::/3 table main proto 4 metric 7"},
    {25, "route 2a00:5::/48 table main proto 9 metric 9 via fe80::1 dev eth0"},
    {25, "route 2a00::/12 table main proto 9 metric 9 via fe80::3 dev eth1"},
    {25, "route 2c00::/12 table main proto 4 metric 9 via fe80::1 dev eth0"},
    {20, "route 2001:db8:1::/48 table main proto 4 metric 9 mtu 1300 via fe80::1 dev eth0"},
    {20, "route 2001:db8:1::/48 table main proto 4 metric 9 via fe80::2 dev eth0"},
    /* NetworkManager's own for a full tunnel */
    {100, "rule pref 0 lookup 255 proto 2"},
    {30, "rule pref 31488 lookup main suppress_prefixlength 0 proto 3"},
    {30, "rule pref 31489 not fwmark 0xcafe lookup 51820 proto 3"},
    {100, "rule pref 32766 lookup main proto 2"},
    {50, "trusted eth0 2001:db8:1::/64"},
};

G_STATIC_ASSERT (G_N_ELEMENTS (lines) <= SG_WORLD_LINES_MAX);

static const char *const outbounds[] = {"", "wg0", "wg0", "wg1", "eth0", "eth1", "eth8", "gone0"};
/* The gateway of the source SG_WORLD_BOUND; "": it has none of its own. */
static const char *const overrides[] = {"", "", "wg0", "wg1", "eth1", "gone0"};
static const char *const managers[] = {"ready", "ready", "ready", "ready", "starting", "absent"};

const char *const sg_world_strangers[SG_WORLD_STRANGERS] = {"2620:fe::fe", "2a00:5::1",
                                                            "2001:db8:aa::99"};

/* ---- the twin of IPv4: what stands for what, the longer before the shorter ---- */

static const struct {
    const char *ipv6, *ipv4;
} twins[] = {
    {"2001:db8:aa::99", "198.18.10.99"},
    {"2620:fe::fe", "9.9.9.9"},
    {"2a00:5::1", "45.5.0.1"},
    {SG_WORLD_BOUND, "10.7.0.2"},
    {SG_WORLD_INSIDE, "10.7.0.99"},
    /* addresses */
    {"2001:db8:1::10/64", "192.0.2.10/24"},
    {"2001:db8:aa::10/64", "198.18.10.10/24"},
    {"2001:db8:3::10/64", "198.51.100.10/24"},
    {"2001:db8:3::11/64", "198.51.100.11/24"},
    {"2001:db8:f::2/128", "100.64.15.2/32"},
    {"fd00:6::2/128", "10.6.0.2/32"},
    {"fd00:7::1/64", "10.7.0.1/24"},
    {"2001:db8:8::10/64", "198.18.8.10/24"},
    {"2001:db8:9::10/64", "198.18.9.10/24"},
    {"2001:db8:1::10", "192.0.2.10"},
    /* networks: of the links, injected, in disguise, around the LAN */
    {"2001:db8:1::/64", "192.0.2.0/24"},
    {"2001:db8:aa::/64", "198.18.10.0/24"},
    {"2001:db8:3::/64", "198.51.100.0/24"},
    {"fd00:7::/64", "10.7.0.0/24"},
    {"2001:db8:9::/64", "198.18.9.0/24"},
    {"2000::/3", "0.0.0.0/3"},
    {"2a00:5::/48", "45.5.0.0/24"},
    {"2a00::/12", "44.0.0.0/6"},
    {"2c00::/12", "60.0.0.0/8"},
    {"2001:db8:1::/48", "192.0.0.0/16"},
    /* routers */
    {"fe80::1", "192.0.2.1"},
    {"fe80::2", "192.0.2.2"},
    {"fe80::3", "198.51.100.1"},
    {"fe80::5", "192.0.2.5"},
    {"fe80::8", "198.18.8.1"},
    /* Two routes of one prefix and metric are one slot in IPv6 (a multipath), a clash in IPv4. */
    {"metric 101 mtu", "metric 102 mtu"},
    {"metric 9 mtu", "metric 10 mtu"},
    {"metric 9 dev wg1", "metric 5 dev wg1"},
    /* words */
    {"proto 9", "proto 16"}, /* RTPROT_RA, RTPROT_DHCP */
    {"route default", "route4 default"},
    {"rule pref", "rule4 pref"},
    {"default6", "default4"},
    {"gateway6", "gateway4"},
};

char *
sg_world_in_family (const char *line, SgFamily family)
{
    GString *text = g_string_new (line);

    for (size_t i = 0; family == SG_IPV4 && i < G_N_ELEMENTS (twins); i++)
        g_string_replace (text, twins[i].ipv6, twins[i].ipv4, /* limit= */ 0);
    if (family == SG_IPV4 && (strchr (text->str, ':') || strstr (text->str, " pref low") ||
                              strstr (text->str, " pref high"))) {
        g_string_free (text, /* free_segment= */ TRUE);
        return NULL;
    }
    return g_string_free (text, /* free_segment= */ FALSE);
}

SgIp
sg_world_ip (const char *ipv6, SgFamily family)
{
    g_autofree char *text = sg_world_in_family (ipv6, family);
    SgIp ip = {0};

    g_assert_true (sg_ip_parse (text, &ip));
    return ip;
}

/* ---- a world ---- */

void
sg_world_roll (SgWorld *world, int percent)
{
    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
        if (g_test_rand_int_range (0, 100) < percent)
            world->rolls[i] = (uint8_t) g_test_rand_int_range (0, 100);
    }
    if (g_test_rand_int_range (0, 100) < percent * 2)
        world->outbound = (uint8_t) g_test_rand_int_range (0, G_N_ELEMENTS (outbounds));
    if (g_test_rand_int_range (0, 100) < percent * 2)
        world->override = (uint8_t) g_test_rand_int_range (0, G_N_ELEMENTS (overrides));
    if (g_test_rand_int_range (0, 100) < percent * 2)
        world->manager = (uint8_t) g_test_rand_int_range (0, G_N_ELEMENTS (managers));
}

/* Whether every interface that the words of @line name is there in @text. */
static bool
has_links (const char *line, const char *text)
{
    static const char *const names[] = {"eth0", "eth1", "wg0", "wg1", "br0", "eth8", "tun0"};
    g_auto (GStrv) words = g_strsplit (line, " ", -1);

    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *link = g_strdup_printf (" %s ", names[i]);

        if (g_strv_contains ((const char *const *) words, names[i]) && !strstr (text, link))
            return false;
    }
    return true;
}

char *
sg_world_text (const SgWorld *world, SgFamily family)
{
    GString *text = g_string_new (family == SG_IPV4 ? "config Families=ipv4\n" : NULL);
    const char *manager = managers[world->manager];

    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
        g_autofree char *line = sg_world_in_family (lines[i].line, family);
        bool device = g_str_has_prefix (lines[i].line, "device");

        if (!line || world->rolls[i] >= lines[i].percent ||
            (device && strcmp (manager, "absent") == 0) ||
            (device && strcmp (manager, "starting") == 0 && world->rolls[i] % 2))
            continue;
        if (g_str_has_prefix (line, "link") || has_links (line, text->str))
            g_string_append_printf (text, "%s\n", line);
    }
    g_string_append_printf (text, "networkmanager %s\n", manager);
    if (outbounds[world->outbound][0])
        g_string_append_printf (text, "outbound %s\n", outbounds[world->outbound]);
    if (overrides[world->override][0])
        g_string_append_printf (text, "override %s %s\n",
                                family == SG_IPV4 ? "10.7.0.2/32" : SG_WORLD_BOUND "/128",
                                overrides[world->override]);
    return g_string_free (text, /* free_segment= */ FALSE);
}
