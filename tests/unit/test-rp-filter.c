/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reverse path filter: its messages in memory and against the running kernel (in a network
 * namespace of its own, which needs root), what is wanted of it, and what is remembered. */
#include <errno.h>
#include <sched.h>
#include <string.h>

#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "kernel/nl-attr.h"
#include "kernel/rtnl-link.h"
#include "kernel/rtnl-rp-filter.h"
#include "lib/situation.h"

#define ROOM 256

typedef union {
    struct nlmsghdr nlh;
    uint8_t bytes[ROOM];
} Memory;

/* ---- messages in memory ---- */

static void
build_netconf (Memory *memory, uint8_t family, int32_t ifindex, uint32_t value)
{
    SgNlMessage message = sg_nl_message_begin (memory, ROOM, RTM_NEWNETCONF, NLM_F_MULTI);
    struct netconfmsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->ncm_family = family;
    sg_nl_put_u32 (&message, NETCONFA_IFINDEX, (uint32_t) ifindex);
    sg_nl_put_u32 (&message, NETCONFA_FORWARDING, 1);
    sg_nl_put_u32 (&message, NETCONFA_RP_FILTER, value);
    g_assert_false (message.full);
}

static SgSnapshot *
two_links (void)
{
    SgSnapshot *snapshot = sg_snapshot_new ();

    for (uint32_t i = 6; i <= 7; i++) {
        SgLink link = {.ifindex = i, .rp_filter = 1};

        g_array_append_val (snapshot->links, link);
    }
    snapshot->rp_filter_all = 1;
    return snapshot;
}

static void
test_parse (void)
{
    static const struct {
        uint8_t family;
        int32_t ifindex;
        uint32_t value;
        uint8_t first, second, all; /* then */
    } cases[] = {
        {AF_INET, 6, 2, 2, 1, 1},
        {AF_INET, 7, 0, 1, 0, 1},
        {AF_INET, NETCONFA_IFINDEX_ALL, 2, 1, 1, 2},
        {AF_INET, NETCONFA_IFINDEX_DEFAULT, 2, 1, 1, 1},
        {AF_INET, 99, 2, 1, 1, 1}, /* a link that came since */
        {AF_INET6, 6, 2, 1, 1, 1},
        {AF_INET, 6, 1000, 2, 1, 1}, /* everything above is loose, too */
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (SgSnapshot) snapshot = two_links ();
        g_autoptr (GError) error = NULL;
        Memory memory = {0};

        build_netconf (&memory, cases[i].family, cases[i].ifindex, cases[i].value);
        g_assert_true (sg_rtnl_rp_filter_parse (&memory.nlh, snapshot, &error));
        g_assert_no_error (error);
        g_assert_cmpuint (g_array_index (snapshot->links, SgLink, 0).rp_filter, ==, cases[i].first);
        g_assert_cmpuint (g_array_index (snapshot->links, SgLink, 1).rp_filter, ==,
                          cases[i].second);
        g_assert_cmpuint (snapshot->rp_filter_all, ==, cases[i].all);
    }
}

/* Cut anywhere: refused, or taken up to where it is whole, and never read past its end. */
static void
test_cut (void)
{
    g_autoptr (SgSnapshot) snapshot = two_links ();
    Memory memory = {0};
    unsigned good = 0;

    build_netconf (&memory, AF_INET, 6, 2);
    for (uint32_t len = sizeof (struct nlmsghdr); len < memory.nlh.nlmsg_len; len++) {
        g_autofree uint8_t *alone = g_memdup2 (memory.bytes, len);
        g_autoptr (GError) error = NULL;

        ((struct nlmsghdr *) (void *) alone)->nlmsg_len = len;
        if (sg_rtnl_rp_filter_parse ((const void *) alone, snapshot, &error))
            good++;
        else
            g_assert_error (error, SG_ERROR, SG_ERROR_KERNEL);
    }
    /* Behind the interface, and behind what follows it. */
    g_assert_cmpuint (good, ==, 2);
    g_assert_cmpuint (g_array_index (snapshot->links, SgLink, 0).rp_filter, ==, 1);

    memory.nlh.nlmsg_type = RTM_DELNETCONF;
    g_autoptr (GError) error = NULL;
    g_assert_false (sg_rtnl_rp_filter_parse (&memory.nlh, snapshot, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_KERNEL);
}

static void
test_room (void)
{
    Memory memory = {0};

    g_assert_true (sg_rtnl_rp_filter_build (&memory, SG_RTNL_RP_FILTER_ROOM, 7, 2));
    g_assert_cmpuint (memory.nlh.nlmsg_len, <=, SG_RTNL_RP_FILTER_ROOM);
    g_assert_false (sg_rtnl_rp_filter_build (&memory, memory.nlh.nlmsg_len - 1, 7, 2));
}

/* ---- the running kernel ---- */

static void
run (const char *command)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *complaint = NULL;
    const char *argv[] = {"sh", "-ec", command, NULL};
    int status;

    g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &complaint,
                  &status, &error);
    g_assert_no_error (error);
    if (status != 0)
        g_error ("%s: %s", command, complaint);
}

