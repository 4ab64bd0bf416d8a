/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overrides in the state: what people may say, and what is kept in the file. */
#include <string.h>

#include "base/error.h"
#include "core/state.h"
#include "lib/situation.h"

#define LAN                                                                                        \
    "link 1 lo loopback up\nlink 2 eth0 up\naddress 2001:db8:1::10/64 dev eth0\n"                  \
    "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0 expires\n"

static void
add (SgState *state, const char *prefix, const char *interface)
{
    g_autoptr (SgSituationText) lan = sg_situation_parse (LAN);
    GError *error = NULL;

    if (!sg_state_add_override (state, lan->snapshot, prefix, interface, &error))
        g_assert_no_error (error);
}

/* "PREFIX=INTERFACE …" in the order of the list. */
static char *
list (const SgState *state)
{
    GString *out = g_string_new (NULL);

    for (guint i = 0; i < state->overrides->len; i++) {
        const SgOverride *override = &g_array_index (state->overrides, SgOverride, i);
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (out, "%s%s=%s", i ? " " : "",
                                sg_prefix_format (&override->prefix, text), override->interface);
    }
    return g_string_free (out, /* free_segment= */ FALSE);
}

static void
assert_list (const SgState *state, const char *wanted)
{
    g_autofree char *got = list (state);

    g_assert_cmpstr (got, ==, wanted);
}

/* Sorted, whatever the order in which they come; the same prefix again changes the gateway. */
static void
test_add (void)
{
    g_autoptr (SgState) state = sg_state_new ();

    add (state, "fd00:c::/64", "wg0");
    add (state, "2001:db8:a::5", "wg1");
    add (state, "fd00:b::/64", "wg1");
    assert_list (state, "2001:db8:a::5/128=wg1 fd00:b::/64=wg1 fd00:c::/64=wg0");
    add (state, "fd00:c::/64", "wg2");
    assert_list (state, "2001:db8:a::5/128=wg1 fd00:b::/64=wg1 fd00:c::/64=wg2");
}

static void
test_refuses (void)
{
    static const struct {
        const char *prefix, *interface, *words;
        SgErrorCode code;
    } rows[] = {
        {"fd00:c::/63", "wg0", "overlaps the override of fd00:c::/64 by wg0", SG_ERROR_OVERLAP},
        {"fd00:c::2", "wg0", "overlaps the override of fd00:c::/64 by wg0", SG_ERROR_OVERLAP},
        {"fd00:c::/48", "wg1", "remove that one first", SG_ERROR_OVERLAP},
        {"fd00:d::1/64", "wg0", "fd00:d::/64", SG_ERROR_INVALID_ARGUMENT},
        {"somewhere", "wg0", "“somewhere” is not a prefix", SG_ERROR_INVALID_ARGUMENT},
        {"", "wg0", "is not a prefix", SG_ERROR_INVALID_ARGUMENT},
        {"::/0", "wg0", "every source", SG_ERROR_INVALID_ARGUMENT},
        {"::", "wg0", "never are the source", SG_ERROR_INVALID_ARGUMENT},
        {"::1", "wg0", "never are the source", SG_ERROR_INVALID_ARGUMENT},
        {"fe80::/10", "wg0", "fe80::/10", SG_ERROR_INVALID_ARGUMENT},
        {"fe80::1", "wg0", "fe80::/10", SG_ERROR_INVALID_ARGUMENT},
        {"ff0e::/16", "wg0", "ff00::/8", SG_ERROR_INVALID_ARGUMENT},
        {"8000::/1", "wg0", "fe80::/10", SG_ERROR_INVALID_ARGUMENT},
        {"169.254.1.0/24", "wg0", "169.254.0.0/16", SG_ERROR_INVALID_ARGUMENT},
        {"0.0.0.0/0", "wg0", "every source", SG_ERROR_INVALID_ARGUMENT},
        {"fd00:d::/64", "", "cannot name an interface", SG_ERROR_INVALID_ARGUMENT},
        {"fd00:d::/64", "wg/0", "cannot name an interface", SG_ERROR_INVALID_ARGUMENT},
        {"fd00:d::/64", "1234567890123456", "cannot name an", SG_ERROR_INVALID_ARGUMENT},
        {"fd00:d::/64", "\xff", "cannot name an interface", SG_ERROR_INVALID_ARGUMENT},
    };
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (SgSituationText) lan = sg_situation_parse (LAN);

    add (state, "fd00:c::/64", "wg0");
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GError) error = NULL;

        g_assert_false (sg_state_add_override (state, lan->snapshot, rows[i].prefix,
                                               rows[i].interface, &error));
        g_assert_error (error, SG_ERROR, (int) rows[i].code);
        g_assert_nonnull (strstr (error->message, rows[i].words));
        assert_list (state, "fd00:c::/64=wg0");
    }
}

