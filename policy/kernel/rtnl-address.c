/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-address.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

static const SgNlSpec address_specs[] = {
    [IFA_ADDRESS] = {SG_NL_BYTES, 4},
    [IFA_LOCAL] = {SG_NL_BYTES, 4},
    [IFA_FLAGS] = {SG_NL_U32},
};

bool
sg_rtnl_address_parse (const struct nlmsghdr *nlh, SgAddress *ret_address, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (address_specs)];
    const struct ifaddrmsg *header = sg_nl_message_header (nlh);
    SgAddress address = {0};

    /* IFA_ADDRESS of a point-to-point link is the far end; the address is IFA_LOCAL then. */
    if (nlh->nlmsg_type != RTM_NEWADDR ||
        !sg_nl_message_parse (nlh, sizeof (*header), address_specs, G_N_ELEMENTS (address_specs),
                              attrs) ||
        (!attrs[IFA_LOCAL] && !attrs[IFA_ADDRESS]) ||
        !sg_nl_attr_ip (attrs[IFA_LOCAL] ? attrs[IFA_LOCAL] : attrs[IFA_ADDRESS],
                        header->ifa_family, &address.ip) ||
        header->ifa_prefixlen > sg_family_bits (header->ifa_family)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about an address");
        return false;
    }

    address.ifindex = header->ifa_index;
    address.prefix_len = header->ifa_prefixlen;
    address.scope = header->ifa_scope;
    address.flags = attrs[IFA_FLAGS] ? sg_nl_attr_u32 (attrs[IFA_FLAGS]) : header->ifa_flags;
    *ret_address = address;
    return true;
}

static bool
build (SgNlMessage message, const SgAddress *address)
{
    struct ifaddrmsg *header = sg_nl_put_header (&message, sizeof (*header));

    if (!header)
        return false;
    header->ifa_family = address->ip.family;
    header->ifa_prefixlen = address->prefix_len;
    header->ifa_scope = address->scope;
    header->ifa_index = address->ifindex;
    /* IPv4 wants both: the near and the far end are the same on a link to many. */
    sg_nl_put_ip (&message, IFA_LOCAL, &address->ip);
    sg_nl_put_ip (&message, IFA_ADDRESS, &address->ip);
    sg_nl_put_u32 (&message, IFA_FLAGS, address->flags);
    if (address->flags & IFA_F_DEPRECATED) {
        struct ifa_cacheinfo life = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};

        sg_nl_put (&message, IFA_CACHEINFO, &life, sizeof life);
    }
    return !message.full;
}

bool
sg_rtnl_address_build (void *memory, size_t room, const SgAddress *address)
{
    return build (sg_nl_message_begin (memory, room, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL),
                  address);
}

bool
sg_rtnl_address_build_del (void *memory, size_t room, const SgAddress *address)
{
    return build (sg_nl_message_begin (memory, room, RTM_DELADDR, /* flags= */ 0), address);
}

/* Where the addresses of one dump go. */
typedef struct {
    GArray *addresses;
    guint before; /* how many there were when it started */
    uint8_t family;
} Taking;

static bool
take_address (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;
    SgAddress address;

    if (!sg_rtnl_address_parse (nlh, &address, error))
        return false;
    if (address.ip.family == taking->family)
        g_array_append_val (taking->addresses, address);
    return true;
}

static void
reset_addresses (void *data)
{
    Taking *taking = data;

    g_array_set_size (taking->addresses, taking->before);
}

bool
sg_rtnl_address_dump (SgNlSocket *sock, uint8_t family, SgSnapshot *snapshot, GError **error)
{
    Taking taking = {snapshot->addresses, snapshot->addresses->len, family};
    const SgNlReader reader = {take_address, reset_addresses, &taking};
    uint8_t memory[64] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETADDR, NLM_F_DUMP);
    struct ifaddrmsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->ifa_family = family;
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read the addresses: ");
        return false;
    }
    return true;
}
