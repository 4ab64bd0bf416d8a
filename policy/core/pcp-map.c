/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The MAP opcode (RFC 6887, sections 11.3 and 15; PORT_SET: RFC 7753). */
#include "core/pcp-parts.h"

#include <netinet/in.h>
#include <string.h>

#include "core/tunnel.h"

#define PORTS_END 65536u
/* Where a port is looked for when neither the suggested one nor the internal one is free. */
#define PORTS_BEGIN 1024u
/* PCP's own UDP ports, which are given to nobody (section 11.3): the client's, behind it the server's. */
#define OWN_PORTS 2u

/* ---- what there is ---- */

static bool
overlaps (uint32_t first, uint32_t n, uint32_t other, uint32_t m)
{
    return first < other + m && other < first + n;
}

/* How many ports are asked for. */
static uint32_t
requested_size (const SgPcpRequest *request)
{
    return request->port_set ? request->set_size : 1;
}

/* Whether @mapping has any of the internal ports that are asked for (RFC 7753, section 4.4.1). */
static bool
is_asked_for (const SgPcpCall *call, const SgPcpMapping *mapping)
{
    const SgPcpRequest *request = call->request;

    return mapping->protocol == request->protocol &&
           overlaps (mapping->internal, mapping->size, request->internal, requested_size (request));
}

static bool
has_nonce (const SgPcpMapping *mapping, const SgPcpRequest *request)
{
    return memcmp (mapping->nonce, request->nonce, SG_PCP_NONCE_LEN) == 0;
}

static SgPcpMapping *
find_mapping (const SgPcpCall *call)
{
    for (guint i = 0; i < call->device->mappings->len; i++) {
        SgPcpMapping *mapping = &g_array_index (call->device->mappings, SgPcpMapping, i);

        if (is_asked_for (call, mapping))
            return mapping;
    }
    return NULL;
}

/* One of another nonce. */
static const SgPcpMapping *
find_foreign (const SgPcpCall *call)
{
    for (guint i = 0; i < call->device->mappings->len; i++) {
        const SgPcpMapping *mapping = &g_array_index (call->device->mappings, SgPcpMapping, i);

        if (is_asked_for (call, mapping) && !has_nonce (mapping, call->request))
            return mapping;
    }
    return NULL;
}

/* A static mapping: one made by hand. */
static const SgPinhole *
find_pinhole (const SgPcpCall *call)
{
    const GPtrArray *pinholes = call->device->pinholes;

    for (guint i = 0; pinholes && i < pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (pinholes, i);

        if (pinhole->enabled && pinhole->protocol == call->request->protocol &&
            pinhole->internal == call->request->internal)
            return pinhole;
    }
    return NULL;
}

/* The end of whatever has an external port among the @size from @first on; 0: they are free. A
 * pinhole that is switched off keeps its port. */
static uint32_t
taken_until (const SgPcpCall *call, uint32_t first, uint32_t size)
{
    const SgPcpDevice *device = call->device;

    if (call->request->protocol == IPPROTO_UDP &&
        overlaps (first, size, SG_PCP_CLIENT_PORT, OWN_PORTS))
        return SG_PCP_CLIENT_PORT + OWN_PORTS;
    for (guint i = 0; i < device->mappings->len; i++) {
        const SgPcpMapping *mapping = &g_array_index (device->mappings, SgPcpMapping, i);

        if (mapping->protocol == call->request->protocol &&
            overlaps (first, size, mapping->external, mapping->size))
            return (uint32_t) mapping->external + mapping->size;
    }
    for (guint i = 0; device->pinholes && i < device->pinholes->len; i++) {
        const SgPinhole *pinhole = g_ptr_array_index (device->pinholes, i);

        if (pinhole->protocol == call->request->protocol &&
            overlaps (first, size, pinhole->external, 1))
            return pinhole->external + 1u;
    }
    return 0;
}

static uint32_t
count_ports (const SgPcpDevice *device)
{
    uint32_t n = 0;

    for (guint i = 0; i < device->mappings->len; i++)
        n += g_array_index (device->mappings, SgPcpMapping, i).size;
    return n;
}

/* ---- changes ---- */

static void
note (const SgPcpCall *call, const SgPcpMapping *old, const SgPcpMapping *new)
{
    SgPcpChange change = {.device = call->device->ip, .had = old != NULL, .has = new != NULL};

    if (old)
        change.old = *old;
    if (new)
        change.new = *new;
    g_array_append_val (call->changes, change);
}

static uint32_t
seconds_left (const SgPcpCall *call, const SgPcpMapping *mapping)
{
    uint64_t left = mapping->expires_ms - MIN (mapping->expires_ms, call->now_ms);

    return (uint32_t) MAX (left / 1000, 1);
}

/* Section 15. */
static uint32_t
clamp_lifetime (uint32_t requested)
{
    return CLAMP (requested, SG_PCP_LIFETIME_MIN, SG_PCP_LIFETIME_MAX);
}

