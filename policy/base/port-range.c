/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/port-range.h"

#include "base/error.h"

/* A port at *@at, which moves behind it. */
static bool
take_port (const char **at, uint32_t *ret_port)
{
    uint32_t port = 0;
    const char *begin = *at;

    for (; g_ascii_isdigit (**at) && *at - begin < 5; (*at)++)
        port = port * 10 + (uint32_t) (**at - '0');
    *ret_port = port;
    return *at > begin && port >= 1 && port <= UINT16_MAX;
}

static bool
parse (const char *text, SgPortRange *ret_range)
{
    uint32_t first, last, internal;

    if (!take_port (&text, &first))
        return false;
    last = internal = first;
    if (*text == '-' && (text++, !take_port (&text, &last) || last < first))
        return false;
    if (*text == ':' && (text++, !take_port (&text, &internal)))
        return false;
    if (*text != '\0')
        return false;
    *ret_range =
        (SgPortRange) {(uint16_t) first, (uint16_t) internal, (uint16_t) (last - first + 1)};
    return true;
}

bool
sg_port_range_parse (const char *text, SgPortRange *ret_range, GError **error)
{
    if (parse (text, ret_range))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "“%s” is no port; write it like 443, 443:8443, 6000-6009 or 6000-6009:7000, "
                 "with ports from 1 to 65535",
                 text);
    return false;
}
