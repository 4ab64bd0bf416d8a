/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loads of classic BPF are in network order, the members of netlink messages in the host's: constants
 * are converted, numbers that are calculated with are put together byte by byte. A load behind the end
 * of the packet ends the program and drops it (kernel: Documentation/networking/filter.rst). */
#include "kernel/notify-filter.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "core/contract.h"

#define PASS UINT32_MAX
#define DROP 0u

/* Where members are, from the start of the message. */
#define AT_TYPE offsetof (struct nlmsghdr, nlmsg_type)
#define AT_LINK(member) (NLMSG_HDRLEN + offsetof (struct ifinfomsg, member))
#define AT_ADDRESS(member) (NLMSG_HDRLEN + offsetof (struct ifaddrmsg, member))
#define AT_ROUTE(member) (NLMSG_HDRLEN + offsetof (struct rtmsg, member))
#define AT_NFT(member) (NLMSG_HDRLEN + offsetof (struct nfgenmsg, member))
#define AFTER(header) (NLMSG_HDRLEN + NLMSG_ALIGN (sizeof (header)))

/* Messages that one packet of nftables can hold: it is a page at most (NLMSG_GOODSIZE), and the
 * shortest message with a name has some 56 bytes. Whatever is behind them passes. */
#define NFT_MESSAGES 72u

/* For so long (hundredths of seconds) an address is new: the kernel first speaks of it when
 * duplicate address detection is over, and a lifetime may be refreshed before that. */
#define NEW_FOR 3000u

/* ---- instructions ---- */

static void
emit (GArray *program, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
    struct sock_filter instruction = {code, jt, jf, k};

    g_array_append_val (program, instruction);
}

static void
load (GArray *program, uint16_t size_and_mode, uint32_t k)
{
    emit (program, BPF_LD | size_and_mode, 0, 0, k);
}

static void
verdict (GArray *program, uint32_t what)
{
    emit (program, BPF_RET | BPF_K, 0, 0, what);
}

/* Returns @what when the comparison of A with @k holds. */
static void
verdict_if (GArray *program, uint16_t comparison, uint32_t k, uint32_t what)
{
    emit (program, BPF_JMP | comparison | BPF_K, 0, 1, k);
    verdict (program, what);
}

static void
verdict_unless (GArray *program, uint16_t comparison, uint32_t k, uint32_t what)
{
    emit (program, BPF_JMP | comparison | BPF_K, 1, 0, k);
    verdict (program, what);
}

/* X = the offset of the first attribute @type behind @start; @what when there is none. */
static void
find_attribute (GArray *program, uint32_t start, uint32_t type, uint32_t what)
{
    load (program, BPF_IMM, start);
    emit (program, BPF_LDX | BPF_IMM, 0, 0, type);
    load (program, BPF_B | BPF_ABS, (uint32_t) (SKF_AD_OFF + SKF_AD_NLATTR));
    verdict_if (program, BPF_JEQ, 0, what);
    emit (program, BPF_MISC | BPF_TAX, 0, 0, 0);
}

/* A = the number of @bytes bytes, in host order, at X + @at. M[15] and M[14] are used. */
static void
load_number (GArray *program, uint32_t at, unsigned bytes)
{
    if (G_BYTE_ORDER == G_BIG_ENDIAN) {
        load (program, (bytes == 4 ? BPF_W : BPF_H) | BPF_IND, at);
        return;
    }
    emit (program, BPF_STX, 0, 0, 15);
    load (program, BPF_B | BPF_IND, at + bytes - 1);
    for (unsigned i = bytes - 1; i > 0; i--) {
        emit (program, BPF_ALU | BPF_LSH | BPF_K, 0, 0, 8);
        emit (program, BPF_ST, 0, 0, 14);
        load (program, BPF_B | BPF_IND, at + i - 1);
        emit (program, BPF_LDX | BPF_MEM, 0, 0, 14);
        emit (program, BPF_ALU | BPF_OR | BPF_X, 0, 0, 0);
        emit (program, BPF_LDX | BPF_MEM, 0, 0, 15);
    }
}

/* With A the type of the message: @block, which ends in a verdict, for @type. Takes @block. */
static void
add_case (GArray *program, uint16_t type, GArray *block)
{
    g_assert (block->len <= UINT8_MAX);
    emit (program, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t) block->len, GUINT16_FROM_BE (type));
    g_array_append_vals (program, block->data, block->len);
    g_array_unref (block);
}

static GArray *
new_program (void)
{
    return g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE,
                        sizeof (struct sock_filter));
}

/* ---- rtnetlink ---- */

