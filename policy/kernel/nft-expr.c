/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Not by libnftnl: its parsers end the process on an attribute that they do not expect
 * (abi_breakage() in its utils.c). */
#include "kernel/nft-expr.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* How an attribute lies in SgNftExpr. Numbers are in network order on the wire. */
typedef enum {
    ATTR_U8,      /* a uint32_t member, eight bits on the wire */
    ATTR_U32,     /* a uint32_t member */
    ATTR_DATA,    /* a byte array member, nested as struct nft_data; its length is the member len */
    ATTR_NAME,    /* the member name */
    ATTR_VERDICT, /* the members code and name, nested as a verdict */
    ATTR_ZERO,    /* no member: anything but zero is not what the model means */
    ATTR_SKIP,    /* no member: whatever it holds does not matter; never sent */
} AttrType;

typedef struct {
    uint16_t id;
    AttrType type;
    bool optional; /* absent is the same as zero */
    size_t offset;
} Attr;

#define ATTRS_MAX 6

/* What a kind of expression is on the wire: exactly these attributes and no others. */
typedef struct {
    const char *name;
    Attr attrs[ATTRS_MAX]; /* ends at id 0, which is no attribute */
} Layout;

#define U8(id, member)                                                                             \
    {                                                                                              \
        id, ATTR_U8, false, offsetof (SgNftExpr, member)                                           \
    }
#define U32(id, member)                                                                            \
    {                                                                                              \
        id, ATTR_U32, false, offsetof (SgNftExpr, member)                                          \
    }
#define DATA(id, member)                                                                           \
    {                                                                                              \
        id, ATTR_DATA, false, offsetof (SgNftExpr, member)                                         \
    }
#define OPTIONAL_U8(id, member)                                                                    \
    {                                                                                              \
        id, ATTR_U8, true, offsetof (SgNftExpr, member)                                            \
    }
#define OPTIONAL_U32(id, member)                                                                   \
    {                                                                                              \
        id, ATTR_U32, true, offsetof (SgNftExpr, member)                                           \
    }
#define NAME(id)                                                                                   \
    {                                                                                              \
        id, ATTR_NAME, false, 0                                                                    \
    }
#define VERDICT(id)                                                                                \
    {                                                                                              \
        id, ATTR_VERDICT, false, 0                                                                 \
    }
#define ZERO(id)                                                                                   \
    {                                                                                              \
        id, ATTR_ZERO, false, 0                                                                    \
    }
#define OPTIONAL_ZERO(id)                                                                          \
    {                                                                                              \
        id, ATTR_ZERO, true, 0                                                                     \
    }
#define SKIP(id)                                                                                   \
    {                                                                                              \
        id, ATTR_SKIP, true, 0                                                                     \
    }

/* The one table of both directions. Members and attributes that are not named are not part of
 * a kind: parsing leaves the former zero and takes the latter as a sign of something else. */
