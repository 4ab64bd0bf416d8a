/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program says to the journal. For programs only: a library returns an error. */
#pragma once

#include <glib.h>

/* Sends messages to the journal where stderr is connected to it, else as plain lines to
 * stderr. Call once, in main(). */
void sg_log_init (void);
/* Logs a failure, a warning. */
void sg_log_failure (const GError *error);
void sg_log_warning (const char *warning);
