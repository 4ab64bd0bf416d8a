/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PCP server on values: each MUST of RFC 6887 that concerns a firewall's server is a row of the
 * table, named by its section; docs/pcp.md shows the same rows, and a test holds both together. */
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "core/pcp-journal.h"
#include "core/tunnel.h"

#define EPOCH_MS 5000000ull
#define NOW_MS (EPOCH_MS + 90 * 1000ull)
#define CLIENT "2001:db8:1::a3b:2"
#define OTHER "2001:db8:1::a3b:3"
#define DENIED "2001:db8:1::a3b:4"

/* ---- a device's side ---- */

typedef struct {
    SgPcpServer *server;
    GPtrArray *pinholes;
    GArray *changes;
    uint64_t now_ms;
    SgIp source;
    /* the request */
    uint8_t bytes[2048];
    size_t len;
    /* the answer */
    uint8_t answer[SG_PCP_MESSAGE_MAX];
    size_t answer_len;
} World;

static SgIp
ip_of (const char *text)
{
    SgIp ip = {0};

    g_assert_true (sg_ip_parse (text, &ip));
    return ip;
}

static void
make_server (World *world)
{
    SgIp client = ip_of (CLIENT), other = ip_of (OTHER), denied = ip_of (DENIED);

    world->server = sg_pcp_server_new (EPOCH_MS);
    sg_pcp_server_add_device (world->server, &client, /* allowed= */ true, world->pinholes);
    sg_pcp_server_add_device (world->server, &other, /* allowed= */ true, NULL);
    sg_pcp_server_add_device (world->server, &denied, /* allowed= */ false, NULL);
}

static World *
world_new (void)
{
    World *world = g_new0 (World, 1);
    SgPinhole *off = sg_pinhole_new (IPPROTO_TCP, 8443, 443, "");

    off->enabled = false;
    world->pinholes = g_ptr_array_new ();
    g_ptr_array_add (world->pinholes, sg_pinhole_new (IPPROTO_TCP, 22, 2222, ""));
    g_ptr_array_add (world->pinholes, off);
    make_server (world);
    world->changes = g_array_new (FALSE, TRUE, sizeof (SgPcpChange));
    world->now_ms = NOW_MS;
    world->source = ip_of (CLIENT);
    return world;
}

static void
world_free (World *world)
{
    for (guint i = 0; i < world->pinholes->len; i++) {
        SgPinhole *pinhole = g_ptr_array_index (world->pinholes, i);

        g_free (pinhole->label);
        g_free (pinhole);
    }
    g_ptr_array_unref (world->pinholes);
    sg_pcp_server_free (world->server);
    g_array_unref (world->changes);
    g_free (world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

static void
put16 (uint8_t *at, unsigned value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
}

/* A MAP for @internal, of TCP, an hour, nonce of 'n', nothing suggested. */
static void
map (World *world, unsigned internal)
{
    memset (world->bytes, 0, sizeof world->bytes);
    world->bytes[0] = 2;
    world->bytes[1] = 1;
    put16 (world->bytes + 6, 3600);
    memcpy (world->bytes + 8, world->source.bytes, 16);
    memset (world->bytes + 24, 'n', 12);
    world->bytes[36] = IPPROTO_TCP;
    put16 (world->bytes + 40, internal);
    world->len = 60;
}

static void
lifetime (World *world, uint32_t seconds)
{
    put16 (world->bytes + 4, seconds >> 16);
    put16 (world->bytes + 6, seconds);
}

static void
suggest (World *world, unsigned port)
{
    put16 (world->bytes + 42, port);
}

static void
suggest_ip (World *world, const char *text)
{
    SgIp ip = ip_of (text);

    memcpy (world->bytes + 44, ip.bytes, 16);
}

static uint8_t *
option (World *world, uint8_t code, unsigned len)
{
    uint8_t *at = world->bytes + world->len;

    at[0] = code;
    put16 (at + 2, len);
    world->len += 4 + ((len + 3) & ~3u);
    return at + 4;
}

static void
prefer_failure (World *world)
{
    option (world, 2, 0);
}

static void
filter (World *world, const char *remote, uint8_t len, unsigned port)
{
    uint8_t *data = option (world, 3, 20);
    SgIp ip = ip_of (remote);

    data[1] = len;
    put16 (data + 2, port);
    memcpy (data + 4, ip.bytes, 16);
}

static void
port_set (World *world, unsigned size, bool parity)
{
    uint8_t *data = option (world, 130, 5);

    put16 (data, size);
    memcpy (data + 2, world->bytes + 40, 2);
    data[4] = parity;
}

/* Sends it: whether there is an answer. */
static bool
ask (World *world)
{
    SgPcpDatagram datagram = {world->source, world->bytes, world->len, world->now_ms};

    g_array_set_size (world->changes, 0);
    world->answer_len =
        sg_pcp_server_answer (world->server, &datagram, world->answer, world->changes);
    return world->answer_len > 0;
}

static unsigned
get16 (const World *world, size_t at)
{
    return (unsigned) world->answer[at] << 8 | world->answer[at + 1];
}

static uint32_t
get32 (const World *world, size_t at)
{
    return get16 (world, at) << 16 | get16 (world, at + 2);
}

#define LIFETIME(world) get32 (world, 4)
#define EXTERNAL(world) get16 (world, 42)

static void
expect (World *world, SgPcpResult result)
{
    g_assert_true (ask (world));
    g_assert_cmpstr (sg_pcp_result_to_string ((SgPcpResult) world->answer[3]), ==,
                     sg_pcp_result_to_string (result));
    if (result != SG_PCP_SUCCESS)
        g_assert_cmpuint (world->changes->len, ==, 0);
}

static const SgPcpChange *
change (const World *world)
{
    g_assert_cmpuint (world->changes->len, ==, 1);
    return &g_array_index (world->changes, SgPcpChange, 0);
}

/* Opens @internal and is given @external. */
static void
open_port (World *world, unsigned internal, unsigned suggested, unsigned external)
{
    map (world, internal);
    suggest (world, suggested);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, external);
    g_assert_true (change (world)->has);
}

/* ---- rows: section 7 ---- */

static void
version_two (World *world)
{
    map (world, 80);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[0], ==, 2);
}

