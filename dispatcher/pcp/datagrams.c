/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "datagrams.h"

#include <errno.h>
#include <string.h>

/* Room for IPV6_PKTINFO. */
typedef union {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE (sizeof (struct in6_pktinfo))];
} Control;

typedef struct {
    struct mmsghdr messages[SG_DATAGRAMS_MAX];
    struct iovec parts[SG_DATAGRAMS_MAX];
    Control controls[SG_DATAGRAMS_MAX];
} Batch;

static void
take_local (struct msghdr *message, SgDatagram *datagram)
{
    memset (&datagram->local, 0, sizeof datagram->local);
    for (struct cmsghdr *c = CMSG_FIRSTHDR (message); c; c = CMSG_NXTHDR (message, c)) {
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            memcpy (&datagram->local, CMSG_DATA (c), sizeof datagram->local);
    }
}

int
sg_datagrams_receive (int fd, SgDatagram *datagrams)
{
    static Batch batch;
    int n;

    for (int i = 0; i < SG_DATAGRAMS_MAX; i++) {
        batch.parts[i] = (struct iovec) {datagrams[i].request, sizeof datagrams[i].request};
        batch.messages[i].msg_hdr = (struct msghdr) {.msg_name = &datagrams[i].peer,
                                                     .msg_namelen = sizeof datagrams[i].peer,
                                                     .msg_iov = &batch.parts[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = &batch.controls[i],
                                                     .msg_controllen = sizeof batch.controls[i]};
    }
    n = recvmmsg (fd, batch.messages, SG_DATAGRAMS_MAX, MSG_DONTWAIT, /* timeout= */ NULL);
    for (int i = 0; i < n; i++) {
        datagrams[i].request_len = batch.messages[i].msg_len;
        datagrams[i].answer_len = 0;
        take_local (&batch.messages[i].msg_hdr, &datagrams[i]);
    }
    return n;
}

static void
fill (Batch *batch, int at, SgDatagram *datagram)
{
    struct msghdr *message = &batch->messages[at].msg_hdr;
    struct cmsghdr *c;

    batch->parts[at] = (struct iovec) {datagram->answer, datagram->answer_len};
    memset (&batch->controls[at], 0, sizeof batch->controls[at]);
    *message = (struct msghdr) {.msg_name = &datagram->peer,
                                .msg_namelen = sizeof datagram->peer,
                                .msg_iov = &batch->parts[at],
                                .msg_iovlen = 1,
                                .msg_control = &batch->controls[at],
                                .msg_controllen = sizeof batch->controls[at]};
    c = CMSG_FIRSTHDR (message);
    c->cmsg_level = IPPROTO_IPV6;
    c->cmsg_type = IPV6_PKTINFO;
    c->cmsg_len = CMSG_LEN (sizeof datagram->local);
    memcpy (CMSG_DATA (c), &datagram->local, sizeof datagram->local);
}

void
sg_datagrams_send (int fd, SgDatagram *datagrams, int n)
{
    static Batch batch;
    unsigned total = 0, done = 0;

    for (int i = 0; i < n; i++) {
        if (datagrams[i].answer_len > 0)
            fill (&batch, (int) total++, &datagrams[i]);
    }
    while (done < total) {
        int sent = sendmmsg (fd, batch.messages + done, total - done, MSG_DONTWAIT);

        /* The first of them was not taken: on with the next. */
        if (sent <= 0 && errno != EINTR)
            sent = 1;
        done += (unsigned) MAX (sent, 0);
    }
}
