/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gateways by file: the configurations of many makers (tests/unit/wg) become the profiles beside
 * them, and every profile leads back to a file that gives the same profile. Keys are invented.
 * SG_TEST_REGENERATE=1 writes the profiles anew: read the difference. */
#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/profile.h"

#define PRIVATE "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="

/* ---- the profile as text: a line a property, a line a peer ---- */

static void
print_value (GString *text, GVariant *value)
{
    GVariantIter iter;
    GVariant *entry;

    if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("aa{sv}"))) {
        g_autofree char *printed = g_variant_print (value, /* type_annotate= */ FALSE);

        g_string_append_printf (text, " %s\n", printed);
        return;
    }
    g_string_append_c (text, '\n');
    g_variant_iter_init (&iter, value);
    while ((entry = g_variant_iter_next_value (&iter)) != NULL) {
        g_autofree char *printed = g_variant_print (entry, /* type_annotate= */ FALSE);

        g_string_append_printf (text, "    %s\n", printed);
        g_variant_unref (entry);
    }
}

static char *
profile_to_text (GVariant *profile)
{
    GString *text = g_string_new (NULL);
    GVariantIter settings;
    GVariant *properties;
    const char *setting;

    g_variant_iter_init (&settings, profile);
    while (g_variant_iter_next (&settings, "{&s@a{sv}}", &setting, &properties)) {
        GVariantIter iter;
        const char *name;
        GVariant *value;

        g_variant_iter_init (&iter, properties);
        while (g_variant_iter_next (&iter, "{&sv}", &name, &value)) {
            g_string_append_printf (text, "%s.%s:", setting, name);
            print_value (text, value);
            g_variant_unref (value);
        }
        g_variant_unref (properties);
    }
    return g_string_free (text, FALSE);
}

static SgWgConf *
parse (const char *name, const char *text, size_t len)
{
    g_autoptr (GError) error = NULL;
    SgWgConf *conf = sg_wg_conf_parse (name, text, len, &error);

    g_assert_no_error (error);
    g_assert_nonnull (conf);
    return conf;
}

static GVariant *
profile_of (const SgWgConf *conf)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);

    return sg_profile_new (conf, "wg0", /* uuid= */ NULL, warnings);
}

/* ---- the makers' files ---- */

static char *
read_file (const char *name, const char *suffix, gsize *ret_len)
{
    g_autofree char *file = g_strconcat ("wg/", name, suffix, NULL);
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, file, NULL);
    g_autoptr (GError) error = NULL;
    char *text = NULL;

    g_file_get_contents (path, &text, ret_len, &error);
    if (!g_getenv ("SG_TEST_REGENERATE"))
        g_assert_no_error (error);
    return text;
}

static void
check_golden (const char *name, const char *got)
{
    g_autofree char *expected = NULL;

    if (g_getenv ("SG_TEST_REGENERATE")) {
        g_autofree char *file = g_strconcat ("wg/", name, ".profile", NULL);
        g_autofree char *path = g_test_build_filename (G_TEST_DIST, file, NULL);

        g_assert_true (g_file_set_contents (path, got, -1, NULL));
    }
    expected = read_file (name, ".profile", NULL);
    g_assert_cmpstr (got, ==, expected);
}

static void
test_maker (gconstpointer data)
{
    const char *name = data;
    gsize len = 0;
    g_autofree char *text = read_file (name, ".conf", &len);
    g_autofree char *file = g_strconcat (name, ".conf", NULL);
    g_autoptr (SgWgConf) conf = parse (file, text, len);
    g_autoptr (GVariant) profile = profile_of (conf);
    g_autofree char *printed = profile_to_text (profile);
    GString *golden = g_string_new (printed);
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GVariant) again = sg_profile_new (conf, name, /* uuid= */ NULL, warnings);

    for (guint i = 0; i < conf->warnings->len; i++)
        g_string_append_printf (golden, "# %s\n", (const char *) conf->warnings->pdata[i]);
    for (guint i = 0; i < warnings->len; i++)
        g_string_append_printf (golden, "# %s\n", (const char *) warnings->pdata[i]);
    check_golden (name, golden->str);
    g_string_free (golden, TRUE);
}

