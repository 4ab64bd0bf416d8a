/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/pcp-elements.h"

#include <netinet/in.h>
#include <string.h>

#include "core/contract.h"

/* Where in a key of filters the own port is, behind the own address, the far address and port. */
#define PORT_AT 16
#define REMOTE_AT 20
#define REMOTE_PORT_AT 36

enum { PINHOLES, PORTS, TCP_FILTERS, UDP_FILTERS, TCP_PORT_FILTERS, UDP_PORT_FILTERS, SETS_N };

static const char *const set_names[SETS_N] = {
    SG_SET_PCP_PINHOLES,         SG_MAP_PCP_PORTS,
    SG_SET_PCP_TCP_FILTERS,      SG_SET_PCP_UDP_FILTERS,
    SG_SET_PCP_TCP_PORT_FILTERS, SG_SET_PCP_UDP_PORT_FILTERS};

/* Elements, set by set. */
typedef struct {
    GArray *sets[SETS_N]; /* of SgNftElement */
} Elements;

static void
elements_init (Elements *elements)
{
    for (int i = 0; i < SETS_N; i++)
        elements->sets[i] =
            g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgNftElement));
}

static void
elements_clear (Elements *elements)
{
    for (int i = 0; i < SETS_N; i++)
        g_array_unref (elements->sets[i]);
}

/* ---- one mapping ---- */

/* Whether an earlier filter, or a wider one, says the same: the kernel takes no prefix inside another. */
static bool
is_covered (const SgPcpMapping *mapping, uint8_t index)
{
    const SgPcpFilter *filter = &mapping->filters[index];

    for (uint8_t i = 0; i < mapping->n_filters; i++) {
        const SgPcpFilter *other = &mapping->filters[i];
        bool equal = sg_prefix_compare (&other->remote, &filter->remote) == 0;

        if (i != index && other->port == filter->port &&
            sg_prefix_covers (&other->remote, &filter->remote) && (!equal || i < index))
            return true;
    }
    return false;
}

static void
put_port (uint8_t *at, uint16_t port)
{
    at[0] = (uint8_t) (port >> 8);
    at[1] = (uint8_t) port;
}

/* Which set a filter is in. */
static int
set_of (const SgPcpFilter *filter, uint8_t protocol)
{
    if (filter->port)
        return protocol == IPPROTO_TCP ? TCP_PORT_FILTERS : UDP_PORT_FILTERS;
    return protocol == IPPROTO_TCP ? TCP_FILTERS : UDP_FILTERS;
}

static void
add_filter (const SgIp *device, uint16_t external, const SgPcpFilter *filter, SgNftElement *element)
{
    SgIp last = sg_prefix_last (&filter->remote);

    memcpy (element->key, device->bytes, sizeof device->bytes);
    put_port (element->key + PORT_AT, external);
    memcpy (element->key + REMOTE_AT, filter->remote.ip.bytes, sizeof last.bytes);
    put_port (element->key + REMOTE_PORT_AT, filter->port);
    memcpy (element->key_end, element->key, sizeof element->key_end);
    memcpy (element->key_end + REMOTE_AT, last.bytes, sizeof last.bytes);
}

static void
add_mapping (const SgIp *device, const SgPcpMapping *mapping, uint64_t now_ms, Elements *out)
{
    uint64_t left = mapping->expires_ms - MIN (mapping->expires_ms, now_ms);

    for (uint32_t i = 0; i < mapping->size; i++) {
        uint16_t external = (uint16_t) (mapping->external + i);
        SgNftElement element = {.timeout_ms = MAX (left, 1)};

        for (uint8_t k = 0; k < mapping->n_filters; k++) {
            const SgPcpFilter *filter = &mapping->filters[k];
            SgNftElement filtered = element;

            add_filter (device, external, filter, &filtered);
            if (!is_covered (mapping, k))
                g_array_append_val (out->sets[set_of (filter, mapping->protocol)], filtered);
        }
        sg_nft_port_key (element.key, device, mapping->protocol, external);
        if (mapping->n_filters == 0)
            g_array_append_val (out->sets[PINHOLES], element);
        if (mapping->external == mapping->internal)
            continue;
        element.data = mapping->internal + i;
        g_array_append_val (out->sets[PORTS], element);
    }
}

/* ---- changes ---- */

static void
add_actions (const Elements *elements, SgActionKind kind, const SgNftTable *table, GArray *actions)
{
    for (int i = 0; i < SETS_N; i++) {
        SgAction action = {
            .kind = kind, .table = table, .set = sg_nft_table_find_set (table, set_names[i])};

        for (guint k = 0; k < elements->sets[i]->len; k++) {
            action.element = g_array_index (elements->sets[i], SgNftElement, k);
            g_array_append_val (actions, action);
        }
    }
}

static bool
shares_ports (const SgPcpMapping *a, const SgPcpMapping *b)
{
    return a->protocol == b->protocol && a->external < b->external + b->size &&
           b->external < a->external + a->size;
}

