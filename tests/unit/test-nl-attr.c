/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Netlink's messages and attributes, whatever they are about. */
#include "kernel/nl-attr.h"

#include <errno.h>

#define ROOM 4096

typedef union {
    struct nlmsghdr nlh;
    uint8_t bytes[ROOM];
} Memory;

/* ---- messages and attributes ---- */

static void
test_walk (void)
{
    Memory memory = {0};
    size_t left = 40;
    const uint8_t *at = memory.bytes;
    struct nlmsghdr *second = (void *) (memory.bytes + 20);

    /* 17 bytes are padded to 20; the second is whole; nothing is left. */
    memory.nlh.nlmsg_len = 17;
    second->nlmsg_len = 20;
    g_assert_true (sg_nl_message_next (&at, &left) == &memory.nlh);
    g_assert_true (sg_nl_message_next (&at, &left) == second);
    g_assert_null (sg_nl_message_next (&at, &left));
    g_assert_cmpuint (left, ==, 0);
}

static void
test_walk_lies (void)
{
    static const uint32_t lies[] = {0, 1, 15, 41, 0x7fffffff, 0x80000000, 0xffffffff};

    for (size_t i = 0; i < G_N_ELEMENTS (lies); i++) {
        Memory memory = {.nlh = {.nlmsg_len = lies[i]}};
        const uint8_t *at = memory.bytes;
        size_t left = 40;

        g_assert_null (sg_nl_message_next (&at, &left));
        g_assert_cmpuint (left, ==, 40);
    }
}

static void
test_attributes (void)
{
    static const SgNlSpec specs[] = {[1] = {SG_NL_U32}, [2] = {SG_NL_STRING, 4}, [4] = {SG_NL_U8}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];
    Memory memory = {0};
    SgNlMessage message = sg_nl_message_begin (&memory, ROOM, 77, 0);

    sg_nl_put_header (&message, 6);
    sg_nl_put_u32 (&message, 1, 5);
    sg_nl_put_u32 (&message, 1, 6);
    sg_nl_put_string (&message, 2, "abc");
    sg_nl_put_u16 (&message, 3, 9);
    sg_nl_put_u16 (&message, 900, 9);
    g_assert_false (message.full);
    g_assert_true (sg_nl_message_parse (&memory.nlh, 6, specs, G_N_ELEMENTS (specs), attrs));
    g_assert_cmpuint (sg_nl_attr_u32 (attrs[1]), ==, 6);
    g_assert_cmpstr (sg_nl_attr_data (attrs[2]), ==, "abc");
    g_assert_null (attrs[3]);
    g_assert_null (attrs[4]);
    g_assert_nonnull (attrs[0]);
}

/* Too short for its kind, too long for its place, without an end. */
static void
test_attributes_refused (void)
{
    static const struct {
        SgNlSpec spec;
        const char *bytes;
        size_t len;
        bool good;
    } cases[] = {
        {{SG_NL_U32}, "\1\2\3", 3, false},   {{SG_NL_U32}, "\1\2\3\4", 4, true},
        {{SG_NL_U16}, "\1", 1, false},       {{SG_NL_U16}, "\1\2", 2, true},
        {{SG_NL_U8}, "", 0, false},          {{SG_NL_U8}, "\1", 1, true},
        {{SG_NL_BYTES, 4}, "abc", 3, false}, {{SG_NL_BYTES, 4}, "abcde", 5, true},
        {{SG_NL_STRING}, "abc", 3, false},   {{SG_NL_STRING}, "", 0, false},
        {{SG_NL_STRING, 4}, "abc", 4, true}, {{SG_NL_STRING, 3}, "abc", 4, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        const SgNlSpec specs[] = {[1] = cases[i].spec};
        const struct nlattr *attrs[2];
        Memory memory = {0};
        SgNlMessage message = sg_nl_message_begin (&memory, ROOM, 77, 0);

        sg_nl_put (&message, 1, cases[i].bytes, cases[i].len);
        g_assert_true (sg_nl_message_parse (&memory.nlh, 0, specs, 2, attrs) == cases[i].good);
    }
}

static void
test_full (void)
{
    static const uint8_t large[70000];

    for (size_t room = sizeof (struct nlmsghdr); room < 40; room++) {
        g_autofree uint8_t *memory = g_malloc0 (room);
        SgNlMessage message = sg_nl_message_begin (memory, room, 77, 0);
        struct nlattr *nest = sg_nl_nest_begin (&message, 1);

        sg_nl_put (&message, 2, large, 20);
        sg_nl_nest_end (&message, nest);
        g_assert_true (message.full);
        g_assert_cmpuint (message.nlh->nlmsg_len, <=, room);
    }

    g_autofree uint8_t *memory = g_malloc0 (200000);
    SgNlMessage message = sg_nl_message_begin (memory, 200000, 77, 0);
    sg_nl_put (&message, 1, large, sizeof (large));
    g_assert_true (message.full);

    message = sg_nl_message_begin (memory, 200000, 77, 0);
    struct nlattr *nest = sg_nl_nest_begin (&message, 1);
    sg_nl_put (&message, 2, large, 40000);
    sg_nl_put (&message, 2, large, 40000);
    g_assert_false (message.full);
    sg_nl_nest_end (&message, nest);
    g_assert_true (message.full);
}

/* An error as the kernel sends it, with or without the request that it answers. */
static void
build_error (Memory *memory, int code, bool capped, const char *text)
{
    SgNlMessage message = sg_nl_message_begin (
        memory, ROOM, NLMSG_ERROR, (capped ? NLM_F_CAPPED : 0) | (text ? NLM_F_ACK_TLVS : 0));
    struct nlmsgerr *err = sg_nl_put_header (&message, sizeof (*err));

    err->error = code;
    err->msg.nlmsg_len = sizeof (struct nlmsghdr) + 24;
    if (!capped)
        sg_nl_put_header (&message, 24);
    if (text)
        sg_nl_put_string (&message, NLMSGERR_ATTR_MSG, text);
}

static void
test_error (void)
{
    static const struct {
        int code;
        int errnum;
        bool capped;
        const char *text;
    } cases[] = {
        {0, 0, true, NULL},       {-17, 17, true, NULL},       {-17, 17, true, "Rule exists"},
        {-22, 22, false, "Twin"}, {-5000, EPROTO, true, NULL}, {5, EPROTO, true, NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        Memory memory = {0};
        char text[SG_NL_TEXT_MAX];
        int errnum = -1;

        build_error (&memory, cases[i].code, cases[i].capped, cases[i].text);
        g_assert_true (sg_nl_error_parse (&memory.nlh, &errnum, text));
        g_assert_cmpint (errnum, ==, cases[i].errnum);
        g_assert_cmpstr (text, ==, cases[i].text ? cases[i].text : "");
    }
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/nl/walk/padding", test_walk);
    g_test_add_func ("/nl/walk/lying-lengths-refused", test_walk_lies);
    g_test_add_func ("/nl/attributes/sorted-last-wins", test_attributes);
    g_test_add_func ("/nl/attributes/short-ones-refused", test_attributes_refused);
    g_test_add_func ("/nl/building/never-past-the-room", test_full);
    g_test_add_func ("/nl/error/kernel's-words", test_error);

    return g_test_run ();
}
