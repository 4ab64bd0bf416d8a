/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Update in place, the part that decides: from a link as it is, the file that it has and the file
 * that it is to have, the steps in their order. What stays the same is not touched. */
#include <string.h>

#include "base/error.h"
#include "core/link-plan.h"
#include "core/rollback.h"

#define PRIVATE "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define PRIVATE2 "0uGr1E/iQP48v5DUxKdn4SjErveAWz4OuDtwzy4cWTE="
#define PEER "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
#define PEER2 "Lrc7jox5IA4ESPow/0Itkejd7O+cbiH0wYpbTapLBgI="
#define PSK "FCN/YnI1x2thC1DE+bnZz3/cFk5lCf7FxCZAa8yG1K4="
#define PSK2 "/UwcSPg38hW/D9Y3tcS1FOV0K1wuURMbS0sesJEP5ak="

#define ADDRESSES "10.59.0.2/24, 2001:db8::2/64"
#define INTERFACE(key, rest) "[Interface]\nPrivateKey = " key "\nAddress = " rest "\n"
#define ONE(key, rest) "[Peer]\nPublicKey = " key "\n" rest "\n"
#define USUAL_PEER                                                                                 \
    ONE (PEER, "PresharedKey = " PSK "\nEndpoint = 203.0.113.1:51820\nAllowedIPs = ::/0")
#define USUAL INTERFACE (PRIVATE, ADDRESSES) USUAL_PEER
#define WITH(peers) INTERFACE (PRIVATE, ADDRESSES) peers
#define AT(addresses) INTERFACE (PRIVATE, addresses) USUAL_PEER

static SgWgConf *
parse (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgWgConf *conf = sg_wg_conf_parse ("test", text, strlen (text), &error);

    g_assert_no_error (error);
    return conf;
}

/* The link as NetworkManager makes it of @text. */
static SgLinkState *
link_of (const char *text)
{
    g_autoptr (SgWgConf) conf = parse (text);
    g_autoptr (SgLinkState) bare = sg_link_state_new ("wg0", 7);
    SgLinkState *state;

    bare->ipv6_off = true;
    state = sg_link_state_from_conf (conf, bare);
    state->conf->listen_port = state->conf->listen_port ? state->conf->listen_port : 40000;
    state->conf->fwmark = state->conf->fwmark ? state->conf->fwmark : 0x73697867;
    state->conf->mtu = state->conf->mtu ? state->conf->mtu : 1420;
    return state;
}

static SgLinkState *
target_of (const SgLinkState *now, const char *old_text, const char *new_text)
{
    g_autoptr (SgWgConf) old = parse (old_text);
    g_autoptr (SgWgConf) new = parse (new_text);
    g_autoptr (SgLinkState) from = sg_link_state_from_conf (old, now);
    g_autoptr (SgLinkState) to = sg_link_state_from_conf (new, now);

    return sg_link_state_merge (now, from, to);
}

static void
assert_plan (const SgLinkState *now, const SgLinkState *to, const char *expected)
{
    g_autoptr (SgLinkPlan) plan = sg_link_plan_new (now, to);
    g_autofree char *text = sg_link_plan_to_string (plan);

    g_assert_cmpstr (text, ==, expected);
}

