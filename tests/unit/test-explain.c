/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of packets: the sentence, and fields that programs look at. That it is true is
 * tests/integration/test-explain-kernel.c's; this is about words, and about what the kernel cannot be
 * asked: replies, and a guard that somebody changed. */
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/explain.h"
#include "core/plan.h"
#include "kernel/apply.h"
#include "lib/fake-kernel.h"
#include "lib/situation.h"

#define BASE                                                                                       \
    "link 1 lo loopback up\nlink 2 eth0 up\nlink 7 br0 kind bridge up\n"                           \
    "address ::1/128 dev lo permanent\naddress 2001:db8:1::10/64 dev eth0 permanent\n"             \
    "address fe80::10/64 dev eth0 permanent\naddress fd00:7::1/64 dev br0 permanent\n"             \
    "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0\n"                               \
    "route fd00:7::/64 table main proto 2 metric 256 dev br0\n"                                    \
    "route default table main proto 4 metric 100 via fe80::1 dev eth0\n"                           \
    "device eth0 kind ethernet can-be-gateway managed active gateway6 fe80::1\n"                   \
    "rule pref 0 lookup 255 proto 2\nrule pref 32766 lookup main proto 2\n"
#define TUNNEL                                                                                     \
    "link 9 wg0 kind wireguard up\naddress 2001:db8:f::2/128 dev wg0 permanent\n"                  \
    "wireguard wg0 fwmark 0xcafe default6\n"                                                       \
    "device wg0 kind wireguard can-be-gateway managed active\n"

/* A host as text, with what Sixgate makes of it. */
typedef struct {
    SgSituationText *text;
    SgSnapshot *now;
    GArray *gateways;
} Host;

static void
host_open (Host *host, const char *situation)
{
    g_autoptr (SgWanted) wanted = NULL;
    g_autoptr (SgPlan) plan = NULL;
    g_autoptr (SgKernel) kernel = NULL;
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

    host->text = sg_situation_parse (situation);
    wanted = sg_wanted_new (host->text->config, host->text->state, host->text->memory,
                            /* tunnel= */ NULL, host->text->snapshot);
    plan = sg_plan_new (host->text->snapshot, wanted);
    kernel = sg_fake_kernel_new (host->text->snapshot);
    g_assert_true (sg_apply (kernel, host->text->snapshot, plan, failures));
    host->now = sg_snapshot_new ();
    g_assert_true (kernel->ops->dump (kernel, host->text->config, host->now, NULL));
    host->gateways = g_array_ref (wanted->gateways);
}

static void
host_close (Host *host)
{
    g_array_unref (host->gateways);
    sg_snapshot_free (host->now);
    sg_situation_free (host->text);
}

static GVariant *
explain (const Host *host, const SgExplainRequest *request)
{
    const SgExplainNames names = {host->now, host->gateways, host->text->state->outbound};
    g_autoptr (SgExplanation) explanation = NULL;
    SgFlow flow;

    g_assert_true (sg_explain_parse (request, host->now, &flow, NULL));
    explanation = sg_explain (host->now, &flow);
    return g_variant_ref_sink (sg_explanation_fields (explanation, &names));
}