/* Profile → file → profile. */
static void
test_round_trip (gconstpointer data)
{
    const char *name = data;
    gsize len = 0;
    g_autofree char *text = read_file (name, ".conf", &len);
    g_autoptr (SgWgConf) conf = parse (name, text, len);
    g_autoptr (GVariant) profile = profile_of (conf);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWgConf) read = sg_profile_read (profile, &error);
    char *exported, *written;

    g_assert_no_error (error);
    exported = sg_wg_conf_to_text (read);
    {
        g_autoptr (SgWgConf) imported = parse (name, exported, strlen (exported));
        g_autoptr (GVariant) again = profile_of (imported);

        written = sg_wg_conf_to_text (imported);
        g_assert_cmpstr (written, ==, exported);
        g_assert_true (g_variant_equal (again, profile));
        g_assert_cmpuint (imported->warnings->len, ==, 0);
    }
    sg_wg_text_free (exported);
    sg_wg_text_free (written);
}

/* ---- single properties ---- */

/* The value of "setting.property" as text; NULL when it is not there. */
static char *
value_in (GVariant *profile, const char *where)
{
    g_auto (GStrv) parts = g_strsplit (where, ".", 2);
    g_autoptr (GVariant) setting =
        g_variant_lookup_value (profile, parts[0], G_VARIANT_TYPE_VARDICT);
    g_autoptr (GVariant) value = setting ? g_variant_lookup_value (setting, parts[1], NULL) : NULL;

    return value ? g_variant_print (value, /* type_annotate= */ FALSE) : NULL;
}

static void
test_dns_policy (void)
{
    static const struct {
        SgWgType type;
        const char *address, *dns;
        const char *dns4, *search4, *dns6, *user;
    } rows[] = {
#define IN SG_WG_TYPE_INBOUND_OUTBOUND
#define OUT SG_WG_TYPE_OUTBOUND_ONLY
#define USER(type, rest) "{'sixgate.type': '" type "'" rest "}"
        {IN, "10.59.0.2/24", "10.59.0.1", "['10.59.0.1']", "['~']", NULL,
         USER ("inbound-outbound", "")},
        {IN, "10.59.0.2/24", "10.59.0.1, lan", "['10.59.0.1']", "['lan']", NULL,
         USER ("inbound-outbound", "")},
        /* beside the network, by one bit */
        {IN, "10.59.0.2/24", "10.59.1.1, lan", NULL, NULL, NULL,
         USER ("inbound-outbound", ", 'sixgate.dns': '10.59.1.1', 'sixgate.dns-search': 'lan'")},
        {IN, "10.59.0.2/32", "10.59.0.1", NULL, NULL, NULL,
         USER ("inbound-outbound", ", 'sixgate.dns': '10.59.0.1'")},
        /* not even inside, when nothing comes in by it */
        {OUT, "10.59.0.2/24", "10.59.0.1", NULL, NULL, NULL,
         USER ("outbound-only", ", 'sixgate.dns': '10.59.0.1'")},
        {IN, "10.59.0.2/24, fd59::2/64", "1.1.1.1, fd59::1, 10.59.0.1, 2606:4700::1",
         "['10.59.0.1']", "['~']", "['fd59::1']",
         USER ("inbound-outbound", ", 'sixgate.dns': '1.1.1.1, 2606:4700::1'")},
        {OUT, "10.59.0.2/24", "", NULL, NULL, NULL, USER ("outbound-only", "")},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *text =
            g_strdup_printf ("[Interface]\nPrivateKey = " PRIVATE
                             "\nAddress = %s\nDNS = %s\n[Peer]\nPublicKey = " PUBLIC "\n",
                             rows[i].address, rows[i].dns);
        g_autoptr (SgWgConf) conf = parse ("f", text, strlen (text));
        g_autoptr (GVariant) profile = NULL;
        g_autofree char *dns4 = NULL, *search4 = NULL, *dns6 = NULL, *user = NULL, *priority = NULL;

        conf->type = rows[i].type;
        profile = profile_of (conf);
        dns4 = value_in (profile, "ipv4.dns-data");
        search4 = value_in (profile, "ipv4.dns-search");
        priority = value_in (profile, "ipv4.dns-priority");
        dns6 = value_in (profile, "ipv6.dns-data");
        user = value_in (profile, "user.data");
        g_assert_cmpstr (dns4, ==, rows[i].dns4);
        g_assert_cmpstr (search4, ==, rows[i].search4);
        g_assert_cmpstr (priority, ==, rows[i].dns4 ? "10" : NULL);
        g_assert_cmpstr (dns6, ==, rows[i].dns6);
        g_assert_cmpstr (user, ==, rows[i].user);
    }
}