static const struct {
    const char *name, *now, *old, *new, *plan;
} rows[] = {
#define WG "wg set wg0 "
    {"the same file again", USUAL, USUAL, USUAL, ""},
    {"another preshared key", USUAL, USUAL,
     WITH (ONE (PEER, "PresharedKey = " PSK2 "\nEndpoint = 203.0.113.1:51820\nAllowedIPs = ::/0")),
     WG "peer " PEER " preshared-key /dev/stdin\n"},
    {"no preshared key any more", USUAL, USUAL,
     WITH (ONE (PEER, "Endpoint = 203.0.113.1:51820\nAllowedIPs = ::/0")),
     WG "peer " PEER " preshared-key /dev/null\n"},
    {"a key that a Reapply wiped", WITH (ONE (PEER, "AllowedIPs = ::/0")), USUAL, USUAL,
     WG "peer " PEER " preshared-key /dev/stdin endpoint 203.0.113.1:51820\n"},
    {"private key, port, mark and MTU", USUAL, USUAL,
     INTERFACE (PRIVATE2, ADDRESSES "\nListenPort = 51821\nFwMark = 0x99\nMTU = 1400") USUAL_PEER,
     WG "private-key /dev/stdin listen-port 51821 fwmark 0x99\nip link set dev wg0 mtu 1400\n"},
    {"a file that no longer says them leaves them",
     INTERFACE (PRIVATE, ADDRESSES "\nListenPort = 51821\nFwMark = 0x99\nMTU = 1400") USUAL_PEER,
     INTERFACE (PRIVATE, ADDRESSES "\nListenPort = 51821\nFwMark = 0x99\nMTU = 1400") USUAL_PEER,
     USUAL, ""},
    {"an MTU too small for IPv6 is not taken while there is IPv6", USUAL, USUAL,
     INTERFACE (PRIVATE, "10.59.0.2/24\nMTU = 1200") USUAL_PEER,
     "ip -6 route del 2001:db8::/64 dev wg0 proto kernel metric 50\n"
     "ip -6 address del 2001:db8::2/64 dev wg0\n"},
    {"another server: added before the old one goes", USUAL, USUAL,
     WITH (ONE (PEER2,
                "PresharedKey = " PSK2
                "\nEndpoint = [2001:db8:1::1]:1\nAllowedIPs = ::/0\nPersistentKeepalive = 25")),
     WG "peer " PEER2 " preshared-key /dev/stdin endpoint [2001:db8:1::1]:1 "
        "persistent-keepalive 25 allowed-ips ::/0\n" WG "peer " PEER " remove\n"},
    {"a peer of somebody else stays", USUAL ONE (PEER2, "AllowedIPs = 10.9.0.0/16"), USUAL, USUAL,
     ""},
    {"the endpoint of a peer that roams stays",
     WITH (ONE (PEER, "PresharedKey = " PSK "\nEndpoint = 198.51.100.9:9\nAllowedIPs = ::/0")),
     USUAL, USUAL, ""},
    {"unless the file says another one",
     WITH (ONE (PEER, "PresharedKey = " PSK "\nEndpoint = 198.51.100.9:9\nAllowedIPs = ::/0")),
     USUAL,
     WITH (ONE (PEER, "PresharedKey = " PSK "\nEndpoint = 203.0.113.2:51820\nAllowedIPs = ::/0")),
     WG "peer " PEER " endpoint 203.0.113.2:51820\n"},
    {"more allowed IPs do not replace those that are there", USUAL, USUAL,
     WITH (ONE (PEER, "PresharedKey = " PSK "\nEndpoint = 203.0.113.1:51820\nAllowedIPs = ::/0, "
                      "0.0.0.0/0\nPersistentKeepalive = 5")),
     WG "peer " PEER " persistent-keepalive 5 allowed-ips ::/0,0.0.0.0/0\n"},
    {"one that two peers ask for is the last one's", USUAL, USUAL,
     WITH (ONE (PEER, "PresharedKey = " PSK "\nEndpoint = 203.0.113.1:51820\nAllowedIPs = ::/0")
               ONE (PEER2, "AllowedIPs = ::/0")),
     WG "peer " PEER " allowed-ips ''\n" WG "peer " PEER2
        " persistent-keepalive 0 allowed-ips ::/0\n"},
    {"addresses: new ones first, none that stays is touched", USUAL, USUAL,
     AT ("10.59.0.9/24, 2001:db8::2/64, 2001:db8:9::2/128"),
     "ip -4 address add 10.59.0.9/24 dev wg0 noprefixroute\n"
     "ip -6 address add 2001:db8:9::2/128 dev wg0 noprefixroute\n"
     "ip -4 route append 10.59.0.0/24 dev wg0 proto kernel src 10.59.0.9 metric 50\n"
     "ip -6 route append 2001:db8:9::2/128 dev wg0 proto kernel metric 50\n"
     "ip -4 route del 10.59.0.0/24 dev wg0 proto kernel src 10.59.0.2 metric 50\n"
     "ip -4 address del 10.59.0.2/24 dev wg0\n"},
    {"another length of the network: only its route changes (IPv6)", USUAL, USUAL,
     AT ("10.59.0.2/24, 2001:db8::2/48"),
     "ip -6 route append 2001:db8::/48 dev wg0 proto kernel metric 50\n"
     "ip -6 route del 2001:db8::/64 dev wg0 proto kernel metric 50\n"},
    {"an address that somebody else added stays", AT (ADDRESSES ", 2001:db8:5::5/64"), USUAL, USUAL,
     ""},
    {"an address that a Reapply wiped comes back", AT ("10.59.0.2/24"), USUAL, USUAL,
     "sysctl net.ipv6.conf.wg0.disable_ipv6=0\n"
     "ip -6 address add 2001:db8::2/64 dev wg0 noprefixroute\n"
     "ip -6 route append 2001:db8::/64 dev wg0 proto kernel metric 50\n"},
#undef WG
};

