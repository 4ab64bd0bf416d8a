/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the PCP server remembers over its starts; and any packets at all, after which no port is open twice. */
#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/pcp-elements.h"
#include "core/pcp-journal.h"
#include "core/ruleset.h"
#include "lib/pcp-world.h"

/* ---- the journal ---- */

static void
test_journal (void)
{
    g_autoptr (World) world = world_new ();
    g_autoptr (GString) text = g_string_new (NULL), all = NULL, again = NULL;

    sg_pcp_journal_begin (text, EPOCH_MS);
    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    pcp_filter (world, "2001:db8:e::1", 128, 5000);
    pcp_expect (world, SG_PCP_SUCCESS);
    sg_pcp_journal_change (pcp_change (world), text);
    pcp_open_port (world, 81, 0, 81);
    sg_pcp_journal_change (pcp_change (world), text);
    pcp_map (world, 81);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    sg_pcp_journal_change (pcp_change (world), text);
    all = sg_pcp_journal_all (world->server, world->now_ms);
    g_string_append (text, "open device=" CLIENT " proto"); /* killed while it wrote */

    sg_pcp_server_free (world->server);
    pcp_make_server (world);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text->str, text->len, NULL));
    again = sg_pcp_journal_all (world->server, world->now_ms);
    g_assert_cmpstr (again->str, ==, all->str);
}

/* A device that may no longer, or is gone, has nothing. */
/* Renewals for ever: the file grows with what is open only, and is not written anew for each of them. */
static void
test_journal_bounded (void)
{
    const size_t line = 160, whole = 500 * line;
    size_t appended = 0, longest = 0;
    unsigned written = 0;

    for (unsigned renewal = 0; renewal < 100000; renewal++) {
        appended += line;
        longest = MAX (longest, whole + appended);
        if (sg_pcp_journal_is_due (whole, appended)) {
            appended = 0;
            written++;
        }
    }
    g_assert_cmpuint (longest, <, 2 * whole + 128 * 1024);
    g_assert_cmpuint (written, >, 0);
    g_assert_cmpuint (written, <, 100000 / 500);
}

static void
test_journal_rights (void)
{
    g_autoptr (World) world = world_new ();
    g_autofree char *text = NULL;
    g_autoptr (GString) all = NULL;

    text = g_strdup_printf ("sixgate-pcp version=1 epoch=1\n"
                            "open device=%s protocol=6 internal=1 external=1 size=1 expires=%u "
                            "nonce=000102030405060708090a0b\n"
                            "open device=2001:db8::9 protocol=6 internal=1 external=1 size=1 "
                            "expires=%u nonce=000102030405060708090a0b\n",
                            DENIED, UINT32_MAX, UINT32_MAX);
    g_assert_true (sg_pcp_journal_parse (world->server, "pcp", text, strlen (text), NULL));
    all = sg_pcp_journal_all (world->server, world->now_ms);
    g_assert_cmpstr (all->str, ==, "sixgate-pcp version=1 epoch=1\n");
}

static void
test_journal_refused (void)
{
#define LINE "open device=" CLIENT " protocol=6 internal=1 external=1 size=1 expires=9 nonce="
    static const char *const texts[] = {
        "",
        "sixgate-pcp version=2 epoch=1\n",
        "sixgate-pcp version=1 epoch=-1\n",
        "sixgate-pcp version=1 epoch=1\nopen\n",
        "sixgate-pcp version=1 epoch=1\n" LINE "000102030405060708090a\n",
        "sixgate-pcp version=1 epoch=1\n" LINE "000102030405060708090a0g\n",
        "sixgate-pcp version=1 epoch=1\n" LINE
        "000102030405060708090a0b filter=10.0.0.0/8 port=1\n",
        "sixgate-pcp version=1 epoch=1\n" LINE "000102030405060708090a0b filter=::/1 port=65536\n",
        "sixgate-pcp version=1 epoch=1\nopen device=10.0.0.1 protocol=6 internal=1 external=1 "
        "size=1 expires=9 nonce=000102030405060708090a0b\n",
        "sixgate-pcp version=1 epoch=1\nopen device=" CLIENT
        " protocol=6 internal=65535 external=1 "
        "size=2 expires=9 nonce=000102030405060708090a0b\n",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (World) world = world_new ();
        g_autoptr (GError) error = NULL;

        g_test_message ("%s", texts[i]);
        g_assert_false (
            sg_pcp_journal_parse (world->server, "pcp", texts[i], strlen (texts[i]), &error));
        g_assert_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT);
    }
}

/* ---- elements ---- */

/* The actions as the commands of nft, a line each. */
static char *
text_of (const GArray *actions)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < actions->len; i++) {
        g_autofree char *line =
            sg_action_to_string (&g_array_index (actions, SgAction, i), snapshot);

        g_string_append_printf (text, "%s\n", line);
    }
    return g_string_free (text, FALSE);
}

