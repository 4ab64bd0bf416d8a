/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the conformance table (pcp-conformance.h) about PORT_SET, RFC 7753. */
#pragma once

#include "lib/pcp-world.h"

void set_granted (World *world);
void set_reduced (World *world);
void set_of_one (World *world);
void set_overlap (World *world);
void set_deleted (World *world);
void set_deleted_in_part (World *world);
void set_prefer_failure (World *world);
void set_twice_or_empty (World *world);
void set_parity (World *world);
void set_at_the_end (World *world);
