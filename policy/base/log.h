/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program says to the journal. For programs only: a library returns an error. */
#pragma once

#include <glib.h>

/* Sends messages to the journal where stderr is connected to it, else as plain lines to
 * stderr. Call once, in main(). */
void sg_log_init (void);
/* @text as one line that may be shown on a terminal or stand in a log: names and words of others are
 * part of many sentences. What is not printable (line breaks, escapes, marks that turn the writing
 * direction) is written out like \x1b, broken UTF-8 replaced; longer than SG_LOG_LINE_MAX
 * characters it ends with “…”. Owned by the caller. */
#define SG_LOG_LINE_MAX 500
char *sg_log_line (const char *text);
/* Logs a failure, a warning; as one line. */
void sg_log_failure (const GError *error);
/* Of several (GError *), the first SG_LOG_FAILURES, and how many more there are: where thousands fail, one
 * reason has them all, and a journal that is flooded costs more than they did. */
#define SG_LOG_FAILURES 8u
void sg_log_failures (const GPtrArray *failures);
void sg_log_warning (const char *warning);
