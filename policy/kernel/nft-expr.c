/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-expr.h"

#include <stdio.h> /* before libnftnl/expr.h, which needs it */
#include <string.h>

#include <libnftnl/expr.h>

/* How an attribute of libnftnl lies in SgNftExpr. */
typedef enum {
    ATTR_U8,   /* a uint32_t member, eight bits on the wire */
    ATTR_U32,  /* a uint32_t member */
    ATTR_DATA, /* a byte array member; its length is the member len */
    ATTR_NAME, /* a string member */
    ATTR_ZERO, /* no member: unset or zero, or the expression is not what the model means */
    ATTR_SKIP, /* no member: whatever it holds does not matter */
} AttrType;

typedef struct {
    uint16_t id;
    AttrType type;
    bool optional; /* unset is the same as zero */
    size_t offset;
} Attr;

#define ATTRS_MAX 6

/* What a kind of expression is in libnftnl: exactly these attributes and no others. */
typedef struct {
    const char *name;
    Attr attrs[ATTRS_MAX]; /* ends at id 0, which is NFTNL_EXPR_NAME */
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
        id, ATTR_NAME, false, offsetof (SgNftExpr, name)                                           \
    }
#define OPTIONAL_NAME(id)                                                                          \
    {                                                                                              \
        id, ATTR_NAME, true, offsetof (SgNftExpr, name)                                            \
    }
#define ZERO(id)                                                                                   \
    {                                                                                              \
        id, ATTR_ZERO, true, 0                                                                     \
    }
#define SKIP(id)                                                                                   \
    {                                                                                              \
        id, ATTR_SKIP, true, 0                                                                     \
    }

/* The one table of both directions. Members and attributes that are not named are not part of
 * a kind: decoding leaves the former zero and takes the latter as a sign of something else. */
static const Layout layouts[SG_NFT_EXPR_KIND_N] = {
    [SG_NFT_EXPR_META_LOAD] = {"meta",
                               {U32 (NFTNL_EXPR_META_KEY, key), U32 (NFTNL_EXPR_META_DREG, dreg)}},
    [SG_NFT_EXPR_META_SET] = {"meta",
                              {U32 (NFTNL_EXPR_META_KEY, key), U32 (NFTNL_EXPR_META_SREG, sreg)}},
    [SG_NFT_EXPR_CT_LOAD] = {"ct", {U32 (NFTNL_EXPR_CT_KEY, key), U32 (NFTNL_EXPR_CT_DREG, dreg)}},
    [SG_NFT_EXPR_CT_SET] = {"ct", {U32 (NFTNL_EXPR_CT_KEY, key), U32 (NFTNL_EXPR_CT_SREG, sreg)}},
    [SG_NFT_EXPR_PAYLOAD] = {"payload",
                             {U32 (NFTNL_EXPR_PAYLOAD_DREG, dreg),
                              U32 (NFTNL_EXPR_PAYLOAD_BASE, base),
                              U32 (NFTNL_EXPR_PAYLOAD_OFFSET, offset),
                              U32 (NFTNL_EXPR_PAYLOAD_LEN, len)}},
    /* op 0 is NFT_EXTHDR_OP_IPV6 */
    [SG_NFT_EXPR_EXTHDR] = {"exthdr",
                            {U32 (NFTNL_EXPR_EXTHDR_DREG, dreg), U8 (NFTNL_EXPR_EXTHDR_TYPE, key),
                             U32 (NFTNL_EXPR_EXTHDR_OFFSET, offset),
                             U32 (NFTNL_EXPR_EXTHDR_LEN, len),
                             OPTIONAL_U32 (NFTNL_EXPR_EXTHDR_FLAGS, flags),
                             ZERO (NFTNL_EXPR_EXTHDR_OP)}},
    [SG_NFT_EXPR_CMP] = {"cmp",
                         {U32 (NFTNL_EXPR_CMP_SREG, sreg), U32 (NFTNL_EXPR_CMP_OP, op),
                          DATA (NFTNL_EXPR_CMP_DATA, data)}},
    /* op 0 is NFT_BITWISE_BOOL (NFT_BITWISE_MASK_XOR in newer headers) */
    [SG_NFT_EXPR_BITWISE] = {"bitwise",
                             {U32 (NFTNL_EXPR_BITWISE_SREG, sreg),
                              U32 (NFTNL_EXPR_BITWISE_DREG, dreg),
                              U32 (NFTNL_EXPR_BITWISE_LEN, len),
                              DATA (NFTNL_EXPR_BITWISE_MASK, data),
                              DATA (NFTNL_EXPR_BITWISE_XOR, data2), ZERO (NFTNL_EXPR_BITWISE_OP)}},
    [SG_NFT_EXPR_BYTEORDER] = {"byteorder",
                               {U32 (NFTNL_EXPR_BYTEORDER_SREG, sreg),
                                U32 (NFTNL_EXPR_BYTEORDER_DREG, dreg),
                                U32 (NFTNL_EXPR_BYTEORDER_OP, op),
                                U32 (NFTNL_EXPR_BYTEORDER_LEN, len),
                                U32 (NFTNL_EXPR_BYTEORDER_SIZE, size)}},
    [SG_NFT_EXPR_LOOKUP] = {"lookup",
                            {U32 (NFTNL_EXPR_LOOKUP_SREG, sreg), NAME (NFTNL_EXPR_LOOKUP_SET),
                             OPTIONAL_U32 (NFTNL_EXPR_LOOKUP_DREG, dreg),
                             OPTIONAL_U32 (NFTNL_EXPR_LOOKUP_FLAGS, flags)}},
    /* register 0 is NFT_REG_VERDICT */
    [SG_NFT_EXPR_VERDICT] = {"immediate",
                             {ZERO (NFTNL_EXPR_IMM_DREG), U32 (NFTNL_EXPR_IMM_VERDICT, code),
                              OPTIONAL_NAME (NFTNL_EXPR_IMM_CHAIN)}},
    [SG_NFT_EXPR_COUNTER] = {"counter",
                             {SKIP (NFTNL_EXPR_CTR_PACKETS), SKIP (NFTNL_EXPR_CTR_BYTES)}},
    [SG_NFT_EXPR_REJECT] = {"reject",
                            {U32 (NFTNL_EXPR_REJECT_TYPE, key),
                             U8 (NFTNL_EXPR_REJECT_CODE, op)}},
};

