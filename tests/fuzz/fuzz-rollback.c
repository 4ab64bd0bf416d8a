/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that an update is undone from, of any bytes: as the text that it is, and as what the text
 * stands for. What is read can be written and read again, with the same result. */
#include <string.h>

#include "core/rollback.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* @text is wiped by it, as in the program. */
static SgRollback *
parse (char *text)
{
    g_autoptr (GError) error = NULL;
    SgRollback *rollback = sg_rollback_parse (text, &error);

    g_assert_true ((rollback == NULL) == (error != NULL));
    g_assert_cmpuint (strlen (text), ==, 0);
    return rollback;
}

static void
check (char *text)
{
    g_autoptr (SgRollback) read = parse (text);
    g_autoptr (SgRollback) again = NULL;
    char *first, *copy, *second;

    if (!read)
        return;
    first = sg_rollback_to_text (read);
    copy = g_strdup (first);
    again = parse (copy);
    g_assert_nonnull (again);
    second = sg_rollback_to_text (again);
    g_assert_cmpstr (first, ==, second);
    g_free (copy);
    sg_wg_text_free (first);
    sg_wg_text_free (second);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup ((const char *) data, size);
    g_autofree char *bytes = g_base64_encode (data, size);

    check (text);
    check (bytes);
    return 0;
}
