/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of gateway-ops.h share. */
#pragma once

#include "core/wg-conf.h"
#include "nm/nm-connection.h"

/* sg_nm_bus_open(), with an SG_ERROR_FAILED. */
bool sg_gateway_bus_open (SgNmBus *ret_bus, uint32_t timeout_ms,
                          GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Appends what the parser of @conf had to say. */
void sg_gateway_take_warnings (const SgWgConf *conf, GPtrArray *warnings);
