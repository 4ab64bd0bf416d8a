/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WireGuard gateway as a profile of NetworkManager, in the form it has on the bus: a{sa{sv}}.
 * The editor plugin makes an NMConnection of it, the service hands it to AddConnection2. */
#pragma once

#include "core/wg-conf.h"

/* The profile of a native wireguard gateway named @interface (its id, too), the type as in @conf.
 * @uuid may be NULL: then none is in it. What of the configuration does not have its usual effect
 * is appended to @warnings (of char *), one sentence each. The value holds keys, which GVariant
 * does not wipe: keep it short. Owned by the caller, not floating. */
GVariant *sg_profile_new (const SgWgConf *conf, const char *interface, const char *uuid,
                          GPtrArray *warnings);

/* The way back, of a profile made by us or by anybody; keys are in the result as far as @profile
 * has them. SG_ERROR_INVALID_ARGUMENT when it is not of type wireguard or holds a value that no
 * WireGuard configuration can have. */
SgWgConf *sg_profile_read (GVariant *profile, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A name for the interface of a gateway that is imported from @file (a path): that of the file
 * without folder and ".conf", when wg-quick would take it and it is not in @taken (a set of
 * strings: links, interface names of profiles), else the first free of wg0, wg1, … Owned by the
 * caller. */
char *sg_profile_choose_name (const char *file, GHashTable *taken);