static const struct {
    const char *situation;
    SgExplainRequest request;
    const char *outcome;
    const char *guard;
    const char *sentence;
} cases[] = {
    {BASE,
     {"2620:fe::fe"},
     "leaves",
     "none",
     "What goes to 2620:fe::fe leaves by eth0 from 2001:db8:1::10 (rule 1000, the route default of "
     "table main)."},
    {BASE,
     {"2001:db8:1::10"},
     "local",
     "none",
     "What goes to 2001:db8:1::10 stays here: it is an address of this host, on eth0."},
    {BASE TUNNEL,
     {"2620:fe::fe", .from = "2001:db8:f::2"},
     "leaves",
     "none",
     "What goes to 2620:fe::fe leaves by wg0 (rule 60, the route default of table 1009)."},
    {BASE TUNNEL "outbound wg0\n",
     {"2620:fe::fe"},
     "leaves",
     "passes",
     "What goes to 2620:fe::fe leaves by wg0, the selected outbound, from 2001:db8:f::2 (rule 75, "
     "the route default of table 1009); the guard lets it pass."},
    {BASE TUNNEL "outbound wg0\n",
     {"2001:db8:1::99"},
     "leaves",
     "passes",
     "What goes to 2001:db8:1::99 leaves by eth0 from 2001:db8:1::10 (rule 65, the route "
     "2001:db8:1::/64 of table main); the guard lets it pass."},
    {BASE TUNNEL "outbound wg0\n",
     {"2620:fe::fe", .from = "2001:db8:1::10"},
     "refused",
     "refuses",
     "What goes to 2620:fe::fe would leave by eth0 (rule 60, the route default of table 1002), but "
     "the guard refuses it: what is new and not local leaves by wg0 only."},
    {BASE "outbound wg0\n",
     {"2620:fe::fe"},
     "refused",
     "refuses",
     "What goes to 2620:fe::fe without a source address is refused as unreachable (rule 76 says "
     "so), so the kernel tries again from 2001:db8:1::10, and then it would leave by eth0 (rule "
     "60, the route default of table 1002), but the guard refuses it: what is new and not local "
     "leaves by wg0 only."},
    {BASE TUNNEL "outbound wg0\n",
     {"2620:fe::fe", .mark = 1002},
     "leaves",
     "passes",
     "A reply to 2620:fe::fe leaves by eth0 from 2001:db8:1::10 (rule 50, the route default of "
     "table 1002); the guard lets it pass."},
    {BASE TUNNEL "outbound wg0\n",
     {"2620:fe::fe", .mark = 0xcafe},
     "leaves",
     "passes",
     "What goes to 2620:fe::fe leaves by eth0 from 2001:db8:1::10 (rule 74, the route default of "
     "table main); the guard lets it pass."},
    {BASE "outbound wg0\n",
     {"2620:fe::fe", .from = "fd00:7::9", .in = "br0"},
     "unreachable",
     "none",
     "What goes to 2620:fe::fe is refused as unreachable (rule 76 says so); wg0, the selected "
     "outbound, is not there."},
    {BASE TUNNEL "outbound wg0\n",
     {"2620:fe::fe", .from = "fd00:7::9", .in = "br0"},
     "leaves",
     "passes",
     "What goes to 2620:fe::fe leaves by wg0, the selected outbound, (rule 75, the route default "
     "of table 1009); the guard lets it pass."},
};

static void
test_sentences (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        Host host;
        g_autoptr (GVariant) fields = NULL;
        const char *outcome, *guard, *sentence;

        host_open (&host, cases[i].situation);
        fields = explain (&host, &cases[i].request);
        g_assert_true (g_variant_lookup (fields, "outcome", "&s", &outcome));
        g_assert_true (g_variant_lookup (fields, "guard", "&s", &guard));
        g_assert_true (g_variant_lookup (fields, "sentence", "&s", &sentence));
        g_assert_cmpstr (sentence, ==, cases[i].sentence);
        g_assert_cmpstr (outcome, ==, cases[i].outcome);
        g_assert_cmpstr (guard, ==, cases[i].guard);
        host_close (&host);
    }
}

/* Rules in the kernel's order, each with what became of it; which table, route, gateway, chain. */
static void
test_fields (void)
{
    Host host;
    g_autoptr (GVariant) fields = NULL;
    g_autofree char *text = NULL;

    host_open (&host, BASE TUNNEL "outbound wg0\n");
    fields = explain (&host, &(SgExplainRequest) {"2620:fe::fe"});
    text = g_variant_print (fields, /* type_annotate= */ FALSE);
    g_assert_nonnull (strstr (text, "('pref 50 fwmark 0x3ea lookup 1002 proto sixgate', 'does not "
                                    "apply (fwmark)')"));
    g_assert_nonnull (strstr (text,
                              "('pref 65 lookup main suppress_prefixlength 31 proto sixgate', "
                              "'found ::/0, which it suppresses')"));
    g_assert_nonnull (strstr (text, "('pref 75 lookup 1009 proto sixgate', 'decides by the route "
                                    "::/0')]"));
    g_assert_nonnull (strstr (text, "'table': <uint32 1009>"));
    g_assert_nonnull (strstr (text, "'metric': <uint32 1024>"));
    g_assert_nonnull (strstr (text, "'interfaces': <['wg0']>, 'gateways': <['wg0']>"));
    g_assert_nonnull (strstr (text, "'guard-chain': <'choice_post'>"));
    g_assert_nonnull (strstr (text, "oif @selected "));
    host_close (&host);
}

