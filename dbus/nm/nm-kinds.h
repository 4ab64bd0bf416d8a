/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkManager's device types. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *name;    /* as in SgDevice.kind */
    bool can_be_gateway; /* traffic to elsewhere can leave by it */
    bool is_link;        /* its name is that of an interface of the kernel */
} SgNmKind;

/* What is known of a NMDeviceType; never NULL. A number from a newer NetworkManager is a kind
 * "unknown" that can be a gateway: what is not known is guarded, not exempt. Static. */
const SgNmKind *sg_nm_kind (uint32_t device_type);
