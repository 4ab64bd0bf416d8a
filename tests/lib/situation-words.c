/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/situation-words.h"

#include <stdlib.h>

const char *
sg_peek_word (const SgWords *words)
{
    return words->words[words->next];
}

const char *
sg_take (SgWords *words)
{
    if (!sg_peek_word (words))
        g_error ("situation: “%s” is too short", words->line);
    return words->words[words->next++];
}

bool
sg_take_word (SgWords *words, const char *word)
{
    bool there = g_strcmp0 (sg_peek_word (words), word) == 0;

    words->next += there;
    return there;
}

uint32_t
sg_take_number (SgWords *words)
{
    const char *word = sg_take (words);
    char *end;
    unsigned long number = strtoul (word, &end, 0);

    if (*end || end == word)
        g_error ("situation: “%s”: %s is no number", words->line, word);
    return (uint32_t) number;
}

SgIp
sg_take_ip (SgWords *words)
{
    SgIp ip;

    if (!sg_ip_parse (sg_take (words), &ip))
        g_error ("situation: “%s”: no address", words->line);
    return ip;
}

SgPrefix
sg_take_prefix (SgWords *words)
{
    SgPrefix prefix;
    GError *error = NULL;

    if (!sg_prefix_parse (sg_take (words), &prefix, &error))
        g_error ("situation: “%s”: %s", words->line, error->message);
    return prefix;
}

uint32_t
sg_take_interface (SgWords *words, const SgSnapshot *snapshot)
{
    const SgLink *link = sg_snapshot_link_by_name (snapshot, sg_take (words));

    if (!link)
        g_error ("situation: “%s”: no such link", words->line);
    return link->ifindex;
}

uint32_t
sg_take_table (SgWords *words)
{
    if (sg_take_word (words, "main"))
        return RT_TABLE_MAIN;
    return sg_take_word (words, "default") ? RT_TABLE_DEFAULT : sg_take_number (words);
}

uint8_t
sg_take_protocol (SgWords *words)
{
    return sg_take_word (words, "sixgate") ? 106 : (uint8_t) sg_take_number (words);
}

void
sg_refuse_word (const SgWords *words)
{
    g_error ("situation: “%s”: “%s” is unknown", words->line, sg_peek_word (words));
}

SgWgRawKey
sg_take_key (SgWords *words)
{
    SgWgRawKey key = {0};

    if (!sg_wg_key_decode (sg_take (words), &key))
        g_error ("situation: “%s”: no key", words->line);
    return key;
}
