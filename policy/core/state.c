/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/state.h"

#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "core/local-prefixes.h"

/* The file's layout; a larger number is from the future and refused. */
#define STATE_VERSION 1

#define GROUP_FILE "sixgate"
#define KEY_VERSION "Version"
#define GROUP_OUTBOUND "outbound"
#define KEY_INTERFACE "Interface"
#define KEY_TRUSTED "TrustedPrefixes"
/* The last line of every file: what lacks it was cut off. */
#define GROUP_END "end"
#define KEY_COMPLETE "Complete"

SgState *
sg_state_new (void)
{
    SgState *state = g_new0 (SgState, 1);

    state->trusted =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgTrusted));
    return state;
}

void
sg_state_free (SgState *state)
{
    if (!state)
        return;
    g_array_unref (state->trusted);
    g_free (state);
}

static gboolean
corrupt (const char *name, const char *what, GError **error)
{
    g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                 "%s: %s; put the file back from a backup, or remove it and choose the outbound "
                 "again",
                 name, what);
    return false;
}

/* "eth0 2001:db8::/64" */
static bool
parse_trusted (const char *text, SgTrusted *ret_trusted)
{
    g_auto (GStrv) words = g_strsplit (text, " ", 2);
    SgTrusted trusted = {0};

    if (g_strv_length (words) != 2 || !sg_ifname_is_valid (words[0]) ||
        !sg_prefix_parse (words[1], &trusted.prefix, NULL))
        return false;
    g_strlcpy (trusted.interface, words[0], sizeof trusted.interface);
    *ret_trusted = trusted;
    return true;
}

static bool
check_file (const char *name, GKeyFile *file, GError **error)
{
    int version = g_key_file_get_integer (file, GROUP_FILE, KEY_VERSION, NULL);

    if (version < 1)
        return corrupt (name, "this is no state file of Sixgate", error);
    if (version > STATE_VERSION)
        return corrupt (name, "this file was written by a newer version of Sixgate", error);
    if (!g_key_file_get_boolean (file, GROUP_END, KEY_COMPLETE, NULL))
        return corrupt (name, "the end of the file is missing", error);
    return true;
}

SgState *
sg_state_parse (const char *name, const char *text, size_t len, GError **error)
{
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autofree char *interface = NULL;
    g_auto (GStrv) trusted = NULL;
    g_autoptr (GError) problem = NULL;

    if (!len || !g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, NULL)) {
        corrupt (name, "the file is empty or no key file", error);
        return NULL;
    }
    if (!check_file (name, file, error))
        return NULL;
    interface = g_key_file_get_string (file, GROUP_OUTBOUND, KEY_INTERFACE, NULL);
    if (!interface || (*interface && !sg_ifname_is_valid (interface))) {
        corrupt (name, "[outbound] Interface= is missing or can be no interface", error);
        return NULL;
    }
    g_strlcpy (state->outbound, interface, sizeof state->outbound);
    trusted = g_key_file_get_string_list (file, GROUP_OUTBOUND, KEY_TRUSTED, NULL, &problem);
    if (problem && !g_error_matches (problem, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND)) {
        corrupt (name, "[outbound] TrustedPrefixes= is malformed", error);
        return NULL;
    }
    for (char **entry = trusted; entry && *entry; entry++) {
        SgTrusted value;

        if (!parse_trusted (*entry, &value)) {
            corrupt (name, "[outbound] TrustedPrefixes= is malformed", error);
            return NULL;
        }
        g_array_append_val (state->trusted, value);
    }
    return g_steal_pointer (&state);
}

char *
sg_state_to_text (const SgState *state)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (GPtrArray) trusted = g_ptr_array_new_with_free_func (g_free);

    g_key_file_set_integer (file, GROUP_FILE, KEY_VERSION, STATE_VERSION);
    g_key_file_set_string (file, GROUP_OUTBOUND, KEY_INTERFACE, state->outbound);
    for (guint i = 0; i < state->trusted->len; i++) {
        const SgTrusted *entry = &g_array_index (state->trusted, SgTrusted, i);
        char text[SG_PREFIX_TEXT_MAX];

        /* The kernel takes any bytes as a name; in the file they would spoil the rest. */
        if (!g_utf8_validate (entry->interface, -1, NULL))
            continue;
        g_ptr_array_add (trusted, g_strdup_printf ("%s %s", entry->interface,
                                                   sg_prefix_format (&entry->prefix, text)));
    }
    g_key_file_set_string_list (file, GROUP_OUTBOUND, KEY_TRUSTED,
                                (const char *const *) trusted->pdata, trusted->len);
    g_key_file_set_boolean (file, GROUP_END, KEY_COMPLETE, true);
    return g_key_file_to_data (file, NULL, NULL);
}

bool
sg_state_select (SgState *state, const SgSnapshot *snapshot, const char *interface, GError **error)
{
    if (*interface && !sg_ifname_is_valid (interface)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” cannot name an interface; say the name of a gateway, or auto",
                     interface);
        return false;
    }
    g_strlcpy (state->outbound, interface, sizeof state->outbound);
    g_array_set_size (state->trusted, 0);
    if (*interface)
        sg_local_prefixes_learned (snapshot, state->trusted);
    return true;
}
