/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/rule.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "core/contract.h"

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

SgRule
sg_rule_ours (uint8_t family, uint32_t pref, uint8_t action)
{
    return (SgRule) {
        .family = family,
        .action = action,
        .protocol = SG_PROTOCOL,
        .pref = pref,
        .suppress_prefixlen = -1,
        .src = sg_prefix_any (family),
        .dst = sg_prefix_any (family),
    };
}

SgRule
sg_rule_lookup (uint8_t family, uint32_t pref, uint32_t table)
{
    SgRule rule = sg_rule_ours (family, pref, FR_ACT_TO_TBL);

    rule.table = table;
    return rule;
}

/* The first number in which both differ decides. */
static int
compare_numbers (const SgRule *a, const SgRule *b)
{
    const int64_t left[] = {
        a->family,   a->pref, a->action, a->table, a->fwmark, a->fwmask, a->suppress_prefixlen,
        a->protocol, a->tos,  a->flags,  a->other};
    const int64_t right[] = {
        b->family,   b->pref, b->action, b->table, b->fwmark, b->fwmask, b->suppress_prefixlen,
        b->protocol, b->tos,  b->flags,  b->other};
    int order = 0;

    for (size_t i = 0; i < G_N_ELEMENTS (left) && !order; i++)
        order = CMP (left[i], right[i]);
    return order;
}

int
sg_rule_compare (const SgRule *a, const SgRule *b)
{
    int order = compare_numbers (a, b);

    if (!order)
        order = sg_prefix_compare (&a->src, &b->src);
    if (!order)
        order = sg_prefix_compare (&a->dst, &b->dst);
    if (!order)
        order = strcmp (a->iif, b->iif);
    return order ? order : strcmp (a->oif, b->oif);
}

bool
sg_rule_is_networkmanagers (const SgRule *rule)
{
    bool capture = (rule->flags & FIB_RULE_INVERT) && rule->fwmark && rule->fwmark == rule->table;
    bool specific = rule->table == RT_TABLE_MAIN && rule->suppress_prefixlen == 0;

    return rule->pref >= 30768 && rule->pref <= 31767 && (capture || specific);
}

/* ---- printing ---- */

static void
print_selectors (const SgRule *rule, GString *out)
{
    char text[SG_PREFIX_TEXT_MAX];

    if (rule->flags & FIB_RULE_INVERT)
        g_string_append (out, " not");
    if (rule->src.len)
        g_string_append_printf (out, " from %s", sg_prefix_format (&rule->src, text));
    if (rule->dst.len)
        g_string_append_printf (out, " to %s", sg_prefix_format (&rule->dst, text));
    if (rule->tos)
        g_string_append_printf (out, " tos 0x%02x", rule->tos);
    if (rule->fwmask == UINT32_MAX)
        g_string_append_printf (out, " fwmark 0x%x", rule->fwmark);
    else if (rule->fwmask)
        g_string_append_printf (out, " fwmark 0x%x/0x%x", rule->fwmark, rule->fwmask);
    if (rule->iif[0])
        g_string_append_printf (out, " iif %s", rule->iif);
    if (rule->oif[0])
        g_string_append_printf (out, " oif %s", rule->oif);
}

static void
print_action (const SgRule *rule, GString *out)
{
    switch (rule->action) {
    case FR_ACT_TO_TBL:
        if (rule->table == RT_TABLE_MAIN)
            g_string_append (out, " lookup main");
        else if (rule->table == RT_TABLE_DEFAULT)
            g_string_append (out, " lookup default");
        else
            g_string_append_printf (out, " lookup %u", rule->table);
        break;
    case FR_ACT_UNREACHABLE:
        g_string_append (out, " unreachable");
        break;
    case FR_ACT_BLACKHOLE:
        g_string_append (out, " blackhole");
        break;
    case FR_ACT_PROHIBIT:
        g_string_append (out, " prohibit");
        break;
    default:
        g_string_append_printf (out, " action %u", rule->action);
        break;
    }
    if (rule->suppress_prefixlen >= 0)
        g_string_append_printf (out, " suppress_prefixlength %d", rule->suppress_prefixlen);
}

void
sg_rule_print (const SgRule *rule, GString *out)
{
    g_string_append_printf (out, "pref %u", rule->pref);
    print_selectors (rule, out);
    print_action (rule, out);
    if (rule->protocol == SG_PROTOCOL)
        g_string_append (out, " proto " SG_PROTOCOL_NAME);
    else if (rule->protocol)
        g_string_append_printf (out, " proto %u", rule->protocol);
    if (rule->other)
        g_string_append (out, " (and selectors not shown)");
}
