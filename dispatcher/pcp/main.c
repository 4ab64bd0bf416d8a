/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-pcp: answers devices that open ports of their own (RFC 6887). systemd holds the socket, starts
 * it with the first request, and it ends when there are no more. */
#include <errno.h>
#include <locale.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/error.h"
#include "base/log.h"
#include "base/privileges.h"
#include "core/contract.h"
#include "datagrams.h"
#include "mappings.h"
#include "pass/files.h"

/* Ends after so long without a request. */
#define IDLE_MS 10000
/* How often a batch is asked again when somebody else changed the ruleset meanwhile. */
#define TRIES_MAX 5

typedef struct {
    int fd;
    const char *interface; /* the devices' link */
    SgMappings *mappings;
    SgDatagram *datagrams; /* SG_DATAGRAMS_MAX */
    GArray *changes;       /* of SgPcpChange */
} Server;

/* ---- announcements (RFC 6887, section 14.1.3) ---- */

static void
announce_from (const Server *server, const GArray *clients, const struct in6_pktinfo *local)
{
    uint64_t age = sg_mappings_now () - sg_pcp_server_epoch (sg_mappings_server (server->mappings));

    for (guint first = 0; first < clients->len; first += SG_DATAGRAMS_MAX) {
        guint n = MIN (clients->len - first, SG_DATAGRAMS_MAX);

        for (guint i = 0; i < n; i++) {
            SgDatagram *datagram = &server->datagrams[i];

            datagram->peer = (struct sockaddr_in6) {
                .sin6_family = AF_INET6, .sin6_port = GUINT16_TO_BE (SG_PCP_CLIENT_PORT)};
            memcpy (&datagram->peer.sin6_addr, g_array_index (clients, SgIp, first + i).bytes, 16);
            datagram->local = *local;
            datagram->answer_len = sg_pcp_put_announce ((uint32_t) (age / 1000), datagram->answer);
        }
        sg_datagrams_send (server->fd, server->datagrams, (int) n);
    }
}

/* From both addresses that clients know us by. */
static void
announce (const Server *server)
{
    g_autoptr (GArray) clients = sg_mappings_clients (server->mappings);
    struct in6_pktinfo local = {0};
    SgIp anycast = {0};

    announce_from (server, clients, &local);
    if (sg_ip_parse (SG_PCP_ANYCAST, &anycast)) {
        memcpy (&local.ipi6_addr, anycast.bytes, 16);
        announce_from (server, clients, &local);
    }
}

/* ---- where requests come from ---- */

/* BindToDevice= of systemd takes no instance name, so the socket is bound here, for as long as systemd holds
 * it. One that is bound already stays (only CAP_NET_RAW may change that): decide() looks in any case. */
static void
bind_to_tunnel (const Server *server)
{
    (void) setsockopt (server->fd, SOL_SOCKET, SO_BINDTODEVICE, server->interface,
                       (socklen_t) strlen (server->interface));
}

/* On another link anybody can write a device's address into a packet. */
static bool
came_by (const SgDatagram *datagram, unsigned link)
{
    return link != 0 && datagram->local.ipi6_ifindex == link;
}

/* ---- requests ---- */

static bool
refresh (const Server *server, GError **error)
{
    bool lost;

    if (!sg_mappings_refresh (server->mappings, &lost, error))
        return false;
    if (lost)
        announce (server);
    return true;
}

static void
decide (const Server *server, int n)
{
    uint64_t now = sg_mappings_now ();
    unsigned link = if_nametoindex (server->interface);

    g_array_set_size (server->changes, 0);
    for (int i = 0; i < n; i++) {
        SgDatagram *datagram = &server->datagrams[i];
        SgPcpDatagram question = {sg_ip_from_bytes (AF_INET6, &datagram->peer.sin6_addr),
                                  datagram->request, datagram->request_len, now};

        datagram->answer_len =
            came_by (datagram, link)
                ? sg_pcp_server_answer (sg_mappings_server (server->mappings), &question,
                                        datagram->answer, server->changes)
                : 0;
    }
}

/* One batch: all of it is in force before the first answer leaves. Without an answer clients ask
 * again (section 8.1.1). */
static bool
serve (const Server *server, int n, GError **error)
{
    g_autoptr (GError) failure = NULL;

    for (int try = 0; try < TRIES_MAX; try++) {
        g_clear_error (&failure);
        if (refresh (server, &failure)) {
            decide (server, n);
            if (sg_mappings_commit (server->mappings, server->changes, &failure)) {
                sg_datagrams_send (server->fd, server->datagrams, n);
                return true;
            }
        }
        if (!g_error_matches (failure, SG_ERROR, SG_ERROR_BUSY))
            break;
    }
    g_propagate_error (error, g_steal_pointer (&failure));
    return false;
}

/* What cannot be answered now is not to start us again and again: clients ask once more, later. */
static void
drop_requests (const Server *server)
{
    while (sg_datagrams_receive (server->fd, server->datagrams) > 0)
        continue;
}

static bool
run (const Server *server, GError **error)
{
    struct pollfd ready = {server->fd, POLLIN, 0};

    if (!refresh (server, error))
        return false;
    for (;;) {
        int n = poll (&ready, 1, IDLE_MS);

        if (n == 0)
            return true;
        if (n > 0)
            n = sg_datagrams_receive (server->fd, server->datagrams);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            g_set_error (error, SG_ERROR, SG_ERROR_FAILED, "receive requests: %s",
                         g_strerror (errno));
            return false;
        }
        if (n > 0 && !serve (server, n, error))
            return false;
    }
}

int
main (int argc, char **argv)
{
    g_autofree SgDatagram *datagrams = g_new0 (SgDatagram, SG_DATAGRAMS_MAX);
    g_autoptr (GArray) changes =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ FALSE, sizeof (SgPcpChange));
    g_autoptr (SgMappings) mappings = NULL;
    g_autoptr (GError) error = NULL;
    Server server = {SD_LISTEN_FDS_START, NULL, NULL, datagrams, changes};
    SgConfig *config;

    setlocale (LC_ALL, "");
    sg_log_init ();
    if (sd_listen_fds (/* unset_environment= */ 1) != 1 ||
        sd_is_socket (SD_LISTEN_FDS_START, AF_INET6, SOCK_DGRAM, -1) <= 0)
        g_set_error (&error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "this is started by systemd, with sixgate-pcp@.socket");
    else if (sg_privileges_drop (&error) && (config = sg_files_load_config (&error)) &&
             (mappings = sg_mappings_open (config, &error))) {
        server.mappings = mappings;
        server.interface = config->tunnel_interface; /* of @mappings now */
        bind_to_tunnel (&server);
        if (!run (&server, &error))
            drop_requests (&server);
    }
    if (!error)
        return 0;
    sg_log_failure (error);
    return sg_error_exit_status (error);
}