static SgSnapshot *
look (SgNlSocket *sock)
{
    SgSnapshot *snapshot = sg_snapshot_new ();
    g_autoptr (GError) error = NULL;

    g_assert_true (sg_rtnl_link_dump (sock, snapshot, &error));
    g_assert_true (sg_rtnl_rp_filter_dump (sock, snapshot, &error));
    return snapshot;
}

static void
take_refusal (size_t index, int errnum, const char *text, void *data)
{
    *(int *) data = errnum;
}

/* Writes; what the kernel refused it with, 0: nothing. */
static int
write_filter (SgNlSocket *sock, uint32_t ifindex, uint8_t value)
{
    g_autoptr (SgNlBatch) batch = sg_nl_batch_new ();
    g_autoptr (GError) error = NULL;
    int refused = 0;

    g_assert_true (sg_rtnl_rp_filter_build (sg_nl_batch_reserve (batch, SG_RTNL_RP_FILTER_ROOM),
                                            SG_RTNL_RP_FILTER_ROOM, ifindex, value));
    sg_nl_batch_commit (batch);
    g_assert_true (sg_nl_socket_write (sock, batch, take_refusal, &refused, &error));
    return refused;
}

/* The filter, and nothing else of the link. */
static void
test_kernel (void)
{
    SgKernelStats stats = {0};
    g_autoptr (GError) error = NULL;

    if (unshare (CLONE_NEWNET) < 0) {
        g_test_skip ("needs root");
        return;
    }
    run ("ip link add v0 mtu 1400 type veth peer name v1; ip link set v0 up;"
         "cd /proc/sys/net/ipv4/conf; echo 0 >all/rp_filter; echo 1 >v0/rp_filter;"
         "echo 1 >v1/rp_filter");
    g_autoptr (SgNlSocket) sock = sg_nl_socket_open (NETLINK_ROUTE, &stats, &error);
    g_assert_no_error (error);
    g_autoptr (SgSnapshot) before = look (sock);
    uint32_t v0 = sg_snapshot_link_by_name (before, "v0")->ifindex;

    g_assert_cmpuint (sg_snapshot_link_by_name (before, "v0")->rp_filter, ==, 1);
    g_assert_cmpuint (before->rp_filter_all, ==, 0);
    g_assert_cmpint (write_filter (sock, v0, 2), ==, 0);
    g_autoptr (SgSnapshot) after = look (sock);
    g_assert_cmpuint (sg_snapshot_link_by_name (after, "v0")->rp_filter, ==, 2);
    g_assert_cmpuint (sg_snapshot_link_by_name (after, "v1")->rp_filter, ==, 1);
    g_assert_cmpuint (sg_snapshot_link (before, v0)->flags, ==,
                      sg_snapshot_link (after, v0)->flags);
    run ("cd /proc/sys/net/ipv4/conf; [ $(cat v0/rp_filter) = 2 ]; [ $(cat all/rp_filter) = 0 ];"
         "ip link show v0 | grep -q 'mtu 1400'");
    run ("echo 2 >/proc/sys/net/ipv4/conf/all/rp_filter");
    g_autoptr (SgSnapshot) all = look (sock);
    g_assert_cmpuint (all->rp_filter_all, ==, 2);
    /* The link is gone: as good as done (is_as_wanted in kernel-linux.c). */
    run ("ip link del v0");
    g_assert_cmpint (write_filter (sock, v0, 1), ==, ENODEV);
}

/* ---- what is wanted, what is remembered ---- */

#define HOST                                                                                       \
    "address 192.0.2.10/24 dev eth0 permanent\n"                                                   \
    "device eth0 kind ethernet can-be-gateway managed active\n"
#define BOTH "config Families=ipv6,ipv4\n"

