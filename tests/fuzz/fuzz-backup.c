/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of any content, for `sixgatectl restore`: refused as a whole, or what is taken means the same when it
 * is written again. */
#include <stdint.h>
#include <string.h>

#include "backup-file.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *bytes = g_memdup2 (data, size); /* ends where it ends */
    g_autoptr (GError) error = NULL;
    g_autoptr (SgBackup) backup = sg_backup_parse ("file", bytes, size, &error), again = NULL;
    g_autofree char *text = NULL, *twice = NULL;

    g_assert_true ((backup == NULL) == (error != NULL));
    if (!backup) {
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
        return 0;
    }
    text = sg_backup_to_text (backup);
    again = sg_backup_parse ("file", text, strlen (text), &error);
    g_assert_no_error (error);
    twice = sg_backup_to_text (again);
    g_assert_cmpstr (text, ==, twice);
    return 0;
}
