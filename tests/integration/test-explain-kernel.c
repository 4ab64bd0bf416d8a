/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explain and the kernel agree: every golden situation is put into a network namespace, Sixgate's
 * plan is applied to it, and random packets are asked of both. Of the kernel by RTM_GETROUTE (which
 * rule's table, which prefix, which metric, by which device, from which source), and by sockets that
 * are bound, marked and connected, and that send: what the guard refuses does not pass. */
#include <arpa/inet.h>
#include <errno.h>
#include <locale.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/explain.h"
#include "kernel/apply.h"
#include "kernel/nl-attr.h"
#include "kernel/nl-socket.h"
#include "lib/situation-load.h"
#include "lib/situation.h"

/* Over all situations together. */
#define CASES 10000u
#define CASES_LONG 200000u

typedef struct {
    SgSituationText *text;
    SgKernel *kernel;
    SgKernelStats stats;
    SgNlSocket *sock;
    SgSnapshot *now; /* as the kernel says it */
    GArray *gateways;
} World;

static struct {
    guint situations, cases, routed, refused, sockets, retried, guarded;
} counts;

/* ---- the plan ---- */

/* What a WireGuard link alone can do is left out: the links here are all veth. */
static void
apply_plan (World *world, const SgWanted *wanted)
{
    g_autoptr (SgPlan) plan = sg_plan_new (world->text->snapshot, wanted);
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

    for (guint i = plan->actions->len; i > 0; i--) {
        SgActionKind kind = g_array_index (plan->actions, SgAction, i - 1).kind;

        if (kind == SG_ACTION_WG_FWMARK || kind == SG_ACTION_WG_PRESHARED_KEY ||
            kind == SG_ACTION_WG_PEER_SET || kind == SG_ACTION_WG_PEER_DEL)
            g_array_remove_index (plan->actions, i - 1);
    }
    sg_apply (world->kernel, world->text->snapshot, plan, failures);
    for (guint i = 0; i < failures->len; i++)
        g_error ("%s", ((const GError *) g_ptr_array_index (failures, i))->message);
}

/* ---- what the kernel says ---- */

static const SgNlSpec route_specs[] = {
    [RTA_DST] = {SG_NL_BYTES, 16},     [RTA_OIF] = {SG_NL_U32},   [RTA_PRIORITY] = {SG_NL_U32},
    [RTA_PREFSRC] = {SG_NL_BYTES, 16}, [RTA_TABLE] = {SG_NL_U32},
};

typedef struct {
    uint8_t type, dst_len;
    uint32_t oif, metric, table;
    SgIp prefsrc;
} Answer;

static bool
take_answer (const struct nlmsghdr *nlh, void *data, GError **error)
{
    const struct nlattr *attrs[G_N_ELEMENTS (route_specs)];
    const struct rtmsg *header = sg_nl_message_header (nlh);
    Answer *answer = data;

    g_assert_true (
        sg_nl_message_parse (nlh, sizeof *header, route_specs, G_N_ELEMENTS (route_specs), attrs));
    answer->type = header->rtm_type;
    answer->dst_len = header->rtm_dst_len;
    answer->table = attrs[RTA_TABLE] ? sg_nl_attr_u32 (attrs[RTA_TABLE]) : header->rtm_table;
    answer->oif = attrs[RTA_OIF] ? sg_nl_attr_u32 (attrs[RTA_OIF]) : 0;
    answer->metric = attrs[RTA_PRIORITY] ? sg_nl_attr_u32 (attrs[RTA_PRIORITY]) : 0;
    if (attrs[RTA_PREFSRC])
        g_assert_true (sg_nl_attr_ip (attrs[RTA_PREFSRC], AF_INET6, &answer->prefsrc));
    return true;
}

/* RTM_GETROUTE; with RTM_F_FIB_MATCH the route as it is in its table. */
static bool
ask_kernel (World *world, const SgFlow *flow, uint32_t flags, Answer *answer, GError **error)
{
    const SgNlReader reader = {take_answer, NULL, answer};
    uint8_t memory[256] __attribute__ ((aligned (NLMSG_ALIGNTO))) = {0};
    SgNlMessage message = sg_nl_message_begin (memory, sizeof memory, RTM_GETROUTE, 0);
    struct rtmsg *header = sg_nl_put_header (&message, sizeof *header);

    *answer = (Answer) {0};
    header->rtm_family = AF_INET6;
    header->rtm_dst_len = 128;
    header->rtm_flags = flags;
    sg_nl_put_ip (&message, RTA_DST, &flow->dst);
    if (flow->src.family) {
        header->rtm_src_len = 128;
        sg_nl_put_ip (&message, RTA_SRC, &flow->src);
    }
    if (flow->mark)
        sg_nl_put_u32 (&message, RTA_MARK, flow->mark);
    if (flow->iif)
        sg_nl_put_u32 (&message, RTA_IIF, flow->iif);
    if (flow->bound)
        sg_nl_put_u32 (&message, RTA_OIF, flow->bound);
    return sg_nl_socket_read (world->sock, message.nlh, &reader, error);
}

/* ---- opening ---- */

/* An address becomes the host's own by a work of the kernel's that runs when it likes
 * (addrconf_dad_work). */
static void
wait_for_addresses (World *world)
{
    for (guint i = 0; i < world->now->addresses->len; i++) {
        SgFlow flow = {.dst = g_array_index (world->now->addresses, SgAddress, i).ip};
        Answer answer;
        guint tries = 0;

        while (!sg_ip_is_link_local (&flow.dst) &&
               !(ask_kernel (world, &flow, RTM_F_FIB_MATCH, &answer, NULL) &&
                 answer.type == RTN_LOCAL)) {
            g_assert_cmpuint (tries++, <, 10000);
            g_usleep (1000);
        }
    }
}

static void
take_snapshot (World *world)
{
    g_autoptr (GError) error = NULL;

    g_clear_pointer (&world->now, sg_snapshot_free);
    world->now = sg_snapshot_new ();
    g_assert_true (
        world->kernel->ops->dump (world->kernel, world->text->config, world->now, &error));
}

static void
world_open (World *world, const char *situation)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWanted) wanted = NULL;

    world->text = sg_situation_parse (situation);
    g_assert_cmpint (unshare (CLONE_NEWNET), ==, 0);
    sg_situation_load (world->text->snapshot);
    world->text->snapshot->nft[SG_IPV6]->exists = false; /* also where others have chains in it */
    world->kernel = sg_kernel_linux_open (&error);
    g_assert_no_error (error);
    world->sock = sg_nl_socket_open (NETLINK_ROUTE, &world->stats, &error);
    g_assert_no_error (error);
    wanted = sg_wanted_new (world->text->config, world->text->state, world->text->memory,
                            world->text->tunnel, world->text->snapshot);
    apply_plan (world, wanted);
    world->gateways = g_array_ref (wanted->gateways);
    take_snapshot (world);
    wait_for_addresses (world);
    take_snapshot (world); /* what the kernel made of those that the plan added is in it */
}

