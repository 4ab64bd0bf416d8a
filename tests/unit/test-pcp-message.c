/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of PCP, byte by byte: what is read of requests, and which are refused with which code;
 * what answers consist of. Section numbers are those of RFC 6887. */
#include <string.h>

#include "core/pcp-message.h"

#define CLIENT "20010db8000100000000 00000a3b0002"
#define HEADER "02010000 00000e10" CLIENT
#define MAP "7477656c7665206279746573 06000000 01bb01bc" CLIENT
#define FAR "20010db8ffff0000 0000000000000000"
#define FILTER "03000014"

static GByteArray *
bytes_of (const char *hex)
{
    GByteArray *bytes = g_byte_array_new ();

    for (; *hex; hex++) {
        uint8_t byte;

        if (*hex == ' ')
            continue;
        byte = (uint8_t) (g_ascii_xdigit_value (hex[0]) * 16 + g_ascii_xdigit_value (hex[1]));
        hex++;
        g_byte_array_append (bytes, &byte, 1);
    }
    return bytes;
}

static void
assert_ip (const SgIp *ip, const char *expected)
{
    char text[SG_PREFIX_TEXT_MAX];

    g_assert_cmpstr (sg_ip_format (ip, text), ==, expected);
}

static void
test_results (void)
{
    static const struct {
        const char *hex;
        SgPcpResult result;
    } rows[] = {
        {"020000000000000000"
         "00000000000000000000000000 0000",
         SG_PCP_SUCCESS},
        {HEADER MAP, SG_PCP_SUCCESS},
        /* 8.2: a length that is no multiple of four, too short, too long (below) */
        {HEADER MAP "00", SG_PCP_MALFORMED_REQUEST},
        {HEADER, SG_PCP_MALFORMED_REQUEST},
        /* 9: other versions, NAT-PMP's too, however short */
        {"0000", SG_PCP_UNSUPP_VERSION},
        {"00020000 00500050 00001c20", SG_PCP_UNSUPP_VERSION},
        {"01010000", SG_PCP_UNSUPP_VERSION},
        {"03010000", SG_PCP_UNSUPP_VERSION},
        /* opcodes: PEER, unassigned */
        {"02020000 00000e10" CLIENT MAP "00500000" FAR, SG_PCP_UNSUPP_OPCODE},
        {"02030000 00000e10" CLIENT, SG_PCP_UNSUPP_OPCODE},
        {"027f0000 00000e10" CLIENT, SG_PCP_UNSUPP_OPCODE},
        /* 7.3: options. Unknown: up to 127 has to be processed, from 128 on not */
        {HEADER MAP "04000000", SG_PCP_UNSUPP_OPTION},
        {HEADER MAP "7f000000", SG_PCP_UNSUPP_OPTION},
        {HEADER MAP "80000000", SG_PCP_SUCCESS},
        {HEADER MAP "ff000005 0102030405000000", SG_PCP_SUCCESS},
        /* 13.1: for another, and for oneself */
        {HEADER MAP "01000010" FAR, SG_PCP_UNSUPP_OPTION},
        /* not of this opcode */
        {"02000000 00000000" CLIENT "02000000", SG_PCP_UNSUPP_OPTION},
        /* cut short, of a wrong length, twice */
        {HEADER MAP "ff000005 01020304", SG_PCP_MALFORMED_OPTION},
        {HEADER MAP "ffffffff", SG_PCP_MALFORMED_OPTION},
        {HEADER MAP "02000004 00000000", SG_PCP_MALFORMED_OPTION},
        {HEADER MAP "02000000 02000000", SG_PCP_MALFORMED_OPTION},
        {HEADER MAP "02000000", SG_PCP_SUCCESS},
        /* 13.3: prefixes that are none, IPv4 */
        {HEADER MAP FILTER "00300000" FAR, SG_PCP_SUCCESS},
        {HEADER MAP FILTER "00810000" FAR, SG_PCP_MALFORMED_OPTION},
        {HEADER MAP FILTER "00800000 00000000000000000000ffff0a000001", SG_PCP_MALFORMED_OPTION},
        /* RFC 7753, 4.1: no port; another first port than MAP's; twice */
        {HEADER MAP "82000005 000a01bb01000000", SG_PCP_SUCCESS},
        {HEADER MAP "82000005 000001bb01000000", SG_PCP_MALFORMED_OPTION},
        {HEADER MAP "82000005 000a01bc01000000", SG_PCP_MALFORMED_OPTION},
        {HEADER MAP "82000005 000a01bb01000000 82000005 000a01bb01000000", SG_PCP_MALFORMED_OPTION},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GByteArray) bytes = bytes_of (rows[i].hex);
        SgPcpRequest request;

        g_test_message ("%s", rows[i].hex);
        g_assert_true (sg_pcp_parse (bytes->data, bytes->len, &request));
        g_assert_cmpstr (sg_pcp_result_to_string (request.result), ==,
                         sg_pcp_result_to_string (rows[i].result));
    }
}