static GArray *
actions_new (void)
{
    return g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgAction));
}

static SgNftTable *
definitions (void)
{
    SgNftTable *table = sg_nft_table_new (NFPROTO_IPV6, "t");

    sg_ruleset_add_sets (table, SG_RULESET_TUNNEL);
    return table;
}

#define KEY "2001:db8:1::a3b:2 . 6 . "

/* New: added. Renewed: the old ones go in the same transaction, also one that has just expired; filters
 * inside others are left out, since the kernel takes none inside another. */
static void
test_elements (void)
{
    g_autoptr (World) world = world_new ();
    g_autoptr (SgNftTable) table = definitions ();
    g_autoptr (GArray) first = actions_new (), second = actions_new ();
    g_autofree char *text = NULL, *again = NULL;

    pcp_map (world, 80);
    pcp_suggest (world, 8080);
    pcp_expect (world, SG_PCP_SUCCESS);
    sg_pcp_plan (world->changes, table, world->now_ms, first);
    text = text_of (first);
    g_assert_cmpstr (text, ==,
                     "nft 'add element ip6 t pcp_pinholes { " KEY "8080 timeout 3600000ms }'\n"
                     "nft 'add element ip6 t pcp_ports { " KEY "8080 timeout 3600000ms : 80 }'\n");
    pcp_map (world, 80);
    pcp_filter (world, "2001:db8:f:1::", 64, 0);
    pcp_filter (world, "2001:db8:f::", 48, 0);
    pcp_filter (world, "2001:db8:f::", 48, 53);
    pcp_expect (world, SG_PCP_SUCCESS);
    sg_pcp_plan (world->changes, table, world->now_ms, second);
    again = text_of (second);
    g_assert_cmpstr (again, ==,
                     "nft 'add element ip6 t pcp_pinholes { " KEY "8080 timeout 3600000ms }'\n"
                     "nft 'add element ip6 t pcp_ports { " KEY "8080 timeout 3600000ms : 80 }'\n"
                     "nft 'delete element ip6 t pcp_pinholes { " KEY "8080 }'\n"
                     "nft 'delete element ip6 t pcp_ports { " KEY "8080 : 80 }'\n"
                     "nft 'add element ip6 t pcp_ports { " KEY "8080 timeout 3600000ms : 80 }'\n"
                     "nft 'add element ip6 t pcp_tcp_filters { " CLIENT
                     " . 8080 . 2001:db8:f::/48 timeout 3600000ms }'\n"
                     "nft 'add element ip6 t pcp_tcp_port_filters { " CLIENT
                     " . 8080 . 2001:db8:f::/48 . 53 timeout 3600000ms }'\n");
}

/* The kernel has the last word: what it lacks was lost, what nobody remembers goes. */
static void
test_both_sides (void)
{
    g_autoptr (World) world = world_new ();
    g_autoptr (SgNftTable) table = definitions (), have = definitions ();
    g_autoptr (GArray) actions = actions_new ();
    SgNftSet *set = sg_nft_table_find_set (have, SG_SET_PCP_PINHOLES);
    SgNftElement element = {0};
    g_autofree char *text = NULL;
    g_autoptr (GString) all = NULL;

    pcp_open_port (world, 80, 0, 80);
    pcp_open_port (world, 81, 0, 81);
    sg_nft_port_key (element.key, &world->source, IPPROTO_TCP, 80);
    g_array_append_val (set->elements, element);
    sg_nft_port_key (element.key, &world->source, IPPROTO_TCP, 99);
    g_array_append_val (set->elements, element);
    g_assert_true (sg_pcp_reconcile (world->server, have, table, world->now_ms, actions));
    text = text_of (actions);
    g_assert_cmpstr (text, ==, "nft 'delete element ip6 t pcp_pinholes { " KEY "99 }'\n");
    all = sg_pcp_journal_all (world->server, world->now_ms);
    g_assert_nonnull (strstr (all->str, "internal=80 "));
    g_assert_null (strstr (all->str, "internal=81 "));
    /* Now both agree; and what is about to go is no loss. */
    g_array_set_size (actions, 0);
    g_array_set_size (set->elements, 1);
    g_assert_false (sg_pcp_reconcile (world->server, have, table, world->now_ms, actions));
    g_assert_cmpuint (actions->len, ==, 0);
    world->now_ms += 3600 * 1000;
    g_array_set_size (set->elements, 0);
    g_assert_false (sg_pcp_reconcile (world->server, have, table, world->now_ms, actions));
}

/* ---- everything at once ---- */

#define PACKETS 100000u
#define PACKETS_LONG 10000000u

