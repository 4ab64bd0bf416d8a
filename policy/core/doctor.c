/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/doctor.h"

#include "core/doctor-parts.h"

/* ---- values ---- */

static void
clear_leak (void *data)
{
    g_free (((SgLeakTry *) data)->what);
}

SgDoctorFacts *
sg_doctor_facts_new (void)
{
    SgDoctorFacts *facts = g_new0 (SgDoctorFacts, 1);

    facts->forwarding_all = facts->rp_filter_all = -1;
    facts->interfaces = g_array_new (FALSE, TRUE, sizeof (SgInterfaceFacts));
    facts->chains = g_array_new (FALSE, TRUE, sizeof (SgForeignChain));
    facts->leaks = g_array_new (FALSE, TRUE, sizeof (SgLeakTry));
    g_array_set_clear_func (facts->leaks, clear_leak);
    return facts;
}

void
sg_doctor_facts_free (SgDoctorFacts *facts)
{
    if (!facts)
        return;
    g_array_unref (facts->interfaces);
    g_array_unref (facts->chains);
    g_array_unref (facts->leaks);
    g_free (facts);
}

static void
free_finding (SgFinding *finding)
{
    g_free (finding->what);
    g_free (finding->why);
    g_free (finding->advice);
    g_free (finding);
}

const char *
sg_severity_name (SgSeverity severity)
{
    static const char *const names[SG_SEVERITY_N] = {
        [SG_SEVERITY_NOTE] = "note",
        [SG_SEVERITY_WARNING] = "warning",
        [SG_SEVERITY_ERROR] = "error",
    };

    g_return_val_if_fail (severity < SG_SEVERITY_N, "");
    return names[severity];
}

void
sg_doctor_add (GPtrArray *findings, const SgFinding *finding)
{
    g_ptr_array_add (findings, g_memdup2 (finding, sizeof *finding));
}

/* ---- the host's own choice ---- */

static void
examine_outbound (const SgPatient *patient, GPtrArray *findings)
{
    const char *outbound = patient->state->outbound;
    const SgGateway *gateway = sg_gateways_by_name (patient->wanted->gateways, outbound);

    if (!outbound[0] || (gateway && gateway->capability[SG_IPV6] == SG_CAPABLE))
        return;
    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = gateway ? "outbound-cannot" : "outbound-missing",
            .severity = SG_SEVERITY_ERROR,
            .what = gateway ? g_strdup_printf ("the selected outbound %s cannot carry IPv6 (%s)",
                                               outbound,
                                               sg_capability_name (gateway->capability[SG_IPV6]))
                            : g_strdup_printf ("the selected outbound %s is not there", outbound),
            .why = g_strdup ("until it can, what is new and not local is refused, on purpose: "
                             "nothing may leave by another gateway"),
            .advice = g_strdup_printf ("bring it up (nmcli connection up %s), or choose another: "
                                       "sixgatectl outbound INTERFACE, or auto",
                                       outbound),
        });
}

static void
examine_difference (const SgPatient *patient, GPtrArray *findings)
{
    if (!patient->changes)
        return;
    sg_doctor_add (findings,
                   &(SgFinding) {
                       .id = "differs",
                       .severity = SG_SEVERITY_WARNING,
                       .what = g_strdup_printf ("the kernel differs from what it should hold in %u "
                                                "points",
                                                patient->changes),
                       .why = g_strdup ("replies, the selection or the guard may not work"),
                       .advice = g_strdup ("sixgatectl plan shows the difference, sixgatectl "
                                           "reconcile puts it right; if it comes back, somebody "
                                           "undoes it: journalctl -u sixgate-reconcile"),
                   });
}

