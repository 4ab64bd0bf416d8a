/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-reconcile: NetworkManager's dispatcher program, the boot service and the command by
 * hand, all the same short run; with --listen a few of them, as the kernel reports changes. An
 * event is only a hint: state is always read afresh. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "base/privileges.h"
#include "listen.h"
#include "options.h"
#include "reconcile.h"

int
main (int argc, char **argv)
{
    g_autoptr (SgOptions) options = NULL;
    g_autoptr (GError) error = NULL;
    bool dropped = sg_privileges_drop (&error);

    umask (077);
    signal (SIGPIPE, SIG_IGN); /* a reader of ours that goes away must not end a run half way */
    sg_log_init ();
    if (dropped)
        options = sg_options_parse (argc, argv, &error);
    if (!options) {
        sg_log_failure (error);
        return sg_error_exit_status (error);
    }
    if (options->version) {
        printf ("sixgate %s\n", SG_VERSION);
        return 0;
    }
    if (options->ignored)
        return 0;
    return options->listen ? sg_listen (options) : sg_reconcile (options, /* healing= */ NULL);
}
