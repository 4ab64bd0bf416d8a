/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same messages against the running kernel, in a network namespace of its own: what `ip` sets
 * up is read, what is written `ip` shows. Needs root. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_addr.h>

#include "base/error.h"
#include "core/contract.h"
#include "kernel/nl-socket.h"
#include "kernel/rtnl-address.h"
#include "kernel/rtnl-link.h"
#include "kernel/rtnl-route.h"
#include "kernel/rtnl-rule.h"
#include "lib/shell.h"

/* ---- surroundings ---- */

typedef struct {
    SgKernel *kernel;
    SgConfig *config;
    SgNlSocket *sock;
    SgKernelStats stats;
    SgSnapshot *snapshot;
    GPtrArray *failures;
    GArray *actions;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (unshare (CLONE_NEWNET), ==, 0);
    SG_SHELL ("ip link set lo up");
    SG_SHELL ("ip link add va type veth peer name vb");
    SG_SHELL ("ip link set va up addrgenmode none");
    SG_SHELL ("ip link set vb up addrgenmode none");
    SG_SHELL ("ip -6 addr add 2001:db8:a::1/64 dev va nodad");
    SG_SHELL ("ip -6 addr add 2001:db8:b::1/64 dev vb nodad");
    f->kernel = sg_kernel_linux_open (&error);
    g_assert_no_error (error);
    f->sock = sg_nl_socket_open (NETLINK_ROUTE, &f->stats, &error);
    g_assert_no_error (error);
    f->config = sg_config_new_default ();
    f->snapshot = sg_snapshot_new ();
    f->failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    f->actions = g_array_new (FALSE, TRUE, sizeof (SgAction));
    g_assert_true (sg_rtnl_link_dump (f->sock, f->snapshot, &error));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    sg_kernel_close (f->kernel);
    sg_nl_socket_close (f->sock);
    sg_config_free (f->config);
    sg_snapshot_free (f->snapshot);
    g_ptr_array_unref (f->failures);
    g_array_unref (f->actions);
}

static uint32_t
ifindex (const Fixture *f, const char *name)
{
    const SgLink *link = sg_snapshot_link_by_name (f->snapshot, name);

    g_assert_nonnull (link);
    return link->ifindex;
}

/* ---- reading ---- */

static void
test_links (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();

    SG_SHELL ("ip link add br0 type bridge");
    SG_SHELL ("ip link set va master br0");
    g_assert_true (sg_rtnl_link_dump (f->sock, snapshot, &error));
    const SgLink *lo = sg_snapshot_link_by_name (snapshot, "lo");
    const SgLink *bridge = sg_snapshot_link_by_name (snapshot, "br0");
    const SgLink *port = sg_snapshot_link_by_name (snapshot, "va");

    g_assert_cmpuint (lo->ifindex, ==, 1);
    g_assert_cmpstr (lo->kind, ==, "");
    g_assert_true (lo->flags & IFF_LOOPBACK);
    g_assert_cmpstr (bridge->kind, ==, "bridge");
    g_assert_cmpstr (port->kind, ==, "veth");
    g_assert_cmpuint (port->master, ==, bridge->ifindex);
    g_assert_true (port->flags & IFF_UP);
    g_assert_false (bridge->flags & IFF_UP);
}

static const SgAddress *
find_address (const SgSnapshot *snapshot, const char *text)
{
    SgIp wanted;

    g_assert_true (sg_ip_parse (text, &wanted));
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const SgAddress *address = &g_array_index (snapshot->addresses, SgAddress, i);

        if (sg_ip_compare (&address->ip, &wanted) == 0)
            return address;
    }
    return NULL;
}

