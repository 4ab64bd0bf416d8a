/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An explanation in words. */
#include "core/explain.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "core/contract.h"
#include "core/ruleset.h"

static const char *
link_name (const SgExplainNames *names, uint32_t ifindex)
{
    const char *name = sg_snapshot_link_name (ifindex, names->snapshot);

    return name ? name : "?";
}

/* ---- rules and routes ---- */

static char *
rule_text (const SgRule *rule)
{
    GString *text = g_string_new (NULL);

    if (rule)
        sg_rule_print (rule, text);
    return g_string_free (text, /* free_segment= */ FALSE);
}

static char *
route_text (const SgRoute *route, const SgExplainNames *names)
{
    GString *text = g_string_new (NULL);

    if (route)
        sg_route_print (route, sg_snapshot_link_name, names->snapshot, text);
    return g_string_free (text, /* free_segment= */ FALSE);
}

static char *
step_text (const SgFibStep *step)
{
    char prefix[SG_PREFIX_TEXT_MAX];

    switch (step->fate) {
    case SG_RULE_NO_MATCH:
        return g_strdup_printf ("does not apply (%s)", step->selector);
    case SG_RULE_UNCLEAR:
        return g_strdup ("cannot be judged, taken as not applying");
    case SG_RULE_NO_ROUTE:
        return g_strdup ("no route in its table");
    case SG_RULE_SUPPRESSED:
        return g_strdup_printf ("found %s, which it suppresses",
                                sg_prefix_format (&step->route->dst, prefix));
    case SG_RULE_THROWN:
        return g_strdup_printf ("found throw %s: on to the next rule",
                                sg_prefix_format (&step->route->dst, prefix));
    case SG_RULE_DECIDES:
        return step->route ? g_strdup_printf ("decides by the route %s",
                                              sg_prefix_format (&step->route->dst, prefix))
                           : g_strdup ("decides");
    case SG_RULE_FATE_N:
        break;
    }
    g_return_val_if_reached (NULL);
}

static GVariant *
steps_variant (const SgFibResult *fib)
{
    GVariantBuilder builder;

    g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ss)"));
    for (guint i = 0; fib && i < fib->steps->len; i++) {
        const SgFibStep *step = &g_array_index (fib->steps, SgFibStep, i);
        g_autofree char *rule = rule_text (step->rule);
        g_autofree char *fate = step_text (step);

        g_variant_builder_add (&builder, "(ss)", rule, fate);
    }
    return g_variant_builder_end (&builder);
}

/* ---- where it goes ---- */

/* The interfaces by which it may leave, each once; only gateways when @gateways. */
static GPtrArray *
ways_out (const SgExplanation *self, const SgExplainNames *names, bool gateways)
{
    GPtrArray *ways = g_ptr_array_new ();
    const SgRoute *route = self->fib->route;

    for (uint16_t i = 0; self->fib->fate == SG_FATE_LEAVES && i < route->n_nexthops; i++) {
        uint32_t ifindex = route->nexthops[i].ifindex;
        const char *name = link_name (names, ifindex);

        if ((!self->flow.bound || self->flow.bound == ifindex) &&
            (!gateways || sg_gateways_contain (names->gateways, ifindex)) &&
            !g_ptr_array_find_with_equal_func (ways, name, g_str_equal, NULL))
            g_ptr_array_add (ways, (char *) name);
    }
    return ways;
}

static GVariant *
names_variant (const GPtrArray *names)
{
    return g_variant_new_strv ((const char *const *) names->pdata, names->len);
}

static const char *
outcome_word (const SgExplanation *self)
{
    static const char *const words[SG_FATE_N] = {
        [SG_FATE_LEAVES] = "leaves",           [SG_FATE_LOCAL] = "local",
        [SG_FATE_UNREACHABLE] = "unreachable", [SG_FATE_BLACKHOLE] = "blackhole",
        [SG_FATE_PROHIBITED] = "prohibited",   [SG_FATE_NO_ROUTE] = "no-route",
    };

    return self->guard == SG_GUARD_REFUSES ? "refused" : words[self->fib->fate];
}

static const char *
guard_word (SgGuardVerdict verdict)
{
    static const char *const words[SG_GUARD_N] = {
        [SG_GUARD_NONE] = "none",
        [SG_GUARD_PASSES] = "passes",
        [SG_GUARD_REFUSES] = "refuses",
        [SG_GUARD_UNCLEAR] = "unclear",
    };

    return words[verdict];
}

