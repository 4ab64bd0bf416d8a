/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-rp-filter.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

static const SgNlSpec netconf_specs[] = {
    [NETCONFA_IFINDEX] = {SG_NL_U32},
    [NETCONFA_RP_FILTER] = {SG_NL_U32},
};

static void
take_value (SgSnapshot *snapshot, int32_t ifindex, uint32_t value)
{
    uint8_t number = (uint8_t) MIN (value, 2);

    if (ifindex == NETCONFA_IFINDEX_ALL)
        snapshot->rp_filter_all = number;
    for (guint i = 0; i < snapshot->links->len && ifindex > 0; i++) {
        SgLink *link = &g_array_index (snapshot->links, SgLink, i);

        if (link->ifindex == (uint32_t) ifindex)
            link->rp_filter = number;
    }
}

bool
sg_rtnl_rp_filter_parse (const struct nlmsghdr *nlh, SgSnapshot *snapshot, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (netconf_specs)];
    const struct netconfmsg *header = sg_nl_message_header (nlh);

    if (nlh->nlmsg_type != RTM_NEWNETCONF ||
        !sg_nl_message_parse (nlh, sizeof (*header), netconf_specs, G_N_ELEMENTS (netconf_specs),
                              attrs) ||
        !attrs[NETCONFA_IFINDEX]) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL,
                     "malformed message about an interface's settings");
        return false;
    }
    if (header->ncm_family == AF_INET && attrs[NETCONFA_RP_FILTER])
        take_value (snapshot, (int32_t) sg_nl_attr_u32 (attrs[NETCONFA_IFINDEX]),
                    sg_nl_attr_u32 (attrs[NETCONFA_RP_FILTER]));
    return true;
}

static bool
take_netconf (const struct nlmsghdr *nlh, void *data, GError **error)
{
    return sg_rtnl_rp_filter_parse (nlh, data, error);
}

bool
sg_rtnl_rp_filter_dump (SgNlSocket *sock, SgSnapshot *snapshot, GError **error)
{
    /* Nothing to forget: what comes again is written over. */
    const SgNlReader reader = {.message = take_netconf, .data = snapshot};
    uint8_t memory[64] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETNETCONF, NLM_F_DUMP);
    struct netconfmsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->ncm_family = AF_INET;
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read the settings of interfaces: ");
        return false;
    }
    return true;
}

bool
sg_rtnl_rp_filter_build (void *memory, size_t room, uint32_t ifindex, uint8_t value)
{
    SgNlMessage message = sg_nl_message_begin (memory, room, RTM_SETLINK, /* flags= */ 0);
    struct ifinfomsg *header = sg_nl_put_header (&message, sizeof (*header));
    struct nlattr *spec, *family, *conf;

    if (!header)
        return false;
    header->ifi_index = (int) ifindex;
    spec = sg_nl_nest_begin (&message, IFLA_AF_SPEC);
    family = sg_nl_nest_begin (&message, AF_INET);
    conf = sg_nl_nest_begin (&message, IFLA_INET_CONF);
    sg_nl_put_u32 (&message, IPV4_DEVCONF_RP_FILTER, value);
    sg_nl_nest_end (&message, conf);
    sg_nl_nest_end (&message, family);
    sg_nl_nest_end (&message, spec);
    return !message.full;
}