static void
test_addresses (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    SG_SHELL ("ip -6 addr add 2001:db8:a::2/64 dev va nodad preferred_lft 0 valid_lft 1000");
    SG_SHELL ("ip -6 addr add 2001:db8::1 peer 2001:db8::2/128 dev va nodad");
    SG_SHELL ("ip -4 addr add 192.0.2.1/24 dev va");
    g_assert_true (sg_rtnl_address_dump (f->sock, AF_INET6, f->snapshot, &error));
    g_assert_null (find_address (f->snapshot, "192.0.2.1"));
    g_assert_null (find_address (f->snapshot, "2001:db8::2"));

    const SgAddress *plain = find_address (f->snapshot, "2001:db8:a::1");
    g_assert_cmpuint (plain->ifindex, ==, ifindex (f, "va"));
    g_assert_cmpuint (plain->prefix_len, ==, 64);
    g_assert_true (plain->flags & IFA_F_PERMANENT);
    g_assert_false (plain->flags & (IFA_F_DEPRECATED | IFA_F_TENTATIVE));
    g_assert_true (find_address (f->snapshot, "2001:db8:a::2")->flags & IFA_F_DEPRECATED);
    g_assert_cmpuint (find_address (f->snapshot, "2001:db8::1")->prefix_len, ==, 128);
    g_assert_cmpuint (find_address (f->snapshot, "::1")->scope, ==, RT_SCOPE_HOST);

    g_assert_true (sg_rtnl_address_dump (f->sock, AF_INET, f->snapshot, &error));
    g_assert_nonnull (find_address (f->snapshot, "192.0.2.1"));
}

/* The routes of @family as text, one a line, without those that the kernel makes by itself. */
static char *
dump_routes (Fixture *f, uint8_t family)
{
    g_autoptr (GError) error = NULL;
    GString *text = g_string_new (NULL);

    g_ptr_array_set_size (f->snapshot->routes, 0);
    g_assert_true (sg_rtnl_route_dump (f->sock, family, f->snapshot, &error));
    g_assert_no_error (error);
    for (guint i = 0; i < f->snapshot->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (f->snapshot->routes, i);

        if (route->protocol == RTPROT_KERNEL)
            continue;
        sg_route_print (route, sg_snapshot_link_name, f->snapshot, text);
        g_string_append_c (text, '\n');
    }
    return g_string_free (text, FALSE);
}

/* One line for one route of main (for IPv6), in the words of `ip` and of sg_route_print(). */
static const struct {
    const char *add;
    const char *read;
} route_cases[] = {
    {"2001:db8:1::/48 dev va", "2001:db8:1::/48 table main proto 3 metric 1024 dev va"},
    {"default via 2001:db8:a::9 dev va proto ra metric 100 expires 900",
     "default table main proto 9 metric 100 via 2001:db8:a::9 dev va"},
    {"2001:db8:2::/48 via fe80::9 dev vb onlink",
     "2001:db8:2::/48 table main proto 3 metric 1024 via fe80::9 dev vb onlink"},
    {"2001:db8:3::/48 metric 7 nexthop via 2001:db8:b::9 dev vb weight 5 nexthop via 2001:db8:a::9 "
     "dev va",
     "2001:db8:3::/48 table main proto 3 metric 7 nexthop via 2001:db8:b::9 dev vb weight 5 "
     "nexthop "
     "via 2001:db8:a::9 dev va weight 1"},
    {"2001:db8:4::/48 dev va mtu 1280 advmss 1200 hoplimit 9 initcwnd 12 src 2001:db8:a::1",
     "2001:db8:4::/48 table main proto 3 src 2001:db8:a::1 metric 1024 mtu 1280 advmss 1200 "
     "hoplimit 9 initcwnd 12 dev va"},
    {"blackhole 2001:db8:5::/48", "blackhole 2001:db8:5::/48 table main proto 3 metric 1024"},
    {"unreachable 2001:db8:6::/48 metric 4294967295",
     "unreachable 2001:db8:6::/48 table main proto 3 metric 4294967295"},
    {"prohibit 2001:db8:7::/48", "prohibit 2001:db8:7::/48 table main proto 3 metric 1024"},
    {"throw 2001:db8:8::/48", "throw 2001:db8:8::/48 table main proto 3 metric 1024"},
    {"2001:db8:9::/48 dev va table default",
     "2001:db8:9::/48 table default proto 3 metric 1024 dev va"},
    {"2001:db8:10::/48 dev va table 70000 proto 106",
     "2001:db8:10::/48 table 70000 proto sixgate metric 1024 dev va"},
    {"2001:db8:11::/48 dev va congctl reno",
     "2001:db8:11::/48 table main proto 3 metric 1024 dev va"},
};

