/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The filters on real netlink sockets in a network namespace of its own: for each change, whether
 * the filtered socket hears of it. One without a filter beside it proves that there was something
 * to hear. Needs root. */
#include "kernel/notify-filter.h"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* The groups of data/sixgate-reconcile.socket and data/sixgate-nftables.socket. */
#define ROUTE_GROUPS 2147747073u
#define NFT_GROUPS 64u
/* Joined by the service where IPv4 is routed (RTNLGRP_IPV4_*): addresses, routes, rules, settings. */
#define IPV4_GROUPS (0xd0u | 1u << (RTNLGRP_IPV4_NETCONF - 1))
/* Heard by the test only. */
#define OTHER_GROUPS (IPV4_GROUPS | RTMGRP_NEIGH)

#define PATIENCE_MS 30000
#define QUIET_MS 50

/* ---- surroundings ---- */

static void
run (const char *command)
{
    const char *argv[] = {"sh", "-ec", command, NULL};
    g_autofree char *complaint = NULL;
    g_autoptr (GError) error = NULL;
    int status;

    g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaint,
                  &status, &error);
    g_assert_no_error (error);
    if (status != 0)
        g_error ("%s: %s", command, complaint);
}

static int
open_socket (int protocol, uint32_t groups, const GArray *program)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    g_autoptr (GError) error = NULL;
    const int on = 1, large = 8 << 20;

    g_assert_cmpint (fd, >=, 0);
    setsockopt (fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
    setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
    g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    if (program && !sg_notify_filter_attach (fd, program, &error))
        g_error ("%s", error->message);
    return fd;
}

/* How many messages of @type (0: of any) are in the @len bytes at @data. */
static unsigned
count_messages (const void *data, int len, uint16_t type)
{
    unsigned n = 0;

    for (const struct nlmsghdr *nlh = data; NLMSG_OK (nlh, len); nlh = NLMSG_NEXT (nlh, len))
        n += type == 0 || nlh->nlmsg_type == type;
    return n;
}