static void
examine_sockets (const SgPatient *patient, GPtrArray *findings)
{
    const SgDoctorFacts *facts = patient->facts;

    if (facts->hears_routing && facts->hears_nft)
        return;
    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = "not-listening",
            .severity = SG_SEVERITY_ERROR,
            .what = g_strdup_printf ("nobody listens for changes of %s",
                                     facts->hears_routing ? "nftables"
                                     : facts->hears_nft   ? "rules and routes"
                                                          : "rules, routes and nftables"),
            .why = g_strdup ("what another program flushes comes back only with the next event of "
                             "NetworkManager, or the timer"),
            .advice = g_strdup ("systemctl enable --now sixgate-boot.service "
                                "sixgate-reconcile.service sixgate-reconcile.timer; then systemctl "
                                "restart sixgate-sockets.service"),
        });
}

/* ---- leaks ---- */

/* "4 had no route, 8 were counted by the guard"; left out is what there was none of. */
static char *
outcomes_text (const guint n[SG_LEAK_TRY_N])
{
    g_autoptr (GStrvBuilder) parts = g_strv_builder_new ();
    g_auto (GStrv) list = NULL;
    static const struct {
        SgLeakOutcome outcome;
        const char *what;
    } rows[] = {
        {SG_LEAK_TRY_NO_ROUTE, "had no route"},
        {SG_LEAK_TRY_GUARDED, "were counted by the guard"},
        {SG_LEAK_TRY_REFUSED, "were refused before the guard saw them"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
        if (n[rows[i].outcome]) {
            g_autofree char *part = g_strdup_printf ("%u %s", n[rows[i].outcome], rows[i].what);

            g_strv_builder_add (parts, part);
        }
    list = g_strv_builder_end (parts);
    return g_strjoinv (", ", list);
}

static void
examine_leaks (const SgPatient *patient, GPtrArray *findings)
{
    const GArray *leaks = patient->facts->leaks;
    guint n[SG_LEAK_TRY_N] = {0};
    g_autofree char *outcomes = NULL;

    for (guint i = 0; i < leaks->len; i++) {
        const SgLeakTry *try = &g_array_index (leaks, SgLeakTry, i);

        n[try->outcome]++;
        if (try->outcome != SG_LEAK_TRY_SENT)
            continue;
        sg_doctor_add (findings,
                       &(SgFinding) {
                           .id = "leak",
                           .severity = SG_SEVERITY_ERROR,
                           .what = g_strdup_printf ("%s was not refused", try->what),
                           .why = g_strdup ("it may have left by another gateway than the selected "
                                            "outbound, unless another firewall dropped it without "
                                            "a word"),
                           .advice = g_strdup ("sixgatectl plan, sixgatectl explain tell why; "
                                               "please report it (SECURITY.md)"),
                       });
    }
    if (!leaks->len || n[SG_LEAK_TRY_SENT])
        return;
    outcomes = outcomes_text (n);
    sg_doctor_add (findings,
                   &(SgFinding) {
                       .id = "no-leak",
                       .severity = SG_SEVERITY_NOTE,
                       .what = g_strdup_printf ("the leak test: all of %u tries to leave by "
                                                "another gateway were refused: %s",
                                                leaks->len, outcomes),
                       .why = g_strdup ("TCP and UDP, from sockets bound to other addresses and "
                                        "devices, and unbound ones"),
                       .advice = g_strdup ("nothing has to be done"),
                   });
}

/* ---- the whole ---- */

static int
compare_severity (const SgFinding **a, const SgFinding **b)
{
    return (int) (*b)->severity - (int) (*a)->severity;
}

GPtrArray *
sg_doctor_examine (const SgPatient *patient)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func ((GDestroyNotify) free_finding);

    examine_leaks (patient, findings);
    examine_outbound (patient, findings);
    examine_difference (patient, findings);
    examine_sockets (patient, findings);
    sg_doctor_rules (patient, findings);
    sg_doctor_host (patient, findings);
    g_ptr_array_sort (findings, (GCompareFunc) compare_severity);
    return findings;
}

int
sg_doctor_exit_status (const GPtrArray *findings)
{
    const SgFinding *worst = findings->len ? g_ptr_array_index (findings, 0) : NULL;

    if (!worst || worst->severity == SG_SEVERITY_NOTE)
        return 0;
    return worst->severity == SG_SEVERITY_ERROR ? 1 : 5;
}