static void
test_routes (Fixture *f, gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS (route_cases); i++) {
        g_autofree char *read = NULL;
        g_autofree char *wanted = g_strconcat (route_cases[i].read, "\n", NULL);

        SG_SHELL ("ip -6 route add %s", route_cases[i].add);
        read = dump_routes (f, AF_INET6);
        g_assert_cmpstr (read, ==, wanted);
        if (strstr (route_cases[i].add, "expires"))
            g_assert_true (((SgRoute *) f->snapshot->routes->pdata[0])->expires ||
                           f->snapshot->routes->len > 1);
        SG_SHELL ("ip -6 route del %s", route_cases[i].add);
    }
}

/* Routes in tables that are neither main nor default nor could be a gateway's are nobody's business. */
static void
test_routes_left_out (Fixture *f, gconstpointer data)
{
    g_autofree char *read = NULL;

    SG_SHELL ("ip -6 route add 2001:db8:1::/48 dev va table 900 proto static");
    SG_SHELL ("ip -6 route add local 2001:db8:2::/48 dev lo table local");
    read = dump_routes (f, AF_INET6);
    g_assert_cmpstr (read, ==, "");
}

/* With next hop ids, whether the kernel spells them out or not. */
static void
test_nexthops (Fixture *f, gconstpointer data)
{
    SG_SHELL ("ip nexthop add id 7 via 2001:db8:a::9 dev va");
    SG_SHELL ("ip nexthop add id 8 via 2001:db8:b::9 dev vb onlink");
    SG_SHELL ("ip nexthop add id 9 group 7,3/8,6");
    SG_SHELL ("ip -6 route add 2001:db8:1::/48 nhid 8");
    SG_SHELL ("ip -6 route add 2001:db8:2::/48 nhid 9");

    for (int compatible = 0; compatible <= 1; compatible++) {
        SG_SHELL ("sysctl -qw net.ipv4.nexthop_compat_mode=%d", compatible);
        g_autofree char *read = dump_routes (f, AF_INET6);
        unsigned int seen = 0;

        for (guint i = 0; i < f->snapshot->routes->len; i++) {
            const SgRoute *route = g_ptr_array_index (f->snapshot->routes, i);

            if (route->nexthop_id == 8) {
                g_assert_cmpuint (route->n_nexthops, ==, 1);
                g_assert_cmpuint (route->nexthops[0].ifindex, ==, ifindex (f, "vb"));
                g_assert_true (route->nexthops[0].onlink);
                seen++;
            } else if (route->nexthop_id == 9) {
                g_assert_cmpuint (route->n_nexthops, ==, 2);
                g_assert_true (sg_route_uses (route, ifindex (f, "va")));
                g_assert_true (sg_route_uses (route, ifindex (f, "vb")));
                g_assert_cmpuint (route->nexthops[0].weight + route->nexthops[1].weight, ==, 9);
                seen++;
            }
        }
        g_assert_cmpuint (seen, ==, 2);
    }
}

static void
test_routes_ipv4 (Fixture *f, gconstpointer data)
{
    g_autofree char *read = NULL;

    SG_SHELL ("ip -4 addr add 192.0.2.1/24 dev va");
    SG_SHELL ("ip -4 route add 198.51.100.0/24 via inet6 fe80::9 dev va");
    SG_SHELL ("ip -4 route add 203.0.113.0/24 via 192.0.2.9 src 192.0.2.1 metric 5");
    read = dump_routes (f, AF_INET);
    g_assert_cmpstr (read, ==,
                     "198.51.100.0/24 table main proto 3 via fe80::9 dev va\n"
                     "203.0.113.0/24 table main proto 3 src 192.0.2.1 metric 5 via 192.0.2.9 "
                     "dev va\n");
}