static void
world_close (World *world)
{
    g_array_unref (world->gateways);
    sg_snapshot_free (world->now);
    sg_nl_socket_close (world->sock);
    sg_kernel_close (world->kernel);
    sg_situation_free (world->text);
}

/* ---- random packets ---- */

static bool
chance (int percent)
{
    return g_test_rand_int_range (0, 100) < percent;
}

static guint
below (guint n)
{
    return (guint) g_test_rand_int_range (0, (gint32) n);
}

/* An address inside @prefix. */
static SgIp
inside (const SgPrefix *prefix)
{
    SgIp ip = prefix->ip;

    for (int bit = prefix->len; bit < 128; bit++) {
        if (chance (50))
            ip.bytes[bit / 8] |= (uint8_t) (0x80 >> bit % 8);
    }
    return ip;
}

static SgIp
random_destination (const SgSnapshot *now)
{
    static const char *const strangers[] = {"2620:fe::fe", "2a00:5::1",   "fd00:7::99", "fe80::1",
                                            "ff02::1",     "ff0e::1:2:3", "::1"};
    SgIp ip;

    if (chance (60) && now->routes->len) {
        const SgRoute *route = g_ptr_array_index (now->routes, below (now->routes->len));

        if (route->dst.len)
            return inside (&route->dst);
    }
    if (chance (20))
        return g_array_index (now->addresses, SgAddress, below (now->addresses->len)).ip;
    g_assert_true (sg_ip_parse (strangers[below (G_N_ELEMENTS (strangers))], &ip));
    return ip;
}

