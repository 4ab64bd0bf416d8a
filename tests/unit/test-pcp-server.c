/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PCP server on values: each MUST of RFC 6887 that concerns a firewall's server is a row of the
 * table, named by its section; docs/pcp.md shows the same rows, and a test holds both together. */
#include <netinet/in.h>
#include <string.h>

#include "core/pcp-journal.h"
#include "lib/pcp-world.h"
#include "pcp-sets.h"

/* ---- rows: section 7 ---- */

static void
version_two (World *world)
{
    pcp_map (world, 80);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[0], ==, 2);
}

static void
response_bit (World *world)
{
    pcp_map (world, 80);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[1], ==, 0x81);
}

static void
reserved_zero (World *world)
{
    static const uint8_t zeros[12];

    pcp_map (world, 80);
    world->bytes[2] = 0xff;
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[2], ==, 0);
    g_assert_cmpmem (world->answer + 12, 12, zeros, 12);
    g_assert_cmpmem (world->answer + 37, 3, zeros, 3);
}

static void
reserved_ignored (World *world)
{
    pcp_map (world, 80);
    world->bytes[2] = world->bytes[3] = world->bytes[37] = world->bytes[39] = 0xff;
    pcp_expect (world, SG_PCP_SUCCESS);
}

static void
unknown_mandatory_option (World *world)
{
    pcp_map (world, 80);
    pcp_option (world, 100, 4);
    pcp_expect (world, SG_PCP_UNSUPP_OPTION);
}

static void
unknown_optional_option (World *world)
{
    pcp_map (world, 80);
    pcp_option (world, 200, 3);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 60);
}

static void
option_twice (World *world)
{
    pcp_map (world, 80);
    pcp_suggest (world, 80);
    pcp_prefer_failure (world);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
option_too_long (World *world)
{
    pcp_map (world, 80);
    pcp_put16 (pcp_option (world, 3, 20) - 2, 24); /* its length */
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
error_copies (World *world)
{
    pcp_map (world, 80);
    pcp_suggest (world, 1234);
    pcp_option (world, 99, 8);
    pcp_expect (world, SG_PCP_UNSUPP_OPTION);
    g_assert_cmpmem (world->answer + 24, world->answer_len - 24, world->bytes + 24,
                     world->len - 24);
}

/* Those of an option, of its data, and its padding. */
static void
option_reserved (World *world)
{
    static const uint8_t zeros[3];
    uint8_t *data;

    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    world->bytes[61] = 0x55;
    world->bytes[64] = 0xaa;
    pcp_port_set (world, 2, false);
    data = world->bytes + world->len - 8;
    data[4] = 0xfe;
    memset (data + 5, 0x77, sizeof zeros);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[61] | world->answer[64], ==, 0);
    data = world->answer + world->answer_len - 8;
    g_assert_cmpuint (data[4], ==, 0);
    g_assert_cmpmem (data + 5, sizeof zeros, zeros, sizeof zeros);
}

static void
option_in_answer (World *world)
{
    pcp_map (world, 80);
    pcp_suggest (world, 80);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 64);
    g_assert_cmpuint (world->answer[60], ==, 2);
}

/* ---- section 8.2 ---- */

static void
other_interface (World *world)
{
    world->source = pcp_ip_of ("2001:db8:ffff::1"); /* the address of no device */
    pcp_map (world, 80);
    g_assert_false (pcp_ask (world));
}

static void
response_ignored (World *world)
{
    pcp_map (world, 80);
    world->bytes[1] |= 0x80;
    g_assert_false (pcp_ask (world));
}

static void
short_ignored (World *world)
{
    pcp_map (world, 80);
    for (world->len = 0; world->len < 24; world->len++)
        g_assert_false (pcp_ask (world));
}

static void
too_long (World *world)
{
    pcp_map (world, 80);
    world->len = 1104;
    pcp_expect (world, SG_PCP_MALFORMED_REQUEST);
    g_assert_cmpuint (world->answer_len, ==, 1100);
}

static void
odd_length (World *world)
{
    pcp_map (world, 80);
    world->len = 61;
    pcp_expect (world, SG_PCP_MALFORMED_REQUEST);
    g_assert_cmpuint (world->answer_len % 4, ==, 0);
}

static void
cut_short (World *world)
{
    pcp_map (world, 80);
    world->len = 56;
    pcp_expect (world, SG_PCP_MALFORMED_REQUEST);
}

static void
other_version (World *world)
{
    pcp_map (world, 80);
    world->bytes[0] = 3;
    pcp_expect (world, SG_PCP_UNSUPP_VERSION);
    g_assert_cmpuint (world->answer[0], ==, 2);
}

