/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes wrong on a host, or will: other programs' rules and firewalls, settings of the kernel,
 * dead tunnels, leaks. Each finding says what, why it matters, what to do. */
#pragma once

#include "core/config.h"
#include "core/state.h"
#include "core/wanted.h"

/* ---- what a snapshot does not hold ---- */

/* Settings of an interface; -1: not known. */
typedef struct {
    uint32_t ifindex;
    int forwarding; /* net.ipv6.conf.IF.forwarding */
    int accept_ra;
    int rp_filter; /* net.ipv4.conf.IF.rp_filter */
    int mtu;       /* of IPv6 */
} SgInterfaceFacts;

/* A base chain of nftables that is not ours. */
typedef struct {
    uint8_t family; /* NFPROTO_* */
    char table[SG_NFT_NAME_MAX];
    char chain[SG_NFT_NAME_MAX];
    uint32_t hook; /* NF_INET_* */
    bool drops;    /* its policy is drop */
} SgForeignChain;

/* What became of a try of the leak test. */
typedef enum {
    SG_LEAK_TRY_SENT,     /* it was not refused: a leak */
    SG_LEAK_TRY_NO_ROUTE, /* the lookup of a route ended it */
    SG_LEAK_TRY_GUARDED,  /* refused, and the guard's counters counted a packet */
    SG_LEAK_TRY_REFUSED,  /* refused by something else: another firewall, the socket itself */
    SG_LEAK_TRY_N
} SgLeakOutcome;

/* One try of the leak test: a packet of a program that no gateway but the selected may carry. */
typedef struct {
    char *what; /* "TCP from 2001:db8::1", for a person */
    SgLeakOutcome outcome;
} SgLeakTry;

typedef struct {
    uint64_t now;       /* seconds since 1970 */
    int forwarding_all; /* net.ipv6.conf.all.forwarding; -1: not known */
    int rp_filter_all;
    GArray *interfaces; /* of SgInterfaceFacts */
    GArray *chains;     /* of SgForeignChain */
    bool hears_routing; /* a socket of systemd's waits for changes of rules and routes… */
    bool hears_nft;     /* …and of nftables */
    GArray *leaks;      /* of SgLeakTry, those that were made */
} SgDoctorFacts;

SgDoctorFacts *sg_doctor_facts_new (void);
void sg_doctor_facts_free (SgDoctorFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgDoctorFacts, sg_doctor_facts_free)

/* ---- findings ---- */

typedef enum {
    SG_SEVERITY_NOTE,    /* good to know */
    SG_SEVERITY_WARNING, /* may go wrong */
    SG_SEVERITY_ERROR,   /* is wrong */
    SG_SEVERITY_N
} SgSeverity;

typedef struct {
    const char *id; /* a word for programs, always the same: "foreign-rule-before"; static */
    SgSeverity severity;
    char *what;
    char *why;
    char *advice;
} SgFinding;

/* The word of a severity: "note", "warning", "error"; static. */
const char *sg_severity_name (SgSeverity severity);

/* Everything that an examination looks at. */
typedef struct {
    const SgConfig *config;
    const SgState *state;
    const SgSnapshot *snapshot; /* with profiles */
    const SgWanted *wanted;
    guint changes; /* what a reconcile would do */
    const SgDoctorFacts *facts;
} SgPatient;

/* All findings, the worst first. GPtrArray of SgFinding, owned by the caller. Never fails. */
GPtrArray *sg_doctor_examine (const SgPatient *patient);
/* As the doctor's program ends: 0 nothing but notes, 5 warnings, 1 errors. */
int sg_doctor_exit_status (const GPtrArray *findings);
