/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A policy routing rule (linux/fib_rules.h) as a value. */
#pragma once

#include <linux/fib_rules.h>
#include <net/if.h>

#include "base/prefix.h"

typedef struct {
    uint8_t family;
    uint8_t action;   /* FR_ACT_TO_TBL, FR_ACT_UNREACHABLE, … */
    uint8_t protocol; /* FRA_PROTOCOL */
    uint8_t tos;
    uint32_t flags; /* FIB_RULE_INVERT only; state flags are dropped */
    uint32_t pref;  /* FRA_PRIORITY */
    uint32_t table; /* 0 when the action looks up none */
    uint32_t fwmark;
    uint32_t fwmask;            /* 0: no fwmark selector */
    int32_t suppress_prefixlen; /* -1: none */
    SgPrefix src;               /* len 0 = any */
    SgPrefix dst;
    char iif[IFNAMSIZ]; /* "" = any */
    char oif[IFNAMSIZ];
    bool other; /* has selectors that this type does not hold (ports, uids, …) */
} SgRule;

/* A rule of ours: our protocol number, no selectors, the table 0, no suppression. */
SgRule sg_rule_ours (uint8_t family, uint32_t pref, uint8_t action);
/* Likewise, with the action to look up @table. */
SgRule sg_rule_lookup (uint8_t family, uint32_t pref, uint32_t table);
/* Total order by preference, then the rest; every member counts. */
int sg_rule_compare (const SgRule *a, const SgRule *b);
/* Whether it is one of the pair that NetworkManager makes for a full tunnel ("lookup main
 * suppress_prefixlength 0", "not fwmark F lookup F", in 30768 to 31767, nm-device-wireguard.c): hidden
 * by ours on purpose. wg-quick makes the same pair at 32764 and 32765, and it is another VPN's. */
bool sg_rule_is_networkmanagers (const SgRule *rule);
/* As `ip -6 rule` takes it after add/del: "pref 50 fwmark 0x3eb lookup 1003 proto sixgate".
 * Appends to @out. */
void sg_rule_print (const SgRule *rule, GString *out);
