/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* backup, restore: the file (backup-file.h) from what the service says, and the way back. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup-file.h"
#include "base/error.h"
#include "base/fs.h"
#include "command.h"

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

static void
add_choices (SgBackup *backup, GVariant *manager)
{
    g_autoptr (GVariant) overrides =
        g_variant_lookup_value (manager, "Overrides", G_VARIANT_TYPE ("a(ss)"));

    g_free (backup->outbound);
    backup->outbound = g_strdup (sg_view_string (manager, "DefaultOutbound"));
    for (gsize i = 0; overrides && i < g_variant_n_children (overrides); i++) {
        const char *prefix, *interface;

        g_variant_get_child (overrides, i, "(&s&s)", &prefix, &interface);
        sg_backup_add_override (backup, prefix, interface);
    }
}

static bool
is_wireguard (const SgObjectView *gateway)
{
    return strcmp (sg_view_string (gateway->properties, "Kind"), "wireguard") == 0;
}

static bool
add_gateways (SgClient *client, const SgView *view, SgBackup *backup, GError **error)
{
    for (guint i = 0; i < view->gateways->len; i++) {
        const SgObjectView *gateway = g_ptr_array_index (view->gateways, i);
        g_autofree char *config = NULL, *type = NULL;

        if (!is_wireguard (gateway))
            continue;
        config = export_gateway (client, gateway->path, error);
        if (!config)
            return false;
        type = g_strdup (sg_view_string (gateway->properties, "Type"));
        sg_backup_add_gateway (backup, &(SgSavedGateway) {gateway->name, type, config});
    }
    return true;
}

static bool
add_tunnel (SgClient *client, SgBackup *backup, GError **error)
{
    g_autoptr (GVariant) answer = sg_client_manage (client, "ExportTunnel", NULL, error);

    if (!answer)
        return false;
    g_free (backup->tunnel);
    g_variant_get (answer, "(s)", &backup->tunnel);
    return true;
}

static bool
run_backup (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgBackup) backup = sg_backup_new ();
    g_autoptr (SgView) view = NULL;
    g_autofree char *text = NULL;

    if (!need_root (error))
        return false;
    view = sg_view_new (client, error);
    if (!view)
        return false;
    add_choices (backup, view->manager);
    if (!add_gateways (client, view, backup, error) || !add_tunnel (client, backup, error))
        return false;
    text = sg_backup_to_text (backup);
    return sg_fs_write (arguments->words[0], text, /* durable= */ true, error);
}

/* ---- restore, with the way back ---- */

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
import (SgClient *client, const SgSavedGateway *saved, GPtrArray *undo, GError **error)
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
replace (SgClient *client, const SgObjectView *gateway, const SgSavedGateway *saved,
         GPtrArray *undo, GError **error)
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
restore_gateway (SgClient *client, const SgView *view, const SgSavedGateway *saved, GPtrArray *undo,
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
remove_override (SgClient *client, const SgSavedOverride *override, GError **error)
{
    g_autoptr (GVariant) answer =
        sg_client_manage (client, "RemoveOverride", g_variant_new ("(s)", override->prefix), error);

    return answer != NULL;
}

static bool
add_override (SgClient *client, const SgSavedOverride *override, GError **error)
{
    g_autoptr (GVariant) answer =
        sg_client_manage (client, "AddOverride",
                          g_variant_new ("(ss)", override->prefix, override->interface), error);

    return answer != NULL;
}

/* Calls @change for each override of @backup that @other lacks. */
static bool
each_override (SgClient *client, const SgBackup *backup, const SgBackup *other,
               bool (*change) (SgClient *client, const SgSavedOverride *override, GError **error),
               GError **error)
{
    for (guint i = 0; i < backup->overrides->len; i++) {
        const SgSavedOverride *override = g_ptr_array_index (backup->overrides, i);

        if (!sg_backup_has_override (other, override) && !change (client, override, error))
            return false;
    }
    return true;
}

/* Overrides become those of @backup. What is the same stays in force; what is not goes first, because
 * prefixes of two must not overlap. */
static bool
set_overrides (SgClient *client, const SgBackup *backup, GError **error)
{
    g_autoptr (SgView) view = sg_view_new (client, error);
    g_autoptr (SgBackup) present = sg_backup_new ();

    if (!view)
        return false;
    add_choices (present, view->manager);
    return each_override (client, present, backup, remove_override, error) &&
           each_override (client, backup, present, add_override, error);
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
restore_choices (SgClient *client, const SgBackup *backup, GError **error)
{
    return set_overrides (client, backup, error) && set_outbound (client, backup->outbound, error);
}

/* The service undoes it as a whole when it fails: after everything else it needs no way back here. */
static bool
restore_tunnel (SgClient *client, const SgBackup *backup, GError **error)
{
    g_autoptr (GVariant) warnings = NULL;
    g_autoptr (GVariant) answer = NULL;

    if (!*backup->tunnel)
        return true;
    answer =
        sg_client_manage (client, "ImportTunnel", g_variant_new ("(s)", backup->tunnel), error);
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
    g_autoptr (SgBackup) before = sg_backup_new ();
    g_autoptr (GError) failure = NULL;

    add_choices (before, view->manager);
    if (!restore_choices (client, before, &failure))
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
restore (SgClient *client, const SgView *view, const SgBackup *backup, GError **error)
{
    g_autoptr (GPtrArray) undo = g_ptr_array_new_with_free_func ((GDestroyNotify) free_undo);
    bool done = true;

    for (guint i = 0; done && i < backup->gateways->len; i++)
        done = restore_gateway (client, view, g_ptr_array_index (backup->gateways, i), undo, error);
    done =
        done && restore_choices (client, backup, error) && restore_tunnel (client, backup, error);
    if (!done)
        roll_back (client, view, undo);
    return done;
}

static SgBackup *
read_backup (const char *path, GError **error)
{
    g_autofree char *text = NULL;
    size_t len = 0;

    if (!sg_fs_read (path, SG_BACKUP_MAX, &text, &len, error))
        return NULL;
    if (!text) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "there is no file %s", path);
        return NULL;
    }
    return sg_backup_parse (path, text, len, error);
}

static bool
run_restore (SgClient *client, const SgArguments *arguments, GError **error)
{
    g_autoptr (SgBackup) backup = NULL;
    g_autoptr (SgView) view = NULL;

    if (!need_root (error))
        return false;
    backup = read_backup (arguments->words[0], error);
    view = backup ? sg_view_new (client, error) : NULL;
    if (!view || !restore (client, view, backup, error))
        return false;
    printf ("%u gateways restored\n", backup->gateways->len);
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
