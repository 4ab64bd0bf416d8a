/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three files of the host role: every key, every limit, everything malformed. */
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "core/config.h"
#include "core/memory.h"
#include "core/state.h"

#define FILE_NAME "/some/file"

/* ---- the configuration ---- */

static SgConfig *
parse_config (const char *text, GError **error)
{
    return sg_config_parse (FILE_NAME, text, strlen (text), error);
}

/* What a configuration says, in one line. */
static char *
config_to_string (const SgConfig *config)
{
    GString *out = g_string_new (NULL);

    g_string_append_printf (out, "%s %s ipv6=%d ipv4=%d local=%d nm=%u lock=%u", config->nft_table,
                            config->tunnel_interface, config->families[SG_IPV6],
                            config->families[SG_IPV4], config->local_prefixes,
                            config->nm_timeout_ms, config->lock_timeout_ms);
    if (config->idle_timeout_ms != 30000)
        g_string_append_printf (out, " idle=%u", config->idle_timeout_ms);
    for (guint i = 0; i < config->local_prefix_list->len; i++) {
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (
            out, " %s",
            sg_prefix_format (&g_array_index (config->local_prefix_list, SgPrefix, i), text));
    }
    return g_string_free (out, /* free_segment= */ FALSE);
}

static void
test_config_tunnel (void)
{
    const char *text = "[sixgate]\nTunnelPort=443\nTunnelEndpoint=vpn.example.com\n";
    g_autoptr (SgConfig) config = parse_config (text, NULL);
    g_autoptr (SgConfig) without = sg_config_new_default ();

    g_assert_cmpuint (config->tunnel_port, ==, 443);
    g_assert_cmpstr (config->tunnel_endpoint, ==, "vpn.example.com");
    g_assert_cmpuint (without->tunnel_port, ==, 51820);
    g_assert_cmpstr (without->tunnel_endpoint, ==, "");
}

#define DEFAULTS "startos wg-sixgate ipv6=1 ipv4=0 local=0 nm=2000 lock=10000"

static void
test_config_values (void)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"", DEFAULTS},
        {"# nothing\n\n", DEFAULTS},
        {"[sixgate]\n", DEFAULTS},
        {"[sixgate]\nNftTable=a\n", "a wg-sixgate ipv6=1 ipv4=0 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nNftTable=a123456789012345678901234567890\n",
         "a123456789012345678901234567890 wg-sixgate ipv6=1 ipv4=0 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nNftTable= A_b-9 \n",
         "A_b-9 wg-sixgate ipv6=1 ipv4=0 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nTunnelInterface=w\n", "startos w ipv6=1 ipv4=0 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nTunnelInterface=123456789012345\n",
         "startos 123456789012345 ipv6=1 ipv4=0 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nFamilies=ipv6\n", DEFAULTS},
        {"[sixgate]\nFamilies=ipv6, ipv6\n", DEFAULTS},
        {"[sixgate]\nFamilies=ipv4\n",
         "startos wg-sixgate ipv6=0 ipv4=1 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nFamilies=ipv6 ipv4\n",
         "startos wg-sixgate ipv6=1 ipv4=1 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nFamilies=\n", "startos wg-sixgate ipv6=0 ipv4=0 local=0 nm=2000 lock=10000"},
        {"[sixgate]\nLocalPrefixes=auto\n", DEFAULTS},
        {"[sixgate]\nLocalPrefixes=ula\n",
         "startos wg-sixgate ipv6=1 ipv4=0 local=1 nm=2000 lock=10000"},
        {"[sixgate]\nLocalPrefixes=2001:db8::/32 2001:db9::1\n",
         "startos wg-sixgate ipv6=1 ipv4=0 local=2 nm=2000 lock=10000 2001:db8::/32 "
         "2001:db9::1/128"},
        {"[sixgate]\nLocalPrefixes=2001:db8::/32;2001:db9::/32,2001:dba::/32\n",
         "startos wg-sixgate ipv6=1 ipv4=0 local=2 nm=2000 lock=10000 2001:db8::/32 "
         "2001:db9::/32 2001:dba::/32"},
        {"[sixgate]\nNetworkManagerTimeoutMSec=10\nLockTimeoutMSec=60000\n",
         "startos wg-sixgate ipv6=1 ipv4=0 local=0 nm=10 lock=60000"},
        {"[sixgate]\nNetworkManagerTimeoutMSec=11\nLockTimeoutMSec=59999\n",
         "startos wg-sixgate ipv6=1 ipv4=0 local=0 nm=11 lock=59999"},
        {"[sixgate]\nLockTimeoutMSec=10\nNetworkManagerTimeoutMSec=60000\n",
         "startos wg-sixgate ipv6=1 ipv4=0 local=0 nm=60000 lock=10"},
        {"[sixgate]\nIdleTimeoutMSec=50\n", DEFAULTS " idle=50"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        GError *error = NULL;
        g_autoptr (SgConfig) config = parse_config (rows[i].text, &error);
        g_autofree char *text = NULL;

        g_assert_no_error (error);
        text = config_to_string (config);
        g_assert_cmpstr (text, ==, rows[i].expected);
        g_assert_cmpuint (config->warnings->len, ==, 0);
    }
}