/* The rules that are not there from the start, one a line. */
static char *
dump_rules (Fixture *f)
{
    g_autoptr (GError) error = NULL;
    GString *text = g_string_new (NULL);

    g_array_set_size (f->snapshot->rules, 0);
    g_assert_true (sg_rtnl_rule_dump (f->sock, AF_INET6, f->snapshot, &error));
    g_assert_no_error (error);
    for (guint i = 0; i < f->snapshot->rules->len; i++) {
        const SgRule *rule = &g_array_index (f->snapshot->rules, SgRule, i);

        if (rule->pref == 0 || rule->pref == SG_PREF_KERNEL_MAIN)
            continue;
        sg_rule_print (rule, text);
        g_string_append_c (text, '\n');
    }
    return g_string_free (text, FALSE);
}

#define OTHER " (and selectors not shown)"

static const struct {
    const char *add;
    const char *read;
} rule_cases[] = {
    {"pref 50 fwmark 0x3eb lookup 1003 protocol 106",
     "pref 50 fwmark 0x3eb lookup 1003 proto sixgate"},
    {"pref 51 fwmark 0x10/0xf0 lookup main protocol 4",
     "pref 51 fwmark 0x10/0xf0 lookup main proto 4"},
    {"pref 60 from 2001:db8::1 lookup 1003 protocol 106",
     "pref 60 from 2001:db8::1/128 lookup 1003 proto sixgate"},
    {"pref 64 to 2001:db8::/32 lookup main protocol 106",
     "pref 64 to 2001:db8::/32 lookup main proto sixgate"},
    {"pref 65 lookup main suppress_prefixlength 31 protocol 106",
     "pref 65 lookup main suppress_prefixlength 31 proto sixgate"},
    {"pref 66 lookup main suppress_prefixlength 0 protocol 106",
     "pref 66 lookup main suppress_prefixlength 0 proto sixgate"},
    {"pref 76 unreachable protocol 106", "pref 76 unreachable proto sixgate"},
    {"pref 77 blackhole iif va oif vb protocol 106",
     "pref 77 iif va oif vb blackhole proto sixgate"},
    {"pref 78 not from 2001:db8::/32 prohibit protocol 106",
     "pref 78 not from 2001:db8::/32 prohibit proto sixgate"},
    {"pref 80 uidrange 0-99 lookup main protocol 3", "pref 80 lookup main proto 3" OTHER},
    {"pref 81 ipproto 6 dport 80-90 lookup main protocol 3", "pref 81 lookup main proto 3" OTHER},
    {"pref 82 sport 80 lookup main protocol 3", "pref 82 lookup main proto 3" OTHER},
    {"pref 83 tun_id 9 lookup main protocol 3", "pref 83 lookup main proto 3" OTHER},
    {"pref 84 lookup main suppress_ifgroup 5 protocol 3", "pref 84 lookup main proto 3" OTHER},
    {"pref 85 goto 32766 protocol 3", "pref 85 action 2 proto 3" OTHER},
};

static void
test_rules (Fixture *f, gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS (rule_cases); i++) {
        g_autofree char *read = NULL;
        g_autofree char *wanted = g_strconcat (rule_cases[i].read, "\n", NULL);

        SG_SHELL ("ip -6 rule add %s", rule_cases[i].add);
        read = dump_rules (f);
        g_assert_cmpstr (read, ==, wanted);
        SG_SHELL ("ip -6 rule del %s", rule_cases[i].add);
    }
}

/* ---- writing ---- */

static void
add_route_action (Fixture *f, SgActionKind kind, const SgRoute *route)
{
    const SgAction action = {.kind = kind, .stage = SG_STAGE_TABLES, .route = route};

    g_array_append_val (f->actions, action);
}

static void
add_rule_action (Fixture *f, SgActionKind kind, const SgRule *rule)
{
    const SgAction action = {.kind = kind, .stage = SG_STAGE_RULES, .rule = *rule};

    g_array_append_val (f->actions, action);
}

/* Commits what was collected. */
static bool
commit (Fixture *f)
{
    g_ptr_array_set_size (f->failures, 0);
    bool ok = f->kernel->ops->commit (f->kernel, f->snapshot, (const SgAction *) f->actions->data,
                                      f->actions->len, f->failures);

    g_assert_true (ok == (f->failures->len == 0));
    g_array_set_size (f->actions, 0);
    return ok;
}

