/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-kernel.h"

#include "base/error.h"
#include "kernel/nft-message.h"

/* How often a read is repeated that another writer came into. */
#define ATTEMPTS_MAX 8

/* Room for a request: a header and two names. */
#define REQUEST_ROOM 1024

typedef union {
    struct nlmsghdr header;
    uint8_t bytes[REQUEST_ROOM];
} RequestMemory;

/* Where the answers of a request go. */
typedef struct {
    SgNftTable *table;
    SgNftSet *set;       /* whose elements are read */
    bool strange;        /* an element that the model cannot hold was among them */
    uint32_t generation; /* that the kernel reported */
} Answer;

static bool
malformed (const char *what, GError **error)
{
    g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed %s from the kernel", what);
    return false;
}

static bool
take_generation (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Answer *answer = data;

    return sg_nft_parse_generation (nlh, &answer->generation) || malformed ("generation", error);
}

static bool
take_table (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Answer *answer = data;

    return sg_nft_parse_table (nlh, answer->table) || malformed ("table", error);
}

static bool
take_chain (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Answer *answer = data;

    return sg_nft_parse_chain (nlh, answer->table) || malformed ("chain", error);
}

static void
forget_chains (void *data)
{
    Answer *answer = data;

    g_ptr_array_set_size (answer->table->chains, 0);
    g_ptr_array_set_size (answer->table->foreign, 0);
}

static bool
take_rule (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Answer *answer = data;

    return sg_nft_parse_rule (nlh, answer->table) || malformed ("rule", error);
}

static void
forget_rules (void *data)
{
    Answer *answer = data;

    for (guint i = 0; i < answer->table->chains->len; i++) {
        SgNftChain *chain = g_ptr_array_index (answer->table->chains, i);

        g_ptr_array_set_size (chain->rules, 0);
    }
}

static bool
take_set (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Answer *answer = data;

    return sg_nft_parse_set (nlh, answer->table) || malformed ("set", error);
}

static void
forget_sets (void *data)
{
    Answer *answer = data;

    g_ptr_array_set_size (answer->table->sets, 0);
}

static bool
take_elements (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Answer *answer = data;

    return sg_nft_parse_elements (nlh, answer->set, &answer->strange) ||
           malformed ("element", error);
}

static void
forget_elements (void *data)
{
    Answer *answer = data;

    g_array_set_size (answer->set->elements, 0);
    answer->strange = false;
}

/* What is asked for, by which message, and how its answers are taken. */
typedef struct {
    const char *what;
    uint16_t type;
    bool single;         /* one object, not a dump */
    uint16_t table_attr; /* the dump is of one table; 0: the kernel cannot filter by it */
    uint16_t set_attr;
    bool (*take) (const struct nlmsghdr *nlh, void *data, GError **error);
    void (*forget) (void *data);
} Request;

static const Request generation_request = {
    .what = "generation", .type = NFT_MSG_GETGEN, .single = true, .take = take_generation};
static const Request table_request = {.what = "flags",
                                      .type = NFT_MSG_GETTABLE,
                                      .single = true,
                                      .table_attr = NFTA_TABLE_NAME,
                                      .take = take_table};
static const Request chains_request = {
    .what = "chains", .type = NFT_MSG_GETCHAIN, .take = take_chain, .forget = forget_chains};
static const Request rules_request = {.what = "rules",
                                      .type = NFT_MSG_GETRULE,
                                      .table_attr = NFTA_RULE_TABLE,
                                      .take = take_rule,
                                      .forget = forget_rules};
static const Request sets_request = {.what = "sets",
                                     .type = NFT_MSG_GETSET,
                                     .table_attr = NFTA_SET_TABLE,
                                     .take = take_set,
                                     .forget = forget_sets};
static const Request elements_request = {.what = "elements",
                                         .type = NFT_MSG_GETSETELEM,
                                         .table_attr = NFTA_SET_ELEM_LIST_TABLE,
                                         .set_attr = NFTA_SET_ELEM_LIST_SET,
                                         .take = take_elements,
                                         .forget = forget_elements};

static bool
ask (SgNlSocket *socket, const Request *request, Answer *answer, GError **error)
{
    RequestMemory memory = {0};
    const SgNlReader reader = {request->take, request->forget, answer};
    bool of_family = request->type != NFT_MSG_GETGEN;
    SgNlMessage message = sg_nft_message_begin (&memory.header, sizeof (memory), request->type,
                                                request->single ? 0 : NLM_F_DUMP,
                                                of_family ? answer->table->family : 0);

    if (request->table_attr)
        sg_nl_put_string (&message, request->table_attr, answer->table->name);
    if (request->set_attr)
        sg_nl_put_string (&message, request->set_attr, answer->set->name);
    if (message.full) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "read nftables table %s: the name is too long", answer->table->name);
        return false;
    }
    if (!sg_nl_socket_read (socket, message.nlh, &reader, error)) {
        g_prefix_error (error, "read nftables %s of table %s: ", request->what,
                        answer->table->name);
        return false;
    }
    return true;
}

static void
forget_all (SgNftTable *table)
{
    table->exists = false;
    table->dormant = false;
    g_ptr_array_set_size (table->sets, 0);
    g_ptr_array_set_size (table->chains, 0);
    g_ptr_array_set_size (table->foreign, 0);
}

static bool
read_elements (SgNlSocket *socket, Answer *answer, GError **error)
{
    for (guint i = 0; i < answer->table->sets->len; i++) {
        answer->set = g_ptr_array_index (answer->table->sets, i);
        answer->strange = false;
        if (answer->set->n_key == 0)
            continue;
        if (!ask (socket, &elements_request, answer, error))
            return false;
        sg_nft_set_normalise (answer->set);
        /* Whoever put it there changed what the set means: it is not ours as it stands. */
        if (answer->strange)
            answer->set->n_key = 0;
    }
    return true;
}

/* Reads the table once; @error is SG_ERROR_NOT_FOUND when it, or a set, is not there. */
static bool
read_table (SgNlSocket *socket, Answer *answer, GError **error)
{
    forget_all (answer->table);
    if (!ask (socket, &table_request, answer, error) || !ask (socket, &sets_request, answer, error))
        return false;
    if (!ask (socket, &chains_request, answer, error))
        return false;
    if (answer->table->chains->len > 0 && !ask (socket, &rules_request, answer, error))
        return false;
    return read_elements (socket, answer, error);
}

/* One attempt. @ret_torn: another writer came in between. */
static bool
read_once (SgNlSocket *socket, SgNftTable *table, bool *ret_torn, GError **error)
{
    g_autoptr (GError) failure = NULL;
    Answer answer = {.table = table};

    if (!ask (socket, &generation_request, &answer, error))
        return false;
    table->generation = answer.generation;
    if (!read_table (socket, &answer, &failure)) {
        if (!g_error_matches (failure, SG_ERROR, SG_ERROR_NOT_FOUND)) {
            g_propagate_error (error, g_steal_pointer (&failure));
            return false;
        }
        /* Once the table was seen, something in it vanished while we read. */
        *ret_torn = table->exists;
        return true;
    }
    if (!ask (socket, &generation_request, &answer, error))
        return false;
    *ret_torn = answer.generation != table->generation;
    return true;
}

bool
sg_nft_dump (SgNlSocket *socket, SgNftTable *table, GError **error)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        bool torn = false;

        if (!read_once (socket, table, &torn, error))
            return false;
        if (!torn)
            return true;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_BUSY,
                 "nftables table %s: changed by others while it was read, %d times", table->name,
                 ATTEMPTS_MAX);
    return false;
}
