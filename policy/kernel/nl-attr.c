/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nl-attr.h"

#include <string.h>

#include <libmnl/libmnl.h>

/* libmnl's iterators trust the padded length of a message and compare lengths as int; these take
 * the very number of bytes (RFC 3549 section 2.3.2 pads every message and attribute to 4). */

const struct nlmsghdr *
sg_nl_message_next (const uint8_t **at, size_t *left)
{
    const struct nlmsghdr *nlh = (const void *) *at;

    if (*left < sizeof (*nlh) || nlh->nlmsg_len < sizeof (*nlh) || nlh->nlmsg_len > *left)
        return NULL;

    size_t step = MIN ((size_t) MNL_ALIGN ((size_t) nlh->nlmsg_len), *left);
    *at += step;
    *left -= step;
    return nlh;
}

/* Whether an attribute starts at the @left bytes at @attr. */
static bool
attr_ok (const struct nlattr *attr, size_t left)
{
    return left >= sizeof (*attr) && attr->nla_len >= sizeof (*attr) && attr->nla_len <= left;
}

static bool
attr_fits (const struct nlattr *attr, const SgNlSpec *spec)
{
    const char *text = sg_nl_attr_data (attr);
    size_t len = sg_nl_attr_len (attr);

    switch (spec->kind) {
    case SG_NL_SKIP:
        return true;
    case SG_NL_U8:
        return len >= sizeof (uint8_t);
    case SG_NL_U16:
        return len >= sizeof (uint16_t);
    case SG_NL_U32:
        return len >= sizeof (uint32_t);
    case SG_NL_BYTES:
        return len >= spec->len;
    case SG_NL_STRING:
        return len > 0 && text[len - 1] == '\0' && (spec->len == 0 || len <= spec->len);
    }
    g_assert_not_reached ();
}

bool
sg_nl_attrs_parse (const void *data, size_t len, const SgNlSpec *specs, size_t n,
                   const struct nlattr **ret_attrs)
{
    const uint8_t *at = data;

    for (size_t i = 0; i < n; i++)
        ret_attrs[i] = NULL;
    while (len > 0) {
        const struct nlattr *attr = (const void *) at;

        if (!attr_ok (attr, len))
            return false;
        uint16_t type = mnl_attr_get_type (attr);
        if (type < n && type != 0 && specs[type].kind != SG_NL_SKIP) {
            if (!attr_fits (attr, &specs[type]))
                return false;
            ret_attrs[type] = attr;
        } else if (type >= n && !ret_attrs[0]) {
            ret_attrs[0] = attr;
        }
        size_t step = MIN ((size_t) MNL_ALIGN ((size_t) attr->nla_len), len);
        at += step;
        len -= step;
    }
    return true;
}

bool
sg_nl_message_parse (const struct nlmsghdr *nlh, size_t header, const SgNlSpec *specs, size_t n,
                     const struct nlattr **ret_attrs)
{
    size_t offset = MNL_NLMSG_HDRLEN + MNL_ALIGN (header);

    if (nlh->nlmsg_len < offset)
        return false;
    return sg_nl_attrs_parse ((const uint8_t *) nlh + offset, nlh->nlmsg_len - offset, specs, n,
                              ret_attrs);
}

const void *
sg_nl_message_header (const struct nlmsghdr *nlh)
{
    return (const uint8_t *) nlh + MNL_NLMSG_HDRLEN;
}

const void *
sg_nl_attr_data (const struct nlattr *attr)
{
    return (const uint8_t *) attr + MNL_ATTR_HDRLEN;
}

size_t
sg_nl_attr_len (const struct nlattr *attr)
{
    return attr->nla_len - MNL_ATTR_HDRLEN;
}

uint8_t
sg_nl_attr_u8 (const struct nlattr *attr)
{
    return *(const uint8_t *) sg_nl_attr_data (attr);
}

uint16_t
sg_nl_attr_u16 (const struct nlattr *attr)
{
    uint16_t value;

    memcpy (&value, sg_nl_attr_data (attr), sizeof (value));
    return value;
}

uint32_t
sg_nl_attr_u32 (const struct nlattr *attr)
{
    uint32_t value;

    memcpy (&value, sg_nl_attr_data (attr), sizeof (value));
    return value;
}

bool
sg_nl_attr_ip (const struct nlattr *attr, uint8_t family, SgIp *ret_ip)
{
    size_t bytes = sg_family_bytes (family);

    if (bytes == 0 || sg_nl_attr_len (attr) < bytes)
        return false;
    *ret_ip = sg_ip_from_bytes (family, sg_nl_attr_data (attr));
    return true;
}

bool
sg_nl_attr_next (const struct nlattr *nest, const struct nlattr **at, bool *ret_broken)
{
    const uint8_t *end = (const uint8_t *) nest + nest->nla_len;
    const uint8_t *next = sg_nl_attr_data (nest);

    if (*at)
        next = (const uint8_t *) *at + MNL_ALIGN ((size_t) (*at)->nla_len);
    if (next >= end)
        return false;
    if (!attr_ok ((const void *) next, (size_t) (end - next))) {
        *ret_broken = true;
        return false;
    }
    *at = (const void *) next;
    return true;
}

