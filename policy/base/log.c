/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Plain lines for people; the journal keeps its fields. */
static GLogWriterOutput
write_message (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    if (g_log_writer_is_journald (STDERR_FILENO) &&
        g_log_writer_journald (level, fields, n_fields, data) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    for (gsize i = 0; i < n_fields && !(level & G_LOG_LEVEL_DEBUG); i++) {
        if (strcmp (fields[i].key, "MESSAGE") == 0)
            fprintf (stderr, "sixgate: %s\n", (const char *) fields[i].value);
    }
    return G_LOG_WRITER_HANDLED;
}

void
sg_log_init (void)
{
    g_log_set_writer_func (write_message, NULL, NULL);
}

void
sg_log_failure (const GError *error)
{
    g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "MESSAGE", "%s", error->message);
}

void
sg_log_warning (const char *warning)
{
    g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "MESSAGE", "%s", warning);
}
