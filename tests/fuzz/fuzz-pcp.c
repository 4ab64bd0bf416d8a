/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCP as devices send it: a response is never answered, no answer is larger than RFC 6887 allows, and
 * each is one that a client can read. */
#include <string.h>

#include "core/pcp-message.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_answer (const uint8_t *answer, size_t len, const SgPcpRequest *request)
{
    g_assert_cmpuint (len, >=, SG_PCP_HEADER_LEN);
    g_assert_cmpuint (len, <=, SG_PCP_MESSAGE_MAX);
    g_assert_cmpuint (len % 4, ==, 0);
    g_assert_cmpuint (answer[0], ==, SG_PCP_VERSION);
    g_assert_cmpuint (answer[1], ==, request->opcode | 0x80);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree uint8_t *bytes = g_memdup2 (data, size); /* ends where it ends */
    g_autofree uint8_t *answer = g_malloc (SG_PCP_MESSAGE_MAX);
    SgPcpMapAnswer map = {.lifetime = 120, .external = 1, .set_size = 1, .set_first = 1};
    SgPcpRequest request;
    SgPcpContext context = {&request, bytes, size, 1};
    size_t len;

    if (!sg_pcp_parse (bytes, size, &request)) {
        g_assert_true (size < SG_PCP_HEADER_LEN || bytes[1] & 0x80);
        return 0;
    }
    g_assert_cmpuint (request.n_filters, <=, SG_PCP_FILTERS_MAX);
    len = sg_pcp_put_error (&context, request.result, 30, answer);
    check_answer (answer, len, &request);
    g_assert_cmpuint (len, <=, MAX (SG_PCP_HEADER_LEN, size + 3)); /* no amplifier */
    if (request.result == SG_PCP_SUCCESS && request.opcode == SG_PCP_MAP) {
        len = sg_pcp_put_map (&context, &map, answer);
        check_answer (answer, len, &request);
        g_assert_cmpuint (len, <=, size);
    }
    return 0;
}
