/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/rtnl-rule.h"

#include <linux/rtnetlink.h>

#include "base/error.h"

static const SgNlSpec rule_specs[] = {
    [FRA_DST] = {SG_NL_BYTES, 4},
    [FRA_SRC] = {SG_NL_BYTES, 4},
    [FRA_IIFNAME] = {SG_NL_STRING, IFNAMSIZ},
    [FRA_GOTO] = {SG_NL_U32},
    [FRA_PRIORITY] = {SG_NL_U32},
    [FRA_FWMARK] = {SG_NL_U32},
    [FRA_FLOW] = {SG_NL_U32},
    [FRA_TUN_ID] = {SG_NL_BYTES, 8},
    [FRA_SUPPRESS_IFGROUP] = {SG_NL_U32},
    [FRA_SUPPRESS_PREFIXLEN] = {SG_NL_U32},
    [FRA_TABLE] = {SG_NL_U32},
    [FRA_FWMASK] = {SG_NL_U32},
    [FRA_OIFNAME] = {SG_NL_STRING, IFNAMSIZ},
    [FRA_L3MDEV] = {SG_NL_U8},
    [FRA_UID_RANGE] = {SG_NL_BYTES, sizeof (struct fib_rule_uid_range)},
    [FRA_PROTOCOL] = {SG_NL_U8},
    [FRA_IP_PROTO] = {SG_NL_U8},
    [FRA_SPORT_RANGE] = {SG_NL_BYTES, sizeof (struct fib_rule_port_range)},
    [FRA_DPORT_RANGE] = {SG_NL_BYTES, sizeof (struct fib_rule_port_range)},
};

typedef const struct nlattr *Attrs[G_N_ELEMENTS (rule_specs)];

static bool
has_other_selectors (const Attrs attrs)
{
    static const uint16_t others[] = {FRA_GOTO,        FRA_FLOW,       FRA_TUN_ID,
                                      FRA_L3MDEV,      FRA_UID_RANGE,  FRA_IP_PROTO,
                                      FRA_SPORT_RANGE, FRA_DPORT_RANGE};

    for (size_t i = 0; i < G_N_ELEMENTS (others); i++) {
        if (attrs[others[i]])
            return true;
    }
    /* -1: none (net/core/fib_rules.c, fib_nl2rule). */
    if (attrs[FRA_SUPPRESS_IFGROUP] && sg_nl_attr_u32 (attrs[FRA_SUPPRESS_IFGROUP]) != UINT32_MAX)
        return true;
    /* Newer than our table: DSCP, flow label, … */
    return attrs[0] != NULL;
}

/* The prefix of @len bits that @attr holds; any when there is none. */
static bool
parse_prefix (const struct nlattr *attr, uint8_t family, uint8_t len, SgPrefix *ret_prefix)
{
    SgIp ip;

    if (len > sg_family_bits (family) || (len > 0 && !attr))
        return false;
    if (!attr) {
        *ret_prefix = sg_prefix_any (family);
        return true;
    }
    if (!sg_nl_attr_ip (attr, family, &ip))
        return false;
    *ret_prefix = sg_prefix_new (&ip, len);
    return true;
}

static uint32_t
u32_or (const struct nlattr *attr, uint32_t otherwise)
{
    return attr ? sg_nl_attr_u32 (attr) : otherwise;
}

