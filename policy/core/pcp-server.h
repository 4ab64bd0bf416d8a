/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PCP server of a firewall (RFC 6887) as a value: devices, their rights and mappings; a datagram
 * and the time in, an answer and the changes of mappings out. A mapping belongs to the address that
 * asked for it; that address is external and internal at once. */
#pragma once

#include "core/pcp-message.h"
#include "core/tunnel.h"

/* What a device may have and do. */
#define SG_PCP_PORTS_MAX 256u    /* open by PCP at once */
#define SG_PCP_LIFETIME_MIN 120u /* seconds (section 15) */
#define SG_PCP_LIFETIME_MAX 86400u
#define SG_PCP_RATE_BURST 500u  /* requests at once… */
#define SG_PCP_RATE_SECOND 100u /* …and a second after that; more are not answered */
/* So much later than its lifetime says a mapping is forgotten: the kernel has then, surely. */
#define SG_PCP_GRACE_MS 1000u

/* Ports that a device opened: @size from @external on lead to as many from @internal on. */
typedef struct {
    uint8_t nonce[SG_PCP_NONCE_LEN];
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint8_t n_filters;
    uint16_t internal;
    uint16_t external;
    uint16_t size;
    uint64_t expires_ms; /* of the caller's clock */
    SgPcpFilter filters[SG_PCP_FILTERS_MAX];
} SgPcpMapping;

/* A mapping before and after: @had only, it is gone; @has only, it is new; both, it was renewed. */
typedef struct {
    SgIp device;
    bool had, has;
    SgPcpMapping old, new;
} SgPcpChange;

typedef struct SgPcpServer SgPcpServer;

/* A server that has no mapping since @epoch_ms of the caller's clock (section 8.5). */
SgPcpServer *sg_pcp_server_new (uint64_t epoch_ms);
void sg_pcp_server_free (SgPcpServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgPcpServer, sg_pcp_server_free)

uint64_t sg_pcp_server_epoch (const SgPcpServer *server);
/* Mappings were lost: clients learn it by the epoch. */
void sg_pcp_server_reset_epoch (SgPcpServer *server, uint64_t now_ms);

/* Makes a device known; @allowed: may open ports. @pinholes (of SgPinhole, borrowed): those that it has
 * by hand. */
void sg_pcp_server_add_device (SgPcpServer *server, const SgIp *ip, bool allowed,
                               const GPtrArray *pinholes);
/* The same for each device of @tunnel that has an IPv6 address; @tunnel has to outlive @server. */
void sg_pcp_server_add_tunnel (SgPcpServer *server, const SgTunnel *tunnel);
/* A mapping from before, in place of the one at its internal port, if any. False where the device is
 * not known or may not have it. */
bool sg_pcp_server_restore (SgPcpServer *server, const SgIp *device, const SgPcpMapping *mapping);
/* The mapping of that internal port is no more. */
void sg_pcp_server_forget (SgPcpServer *server, const SgIp *device, const SgPcpMapping *mapping);
/* Calls @each for every mapping that is not forgotten yet. */
typedef void (*SgPcpEach) (const SgIp *device, const SgPcpMapping *mapping, void *data);
void sg_pcp_server_foreach (const SgPcpServer *server, uint64_t now_ms, SgPcpEach each, void *data);

typedef struct {
    SgIp source;
    const uint8_t *bytes;
    size_t len;
    uint64_t now_ms;
} SgPcpDatagram;

/* Answers a datagram: the length of @answer, 0 for silence. What it changed, if anything, is appended to
 * @changes (of SgPcpChange) and done in @server already. */
size_t sg_pcp_server_answer (SgPcpServer *server, const SgPcpDatagram *datagram,
                             uint8_t answer[SG_PCP_MESSAGE_MAX], GArray *changes);
