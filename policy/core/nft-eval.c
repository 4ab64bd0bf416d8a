/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/nft-eval.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Registers are 20 words; the old names of 16 bytes are aliases (net/netfilter/nf_tables_api.c,
 * nft_parse_register). */
#define WORDS 20
/* linux/netfilter/nf_conntrack_common.h */
#define CT_STATE_ESTABLISHED (1u << 1)
#define CT_STATE_NEW (1u << 3)
/* The longer one of both families, without options and extensions. */
#define HEADER_MAX 40
#define HOP_LIMIT 64
/* Rules that go to each other in a circle: the kernel refuses them, a damaged table might not. */
#define DEPTH_MAX 16

typedef enum {
    NEXT,    /* the next instruction */
    BREAK,   /* the next rule */
    ACCEPT,  /* out of this base chain */
    REFUSE,  /* out of everything */
    RETURN,  /* back to the chain that jumped here */
    ENTER,   /* into a chain; comes back */
    GO,      /* into a chain; does not */
    UNCLEAR, /* cannot be said */
} Step;

typedef struct {
    const SgSnapshot *snapshot;
    const SgNftPacket *packet;
    const SgNftTable *table;
    uint32_t words[WORDS];
    SgNftSaying saying;
} Machine;

/* Where @len bytes of a register lie; NULL when it is none. */
static uint8_t *
registers (Machine *machine, uint32_t reg, uint32_t len)
{
    uint32_t word = reg >= NFT_REG32_00 ? reg - NFT_REG32_00 + 4 : reg * 4;

    return word < 4 || word >= WORDS || len > (WORDS - word) * 4
               ? NULL
               : (uint8_t *) &machine->words[word];
}

/* ---- loading ---- */

static Step
load (Machine *machine, uint32_t reg, const void *data, uint32_t len)
{
    uint8_t *to = registers (machine, reg, (len + 3) & ~3u);

    if (!to)
        return UNCLEAR;
    memset (to, 0, (len + 3) & ~3u);
    memcpy (to, data, len);
    return NEXT;
}

/* Where a device is asked for and there is none, the rule does not match (nft_meta.c). */
static Step
load_meta (Machine *machine, const SgNftExpr *expr)
{
    const SgNftPacket *packet = machine->packet;
    const SgLink *link = sg_snapshot_link (machine->snapshot, packet->oif);

    switch (expr->key) {
    case NFT_META_OIF:
        return load (machine, expr->dreg, &packet->oif, sizeof packet->oif);
    case NFT_META_IIF:
        return load (machine, expr->dreg, &packet->iif, sizeof packet->iif);
    case NFT_META_MARK:
        return load (machine, expr->dreg, &packet->mark, sizeof packet->mark);
    case NFT_META_L4PROTO:
        return load (machine, expr->dreg, &packet->protocol, sizeof packet->protocol);
    case NFT_META_OIFKIND:
        return link && link->kind[0] ? load (machine, expr->dreg, link->kind, sizeof link->kind)
                                     : BREAK;
    default:
        return UNCLEAR;
    }
}

static Step
load_ct (Machine *machine, const SgNftExpr *expr)
{
    const SgNftPacket *packet = machine->packet;
    uint8_t direction = packet->reply;
    uint32_t state = packet->reply ? CT_STATE_ESTABLISHED : CT_STATE_NEW;

    switch (expr->key) {
    case NFT_CT_DIRECTION:
        return load (machine, expr->dreg, &direction, sizeof direction);
    case NFT_CT_MARK:
        return load (machine, expr->dreg, &packet->ct_mark, sizeof packet->ct_mark);
    case NFT_CT_STATE:
        return load (machine, expr->dreg, &state, sizeof state);
    default:
        return UNCLEAR;
    }
}

/* The packet's own header (struct iphdr, struct ip6_hdr), as far as a ruleset looks at it. */
static uint32_t
write_header (const SgNftPacket *packet, uint8_t header[static HEADER_MAX])
{
    if (packet->dst.family == AF_INET) {
        header[0] = 0x45;
        header[8] = HOP_LIMIT;
        header[9] = packet->protocol;
        memcpy (header + 12, packet->src.bytes, 4);
        memcpy (header + 16, packet->dst.bytes, 4);
        return 20;
    }
    header[0] = 0x60;
    header[7] = HOP_LIMIT;
    memcpy (header + 8, packet->src.bytes, 16);
    memcpy (header + 24, packet->dst.bytes, 16);
    return 40;
}

/* Of the header behind that only the ports are known. */
static uint32_t
write_ports (const SgNftPacket *packet, uint8_t header[static 4])
{
    const uint16_t ports[] = {GUINT16_TO_BE (packet->sport), GUINT16_TO_BE (packet->dport)};

    if (!packet->sport || !packet->dport)
        return 0;
    memcpy (header, ports, sizeof ports);
    return sizeof ports;
}