static void
take_members (const struct fib_rule_hdr *header, const Attrs attrs, SgRule *rule)
{
    rule->family = header->family;
    rule->action = header->action;
    rule->tos = header->tos;
    rule->flags = header->flags & FIB_RULE_INVERT;
    rule->pref = u32_or (attrs[FRA_PRIORITY], 0);
    rule->table = u32_or (attrs[FRA_TABLE], header->table);
    rule->fwmark = u32_or (attrs[FRA_FWMARK], 0);
    rule->fwmask = u32_or (attrs[FRA_FWMASK], rule->fwmark ? UINT32_MAX : 0);
    /* Any negative number is none (net/ipv6/fib6_rules.c, fib6_rule_suppress). */
    rule->suppress_prefixlen =
        MAX ((int32_t) u32_or (attrs[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX), -1);
    if (attrs[FRA_PROTOCOL])
        rule->protocol = sg_nl_attr_u8 (attrs[FRA_PROTOCOL]);
    if (attrs[FRA_IIFNAME])
        g_strlcpy (rule->iif, sg_nl_attr_data (attrs[FRA_IIFNAME]), sizeof (rule->iif));
    if (attrs[FRA_OIFNAME])
        g_strlcpy (rule->oif, sg_nl_attr_data (attrs[FRA_OIFNAME]), sizeof (rule->oif));
    rule->other = has_other_selectors (attrs);
}

bool
sg_rtnl_rule_parse (const struct nlmsghdr *nlh, SgRule *ret_rule, GError **error)
{
    Attrs attrs;
    const struct fib_rule_hdr *header = sg_nl_message_header (nlh);
    SgRule rule = {0};

    if (nlh->nlmsg_type != RTM_NEWRULE ||
        !sg_nl_message_parse (nlh, sizeof (*header), rule_specs, G_N_ELEMENTS (rule_specs),
                              attrs) ||
        !parse_prefix (attrs[FRA_SRC], header->family, header->src_len, &rule.src) ||
        !parse_prefix (attrs[FRA_DST], header->family, header->dst_len, &rule.dst)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a rule");
        return false;
    }
    take_members (header, attrs, &rule);
    *ret_rule = rule;
    return true;
}

static void
put_selectors (SgNlMessage *message, const SgRule *rule)
{
    if (rule->src.len > 0)
        sg_nl_put_ip (message, FRA_SRC, &rule->src.ip);
    if (rule->dst.len > 0)
        sg_nl_put_ip (message, FRA_DST, &rule->dst.ip);
    if (rule->fwmask != 0) {
        sg_nl_put_u32 (message, FRA_FWMARK, rule->fwmark);
        sg_nl_put_u32 (message, FRA_FWMASK, rule->fwmask);
    }
    if (rule->iif[0] != '\0')
        sg_nl_put_string (message, FRA_IIFNAME, rule->iif);
    if (rule->oif[0] != '\0')
        sg_nl_put_string (message, FRA_OIFNAME, rule->oif);
}

bool
sg_rtnl_rule_build (void *memory, size_t room, uint16_t type, const SgRule *rule)
{
    uint16_t flags = NLM_F_REQUEST | (type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0);
    SgNlMessage message = sg_nl_message_begin (memory, room, type, flags);
    struct fib_rule_hdr *header = sg_nl_put_header (&message, sizeof (*header));

    if (!header)
        return false;
    header->family = rule->family;
    header->src_len = rule->src.len;
    header->dst_len = rule->dst.len;
    header->tos = rule->tos;
    header->action = rule->action;
    header->flags = rule->flags;

    put_selectors (&message, rule);
    sg_nl_put_u32 (&message, FRA_PRIORITY, rule->pref);
    if (rule->table != 0)
        sg_nl_put_u32 (&message, FRA_TABLE, rule->table);
    if (rule->suppress_prefixlen >= 0)
        sg_nl_put_u32 (&message, FRA_SUPPRESS_PREFIXLEN, (uint32_t) rule->suppress_prefixlen);
    sg_nl_put_u8 (&message, FRA_PROTOCOL, rule->protocol);
    return !message.full;
}

/* Where the rules of one dump go. */
typedef struct {
    GArray *rules;
    guint before; /* how many there were when it started */
    uint8_t family;
} Taking;

static bool
take_rule (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;
    SgRule rule;

    if (!sg_rtnl_rule_parse (nlh, &rule, error))
        return false;
    if (rule.family == taking->family)
        g_array_append_val (taking->rules, rule);
    return true;
}

static void
reset_rules (void *data)
{
    Taking *taking = data;

    g_array_set_size (taking->rules, taking->before);
}

/* A rule dump goes on by counting rules (net/core/fib_rules.c, dump_rules): one that is removed
 * before that place makes the next piece skip one, and nothing says so. */
static int
group_of (uint8_t family)
{
    return family == AF_INET6 ? RTNLGRP_IPV6_RULE : RTNLGRP_IPV4_RULE;
}

bool
sg_rtnl_rule_dump (SgNlSocket *sock, uint8_t family, SgSnapshot *snapshot, GError **error)
{
    Taking taking = {snapshot->rules, snapshot->rules->len, family};
    const SgNlReader reader = {take_rule, reset_rules, &taking, group_of (family)};
    uint8_t memory[64] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof (memory), RTM_GETRULE, NLM_F_DUMP);
    struct fib_rule_hdr *header = sg_nl_put_header (&message, sizeof (*header));

    header->family = family;
    if (!sg_nl_socket_read (sock, message.nlh, &reader, error)) {
        g_prefix_error (error, "read the rules: ");
        return false;
    }
    return true;
}
