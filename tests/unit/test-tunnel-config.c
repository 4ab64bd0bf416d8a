/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys, the file that a device gets, the profile of the server's interface, the QR code. */
#include <string.h>

#include "base/error.h"
#include "base/keygen.h"
#include "base/qr.h"
#include "core/profile.h"
#include "core/tunnel-config.h"
#include "lib/situation.h"

/* ---- keys ---- */

/* What `wg genkey` and `wg pubkey` made of each other. */
static void
test_public_keys (void)
{
    static const char *const pairs[][2] = {
        {"2AF85JnojL+6NErVe8ZNVJX4VAUC0jU2a9Gl2mWt+E0=",
         "ZswcmtNjCwTzFMJxD90W84wVLiHXbIrBeES4bUEu2zo="},
        {"wEkqoPcTdOx5MARs+c9hZ3IijFF0SZ9W0JYB6TJeJXw=",
         "+SzpkMjmsCd5dsO8n9v8HuAX+KEPg85DnYBlx6StDGc="},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++) {
        SgWgRawKey secret, got;
        SgWgKey text;

        g_assert_true (sg_wg_key_decode (pairs[i][0], &secret));
        sg_keygen_public (secret.bytes, got.bytes);
        sg_wg_key_encode (&got, &text);
        g_assert_cmpstr (text.text, ==, pairs[i][1]);
    }
}

static void
test_random_keys (void)
{
    uint8_t keys[64][SG_KEYGEN_BYTES], ones[SG_KEYGEN_BYTES] = {0}, zeros[SG_KEYGEN_BYTES] = {0};

    for (size_t i = 0; i < G_N_ELEMENTS (keys); i++) {
        g_assert_true (sg_keygen_private (keys[i], NULL));
        /* Clamped as `wg genkey` does it. */
        g_assert_cmpuint (keys[i][0] & 7, ==, 0);
        g_assert_cmpuint (keys[i][31] & 0xc0, ==, 0x40);
        g_assert_true (sg_keygen_random (keys[i], NULL));
        for (size_t j = 0; j < SG_KEYGEN_BYTES; j++) {
            ones[j] |= keys[i][j];
            zeros[j] |= (uint8_t) ~keys[i][j];
        }
        for (size_t j = 0; j < i; j++)
            g_assert_true (memcmp (keys[i], keys[j], SG_KEYGEN_BYTES) != 0);
    }
    /* Every bit of a random key was both. */
    for (size_t j = 0; j < SG_KEYGEN_BYTES; j++)
        g_assert_true (ones[j] == 0xff && zeros[j] == 0xff);
}

/* ---- the file of a device ---- */

#define SERVER_PUBLIC "ZswcmtNjCwTzFMJxD90W84wVLiHXbIrBeES4bUEu2zo="
#define DEVICE_PRIVATE "wEkqoPcTdOx5MARs+c9hZ3IijFF0SZ9W0JYB6TJeJXw="
#define DEVICE_PUBLIC "+SzpkMjmsCd5dsO8n9v8HuAX+KEPg85DnYBlx6StDGc="
#define PRESHARED "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE="

static SgTunnel *
tunnel_with (const char *prefix, bool own_key)
{
    SgTunnelKeys none = {0};
    SgTunnel *tunnel = sg_tunnel_new (&none);
    SgTunnelSubnet *subnet;
    SgTunnelDevice *device;
    SgPrefix network;
    SgIp ip4;

    g_assert_true (sg_prefix_parse ("10.59.0.0/24", &network, NULL));
    g_assert_true (sg_ip_parse ("10.59.0.2", &ip4));
    subnet = sg_tunnel_subnet_new (&network, "home");
    g_assert_true (!prefix || sg_prefix_parse (prefix, &subnet->prefix, NULL));
    device = sg_tunnel_device_new (&ip4, "my [Peer] box");
    g_assert_true (sg_wg_key_decode (SERVER_PUBLIC, &tunnel->server.public_key) &&
                   sg_wg_key_decode (DEVICE_PRIVATE, &tunnel->server.private_key) &&
                   sg_wg_key_decode (DEVICE_PUBLIC, &device->keys.public_key) &&
                   sg_wg_key_decode (PRESHARED, &device->keys.preshared_key) &&
                   (own_key || sg_wg_key_decode (DEVICE_PRIVATE, &device->keys.private_key)));
    g_ptr_array_add (subnet->devices, device);
    g_ptr_array_add (tunnel->subnets, subnet);
    return tunnel;
}