/* 8.2: what is not answered at all. */
static void
test_silence (void)
{
    static const char *const rows[] = {
        "",     "02",
        "0280", "02810000 00000e10" CLIENT MAP,
        "0081", "0281" MAP,
        "0201", "02000000 00000000 20010db80001000000000000000000" /* 23 bytes */,
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GByteArray) bytes = bytes_of (rows[i]);
        SgPcpRequest request;

        g_test_message ("%s", rows[i]);
        g_assert_false (sg_pcp_parse (bytes->data, bytes->len, &request));
    }
}

static void
test_fields (void)
{
    g_autoptr (GByteArray) bytes = bytes_of (
        HEADER MAP FILTER "00800050" CLIENT FILTER "00000000" CLIENT FILTER
                          "00300000 20010db8fffffffff000000000000000 82000005 000a01bb01000000");
    SgPcpRequest request;
    char text[SG_PREFIX_TEXT_MAX];

    g_assert_true (sg_pcp_parse (bytes->data, bytes->len, &request));
    g_assert_cmpint (request.result, ==, SG_PCP_SUCCESS);
    g_assert_cmpuint (request.lifetime, ==, 3600);
    assert_ip (&request.client, "2001:db8:1::a3b:2");
    g_assert_cmpmem (request.nonce, SG_PCP_NONCE_LEN, "twelve bytes", SG_PCP_NONCE_LEN);
    g_assert_cmpuint (request.protocol, ==, 6);
    g_assert_cmpuint (request.internal, ==, 443);
    g_assert_cmpuint (request.external, ==, 444);
    assert_ip (&request.external_ip, "2001:db8:1::a3b:2");
    /* The second filter takes back the first (13.3); bits behind a prefix do not count. */
    g_assert_true (request.forget_filters);
    g_assert_cmpuint (request.n_filters, ==, 1);
    g_assert_cmpstr (sg_prefix_format (&request.filters[0].remote, text), ==, "2001:db8:ffff::/48");
    g_assert_cmpuint (request.filters[0].port, ==, 0);
    g_assert_true (request.port_set && request.same_parity && !request.prefer_failure);
    g_assert_cmpuint (request.set_size, ==, 10);
}

static void
test_many_filters (void)
{
    g_autoptr (GString) hex = g_string_new (HEADER MAP);
    g_autoptr (GByteArray) full = NULL, more = NULL;
    SgPcpRequest request;

    for (guint i = 0; i < SG_PCP_FILTERS_MAX; i++)
        g_string_append_printf (hex, FILTER "0080%04x" CLIENT, i);
    full = bytes_of (hex->str);
    g_assert_true (sg_pcp_parse (full->data, full->len, &request));
    g_assert_cmpint (request.result, ==, SG_PCP_SUCCESS);
    g_string_append (hex, FILTER "00801000" CLIENT);
    more = bytes_of (hex->str);
    g_assert_true (sg_pcp_parse (more->data, more->len, &request));
    g_assert_cmpint (request.result, ==, SG_PCP_EXCESSIVE_REMOTE_PEERS);
}

/* An error is the request with the answer's header (8.2): the end of the client's address goes back
 * where nothing could be parsed, zeros where it could (7.2). */
static void
test_errors (void)
{
    static const struct {
        const char *hex;
        SgPcpResult result;
        const char *expected;
    } rows[] = {
        {HEADER MAP, SG_PCP_NOT_AUTHORIZED,
         "02810002 00000708 00000007 000000000000000000000000" MAP},
        {HEADER MAP "04000000", SG_PCP_UNSUPP_OPTION,
         "02810005 00000708 00000007 000100000000 00000a3b0002" MAP "04000000"},
        {HEADER MAP "ab", SG_PCP_MALFORMED_REQUEST,
         "02810003 00000708 00000007 000100000000 00000a3b0002" MAP "ab000000"},
        {"02030000 00000e10" CLIENT "01020304", SG_PCP_UNSUPP_OPCODE,
         "02830004 00000708 00000007 000100000000 00000a3b0002 01020304"},
        /* 9: of the version that is spoken; NAT-PMP finds its own code for that in the same place */
        {"0000", SG_PCP_UNSUPP_VERSION, "02800001 00000708 00000007 000000000000000000000000"},
        {"00020000 00500050 00001c20", SG_PCP_UNSUPP_VERSION,
         "02820001 00000708 00000007 000000000000000000000000"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GByteArray) bytes = bytes_of (rows[i].hex);
        g_autoptr (GByteArray) expected = bytes_of (rows[i].expected);
        uint8_t answer[SG_PCP_MESSAGE_MAX];
        SgPcpRequest request;
        SgPcpContext context = {&request, bytes->data, bytes->len, 7};
        size_t len;

        g_test_message ("%s", rows[i].hex);
        g_assert_true (sg_pcp_parse (bytes->data, bytes->len, &request));
        len = sg_pcp_put_error (&context, rows[i].result, sg_pcp_error_lifetime (rows[i].result),
                                answer);
        g_assert_cmpmem (answer, len, expected->data, expected->len);
    }
}

