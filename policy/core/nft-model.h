/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nftables objects as values: what the kernel holds and what we want use the same types, so
 * that both can be compared without asking a parser of the nft language.
 * Numbers are those of linux/netfilter/nf_tables.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "base/prefix.h"

/* ---- expressions: the instructions of a rule ---- */

typedef enum {
    SG_NFT_EXPR_UNKNOWN,    /* from the kernel, none of the below: equal to nothing */
    SG_NFT_EXPR_META_LOAD,  /* key, dreg */
    SG_NFT_EXPR_META_SET,   /* key, sreg */
    SG_NFT_EXPR_CT_LOAD,    /* key, dreg */
    SG_NFT_EXPR_CT_SET,     /* key, sreg */
    SG_NFT_EXPR_PAYLOAD,    /* base, offset, len, dreg */
    SG_NFT_EXPR_EXTHDR,     /* key = extension header, offset, len, flags, dreg */
    SG_NFT_EXPR_CMP,        /* op, sreg, data[len] */
    SG_NFT_EXPR_BITWISE,    /* sreg, dreg, len, data = mask, data2 = xor */
    SG_NFT_EXPR_BYTEORDER,  /* op, sreg, dreg, len, size */
    SG_NFT_EXPR_LOOKUP,     /* name = set, sreg, dreg (0: none, a set), flags = NFT_LOOKUP_F_* */
    SG_NFT_EXPR_VERDICT,    /* code = NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_GOTO…; name = chain */
    SG_NFT_EXPR_COUNTER,    /* nothing: packets and bytes are not compared */
    SG_NFT_EXPR_REJECT,     /* key = NFT_REJECT_*, op = ICMP code */
    SG_NFT_EXPR_RT_LOAD,    /* key = NFT_RT_*, dreg */
    SG_NFT_EXPR_CT_TUPLE,   /* key, op = direction (IP_CT_DIR_*), dreg */
    SG_NFT_EXPR_NAT,        /* key = NFT_NAT_*, base = family, sreg, dreg = first and last port,
                             * flags = NF_NAT_RANGE_* */
    SG_NFT_EXPR_TCPOPT_SET, /* key = option, offset, len, op = NFT_EXTHDR_OP_TCPOPT, sreg */
    SG_NFT_EXPR_KIND_N
} SgNftExprKind;

#define SG_NFT_NAME_MAX 32 /* of our sets, maps and chains, with the final NUL */
#define SG_NFT_DATA_MAX 16

typedef struct {
    SgNftExprKind kind;
    uint32_t key;
    uint32_t op;
    uint32_t sreg, dreg; /* NFT_REG_1 (1)… or NFT_REG32_00 (8)… */
    uint32_t base, offset, len, size;
    uint32_t flags;
    int32_t code;
    uint8_t data[SG_NFT_DATA_MAX];
    uint8_t data2[SG_NFT_DATA_MAX];
    char name[SG_NFT_NAME_MAX];
} SgNftExpr;

bool sg_nft_expr_equal (const SgNftExpr *a, const SgNftExpr *b);

/* ---- rules and chains ---- */

typedef struct {
    char *text;      /* as the nft language says it; NULL for a rule read from the kernel */
    uint8_t family;  /* of a wanted rule: that of its table (NFPROTO_*) */
    GArray *exprs;   /* of SgNftExpr */
    uint64_t handle; /* the kernel's; 0 for a wanted rule */
} SgNftRule;

SgNftRule *sg_nft_rule_new (void);
void sg_nft_rule_free (SgNftRule *rule);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNftRule, sg_nft_rule_free)

typedef struct {
    char name[SG_NFT_NAME_MAX];
    uint8_t family; /* of a wanted chain: that of its table (NFPROTO_*) */
    bool base;      /* has a hook; the members up to policy count only then */
    char type[16];  /* "filter", "route", "nat" */
    uint32_t hook;  /* NF_INET_* */
    int32_t priority;
    uint32_t policy;  /* NF_ACCEPT or NF_DROP */
    GPtrArray *rules; /* of SgNftRule, in order, owned */
} SgNftChain;

SgNftChain *sg_nft_chain_new (const char *name);
void sg_nft_chain_free (SgNftChain *chain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNftChain, sg_nft_chain_free)
/* Whether the definitions (not the rules) agree. */
bool sg_nft_chain_same_definition (const SgNftChain *a, const SgNftChain *b);
bool sg_nft_chain_same_rules (const SgNftChain *a, const SgNftChain *b);

