/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The difference between what is and what is wanted, as an ordered list of actions, each safe
 * on its own. Applying an empty plan writes nothing. */
#pragma once

#include "core/snapshot.h"
#include "core/wanted.h"

/* The order of an apply (spec 1.5): guards first, adding before removing. A later stage runs
 * only when those before it let it (see kernel/apply.h). */
typedef enum {
    SG_STAGE_GUARD,         /* nftables additions, with the new selection: one transaction */
    SG_STAGE_TRANSPORT,     /* fwmark, preshared keys and addresses of WireGuard links */
    SG_STAGE_TABLES,        /* next hops and routes added and replaced, blackhole defaults first */
    SG_STAGE_RULES,         /* rules added, the choices (70, 75) last */
    SG_STAGE_OLD_SELECTION, /* old rules 70 and 75 removed */
    SG_STAGE_STALE_RULES,
    SG_STAGE_STALE_ROUTES,
    SG_STAGE_SOCKETS, /* connections closed that cannot go on */
    SG_STAGE_UNGUARD, /* nftables removals: one transaction */
    SG_STAGE_N
} SgStage;

typedef enum {
    SG_ACTION_NFT_TABLE_ADD,    /* or wakes one that is dormant */
    SG_ACTION_NFT_SET_ADD,      /* set: its definition, no elements */
    SG_ACTION_NFT_SET_DEL,      /* set (as the kernel has it) */
    SG_ACTION_NFT_CHAIN_ADD,    /* chain: its definition, no rules */
    SG_ACTION_NFT_CHAIN_DEL,    /* chain; its rules go with it */
    SG_ACTION_NFT_CHAIN_FLUSH,  /* chain: all its rules go */
    SG_ACTION_NFT_RULE_ADD,     /* chain, nft_rule: appended */
    SG_ACTION_NFT_ELEMENT_ADD,  /* set, element */
    SG_ACTION_NFT_ELEMENT_DEL,  /* set, element */
    SG_ACTION_WG_FWMARK,        /* ifindex, fwmark */
    SG_ACTION_WG_PRESHARED_KEY, /* ifindex, public_key; the key itself is on SgKernel.keyring */
    SG_ACTION_WG_PEER_SET, /* peer: made or changed, allowed-ips anew; its preshared key likewise */
    SG_ACTION_WG_PEER_DEL, /* ifindex, public_key; one that is gone is success */
    SG_ACTION_SYSCTL,      /* sysctl; those of one stage end at the first that fails */
    SG_ACTION_PROXY_ADD,   /* proxy: NLM_F_CREATE | NLM_F_REPLACE */
    SG_ACTION_PROXY_DEL,   /* proxy; ENOENT is success */
    SG_ACTION_ADDRESS_DEL, /* address; EADDRNOTAVAIL is success */
    SG_ACTION_ADDRESS_ADD, /* address: NLM_F_CREATE | NLM_F_EXCL; EEXIST is success */
    SG_ACTION_NEXTHOP_ADD, /* nexthop: NLM_F_CREATE | NLM_F_EXCL */
    SG_ACTION_NEXTHOP_DEL, /* nexthop; ENOENT is success */
    SG_ACTION_ROUTE_ADD,   /* route: NLM_F_CREATE | NLM_F_APPEND; EEXIST is success */
    SG_ACTION_ROUTE_REPLACE, /* route: NLM_F_CREATE | NLM_F_REPLACE */
    SG_ACTION_ROUTE_DEL,     /* route: by its full tuple; ESRCH is success */
    SG_ACTION_RULE_ADD,      /* rule: NLM_F_CREATE | NLM_F_EXCL; EEXIST is success */
    SG_ACTION_RULE_DEL,      /* rule: by its full tuple; ENOENT is success */
    SG_ACTION_SOCKETS_CLOSE, /* address.ip: what is connected from there */
    SG_ACTION_RP_FILTER,     /* ifindex, value; ENODEV is success */
    SG_ACTION_KIND_N
} SgActionKind;

/* Pointers are borrowed from the snapshot and from what is wanted; both must outlive it. */
typedef struct {
    SgActionKind kind;
    SgStage stage;
    const SgNftTable *table; /* all SG_ACTION_NFT_* */
    const SgNftSet *set;
    const SgNftChain *chain;
    const SgNftRule *nft_rule;
    SgNftElement element;
    const SgRoute *route;
    SgRule rule;
    uint32_t ifindex;
    uint32_t fwmark;
    uint8_t value;
    SgWgRawKey public_key;
    SgAddress address;
    SgWantedPeer peer;
    SgSysctl sysctl;
    SgProxy proxy;
    SgNexthopObject nexthop;
} SgAction;

/* What systemd-resolved is to have for a link. */
typedef struct {
    uint32_t ifindex;
    GVariant *to; /* SG_RESOLVER_TYPE, owned */
    bool back;    /* comes before the actions, while what leads to our servers is there */
} SgResolverChange;

typedef struct {
    GArray *actions;  /* of SgAction, in order of execution; stages never go back */
    GArray *resolver; /* of SgResolverChange (core/resolver.h) */
} SgPlan;

/* Compares. The plan borrows from both; free it first. Never fails. */
SgPlan *sg_plan_new (const SgSnapshot *snapshot, const SgWanted *wanted);
void sg_plan_free (SgPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgPlan, sg_plan_free)

/* One action as the command of ip, nft or wg that would do the same, without a newline.
 * The result is owned by the caller. */
char *sg_action_to_string (const SgAction *action, const SgSnapshot *snapshot);
/* The whole plan, a line each, systemd-resolved's part as resolvectl takes it; "" when there is nothing
 * to do. Owned by the caller. */
char *sg_plan_to_string (const SgPlan *plan, const SgSnapshot *snapshot);
/* Whether the tunnel role's part of nftables is made (anew) by it: what devices had opened by PCP is gone then,
 * if there was anything, and their server is to be started. */
bool sg_plan_begins_tunnel (const SgPlan *plan);
/* Name of a stage for messages: "guard", "tables", …; static. */
const char *sg_stage_name (SgStage stage);
