/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nl-torn.h"

#include "base/error.h"

/* Parses @len bytes of @bytes from an allocation of just that size; an error is set if and only
 * if it failed. */
static bool
parse_alone (SgTornParse parse, const uint8_t *bytes, size_t len)
{
    g_autofree uint8_t *alone = g_memdup2 (bytes, len);
    g_autoptr (GError) error = NULL;
    bool ok = parse ((const void *) alone, &error);

    g_assert_true (ok == (error == NULL));
    if (error)
        g_assert_error (error, SG_ERROR, SG_ERROR_KERNEL);
    return ok;
}

void
sg_torn_check_cut (SgTornParse parse, const SgTornMemory *memory, size_t fixed, unsigned int most)
{
    SgTornMemory cut;
    unsigned int good = 0;

    for (uint32_t len = sizeof (struct nlmsghdr); len < memory->nlh.nlmsg_len; len++) {
        cut = *memory;
        cut.nlh.nlmsg_len = len;
        bool ok = parse_alone (parse, cut.bytes, len);
        g_assert_true (!ok || len >= sizeof (struct nlmsghdr) + fixed);
        good += ok;
    }
    g_assert_cmpuint (good, <=, most);
    g_assert_true (parse_alone (parse, memory->bytes, memory->nlh.nlmsg_len));
}

void
sg_torn_check_lies (SgTornParse parse, const SgTornMemory *memory)
{
    static const uint8_t lies[] = {0x00, 0x01, 0x03, 0x04, 0x7f, 0x80, 0xff};

    for (uint32_t at = sizeof (memory->nlh.nlmsg_len); at < memory->nlh.nlmsg_len; at++) {
        for (size_t i = 0; i < G_N_ELEMENTS (lies); i++) {
            SgTornMemory lying = *memory;

            lying.bytes[at] = lies[i];
            parse_alone (parse, lying.bytes, lying.nlh.nlmsg_len);
        }
    }
}
