/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nft-message.h"

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include <libnftnl/udata.h>

#include "core/ruleset.h"

/* nft packs the types of a concatenation into one number, the first field highest
 * (nftables, TYPE_BITS in datatype.h). */
#define TYPE_BITS 6
#define TYPE_MASK ((1u << TYPE_BITS) - 1)

/* The flags of sets that we make. NFT_SET_CONCAT says nothing beyond the key type. */
#define FLAGS_KNOWN (NFT_SET_INTERVAL | NFT_SET_MAP | NFT_SET_CONCAT | NFT_SET_TIMEOUT)

/* How nft notes for itself in which byte order a key is (enum byteorder in its datatype.h);
 * none for a concatenation. */
enum { ORDER_NONE, ORDER_HOST, ORDER_BIG };

/* Key bytes on the wire: of a single field without padding. */
static uint32_t
wire_len (const SgNftSet *set)
{
    return set->n_key == 1 ? sg_nft_type_len (set->key[0]) : sg_nft_set_key_len (set);
}

/* ---- definitions ---- */

static uint32_t
pack_types (const SgNftSet *set)
{
    uint32_t packed = 0;

    for (uint32_t i = 0; i < set->n_key; i++)
        packed = packed << TYPE_BITS | set->key[i];
    return packed;
}

/* Leaves n_key 0 where a type is not one of ours. */
static void
unpack_types (uint32_t packed, SgNftSet *set)
{
    SgNftType types[SG_NFT_FIELDS_MAX];
    uint32_t n = 0;

    for (; packed; packed >>= TYPE_BITS) {
        SgNftType type = (SgNftType) (packed & TYPE_MASK);

        if (n == SG_NFT_FIELDS_MAX || sg_nft_type_len (type) == 0)
            return;
        types[n++] = type;
    }
    for (uint32_t i = 0; i < n; i++)
        set->key[i] = types[n - 1 - i];
    set->n_key = n;
}

/* What kernels report of a set; zero where they do not. */
typedef struct {
    uint32_t flags, key_type, key_len, data_type, data_len;
} Definition;

/* Whether the values are those that sg_nft_put_set() would have sent for @set. */
static bool
is_as_we_make_it (const SgNftSet *set, const Definition *definition)
{
    if (set->n_key == 0 || definition->flags & ~(uint32_t) FLAGS_KNOWN ||
        definition->key_len != wire_len (set) || (set->interval && set->n_key == 1))
        return false;
    if (!(definition->flags & NFT_SET_MAP))
        return true;
    return (set->data == SG_NFT_TYPE_MARK || set->data == SG_NFT_TYPE_INET_SERVICE) &&
           definition->data_len == sg_nft_type_len (set->data);
}

bool
sg_nft_parse_set (const struct nlmsghdr *nlh, SgNftTable *table)
{
    static const SgNlSpec specs[] = {
        [NFTA_SET_TABLE] = {SG_NL_STRING, 0}, [NFTA_SET_NAME] = {SG_NL_STRING, 0},
        [NFTA_SET_FLAGS] = {SG_NL_U32, 0},    [NFTA_SET_KEY_TYPE] = {SG_NL_U32, 0},
        [NFTA_SET_KEY_LEN] = {SG_NL_U32, 0},  [NFTA_SET_DATA_TYPE] = {SG_NL_U32, 0},
        [NFTA_SET_DATA_LEN] = {SG_NL_U32, 0},
    };
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];
    Definition definition = {0};
    uint32_t *const values[G_N_ELEMENTS (specs)] = {
        [NFTA_SET_FLAGS] = &definition.flags,       [NFTA_SET_KEY_TYPE] = &definition.key_type,
        [NFTA_SET_KEY_LEN] = &definition.key_len,   [NFTA_SET_DATA_TYPE] = &definition.data_type,
        [NFTA_SET_DATA_LEN] = &definition.data_len,
    };

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), specs, G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_SET_NAME])
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS (specs); i++) {
        if (values[i] && attrs[i])
            *values[i] = GUINT32_FROM_BE (sg_nl_attr_u32 (attrs[i]));
    }
    const struct nfgenmsg *header = sg_nl_message_header (nlh);
    const char *name = sg_nl_attr_data (attrs[NFTA_SET_NAME]);
    if (header->nfgen_family != table->family || !attrs[NFTA_SET_TABLE] ||
        strcmp (sg_nl_attr_data (attrs[NFTA_SET_TABLE]), table->name) != 0 ||
        !sg_ruleset_is_our_set (name))
        return true;

    SgNftSet *set = sg_nft_set_new (name);
    unpack_types (definition.key_type, set);
    set->interval = (definition.flags & NFT_SET_INTERVAL) != 0;
    set->timeout = (definition.flags & NFT_SET_TIMEOUT) != 0;
    if (definition.flags & NFT_SET_MAP)
        set->data = (SgNftType) definition.data_type;
    if (!is_as_we_make_it (set, &definition))
        set->n_key = 0;
    g_ptr_array_add (table->sets, set);
    return true;
}