/* Whether both are about the same external ports, so that their order counts. */
static bool
depend (const SgPcpChange *a, const SgPcpChange *b)
{
    return sg_ip_compare (&a->device, &b->device) == 0 &&
           ((a->had && ((b->had && shares_ports (&a->old, &b->old)) ||
                        (b->has && shares_ports (&a->old, &b->new)))) ||
            (a->has && ((b->had && shares_ports (&a->new, &b->old)) ||
                        (b->has && shares_ports (&a->new, &b->new)))));
}

/* Changes that do not depend on each other, from @first on; their end. */
static guint
independent_until (const GArray *changes, guint first)
{
    for (guint i = first; i < changes->len; i++) {
        for (guint k = first; k < i; k++) {
            if (depend (&g_array_index (changes, SgPcpChange, k),
                        &g_array_index (changes, SgPcpChange, i)))
                return i;
        }
    }
    return changes->len;
}

/* Old elements are added, too, before they are deleted: the one that has just expired cannot be
 * deleted. And a second add of one that is there would not prolong it, in kernels up to 6.11. */
void
sg_pcp_plan (const GArray *changes, const SgNftTable *table, uint64_t now_ms, GArray *actions)
{
    for (guint first = 0, end; first < changes->len; first = end) {
        Elements old, new;

        end = independent_until (changes, first);
        elements_init (&old);
        elements_init (&new);
        for (guint i = first; i < end; i++) {
            const SgPcpChange *change = &g_array_index (changes, SgPcpChange, i);

            if (change->had)
                add_mapping (&change->device, &change->old, now_ms, &old);
            if (change->has)
                add_mapping (&change->device, &change->new, now_ms, &new);
        }
        add_actions (&old, SG_ACTION_NFT_ELEMENT_ADD, table, actions);
        add_actions (&old, SG_ACTION_NFT_ELEMENT_DEL, table, actions);
        add_actions (&new, SG_ACTION_NFT_ELEMENT_ADD, table, actions);
        elements_clear (&old);
        elements_clear (&new);
    }
}

/* ---- both sides ---- */

typedef struct {
    uint64_t now_ms;
    const SgNftTable *have;
    Elements known;  /* of all mappings that the kernel has */
    GArray *missing; /* of SgPcpChange: had */
} Comparison;

static const SgNftElement *
find_element (const GArray *sorted, const SgNftElement *element)
{
    guint index;

    return g_array_binary_search ((GArray *) sorted, element, (GCompareFunc) sg_nft_element_compare,
                                  &index)
               ? &g_array_index (sorted, SgNftElement, index)
               : NULL;
}

static bool
is_there (const SgNftTable *have, const Elements *elements)
{
    for (int i = 0; i < SETS_N; i++) {
        const SgNftSet *set = sg_nft_table_find_set (have, set_names[i]);

        for (guint k = 0; k < elements->sets[i]->len; k++) {
            if (!set ||
                !find_element (set->elements, &g_array_index (elements->sets[i], SgNftElement, k)))
                return false;
        }
    }
    return true;
}

static void
compare_mapping (const SgIp *device, const SgPcpMapping *mapping, void *data)
{
    Comparison *comparison = data;
    SgPcpChange change = {.device = *device, .had = true, .old = *mapping};
    Elements mine;

    elements_init (&mine);
    add_mapping (device, mapping, comparison->now_ms, &mine);
    if (is_there (comparison->have, &mine)) {
        for (int i = 0; i < SETS_N; i++)
            g_array_append_vals (comparison->known.sets[i], mine.sets[i]->data, mine.sets[i]->len);
    } else {
        g_array_append_val (comparison->missing, change);
    }
    elements_clear (&mine);
}

/* What the kernel has and no mapping stands for. */
static void
remove_unknown (const Comparison *comparison, const SgNftTable *table, GArray *actions)
{
    for (int i = 0; i < SETS_N; i++) {
        const SgNftSet *set = sg_nft_table_find_set (comparison->have, set_names[i]);
        SgAction action = {.kind = SG_ACTION_NFT_ELEMENT_DEL,
                           .table = table,
                           .set = sg_nft_table_find_set (table, set_names[i])};

        g_array_sort (comparison->known.sets[i], (GCompareFunc) sg_nft_element_compare);
        for (guint k = 0; set && k < set->elements->len; k++) {
            action.element = g_array_index (set->elements, SgNftElement, k);
            if (!find_element (comparison->known.sets[i], &action.element))
                g_array_append_val (actions, action);
        }
    }
}

bool
sg_pcp_reconcile (SgPcpServer *server, const SgNftTable *have, const SgNftTable *table,
                  uint64_t now_ms, GArray *actions)
{
    g_autoptr (GArray) missing =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPcpChange));
    Comparison comparison = {.now_ms = now_ms, .have = have, .missing = missing};
    bool lost = false;

    elements_init (&comparison.known);
    sg_pcp_server_foreach (server, now_ms, compare_mapping, &comparison);
    for (guint i = 0; i < missing->len; i++) {
        const SgPcpChange *change = &g_array_index (missing, SgPcpChange, i);

        /* One that is just about to go anyhow is no loss. */
        lost = lost || change->old.expires_ms > now_ms + SG_PCP_GRACE_MS;
        sg_pcp_server_forget (server, &change->device, &change->old);
    }
    remove_unknown (&comparison, table, actions);
    elements_clear (&comparison.known);
    return lost;
}