static Step
load_payload (Machine *machine, const SgNftExpr *expr)
{
    uint8_t header[HEADER_MAX] = {0};
    uint32_t known = 0;

    if (expr->base == NFT_PAYLOAD_NETWORK_HEADER)
        known = write_header (machine->packet, header);
    else if (expr->base == NFT_PAYLOAD_TRANSPORT_HEADER)
        known = write_ports (machine->packet, header);
    if (expr->offset > known || expr->len > known - expr->offset)
        return UNCLEAR;
    return load (machine, expr->dreg, header + expr->offset, expr->len);
}

/* The packet has no extension header, and of IPv4 no option. */
static Step
load_exthdr (Machine *machine, const SgNftExpr *expr)
{
    const uint8_t absent = 0;

    return expr->flags & NFT_EXTHDR_F_PRESENT ? load (machine, expr->dreg, &absent, 1) : BREAK;
}

/* ---- computing and comparing ---- */

static Step
compare (Machine *machine, const SgNftExpr *expr)
{
    const uint8_t *value = registers (machine, expr->sreg, expr->len);
    int order = value ? memcmp (value, expr->data, expr->len) : 0;
    bool holds = (expr->op == NFT_CMP_EQ && order == 0) || (expr->op == NFT_CMP_NEQ && order) ||
                 (expr->op == NFT_CMP_LT && order < 0) || (expr->op == NFT_CMP_LTE && order <= 0) ||
                 (expr->op == NFT_CMP_GT && order > 0) || (expr->op == NFT_CMP_GTE && order >= 0);

    if (!value)
        return UNCLEAR;
    return holds ? NEXT : BREAK;
}

static Step
mask (Machine *machine, const SgNftExpr *expr)
{
    const uint8_t *from = registers (machine, expr->sreg, expr->len);
    uint8_t *to = registers (machine, expr->dreg, expr->len);

    if (!from || !to || expr->len > SG_NFT_DATA_MAX)
        return UNCLEAR;
    for (uint32_t i = 0; i < expr->len; i++)
        to[i] = (from[i] & expr->data[i]) ^ expr->data2[i];
    return NEXT;
}

static Step
swap (Machine *machine, const SgNftExpr *expr)
{
    const uint8_t *from = registers (machine, expr->sreg, 4);
    uint32_t value;

    if (expr->len == 2 && expr->size == 2) /* the size for a TCP option, set and never compared */
        return NEXT;
    if (!from || expr->len != 4 || expr->size != 4)
        return UNCLEAR;
    memcpy (&value, from, sizeof value);
    value = GUINT32_TO_BE (value);
    return load (machine, expr->dreg, &value, sizeof value);
}

/* In sets with intervals every field has to lie between its ends. */
static bool
element_matches (const SgNftSet *set, const SgNftElement *element, const uint8_t *key)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < set->n_key; i++) {
        uint32_t len = sg_nft_type_len (set->key[i]);

        if (set->interval ? memcmp (key + at, element->key + at, len) < 0 ||
                                memcmp (key + at, element->key_end + at, len) > 0
                          : memcmp (key + at, element->key + at, len) != 0)
            return false;
        at += (len + 3) & ~3u;
    }
    return true;
}

static Step
look_up (Machine *machine, const SgNftExpr *expr)
{
    const SgNftSet *set = sg_nft_table_find_set (machine->table, expr->name);
    const uint8_t *key = set ? registers (machine, expr->sreg, sg_nft_set_key_len (set)) : NULL;
    const SgNftElement *found = NULL;

    if (!key || set->n_key == 0)
        return UNCLEAR;
    for (guint i = 0; i < set->elements->len && !found; i++) {
        const SgNftElement *element = &g_array_index (set->elements, SgNftElement, i);

        if (element_matches (set, element, key))
            found = element;
    }
    if (!found != !!(expr->flags & NFT_LOOKUP_F_INV))
        return BREAK;
    return found && expr->dreg ? load (machine, expr->dreg, &found->data, sizeof found->data)
                               : NEXT;
}

static Step
give_verdict (const SgNftExpr *expr)
{
    switch (expr->code) {
    case NF_ACCEPT:
        return ACCEPT;
    case NF_DROP:
        return REFUSE;
    case NFT_RETURN:
        return RETURN;
    case NFT_JUMP:
        return ENTER;
    case NFT_GOTO:
        return GO;
    case NFT_CONTINUE:
        return BREAK;
    default:
        return UNCLEAR;
    }
}

