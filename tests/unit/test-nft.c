/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/kernel/nft-*: our rules, sets and elements through the kernel and back, and nft(8) as
 * the judge of what they mean. Needs a network namespace. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/ruleset.h"
#include "kernel/nft-kernel.h"

#include "nft-text.h"

#define TABLE "startos"
#define LO 1u /* the loopback's index in every namespace */

/* ---- a namespace to work in ---- */

typedef struct {
    uint8_t family; /* NFPROTO_IPV4; else IPv6 */
    SgKernelStats stats;
    SgNlSocket *socket;
    SgSnapshot *snapshot;
    GArray *actions; /* of SgAction */
} Fixture;

static bool
set_up (Fixture *fixture)
{
    GError *error = NULL;

    *fixture = (Fixture) {0};
    if (unshare (CLONE_NEWNET) != 0) {
        g_autofree char *why =
            g_strdup_printf ("no network namespace of our own: %s", g_strerror (errno));
        g_test_skip (why);
        return false;
    }
    fixture->socket = sg_nl_socket_open (NETLINK_NETFILTER, &fixture->stats, &error);
    g_assert_no_error (error);
    fixture->snapshot = sg_snapshot_new ();
    fixture->actions = g_array_new (FALSE, TRUE, sizeof (SgAction));
    return true;
}

static void
tear_down (Fixture *fixture)
{
    sg_nl_socket_close (fixture->socket);
    sg_snapshot_free (fixture->snapshot);
    g_array_unref (fixture->actions);
}

/* Runs nft with @arguments, gives it @input and returns what it prints. */
static char *
nft (const char *arguments, const char *input)
{
    g_autofree char *path = NULL;
    g_autofree char *command = NULL;
    g_autoptr (GError) error = NULL;
    char *output = NULL;
    int status = -1;

    if (input) {
        int fd = g_file_open_tmp ("test-nft-XXXXXX", &path, &error);
        g_assert_no_error (error);
        g_assert_cmpint (close (fd), ==, 0);
        g_assert_true (g_file_set_contents (path, input, -1, NULL));
    }
    command = g_strdup_printf ("nft %s %s", arguments, path ? path : "");
    g_assert_true (g_spawn_command_line_sync (command, &output, NULL, &status, &error));
    g_assert_no_error (error);
    if (!g_spawn_check_wait_status (status, NULL))
        g_error ("%s failed on:\n%s", command, input);
    if (path)
        g_assert_cmpint (remove (path), ==, 0);
    return output;
}

static void
nft_load (const char *text)
{
    g_free (nft ("-f", text));
}

static SgNftTable *
dump (Fixture *fixture)
{
    SgNftTable *table = sg_nft_table_new (fixture->family ? fixture->family : NFPROTO_IPV6, TABLE);
    GError *error = NULL;

    g_assert_true (sg_nft_dump (fixture->socket, table, &error));
    g_assert_no_error (error);
    return table;
}

static SgAction *
add (Fixture *fixture, SgActionKind kind, const SgNftTable *table)
{
    SgAction action = {.kind = kind, .table = table};

    g_array_append_val (fixture->actions, action);
    return &g_array_index (fixture->actions, SgAction, fixture->actions->len - 1);
}

static void
add_element (Fixture *fixture, SgActionKind kind, const SgNftSet *set, const SgNftElement *element)
{
    static const SgNftTable table = {.family = NFPROTO_IPV6, .name = (char *) TABLE};
    SgAction *action = add (fixture, kind, &table);

    action->set = set;
    action->element = *element;
}