static const Layout layouts[SG_NFT_EXPR_KIND_N] = {
    [SG_NFT_EXPR_META_LOAD] = {"meta", {U32 (NFTA_META_KEY, key), U32 (NFTA_META_DREG, dreg)}},
    [SG_NFT_EXPR_META_SET] = {"meta", {U32 (NFTA_META_KEY, key), U32 (NFTA_META_SREG, sreg)}},
    [SG_NFT_EXPR_CT_LOAD] = {"ct", {U32 (NFTA_CT_KEY, key), U32 (NFTA_CT_DREG, dreg)}},
    [SG_NFT_EXPR_CT_SET] = {"ct", {U32 (NFTA_CT_KEY, key), U32 (NFTA_CT_SREG, sreg)}},
    [SG_NFT_EXPR_CT_TUPLE] = {"ct",
                              {U32 (NFTA_CT_KEY, key), U32 (NFTA_CT_DREG, dreg),
                               U8 (NFTA_CT_DIRECTION, op)}},
    [SG_NFT_EXPR_NAT] = {"nat",
                         {U32 (NFTA_NAT_TYPE, key), U32 (NFTA_NAT_FAMILY, base),
                          U32 (NFTA_NAT_REG_PROTO_MIN, sreg), U32 (NFTA_NAT_REG_PROTO_MAX, dreg),
                          U32 (NFTA_NAT_FLAGS, flags)}},
    [SG_NFT_EXPR_PAYLOAD] = {"payload",
                             {U32 (NFTA_PAYLOAD_DREG, dreg), U32 (NFTA_PAYLOAD_BASE, base),
                              U32 (NFTA_PAYLOAD_OFFSET, offset), U32 (NFTA_PAYLOAD_LEN, len)}},
    [SG_NFT_EXPR_EXTHDR] = {"exthdr",
                            {U32 (NFTA_EXTHDR_DREG, dreg), U8 (NFTA_EXTHDR_TYPE, key),
                             U32 (NFTA_EXTHDR_OFFSET, offset), U32 (NFTA_EXTHDR_LEN, len),
                             OPTIONAL_U32 (NFTA_EXTHDR_FLAGS, flags),
                             OPTIONAL_U32 (NFTA_EXTHDR_OP, op)}},
    /* op 1 is NFT_EXTHDR_OP_TCPOPT */
    [SG_NFT_EXPR_TCPOPT_SET] = {"exthdr",
                                {U32 (NFTA_EXTHDR_SREG, sreg), U8 (NFTA_EXTHDR_TYPE, key),
                                 U32 (NFTA_EXTHDR_OFFSET, offset), U32 (NFTA_EXTHDR_LEN, len),
                                 OPTIONAL_ZERO (NFTA_EXTHDR_FLAGS), U32 (NFTA_EXTHDR_OP, op)}},
    [SG_NFT_EXPR_RT_LOAD] = {"rt", {U32 (NFTA_RT_KEY, key), U32 (NFTA_RT_DREG, dreg)}},
    [SG_NFT_EXPR_CMP] = {"cmp",
                         {U32 (NFTA_CMP_SREG, sreg), U32 (NFTA_CMP_OP, op),
                          DATA (NFTA_CMP_DATA, data)}},
    /* op 0 is NFT_BITWISE_BOOL (NFT_BITWISE_MASK_XOR in newer headers) */
    [SG_NFT_EXPR_BITWISE] = {"bitwise",
                             {U32 (NFTA_BITWISE_SREG, sreg), U32 (NFTA_BITWISE_DREG, dreg),
                              U32 (NFTA_BITWISE_LEN, len), DATA (NFTA_BITWISE_MASK, data),
                              DATA (NFTA_BITWISE_XOR, data2), OPTIONAL_ZERO (NFTA_BITWISE_OP)}},
    [SG_NFT_EXPR_BYTEORDER] = {"byteorder",
                               {U32 (NFTA_BYTEORDER_SREG, sreg), U32 (NFTA_BYTEORDER_DREG, dreg),
                                U32 (NFTA_BYTEORDER_OP, op), U32 (NFTA_BYTEORDER_LEN, len),
                                U32 (NFTA_BYTEORDER_SIZE, size)}},
    [SG_NFT_EXPR_LOOKUP] = {"lookup",
                            {NAME (NFTA_LOOKUP_SET), U32 (NFTA_LOOKUP_SREG, sreg),
                             OPTIONAL_U32 (NFTA_LOOKUP_DREG, dreg),
                             OPTIONAL_U32 (NFTA_LOOKUP_FLAGS, flags)}},
    /* register 0 is NFT_REG_VERDICT */
    [SG_NFT_EXPR_VERDICT] = {"immediate",
                             {ZERO (NFTA_IMMEDIATE_DREG), VERDICT (NFTA_IMMEDIATE_DATA)}},
    [SG_NFT_EXPR_COUNTER] = {"counter",
                             {SKIP (NFTA_COUNTER_BYTES), SKIP (NFTA_COUNTER_PACKETS),
                              SKIP (NFTA_COUNTER_PAD)}},
    [SG_NFT_EXPR_REJECT] = {"reject",
                            {U32 (NFTA_REJECT_TYPE, key), OPTIONAL_U8 (NFTA_REJECT_ICMP_CODE, op)}},
};

/* Attributes of any kind are numbered below this. */
#define IDS_MAX 16

/* ---- building ---- */

