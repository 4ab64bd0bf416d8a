/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams in batches: one system call receives, one sends. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/pcp-message.h"

#define SG_DATAGRAMS_MAX 256

/* A request, and its answer: sent from the address that was asked. */
typedef struct {
    struct sockaddr_in6 peer;
    struct in6_pktinfo local;
    uint8_t request[SG_PCP_MESSAGE_MAX + 4]; /* one that is too long stays so */
    size_t request_len;
    uint8_t answer[SG_PCP_MESSAGE_MAX];
    size_t answer_len; /* 0: none */
} SgDatagram;

/* Receives what is there, at most SG_DATAGRAMS_MAX; how many, or -1 with errno set. */
int sg_datagrams_receive (int fd, SgDatagram *datagrams);
/* Sends the answers among @n. What the kernel does not take is lost, as datagrams may be. */
void sg_datagrams_send (int fd, SgDatagram *datagrams, int n);
