/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A netlink socket that cannot hang, lose an acknowledgement or accept a torn dump. */
#pragma once

#include <linux/netlink.h>

#include "kernel/kernel.h"

typedef struct SgNlSocket SgNlSocket;

/* Opens a socket of netlink family @bus (NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_GENERIC) in
 * the caller's network namespace: close-on-exec, extended and capped acknowledgements, strict
 * checking of dump requests, a large receive buffer and a receive timeout. What crosses it is
 * counted in @stats, which must outlive it. SG_ERROR_KERNEL. */
SgNlSocket *sg_nl_socket_open (int bus, SgKernelStats *stats,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_nl_socket_close (SgNlSocket *sock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNlSocket, sg_nl_socket_close)

/* Overwrites the receive buffer: call it after answers that held a secret. */
void sg_nl_socket_wipe (SgNlSocket *sock);

/* ---- reading ---- */

/* Who takes the answers to a request. */
typedef struct {
    /* One message (never an error, acknowledgement or end of dump); lies wholly in memory.
     * False with @error set gives up. */
    bool (*message) (const struct nlmsghdr *nlh, void *data, GError **error);
    /* What was handed over so far is void: forget it, it comes again. May be NULL when there
     * is nothing to forget. */
    void (*reset) (void *data);
    void *data;
    /* For dumps that the kernel does not mark when somebody writes meanwhile (rules, routes): the
     * multicast group (RTNLGRP_*) that tells of it. Such a dump, when it comes in several pieces,
     * is repeated while listening to the group, and counts when nothing was heard. 0: the kernel
     * marks them. */
    int group;
    /* Of what may never rest (routes, beside a routing daemon): when something was heard during
     * each of a few tries, one is taken as it is. What it missed, the next run puts right; no run
     * at all would be worse. */
    bool restless;
} SgNlReader;

/* Sends @request (a whole message; its sequence number, port, NLM_F_REQUEST and, unless it is a
 * dump, NLM_F_ACK are filled in) and hands every answer to @reader. A dump that was interrupted
 * is repeated from the start, a bounded number of times: then SG_ERROR_BUSY. ENOENT and ENODEV
 * are SG_ERROR_NOT_FOUND, EPERM and EACCES SG_ERROR_PERMISSION, EOPNOTSUPP, EPROTONOSUPPORT and
 * EAFNOSUPPORT SG_ERROR_UNSUPPORTED, anything else SG_ERROR_KERNEL; the text holds the kernel's
 * words, the caller prefixes what it asked for. */
bool sg_nl_socket_read (SgNlSocket *sock, struct nlmsghdr *request, const SgNlReader *reader,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* ---- writing ---- */

/* Messages in one growing buffer. */
typedef struct SgNlBatch SgNlBatch;

SgNlBatch *sg_nl_batch_new (void);
/* Wipes what it held. */
void sg_nl_batch_free (SgNlBatch *batch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgNlBatch, sg_nl_batch_free)

/* Zeroed room of @room bytes (at least) behind the last message, to build the next one in. It
 * moves with the next call. */
struct nlmsghdr *sg_nl_batch_reserve (SgNlBatch *batch, size_t room);
/* Appends the message that was built there: nlmsg_len bytes, at most what was reserved.
 * Its index is the number of messages before it. */
void sg_nl_batch_commit (SgNlBatch *batch);
/* How many messages it holds. */
size_t sg_nl_batch_count (const SgNlBatch *batch);

/* The kernel refused message @index with @errnum (positive); @text is what it said beyond the
 * number, "" for nothing. */
typedef void (*SgNlRefused) (size_t index, int errnum, const char *text, void *data);

/* Sends all messages as requests with NLM_F_ACK, in few large chunks, and reads every
 * acknowledgement; each refused message is reported to @refused, the others are done all the
 * same. False only when the exchange itself broke (SG_ERROR_KERNEL): then what was done is not
 * known. Sequence numbers are filled in. */
bool sg_nl_socket_write (SgNlSocket *sock, SgNlBatch *batch, SgNlRefused refused, void *data,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The same for one nfnetlink transaction: all messages, NFNL_MSG_BATCH_BEGIN to
 * NFNL_MSG_BATCH_END included, go in one piece and only their sequence numbers and NLM_F_REQUEST
 * are filled in. The kernel has answered when the call that sends returns, so whatever is not
 * refused by then was accepted; a refusal of the whole is reported for the message that the
 * kernel names (usually the first). */
bool sg_nl_socket_transact (SgNlSocket *sock, SgNlBatch *batch, SgNlRefused refused, void *data,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
