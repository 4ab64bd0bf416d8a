/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shell.h"

char *
sg_shell_output (const char *format, ...)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *complaint = NULL;
    g_autofree char *command = NULL;
    g_autofree char *output = NULL;
    g_auto (GStrv) pieces = NULL;
    int status;
    va_list args;

    va_start (args, format);
    command = g_strdup_vprintf (format, args);
    va_end (args);
    g_spawn_command_line_sync (command, &output, &complaint, &status, &error);
    g_assert_no_error (error);
    if (status != 0)
        g_error ("%s: %s", command, complaint);
    pieces = g_strsplit (output, "proto sixgate", -1);
    return g_strjoinv ("proto 106", pieces);
}
