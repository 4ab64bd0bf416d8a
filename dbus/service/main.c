/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-service: the D-Bus face of Sixgate. Started by the first call, ends when it is idle. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "base/privileges.h"
#include "service.h"

/* Taken by the loop, one after the other. */
static void
block_signals (void)
{
    sigset_t set;

    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGCHLD);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
}

int
main (int argc, char **argv)
{
    g_autoptr (GError) error = NULL;
    bool dropped = sg_privileges_drop (&error);

    umask (077);
    block_signals ();
    sg_log_init ();
    if (argc > 1 && strcmp (argv[1], "--version") == 0) {
        printf ("sixgate %s\n", SG_VERSION);
        return 0;
    }
    if (dropped && argc > 1)
        g_set_error (&error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is not understood; D-Bus starts this program, without arguments",
                     argv[1]);
    if (error) {
        sg_log_failure (error);
        return sg_error_exit_status (error);
    }
    return sg_service_run ();
}
