/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "reconcile.h"

void
sg_command_begin (void)
{
    umask (077);
    signal (SIGPIPE, SIG_IGN);
    sg_log_init ();
}

bool
sg_command_parse (GOptionContext *context, int *argc, char ***argv, GError **error)
{
    g_autoptr (GError) usage = NULL;

    if (g_option_context_parse (context, argc, argv, &usage))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s; --help tells the options",
                 usage->message);
    return false;
}

int
sg_command_end (GError *error, bool changes, const GPtrArray *warnings)
{
    const SgOptions repair = {.repair = true};
    g_autoptr (GError) taken = error;

    if (error) {
        sg_log_failure (error);
        return sg_error_exit_status (error);
    }
    fflush (stdout); /* before the words of the run */
    for (guint i = 0; i < warnings->len; i++)
        sg_log_warning (g_ptr_array_index (warnings, i));
    return changes ? sg_reconcile (&repair, /* healing= */ NULL) : 0;
}