static void
nat_pmp (World *world)
{
    memset (world->bytes, 0, 2);
    world->len = 2;
    pcp_expect (world, SG_PCP_UNSUPP_VERSION);
    g_assert_cmpuint (world->answer[1], ==, 0x80);
    g_assert_cmpuint (pcp_get16 (world, 2), ==, 1); /* NAT-PMP: unsupported version */
}

static void
unknown_opcode (World *world)
{
    pcp_map (world, 80);
    world->bytes[1] = 77;
    pcp_expect (world, SG_PCP_UNSUPP_OPCODE);
    g_assert_cmpmem (world->answer + 24, 36, world->bytes + 24, 36);
}

static void
peer (World *world)
{
    pcp_map (world, 80);
    world->bytes[1] = 2;
    world->len = 80;
    pcp_expect (world, SG_PCP_UNSUPP_OPCODE);
}

static void
address_mismatch (World *world)
{
    SgIp other = pcp_ip_of (OTHER);

    pcp_map (world, 80);
    memcpy (world->bytes + 8, other.bytes, 16);
    pcp_expect (world, SG_PCP_ADDRESS_MISMATCH);
}

/* ---- section 8.5 ---- */

static void
epoch_counts (World *world)
{
    pcp_map (world, 80);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_get32 (world, 8), ==, 90);
    world->now_ms += 1000;
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_get32 (world, 8), ==, 91);
}

static void
epoch_after_loss (World *world)
{
    pcp_map (world, 80);
    sg_pcp_server_reset_epoch (world->server, world->now_ms);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_get32 (world, 8), ==, 0);
}

static void
epoch_kept (World *world)
{
    g_autoptr (GString) text = NULL;

    pcp_open_port (world, 80, 0, 80);
    text = sg_pcp_journal_all (world->server, world->now_ms);
    sg_pcp_server_free (world->server);
    pcp_make_server (world);
    sg_pcp_server_reset_epoch (world->server, 0);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text->str, text->len, NULL));
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_get32 (world, 8), ==, 90);
    g_assert_true (pcp_change (world)->had);
}

/* ---- section 11 ---- */

static void
map_copies (World *world)
{
    pcp_map (world, 80);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpmem (world->answer + 24, 18, world->bytes + 24, 18); /* nonce to internal port */
}

static void
own_address (World *world)
{
    pcp_map (world, 80);
    pcp_suggest_ip (world, OTHER);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpmem (world->answer + 44, 16, world->source.bytes, 16);
    g_assert_cmpint (sg_ip_compare (&pcp_change (world)->device, &world->source), ==, 0);
}

static void
port_without_protocol (World *world)
{
    pcp_map (world, 80);
    world->bytes[36] = 0;
    pcp_expect (world, SG_PCP_MALFORMED_REQUEST);
}

static void
all_ports (World *world)
{
    pcp_map (world, 0);
    pcp_expect (world, SG_PCP_UNSUPP_PROTOCOL);
}

static void
all_protocols (World *world)
{
    pcp_map (world, 0);
    world->bytes[36] = 0;
    pcp_expect (world, SG_PCP_UNSUPP_PROTOCOL);
}

static void
other_protocol (World *world)
{
    pcp_map (world, 80);
    world->bytes[36] = IPPROTO_SCTP;
    pcp_expect (world, SG_PCP_UNSUPP_PROTOCOL);
}

static void
only_that_protocol (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    g_assert_cmpuint (pcp_change (world)->new.protocol, ==, IPPROTO_TCP);
    g_assert_cmpuint (pcp_change (world)->new.size, ==, 1);
}

static void
suggested_port (World *world)
{
    pcp_open_port (world, 80, 8080, 8080);
    pcp_open_port (world, 81, 8080, 81); /* taken: another one */
}

static void
same_mapping (World *world)
{
    pcp_open_port (world, 80, 8080, 8080);
    world->now_ms += 1000;
    pcp_open_port (world, 80, 9090, 8080);
    g_assert_true (pcp_change (world)->had);
    g_assert_cmpuint (pcp_change (world)->new.expires_ms, ==, world->now_ms + 3600 * 1000);
}

static void
wrong_nonce (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    world->now_ms += 600 * 1000;
    pcp_map (world, 80);
    world->bytes[24] = 'x';
    pcp_expect (world, SG_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint (LIFETIME (world), ==, 3000);
}

static void
not_allowed (World *world)
{
    world->source = pcp_ip_of (DENIED);
    pcp_map (world, 80);
    pcp_expect (world, SG_PCP_NOT_AUTHORIZED);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_NOT_AUTHORIZED);
}

