/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tunnel role's state, row by row: who may have which address, which prefixes are refused, with
 * which words; and its file, whole, cut, from the future. */
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "core/tunnel-change.h"
#include "core/tunnel-codec.h"
#include "core/tunnel-prefix.h"
#include "lib/situation.h"

static SgPrefix
prefix_of (const char *text)
{
    SgPrefix prefix = {0};

    g_assert_true (!text || sg_prefix_parse (text, &prefix, NULL));
    return prefix;
}

static SgIp
ip_of (const char *text)
{
    SgIp ip = {0};

    g_assert_true (!text || sg_ip_parse (text, &ip));
    return ip;
}

static SgTunnelKeys
keys_of (uint8_t number)
{
    return (SgTunnelKeys) {{{number}}, {{number, 1}}, {{number, 2}}};
}

/* The next state, which has to be one; takes @tunnel. */
static SgTunnel *
then (SgTunnel *tunnel, SgTunnel *next, const GError *error)
{
    g_assert_no_error (error);
    g_assert_nonnull (next);
    sg_tunnel_free (tunnel);
    return next;
}

static SgTunnel *
add_device (SgTunnel *tunnel, const char *network, const char *ip4, const char *name,
            GError **error)
{
    static uint8_t number;
    SgTunnelKeys keys = keys_of (++number);
    SgTunnelDeviceRequest request = {name, ip_of (ip4), SG_TUNNEL_CLIENT, &keys, NULL};
    SgPrefix where = prefix_of (network);
    SgIp got;

    return sg_tunnel_add_device (tunnel, &where, &request, &got, error);
}

/* Two subnets with a prefix in common, of which the second has the /124; a few devices. */
static SgTunnel *
example (void)
{
    SgTunnelKeys keys = keys_of (255);
    SgPrefix home = prefix_of ("10.59.0.0/24"), office = prefix_of ("10.60.0.16/28");
    SgTunnelPrefixRequest wide = {prefix_of ("2001:db8:1::/64")};
    SgTunnelPrefixRequest narrow = {prefix_of ("2001:db8:1::a3b:0/124")};
    SgTunnel *t = sg_tunnel_new (&keys);

    t = then (t, sg_tunnel_add_subnet (t, &home, "home", NULL), NULL);
    t = then (t, sg_tunnel_add_subnet (t, &office, "office", NULL), NULL);
    t = then (t, sg_tunnel_set_prefix (t, &home, &wide, NULL), NULL);
    t = then (t, add_device (t, "10.59.0.0/24", "10.59.0.2", "my box", NULL), NULL);
    t = then (t, add_device (t, "10.59.0.0/24", NULL, "phone", NULL), NULL);
    t = then (t, add_device (t, "10.60.0.16/28", "10.60.0.20", "printer", NULL), NULL);
    /* ::a3b:1 is the server's in home. */
    g_assert_null (sg_tunnel_set_prefix (t, &office, &narrow, NULL));
    return t;
}

/* ---- addresses ---- */

static void
test_host_v6 (void)
{
    static const struct {
        const char *prefix, *ip4, *ip6;
    } rows[] = {
        {"2001:db8:1::/64", "10.59.0.2", "2001:db8:1::a3b:2"},
        {"2001:db8:1::/124", "10.59.0.2", "2001:db8:1::2"},
        {"2001:db8:1::10/124", "10.59.0.18", "2001:db8:1::12"},
        {"2001:db8:1::/48", "192.168.255.254", "2001:db8:1::c0a8:fffe"},
        {"2001:db8::/96", "10.59.0.2", "2001:db8::a3b:2"},
        {"2001:db8::/112", "10.59.1.2", "2001:db8::102"},
        {"2001:db8::ffff:0/112", "10.59.1.2", "2001:db8::ffff:102"},
        {"2001:db8::6/127", "10.59.0.3", "2001:db8::7"},
        {"2001:db8::7/128", "10.59.0.2", "2001:db8::7"},
        {"::/0", "10.59.0.2", "::10.59.0.2"}, /* the same */
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        SgPrefix prefix = prefix_of (rows[i].prefix);
        SgIp ip4 = ip_of (rows[i].ip4), ip6 = sg_tunnel_host_v6 (&prefix, &ip4);
        char text[SG_PREFIX_TEXT_MAX];

        g_assert_cmpstr (sg_ip_format (&ip6, text), ==, rows[i].ip6);
    }
}