/* 8.2: longer than allowed, the answer is cut. */
static void
test_too_long (void)
{
    g_autoptr (GByteArray) bytes = bytes_of (HEADER MAP);
    static const uint8_t more[2048];
    uint8_t answer[SG_PCP_MESSAGE_MAX];
    SgPcpRequest request;
    SgPcpContext context = {&request};

    g_byte_array_append (bytes, more, sizeof more);
    context.bytes = bytes->data;
    context.len = bytes->len;
    g_assert_true (sg_pcp_parse (bytes->data, bytes->len, &request));
    g_assert_cmpint (request.result, ==, SG_PCP_MALFORMED_REQUEST);
    g_assert_cmpuint (sg_pcp_put_error (&context, request.result, 30, answer), ==,
                      SG_PCP_MESSAGE_MAX);
    g_assert_true (sg_pcp_parse (bytes->data, SG_PCP_MESSAGE_MAX, &request));
    g_assert_cmpint (request.result, !=, SG_PCP_MALFORMED_REQUEST);
}

/* Success: what was granted, and of the options those that were processed. */
static void
test_success (void)
{
    g_autoptr (GByteArray) bytes = bytes_of (
        HEADER MAP "02000000 ff000001 aa000000 82000005 006401bb01000000" FILTER "00300000" FAR);
    g_autoptr (GByteArray) expected =
        bytes_of ("02810000 00015180 00000007 000000000000000000000000"
                  "7477656c7665206279746573 06000000 01bb2001" CLIENT
                  "02000000 82000005 000a01bb01000000" FILTER "00300000" FAR);
    g_autoptr (GByteArray) announcement =
        bytes_of ("02800000 00000000 0000002a 000000000000000000000000");
    SgPcpMapAnswer map = {86400, 0x2001, {0}, 10, 443};
    uint8_t answer[SG_PCP_MESSAGE_MAX];
    SgPcpRequest request;
    SgPcpContext context = {&request, bytes->data, bytes->len, 7};
    size_t len;

    g_assert_true (sg_pcp_parse (bytes->data, bytes->len, &request));
    g_assert_cmpint (request.result, ==, SG_PCP_SUCCESS);
    map.external_ip = request.client;
    len = sg_pcp_put_map (&context, &map, answer);
    g_assert_cmpmem (answer, len, expected->data, expected->len);
    len = sg_pcp_put_announce (42, answer);
    g_assert_cmpmem (answer, len, announcement->data, announcement->len);
}

/* 7.4: every code has a name and, unless it is none, a lifetime. */
static void
test_tables (void)
{
    for (int i = 0; i < SG_PCP_RESULT_N; i++) {
        g_assert_nonnull (sg_pcp_result_to_string ((SgPcpResult) i));
        g_assert_true ((sg_pcp_error_lifetime ((SgPcpResult) i) > 0) == (i != SG_PCP_SUCCESS));
    }
    g_assert_cmpint (SG_PCP_EXCESSIVE_REMOTE_PEERS, ==, 13);
    g_assert_cmpuint (sg_pcp_error_lifetime (SG_PCP_USER_EX_QUOTA), ==, 30);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/pcp/message/results", test_results);
    g_test_add_func ("/pcp/message/silence", test_silence);
    g_test_add_func ("/pcp/message/fields", test_fields);
    g_test_add_func ("/pcp/message/many-filters", test_many_filters);
    g_test_add_func ("/pcp/message/errors", test_errors);
    g_test_add_func ("/pcp/message/too-long", test_too_long);
    g_test_add_func ("/pcp/message/success", test_success);
    g_test_add_func ("/pcp/message/tables", test_tables);
    return g_test_run ();
}