static void
response_bit (World *world)
{
    map (world, 80);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[1], ==, 0x81);
}

static void
reserved_zero (World *world)
{
    static const uint8_t zeros[12];

    map (world, 80);
    world->bytes[2] = 0xff;
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer[2], ==, 0);
    g_assert_cmpmem (world->answer + 12, 12, zeros, 12);
    g_assert_cmpmem (world->answer + 37, 3, zeros, 3);
}

static void
reserved_ignored (World *world)
{
    map (world, 80);
    world->bytes[2] = world->bytes[3] = world->bytes[37] = world->bytes[39] = 0xff;
    expect (world, SG_PCP_SUCCESS);
}

static void
unknown_mandatory_option (World *world)
{
    map (world, 80);
    option (world, 100, 4);
    expect (world, SG_PCP_UNSUPP_OPTION);
}

static void
unknown_optional_option (World *world)
{
    map (world, 80);
    option (world, 200, 3);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 60);
}

static void
option_twice (World *world)
{
    map (world, 80);
    suggest (world, 80);
    prefer_failure (world);
    prefer_failure (world);
    expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
option_in_answer (World *world)
{
    map (world, 80);
    suggest (world, 80);
    prefer_failure (world);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 64);
    g_assert_cmpuint (world->answer[60], ==, 2);
}

/* ---- section 8.2 ---- */

static void
other_interface (World *world)
{
    world->source = ip_of ("2001:db8:ffff::1"); /* the address of no device */
    map (world, 80);
    g_assert_false (ask (world));
}

static void
response_ignored (World *world)
{
    map (world, 80);
    world->bytes[1] |= 0x80;
    g_assert_false (ask (world));
}

static void
short_ignored (World *world)
{
    map (world, 80);
    for (world->len = 0; world->len < 24; world->len++)
        g_assert_false (ask (world));
}

static void
too_long (World *world)
{
    map (world, 80);
    world->len = 1104;
    expect (world, SG_PCP_MALFORMED_REQUEST);
    g_assert_cmpuint (world->answer_len, ==, 1100);
}

static void
odd_length (World *world)
{
    map (world, 80);
    world->len = 61;
    expect (world, SG_PCP_MALFORMED_REQUEST);
    g_assert_cmpuint (world->answer_len % 4, ==, 0);
}

static void
cut_short (World *world)
{
    map (world, 80);
    world->len = 56;
    expect (world, SG_PCP_MALFORMED_REQUEST);
}

