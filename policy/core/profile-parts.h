/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of profile.h share. */
#pragma once

#include "core/profile.h"

/* Whether @value of the property @name is of @type; an error when not. */
bool sg_profile_expect_type (const char *name, GVariant *value, const char *type,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The property wireguard.peers, floating; and back into @conf. */
GVariant *sg_profile_peers_write (const SgWgConf *conf);
bool sg_profile_peers_read (GVariant *value, SgWgConf *conf,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