static uint32_t
random_link (const SgSnapshot *now)
{
    const SgLink *link;

    do
        link = &g_array_index (now->links, SgLink, below (now->links->len));
    while (link->ifindex >= SG_SITUATION_PEER_BASE || (link->flags & IFF_LOOPBACK));
    return link->ifindex;
}

static uint32_t
random_mark (const World *world)
{
    if (chance (50) || !world->gateways->len)
        return 0;
    const SgGateway *gateway =
        &g_array_index (world->gateways, SgGateway, below (world->gateways->len));
    const uint32_t marks[] = {gateway->mark, gateway->fwmark, 0xca6c, 0x1, 0xff01};

    return marks[below (G_N_ELEMENTS (marks))];
}

static SgFlow
random_flow (const World *world)
{
    const SgSnapshot *now = world->now;
    SgFlow flow = {.dst = random_destination (now), .mark = random_mark (world)};
    bool links = now->links->len > 1;

    if (links && chance (25)) {
        flow.iif = random_link (now);
        if (!sg_ip_parse (chance (50) ? "2001:db8:99::5" : "fd00:7::5", &flow.src))
            g_assert_not_reached ();
        return flow;
    }
    if (chance (50))
        flow.src = g_array_index (now->addresses, SgAddress, below (now->addresses->len)).ip;
    if (links && chance (25))
        flow.bound = random_link (now);
    return flow;
}

/* ---- comparing ---- */

static void G_GNUC_PRINTF (3, 4)
    disagree (const World *world, const SgFlow *flow, const char *format, ...)
{
    g_autoptr (SgExplanation) explanation = sg_explain (world->now, flow);
    const SgExplainNames names = {world->now, world->gateways, world->text->state->outbound};
    g_autoptr (GVariant) fields = g_variant_ref_sink (sg_explanation_fields (explanation, &names));
    g_autofree char *printed = g_variant_print (fields, /* type_annotate= */ FALSE);
    g_autofree char *snapshot = sg_snapshot_to_string (world->now);
    g_autofree char *what = NULL;
    char src[SG_PREFIX_TEXT_MAX], dst[SG_PREFIX_TEXT_MAX];
    va_list args;

    va_start (args, format);
    what = g_strdup_vprintf (format, args);
    va_end (args);
    g_error ("from %s to %s mark 0x%x iif %u bound %u: the kernel: %s; ours: %s %s",
             sg_ip_format (&flow->src, src), sg_ip_format (&flow->dst, dst), flow->mark, flow->iif,
             flow->bound, what, printed, snapshot);
}

/* Routes that share a nexthop object share what is cached of it, and the kernel names the first that
 * was used (net/ipv6/route.c, rt6_get_pcpu_route): of those only the device tells. */
static bool
is_same_route (const Answer *answer, const SgRoute *route)
{
    return route->nexthop_id ||
           (answer->table == route->table && answer->dst_len == route->dst.len &&
            answer->metric == route->metric);
}

/* One lookup: what the kernel answers is what ours says. */
static void
compare_lookup (World *world, const SgFlow *flow, const SgFibResult *fib)
{
    g_autoptr (GError) error = NULL;
    Answer match, used;
    int errnum = sg_fib_errno (fib);

    /* With a source RTA_OIF is a wish only, to a socket it is an order: that one is asked. */
    if (flow->bound && flow->src.family)
        return;
    /* Of multicast that came in it does not tell. */
    if (flow->iif && sg_ip_is_multicast (&flow->dst))
        return;
    counts.routed++;
    if (!ask_kernel (world, flow, RTM_F_FIB_MATCH, &match, &error)) {
        if (!errnum || !strstr (error->message, g_strerror (errnum)))
            disagree (world, flow, "%s", error->message);
        return;
    }
    if (errnum || !is_same_route (&match, fib->route) ||
        (match.type == RTN_LOCAL) != (fib->fate == SG_FATE_LOCAL))
        disagree (world, flow, "table %u, /%u, metric %u, type %u", match.table, match.dst_len,
                  match.metric, match.type);
    g_assert_true (ask_kernel (world, flow, 0, &used, &error));
    if (fib->fate == SG_FATE_LEAVES && match.type != RTN_MULTICAST &&
        !sg_route_uses (fib->route, used.oif))
        disagree (world, flow, "by device %u", used.oif);
}

/* ---- sockets ---- */