/* The line of the guard that decided, as the nft language says it; where the chain is not as we
 * make it, its number. */
static char *
guard_rule_text (const SgNftSaying *saying)
{
    g_autoptr (SgNftTable) ours = sg_nft_table_new (NFPROTO_IPV6, "");
    const SgNftChain *chain;

    if (!saying->chain)
        return g_strdup ("");
    sg_ruleset_add_chains (ours, SG_RULESET_GUARD);
    chain = sg_nft_table_find_chain (ours, saying->chain->name);
    if (chain && sg_nft_chain_same_rules (chain, saying->chain)) {
        const SgNftRule *rule = g_ptr_array_index (chain->rules, saying->rule);

        return g_strdup (rule->text);
    }
    return g_strdup_printf ("rule %u", saying->rule + 1);
}

/* ---- the sentence ---- */

static char *
join (const GPtrArray *names)
{
    GString *text = g_string_new (NULL);

    for (guint i = 0; i < names->len; i++)
        g_string_append_printf (text, "%s%s", i ? " or " : "",
                                (const char *) g_ptr_array_index (names, i));
    return g_string_free (text, /* free_segment= */ FALSE);
}

static char *
table_words (uint32_t table)
{
    switch (table) {
    case RT_TABLE_LOCAL:
        return g_strdup ("table local");
    case RT_TABLE_MAIN:
        return g_strdup ("table main");
    case RT_TABLE_DEFAULT:
        return g_strdup ("table default");
    default:
        return g_strdup_printf ("table %u", table);
    }
}

static char *
by_words (const SgFibResult *fib)
{
    g_autofree char *table = fib->route ? table_words (fib->route->table) : NULL;
    char prefix[SG_PREFIX_TEXT_MAX];

    if (!fib->rule)
        return g_strdup ("no rule leads anywhere");
    if (!fib->route)
        return g_strdup_printf ("rule %u says so", fib->rule->pref);
    return g_strdup_printf (
        "rule %u, the route %s of %s", fib->rule->pref,
        sg_route_is_default (fib->route) ? "default" : sg_prefix_format (&fib->route->dst, prefix),
        table);
}

static const char *
refusal_words (SgFate fate)
{
    static const char *const words[SG_FATE_N] = {
        [SG_FATE_UNREACHABLE] = "is refused as unreachable",
        [SG_FATE_BLACKHOLE] = "is swallowed by a blackhole",
        [SG_FATE_PROHIBITED] = "is refused as prohibited",
        [SG_FATE_NO_ROUTE] = "has no route",
    };

    return words[fate];
}

/* ", as wg0, the selected outbound, is gone": why nothing leads out while something is chosen. */
static void
append_selection (const SgExplainNames *names, GString *out)
{
    const SgGateway *selected = sg_gateways_by_name (names->gateways, names->outbound);

    if (!names->outbound[0])
        return;
    if (!selected)
        g_string_append_printf (out, "; %s, the selected outbound, is not there", names->outbound);
    else if (selected->capability[SG_IPV6] != SG_CAPABLE)
        g_string_append_printf (out, "; %s, the selected outbound, cannot carry IPv6 (%s)",
                                names->outbound,
                                sg_capability_name (selected->capability[SG_IPV6]));
}

static void
append_retry (const SgExplanation *self, GString *out)
{
    g_autofree char *by = NULL;
    char source[SG_PREFIX_TEXT_MAX];

    if (!self->first)
        return;
    by = by_words (self->first);
    g_string_append_printf (out,
                            " without a source address %s (%s), so the kernel tries again from %s,"
                            " and then it",
                            refusal_words (self->first->fate), by,
                            sg_ip_format (&self->source, source));
}

static void
append_leaving (const SgExplanation *self, const SgExplainNames *names, GString *out)
{
    g_autoptr (GPtrArray) ways = ways_out (self, names, /* gateways= */ false);
    g_autofree char *where = join (ways);
    g_autofree char *by = by_words (self->fib);
    char source[SG_PREFIX_TEXT_MAX];
    bool selected = ways->len == 1 && strcmp (where, names->outbound) == 0;

    g_string_append_printf (out, " %s by %s%s",
                            self->guard == SG_GUARD_REFUSES ? "would leave" : "leaves", where,
                            selected ? ", the selected outbound," : "");
    if (!self->flow.src.family && !self->first && sg_ip_is_set (&self->source))
        g_string_append_printf (out, " from %s", sg_ip_format (&self->source, source));
    g_string_append_printf (out, " (%s)", by);
    if (self->guard == SG_GUARD_REFUSES)
        g_string_append_printf (out,
                                ", but the guard refuses it: what is new and not local leaves "
                                "by %s only",
                                names->outbound[0] ? names->outbound : "the selected outbound");
    else if (self->guard == SG_GUARD_UNCLEAR)
        g_string_append (out, "; what the guard says is not clear, its chains are not as we made "
                              "them");
    else if (self->guard == SG_GUARD_PASSES)
        g_string_append (out, "; the guard lets it pass");
}

