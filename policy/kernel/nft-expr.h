/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the expressions of the model and those of libnftnl. */
#pragma once

#include "core/nft-model.h"

struct nftnl_expr;

/* The expression as libnftnl's, owned by the caller; NULL for SG_NFT_EXPR_UNKNOWN and for
 * values that no expression can hold. */
struct nftnl_expr *sg_nft_expr_encode (const SgNftExpr *expr);

/* The model's value for @from. SG_NFT_EXPR_UNKNOWN for whatever the model cannot say in full:
 * other expressions, other attributes, longer data. */
SgNftExpr sg_nft_expr_decode (const struct nftnl_expr *from);
