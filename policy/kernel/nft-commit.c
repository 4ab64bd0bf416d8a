/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-kernel.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/error.h"
#include "kernel/nft-message.h"

/* Elements in one message: their list is an attribute, which holds less than 64 KiB. */
#define ELEMENTS_MAX 400
/* Room for a message of anything else: names of up to 256 bytes and a rule of ours. */
#define MESSAGE_ROOM 16384

G_STATIC_ASSERT (ELEMENTS_MAX *SG_NFT_ELEMENT_ROOM < UINT16_MAX);

/* A message that belongs to the transaction itself. */
#define NO_ACTION SIZE_MAX

typedef struct {
    const SgNftBase *base;
    const SgAction *actions;
    size_t n;
    size_t elements_max; /* in one message */
    SgNlBatch *batch;
    GArray *first;       /* of size_t, a message each: the first of its actions, or NO_ACTION */
    bool blurred;        /* a message of several elements was refused: one of them is to blame */
    GPtrArray *failures; /* of GError, owned */
} Transaction;

static void
add_failure (Transaction *transaction, size_t index, SgErrorCode code, const char *why)
{
    g_autofree char *what = NULL;

    if (index == NO_ACTION)
        what = g_strdup ("nft transaction");
    else
        what = sg_action_to_string (&transaction->actions[index], transaction->base->snapshot);
    g_ptr_array_add (transaction->failures,
                     g_error_new (SG_ERROR, (int) code, "%s: %s", what, why));
}

/* ---- building ---- */

static void
finish_message (Transaction *transaction, size_t first)
{
    sg_nl_batch_commit (transaction->batch);
    g_array_append_val (transaction->first, first);
}

/* NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END (linux/netfilter/nfnetlink.h). The generation in
 * the first lets the kernel refuse what was decided on an older ruleset. */
static void
add_border (Transaction *transaction, uint16_t type)
{
    struct nlmsghdr *memory = sg_nl_batch_reserve (transaction->batch, MESSAGE_ROOM);
    SgNlMessage message = sg_nl_message_begin (memory, MESSAGE_ROOM, type, /* flags= */ 0);
    struct nfgenmsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->version = NFNETLINK_V0;
    header->res_id = GUINT16_TO_BE (NFNL_SUBSYS_NFTABLES);
    if (type == NFNL_MSG_BATCH_BEGIN && transaction->base->generation != 0)
        sg_nl_put_u32 (&message, NFNL_BATCH_GENID, GUINT32_TO_BE (transaction->base->generation));
    finish_message (transaction, NO_ACTION);
}

/* The message type and flags of each kind of action. */
static const struct {
    uint16_t type;
    uint16_t flags;
} message_of[SG_ACTION_KIND_N] = {
    [SG_ACTION_NFT_TABLE_ADD] = {NFT_MSG_NEWTABLE, NLM_F_CREATE},
    [SG_ACTION_NFT_SET_ADD] = {NFT_MSG_NEWSET, NLM_F_CREATE},
    [SG_ACTION_NFT_SET_DEL] = {NFT_MSG_DELSET, 0},
    [SG_ACTION_NFT_CHAIN_ADD] = {NFT_MSG_NEWCHAIN, NLM_F_CREATE},
    [SG_ACTION_NFT_CHAIN_DEL] = {NFT_MSG_DELCHAIN, 0},
    [SG_ACTION_NFT_CHAIN_FLUSH] = {NFT_MSG_DELRULE, 0},
    [SG_ACTION_NFT_RULE_ADD] = {NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND},
    [SG_ACTION_NFT_ELEMENT_ADD] = {NFT_MSG_NEWSETELEM, NLM_F_CREATE},
    [SG_ACTION_NFT_ELEMENT_DEL] = {NFT_MSG_DELSETELEM, 0},
};