static void
assert_committed (Fixture *f)
{
    if (!commit (f))
        g_error ("%s", ((GError *) f->failures->pdata[0])->message);
}

/* Reads the route that `ip` makes of @line, removes it, writes it with our own code, and reads
 * it again: the same. */
static void
test_write_routes (Fixture *f, gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS (route_cases); i++) {
        g_autofree char *before = NULL;
        g_autofree char *after = NULL;
        g_autofree char *gone = NULL;
        g_autoptr (GPtrArray) routes = g_ptr_array_new_with_free_func (g_free);

        SG_SHELL ("ip -6 route add %s", route_cases[i].add);
        before = dump_routes (f, AF_INET6);
        for (guint j = 0; j < f->snapshot->routes->len; j++) {
            SgRoute *route = g_ptr_array_index (f->snapshot->routes, j);

            if (route->protocol != RTPROT_KERNEL)
                g_ptr_array_add (routes, sg_route_copy (route));
        }
        g_assert_cmpuint (routes->len, ==, 1);
        add_route_action (f, SG_ACTION_ROUTE_DEL, routes->pdata[0]);
        assert_committed (f);
        gone = dump_routes (f, AF_INET6);
        g_assert_cmpstr (gone, ==, "");
        /* Twice: what is there already is success, what is gone already too. */
        for (int twice = 0; twice < 2; twice++) {
            add_route_action (f, SG_ACTION_ROUTE_ADD, routes->pdata[0]);
            assert_committed (f);
        }
        add_route_action (f, SG_ACTION_ROUTE_REPLACE, routes->pdata[0]);
        assert_committed (f);
        after = dump_routes (f, AF_INET6);
        g_assert_cmpstr (after, ==, before);
        for (int twice = 0; twice < 2; twice++) {
            add_route_action (f, SG_ACTION_ROUTE_DEL, routes->pdata[0]);
            assert_committed (f);
        }
    }
}

static void
test_write_rules (Fixture *f, gconstpointer data)
{
    for (size_t i = 0; i < G_N_ELEMENTS (rule_cases); i++) {
        g_autofree char *before = NULL;
        g_autofree char *after = NULL;
        g_autofree char *gone = NULL;

        if (strstr (rule_cases[i].read, OTHER))
            continue;
        SG_SHELL ("ip -6 rule add %s", rule_cases[i].add);
        before = dump_rules (f);
        const SgRule rule = g_array_index (f->snapshot->rules, SgRule, 1);
        add_rule_action (f, SG_ACTION_RULE_DEL, &rule);
        assert_committed (f);
        gone = dump_rules (f);
        g_assert_cmpstr (gone, ==, "");
        for (int twice = 0; twice < 2; twice++) {
            add_rule_action (f, SG_ACTION_RULE_ADD, &rule);
            assert_committed (f);
        }
        after = dump_rules (f);
        g_assert_cmpstr (after, ==, before);
        for (int twice = 0; twice < 2; twice++) {
            add_rule_action (f, SG_ACTION_RULE_DEL, &rule);
            assert_committed (f);
        }
    }
}

static SgRoute *
make_default (const Fixture *f, const char *device, const char *gateway)
{
    SgRoute *route = sg_route_new (AF_INET6, 1);

    route->table = 1003;
    route->protocol = SG_PROTOCOL;
    route->metric = 5;
    route->nexthops[0].ifindex = ifindex (f, device);
    if (gateway)
        g_assert_true (sg_ip_parse (gateway, &route->nexthops[0].gateway));
    return route;
}

