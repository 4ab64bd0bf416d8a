/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the PCP server remembers, of any content: refused at its line, or what is taken is written the same
 * again, and no more of it than its devices may have. */
#include <string.h>

#include "base/error.h"
#include "core/pcp-journal.h"
#include "lib/pcp-world.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *bytes = g_memdup2 (data, size); /* ends where it ends */
    g_autoptr (World) world = world_new ();
    g_autoptr (GString) text = NULL, again = NULL;
    g_autoptr (GError) error = NULL;
    bool whole = sg_pcp_journal_parse (world->server, "pcp", bytes, size, &error);

    g_assert_true (whole == (error == NULL));
    if (!whole)
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    text = sg_pcp_journal_all (world->server, world->now_ms);
    sg_pcp_server_free (world->server);
    pcp_make_server (world);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text->str, text->len, NULL));
    again = sg_pcp_journal_all (world->server, world->now_ms);
    g_assert_cmpstr (text->str, ==, again->str);
    return 0;
}