static bool
put_data (SgNlMessage *message, uint16_t id, const void *bytes, uint32_t len)
{
    if (len == 0 || len > SG_NFT_DATA_MAX)
        return false;
    struct nlattr *nest = sg_nl_nest_begin (message, id);
    sg_nl_put (message, NFTA_DATA_VALUE, bytes, len);
    sg_nl_nest_end (message, nest);
    return true;
}

static void
put_verdict (SgNlMessage *message, uint16_t id, const SgNftExpr *expr)
{
    struct nlattr *data = sg_nl_nest_begin (message, id);
    struct nlattr *verdict = sg_nl_nest_begin (message, NFTA_DATA_VERDICT);

    sg_nl_put_u32 (message, NFTA_VERDICT_CODE, GUINT32_TO_BE ((uint32_t) expr->code));
    if (expr->name[0] != '\0')
        sg_nl_put_string (message, NFTA_VERDICT_CHAIN, expr->name);
    sg_nl_nest_end (message, verdict);
    sg_nl_nest_end (message, data);
}

static bool
put_attr (SgNlMessage *message, const Attr *attr, const SgNftExpr *expr)
{
    const void *member = (const uint8_t *) expr + attr->offset;
    const uint32_t *number = member;

    switch (attr->type) {
    case ATTR_U8:
        if (*number > UINT8_MAX)
            return false;
        sg_nl_put_u8 (message, attr->id, (uint8_t) *number);
        return true;
    case ATTR_U32:
        if (*number != 0 || !attr->optional)
            sg_nl_put_u32 (message, attr->id, GUINT32_TO_BE (*number));
        return true;
    case ATTR_DATA:
        return put_data (message, attr->id, member, expr->len);
    case ATTR_NAME:
        if (expr->name[0] == '\0')
            return false;
        sg_nl_put_string (message, attr->id, expr->name);
        return true;
    case ATTR_VERDICT:
        put_verdict (message, attr->id, expr);
        return true;
    case ATTR_ZERO:
        if (!attr->optional)
            sg_nl_put_u32 (message, attr->id, 0);
        return true;
    case ATTR_SKIP:
        return true;
    }
    g_return_val_if_reached (false);
}

bool
sg_nft_expr_put (SgNlMessage *message, const SgNftExpr *expr)
{
    g_return_val_if_fail (expr->kind < SG_NFT_EXPR_KIND_N, false);
    const Layout *layout = &layouts[expr->kind];

    if (!layout->name)
        return false;
    struct nlattr *entry = sg_nl_nest_begin (message, NFTA_LIST_ELEM);
    sg_nl_put_string (message, NFTA_EXPR_NAME, layout->name);
    struct nlattr *data = sg_nl_nest_begin (message, NFTA_EXPR_DATA);
    for (size_t i = 0; i < ATTRS_MAX && layout->attrs[i].id != 0; i++) {
        if (!put_attr (message, &layout->attrs[i], expr))
            return false;
    }
    sg_nl_nest_end (message, data);
    sg_nl_nest_end (message, entry);
    return true;
}

/* ---- reading ---- */

static bool
parse_nest (const struct nlattr *nest, const SgNlSpec *specs, size_t n, const struct nlattr **attrs)
{
    return sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), specs, n, attrs);
}

static bool
parse_data (const struct nlattr *nest, uint8_t *bytes, uint32_t *len)
{
    static const SgNlSpec specs[] = {[NFTA_DATA_VALUE] = {SG_NL_BYTES, 1}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!parse_nest (nest, specs, G_N_ELEMENTS (specs), attrs) || !attrs[NFTA_DATA_VALUE])
        return false;
    /* Where the length has an attribute of its own both must agree; it was read before. */
    size_t size = sg_nl_attr_len (attrs[NFTA_DATA_VALUE]);
    if (size > SG_NFT_DATA_MAX || (*len != 0 && *len != size))
        return false;
    memcpy (bytes, sg_nl_attr_data (attrs[NFTA_DATA_VALUE]), size);
    *len = (uint32_t) size;
    return true;
}

static bool
parse_name (const struct nlattr *attr, SgNftExpr *expr)
{
    const char *text = sg_nl_attr_data (attr);
    size_t len = sg_nl_attr_len (attr);

    if (len == 0 || len > sizeof (expr->name) || text[len - 1] != '\0')
        return false;
    memcpy (expr->name, text, len);
    return true;
}

