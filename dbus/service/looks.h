/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking without changing anything: keeps what is shown true, and answers Plan and Explain from one
 * look for all who asked before it began. */
#pragma once

#include "call.h"
#include "pass/pass.h"

SgLooks *sg_looks_new (SgService *service);
void sg_looks_free (SgLooks *looks);

/* What one look saw, decided and planned; answers @call. */
typedef void (*SgLookAnswer) (SgCall *call, SgPass *pass);

/* Answers @call by @answer from a look that begins after now; it fails when the look does. */
void sg_looks_ask (SgLooks *looks, SgCall *call, SgLookAnswer answer);
/* Looks at everything, NetworkManager included, as soon as its answer is there; @done (may be
 * NULL) is then called, also when the look failed. */
void sg_looks_refresh (SgLooks *looks);
void sg_looks_refresh_then (SgLooks *looks, void (*done) (void *data), void *data);
/* Looks at the kernel now, with what NetworkManager said last. */
void sg_looks_at_kernel (SgLooks *looks);
/* A snapshot with NetworkManager's part of @from, for another look at the kernel. */
SgSnapshot *sg_looks_copy_nm (const SgSnapshot *from);
/* Shows what a pass saw that changed something. */
void sg_looks_show_pass (SgLooks *looks, SgPass *pass);
/* When the last look was over, and how long it took (milliseconds). */
uint64_t sg_looks_ended (const SgLooks *looks, uint64_t *ret_took);
