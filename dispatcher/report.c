/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <inttypes.h>
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
sg_report_init (void)
{
    g_log_set_writer_func (write_message, NULL, NULL);
}

void
sg_report_failure (const GError *error)
{
    g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_CRITICAL, "MESSAGE", "%s", error->message);
}

void
sg_report_warning (const char *warning)
{
    g_log_structured (G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "MESSAGE", "%s", warning);
}

static bool
contains (const GPtrArray *warnings, const char *warning)
{
    return g_ptr_array_find_with_equal_func ((GPtrArray *) warnings, warning, g_str_equal, NULL);
}

bool
sg_report_new_warnings (const GPtrArray *warnings, bool everything, SgMemory *memory)
{
    bool changed = warnings->len != memory->warned->len;

    for (guint i = 0; i < warnings->len; i++) {
        const char *warning = g_ptr_array_index (warnings, i);
        bool known = contains (memory->warned, warning);

        if (everything || !known)
            sg_report_warning (warning);
        changed = changed || !known;
    }
    if (changed) {
        g_ptr_array_set_size (memory->warned, 0);
        for (guint i = 0; i < warnings->len; i++)
            g_ptr_array_add (memory->warned, g_strdup (g_ptr_array_index (warnings, i)));
    }
    return changed;
}

void
sg_report_gateways (const GArray *gateways, const char *selected)
{
    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);

        printf ("gateway %s: table %u, mark 0x%x, %s%s%s\n", gateway->name, gateway->table,
                gateway->mark, gateway->ipv6 == SG_CAPABLE ? "carries IPv6" : "no IPv6: ",
                sg_capability_name (gateway->ipv6),
                strcmp (gateway->name, selected) == 0 ? ", selected" : "");
    }
}

void
sg_report_stats (const SgKernelStats *stats)
{
    printf ("netlink: %" PRIu64 " system calls, %" PRIu64 " dumps, %" PRIu64
            " messages read, %" PRIu64 " writes\n",
            stats->system_calls, stats->dumps, stats->messages_read, stats->writes);
}