static char *
config_of (const SgTunnel *tunnel, const char *endpoint)
{
    const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, 0);
    SgWgEndpoint where;

    g_assert_true (sg_tunnel_endpoint_parse (endpoint, 51820, &where, NULL));
    return sg_tunnel_device_config (tunnel, subnet, g_ptr_array_index (subnet->devices, 0), &where);
}

#define HEADER "# StartTunnel config for my [Peer] box\n"
#define PEER "\n[Peer]\nPublicKey = " SERVER_PUBLIC "\nPresharedKey = " PRESHARED "\n"

static void
test_device_config (void)
{
    static const struct {
        const char *prefix;
        bool own_key;
        const char *endpoint, *expected;
    } rows[] = {
        {"2001:db8:1::/64", false, "vpn.example.com",
         HEADER "[Interface]\nPrivateKey = " DEVICE_PRIVATE
                "\nAddress = 10.59.0.2/24, 2001:db8:1::a3b:2/128\n" PEER
                "AllowedIPs = 10.59.0.0/24, ::/0\nEndpoint = vpn.example.com:51820\n"
                "PersistentKeepalive = 25\n"},
        {NULL, false, "192.0.2.1:443",
         HEADER "[Interface]\nPrivateKey = " DEVICE_PRIVATE "\nAddress = 10.59.0.2/24\n" PEER
                "AllowedIPs = 10.59.0.0/24\nEndpoint = 192.0.2.1:443\nPersistentKeepalive = 25\n"},
        {"2001:db8:1::/124", true, "2001:db8::1",
         HEADER "# PrivateKey: known to the device only; write it into [Interface]\n"
                "[Interface]\nAddress = 10.59.0.2/24, 2001:db8:1::2/128\n" PEER
                "AllowedIPs = 10.59.0.0/24, ::/0\nEndpoint = [2001:db8::1]:51820\n"
                "PersistentKeepalive = 25\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgTunnel) tunnel = tunnel_with (rows[i].prefix, rows[i].own_key);
        char *text = config_of (tunnel, rows[i].endpoint);

        g_assert_cmpstr (text, ==, rows[i].expected);
        sg_wg_text_free (text);
    }
}

/* A host takes it for what it is, with the addresses and allowed IPs that were meant. */
static void
test_device_config_is_imported (void)
{
    g_autoptr (SgTunnel) tunnel = tunnel_with ("2001:db8:1::/64", /* own_key= */ false);
    char *text = config_of (tunnel, "192.0.2.1");
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWgConf) conf = sg_wg_conf_parse ("f", text, strlen (text), &error);

    g_assert_no_error (error);
    g_assert_cmpint (conf->type, ==, SG_WG_TYPE_INBOUND_OUTBOUND);
    g_assert_cmpuint (conf->warnings->len, ==, 0);
    g_assert_cmpuint (conf->addresses->len, ==, 2);
    g_assert_cmpuint (conf->peers->len, ==, 1);
    sg_wg_text_free (text);
}

