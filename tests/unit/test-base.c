/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/base without a file descriptor: the error table, addresses and prefixes. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "base/port-range.h"
#include "base/prefix.h"

/* ---- errors ---- */

static void
test_error_table (void)
{
    g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

    for (int code = 0; code < SG_ERROR_N; code++) {
        const char *name = sg_error_dbus_name (code);
        g_autoptr (GError) error = g_error_new_literal (SG_ERROR, code, "x");

        g_assert_true (g_str_has_prefix (name, "org.sixgate.Sixgate1.Error."));
        g_assert_true (g_hash_table_add (names, (char *) name));
        g_assert_cmpint (sg_error_exit_status (error), >=, 1);
        g_assert_cmpint (sg_error_exit_status (error), <=, 4);
    }
}

static void
test_error_exit_status (void)
{
    static const struct {
        int code, status;
    } rows[] = {
        {SG_ERROR_FAILED, 1},     {SG_ERROR_INVALID_ARGUMENT, 2}, {SG_ERROR_NOT_FOUND, 3},
        {SG_ERROR_PERMISSION, 4}, {SG_ERROR_KERNEL, 1},           {SG_ERROR_BUSY, 1},
    };
    g_autoptr (GError) foreign = g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_NOENT, "x");

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = g_error_new_literal (SG_ERROR, rows[i].code, "x");

        g_assert_cmpint (sg_error_exit_status (error), ==, rows[i].status);
    }
    g_assert_cmpint (sg_error_exit_status (foreign), ==, 1);
}

static void
test_error_set_errno (void)
{
    g_autoptr (GError) error = NULL;

    sg_error_set_errno (&error, SG_ERROR_KERNEL, ENETUNREACH, "add rule %d", 50);
    g_assert_error (error, SG_ERROR, SG_ERROR_KERNEL);
    g_assert_cmpstr (error->message, ==, "add rule 50: Network is unreachable");
    sg_error_set_errno (NULL, SG_ERROR_KERNEL, EINVAL, "nobody listens");
}

/* ---- addresses ---- */

static SgIp
ip (const char *text)
{
    SgIp value;

    g_assert_true (sg_ip_parse (text, &value));
    return value;
}

static SgPrefix
prefix (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgPrefix value;

    g_assert_true (sg_prefix_parse (text, &value, &error));
    g_assert_no_error (error);
    return value;
}

