/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WireGuard configuration text: what is read, what is refused and in which words, the limits, and
 * that no message holds a key. Keys are invented. */
#include <string.h>

#include "base/error.h"
#include "core/wg-conf.h"

#define PRIVATE "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define PUBLIC "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PUBLIC2 "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0="
#define PRESHARED "/UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak="
#define ZEROS "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

#define INTERFACE "[Interface]\nPrivateKey = " PRIVATE "\n"
#define PEER "[Peer]\nPublicKey = " PUBLIC "\n"

static SgWgConf *
parse_ok (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgWgConf *conf = sg_wg_conf_parse ("f", text, strlen (text), &error);

    if (error)
        g_error ("%s, of\n%s", error->message, text);
    return conf;
}

/* What a file becomes when it is read and written: also that writing is stable. */
static void
test_canonical (void)
{
    static const struct {
        const char *text, *canonical;
    } rows[] = {
        {INTERFACE PEER, INTERFACE "\n" PEER},
        /* case, spaces, comments, empty lines, CRLF, BOM, no newline at the end, order */
        {"\xef\xbb\xbf# c\r\n\r\n  [INTERFACE] # c\r\n\tprivatekey=" PRIVATE
         "#c\r\n[pEER]\r\nPUBLICKEY\t=\t" PUBLIC " ",
         INTERFACE "\n" PEER},
        {"[Peer]\nPublicKey=" PUBLIC "\n" INTERFACE, INTERFACE "\n" PEER},
        {INTERFACE "# PostUp = x\n#\n" PEER "# \xff\xfe Latin-1\n", INTERFACE "\n" PEER},
        /* lists: repeated, empty, blanks or commas, nothing twice */
        {INTERFACE "Address = 10.0.0.2\nAddress=10.0.0.2/32,,fd00::2 10.0.0.3/8\nAddress =\n" PEER,
         INTERFACE "Address = 10.0.0.2/32, fd00::2/128, 10.0.0.3/8\n\n" PEER},
        {INTERFACE "DNS = 1.1.1.1, lan\nDNS = FD00::0:1,1.1.1.1 LAN example.com.,~x.y,~\n" PEER,
         INTERFACE "DNS = 1.1.1.1, fd00::1, lan, example.com., ~x.y, ~\n\n" PEER},
        {INTERFACE PEER
         "AllowedIPs=\nAllowedIPs = 10.0.0.1/24, 10.0.0.0/24,::0/0\nallowedips=::/0\n",
         INTERFACE "\n" PEER "AllowedIPs = 10.0.0.0/24, 10.0.0.0/24, ::/0, ::/0\n"},
        {INTERFACE "Address = 10.0.0.2/8, 2001:db8::2/32\n" PEER,
         INTERFACE "Address = 10.0.0.2/8, 2001:db8::2/32\n\n" PEER},
        /* numbers */
        {INTERFACE "ListenPort = 0\nMTU = 0\nFwMark = 0\n" PEER "PersistentKeepalive = 0\n",
         INTERFACE "\n" PEER},
        {INTERFACE "FwMark = OFF\n" PEER "PersistentKeepalive = off\n", INTERFACE "\n" PEER},
        {INTERFACE "MTU = 1280\nListenPort = 65535\nFwMark = 4294967295\n" PEER
                   "PersistentKeepalive = 65535\n",
         INTERFACE "MTU = 1280\nListenPort = 65535\nFwMark = 0xffffffff\n\n" PEER
                   "PersistentKeepalive = 65535\n"},
        {INTERFACE "FwMark = 0XcA6c\n" PEER, INTERFACE "FwMark = 0xca6c\n\n" PEER},
        /* endpoints */
        {INTERFACE PEER "Endpoint = 203.0.113.1:1\n",
         INTERFACE "\n" PEER "Endpoint = 203.0.113.1:1\n"},
        {INTERFACE PEER "Endpoint = [2001:db8::1]:65535\n",
         INTERFACE "\n" PEER "Endpoint = [2001:db8::1]:65535\n"},
        {INTERFACE PEER "Endpoint = a_b.Example.com:51820\n",
         INTERFACE "\n" PEER "Endpoint = a_b.Example.com:51820\n"},
        {INTERFACE PEER "Endpoint = vpn:51820\n", INTERFACE "\n" PEER "Endpoint = vpn:51820\n"},
        /* preshared keys: zeros mean none */
        {INTERFACE PEER "PresharedKey = " PRESHARED "\n",
         INTERFACE "\n" PEER "PresharedKey = " PRESHARED "\n"},
        {INTERFACE PEER "PresharedKey = " ZEROS "\n", INTERFACE "\n" PEER},
        /* the type */
        {"# StartTunnel config for x\n" INTERFACE PEER,
         "# StartTunnel: an inbound-outbound gateway\n" INTERFACE "\n" PEER},
        {"# starttunnel\n" INTERFACE PEER, INTERFACE "\n" PEER},
        {INTERFACE PEER "[Peer]\nPublicKey = " PUBLIC2 "\nAllowedIPs = fd00::/8\n",
         INTERFACE "\n" PEER "\n[Peer]\nPublicKey = " PUBLIC2 "\nAllowedIPs = fd00::/8\n"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgWgConf) conf = parse_ok (rows[i].text);
        char *text = sg_wg_conf_to_text (conf);
        g_autoptr (SgWgConf) again = NULL;
        char *second;

        g_assert_cmpstr (text, ==, rows[i].canonical);
        again = parse_ok (text);
        second = sg_wg_conf_to_text (again);
        g_assert_cmpstr (second, ==, text);
        sg_wg_text_free (text);
        sg_wg_text_free (second);
    }
}

