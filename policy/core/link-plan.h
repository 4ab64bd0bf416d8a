/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way from one state of a WireGuard link to another: ordered, adding before removing, each
 * step a message to the kernel. An address, route or peer that both have is not touched. */
#pragma once

#include "core/link-state.h"

typedef enum {
    SG_LINK_IPV6_ON,     /* net.ipv6.conf.NAME.disable_ipv6 = 0: before any IPv6 address */
    SG_LINK_DEVICE,      /* private key, port, fwmark: those that differ, in one message */
    SG_LINK_PEER_SET,    /* peer, fields: one message each */
    SG_LINK_ADDRESS_ADD, /* address */
    SG_LINK_ROUTE_ADD,   /* route */
    SG_LINK_MTU,
    SG_LINK_ROUTE_DEL,   /* route */
    SG_LINK_ADDRESS_DEL, /* address */
    SG_LINK_PEER_DEL,    /* peer */
    SG_LINK_IPV6_OFF,    /* the last: it takes every IPv6 address away */
    SG_LINK_ACTION_KIND_N
} SgLinkActionKind;

/* What of a device or a peer differs. */
typedef enum {
    SG_LINK_PRIVATE_KEY = 1u << 0,
    SG_LINK_LISTEN_PORT = 1u << 1,
    SG_LINK_FWMARK = 1u << 2,
    SG_LINK_PRESHARED_KEY = 1u << 3,
    SG_LINK_ENDPOINT = 1u << 4,
    SG_LINK_KEEPALIVE = 1u << 5,
    SG_LINK_ALLOWED_IPS = 1u << 6, /* all of them anew */
    SG_LINK_MORE_IPS = 1u << 7,    /* none goes: the peer's, as they are, and more */
    SG_LINK_NEW_PEER = 1u << 8,
} SgLinkField;

/* Pointers are borrowed from the two states. */
typedef struct {
    SgLinkActionKind kind;
    unsigned fields; /* of SgLinkField */
    const SgWgPeer *peer;
    const SgWgAddress *address;
    const SgLinkRoute *route;
} SgLinkAction;

typedef struct {
    const SgLinkState *to;
    GArray *actions; /* of SgLinkAction */
} SgLinkPlan;

/* Compares. Both must outlive the plan. */
SgLinkPlan *sg_link_plan_new (const SgLinkState *now, const SgLinkState *to);
void sg_link_plan_free (SgLinkPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgLinkPlan, sg_link_plan_free)

/* One action as the command that would do the same; a secret is never in it. Owned by the caller. */
char *sg_link_action_to_string (const SgLinkAction *action, const SgLinkState *to);
/* A line each; "" when there is nothing to do. Owned by the caller. */
char *sg_link_plan_to_string (const SgLinkPlan *plan);