/* ---- deletion (section 15.1) ---- */

/* All that the client may delete; nothing is no error. */
static void
delete_all (const SgPcpCall *call)
{
    GArray *mappings = call->device->mappings;
    uint8_t protocol = call->request->protocol;

    for (guint i = 0; i < mappings->len;) {
        const SgPcpMapping *mapping = &g_array_index (mappings, SgPcpMapping, i);

        if ((protocol == 0 || mapping->protocol == protocol) &&
            has_nonce (mapping, call->request)) {
            note (call, mapping, NULL);
            g_array_remove_index_fast (mappings, i);
        } else {
            i++;
        }
    }
}

static void
remove_mapping (const SgPcpCall *call, const SgPcpMapping *mapping)
{
    GArray *mappings = call->device->mappings;

    note (call, mapping, NULL);
    g_array_remove_index_fast (mappings, (guint) (mapping - (SgPcpMapping *) mappings->data));
}

static SgPcpResult delete (const SgPcpCall *call, SgPcpMapAnswer *map, uint32_t *lifetime)
{
    const SgPcpMapping *mapping = find_mapping (call);
    const SgPcpMapping *foreign = find_foreign (call);

    map->external = call->request->external;
    map->external_ip = call->request->external_ip;
    map->set_size = call->request->set_size;
    map->set_first = call->request->internal;
    if (call->request->internal == 0) {
        delete_all (call);
        return SG_PCP_SUCCESS;
    }
    if (!mapping)
        return find_pinhole (call) ? SG_PCP_NOT_AUTHORIZED : SG_PCP_SUCCESS;
    if (foreign) {
        *lifetime = seconds_left (call, foreign);
        return SG_PCP_NOT_AUTHORIZED;
    }
    for (; mapping; mapping = find_mapping (call))
        remove_mapping (call, mapping);
    return SG_PCP_SUCCESS;
}

/* ---- filters (section 13.3) ---- */

static bool
has_filter (const SgPcpMapping *mapping, const SgPcpFilter *filter)
{
    for (uint8_t i = 0; i < mapping->n_filters; i++) {
        if (mapping->filters[i].port == filter->port &&
            sg_prefix_compare (&mapping->filters[i].remote, &filter->remote) == 0)
            return true;
    }
    return false;
}

/* Adds those of the request to those that are there, unless it says to forget them. */
static bool
take_filters (const SgPcpRequest *request, SgPcpMapping *mapping)
{
    if (request->forget_filters)
        mapping->n_filters = 0;
    for (uint8_t i = 0; i < request->n_filters; i++) {
        if (has_filter (mapping, &request->filters[i]))
            continue;
        if (mapping->n_filters == SG_PCP_FILTERS_MAX)
            return false;
        mapping->filters[mapping->n_filters++] = request->filters[i];
    }
    return true;
}

/* ---- granting ---- */

/* Whether the client would rather have nothing than @external (section 13.2). */
static bool
would_rather_fail (const SgPcpCall *call, uint32_t external)
{
    const SgPcpRequest *request = call->request;
    static const SgIp any = {AF_INET6, {0}};
    bool other_ip = sg_ip_compare (&request->external_ip, &any) != 0 &&
                    sg_ip_compare (&request->external_ip, &call->device->ip) != 0;

    return request->prefer_failure &&
           (other_ip || (request->external != 0 && request->external != external));
}

static void
fill_answer (const SgPcpCall *call, const SgPcpMapping *mapping, SgPcpMapAnswer *map)
{
    map->lifetime = clamp_lifetime (call->request->lifetime);
    map->external_ip = call->device->ip;
    map->set_size = mapping->size;
    map->set_first = mapping->internal;
    /* Without PORT_SET a client hears of the port that it named. */
    map->external =
        (uint16_t) (mapping->external +
                    (call->request->port_set ? 0 : call->request->internal - mapping->internal));
}

/* One made by hand stays as it is; it is there as long as a mapping can be. */
static SgPcpResult
grant_pinhole (const SgPcpCall *call, const SgPinhole *pinhole, SgPcpMapAnswer *map)
{
    SgPcpMapping mapping = {
        .internal = pinhole->internal, .external = pinhole->external, .size = 1};

    if (would_rather_fail (call, pinhole->external))
        return SG_PCP_CANNOT_PROVIDE_EXTERNAL;
    if (call->request->n_filters > 0)
        return SG_PCP_EXCESSIVE_REMOTE_PEERS;
    fill_answer (call, &mapping, map);
    map->lifetime = SG_PCP_LIFETIME_MAX;
    return SG_PCP_SUCCESS;
}

