/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of profile.h share. */
#pragma once

#include "core/profile.h"

/* Both ways through the table of properties: what a profile is made of, and what is read of one. */
typedef struct {
    const SgWgConf *given; /* when writing */
    SgWgConf *conf;        /* when reading: what is filled in */
    const char *interface, *uuid;
    /* When writing: NetworkManager's own routing goes with this profile. Allowed IPs stay as they
     * are, and without a mark in @given it picks one. */
    bool verbatim;
} SgProfileDraft;

/* When a change of a property takes effect on a link that is up (core/profile-update.c). */
typedef enum {
    SG_PROFILE_LIVE,        /* we bring it to the kernel */
    SG_PROFILE_LIVE_IF_SET, /* … a value; what its absence means only NetworkManager decides */
    SG_PROFILE_WAITS,       /* only NetworkManager brings it anywhere: with the next activation */
} SgProfileEffect;

/* A row of the table of properties. Either a constant (the text of a GVariant) or a function, and
 * one for the way back where what it says is not ours to decide. */
typedef struct {
    const char *setting, *name, *type;
    const char *constant;
    uint8_t family;
    GVariant *(*get) (const SgProfileDraft *draft, uint8_t family);
    bool (*set) (SgProfileDraft *draft, GVariant *value, GError **error);
    SgProfileEffect effect;
} SgProfileProperty;

/* The table; rows of one setting stand together. */
const SgProfileProperty *sg_profile_properties (size_t *ret_n);
/* What the row makes of @draft; NULL: not in the profile. Owned by the caller, not floating. */
GVariant *sg_profile_value (const SgProfileProperty *property, const SgProfileDraft *draft);
/* The value of a property of @profile; NULL when it has none. Owned by the caller. */
GVariant *sg_profile_lookup (GVariant *profile, const char *setting, const char *name);
/* A string that is wiped when the value is freed: a key. Floating. */
GVariant *sg_profile_secret (const char *text);
/* Appends the sentence about name servers that are kept and not used, where there are any. */
void sg_profile_warn_unused_dns (const SgWgConf *conf, const char *interface, GPtrArray *warnings);

/* Whether @value of the property @name is of @type; an error when not. */
bool sg_profile_expect_type (const char *name, GVariant *value, const char *type,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Functions of the table. A getter returns a floating value, or NULL for none; @family is that of
 * the setting, where it has one. */
GVariant *sg_profile_get_dns (const SgProfileDraft *draft, uint8_t family);
bool sg_profile_set_dns (SgProfileDraft *draft, GVariant *value, GError **error);
GVariant *sg_profile_get_dns_search (const SgProfileDraft *draft, uint8_t family);
bool sg_profile_set_dns_search (SgProfileDraft *draft, GVariant *value, GError **error);
GVariant *sg_profile_get_dns_priority (const SgProfileDraft *draft, uint8_t family);
GVariant *sg_profile_get_user (const SgProfileDraft *draft, uint8_t family);
bool sg_profile_set_user (SgProfileDraft *draft, GVariant *value, GError **error);
GVariant *sg_profile_get_peers (const SgProfileDraft *draft, uint8_t family);
bool sg_profile_set_peers (SgProfileDraft *draft, GVariant *value, GError **error);