static uint32_t
byte_order (SgNftType type)
{
    return type == SG_NFT_TYPE_MARK || type == SG_NFT_TYPE_IFINDEX ? ORDER_HOST : ORDER_BIG;
}

static bool
put_user_data (SgNlMessage *message, const SgNftSet *set)
{
    struct nftnl_udata_buf *buffer = nftnl_udata_buf_alloc (/* data_size= */ 64);
    bool done = buffer != NULL;

    done = done && nftnl_udata_put_u32 (buffer, NFTNL_UDATA_SET_KEYBYTEORDER,
                                        set->n_key == 1 ? byte_order (set->key[0]) : ORDER_NONE);
    if (set->data != SG_NFT_TYPE_NONE)
        done = done &&
               nftnl_udata_put_u32 (buffer, NFTNL_UDATA_SET_DATABYTEORDER, byte_order (set->data));
    if (done)
        sg_nl_put (message, NFTA_SET_USERDATA, nftnl_udata_buf_data (buffer),
                   nftnl_udata_buf_len (buffer));
    if (buffer)
        nftnl_udata_buf_free (buffer);
    return done;
}

/* The lengths of the fields, without padding: they make a set with intervals search by field. */
static void
put_fields (SgNlMessage *message, const SgNftSet *set)
{
    struct nlattr *desc = sg_nl_nest_begin (message, NFTA_SET_DESC);
    struct nlattr *concat = sg_nl_nest_begin (message, NFTA_SET_DESC_CONCAT);

    for (uint32_t i = 0; i < set->n_key; i++) {
        struct nlattr *field = sg_nl_nest_begin (message, NFTA_LIST_ELEM);
        sg_nl_put_u32 (message, NFTA_SET_FIELD_LEN, GUINT32_TO_BE (sg_nft_type_len (set->key[i])));
        sg_nl_nest_end (message, field);
    }
    sg_nl_nest_end (message, concat);
    sg_nl_nest_end (message, desc);
}

bool
sg_nft_put_set (SgNlMessage *message, const char *table, const SgNftSet *set, uint32_t id)
{
    uint32_t flags = 0;

    if (set->n_key == 0 || (set->interval && set->n_key == 1))
        return false;
    if (set->interval)
        flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
    if (set->data != SG_NFT_TYPE_NONE)
        flags |= NFT_SET_MAP;
    if (set->timeout)
        flags |= NFT_SET_TIMEOUT;
    sg_nl_put_string (message, NFTA_SET_TABLE, table);
    sg_nl_put_string (message, NFTA_SET_NAME, set->name);
    sg_nl_put_u32 (message, NFTA_SET_FLAGS, GUINT32_TO_BE (flags));
    sg_nl_put_u32 (message, NFTA_SET_KEY_TYPE, GUINT32_TO_BE (pack_types (set)));
    sg_nl_put_u32 (message, NFTA_SET_KEY_LEN, GUINT32_TO_BE (wire_len (set)));
    if (set->data != SG_NFT_TYPE_NONE) {
        sg_nl_put_u32 (message, NFTA_SET_DATA_TYPE, GUINT32_TO_BE (set->data));
        sg_nl_put_u32 (message, NFTA_SET_DATA_LEN, GUINT32_TO_BE (sg_nft_type_len (set->data)));
    }
    sg_nl_put_u32 (message, NFTA_SET_ID, GUINT32_TO_BE (id));
    if (set->interval)
        put_fields (message, set);
    return put_user_data (message, set);
}

/* ---- elements ---- */

/* The bytes of a nested struct nft_data; they must be @len. */
static bool
parse_value (const struct nlattr *nest, void *ret_value, uint32_t len)
{
    static const SgNlSpec specs[] = {[NFTA_DATA_VALUE] = {SG_NL_BYTES, 1}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];

    if (!sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), specs,
                            G_N_ELEMENTS (specs), attrs) ||
        !attrs[NFTA_DATA_VALUE] || sg_nl_attr_len (attrs[NFTA_DATA_VALUE]) != len)
        return false;
    memcpy (ret_value, sg_nl_attr_data (attrs[NFTA_DATA_VALUE]), len);
    return true;
}

/* The value of a map: a mark as it is, a port in network order. */
static bool
parse_mapped (const struct nlattr *nest, SgNftType type, uint32_t *ret_value)
{
    uint16_t port;

    if (type != SG_NFT_TYPE_INET_SERVICE)
        return parse_value (nest, ret_value, sizeof *ret_value);
    if (!parse_value (nest, &port, sizeof port))
        return false;
    *ret_value = GUINT16_FROM_BE (port);
    return true;
}