static void
other_version (World *world)
{
    map (world, 80);
    world->bytes[0] = 3;
    expect (world, SG_PCP_UNSUPP_VERSION);
    g_assert_cmpuint (world->answer[0], ==, 2);
}

static void
nat_pmp (World *world)
{
    memset (world->bytes, 0, 2);
    world->len = 2;
    expect (world, SG_PCP_UNSUPP_VERSION);
    g_assert_cmpuint (world->answer[1], ==, 0x80);
    g_assert_cmpuint (get16 (world, 2), ==, 1); /* NAT-PMP: unsupported version */
}

static void
unknown_opcode (World *world)
{
    map (world, 80);
    world->bytes[1] = 77;
    expect (world, SG_PCP_UNSUPP_OPCODE);
    g_assert_cmpmem (world->answer + 24, 36, world->bytes + 24, 36);
}

static void
peer (World *world)
{
    map (world, 80);
    world->bytes[1] = 2;
    world->len = 80;
    expect (world, SG_PCP_UNSUPP_OPCODE);
}

static void
address_mismatch (World *world)
{
    SgIp other = ip_of (OTHER);

    map (world, 80);
    memcpy (world->bytes + 8, other.bytes, 16);
    expect (world, SG_PCP_ADDRESS_MISMATCH);
}

/* ---- section 8.5 ---- */

static void
epoch_counts (World *world)
{
    map (world, 80);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (get32 (world, 8), ==, 90);
    world->now_ms += 1000;
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (get32 (world, 8), ==, 91);
}

static void
epoch_after_loss (World *world)
{
    map (world, 80);
    sg_pcp_server_reset_epoch (world->server, world->now_ms);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (get32 (world, 8), ==, 0);
}

static void
epoch_kept (World *world)
{
    g_autoptr (GString) text = NULL;

    open_port (world, 80, 0, 80);
    text = sg_pcp_journal_all (world->server, world->now_ms);
    sg_pcp_server_free (world->server);
    make_server (world);
    sg_pcp_server_reset_epoch (world->server, 0);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text->str, text->len, NULL));
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (get32 (world, 8), ==, 90);
    g_assert_true (change (world)->had);
}

/* ---- section 11 ---- */

static void
map_copies (World *world)
{
    map (world, 80);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpmem (world->answer + 24, 18, world->bytes + 24, 18); /* nonce to internal port */
}

static void
own_address (World *world)
{
    map (world, 80);
    suggest_ip (world, OTHER);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpmem (world->answer + 44, 16, world->source.bytes, 16);
    g_assert_cmpint (sg_ip_compare (&change (world)->device, &world->source), ==, 0);
}

static void
port_without_protocol (World *world)
{
    map (world, 80);
    world->bytes[36] = 0;
    expect (world, SG_PCP_MALFORMED_REQUEST);
}

static void
all_ports (World *world)
{
    map (world, 0);
    expect (world, SG_PCP_UNSUPP_PROTOCOL);
}

static void
all_protocols (World *world)
{
    map (world, 0);
    world->bytes[36] = 0;
    expect (world, SG_PCP_UNSUPP_PROTOCOL);
}

static void
other_protocol (World *world)
{
    map (world, 80);
    world->bytes[36] = IPPROTO_SCTP;
    expect (world, SG_PCP_UNSUPP_PROTOCOL);
}

static void
only_that_protocol (World *world)
{
    open_port (world, 80, 0, 80);
    g_assert_cmpuint (change (world)->new.protocol, ==, IPPROTO_TCP);
    g_assert_cmpuint (change (world)->new.size, ==, 1);
}

static void
suggested_port (World *world)
{
    open_port (world, 80, 8080, 8080);
    open_port (world, 81, 8080, 81); /* taken: another one */
}

static void
same_mapping (World *world)
{
    open_port (world, 80, 8080, 8080);
    world->now_ms += 1000;
    open_port (world, 80, 9090, 8080);
    g_assert_true (change (world)->had);
    g_assert_cmpuint (change (world)->new.expires_ms, ==, world->now_ms + 3600 * 1000);
}

static void
wrong_nonce (World *world)
{
    open_port (world, 80, 0, 80);
    world->now_ms += 600 * 1000;
    map (world, 80);
    world->bytes[24] = 'x';
    expect (world, SG_PCP_NOT_AUTHORIZED);
    g_assert_cmpuint (LIFETIME (world), ==, 3000);
}

