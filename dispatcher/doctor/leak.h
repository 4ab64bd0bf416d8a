/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The leak test. */
#pragma once

#include "core/doctor.h"

/* Tries what may not leave: TCP and UDP towards a documentation address (RFC 9637), from an unbound
 * socket, from every address and every device of a gateway that is not selected. Where the routes lead
 * to the selected outbound, nothing is sent. Hop limit 1: should one get past the guard, it ends at
 * the first router. Appends to facts->leaks; nothing without a selection. */
void sg_leak_test (const SgSnapshot *snapshot, const SgWanted *wanted, const char *outbound,
                   SgDoctorFacts *facts);
