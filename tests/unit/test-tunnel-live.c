/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tunnel role asks of the kernel, against the running one, in a network namespace of its
 * own: settings, proxy neighbours, next hops, addresses, peers. Needs root; peers need WireGuard. */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "core/contract.h"
#include "kernel/genl-wg.h"
#include "kernel/rtnl-neigh.h"
#include "kernel/sysctl.h"
#include "lib/shell.h"

/* ---- surroundings ---- */

typedef struct {
    SgKernel *kernel;
    SgConfig *config;
    SgSnapshot *snapshot;
    GPtrArray *failures;
} World;

static bool
unable (void)
{
    if (unshare (CLONE_NEWNET) == 0)
        return false;
    g_test_skip ("needs root");
    return true;
}

static void
look (World *world)
{
    g_autoptr (GError) error = NULL;

    g_clear_pointer (&world->snapshot, sg_snapshot_free);
    world->snapshot = sg_snapshot_new ();
    world->snapshot->tunnel = true;
    world->kernel->ops->dump (world->kernel, world->config, world->snapshot, &error);
    g_assert_no_error (error);
}

static void
set_up (World *world)
{
    g_autoptr (GError) error = NULL;

    SG_SHELL ("ip link add eth0 type veth peer name far0");
    SG_SHELL ("ip link set eth0 up");
    SG_SHELL ("ip link set far0 up");
    world->kernel = sg_kernel_linux_open (&error);
    g_assert_no_error (error);
    world->config = sg_config_new_default ();
    world->failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    world->snapshot = NULL;
    look (world);
}

static void
tear_down (World *world)
{
    sg_snapshot_free (world->snapshot);
    g_ptr_array_unref (world->failures);
    sg_config_free (world->config);
    sg_kernel_close (world->kernel);
}

static void
commit (World *world, SgAction action, guint failures)
{
    world->kernel->ops->commit (world->kernel, world->snapshot, &action, 1, world->failures);
    g_assert_cmpuint (world->failures->len, ==, failures);
    look (world);
}

static uint32_t
index_of (const World *world, const char *name)
{
    return sg_snapshot_link_by_name (world->snapshot, name)->ifindex;
}

static SgIp
ip_of (const char *text)
{
    SgIp ip;

    g_assert_true (sg_ip_parse (text, &ip));
    return ip;
}

/* ---- tests ---- */

