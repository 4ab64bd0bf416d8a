/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Section numbers are those of RFC 6887. */
#include "core/pcp-message.h"

#include <string.h>

#define RESPONSE 0x80u /* the R bit of the second byte */
#define LONG_LIFETIME 1800u
#define SHORT_LIFETIME 30u

/* Where the fields are: of the header (figures 2 and 3), and of MAP (figures 9 and 10). */
enum {
    AT_VERSION = 0,
    AT_OPCODE = 1,
    AT_RESERVED = 2,
    AT_RESULT = 3,
    AT_LIFETIME = 4,
    AT_CLIENT = 8,
    AT_EPOCH = 8,
    AT_RESERVED_96 = 12,
    AT_NONCE = 24,
    AT_PROTOCOL = 36,
    AT_INTERNAL = 40,
    AT_EXTERNAL = 42,
    AT_EXTERNAL_IP = 44,
    MAP_LEN = 60,
};

/* Bytes of an option before its data, and of PORT_SET (RFC 7753, section 4). */
#define OPTION_HEADER 4u
#define PORT_SET_LEN 5u
#define PORT_SET_PARITY 0x01
/* Options from here on may be ignored by a server (section 7.3). */
#define OPTION_MAY_BE_IGNORED 128u

/* ---- tables ---- */

static const struct {
    const char *name;
    uint32_t lifetime;
} result_table[SG_PCP_RESULT_N] = {
    [SG_PCP_SUCCESS] = {"SUCCESS", 0},
    [SG_PCP_UNSUPP_VERSION] = {"UNSUPP_VERSION", LONG_LIFETIME},
    [SG_PCP_NOT_AUTHORIZED] = {"NOT_AUTHORIZED", LONG_LIFETIME},
    [SG_PCP_MALFORMED_REQUEST] = {"MALFORMED_REQUEST", LONG_LIFETIME},
    [SG_PCP_UNSUPP_OPCODE] = {"UNSUPP_OPCODE", LONG_LIFETIME},
    [SG_PCP_UNSUPP_OPTION] = {"UNSUPP_OPTION", LONG_LIFETIME},
    [SG_PCP_MALFORMED_OPTION] = {"MALFORMED_OPTION", LONG_LIFETIME},
    [SG_PCP_NETWORK_FAILURE] = {"NETWORK_FAILURE", SHORT_LIFETIME},
    [SG_PCP_NO_RESOURCES] = {"NO_RESOURCES", SHORT_LIFETIME},
    [SG_PCP_UNSUPP_PROTOCOL] = {"UNSUPP_PROTOCOL", LONG_LIFETIME},
    [SG_PCP_USER_EX_QUOTA] = {"USER_EX_QUOTA", SHORT_LIFETIME},
    [SG_PCP_CANNOT_PROVIDE_EXTERNAL] = {"CANNOT_PROVIDE_EXTERNAL", SHORT_LIFETIME},
    [SG_PCP_ADDRESS_MISMATCH] = {"ADDRESS_MISMATCH", LONG_LIFETIME},
    [SG_PCP_EXCESSIVE_REMOTE_PEERS] = {"EXCESSIVE_REMOTE_PEERS", LONG_LIFETIME},
};

const char *
sg_pcp_result_to_string (SgPcpResult result)
{
    return result < SG_PCP_RESULT_N ? result_table[result].name : "unknown";
}

uint32_t
sg_pcp_error_lifetime (SgPcpResult result)
{
    return result < SG_PCP_RESULT_N ? result_table[result].lifetime : LONG_LIFETIME;
}

/* The opcodes that are served, and the shortest message of each. */
static const struct {
    uint8_t opcode;
    size_t len;
} opcode_table[] = {{SG_PCP_ANNOUNCE, SG_PCP_HEADER_LEN}, {SG_PCP_MAP, MAP_LEN}};

/* Where the options of a message begin; 0 when its opcode is not served. */
static size_t
options_begin (uint8_t opcode)
{
    for (size_t i = 0; i < G_N_ELEMENTS (opcode_table); i++) {
        if (opcode_table[i].opcode == opcode)
            return opcode_table[i].len;
    }
    return 0;
}

/* ---- numbers ---- */

static uint16_t
get_u16 (const uint8_t *at)
{
    return (uint16_t) (at[0] << 8 | at[1]);
}

static uint32_t
get_u32 (const uint8_t *at)
{
    return (uint32_t) get_u16 (at) << 16 | get_u16 (at + 2);
}

static void
put_u16 (uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
}

static void
put_u32 (uint8_t *at, uint32_t value)
{
    put_u16 (at, (uint16_t) (value >> 16));
    put_u16 (at + 2, (uint16_t) value);
}

/* ---- options ---- */

static SgPcpResult
take_prefer_failure (const uint8_t *data, SgPcpRequest *request)
{
    request->prefer_failure = true;
    return SG_PCP_SUCCESS;
}

