/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pass of the host role, step by step. The caller takes the lock, and asks NetworkManager, in
 * its own way: a program waits for them, the service lets its loop run meanwhile. */
#pragma once

#include "core/config.h"
#include "core/limiter.h"
#include "core/memory.h"
#include "core/plan.h"
#include "core/state.h"
#include "core/wanted.h"
#include "kernel/kernel.h"

/* How often a pass starts over because another writer of nftables came in between, or a link went. */
#define SG_PASS_TRIES_MAX 5u

/* Who is told what a person should hear while a pass goes on. */
typedef struct {
    void (*warning) (void *data, const char *warning);
    void *data;
} SgReporter;

/* What a pass that nobody asked for takes and gives. */
typedef struct {
    SgLimiter *limiter; /* decides what has to wait */
    SgLimiterMoment moment;
    bool wrote;     /* the kernel was changed */
    bool refreshes; /* some link has deprecated addresses only: a refresh may bring one back */
} SgHealing;

/* What one pass holds. The pointers are NULL until their step. */
typedef struct {
    SgReporter reporter;
    SgConfig *config;
    SgState *state;
    SgTunnel *tunnel;       /* NULL: this machine has no tunnel role */
    SgKeyring *device_keys; /* sg_tunnel_preshared_keys() of it, at the look */
    SgMemory *memory;
    SgKernel *kernel;
    SgSnapshot *snapshot;
    SgWanted *wanted;
    SgKeyring *keyring; /* keys that are to be put back */
    SgPlan *plan;
    int lock;            /* -1: a pass that only looks, nothing may be saved or changed */
    unsigned tries;      /* begun */
    bool resolver_known; /* what systemd-resolved has of ours is known, even that it is nothing */
    bool memory_damaged; /* its file has to be written anew */
} SgPass;

/* Reads the state and the memory and opens the kernel. Takes over @config and @lock (a descriptor
 * of sg_files_lock(); -1: the pass only looks), also on failure. */
SgPass *sg_pass_new (SgConfig *config, int lock, const SgReporter *reporter,
                     GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Closes everything, and gives up the lock. */
void sg_pass_free (SgPass *pass);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgPass, sg_pass_free)

/* Begins a try: takes over @snapshot, in which NetworkManager's part is there already, and adds
 * the kernel's, which has the last word. What an earlier try decided is dropped. */
bool sg_pass_look (SgPass *pass, SgSnapshot *snapshot, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Writes down the choices, unless the pass only looks. */
bool sg_pass_save_state (const SgPass *pass, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Decides what is wanted. Where wanted->preshared is not empty then, the caller may fetch the keys
 * and hand them over: what @keyring (taken over) lacks is not wanted any more. */
void sg_pass_decide (SgPass *pass);
void sg_pass_give_keys (SgPass *pass, SgKeyring *keyring);
/* Whether systemd-resolved has to be asked about snapshot->resolver, which this fills; once it is,
 * the caller says so. Where it is not asked, nothing of it is planned or forgotten. */
bool sg_pass_needs_resolver (SgPass *pass);
void sg_pass_resolver_asked (SgPass *pass);
/* The difference; with @healing (may be NULL) without what has to wait. */
void sg_pass_plan (SgPass *pass, SgHealing *healing);
/* Says the warnings that are new (all, with @everything) and keeps what must not be forgotten, such
 * as marks before they are used. */
bool sg_pass_keep (SgPass *pass, bool everything, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Executes the plan; nothing when the pass only looks. Appends to @failures (of GError *); true when
 * all of it is in force. */
bool sg_pass_apply (SgPass *pass, GPtrArray *failures);
/* Whether it is worth to start over from sg_pass_look(): what was planned is outdated (SG_ERROR_BUSY),
 * and that not too often. */
bool sg_pass_may_retry (const SgPass *pass, const GPtrArray *failures);
