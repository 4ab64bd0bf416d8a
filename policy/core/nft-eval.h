/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What chains of our nftables table say of one packet: the instructions that the kernel holds,
 * carried out on values. For explanations and for the model of the tests; the kernel itself is
 * asked by tests/integration/test-explain.c and tests/packets. */
#pragma once

#include "core/snapshot.h"

/* A packet as the ruleset sees it. */
typedef struct {
    SgIp src;
    SgIp dst;
    uint32_t iif; /* 0: made by this host */
    uint32_t oif;
    uint32_t mark;
    uint8_t protocol;      /* IPPROTO_* */
    uint16_t sport, dport; /* of TCP and UDP; 0: not known */
    bool reply;            /* of a connection that came in… */
    uint32_t ct_mark;      /* …and got this mark */
} SgNftPacket;

typedef enum {
    SG_NFT_PASSES,  /* accepted, or nothing said otherwise */
    SG_NFT_REFUSED, /* dropped or rejected */
    SG_NFT_UNCLEAR, /* an instruction that is not known decides */
} SgNftOpinion;

typedef struct {
    SgNftOpinion opinion;
    const SgNftChain *chain; /* whose rule spoke last; NULL: none did */
    guint rule;              /* its number there, from 0 */
} SgNftSaying;

/* Sends @packet through the base chains of @snapshot's table of its family at @hook (NF_INET_*), by their
 * priority, until one refuses it. A table that does not exist or is dormant lets all pass. */
SgNftSaying sg_nft_eval (const SgSnapshot *snapshot, uint32_t hook, const SgNftPacket *packet);
