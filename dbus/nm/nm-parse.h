/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* NetworkManager's answer to GetManagedObjects, as plain values. Works on memory alone. */
#pragma once

#include <systemd/sd-bus.h>

#include "core/snapshot.h"

/* Reads @reply (a{oa{sa{sv}}}, rewound) and appends a SgDevice to @devices for each device that
 * is an interface of the kernel, sorted by name. Objects, interfaces and properties that are of
 * no use here are skipped. @ret_state is SG_NM_STARTING as long as the manager says so, or does
 * not say. SG_ERROR_FAILED when the message is not what NetworkManager documents; @devices may
 * then hold a part. */
bool sg_nm_parse_objects (sd_bus_message *reply, GArray *devices, SgNmState *ret_state,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
