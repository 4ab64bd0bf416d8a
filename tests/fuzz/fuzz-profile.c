/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A profile of any bytes, as it would come from the bus. What is read of it can be written as a
 * file in which nothing is but keys and values: no line that somebody put into a value. */
#include <string.h>

#include "core/profile.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_lines (const char *text)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    static const char *const beginnings[] = {
        "[Interface]",     "[Peer]",
        "PrivateKey = ",   "Address = ",
        "DNS = ",          "MTU = ",
        "ListenPort = ",   "FwMark = ",
        "PublicKey = ",    "PresharedKey = ",
        "AllowedIPs = ",   "Endpoint = ",
        "# StartTunnel: ", "PersistentKeepalive = ",
    };

    for (char **line = lines; *line; line++) {
        bool known = **line == '\0';

        for (size_t i = 0; i < G_N_ELEMENTS (beginnings) && !known; i++)
            known = g_str_has_prefix (*line, beginnings[i]);
        if (!known)
            g_error ("a line of somebody else: %s", *line);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    /* GVariant wants its data aligned. */
    g_autofree uint8_t *copy = g_memdup2 (data, size);
    g_autoptr (GVariant) profile = g_variant_ref_sink (g_variant_new_from_data (
        G_VARIANT_TYPE ("a{sa{sv}}"), copy, size, /* trusted= */ FALSE, NULL, NULL));
    g_autoptr (GError) error = NULL;
    g_autoptr (SgWgConf) conf = sg_profile_read (profile, &error);
    char *text;

    g_assert_true ((conf == NULL) == (error != NULL));
    if (!conf)
        return 0;
    text = sg_wg_conf_to_text (conf);
    check_lines (text);
    sg_wg_text_free (text);
    return 0;
}
