/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What repair says to the kernel: messages in memory, and against the running one, in a network
 * namespace of its own. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>

#include <linux/genetlink.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>

#include "kernel/genl-wg.h"
#include "kernel/nl-attr.h"
#include "kernel/rtnl-address.h"
#include "lib/shell.h"

#define ROOM 4096

typedef union {
    struct nlmsghdr nlh;
    uint8_t bytes[ROOM];
} Memory;

static SgIp
ip (const char *text)
{
    SgIp result;

    g_assert_true (sg_ip_parse (text, &result));
    return result;
}

/* ---- in memory ---- */

/* What is asked for is what is read back, in both families. */
static void
test_address_build (void)
{
    static const char *const cases[] = {"2001:db8::1", "192.0.2.1"};

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        const SgAddress wanted = {.ifindex = 9,
                                  .ip = ip (cases[i]),
                                  .prefix_len = 17,
                                  .scope = RT_SCOPE_UNIVERSE,
                                  .flags = IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE};
        g_autoptr (GError) error = NULL;
        Memory memory = {0};
        SgAddress read;

        g_assert_true (sg_rtnl_address_build (&memory, SG_RTNL_ADDRESS_ROOM, &wanted));
        g_assert_cmpuint (memory.nlh.nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL), ==,
                          NLM_F_CREATE | NLM_F_EXCL);
        g_assert_true (sg_rtnl_address_parse (&memory.nlh, &read, &error));
        g_assert_cmpint (sg_ip_compare (&read.ip, &wanted.ip), ==, 0);
        g_assert_cmpuint (read.ifindex, ==, wanted.ifindex);
        g_assert_cmpuint (read.prefix_len, ==, wanted.prefix_len);
        g_assert_cmpuint (read.scope, ==, wanted.scope);
        g_assert_cmphex (read.flags, ==, wanted.flags);
    }
}

static void
test_address_too_large (void)
{
    const SgAddress address = {.ifindex = 9, .ip = ip ("2001:db8::1"), .prefix_len = 128};
    Memory memory = {0};

    for (size_t room = NLMSG_HDRLEN; room < NLMSG_HDRLEN + 56; room++)
        g_assert_false (sg_rtnl_address_build (&memory, room, &address));
}

/* A peer: who it is and whether it has a key. Where its allowed-ips go on, the kernel says neither
 * key nor anything else again: that is no second peer. */
static void
test_wireguard_peers (void)
{
    static const uint8_t keys[][WG_KEY_LEN] = {{1}, {2}, {3}};
    static const uint8_t preshared[WG_KEY_LEN] = {[WG_KEY_LEN - 1] = 1}, zeros[WG_KEY_LEN];
    static const uint8_t *const has[] = {preshared, zeros, NULL};
    g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
    g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
    g_autoptr (GError) error = NULL;
    SgWireguard read = {.ifindex = 9};
    Memory memory = {0};
    SgNlMessage message = sg_nl_message_begin (&memory, ROOM, 30, NLM_F_MULTI);

    sg_nl_put_header (&message, sizeof (struct genlmsghdr));
    struct nlattr *list = sg_nl_nest_begin (&message, WGDEVICE_A_PEERS);
    for (size_t i = 0; i < G_N_ELEMENTS (keys); i++) {
        struct nlattr *peer = sg_nl_nest_begin (&message, 0);
        sg_nl_put (&message, WGPEER_A_PUBLIC_KEY, keys[i], WG_KEY_LEN);
        if (has[i])
            sg_nl_put (&message, WGPEER_A_PRESHARED_KEY, has[i], WG_KEY_LEN);
        sg_nl_nest_end (&message, peer);
    }
    sg_nl_nest_end (&message, list);

    g_assert_true (
        sg_genl_wg_parse (&memory.nlh, /* expected= */ NULL, &read, peers, allowed, &error));
    g_assert_cmpuint (peers->len, ==, 2);
    for (guint i = 0; i < peers->len; i++) {
        const SgWireguardPeer *peer = &g_array_index (peers, SgWireguardPeer, i);

        g_assert_cmpuint (peer->ifindex, ==, 9);
        g_assert_cmpmem (peer->public_key.bytes, WG_KEY_LEN, keys[i], WG_KEY_LEN);
        g_assert_true (peer->preshared == (i == 0));
    }
}