static bool
parse_verdict (const struct nlattr *nest, SgNftExpr *expr)
{
    static const SgNlSpec data_specs[] = {[NFTA_DATA_VERDICT] = {SG_NL_BYTES, 0}};
    static const SgNlSpec specs[] = {
        [NFTA_VERDICT_CODE] = {SG_NL_U32, 0},
        [NFTA_VERDICT_CHAIN] = {SG_NL_BYTES, 1},
    };
    const struct nlattr *data[G_N_ELEMENTS (data_specs)];
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!parse_nest (nest, data_specs, G_N_ELEMENTS (data_specs), data) ||
        !data[NFTA_DATA_VERDICT] ||
        !parse_nest (data[NFTA_DATA_VERDICT], specs, G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_VERDICT_CODE])
        return false;
    expr->code = (int32_t) GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[NFTA_VERDICT_CODE]));
    return !attrs[NFTA_VERDICT_CHAIN] || parse_name (attrs[NFTA_VERDICT_CHAIN], expr);
}

static bool
parse_attr (const struct nlattr *from, const Attr *attr, SgNftExpr *expr)
{
    void *member = (uint8_t *) expr + attr->offset;
    uint32_t *number = member;

    switch (attr->type) {
    case ATTR_U8:
        if (sg_nl_attr_len (from) != sizeof (uint8_t))
            return false;
        *number = sg_nl_attr_u8 (from);
        return true;
    case ATTR_U32:
        if (sg_nl_attr_len (from) != sizeof (uint32_t))
            return false;
        *number = GUINT32_FROM_BE (sg_nl_attr_u32 (from));
        return true;
    case ATTR_DATA:
        return parse_data (from, member, &expr->len);
    case ATTR_NAME:
        return parse_name (from, expr);
    case ATTR_VERDICT:
        return parse_verdict (from, expr);
    case ATTR_ZERO:
        return sg_nl_attr_len (from) == sizeof (uint32_t) && sg_nl_attr_u32 (from) == 0;
    case ATTR_SKIP:
        return true;
    }
    g_return_val_if_reached (false);
}

/* Whether @attrs (of IDS_MAX) are those of @layout; fills @expr. */
static bool
parse_as (const struct nlattr *const *attrs, const Layout *layout, SgNftExpr *expr)
{
    size_t found = 0, given = 0;

    for (size_t i = 0; i < ATTRS_MAX && layout->attrs[i].id != 0; i++) {
        const Attr *attr = &layout->attrs[i];

        if (attrs[attr->id] ? !parse_attr (attrs[attr->id], attr, expr) : !attr->optional)
            return false;
        found += attrs[attr->id] != NULL;
    }
    for (size_t id = 0; id < IDS_MAX; id++)
        given += attrs[id] != NULL;
    return found == given;
}

SgNftExpr
sg_nft_expr_parse (const struct nlattr *entry)
{
    static const SgNlSpec specs[] = {
        [NFTA_EXPR_NAME] = {SG_NL_STRING, 0},
        [NFTA_EXPR_DATA] = {SG_NL_BYTES, 0},
    };
    static const SgNlSpec any[IDS_MAX] = {[1 ... IDS_MAX - 1] = {SG_NL_BYTES, 0}};
    const struct nlattr *parts[G_N_ELEMENTS (specs)];
    const struct nlattr *attrs[IDS_MAX];

    if (!parse_nest (entry, specs, G_N_ELEMENTS (specs), parts) || !parts[NFTA_EXPR_NAME] ||
        !parts[NFTA_EXPR_DATA] || !parse_nest (parts[NFTA_EXPR_DATA], any, IDS_MAX, attrs))
        return (SgNftExpr) {.kind = SG_NFT_EXPR_UNKNOWN};
    for (int kind = 0; kind < SG_NFT_EXPR_KIND_N; kind++) {
        SgNftExpr expr = {.kind = (SgNftExprKind) kind};

        if (g_strcmp0 (layouts[kind].name, sg_nl_attr_data (parts[NFTA_EXPR_NAME])) == 0 &&
            parse_as (attrs, &layouts[kind], &expr))
            return expr;
    }
    return (SgNftExpr) {.kind = SG_NFT_EXPR_UNKNOWN};
}
