/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "leak.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/contract.h"
#include "core/explain.h"
#include "kernel/nft-counter.h"

#define DESTINATION "3fff:fff::1"
#define DISCARD_PORT 9
/* The guard resets a refused connect() at once; what waits this long was sent. */
#define PATIENCE_MS 500

typedef struct {
    const SgSnapshot *snapshot;
    const SgWanted *wanted;
    const SgGateway *selected; /* NULL: it is not there */
    SgNlSocket *sock;          /* of netfilter */
    const char *table;         /* ours */
    SgDoctorFacts *facts;
    GError **error; /* set: the guard's counters cannot be read, nothing more is tried */
} Test;

static struct sockaddr_in6
to_socket_address (const SgIp *ip, uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons (port)};

    memcpy (&address.sin6_addr, ip->bytes, sizeof address.sin6_addr);
    return address;
}

/* A socket as @flow says; -1: there can be none, nothing can leave by it. */
static int
open_socket (const Test *test, const SgFlow *flow, int type)
{
    int fd = socket (AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), hops = 1;
    const char *device = sg_snapshot_link_name (flow->bound, test->snapshot);
    struct sockaddr_in6 from = to_socket_address (&flow->src, 0);
    bool ready =
        fd >= 0 && setsockopt (fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof hops) == 0 &&
        (!device ||
         setsockopt (fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t) strlen (device)) == 0) &&
        (!flow->src.family || bind (fd, (struct sockaddr *) &from, sizeof from) == 0);

    if (ready || fd < 0)
        return fd;
    close (fd);
    return -1;
}

/* Whether a connection that began goes on unrefused. */
static bool
goes_on (int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLOUT};
    int failure = 0;
    socklen_t len = sizeof failure;

    if (poll (&poller, 1, PATIENCE_MS) == 0)
        return true;
    return getsockopt (fd, SOL_SOCKET, SO_ERROR, &failure, &len) < 0 || failure == 0;
}

static bool
sends (const Test *test, const SgFlow *flow, int type)
{
    struct sockaddr_in6 to = to_socket_address (&flow->dst, DISCARD_PORT);
    int fd = open_socket (test, flow, type);
    bool sent = false;

    if (fd < 0)
        return false;
    if (connect (fd, (struct sockaddr *) &to, sizeof to) == 0)
        sent = type == SOCK_STREAM || send (fd, "", 1, MSG_NOSIGNAL) == 1;
    else if (errno == EINPROGRESS)
        sent = goes_on (fd);
    close (fd);
    return sent;
}

/* Whether the guard's chains could be asked how many packets they have refused. */
static bool
read_guard (const Test *test, uint64_t *ret_packets)
{
    uint64_t output, binding;

    if (!sg_nft_counter_read (test->sock, test->table, SG_CHAIN_CHOICE, &output, test->error) ||
        !sg_nft_counter_read (test->sock, test->table, SG_CHAIN_CHOICE_POST, &binding, test->error))
        return false;
    *ret_packets = output + binding;
    return true;
}

/* A refusal that the guard did not count was the routes' where they lead nowhere. */
static SgLeakOutcome
outcome_of (bool sent, bool counted, SgFate fate)
{
    if (sent)
        return SG_LEAK_TRY_SENT;
    if (counted)
        return SG_LEAK_TRY_GUARDED;
    return fate == SG_FATE_LEAVES ? SG_LEAK_TRY_REFUSED : SG_LEAK_TRY_NO_ROUTE;
}

/* Where it may go, it is not sent. */
static bool
is_allowed (const Test *test, const SgFibResult *fib)
{
    return fib->fate == SG_FATE_LOCAL || (test->selected && fib->fate == SG_FATE_LEAVES &&
                                          sg_route_uses (fib->route, test->selected->ifindex));
}

static bool
try (const Test *test, const SgFlow *flow, const char *from)
{
    static const struct {
        int type;
        const char *name;
    } protocols[] = {{SOCK_STREAM, "TCP"}, {SOCK_DGRAM, "UDP"}};
    g_autoptr (SgExplanation) explanation = sg_explain (test->snapshot, flow);

    if (is_allowed (test, explanation->fib))
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS (protocols); i++) {
        SgLeakTry made = {0};
        uint64_t before, after;
        bool sent;

        if (!read_guard (test, &before))
            return false;
        sent = sends (test, flow, protocols[i].type);
        if (!read_guard (test, &after))
            return false;
        made.what = g_strdup_printf ("%s from %s to " DESTINATION, protocols[i].name, from);
        made.outcome = outcome_of (sent, after > before, explanation->fib->fate);
        g_array_append_val (test->facts->leaks, made);
    }
    return true;
}

static bool
try_addresses (const Test *test, SgFlow flow)
{
    for (guint i = 0; i < test->snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (test->snapshot->addresses, SgAddress, i);
        char text[SG_PREFIX_TEXT_MAX];

        if (address->ip.family != AF_INET6 || sg_ip_is_link_local (&address->ip) ||
            sg_ip_is_loopback (&address->ip))
            continue;
        flow.src = address->ip;
        if (!try (test, &flow, sg_ip_format (&address->ip, text)))
            return false;
    }
    return true;
}

static bool
try_devices (const Test *test, SgFlow flow)
{
    for (guint i = 0; i < test->wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (test->wanted->gateways, SgGateway, i);
        g_autofree char *text = g_strdup_printf ("a socket bound to %s", gateway->name);

        flow.bound = gateway->ifindex;
        if (!try (test, &flow, text))
            return false;
    }
    return true;
}

bool
sg_leak_test (const SgPass *pass, SgDoctorFacts *facts, GError **error)
{
    const char *outbound = pass->state->outbound;
    SgKernelStats stats = {0};
    g_autoptr (SgNlSocket) sock = sg_nl_socket_open (NETLINK_NETFILTER, &stats, error);
    const Test test = {
        .snapshot = pass->snapshot,
        .wanted = pass->wanted,
        .selected = sg_gateways_by_name (pass->wanted->gateways, outbound),
        .sock = sock,
        .table = pass->config->nft_table,
        .facts = facts,
        .error = error,
    };
    SgFlow flow = {0};

    if (!sock)
        return false;
    if (!outbound[0] || !sg_ip_parse (DESTINATION, &flow.dst))
        return true;
    return try (&test, &flow, "an unbound socket") && try_addresses (&test, flow) &&
           try_devices (&test, flow);
}
