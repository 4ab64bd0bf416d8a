/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generic netlink messages about WireGuard in memory, likewise as test-rtnl.c: read, built, torn. */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "base/error.h"
#include "core/contract.h"
#include "kernel/genl-wg-attr.h"
#include "kernel/genl-wg.h"
#include "kernel/nl-attr.h"
#include "nl-torn.h"

static bool
parse_wireguard (const struct nlmsghdr *nlh, GError **error)
{
    g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
    g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
    SgWireguard wireguard = {0};

    return sg_genl_wg_parse (nlh, /* expected= */ NULL, &wireguard, peers, allowed, error);
}

static void
put_peer (SgNlMessage *message, uint16_t family, uint8_t len)
{
    static const uint8_t key[WG_KEY_LEN];
    struct nlattr *peer = sg_nl_nest_begin (message, 0);

    sg_nl_put (message, WGPEER_A_PUBLIC_KEY, key, sizeof (key));
    struct nlattr *list = sg_nl_nest_begin (message, WGPEER_A_ALLOWEDIPS);
    struct nlattr *entry = sg_nl_nest_begin (message, 0);
    sg_nl_put_u16 (message, WGALLOWEDIP_A_FAMILY, family);
    sg_nl_put (message, WGALLOWEDIP_A_IPADDR, key, family == AF_INET6 ? 16 : 4);
    sg_nl_put_u8 (message, WGALLOWEDIP_A_CIDR_MASK, len);
    sg_nl_nest_end (message, entry);
    sg_nl_nest_end (message, list);
    sg_nl_nest_end (message, peer);
}

static const SgWgRawKey public_key = {{4, 5, 6}};

static void
build_wireguard (SgTornMemory *memory, uint32_t fwmark, uint16_t family, uint8_t len)
{
    static const uint8_t private_key[WG_KEY_LEN] = {1, 2, 3};
    SgNlMessage message = sg_nl_message_begin (memory, SG_TORN_ROOM, 30, NLM_F_MULTI);

    sg_nl_put_header (&message, sizeof (struct genlmsghdr));
    /* The kernel says these in the first message of a device only. */
    if (fwmark != 0) {
        sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, 9);
        sg_nl_put_u32 (&message, WGDEVICE_A_FWMARK, fwmark);
        sg_nl_put (&message, WGDEVICE_A_PRIVATE_KEY, private_key, sizeof (private_key));
        sg_nl_put (&message, WGDEVICE_A_PUBLIC_KEY, &public_key, sizeof (public_key));
    }
    struct nlattr *peers = sg_nl_nest_begin (&message, WGDEVICE_A_PEERS);
    put_peer (&message, AF_INET, 32);
    put_peer (&message, family, len);
    sg_nl_nest_end (&message, peers);
    g_assert_false (message.full);
}

static void
test_wireguard (void)
{
    static const struct {
        uint16_t family;
        uint8_t len;
        bool default6, default4;
    } cases[] = {{AF_INET6, 0, true, false},
                 {AF_INET6, 1, false, false},
                 {AF_INET, 0, false, true},
                 {AF_INET, 1, false, false}};

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        SgTornMemory memory = {0};
        g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
        g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
        SgWireguard read = {0};

        build_wireguard (&memory, 51820, cases[i].family, cases[i].len);
        g_assert_true (
            sg_genl_wg_parse (&memory.nlh, /* expected= */ NULL, &read, peers, allowed, &error));
        g_assert_cmpuint (read.ifindex, ==, 9);
        g_assert_cmpuint (read.fwmark, ==, 51820);
        g_assert_false (read.unkeyed);
        g_assert_true (sg_wg_key_equal (&read.public_key, &public_key));
        g_assert_true (read.peer_default[SG_IPV6] == cases[i].default6);
        g_assert_true (read.peer_default[SG_IPV4] == cases[i].default4);
        sg_torn_check_cut (parse_wireguard, &memory, sizeof (struct genlmsghdr), 5);
        sg_torn_check_lies (parse_wireguard, &memory);
    }
}

