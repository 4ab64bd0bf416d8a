/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preloaded into a run of sixgate-reconcile: appends every netlink message that it sends to the
 * file $SG_BENCH_TRACE, for bare.c to send again, and at its end writes the most memory that it
 * ever had resident, in KiB, to the file $SG_BENCH_PEAK. (getrusage() would also count what the
 * process was before it executed the program.) */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "trace.h"

ssize_t
sendto (int fd, const void *data, size_t len, int flags, const struct sockaddr *to,
        socklen_t to_len)
{
    ssize_t (*real) (int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        (ssize_t (*) (int, const void *, size_t, int, const struct sockaddr *, socklen_t)) dlsym (
            RTLD_NEXT, "sendto");
    const char *trace = getenv ("SG_BENCH_TRACE");
    int domain = 0, protocol = 0;
    socklen_t size = sizeof domain;

    getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    size = sizeof protocol;
    getsockopt (fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
    if (domain == AF_NETLINK && trace) {
        int file = open (trace, O_WRONLY | O_APPEND | O_CREAT, 0600);
        TraceRecord record = {(uint32_t) protocol, (uint32_t) len};

        if (file < 0 || write (file, &record, sizeof record) != sizeof record ||
            write (file, data, len) != (ssize_t) len)
            abort ();
        close (file);
    }
    return real (fd, data, len, flags, to, to_len);
}

static void __attribute__ ((destructor)) write_peak (void)
{
    const char *path = getenv ("SG_BENCH_PEAK");
    FILE *status = path ? fopen ("/proc/self/status", "re") : NULL;
    FILE *peak = path ? fopen (path, "we") : NULL;
    char line[256];

    while (status && peak && fgets (line, sizeof line, status)) {
        unsigned kib;

        if (sscanf (line, "VmHWM: %u kB", &kib) == 1)
            fprintf (peak, "%u\n", kib);
    }
    if (peak)
        fclose (peak);
    if (status)
        fclose (status);
}
