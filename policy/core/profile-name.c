/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/profile.h"

#include <string.h>

#include "base/ifname.h"
#include "core/contract.h"

#define SUFFIX ".conf"

/* The names that wg-quick takes, less those that mean something else to the kernel
 * (/proc/sys/net/ipv6/conf/all and default) or to us. */
bool
sg_profile_name_is_usable (const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.-";
    static const char *const reserved[] = {"all", "default", "lo", SG_TUNNEL_INTERFACE};

    if (!sg_ifname_is_valid (name) || name[0] == '-' || name[0] == '.' ||
        strspn (name, allowed) != strlen (name))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS (reserved); i++) {
        if (strcmp (name, reserved[i]) == 0)
            return false;
    }
    return true;
}

char *
sg_profile_choose_name (const char *file, GHashTable *taken)
{
    const char *slash = strrchr (file, '/');
    g_autofree char *name = g_strdup (slash ? slash + 1 : file);
    size_t len = strlen (name), suffix = strlen (SUFFIX);

    if (len > suffix && g_ascii_strcasecmp (name + len - suffix, SUFFIX) == 0)
        name[len - suffix] = '\0';
    if (sg_profile_name_is_usable (name) && !g_hash_table_contains (taken, name))
        return g_steal_pointer (&name);
    for (unsigned i = 0;; i++) {
        g_free (name);
        name = g_strdup_printf ("wg%u", i);
        if (!g_hash_table_contains (taken, name))
            return g_steal_pointer (&name);
    }
}