static void
not_allowed (World *world)
{
    world->source = ip_of (DENIED);
    map (world, 80);
    expect (world, SG_PCP_NOT_AUTHORIZED);
    lifetime (world, 0);
    expect (world, SG_PCP_NOT_AUTHORIZED);
}

static void
quota (World *world)
{
    for (unsigned i = 0; i < SG_PCP_PORTS_MAX; i++)
        open_port (world, 1000 + i, 0, 1000 + i);
    map (world, 80);
    expect (world, SG_PCP_USER_EX_QUOTA);
    open_port (world, 1000, 0, 1000); /* what there is, is renewed */
    world->source = ip_of (OTHER);
    open_port (world, 80, 0, 80); /* what another has, does not count */
}

static void
static_mapping (World *world)
{
    map (world, 2222);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 22);
    g_assert_cmpuint (LIFETIME (world), ==, SG_PCP_LIFETIME_MAX);
    g_assert_cmpuint (world->changes->len, ==, 0);
}

static void
static_port_taken (World *world)
{
    open_port (world, 22, 22, 23);
    open_port (world, 443, 8443, 443); /* switched off, it still has its port */
}

/* ---- section 13 ---- */

static void
third_party (World *world)
{
    SgIp other = ip_of (OTHER);

    map (world, 80);
    memcpy (option (world, 1, 16), other.bytes, 16);
    expect (world, SG_PCP_UNSUPP_OPTION);
}

static void
prefer_failure_taken (World *world)
{
    open_port (world, 80, 8080, 8080);
    map (world, 81);
    suggest (world, 8080);
    prefer_failure (world);
    expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
prefer_failure_free (World *world)
{
    map (world, 81);
    suggest (world, 8080);
    suggest_ip (world, CLIENT);
    prefer_failure (world);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 8080);
}

static void
prefer_failure_address (World *world)
{
    map (world, 81);
    suggest (world, 81);
    suggest_ip (world, OTHER);
    prefer_failure (world);
    expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
prefer_failure_existing (World *world)
{
    open_port (world, 80, 8080, 8080);
    map (world, 80);
    suggest (world, 9090);
    prefer_failure (world);
    expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
prefer_failure_nothing (World *world)
{
    map (world, 80);
    prefer_failure (world);
    expect (world, SG_PCP_MALFORMED_OPTION);
}

static void
filters_kept (World *world)
{
    map (world, 80);
    filter (world, "2001:db8:f::", 48, 0);
    filter (world, "2001:db8:e::1", 128, 5000);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (change (world)->new.n_filters, ==, 2);
    /* what is there stays, what is new is added, nothing twice */
    map (world, 80);
    filter (world, "2001:db8:f::", 48, 0);
    filter (world, "2001:db8:d::", 48, 0);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (change (world)->new.n_filters, ==, 3);
}

static void
filters_forgotten (World *world)
{
    map (world, 80);
    filter (world, "2001:db8:f::", 48, 0);
    expect (world, SG_PCP_SUCCESS);
    map (world, 80);
    filter (world, "::", 0, 0);
    filter (world, "2001:db8:d::", 48, 0);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (change (world)->new.n_filters, ==, 1);
    map (world, 80);
    filter (world, "::", 0, 0);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (change (world)->new.n_filters, ==, 0);
}

static void
filters_too_many (World *world)
{
    for (unsigned i = 0; i < SG_PCP_FILTERS_MAX; i++) {
        map (world, 80);
        filter (world, "2001:db8:f::1", 128, i + 1);
        expect (world, SG_PCP_SUCCESS);
    }
    map (world, 80);
    filter (world, "2001:db8:f::1", 128, 100);
    expect (world, SG_PCP_EXCESSIVE_REMOTE_PEERS);
}

static void
filter_of_static (World *world)
{
    map (world, 2222);
    filter (world, "2001:db8:f::1", 128, 100);
    expect (world, SG_PCP_EXCESSIVE_REMOTE_PEERS);
}

/* ---- sections 14 and 15 ---- */

static void
announce (World *world)
{
    map (world, 0);
    world->bytes[1] = 0;
    world->len = 24;
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 24);
    g_assert_cmpuint (world->answer[1], ==, 0x80);
    g_assert_cmpuint (LIFETIME (world), ==, 0);
    g_assert_cmpuint (get32 (world, 8), ==, 90);
}

static void
lifetimes (World *world)
{
    static const struct {
        uint32_t asked, granted;
    } rows[] = {{1, 120},       {120, 120},     {3600, 3600},
                {86400, 86400}, {86401, 86400}, {UINT32_MAX, 86400}};

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        map (world, 80);
        lifetime (world, rows[i].asked);
        expect (world, SG_PCP_SUCCESS);
        g_assert_cmpuint (LIFETIME (world), ==, rows[i].granted);
        g_assert_cmpuint (change (world)->new.expires_ms, ==,
                          world->now_ms + rows[i].granted * 1000ull);
    }
}