static void
quota (World *world)
{
    for (unsigned i = 0; i < SG_PCP_PORTS_MAX; i++)
        pcp_open_port (world, 1000 + i, 0, 1000 + i);
    pcp_map (world, 80);
    pcp_expect (world, SG_PCP_USER_EX_QUOTA);
    pcp_open_port (world, 1000, 0, 1000); /* what there is, is renewed */
    world->source = pcp_ip_of (OTHER);
    pcp_open_port (world, 80, 0, 80); /* what another has, does not count */
}

static void
static_mapping (World *world)
{
    pcp_map (world, 2222);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 22);
    g_assert_cmpuint (LIFETIME (world), ==, SG_PCP_LIFETIME_MAX);
    g_assert_cmpuint (world->changes->len, ==, 0);
}

static void
static_port_taken (World *world)
{
    pcp_open_port (world, 22, 22, 23);
    pcp_open_port (world, 443, 8443, 443); /* switched off, it still has its port */
}

/* A run of ports goes around them, too. */
static void
own_ports (World *world)
{
    pcp_map (world, 5340);
    world->bytes[36] = IPPROTO_UDP;
    pcp_port_set (world, 20, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), >, 5351);
    world->source = pcp_ip_of (OTHER);
    for (unsigned port = 5350; port <= 5351; port++) {
        pcp_map (world, port);
        world->bytes[36] = IPPROTO_UDP;
        pcp_expect (world, SG_PCP_SUCCESS);
        g_assert_cmpuint (EXTERNAL (world), >, 5351);
    }
    pcp_map (world, 80);
    world->bytes[36] = IPPROTO_UDP;
    pcp_suggest (world, 5351);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

/* ---- section 13 ---- */

static void
third_party (World *world)
{
    SgIp other = pcp_ip_of (OTHER);

    pcp_map (world, 80);
    memcpy (pcp_option (world, 1, 16), other.bytes, 16);
    pcp_expect (world, SG_PCP_UNSUPP_OPTION);
}

static void
prefer_failure_taken (World *world)
{
    pcp_open_port (world, 80, 8080, 8080);
    pcp_map (world, 81);
    pcp_suggest (world, 8080);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
prefer_failure_free (World *world)
{
    pcp_map (world, 81);
    pcp_suggest (world, 8080);
    pcp_suggest_ip (world, CLIENT);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 8080);
}

static void
prefer_failure_address (World *world)
{
    pcp_map (world, 81);
    pcp_suggest (world, 81);
    pcp_suggest_ip (world, OTHER);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
prefer_failure_existing (World *world)
{
    pcp_open_port (world, 80, 8080, 8080);
    pcp_map (world, 80);
    pcp_suggest (world, 9090);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
prefer_failure_nothing (World *world)
{
    pcp_map (world, 80);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
prefer_failure_no_port (World *world)
{
    pcp_map (world, 80);
    pcp_suggest_ip (world, CLIENT);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
prefer_failure_deletion (World *world)
{
    pcp_open_port (world, 80, 8080, 8080);
    pcp_map (world, 80);
    pcp_suggest (world, 8080);
    pcp_lifetime (world, 0);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
filter_deletion (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    pcp_map (world, 80);
    pcp_lifetime (world, 0);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
filters_kept (World *world)
{
    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    pcp_filter (world, "2001:db8:e::1", 128, 5000);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_change (world)->new.n_filters, ==, 2);
    /* what is there stays, what is new is added, nothing twice */
    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    pcp_filter (world, "2001:db8:d::", 48, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_change (world)->new.n_filters, ==, 3);
}

static void
filters_forgotten (World *world)
{
    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    pcp_map (world, 80);
    pcp_filter (world, "::", 0, 0);
    pcp_filter (world, "2001:db8:d::", 48, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_change (world)->new.n_filters, ==, 1);
    pcp_map (world, 80);
    pcp_filter (world, "::", 0, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_change (world)->new.n_filters, ==, 0);
}

static void
filters_too_many (World *world)
{
    for (unsigned i = 0; i < SG_PCP_FILTERS_MAX; i++) {
        pcp_map (world, 80);
        pcp_filter (world, "2001:db8:f::1", 128, i + 1);
        pcp_expect (world, SG_PCP_SUCCESS);
    }
    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f::1", 128, 100);
    pcp_expect (world, SG_PCP_EXCESSIVE_REMOTE_PEERS);
}

static void
filter_of_static (World *world)
{
    pcp_map (world, 2222);
    pcp_filter (world, "2001:db8:f::1", 128, 100);
    pcp_expect (world, SG_PCP_EXCESSIVE_REMOTE_PEERS);
}

/* ---- sections 14 and 15 ---- */

static void
announce (World *world)
{
    pcp_map (world, 0);
    world->bytes[1] = 0;
    world->len = 24;
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 24);
    g_assert_cmpuint (world->answer[1], ==, 0x80);
    g_assert_cmpuint (LIFETIME (world), ==, 0);
    g_assert_cmpuint (pcp_get32 (world, 8), ==, 90);
}

static void
lifetimes (World *world)
{
    static const struct {
        uint32_t asked, granted;
    } rows[] = {{1, 120},       {120, 120},     {3600, 3600},
                {86400, 86400}, {86401, 86400}, {UINT32_MAX, 86400}};

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        pcp_map (world, 80);
        pcp_lifetime (world, rows[i].asked);
        pcp_expect (world, SG_PCP_SUCCESS);
        g_assert_cmpuint (LIFETIME (world), ==, rows[i].granted);
        g_assert_cmpuint (pcp_change (world)->new.expires_ms, ==,
                          world->now_ms + rows[i].granted * 1000ull);
    }
}

static void
deletion (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    pcp_map (world, 80);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (LIFETIME (world), ==, 0);
    g_assert_true (pcp_change (world)->had && !pcp_change (world)->has);
    /* once more: nothing to delete is success (idempotent) */
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 0);
}

static void
deletion_copies (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    pcp_map (world, 80);
    pcp_suggest (world, 1234);
    pcp_suggest_ip (world, OTHER);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpmem (world->answer + 42, 18, world->bytes + 42, 18);
}

static void
deletion_wrong_nonce (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    pcp_map (world, 80);
    world->bytes[30] = 'x';
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_NOT_AUTHORIZED);
}

static void
deletion_static (World *world)
{
    pcp_map (world, 2222);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_NOT_AUTHORIZED);
}

