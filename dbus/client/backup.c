/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backup, restore: gateways with their keys, the outbound, overrides, the tunnel role, as one file. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "command.h"

#define GROUP "sixgate backup"
#define GATEWAY "gateway "
#define VERSION 2 /* 1 had no tunnel role */
#define BACKUP_MAX (64u << 20)

static bool
need_root (GError **error)
{
    if (geteuid () == 0)
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_PERMISSION,
                 "a backup holds the keys of all gateways: only root may write or read one, try "
                 "again with sudo");
    return false;
}

static char *
export_gateway (SgClient *client, const char *path, GError **error)
{
    const SgObject object = {path, SG_CLIENT_GATEWAY};
    g_autoptr (GVariant) answer = sg_client_call (client, &object, "Export", NULL, error);
    const char *config;

    if (!answer)
        return NULL;
    g_variant_get (answer, "(&s)", &config);
    return g_strdup (config);
}

/* ---- backup ---- */

/* Each as "PREFIX INTERFACE"; NULL at the end. */
static GPtrArray *
override_lines (GVariant *manager)
{
    g_autoptr (GVariant) overrides =
        g_variant_lookup_value (manager, "Overrides", G_VARIANT_TYPE ("a(ss)"));
    GPtrArray *lines = g_ptr_array_new_with_free_func (g_free);

    for (gsize i = 0; overrides && i < g_variant_n_children (overrides); i++) {
        const char *prefix, *interface;

        g_variant_get_child (overrides, i, "(&s&s)", &prefix, &interface);
        g_ptr_array_add (lines, g_strdup_printf ("%s %s", prefix, interface));
    }
    g_ptr_array_add (lines, NULL);
    return lines;
}

static void
add_overrides (GKeyFile *file, GVariant *manager)
{
    g_autoptr (GPtrArray) lines = override_lines (manager);

    g_key_file_set_string_list (file, GROUP, "overrides", (const char *const *) lines->pdata,
                                lines->len - 1);
}

static bool
is_wireguard (const SgObjectView *gateway)
{
    return strcmp (sg_view_string (gateway->properties, "Kind"), "wireguard") == 0;
}

static bool
add_gateways (SgClient *client, const SgView *view, GKeyFile *file, GError **error)
{
    for (guint i = 0; i < view->gateways->len; i++) {
        const SgObjectView *gateway = g_ptr_array_index (view->gateways, i);
        g_autofree char *group = g_strconcat (GATEWAY, gateway->name, NULL);
        g_autofree char *config = NULL;

        if (!is_wireguard (gateway))
            continue;
        config = export_gateway (client, gateway->path, error);
        if (!config)
            return false;
        g_key_file_set_string (file, group, "type", sg_view_string (gateway->properties, "Type"));
        g_key_file_set_string (file, group, "config", config);
    }
    return true;
}

/* Nothing where this machine is no tunnel server. */
static bool
add_tunnel (SgClient *client, GKeyFile *file, GError **error)
{
    g_autoptr (GVariant) answer = sg_client_manage (client, "ExportTunnel", NULL, error);
    const char *state;

    if (!answer)
        return false;
    g_variant_get (answer, "(&s)", &state);
    if (*state)
        g_key_file_set_string (file, GROUP, "tunnel", state);
    return true;
}

static bool
run_backup (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (SgView) view = NULL;
    g_autofree char *text = NULL;

    if (!need_root (error))
        return false;
    view = sg_view_new (client, error);
    if (!view)
        return false;
    g_key_file_set_integer (file, GROUP, "version", VERSION);
    g_key_file_set_string (file, GROUP, "outbound",
                           sg_view_string (view->manager, "DefaultOutbound"));
    add_overrides (file, view->manager);
    if (!add_gateways (client, view, file, error) || !add_tunnel (client, file, error))
        return false;
    text = g_key_file_to_data (file, NULL, NULL);
    return sg_fs_write (arguments->words[0], text, /* durable= */ true, error);
}

/* ---- restore: reading ---- */

typedef struct {
    char *name, *type, *config;
} Saved;

static void
free_saved (Saved *saved)
{
    g_free (saved->name);
    g_free (saved->type);
    g_free (saved->config);
    g_free (saved);
}

static GKeyFile *
read_backup (const char *path, GError **error)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (GError) malformed = NULL;
    g_autofree char *text = NULL;
    size_t len = 0;
    int version;

    if (!sg_fs_read (path, BACKUP_MAX, &text, &len, error))
        return NULL;
    if (!text) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "there is no file %s", path);
        return NULL;
    }
    version = g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, &malformed)
                  ? g_key_file_get_integer (file, GROUP, "version", NULL)
                  : 0;
    if (version < 1 || version > VERSION) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                     "%s is no backup of this version of Sixgate, or it is damaged; nothing was "
                     "changed",
                     path);
        return NULL;
    }
    return g_steal_pointer (&file);
}

