/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/unmanaged.h"

#include <string.h>

#include "base/ifname.h"

#define SECTION "[device-sixgate-unmanaged]"
#define KEY "match-device="
/* What stands before each name: exactly this interface, no pattern. */
#define MATCH "interface-name:="

static bool
has_link (const GArray *links, uint32_t ifindex)
{
    for (guint i = 0; i < links->len; i++) {
        if (g_array_index (links, SgLink, i).ifindex == ifindex)
            return true;
    }
    return false;
}

/* Not what comes and goes with a virtual machine or a container. */
static bool
is_lasting (const SgLink *link)
{
    return !link->kind[0] || strcmp (link->kind, "bond") == 0 || strcmp (link->kind, "vlan") == 0 ||
           strcmp (link->kind, "team") == 0;
}

GArray *
sg_unmanaged_with_parts (const SgSnapshot *snapshot, const SgLink *link)
{
    GArray *links = g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgLink));

    g_array_append_vals (links, link, 1);
    /* Grows as it goes: parts have parts. */
    for (guint i = 0; i < links->len; i++) {
        SgLink upper = g_array_index (links, SgLink, i);

        for (guint j = 0; j < snapshot->links->len; j++) {
            const SgLink *other = &g_array_index (snapshot->links, SgLink, j);

            if ((other->ifindex == upper.lower ||
                 (other->master == upper.ifindex && is_lasting (other))) &&
                !has_link (links, other->ifindex))
                g_array_append_vals (links, other, 1);
        }
    }
    return links;
}

bool
sg_unmanaged_is_left_alone (const SgSnapshot *snapshot, GHashTable *saved, const char *name)
{
    const SgDevice *device = sg_snapshot_device (snapshot, name);

    return snapshot->nm == SG_NM_READY && device && !g_hash_table_contains (saved, name) &&
           !g_hash_table_contains (saved, "") &&
           (!device->managed || !device->active || device->external);
}

bool
sg_unmanaged_has_ifupdown (const char *text, const char *name)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", /* max_tokens= */ -1);
    size_t len = strlen (name);

    for (char **line = lines; *line; line++) {
        if (strncmp (*line, name, len) == 0 && (*line)[len] == '=')
            return true;
    }
    return false;
}

bool
sg_unmanaged_has_networkd (const char *state)
{
    static const char *const states[] = {"configuring", "configured", "failed", NULL};

    return g_strv_contains (states, state);
}

bool
sg_unmanaged_can_be_named (const char *name)
{
    return sg_ifname_is_valid (name) && !strpbrk (name, ",;\\");
}

/* Where the list of links begins; NULL: there is none. */
static const char *
find_list (const char *text)
{
    const char *line = strstr (text, "\n" SECTION "\n" KEY);

    return line ? line + strlen ("\n" SECTION "\n" KEY) : NULL;
}

GPtrArray *
sg_unmanaged_parse (const char *text)
{
    const char *line = find_list (text);
    g_autofree char *list = NULL;
    g_auto (GStrv) words = NULL;
    GPtrArray *names;

    if (!line)
        return NULL;
    list = g_strndup (line, strcspn (line, "\n"));
    words = g_strsplit (list, ",", /* max_tokens= */ -1);
    names = g_ptr_array_new_with_free_func (g_free);
    for (char **word = words; *word; word++) {
        if (g_str_has_prefix (*word, MATCH) && sg_unmanaged_can_be_named (*word + strlen (MATCH)))
            g_ptr_array_add (names, g_strdup (*word + strlen (MATCH)));
    }
    return names;
}

char *
sg_unmanaged_to_text (const GPtrArray *names)
{
    GString *out = g_string_new ("# Written by Sixgate: systemd-networkd or ifupdown configures "
                                 "these links, so NetworkManager\n"
                                 "# leaves them alone. Links are only ever added here. Emptied, "
                                 "the file stays as it is.\n" SECTION "\n" KEY);

    for (guint i = 0; i < names->len; i++)
        g_string_append_printf (out, "%s" MATCH "%s", i ? "," : "",
                                (const char *) g_ptr_array_index (names, i));
    g_string_append (out, "\nmanaged=0\n");
    return g_string_free (out, /* free_segment= */ FALSE);
}

char *
sg_unmanaged_with (const char *text, const GPtrArray *names)
{
    const char *list = find_list (text), *end = list ? list + strcspn (list, "\n") : NULL;
    g_autoptr (GPtrArray) have = sg_unmanaged_parse (text);
    bool first = end == list;
    GString *out;

    if (!list)
        return NULL;
    out = g_string_new_len (text, end - text);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index (names, i);

        if (g_ptr_array_find_with_equal_func (have, name, g_str_equal, NULL))
            continue;
        g_string_append_printf (out, "%s" MATCH "%s", first ? "" : ",", name);
        first = false;
    }
    g_string_append (out, end);
    return g_string_free (out, /* free_segment= */ FALSE);
}