static SgPcpResult
renew (const SgPcpCall *call, SgPcpMapping *mapping, SgPcpMapAnswer *map, uint32_t *lifetime)
{
    SgPcpMapping next = *mapping;

    if (!has_nonce (mapping, call->request)) {
        *lifetime = seconds_left (call, mapping);
        return SG_PCP_NOT_AUTHORIZED;
    }
    fill_answer (call, mapping, map);
    if (would_rather_fail (call, map->external))
        return SG_PCP_CANNOT_PROVIDE_EXTERNAL;
    if (!take_filters (call->request, &next))
        return SG_PCP_EXCESSIVE_REMOTE_PEERS;
    next.expires_ms = call->now_ms + map->lifetime * 1000ull;
    note (call, mapping, &next);
    *mapping = next;
    return SG_PCP_SUCCESS;
}

/* The first free run of @size external ports from @at on; 0: there is none. */
static uint32_t
search (const SgPcpCall *call, uint32_t at, uint32_t size)
{
    uint32_t step = call->request->port_set && call->request->same_parity ? 2 : 1;

    while (at + size <= PORTS_END) {
        uint32_t end = taken_until (call, at, size);

        if (end == 0)
            return at;
        at += (end - at + step - 1) / step * step;
    }
    return 0;
}

/* The suggested port where it is free; else the internal one; else another. 0: none. */
static uint32_t
choose_external (const SgPcpCall *call, uint32_t size)
{
    const SgPcpRequest *request = call->request;
    bool parity = request->port_set && request->same_parity;
    uint32_t wished = request->external;
    uint32_t found;

    if (wished && !(parity && (wished ^ request->internal) & 1) && wished + size <= PORTS_END &&
        taken_until (call, wished, size) == 0)
        return wished;
    found = search (call, request->internal, size);
    return found ? found : search (call, PORTS_BEGIN + (request->internal & 1u), size);
}

static SgPcpResult
create (const SgPcpCall *call, SgPcpMapAnswer *map)
{
    const SgPcpRequest *request = call->request;
    uint32_t used = count_ports (call->device), external;
    uint32_t size = MIN (requested_size (request), PORTS_END - request->internal);
    SgPcpMapping mapping = {.protocol = request->protocol, .internal = request->internal};

    if (used >= SG_PCP_PORTS_MAX)
        return SG_PCP_USER_EX_QUOTA;
    size = MIN (size, SG_PCP_PORTS_MAX - used);
    external = choose_external (call, size);
    if (would_rather_fail (call, external))
        return SG_PCP_CANNOT_PROVIDE_EXTERNAL;
    if (external == 0)
        return SG_PCP_NO_RESOURCES;
    if (!take_filters (request, &mapping))
        return SG_PCP_EXCESSIVE_REMOTE_PEERS;
    memcpy (mapping.nonce, request->nonce, sizeof mapping.nonce);
    mapping.external = (uint16_t) external;
    mapping.size = (uint16_t) size;
    mapping.expires_ms = call->now_ms + clamp_lifetime (request->lifetime) * 1000ull;
    fill_answer (call, &mapping, map);
    note (call, NULL, &mapping);
    g_array_append_val (call->device->mappings, mapping);
    return SG_PCP_SUCCESS;
}

/* ---- the request ---- */

/* Whether an option stands where it makes no sense (sections 11.3, 13.2, 13.3; RFC 7753, section 4.2). */
static bool
has_misplaced_option (const SgPcpRequest *request)
{
    bool filters = request->n_filters > 0 || request->forget_filters;

    if (request->lifetime == 0)
        return request->prefer_failure || filters;
    return request->prefer_failure && (request->external == 0 || request->port_set);
}

/* What no state is needed for (section 11.3). */
static SgPcpResult
check (const SgPcpRequest *request)
{
    if (request->protocol == 0 && request->internal != 0)
        return SG_PCP_MALFORMED_REQUEST;
    if (has_misplaced_option (request))
        return SG_PCP_MALFORMED_OPTION;
    if (request->lifetime == 0)
        return SG_PCP_SUCCESS;
    if ((request->protocol != IPPROTO_TCP && request->protocol != IPPROTO_UDP) ||
        request->internal == 0)
        return SG_PCP_UNSUPP_PROTOCOL;
    return SG_PCP_SUCCESS;
}

SgPcpResult
sg_pcp_map (const SgPcpCall *call, SgPcpMapAnswer *ret_map, uint32_t *ret_lifetime)
{
    SgPcpResult result = check (call->request);
    const SgPinhole *pinhole;
    SgPcpMapping *mapping;

    if (result != SG_PCP_SUCCESS)
        return result;
    if (call->request->lifetime == 0)
        return delete (call, ret_map, ret_lifetime);
    mapping = find_mapping (call);
    if (mapping)
        return renew (call, mapping, ret_map, ret_lifetime);
    pinhole = find_pinhole (call);
    return pinhole ? grant_pinhole (call, pinhole, ret_map) : create (call, ret_map);
}