static void
test_ip_text (void)
{
    static const struct {
        const char *in, *out; /* out NULL: malformed */
    } rows[] = {
        {"2001:DB8:0:0::1", "2001:db8::1"},
        {"::", "::"},
        {"10.59.0.2", "10.59.0.2"},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
        {"", NULL},
        {"10.0.0", NULL},
        {"10.0.0.256", NULL},
        {"2001:db8::1%eth0", NULL},
        {"2001:db8:::1", NULL},
        {" ::1", NULL},
        {"::1 ", NULL},
        {"none", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        SgIp value = {.family = 99};
        char text[SG_PREFIX_TEXT_MAX];

        if (sg_ip_parse (rows[i].in, &value))
            g_assert_cmpstr (sg_ip_format (&value, text), ==, rows[i].out);
        else
            g_assert_null (rows[i].out);
        g_assert_true (rows[i].out || value.family == 99); /* untouched when malformed */
    }
}

static void
test_ip_scopes (void)
{
    static const struct {
        const char *ip;
        bool link_local, multicast, loopback, unique_local;
    } rows[] = {
        {"fe80::1", true, false, false, false},      {"febf:ffff::", true, false, false, false},
        {"fec0::", false, false, false, false},      {"ff02::1", false, true, false, false},
        {"feff::", false, false, false, false},      {"::1", false, false, true, false},
        {"::2", false, false, false, false},         {"fc00::", false, false, false, true},
        {"fdff::1", false, false, false, true},      {"fbff::", false, false, false, false},
        {"2001:db8::", false, false, false, false},  {"169.254.0.1", true, false, false, false},
        {"169.253.0.1", false, false, false, false}, {"224.0.0.1", false, true, false, false},
        {"239.255.0.1", false, true, false, false},  {"240.0.0.1", false, false, false, false},
        {"127.1.2.3", false, false, true, false},    {"10.0.0.1", false, false, false, true},
        {"172.16.0.1", false, false, false, true},   {"172.32.0.1", false, false, false, false},
        {"192.168.1.1", false, false, false, true},  {"192.169.1.1", false, false, false, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        SgIp value = ip (rows[i].ip);

        g_test_message ("%s", rows[i].ip);
        g_assert_cmpint (sg_ip_is_link_local (&value), ==, rows[i].link_local);
        g_assert_cmpint (sg_ip_is_multicast (&value), ==, rows[i].multicast);
        g_assert_cmpint (sg_ip_is_loopback (&value), ==, rows[i].loopback);
        g_assert_cmpint (sg_ip_is_unique_local (&value), ==, rows[i].unique_local);
    }
}

static void
test_ip_order (void)
{
    const SgIp none = {0};
    SgIp a = ip ("2001:db8::1"), b = ip ("2001:db8::2"), v4 = ip ("10.0.0.1");

    g_assert_cmpint (sg_ip_compare (&a, &a), ==, 0);
    g_assert_cmpint (sg_ip_compare (&a, &b), <, 0);
    g_assert_cmpint (sg_ip_compare (&b, &a), >, 0);
    g_assert_cmpint (sg_ip_compare (&a, &v4), ==, -sg_ip_compare (&v4, &a));
    g_assert_cmpint (sg_ip_compare (&a, &v4), !=, 0);
    g_assert_false (sg_ip_is_set (&none));
    g_assert_true (sg_ip_is_set (&a));
}

/* ---- prefixes ---- */

static void
test_prefix_text (void)
{
    static const struct {
        const char *in, *out; /* out NULL: refused */
        const char *hint;     /* what the error has to say */
    } rows[] = {
        {"2001:db8::/48", "2001:db8::/48", NULL},
        {"2001:db8::1", "2001:db8::1/128", NULL},
        {"::/0", "::/0", NULL},
        {"0.0.0.0/0", "0.0.0.0/0", NULL},
        {"10.59.0.0/24", "10.59.0.0/24", NULL},
        {"10.59.0.2", "10.59.0.2/32", NULL},
        {"2001:db8::1/64", NULL, "2001:db8::/64"},
        {"10.59.0.2/24", NULL, "10.59.0.0/24"},
        {"2001:db8::/129", NULL, "2001:db8::/129"},
        {"10.0.0.0/33", NULL, "10.0.0.0/33"},
        {"2001:db8::/", NULL, "2001:db8::/"},
        {"2001:db8::/-1", NULL, "2001:db8::/-1"},
        {"2001:db8::/+8", NULL, "2001:db8::/+8"},
        {"2001:db8::/ 8", NULL, "2001:db8::/ 8"},
        {"2001:db8::/4294967344", NULL, "2001:db8::/4294967344"},
        {"", NULL, ""},
        {"/64", NULL, "/64"},
        {"x", NULL, "x"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;
        SgPrefix value = {.len = 77};
        char text[SG_PREFIX_TEXT_MAX];

        g_test_message ("%s", rows[i].in);
        if (sg_prefix_parse (rows[i].in, &value, &error)) {
            g_assert_no_error (error);
            g_assert_cmpstr (sg_prefix_format (&value, text), ==, rows[i].out);
            continue;
        }
        g_assert_null (rows[i].out);
        g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
        g_assert_nonnull (strstr (error->message, rows[i].hint));
        g_assert_cmpint (value.len, ==, 77);
    }
}

static void
test_prefix_none (void)
{
    const SgPrefix none = {0};
    SgPrefix any = sg_prefix_any (AF_INET6);
    SgIp a = ip ("2001:db8::1");
    char text[SG_PREFIX_TEXT_MAX];

    g_assert_cmpstr (sg_prefix_format (&none, text), ==, "none");
    g_assert_cmpstr (sg_ip_format (&none.ip, text), ==, "none");
    g_assert_false (sg_prefix_is_set (&none));
    g_assert_false (sg_prefix_is_any (&none));
    g_assert_false (sg_prefix_contains (&none, &a));
    g_assert_true (sg_prefix_is_set (&any));
    g_assert_true (sg_prefix_is_any (&any));
    g_assert_true (sg_prefix_contains (&any, &a));
}

static void
test_prefix_relations (void)
{
    static const struct {
        const char *a, *b;
        bool covers, overlaps;
    } rows[] = {
        {"2001:db8::/32", "2001:db8:1::/48", true, true},
        {"2001:db8:1::/48", "2001:db8::/32", false, true},
        {"2001:db8::/48", "2001:db8:1::/48", false, false},
        {"2001:db8::/48", "2001:db8::/48", true, true},
        {"::/0", "2001:db8::1", true, true},
        {"::/0", "10.0.0.0/8", false, false},
        {"0.0.0.0/0", "10.0.0.0/8", true, true},
        {"2001:db8::/127", "2001:db8::1", true, true},
        {"2001:db8::/127", "2001:db8::2", false, false},
        {"fe80::/10", "febf::/16", true, true},
        {"fe80::/10", "fec0::/16", false, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        SgPrefix a = prefix (rows[i].a), b = prefix (rows[i].b);

        g_test_message ("%s %s", rows[i].a, rows[i].b);
        g_assert_cmpint (sg_prefix_covers (&a, &b), ==, rows[i].covers);
        g_assert_cmpint (sg_prefix_overlaps (&a, &b), ==, rows[i].overlaps);
        g_assert_cmpint (sg_prefix_overlaps (&b, &a), ==, rows[i].overlaps);
        g_assert_cmpint (sg_prefix_compare (&a, &b), ==, -sg_prefix_compare (&b, &a));
    }
}

/* Every length: masked, holds its first and last address, not the ones beside them. */
static void
check_length (const SgIp *from, uint8_t len)
{
    SgPrefix p = sg_prefix_new (from, len);
    SgIp last = sg_prefix_last (&p);
    SgPrefix again = sg_prefix_new (&last, len);
    unsigned bits = sg_family_bits (from->family);

    g_assert_cmpint (p.len, ==, len);
    g_assert_true (sg_prefix_contains (&p, from));
    g_assert_true (sg_prefix_contains (&p, &p.ip));
    g_assert_true (sg_prefix_contains (&p, &last));
    g_assert_cmpint (sg_prefix_compare (&p, &again), ==, 0);
    for (unsigned bit = 0; bit < bits; bit++) {
        SgIp other = *from;

        g_assert_true (bit < len || !(p.ip.bytes[bit / 8] & (0x80 >> bit % 8)));
        g_assert_true (bit < len || (last.bytes[bit / 8] & (0x80 >> bit % 8)));
        other.bytes[bit / 8] ^= 0x80 >> bit % 8;
        g_assert_cmpint (sg_prefix_contains (&p, &other), ==, bit >= len);
    }
}

static void
test_prefix_lengths (void)
{
    SgIp v6 = ip ("2001:db8:a5a5:5a5a:1234:5678:9abc:def1"), v4 = ip ("165.90.18.239");
    SgPrefix host = sg_prefix_host (&v4);

    for (unsigned len = 0; len <= 128; len++)
        check_length (&v6, len);
    for (unsigned len = 0; len <= 32; len++)
        check_length (&v4, len);
    g_assert_cmpint (host.len, ==, 32);
    g_assert_cmpint (sg_ip_compare (&host.ip, &v4), ==, 0);
}

static void
test_family (void)
{
    const uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    SgIp from = sg_ip_from_bytes (AF_INET6, bytes), text = ip ("2001:db8::1");
    SgIp v4 = sg_ip_from_bytes (AF_INET, bytes), v4_text = ip ("32.1.13.184");

    g_assert_cmpuint (sg_family_bytes (AF_INET6), ==, 16);
    g_assert_cmpuint (sg_family_bytes (AF_INET), ==, 4);
    g_assert_cmpuint (sg_family_bytes (AF_UNSPEC), ==, 0);
    g_assert_cmpuint (sg_family_bits (AF_INET6), ==, 128);
    g_assert_cmpuint (sg_family_bits (AF_INET), ==, 32);
    g_assert_cmpmem (&from, sizeof from, &text, sizeof text);
    g_assert_cmpmem (&v4, sizeof v4, &v4_text, sizeof v4_text);
}

static void
test_ifname (void)
{
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"eth0", true}, {"wg-sixgate", true}, {"a", true},    {"123456789012345", true},
        {"", false},    {".", false},         {"..", false},  {"1234567890123456", false},
        {"a/b", false}, {"a b", false},       {"a:1", false}, {"a\n", false},
        {"a.b", true},  {"eth0.10", true},    {"...", true},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_test_message ("%s", rows[i].name);
        g_assert_cmpint (sg_ifname_is_valid (rows[i].name), ==, rows[i].valid);
    }
}

/* ---- ports ---- */

static void
test_port_ranges (void)
{
    static const struct {
        const char *text;
        unsigned external, internal, n; /* 0: refused */
    } cases[] = {
        {"443", 443, 443, 1},
        {"443:8443", 443, 8443, 1},
        {"6000-6009", 6000, 6000, 10},
        {"6000-6009:7000", 6000, 7000, 10},
        {"65535", 65535, 65535, 1},
        {"1-65535", 1, 1, 65535},
        {"5-5", 5, 5, 1},
        {"100-200:65500", 100, 65500, 101}, /* refused by who opens them */
        {"0"},
        {""},
        {"65536"},
        {"655350"},
        {"9-8"},
        {"80:"},
        {"80-"},
        {"-80"},
        {"80:0"},
        {"80 "},
        {"80:90-91"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        SgPortRange range = {0};
        bool taken = sg_port_range_parse (cases[i].text, &range, &error);

        g_assert_true (taken == (cases[i].n > 0));
        g_assert_cmpuint (range.external, ==, cases[i].external);
        g_assert_cmpuint (range.internal, ==, cases[i].internal);
        g_assert_cmpuint (range.n, ==, cases[i].n);
        if (!taken)
            g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/error/table", test_error_table);
    g_test_add_func ("/base/error/exit-status", test_error_exit_status);
    g_test_add_func ("/base/error/set-errno", test_error_set_errno);
    g_test_add_func ("/base/ip/text", test_ip_text);
    g_test_add_func ("/base/ip/scopes", test_ip_scopes);
    g_test_add_func ("/base/ip/order", test_ip_order);
    g_test_add_func ("/base/prefix/text", test_prefix_text);
    g_test_add_func ("/base/prefix/none", test_prefix_none);
    g_test_add_func ("/base/prefix/relations", test_prefix_relations);
    g_test_add_func ("/base/prefix/lengths", test_prefix_lengths);
    g_test_add_func ("/base/family", test_family);
    g_test_add_func ("/base/ifname", test_ifname);
    g_test_add_func ("/base/port-range", test_port_ranges);
    return g_test_run ();
}
