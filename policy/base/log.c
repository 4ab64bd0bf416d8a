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

char *
sg_log_line (const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text, /* len= */ -1);
    GString *line = g_string_new (NULL);
    int n = 0;

    for (const char *at = valid; *at; at = g_utf8_next_char (at)) {
        gunichar c = g_utf8_get_char (at);

        if (n++ == SG_LOG_LINE_MAX) {
            g_string_append (line, "…");
            break;
        }
        if (c == '\n')
            g_string_append (line, "\\n");
        else if (g_unichar_isprint (c))
            g_string_append_unichar (line, c);
        else
            g_string_append_printf (line, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
    }
    return g_string_free (line, /* free_segment= */ FALSE);
}

static void
write_line (GLogLevelFlags level, const char *text)
{
    g_autofree char *line = sg_log_line (text);

    g_log_structured (G_LOG_DOMAIN, level, "MESSAGE", "%s", line);
}

void
sg_log_failure (const GError *error)
{
    write_line (G_LOG_LEVEL_CRITICAL, error->message);
}

void
sg_log_failures (const GPtrArray *failures)
{
    guint told = MIN (failures->len, SG_LOG_FAILURES);
    g_autofree char *rest = g_strdup_printf ("%u more failures of this kind", failures->len - told);

    for (guint i = 0; i < told; i++)
        sg_log_failure (g_ptr_array_index (failures, i));
    if (told < failures->len)
        write_line (G_LOG_LEVEL_CRITICAL, rest);
}

void
sg_log_warning (const char *warning)
{
    write_line (G_LOG_LEVEL_WARNING, warning);
}