/* libnftnl keeps what is set in a 32 bit mask; asking beyond it would be undefined. */
#define ATTR_ID_MAX 31

static bool
encode_attr (struct nftnl_expr *to, const Attr *attr, const SgNftExpr *expr)
{
    const void *member = (const uint8_t *) expr + attr->offset;
    const uint32_t *number = member;

    switch (attr->type) {
    case ATTR_U8:
        if (*number > UINT8_MAX)
            return false;
        if (*number != 0 || !attr->optional)
            nftnl_expr_set_u8 (to, attr->id, (uint8_t) *number);
        return true;
    case ATTR_U32:
        if (*number != 0 || !attr->optional)
            nftnl_expr_set_u32 (to, attr->id, *number);
        return true;
    case ATTR_DATA:
        if (expr->len == 0 || expr->len > SG_NFT_DATA_MAX)
            return false;
        return nftnl_expr_set (to, attr->id, member, expr->len) == 0;
    case ATTR_NAME:
        if (*(const char *) member == '\0')
            return attr->optional;
        return nftnl_expr_set_str (to, attr->id, member) == 0;
    case ATTR_ZERO:
        nftnl_expr_set_u32 (to, attr->id, 0);
        return true;
    case ATTR_SKIP:
        return true;
    }
    g_return_val_if_reached (false);
}

struct nftnl_expr *
sg_nft_expr_encode (const SgNftExpr *expr)
{
    g_return_val_if_fail (expr->kind < SG_NFT_EXPR_KIND_N, NULL);
    const Layout *layout = &layouts[expr->kind];

    if (layout->name == NULL)
        return NULL;
    struct nftnl_expr *to = nftnl_expr_alloc (layout->name);
    if (to == NULL)
        return NULL;
    for (size_t i = 0; i < ATTRS_MAX && layout->attrs[i].id != 0; i++) {
        if (!encode_attr (to, &layout->attrs[i], expr)) {
            nftnl_expr_free (to);
            return NULL;
        }
    }
    return to;
}

static bool
decode_data (const struct nftnl_expr *from, const Attr *attr, SgNftExpr *expr)
{
    uint32_t len = 0;
    const void *bytes = nftnl_expr_get (from, attr->id, &len);

    /* Where the length has an attribute of its own both must agree; it was read before. */
    if (bytes == NULL || len == 0 || len > SG_NFT_DATA_MAX || (expr->len != 0 && expr->len != len))
        return false;
    memcpy ((uint8_t *) expr + attr->offset, bytes, len);
    expr->len = len;
    return true;
}

static bool
decode_name (const struct nftnl_expr *from, const Attr *attr, SgNftExpr *expr)
{
    const char *text = nftnl_expr_get_str (from, attr->id);

    if (text == NULL || strlen (text) >= SG_NFT_NAME_MAX)
        return false;
    g_strlcpy ((char *) expr + attr->offset, text, SG_NFT_NAME_MAX);
    return true;
}

static bool
decode_attr (const struct nftnl_expr *from, const Attr *attr, SgNftExpr *expr)
{
    uint32_t *number = (void *) ((uint8_t *) expr + attr->offset);

    if (!nftnl_expr_is_set (from, attr->id))
        return attr->optional;
    switch (attr->type) {
    case ATTR_U8:
        *number = nftnl_expr_get_u8 (from, attr->id);
        return true;
    case ATTR_U32:
        *number = nftnl_expr_get_u32 (from, attr->id);
        return true;
    case ATTR_DATA:
        return decode_data (from, attr, expr);
    case ATTR_NAME:
        return decode_name (from, attr, expr);
    case ATTR_ZERO:
        return nftnl_expr_get_u32 (from, attr->id) == 0;
    case ATTR_SKIP:
        return true;
    }
    g_return_val_if_reached (false);
}

static bool
decode_as (const struct nftnl_expr *from, const Layout *layout, SgNftExpr *expr)
{
    uint32_t known = 0;

    for (size_t i = 0; i < ATTRS_MAX && layout->attrs[i].id != 0; i++) {
        known |= 1u << layout->attrs[i].id;
        if (!decode_attr (from, &layout->attrs[i], expr))
            return false;
    }
    for (uint16_t id = NFTNL_EXPR_BASE; id <= ATTR_ID_MAX; id++) {
        if (!(known & (1u << id)) && nftnl_expr_is_set (from, id))
            return false;
    }
    return true;
}

SgNftExpr
sg_nft_expr_decode (const struct nftnl_expr *from)
{
    const char *name = nftnl_expr_get_str (from, NFTNL_EXPR_NAME);

    for (int kind = 0; kind < SG_NFT_EXPR_KIND_N; kind++) {
        SgNftExpr expr = {.kind = (SgNftExprKind) kind};

        if (g_strcmp0 (layouts[kind].name, name) == 0 && decode_as (from, &layouts[kind], &expr))
            return expr;
    }
    return (SgNftExpr) {.kind = SG_NFT_EXPR_UNKNOWN};
}