/* IPv4 in IPv6 (section 5): nobody there can be the far end of an IPv6 connection. */
static bool
is_mapped_ipv4 (const SgIp *ip)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp (ip->bytes, mapped, sizeof mapped) == 0;
}

static SgPcpResult
take_filter (const uint8_t *data, SgPcpRequest *request)
{
    SgIp remote = sg_ip_from_bytes (AF_INET6, data + 4);
    uint8_t len = data[1];
    SgPcpFilter filter = {{{0}}, get_u16 (data + 2)};

    if (len == 0) { /* those so far, in the mapping too (section 13.3) */
        request->forget_filters = true;
        request->n_filters = 0;
        return SG_PCP_SUCCESS;
    }
    if (len > 128 || is_mapped_ipv4 (&remote))
        return SG_PCP_MALFORMED_OPTION;
    if (request->n_filters == SG_PCP_FILTERS_MAX)
        return SG_PCP_EXCESSIVE_REMOTE_PEERS;
    filter.remote = sg_prefix_new (&remote, len);
    request->filters[request->n_filters++] = filter;
    return SG_PCP_SUCCESS;
}

/* A set of no port is none (RFC 7753, section 4.2). */
static SgPcpResult
take_port_set (const uint8_t *data, SgPcpRequest *request)
{
    uint16_t size = get_u16 (data), first = get_u16 (data + 2);

    if (size == 0 || first != request->internal)
        return SG_PCP_MALFORMED_OPTION;
    request->port_set = true;
    request->set_size = size;
    request->same_parity = (data[4] & PORT_SET_PARITY) != 0;
    return SG_PCP_SUCCESS;
}

/* The options that are served, all of MAP. THIRD_PARTY is not among them: a device speaks for itself. */
typedef struct {
    uint8_t code;
    uint16_t len; /* of the data */
    bool repeats; /* more than once in a message */
    SgPcpResult (*take) (const uint8_t *data, SgPcpRequest *request);
} OptionKind;

#define OPTION_FILTER 3
#define OPTION_PORT_SET 130

static const OptionKind option_table[] = {
    {2, 0, false, take_prefer_failure},
    {OPTION_FILTER, 20, true, take_filter},
    {OPTION_PORT_SET, PORT_SET_LEN, false, take_port_set},
};

static const OptionKind *
find_option (uint8_t opcode, uint8_t code)
{
    for (size_t i = 0; opcode == SG_PCP_MAP && i < G_N_ELEMENTS (option_table); i++) {
        if (option_table[i].code == code)
            return &option_table[i];
    }
    return NULL;
}

/* An option of a message. */
typedef struct {
    uint8_t code;
    uint16_t len;
    const uint8_t *data;
} Option;

/* The option at *@at, which moves on behind its padding. False when its bytes are not all there; the
 * message is a multiple of four bytes long. */
static bool
next_option (const uint8_t *bytes, size_t len, size_t *at, Option *ret_option)
{
    const uint8_t *head = bytes + *at;
    size_t padded = (get_u16 (head + 2) + 3u) & ~(size_t) 3;

    if (padded > len - *at - OPTION_HEADER)
        return false;
    *ret_option = (Option) {head[0], get_u16 (head + 2), head + OPTION_HEADER};
    *at += OPTION_HEADER + padded;
    return true;
}

static SgPcpResult
take_option (const Option *option, uint32_t *seen, SgPcpRequest *request)
{
    const OptionKind *kind = find_option (request->opcode, option->code);
    uint32_t bit;

    if (!kind)
        return option->code < OPTION_MAY_BE_IGNORED ? SG_PCP_UNSUPP_OPTION : SG_PCP_SUCCESS;
    bit = 1u << (kind - option_table);
    if (option->len != kind->len || (*seen & bit && !kind->repeats))
        return SG_PCP_MALFORMED_OPTION;
    *seen |= bit;
    return kind->take (option->data, request);
}

static SgPcpResult
parse_options (const uint8_t *bytes, size_t len, SgPcpRequest *request)
{
    uint32_t seen = 0;
    SgPcpResult result = SG_PCP_SUCCESS;
    Option option;

    for (size_t at = options_begin (request->opcode); at < len && result == SG_PCP_SUCCESS;)
        result = next_option (bytes, len, &at, &option) ? take_option (&option, &seen, request)
                                                        : SG_PCP_MALFORMED_OPTION;
    return result;
}

/* ---- requests ---- */

static SgPcpResult
parse_body (const uint8_t *bytes, size_t len, SgPcpRequest *request)
{
    size_t begin = options_begin (request->opcode);

    if (len > SG_PCP_MESSAGE_MAX || len % 4 != 0 || len < begin)
        return SG_PCP_MALFORMED_REQUEST;
    if (begin == 0)
        return SG_PCP_UNSUPP_OPCODE;
    if (request->opcode == SG_PCP_MAP) {
        memcpy (request->nonce, bytes + AT_NONCE, sizeof request->nonce);
        request->protocol = bytes[AT_PROTOCOL];
        request->internal = get_u16 (bytes + AT_INTERNAL);
        request->external = get_u16 (bytes + AT_EXTERNAL);
        request->external_ip = sg_ip_from_bytes (AF_INET6, bytes + AT_EXTERNAL_IP);
    }
    return parse_options (bytes, len, request);
}

