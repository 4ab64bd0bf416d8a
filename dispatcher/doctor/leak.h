/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The leak test. */
#pragma once

#include "core/doctor.h"
#include "pass/pass.h"

/* Tries what may not leave: TCP and UDP towards a documentation address (RFC 9637), from an unbound
 * socket, from every address and every device of a gateway that is not selected. Where the routes lead
 * to the selected outbound, nothing is sent. Hop limit 1: should one get past the guard, it ends at
 * the first router. The kernel's answer to each packet tells whether it was refused, the guard's
 * counters and the lookup of the route by whom. Appends to facts->leaks; nothing without a selection.
 * False when the counters cannot be read. */
bool sg_leak_test (const SgPass *pass, SgDoctorFacts *facts,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