/* Where the extended part of an error message starts (linux/netlink.h, struct nlmsgerr): behind
 * the request that is sent back, of which only the header is there with NETLINK_CAP_ACK. */
static size_t
error_text_offset (const struct nlmsghdr *nlh)
{
    const struct nlmsgerr *err = sg_nl_message_header (nlh);

    if (nlh->nlmsg_type == NLMSG_DONE)
        return MNL_NLMSG_HDRLEN + sizeof (int);
    if (nlh->nlmsg_flags & NLM_F_CAPPED || err->msg.nlmsg_len < sizeof (err->msg))
        return MNL_NLMSG_HDRLEN + sizeof (*err);
    return MNL_NLMSG_HDRLEN + sizeof (*err) + MNL_ALIGN ((size_t) err->msg.nlmsg_len) -
           sizeof (err->msg);
}

bool
sg_nl_error_parse (const struct nlmsghdr *nlh, int *ret_errnum, char ret_text[SG_NL_TEXT_MAX])
{
    static const SgNlSpec specs[] = {[NLMSGERR_ATTR_MSG] = {SG_NL_STRING}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)] = {NULL};
    bool done = nlh->nlmsg_type == NLMSG_DONE;
    int code = 0;

    /* The end of a dump of an old kernel may come without a number. */
    if (nlh->nlmsg_len >= MNL_NLMSG_HDRLEN + (done ? sizeof (int) : sizeof (struct nlmsgerr)))
        memcpy (&code, sg_nl_message_header (nlh), sizeof (code));
    else if (!done)
        return false;

    ret_text[0] = '\0';
    if (nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
        size_t offset = error_text_offset (nlh);

        /* The words are a help to people; their absence changes nothing. */
        if (nlh->nlmsg_len > offset &&
            sg_nl_attrs_parse ((const uint8_t *) nlh + offset, nlh->nlmsg_len - offset, specs,
                               G_N_ELEMENTS (specs), attrs) &&
            attrs[NLMSGERR_ATTR_MSG])
            g_strlcpy (ret_text, sg_nl_attr_data (attrs[NLMSGERR_ATTR_MSG]), SG_NL_TEXT_MAX);
    }
    *ret_errnum = code < 0 && code > -4096 ? -code : code == 0 ? 0 : EPROTO;
    /* A dump that ends well may carry a positive number. */
    if (done && code > 0)
        *ret_errnum = 0;
    return true;
}

SgNlMessage
sg_nl_message_begin (void *memory, size_t room, uint16_t type, uint16_t flags)
{
    SgNlMessage message = {.nlh = mnl_nlmsg_put_header (memory), .room = room};

    message.nlh->nlmsg_type = type;
    message.nlh->nlmsg_flags = flags;
    return message;
}

void *
sg_nl_put_header (SgNlMessage *message, size_t size)
{
    if (MNL_ALIGN (size) > message->room - message->nlh->nlmsg_len) {
        message->full = true;
        return NULL;
    }
    return mnl_nlmsg_put_extra_header (message->nlh, size);
}

void
sg_nl_put (SgNlMessage *message, uint16_t type, const void *data, size_t len)
{
    if (len > UINT16_MAX - MNL_ATTR_HDRLEN ||
        !mnl_attr_put_check (message->nlh, message->room, type, len, data))
        message->full = true;
}

void
sg_nl_put_u8 (SgNlMessage *message, uint16_t type, uint8_t value)
{
    sg_nl_put (message, type, &value, sizeof (value));
}

void
sg_nl_put_u16 (SgNlMessage *message, uint16_t type, uint16_t value)
{
    sg_nl_put (message, type, &value, sizeof (value));
}

void
sg_nl_put_u32 (SgNlMessage *message, uint16_t type, uint32_t value)
{
    sg_nl_put (message, type, &value, sizeof (value));
}

void
sg_nl_put_string (SgNlMessage *message, uint16_t type, const char *value)
{
    sg_nl_put (message, type, value, strlen (value) + 1);
}

void
sg_nl_put_ip (SgNlMessage *message, uint16_t type, const SgIp *ip)
{
    sg_nl_put (message, type, ip->bytes, sg_family_bytes (ip->family));
}

struct nlattr *
sg_nl_nest_begin (SgNlMessage *message, uint16_t type)
{
    struct nlattr *nest = mnl_attr_nest_start_check (message->nlh, message->room, type);

    if (!nest)
        message->full = true;
    return nest;
}

void
sg_nl_nest_end (SgNlMessage *message, struct nlattr *nest)
{
    if (!nest)
        return;
    /* nla_len has 16 bits. */
    if ((uint8_t *) mnl_nlmsg_get_payload_tail (message->nlh) - (uint8_t *) nest > UINT16_MAX) {
        mnl_attr_nest_cancel (message->nlh, nest);
        message->full = true;
        return;
    }
    mnl_attr_nest_end (message->nlh, nest);
}