/* What nothing would route is refused, not stored. */
static void
test_config_routes (void)
{
    static const struct {
        const char *text, *prefix;
        bool routed;
    } rows[] = {
        {"", "2001:db8::/32", true},
        {"", "192.0.2.0/24", false},
        {"", "192.0.2.1", false},
        {"", "neither", true},
        {"[sixgate]\nFamilies=ipv6 ipv4\n", "192.0.2.0/24", true},
        {"[sixgate]\nFamilies=ipv4\n", "192.0.2.0/24", true},
        {"[sixgate]\nFamilies=ipv4\n", "2001:db8::/32", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgConfig) config = parse_config (rows[i].text, NULL);
        g_autoptr (GError) error = NULL;

        g_assert_cmpint (sg_config_routes (config, rows[i].prefix, &error), ==, rows[i].routed);
        g_assert_true (rows[i].routed == (error == NULL));
        if (error) {
            g_assert_error (error, SG_ERROR, SG_ERROR_UNSUPPORTED);
            g_assert_nonnull (strstr (error->message, rows[i].prefix));
            g_assert_nonnull (strstr (error->message, "Families="));
        }
    }
}

/* A refusal names the file and the key, and says what to write. */
static void
test_config_refuses (void)
{
    static const struct {
        const char *text, *key, *advice;
    } rows[] = {
        {"[sixgate]\nNftTable=\n", "NftTable=", "31 at most"},
        {"[sixgate]\nNftTable=1a\n", "NftTable=", "use a letter"},
        {"[sixgate]\nNftTable=a b\n", "NftTable=", "“a b”"},
        {"[sixgate]\nNftTable=a\"; flush ruleset\n", "NftTable=", "use a letter"},
        {"[sixgate]\nNftTable=a1234567890123456789012345678901\n", "NftTable=", "31 at most"},
        {"[sixgate]\nTunnelInterface=\n", "TunnelInterface=", "15 characters"},
        {"[sixgate]\nTunnelInterface=1234567890123456\n", "TunnelInterface=", "15 characters"},
        {"[sixgate]\nTunnelInterface=a/b\n", "TunnelInterface=", "slash"},
        {"[sixgate]\nTunnelPort=0\n", "TunnelPort=", "from 1 to 65535"},
        {"[sixgate]\nTunnelPort=65536\n", "TunnelPort=", "from 1 to 65535"},
        {"[sixgate]\nTunnelEndpoint=a b\n", "TunnelEndpoint=", "endpoint"},
        {"[sixgate]\nFamilies=ipv5\n", "Families=", "write ipv6"},
        {"[sixgate]\nFamilies=ipv6 IPv4\n", "Families=", "“IPv4”"},
        {"[sixgate]\nLocalPrefixes=\n", "LocalPrefixes=", "auto, ula or a list"},
        {"[sixgate]\nLocalPrefixes=Auto\n", "LocalPrefixes=", "Auto"},
        {"[sixgate]\nLocalPrefixes=2001:db8::1/64\n", "LocalPrefixes=", "2001:db8::/64"},
        {"[sixgate]\nLocalPrefixes=2001:db8::/129\n", "LocalPrefixes=", "129"},
        {"[sixgate]\nLockTimeoutMSec=9\n", "LockTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nLockTimeoutMSec=60001\n", "LockTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nLockTimeoutMSec=-10\n", "LockTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nLockTimeoutMSec=100ms\n", "LockTimeoutMSec=", "“100ms”"},
        {"[sixgate]\nLockTimeoutMSec=\n", "LockTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nLockTimeoutMSec=4294967306\n", "LockTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nIdleTimeoutMSec=9\n", "IdleTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nNetworkManagerTimeoutMSec=9\n", "NetworkManagerTimeoutMSec=", "10 to 60000"},
        {"[sixgate]\nNetworkManagerTimeoutMSec=60001\n", "NetworkManagerTimeoutMSec=", "60000"},
        {"[sixgate]\nNftTable=\\q\n", "NftTable=", ""},
        {"[sixgate]\nNftTable=\xff\n", "NftTable=", "UTF-8"},
        {"NftTable=a\n", "", ""},
        {"[sixgate\n", "", ""},
        {"[sixgate]\nNftTable\n", "", "NftTable"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        SgConfig *config = parse_config (rows[i].text, &error);

        g_test_message ("%s → %s", rows[i].text, error ? error->message : "taken");
        g_assert_null (config);
        g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
        g_assert_true (g_str_has_prefix (error->message, FILE_NAME ": "));
        g_assert_nonnull (strstr (error->message, rows[i].key));
        g_assert_nonnull (strstr (error->message, rows[i].advice));
        g_assert_null (strchr (error->message, '\n'));
        g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_config_warns (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgConfig) config = parse_config ("[sixgate]\nNfttable=x\nNftTable=y\n"
                                                "[Sixgate]\nNftTable=z\n[host]\n",
                                                &error);

    g_assert_no_error (error);
    g_assert_cmpstr (config->nft_table, ==, "y");
    g_assert_cmpuint (config->warnings->len, ==, 3);
    for (guint i = 0; i < config->warnings->len; i++) {
        static const char *const named[] = {"[Sixgate]", "[host]", "“Nfttable”"};

        g_assert_nonnull (strstr (g_ptr_array_index (config->warnings, i), named[i]));
        g_assert_nonnull (strstr (g_ptr_array_index (config->warnings, i), FILE_NAME));
    }
}

/* ---- the state ---- */

static SgState *
parse_state (const char *text, gsize len, GError **error)
{
    return sg_state_parse (FILE_NAME, text, len, error);
}

static SgState *
some_state (void)
{
    static const char *const prefixes[] = {"2001:db8:1::/64", "2001:db8:2::/64"};
    SgState *state = sg_state_new ();

    g_strlcpy (state->outbound, "wg0", sizeof state->outbound);
    for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++) {
        SgTrusted trusted = {.interface = "e;th\\0"};

        g_assert_true (sg_prefix_parse (prefixes[i], &trusted.prefix, NULL));
        g_array_append_val (state->trusted, trusted);
    }
    return state;
}

static void
test_state_round_trip (void)
{
    g_autoptr (SgState) state = some_state ();
    g_autofree char *text = sg_state_to_text (state);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgState) again = parse_state (text, strlen (text), &error);
    g_autofree char *text_again = NULL;

    g_assert_no_error (error);
    g_assert_cmpstr (again->outbound, ==, "wg0");
    g_assert_cmpuint (again->trusted->len, ==, 2);
    g_assert_cmpstr (g_array_index (again->trusted, SgTrusted, 0).interface, ==, "e;th\\0");
    text_again = sg_state_to_text (again);
    g_assert_cmpstr (text, ==, text_again);
}