/* The attributes of one action; @index numbers the sets of a transaction. */
static bool
put_action (SgNlMessage *message, const SgAction *action, size_t index)
{
    const char *table = action->table->name;

    switch (action->kind) {
    case SG_ACTION_NFT_TABLE_ADD:
        sg_nl_put_string (message, NFTA_TABLE_NAME, table);
        sg_nl_put_u32 (message, NFTA_TABLE_FLAGS, 0); /* not dormant */
        return true;
    case SG_ACTION_NFT_SET_ADD:
        return sg_nft_put_set (message, table, action->set, (uint32_t) index + 1);
    case SG_ACTION_NFT_SET_DEL:
        sg_nl_put_string (message, NFTA_SET_TABLE, table);
        sg_nl_put_string (message, NFTA_SET_NAME, action->set->name);
        return true;
    case SG_ACTION_NFT_CHAIN_ADD:
        sg_nft_put_chain (message, table, action->chain);
        return true;
    case SG_ACTION_NFT_CHAIN_DEL:
        sg_nl_put_string (message, NFTA_CHAIN_TABLE, table);
        sg_nl_put_string (message, NFTA_CHAIN_NAME, action->chain->name);
        return true;
    case SG_ACTION_NFT_CHAIN_FLUSH:
        sg_nl_put_string (message, NFTA_RULE_TABLE, table);
        sg_nl_put_string (message, NFTA_RULE_CHAIN, action->chain->name);
        return true;
    case SG_ACTION_NFT_RULE_ADD:
        return sg_nft_put_rule (message, table, action->chain->name, action->nft_rule);
    case SG_ACTION_NFT_ELEMENT_ADD:
    case SG_ACTION_NFT_ELEMENT_DEL:
        sg_nl_put_string (message, NFTA_SET_ELEM_LIST_TABLE, table);
        sg_nl_put_string (message, NFTA_SET_ELEM_LIST_SET, action->set->name);
        return true;
    case SG_ACTION_WG_FWMARK:
    case SG_ACTION_WG_PRESHARED_KEY:
    case SG_ACTION_WG_PEER_SET:
    case SG_ACTION_WG_PEER_DEL:
    case SG_ACTION_SYSCTL:
    case SG_ACTION_PROXY_ADD:
    case SG_ACTION_PROXY_DEL:
    case SG_ACTION_ADDRESS_DEL:
    case SG_ACTION_ADDRESS_ADD:
    case SG_ACTION_NEXTHOP_ADD:
    case SG_ACTION_NEXTHOP_DEL:
    case SG_ACTION_ROUTE_ADD:
    case SG_ACTION_ROUTE_REPLACE:
    case SG_ACTION_ROUTE_DEL:
    case SG_ACTION_RULE_ADD:
    case SG_ACTION_RULE_DEL:
    case SG_ACTION_SOCKETS_CLOSE:
    case SG_ACTION_RP_FILTER:
    case SG_ACTION_KIND_N:
        break;
    }
    g_return_val_if_reached (false);
}

static bool
is_element_action (const SgAction *action)
{
    return action->kind == SG_ACTION_NFT_ELEMENT_ADD || action->kind == SG_ACTION_NFT_ELEMENT_DEL;
}

/* How many actions from @index on go into one message: neighbours about elements of one set. */
static size_t
message_span (const Transaction *transaction, size_t index)
{
    const SgAction *first = &transaction->actions[index];
    size_t span = 1;

    if (!is_element_action (first))
        return 1;
    while (span < transaction->elements_max && index + span < transaction->n &&
           first[span].kind == first->kind && first[span].set == first->set)
        span++;
    return span;
}

/* Appends the message of the @span actions from @index on. */
static bool
add_message (Transaction *transaction, size_t index, size_t span)
{
    const SgAction *action = &transaction->actions[index];
    size_t room = MESSAGE_ROOM + span * SG_NFT_ELEMENT_ROOM;
    struct nlmsghdr *memory = sg_nl_batch_reserve (transaction->batch, room);
    SgNlMessage message =
        sg_nft_message_begin (memory, room, message_of[action->kind].type,
                              message_of[action->kind].flags, action->table->family);
    bool done = put_action (&message, action, index);

    if (is_element_action (action)) {
        struct nlattr *list = sg_nl_nest_begin (&message, NFTA_SET_ELEM_LIST_ELEMENTS);

        for (size_t i = 0; i < span; i++)
            sg_nft_put_element (&message, action->set, &action[i].element);
        sg_nl_nest_end (&message, list);
    }
    if (!done || message.full) {
        add_failure (transaction, index, SG_ERROR_INVALID_ARGUMENT,
                     "cannot be said in a netlink message");
        return false;
    }
    finish_message (transaction, index);
    return true;
}

