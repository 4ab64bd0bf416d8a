/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may do what: root anything, others what polkit says. Asked without waiting. */
#pragma once

#include "call.h"

/* Runs @call (its method's run) when its caller may, at once or later; else refuses it. */
void sg_rights_ask (SgCall *call);
/* Takes the question back, for a caller that vanished. */
void sg_rights_cancel (SgCall *call);
