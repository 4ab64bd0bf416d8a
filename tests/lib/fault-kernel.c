/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/fault-kernel.h"

#include <errno.h>

#include "base/error.h"

typedef struct {
    SgKernel base;
    SgKernel *behind;
    SgFault fault;
    size_t left; /* actions before the fault */
    bool dead;
    size_t reached[SG_STAGE_N];
} Faulty;

static bool
fault_dump (SgKernel *kernel, const SgConfig *config, SgSnapshot *snapshot, GError **error)
{
    Faulty *self = (Faulty *) kernel;

    return self->behind->ops->dump (self->behind, config, snapshot, error);
}

static void
refuse (GPtrArray *failures)
{
    GError *failure = NULL;

    sg_error_set_errno (&failure, SG_ERROR_KERNEL, EIO, "refused by the test");
    g_ptr_array_add (failures, failure);
}

static void
pass (Faulty *self, const SgSnapshot *snapshot, const SgAction *actions, size_t n,
      GPtrArray *failures)
{
    if (n == 0)
        return;
    self->reached[actions[0].stage] += n;
    self->behind->ops->commit (self->behind, snapshot, actions, n, failures);
}

static bool
fault_commit (SgKernel *kernel, const SgSnapshot *snapshot, const SgAction *actions, size_t n,
              GPtrArray *failures)
{
    Faulty *self = (Faulty *) kernel;
    guint before = failures->len;
    size_t whole;

    if (self->dead)
        return false;
    if (self->left >= n) {
        self->left -= n;
        pass (self, snapshot, actions, n, failures);
        return failures->len == before;
    }

    /* A stage of nftables is one transaction: all or nothing. */
    whole = actions[0].kind < SG_ACTION_WG_FWMARK ? 0 : self->left;
    pass (self, snapshot, actions, whole, failures);
    refuse (failures);
    if (self->fault == SG_FAULT_KILL)
        self->dead = true;
    else if (actions[0].kind >= SG_ACTION_WG_FWMARK)
        pass (self, snapshot, actions + whole + 1, n - whole - 1, failures);
    self->left = SIZE_MAX;
    return false;
}

static void
fault_close (SgKernel *kernel)
{
    g_free (kernel);
}

static const SgKernelOps fault_ops = {fault_dump, fault_commit, fault_close};

SgKernel *
sg_fault_kernel_new (SgKernel *kernel, SgFault fault, size_t nth)
{
    Faulty *self = g_new0 (Faulty, 1);

    self->base.ops = &fault_ops;
    self->behind = kernel;
    self->fault = fault;
    self->left = nth;
    return &self->base;
}

size_t
sg_fault_kernel_reached (const SgKernel *kernel, SgStage stage)
{
    return ((const Faulty *) kernel)->reached[stage];
}
