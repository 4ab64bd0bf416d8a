/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands that a test needs done: each has to succeed. */
#pragma once

#include <glib.h>

/* Runs a command line; what it prints, owned by the caller, our protocol as a number also where ip(8)
 * knows its name. */
char *sg_shell_output (const char *format, ...) G_GNUC_PRINTF (1, 2);
/* The same for what it does alone. */
#define SG_SHELL(...) g_free (sg_shell_output (__VA_ARGS__))