/* One of the messages above, with anything changed. */
static void
make_packet (World *world, GRand *rand)
{
    pcp_map (world, (unsigned) g_rand_int_range (rand, 1, 40));
    pcp_lifetime (world, g_rand_boolean (rand) ? 3600 : 0);
    pcp_suggest (world, (unsigned) g_rand_int_range (rand, 0, 40));
    world->bytes[24] = (uint8_t) g_rand_int_range (rand, 'n', 'p');
    world->bytes[36] = g_rand_boolean (rand) ? IPPROTO_TCP : IPPROTO_UDP;
    if (g_rand_int_range (rand, 0, 4) == 0)
        pcp_prefer_failure (world);
    if (g_rand_int_range (rand, 0, 4) == 0)
        pcp_port_set (world, (unsigned) g_rand_int_range (rand, 1, 20), g_rand_boolean (rand));
    for (int i = g_rand_int_range (rand, -8, 4); i > 0; i--)
        pcp_filter (world, "2001:db8:f::", (uint8_t) g_rand_int_range (rand, 0, 129),
                    (unsigned) g_rand_int_range (rand, 0, 3));
    for (int i = g_rand_int_range (rand, -2, 4); i > 0; i--)
        world->bytes[g_rand_int_range (rand, 0, (gint32) world->len)] =
            (uint8_t) g_rand_int_range (rand, 0, 256);
    if (g_rand_int_range (rand, 0, 8) == 0)
        world->len = (size_t) g_rand_int_range (rand, 0, 1200);
}

/* What the kernel has, by the changes alone: when each external port closes. */
typedef struct {
    uint64_t closes_ms[2][65536]; /* of TCP, UDP; 0: not open */
} Kernel;

static uint64_t *
port_of (Kernel *kernel, uint8_t protocol, unsigned port)
{
    g_assert_cmpuint (port, <, 65536);
    return &kernel->closes_ms[protocol == IPPROTO_UDP][port];
}

/* No port is given twice, none is closed that is not open. */
static void
follow (Kernel *kernel, const World *world, const SgPcpChange *change)
{
    g_assert_cmpint (sg_ip_compare (&change->device, &world->source), ==, 0);
    for (unsigned i = 0; change->had && i < change->old.size; i++) {
        uint64_t *closes = port_of (kernel, change->old.protocol, change->old.external + i);

        g_assert_cmpuint (*closes, ==, change->old.expires_ms);
        *closes = 0;
    }
    for (unsigned i = 0; change->has && i < change->new.size; i++) {
        uint64_t *closes = port_of (kernel, change->new.protocol, change->new.external + i);

        g_assert_cmpuint (*closes, <, world->now_ms);
        g_assert_cmpuint (change->new.expires_ms, >, world->now_ms);
        *closes = change->new.expires_ms;
    }
}

static void
check_answer (const World *world)
{
    if (world->answer_len == 0) {
        g_assert_true (world->len < 24 || world->bytes[1] & 0x80);
        return;
    }
    g_assert_cmpuint (world->answer_len, <=, SG_PCP_MESSAGE_MAX);
    g_assert_cmpuint (world->answer_len % 4, ==, 0);
    g_assert_cmpuint (world->answer[1], ==, world->bytes[1] | 0x80);
    g_assert_false (world->bytes[1] & 0x80);
}

static void
test_storm (void)
{
    guint n = g_getenv ("SG_TEST_LONG") ? PACKETS_LONG : PACKETS, answered = 0, changed = 0;
    g_autoptr (World) world = world_new ();
    g_autofree Kernel *kernel = g_new0 (Kernel, 1);
    g_autoptr (GRand) rand = g_rand_new_with_seed (20260101);

    if (n == PACKETS)
        g_print ("# reduced: %u of %u random PCP packets\n", PACKETS, PACKETS_LONG);
    for (guint i = 0; i < n; i++) {
        make_packet (world, rand);
        world->now_ms += (uint64_t) g_rand_int_range (rand, 10, 20000);
        answered += pcp_ask (world);
        check_answer (world);
        for (guint k = 0; k < world->changes->len; k++, changed++)
            follow (kernel, world, &g_array_index (world->changes, SgPcpChange, k));
    }
    g_print ("# %u packets, %u answered, %u changes\n", n, answered, changed);
    g_assert_cmpuint (answered, >, n / 2);
    g_assert_cmpuint (changed, >, n / 10);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/pcp/journal/kept", test_journal);
    g_test_add_func ("/pcp/journal/bounded", test_journal_bounded);
    g_test_add_func ("/pcp/journal/rights", test_journal_rights);
    g_test_add_func ("/pcp/journal/refused", test_journal_refused);
    g_test_add_func ("/pcp/elements", test_elements);
    g_test_add_func ("/pcp/both-sides", test_both_sides);
    g_test_add_func ("/pcp/storm", test_storm);
    return g_test_run ();
}