/* All gateways of the file, or an error before anything is changed. */
static GPtrArray *
read_gateways (GKeyFile *file, GError **error)
{
    g_autoptr (GPtrArray) gateways = g_ptr_array_new_with_free_func ((GDestroyNotify) free_saved);
    g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

    for (char **group = groups; *group; group++) {
        Saved *saved;

        if (!g_str_has_prefix (*group, GATEWAY))
            continue;
        saved = g_new0 (Saved, 1);
        g_ptr_array_add (gateways, saved);
        saved->name = g_strdup (*group + strlen (GATEWAY));
        saved->type = g_key_file_get_string (file, *group, "type", NULL);
        saved->config = g_key_file_get_string (file, *group, "config", NULL);
        if (!saved->type || !saved->config) {
            g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                         "the backup is damaged at “%s”; nothing was changed", *group);
            return NULL;
        }
    }
    return g_steal_pointer (&gateways);
}

/* ---- restore: changing, with the way back ---- */

/* What undoes a step. */
typedef struct {
    char *path;   /* of the gateway */
    char *config; /* what it was; NULL: it was not there */
    char *type;
} Undo;

static void
free_undo (Undo *undo)
{
    g_free (undo->path);
    g_free (undo->config);
    g_free (undo->type);
    g_free (undo);
}

static bool
set_type (SgClient *client, const char *path, const char *type, GError **error)
{
    const SgObject object = {path, SG_CLIENT_GATEWAY};

    return sg_client_tell (client, &object, "SetType", g_variant_new ("(s)", type), error);
}

static bool
update (SgClient *client, const char *path, const char *config, GError **error)
{
    const SgObject object = {path, SG_CLIENT_GATEWAY};

    return sg_client_tell (client, &object, "Update", g_variant_new ("(s)", config), error);
}

static bool
import (SgClient *client, const Saved *saved, GPtrArray *undo, GError **error)
{
    g_autofree char *file = g_strconcat (saved->name, ".conf", NULL);
    g_autoptr (GVariant) answer = NULL;
    GVariantBuilder options;
    Undo *step;
    const char *path;

    g_variant_builder_init (&options, G_VARIANT_TYPE ("a{sv}"));
    g_variant_builder_add (&options, "{sv}", "interface", g_variant_new_string (saved->name));
    g_variant_builder_add (&options, "{sv}", "type", g_variant_new_string (saved->type));
    answer = sg_client_manage (
        client, "ImportGateway",
        g_variant_new ("(ss@a{sv})", file, saved->config, g_variant_builder_end (&options)), error);
    if (!answer)
        return false;
    g_variant_get_child (answer, 0, "&o", &path);
    step = g_new0 (Undo, 1);
    step->path = g_strdup (path);
    g_ptr_array_add (undo, step);
    return true;
}

static bool
replace (SgClient *client, const SgObjectView *gateway, const Saved *saved, GPtrArray *undo,
         GError **error)
{
    g_autofree char *before = export_gateway (client, gateway->path, error);
    Undo *step;

    if (!before)
        return false;
    step = g_new0 (Undo, 1);
    step->path = g_strdup (gateway->path);
    step->config = g_steal_pointer (&before);
    step->type = g_strdup (sg_view_string (gateway->properties, "Type"));
    g_ptr_array_add (undo, step);
    return update (client, gateway->path, saved->config, error) &&
           set_type (client, gateway->path, saved->type, error);
}

static bool
restore_gateway (SgClient *client, const SgView *view, const Saved *saved, GPtrArray *undo,
                 GError **error)
{
    const SgObjectView *gateway = sg_view_gateway (view, saved->name, /* error= */ NULL);

    if (!gateway ? import (client, saved, undo, error)
                 : replace (client, gateway, saved, undo, error))
        return true;
    g_prefix_error (error, "%s: ", saved->name);
    return false;
}

static bool
remove_override (SgClient *client, const char *line, GError **error)
{
    g_auto (GStrv) words = g_strsplit (line, " ", 2);
    g_autoptr (GVariant) answer = sg_client_manage (
        client, "RemoveOverride", g_variant_new ("(s)", words[0] ? words[0] : ""), error);

    return answer != NULL;
}

static bool
add_override (SgClient *client, const char *line, GError **error)
{
    g_auto (GStrv) words = g_strsplit (line, " ", 2);
    g_autoptr (GVariant) answer = NULL;

    if (g_strv_length (words) != 2) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                     "the backup is damaged at the override “%s”", line);
        return false;
    }
    answer =
        sg_client_manage (client, "AddOverride", g_variant_new ("(ss)", words[0], words[1]), error);
    return answer != NULL;
}

/* Overrides become @lines. What is the same stays in force; what is not goes first, because
 * prefixes of two must not overlap. */
static bool
set_overrides (SgClient *client, const char *const *lines, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (GPtrArray) present = view ? override_lines (view->manager) : NULL;
    const char *const *old = present ? (const char *const *) present->pdata : NULL;

    if (!old)
        return false;
    for (guint i = 0; old[i]; i++) {
        if (!g_strv_contains (lines, old[i]) && !remove_override (client, old[i], error))
            return false;
    }
    for (guint i = 0; lines[i]; i++) {
        if (!g_strv_contains (old, lines[i]) && !add_override (client, lines[i], error))
            return false;
    }
    return true;
}