static const struct {
    const char *promise;
    const char *text;
    SgRpFilter was;     /* remembered; 0: nothing */
    const char *wanted; /* "IFINDEX=VALUE", with "back" */
    const char *memory; /* "IFINDEX:VALUE", then "ipv4" where something of it may be left */
} rows[] = {
    {"a strict filter becomes loose",
     BOTH HOST "link 2 eth0 up rp-filter 1\n",
     {0},
     "2=2 ",
     "2:1 ipv4"},
    {"a strict one for all, too",
     BOTH HOST "link 2 eth0 up\nrp-filter-all 1\n",
     {0},
     "2=2 ",
     "2:0 ipv4"},
    {"a loose one stays", BOTH HOST "link 2 eth0 up rp-filter 2\n", {0}, "", "ipv4"},
    {"none stays none", BOTH HOST "link 2 eth0 up\n", {0}, "", "ipv4"},
    {"loose for all is enough",
     BOTH HOST "link 2 eth0 up rp-filter 1\nrp-filter-all 2\n",
     {0},
     "",
     "ipv4"},
    {"of gateways only",
     BOTH HOST "link 2 eth0 up\nlink 3 br0 kind bridge up rp-filter 1\n",
     {0},
     "",
     "ipv4"},
    {"what it was is not forgotten when somebody sets it strict again",
     BOTH HOST "link 2 eth0 up rp-filter 1\n",
     {2, 0},
     "2=2 ",
     "2:0 ipv4"},
    {"it comes back when the interface is no gateway any more",
     BOTH "link 2 eth0 up rp-filter 2\n",
     {2, 1},
     "2=1 back ",
     "2:1 ipv4"},
    {"it comes back when IPv4 is switched off",
     HOST "link 2 eth0 up rp-filter 2\n",
     {2, 1},
     "2=1 back ",
     "2:1 ipv4"},
    {"what is back is forgotten, and that there was IPv4",
     HOST "link 2 eth0 up rp-filter 1\n",
     {2, 1},
     "",
     ""},
    {"so is what somebody else set meanwhile", HOST "link 2 eth0 up\n", {2, 1}, "", ""},
    {"so is an interface that is gone", BOTH "link 2 eth0 up\n", {5, 1}, "", "ipv4"},
    {"IPv4 off, and never on: nothing", HOST "link 2 eth0 up rp-filter 1\n", {0}, "", ""},
};

static void
test_wanted (const void *data)
{
    size_t row = GPOINTER_TO_SIZE (data);
    g_autoptr (SgSituationText) situation = sg_situation_parse (rows[row].text);
    SgMemory *memory = situation->memory;
    g_autoptr (GString) wants = g_string_new (NULL), remembers = g_string_new (NULL);

    memory->ipv4 = rows[row].was.ifindex != 0;
    if (memory->ipv4)
        g_array_append_val (memory->rp_filters, rows[row].was);
    situation->snapshot->ipv4_left = memory->ipv4;
    g_autoptr (SgWanted) wanted =
        sg_wanted_new (situation->config, situation->state, memory, NULL, situation->snapshot);
    for (guint i = 0; i < wanted->rp_filters->len; i++) {
        const SgWantedRpFilter *change = &g_array_index (wanted->rp_filters, SgWantedRpFilter, i);

        g_string_append_printf (wants, "%u=%u %s", change->ifindex, change->value,
                                change->back ? "back " : "");
    }
    g_assert_cmpstr (wants->str, ==, rows[row].wanted);

    g_autofree char *before = sg_memory_to_text (memory);
    bool changed = sg_wanted_remember_ipv4 (wanted, situation->config, situation->snapshot, memory);
    g_autofree char *after = sg_memory_to_text (memory);
    g_assert_cmpint (changed, ==, strcmp (before, after) != 0);
    for (guint i = 0; i < memory->rp_filters->len; i++) {
        const SgRpFilter *entry = &g_array_index (memory->rp_filters, SgRpFilter, i);

        g_string_append_printf (remembers, "%u:%u ", entry->ifindex, entry->value);
    }
    g_string_append (remembers, memory->ipv4 ? "ipv4" : "");
    g_assert_cmpstr (remembers->str, ==, rows[row].memory);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/rp-filter/parse", test_parse);
    g_test_add_func ("/rp-filter/cut", test_cut);
    g_test_add_func ("/rp-filter/room", test_room);
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *path = g_strdup_printf ("/rp-filter/%s", rows[i].promise);

        g_test_add_data_func (path, GSIZE_TO_POINTER (i), test_wanted);
    }
    g_test_add_func ("/rp-filter/kernel", test_kernel);
    return g_test_run ();
}