static void
test_errors (void)
{
    static const struct {
        const char *text;
        int code;
        const char *message;
    } rows[] = {
#define INVALID SG_ERROR_INVALID_ARGUMENT
        /* another kind of file */
        {"", SG_ERROR_NOT_WIREGUARD, "f is no WireGuard configuration"},
        {"\xef\xbb\xbf", SG_ERROR_NOT_WIREGUARD, "f is no WireGuard configuration"},
        {"client\ndev tun\n", SG_ERROR_NOT_WIREGUARD, "f is no WireGuard configuration"},
        {"[connection]\ntype=wireguard\n", SG_ERROR_NOT_WIREGUARD, "f is no WireGuard"},
        {"# [Interface]\n", SG_ERROR_NOT_WIREGUARD, "f is no WireGuard configuration"},
        /* sections */
        {"x=y\n" INTERFACE PEER, INVALID, "f:1: a line stands before the first section"},
        {INTERFACE INTERFACE PEER, INVALID, "f:3: a second [Interface]; the first is in line 1"},
        {INTERFACE PEER "[Pear]\n", INVALID, "f:5: this section is unknown"},
        {INTERFACE PEER "[Peer\n", INVALID, "f:5: this section is unknown"},
        {INTERFACE, INVALID, "f:2: the file ends without [Peer]"},
        {PEER, INVALID, "f:2: the file ends without [Interface]"},
        {"[Interface]\n" PEER, INVALID, "f:1: [Interface] has no PrivateKey"},
        {INTERFACE "[Peer]\n", INVALID, "f:3: [Peer] has no PublicKey"},
        {INTERFACE "[Peer]\n" PEER, INVALID, "f:3: [Peer] has no PublicKey"},
        /* keys */
        {INTERFACE "nonsense\n" PEER, INVALID, "f:3: this line is not of the form KEY = VALUE"},
        {INTERFACE "; PostUp\n" PEER, INVALID, "f:3: this line is not of the form KEY = VALUE"},
        {INTERFACE "Jc = 4\n" PEER, INVALID, "f:3: the key “Jc” is unknown in [Interface]; remove"},
        {INTERFACE "= 4\n" PEER, INVALID, "f:3: this key is unknown in [Interface]"},
        {INTERFACE PEER "\xff = 4\n", INVALID, "f:5: this key is unknown in [Peer]"},
        {INTERFACE "PublicKey = " PUBLIC "\n" PEER, INVALID,
         "f:3: PublicKey stands in [Interface]; it belongs into [Peer]"},
        {INTERFACE PEER "Address = 10.0.0.1\n", INVALID,
         "f:5: Address stands in [Peer]; it belongs into [Interface]"},
        {INTERFACE "PrivateKey = " PRIVATE "\n" PEER, INVALID,
         "f:3: PrivateKey stands in line 2 already; keep one of the two"},
        {INTERFACE "MTU = 1400\nmtu = 1500\n" PEER, INVALID, "f:4: MTU stands in line 3 already"},
        {INTERFACE PEER PEER, INVALID, "f:6: PublicKey: an earlier [Peer] has this key, too"},
        /* keys of WireGuard */
        {"[Interface]\nPrivateKey =\n", INVALID, "f:2: PrivateKey: this is not a key: a key is 44"},
        {"[Interface]\nPrivateKey = " ZEROS "\n", INVALID, "f:2: PrivateKey: a key of zeros only"},
        {INTERFACE "[Peer]\nPublicKey = " ZEROS "\n", INVALID, "f:4: PublicKey: a key of zeros"},
        {INTERFACE "[Peer]\nPublicKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBm==\n", INVALID,
         "f:4: PublicKey: this is not a key"},
        {INTERFACE "[Peer]\nPublicKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBml=\n", INVALID,
         "f:4: PublicKey: this is not a key"},
        {INTERFACE "[Peer]\nPublicKey = yAnz5TF-lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n", INVALID,
         "f:4: PublicKey: this is not a key"},
        {INTERFACE PEER "PresharedKey = \n", INVALID, "f:5: PresharedKey: this is not a key"},
        /* addresses */
        {INTERFACE "Address = 10.0.0.256\n" PEER, INVALID, "f:3: Address: “10.0.0.256” is no addr"},
        {INTERFACE "Address = 10.0.0.2/33\n" PEER, INVALID,
         "“10.0.0.2/33” is no address; write it"},
        {INTERFACE "Address = fd00::2/129\n" PEER, INVALID, "“fd00::2/129” is no address"},
        {INTERFACE "Address = fd00::2/\n" PEER, INVALID, "“fd00::2/” is no address"},
        {INTERFACE "Address = fd00::2/-1\n" PEER, INVALID, "“fd00::2/-1” is no address"},
        {INTERFACE "Address = fe80::1%eth0\n" PEER, INVALID, "“fe80::1%eth0” is no address"},
        {INTERFACE "Address = fd00::2/0\n" PEER, INVALID, "“fd00::2/0” can be no address of"},
        {INTERFACE "Address = 10.0.0.2/7\n" PEER, INVALID,
         "f:3: Address: a network as large as that of 10.0.0.2/7 would take the host's own "
         "traffic"},
        {INTERFACE "Address = 2001:db8::2/31\n" PEER, INVALID, "tunnel's network, at least /32"},
        {INTERFACE "Address = ::\n" PEER, INVALID, "“::” can be no address of a tunnel"},
        {INTERFACE "Address = 127.0.0.1\n" PEER, INVALID, "“127.0.0.1” can be no address"},
        {INTERFACE "Address = ff02::1\n" PEER, INVALID, "“ff02::1” can be no address"},
        {INTERFACE "Address = 10.0.0.2/24, 10.0.0.2/8\n" PEER, INVALID,
         "f:3: Address: 10.0.0.2/8 is there already with the length 24; keep one"},
        /* name servers */
        {INTERFACE "DNS = 10.64.0.256\n" PEER, INVALID, "f:3: DNS: “10.64.0.256” is neither"},
        {INTERFACE "DNS = fd00::g\n" PEER, INVALID, "“fd00::g” is neither the address"},
        {INTERFACE "DNS = a..b\n" PEER, INVALID, "“a..b” is neither the address"},
        {INTERFACE "DNS = -a\n" PEER, INVALID, "“-a” is neither the address"},
        {INTERFACE "DNS = .\n" PEER, INVALID, "“.” is neither the address"},
        {INTERFACE "DNS = b\xc3\xbc.example\n" PEER, INVALID, "f:3: DNS: this value is neither"},
        /* allowed IPs */
        {INTERFACE PEER "AllowedIPs = 0.0.0.0/0, all\n", INVALID,
         "f:5: AllowedIPs: “all” is no prefix; write it like"},
        {INTERFACE PEER "AllowedIPs = ::/0;\n", INVALID, "f:5: AllowedIPs: “::/0;” is no prefix"},
        /* endpoints */
        {INTERFACE PEER "Endpoint = \n", INVALID, "f:5: Endpoint: an empty value is no endpoint"},
        {INTERFACE PEER "Endpoint = 203.0.113.1\n", INVALID, "“203.0.113.1” has no port"},
        {INTERFACE PEER "Endpoint = 203.0.113.1:0\n", INVALID, "“203.0.113.1:0” has no port"},
        {INTERFACE PEER "Endpoint = vpn.example:65536\n", INVALID,
         "“vpn.example:65536” has no port"},
        {INTERFACE PEER "Endpoint = vpn.example:http\n", INVALID, "“vpn.example:http” has no port"},
        {INTERFACE PEER "Endpoint = 203.0.113.256:1\n", INVALID,
         "“203.0.113.256:1” is no endpoint"},
        {INTERFACE PEER "Endpoint = 2001:db8::1:51820\n", INVALID,
         "“2001:db8::1:51820” is no endpoint; write it like"},
        {INTERFACE PEER "Endpoint = [203.0.113.1]:1\n", INVALID,
         "“[203.0.113.1]:1” is no endpoint"},
        {INTERFACE PEER "Endpoint = [vpn.example]:1\n", INVALID,
         "“[vpn.example]:1” is no endpoint"},
        {INTERFACE PEER "Endpoint = [2001:db8::1]\n", INVALID, "“[2001:db8::1]” is no endpoint"},
        {INTERFACE PEER "Endpoint = []:1\n", INVALID, "“[]:1” is no endpoint"},
        /* numbers */
        {INTERFACE "ListenPort = 65536\n" PEER, INVALID,
         "f:3: ListenPort: “65536” is no number from 0 to 65535"},
        {INTERFACE "ListenPort = off\n" PEER, INVALID, "ListenPort: “off” is no number"},
        {INTERFACE "MTU = 575\n" PEER, INVALID, "f:3: MTU: “575” is no number from 576 to 65535"},
        {INTERFACE "MTU = 65536\n" PEER, INVALID, "f:3: MTU: “65536” is no number"},
        {INTERFACE "FwMark = 0x\n" PEER, INVALID, "f:3: FwMark: “0x” is no number from 0 to"},
        {INTERFACE "FwMark = 0x100000000\n" PEER, INVALID, "FwMark: “0x100000000” is no number"},
        {INTERFACE "FwMark = 4294967296\n" PEER, INVALID, "also like 0xca6c, nor off"},
        {INTERFACE PEER "PersistentKeepalive = -1\n", INVALID,
         "f:5: PersistentKeepalive: “-1” is no number from 0 to 65535, nor off"},
        {INTERFACE PEER "PersistentKeepalive = 65536\n", INVALID, "“65536” is no number"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (SgWgConf) conf =
            sg_wg_conf_parse ("f", rows[i].text, strlen (rows[i].text), &error);

        if (conf || error->code != rows[i].code || !strstr (error->message, rows[i].message))
            g_error ("%s\ngave “%s” (%d), not “%s”", rows[i].text,
                     error ? error->message : "no error", error ? error->code : -1,
                     rows[i].message);
        g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_zero_byte (void)
{
    static const char text[] = INTERFACE "MTU = 1400\0\n" PEER;
    g_autoptr (GError) error = NULL;

    g_assert_null (sg_wg_conf_parse ("f", text, sizeof text - 1, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    g_assert_nonnull (strstr (error->message, "f:3: a byte of zero"));
}

/* However a line with a key is torn or misplaced, no message repeats it. */
static void
test_no_key_in_messages (void)
{
    static const char *const rows[] = {
        "[Interface]\nPrivateKey =\n" PRIVATE "\n",
        "[Interface]\n" PRIVATE "\n",
        "[Interface]\n" PRIVATE " = x\n",
        "[Interface]\nPrivateKey = x" PRIVATE "\n",
        "[Interface]\nPrivateKey = " PRIVATE "x\n",
        "[Interface]\nPrivateKey: " PRIVATE "\n",
        "[Interface]\nAddress = " PRIVATE "\n",
        "[Interface]\nDNS = " PRIVATE "\n",
        "[Interface]\nMTU = " PRIVATE "\n",
        "[Interface]\nFwMark = " PRIVATE "\n",
        "[Interface]\nFwMark = 0x" PRIVATE "\n",
        "[Interface]\n[" PRIVATE "]\n",
        "[Interface]\nPublicKey = " PRIVATE "\n",
        "[Peer]\nEndpoint = " PRIVATE "\n",
        "[Peer]\nEndpoint = " PRIVATE ":1\n",
        "[Peer]\nAllowedIPs = " PRIVATE "\n",
        "[Peer]\nPersistentKeepalive = " PRIVATE "\n",
        "[Interface]\nPostUp = wg set %i private-key " PRIVATE "\n",
        PRIVATE "\n[Interface]\n",
        INTERFACE "PrivateKey = " PRIVATE "\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_null (sg_wg_conf_parse ("f", rows[i], strlen (rows[i]), &error));
        /* any eight bytes of it in a row would be too many */
        for (size_t at = 0; at + 8 <= strlen (PRIVATE); at++) {
            g_autofree char *part = g_strndup (PRIVATE + at, 8);

            if (strstr (error->message, part))
                g_error ("%s\nshows a key: %s", rows[i], error->message);
        }
    }
}

static void
test_warnings (void)
{
    static const char text[] =
        INTERFACE "PostUp = echo secret\npostup = again\nPreUp = x\nPreDown = x\nPostDown = x\n"
                  "Table = off\nSaveConfig = false\nExcludedApplications = org.example\n" PEER;
    static const char *const expected[] = {
        "f:3: PostUp is not run",        "f:5: PreUp is not run",
        "f:6: PreDown is not run",       "f:7: PostDown is not run",
        "f:8: Table is not followed",    "f:9: SaveConfig is not followed",
        "f:10: ExcludedApplications is", "f:1: there is no Address",
    };
    g_autoptr (SgWgConf) conf = parse_ok (text);
    g_autoptr (SgWgConf) narrow = parse_ok (INTERFACE "MTU = 1279\nAddress = fd00::1\n" PEER);
    g_autoptr (SgWgConf) wide = parse_ok (INTERFACE "MTU = 1279\nAddress = 10.0.0.1\n" PEER);

    g_assert_cmpuint (conf->warnings->len, ==, G_N_ELEMENTS (expected));
    for (size_t i = 0; i < G_N_ELEMENTS (expected); i++) {
        const char *warning = conf->warnings->pdata[i];

        if (!g_str_has_prefix (warning, expected[i]))
            g_error ("“%s” is not “%s…”", warning, expected[i]);
        g_assert_null (strstr (warning, "secret"));
    }
    g_assert_cmpuint (narrow->warnings->len, ==, 1);
    g_assert_nonnull (strstr (narrow->warnings->pdata[0], "MTU 1279 is less than the 1280"));
    g_assert_cmpuint (wide->warnings->len, ==, 0);
}

/* ---- limits ---- */

/* @head, then @count times @format with a number, then @tail. */
static char *
repeat (const char *head, unsigned count, const char *(*item) (unsigned, char *), const char *tail)
{
    GString *text = g_string_new (head);
    char buffer[128];

    for (unsigned i = 0; i < count; i++)
        g_string_append (text, item (i, buffer));
    g_string_append (text, tail);
    return g_string_free (text, FALSE);
}

static const char *
an_address (unsigned i, char *buffer)
{
    g_snprintf (buffer, 128, "Address = fd00::%x\n", i + 1);
    return buffer;
}

static const char *
a_server (unsigned i, char *buffer)
{
    g_snprintf (buffer, 128, "DNS = fd00::%x\n", i + 1);
    return buffer;
}

static const char *
a_domain (unsigned i, char *buffer)
{
    g_snprintf (buffer, 128, "DNS = d%x\n", i + 1);
    return buffer;
}

static const char *
an_allowed_ip (unsigned i, char *buffer)
{
    g_snprintf (buffer, 128, "AllowedIPs = fd00::%x\n", i + 1);
    return buffer;
}

static const char *
a_peer (unsigned i, char *buffer)
{
    uint8_t key[SG_WG_KEY_BYTES] = {1, i & 0xff, i >> 8};
    g_autofree char *text = g_base64_encode (key, sizeof key);

    g_snprintf (buffer, 128, "[Peer]\nPublicKey = %s\n", text);
    return buffer;
}

static void
test_limits (void)
{
    static const struct {
        unsigned limit;
        const char *head, *tail;
        const char *(*item) (unsigned, char *);
    } rows[] = {
        {SG_WG_ADDRESSES_MAX, INTERFACE, PEER, an_address},
        {SG_WG_DNS_MAX, INTERFACE, PEER, a_server},
        {SG_WG_DNS_MAX, INTERFACE, PEER, a_domain},
        {SG_WG_ALLOWED_IPS_MAX, INTERFACE PEER, "", an_allowed_ip},
        {SG_WG_PEERS_MAX, INTERFACE, "", a_peer},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *at = repeat (rows[i].head, rows[i].limit, rows[i].item, rows[i].tail);
        g_autofree char *over =
            repeat (rows[i].head, rows[i].limit + 1, rows[i].item, rows[i].tail);
        g_autoptr (SgWgConf) conf = parse_ok (at);
        g_autoptr (GError) error = NULL;

        g_assert_nonnull (conf);
        g_assert_null (sg_wg_conf_parse ("f", over, strlen (over), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_LIMIT);
        g_assert_nonnull (strstr (error->message, "f:"));
    }
}

/* The largest text that is read, with as much in it as the limits allow, and one byte more. */
static void
test_size (void)
{
    g_autoptr (GString) text = g_string_new (INTERFACE);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWgConf) conf = NULL;
    char item[128];
    gint64 begin;

    for (unsigned n = 0; text->len + 200 < SG_WG_TEXT_MAX; n++) {
        g_string_append_printf (text, "%sAllowedIPs = ", a_peer (n, item));
        for (unsigned i = 0; i < SG_WG_ALLOWED_IPS_MAX && text->len + 100 < SG_WG_TEXT_MAX; i++)
            g_string_append_printf (text, "::%x,", i);
        g_string_append_c (text, '\n');
    }
    while (text->len < SG_WG_TEXT_MAX)
        g_string_append_c (text, '\n');
    begin = g_get_monotonic_time ();
    conf = sg_wg_conf_parse ("f", text->str, text->len, &error);
    g_assert_no_error (error);
    g_assert_nonnull (conf);
    g_test_message ("parsed in %d ms", (int) ((g_get_monotonic_time () - begin) / 1000));
    g_string_append_c (text, '\n');
    g_assert_null (sg_wg_conf_parse ("f", text->str, text->len, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_LIMIT);
}

/* ---- values alone ---- */

static void
test_hosts (void)
{
    g_autofree char *label63 = g_strnfill (63, 'a');
    g_autofree char *label64 = g_strnfill (64, 'a');
    g_autofree char *name253 =
        g_strdup_printf ("%s.%s.%s.%.61s", label63, label63, label63, label63);
    g_autofree char *name254 =
        g_strdup_printf ("%s.%s.%s.%.62s", label63, label63, label63, label63);

    g_assert_true (sg_wg_host_is_valid (label63));
    g_assert_false (sg_wg_host_is_valid (label64));
    g_assert_cmpuint (strlen (name253), ==, 253);
    g_assert_true (sg_wg_host_is_valid (name253));
    g_assert_false (sg_wg_host_is_valid (name254));
    g_assert_false (sg_wg_host_is_valid (""));
    g_assert_false (sg_wg_host_is_valid ("1.2.3"));
    g_assert_true (sg_wg_host_is_valid ("1.2.3a"));
    g_assert_false (sg_wg_host_is_valid (".a"));
    g_assert_true (sg_wg_host_is_valid ("a."));
    g_assert_false (sg_wg_host_is_valid ("a.."));
    g_assert_false (sg_wg_host_is_valid ("a.-b"));
    g_assert_true (sg_wg_domain_is_valid ("~."));
    g_assert_false (sg_wg_domain_is_valid ("~~"));
    g_assert_false (sg_wg_domain_is_valid (""));
}

static void
test_types (void)
{
    SgWgType type = SG_WG_TYPE_N;

    for (SgWgType i = 0; i < SG_WG_TYPE_N; i++) {
        g_assert_true (sg_wg_type_from_string (sg_wg_type_to_string (i), &type));
        g_assert_cmpint (type, ==, i);
    }
    g_assert_false (sg_wg_type_from_string ("both", &type));
    sg_wg_conf_free (NULL);
    sg_wg_peer_free (NULL);
    sg_wg_text_free (NULL);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/wg-conf/canonical", test_canonical);
    g_test_add_func ("/wg-conf/errors", test_errors);
    g_test_add_func ("/wg-conf/zero-byte", test_zero_byte);
    g_test_add_func ("/wg-conf/no-key-in-messages", test_no_key_in_messages);
    g_test_add_func ("/wg-conf/warnings", test_warnings);
    g_test_add_func ("/wg-conf/limits", test_limits);
    g_test_add_func ("/wg-conf/size", test_size);
    g_test_add_func ("/wg-conf/hosts", test_hosts);
    g_test_add_func ("/wg-conf/types", test_types);
    return g_test_run ();
}
