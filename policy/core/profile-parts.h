/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of profile.h share. */
#pragma once

#include "core/profile.h"

/* Both ways through the table of properties: what a profile is made of, and what is read of one. */
typedef struct {
    const SgWgConf *given; /* when writing */
    SgWgConf *conf;        /* when reading: what is filled in */
    const char *interface, *uuid;
} SgProfileDraft;

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

/* The name servers of @conf that its profile keeps but does not use, owned by the caller; NULL:
 * none. */
char *sg_profile_unused_dns (const SgWgConf *conf);