/* Everything that makes @table out of nothing. */
static void
add_all (Fixture *fixture, const SgNftTable *table)
{
    add (fixture, SG_ACTION_NFT_TABLE_ADD, table);
    for (guint i = 0; i < table->sets->len; i++)
        add (fixture, SG_ACTION_NFT_SET_ADD, table)->set = g_ptr_array_index (table->sets, i);
    for (guint i = 0; i < table->sets->len; i++) {
        const SgNftSet *set = g_ptr_array_index (table->sets, i);

        for (guint k = 0; k < set->elements->len; k++)
            add_element (fixture, SG_ACTION_NFT_ELEMENT_ADD, set,
                         &g_array_index (set->elements, SgNftElement, k));
    }
    for (guint i = 0; i < table->chains->len; i++)
        add (fixture, SG_ACTION_NFT_CHAIN_ADD, table)->chain = g_ptr_array_index (table->chains, i);
    for (guint i = 0; i < table->chains->len; i++) {
        const SgNftChain *chain = g_ptr_array_index (table->chains, i);

        for (guint k = 0; k < chain->rules->len; k++) {
            SgAction *action = add (fixture, SG_ACTION_NFT_RULE_ADD, table);

            action->chain = chain;
            action->nft_rule = g_ptr_array_index (chain->rules, k);
        }
    }
}

/* Commits what was added on top of @generation; returns the failures. */
static GPtrArray *
commit_on (Fixture *fixture, uint32_t generation)
{
    GPtrArray *failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgNftBase base = {fixture->snapshot, generation};
    bool done = sg_nft_commit (fixture->socket, &base, (const SgAction *) fixture->actions->data,
                               fixture->actions->len, failures);

    g_assert_cmpint (done, ==, failures->len == 0);
    g_array_set_size (fixture->actions, 0);
    return failures;
}

static void
commit (Fixture *fixture)
{
    g_autoptr (GPtrArray) failures = commit_on (fixture, /* generation= */ 0);

    for (guint i = 0; i < failures->len; i++)
        g_test_message ("%s", ((GError *) g_ptr_array_index (failures, i))->message);
    g_assert_cmpuint (failures->len, ==, 0);
}

static void
assert_elements_equal (const SgNftSet *a, const SgNftSet *b)
{
    g_assert_cmpuint (a->elements->len, ==, b->elements->len);
    for (guint i = 0; i < a->elements->len; i++)
        g_assert_cmpint (sg_nft_element_compare (&g_array_index (a->elements, SgNftElement, i),
                                                 &g_array_index (b->elements, SgNftElement, i)),
                         ==, 0);
}

static void
assert_tables_equal (const SgNftTable *is, const SgNftTable *wanted)
{
    g_assert_true (is->exists);
    g_assert_cmpuint (is->sets->len, ==, wanted->sets->len);
    g_assert_cmpuint (is->chains->len, ==, wanted->chains->len);
    for (guint i = 0; i < wanted->sets->len; i++) {
        const SgNftSet *set = g_ptr_array_index (wanted->sets, i);
        const SgNftSet *found = sg_nft_table_find_set (is, set->name);

        g_assert_nonnull (found);
        g_assert_true (sg_nft_set_same_definition (found, set));
        assert_elements_equal (found, set);
    }
    for (guint i = 0; i < wanted->chains->len; i++) {
        const SgNftChain *chain = g_ptr_array_index (wanted->chains, i);
        const SgNftChain *found = sg_nft_table_find_chain (is, chain->name);

        g_assert_nonnull (found);
        g_assert_true (sg_nft_chain_same_definition (found, chain));
        g_test_message ("chain %s", chain->name);
        g_assert_true (sg_nft_chain_same_rules (found, chain));
    }
}

static SgNftTable *
reference_of (uint8_t family)
{
    SgNftTable *table = sg_nft_table_new (family, TABLE);
    unsigned parts = SG_RULESET_GUARD | (family == NFPROTO_IPV6 ? SG_RULESET_TUNNEL : 0);

    table->exists = true;
    sg_ruleset_add_sets (table, parts);
    sg_ruleset_add_chains (table, parts);
    return table;
}

static SgNftTable *
reference (void)
{
    return reference_of (NFPROTO_IPV6);
}

/* ---- elements ---- */