static void
deletion (World *world)
{
    open_port (world, 80, 0, 80);
    map (world, 80);
    lifetime (world, 0);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (LIFETIME (world), ==, 0);
    g_assert_true (change (world)->had && !change (world)->has);
    /* once more: nothing to delete is success (idempotent) */
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 0);
}

static void
deletion_wrong_nonce (World *world)
{
    open_port (world, 80, 0, 80);
    map (world, 80);
    world->bytes[30] = 'x';
    lifetime (world, 0);
    expect (world, SG_PCP_NOT_AUTHORIZED);
}

static void
deletion_static (World *world)
{
    map (world, 2222);
    lifetime (world, 0);
    expect (world, SG_PCP_NOT_AUTHORIZED);
}

static void
deletion_all_ports (World *world)
{
    open_port (world, 80, 0, 80);
    open_port (world, 81, 0, 81);
    map (world, 82);
    world->bytes[24] = 'x';
    expect (world, SG_PCP_SUCCESS); /* of another nonce */
    map (world, 83);
    world->bytes[36] = IPPROTO_UDP;
    expect (world, SG_PCP_SUCCESS);
    map (world, 0);
    lifetime (world, 0);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 2);
    for (guint i = 0; i < 2; i++)
        g_assert_cmpuint (g_array_index (world->changes, SgPcpChange, i).old.internal / 2, ==, 40);
}

static void
deletion_all_protocols (World *world)
{
    open_port (world, 80, 0, 80);
    map (world, 83);
    world->bytes[36] = IPPROTO_UDP;
    expect (world, SG_PCP_SUCCESS);
    map (world, 0);
    world->bytes[36] = 0;
    lifetime (world, 0);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 2);
    map (world, 80);
    world->bytes[36] = 0;
    lifetime (world, 0);
    expect (world, SG_PCP_MALFORMED_REQUEST);
}

static void
expiry (World *world)
{
    open_port (world, 80, 8080, 8080);
    world->now_ms += 3600 * 1000 + SG_PCP_GRACE_MS;
    map (world, 81);
    suggest (world, 8080);
    world->bytes[24] = 'x';
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 8080);
}

static void
rate (World *world)
{
    map (world, 80);
    for (unsigned i = 0; i < SG_PCP_RATE_BURST; i++)
        g_assert_true (ask (world));
    g_assert_false (ask (world));
    world->now_ms += 1000;
    for (unsigned i = 0; i < SG_PCP_RATE_SECOND; i++)
        g_assert_true (ask (world));
    g_assert_false (ask (world));
}

/* ---- RFC 7753 ---- */

static void
set_granted (World *world)
{
    map (world, 6000);
    suggest (world, 7000);
    port_set (world, 10, false);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 7000);
    g_assert_cmpuint (get16 (world, 64), ==, 10);
    g_assert_cmpuint (get16 (world, 66), ==, 6000);
    g_assert_cmpuint (change (world)->new.size, ==, 10);
    /* one of them alone is the same mapping */
    map (world, 6003);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 7003);
    g_assert_true (change (world)->had);
}

static void
set_reduced (World *world)
{
    map (world, 6000);
    port_set (world, 1000, false);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (get16 (world, 64), ==, SG_PCP_PORTS_MAX);
    world->source = ip_of (OTHER);
    map (world, 6000);
    suggest (world, 6000);
    port_set (world, 1000, false);
    prefer_failure (world);
    expect (world, SG_PCP_CANNOT_PROVIDE_EXTERNAL);
}

