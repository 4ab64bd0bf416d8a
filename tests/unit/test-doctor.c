/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The doctor: each ailment gives its finding, and a healthy host none. */
#include <locale.h>
#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "core/contract.h"
#include "core/doctor.h"
#include "core/plan.h"
#include "kernel/apply.h"
#include "lib/fake-kernel.h"
#include "lib/situation.h"

#define LOCAL "rule pref 0 lookup 255 proto 2\n"
#define HOST                                                                                       \
    "link 1 lo loopback up\nlink 2 eth0 up\nlink 5 wg0 kind wireguard up\n"                        \
    "link 7 br0 kind bridge up\n"                                                                  \
    "address 2001:db8:1::10/64 dev eth0 permanent\naddress 2001:db8:f::2/128 dev wg0 permanent\n"  \
    "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0\n"                               \
    "route default table main proto 4 metric 100 via fe80::1 dev eth0\n"                           \
    "device eth0 kind ethernet can-be-gateway managed active gateway6 fe80::1\n"                   \
    "device wg0 kind wireguard can-be-gateway managed active\n"                                    \
    "wireguard wg0 fwmark 0xcafe default6\n"                                                       \
    "rule pref 32766 lookup main proto 2\n"
#define KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define PEER "peer " KEY " dev wg0 preshared\nprofile wg0 preshared " KEY "\n"
#define NOW 1800000000u

/* What makes the host ill, beside what the text says. */
typedef struct {
    int forwarding, accept_ra, rp_filter, mtu, tunnel_mtu;
    uint32_t handshake_ago; /* 0: never */
    SgForeignChain chain;
    bool deaf;
    bool undone; /* what Sixgate wants is not in the kernel */
    bool leak;
} Ills;

#define WELL .mtu = 1500, .tunnel_mtu = 1420, .rp_filter = 2, .handshake_ago = 60

static const struct {
    const char *situation;
    Ills ills;
    const char *findings; /* "severity id", joined by ", " */
} cases[] = {
    {LOCAL HOST PEER, {WELL}, ""},
    {LOCAL HOST PEER "outbound wg0\n", {WELL}, "note no-leak"},
    {LOCAL HOST PEER "outbound wg0\n", {WELL, .leak = true}, "error leak"},
    {LOCAL HOST PEER, {WELL, .deaf = true}, "error not-listening"},
    {LOCAL HOST PEER, {WELL, .undone = true}, "warning differs"},
    {HOST PEER "rule pref 100 lookup 255 proto 3\n", {WELL}, "error local-rule-moved"},
    {LOCAL HOST PEER "outbound wg7\n", {WELL}, "error outbound-missing, note no-leak"},
    {LOCAL HOST PEER "link 9 wg1 kind wireguard up\nwireguard wg1 fwmark 0x1\n"
                     "device wg1 kind wireguard can-be-gateway managed active\noutbound wg1\n",
     {WELL},
     "error outbound-cannot, note no-leak"},
    /* rules of others */
    {LOCAL HOST PEER "rule pref 5270 lookup 52\n", {WELL}, "warning foreign-rule-hidden"},
    {LOCAL HOST PEER "rule pref 105 lookup 7120\n", {WELL}, "warning foreign-rule-before"},
    {LOCAL HOST PEER "rule pref 2001 fwmark 0x100/0x3f00 lookup 1\n",
     {WELL},
     "warning foreign-rule-hidden"},
    {LOCAL HOST PEER "rule pref 31488 lookup main suppress_prefixlength 0\n"
                     "rule pref 31489 not fwmark 0xcafe lookup 51966\n",
     {WELL},
     ""},
    {LOCAL HOST PEER "rule pref 32764 lookup main suppress_prefixlength 0\n",
     {WELL},
     "warning foreign-rule-hidden"},
    /* router advertisements */
    {LOCAL HOST PEER "route 2a00:5::/48 table main proto 9 metric 9 via fe80::9 dev eth0\n"
                     "outbound wg0\n",
     {WELL},
     "warning injected-route, note no-leak"},
    /* firewalls */
    {LOCAL HOST PEER "address fd00:7::1/64 dev br0 permanent\n",
     {WELL, .forwarding = 1, .chain = {NFPROTO_IPV6, "filter", "FORWARD", NF_INET_FORWARD, true}},
     "warning firewall-forward"},
    {LOCAL HOST PEER,
     {WELL, .chain = {NFPROTO_INET, "firewalld", "filter_FORWARD", NF_INET_FORWARD, true}},
     ""},
    {LOCAL HOST PEER,
     {WELL, .chain = {NFPROTO_INET, "x", "in", NF_INET_LOCAL_IN, true}},
     "note firewall-input"},
    {LOCAL HOST PEER, {WELL, .chain = {NFPROTO_INET, "x", "in", NF_INET_LOCAL_IN, false}}, ""},
    {LOCAL HOST PEER,
     {WELL, .chain = {NFPROTO_IPV4, "filter", "INPUT", NF_INET_LOCAL_IN, true}},
     ""},
    /* settings */
    {LOCAL HOST PEER "address fd00:7::1/64 dev br0 permanent\n", {WELL}, "warning forwarding"},
    {LOCAL HOST PEER "link 8 eth8 up\n"
                     "route default table main proto 9 metric 300 via fe80::8 dev eth8 expires\n",
     {WELL, .forwarding = 1, .accept_ra = 1},
     "error accept-ra"},
    {LOCAL HOST PEER, {WELL, .forwarding = 1, .accept_ra = 1}, ""},
    {LOCAL HOST PEER,
     {.mtu = 1500, .tunnel_mtu = 1420, .rp_filter = 1, .handshake_ago = 60},
     "warning rp-filter, warning rp-filter"},
    {LOCAL HOST PEER,
     {.mtu = 1500, .tunnel_mtu = 1200, .rp_filter = 2, .handshake_ago = 60},
     "error mtu"},
    {LOCAL HOST PEER,
     {.mtu = 1500, .tunnel_mtu = 1421, .rp_filter = 2, .handshake_ago = 60},
     "warning tunnel-mtu"},
    /* tunnels */
    {LOCAL HOST PEER, {.mtu = 1500, .tunnel_mtu = 1420, .rp_filter = 2}, "warning no-handshake"},
    {LOCAL HOST PEER "outbound wg0\n",
     {.mtu = 1500, .tunnel_mtu = 1420, .rp_filter = 2},
     "error no-handshake, note no-leak"},
    {LOCAL HOST PEER,
     {.mtu = 1500, .tunnel_mtu = 1420, .rp_filter = 2, .handshake_ago = 90000},
     "warning no-handshake"},
    {LOCAL HOST "peer " KEY " dev wg0 preshared\nprofile wg0\n", {WELL}, "warning preshared-key"},
    /* a network behind us with the prefix of the gateway that is not the way out */
    {LOCAL HOST PEER "address 2001:db8:f:5::1/64 dev br0 permanent\n"
                     "route 2001:db8:f:5::/64 table main proto 2 metric 256 dev br0\n",
     {WELL, .forwarding = 1},
     "warning container-prefix"},
    {LOCAL HOST PEER
     "address 2001:db8:f:5::1/64 dev br0 permanent\n"
     "route 2001:db8:f:5::/64 table main proto 2 metric 256 dev br0\noutbound wg0\n",
     {WELL, .forwarding = 1},
     "note no-leak"},
};

