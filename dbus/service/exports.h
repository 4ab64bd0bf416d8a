/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers that hold keys: read in a child of their own, which goes with them. */
#pragma once

#include "worker.h"

/* Answers @call by the string of @work, which changes nothing: it needs no lock, and does not wait for
 * changes. */
void sg_export (SgCall *call, SgWork work);