/* Takes all that is there. How many messages of @type that was. */
static unsigned
hear (int fd, uint16_t type)
{
    char buffer[65536] __attribute__ ((aligned (NLMSG_ALIGNTO)));
    unsigned n = 0;
    ssize_t len;

    while ((len = recv (fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        n += count_messages (buffer, (int) len, type);
    return n;
}

/* The kernel speaks of some changes later, from a work queue (addrconf_dad_work, linkwatch): waits
 * for the first message of @type, then until nothing comes any more. */
static unsigned
hear_patiently (int fd, uint16_t type)
{
    struct pollfd socket = {.fd = fd, .events = POLLIN};
    unsigned n = 0;

    while (poll (&socket, 1, n ? QUIET_MS : PATIENCE_MS) > 0)
        n += hear (fd, type);
    return n;
}

/* ---- cases ---- */

typedef struct {
    const char *name;
    const char *command;
    uint16_t type; /* of the message that it is about; others do not count. 0: any */
    bool heard;
} Case;

/* What both sockets hear is put into their queues by the same call, so that when the one without a
 * filter has it, the other has it too, or never. */
static void
check (const Case *c, int filtered, int control)
{
    unsigned heard, said;

    hear (filtered, 0);
    hear (control, 0);
    run (c->command);
    said = hear_patiently (control, c->type);
    heard = hear (filtered, c->type);
    g_test_message ("%s: %u of %u", c->name, heard, said);
    if (said == 0)
        g_error ("%s: the kernel said nothing", c->name);
    if ((heard > 0) != c->heard)
        g_error ("%s: heard %u of %u, should be %s", c->name, heard, said,
                 c->heard ? "some" : "none");
}

static const SgNotifyInterest usual = {.ipv6 = true, .nft_table = "startos"};

static void
check_all (const Case *cases, size_t n, int protocol, const SgNotifyInterest *interest)
{
    bool route = protocol == NETLINK_ROUTE;
    g_autoptr (GArray) program =
        route ? sg_notify_filter_route (interest) : sg_notify_filter_nft (interest);
    uint32_t groups = route ? ROUTE_GROUPS | OTHER_GROUPS : NFT_GROUPS;
    int filtered = open_socket (protocol, groups, program);
    int control = open_socket (protocol, groups, NULL);

    g_assert_cmpuint (program->len, <=, BPF_MAXINSNS);
    for (size_t i = 0; i < n; i++) {
        if (strstr (cases[i].command, "sleep 31") && !g_getenv ("SG_TEST_LONG"))
            g_test_message ("reduced: “%s” takes half a minute, with --long only", cases[i].name);
        else
            check (&cases[i], filtered, control);
    }
    close (filtered);
    close (control);
}

static const Case route_cases[] = {
    {"a link comes", "ip link add v0 type veth peer name v1", RTM_NEWLINK, true},
    {"a link goes up",
     "ip link set v0 up; ip link set v1 up;"
     "until ip link show v0 | grep -q 'state UP'; do sleep 0.05; done",
     RTM_NEWLINK, true},
    {"an address comes", "ip addr add 2001:db8::1/64 dev v0 nodad", RTM_NEWADDR, true},
    {"an address without prefix route", "ip addr add 2001:db8:1::1/64 dev v0 nodad noprefixroute",
     RTM_NEWADDR, true},
    {"a lifetime refreshed",
     "sleep 31; ip addr change 2001:db8:1::1/64 dev v0 nodad noprefixroute "
     "valid_lft 1000 preferred_lft 500",
     RTM_NEWADDR, false},
    {"an address deprecated",
     "ip addr change 2001:db8:1::1/64 dev v0 nodad noprefixroute "
     "valid_lft 1000 preferred_lft 0",
     RTM_NEWADDR, true},
    {"an address goes", "ip addr del 2001:db8:1::1/64 dev v0", RTM_DELADDR, true},
    {"a link-local address", "ip addr add fe80::77/128 dev v0 nodad noprefixroute", RTM_NEWADDR,
     false},
    {"an address of IPv4", "ip addr add 192.0.2.1/32 dev v0", RTM_NEWADDR, false},
    {"a route of IPv4", "ip route add 198.51.100.0/24 dev v0", RTM_NEWROUTE, false},
    {"a rule of IPv4", "ip -4 rule add pref 75 lookup 1003 proto 106", RTM_NEWRULE, false},
    {"a setting of IPv4", "echo 2 >/proc/sys/net/ipv4/conf/v0/rp_filter", RTM_NEWNETCONF, false},
    {"a route of main", "ip -6 route add 2001:db8:77::/48 dev v0", RTM_NEWROUTE, true},
    {"a route of main goes", "ip -6 route del 2001:db8:77::/48 dev v0", RTM_DELROUTE, true},
    {"a route of default", "ip -6 route add default dev v0 table default", RTM_NEWROUTE, true},
    {"a route of local", "ip -6 route add local 2001:db8:78::/48 dev lo table local", RTM_NEWROUTE,
     false},
    {"one that we keep there", "ip -6 route add local 2001:db8::7 dev lo table local proto 106",
     RTM_NEWROUTE, true},
    {"it goes", "ip -6 route del local 2001:db8::7 dev lo table local proto 106", RTM_DELROUTE,
     true},
    {"a route of table 100", "ip -6 route add 2001:db8:77::/48 dev v0 table 100", RTM_NEWROUTE,
     false},
    {"a route of table 1000", "ip -6 route add 2001:db8:77::/48 dev v0 table 1000", RTM_NEWROUTE,
     false},
    {"a route of table 1001", "ip -6 route add 2001:db8:77::/48 dev v0 table 1001", RTM_NEWROUTE,
     true},
    {"a route of table 70000", "ip -6 route add 2001:db8:77::/48 dev v0 table 70000", RTM_NEWROUTE,
     true},
    {"table 1001 flushed", "ip -6 route flush table 1001", RTM_DELROUTE, true},
    {"a blackhole of ours",
     "ip -6 route add blackhole default table 1003 metric 4294967295 proto 106", RTM_NEWROUTE,
     true},
    {"it goes", "ip -6 route del blackhole default table 1003 metric 4294967295 proto 106",
     RTM_DELROUTE, true},
    {"a rule of ours", "ip -6 rule add pref 75 lookup 1003 proto 106", RTM_NEWRULE, true},
    {"it goes", "ip -6 rule del pref 75 lookup 1003 proto 106", RTM_DELRULE, true},
    {"a rule of others", "ip -6 rule add pref 75 lookup 1003", RTM_NEWRULE, false},
    {"it goes", "ip -6 rule del pref 75 lookup 1003", RTM_DELRULE, false},
    {"a next hop object of ours",
     "ip link set v0 up; ip -6 nexthop add id 1936261123 dev v0 proto 106", RTM_NEWNEXTHOP, true},
    {"somebody puts another in its place", "ip -6 nexthop replace id 1936261123 dev lo",
     RTM_NEWNEXTHOP, true},
    {"it goes", "ip -6 nexthop del id 1936261123", RTM_DELNEXTHOP, true},
    {"a next hop object of others", "ip -6 nexthop add id 7 dev v0", RTM_NEWNEXTHOP, false},
    {"it goes", "ip -6 nexthop del id 7", RTM_DELNEXTHOP, false},
    {"a neighbour", "ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:01 dev v0", RTM_NEWNEIGH,
     false},
    {"a new bridge", "ip link add br0 type bridge", RTM_NEWLINK, true},
    {"a link goes", "ip link del v0", RTM_DELLINK, true},
};

static void
test_route (void)
{
    check_all (route_cases, G_N_ELEMENTS (route_cases), NETLINK_ROUTE, &usual);
}

static void
test_refreshes (void)
{
    static const Case cases[] = {
        {"a lifetime refreshed",
         "sleep 31; ip addr change 2001:db8:1::1/64 dev v2 nodad valid_lft 1000 preferred_lft 500",
         RTM_NEWADDR, true},
    };
    SgNotifyInterest interest = usual;

    interest.refreshes = true;
    run ("ip link add v2 type veth peer name v3; ip addr add 2001:db8:1::1/64 dev v2 nodad");
    check_all (cases, G_N_ELEMENTS (cases), NETLINK_ROUTE, &interest);
}

/* RFC 8981: the next one comes by itself. Its times are not those of an ordinary address. */
static void
test_temporary (void)
{
#define UNTIL_TEMPORARY(n)                                                                         \
    "until [ $(ip -6 addr show dev v2 temporary -tentative | grep -c inet6) -ge " #n " ]; do "     \
    "sleep 0.05; done"
    static const Case cases[] = {
        {"a temporary address comes",
         "ip addr add 2001:db8:9::1/64 dev v2 mngtmpaddr valid_lft 1000 preferred_lft "
         "500;" UNTIL_TEMPORARY (1),
         RTM_NEWADDR, true},
        {"and the next", UNTIL_TEMPORARY (2), RTM_NEWADDR, true},
    };

    run (
        "ip link set v2 up; ip link set v3 up; cd /proc/sys/net/ipv6/conf/v2; echo 2 >use_tempaddr;"
        "echo 12 >temp_prefered_lft; echo 60 >temp_valid_lft; echo 0 >max_desync_factor;"
        "until ip link show v2 | grep -q 'state UP'; do sleep 0.05; done");
    check_all (cases, G_N_ELEMENTS (cases), NETLINK_ROUTE, &usual);
}

/* By itself: the kernel speaks of such an address twice, the second time seconds later. */
static void
test_duplicate_detection (void)
{
    static const Case cases[] = {
        {"an address with duplicate detection",
         "echo 1 >/proc/sys/net/ipv6/conf/v2/accept_dad;"
         "ip addr add 2001:db8:2::1/64 dev v2 noprefixroute;"
         "while ip -6 addr show dev v2 tentative to 2001:db8:2::1 | grep -q inet6; do"
         " sleep 0.05; done",
         RTM_NEWADDR, true},
    };

    check_all (cases, G_N_ELEMENTS (cases), NETLINK_ROUTE, &usual);
}

static void
test_ipv4 (void)
{
    static const Case cases[] = {
        {"a route of IPv4", "ip route add 198.51.101.0/24 dev v2", RTM_NEWROUTE, true},
        {"a route of IPv6", "ip -6 route add 2001:db8:99::/48 dev v2", RTM_NEWROUTE, false},
        {"a lease", "ip addr add 192.0.2.9/24 dev v2 valid_lft 600 preferred_lft 600", RTM_NEWADDR,
         true},
        {"it is refreshed", "sleep 31; ip addr change 192.0.2.9/24 dev v2 valid_lft 700",
         RTM_NEWADDR, false},
        {"a link-local address of IPv4", "ip addr add 169.254.7.7/16 scope link dev v2",
         RTM_NEWADDR, false},
        {"an address goes", "ip addr del 192.0.2.9/24 dev v2", RTM_DELADDR, true},
        {"a rule of ours", "ip -4 rule add pref 75 lookup 1007 proto 106", RTM_NEWRULE, true},
        {"a rule of others", "ip -4 rule add pref 75 lookup 1007", RTM_NEWRULE, false},
        {"a blackhole of ours",
         "ip -4 route add blackhole default table 1007 metric 4294967295 proto 106", RTM_NEWROUTE,
         true},
        {"a reverse path filter", "echo 2 >/proc/sys/net/ipv4/conf/v2/rp_filter", RTM_NEWNETCONF,
         true},
    };
    static const Case nft[] = {
        {"our table of IPv4", "nft add table ip startos", 0, true},
        {"that of others", "nft add table ip other", 0, false},
        {"the same name in another family", "nft add table inet startos", 0, false},
        {"all flushed", "nft flush ruleset", 0, true},
    };
    static const Case both[] = {
        {"a route of IPv4", "ip route add 198.51.102.0/24 dev v2", RTM_NEWROUTE, true},
        {"a route of IPv6", "ip -6 route add 2001:db8:98::/48 dev v2", RTM_NEWROUTE, true},
    };
    const SgNotifyInterest interest = {.ipv4 = true, .nft_table = "startos"};
    SgNotifyInterest everything = usual;

    everything.ipv4 = true;
    run ("ip link set v2 up; ip link set v3 up");
    check_all (cases, G_N_ELEMENTS (cases), NETLINK_ROUTE, &interest);
    check_all (both, G_N_ELEMENTS (both), NETLINK_ROUTE, &everything);
    check_all (nft, G_N_ELEMENTS (nft), NETLINK_NETFILTER, &everything);
}

/* A transaction that makes @n chains in a table of somebody else, then what @last says. */
#define BULK(n, last)                                                                              \
    "{ echo 'add table ip6 other'; for i in $(seq " #n "); do echo \"add chain ip6 other c$i\"; "  \
    "done; echo '" last "'; } | nft -f -"

static const Case nft_cases[] = {
    {"our table comes", "nft add table ip6 startos", 0, true},
    {"a chain of ours", "nft add chain ip6 startos c", 0, true},
    {"a rule of ours", "nft add rule ip6 startos c accept", 0, true},
    {"a set of ours", "nft 'add set ip6 startos s { type mark; }'", 0, true},
    {"an element of ours", "nft 'add element ip6 startos s { 7 }'", 0, true},
    {"it goes", "nft 'delete element ip6 startos s { 7 }'", 0, true},
    {"another table", "nft add table ip6 other", 0, false},
    {"the same name in another family", "nft add table ip startos", 0, false},
    {"a name that ours begins with", "nft add table ip6 start", 0, false},
    {"a name that begins with ours", "nft add table ip6 startos2", 0, false},
    {"much of others", BULK (500, ""), 0, false},
    {"others, one of ours at the end", BULK (20, "add chain ip6 startos d"), 0, true},
    {"much of others, one of ours at the end", BULK (500, "add chain ip6 startos e"), 0, true},
    {"a set of others, filled",
     "nft 'add set ip6 other s { type mark; }'; { echo 'add element ip6 "
     "other s {'; seq -s, 5000; echo '}'; } | nft -f -",
     0, false},
    {"our table asleep", "nft 'add table ip6 startos { flags dormant; }'", 0, true},
    {"all flushed", "nft flush ruleset", 0, true},
};

static void
test_nft (void)
{
    check_all (nft_cases, G_N_ELEMENTS (nft_cases), NETLINK_NETFILTER, &usual);
}

static void
test_long_name (void)
{
    static const Case cases[] = {
        {"our table", "nft add table ip6 a_name_of_thirty_one_characters", 0, true},
        {"much of others", BULK (500, ""), 0, false},
    };
    const SgNotifyInterest interest = {.ipv6 = true,
                                       .nft_table = "a_name_of_thirty_one_characters"};

    check_all (cases, G_N_ELEMENTS (cases), NETLINK_NETFILTER, &interest);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    if (unshare (CLONE_NEWNET) < 0) {
        g_print ("1..0 # SKIP needs root\n");
        return 0;
    }
    /* No addresses by themselves, nothing on the way when a case begins. */
    run ("cd /proc/sys/net/ipv6/conf/default; echo 1 >addr_gen_mode; echo 0 >accept_dad;"
         "echo 0 >accept_ra; ip link set lo up");
    g_test_add_func ("/notify-filter/route", test_route);
    g_test_add_func ("/notify-filter/refreshes", test_refreshes);
    g_test_add_func ("/notify-filter/temporary", test_temporary);
    g_test_add_func ("/notify-filter/duplicate-detection", test_duplicate_detection);
    g_test_add_func ("/notify-filter/ipv4", test_ipv4);
    g_test_add_func ("/notify-filter/nft", test_nft);
    g_test_add_func ("/notify-filter/long-name", test_long_name);
    return g_test_run ();
}
