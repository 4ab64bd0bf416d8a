/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reverse path filter of IPv4 (net.ipv4.conf.IF.rp_filter, RFC 3704). A strict one drops what comes
 * in by a gateway that is not the way back to the sender, as a connection does that is translated to a
 * container: for that lookup the kernel knows neither mark nor the address that was called. Loose, it
 * asks only whether there is a way back at all. The larger of an interface's own number and that of
 * "all" holds (IN_DEV_RPFILTER, linux/inetdevice.h), so loose can be had everywhere. */
#include "core/wanted-parts.h"

#include "core/contract.h"

#define STRICT 1
#define LOOSE 2

static SgRpFilter *
find_remembered (const SgMemory *memory, uint32_t ifindex)
{
    for (guint i = 0; i < memory->rp_filters->len; i++) {
        SgRpFilter *entry = &g_array_index (memory->rp_filters, SgRpFilter, i);

        if (entry->ifindex == ifindex)
            return entry;
    }
    return NULL;
}

void
sg_wanted_add_rp_filters (SgWanted *wanted, const SgSituation *situation)
{
    const SgSnapshot *snapshot = situation->snapshot;

    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);
        const SgRpFilter *was = find_remembered (situation->memory, link->ifindex);
        bool ours = situation->config->families[SG_IPV4] &&
                    sg_gateways_contain (situation->gateways, link->ifindex);
        SgWantedRpFilter change = {.ifindex = link->ifindex, .value = LOOSE};

        if (!ours && was && link->rp_filter == LOOSE) {
            change.value = was->value;
            change.back = true;
        }
        if ((ours && MAX (link->rp_filter, snapshot->rp_filter_all) == STRICT) || change.back)
            g_array_append_val (wanted->rp_filters, change);
    }
}

/* ---- what has to be put back ---- */

/* An interface that is gone, or whose number was put back or set by somebody else, is forgotten. */
static bool
forget_settled (const SgWanted *wanted, const SgConfig *config, const SgSnapshot *snapshot,
                SgMemory *memory)
{
    guint before = memory->rp_filters->len;

    for (guint i = before; i-- > 0;) {
        uint32_t ifindex = g_array_index (memory->rp_filters, SgRpFilter, i).ifindex;
        const SgLink *link = sg_snapshot_link (snapshot, ifindex);
        bool ours = config->families[SG_IPV4] && sg_gateways_contain (wanted->gateways, ifindex);

        if (!link || (!ours && link->rp_filter != LOOSE))
            g_array_remove_index (memory->rp_filters, i);
    }
    return memory->rp_filters->len != before;
}

static bool
note_changes (const SgWanted *wanted, const SgSnapshot *snapshot, SgMemory *memory)
{
    bool changed = false;

    for (guint i = 0; i < wanted->rp_filters->len; i++) {
        const SgWantedRpFilter *change = &g_array_index (wanted->rp_filters, SgWantedRpFilter, i);
        const SgLink *link = sg_snapshot_link (snapshot, change->ifindex);
        SgRpFilter entry = {change->ifindex, link ? link->rp_filter : 0};

        if (change->back || find_remembered (memory, change->ifindex))
            continue;
        g_array_append_val (memory->rp_filters, entry);
        changed = true;
    }
    return changed;
}

/* Whether the kernel holds something of ours that is of IPv4. */
static bool
is_left (const SgSnapshot *snapshot, const SgMemory *memory)
{
    const SgNftTable *table = snapshot->nft[SG_IPV4];
    bool left = memory->rp_filters->len || (table && (table->sets->len || table->chains->len));

    for (guint i = 0; i < snapshot->rules->len && !left; i++) {
        const SgRule *rule = &g_array_index (snapshot->rules, SgRule, i);

        left = rule->family == AF_INET && rule->protocol == SG_PROTOCOL;
    }
    for (guint i = 0; i < snapshot->routes->len && !left; i++) {
        const SgRoute *route = g_ptr_array_index (snapshot->routes, i);

        left = route->family == AF_INET && route->protocol == SG_PROTOCOL &&
               !sg_route_is_to_server (route);
    }
    return left;
}

bool
sg_wanted_remember_ipv4 (const SgWanted *wanted, const SgConfig *config, const SgSnapshot *snapshot,
                         SgMemory *memory)
{
    bool before = memory->ipv4, changed;

    if (!config->families[SG_IPV4] && !memory->ipv4)
        return false;
    changed = forget_settled (wanted, config, snapshot, memory);
    changed = note_changes (wanted, snapshot, memory) || changed;
    memory->ipv4 = config->families[SG_IPV4] || is_left (snapshot, memory);
    return changed || memory->ipv4 != before;
}