static void
test_endpoints (void)
{
    static const struct {
        const char *text, *expected; /* NULL: refused */
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:51820"},
        {"192.0.2.1:443", "192.0.2.1:443"},
        {"2001:db8::1", "[2001:db8::1]:51820"},
        {"[2001:db8::1]", "[2001:db8::1]:51820"},
        {"[2001:db8::1]:443", "[2001:db8::1]:443"},
        {"vpn.example.com", "vpn.example.com:51820"},
        {"vpn.example.com:443", "vpn.example.com:443"},
        {"", NULL},
        {"a b", NULL},
        {"192.0.2.300", NULL},
        {"vpn.example.com:0", NULL},
        {"vpn.example.com:65536", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *got = NULL;
        g_autoptr (GError) error = NULL;
        SgWgEndpoint endpoint;

        g_assert_cmpint (sg_tunnel_endpoint_parse (rows[i].text, 51820, &endpoint, &error), ==,
                         rows[i].expected != NULL);
        if (!rows[i].expected) {
            g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
            continue;
        }
        got = sg_wg_endpoint_format (&endpoint);
        g_assert_cmpstr (got, ==, rows[i].expected);
    }
}

#define LINKS                                                                                      \
    "link 2 eth0 up\nlink 3 eth1 up\nlink 4 wg-sixgate kind wireguard up\n"                        \
    "route default table main proto 3 metric 1024 via fe80::1 dev eth0\n"

static void
test_chosen_endpoint (void)
{
    static const struct {
        const char *situation, *expected; /* NULL: none */
    } rows[] = {
        {LINKS "address 2001:db8::1/64 dev eth0\naddress 192.0.2.1/24 dev eth0\n", "192.0.2.1"},
        {LINKS "address 2001:db8::1/64 dev eth0\naddress 192.168.1.2/24 dev eth0\n", "2001:db8::1"},
        {LINKS "address fd00::1/64 dev eth0\naddress 192.0.2.1/24 dev eth1\n", NULL},
        {LINKS "address 2001:db8:1::1/128 dev wg-sixgate\n", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgSituationText) situation = sg_situation_parse (rows[i].situation);
        char text[SG_PREFIX_TEXT_MAX];
        SgIp ip;

        g_assert_cmpint (sg_tunnel_endpoint_choose (situation->snapshot, "wg-sixgate", &ip), ==,
                         rows[i].expected != NULL);
        if (rows[i].expected)
            g_assert_cmpstr (sg_ip_format (&ip, text), ==, rows[i].expected);
    }
}

/* ---- the profile of the server ---- */

static void
test_server_profile (void)
{
    g_autoptr (SgTunnel) tunnel = tunnel_with ("2001:db8:1::/64", /* own_key= */ false);
    g_autoptr (SgWgConf) conf = sg_tunnel_server_conf (tunnel, 51820);
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GVariant) profile = sg_profile_new (conf, "wg-sixgate", NULL, warnings);
    g_autofree char *text = g_variant_print (profile, /* type_annotate= */ TRUE);
    static const char *const parts[] = {
        "'interface-name': <'wg-sixgate'>",
        "'listen-port': <uint32 51820>",
        "'private-key': <'" DEVICE_PRIVATE "'>",
        "'peer-routes': <false>",
        "'address': <'10.59.0.1'>, 'prefix': <uint32 24>",
        "'address': <'2001:db8:1::a3b:1'>, 'prefix': <uint32 128>",
        "'fwmark': <uint32 1936291943>",
    };

    g_assert_cmpuint (warnings->len, ==, 0);
    for (size_t i = 0; i < G_N_ELEMENTS (parts); i++) {
        if (!strstr (text, parts[i]))
            g_error ("%s lacks %s", text, parts[i]);
    }
    g_assert_null (strstr (text, "allowed-ips"));
}

/* Whether a run says that the profile was changed, that read of it what @lines have; from then on it remembers. */
static bool
says_so (SgMemory *memory, const char *lines)
{
    g_autofree char *text =
        g_strconcat ("link 3 wg-sixgate kind wireguard up\nwireguard wg-sixgate fwmark 0x0\n"
                     "subnet 10.59.0.0/24\n",
                     lines, NULL);
    g_autoptr (SgSituationText) situation = sg_situation_parse (text);
    g_autoptr (SgWanted) wanted = sg_wanted_new (situation->config, situation->state, memory,
                                                 situation->tunnel, situation->snapshot);
    bool said = false;

    g_ptr_array_set_size (memory->warned, 0);
    for (guint i = 0; i < wanted->warnings->len; i++) {
        said = said || strstr (g_ptr_array_index (wanted->warnings, i), "profile restore");
        g_ptr_array_add (memory->warned, g_strdup (g_ptr_array_index (wanted->warnings, i)));
    }
    return said;
}

