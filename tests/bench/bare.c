/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare exchange: sends the messages of a trace as they are and reads every answer, with as
 * few system calls as the socket allows; decides nothing, looks at nothing but the end of each
 * answer (a table that is not there yet is answered by an error, as it should be). What
 * sixgate-reconcile is measured against.
 *
 *     bare TRACE     (an empty one: what a process costs that does nothing) */
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define FAMILIES 32
#define BUFFER (64 * 1024)

static void
die (const char *what)
{
    perror (what);
    exit (1);
}

static int
socket_for (uint32_t family)
{
    static int sockets[FAMILIES];
    int size = 4 << 20, on = 1;

    if (family >= FAMILIES)
        die ("bad trace");
    if (!sockets[family]) {
        int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int) family);

        if (fd < 0)
            die ("socket");
        setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
        setsockopt (fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
        setsockopt (fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        sockets[family] = fd;
    }
    return sockets[family];
}

/* How many answers the messages have: an end of a dump, an acknowledgement. */
static unsigned
count_answers (const char *data, uint32_t len)
{
    unsigned answers = 0;

    for (uint32_t at = 0; at + NLMSG_HDRLEN <= len;) {
        const struct nlmsghdr *nlh = (const void *) (data + at);
        bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

        answers += dump || (nlh->nlmsg_flags & NLM_F_ACK);
        at += NLMSG_ALIGN (nlh->nlmsg_len);
    }
    return answers;
}

static void
read_answers (int fd, unsigned answers)
{
    static char buffers[64][BUFFER / 2];
    struct mmsghdr headers[64] = {0};
    struct iovec parts[64];

    for (int i = 0; i < 64; i++) {
        parts[i] = (struct iovec) {buffers[i], sizeof buffers[i]};
        headers[i].msg_hdr = (struct msghdr) {.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (answers) {
        int n = recvmmsg (fd, headers, 64, MSG_WAITFORONE, NULL);

        if (n < 0)
            die ("recvmmsg");
        for (int i = 0; i < n; i++) {
            unsigned left = headers[i].msg_len;

            for (struct nlmsghdr *nlh = (void *) buffers[i]; NLMSG_OK (nlh, left);
                 nlh = NLMSG_NEXT (nlh, left)) {
                answers -= nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR;
            }
        }
    }
}

int
main (int argc, char **argv)
{
    int file = argc == 2 ? open (argv[1], O_RDONLY) : -1;
    struct stat st;
    const char *trace;

    if (file < 0 || fstat (file, &st) < 0)
        die ("trace");
    if (st.st_size == 0)
        return 0;
    trace = mmap (NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (trace == MAP_FAILED)
        die ("mmap");
    for (off_t at = 0; at < st.st_size;) {
        TraceRecord record;
        const char *data = trace + at + sizeof record;
        struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
        unsigned answers;
        int fd;

        memcpy (&record, trace + at, sizeof record);
        at += (off_t) (sizeof record + record.len);
        fd = socket_for (record.family);
        answers = count_answers (data, record.len);
        if (sendto (fd, data, record.len, 0, (void *) &kernel, sizeof kernel) < 0)
            die ("sendto");
        read_answers (fd, answers);
    }
    return 0;
}