static void
test_limit (void)
{
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (SgSituationText) lan = sg_situation_parse (LAN);
    g_autoptr (GError) error = NULL;

    for (unsigned int i = 0; i < SG_OVERRIDES_MAX; i++) {
        g_autofree char *prefix = g_strdup_printf ("fd00:c::%x", i + 1);

        add (state, prefix, "wg0");
    }
    g_assert_false (sg_state_add_override (state, lan->snapshot, "fd00:d::1", "wg0", &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_LIMIT);
    g_assert_cmpuint (state->overrides->len, ==, SG_OVERRIDES_MAX);
    add (state, "fd00:c::1", "wg1"); /* one that is there may still change */
}

static void
test_remove (void)
{
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (GError) error = NULL;

    add (state, "fd00:b::/64", "wg0");
    add (state, "fd00:c::/64", "wg1");
    g_assert_false (sg_state_remove_override (state, "fd00:c::2", &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_NOT_FOUND);
    g_assert_nonnull (strstr (error->message, "that of fd00:c::/64"));
    g_clear_error (&error);
    g_assert_false (sg_state_remove_override (state, "fd00:d::/64", &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_NOT_FOUND);
    g_clear_error (&error);
    g_assert_false (sg_state_remove_override (state, "fd00:c::2/64", &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT);
    assert_list (state, "fd00:b::/64=wg0 fd00:c::/64=wg1");
    g_assert_true (sg_state_remove_override (state, "fd00:b::/64", NULL));
    assert_list (state, "fd00:c::/64=wg1");
}

static void
test_override_of (void)
{
    g_autoptr (SgState) state = sg_state_new ();
    SgIp inside, outside;

    add (state, "fd00:c::/64", "wg1");
    g_assert_true (sg_ip_parse ("fd00:c::77", &inside));
    g_assert_true (sg_ip_parse ("fd00:c:0:1::77", &outside));
    g_assert_cmpstr (sg_state_override_of (state, &inside)->interface, ==, "wg1");
    g_assert_null (sg_state_override_of (state, &outside));
}

/* The LAN that is there when something is guarded for the first time is trusted, and as long as
 * something is. */
static void
test_trust (void)
{
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (SgSituationText) lan = sg_situation_parse (LAN);
    g_autoptr (SgSituationText) empty = sg_situation_parse ("link 1 lo loopback up\n");

    g_assert_false (sg_state_is_guarded (state));
    add (state, "fd00:c::/64", "wg1");
    g_assert_true (sg_state_is_guarded (state));
    g_assert_cmpuint (state->trusted->len, ==, 1);
    g_assert_true (sg_state_add_override (state, empty->snapshot, "fd00:d::/64", "wg1", NULL));
    g_assert_cmpuint (state->trusted->len, ==, 1); /* what is there later is not looked at */
    g_assert_true (sg_state_select (state, empty->snapshot, "wg0", NULL));
    g_assert_cmpuint (state->trusted->len, ==, 0); /* choosing looks again */
    g_assert_true (sg_state_select (state, lan->snapshot, "wg0", NULL));
    g_assert_true (sg_state_select (state, empty->snapshot, "", NULL));
    g_assert_cmpuint (state->trusted->len, ==, 1); /* the overrides still need it */
    g_assert_true (sg_state_remove_override (state, "fd00:c::/64", NULL));
    g_assert_true (sg_state_remove_override (state, "fd00:d::/64", NULL));
    g_assert_false (sg_state_is_guarded (state));
    g_assert_cmpuint (state->trusted->len, ==, 0);
}

/* What an older program would ignore has to make it refuse the file; without overrides it can
 * read it. */
static void
test_file (void)
{
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (SgState) again = NULL;
    g_autofree char *without = sg_state_to_text (state);
    g_autofree char *with = NULL;
    g_autofree char *twice = NULL;
    GError *error = NULL;

    g_assert_nonnull (strstr (without, "Version=1\n"));
    add (state, "fd00:c::/64", "w;g\\0");
    add (state, "fd00:b::7", "wg1");
    with = sg_state_to_text (state);
    g_assert_nonnull (strstr (with, "Version=2\n"));
    again = sg_state_parse ("file", with, strlen (with), &error);
    g_assert_no_error (error);
    assert_list (again, "fd00:b::7/128=wg1 fd00:c::/64=w;g\\0");
    twice = sg_state_to_text (again);
    g_assert_cmpstr (with, ==, twice);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/state/overrides/sorted, and changed in place", test_add);
    g_test_add_func ("/state/overrides/refuses what it cannot hold, and says why", test_refuses);
    g_test_add_func ("/state/overrides/not more than the limit", test_limit);
    g_test_add_func ("/state/overrides/removes just that one", test_remove);
    g_test_add_func ("/state/overrides/finds whose a source is", test_override_of);
    g_test_add_func ("/state/overrides/trusts the LAN that was there first", test_trust);
    g_test_add_func ("/state/overrides/kept in the file", test_file);
    return g_test_run ();
}
