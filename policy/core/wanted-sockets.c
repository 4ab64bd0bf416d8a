/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets that cannot go on (spec 1.4): what they send has the address of a gateway that is not
 * theirs any more, and is dropped. Closed, their programs connect again at once. */
#include "core/wanted-parts.h"

#include <string.h>

#include "core/contract.h"

typedef struct {
    bool there;     /* still on its gateway */
    bool elsewhere; /* on another interface */
} Place;

static Place
find_address (const SgSnapshot *snapshot, uint32_t ifindex, const SgIp *ip)
{
    Place place = {false, false};

    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (sg_ip_compare (&address->ip, ip) != 0)
            continue;
        place.there |= address->ifindex == ifindex;
        place.elsewhere |= address->ifindex != ifindex;
    }
    return place;
}

/* An address that is merely gone may come back, as after a Reapply (docs/import.md): its sockets
 * stay as long as its link does. */
static bool
is_lost (const SgSnapshot *snapshot, uint32_t ifindex, const SgIp *ip)
{
    Place place = find_address (snapshot, ifindex, ip);

    return !place.there && (place.elsewhere || !sg_snapshot_link (snapshot, ifindex));
}

static bool
contains (const GArray *ips, const SgIp *ip)
{
    for (guint i = 0; i < ips->len; i++) {
        if (sg_ip_compare (&g_array_index (ips, SgIp, i), ip) == 0)
            return true;
    }
    return false;
}

/* The kernel's set says which address was on which gateway; that it is changed last keeps this
 * known until the sockets are closed. */
void
sg_wanted_add_closings (SgWanted *wanted, const SgSituation *situation)
{
    const SgNftTable *table = situation->snapshot->nft[situation->family];
    const SgNftSet *had = table ? sg_nft_table_find_set (table, SG_SET_OWN_ADDRESSES) : NULL;

    if (!situation->guarded || !had ||
        !sg_nft_set_same_definition (
            had, sg_nft_table_find_set (wanted->nft[situation->family], SG_SET_OWN_ADDRESSES)))
        return;
    for (guint i = 0; i < had->elements->len; i++) {
        const SgNftElement *element = &g_array_index (had->elements, SgNftElement, i);
        SgIp ip = sg_ip_from_bytes (situation->af, element->key + sizeof (uint32_t));
        uint32_t ifindex;

        memcpy (&ifindex, element->key, sizeof ifindex);
        if (is_lost (situation->snapshot, ifindex, &ip) && !contains (wanted->closings, &ip))
            g_array_append_val (wanted->closings, ip);
    }
}
