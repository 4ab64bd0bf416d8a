/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The half of the state that says which sources have a gateway of their own. */
#include "core/state.h"

#include "base/error.h"
#include "core/local-prefixes.h"
#include "core/state-parts.h"

bool
sg_state_is_guarded (const SgState *state)
{
    return state->outbound[0] || state->overrides->len;
}

void
sg_state_trust_local (SgState *state, const SgSnapshot *snapshot)
{
    g_array_set_size (state->trusted, 0);
    sg_local_prefixes_learned (snapshot, state->trusted);
}

void
sg_state_drop_trust (SgState *state)
{
    if (!sg_state_is_guarded (state))
        g_array_set_size (state->trusted, 0);
}

/* ---- the list ---- */

static SgOverride *
at (const SgState *state, guint index)
{
    return &g_array_index (state->overrides, SgOverride, index);
}

/* The first one that shares an address with @prefix; NULL: none. */
static SgOverride *
find_overlap (const SgState *state, const SgPrefix *prefix)
{
    for (guint i = 0; i < state->overrides->len; i++) {
        if (sg_prefix_overlaps (&at (state, i)->prefix, prefix))
            return at (state, i);
    }
    return NULL;
}

const SgOverride *
sg_state_override_of (const SgState *state, const SgIp *source)
{
    SgPrefix prefix = sg_prefix_host (source);

    return find_overlap (state, &prefix);
}

bool
sg_state_put_override (SgState *state, const SgOverride *override, GError **error)
{
    SgOverride *other = find_overlap (state, &override->prefix);
    guint index = 0;

    if (other && sg_prefix_compare (&other->prefix, &override->prefix) == 0) {
        *other = *override;
        return true;
    }
    if (other) {
        char text[SG_PREFIX_TEXT_MAX], text_other[SG_PREFIX_TEXT_MAX];

        g_set_error (error, SG_ERROR, SG_ERROR_OVERLAP,
                     "%s overlaps the override of %s by %s; remove that one first",
                     sg_prefix_format (&override->prefix, text),
                     sg_prefix_format (&other->prefix, text_other), other->interface);
        return false;
    }
    if (state->overrides->len >= SG_OVERRIDES_MAX) {
        g_set_error (error, SG_ERROR, SG_ERROR_LIMIT,
                     "there are %u overrides already, and more are not possible; one prefix can "
                     "stand for many addresses",
                     SG_OVERRIDES_MAX);
        return false;
    }
    while (index < state->overrides->len &&
           sg_prefix_compare (&at (state, index)->prefix, &override->prefix) < 0)
        index++;
    g_array_insert_val (state->overrides, index, *override);
    return true;
}

/* ---- what people ask for ---- */

/* Sources that no gateway carries, and that the link lives on. */
static bool
check_source (const SgPrefix *prefix, GError **error)
{
    static const char *const useless[] = {"::/127",      "fe80::/10",      "ff00::/8",
                                          "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"};
    char text[SG_PREFIX_TEXT_MAX];

    sg_prefix_format (prefix, text);
    if (sg_prefix_is_any (prefix)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s is every source; select the outbound for that", text);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS (useless); i++) {
        SgPrefix other;

        if (sg_prefix_parse (useless[i], &other, NULL) && sg_prefix_overlaps (prefix, &other)) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                         "%s holds addresses of %s, which never are the source of traffic to the "
                         "Internet; name the prefix of the service",
                         text, useless[i]);
            return false;
        }
    }
    return true;
}

bool
sg_state_add_override (SgState *state, const SgSnapshot *snapshot, const char *prefix,
                       const char *interface, GError **error)
{
    bool was_guarded = sg_state_is_guarded (state);
    SgOverride override = {0};

    if (!sg_prefix_parse (prefix, &override.prefix, error) ||
        !check_source (&override.prefix, error) || !sg_state_check_interface (interface, error))
        return false;
    g_strlcpy (override.interface, interface, sizeof override.interface);
    if (!sg_state_put_override (state, &override, error))
        return false;
    if (!was_guarded)
        sg_state_trust_local (state, snapshot);
    return true;
}

bool
sg_state_remove_override (SgState *state, const char *prefix, GError **error)
{
    char text[SG_PREFIX_TEXT_MAX];
    SgOverride *found;
    SgPrefix wanted;

    if (!sg_prefix_parse (prefix, &wanted, error))
        return false;
    found = find_overlap (state, &wanted);
    if (found && sg_prefix_compare (&found->prefix, &wanted) == 0) {
        g_array_remove_index (state->overrides, (guint) (found - at (state, 0)));
        sg_state_drop_trust (state);
        return true;
    }
    if (found)
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                     "there is no override of just %s; the one that overlaps it is that of %s",
                     prefix, sg_prefix_format (&found->prefix, text));
    else
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "there is no override of %s", prefix);
    return false;
}
