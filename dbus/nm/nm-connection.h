/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Profiles of NetworkManager, whole: found, read with their keys, added, changed, deleted. Every
 * call is bounded by the deadline of the bus it is given. */
#pragma once

#include "nm/nm-bus.h"

typedef struct {
    char *path; /* its object on the bus */
    char *uuid;
    GVariant *settings; /* a{sa{sv}}, keys included; strings are wiped with it */
    bool active;        /* on a link, or on its way there */
} SgNmProfile;

void sg_nm_profile_free (SgNmProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNmProfile, sg_nm_profile_free)

/* The wireguard profile for the interface @name: the active one, else the only one. NULL with
 * SG_ERROR_NOT_FOUND when there is none, _EXISTS when there are several and none is active,
 * _PERMISSION for who may not read keys (NetworkManager tells root only). */
SgNmProfile *sg_nm_profile_find (const SgNmBus *bus, const char *name,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The one with that uuid. */
SgNmProfile *sg_nm_profile_find_uuid (const SgNmBus *bus, const char *uuid,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Update2: @settings, whole and with keys, in the place of the profile's, on disk. Nothing is
 * applied to a device. SG_ERROR_CONFLICT when the profile is no longer as @profile has it; nothing
 * is changed then. */
bool sg_nm_profile_save (const SgNmBus *bus, const SgNmProfile *profile, GVariant *settings,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same whatever the profile is by now: the way back. */
bool sg_nm_profile_restore (const SgNmBus *bus, const char *path, GVariant *settings,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* AddConnection2, on disk. The new object's path, owned by the caller. */
char *sg_nm_profile_add (const SgNmBus *bus, GVariant *settings,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
bool sg_nm_profile_delete (const SgNmBus *bus, const char *path,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Adds the interface names of all profiles to @names, a set of strings that frees its keys. */
bool sg_nm_profile_names (const SgNmBus *bus, GHashTable *names,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of those only that somebody saved, not of what NetworkManager made up itself (below /run); "" stands for
 * one of ethernet that names no interface. */
bool sg_nm_profile_saved_names (const SgNmBus *bus, GHashTable *names,
                                GError **error) G_GNUC_WARN_UNUSED_RESULT;
