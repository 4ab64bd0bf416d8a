/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the commands for people (sixgate-gateway, sixgate-tunnel) begin and end. */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* A person waits: the lock and NetworkManager get more time than in an event. */
#define SG_COMMAND_TIMEOUT_MIN_MS 10000u

/* First of all: files are for root only, a closed pipe is an error of write(2), words go to the log. */
void sg_command_begin (void);
/* Takes the options out of the words; a wrong one is SG_ERROR_INVALID_ARGUMENT. */
bool sg_command_parse (GOptionContext *context, int *argc, char ***argv, GError **error);
/* The exit status. Without @error: says @warnings (of char *), and with @changes has the kernel follow;
 * with one (taken over), says why. */
int sg_command_end (GError *error, bool changes, const GPtrArray *warnings);