bool
sg_pcp_parse (const uint8_t *bytes, size_t len, SgPcpRequest *ret_request)
{
    SgPcpRequest request = {0};

    if (len < 2 || bytes[AT_OPCODE] & RESPONSE)
        return false;
    request.version = bytes[AT_VERSION];
    request.opcode = bytes[AT_OPCODE];
    if (request.version != SG_PCP_VERSION) {
        request.result = SG_PCP_UNSUPP_VERSION;
    } else if (len < SG_PCP_HEADER_LEN) {
        return false;
    } else {
        request.lifetime = get_u32 (bytes + AT_LIFETIME);
        request.client = sg_ip_from_bytes (AF_INET6, bytes + AT_CLIENT);
        request.result = parse_body (bytes, len, &request);
    }
    *ret_request = request;
    return true;
}

/* ---- answers ---- */

static void
put_header (uint8_t *answer, uint8_t opcode, uint32_t lifetime, uint32_t epoch)
{
    answer[AT_VERSION] = SG_PCP_VERSION;
    answer[AT_OPCODE] = opcode | RESPONSE;
    answer[AT_RESERVED] = 0;
    answer[AT_RESULT] = SG_PCP_SUCCESS;
    put_u32 (answer + AT_LIFETIME, lifetime);
    put_u32 (answer + AT_EPOCH, epoch);
}

size_t
sg_pcp_put_error (const SgPcpContext *context, SgPcpResult result, uint32_t lifetime,
                  uint8_t answer[SG_PCP_MESSAGE_MAX])
{
    size_t len = MIN (context->len, SG_PCP_MESSAGE_MAX);
    size_t padded = MAX ((len + 3) & ~(size_t) 3, SG_PCP_HEADER_LEN);

    memcpy (answer, context->bytes, len);
    memset (answer + len, 0, padded - len);
    put_header (answer, context->request->opcode, lifetime, context->epoch);
    answer[AT_RESULT] = (uint8_t) result;
    /* What could not be parsed goes back with the end of the client's address (section 7.2). */
    if (context->request->result == SG_PCP_SUCCESS)
        memset (answer + AT_RESERVED_96, 0, AT_NONCE - AT_RESERVED_96);
    return padded;
}

/* An option that was processed, in zeroed room: as it came, but with reserved bits of zero (section 7.3). */
static void
put_option (const Option *option, const SgPcpMapAnswer *map, uint8_t *to)
{
    uint8_t *data = to + OPTION_HEADER;

    to[0] = option->code;
    put_u16 (to + 2, option->len);
    memcpy (data, option->data, option->len);
    if (option->code == OPTION_FILTER)
        data[0] = 0;
    if (option->code == OPTION_PORT_SET) {
        put_u16 (data, map->set_size);
        put_u16 (data + 2, map->set_first);
        data[4] &= PORT_SET_PARITY;
    }
}

/* Appends the options of the request that were processed; what was granted is in @map. */
static size_t
put_options (const SgPcpContext *context, const SgPcpMapAnswer *map, uint8_t *answer)
{
    size_t to = MAP_LEN;
    Option option;

    for (size_t at = MAP_LEN, from = at; at < context->len; from = at) {
        if (!next_option (context->bytes, context->len, &at, &option))
            break;
        /* A set of a single port is none (RFC 7753, section 4.2). */
        if (!find_option (SG_PCP_MAP, option.code) ||
            (option.code == OPTION_PORT_SET && map->set_size <= 1))
            continue;
        memset (answer + to, 0, at - from);
        put_option (&option, map, answer + to);
        to += at - from;
    }
    return to;
}

size_t
sg_pcp_put_map (const SgPcpContext *context, const SgPcpMapAnswer *map,
                uint8_t answer[SG_PCP_MESSAGE_MAX])
{
    const SgPcpRequest *request = context->request;

    memset (answer, 0, MAP_LEN);
    put_header (answer, SG_PCP_MAP, map->lifetime, context->epoch);
    memcpy (answer + AT_NONCE, request->nonce, sizeof request->nonce);
    answer[AT_PROTOCOL] = request->protocol;
    put_u16 (answer + AT_INTERNAL, request->internal);
    put_u16 (answer + AT_EXTERNAL, map->external);
    memcpy (answer + AT_EXTERNAL_IP, map->external_ip.bytes, sizeof map->external_ip.bytes);
    return put_options (context, map, answer);
}

size_t
sg_pcp_put_announce (uint32_t epoch, uint8_t answer[SG_PCP_MESSAGE_MAX])
{
    memset (answer, 0, SG_PCP_HEADER_LEN);
    put_header (answer, SG_PCP_ANNOUNCE, /* lifetime= */ 0, epoch);
    return SG_PCP_HEADER_LEN;
}