static void
test_state_of_auto (void)
{
    g_autoptr (SgState) state = sg_state_new ();
    g_autofree char *text = sg_state_to_text (state);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgState) again = parse_state (text, strlen (text), &error);

    g_assert_no_error (error);
    g_assert_cmpstr (again->outbound, ==, "");
    g_assert_cmpuint (again->trusted->len, ==, 0);
}

/* The kernel takes any bytes as the name of an interface; a key file does not. */
static void
test_state_strange_interface (void)
{
    g_autoptr (SgState) state = some_state ();
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (SgState) again = NULL;

    g_array_index (state->trusted, SgTrusted, 0).interface[0] = '\xff';
    text = sg_state_to_text (state);
    again = parse_state (text, strlen (text), &error);
    g_assert_no_error (error);
    g_assert_cmpstr (again->outbound, ==, "wg0");
    g_assert_cmpuint (again->trusted->len, ==, 1);
}

/* Whatever is left of a file: refused, or the same choice; never another one. */
static void
test_state_cut_anywhere (void)
{
    g_autoptr (SgState) state = some_state ();
    g_autofree char *text = sg_state_to_text (state);
    gsize refused = 0;

    for (gsize len = 0; len < strlen (text); len++) {
        g_autofree char *cut = g_strndup (text, len);
        g_autoptr (GError) error = NULL;
        g_autoptr (SgState) again = parse_state (cut, len, &error);
        g_autofree char *text_again = again ? sg_state_to_text (again) : NULL;

        if (again) {
            g_assert_cmpstr (text_again, ==, text);
            continue;
        }
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
        refused++;
    }
    /* Only the final newline may be missing. */
    g_assert_cmpuint (refused, ==, strlen (text) - 1);
}

