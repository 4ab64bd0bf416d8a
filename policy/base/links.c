/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/links.h"

#include <net/if.h>

void
sg_links_add_names (GHashTable *names)
{
    struct if_nameindex *links = if_nameindex ();

    for (struct if_nameindex *link = links; link && link->if_index; link++)
        g_hash_table_add (names, g_strdup (link->if_name));
    if (links)
        if_freenameindex (links);
}