/* What a peer has is compared with what it is to have, as it is read, and not kept. */
static void
test_expected_preshared_key (void)
{
    static const uint8_t zeros[WG_KEY_LEN];
    static const SgWgRawKey seven = {{7}}, eight = {{8}}, peer_key = {{9}}, other_peer = {{10}};
    static const struct {
        const SgWgRawKey *expected_of, *expected, *has;
        bool other;
    } cases[] = {
        {&peer_key, &seven, &seven, false},
        {&peer_key, &seven, &eight, true},
        {&other_peer, &seven, &eight, false},
        {&peer_key, &seven, NULL, false}, /* it has none: SgWireguardPeer.preshared */
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (SgKeyring) expected = sg_keyring_new ();
        g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
        g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
        SgWireguard read = {0};
        SgTornMemory memory = {0};
        SgNlMessage message =
            sg_genl_wg_message_begin (&memory, sizeof memory, /* family= */ 31, WG_CMD_GET_DEVICE);
        struct nlattr *list, *peer;

        sg_nl_put_u32 (&message, WGDEVICE_A_IFINDEX, 9);
        list = sg_nl_nest_begin (&message, WGDEVICE_A_PEERS);
        peer = sg_nl_nest_begin (&message, 0);
        sg_nl_put (&message, WGPEER_A_PUBLIC_KEY, peer_key.bytes, WG_KEY_LEN);
        sg_nl_put (&message, WGPEER_A_PRESHARED_KEY, cases[i].has ? cases[i].has->bytes : zeros,
                   WG_KEY_LEN);
        sg_nl_nest_end (&message, peer);
        sg_nl_nest_end (&message, list);
        sg_keyring_add (expected, 0, cases[i].expected_of, cases[i].expected);
        g_assert_true (sg_genl_wg_parse (message.nlh, expected, &read, peers, allowed, &error));
        g_assert_cmpuint (peers->len, ==, 1);
        g_assert_true (g_array_index (peers, SgWireguardPeer, 0).other_preshared == cases[i].other);
        g_assert_true (g_array_index (peers, SgWireguardPeer, 0).preshared ==
                       (cases[i].has != NULL));
    }
}

/* Peers come in several messages, of which each only adds. */
static void
test_wireguard_continued (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) peers = g_array_new (FALSE, FALSE, sizeof (SgWireguardPeer));
    g_autoptr (GArray) allowed = g_array_new (FALSE, FALSE, sizeof (SgWireguardAllowed));
    SgWireguard read = {0};
    SgTornMemory memory = {0};

    build_wireguard (&memory, 51820, AF_INET6, 0);
    g_assert_true (
        sg_genl_wg_parse (&memory.nlh, /* expected= */ NULL, &read, peers, allowed, &error));
    memset (&memory, 0, sizeof (memory));
    build_wireguard (&memory, 0, AF_INET, 0);
    g_assert_true (
        sg_genl_wg_parse (&memory.nlh, /* expected= */ NULL, &read, peers, allowed, &error));
    g_assert_cmpuint (read.fwmark, ==, 51820);
    g_assert_false (read.unkeyed);
    g_assert_true (sg_wg_key_equal (&read.public_key, &public_key));
    g_assert_true (read.peer_default[SG_IPV6]);
    g_assert_true (read.peer_default[SG_IPV4]);
}

/* Setting the fwmark says nothing else about the device. */
static void
test_wireguard_fwmark (void)
{
    static const SgNlSpec specs[] = {
        [WGDEVICE_A_IFINDEX] = {SG_NL_U32}, [WGDEVICE_A_FWMARK] = {SG_NL_U32}};
    const struct nlattr *attrs[G_N_ELEMENTS (specs)];
    SgTornMemory memory = {0};

    g_assert_true (sg_genl_wg_build_fwmark (&memory, SG_GENL_WG_ROOM, 30, 9, 51820));
    g_assert_cmpuint (memory.nlh.nlmsg_type, ==, 30);
    g_assert_cmpuint (memory.nlh.nlmsg_len, ==, NLMSG_HDRLEN + GENL_HDRLEN + 2 * 8);
    g_assert_true (sg_nl_message_parse (&memory.nlh, sizeof (struct genlmsghdr), specs,
                                        G_N_ELEMENTS (specs), attrs));
    g_assert_cmpuint (sg_nl_attr_u32 (attrs[WGDEVICE_A_IFINDEX]), ==, 9);
    g_assert_cmpuint (sg_nl_attr_u32 (attrs[WGDEVICE_A_FWMARK]), ==, 51820);
    const struct genlmsghdr *header = sg_nl_message_header (&memory.nlh);
    g_assert_cmpuint (header->cmd, ==, WG_CMD_SET_DEVICE);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/genl/wireguard/allowed-ips", test_wireguard);
    g_test_add_func ("/genl/wireguard/peers-continue", test_wireguard_continued);
    g_test_add_func ("/genl/wireguard/expected-preshared-key", test_expected_preshared_key);
    g_test_add_func ("/genl/wireguard/fwmark-alone", test_wireguard_fwmark);
    return g_test_run ();
}
