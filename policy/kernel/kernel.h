/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel as the rest of Sixgate sees it: read all of it, change some of it. Two
 * implementations: kernel-linux.c and tests/lib/fake-kernel.c. */
#pragma once

#include "core/config.h"
#include "core/plan.h"
#include "core/snapshot.h"

/* What crossed the border since the kernel was opened. */
typedef struct {
    uint64_t system_calls;  /* sendmsg and recvmsg */
    uint64_t dumps;         /* dump requests sent */
    uint64_t messages_read; /* netlink messages received */
    uint64_t writes;        /* messages sent that change something */
} SgKernelStats;

typedef struct SgKernel SgKernel;

typedef struct {
    /* Fills links, addresses, routes, rules, wireguards and nft of @snapshot (fresh from
     * sg_snapshot_new). Interrupted dumps are repeated, a bounded number of times
     * (SG_ERROR_BUSY). SG_ERROR_KERNEL with the kernel's words otherwise. */
    bool (*dump) (SgKernel *kernel, const SgConfig *config, SgSnapshot *snapshot, GError **error);
    /* Executes @n actions of one stage in order, in as few messages as possible; nftables
     * actions as one transaction. Outcomes that are as good as success (see SgActionKind) are
     * success. Every failure is appended to @failures (of GError *, SG_ERROR_KERNEL, naming the
     * action and the kernel's words); the others are done all the same, except in a
     * transaction, and except routes by a link that turned out to be gone. SG_ERROR_BUSY is a
     * transaction that met another writer, or such a link: snapshot again.
     * True when none failed. */
    bool (*commit) (SgKernel *kernel, const SgSnapshot *snapshot, const SgAction *actions, size_t n,
                    GPtrArray *failures);
    void (*close) (SgKernel *kernel);
} SgKernelOps;

struct SgKernel {
    const SgKernelOps *ops;
    const SgKeyring *keyring; /* borrowed: the keys of SG_ACTION_WG_PRESHARED_KEY; NULL: none */
    SgKernelStats stats;
};

void sg_kernel_close (SgKernel *kernel);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgKernel, sg_kernel_close)

/* The running kernel, in the network namespace of the caller. Needs CAP_NET_ADMIN to change
 * anything. */
SgKernel *sg_kernel_linux_open (GError **error) G_GNUC_WARN_UNUSED_RESULT;