static Step
execute (Machine *machine, const SgNftExpr *expr)
{
    switch (expr->kind) {
    case SG_NFT_EXPR_META_LOAD:
        return load_meta (machine, expr);
    case SG_NFT_EXPR_CT_LOAD:
        return load_ct (machine, expr);
    case SG_NFT_EXPR_PAYLOAD:
        return load_payload (machine, expr);
    case SG_NFT_EXPR_EXTHDR:
        return load_exthdr (machine, expr);
    case SG_NFT_EXPR_CMP:
        return compare (machine, expr);
    case SG_NFT_EXPR_BITWISE:
        return mask (machine, expr);
    case SG_NFT_EXPR_BYTEORDER:
        return swap (machine, expr);
    case SG_NFT_EXPR_LOOKUP:
        return look_up (machine, expr);
    case SG_NFT_EXPR_VERDICT:
        return give_verdict (expr);
    case SG_NFT_EXPR_REJECT:
        return REFUSE;
    /* Marks and options that a rule sets are no answer to whether the packet passes. */
    case SG_NFT_EXPR_RT_LOAD:
    case SG_NFT_EXPR_TCPOPT_SET:
    case SG_NFT_EXPR_META_SET:
    case SG_NFT_EXPR_CT_SET:
    case SG_NFT_EXPR_COUNTER:
        return NEXT;
    /* The tunnel role's: no chain that is asked about has them. */
    case SG_NFT_EXPR_CT_TUPLE:
    case SG_NFT_EXPR_NAT:
    case SG_NFT_EXPR_UNKNOWN:
    case SG_NFT_EXPR_KIND_N:
        break;
    }
    return UNCLEAR;
}

/* ---- chains ---- */

/* Carries out one rule; *@ret_to is the chain that it leads into. */
static Step
execute_rule (Machine *machine, const SgNftRule *rule, const char **ret_to)
{
    Step step = NEXT;

    for (guint i = 0; i < rule->exprs->len && step == NEXT; i++) {
        const SgNftExpr *expr = &g_array_index (rule->exprs, SgNftExpr, i);

        step = execute (machine, expr);
        *ret_to = expr->name;
    }
    return step;
}

/* ACCEPT, REFUSE, UNCLEAR; RETURN also at the end of the chain. */
static Step
walk (Machine *machine, const SgNftChain *chain, unsigned depth)
{
    if (!chain || depth > DEPTH_MAX)
        return UNCLEAR;
    for (guint i = 0; i < chain->rules->len; i++) {
        const char *to = NULL;
        Step step = execute_rule (machine, g_ptr_array_index (chain->rules, i), &to);

        if (step == NEXT || step == BREAK)
            continue;
        machine->saying.chain = chain;
        machine->saying.rule = i;
        if (step == ENTER || step == GO) {
            const SgNftChain *other = sg_nft_table_find_chain (machine->table, to);
            Step answer = walk (machine, other, depth + 1);

            if (step == ENTER && answer == RETURN)
                continue;
            return answer;
        }
        return step;
    }
    return RETURN;
}

static SgNftOpinion
pass_chain (Machine *machine, const SgNftChain *chain)
{
    switch (walk (machine, chain, /* depth= */ 0)) {
    case ACCEPT:
        return SG_NFT_PASSES;
    case REFUSE:
        return SG_NFT_REFUSED;
    case UNCLEAR:
        return SG_NFT_UNCLEAR;
    case NEXT:
    case BREAK:
    case RETURN:
    case ENTER:
    case GO:
        break;
    }
    return chain->policy == NF_DROP ? SG_NFT_REFUSED : SG_NFT_PASSES;
}

static int
compare_priority (const SgNftChain **a, const SgNftChain **b)
{
    return ((*a)->priority > (*b)->priority) - ((*a)->priority < (*b)->priority);
}

SgNftSaying
sg_nft_eval (const SgSnapshot *snapshot, uint32_t hook, const SgNftPacket *packet)
{
    const SgNftTable *table = snapshot->nft[packet->dst.family == AF_INET ? SG_IPV4 : SG_IPV6];
    g_autoptr (GPtrArray) chains = g_ptr_array_new ();
    Machine machine = {.snapshot = snapshot, .packet = packet, .table = table};

    for (guint i = 0; table && table->exists && !table->dormant && i < table->chains->len; i++) {
        SgNftChain *chain = g_ptr_array_index (table->chains, i);

        if (chain->base && chain->hook == hook)
            g_ptr_array_add (chains, chain);
    }
    g_ptr_array_sort (chains, (GCompareFunc) compare_priority);
    for (guint i = 0; i < chains->len && machine.saying.opinion == SG_NFT_PASSES; i++)
        machine.saying.opinion = pass_chain (&machine, g_ptr_array_index (chains, i));
    return machine.saying;
}
