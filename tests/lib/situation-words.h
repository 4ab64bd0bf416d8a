/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The words of a line of a situation (lib/situation.h), taken one after the other. What is not as it should be aborts
 * the test, naming the line. */
#pragma once

#include "core/snapshot.h"

typedef struct {
    char **words; /* NULL-terminated */
    size_t next;
    const char *line; /* for messages */
} SgWords;

/* The next one, left in place; NULL: there is none. */
const char *sg_peek_word (const SgWords *words);
const char *sg_take (SgWords *words);
/* Takes it if it is @word. */
bool sg_take_word (SgWords *words, const char *word);
uint32_t sg_take_number (SgWords *words);
SgIp sg_take_ip (SgWords *words);
SgPrefix sg_take_prefix (SgWords *words);
/* The index of a link of @snapshot, by its name. */
uint32_t sg_take_interface (SgWords *words, const SgSnapshot *snapshot);
/* Of routes: "main", "default" or a number; "sixgate" or a number. */
uint32_t sg_take_table (SgWords *words);
uint8_t sg_take_protocol (SgWords *words);
SgWgRawKey sg_take_key (SgWords *words);
/* Nobody knows the next one. */
void sg_refuse_word (const SgWords *words) G_GNUC_NORETURN;
