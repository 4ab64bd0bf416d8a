/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of the PCP server. */
#pragma once

#include "core/pcp-server.h"

typedef struct {
    SgIp ip;
    bool allowed;
    const GPtrArray *pinholes; /* of SgPinhole, borrowed */
    GArray *mappings;          /* of SgPcpMapping, in no order */
    uint64_t rate_ms;          /* when its requests were counted last */
    uint32_t credit;           /* thousandths of requests that it may make at once */
} SgPcpDevice;

/* What a request is decided with. */
typedef struct {
    SgPcpDevice *device;
    const SgPcpRequest *request;
    uint64_t now_ms;
    GArray *changes;
} SgPcpCall;

/* Carries out a MAP: what was granted, or why not and for how long. */
SgPcpResult sg_pcp_map (const SgPcpCall *call, SgPcpMapAnswer *ret_map, uint32_t *ret_lifetime);