/* The family of a message lies at the same place in all of them. */
static void
check_family (GArray *block, const SgNotifyInterest *interest)
{
    load (block, BPF_B | BPF_ABS, NLMSG_HDRLEN);
    if (!interest->ipv4)
        verdict_unless (block, BPF_JEQ, AF_INET6, DROP);
    else if (!interest->ipv6)
        verdict_unless (block, BPF_JEQ, AF_INET, DROP);
}

/* Not what a bridge says about its ports (AF_BRIDGE), nor scans of wireless drivers. */
static GArray *
link_block (void)
{
    GArray *block = new_program ();

    load (block, BPF_B | BPF_ABS, AT_LINK (ifi_family));
    verdict_unless (block, BPF_JEQ, AF_UNSPEC, DROP);
    find_attribute (block, AFTER (struct ifinfomsg), IFLA_WIRELESS, PASS);
    verdict (block, DROP);
    return block;
}

/* A = how old the address was when it was last changed, in hundredths of seconds. A temporary address inherits the time of the change
 * from the address that it belongs to (addrconf.c, ipv6_create_tempaddr): less than nothing. */
static void
check_refresh (GArray *block)
{
    load (block, BPF_B | BPF_ABS, AT_ADDRESS (ifa_flags));
    verdict_if (block, BPF_JSET,
                IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED | IFA_F_OPTIMISTIC, PASS);
    find_attribute (block, AFTER (struct ifaddrmsg), IFA_CACHEINFO, PASS);
    load_number (block, NLA_HDRLEN + offsetof (struct ifa_cacheinfo, cstamp), 4);
    emit (block, BPF_ST, 0, 0, 0);
    load_number (block, NLA_HDRLEN + offsetof (struct ifa_cacheinfo, tstamp), 4);
    emit (block, BPF_LDX | BPF_MEM, 0, 0, 0);
    emit (block, BPF_ALU | BPF_SUB | BPF_X, 0, 0, 0);
    verdict_if (block, BPF_JSET, 1u << 31, PASS);
    verdict_if (block, BPF_JGE, NEW_FOR, DROP);
}

static GArray *
address_block (const SgNotifyInterest *interest, bool added)
{
    GArray *block = new_program ();

    check_family (block, interest);
    load (block, BPF_B | BPF_ABS, AT_ADDRESS (ifa_scope));
    verdict_if (block, BPF_JEQ, RT_SCOPE_LINK, DROP);
    if (added && !interest->refreshes)
        check_refresh (block);
    verdict (block, PASS);
    return block;
}

/* Ours, tables main and default, and those that could be a gateway's; nothing that is a clone. */
static GArray *
route_block (const SgNotifyInterest *interest)
{
    GArray *block = new_program ();

    check_family (block, interest);
    load (block, BPF_W | BPF_ABS, AT_ROUTE (rtm_flags));
    verdict_if (block, BPF_JSET, GUINT32_FROM_BE (RTM_F_CLONED), DROP);
    load (block, BPF_B | BPF_ABS, AT_ROUTE (rtm_protocol));
    verdict_if (block, BPF_JEQ, SG_PROTOCOL, PASS);
    load (block, BPF_B | BPF_ABS, AT_ROUTE (rtm_table));
    verdict_if (block, BPF_JEQ, RT_TABLE_MAIN, PASS);
    verdict_if (block, BPF_JEQ, RT_TABLE_DEFAULT, PASS);
    /* Of a table with a larger number this byte says RT_TABLE_COMPAT. */
    verdict_unless (block, BPF_JEQ, RT_TABLE_COMPAT, DROP);
    find_attribute (block, AFTER (struct rtmsg), RTA_TABLE, DROP);
    load_number (block, NLA_HDRLEN, 4);
    verdict_if (block, BPF_JGT, SG_TABLE_BASE, PASS);
    verdict (block, DROP);
    return block;
}

/* Ours only: other rules are reported, but nothing depends on them. */
static GArray *
rule_block (const SgNotifyInterest *interest)
{
    GArray *block = new_program ();

    check_family (block, interest);
    find_attribute (block, AFTER (struct fib_rule_hdr), FRA_PROTOCOL, PASS);
    load (block, BPF_B | BPF_IND, NLA_HDRLEN);
    verdict_if (block, BPF_JEQ, SG_PROTOCOL, PASS);
    verdict (block, DROP);
    return block;
}

/* Those with our numbers: where net.ipv4.nexthop_compat_mode is 0 nothing is said of the routes that
 * one takes along. */
static GArray *
nexthop_block (void)
{
    GArray *block = new_program ();

    find_attribute (block, AFTER (struct nhmsg), NHA_ID, DROP);
    load_number (block, NLA_HDRLEN, 4);
    verdict_if (block, BPF_JGE, SG_NEXTHOP_BASE, PASS);
    verdict (block, DROP);
    return block;
}

