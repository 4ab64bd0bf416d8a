/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-nexthop.h"

#include <linux/nexthop.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

static const SgNlSpec nexthop_specs[] = {
    [NHA_ID] = {SG_NL_U32},
    [NHA_GROUP] = {SG_NL_BYTES, sizeof (struct nexthop_grp)},
    [NHA_OIF] = {SG_NL_U32},
    [NHA_GATEWAY] = {SG_NL_BYTES, 4},
};

void
sg_rtnl_nexthop_clear (SgRtnlNexthop *nexthop)
{
    g_clear_pointer (&nexthop->members, g_array_unref);
}

static GArray *
parse_members (const struct nlattr *attr)
{
    GArray *members =
        g_array_new (/* zero_terminated= */ FALSE, /* clear= */ FALSE, sizeof (SgRtnlMember));
    const struct nexthop_grp *entries = sg_nl_attr_data (attr);
    size_t n = sg_nl_attr_len (attr) / sizeof (*entries);

    for (size_t i = 0; i < n; i++) {
        SgRtnlMember member = {entries[i].id, (uint16_t) (entries[i].weight + 1)};

        g_array_append_val (members, member);
    }
    return members;
}

bool
sg_rtnl_nexthop_parse (const struct nlmsghdr *nlh, SgRtnlNexthop *ret_nexthop, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (nexthop_specs)];
    const struct nhmsg *header = sg_nl_message_header (nlh);
    SgRtnlNexthop nexthop = {.hop.weight = 1};

    if (nlh->nlmsg_type != RTM_NEWNEXTHOP ||
        !sg_nl_message_parse (nlh, sizeof (*header), nexthop_specs, G_N_ELEMENTS (nexthop_specs),
                              attrs) ||
        !attrs[NHA_ID] ||
        (attrs[NHA_GATEWAY] &&
         !sg_nl_attr_ip (attrs[NHA_GATEWAY], header->nh_family, &nexthop.hop.gateway))) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a next hop");
        return false;
    }

    nexthop.id = sg_nl_attr_u32 (attrs[NHA_ID]);
    nexthop.family = header->nh_family;
    nexthop.protocol = header->nh_protocol;
    nexthop.hop.onlink = (header->nh_flags & RTNH_F_ONLINK) != 0;
    if (attrs[NHA_OIF])
        nexthop.hop.ifindex = sg_nl_attr_u32 (attrs[NHA_OIF]);
    if (attrs[NHA_GROUP])
        nexthop.members = parse_members (attrs[NHA_GROUP]);
    *ret_nexthop = nexthop;
    return true;
}

/* ---- reading ---- */

static bool
take_nexthop (const struct nlmsghdr *nlh, void *data, GError **error)
{
    GArray *nexthops = data;
    SgRtnlNexthop nexthop;

    if (!sg_rtnl_nexthop_parse (nlh, &nexthop, error))
        return false;
    g_array_append_val (nexthops, nexthop);
    return true;
}

static void
reset_nexthops (void *data)
{
    g_array_set_size (data, 0);
}

static GArray *
new_nexthops (void)
{
    GArray *nexthops =
        g_array_new (/* zero_terminated= */ FALSE, /* clear= */ FALSE, sizeof (SgRtnlNexthop));

    g_array_set_clear_func (nexthops, (GDestroyNotify) sg_rtnl_nexthop_clear);
    return nexthops;
}

static bool
dump_nexthops (SgNlSocket *sock, GArray *nexthops, GError **error)
{
    const SgNlReader reader = {take_nexthop, reset_nexthops, nexthops};
    uint8_t memory[64] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETNEXTHOP, NLM_F_DUMP);

    sg_nl_put_header (&message, sizeof (struct nhmsg));
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read the next hops: ");
        return false;
    }
    return true;
}

/* Whether it does nothing but lead by a link. */
static bool
is_plain (const SgRtnlNexthop *nexthop)
{
    return !nexthop->members && nexthop->family == AF_INET6 &&
           !sg_ip_is_set (&nexthop->hop.gateway) && !nexthop->hop.onlink;
}