static void
test_row (gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE (data);
    g_autoptr (SgLinkState) now = link_of (rows[i].now);
    g_autoptr (SgLinkState) target = target_of (now, rows[i].old, rows[i].new);

    assert_plan (now, target, rows[i].plan);
}

/* Carried out whole, and undone, and both once more: nothing is left to do. */
static void
test_row_undone (gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE (data);
    g_autoptr (SgLinkState) before = link_of (rows[i].now);
    g_autoptr (SgLinkState) target = target_of (before, rows[i].old, rows[i].new);
    g_autoptr (SgLinkState) again = sg_link_state_merge (target, target, target);
    g_autoptr (SgLinkState) back = sg_link_state_merge (target, target, before);
    g_autoptr (SgLinkState) from_nothing = sg_link_state_merge (before, target, before);

    assert_plan (target, again, "");
    assert_plan (back, before, "");
    assert_plan (before, from_nothing, "");
}

/* No secret is in a plan, whatever changes. */
static void
test_no_secret (void)
{
    static const char *const secrets[] = {PRIVATE, PRIVATE2, PSK, PSK2};

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS (secrets); k++)
            g_assert_null (strstr (rows[i].plan, secrets[k]));
    }
}

/* ---- the file that a broken update is undone from ---- */

static void
test_rollback_round_trip (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgLinkState) before = link_of (rows[i].now);
        g_autoptr (SgLinkState) target = target_of (before, rows[i].old, rows[i].new);
        g_autoptr (GVariant) settings = g_variant_ref_sink (g_variant_new_parsed (
            "{'connection': {'id': <'wg0'>}, 'wireguard': {'mtu': <uint32 9>}}"));
        g_autoptr (GError) error = NULL;
        g_autoptr (SgRollback) written =
            sg_rollback_new ("a-uuid", settings, before, target, &error);
        g_autoptr (SgRollback) read = NULL;
        char *text;

        g_assert_no_error (error);
        text = sg_rollback_to_text (written);
        read = sg_rollback_parse (text, &error);
        sg_wg_text_free (text);
        g_assert_no_error (error);
        g_assert_cmpstr (read->uuid, ==, "a-uuid");
        g_assert_true (g_variant_equal (read->settings, settings));
        g_assert_cmpuint (read->before->ifindex, ==, 7);
        assert_plan (read->before, before, "");
        assert_plan (before, read->before, "");
        assert_plan (read->target, target, "");
        assert_plan (target, read->target, "");
    }
}

static void
test_rollback_damaged (void)
{
    g_autoptr (SgLinkState) before = link_of (USUAL);
    g_autoptr (GVariant) settings = g_variant_ref_sink (g_variant_new_parsed ("@a{sa{sv}} {}"));
    g_autoptr (SgRollback) rollback =
        sg_rollback_new ("a-uuid", settings, before, before, /* error= */ NULL);
    g_autofree char *whole = sg_rollback_to_text (rollback);

    for (size_t len = 0; len < strlen (whole); len += 7) {
        g_autofree char *part = g_strndup (whole, len);
        g_autoptr (GError) error = NULL;

        g_assert_null (sg_rollback_parse (part, &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    }
}

/* What could not be undone is not begun. */
static void
test_rollback_unreadable (void)
{
    g_autoptr (GVariant) settings = g_variant_ref_sink (g_variant_new_parsed ("@a{sa{sv}} {}"));
    g_autoptr (SgLinkState) good = link_of (USUAL);
    g_autoptr (SgLinkState) bad = link_of (USUAL);
    const SgLinkState *const cases[][2] = {{bad, good}, {good, bad}};

    *((SgWgPeer *) bad->conf->peers->pdata[0])->public_key.text = '\0';
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_null (sg_rollback_new ("a-uuid", settings, cases[i][0], cases[i][1], &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *there = g_strconcat ("/link-plan/", rows[i].name, NULL);
        g_autofree char *back = g_strconcat ("/link-plan/undone/", rows[i].name, NULL);

        g_test_add_data_func (there, GSIZE_TO_POINTER (i), test_row);
        g_test_add_data_func (back, GSIZE_TO_POINTER (i), test_row_undone);
    }
    g_test_add_func ("/link-plan/no-secret", test_no_secret);
    g_test_add_func ("/rollback/round-trip", test_rollback_round_trip);
    g_test_add_func ("/rollback/damaged", test_rollback_damaged);
    g_test_add_func ("/rollback/unreadable", test_rollback_unreadable);
    return g_test_run ();
}