/* What differs from ours only in its protocol stays. */
static void
test_twins (Fixture *f, gconstpointer data)
{
    g_autofree SgRoute *route = make_default (f, "va", NULL);
    g_autofree SgRoute *twin = make_default (f, "va", NULL);
    SgRule rule = sg_rule_ours (AF_INET6, 60, FR_ACT_TO_TBL);

    rule.table = 1003;
    SG_SHELL ("ip -6 rule add pref 60 lookup 1003 protocol static");
    SG_SHELL ("ip -6 route add default dev vb metric 5 table 1003 proto static");
    SG_SHELL ("ip -6 route add default dev va metric 6 table 1003 proto static");
    twin->metric = 6;
    g_autofree char *rules = sg_shell_output ("ip -6 -details rule show");
    g_autofree char *routes = sg_shell_output ("ip -6 -details route show table 1003");

    add_route_action (f, SG_ACTION_ROUTE_ADD, route);
    add_rule_action (f, SG_ACTION_RULE_ADD, &rule);
    assert_committed (f);
    g_autofree char *both = sg_shell_output ("ip -6 -details rule show");
    g_assert_nonnull (strstr (both, "lookup 1003 proto static"));
    g_assert_nonnull (strstr (both, "lookup 1003 proto 106"));

    /* Ours, and once more: now only the twins would be hit. */
    for (int twice = 0; twice < 2; twice++) {
        add_route_action (f, SG_ACTION_ROUTE_DEL, route);
        add_route_action (f, SG_ACTION_ROUTE_DEL, twin);
        add_rule_action (f, SG_ACTION_RULE_DEL, &rule);
        assert_committed (f);
    }
    g_autofree char *rules_after = sg_shell_output ("ip -6 -details rule show");
    g_autofree char *routes_after = sg_shell_output ("ip -6 -details route show table 1003");
    g_assert_cmpstr (rules_after, ==, rules);
    g_assert_cmpstr (routes_after, ==, routes);
}

/* Removing one gateway leaves the others of the slot. */
static void
test_siblings (Fixture *f, gconstpointer data)
{
    g_autofree SgRoute *first = make_default (f, "va", "2001:db8:a::9");
    g_autofree SgRoute *second = make_default (f, "vb", "2001:db8:b::9");

    add_route_action (f, SG_ACTION_ROUTE_ADD, first);
    add_route_action (f, SG_ACTION_ROUTE_ADD, second);
    add_route_action (f, SG_ACTION_ROUTE_DEL, first);
    assert_committed (f);
    g_autofree char *text = sg_shell_output ("ip -6 route show table 1003");
    g_assert_cmpstr (text, ==, "default via 2001:db8:b::9 dev vb proto 106 metric 5 pref medium\n");
}

/* A blackhole in the same slot as a route of ours: each is removed without the other. */
static void
test_blackhole_beside (Fixture *f, gconstpointer data)
{
    g_autofree SgRoute *route = make_default (f, "va", NULL);
    g_autofree SgRoute *blackhole = sg_route_new (AF_INET6, 0);

    blackhole->type = RTN_BLACKHOLE;
    blackhole->table = route->table;
    blackhole->protocol = route->protocol;
    blackhole->metric = route->metric;
    add_route_action (f, SG_ACTION_ROUTE_ADD, route);
    add_route_action (f, SG_ACTION_ROUTE_ADD, blackhole);
    add_route_action (f, SG_ACTION_ROUTE_DEL, blackhole);
    assert_committed (f);
    g_autofree char *open = sg_shell_output ("ip -6 route show table 1003");
    g_assert_cmpstr (open, ==, "default dev va proto 106 metric 5 pref medium\n");

    add_route_action (f, SG_ACTION_ROUTE_ADD, blackhole);
    add_route_action (f, SG_ACTION_ROUTE_DEL, route);
    assert_committed (f);
    g_autofree char *closed = sg_shell_output ("ip -6 route show table 1003");
    g_assert_true (g_str_has_prefix (closed, "blackhole default dev lo proto 106 metric 5"));
    g_assert_null (strstr (closed, "va"));
}

/* Each failure names the command that would do the same, and the kernel's words; what is not
 * concerned is done all the same. */
static void
test_refused (Fixture *f, gconstpointer data)
{
    g_autofree SgRoute *bad = make_default (f, "va", "2001:db8:dead::9");
    g_autofree SgRoute *good = make_default (f, "vb", NULL);

    add_route_action (f, SG_ACTION_ROUTE_ADD, bad);
    add_route_action (f, SG_ACTION_ROUTE_ADD, good);
    g_assert_false (commit (f));
    g_assert_cmpuint (f->failures->len, ==, 1);
    const GError *failure = f->failures->pdata[0];
    g_assert_error (failure, SG_ERROR, SG_ERROR_KERNEL);
    g_assert_nonnull (strstr (failure->message, "route"));
    g_assert_nonnull (strstr (failure->message, "via 2001:db8:dead::9 dev va"));
    g_assert_nonnull (strstr (failure->message, "No route to host"));
    g_autofree char *text = sg_shell_output ("ip -6 route show table 1003");
    g_assert_cmpstr (text, ==, "default dev vb proto 106 metric 5 pref medium\n");
}