GArray *
sg_notify_filter_route (const SgNotifyInterest *interest)
{
    GArray *program = new_program ();

    load (program, BPF_H | BPF_ABS, AT_TYPE);
    add_case (program, RTM_NEWROUTE, route_block (interest));
    add_case (program, RTM_DELROUTE, route_block (interest));
    add_case (program, RTM_NEWADDR, address_block (interest, /* added= */ true));
    add_case (program, RTM_DELADDR, address_block (interest, /* added= */ false));
    add_case (program, RTM_NEWLINK, link_block ());
    add_case (program, RTM_DELLINK, link_block ());
    add_case (program, RTM_NEWRULE, rule_block (interest));
    add_case (program, RTM_DELRULE, rule_block (interest));
    add_case (program, RTM_NEWNEXTHOP, nexthop_block ());
    add_case (program, RTM_DELNEXTHOP, nexthop_block ());
    if (interest->ipv4)
        verdict_if (program, BPF_JEQ, GUINT16_FROM_BE (RTM_NEWNETCONF), PASS);
    verdict (program, DROP);
    return program;
}

/* ---- nftables ---- */

/* The bytes that a message about @table starts with behind its header: the family, then the
 * attribute with the table's name, which is number 1 in messages of every kind. */
static GByteArray *
table_pattern (const char *table)
{
    GByteArray *pattern = g_byte_array_new ();
    size_t size = strlen (table) + 1;
    struct nlattr attr = {(uint16_t) (NLA_HDRLEN + size), NFTA_TABLE_NAME};

    g_byte_array_append (pattern, (const guint8 *) &attr, sizeof attr);
    g_byte_array_append (pattern, (const guint8 *) table, (guint) size);
    while (pattern->len % 4)
        g_byte_array_append (pattern, (const guint8 *) "", 1);
    return pattern;
}

/* Passes when the message at X is about our table. */
static void
check_table (GArray *program, const GByteArray *pattern, const SgNotifyInterest *interest)
{
    GArray *block = new_program ();

    for (guint i = 0; i < pattern->len; i += 4) {
        uint32_t word;

        /* To the block's end, over the two instructions for each word to come and the verdict. */
        guint rest = 2 * (pattern->len - i) / 4 - 1;

        memcpy (&word, pattern->data + i, sizeof word);
        load (block, BPF_W | BPF_IND, AFTER (struct nfgenmsg) + i);
        emit (block, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t) rest, GUINT32_FROM_BE (word));
    }
    verdict (block, PASS);
    load (program, BPF_B | BPF_IND, AT_NFT (nfgen_family));
    if (interest->ipv4)
        emit (program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NFPROTO_IPV4);
    emit (program, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t) block->len, NFPROTO_IPV6);
    g_array_append_vals (program, block->data, block->len);
    g_array_unref (block);
}

/* X = the message behind that at X. The packet ends there: dropped by the next load. */
static void
go_on (GArray *program)
{
    load_number (program, offsetof (struct nlmsghdr, nlmsg_len), 2);
    /* A length of 0 would stay in place: such a message there is not. */
    /* NOLINTNEXTLINE(misc-redundant-expression): constants of BPF that happen to be equal */
    emit (program, BPF_ALU | BPF_ADD | BPF_K, 0, 0, NLMSG_ALIGNTO - 1);
    emit (program, BPF_ALU | BPF_AND | BPF_K, 0, 0, ~(NLMSG_ALIGNTO - 1));
    emit (program, BPF_ALU | BPF_ADD | BPF_X, 0, 0, 0);
    emit (program, BPF_MISC | BPF_TAX, 0, 0, 0);
}

/* The kernel puts the messages of a transaction into as few packets as it can (nf_tables_api.c,
 * nft_commit_notify), so each has to be looked at. Without a loop: written out. */
GArray *
sg_notify_filter_nft (const SgNotifyInterest *interest)
{
    g_autoptr (GByteArray) pattern = table_pattern (interest->nft_table);
    GArray *program = new_program ();

    emit (program, BPF_LDX | BPF_IMM, 0, 0, 0);
    for (unsigned i = 0; i < NFT_MESSAGES && program->len < BPF_MAXINSNS - 128; i++) {
        check_table (program, pattern, interest);
        go_on (program);
    }
    verdict (program, PASS);
    return program;
}

bool
sg_notify_filter_attach (int fd, const GArray *program, GError **error)
{
    struct sock_fprog filter = {(unsigned short) program->len,
                                (struct sock_filter *) (void *) program->data};

    if (setsockopt (fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0)
        return true;
    sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "attach a filter to a netlink socket");
    return false;
}