static void
test_state_refuses (void)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "empty"},
        {"hello", "no key file"},
        {"[other]\nVersion=1\n", "no state file"},
        {"[sixgate]\nVersion=0\n[outbound]\nInterface=a\n[end]\nComplete=true\n", "no state file"},
        {"[sixgate]\nVersion=x\n[outbound]\nInterface=a\n[end]\nComplete=true\n", "no state file"},
        {"[sixgate]\nVersion=3\n[outbound]\nInterface=a\n[end]\nComplete=true\n", "newer version"},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=a\n[end]\nComplete=false\n", "end"},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=a\n", "end"},
        {"[sixgate]\nVersion=1\n[outbound]\n[end]\nComplete=true\n", "Interface="},
        {"[sixgate]\nVersion=1\n[end]\nComplete=true\n", "Interface="},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=a/b\n[end]\nComplete=true\n", "Interface="},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=1234567890123456\n[end]\nComplete=true\n",
         "Interface="},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=a\nTrustedPrefixes=eth0\n[end]\n"
         "Complete=true\n",
         "TrustedPrefixes="},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=a\nTrustedPrefixes=eth0 2001:db8::1/64;\n"
         "[end]\nComplete=true\n",
         "TrustedPrefixes="},
        {"[sixgate]\nVersion=1\n[outbound]\nInterface=a\nTrustedPrefixes=eth0 \xff;\n"
         "[end]\nComplete=true\n",
         "TrustedPrefixes="},
        {"[sixgate]\nVersion=2\n[outbound]\nInterface=\nOverrides=wg0;\n[end]\nComplete=true\n",
         "Overrides="},
        {"[sixgate]\nVersion=2\n[outbound]\nInterface=\nOverrides=wg0 fd00::1/64;\n"
         "[end]\nComplete=true\n",
         "Overrides="},
        {"[sixgate]\nVersion=2\n[outbound]\nInterface=\nOverrides=wg0 fd00::/64;wg1 fd00::1;\n"
         "[end]\nComplete=true\n",
         "Overrides="},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_null (parse_state (rows[i].text, strlen (rows[i].text), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
        g_assert_true (g_str_has_prefix (error->message, FILE_NAME ": "));
        g_assert_nonnull (strstr (error->message, rows[i].words));
        g_assert_nonnull (strstr (error->message, "choose the outbound again"));
    }
}