/* What we do not understand is not called safe. */
static void
test_foreign_hand (void)
{
    Host host;
    g_autoptr (GVariant) fields = NULL;
    SgNftChain *chain;
    const char *guard, *rule;

    host_open (&host, BASE TUNNEL "outbound wg0\n");
    chain = sg_nft_table_find_chain (host.now->nft[SG_IPV6], SG_CHAIN_CHOICE_POST);
    g_array_index (((SgNftRule *) g_ptr_array_index (chain->rules, 0))->exprs, SgNftExpr, 0).kind =
        SG_NFT_EXPR_UNKNOWN;
    fields = explain (&host, &(SgExplainRequest) {"2620:fe::fe"});
    g_assert_true (g_variant_lookup (fields, "guard", "&s", &guard));
    g_assert_true (g_variant_lookup (fields, "guard-rule", "&s", &rule));
    g_assert_cmpstr (guard, ==, "unclear");
    g_assert_cmpstr (rule, ==, "rule 1");
    host_close (&host);
}

/* A table that somebody put to sleep guards nothing, and that is said. */
static void
test_dormant (void)
{
    Host host;
    g_autoptr (GVariant) fields = NULL;
    const char *outcome, *guard;

    host_open (&host, BASE TUNNEL "outbound wg0\n");
    host.now->nft[SG_IPV6]->dormant = true;
    fields = explain (&host, &(SgExplainRequest) {"2620:fe::fe", .from = "2001:db8:1::10"});
    g_assert_true (g_variant_lookup (fields, "guard", "&s", &guard));
    g_assert_true (g_variant_lookup (fields, "outcome", "&s", &outcome));
    g_assert_cmpstr (guard, ==, "none");
    g_assert_cmpstr (outcome, ==, "leaves");
    host_close (&host);
}

/* Addresses stay usable while their link is down (tunnel-link-down): only those on trial are none. */
static void
test_source_of_a_link_that_is_down (void)
{
    static const struct {
        const char *flags, *destination, *source;
    } rows[] = {
        {"permanent", "2001:db8:f::2", "2001:db8:f::2"},
        {"permanent", "2001:db8:f::3", "2001:db8:f::2"},
        {"permanent", "2620:fe::fe", "2001:db8:1::10"},
        {"permanent tentative", "2001:db8:f::3", "2001:db8:1::10"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *situation =
            g_strconcat (BASE "link 9 wg0 kind wireguard\naddress 2001:db8:f::2/128 dev wg0 ",
                         rows[i].flags, "\n", NULL);
        char source[SG_PREFIX_TEXT_MAX];
        SgIp destination, chosen;
        Host host;

        host_open (&host, situation);
        g_assert_true (sg_ip_parse (rows[i].destination, &destination));
        chosen = sg_fib_choose_source (host.now, &destination, /* ifindex= */ 0);
        g_assert_cmpstr (sg_ip_format (&chosen, source), ==, rows[i].source);
        host_close (&host);
    }
}

static void
test_refused_questions (void)
{
    static const struct {
        SgExplainRequest request;
        SgErrorCode code;
        const char *message;
    } refused[] = {
        {{"example.org"},
         SG_ERROR_INVALID_ARGUMENT,
         "the destination “example.org” is no IPv6 address"},
        {{"192.0.2.1"},
         SG_ERROR_UNSUPPORTED,
         "the destination 192.0.2.1 is of IPv4, and explanations are of IPv6 only; ask the kernel: "
         "ip "
         "-4 route get 192.0.2.1"},
        {{"::1", .from = "x"}, SG_ERROR_INVALID_ARGUMENT, "the source “x” is no IPv6 address"},
        {{"::1", .in = "wg7"}, SG_ERROR_NOT_FOUND, "no interface wg7; there are lo, eth0, br0"},
    };
    Host host;

    host_open (&host, BASE);
    for (size_t i = 0; i < G_N_ELEMENTS (refused); i++) {
        g_autoptr (GError) error = NULL;
        SgFlow flow;

        g_assert_false (sg_explain_parse (&refused[i].request, host.now, &flow, &error));
        g_assert_error (error, SG_ERROR, (int) refused[i].code);
        g_assert_cmpstr (error->message, ==, refused[i].message);
    }
    host_close (&host);
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/explain/sentences", test_sentences);
    g_test_add_func ("/explain/fields", test_fields);
    g_test_add_func ("/explain/foreign-hand-in-the-guard", test_foreign_hand);
    g_test_add_func ("/explain/dormant-guard", test_dormant);
    g_test_add_func ("/explain/source-of-a-link-that-is-down", test_source_of_a_link_that_is_down);
    g_test_add_func ("/explain/refused-questions", test_refused_questions);
    return g_test_run ();
}
