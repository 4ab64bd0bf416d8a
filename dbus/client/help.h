/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --help. */
#pragma once

#include "command.h"

/* All commands, or those of @group (NULL: all). */
void sg_help_overview (const SgCommand *const *groups, size_t n, const char *group);
void sg_help_command (const SgCommand *command);
