/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ifname.h"

#include <net/if.h>
#include <string.h>

#include <glib.h>

bool
sg_ifname_is_valid (const char *name)
{
    size_t len = strlen (name);

    if (len == 0 || len >= IFNAMSIZ || strcmp (name, ".") == 0 || strcmp (name, "..") == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '/' || name[i] == ':' || g_ascii_isspace (name[i]))
            return false;
    }
    return true;
}
