/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/kernel.h"

void
sg_kernel_close (SgKernel *kernel)
{
    if (kernel)
        kernel->ops->close (kernel);
}
