/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sockets of programs (linux/sock_diag.h, linux/inet_diag.h): those whose address is no longer the
 * host's, or is another gateway's now, wait for answers that cannot come. */
#pragma once

#include <linux/inet_diag.h>

#include "kernel/nl-socket.h"

/* What a socket is known by, and its own address. */
typedef struct {
    uint8_t family;   /* of the socket: AF_INET6 ones may carry IPv4 */
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    struct inet_diag_sockid id;
    SgIp source;    /* AF_UNSPEC: none */
    bool connected; /* it has a far end */
} SgSocket;

/* Reads one answer to a request for sockets of @protocol. SG_ERROR_KERNEL when it is malformed. */
bool sg_sock_diag_parse (const struct nlmsghdr *nlh, uint8_t protocol, SgSocket *ret_socket,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes the TCP and UDP sockets that are connected from @source, whoever owns them: their programs
 * get ECONNABORTED. Listeners stay. A kernel that cannot (CONFIG_INET_DIAG_DESTROY) is no
 * failure: the guard drops what they send. @sock is of NETLINK_SOCK_DIAG. */
bool sg_sock_diag_close (SgNlSocket *sock, const SgIp *source,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
