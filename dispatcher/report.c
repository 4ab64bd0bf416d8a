/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
sg_report_gateways (const GArray *gateways, const SgConfig *config, const char *selected)
{
    for (guint i = 0; i < gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (gateways, SgGateway, i);

        printf ("gateway %s: table %u, mark 0x%x", gateway->name, gateway->table, gateway->mark);
        for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
            bool capable = gateway->capability[family] == SG_CAPABLE;

            if (config->families[family])
                printf (", %s%s%s%s", capable ? "carries " : "no ", sg_family_title (family),
                        capable ? "" : ": ", sg_capability_name (gateway->capability[family]));
        }
        printf ("%s\n", strcmp (gateway->name, selected) == 0 ? ", selected" : "");
    }
}

void
sg_report_stats (const SgKernelStats *stats)
{
    printf ("netlink: %" PRIu64 " system calls, %" PRIu64 " dumps, %" PRIu64
            " messages read, %" PRIu64 " writes\n",
            stats->system_calls, stats->dumps, stats->messages_read, stats->writes);
}
