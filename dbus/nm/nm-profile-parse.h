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

/* Reads the answer to GetSecrets("wireguard") and puts the preshared keys in it on @keyring, as
 * those of peers of the link @ifindex. As above; no message holds a key. */
bool sg_nm_parse_secrets (sd_bus_message *reply, uint32_t ifindex, SgKeyring *keyring,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