static uint64_t
parse_milliseconds (const struct nlattr *attr)
{
    uint64_t value;

    memcpy (&value, sg_nl_attr_data (attr), sizeof value);
    return GUINT64_FROM_BE (value);
}

static bool
parse_element (const struct nlattr *nest, SgNftSet *set, bool *strange)
{
    static const SgNlSpec specs[] = {
        [NFTA_SET_ELEM_KEY] = {SG_NL_BYTES, 0},
        [NFTA_SET_ELEM_DATA] = {SG_NL_BYTES, 0},
        [NFTA_SET_ELEM_FLAGS] = {SG_NL_U32, 0},
        [NFTA_SET_ELEM_KEY_END] = {SG_NL_BYTES, 0},
        [NFTA_SET_ELEM_EXPIRATION] = {SG_NL_BYTES, sizeof (uint64_t)},
    };
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];
    SgNftElement element = {0};
    uint32_t len = wire_len (set);

    if (!sg_nl_attrs_parse (sg_nl_attr_data (nest), sg_nl_attr_len (nest), specs,
                            G_N_ELEMENTS (specs), attrs))
        return false;
    if (!attrs[NFTA_SET_ELEM_KEY] ||
        (attrs[NFTA_SET_ELEM_FLAGS] && sg_nl_attr_u32 (attrs[NFTA_SET_ELEM_FLAGS]) != 0)) {
        *strange = true;
        return true;
    }
    if (!parse_value (attrs[NFTA_SET_ELEM_KEY], element.key, len))
        return false;
    /* Without an end it is an interval of one. */
    if (set->interval)
        memcpy (element.key_end, element.key, sizeof (element.key_end));
    if (set->interval && attrs[NFTA_SET_ELEM_KEY_END] &&
        !parse_value (attrs[NFTA_SET_ELEM_KEY_END], element.key_end, len))
        return false;
    if (set->data != SG_NFT_TYPE_NONE &&
        (!attrs[NFTA_SET_ELEM_DATA] ||
         !parse_mapped (attrs[NFTA_SET_ELEM_DATA], set->data, &element.data)))
        return false;
    if (set->timeout && attrs[NFTA_SET_ELEM_EXPIRATION])
        element.timeout_ms = parse_milliseconds (attrs[NFTA_SET_ELEM_EXPIRATION]);
    g_array_append_val (set->elements, element);
    return true;
}

bool
sg_nft_parse_elements (const struct nlmsghdr *nlh, SgNftSet *set, bool *strange)
{
    static const SgNlSpec specs[] = {[NFTA_SET_ELEM_LIST_ELEMENTS] = {SG_NL_BYTES, 0}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];
    const struct nlattr *element = NULL;
    bool broken = false;

    if (!sg_nl_message_parse (nlh, sizeof (struct nfgenmsg), specs, G_N_ELEMENTS (specs), attrs))
        return false;
    const struct nlattr *list = attrs[NFTA_SET_ELEM_LIST_ELEMENTS];
    while (list && sg_nl_attr_next (list, &element, &broken)) {
        if (!parse_element (element, set, strange))
            return false;
    }
    return !broken;
}

static void
put_value (SgNlMessage *message, uint16_t type, const void *value, uint32_t len)
{
    struct nlattr *nest = sg_nl_nest_begin (message, type);

    sg_nl_put (message, NFTA_DATA_VALUE, value, len);
    sg_nl_nest_end (message, nest);
}

static void
put_mapped (SgNlMessage *message, SgNftType type, uint32_t value)
{
    uint16_t port = GUINT16_TO_BE ((uint16_t) value);

    if (type == SG_NFT_TYPE_INET_SERVICE)
        put_value (message, NFTA_SET_ELEM_DATA, &port, sizeof port);
    else
        put_value (message, NFTA_SET_ELEM_DATA, &value, sizeof value);
}

void
sg_nft_put_element (SgNlMessage *message, const SgNftSet *set, const SgNftElement *element)
{
    struct nlattr *nest = sg_nl_nest_begin (message, NFTA_LIST_ELEM);

    put_value (message, NFTA_SET_ELEM_KEY, element->key, wire_len (set));
    if (set->interval)
        put_value (message, NFTA_SET_ELEM_KEY_END, element->key_end, wire_len (set));
    if (set->data != SG_NFT_TYPE_NONE)
        put_mapped (message, set->data, element->data);
    if (element->timeout_ms) {
        uint64_t timeout = GUINT64_TO_BE (element->timeout_ms);

        sg_nl_put (message, NFTA_SET_ELEM_TIMEOUT, &timeout, sizeof timeout);
    }
    sg_nl_nest_end (message, nest);
}
