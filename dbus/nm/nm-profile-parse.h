/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkManager's answers about one profile, as plain values. Works on memory alone. */
#pragma once

#include <systemd/sd-bus.h>

#include "core/snapshot.h"

/* Reads the answer to GetSettings (a{sa{sv}}, rewound) and adds to @profile what repair needs of
 * it, and its type. Everything else is skipped. SG_ERROR_FAILED when it is not what NetworkManager documents;
 * @profile may then hold a part. */
bool sg_nm_parse_profile (sd_bus_message *reply, SgWireguardProfile *profile,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A profile in short. */
typedef struct {
    char *interface; /* that it is for; "" = any */
    char *kind;      /* as in SgDevice.kind, where both have the word; "" = not said */
    char *uuid;
    char *type; /* SG_USER_TYPE; "" = not said */
    bool stale; /* it was changed since: to be read anew */
} SgNmSummary;

void sg_nm_summary_free (SgNmSummary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNmSummary, sg_nm_summary_free)

/* The same answer in short. Owned by the caller; NULL as above. */
SgNmSummary *sg_nm_parse_summary (sd_bus_message *reply, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Reads the answer to GetSecrets("wireguard") and puts the preshared keys in it on @keyring, as
 * those of peers of the link @ifindex. As above; no message holds a key. */
bool sg_nm_parse_secrets (sd_bus_message *reply, uint32_t ifindex, SgKeyring *keyring,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
