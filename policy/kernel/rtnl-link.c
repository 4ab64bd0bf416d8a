/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

static const SgNlSpec link_specs[] = {
    [IFLA_MTU] = {SG_NL_U32},        [IFLA_IFNAME] = {SG_NL_STRING, IFNAMSIZ},
    [IFLA_LINK] = {SG_NL_U32},       [IFLA_MASTER] = {SG_NL_U32},
    [IFLA_LINKINFO] = {SG_NL_BYTES}, [IFLA_LINK_NETNSID] = {SG_NL_U32},
};

static const SgNlSpec info_specs[] = {
    [IFLA_INFO_KIND] = {SG_NL_STRING},
};

static bool
parse_info (const struct nlattr *attr, SgLink *link)
{
    const struct nlattr *attrs[G_N_ELEMENTS (info_specs)];

    if (!sg_nl_attrs_parse (sg_nl_attr_data (attr), sg_nl_attr_len (attr), info_specs,
                            G_N_ELEMENTS (info_specs), attrs))
        return false;
    if (attrs[IFLA_INFO_KIND])
        g_strlcpy (link->kind, sg_nl_attr_data (attrs[IFLA_INFO_KIND]), sizeof (link->kind));
    return true;
}

bool
sg_rtnl_link_parse (const struct nlmsghdr *nlh, SgLink *ret_link, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (link_specs)];
    const struct ifinfomsg *header = sg_nl_message_header (nlh);
    SgLink link = {0};

    if (nlh->nlmsg_type != RTM_NEWLINK ||
        !sg_nl_message_parse (nlh, sizeof (*header), link_specs, G_N_ELEMENTS (link_specs),
                              attrs) ||
        header->ifi_index <= 0 || !attrs[IFLA_IFNAME] ||
        (attrs[IFLA_LINKINFO] && !parse_info (attrs[IFLA_LINKINFO], &link))) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a link");
        return false;
    }

    link.ifindex = (uint32_t) header->ifi_index;
    link.type = header->ifi_type;
    link.flags = header->ifi_flags;
    g_strlcpy (link.name, sg_nl_attr_data (attrs[IFLA_IFNAME]), sizeof (link.name));
    if (attrs[IFLA_MTU])
        link.mtu = sg_nl_attr_u32 (attrs[IFLA_MTU]);
    if (attrs[IFLA_MASTER])
        link.master = sg_nl_attr_u32 (attrs[IFLA_MASTER]);
    /* That of another namespace is some link here by chance only. */
    if (attrs[IFLA_LINK] && !attrs[IFLA_LINK_NETNSID])
        link.lower = sg_nl_attr_u32 (attrs[IFLA_LINK]);
    *ret_link = link;
    return true;
}

static bool
take_link (const struct nlmsghdr *nlh, void *data, GError **error)
{
    SgSnapshot *snapshot = data;
    SgLink link;

    if (!sg_rtnl_link_parse (nlh, &link, error))
        return false;
    g_array_append_val (snapshot->links, link);
    return true;
}

static void
reset_links (void *data)
{
    SgSnapshot *snapshot = data;

    g_array_set_size (snapshot->links, 0);
}

static int
compare_links (const void *a, const void *b)
{
    const SgLink *left = a;
    const SgLink *right = b;

    return (left->ifindex > right->ifindex) - (left->ifindex < right->ifindex);
}

bool
sg_rtnl_link_dump (SgNlSocket *sock, SgSnapshot *snapshot, GError **error)
{
    const SgNlReader reader = {take_link, reset_links, snapshot};
    uint8_t memory[128] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETLINK, NLM_F_DUMP);

    sg_nl_put_header (&message, sizeof (struct ifinfomsg));
    /* Counters are most of a link's message, and not wanted here. */
    sg_nl_put_u32 (&message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read the links: ");
        return false;
    }
    g_array_sort (snapshot->links, compare_links);
    return true;
}

bool
sg_rtnl_link_build_mtu (void *memory, size_t room, uint32_t ifindex, uint32_t mtu)
{
    SgNlMessage message = sg_nl_message_begin (memory, room, RTM_NEWLINK, /* flags= */ 0);
    struct ifinfomsg *header = sg_nl_put_header (&message, sizeof (*header));

    if (!header)
        return false;
    header->ifi_index = (int) ifindex;
    sg_nl_put_u32 (&message, IFLA_MTU, mtu);
    return !message.full;
}