static void
test_settings (void)
{
    World world;
    SgSysctl read;
    g_autoptr (GError) error = NULL;
    static const SgSysctl on = {"net/ipv6/conf/eth0/proxy_ndp", 1};
    static const SgSysctl none = {"net/ipv6/conf/nothere/proxy_ndp", 1};

    if (unable ())
        return;
    set_up (&world);
    g_assert_true (sg_sysctl_read (on.path, &read, NULL) && read.value == 0);
    commit (&world, (SgAction) {.kind = SG_ACTION_SYSCTL, .sysctl = on}, 0);
    g_assert_true (sg_sysctl_read (on.path, &read, NULL) && read.value == 1);
    g_assert_false (sg_sysctl_read (none.path, &read, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_NOT_FOUND);
    commit (&world, (SgAction) {.kind = SG_ACTION_SYSCTL, .sysctl = none}, 1);
    tear_down (&world);
}

/* Settings of one stage end at the first that fails: what comes behind depends on it. */
static void
test_settings_in_order (void)
{
    World world;
    SgSysctl read;
    const SgAction actions[] = {
        {.kind = SG_ACTION_SYSCTL, .sysctl = {"net/ipv6/conf/nothere/accept_ra", 2}},
        {.kind = SG_ACTION_SYSCTL, .sysctl = {"net/ipv6/conf/eth0/proxy_ndp", 1}},
    };

    if (unable ())
        return;
    set_up (&world);
    world.kernel->ops->commit (world.kernel, world.snapshot, actions, 2, world.failures);
    g_assert_cmpuint (world.failures->len, ==, 1);
    g_assert_true (sg_sysctl_read (actions[1].sysctl.path, &read, NULL) && read.value == 0);
    tear_down (&world);
}

static void
test_proxies (void)
{
    World world;
    SgProxy proxy = {.ip = ip_of ("2001:db8::a3b:2"), .protocol = SG_PROTOCOL};
    const SgProxy *read;
    g_autofree char *shown = NULL;

    if (unable ())
        return;
    set_up (&world);
    SG_SHELL ("ip -6 neigh add proxy 2001:db8::5 dev eth0");
    proxy.ifindex = index_of (&world, "eth0");
    /* Twice: the second changes nothing and is no failure. */
    commit (&world, (SgAction) {.kind = SG_ACTION_PROXY_ADD, .proxy = proxy}, 0);
    commit (&world, (SgAction) {.kind = SG_ACTION_PROXY_ADD, .proxy = proxy}, 0);
    g_assert_cmpuint (world.snapshot->proxies->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        read = &g_array_index (world.snapshot->proxies, SgProxy, i);
        g_assert_cmpuint (read->ifindex, ==, proxy.ifindex);
        g_assert_cmpuint (read->protocol, ==,
                          sg_ip_compare (&read->ip, &proxy.ip) == 0 ? SG_PROTOCOL : 0);
    }
    shown = sg_shell_output ("ip -6 neigh show proxy");
    g_assert_nonnull (strstr (shown, "2001:db8::a3b:2 dev eth0"));
    commit (&world, (SgAction) {.kind = SG_ACTION_PROXY_DEL, .proxy = proxy}, 0);
    commit (&world, (SgAction) {.kind = SG_ACTION_PROXY_DEL, .proxy = proxy}, 0);
    g_assert_cmpuint (world.snapshot->proxies->len, ==, 1);
    tear_down (&world);
}

/* The route to a device of the tunnel, by the next hop @id. */
static SgRoute *
new_route (uint32_t id, uint32_t ifindex)
{
    SgRoute *route = sg_route_new (AF_INET6, 1);
    SgIp device = ip_of ("2001:db8::a3b:2");

    route->protocol = SG_PROTOCOL;
    route->table = RT_TABLE_MAIN;
    route->metric = 1024;
    route->dst = sg_prefix_host (&device);
    route->nexthop_id = id;
    route->nexthops[0].ifindex = ifindex;
    return route;
}

static SgNexthopObject
own_nexthop (const World *world)
{
    uint32_t ifindex = index_of (world, "eth0");

    return (SgNexthopObject) {SG_NEXTHOP_BASE + ifindex, ifindex, SG_PROTOCOL};
}

/* What NetworkManager does at a Reapply: the reason why routes to devices lead by a next hop object. */
static void
test_nexthop_outlives_disable_ipv6 (void)
{
    World world;
    g_autofree SgRoute *route = NULL;
    g_autofree char *left = NULL;
    SgNexthopObject mine;
    const SgNexthopObject *read;

    if (unable ())
        return;
    set_up (&world);
    mine = own_nexthop (&world);
    route = new_route (mine.id, mine.ifindex);
    SG_SHELL ("ip -6 route add 2001:db8::99 dev eth0 proto " G_STRINGIFY (SG_PROTOCOL));
    commit (&world, (SgAction) {.kind = SG_ACTION_NEXTHOP_ADD, .nexthop = mine}, 0);
    commit (&world, (SgAction) {.kind = SG_ACTION_ROUTE_ADD, .route = route}, 0);
    g_assert_cmpuint (world.snapshot->nexthops->len, ==, 1);
    read = &g_array_index (world.snapshot->nexthops, SgNexthopObject, 0);
    g_assert_cmpuint (read->id, ==, mine.id);
    g_assert_cmpuint (read->ifindex, ==, mine.ifindex);
    g_assert_cmpuint (read->protocol, ==, SG_PROTOCOL);
    SG_SHELL ("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1");
    SG_SHELL ("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0");
    left = sg_shell_output ("ip -6 route show proto " G_STRINGIFY (SG_PROTOCOL));
    g_assert_nonnull (strstr (left, "2001:db8::a3b:2"));
    g_assert_null (strstr (left, "2001:db8::99"));
    commit (&world, (SgAction) {.kind = SG_ACTION_NEXTHOP_DEL, .nexthop = mine}, 0);
    commit (&world, (SgAction) {.kind = SG_ACTION_NEXTHOP_DEL, .nexthop = mine}, 0);
    g_assert_cmpuint (world.snapshot->nexthops->len, ==, 0);
    tear_down (&world);
}

static void
assert_busy (const World *world, guint index)
{
    g_assert_error ((GError *) g_ptr_array_index (world->failures, index), SG_ERROR, SG_ERROR_BUSY);
}

/* What changed since the snapshot is no failure of the kernel's: the run starts over. */
static void
test_nexthop_that_went (void)
{
    World world;
    g_autofree SgRoute *route = NULL;
    SgNexthopObject mine;
    const SgNexthopObject *read;

    if (unable ())
        return;
    set_up (&world);
    mine = own_nexthop (&world);
    route = new_route (mine.id, mine.ifindex);
    commit (&world, (SgAction) {.kind = SG_ACTION_ROUTE_ADD, .route = route}, 1);
    assert_busy (&world, 0);
    SG_SHELL ("ip link set lo up");
    SG_SHELL ("ip nexthop add id %u blackhole", mine.id);
    commit (&world, (SgAction) {.kind = SG_ACTION_NEXTHOP_ADD, .nexthop = mine}, 2);
    assert_busy (&world, 1);
    read = &g_array_index (world.snapshot->nexthops, SgNexthopObject, 0);
    g_assert_cmpuint (read->ifindex, ==, 0);
    SG_SHELL ("ip nexthop del id %u", mine.id);
    SG_SHELL ("ip link set eth0 down");
    commit (&world, (SgAction) {.kind = SG_ACTION_NEXTHOP_ADD, .nexthop = mine}, 3);
    assert_busy (&world, 2);
    tear_down (&world);
}

/* So many that they are sent in two goes: those of the second are not tried any more. */
static void
test_routes_of_a_link_that_is_down (void)
{
    World world;
    g_autofree SgRoute *route = NULL;
    g_autofree SgAction *actions = g_new0 (SgAction, 600);
    SgNexthopObject mine;

    if (unable ())
        return;
    set_up (&world);
    mine = own_nexthop (&world);
    route = new_route (mine.id, mine.ifindex);
    SG_SHELL ("ip link set eth0 down");
    actions[0] = (SgAction) {.kind = SG_ACTION_NEXTHOP_ADD, .nexthop = mine};
    for (guint i = 1; i < 600; i++)
        actions[i] = (SgAction) {.kind = SG_ACTION_ROUTE_ADD, .route = route};
    world.kernel->ops->commit (world.kernel, world.snapshot, actions, 600, world.failures);
    g_assert_cmpuint (world.failures->len, >, 0);
    g_assert_cmpuint (world.failures->len, <, 600);
    assert_busy (&world, 0);
    tear_down (&world);
}

static void
test_addresses_go (void)
{
    World world;
    SgAddress address = {.ip = ip_of ("2001:db8::1"), .prefix_len = 128};
    g_autofree char *shown = NULL;

    if (unable ())
        return;
    set_up (&world);
    SG_SHELL ("ip address add 2001:db8::1/128 dev eth0 nodad");
    SG_SHELL ("ip address add 2001:db8::2/128 dev eth0 nodad");
    address.ifindex = index_of (&world, "eth0");
    commit (&world, (SgAction) {.kind = SG_ACTION_ADDRESS_DEL, .address = address}, 0);
    commit (&world, (SgAction) {.kind = SG_ACTION_ADDRESS_DEL, .address = address}, 0);
    shown = sg_shell_output ("ip -6 -o address show dev eth0 scope global");
    g_assert_null (strstr (shown, "2001:db8::1/"));
    g_assert_nonnull (strstr (shown, "2001:db8::2/"));
    tear_down (&world);
}

static bool
has_wireguard (void)
{
    g_autoptr (GError) error = NULL;
    int status;

    g_spawn_command_line_sync ("ip link add wg-sixgate type wireguard", NULL, NULL, &status,
                               &error);
    return !error && status == 0;
}

/* What the kernel has of the only peer, in a line. */
static char *
describe_peer (const SgSnapshot *snapshot)
{
    GString *out = g_string_new (NULL);

    g_assert_cmpuint (snapshot->peers->len, ==, 1);
    g_string_append (
        out, g_array_index (snapshot->peers, SgWireguardPeer, 0).preshared ? "preshared" : "plain");
    for (guint i = 0; i < snapshot->allowed->len; i++) {
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (
            out, " %s",
            sg_prefix_format (&g_array_index (snapshot->allowed, SgWireguardAllowed, i).prefix,
                              text));
    }
    return g_string_free (out, /* free_segment= */ FALSE);
}

static void
check_peer (World *world, const SgWantedPeer *peer, const char *expected)
{
    g_autofree char *got = NULL;

    commit (world, (SgAction) {.kind = SG_ACTION_WG_PEER_SET, .peer = *peer}, 0);
    got = describe_peer (world->snapshot);
    g_assert_cmpstr (got, ==, expected);
}

static void
test_peers (void)
{
    World world;
    g_autoptr (SgKeyring) keyring = sg_keyring_new ();
    SgWantedPeer peer = {.public_key = {{1, 2, 3}}, .ip4 = ip_of ("10.59.0.2")};
    static const SgWgRawKey preshared = {{7}};

    if (unable ())
        return;
    if (!has_wireguard ()) {
        g_test_skip ("no WireGuard in this kernel");
        return;
    }
    set_up (&world);
    peer.ifindex = index_of (&world, "wg-sixgate");
    check_peer (&world, &peer, "plain 10.59.0.2/32");
    peer.ip6 = ip_of ("2001:db8::a3b:2");
    peer.preshared = true;
    sg_keyring_add (keyring, peer.ifindex, &peer.public_key, &preshared);
    world.kernel->keyring = keyring;
    check_peer (&world, &peer, "preshared 10.59.0.2/32 2001:db8::a3b:2/128");
    /* Allowed-ips anew: what is not said goes. */
    peer.ip6 = (SgIp) {0};
    check_peer (&world, &peer, "preshared 10.59.0.2/32");
    /* A key that nobody brought along is a failure, and no message. */
    world.kernel->keyring = NULL;
    commit (&world, (SgAction) {.kind = SG_ACTION_WG_PEER_SET, .peer = peer}, 1);
    commit (&world,
            (SgAction) {.kind = SG_ACTION_WG_PEER_DEL,
                        .ifindex = peer.ifindex,
                        .public_key = peer.public_key},
            1);
    g_assert_cmpuint (world.snapshot->peers->len, ==, 0);
    tear_down (&world);
}

/* In memory: what is built is read, and cut short it is refused. */
static void
test_proxy_messages (void)
{
    union {
        struct nlmsghdr nlh;
        uint8_t bytes[SG_RTNL_PROXY_ROOM];
    } memory = {0};
    SgProxy proxy = {7, ip_of ("2001:db8::5"), SG_PROTOCOL}, read;

    g_assert_true (sg_rtnl_proxy_build (&memory, sizeof memory, RTM_NEWNEIGH, &proxy));
    g_assert_true (sg_rtnl_proxy_parse (&memory.nlh, &read, NULL));
    g_assert_cmpuint (read.ifindex, ==, 7);
    g_assert_cmpuint (read.protocol, ==, SG_PROTOCOL);
    g_assert_cmpint (sg_ip_compare (&read.ip, &proxy.ip), ==, 0);
    for (uint32_t len = NLMSG_HDRLEN; len < memory.nlh.nlmsg_len; len += 4) {
        g_autofree struct nlmsghdr *cut = g_memdup2 (&memory, memory.nlh.nlmsg_len);
        g_autoptr (GError) error = NULL;

        cut->nlmsg_len = len;
        /* The protocol is the last, and may be missing. */
        if (sg_rtnl_proxy_parse (cut, &read, &error))
            g_assert_cmpuint (read.protocol, ==, 0);
        else
            g_assert_error (error, SG_ERROR, SG_ERROR_KERNEL);
    }
    memset (&memory, 0, sizeof memory);
    g_assert_false (sg_rtnl_proxy_build (&memory, /* room= */ 40, RTM_DELNEIGH, &proxy));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/tunnel-live/proxy-messages", test_proxy_messages);
    g_test_add_func ("/tunnel-live/settings", test_settings);
    g_test_add_func ("/tunnel-live/settings-in-order", test_settings_in_order);
    g_test_add_func ("/tunnel-live/proxies", test_proxies);
    g_test_add_func ("/tunnel-live/nexthop-outlives-disable-ipv6",
                     test_nexthop_outlives_disable_ipv6);
    g_test_add_func ("/tunnel-live/nexthop-that-went", test_nexthop_that_went);
    g_test_add_func ("/tunnel-live/routes-of-a-link-that-is-down",
                     test_routes_of_a_link_that_is_down);
    g_test_add_func ("/tunnel-live/addresses-go", test_addresses_go);
    g_test_add_func ("/tunnel-live/peers", test_peers);
    return g_test_run ();
}