static struct sockaddr_in6
socket_address (const SgIp *ip, uint16_t port, uint32_t scope)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons (port)};

    memcpy (&address.sin6_addr, ip->bytes, sizeof address.sin6_addr);
    if (sg_ip_is_link_local (ip) || sg_ip_is_multicast (ip))
        address.sin6_scope_id = scope;
    return address;
}

/* A datagram socket as @flow says, not yet connected. */
static int
open_socket (const World *world, const SgFlow *flow)
{
    int fd = socket (AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 from = socket_address (&flow->src, 0, flow->bound);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_MARK, &flow->mark, sizeof flow->mark), ==, 0);
    if (flow->bound) {
        const char *name = sg_snapshot_link_name (flow->bound, world->now);

        g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen (name)), ==, 0);
    }
    if (flow->src.family && bind (fd, (struct sockaddr *) &from, sizeof from) < 0) {
        /* An address of another device than the one it is bound to. */
        g_assert_cmpint (errno, ==, EADDRNOTAVAIL);
        close (fd);
        return -1;
    }
    return fd;
}

/* With several next hops the source is that of the one which is taken, and of a nexthop object of its
 * first member, whichever is taken. */
static bool
is_source_of_some_hop (const World *world, const SgFlow *flow, const SgRoute *route,
                       const SgIp *source)
{
    for (uint16_t i = 0; i < route->n_nexthops && route->n_nexthops > 1; i++) {
        SgIp other = sg_fib_choose_source (world->now, &flow->dst, route->nexthops[i].ifindex);

        if (sg_ip_compare (&other, source) == 0)
            return true;
    }
    return false;
}

static void
compare_source (const World *world, const SgFlow *flow, const SgExplanation *explanation, int fd)
{
    struct sockaddr_in6 name;
    socklen_t len = sizeof name;
    SgIp source;
    char text[SG_PREFIX_TEXT_MAX];

    g_assert_cmpint (getsockname (fd, (struct sockaddr *) &name, &len), ==, 0);
    source = sg_ip_from_bytes (AF_INET6, &name.sin6_addr);
    if (sg_ip_compare (&source, &explanation->source) != 0 &&
        !is_source_of_some_hop (world, flow, explanation->fib->route, &source))
        disagree (world, flow, "takes the source %s", sg_ip_format (&source, text));
}

/* What the socket may do: connect, and send past the guard. */
static void
compare_socket (const World *world, const SgFlow *flow, const SgExplanation *explanation)
{
    struct sockaddr_in6 to = socket_address (&flow->dst, 9, flow->bound);
    int errnum = sg_fib_errno (explanation->fib);
    int fd = open_socket (world, flow);
    bool passes;

    if (fd < 0)
        return;
    counts.sockets++;
    if (connect (fd, (struct sockaddr *) &to, sizeof to) < 0) {
        if (errno != errnum && sg_ip_is_set (&explanation->source))
            disagree (world, flow, "connect: %s", g_strerror (errno));
        close (fd);
        return;
    }
    if (errnum)
        disagree (world, flow, "connects");
    compare_source (world, flow, explanation, fd);
    passes = send (fd, "", 1, 0) == 1;
    if (explanation->fib->fate == SG_FATE_LEAVES && !explanation->reply &&
        passes != (explanation->guard != SG_GUARD_REFUSES))
        disagree (world, flow, "%s", passes ? "sends" : g_strerror (errno));
    close (fd);
}

static bool
has_link_local (const SgSnapshot *now, uint32_t ifindex)
{
    for (guint i = 0; i < now->addresses->len; i++) {
        const SgAddress *address = &g_array_index (now->addresses, SgAddress, i);

        if (address->ifindex == ifindex && sg_ip_is_link_local (&address->ip))
            return true;
    }
    return false;
}

/* Those that a socket can be for without being told more. */
static bool
is_for_socket (const SgSnapshot *now, const SgFlow *flow)
{
    bool scoped = sg_ip_is_link_local (&flow->dst) || sg_ip_is_multicast (&flow->dst) ||
                  sg_ip_is_link_local (&flow->src);

    return !flow->iif && !sg_ip_is_loopback (&flow->src) &&
           (!scoped || (flow->bound && has_link_local (now, flow->bound)));
}

/* The subnet-router anycast address (RFC 4291, 2.6.1) of a network on which the host forwards is the
 * host's own; the explanation does not know that. */
