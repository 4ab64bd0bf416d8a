/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of nf_tables (linux/netfilter/nf_tables.h) to and from values, in memory only. */
#pragma once

#include <linux/netfilter/nf_tables.h>

#include "core/nft-model.h"
#include "kernel/nl-attr.h"

/* Starts a message about an object of @family: NFT_MSG_* in @type. */
SgNlMessage sg_nft_message_begin (struct nlmsghdr *memory, size_t room, uint16_t type,
                                  uint16_t flags, uint8_t family);

/* ---- reading; false when the message is malformed ---- */

/* NFT_MSG_NEWGEN. */
bool sg_nft_parse_generation (const struct nlmsghdr *nlh,
                              uint32_t *ret_generation) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWTABLE: whether @table is there, and dormant. */
bool sg_nft_parse_table (const struct nlmsghdr *nlh, SgNftTable *table) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWCHAIN: adds a chain of ours, or the name of another, to @table; chains of other
 * tables are passed over. */
bool sg_nft_parse_chain (const struct nlmsghdr *nlh, SgNftTable *table) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWRULE: appends to the chain of ours that it belongs to; others are passed over. What
 * we cannot say in full becomes SG_NFT_EXPR_UNKNOWN. */
bool sg_nft_parse_rule (const struct nlmsghdr *nlh, SgNftTable *table) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWSET: adds a set of ours to @table, with n_key 0 where we could not have made it. */
bool sg_nft_parse_set (const struct nlmsghdr *nlh, SgNftTable *table) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWSETELEM: appends to @set. @strange becomes true where an element is none that
 * SgNftElement can hold ("*", the catch-all). */
bool sg_nft_parse_elements (const struct nlmsghdr *nlh, SgNftSet *set,
                            bool *strange) G_GNUC_WARN_UNUSED_RESULT;

/* ---- building: attributes behind sg_nft_message_begin() ---- */

/* NFT_MSG_NEWCHAIN: the definition. */
void sg_nft_put_chain (SgNlMessage *message, const char *table, const SgNftChain *chain);
/* NFT_MSG_NEWRULE. False when the rule holds what no message can say. */
bool sg_nft_put_rule (SgNlMessage *message, const char *table, const char *chain,
                      const SgNftRule *rule) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWSET: the definition; @id differs between the sets of a transaction. False for what
 * the model does not provide for: an interval set of one field. */
bool sg_nft_put_set (SgNlMessage *message, const char *table, const SgNftSet *set,
                     uint32_t id) G_GNUC_WARN_UNUSED_RESULT;
/* NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM: one element, in the list that the caller nests
 * (NFTA_SET_ELEM_LIST_ELEMENTS). */
void sg_nft_put_element (SgNlMessage *message, const SgNftSet *set, const SgNftElement *element);

/* The most that sg_nft_put_element() needs. */
#define SG_NFT_ELEMENT_ROOM 160