/* ---- sets and maps ---- */

/* Types of keys and data; the values are the numbers that nft itself stores as key type
 * (nftables' enum datatypes), so that `nft list` shows our sets as what they are. */
typedef enum {
    SG_NFT_TYPE_NONE = 0,
    SG_NFT_TYPE_IPV4_ADDR = 7,
    SG_NFT_TYPE_IPV6_ADDR = 8,
    SG_NFT_TYPE_INET_PROTO = 12,
    SG_NFT_TYPE_INET_SERVICE = 13,
    SG_NFT_TYPE_MARK = 19,
    SG_NFT_TYPE_IFINDEX = 20,
} SgNftType;

/* Bytes of a value of @type, without the padding to 4 that registers have. */
uint32_t sg_nft_type_len (SgNftType type);

#define SG_NFT_FIELDS_MAX 4
#define SG_NFT_KEY_MAX 40

/* An element. The key is laid out as in the kernel's registers: each field padded to 4 bytes;
 * interface indices and marks in host order, but interface indices in network order in sets
 * with intervals; addresses in network order. Unused bytes are zero. */
typedef struct {
    uint8_t key[SG_NFT_KEY_MAX];
    uint8_t key_end[SG_NFT_KEY_MAX]; /* inclusive end, in sets with intervals; else zero */
    uint32_t data;                   /* of maps, host order; of ports too */
    uint64_t timeout_ms;             /* in sets with timeouts: what is left; not compared */
} SgNftElement;

int sg_nft_element_compare (const SgNftElement *a, const SgNftElement *b);

/* Lays out a key of address, protocol (IPPROTO_*) and port. */
void sg_nft_port_key (uint8_t key[SG_NFT_KEY_MAX], const SgIp *ip, uint8_t protocol, uint16_t port);

typedef struct {
    char name[SG_NFT_NAME_MAX];
    SgNftType key[SG_NFT_FIELDS_MAX];
    uint32_t n_key;   /* fields, at least 1; more than 1 is a concatenation */
    SgNftType data;   /* SG_NFT_TYPE_NONE: a set; else a map */
    bool interval;    /* NFT_SET_INTERVAL */
    bool timeout;     /* NFT_SET_TIMEOUT: elements go by themselves */
    GArray *elements; /* of SgNftElement, sorted by sg_nft_element_compare, no duplicates */
} SgNftSet;

SgNftSet *sg_nft_set_new (const char *name);
void sg_nft_set_free (SgNftSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNftSet, sg_nft_set_free)
/* Whether the definitions (not the elements) agree. A set read from the kernel whose types we
 * do not know has n_key 0 and agrees with nothing. */
bool sg_nft_set_same_definition (const SgNftSet *a, const SgNftSet *b);
/* Bytes of its key in registers: the fields, each padded to 4. */
uint32_t sg_nft_set_key_len (const SgNftSet *set);
/* Sorts the elements and drops duplicates. */
void sg_nft_set_normalise (SgNftSet *set);

/* ---- the table ---- */

typedef struct {
    bool exists;    /* in the kernel; always true in what is wanted */
    bool dormant;   /* NFT_TABLE_F_DORMANT: somebody switched its chains off */
    uint8_t family; /* NFPROTO_IPV6, NFPROTO_IPV4 */
    char *name;
    uint32_t generation; /* of the ruleset when it was read (NFTA_GEN_ID); 0 = not read */
    GPtrArray *sets;     /* of SgNftSet, owned; only those with a name of ours */
    GPtrArray *chains;   /* of SgNftChain, owned; only those with a name of ours */
    GPtrArray *foreign;  /* of char *: names of chains in the table that are not ours */
} SgNftTable;

/* A family (NFPROTO_*) as the nft language says it: "ip6", "ip"; static. */
const char *sg_nft_family_word (uint8_t family);
SgNftTable *sg_nft_table_new (uint8_t family, const char *name);
void sg_nft_table_free (SgNftTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNftTable, sg_nft_table_free)
SgNftSet *sg_nft_table_find_set (const SgNftTable *table, const char *name);
SgNftChain *sg_nft_table_find_chain (const SgNftTable *table, const char *name);