/* Each refusal of an explicit address names who has it. */
static void
test_collisions_of_devices (void)
{
    static const struct {
        const char *network, *ip4, *name;
        SgErrorCode code;
        const char *message;
    } rows[] = {
        {"10.59.0.0/24", "10.59.0.2", "tv", SG_ERROR_EXISTS, "10.59.0.2 belongs to “my box”"},
        {"10.59.0.0/24", "10.59.0.1", "tv", SG_ERROR_OVERLAP,
         "10.59.0.1 cannot be had: its IPv6 address 2001:db8:1::a3b:1 belongs to 10.59.0.1 (the "
         "server in the subnet 10.59.0.0/24)"},
        {"10.60.0.16/28", "10.60.0.17", "tv", SG_ERROR_OVERLAP,
         "10.60.0.17 belongs to the server in the subnet 10.60.0.16/28"},
        {"10.60.0.16/28", "10.60.0.20", "tv", SG_ERROR_EXISTS, "10.60.0.20 belongs to “printer”"},
        {"10.59.0.0/24", "10.59.0.0", "tv", SG_ERROR_INVALID_ARGUMENT,
         "10.59.0.0 is no address of a host in 10.59.0.0/24"},
        {"10.59.0.0/24", "10.59.0.255", "tv", SG_ERROR_INVALID_ARGUMENT,
         "10.59.0.255 is no address of a host in 10.59.0.0/24"},
        {"10.59.0.0/24", "10.59.1.2", "tv", SG_ERROR_INVALID_ARGUMENT,
         "10.59.1.2 is no address of a host in 10.59.0.0/24"},
        {"10.59.0.0/24", NULL, "phone", SG_ERROR_EXISTS,
         "there is a device “phone” in this subnet already"},
        {"10.59.0.0/24", NULL, "", SG_ERROR_INVALID_ARGUMENT, NULL},
        {"10.59.0.0/24", NULL, " a", SG_ERROR_INVALID_ARGUMENT, NULL},
        {"10.59.0.0/24", NULL, "a\nb", SG_ERROR_INVALID_ARGUMENT, NULL},
        {"10.59.0.0/24", NULL, "10.59.0.7", SG_ERROR_INVALID_ARGUMENT, NULL},
        {"10.59.9.0/24", NULL, "tv", SG_ERROR_NOT_FOUND, "there is no subnet 10.59.9.0/24"},
    };
    g_autoptr (SgTunnel) tunnel = example ();

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_null (add_device (tunnel, rows[i].network, rows[i].ip4, rows[i].name, &error));
        g_assert_error (error, SG_ERROR, (int) rows[i].code);
        if (rows[i].message)
            g_assert_cmpstr (error->message, ==, rows[i].message);
    }
}

/* The same low bits in two subnets whose prefixes overlap, and the addresses of others. */
static void
test_collisions_across_subnets (void)
{
    SgPrefix office = prefix_of ("10.60.0.16/28");
    SgTunnelPrefixRequest narrow = {prefix_of ("2001:db8:1::a3b:0/124")};
    SgTunnelPrefixRequest beside = {prefix_of ("2001:db8:2::/124")};
    SgTunnelTaken taken[] = {{ip_of ("2001:db8:2::4"), false, "the router on eth0"},
                             {ip_of ("2001:db8:2::1"), true, "this machine on eth0"}};
    g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (SgTunnelTaken));
    g_autoptr (SgTunnel) tunnel = example ();
    g_autoptr (SgTunnel) ok = NULL;
    g_autoptr (GError) error = NULL;

    g_assert_null (sg_tunnel_set_prefix (tunnel, &office, &narrow, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_OVERLAP);
    g_assert_cmpstr (error->message, ==,
                     "2001:db8:1::a3b:0/124 cannot give each host its own address: 10.59.0.1 (the "
                     "server in the subnet 10.59.0.0/24) and 10.60.0.17 (the server in the subnet "
                     "10.60.0.16/28) would both have 2001:db8:1::a3b:1");
    g_clear_error (&error);

    g_array_append_vals (list, taken, 1);
    beside.taken = list;
    g_assert_null (sg_tunnel_set_prefix (tunnel, &office, &beside, &error));
    g_assert_cmpstr (error->message, ==,
                     "2001:db8:2::/124 cannot give each host its own address: the router on eth0 "
                     "and 10.60.0.20 (“printer” in the subnet 10.60.0.16/28) would both have "
                     "2001:db8:2::4");
    /* The server may share an address with the machine that it is. */
    g_array_set_size (list, 0);
    g_array_append_vals (list, taken + 1, 1);
    ok = sg_tunnel_set_prefix (tunnel, &office, &beside, NULL);
    g_assert_nonnull (ok);
}

