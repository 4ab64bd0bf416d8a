/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the doctor reads beside a snapshot. */
#pragma once

#include "core/doctor.h"

/* Reads settings, chains and the sockets that listen. What cannot be read stays unknown; only
 * nftables has to answer. */
SgDoctorFacts *sg_facts_read (const SgSnapshot *snapshot, const char *our_table,
                              GError **error) G_GNUC_WARN_UNUSED_RESULT;