bool
sg_rtnl_nexthop_dump (SgNlSocket *sock, SgSnapshot *snapshot, GError **error)
{
    g_autoptr (GArray) nexthops = new_nexthops ();

    if (!dump_nexthops (sock, nexthops, error))
        return false;
    for (guint i = 0; i < nexthops->len; i++) {
        const SgRtnlNexthop *nexthop = &g_array_index (nexthops, SgRtnlNexthop, i);
        SgNexthopObject object = {nexthop->id, is_plain (nexthop) ? nexthop->hop.ifindex : 0,
                                  nexthop->protocol};

        g_array_append_val (snapshot->nexthops, object);
    }
    return true;
}

/* ---- filling routes ---- */

static bool
is_unresolved (const SgRoute *route)
{
    return route->nexthop_id != 0 && route->n_nexthops == 0 && route->type == RTN_UNICAST;
}

static const SgRtnlNexthop *
find_nexthop (const GArray *nexthops, uint32_t id)
{
    for (guint i = 0; i < nexthops->len; i++) {
        const SgRtnlNexthop *nexthop = &g_array_index (nexthops, SgRtnlNexthop, i);

        if (nexthop->id == id)
            return nexthop;
    }
    return NULL;
}

/* A copy of @route with the hops of its object; NULL when there are none to give. */
static SgRoute *
resolve (const SgRoute *route, const GArray *nexthops)
{
    const SgRtnlNexthop *nexthop = find_nexthop (nexthops, route->nexthop_id);

    /* Gone since the routes were read: the routes are gone too, and the next run sees it. */
    if (!nexthop || (!nexthop->members && nexthop->hop.ifindex == 0))
        return NULL;

    uint16_t n = nexthop->members ? (uint16_t) nexthop->members->len : 1;
    SgRoute *resolved = g_realloc (sg_route_copy (route), sizeof (*route) + n * sizeof (SgNexthop));
    uint16_t filled = 0;

    for (uint16_t i = 0; nexthop->members && i < n; i++) {
        const SgRtnlMember *member = &g_array_index (nexthop->members, SgRtnlMember, i);
        const SgRtnlNexthop *found = find_nexthop (nexthops, member->id);

        if (!found)
            continue;
        resolved->nexthops[filled] = found->hop;
        resolved->nexthops[filled++].weight = member->weight;
    }
    if (!nexthop->members)
        resolved->nexthops[filled++] = nexthop->hop;
    resolved->n_nexthops = filled;
    sg_route_sort_nexthops (resolved);
    return resolved;
}

bool
sg_rtnl_nexthop_resolve (SgNlSocket *sock, GPtrArray *routes, guint first, GError **error)
{
    g_autoptr (GArray) nexthops = NULL;

    for (guint i = first; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);

        if (!is_unresolved (route))
            continue;
        if (!nexthops) {
            nexthops = new_nexthops ();
            if (!dump_nexthops (sock, nexthops, error))
                return false;
        }
        SgRoute *resolved = resolve (route, nexthops);
        if (resolved) {
            g_free (routes->pdata[i]);
            routes->pdata[i] = resolved;
        }
    }
    return true;
}

/* ---- building ---- */

bool
sg_rtnl_nexthop_build (void *memory, size_t room, uint16_t type, const SgNexthopObject *nexthop)
{
    bool add = type == RTM_NEWNEXTHOP;
    SgNlMessage message =
        sg_nl_message_begin (memory, room, type, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
    struct nhmsg *header = sg_nl_put_header (&message, sizeof (*header));

    if (!header)
        return false;
    sg_nl_put_u32 (&message, NHA_ID, nexthop->id);
    if (add) {
        header->nh_family = AF_INET6;
        header->nh_protocol = nexthop->protocol;
        sg_nl_put_u32 (&message, NHA_OIF, nexthop->ifindex);
    }
    return !message.full;
}
