/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the expressions of the model and those of a rule's message (NFTA_RULE_EXPRESSIONS). */
#pragma once

#include "core/nft-model.h"
#include "kernel/nl-attr.h"

/* Adds the expression to the list that the caller nests. False for SG_NFT_EXPR_UNKNOWN and for
 * values that no expression can hold. */
bool sg_nft_expr_put (SgNlMessage *message, const SgNftExpr *expr) G_GNUC_WARN_UNUSED_RESULT;

/* The model's value for one entry of such a list. SG_NFT_EXPR_UNKNOWN for whatever the model
 * cannot say in full: other expressions, other attributes, longer data, malformed ones. */
SgNftExpr sg_nft_expr_parse (const struct nlattr *entry);
