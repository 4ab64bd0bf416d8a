/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The profiles of active WireGuard devices, asked over D-Bus. */
#pragma once

#include "core/wanted.h"

/* Fills the profiles of @snapshot: of each active WireGuard device of its devices that
 * NetworkManager configures. Notes what they say in the devices,
 * too. Asks nothing, and opens no connection, when there is none. Within
 * @timeout_ms in all. A profile that cannot be had is left out and @ret_reason says why (owned by
 * the caller; NULL otherwise). */
void sg_nm_read_profiles (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason);

/* Notes in its device what a gateway needs of @profile: its type, its name servers. */
void sg_nm_note_profile (SgSnapshot *snapshot, const SgWireguardProfile *profile);
/* Only that, of each of them. What @ret_reason tells of is not known then. */
void sg_nm_read_types (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason);

/* Fetches the preshared keys that @wanted lacks, as far as the profiles have them; asks nothing when
 * it lacks none. Of a profile that cannot be had @ret_reason says why. Only root is told. */
SgKeyring *sg_nm_read_keys (const SgSnapshot *snapshot, const SgWanted *wanted, uint32_t timeout_ms,
                            char **ret_reason);
