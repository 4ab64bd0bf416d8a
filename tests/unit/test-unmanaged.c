/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which links NetworkManager is told to leave alone, and how. */
#include <string.h>

#include "core/tunnel-prefix.h"
#include "core/unmanaged.h"
#include "lib/situation.h"

#define HOST                                                                                       \
    "link 1 lo loopback up\nlink 2 eth0 up\nlink 3 eth1 up\nlink 4 wg-sixgate kind wireguard up\n"

/* The names, with a blank between them; owned by the caller. */
static char *
candidates_of (const char *lines)
{
    g_autofree char *text = g_strconcat (HOST, lines, NULL);
    g_autoptr (SgSituationText) situation = sg_situation_parse (text);
    g_autoptr (GArray) links = sg_tunnel_wan_links (situation->snapshot, "wg-sixgate", AF_UNSPEC);
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    for (guint i = 0; i < links->len; i++)
        g_ptr_array_add (names, (char *) sg_snapshot_link_name (g_array_index (links, uint32_t, i),
                                                                situation->snapshot));
    g_ptr_array_add (names, NULL);
    return g_strjoinv (" ", (char **) names->pdata);
}

static void
test_candidates (void)
{
    static const struct {
        const char *lines, *names;
    } cases[] = {
        {"", ""},
        {"route default table main proto 4 via fe80::1 dev eth0\n", "eth0"},
        {"route4 default table main proto 4 via 192.0.2.1 dev eth1\n", "eth1"},
        {"route default table main proto 4 via fe80::1 dev eth0\n"
         "route4 default table main proto 4 via 192.0.2.1 dev eth0\n",
         "eth0"},
        {"route default table main proto 4 nexthop via fe80::1 dev eth0 nexthop via fe80::1 dev "
         "eth1\n",
         "eth0 eth1"},
        /* neither another table, nor a longer route, nor the tunnel itself */
        {"route default table 1002 proto sixgate via fe80::1 dev eth0\n"
         "route 2001:db8::/32 table main proto 4 via fe80::1 dev eth1\n"
         "route default table main proto 4 dev wg-sixgate\n",
         ""},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *names = candidates_of (cases[i].lines);

        g_assert_cmpstr (names, ==, cases[i].names);
    }
}

/* A VLAN on a bond: NetworkManager would break it from below. */
static void
test_parts (void)
{
    g_autoptr (SgSituationText) situation = sg_situation_parse (
        "link 1 lo loopback up\nlink 2 bond0 kind bond up\nlink 3 eth0 master bond0 up\n"
        "link 4 eth1 master bond0 up\nlink 8 vnet0 kind tun master bond0 up\nlink 5 wan kind vlan "
        "lower bond0 up\nlink 6 eth2 up\n"
        "link 7 other kind vlan lower bond0 up\n");
    const SgLink *wan = sg_snapshot_link_by_name (situation->snapshot, "wan");
    g_autoptr (GArray) links = sg_unmanaged_with_parts (situation->snapshot, wan);
    static const char *const names[] = {"wan", "bond0", "eth0", "eth1"};

    g_assert_cmpuint (links->len, ==, G_N_ELEMENTS (names));
    for (guint i = 0; i < links->len; i++)
        g_assert_cmpstr (g_array_index (links, SgLink, i).name, ==, names[i]);
}

/* A link that NetworkManager configures, or is to configure, would be without its addresses; and where it cannot be
 * asked, nothing is known. */
