/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of the Port Control Protocol (RFC 6887, with PORT_SET of RFC 7753): requests read, answers
 * written, in memory only. */
#pragma once

#include "base/prefix.h"

#define SG_PCP_PORT 5351        /* of servers; UDP */
#define SG_PCP_CLIENT_PORT 5350 /* where clients hear announcements */
#define SG_PCP_VERSION 2
#define SG_PCP_MESSAGE_MAX 1100u /* bytes (section 7) */
#define SG_PCP_HEADER_LEN 24u
#define SG_PCP_NONCE_LEN 12
#define SG_PCP_FILTERS_MAX 8u /* of one mapping */

/* Section 7.4, and table 3 of section 19.4. */
typedef enum {
    SG_PCP_SUCCESS,
    SG_PCP_UNSUPP_VERSION,
    SG_PCP_NOT_AUTHORIZED,
    SG_PCP_MALFORMED_REQUEST,
    SG_PCP_UNSUPP_OPCODE,
    SG_PCP_UNSUPP_OPTION,
    SG_PCP_MALFORMED_OPTION,
    SG_PCP_NETWORK_FAILURE,
    SG_PCP_NO_RESOURCES,
    SG_PCP_UNSUPP_PROTOCOL,
    SG_PCP_USER_EX_QUOTA,
    SG_PCP_CANNOT_PROVIDE_EXTERNAL,
    SG_PCP_ADDRESS_MISMATCH,
    SG_PCP_EXCESSIVE_REMOTE_PEERS,
    SG_PCP_RESULT_N
} SgPcpResult;

/* "NOT_AUTHORIZED"; static. */
const char *sg_pcp_result_to_string (SgPcpResult result);
/* How long, in seconds, the same request would get the same error. */
uint32_t sg_pcp_error_lifetime (SgPcpResult result);

typedef enum { SG_PCP_ANNOUNCE = 0, SG_PCP_MAP = 1, SG_PCP_PEER = 2 } SgPcpOpcode;

/* Who may use a mapping (section 13.3). */
typedef struct {
    SgPrefix remote;
    uint16_t port; /* 0: any */
} SgPcpFilter;

typedef struct {
    uint8_t version;
    uint8_t opcode;
    SgPcpResult result; /* why it cannot be processed; SG_PCP_SUCCESS: it can */
    uint32_t lifetime;
    SgIp client; /* as the client says it; IPv6, IPv4 mapped into it */

    /* of MAP (section 11.1) */
    uint8_t nonce[SG_PCP_NONCE_LEN];
    uint8_t protocol; /* IPPROTO_*; 0: all */
    uint16_t internal;
    uint16_t external; /* suggested; 0: any */
    SgIp external_ip;  /* suggested; :: for any */

    /* options */
    bool prefer_failure;
    bool forget_filters; /* those that the mapping has */
    uint8_t n_filters;
    SgPcpFilter filters[SG_PCP_FILTERS_MAX];
    bool port_set;
    uint16_t set_size; /* of PORT_SET: how many ports */
    bool same_parity;  /* of PORT_SET: external like internal */
} SgPcpRequest;

/* Reads a datagram. False when it must not be answered (section 8.2): a response, shorter than a
 * header. Else what is wrong with it is in @ret_request, where all that was read is besides. */
bool sg_pcp_parse (const uint8_t *bytes, size_t len, SgPcpRequest *ret_request);

/* The request that an answer is to. */
typedef struct {
    const SgPcpRequest *request;
    const uint8_t *bytes;
    size_t len;
    uint32_t epoch; /* section 8.5, in seconds */
} SgPcpContext;

/* An error, with the bytes of the request (section 8.2). @lifetime in seconds. Returns its length. */
size_t sg_pcp_put_error (const SgPcpContext *context, SgPcpResult result, uint32_t lifetime,
                         uint8_t answer[SG_PCP_MESSAGE_MAX]);

typedef struct {
    uint32_t lifetime; /* seconds */
    uint16_t external;
    SgIp external_ip;
    uint16_t set_size;  /* where the request has PORT_SET */
    uint16_t set_first; /* its first internal port */
} SgPcpMapAnswer;

/* The success of a MAP, with the options that were processed. */
size_t sg_pcp_put_map (const SgPcpContext *context, const SgPcpMapAnswer *map,
                       uint8_t answer[SG_PCP_MESSAGE_MAX]);
/* The success of an ANNOUNCE; also what is sent to clients unasked (sections 14.1.2 and 14.1.3). */
size_t sg_pcp_put_announce (uint32_t epoch, uint8_t answer[SG_PCP_MESSAGE_MAX]);