/* One peer, its key, nothing else of it, and never a new one; read back as the kernel would. */
static void
test_wireguard_preshared (void)
{
    static const SgNlSpec device[] = {[WGDEVICE_A_PEERS] = {SG_NL_BYTES}};
    static const SgNlSpec peer_specs[] = {
        [WGPEER_A_FLAGS] = {SG_NL_U32}, [WGPEER_A_PRESHARED_KEY] = {SG_NL_BYTES, WG_KEY_LEN}};
    const SgWireguardPeer peer = {.ifindex = 9, .public_key = {{7, 8, 9}}};
    const SgWgRawKey key = {{4, 5, 6}};
    g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
    g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
    g_autoptr (GError) error = NULL;
    const struct nlattr *attrs[G_N_ELEMENTS (device)], *of_peer[G_N_ELEMENTS (peer_specs)];
    const struct nlattr *first = NULL;
    SgWireguard read = {0};
    bool broken = false;
    Memory memory = {0};

    g_assert_true (sg_genl_wg_build_preshared (&memory, SG_GENL_WG_PEER_ROOM, 30, &peer, &key));
    g_assert_cmpuint (((const struct genlmsghdr *) sg_nl_message_header (&memory.nlh))->cmd, ==,
                      WG_CMD_SET_DEVICE);
    g_assert_true (
        sg_genl_wg_parse (&memory.nlh, /* expected= */ NULL, &read, peers, allowed, &error));
    g_assert_cmpuint (read.ifindex, ==, 9);
    g_assert_cmpuint (peers->len, ==, 1);
    g_assert_true (g_array_index (peers, SgWireguardPeer, 0).preshared);
    g_assert_true (
        sg_wg_key_equal (&g_array_index (peers, SgWireguardPeer, 0).public_key, &peer.public_key));

    g_assert_true (sg_nl_message_parse (&memory.nlh, sizeof (struct genlmsghdr), device,
                                        G_N_ELEMENTS (device), attrs));
    g_assert_true (sg_nl_attr_next (attrs[WGDEVICE_A_PEERS], &first, &broken));
    g_assert_true (sg_nl_attrs_parse (sg_nl_attr_data (first), sg_nl_attr_len (first), peer_specs,
                                      G_N_ELEMENTS (peer_specs), of_peer));
    g_assert_cmpuint (sg_nl_attr_u32 (of_peer[WGPEER_A_FLAGS]), ==, WGPEER_F_UPDATE_ONLY);
    g_assert_cmpmem (sg_nl_attr_data (of_peer[WGPEER_A_PRESHARED_KEY]), WG_KEY_LEN, key.bytes,
                     WG_KEY_LEN);
    for (size_t room = NLMSG_HDRLEN; room < memory.nlh.nlmsg_len; room++)
        g_assert_false (sg_genl_wg_build_preshared (&(Memory) {0}, room, 30, &peer, &key));
}

/* ---- against the kernel ---- */

typedef struct {
    SgKernel *kernel;
    SgConfig *config;
    GArray *actions;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (unshare (CLONE_NEWNET), ==, 0);
    f->kernel = sg_kernel_linux_open (&error);
    g_assert_no_error (error);
    f->config = sg_config_new_default ();
    f->actions = g_array_new (FALSE, TRUE, sizeof (SgAction));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
    sg_kernel_close (f->kernel);
    sg_config_free (f->config);
    g_array_unref (f->actions);
}

/* Commits the actions; none may fail. */
static void
assert_committed (Fixture *f)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();

    f->kernel->ops->commit (f->kernel, snapshot, (const SgAction *) (void *) f->actions->data,
                            f->actions->len, failures);
    if (failures->len > 0)
        g_error ("%s", ((const GError *) g_ptr_array_index (failures, 0))->message);
}

/* An address of each family; twice is once. */
static void
test_write_address (Fixture *f, gconstpointer data)
{
    static const char *const texts[] = {"2001:db8:77::2", "192.0.2.77"};

    SG_SHELL ("ip link add name put0 type bridge");
    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        SgAction action = {.kind = SG_ACTION_ADDRESS_ADD,
                           .address = {.ifindex = if_nametoindex ("put0"),
                                       .prefix_len = 24,
                                       .flags = IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE}};

        g_assert_true (sg_ip_parse (texts[i], &action.address.ip));
        g_array_append_val (f->actions, action);
        g_array_append_val (f->actions, action);
    }
    assert_committed (f);
    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autofree char *shown = sg_shell_output ("ip -o address show dev put0 to %s", texts[i]);

        g_assert_nonnull (strstr (shown, "/24 "));
        g_assert_nonnull (strstr (shown, " scope global "));
        g_assert_nonnull (strstr (shown, " noprefixroute"));
        g_assert_nonnull (strstr (shown, " valid_lft forever "));
    }
}