static void
test_state_select (void)
{
    g_autoptr (SgState) state = some_state ();
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autoptr (GError) error = NULL;

    g_assert_false (sg_state_select (state, snapshot, "1234567890123456", &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    g_assert_cmpstr (state->outbound, ==, "wg0");
    g_assert_cmpuint (state->trusted->len, ==, 2);
    g_assert_true (sg_state_select (state, snapshot, "123456789012345", NULL));
    g_assert_cmpstr (state->outbound, ==, "123456789012345");
    g_assert_cmpuint (state->trusted->len, ==, 0);
    g_assert_true (sg_state_select (state, snapshot, "", NULL));
    g_assert_cmpstr (state->outbound, ==, "");
}

/* ---- the memory ---- */

static GVariant *
resolver_value (const char *text)
{
    g_autoptr (GError) error = NULL;
    GVariant *value = g_variant_parse (G_VARIANT_TYPE (SG_RESOLVER_TYPE), text, NULL, NULL, &error);

    g_assert_no_error (error);
    return g_variant_ref_sink (value);
}

static void
test_memory_round_trip (void)
{
    static const uint32_t marks[] = {1001, 1002, 1000u + G_MAXINT32};
    g_autoptr (SgMemory) memory = sg_memory_new ();
    SgRemembered gateway = {.ifindex = 7,
                            .device = {.name = "wg0",
                                       .kind = "wireguard",
                                       .typed = true,
                                       .type = SG_WG_TYPE_INBOUND_OUTBOUND,
                                       .dns = g_intern_string ("10.64.0.1, fd00:c::1"),
                                       .dns_search = g_intern_string ("corp.example; ~")}};
    const char *had = "([(2, [0x0a, 0x3b, 0x00, 0x01], 53, '“a”; b\\\\c')], [('.', true)], true)";
    SgResolverMemo memo = {
        .ifindex = 7, .before = resolver_value (had), .ours = resolver_value (had)};
    g_autofree char *text = NULL;
    g_autofree char *text_again = NULL;
    g_autoptr (SgMemory) again = NULL;
    g_autoptr (GError) error = NULL;

    g_array_append_vals (memory->marks, marks, G_N_ELEMENTS (marks));
    g_assert_true (sg_ip_parse ("fe80::1", &gateway.device.gateway[SG_IPV6]));
    g_array_append_val (memory->gateways, gateway);
    g_array_append_val (memory->resolver, memo);
    g_ptr_array_add (memory->warned, g_strdup ("“a”; b\\c"));
    text = sg_memory_to_text (memory);
    again = sg_memory_parse (FILE_NAME, text, strlen (text), &error);
    g_assert_no_error (error);
    g_assert_cmpmem (again->marks->data, again->marks->len * sizeof *marks, marks, sizeof marks);
    g_assert_cmpstr (g_ptr_array_index (again->warned, 0), ==, "“a”; b\\c");
    g_assert_cmpuint (g_array_index (again->gateways, SgRemembered, 0).ifindex, ==, 7);
    g_assert_true (g_array_index (again->gateways, SgRemembered, 0).device.dns ==
                   gateway.device.dns);
    g_assert_true (g_array_index (again->gateways, SgRemembered, 0).device.dns_search ==
                   gateway.device.dns_search);
    g_assert_cmpuint (g_array_index (again->resolver, SgResolverMemo, 0).ifindex, ==, 7);
    g_assert_true (g_variant_equal (g_array_index (again->resolver, SgResolverMemo, 0).before,
                                    g_array_index (memory->resolver, SgResolverMemo, 0).before));
    text_again = sg_memory_to_text (again);
    g_assert_cmpstr (text, ==, text_again);
}

/* As at boot, when no gateway was ever there and a warning is to be kept. */
static void
add_link (SgSnapshot *snapshot, uint32_t ifindex, const char *name)
{
    SgLink link = {.ifindex = ifindex};

    g_strlcpy (link.name, name, sizeof link.name);
    g_array_append_val (snapshot->links, link);
}

/* A gateway that is called otherwise now is found by its old name, also when it is none any more, and
 * until it has its name back or is gone. */
static void
test_memory_renamed (void)
{
    g_autoptr (SgSnapshot) now = sg_snapshot_new ();
    g_autoptr (SgSnapshot) back = sg_snapshot_new ();
    g_autoptr (SgSnapshot) gone = sg_snapshot_new ();
    g_autoptr (SgMemory) memory = sg_memory_new ();
    g_autoptr (SgMemory) again = NULL;
    g_autofree char *text = NULL;
    SgRemembered gateway = {.ifindex = 5, .device = {.name = "wg0"}};

    add_link (now, 5, "wg9");
    add_link (back, 5, "wg0");
    g_array_append_val (memory->gateways, gateway);
    g_assert_false (sg_memory_note_renamed (memory, back));
    g_assert_cmpstr (sg_memory_find_renamed (memory, now, "wg0")->name, ==, "wg9");
    g_assert_true (sg_memory_note_renamed (memory, now));
    g_assert_false (sg_memory_note_renamed (memory, now));
    g_array_set_size (memory->gateways, 0);

    text = sg_memory_to_text (memory);
    again = sg_memory_parse (FILE_NAME, text, strlen (text), NULL);
    g_assert_cmpstr (sg_memory_find_renamed (again, now, "wg0")->name, ==, "wg9");
    g_assert_null (sg_memory_find_renamed (again, now, "wg9"));
    g_assert_null (sg_memory_find_renamed (again, gone, "wg0"));
    g_assert_true (sg_memory_note_renamed (again, back));
    g_assert_null (sg_memory_find_renamed (again, now, "wg0"));
}

static void
test_memory_without_marks (void)
{
    g_autoptr (SgMemory) memory = sg_memory_new ();
    g_autofree char *text = sg_memory_to_text (memory);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgMemory) again = sg_memory_parse (FILE_NAME, text, strlen (text), &error);

    g_assert_no_error (error);
    g_assert_cmpuint (again->marks->len, ==, 0);
}

static void
test_memory_refuses (void)
{
    static const char *const rows[] = {
        "",
        "hello",
        "[memory]\nMarks=1;x;\n",
        "[memory]\nMarks=0;\n",
        "[memory]\nMarks=4294967296;\n",
        "[memory]\nMarks=-1;\n",
        "[memory]\nRenamed=5\n",
        "[memory]\nRenamed=x wg0\n",
        "[memory]\nRenamed=5 a/b\n",
        "[gateway 0]\nName=a\n",
        "[gateway x]\nName=a\n",
        "[gateway 2147483648]\nName=a\n",
        "[gateway 2]\n",
        "[gateway 2]\nName=a/b\n",
        "[gateway 2]\nName=1234567890123456\n",
        "[resolver 0]\nBefore=([], [], false)\nOurs=([], [], false)\n",
        "[resolver 2]\nBefore=([], [], false)\n",
        "[resolver 2]\nBefore=([], [], false)\nOurs=([], [], 1)\n",
        "[resolver 2]\nBefore=x\nOurs=([], [], false)\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_null (sg_memory_parse (FILE_NAME, rows[i], strlen (rows[i]), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
        g_assert_true (g_str_has_prefix (error->message, FILE_NAME ": "));
    }
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/core/config/tunnel", test_config_tunnel);
    g_test_add_func ("/core/config/every-key-and-limit", test_config_values);
    g_test_add_func ("/core/config/refuses-and-says-what-to-write", test_config_refuses);
    g_test_add_func ("/core/config/routes", test_config_routes);
    g_test_add_func ("/core/config/warns-of-what-it-does-not-know", test_config_warns);
    g_test_add_func ("/core/state/round-trip", test_state_round_trip);
    g_test_add_func ("/core/state/auto", test_state_of_auto);
    g_test_add_func ("/core/state/strange-interface", test_state_strange_interface);
    g_test_add_func ("/core/state/cut-anywhere", test_state_cut_anywhere);
    g_test_add_func ("/core/state/refuses", test_state_refuses);
    g_test_add_func ("/core/state/select", test_state_select);
    g_test_add_func ("/core/memory/round-trip", test_memory_round_trip);
    g_test_add_func ("/core/memory/renamed", test_memory_renamed);
    g_test_add_func ("/core/memory/without-marks", test_memory_without_marks);
    g_test_add_func ("/core/memory/refuses", test_memory_refuses);
    return g_test_run ();
}
