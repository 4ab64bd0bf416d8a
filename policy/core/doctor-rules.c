/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/doctor-parts.h"

#include <string.h>

#include "core/contract.h"

/* ---- whose rule it is ---- */

/* What other software is known by. 0: does not matter. */
static const struct {
    const char *who;
    uint32_t pref_first, pref_last;
    uint32_t fwmask;
    uint32_t table_first, table_last;
} known[] = {
    /* util/linuxfw: mark 0x80000/0xff0000, table 52 */
    {"Tailscale", 5200, 5299, 0, 0, 0},
    {"Tailscale", 0, 0, 0, 52, 52},
    /* systemops: table 0x1bd0, prefs 105 and 110 */
    {"NetBird", 0, 0, 0, 7120, 7120},
    /* tun_device_manager: table 0x2021_fd00 */
    {"Firezone", 0, 0, 0, 0x2021fd00, 0x2021fd00},
    /* MWAN mark mask 0x3f00, prefs 1001 to 3254 */
    {"mwan3", 1001, 3254, 0x3f00, 0, 0},
    /* mark mask 0xff0000, prefs around 30000 */
    {"pbr", 29000, 30767, 0xff0000, 0, 0},
    /* the pair with table 51820… */
    {"wg-quick", 32764, 32765, 0, 0, 0},
};

static const char *
owner_of (const SgRule *rule)
{
    for (size_t i = 0; i < G_N_ELEMENTS (known); i++) {
        if ((!known[i].pref_last ||
             (rule->pref >= known[i].pref_first && rule->pref <= known[i].pref_last)) &&
            (!known[i].fwmask || rule->fwmask == known[i].fwmask) &&
            (!known[i].table_last ||
             (rule->table >= known[i].table_first && rule->table <= known[i].table_last)))
            return known[i].who;
    }
    return NULL;
}

static char *
describe (const SgRule *rule)
{
    g_autoptr (GString) text = g_string_new (NULL);
    const char *owner = owner_of (rule);

    sg_rule_print (rule, text);
    return owner ? g_strdup_printf ("“%s” (%s's, by its looks)", text->str, owner)
                 : g_strdup_printf ("“%s”", text->str);
}

/* ---- foreign rules ---- */

static bool
is_local_rule (const SgRule *rule)
{
    return rule->action == FR_ACT_TO_TBL && rule->table == RT_TABLE_LOCAL && !rule->src.len &&
           !rule->dst.len && !rule->fwmask && !rule->iif[0] && !rule->oif[0];
}

static void
examine_local (const SgPatient *patient, GPtrArray *findings)
{
    const GArray *rules = patient->snapshot->rules;

    for (guint i = 0; i < rules->len; i++) {
        const SgRule *rule = &g_array_index (rules, SgRule, i);

        if (rule->family == AF_INET6 && is_local_rule (rule) && rule->pref < SG_PREF_MARK)
            return;
    }
    sg_doctor_add (findings,
                   &(SgFinding) {
                       .id = "local-rule-moved",
                       .severity = SG_SEVERITY_ERROR,
                       .what = g_strdup ("the kernel's rule “pref 0 lookup local” was moved or "
                                         "deleted"),
                       .why = g_strdup ("what is for this host itself may be routed away before it "
                                        "is recognised"),
                       .advice = g_strdup ("ip -6 rule add pref 0 lookup local; and tell the "
                                           "program that moved it (some VPN clients do)"),
                   });
}

static void
examine_before (const SgRule *rule, GPtrArray *findings)
{
    g_autofree char *text = describe (rule);

    sg_doctor_add (
        findings,
        &(SgFinding) {
            .id = "foreign-rule-before",
            .severity = SG_SEVERITY_WARNING,
            .what = g_strdup_printf ("the foreign rule %s goes before ours", text),
            .why =
                g_strdup ("what it applies to is not routed by Sixgate: replies may leave by the "
                          "wrong gateway; while an outbound is chosen, the guard still refuses "
                          "what is not local"),
            .advice = g_strdup ("fine if it is about that program's own network only; else make it "
                                "narrower, or move it behind 1100"),
        });
}

static void
examine_hidden (const SgRule *rule, GPtrArray *findings)
{
    g_autofree char *text = describe (rule);

    sg_doctor_add (
        findings, &(SgFinding) {
                      .id = "foreign-rule-hidden",
                      .severity = SG_SEVERITY_WARNING,
                      .what = g_strdup_printf ("the foreign rule %s never decides while main has a "
                                               "default route",
                                               text),
                      .why = g_strdup ("our rule 1000 looks into main before it: that VPN or load "
                                       "balancer does nothing for IPv6"),
                      .advice = g_strdup ("import the tunnel as a gateway of Sixgate and choose it "
                                          "with sixgatectl outbound, or move the rule below 50"),
                  });
}

static void
examine_foreign (const SgPatient *patient, GPtrArray *findings)
{
    const GArray *rules = patient->snapshot->rules;

    for (guint i = 0; i < rules->len; i++) {
        const SgRule *rule = &g_array_index (rules, SgRule, i);

        if (rule->family != AF_INET6 || rule->protocol == SG_PROTOCOL || is_local_rule (rule))
            continue;
        if (rule->pref <= SG_PREF_MAIN)
            examine_before (rule, findings);
        else if (rule->pref < SG_PREF_KERNEL_MAIN && !sg_rule_is_networkmanagers (rule))
            examine_hidden (rule, findings);
    }
}

/* ---- what router advertisements brought ---- */

static void
examine_injected (const SgPatient *patient, GPtrArray *findings)
{
    const GArray *rules = patient->wanted->rules;

    for (guint i = 0; i < rules->len; i++) {
        const SgRule *rule = &g_array_index (rules, SgRule, i);
        char text[SG_PREFIX_TEXT_MAX];

        if (rule->pref != SG_PREF_INJECTED || rule->family != AF_INET6)
            continue;
        sg_doctor_add (findings,
                       &(SgFinding) {
                           .id = "injected-route",
                           .severity = SG_SEVERITY_WARNING,
                           .what = g_strdup_printf ("somebody on the LAN advertises a way to %s",
                                                    sg_prefix_format (&rule->dst, text)),
                           .why = g_strdup (
                               "traffic for it would have been drawn to the LAN; Sixgate sends it "
                               "by the selected outbound instead"),
                           .advice = g_strdup (
                               "find the router that sends it (rdisc6 INTERFACE), or make it a "
                               "static route if it is wanted"),
                       });
    }
}

/* Sentences of the decision that no other finding says. */
static void
examine_warnings (const SgPatient *patient, GPtrArray *findings)
{
    for (guint i = 0; i < patient->wanted->warnings->len; i++) {
        const char *warning = g_ptr_array_index (patient->wanted->warnings, i);

        if (g_str_has_prefix (warning, "the foreign rule ") ||
            strstr (warning, ": the selected outbound "))
            continue;
        sg_doctor_add (findings,
                       &(SgFinding) {
                           .id = "decision",
                           .severity = SG_SEVERITY_WARNING,
                           .what = g_strdup (warning),
                           .why = g_strdup ("it was decided on the safe side"),
                           .advice = g_strdup ("docs/policy-routing.md tells the rules of this "
                                               "decision"),
                       });
    }
}

void
sg_doctor_rules (const SgPatient *patient, GPtrArray *findings)
{
    examine_local (patient, findings);
    examine_foreign (patient, findings);
    examine_injected (patient, findings);
    examine_warnings (patient, findings);
}