static SgNftElement
element (const void *first, size_t first_len, const char *address)
{
    SgNftElement made = {0};

    memcpy (made.key, first, first_len);
    if (address)
        g_assert_cmpint (inet_pton (AF_INET6, address, made.key + first_len), ==, 1);
    return made;
}

static SgNftElement
number (uint32_t value)
{
    return element (&value, sizeof value, /* address= */ NULL);
}

/* Interfaces (in network order, as sets with intervals have them) and a range. */
static SgNftElement
range (uint32_t first, uint32_t last, const char *from, const char *to)
{
    uint32_t big = htonl (first), big_end = htonl (last);
    SgNftElement made = element (&big, sizeof big, from);
    SgNftElement end = element (&big_end, sizeof big_end, to);

    memcpy (made.key_end, end.key, sizeof made.key_end);
    return made;
}

static SgNftElement
pinhole (uint16_t external, uint16_t internal)
{
    SgNftElement made = {.data = internal};
    SgIp ip;

    g_assert_true (sg_ip_parse ("2001:db8::1", &ip));
    sg_nft_port_key (made.key, &ip, IPPROTO_TCP, external);
    return made;
}

static void
fill (SgNftTable *table, const char *set, SgNftElement value)
{
    g_array_append_val (sg_nft_table_find_set (table, set)->elements, value);
}