static void
set_parity (World *world)
{
    open_port (world, 80, 6000, 6000);
    map (world, 6000);
    suggest (world, 7001);
    port_set (world, 4, true);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 6002);
}

static void
set_at_the_end (World *world)
{
    map (world, 65530);
    suggest (world, 65535);
    port_set (world, 100, false);
    expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (get16 (world, 64), ==, 6);
    g_assert_cmpuint (EXTERNAL (world), ==, 65530);
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

/* ---- the journal ---- */

static void
test_journal (void)
{
    g_autoptr (World) world = world_new ();
    g_autoptr (GString) text = g_string_new (NULL), all = NULL, again = NULL;

    sg_pcp_journal_begin (text, EPOCH_MS);
    map (world, 80);
    filter (world, "2001:db8:f::", 48, 0);
    filter (world, "2001:db8:e::1", 128, 5000);
    expect (world, SG_PCP_SUCCESS);
    sg_pcp_journal_change (change (world), text);
    open_port (world, 81, 0, 81);
    sg_pcp_journal_change (change (world), text);
    map (world, 81);
    lifetime (world, 0);
    expect (world, SG_PCP_SUCCESS);
    sg_pcp_journal_change (change (world), text);
    all = sg_pcp_journal_all (world->server, world->now_ms);
    g_string_append (text, "open device=" CLIENT " proto"); /* killed while it wrote */

    sg_pcp_server_free (world->server);
    make_server (world);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text->str, text->len, NULL));
    again = sg_pcp_journal_all (world->server, world->now_ms);
    g_assert_cmpstr (again->str, ==, all->str);
}

/* A device that may no longer, or is gone, has nothing. */
static void
test_journal_rights (void)
{
    g_autoptr (World) world = world_new ();
    g_autofree char *text = NULL;
    g_autoptr (GString) all = NULL;

    text = g_strdup_printf ("sixgate-pcp version=1 epoch=1\n"
                            "open device=%s protocol=6 internal=1 external=1 size=1 expires=%u "
                            "nonce=000102030405060708090a0b\n"
                            "open device=2001:db8::9 protocol=6 internal=1 external=1 size=1 "
                            "expires=%u nonce=000102030405060708090a0b\n",
                            DENIED, UINT32_MAX, UINT32_MAX);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text, strlen (text), NULL));
    all = sg_pcp_journal_all (world->server, world->now_ms);
    g_assert_cmpstr (all->str, ==, "sixgate-pcp version=1 epoch=1\n");
}