static bool
build (Transaction *transaction)
{
    add_border (transaction, NFNL_MSG_BATCH_BEGIN);
    for (size_t index = 0; index < transaction->n;) {
        size_t span = message_span (transaction, index);

        if (!add_message (transaction, index, span))
            return false;
        index += span;
    }
    add_border (transaction, NFNL_MSG_BATCH_END);
    return true;
}

/* ---- sending ---- */

static SgErrorCode
code_of (const Transaction *transaction, size_t index, int errnum)
{
    switch (errnum) {
    case ERESTART: /* the generation moved */
        return SG_ERROR_BUSY;
    case ENOENT: /* somebody else was faster, where we delete; else it is our own fault */
        return index != NO_ACTION && message_of[transaction->actions[index].kind].flags == 0
                   ? SG_ERROR_BUSY
                   : SG_ERROR_KERNEL;
    case EPERM:
    case EACCES:
        return SG_ERROR_PERMISSION;
    default:
        return SG_ERROR_KERNEL;
    }
}

static void
on_refused (size_t index, int errnum, const char *text, void *data)
{
    Transaction *transaction = data;
    size_t action = index < transaction->first->len
                        ? g_array_index (transaction->first, size_t, index)
                        : NO_ACTION;
    g_autofree char *why = *text ? g_strdup_printf ("%s (%s)", g_strerror (errnum), text)
                                 : g_strdup (g_strerror (errnum));

    if (action != NO_ACTION && message_span (transaction, action) > 1)
        transaction->blurred = true;
    add_failure (transaction, action, code_of (transaction, action, errnum), why);
}

/* Builds and sends the transaction, at most @elements_max elements in a message. The failures,
 * none when it was accepted, are owned by the caller. */
static GPtrArray *
transact (SgNlSocket *socket, Transaction *transaction, size_t elements_max)
{
    g_autoptr (SgNlBatch) batch = sg_nl_batch_new ();
    g_autoptr (GArray) first = g_array_new (FALSE, FALSE, sizeof (size_t));
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    GError *error = NULL;

    transaction->elements_max = elements_max;
    transaction->batch = batch;
    transaction->first = first;
    transaction->blurred = false;
    transaction->failures = failures;
    if (build (transaction) &&
        !sg_nl_socket_transact (socket, batch, on_refused, transaction, &error)) {
        g_prefix_error (&error, "nft transaction: ");
        g_ptr_array_add (failures, error);
    }
    return g_steal_pointer (&failures);
}

bool
sg_nft_commit (SgNlSocket *socket, SgNftBase *base, const SgAction *actions, size_t n,
               GPtrArray *failures)
{
    Transaction transaction = {.base = base, .actions = actions, .n = n};
    g_autoptr (GPtrArray) refused = NULL;

    if (n == 0)
        return true;
    refused = transact (socket, &transaction, ELEMENTS_MAX);
    /* The kernel names messages, not elements. Nothing was done, so the same is sent once more,
     * a message for each element: now it names those that it does not like. */
    if (transaction.blurred) {
        g_ptr_array_unref (refused);
        refused = transact (socket, &transaction, /* elements_max= */ 1);
    }
    if (refused->len == 0) {
        /* Never 0: that would mean any. */
        if (base->generation != 0 && ++base->generation == 0)
            base->generation = 1;
        return true;
    }
    while (refused->len > 0)
        g_ptr_array_add (failures, g_ptr_array_steal_index (refused, 0));
    return false;
}