/* A /125 has 8 addresses: not the first, not the server's, not that of the machine. */
static void
test_auto_assignment_skips (void)
{
    static const char *const expected[] = {"10.59.0.2", "10.59.0.4", "10.59.0.5", "10.59.0.6",
                                           "10.59.0.7"};
    SgTunnelTaken taken = {ip_of ("2001:db8::3"), true, "this machine on eth0"};
    g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof taken);
    SgPrefix network = prefix_of ("10.59.0.0/24");
    SgTunnelPrefixRequest prefix = {prefix_of ("2001:db8::/125")};
    SgTunnelKeys keys = keys_of (255);
    SgTunnel *t = sg_tunnel_new (&keys);
    g_autoptr (GError) error = NULL;
    char text[SG_PREFIX_TEXT_MAX];
    SgIp got;

    g_array_append_val (list, taken);
    t = then (t, sg_tunnel_add_subnet (t, &network, "home", NULL), NULL);
    t = then (t, sg_tunnel_set_prefix (t, &network, &prefix, NULL), NULL);
    for (uint8_t i = 0; i < G_N_ELEMENTS (expected) + 1; i++) {
        SgTunnelKeys own = keys_of (i + 1);
        g_autofree char *name = g_strdup_printf ("d%u", i);
        SgTunnelDeviceRequest request = {name, {0}, SG_TUNNEL_CLIENT, &own, list};
        SgTunnel *next = sg_tunnel_add_device (t, &network, &request, &got, &error);

        if (i == G_N_ELEMENTS (expected)) {
            g_assert_null (next);
            break;
        }
        t = then (t, next, error);
        g_assert_cmpstr (sg_ip_format (&got, text), ==, expected[i]);
    }
    g_assert_error (error, SG_ERROR, SG_ERROR_NO_SPACE);
    g_assert_cmpstr (error->message, ==,
                     "the subnet 10.59.0.0/24 has no free IPv6 address: all of 2001:db8::/125 are "
                     "taken; remove a device, or set a larger prefix");
    sg_tunnel_free (t);
}

/* ---- prefixes ---- */

