/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random hosts, as text for lib/situation: lines, each there or not. One world reads as one of
 * IPv6 or as its twin of IPv4. */
#pragma once

#include "core/gateway.h"

#define SG_WORLD_LINES_MAX 80

typedef struct {
    uint8_t rolls[SG_WORLD_LINES_MAX];
    uint8_t outbound, override, manager;
} SgWorld;

/* Rolls each part of @world again with a probability of @percent. */
void sg_world_roll (SgWorld *world, int percent);
char *sg_world_text (const SgWorld *world, SgFamily family);

/* A line, or several, as @family has it, which is given as of IPv6; NULL: there is no such thing
 * (privacy addresses, router preferences). */
char *sg_world_in_family (const char *line, SgFamily family);
/* A destination or source as the family has it: @ipv6 as the lines of the worlds name it. */
SgIp sg_world_ip (const char *ipv6, SgFamily family);

/* The source that may have a gateway of its own. */
#define SG_WORLD_BOUND "fd00:7::2"
/* A container, in the network of br0. */
#define SG_WORLD_INSIDE "fd00:7::99"
/* Destinations that no line makes local: the Internet; behind an injected route; on a prefix that
 * was announced after the choice. */
#define SG_WORLD_STRANGERS 3
extern const char *const sg_world_strangers[SG_WORLD_STRANGERS];