/* Zeroed by somebody, put back by us: only that, and no peer that is not there. */
static void
test_preshared (Fixture *f, gconstpointer data)
{
    g_autoptr (SgKeyring) keyring = sg_keyring_new ();
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    const SgWgRawKey preshared = {{1, 2, 3}};
    int status;

    g_assert_true (
        g_spawn_command_line_sync ("ip link add wg0 type wireguard", NULL, NULL, &status, NULL));
    if (status != 0) {
        g_test_skip ("this kernel has no WireGuard");
        return;
    }
    for (int i = 0; i < 2; i++) {
        g_autofree char *key = sg_shell_output ("sh -c 'wg genkey | wg pubkey'");

        SG_SHELL ("wg set wg0 peer %s allowed-ips 2001:db8:%d::/48", g_strchomp (key), i);
    }
    g_assert_true (f->kernel->ops->dump (f->kernel, f->config, snapshot, /* error= */ NULL));
    g_assert_cmpuint (snapshot->peers->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        SgWireguardPeer peer = g_array_index (snapshot->peers, SgWireguardPeer, i);
        SgAction action = {.kind = SG_ACTION_WG_PRESHARED_KEY, .ifindex = peer.ifindex};

        g_assert_false (peer.preshared);
        peer.public_key.bytes[0] ^= i == 1 ? 0xff : 0; /* the second: nobody has that key */
        action.public_key = peer.public_key;
        sg_keyring_add (keyring, peer.ifindex, &peer.public_key, &preshared);
        g_array_append_val (f->actions, action);
    }
    f->kernel->keyring = keyring;
    assert_committed (f);
    f->kernel->keyring = NULL;

    g_autofree char *after = sg_shell_output ("wg show wg0 preshared-keys");
    g_autoptr (SgSnapshot) again = sg_snapshot_new ();
    SgWgKey text;

    sg_wg_key_encode (&preshared, &text);
    g_assert_nonnull (strstr (after, text.text));
    g_assert_nonnull (strstr (after, "(none)"));
    g_assert_true (f->kernel->ops->dump (f->kernel, f->config, again, /* error= */ NULL));
    g_assert_cmpuint (again->peers->len, ==, 2);
    g_assert_true (g_array_index (again->peers, SgWireguardPeer, 0).preshared !=
                   g_array_index (again->peers, SgWireguardPeer, 1).preshared);
}

static void
dump_wireguard (Fixture *f, SgWireguard *ret_wireguard)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();

    g_assert_true (f->kernel->ops->dump (f->kernel, f->config, snapshot, /* error= */ NULL));
    g_assert_cmpuint (snapshot->wireguards->len, ==, 1);
    *ret_wireguard = g_array_index (snapshot->wireguards, SgWireguard, 0);
}

static void
test_wireguard (Fixture *f, gconstpointer data)
{
    SgWireguard wireguard;
    int status;

    g_assert_true (
        g_spawn_command_line_sync ("ip link add wg0 type wireguard", NULL, NULL, &status, NULL));
    if (status != 0) {
        g_test_skip ("this kernel has no WireGuard");
        return;
    }
    /* 300 peers take several messages; only the last allows everything. */
    for (int i = 0; i < 300; i++) {
        g_autofree char *key = sg_shell_output ("sh -c 'wg genkey | wg pubkey'");

        SG_SHELL ("wg set wg0 peer %s allowed-ips %s", g_strchomp (key),
                  i < 299 ? "10.0.0.0/8" : "::/0");
    }
    SG_SHELL ("sh -c 'k=$(mktemp) && wg genkey >$k && wg set wg0 private-key $k && rm $k'");
    dump_wireguard (f, &wireguard);
    g_assert_true (wireguard.peer_default[SG_IPV6]);
    g_assert_false (wireguard.peer_default[SG_IPV4]);
    g_assert_cmpuint (wireguard.fwmark, ==, 0);

    g_autofree char *before = sg_shell_output ("wg showconf wg0");
    SgAction action = {.kind = SG_ACTION_WG_FWMARK, .ifindex = wireguard.ifindex, .fwmark = 51820};
    g_array_append_val (f->actions, action);
    assert_committed (f);
    dump_wireguard (f, &wireguard);
    g_assert_cmpuint (wireguard.fwmark, ==, 51820);
    /* Nothing else of the device changed. */
    SG_SHELL ("wg set wg0 fwmark 0");
    g_autofree char *after = sg_shell_output ("wg showconf wg0");
    g_assert_cmpstr (after, ==, before);
}

/* An action whose key nobody brought along is a failure, not a message without a key. */
static void
test_no_keyring (Fixture *f, gconstpointer data)
{
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    const SgAction action = {.kind = SG_ACTION_WG_PRESHARED_KEY, .ifindex = 1};

    g_assert_false (f->kernel->ops->commit (f->kernel, snapshot, &action, 1, failures));
    g_assert_cmpuint (failures->len, ==, 1);
    g_assert_cmpuint (f->kernel->stats.writes, ==, 0);
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
    } live[] = {
        {"/repair/live/addresses", test_write_address},
        {"/repair/live/preshared-key", test_preshared},
        {"/repair/live/no-keyring", test_no_keyring},
        {"/repair/live/wireguard-as-it-is", test_wireguard},
    };

    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/repair/address/as-built", test_address_build);
    g_test_add_func ("/repair/address/too-large", test_address_too_large);
    g_test_add_func ("/repair/wireguard/peers", test_wireguard_peers);
    g_test_add_func ("/repair/wireguard/preshared-key-alone", test_wireguard_preshared);
    for (size_t i = 0; i < G_N_ELEMENTS (live); i++) {
        if (geteuid () == 0)
            g_test_add (live[i].name, Fixture, NULL, set_up, live[i].test, tear_down);
        else
            g_test_add_func (live[i].name, skip_without_root);
    }
    return g_test_run ();
}