/* Runs that ask for the profile and runs that do not take turns: it is not said anew each time. */
static void
test_changed_profile_is_said_until_it_is_right (void)
{
    static const char wrong[] = "profile wg-sixgate address 10.59.0.9/24\n";
    static const char more[] = "profile wg-sixgate address 10.59.0.1/24 address 10.60.0.1/24\n";
    static const char right[] = "profile wg-sixgate address 10.59.0.1/24\n";
    g_autoptr (SgMemory) memory = sg_memory_new ();

    g_assert_false (says_so (memory, ""));
    g_assert_true (says_so (memory, wrong));
    g_assert_true (says_so (memory, ""));
    g_assert_true (says_so (memory, more));
    g_assert_false (says_so (memory, right));
    g_assert_false (says_so (memory, ""));
}

/* ---- the QR code ---- */

/* Reads the drawing back into modules (1 = dark), one byte each; returns their number a side. */
static int
read_modules (const char *drawn, uint8_t *modules, int max)
{
    g_auto (GStrv) lines = g_strsplit (drawn, "\n", -1);
    int side = 0;

    for (int row = 0; lines[row] && *lines[row]; row++) {
        const char *at = lines[row];
        int x = 0;

        g_assert_true (g_str_has_prefix (at, "\033[97;40m"));
        for (at += strlen ("\033[97;40m"); *at != '\033'; at = g_utf8_next_char (at), x++) {
            gunichar c = g_utf8_get_char (at);
            bool upper = c == 0x2584 || c == ' ', lower = c == 0x2580 || c == ' ';

            g_assert_cmpint (x, <, max);
            modules[2 * row * max + x] = upper;
            modules[(2 * row + 1) * max + x] = lower;
        }
        side = x;
    }
    return side;
}

/* Where ISO/IEC 18004 has the three finder patterns, the rest being the library's business. */
static void
test_qr_code (void)
{
    enum { MAX = 200 };
    g_autofree uint8_t *modules = g_new0 (uint8_t, MAX * MAX);
    g_autoptr (GError) error = NULL;
    g_autofree char *drawn = sg_qr_draw ("# StartTunnel config for a device\n", &error);
    int side;

    if (g_error_matches (error, SG_ERROR, SG_ERROR_UNSUPPORTED)) {
        g_test_skip ("libqrencode is not installed");
        return;
    }
    g_assert_no_error (error);
    side = read_modules (drawn, modules, MAX);
    /* 17 modules and 4 a version, and the quiet zone. */
    g_assert_cmpint ((side - 8 - 17) % 4, ==, 0);
    for (int corner = 0; corner < 3; corner++) {
        int left = corner == 1 ? side - 11 : 4, top = corner == 2 ? side - 11 : 4;

        for (int y = -1; y <= 7; y++) {
            for (int x = -1; x <= 7; x++) {
                int ring = MAX (ABS (x - 3), ABS (y - 3));

                g_assert_cmpint (modules[(top + y) * MAX + left + x], ==, ring == 3 || ring <= 1);
            }
        }
    }
}

static void
test_qr_code_too_long (void)
{
    g_autofree char *text = g_strnfill (3000, 'x');
    g_autoptr (GError) error = NULL;

    g_assert_null (sg_qr_draw (text, &error));
    if (g_error_matches (error, SG_ERROR, SG_ERROR_UNSUPPORTED))
        g_test_skip ("libqrencode is not installed");
    else
        g_assert_error (error, SG_ERROR, SG_ERROR_LIMIT);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/tunnel-config/public-keys", test_public_keys);
    g_test_add_func ("/tunnel-config/random-keys", test_random_keys);
    g_test_add_func ("/tunnel-config/device-config", test_device_config);
    g_test_add_func ("/tunnel-config/device-config-is-imported", test_device_config_is_imported);
    g_test_add_func ("/tunnel-config/endpoints", test_endpoints);
    g_test_add_func ("/tunnel-config/chosen-endpoint", test_chosen_endpoint);
    g_test_add_func ("/tunnel-config/server-profile", test_server_profile);
    g_test_add_func ("/tunnel-config/changed-profile-is-said-until-it-is-right",
                     test_changed_profile_is_said_until_it_is_right);
    g_test_add_func ("/tunnel-config/qr-code", test_qr_code);
    g_test_add_func ("/tunnel-config/qr-code-too-long", test_qr_code_too_long);
    return g_test_run ();
}