/* Actions that add @n routes to as many networks, from 2001:db8:100::/64 on; @routes owns them. */
static void
add_many (Fixture *f, GPtrArray *routes, const char *device, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        SgIp address = {.family = AF_INET6, .bytes = {0x20, 1, 0xd, 0xb8, 1, 0, i >> 8, i & 255}};
        SgRoute *route = make_default (f, device, NULL);

        route->dst = sg_prefix_new (&address, 64);
        g_ptr_array_add (routes, route);
        add_route_action (f, SG_ACTION_ROUTE_ADD, route);
    }
}

/* Thousands of messages: all acknowledged, in few system calls. */
static void
test_many (Fixture *f, gconstpointer data)
{
    enum { N = 3000 };
    g_autoptr (GPtrArray) routes = g_ptr_array_new_with_free_func (g_free);
    SgKernelStats before = f->kernel->stats;

    add_many (f, routes, "va", N);
    assert_committed (f);
    g_assert_cmpuint (f->kernel->stats.writes - before.writes, ==, N);
    g_assert_cmpuint (f->kernel->stats.messages_read - before.messages_read, ==, N);
    g_assert_cmpuint (f->kernel->stats.system_calls - before.system_calls, <, N / 20);
    g_autofree char *text = dump_routes (f, AF_INET6);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    g_assert_cmpuint (g_strv_length (lines), ==, N + 1);
}

/* A link that went since it was looked at, with thousands of routes still to come for it: few are
 * tried, it is told as a reason to look again, and what is for other links is done. */
static void
test_link_went (Fixture *f, gconstpointer data)
{
    enum { N = 3000 };
    g_autoptr (GPtrArray) routes = g_ptr_array_new_with_free_func (g_free);
    g_autofree SgRoute *other = make_default (f, "vb", NULL);
    g_autofree char *text = NULL;

    add_many (f, routes, "va", N);
    add_route_action (f, SG_ACTION_ROUTE_ADD, other);
    SG_SHELL ("ip link set va down");
    g_assert_false (commit (f));
    g_assert_cmpuint (f->kernel->stats.writes, <, N / 4);
    g_assert_cmpuint (f->failures->len, ==, f->kernel->stats.writes - 1);
    for (guint i = 0; i < f->failures->len; i++) {
        const GError *failure = f->failures->pdata[i];

        g_assert_error (failure, SG_ERROR, SG_ERROR_BUSY);
    }
    text = sg_shell_output ("ip -6 route show table 1003 dev vb");
    g_assert_nonnull (strstr (text, "default proto 106 metric 5"));
}

/* ---- dumps while others write ---- */

/* Adds and removes what @action is about until the parent ends. */
static void G_GNUC_NORETURN
disturb (SgAction action, SgActionKind add, SgActionKind del)
{
    g_autoptr (GError) error = NULL;
    SgKernel *kernel = sg_kernel_linux_open (&error);
    GPtrArray *failures = g_ptr_array_new ();

    prctl (PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        action.kind = add;
        kernel->ops->commit (kernel, NULL, &action, 1, failures);
        action.kind = del;
        kernel->ops->commit (kernel, NULL, &action, 1, failures);
    }
}

static void
end (pid_t child)
{
    kill (child, SIGKILL);
    waitpid (child, NULL, 0);
}

/* 2000 rules, so that a dump takes several messages: none is ever missing or there twice; or the
 * dump is given up with SG_ERROR_BUSY. */