static void
test_identity (void)
{
    static const char text[] = "[Interface]\nPrivateKey=" PRIVATE "\nAddress=fd00::2\n"
                               "[Peer]\nPublicKey=" PUBLIC "\n";
    static const char uuid[] = "11111111-2222-3333-4444-555555555555";
    g_autoptr (SgWgConf) conf = parse ("f", text, strlen (text));
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GVariant) profile = sg_profile_new (conf, "home", uuid, warnings);
    g_autofree char *id = value_in (profile, "connection.id");
    g_autofree char *interface = value_in (profile, "connection.interface-name");
    g_autofree char *got = value_in (profile, "connection.uuid");

    g_assert_cmpstr (id, ==, "'home'");
    g_assert_cmpstr (interface, ==, "'home'");
    g_assert_cmpstr (got, ==, "'11111111-2222-3333-4444-555555555555'");
    g_assert_cmpuint (warnings->len, ==, 0);
}

/* ---- profiles of others ---- */

static void
test_read_foreign (void)
{
    static const struct {
        const char *profile;
        const char *text;    /* as a file; NULL: refused… */
        const char *message; /* …with this */
    } rows[] = {
        {"{'connection': {'type': <'vpn'>}}", NULL, "not of the type wireguard"},
        {"@a{sa{sv}} {}", NULL, "not of the type wireguard"},
        {"{'connection': {'type': <'wireguard'>}}", "[Interface]\n", NULL},
        /* as `nmcli connection import type wireguard` makes them, read without secrets */
        {"{'connection': {'type': <'wireguard'>},"
         " 'wireguard': {'listen-port': <uint32 51820>, 'fwmark': <uint32 51>, 'peers': <["
         "{'public-key': <'" PUBLIC "'>, 'endpoint': <'[fd00::1]:1'>,"
         " 'persistent-keepalive': <uint32 25>, 'allowed-ips': <['10.0.0.1/8', '::/0']>}]>},"
         " 'ipv4': {'method': <'auto'>, 'dns': <[uint32 1]>, 'dns-data': <['9.9.9.9']>,"
         " 'dns-search': <['lan', '~']>, 'address-data': <[{'address': <'10.0.0.2'>,"
         " 'prefix': <uint32 8>}]>}, 'proxy': {}}",
         "[Interface]\nAddress = 10.0.0.2/8\nDNS = 9.9.9.9, lan, ~\nListenPort = 51820\n"
         "FwMark = 0x33\n\n[Peer]\nPublicKey = " PUBLIC "\nAllowedIPs = 10.0.0.0/8, ::/0\n"
         "Endpoint = [fd00::1]:1\nPersistentKeepalive = 25\n",
         NULL},
        {"{'connection': {'type': <'wireguard'>}, 'wireguard': {'mtu': <'1400'>}}", NULL,
         "wireguard.mtu: mtu is of the type s, not u"},
        {"{'connection': {'type': <'wireguard'>}, 'wireguard': {'private-key': <'x'>}}", NULL,
         "wireguard.private-key: this is not a key"},
        {"{'connection': {'type': <'wireguard'>}, 'wireguard': {'peers': <[{'public-key':"
         " <uint32 1>}]>}}",
         NULL, "wireguard.peers: public-key is of the type u, not s"},
        {"{'connection': {'type': <'wireguard'>}, 'wireguard': {'peers': <[{'allowed-ips':"
         " <['x']>}]>}}",
         NULL, "wireguard.peers: allowed-ips: “x” is no prefix"},
        {"{'connection': {'type': <'wireguard'>}, 'wireguard': {'peers': <[{'endpoint':"
         " <'x'>}]>}}",
         NULL, "wireguard.peers: endpoint: “x” has no port"},
        {"{'connection': {'type': <'wireguard'>}, 'ipv6': {'address-data': <[{'address':"
         " <'fd00::1'>}]>}}",
         NULL, "ipv6.address-data: an address has to have"},
        {"{'connection': {'type': <'wireguard'>}, 'ipv6': {'address-data': <[{'address':"
         " <'fd00::1'>, 'prefix': <uint32 129>}]>}}",
         NULL, "ipv6.address-data: “fd00::1/129” is no address"},
        {"{'connection': {'type': <'wireguard'>}, 'ipv6': {'dns-data': <['dns.example']>}}", NULL,
         "ipv6.dns-data: “dns.example” is no address of a name server"},
        {"{'connection': {'type': <'wireguard'>}, 'user': {'data': <{'sixgate.type': 'both'}>}}",
         NULL, "user.data: “both” is no type"},
        /* lines that would be somebody else's in an exported file */
        {"{'connection': {'type': <'wireguard'>}, 'ipv6': {'dns-search': <['a\\nPostUp = id']>}}",
         NULL, "ipv6.dns-search: this value is no search domain"},
        {"{'connection': {'type': <'wireguard'>}, 'user': {'data':"
         " <{'sixgate.dns-search': 'a, b\\nPostUp = id'}>}}",
         NULL, "user.data: this value is no search domain"},
        {"{'connection': {'type': <'wireguard'>}, 'user': {'data': <{'sixgate.dns': 'x'}>}}", NULL,
         "user.data: “x” is no address"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) profile =
            g_variant_parse (G_VARIANT_TYPE ("a{sa{sv}}"), rows[i].profile, NULL, NULL, &error);
        g_autoptr (SgWgConf) conf = NULL;

        g_assert_no_error (error);
        conf = sg_profile_read (profile, &error);
        if (rows[i].text) {
            char *text;

            g_assert_no_error (error);
            text = sg_wg_conf_to_text (conf);
            g_assert_cmpstr (text, ==, rows[i].text);
            sg_wg_text_free (text);
        } else {
            g_assert_null (conf);
            g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
            if (!strstr (error->message, rows[i].message))
                g_error ("“%s” lacks “%s”", error->message, rows[i].message);
        }
    }
}