char *
sg_explanation_sentence (const SgExplanation *self, const SgExplainNames *names)
{
    GString *out = g_string_new (NULL);
    char dst[SG_PREFIX_TEXT_MAX];

    g_string_append_printf (out, "%s to %s", self->reply ? "A reply" : "What goes",
                            sg_ip_format (&self->flow.dst, dst));
    append_retry (self, out);
    if (self->fib->fate == SG_FATE_LEAVES) {
        append_leaving (self, names, out);
    } else if (self->fib->fate == SG_FATE_LOCAL) {
        g_string_append_printf (out, " stays here: it is %s, on %s",
                                sg_ip_is_multicast (&self->flow.dst) ? "multicast"
                                                                     : "an address of this host",
                                link_name (names, self->fib->route->nexthops[0].ifindex));
    } else {
        g_autofree char *by = by_words (self->fib);

        g_string_append_printf (out, " %s (%s)", refusal_words (self->fib->fate), by);
        append_selection (names, out);
    }
    g_string_append_c (out, '.');
    return g_string_free (out, /* free_segment= */ FALSE);
}

/* ---- the fields ---- */

static void
add (GVariantBuilder *fields, const char *name, GVariant *value)
{
    g_variant_builder_add (fields, "{sv}", name, value);
}

static void
add_text (GVariantBuilder *fields, const char *name, const char *text)
{
    add (fields, name, g_variant_new_string (text));
}

static void
add_routing (const SgExplanation *self, const SgExplainNames *names, GVariantBuilder *fields)
{
    const SgFibResult *fib = self->fib;
    g_autofree char *rule = rule_text (fib->rule);
    g_autofree char *route = route_text (fib->route, names);
    g_autoptr (GPtrArray) ways = ways_out (self, names, /* gateways= */ false);
    g_autoptr (GPtrArray) gateways = ways_out (self, names, /* gateways= */ true);
    char prefix[SG_PREFIX_TEXT_MAX];

    add (fields, "rules", steps_variant (fib));
    add (fields, "first-rules", steps_variant (self->first));
    add_text (fields, "rule", rule);
    add (fields, "table", g_variant_new_uint32 (fib->route ? fib->route->table : 0));
    add_text (fields, "route", route);
    add_text (fields, "prefix", fib->route ? sg_prefix_format (&fib->route->dst, prefix) : "");
    add (fields, "metric", g_variant_new_uint32 (fib->route ? fib->route->metric : 0));
    add (fields, "interfaces", names_variant (ways));
    add (fields, "gateways", names_variant (gateways));
}

GVariant *
sg_explanation_fields (const SgExplanation *self, const SgExplainNames *names)
{
    g_autofree char *sentence = sg_explanation_sentence (self, names);
    g_autofree char *guard_rule = guard_rule_text (&self->saying);
    char dst[SG_PREFIX_TEXT_MAX], source[SG_PREFIX_TEXT_MAX];
    GVariantBuilder fields;

    g_variant_builder_init (&fields, G_VARIANT_TYPE_VARDICT);
    add_text (&fields, "sentence", sentence);
    add_text (&fields, "outcome", outcome_word (self));
    add_text (&fields, "destination", sg_ip_format (&self->flow.dst, dst));
    add_text (&fields, "source", self->source.family ? sg_ip_format (&self->source, source) : "");
    add (&fields, "source-chosen",
         g_variant_new_boolean (!self->flow.src.family && self->source.family));
    add (&fields, "retried", g_variant_new_boolean (self->first != NULL));
    add_routing (self, names, &fields);
    add_text (&fields, "guard", guard_word (self->guard));
    add_text (&fields, "guard-chain", self->saying.chain ? self->saying.chain->name : "");
    add_text (&fields, "guard-rule", guard_rule);
    return g_variant_builder_end (&fields);
}
