/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WireGuard configuration text of any bytes. What is read can be written, read again and written
 * with the same result; its profile leads back to a file that gives the same profile. */
#include <string.h>

#include "core/profile.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static GVariant *
profile_of (const SgWgConf *conf)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);

    return sg_profile_new (conf, "wg0", /* uuid= */ NULL, warnings);
}

/* Both ways have to be whole: a failure here is a bug, whatever the input was. */
static SgWgConf *
parse_again (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgWgConf *conf = sg_wg_conf_parse ("again", text, strlen (text), &error);

    if (!conf)
        g_error ("what was written cannot be read: %s", error->message);
    return conf;
}

static void
check_text (const SgWgConf *conf)
{
    char *first = sg_wg_conf_to_text (conf);
    g_autoptr (SgWgConf) again = parse_again (first);
    char *second = sg_wg_conf_to_text (again);

    g_assert_cmpstr (first, ==, second);
    sg_wg_text_free (first);
    sg_wg_text_free (second);
}

static void
check_profile (const SgWgConf *conf)
{
    g_autoptr (GVariant) profile = profile_of (conf);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWgConf) read = sg_profile_read (profile, &error);
    g_autoptr (SgWgConf) imported = NULL;
    g_autoptr (GVariant) again = NULL;
    char *text;

    g_assert_no_error (error);
    text = sg_wg_conf_to_text (read);
    imported = parse_again (text);
    sg_wg_text_free (text);
    again = profile_of (imported);
    g_assert_true (g_variant_equal (profile, again));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *copy = g_memdup2 (data, size); /* ends where it ends */
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWgConf) conf = sg_wg_conf_parse ("fuzz", copy, size, &error);

    g_assert_true ((conf == NULL) == (error != NULL));
    if (!conf)
        return 0;
    check_text (conf);
    check_profile (conf);
    return 0;
}
