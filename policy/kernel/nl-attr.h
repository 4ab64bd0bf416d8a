/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink messages in memory: walking and checking what was received, building what is sent.
 * Nothing here reads or writes outside the bytes that it was given. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

#include "base/prefix.h"

/* ---- reading ---- */

/* The next whole message of the @*left bytes at @*at, both moved behind it; NULL at the end and
 * when the rest is no message (then @*left is not 0). */
const struct nlmsghdr *sg_nl_message_next (const uint8_t **at, size_t *left);

/* What an attribute holds. */
typedef enum {
    SG_NL_SKIP, /* not looked at */
    SG_NL_U8,
    SG_NL_U16,
    SG_NL_U32,
    SG_NL_BYTES,  /* at least len bytes */
    SG_NL_STRING, /* ends with a NUL; at most len bytes with it, where len is not 0 */
} SgNlKind;

/* A row of an attribute table; the index is the attribute's type. */
typedef struct {
    SgNlKind kind;
    uint16_t len;
} SgNlSpec;

/* Sorts the attributes in @len bytes at @data by type into @ret_attrs (@n entries as @specs has
 * rows; NULL where there is none; the last of a type wins, as in the kernel). Attributes that
 * @specs skips or does not reach are passed over; the first of the latter is put into
 * @ret_attrs[0]. False when one is shorter than its row says, or the bytes are not attributes. */
bool sg_nl_attrs_parse (const void *data, size_t len, const SgNlSpec *specs, size_t n,
                        const struct nlattr **ret_attrs) G_GNUC_WARN_UNUSED_RESULT;
/* The same for what follows a header of @header bytes in @nlh; false also when the message is too
 * short for it. */
bool sg_nl_message_parse (const struct nlmsghdr *nlh, size_t header, const SgNlSpec *specs,
                          size_t n, const struct nlattr **ret_attrs) G_GNUC_WARN_UNUSED_RESULT;
/* The header behind nlmsghdr, after sg_nl_message_parse() found that it is there. */
const void *sg_nl_message_header (const struct nlmsghdr *nlh);

const void *sg_nl_attr_data (const struct nlattr *attr);
size_t sg_nl_attr_len (const struct nlattr *attr);
uint8_t sg_nl_attr_u8 (const struct nlattr *attr);
uint16_t sg_nl_attr_u16 (const struct nlattr *attr);
uint32_t sg_nl_attr_u32 (const struct nlattr *attr);
/* An address of @family; false when the attribute is too short for one, or @family none. */
bool sg_nl_attr_ip (const struct nlattr *attr, uint8_t family,
                    SgIp *ret_ip) G_GNUC_WARN_UNUSED_RESULT;

/* Walks nested attributes of any type (lists). Start with @*at = NULL; false at the end, and
 * with @*ret_broken set when the rest is no attribute. */
bool sg_nl_attr_next (const struct nlattr *nest, const struct nlattr **at, bool *ret_broken);

/* The most that the kernel says beyond an error number. */
#define SG_NL_TEXT_MAX 128

/* Reads NLMSG_ERROR and NLMSG_DONE: the error as a positive errno (0: none) and the kernel's
 * words ("" when there are none). False when the message is malformed. */
bool sg_nl_error_parse (const struct nlmsghdr *nlh, int *ret_errnum,
                        char ret_text[SG_NL_TEXT_MAX]) G_GNUC_WARN_UNUSED_RESULT;

/* ---- building ---- */

/* A message being built. What does not fit is left out and noted in full. */
typedef struct {
    struct nlmsghdr *nlh;
    size_t room;
    bool full;
} SgNlMessage;

/* Starts a message in @room zeroed bytes at @memory (aligned as a struct nlmsghdr, and at least
 * as large). */
SgNlMessage sg_nl_message_begin (void *memory, size_t room, uint16_t type, uint16_t flags);
/* Adds @size zeroed bytes, padded; NULL when they do not fit. */
void *sg_nl_put_header (SgNlMessage *message, size_t size);
void sg_nl_put (SgNlMessage *message, uint16_t type, const void *data, size_t len);
void sg_nl_put_u8 (SgNlMessage *message, uint16_t type, uint8_t value);
void sg_nl_put_u16 (SgNlMessage *message, uint16_t type, uint16_t value);
void sg_nl_put_u32 (SgNlMessage *message, uint16_t type, uint32_t value);
/* With its final NUL. */
void sg_nl_put_string (SgNlMessage *message, uint16_t type, const char *value);
void sg_nl_put_ip (SgNlMessage *message, uint16_t type, const SgIp *ip);
/* What is put between these two is nested in one attribute; NULL (full) is taken by the end. */
struct nlattr *sg_nl_nest_begin (SgNlMessage *message, uint16_t type);
void sg_nl_nest_end (SgNlMessage *message, struct nlattr *nest);