static SgSnapshot *
kernel_after (const SgSituationText *text, const SgPlan *plan)
{
    g_autoptr (SgKernel) kernel = sg_fake_kernel_new (text->snapshot);
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgSnapshot *after = sg_snapshot_new ();

    g_assert_true (sg_apply (kernel, text->snapshot, plan, failures));
    g_assert_true (kernel->ops->dump (kernel, text->config, after, NULL));
    g_array_append_vals (after->devices, text->snapshot->devices->data,
                         text->snapshot->devices->len);
    g_ptr_array_extend_and_steal (after->profiles, g_steal_pointer (&text->snapshot->profiles));
    text->snapshot->profiles = g_ptr_array_new ();
    return after;
}

static SgDoctorFacts *
facts_of (const Ills *ills, const SgSnapshot *snapshot, bool selection)
{
    SgDoctorFacts *facts = sg_doctor_facts_new ();

    facts->now = NOW;
    facts->forwarding_all = ills->forwarding;
    facts->rp_filter_all = 0;
    facts->hears_routing = facts->hears_nft = !ills->deaf;
    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);
        bool tunnel = strcmp (link->kind, "wireguard") == 0;
        SgInterfaceFacts interface = {link->ifindex, ills->forwarding, ills->accept_ra,
                                      ills->rp_filter, tunnel ? ills->tunnel_mtu : ills->mtu};

        g_array_append_val (facts->interfaces, interface);
    }
    if (ills->chain.table[0])
        g_array_append_val (facts->chains, ills->chain);
    if (selection) {
        SgLeakTry try = {g_strdup ("TCP from nowhere"),
                         ills->leak ? SG_LEAK_TRY_SENT : SG_LEAK_TRY_GUARDED};

        g_array_append_val (facts->leaks, try);
    }
    return facts;
}

static char *
findings_text (const GPtrArray *findings)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < findings->len; i++) {
        const SgFinding *finding = g_ptr_array_index (findings, i);

        g_assert_cmpstr (finding->what, !=, "");
        g_assert_cmpstr (finding->why, !=, "");
        g_assert_cmpstr (finding->advice, !=, "");
        g_string_append_printf (text, "%s%s %s", i ? ", " : "",
                                sg_severity_name (finding->severity), finding->id);
    }
    return g_string_free (text, /* free_segment= */ FALSE);
}

static char *
examine (const char *situation, const Ills *ills, int *ret_status)
{
    g_autoptr (SgSituationText) text = sg_situation_parse (situation);
    g_autoptr (SgWanted) wanted = NULL;
    g_autoptr (SgPlan) plan = NULL;
    g_autoptr (SgSnapshot) now = NULL;
    g_autoptr (SgDoctorFacts) facts = NULL;
    g_autoptr (GPtrArray) findings = NULL;
    SgPatient patient;

    for (guint i = 0; i < text->snapshot->peers->len && ills->handshake_ago; i++)
        g_array_index (text->snapshot->peers, SgWireguardPeer, i).handshake =
            NOW - ills->handshake_ago;
    wanted =
        sg_wanted_new (text->config, text->state, text->memory, /* tunnel= */ NULL, text->snapshot);
    plan = sg_plan_new (text->snapshot, wanted);
    now = kernel_after (text, plan);
    facts = facts_of (ills, now, text->state->outbound[0] != '\0');
    patient = (SgPatient) {text->config, text->state, now, wanted, ills->undone ? 3 : 0, facts};
    findings = sg_doctor_examine (&patient);
    *ret_status = sg_doctor_exit_status (findings);
    return findings_text (findings);
}

static void
test_cases (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        int status;
        g_autofree char *findings = examine (cases[i].situation, &cases[i].ills, &status);

        if (strcmp (findings, cases[i].findings) != 0)
            g_printerr ("case %zu:\n%s", i, cases[i].situation);
        g_assert_cmpstr (findings, ==, cases[i].findings);
        g_assert_cmpint (status, ==,
                         strstr (findings, "error")     ? 1
                         : strstr (findings, "warning") ? 5
                                                        : 0);
    }
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/doctor/cases", test_cases);
    return g_test_run ();
}