static bool
is_anycast (World *world, const SgIp *dst)
{
    const SgFlow flow = {.dst = *dst};
    Answer answer;

    return ask_kernel (world, &flow, RTM_F_FIB_MATCH, &answer, NULL) && answer.type == RTN_ANYCAST;
}

static void
compare (World *world)
{
    SgFlow flow = random_flow (world);
    g_autoptr (SgExplanation) explanation = sg_explain (world->now, &flow);
    SgFlow second = flow;

    if (is_anycast (world, &flow.dst))
        return;
    counts.cases++;
    counts.refused += sg_fib_errno (explanation->fib) != 0;
    counts.guarded += explanation->guard == SG_GUARD_REFUSES;
    compare_lookup (world, &flow, explanation->first ? explanation->first : explanation->fib);
    if (explanation->first) {
        counts.retried++;
        second.src = explanation->source;
        compare_lookup (world, &second, explanation->fib);
    }
    if (is_for_socket (world->now, &flow))
        compare_socket (world, &flow, explanation);
}

/* ---- the situations ---- */

typedef struct {
    char *path;
    guint cases;
} Case;

static void
test_situation (const void *data)
{
    const Case *run = data;
    g_autofree char *text = NULL;
    g_auto (GStrv) parts = NULL;
    g_autofree char *situation = NULL;
    World world = {0};

    g_assert_true (g_file_get_contents (run->path, &text, NULL, NULL));
    parts = g_strsplit (text, "show ruleset\n", -1); /* a word to the golden test */
    situation = g_strjoinv ("", parts);
    world_open (&world, situation);
    for (guint i = 0; i < run->cases; i++)
        compare (&world);
    world_close (&world);
    counts.situations++;
}

/* Every kind of answer was compared, and often. */
static void
test_counts (void)
{
    bool whole = counts.cases >= CASES;

    g_test_message ("%s: %u cases over %u situations: %u lookups, of which %u lead nowhere and %u "
                    "are tried again with a source; %u sockets; %u refused by the guard",
                    counts.cases > CASES * 2 ? "sized" : "reduced", counts.cases, counts.situations,
                    counts.routed, counts.refused, counts.retried, counts.sockets, counts.guarded);
    if (!whole)
        return; /* run with -p: some situations only */
    g_assert_cmpuint (counts.refused, >, counts.cases / 50);
    g_assert_cmpuint (counts.retried, >, counts.cases / 100);
    g_assert_cmpuint (counts.guarded, >, counts.cases / 50);
    g_assert_cmpuint (counts.sockets, >, counts.cases / 4);
}

static void
free_case (void *data)
{
    Case *run = data;

    g_free (run->path);
    g_free (run);
}

static void
skip (void)
{
    g_test_skip ("needs root, for network namespaces");
}

int
main (int argc, char **argv)
{
    guint total = g_strcmp0 (g_getenv ("SG_TEST_LONG"), "1") == 0 ? CASES_LONG : CASES;
    g_autoptr (GPtrArray) cases = g_ptr_array_new ();
    g_autoptr (GDir) dir = NULL;
    const char *name;

    setlocale (LC_ALL, "C.UTF-8");
    g_test_init (&argc, &argv, NULL);
    g_assert_cmpint (argc, ==, 2);
    dir = g_dir_open (argv[1], 0, NULL);
    g_assert_nonnull (dir);
    while ((name = g_dir_read_name (dir))) {
        g_autofree char *path = g_build_filename (argv[1], name, "situation", NULL);
        g_autofree char *test = g_strdup_printf ("/explain-kernel/%s", name);
        Case *run;

        /* Explanations are of IPv6 alone: what is routed in IPv4 they refuse. */
        if (!g_file_test (path, G_FILE_TEST_EXISTS) || g_str_has_prefix (name, "ipv4-"))
            continue;
        run = g_new0 (Case, 1);
        run->path = g_steal_pointer (&path);
        g_ptr_array_add (cases, run);
        if (geteuid () == 0)
            g_test_add_data_func_full (test, run, test_situation, free_case);
        else
            g_test_add_func (test, skip);
    }
    for (guint i = 0; i < cases->len; i++)
        ((Case *) g_ptr_array_index (cases, i))->cases = total / cases->len + 1;
    if (geteuid () == 0)
        g_test_add_func ("/explain-kernel/counts", test_counts);
    return g_test_run ();
}
