/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PCP server on values, and a device that asks it: a request is put together, sent, and its answer
 * looked at. The device has pinholes by hand (22 leads to 2222; 8443 to 443 is switched off). */
#pragma once

#include "core/pcp-server.h"

#define EPOCH_MS 5000000ull
#define NOW_MS (EPOCH_MS + 90 * 1000ull)
#define CLIENT "2001:db8:1::a3b:2"
#define OTHER "2001:db8:1::a3b:3"
#define DENIED "2001:db8:1::a3b:4"

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

SgIp pcp_ip_of (const char *text);
void pcp_make_server (World *world);
World *world_new (void);
void world_free (World *world);
void pcp_put16 (uint8_t *at, unsigned value);
/* A MAP for @internal, of TCP, an hour, nonce of 12 times n, nothing suggested. */
void pcp_map (World *world, unsigned internal);
void pcp_lifetime (World *world, uint32_t seconds);
void pcp_suggest (World *world, unsigned port);
void pcp_suggest_ip (World *world, const char *text);
uint8_t *pcp_option (World *world, uint8_t code, unsigned len);
void pcp_prefer_failure (World *world);
void pcp_filter (World *world, const char *remote, uint8_t len, unsigned port);
void pcp_port_set (World *world, unsigned size, bool parity);
/* Sends it: whether there is an answer. */
bool pcp_ask (World *world);
unsigned pcp_get16 (const World *world, size_t at);
uint32_t pcp_get32 (const World *world, size_t at);
void pcp_expect (World *world, SgPcpResult result);
const SgPcpChange *pcp_change (const World *world);
/* Opens @internal and is given @external. */
void pcp_open_port (World *world, unsigned internal, unsigned suggested, unsigned external);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)

#define LIFETIME(world) pcp_get32 (world, 4)
#define EXTERNAL(world) pcp_get16 (world, 42)
