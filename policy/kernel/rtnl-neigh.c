/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-neigh.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

static const SgNlSpec neigh_specs[] = {
    [NDA_DST] = {SG_NL_BYTES, 4},
    [NDA_PROTOCOL] = {SG_NL_U8},
};

bool
sg_rtnl_proxy_parse (const struct nlmsghdr *nlh, SgProxy *ret_proxy, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (neigh_specs)];
    const struct ndmsg *header = sg_nl_message_header (nlh);
    SgProxy proxy = {0};

    if (nlh->nlmsg_type != RTM_NEWNEIGH ||
        !sg_nl_message_parse (nlh, sizeof (*header), neigh_specs, G_N_ELEMENTS (neigh_specs),
                              attrs) ||
        !(header->ndm_flags & NTF_PROXY) || !attrs[NDA_DST] ||
        !sg_nl_attr_ip (attrs[NDA_DST], header->ndm_family, &proxy.ip)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a proxy neighbour");
        return false;
    }
    proxy.ifindex = (uint32_t) header->ndm_ifindex;
    proxy.protocol = attrs[NDA_PROTOCOL] ? sg_nl_attr_u8 (attrs[NDA_PROTOCOL]) : RTPROT_UNSPEC;
    *ret_proxy = proxy;
    return true;
}

bool
sg_rtnl_proxy_build (void *memory, size_t room, uint16_t type, const SgProxy *proxy)
{
    uint16_t flags = type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_REPLACE : 0;
    SgNlMessage message = sg_nl_message_begin (memory, room, type, flags);
    struct ndmsg *header = sg_nl_put_header (&message, sizeof (*header));

    if (!header)
        return false;
    header->ndm_family = proxy->ip.family;
    header->ndm_ifindex = (int) proxy->ifindex;
    header->ndm_flags = NTF_PROXY;
    sg_nl_put_ip (&message, NDA_DST, &proxy->ip);
    if (type == RTM_NEWNEIGH)
        sg_nl_put_u8 (&message, NDA_PROTOCOL, proxy->protocol);
    return !message.full;
}

/* Where the proxies of one dump go. */
typedef struct {
    GArray *proxies;
    guint before; /* how many there were when it started */
} Taking;

static bool
take_proxy (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;
    SgProxy proxy;

    if (!sg_rtnl_proxy_parse (nlh, &proxy, error))
        return false;
    g_array_append_val (taking->proxies, proxy);
    return true;
}

static void
reset_proxies (void *data)
{
    Taking *taking = data;

    g_array_set_size (taking->proxies, taking->before);
}

bool
sg_rtnl_proxy_dump (SgNlSocket *sock, SgSnapshot *snapshot, GError **error)
{
    uint8_t memory[SG_RTNL_PROXY_ROOM] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETNEIGH, NLM_F_DUMP);
    struct ndmsg *header = sg_nl_put_header (&message, sizeof (*header));
    Taking taking = {snapshot->proxies, snapshot->proxies->len};
    const SgNlReader reader = {.message = take_proxy, .reset = reset_proxies, .data = &taking};

    header->ndm_family = AF_INET6;
    header->ndm_flags = NTF_PROXY;
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read proxy neighbours: ");
        return false;
    }
    return true;
}
