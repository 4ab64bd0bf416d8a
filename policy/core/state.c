/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/state.h"

#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "core/state-parts.h"

/* The file's layout; a larger number is from the future and refused. The second has overrides: a
 * program that does not know them would let their sources leave anywhere. A file without any is
 * still written as the first. */
#define STATE_VERSION 2
#define STATE_VERSION_WITHOUT_OVERRIDES 1

#define GROUP_FILE "sixgate"
#define KEY_VERSION "Version"
#define GROUP_OUTBOUND "outbound"
#define KEY_INTERFACE "Interface"
#define KEY_TRUSTED "TrustedPrefixes"
#define KEY_OVERRIDES "Overrides"
/* The last line of every file: what lacks it was cut off. */
#define GROUP_END "end"
#define KEY_COMPLETE "Complete"

SgState *
sg_state_new (void)
{
    SgState *state = g_new0 (SgState, 1);

    state->trusted =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgTrusted));
    state->overrides =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgOverride));
    return state;
}

void
sg_state_free (SgState *state)
{
    if (!state)
        return;
    g_array_unref (state->trusted);
    g_array_unref (state->overrides);
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
parse_pair (const char *text, char ret_interface[IFNAMSIZ], SgPrefix *ret_prefix)
{
    g_auto (GStrv) words = g_strsplit (text, " ", 2);

    if (g_strv_length (words) != 2 || !sg_ifname_is_valid (words[0]) ||
        !sg_prefix_parse (words[1], ret_prefix, NULL))
        return false;
    g_strlcpy (ret_interface, words[0], IFNAMSIZ);
    return true;
}

static bool
parse_trusted (const char *text, SgState *state)
{
    SgTrusted trusted = {0};

    if (!parse_pair (text, trusted.interface, &trusted.prefix))
        return false;
    g_array_append_val (state->trusted, trusted);
    return true;
}

static bool
parse_override (const char *text, SgState *state)
{
    SgOverride override = {0};

    return parse_pair (text, override.interface, &override.prefix) &&
           sg_state_put_override (state, &override, NULL);
}

/* A list of such pairs, each taken by @take; none at all is an empty one. */
static bool
parse_list (GKeyFile *file, const char *key, bool (*take) (const char *text, SgState *state),
            SgState *state)
{
    g_autoptr (GError) problem = NULL;
    g_auto (GStrv) list = g_key_file_get_string_list (file, GROUP_OUTBOUND, key, NULL, &problem);

    if (problem)
        return g_error_matches (problem, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_KEY_NOT_FOUND);
    for (char **entry = list; *entry; entry++) {
        if (!take (*entry, state))
            return false;
    }
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

    if (!len || memchr (text, '\0', len) ||
        !g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, NULL)) {
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
    if (!parse_list (file, KEY_TRUSTED, parse_trusted, state)) {
        corrupt (name, "[outbound] TrustedPrefixes= is malformed", error);
        return NULL;
    }
    if (!parse_list (file, KEY_OVERRIDES, parse_override, state)) {
        corrupt (name, "[outbound] Overrides= is malformed", error);
        return NULL;
    }
    return g_steal_pointer (&state);
}

static void
write_pair (GPtrArray *list, const char *interface, const SgPrefix *prefix)
{
    char text[SG_PREFIX_TEXT_MAX];

    /* The kernel takes any bytes as a name; in the file they would spoil the rest. */
    if (g_utf8_validate (interface, -1, NULL))
        g_ptr_array_add (list,
                         g_strdup_printf ("%s %s", interface, sg_prefix_format (prefix, text)));
}

static void
write_list (GKeyFile *file, const char *key, const GPtrArray *list)
{
    g_key_file_set_string_list (file, GROUP_OUTBOUND, key, (const char *const *) list->pdata,
                                list->len);
}

char *
sg_state_to_text (const SgState *state)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (GPtrArray) trusted = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) overrides = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < state->trusted->len; i++) {
        const SgTrusted *entry = &g_array_index (state->trusted, SgTrusted, i);

        write_pair (trusted, entry->interface, &entry->prefix);
    }
    for (guint i = 0; i < state->overrides->len; i++) {
        const SgOverride *entry = &g_array_index (state->overrides, SgOverride, i);

        write_pair (overrides, entry->interface, &entry->prefix);
    }
    g_key_file_set_integer (file, GROUP_FILE, KEY_VERSION,
                            overrides->len ? STATE_VERSION : STATE_VERSION_WITHOUT_OVERRIDES);
    g_key_file_set_string (file, GROUP_OUTBOUND, KEY_INTERFACE, state->outbound);
    if (overrides->len)
        write_list (file, KEY_OVERRIDES, overrides);
    write_list (file, KEY_TRUSTED, trusted);
    g_key_file_set_boolean (file, GROUP_END, KEY_COMPLETE, true);
    return g_key_file_to_data (file, NULL, NULL);
}

bool
sg_state_check_interface (const char *interface, GError **error)
{
    /* The kernel takes any bytes; the file does not. */
    if (sg_ifname_is_valid (interface) && g_utf8_validate (interface, -1, NULL))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "“%s” cannot name an interface; say the name of a gateway, or auto for the "
                 "selected outbound",
                 interface);
    return false;
}

bool
sg_state_select (SgState *state, const SgSnapshot *snapshot, const char *interface, GError **error)
{
    if (*interface && !sg_state_check_interface (interface, error))
        return false;
    g_strlcpy (state->outbound, interface, sizeof state->outbound);
    if (*interface)
        sg_state_trust_local (state, snapshot);
    else
        sg_state_drop_trust (state);
    return true;
}