static bool
set_outbound (SgClient *client, const char *interface, GError **error)
{
    g_autoptr (GVariant) answer =
        sg_client_manage (client, "SetDefaultOutbound", g_variant_new ("(s)", interface), error);

    return answer != NULL;
}

/* The outbound last: what fails before it leaves it alone. */
static bool
restore_choices (SgClient *client, GKeyFile *file, GError **error)
{
    static const char *const none[] = {NULL};
    g_autofree char *outbound = g_key_file_get_string (file, GROUP, "outbound", NULL);
    g_auto (GStrv) lines = g_key_file_get_string_list (file, GROUP, "overrides", NULL, NULL);

    return set_overrides (client, lines ? (const char *const *) lines : none, error) &&
           set_outbound (client, outbound ? outbound : "", error);
}

/* The service undoes it as a whole when it fails: after everything else it needs no way back here. */
static bool
restore_tunnel (SgClient *client, GKeyFile *file, GError **error)
{
    g_autofree char *state = g_key_file_get_string (file, GROUP, "tunnel", NULL);
    g_autoptr (GVariant) warnings = NULL;
    g_autoptr (GVariant) answer = NULL;

    if (!state)
        return true;
    answer = sg_client_manage (client, "ImportTunnel", g_variant_new ("(s)", state), error);
    if (!answer) {
        g_prefix_error (error, "the tunnel role: ");
        return false;
    }
    warnings = g_variant_get_child_value (answer, 0);
    sg_command_warn (warnings);
    return true;
}

static void
say_not_taken_back (const GError *error)
{
    fprintf (stderr, "sixgatectl: cannot take back what was changed: %s\n", error->message);
}

/* As it was before (@view, @undo); what cannot be taken back is said. The choices first: those of
 * before need no gateway that is new. */
static void
roll_back (SgClient *client, const SgView *view, const GPtrArray *undo)
{
    g_autoptr (GPtrArray) overrides = override_lines (view->manager);
    const char *outbound = sg_view_string (view->manager, "DefaultOutbound");
    g_autoptr (GError) failure = NULL;

    if (!set_overrides (client, (const char *const *) overrides->pdata, &failure) ||
        !set_outbound (client, outbound, &failure))
        say_not_taken_back (failure);
    for (guint i = undo->len; i > 0; i--) {
        const Undo *step = g_ptr_array_index (undo, i - 1);
        const SgObject object = {step->path, SG_CLIENT_GATEWAY};
        g_autoptr (GError) error = NULL;
        bool done = step->config ? update (client, step->path, step->config, &error) &&
                                       set_type (client, step->path, step->type, &error)
                                 : sg_client_tell (client, &object, "Remove", NULL, &error);

        if (!done)
            say_not_taken_back (error);
    }
}

static bool
restore (SgClient *client, const SgView *view, GKeyFile *file, const GPtrArray *gateways,
         GError **error)
{
    g_autoptr (GPtrArray) undo = g_ptr_array_new_with_free_func ((GDestroyNotify) free_undo);
    bool done = true;

    for (guint i = 0; done && i < gateways->len; i++)
        done = restore_gateway (client, view, g_ptr_array_index (gateways, i), undo, error);
    done = done && restore_choices (client, file, error) && restore_tunnel (client, file, error);
    if (!done)
        roll_back (client, view, undo);
    return done;
}

static bool
run_restore (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (GPtrArray) gateways = NULL;
    g_autoptr (GKeyFile) file = NULL;
    g_autoptr (SgView) view = NULL;

    if (!need_root (error))
        return false;
    file = read_backup (arguments->words[0], error);
    gateways = file ? read_gateways (file, error) : NULL;
    view = gateways ? sg_view_new (client, error) : NULL;
    if (!view || !restore (client, view, file, gateways, error))
        return false;
    printf ("%u gateways restored\n", gateways->len);
    return true;
}

const SgCommand sg_backup_commands[] = {
    {
        .name = "backup",
        .arguments = "FILE",
        .summary = "Write gateways, choices and the tunnel role into a file (root)",
        .help = "WireGuard gateways with their keys, the outbound, the overrides; on a tunnel "
                "server its subnets and\ndevices with all keys. The file is for root only (mode "
                "0600): who has it can be this host to every\ntunnel. It is there as a whole or "
                "not at all.",
        .min_words = 1,
        .max_words = 1,
        .run = run_backup,
    },
    {
        .name = "restore",
        .arguments = "FILE",
        .summary = "Bring back what a backup holds (root)",
        .help =
            "Gateways that are missing are imported, those that are there are taken over to the "
            "file; others\nstay. Outbound and overrides become those of the file, and the LAN "
            "of this moment counts as\nlocal. The tunnel role becomes that of the file, if it "
            "holds one. When something cannot be\nrestored, all is as it was.",
        .min_words = 1,
        .max_words = 1,
        .run = run_restore,
    },
    {0},
};