static void
test_disturbed (Fixture *f, gconstpointer data)
{
    enum { N = 2000 };
    unsigned int whole = 0;

    for (uint32_t i = 0; i < N; i++) {
        SgRule rule = sg_rule_ours (AF_INET6, 100 + i, FR_ACT_BLACKHOLE);

        add_rule_action (f, SG_ACTION_RULE_ADD, &rule);
    }
    assert_committed (f);

    pid_t child = fork ();
    if (child == 0)
        disturb ((SgAction) {.rule = sg_rule_ours (AF_INET6, 40, FR_ACT_BLACKHOLE)},
                 SG_ACTION_RULE_ADD, SG_ACTION_RULE_DEL);
    for (int i = 0; i < 200; i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
        uint32_t next = 100;

        if (!sg_rtnl_rule_dump (f->sock, AF_INET6, snapshot, &error)) {
            g_assert_error (error, SG_ERROR, SG_ERROR_BUSY);
            g_assert_cmpuint (snapshot->rules->len, ==, 0);
            continue;
        }
        whole++;
        for (guint j = 0; j < snapshot->rules->len; j++) {
            uint32_t pref = g_array_index (snapshot->rules, SgRule, j).pref;

            if (pref >= 100 && pref < 100 + N)
                g_assert_cmpuint (pref, ==, next++);
        }
        g_assert_cmpuint (next, ==, 100 + N);
    }
    end (child);
    g_test_message ("%u of 200 dumps whole, %" G_GUINT64_FORMAT " tries", whole, f->stats.dumps);
    g_assert_cmpuint (f->stats.dumps, >, 200 + 1);
}

/* A routing daemon that never rests must not keep a run from what it can know. (Of a destination with so
 * many routes that they do not fit into one datagram the kernel itself would never come to the end.) */
static void
test_restless (Fixture *f, gconstpointer data)
{
    enum { N = 2000 };
    g_autoptr (GPtrArray) routes = g_ptr_array_new_with_free_func (g_free);

    add_many (f, routes, "va", N);
    assert_committed (f);

    g_autofree SgRoute *restless = make_default (f, "vb", NULL);
    pid_t child = fork ();
    if (child == 0)
        disturb ((SgAction) {.route = restless}, SG_ACTION_ROUTE_ADD, SG_ACTION_ROUTE_DEL);
    for (int i = 0; i < 50; i++) {
        g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
        g_autoptr (GError) error = NULL;
        bool ok = sg_rtnl_route_dump (f->sock, AF_INET6, snapshot, &error);

        g_assert_no_error (error);
        g_assert_true (ok);
        g_assert_cmpuint (snapshot->routes->len, >=, N * 9 / 10);
    }
    end (child);
}

static void
skip_without_root (void)
{
    g_test_skip ("needs root, for a network namespace of its own");
}

int
main (int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*test) (Fixture *f, gconstpointer data);
    } tests[] = {
        {"/rtnl/live/links/read", test_links},
        {"/rtnl/live/addresses/read", test_addresses},
        {"/rtnl/live/routes/read", test_routes},
        {"/rtnl/live/routes/others-left-out", test_routes_left_out},
        {"/rtnl/live/routes/nexthop-objects", test_nexthops},
        {"/rtnl/live/routes/ipv4", test_routes_ipv4},
        {"/rtnl/live/rules/read", test_rules},
        {"/rtnl/live/routes/written-as-read", test_write_routes},
        {"/rtnl/live/rules/written-as-read", test_write_rules},
        {"/rtnl/live/foreign-twins-stay", test_twins},
        {"/rtnl/live/siblings-stay", test_siblings},
        {"/rtnl/live/blackhole-beside", test_blackhole_beside},
        {"/rtnl/live/refusal-in-the-kernel's-words", test_refused},
        {"/rtnl/live/many-in-few-calls", test_many},
        {"/rtnl/live/link-went-meanwhile", test_link_went},
        {"/rtnl/live/disturbed-dumps-are-whole", test_disturbed},
        {"/rtnl/live/restless-tables-are-read", test_restless},
    };

    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (tests); i++) {
        if (geteuid () == 0)
            g_test_add (tests[i].name, Fixture, NULL, set_up, tests[i].test, tear_down);
        else
            g_test_add_func (tests[i].name, skip_without_root);
    }
    return g_test_run ();
}
