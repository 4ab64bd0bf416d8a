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

/* @profile, with what @conf says in the place of what the file before it said: uuid, name,
 * everything that people added stay. The type of the gateway stays, too, and becomes that of @conf;
 * a profile that says none takes it from there. Where the routing is NetworkManager's own (imported as `type
 * wireguard`), it stays so. Warnings as above; owned by the caller, not floating. */
GVariant *sg_profile_update (GVariant *profile, SgWgConf *conf, GPtrArray *warnings);
/* The same with nothing but another type. */
GVariant *sg_profile_set_type (GVariant *profile, SgWgType type, GError **error);

/* @profile with the keys of @secrets, both a{sa{sv}} as NetworkManager gives them to GetSettings
 * and GetSecrets. Owned by the caller, not floating. */
GVariant *sg_profile_add_secrets (GVariant *profile, GVariant *secrets);

/* Whether two profiles, keys included, are the same, but for when they were last active. */
bool sg_profile_equal (GVariant *a, GVariant *b);

/* What differs between the profile of a link that is up and the @new one, and only NetworkManager
 * can bring there: "SETTING.PROPERTY" each, appended to @waits (of char *). */
void sg_profile_compare (GVariant *old, GVariant *new, GPtrArray *waits);

/* A name for the interface of a gateway that is imported from @file (a path): that of the file
 * without folder and ".conf", when wg-quick would take it and it is not in @taken (a set of
 * strings: links, interface names of profiles), else the first free of wg0, wg1, … Owned by the
 * caller. */
char *sg_profile_choose_name (const char *file, GHashTable *taken);
/* Whether an interface of a gateway can have that name. */
bool sg_profile_name_is_usable (const char *name);
/* The mark of @profile as it is there; 0: none is said. */
uint32_t sg_profile_fwmark (GVariant *profile);