static void
test_kinds_of_prefixes (void)
{
    static const struct {
        const char *prefix;
        bool allow_ula;
        const char *message; /* a part of it; NULL: taken */
    } rows[] = {
        {"2001:db8::/64", false, NULL},
        {"2001:db8::/127", false, NULL},
        {"fe80::/64", false, "fe80::/64 is link-local"},
        {"ff02::/64", false, "ff02::/64 is multicast"},
        {"::1/128", false, "::1/128 is the loopback address"},
        {"::/128", false, "::/128 is the unspecified address"},
        {"::/8", false, "::/8 contains the loopback address"},
        {"::/0", false, "::/0 contains link-local"},
        {"::ffff:10.0.0.0/104", false, "is IPv4 in IPv6"},
        {"fd00::/48", false, "fd00::/48 is unique local"},
        {"fd00::/48", true, NULL},
        {"f000::/4", false, "f000::/4 contains link-local"},
        {"f000::/4", true, "f000::/4 contains link-local"},
        {"f800::/5", false, "f800::/5 contains link-local"},
        {"fc00::/7", true, NULL},
        {"2001:db8::1/128", false, "2001:db8::1/128 is a single address"},
        {"10.0.0.0/8", false, "10.0.0.0/8 is no IPv6 prefix"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        SgPrefix prefix = prefix_of (rows[i].prefix);

        g_assert_cmpint (sg_tunnel_prefix_check (&prefix, rows[i].allow_ula, &error), ==,
                         rows[i].message == NULL);
        if (rows[i].message) {
            g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
            g_assert_nonnull (strstr (error->message, rows[i].message));
        }
    }
}

/* A server as its provider set it up; the tunnel is there already. */
#define SERVER                                                                                     \
    "link 1 lo loopback up\nlink 2 eth0 up\nlink 3 docker0 kind bridge up\n"                       \
    "link 4 wg-sixgate kind wireguard up\n"                                                        \
    "route fe80::/64 table main proto 2 metric 256 dev eth0\n"                                     \
    "route 2001:db8:d::/64 table main proto 2 metric 256 dev docker0\n"                            \
    "route 2001:db8:5::7 table main proto sixgate metric 50 dev wg-sixgate\n"
#define ON_LINK                                                                                    \
    "address 2001:db8:1::10/64 dev eth0 permanent\n"                                               \
    "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0\n"
#define DEFAULT_ROUTE "route default table main proto 3 metric 1024 via fe80::1 dev eth0\n"
#define GLOBAL_ROUTER "route default table main proto 3 metric 1024 via 2001:db8:1::1 dev eth0\n"

static void
test_judgements (void)
{
    static const struct {
        const char *situation, *prefix;
        const char *message; /* a part of the refusal, or of the only warning; NULL: none */
        bool refused;
    } rows[] = {
        {SERVER ON_LINK, "2001:db8:1::/64", "this server has no IPv6 default route", true},
        {SERVER ON_LINK DEFAULT_ROUTE, "2001:db8:1::/64", NULL, false},
        {SERVER ON_LINK DEFAULT_ROUTE, "2001:db8:1::/80", NULL, false},
        {SERVER ON_LINK DEFAULT_ROUTE, "2001:db8:1::/48", NULL, false},
        {SERVER ON_LINK GLOBAL_ROUTER, "2001:db8:1::/64", NULL, false},
        {SERVER ON_LINK DEFAULT_ROUTE, "2001:db8:2::/64",
         "2001:db8:2::/64 is on no link to the Internet here", false},
        {SERVER ON_LINK DEFAULT_ROUTE, "2001:db8::/56",
         "2001:db8::/56 is on no link to the Internet here", false},
        {SERVER ON_LINK DEFAULT_ROUTE, "2001:db8::/32",
         "2001:db8::/32 overlaps 2001:db8:d::/64, which is routed to docker0", false},
        {SERVER DEFAULT_ROUTE "address 2001:db8:1::10/128 dev eth0 permanent\n", "2001:db8:1::/64",
         NULL, false},
        {SERVER ON_LINK "route default table main proto 3 metric 1024 dev wg-sixgate\n",
         "2001:db8:1::/64", "this server has no IPv6 default route", true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgSituationText) situation = sg_situation_parse (rows[i].situation);
        g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
        g_autoptr (GError) error = NULL;
        SgPrefix prefix = prefix_of (rows[i].prefix);
        bool ok =
            sg_tunnel_prefix_judge (&prefix, situation->snapshot, "wg-sixgate", warnings, &error);

        g_assert_cmpint (ok, ==, !rows[i].refused);
        g_assert_cmpuint (warnings->len, ==, rows[i].message && !rows[i].refused ? 1 : 0);
        if (rows[i].message)
            g_assert_nonnull (strstr (ok ? warnings->pdata[0] : error->message, rows[i].message));
    }
}

static void
test_addresses_of_others (void)
{
    g_autoptr (SgSituationText) situation = sg_situation_parse (
        SERVER ON_LINK GLOBAL_ROUTER
        "address fe80::10/64 dev eth0 permanent\n"
        "address 2001:db8:1::a3b:1/128 dev wg-sixgate permanent\n"
        "route 2001:db8:d::5 table main proto 4 metric 256 via fe80::2 dev docker0\n"
        "route 2001:db8:1::10 table main proto 2 metric 256 dev eth0\n");
    g_autoptr (GArray) taken = sg_tunnel_taken_find (situation->snapshot, "wg-sixgate");
    g_autoptr (GString) text = g_string_new (NULL);

    for (guint i = 0; i < taken->len; i++) {
        const SgTunnelTaken *entry = &g_array_index (taken, SgTunnelTaken, i);
        char ip[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (text, "%s %s%s; ", sg_ip_format (&entry->ip, ip), entry->who,
                                entry->ours ? " (ours)" : "");
    }
    g_assert_cmpstr (text->str, ==,
                     "2001:db8:1::10 this machine on eth0 (ours); 2001:db8:1::1 the router on "
                     "eth0; 2001:db8:d::5 a host on docker0; ");
}

/* ---- the file ---- */

static void
test_file_of_the_example (void)
{
    SgTunnelDeviceId id = {prefix_of ("10.59.0.0/24"), ip_of ("10.59.0.2")};
    g_autofree char *label = g_strdup ("a web server");
    SgPinhole pinhole = {IPPROTO_TCP, 80, 8080, false, label};
    SgTunnel *tunnel = example ();
    g_autoptr (SgTunnel) again = NULL;
    g_autoptr (GError) error = NULL;
    char *text, *twice;

    tunnel = then (tunnel, sg_tunnel_add_pinholes (tunnel, &id, &pinhole, 1, NULL), NULL);
    text = sg_tunnel_to_text (tunnel);
    g_assert_nonnull (strstr (text,
                              "\nsubnet network=10.59.0.0/24 prefix=2001:db8:1::/64 "
                              "name=home\ndevice address=10.59.0.2 kind=client pinholes=no "));
    g_assert_nonnull (strstr (text, " name=my box\npinhole protocol=tcp external=80 internal=8080 "
                                    "enabled=no label=a web server\n"));
    again = sg_tunnel_parse ("file", text, strlen (text), &error);
    g_assert_no_error (error);
    twice = sg_tunnel_to_text (again);
    g_assert_cmpstr (text, ==, twice);

    /* Cut anywhere, it is refused. */
    for (size_t len = 0; len < strlen (text); len++) {
        g_autoptr (GError) refusal = NULL;

        g_assert_null (sg_tunnel_parse ("file", text, len, &refusal));
        g_assert_error (refusal, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    }
    sg_wg_text_free (text);
    sg_wg_text_free (twice);
    sg_tunnel_free (tunnel);
}

#define KEY1 "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY2 "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define HEAD "sixgate-tunnel version=1 generation=3\n"
#define KEYED HEAD "server public=" KEY1 " private=" KEY2 "\n"
#define SUBNET KEYED "subnet network=10.59.0.0/24 prefix=none name=home\n"
#define DEVICE(address, public)                                                                    \
    "device address=" address                                                                      \
    " kind=client pinholes=no public=" public " private= preshared= name=d" address "x\n"

static void
test_malformed_files (void)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "file:1: the end of the file is missing"},
        {"[outbound]\n", "file:1: this is no state file"},
        {HEAD "end\n", "file:2: the file has no server"},
        {KEYED, "file:3: the end of the file is missing"},
        {KEYED "end", "file:3: the end of the file is missing"},
        {KEYED "end\nend\n", "file:4: something follows the end"},
        {KEYED HEAD "end\n", "file:3: the file begins again"},
        {"sixgate-tunnel version=2 generation=3\nend\n",
         "file:1: this file was written by a newer"},
        {"sixgate-tunnel version=0 generation=3\nend\n", "file:1: there is no such version"},
        {HEAD "server public=" KEY1 " private=\nend\n", "file: the server has no key"},
        {HEAD "server public=AQEB private=" KEY2 "\nend\n", "file:2: a key is malformed"},
        {KEYED "device address=10.59.0.2 kind=client\nend\n", "file:3: a device belongs to"},
        {SUBNET "router\nend\n", "file:4: this line is unknown"},
        {SUBNET "device address=10.59.0.2 kind=router pinholes=no\nend\n", "file:4: a device is a"},
        {SUBNET "device address=10.59.0.2\nend\n", "file:4: a value is missing"},
        {SUBNET "pinhole protocol=tcp\nend\n", "file:4: a pinhole belongs to a device"},
        {SUBNET DEVICE ("10.59.0.3", KEY2) DEVICE ("10.59.0.2", KEY2) "end\n",
         "file: 10.59.0.2 belongs to"},
        {SUBNET DEVICE ("10.59.0.2", KEY2) DEVICE ("10.59.0.3", KEY2) "end\n",
         "would have the same public key"},
        {SUBNET DEVICE ("10.59.0.2", KEY1) "end\n", "the server's own public key"},
        {SUBNET DEVICE ("10.60.0.2", KEY2) "end\n", "is no address of a host"},
        {SUBNET DEVICE ("10.59.0.1", KEY2) "end\n", "belongs to the server"},
        {KEYED "subnet network=8.8.8.0/24 prefix=none name=home\nend\n", "is no private"},
        {KEYED "subnet network=10.0.0.0/31 prefix=none name=home\nend\n", "a subnet is a /8 to"},
        {KEYED "subnet network=10.0.0.0/24 prefix=fe80::/64 name=home\nend\n", "is link-local"},
        {SUBNET "subnet network=10.59.0.0/25 prefix=none name=b\nend\n", "overlap"},
        {SUBNET "subnet network=10.60.0.0/25 prefix=none name=home\nend\n",
         "subnet “home” already"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_null (sg_tunnel_parse ("file", rows[i].text, strlen (rows[i].text), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
        if (!strstr (error->message, rows[i].message))
            g_error ("“%s” lacks “%s”", error->message, rows[i].message);
    }
}

/* ---- limits and pinholes ---- */

static void
test_limits (void)
{
    SgTunnelDeviceId id = {prefix_of ("10.59.0.0/24"), ip_of ("10.59.0.2")};
    g_autofree char *longest = g_strnfill (SG_TUNNEL_NAME_MAX, 'x');
    g_autofree char *longer = g_strnfill (SG_TUNNEL_NAME_MAX + 1, 'x');
    SgTunnel *tunnel = example ();
    g_autoptr (GError) error = NULL;
    char label[] = "";

    tunnel = then (tunnel, sg_tunnel_rename_device (tunnel, &id, longest, NULL), NULL);
    g_assert_null (sg_tunnel_rename_device (tunnel, &id, longer, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_LIMIT);
    g_clear_error (&error);
    for (guint i = 1; i <= SG_TUNNEL_PINHOLES_MAX; i++) {
        SgPinhole pinhole = {IPPROTO_UDP, (uint16_t) i, 1, true, label};

        tunnel = then (tunnel, sg_tunnel_add_pinholes (tunnel, &id, &pinhole, 1, NULL), NULL);
    }
    {
        SgPinhole twice = {IPPROTO_UDP, 7, 1, true, label};
        SgPinhole one_more = {IPPROTO_UDP, SG_TUNNEL_PINHOLES_MAX + 1, 1, true, label};

        g_assert_null (sg_tunnel_add_pinholes (tunnel, &id, &one_more, 1, &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_LIMIT);
        g_clear_error (&error);
        tunnel = then (tunnel, sg_tunnel_remove_pinholes (tunnel, &id, &twice, 1, NULL), NULL);
        tunnel = then (tunnel, sg_tunnel_add_pinholes (tunnel, &id, &twice, 1, NULL), NULL);
        tunnel = then (tunnel, sg_tunnel_remove_pinholes (tunnel, &id, &twice, 1, NULL), NULL);
        g_assert_null (sg_tunnel_remove_pinholes (tunnel, &id, &twice, 1, &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_NOT_FOUND);
        twice.external = 9;
        twice.enabled = false;
        tunnel = then (tunnel, sg_tunnel_change_pinhole (tunnel, &id, &twice, NULL), NULL);
    }
    sg_tunnel_free (tunnel);
}

/* What was made of a state stays as it was, whatever becomes of the state. */
static void
test_old_state_stays (void)
{
    SgTunnelDeviceId id = {prefix_of ("10.59.0.0/24"), ip_of ("10.59.0.2")};
    g_autoptr (SgTunnel) old = example ();
    char *before = sg_tunnel_to_text (old), *after;
    g_autoptr (SgTunnel) renamed = sg_tunnel_rename_device (old, &id, "other", NULL);
    g_autoptr (SgTunnel) kind = sg_tunnel_set_kind (renamed, &id, SG_TUNNEL_SERVER, NULL);
    g_autoptr (SgTunnel) allowed = sg_tunnel_allow_pinholes (kind, &id, true, NULL);
    g_autoptr (SgTunnel) gone = sg_tunnel_remove_device (allowed, &id, NULL);
    SgTunnelSubnet *subnet = sg_tunnel_named (allowed, "home", NULL);
    SgTunnelDevice *device = sg_tunnel_subnet_named (subnet, "other", NULL);

    g_assert_true (device && device->allow_pinholes && device->kind == SG_TUNNEL_SERVER);
    g_assert_null (sg_tunnel_subnet_find (sg_tunnel_find (gone, &id.network), &id.ip4));
    g_assert_cmpuint (gone->generation, ==, old->generation + 4);
    after = sg_tunnel_to_text (old);
    g_assert_cmpstr (before, ==, after);
    sg_wg_text_free (before);
    sg_wg_text_free (after);
}

static void
test_restored (void)
{
    SgTunnelTaken other = {ip_of ("2001:db8:1::a3b:2"), true, "this machine on eth0"};
    g_autoptr (GArray) taken = g_array_new (FALSE, FALSE, sizeof other);
    SgPrefix home = prefix_of ("10.59.0.0/24");
    SgTunnelKeys none = keys_of (9);
    g_autoptr (SgTunnel) saved = example ();
    g_autoptr (SgTunnel) now = sg_tunnel_remove_subnet (saved, &home, NULL);
    g_autoptr (SgTunnel) again = sg_tunnel_restore (now, saved, NULL, NULL);
    g_autoptr (SgTunnel) unwritten = sg_tunnel_new (&none);
    g_autoptr (SgTunnel) fresh = sg_tunnel_restore (unwritten, saved, NULL, NULL);
    g_autoptr (GError) is_other = NULL, overlap = NULL;

    g_assert_cmpuint (again->generation, ==, now->generation + 1);
    g_assert_cmpuint (sg_tunnel_count_devices (again), ==, 3);
    g_assert_true (sg_wg_key_equal (&fresh->server.private_key, &saved->server.private_key));
    unwritten->generation = 1;
    g_assert_null (sg_tunnel_restore (unwritten, saved, NULL, &is_other));
    g_assert_error (is_other, SG_ERROR, SG_ERROR_EXISTS);
    g_array_append_val (taken, other);
    g_assert_null (sg_tunnel_restore (now, saved, taken, &overlap));
    g_assert_error (overlap, SG_ERROR, SG_ERROR_OVERLAP);
    g_assert_nonnull (strstr (overlap->message, "this machine on eth0"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/tunnel/host-v6", test_host_v6);
    g_test_add_func ("/tunnel/collisions-of-devices", test_collisions_of_devices);
    g_test_add_func ("/tunnel/collisions-across-subnets", test_collisions_across_subnets);
    g_test_add_func ("/tunnel/auto-assignment-skips", test_auto_assignment_skips);
    g_test_add_func ("/tunnel/kinds-of-prefixes", test_kinds_of_prefixes);
    g_test_add_func ("/tunnel/judgements", test_judgements);
    g_test_add_func ("/tunnel/addresses-of-others", test_addresses_of_others);
    g_test_add_func ("/tunnel/file-of-the-example", test_file_of_the_example);
    g_test_add_func ("/tunnel/malformed-files", test_malformed_files);
    g_test_add_func ("/tunnel/limits", test_limits);
    g_test_add_func ("/tunnel/old-state-stays", test_old_state_stays);
    g_test_add_func ("/tunnel/restored", test_restored);
    return g_test_run ();
}
