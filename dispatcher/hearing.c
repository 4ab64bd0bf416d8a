/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hearing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/fs.h"
#include "kernel/nl-attr.h"

/* As large as the largest notification; what is longer is cut, and was heard all the same. */
#define READ_SIZE (32u * 1024)
/* Messages taken at once: a flood must not keep us from looking at the clock. */
#define READS_MAX 4096u
/* "comm" of a process, with room (linux/sched.h: TASK_COMM_LEN). */
#define NAME_MAX_BYTES 64u

/* ---- the sockets ---- */

static int
netlink_protocol (int fd)
{
    int domain = 0, protocol = -1;
    socklen_t len = sizeof domain;

    if (getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_NETLINK)
        return -1;
    len = sizeof protocol;
    return getsockopt (fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0 ? -1 : protocol;
}

bool
sg_hearing_open (SgHearing *hearing, GError **error)
{
    int n = sd_listen_fds (/* unset_environment= */ true);

    *hearing = (SgHearing) {.route = -1, .netfilter = -1};
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++) {
        int protocol = netlink_protocol (fd);

        if (protocol == NETLINK_ROUTE)
            hearing->route = fd;
        else if (protocol == NETLINK_NETFILTER)
            hearing->netfilter = fd;
    }
    if (hearing->route >= 0 && hearing->netfilter >= 0)
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                 "systemd passed no socket for %s; sixgate-reconcile.socket and "
                 "sixgate-nftables.socket have to listen",
                 hearing->route < 0 ? "routing" : "nftables");
    return false;
}

static void
close_socket (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

void
sg_hearing_clear (SgHearing *hearing)
{
    close_socket (&hearing->route);
    close_socket (&hearing->netfilter);
    g_clear_pointer (&hearing->who_routing, g_free);
    g_clear_pointer (&hearing->who_nft, g_free);
}

static bool
tune (int fd, const GArray *program, GError **error)
{
    int on = 1;

    if (fd < 0)
        return true;
    if (setsockopt (fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) < 0) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "set NETLINK_NO_ENOBUFS");
        return false;
    }
    return sg_notify_filter_attach (fd, program, error);
}

/* What the unit of the socket leaves out, as IPv4 is off by default: its addresses, routes, rules, and
 * settings such as rp_filter. Memberships stay on the socket too. */
static bool
join_ipv4 (int fd, bool join, GError **error)
{
    static const int groups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE,
                                 RTNLGRP_IPV4_NETCONF};
    int option = join ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP;

    for (size_t i = 0; fd >= 0 && i < G_N_ELEMENTS (groups); i++) {
        if (setsockopt (fd, SOL_NETLINK, option, &groups[i], sizeof groups[i]) < 0) {
            sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "listen to changes of IPv4");
            return false;
        }
    }
    return true;
}

bool
sg_hearing_tune (const SgHearing *hearing, const SgNotifyInterest *interest, GError **error)
{
    g_autoptr (GArray) route = sg_notify_filter_route (interest);
    g_autoptr (GArray) nft = sg_notify_filter_nft (interest);

    return tune (hearing->route, route, error) &&
           join_ipv4 (hearing->route, interest->ipv4, error) &&
           tune (hearing->netfilter, nft, error);
}

/* ---- who it was ---- */

/* The port of a netlink socket is the number of the process that opened it, unless that one has
 * several: a good guess, for a message to a person. */
static char *
name_process (uint32_t port)
{
    g_autofree char *path = g_strdup_printf ("/proc/%u/comm", port);
    char name[NAME_MAX_BYTES];
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read (fd, name, sizeof name - 1);

    if (fd >= 0)
        close (fd);
    if (len <= 0)
        return g_strdup_printf ("process %u, which is gone", port);
    name[len] = '\0';
    return g_strdup_printf ("process %u, “%s”", port, g_strchomp (name));
}

static bool
is_removal (const struct nlmsghdr *nlh, bool nft)
{
    return nft || nlh->nlmsg_type == RTM_DELRULE || nlh->nlmsg_type == RTM_DELROUTE ||
           nlh->nlmsg_type == RTM_DELNEXTHOP;
}

static void
note_who (char **who, const uint8_t *data, size_t len, bool nft)
{
    const struct nlmsghdr *nlh = sg_nl_message_next (&data, &len);
    uint32_t own = (uint32_t) getpid ();

    /* Port 0 is the kernel itself. */
    if (!nlh || nlh->nlmsg_pid == 0 || nlh->nlmsg_pid == own || !is_removal (nlh, nft))
        return;
    g_free (*who);
    *who = name_process (nlh->nlmsg_pid);
}

/* ---- hearing ---- */

static bool
take_all (int fd, char **who, bool nft)
{
    uint8_t buffer[READ_SIZE] __attribute__ ((aligned (NLMSG_ALIGNTO)));
    bool any = false;

    for (unsigned i = 0; i < READS_MAX; i++) {
        ssize_t len = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT);

        if (len < 0 && errno != EINTR && errno != ENOBUFS)
            break;
        any = true;
        /* The first of many will do: looking up each would cost more than the rest. */
        if (len > 0 && i == 0)
            note_who (who, buffer, (size_t) len, nft);
    }
    return any;
}

bool
sg_hearing_wait (SgHearing *hearing, int64_t timeout_ms)
{
    struct pollfd sockets[] = {
        {.fd = hearing->route, .events = POLLIN},
        {.fd = hearing->netfilter, .events = POLLIN},
    };
    bool any = false;

    if (poll (sockets, G_N_ELEMENTS (sockets), (int) CLAMP (timeout_ms, 0, G_MAXINT)) <= 0)
        return false;
    if (sockets[0].revents)
        any = take_all (hearing->route, &hearing->who_routing, /* nft= */ false);
    if (sockets[1].revents)
        any = take_all (hearing->netfilter, &hearing->who_nft, /* nft= */ true) || any;
    return any;
}