/* ---- names ---- */

static void
test_names (void)
{
    static const struct {
        const char *file, *name;
    } rows[] = {
        {"/tmp/home.conf", "home"},
        {"home.conf", "home"},
        {"home.CONF", "home"},
        {"/a.conf/home", "home"},
        {"se-got_wg=1+2.3", "se-got_wg=1+2.3"},
        {"fifteen-letters.conf", "fifteen-letters"},
        /* not names of interfaces */
        {"sixteen-letters!.conf", "wg1"},
        {"sixteen--letters.conf", "wg1"},
        {"two words.conf", "wg1"},
        {"a%d.conf", "wg1"},
        {"\xff.conf", "wg1"},
        {".conf", "wg1"},
        {"..conf", "wg1"},
        {"...conf", "wg1"},
        {"-", "wg1"},
        {"-x.conf", "wg1"},
        {"", "wg1"},
        {"/", "wg1"},
        /* names of something else */
        {"all.conf", "wg1"},
        {"default.conf", "wg1"},
        {"lo", "wg1"},
        {SG_TUNNEL_INTERFACE ".conf", "wg1"},
        /* taken */
        {"wg0.conf", "wg1"},
        {"eth0.conf", "wg1"},
        {"wg1.conf", "wg1"},
        {"wg2.conf", "wg1"},
    };
    g_autoptr (GHashTable) taken = g_hash_table_new (g_str_hash, g_str_equal);

    g_hash_table_add (taken, (char *) "wg0");
    g_hash_table_add (taken, (char *) "wg2");
    g_hash_table_add (taken, (char *) "eth0");
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *name = sg_profile_choose_name (rows[i].file, taken);

        g_assert_cmpstr (name, ==, rows[i].name);
    }
}

int
main (int argc, char **argv)
{
    static const char *const makers[] = {
        "starttunnel", "wg-quick", "mullvad",  "proton", "ivpn",      "wg-easy",
        "netmaker",    "opnsense", "fritzbox", "unifi",  "ipv6-only", "hundred-addresses",
    };

    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (makers); i++) {
        g_autofree char *golden = g_strconcat ("/profile/of/", makers[i], NULL);
        g_autofree char *round = g_strconcat ("/profile/export-import/", makers[i], NULL);

        g_test_add_data_func (golden, makers[i], test_maker);
        g_test_add_data_func (round, makers[i], test_round_trip);
    }
    g_test_add_func ("/profile/dns", test_dns_policy);
    g_test_add_func ("/profile/identity", test_identity);
    g_test_add_func ("/profile/foreign", test_read_foreign);
    g_test_add_func ("/profile/names", test_names);
    return g_test_run ();
}
