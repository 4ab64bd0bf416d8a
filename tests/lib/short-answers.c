/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into a program: the kernel's netlink answer number SG_ANSWER (from 1) is cut or
 * changed as SG_ANSWER_FAULT says: half, last (one byte less), header (8 bytes), length (the first
 * message says too much), zero, noise (some bytes behind the first header). How many answers came
 * is written to the file SG_ANSWERS. Everything else goes on as ever. */
#include <dlfcn.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

static int answers;

static int
is_netlink (int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;

    return getsockname (fd, (struct sockaddr *) &address, &size) == 0 &&
           address.ss_family == AF_NETLINK;
}

static ssize_t
spoil (const char *fault, uint8_t *data, ssize_t n)
{
    uint32_t chance = 1;

    if (strcmp (fault, "half") == 0)
        return n / 2;
    if (strcmp (fault, "last") == 0)
        return n - 1;
    if (strcmp (fault, "header") == 0)
        return n < 8 ? n : 8;
    if (strcmp (fault, "length") == 0)
        memset (data, 0xff, 4);
    else if (strcmp (fault, "zero") == 0)
        memset (data, 0, (size_t) n);
    else
        for (ssize_t i = NLMSG_HDRLEN; i < n; i++) {
            chance = chance * 1103515245u + 12345u;
            if (chance >> 29 == 0)
                data[i] ^= (uint8_t) (chance >> 16);
        }
    return n;
}

/* The length that the program is told of an answer of @n bytes. */
static ssize_t
pass_on (const struct msghdr *message, ssize_t n)
{
    const char *wanted = getenv ("SG_ANSWER");
    const char *fault = getenv ("SG_ANSWER_FAULT");

    answers++;
    if (!wanted || !fault || atoi (wanted) != answers || (size_t) n > message->msg_iov[0].iov_len)
        return n;
    return spoil (fault, message->msg_iov[0].iov_base, n);
}

ssize_t
recvmsg (int fd, struct msghdr *message, int flags)
{
    static ssize_t (*real) (int, struct msghdr *, int);
    ssize_t n;

    if (!real)
        *(void **) &real = dlsym (RTLD_NEXT, "recvmsg");
    n = real (fd, message, flags);
    return n <= 0 || message->msg_iovlen == 0 || !is_netlink (fd) ? n : pass_on (message, n);
}

int
recvmmsg (int fd, struct mmsghdr *messages, unsigned int most, int flags, struct timespec *timeout)
{
    static int (*real) (int, struct mmsghdr *, unsigned int, int, struct timespec *);
    int n;

    if (!real)
        *(void **) &real = dlsym (RTLD_NEXT, "recvmmsg");
    n = real (fd, messages, most, flags, timeout);
    for (int i = 0; i < n && is_netlink (fd); i++)
        messages[i].msg_len =
            (unsigned int) pass_on (&messages[i].msg_hdr, (ssize_t) messages[i].msg_len);
    return n;
}

__attribute__ ((destructor)) static void
report (void)
{
    const char *path = getenv ("SG_ANSWERS");
    FILE *file = path ? fopen (path, "w") : NULL;

    if (!file)
        return;
    fprintf (file, "%d\n", answers);
    fclose (file);
}
