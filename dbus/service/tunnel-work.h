/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tunnel role is asked for, as works (worker.h): the file and NetworkManager's profile; the
 * kernel follows in the service. */
#pragma once

#include "worker.h"

/* What a change answers: the IPv4 of the device that was made, or "", warnings, and whether
 * NetworkManager's profile was made for it. */
#define SG_WORK_TUNNEL "(&s^a&sb)"

/* Whatever the method is. */
GVariant *sg_work_tunnel (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                          GError **error);
GVariant *sg_work_undo_tunnel (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                               GError **error);
/* words: the endpoint, or "". Changes nothing, and needs no lock. Answers the file, a string. */
GVariant *sg_work_show_config (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                               GError **error);
/* The state, keys included, as its file has it; "": there is no tunnel role. Changes nothing. */
GVariant *sg_work_export_tunnel (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                                 GError **error);
