/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel that refuses or dies at the n-th action, in front of any other. */
#pragma once

#include "kernel/kernel.h"

typedef enum {
    SG_FAULT_REFUSE, /* that action fails, and with it the transaction that it is part of */
    SG_FAULT_KILL,   /* nothing reaches the kernel from there on, as if the program were killed */
} SgFault;

/* In front of @kernel (borrowed); @nth counts from 0. */
SgKernel *sg_fault_kernel_new (SgKernel *kernel, SgFault fault, size_t nth);
/* How many actions of @stage reached the kernel. */
size_t sg_fault_kernel_reached (const SgKernel *kernel, SgStage stage);