static void
test_left_alone (void)
{
    static const struct {
        const char *lines, *saved;
        bool left_alone;
    } cases[] = {
        {"networkmanager ready\n", "wg0", false},
        {"networkmanager ready\ndevice eth0 kind ethernet can-be-gateway\n", "wg0", true},
        {"networkmanager ready\ndevice eth0 kind ethernet can-be-gateway managed\n", "wg0", true},
        {"networkmanager ready\ndevice eth0 kind ethernet can-be-gateway managed active external\n",
         "wg0", true},
        {"networkmanager ready\ndevice eth0 kind ethernet can-be-gateway managed active\n", "wg0",
         false},
        {"networkmanager ready\ndevice eth0 kind ethernet can-be-gateway managed active external\n",
         "eth0", false},
        {"networkmanager ready\ndevice eth0 kind ethernet can-be-gateway managed active external\n",
         "", false},
        {"networkmanager starting\ndevice eth0 kind ethernet can-be-gateway\n", "wg0", false},
        {"networkmanager absent\n", "wg0", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *text = g_strconcat (HOST, cases[i].lines, NULL);
        g_autoptr (SgSituationText) situation = sg_situation_parse (text);
        g_autoptr (GHashTable) saved = g_hash_table_new (g_str_hash, g_str_equal);

        g_hash_table_add (saved, (char *) cases[i].saved);
        g_assert_true (sg_unmanaged_is_left_alone (situation->snapshot, saved, "eth0") ==
                       cases[i].left_alone);
    }
}

static void
test_managers (void)
{
    static const char ifstate[] = "lo=lo\neth0=eth0\neth1.5=wan\n";

    g_assert_true (sg_unmanaged_has_ifupdown (ifstate, "eth0"));
    g_assert_true (sg_unmanaged_has_ifupdown (ifstate, "eth1.5"));
    g_assert_false (sg_unmanaged_has_ifupdown (ifstate, "eth1"));
    g_assert_false (sg_unmanaged_has_ifupdown (ifstate, "wan"));
    g_assert_false (sg_unmanaged_has_ifupdown ("", "eth0"));
    g_assert_true (sg_unmanaged_has_networkd ("configured"));
    g_assert_true (sg_unmanaged_has_networkd ("configuring"));
    g_assert_true (sg_unmanaged_has_networkd ("failed"));
    g_assert_false (sg_unmanaged_has_networkd ("unmanaged"));
    g_assert_false (sg_unmanaged_has_networkd ("pending"));
}

/* Names that were there stay; what is no name is not taken over. */
static void
test_file (void)
{
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    g_autoptr (GPtrArray) none =
        sg_unmanaged_parse ("#\n[device-sixgate-unmanaged]\nmatch-device=interface-name:=a/"
                            "b,except:interface-name:=eth7\n");
    g_autoptr (GPtrArray) again = NULL;
    g_autofree char *text = NULL;

    g_ptr_array_add (names, (char *) "eth0");
    g_ptr_array_add (names, (char *) "eth1.5");
    text = sg_unmanaged_to_text (names);
    g_assert_nonnull (
        strstr (text, "\nmatch-device=interface-name:=eth0,interface-name:=eth1.5\n"));
    g_assert_nonnull (strstr (text, "\nmanaged=0\n"));
    again = sg_unmanaged_parse (text);
    g_assert_cmpuint (again->len, ==, 2);
    g_assert_cmpstr (again->pdata[0], ==, "eth0");
    g_assert_cmpstr (again->pdata[1], ==, "eth1.5");
    g_assert_cmpuint (none->len, ==, 0);
    g_assert_null (sg_unmanaged_parse (""));
    g_assert_null (sg_unmanaged_parse ("# interface-name:=eth0\n"));
    g_assert_true (sg_unmanaged_can_be_named ("eth1.5"));
    g_assert_false (sg_unmanaged_can_be_named ("a,b"));
}

/* Links are only ever added; what somebody wrote there stays. */
static void
test_file_grows (void)
{
    /* What is before the list, the list, the list afterwards, what is behind. */
    static const struct {
        const char *head, *list, *grown, *tail;
    } cases[] = {
        {"# mine", "mac:02:00:00:00:00:99,interface-name:=eth0",
         "mac:02:00:00:00:00:99,interface-name:=eth0,interface-name:=eth1",
         "\nmanaged=0\n# yours\n[device-7]\nmatch-device=interface-name:=eth1\n"},
        {"#", "", "interface-name:=eth0,interface-name:=eth1", ""},
        {"#", "interface-name:=eth1,interface-name:=eth0",
         "interface-name:=eth1,interface-name:=eth0", "\n"},
    };
    g_autoptr (GPtrArray) names = g_ptr_array_new ();

    g_ptr_array_add (names, (char *) "eth0");
    g_ptr_array_add (names, (char *) "eth1");
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        const char *const section = "\n[device-sixgate-unmanaged]\nmatch-device=";
        g_autofree char *before =
            g_strconcat (cases[i].head, section, cases[i].list, cases[i].tail, NULL);
        g_autofree char *after =
            g_strconcat (cases[i].head, section, cases[i].grown, cases[i].tail, NULL);
        g_autofree char *text = sg_unmanaged_with (before, names);

        g_assert_cmpstr (text, ==, after);
    }
    g_assert_null (sg_unmanaged_with ("[device-7]\n", names));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/unmanaged/candidates", test_candidates);
    g_test_add_func ("/unmanaged/parts", test_parts);
    g_test_add_func ("/unmanaged/left-alone", test_left_alone);
    g_test_add_func ("/unmanaged/managers", test_managers);
    g_test_add_func ("/unmanaged/file", test_file);
    g_test_add_func ("/unmanaged/file-grows", test_file_grows);
    return g_test_run ();
}
