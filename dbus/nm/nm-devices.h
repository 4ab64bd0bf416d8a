/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkManager's devices, asked over D-Bus. */
#pragma once

#include "core/snapshot.h"

/* Fills the devices and the nm state of @snapshot with one GetManagedObjects call on the
 * system bus, within @timeout_ms milliseconds in all (connection included). NetworkManager or
 * the bus being absent, silent or talking nonsense is not an error: the state is then
 * SG_NM_ABSENT, no devices, and @ret_reason a sentence that says why (owned by the caller;
 * NULL otherwise). Never starts NetworkManager. */
void sg_nm_read_devices (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason);
