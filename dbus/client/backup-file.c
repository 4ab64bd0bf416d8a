/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backup-file.h"

#include <string.h>

#include "base/error.h"

#define GROUP "sixgate backup"
#define GATEWAY "gateway "
#define VERSION 2 /* 1 had no tunnel role */

/* ---- the value ---- */

static void
free_gateway (SgSavedGateway *gateway)
{
    g_free (gateway->name);
    g_free (gateway->type);
    g_free (gateway->config);
    g_free (gateway);
}

static void
free_override (SgSavedOverride *override)
{
    g_free (override->prefix);
    g_free (override->interface);
    g_free (override);
}

SgBackup *
sg_backup_new (void)
{
    SgBackup *backup = g_new0 (SgBackup, 1);

    backup->outbound = g_strdup ("");
    backup->tunnel = g_strdup ("");
    backup->overrides = g_ptr_array_new_with_free_func ((GDestroyNotify) free_override);
    backup->gateways = g_ptr_array_new_with_free_func ((GDestroyNotify) free_gateway);
    return backup;
}

void
sg_backup_free (SgBackup *backup)
{
    if (!backup)
        return;
    g_free (backup->outbound);
    g_free (backup->tunnel);
    g_ptr_array_unref (backup->overrides);
    g_ptr_array_unref (backup->gateways);
    g_free (backup);
}

void
sg_backup_add_override (SgBackup *backup, const char *prefix, const char *interface)
{
    SgSavedOverride *override = g_new (SgSavedOverride, 1);

    *override = (SgSavedOverride) {g_strdup (prefix), g_strdup (interface)};
    g_ptr_array_add (backup->overrides, override);
}

void
sg_backup_add_gateway (SgBackup *backup, const SgSavedGateway *gateway)
{
    SgSavedGateway *own = g_new (SgSavedGateway, 1);

    *own = (SgSavedGateway) {g_strdup (gateway->name), g_strdup (gateway->type),
                             g_strdup (gateway->config)};
    g_ptr_array_add (backup->gateways, own);
}

gboolean
sg_backup_has_override (const SgBackup *backup, const SgSavedOverride *override)
{
    for (guint i = 0; i < backup->overrides->len; i++) {
        const SgSavedOverride *other = g_ptr_array_index (backup->overrides, i);

        if (strcmp (other->prefix, override->prefix) == 0 &&
            strcmp (other->interface, override->interface) == 0)
            return TRUE;
    }
    return FALSE;
}

/* ---- writing ---- */

/* Each as "PREFIX INTERFACE". */
static void
write_overrides (const SgBackup *backup, GKeyFile *file)
{
    g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < backup->overrides->len; i++) {
        const SgSavedOverride *override = g_ptr_array_index (backup->overrides, i);

        g_ptr_array_add (lines, g_strdup_printf ("%s %s", override->prefix, override->interface));
    }
    g_key_file_set_string_list (file, GROUP, "overrides", (const char *const *) lines->pdata,
                                lines->len);
}

char *
sg_backup_to_text (const SgBackup *backup)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();

    g_key_file_set_integer (file, GROUP, "version", VERSION);
    g_key_file_set_string (file, GROUP, "outbound", backup->outbound);
    write_overrides (backup, file);
    if (*backup->tunnel)
        g_key_file_set_string (file, GROUP, "tunnel", backup->tunnel);
    for (guint i = 0; i < backup->gateways->len; i++) {
        const SgSavedGateway *gateway = g_ptr_array_index (backup->gateways, i);
        g_autofree char *group = g_strconcat (GATEWAY, gateway->name, NULL);

        g_key_file_set_string (file, group, "type", gateway->type);
        g_key_file_set_string (file, group, "config", gateway->config);
    }
    return g_key_file_to_data (file, NULL, NULL);
}

/* ---- reading ---- */

/* What a key says; "" where it is not there. */
static char *
read_optional (GKeyFile *file, const char *key)
{
    char *value = g_key_file_get_string (file, GROUP, key, NULL);

    return value ? value : g_strdup ("");
}

static gboolean
read_overrides (GKeyFile *file, SgBackup *backup)
{
    g_auto (GStrv) lines = g_key_file_get_string_list (file, GROUP, "overrides", NULL, NULL);

    for (char **line = lines; line && *line; line++) {
        g_auto (GStrv) words = g_strsplit (*line, " ", 2);

        if (g_strv_length (words) != 2)
            return FALSE;
        sg_backup_add_override (backup, words[0], words[1]);
    }
    return TRUE;
}

/* Every group but the first is a gateway's. */
static gboolean
read_gateways (GKeyFile *file, SgBackup *backup)
{
    g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

    for (char **group = groups; *group; group++) {
        g_autofree char *type = NULL, *config = NULL;

        if (strcmp (*group, GROUP) == 0)
            continue;
        type = g_key_file_get_string (file, *group, "type", NULL);
        config = g_key_file_get_string (file, *group, "config", NULL);
        if (!type || !config || !g_str_has_prefix (*group, GATEWAY))
            return FALSE;
        sg_backup_add_gateway (backup, &(SgSavedGateway) {*group + strlen (GATEWAY), type, config});
    }
    return TRUE;
}

static gboolean
read_all (GKeyFile *file, SgBackup *backup)
{
    int version = g_key_file_get_integer (file, GROUP, "version", NULL);

    if (version < 1 || version > VERSION)
        return FALSE;
    g_free (backup->outbound);
    g_free (backup->tunnel);
    backup->outbound = read_optional (file, "outbound");
    backup->tunnel = read_optional (file, "tunnel");
    return read_overrides (file, backup) && read_gateways (file, backup);
}

SgBackup *
sg_backup_parse (const char *name, const char *text, size_t len, GError **error)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (SgBackup) backup = sg_backup_new ();

    if (g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, NULL) &&
        read_all (file, backup))
        return g_steal_pointer (&backup);
    g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                 "%s is no backup of this version of Sixgate, or it is damaged; nothing was "
                 "changed",
                 name);
    return NULL;
}