static void
deletion_all_ports (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    pcp_open_port (world, 81, 0, 81);
    pcp_map (world, 82);
    world->bytes[24] = 'x';
    pcp_expect (world, SG_PCP_SUCCESS); /* of another nonce */
    pcp_map (world, 83);
    world->bytes[36] = IPPROTO_UDP;
    pcp_expect (world, SG_PCP_SUCCESS);
    pcp_map (world, 0);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 2);
    for (guint i = 0; i < 2; i++)
        g_assert_cmpuint (g_array_index (world->changes, SgPcpChange, i).old.internal / 2, ==, 40);
}

static void
deletion_all_protocols (World *world)
{
    pcp_open_port (world, 80, 0, 80);
    pcp_map (world, 83);
    world->bytes[36] = IPPROTO_UDP;
    pcp_expect (world, SG_PCP_SUCCESS);
    pcp_map (world, 0);
    world->bytes[36] = 0;
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 2);
    pcp_map (world, 80);
    world->bytes[36] = 0;
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_MALFORMED_REQUEST);
}

static void
expiry (World *world)
{
    pcp_open_port (world, 80, 8080, 8080);
    world->now_ms += 3600 * 1000 + SG_PCP_GRACE_MS;
    pcp_map (world, 81);
    pcp_suggest (world, 8080);
    world->bytes[24] = 'x';
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 8080);
}

static void
rate (World *world)
{
    pcp_map (world, 80);
    for (unsigned i = 0; i < SG_PCP_RATE_BURST; i++)
        g_assert_true (pcp_ask (world));
    g_assert_false (pcp_ask (world));
    world->now_ms += 1000;
    for (unsigned i = 0; i < SG_PCP_RATE_SECOND; i++)
        g_assert_true (pcp_ask (world));
    g_assert_false (pcp_ask (world));
}

/* ---- the table ---- */

static const struct {
    const char *section; /* of RFC 6887, unless it says another */
    const char *promise;
    void (*run) (World *world);
} rows[] = {
#include "pcp-conformance.h"
};

static void
test_row (const void *data)
{
    g_autoptr (World) world = world_new ();

    rows[GPOINTER_TO_SIZE (data)].run (world);
}

static void
test_docs (void)
{
    g_autofree char *path = g_test_build_filename (G_TEST_DIST, "../../docs/pcp.md", NULL);
    g_autofree char *text = NULL;

    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *line =
            g_strdup_printf ("\n| %s | %s |\n", rows[i].section, rows[i].promise);

        g_test_message ("%s", line);
        g_assert_nonnull (strstr (text, line));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = g_strdup_printf ("/pcp/%s: %s", rows[i].section, rows[i].promise);

        for (char *at = path + 5; *at; at++)
            *at = *at == '/' ? '.' : *at;
        g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_row);
    }
    g_test_add_func ("/pcp/docs", test_docs);
    return g_test_run ();
}