static void
test_journal_refused (void)
{
#define LINE "open device=" CLIENT " protocol=6 internal=1 external=1 size=1 expires=9 nonce="
    static const char *const texts[] = {
        "",
        "sixgate-pcp version=2 epoch=1\n",
        "sixgate-pcp version=1 epoch=-1\n",
        "sixgate-pcp version=1 epoch=1\nopen\n",
        "sixgate-pcp version=1 epoch=1\n" LINE "000102030405060708090a\n",
        "sixgate-pcp version=1 epoch=1\n" LINE "000102030405060708090a0g\n",
        "sixgate-pcp version=1 epoch=1\n" LINE
        "000102030405060708090a0b filter=10.0.0.0/8 port=1\n",
        "sixgate-pcp version=1 epoch=1\n" LINE "000102030405060708090a0b filter=::/1 port=65536\n",
        "sixgate-pcp version=1 epoch=1\nopen device=10.0.0.1 protocol=6 internal=1 external=1 "
        "size=1 expires=9 nonce=000102030405060708090a0b\n",
        "sixgate-pcp version=1 epoch=1\nopen device=" CLIENT
        " protocol=6 internal=65535 external=1 "
        "size=2 expires=9 nonce=000102030405060708090a0b\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (World) world = world_new ();
        g_autoptr (GError) error = NULL;

        g_test_message ("%s", texts[i]);
        g_assert_false (
            sg_pcp_journal_parse (world->server, "pcp", texts[i], strlen (texts[i]), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    }
}

/* ---- everything at once ---- */

#define PACKETS 100000u
#define PACKETS_LONG 10000000u

/* One of the messages above, with anything changed. */
static void
make_packet (World *world, GRand *rand)
{
    map (world, (unsigned) g_rand_int_range (rand, 1, 40));
    lifetime (world, g_rand_boolean (rand) ? 3600 : 0);
    suggest (world, (unsigned) g_rand_int_range (rand, 0, 40));
    world->bytes[24] = (uint8_t) g_rand_int_range (rand, 'n', 'p');
    world->bytes[36] = g_rand_boolean (rand) ? IPPROTO_TCP : IPPROTO_UDP;
    if (g_rand_int_range (rand, 0, 4) == 0)
        prefer_failure (world);
    if (g_rand_int_range (rand, 0, 4) == 0)
        port_set (world, (unsigned) g_rand_int_range (rand, 1, 20), g_rand_boolean (rand));
    for (int i = g_rand_int_range (rand, -8, 4); i > 0; i--)
        filter (world, "2001:db8:f::", (uint8_t) g_rand_int_range (rand, 0, 129),
                (unsigned) g_rand_int_range (rand, 0, 3));
    for (int i = g_rand_int_range (rand, -2, 4); i > 0; i--)
        world->bytes[g_rand_int_range (rand, 0, (gint32) world->len)] =
            (uint8_t) g_rand_int_range (rand, 0, 256);
    if (g_rand_int_range (rand, 0, 8) == 0)
        world->len = (size_t) g_rand_int_range (rand, 0, 1200);
}

/* What the kernel has, by the changes alone: when each external port closes. */
typedef struct {
    uint64_t closes_ms[2][65536]; /* of TCP, UDP; 0: not open */
} Kernel;

static uint64_t *
port_of (Kernel *kernel, uint8_t protocol, unsigned port)
{
    g_assert_cmpuint (port, <, 65536);
    return &kernel->closes_ms[protocol == IPPROTO_UDP][port];
}

/* No port is given twice, none is closed that is not open. */
static void
follow (Kernel *kernel, const World *world, const SgPcpChange *change)
{
    g_assert_cmpint (sg_ip_compare (&change->device, &world->source), ==, 0);
    for (unsigned i = 0; change->had && i < change->old.size; i++) {
        uint64_t *closes = port_of (kernel, change->old.protocol, change->old.external + i);

        g_assert_cmpuint (*closes, ==, change->old.expires_ms);
        *closes = 0;
    }
    for (unsigned i = 0; change->has && i < change->new.size; i++) {
        uint64_t *closes = port_of (kernel, change->new.protocol, change->new.external + i);

        g_assert_cmpuint (*closes, <, world->now_ms);
        g_assert_cmpuint (change->new.expires_ms, >, world->now_ms);
        *closes = change->new.expires_ms;
    }
}

static void
check_answer (const World *world)
{
    if (world->answer_len == 0) {
        g_assert_true (world->len < 24 || world->bytes[1] & 0x80);
        return;
    }
    g_assert_cmpuint (world->answer_len, <=, SG_PCP_MESSAGE_MAX);
    g_assert_cmpuint (world->answer_len % 4, ==, 0);
    g_assert_cmpuint (world->answer[1], ==, world->bytes[1] | 0x80);
    g_assert_false (world->bytes[1] & 0x80);
}

static void
test_storm (void)
{
    guint n = g_getenv ("SG_TEST_LONG") ? PACKETS_LONG : PACKETS, answered = 0, changed = 0;
    g_autoptr (World) world = world_new ();
    g_autofree Kernel *kernel = g_new0 (Kernel, 1);
    g_autoptr (GRand) rand = g_rand_new_with_seed (20260101);

    if (n == PACKETS)
        g_print ("# reduced: %u of %u random PCP packets\n", PACKETS, PACKETS_LONG);
    for (guint i = 0; i < n; i++) {
        make_packet (world, rand);
        world->now_ms += (uint64_t) g_rand_int_range (rand, 10, 20000);
        answered += ask (world);
        check_answer (world);
        for (guint k = 0; k < world->changes->len; k++, changed++)
            follow (kernel, world, &g_array_index (world->changes, SgPcpChange, k));
    }
    g_print ("# %u packets, %u answered, %u changes\n", n, answered, changed);
    g_assert_cmpuint (answered, >, n / 2);
    g_assert_cmpuint (changed, >, n / 10);
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
    g_test_add_func ("/pcp/journal/kept", test_journal);
    g_test_add_func ("/pcp/journal/rights", test_journal_rights);
    g_test_add_func ("/pcp/journal/refused", test_journal_refused);
    g_test_add_func ("/pcp/storm", test_storm);
    return g_test_run ();
}