static void
fill_all_sets (SgNftTable *table)
{
    const uint32_t lo = LO;
    const uint32_t pair[] = {1001, LO};
    SgNftElement mapping = number (LO);

    mapping.data = 1001;
    fill (table, SG_MAP_GATEWAY_MARK, mapping);
    fill (table, SG_SET_GATEWAY_MARKS, number (1001));
    fill (table, SG_SET_GATEWAY_MARKS, number (1002));
    fill (table, SG_SET_REPLY_OK, element (pair, sizeof pair, NULL));
    fill (table, SG_SET_GATEWAYS, number (LO));
    fill (table, SG_SET_EXEMPT, number (LO));
    fill (table, SG_SET_SELECTED, number (LO));
    fill (table, SG_SET_UNSELECTED, range (0, UINT32_MAX, "::", "2001:db8:a::ffff"));
    fill (table, SG_SET_OVERRIDES, range (0, UINT32_MAX, "2001:db8:a::", "2001:db8:a::ffff"));
    fill (table, SG_SET_OVERRIDE_WAYS, range (LO, LO, "2001:db8:a::", "2001:db8:a::ffff"));
    fill (table, SG_SET_GATEWAY_ADDRESSES, element (&lo, 0, "2001:db8::1"));
    fill (table, SG_SET_OWN_ADDRESSES, element (&lo, sizeof lo, "2001:db8::1"));
    fill (table, SG_SET_LOCAL_PREFIXES,
          range (LO, LO, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
    fill (table, SG_SET_LOCAL_PREFIXES,
          range (LO, LO, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    fill (table, SG_SET_TRANSPORT_MARKS, number (SG_WG_FWMARK));
    fill (table, SG_SET_PINHOLES, pinhole (80, 0));
    fill (table, SG_MAP_PINHOLE_PORTS, pinhole (80, 8443));
    for (guint i = 0; i < table->sets->len; i++)
        sg_nft_set_normalise (g_ptr_array_index (table->sets, i));
}

/* ---- tests of the kernel ---- */

static void
test_no_table (void)
{
    Fixture fixture;

    if (!set_up (&fixture))
        return;
    g_autoptr (SgNftTable) none = dump (&fixture);
    g_assert_false (none->exists);
    g_assert_cmpuint (none->generation, !=, 0);
    nft_load ("add table ip6 " TABLE "\n");
    g_autoptr (SgNftTable) empty = dump (&fixture);
    g_assert_true (empty->exists);
    g_assert_cmpuint (empty->chains->len + empty->sets->len + empty->foreign->len, ==, 0);
    tear_down (&fixture);
}

/* Our messages and the same in words must give the same table, to nft and to us. */
static void
test_ruleset (const void *data)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference_of ((uint8_t) GPOINTER_TO_INT (data));
    g_autofree char *text = text_of (wanted);
    const char *word = sg_nft_family_word (wanted->family);
    g_autofree char *list = g_strdup_printf ("-s list table %s " TABLE, word);
    g_autofree char *delete = g_strdup_printf ("delete table %s " TABLE "\n", word);

    if (!set_up (&fixture))
        return;
    fixture.family = wanted->family;
    add_all (&fixture, wanted);
    commit (&fixture);
    g_autoptr (SgNftTable) ours = dump (&fixture);
    g_autofree char *ours_listed = nft (list, NULL);
    assert_tables_equal (ours, wanted);

    nft_load (delete);
    nft_load (text);
    g_autoptr (SgNftTable) theirs = dump (&fixture);
    g_autofree char *theirs_listed = nft (list, NULL);
    assert_tables_equal (theirs, wanted);
    g_assert_cmpstr (ours_listed, ==, theirs_listed);
    tear_down (&fixture);
}

/* Phrases that a person expects to read in `nft list`. */
static void
test_listing (void)
{
    static const char *const expected[] = {
        "elements = { \"lo\" : 0x000003e9 }",
        "elements = { 0x000003e9 . \"lo\" }",
        "elements = { \"lo\" . 2001:db8::1 }",
        "elements = { \"lo\" . 2001:db8::/32,",
        "\"lo\" . fe80::/10 }",
        "type iface_index : mark",
        "oif @exempt accept",
        "exthdr rt exists reject with icmpv6 admin-prohibited",
        "ct mark . oif @reply_ok accept",
        "oif . ip6 daddr @local_prefixes accept",
        "ct mark set iif map @gateway_mark",
        "meta oifkind \"veth\" accept",
        "goto choice_post",
        "elements = { 2001:db8::1 . tcp . 80 }",
        "elements = { 2001:db8::1 . tcp . 80 : 8443 }",
        "dnat to :ip6 daddr . meta l4proto . tcp dport map @pinhole_ports",
        "ip6 daddr . meta l4proto . ct original proto-dst @pinholes accept",
    };
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    fill_all_sets (wanted);
    add_all (&fixture, wanted);
    commit (&fixture);
    g_autoptr (SgNftTable) ours = dump (&fixture);
    g_autofree char *listed = nft ("-a list table ip6 " TABLE, NULL);
    assert_tables_equal (ours, wanted);
    for (size_t i = 0; i < G_N_ELEMENTS (expected); i++) {
        if (!strstr (listed, expected[i]))
            g_error ("not listed: %s\n%s", expected[i], listed);
    }
    tear_down (&fixture);
}

/* A prefix makes way for one that covers it, in one transaction. */
static void
test_cover_prefix (void)
{
    Fixture fixture;
    const SgNftElement narrow = range (LO, LO, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff");
    const SgNftElement wide = range (LO, LO, "2001:db8::", "2001:db8:0:ffff:ffff:ffff:ffff:ffff");
    g_autoptr (SgNftTable) wanted = reference ();
    SgNftSet *set = sg_nft_table_find_set (wanted, SG_SET_LOCAL_PREFIXES);

    if (!set_up (&fixture))
        return;
    fill (wanted, SG_SET_LOCAL_PREFIXES, narrow);
    add_all (&fixture, wanted);
    commit (&fixture);
    add_element (&fixture, SG_ACTION_NFT_ELEMENT_DEL, set, &narrow);
    add_element (&fixture, SG_ACTION_NFT_ELEMENT_ADD, set, &wide);
    commit (&fixture);
    g_array_index (set->elements, SgNftElement, 0) = wide;
    g_autoptr (SgNftTable) is = dump (&fixture);
    assert_tables_equal (is, wanted);
    tear_down (&fixture);
}

static void
test_many_elements (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    for (uint32_t i = 0; i < 5000; i++)
        fill (wanted, SG_SET_GATEWAY_MARKS, number (1000 + i));
    sg_nft_set_normalise (sg_nft_table_find_set (wanted, SG_SET_GATEWAY_MARKS));
    add_all (&fixture, wanted);
    commit (&fixture);
    g_autoptr (SgNftTable) is = dump (&fixture);
    assert_tables_equal (is, wanted);
    tear_down (&fixture);
}

/* Chains emptied, chains and sets removed. */
static void
test_removal (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    add_all (&fixture, wanted);
    commit (&fixture);
    for (guint i = 0; i < wanted->chains->len; i++)
        add (&fixture, SG_ACTION_NFT_CHAIN_FLUSH, wanted)->chain =
            g_ptr_array_index (wanted->chains, i);
    commit (&fixture);
    g_autoptr (SgNftTable) flushed = dump (&fixture);
    g_assert_cmpuint (flushed->chains->len, ==, wanted->chains->len);
    for (guint i = 0; i < flushed->chains->len; i++)
        g_assert_cmpuint (((SgNftChain *) g_ptr_array_index (flushed->chains, i))->rules->len, ==,
                          0);
    for (guint i = 0; i < wanted->chains->len; i++)
        add (&fixture, SG_ACTION_NFT_CHAIN_DEL, wanted)->chain =
            g_ptr_array_index (wanted->chains, i);
    for (guint i = 0; i < wanted->sets->len; i++)
        add (&fixture, SG_ACTION_NFT_SET_DEL, wanted)->set = g_ptr_array_index (wanted->sets, i);
    commit (&fixture);
    g_autoptr (SgNftTable) empty = dump (&fixture);
    g_assert_true (empty->exists);
    g_assert_cmpuint (empty->chains->len + empty->sets->len, ==, 0);
    tear_down (&fixture);
}

/* `flags dormant` switches off every chain of a table: seen, and woken by adding it again. */
static void
test_dormant (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    add_all (&fixture, wanted);
    commit (&fixture);
    nft_load ("add table ip6 startos { flags dormant; }\n");
    g_autoptr (SgNftTable) asleep = dump (&fixture);
    g_assert_true (asleep->dormant);
    add (&fixture, SG_ACTION_NFT_TABLE_ADD, wanted);
    commit (&fixture);
    g_autoptr (SgNftTable) awake = dump (&fixture);
    g_assert_false (awake->dormant);
    assert_tables_equal (awake, wanted);
    tear_down (&fixture);
}

/* What others keep in a table of our name stays byte for byte as it is. */
static void
test_foreign (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    nft_load ("table ip6 " TABLE " {\nset theirs { type inet_service; elements = { 22, 80 }\n}\n"
              "chain theirs { type filter hook input priority 5; policy accept;\n"
              "tcp dport @theirs limit rate 5/second log prefix \"x\" accept\n}\n}\n"
              "table ip6 other { chain choice { type filter hook input priority 0; drop\n}\n}\n");
    g_autofree char *before = nft ("-a list chain ip6 " TABLE " theirs", NULL);
    g_autofree char *set_before = nft ("-a list set ip6 " TABLE " theirs", NULL);
    g_autofree char *other_before = nft ("-a list table ip6 other", NULL);
    fill_all_sets (wanted);
    add_all (&fixture, wanted);
    commit (&fixture);
    g_autoptr (SgNftTable) is = dump (&fixture);
    g_autofree char *after = nft ("-a list chain ip6 " TABLE " theirs", NULL);
    g_autofree char *set_after = nft ("-a list set ip6 " TABLE " theirs", NULL);
    g_autofree char *other_after = nft ("-a list table ip6 other", NULL);
    assert_tables_equal (is, wanted);
    g_assert_cmpuint (is->foreign->len, ==, 1);
    g_assert_cmpstr (g_ptr_array_index (is->foreign, 0), ==, "theirs");
    g_assert_cmpstr (before, ==, after);
    g_assert_cmpstr (set_before, ==, set_after);
    g_assert_cmpstr (other_before, ==, other_after);
    tear_down (&fixture);
}

/* What others did to objects of our names is seen as different, never as ours. */
static void
test_strange (void)
{
    static const struct {
        const char *text;
        bool known;
    } rules[] = {
        {"log prefix \"x\" accept", false},      {"limit rate 5/second accept", false},
        {"ct original bytes > 5 accept", true},  {"meta mark set 5", false},
        {"tcp option maxseg size 5 drop", true}, {"udp dport set 5", false},
        {"iifname \"lo\" accept", true},         {"ip6 daddr @theirs accept", true},
    };
    Fixture fixture;

    if (!set_up (&fixture))
        return;
    nft_load ("table ip6 " TABLE " {\n"
              "set gateways { type iface_index; size 9; flags dynamic; }\n"
              "set selected { type ifname; }\n"
              "map exempt { type iface_index : verdict; }\n"
              "set transport_marks { type mark; elements = { * }\n}\n"
              "set gateway_marks { type mark; flags interval; }\n"
              "set theirs { type ipv6_addr; }\n"
              "chain choice { }\n}\n");
    for (size_t i = 0; i < G_N_ELEMENTS (rules); i++) {
        g_autofree char *text =
            g_strdup_printf ("add rule ip6 " TABLE " choice %s\n", rules[i].text);
        nft_load (text);
    }
    g_autoptr (SgNftTable) is = dump (&fixture);
    g_assert_cmpuint (is->sets->len, ==, 5);
    for (guint i = 0; i < is->sets->len; i++)
        g_assert_cmpuint (((SgNftSet *) g_ptr_array_index (is->sets, i))->n_key, ==, 0);
    const SgNftChain *chain = sg_nft_table_find_chain (is, "choice");
    g_assert_cmpuint (chain->rules->len, ==, G_N_ELEMENTS (rules));
    for (size_t i = 0; i < G_N_ELEMENTS (rules); i++) {
        const SgNftRule *rule = g_ptr_array_index (chain->rules, i);
        bool known = true;

        for (guint k = 0; k < rule->exprs->len; k++)
            known = known && g_array_index (rule->exprs, SgNftExpr, k).kind;
        g_assert_cmpint (known, ==, rules[i].known);
    }
    tear_down (&fixture);
}

static void
test_generation (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    g_autoptr (SgNftTable) seen = dump (&fixture);
    nft_load ("add table ip6 somebody\n");
    add_all (&fixture, wanted);
    g_autoptr (GPtrArray) failures = commit_on (&fixture, seen->generation);
    g_assert_cmpuint (failures->len, ==, 1);
    g_assert_error ((GError *) g_ptr_array_index (failures, 0), SG_ERROR, SG_ERROR_BUSY);
    g_autoptr (SgNftTable) after = dump (&fixture);
    g_assert_false (after->exists);

    add_all (&fixture, wanted);
    g_autoptr (GPtrArray) none = commit_on (&fixture, after->generation);
    g_assert_cmpuint (none->len, ==, 0);
    tear_down (&fixture);
}

/* Two transactions of one apply stand on each other. */
static void
test_generation_moves_on (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

    if (!set_up (&fixture))
        return;
    g_autoptr (SgNftTable) seen = dump (&fixture);
    SgNftBase base = {fixture.snapshot, seen->generation};
    add_all (&fixture, wanted);
    g_assert_true (sg_nft_commit (fixture.socket, &base, (SgAction *) fixture.actions->data,
                                  fixture.actions->len, failures));
    g_autoptr (SgNftTable) after = dump (&fixture);
    g_assert_cmpuint (base.generation, ==, after->generation);
    g_assert_cmpuint (base.generation, !=, seen->generation);
    tear_down (&fixture);
}

/* Somebody who puts an element into two sets and takes it out again, each time in one
 * transaction, until told to stop. */
typedef struct {
    const SgNftTable *table;
    gint stop;
} Writer;

static gpointer
write_on (gpointer data)
{
    Writer *writer = data;
    SgNftElement value = number (77);
    Fixture own = {0};

    own.socket = sg_nl_socket_open (NETLINK_NETFILTER, &own.stats, NULL);
    own.snapshot = sg_snapshot_new ();
    own.actions = g_array_new (FALSE, TRUE, sizeof (SgAction));
    for (unsigned i = 0; !g_atomic_int_get (&writer->stop); i++) {
        SgActionKind kind = i % 2 ? SG_ACTION_NFT_ELEMENT_DEL : SG_ACTION_NFT_ELEMENT_ADD;

        add_element (&own, kind, sg_nft_table_find_set (writer->table, SG_SET_GATEWAYS), &value);
        add_element (&own, kind, sg_nft_table_find_set (writer->table, SG_SET_TRANSPORT_MARKS),
                     &value);
        commit (&own);
        g_usleep (200);
    }
    tear_down (&own);
    return NULL;
}

/* What is read is the ruleset of one moment, or nothing. */
static void
test_torn (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();
    Writer writer = {.table = wanted};
    unsigned whole = 0;

    if (!set_up (&fixture))
        return;
    add_all (&fixture, wanted);
    commit (&fixture);
    GThread *thread = g_thread_new ("writer", write_on, &writer);
    for (unsigned i = 0; i < 300; i++) {
        g_autoptr (SgNftTable) is = sg_nft_table_new (NFPROTO_IPV6, TABLE);
        g_autoptr (GError) error = NULL;

        if (!sg_nft_dump (fixture.socket, is, &error)) {
            g_assert_error (error, SG_ERROR, SG_ERROR_BUSY);
            continue;
        }
        whole++;
        g_assert_cmpuint (sg_nft_table_find_set (is, SG_SET_GATEWAYS)->elements->len, ==,
                          sg_nft_table_find_set (is, SG_SET_TRANSPORT_MARKS)->elements->len);
    }
    g_atomic_int_set (&writer.stop, 1);
    g_thread_join (thread);
    g_test_message ("%u of 300 reads were whole", whole);
    g_assert_cmpuint (whole, >, 0);
    tear_down (&fixture);
}

static void
test_refused (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();
    const SgNftSet *map = sg_nft_table_find_set (wanted, SG_MAP_GATEWAY_MARK);
    SgNftElement good = number (2), bad = number (LO);

    if (!set_up (&fixture))
        return;
    fill_all_sets (wanted);
    add_all (&fixture, wanted);
    commit (&fixture);
    g_autoptr (SgNftTable) before = dump (&fixture);

    /* The second of three has other data than the one that is there. */
    good.data = 1002;
    bad.data = 7;
    add_element (&fixture, SG_ACTION_NFT_ELEMENT_ADD, map, &good);
    add_element (&fixture, SG_ACTION_NFT_ELEMENT_ADD, map, &bad);
    good = number (3);
    add_element (&fixture, SG_ACTION_NFT_ELEMENT_ADD, map, &good);
    g_autofree char *named =
        sg_action_to_string (&g_array_index (fixture.actions, SgAction, 1), fixture.snapshot);
    g_autoptr (GPtrArray) failures = commit_on (&fixture, before->generation);
    g_assert_cmpuint (failures->len, ==, 1);
    const GError *error = g_ptr_array_index (failures, 0);
    g_test_message ("%s", error->message);
    g_assert_error (error, SG_ERROR, SG_ERROR_KERNEL);
    g_assert_true (g_str_has_prefix (error->message, named));
    g_assert_nonnull (strstr (error->message, g_strerror (EEXIST)));
    g_autoptr (SgNftTable) after = dump (&fixture);
    assert_tables_equal (after, wanted);
    g_assert_cmpuint (after->generation, ==, before->generation);

    /* What is gone already. */
    add_element (&fixture, SG_ACTION_NFT_ELEMENT_DEL, map, &good);
    g_autoptr (GPtrArray) stale = commit_on (&fixture, /* generation= */ 0);
    g_assert_cmpuint (stale->len, ==, 1);
    g_assert_error ((GError *) g_ptr_array_index (stale, 0), SG_ERROR, SG_ERROR_BUSY);
    tear_down (&fixture);
}

static void
test_not_sayable (void)
{
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    sg_nft_table_find_set (wanted, SG_SET_GATEWAYS)->interval = true;
    add_all (&fixture, wanted);
    g_autoptr (GPtrArray) failures = commit_on (&fixture, /* generation= */ 0);
    g_assert_cmpuint (failures->len, ==, 1);
    g_assert_error ((GError *) g_ptr_array_index (failures, 0), SG_ERROR,
                    SG_ERROR_INVALID_ARGUMENT);
    g_autoptr (SgNftTable) after = dump (&fixture);
    g_assert_false (after->exists);
    tear_down (&fixture);
}

/* ---- what it costs ---- */

static void
test_cost (void)
{
    static const char *const of_each_gateway[] = {SG_SET_GATEWAYS, SG_SET_GATEWAY_MARKS,
                                                  SG_SET_TRANSPORT_MARKS};
    Fixture fixture;
    g_autoptr (SgNftTable) wanted = reference ();

    if (!set_up (&fixture))
        return;
    for (uint32_t gateway = 2; gateway <= 4; gateway++) {
        for (size_t i = 0; i < G_N_ELEMENTS (of_each_gateway); i++)
            fill (wanted, of_each_gateway[i], number (gateway));
    }
    fill_all_sets (wanted);
    add_all (&fixture, wanted);
    commit (&fixture);
    SgKernelStats before = fixture.stats;
    gint64 start = g_get_monotonic_time ();
    sg_nft_table_free (dump (&fixture));
    gint64 took = g_get_monotonic_time () - start;
    uint64_t dumps = fixture.stats.dumps - before.dumps;

    g_test_message ("dump of a complete table: %" G_GINT64_FORMAT " us, %" G_GUINT64_FORMAT
                    " system calls, %" G_GUINT64_FORMAT " dumps",
                    took, (guint64) (fixture.stats.system_calls - before.system_calls),
                    (guint64) dumps);
    /* Sets, chains, rules, and the elements of each set: not one more. */
    g_assert_cmpuint (dumps, ==, 3 + wanted->sets->len);
    tear_down (&fixture);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/nft/no-table", test_no_table);
    g_test_add_data_func ("/nft/ruleset", GINT_TO_POINTER (NFPROTO_IPV6), test_ruleset);
    g_test_add_data_func ("/nft/ruleset-ipv4", GINT_TO_POINTER (NFPROTO_IPV4), test_ruleset);
    g_test_add_func ("/nft/listing", test_listing);
    g_test_add_func ("/nft/cover-prefix", test_cover_prefix);
    g_test_add_func ("/nft/many-elements", test_many_elements);
    g_test_add_func ("/nft/removal", test_removal);
    g_test_add_func ("/nft/dormant", test_dormant);
    g_test_add_func ("/nft/foreign", test_foreign);
    g_test_add_func ("/nft/strange", test_strange);
    g_test_add_func ("/nft/generation", test_generation);
    g_test_add_func ("/nft/generation-moves-on", test_generation_moves_on);
    g_test_add_func ("/nft/torn", test_torn);
    g_test_add_func ("/nft/refused", test_refused);
    g_test_add_func ("/nft/not-sayable", test_not_sayable);
    g_test_add_func ("/nft/cost", test_cost);
    return g_test_run ();
}
