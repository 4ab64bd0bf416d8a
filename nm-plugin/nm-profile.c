/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm-profile.h"

#include <string.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/links.h"
#include "core/profile.h"

/* ---- names that are taken ---- */

/* Profiles that are not active have no link; NetworkManager knows them. Where it does not run, the
 * import fails anyhow when the profile is handed to it. */
static void
add_profiles (GHashTable *taken)
{
    g_autoptr (NMClient) client = nm_client_new (/* cancellable= */ NULL, /* error= */ NULL);
    const GPtrArray *profiles = client ? nm_client_get_connections (client) : NULL;

    for (guint i = 0; profiles && i < profiles->len; i++) {
        const char *name = nm_connection_get_interface_name (profiles->pdata[i]);

        if (name)
            g_hash_table_add (taken, g_strdup (name));
    }
}

static char *
choose_name (const char *path)
{
    g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

    sg_links_add_names (taken);
    add_profiles (taken);
    return sg_profile_choose_name (path, taken);
}

/* ---- import ---- */

static SgWgConf *
read_conf (const char *path, GError **error)
{
    g_autofree char *file = g_filename_display_name (path);
    g_autofree char *text = NULL;
    SgWgConf *conf;
    size_t len;

    if (!sg_fs_read (path, SG_WG_TEXT_MAX, &text, &len, error))
        return NULL;
    if (!text) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "%s is not there", file);
        return NULL;
    }
    conf = sg_wg_conf_parse (file, text, len, error);
    explicit_bzero (text, len);
    return conf;
}

static void
take_warnings (GPtrArray *warnings, SgWgConf *conf)
{
    for (guint i = 0; i < conf->warnings->len; i++)
        g_ptr_array_add (warnings, g_strdup (conf->warnings->pdata[i]));
}

NMConnection *
sg_nm_profile_import (const char *path, GPtrArray *warnings, GError **error)
{
    g_autoptr (SgWgConf) conf = read_conf (path, error);
    g_autofree char *interface = NULL, *uuid = NULL;
    g_autoptr (GVariant) profile = NULL;
    g_autoptr (GError) refused = NULL;
    NMConnection *connection;

    if (!conf)
        return NULL;
    interface = choose_name (path);
    uuid = nm_utils_uuid_generate ();
    take_warnings (warnings, conf);
    profile = sg_profile_new (conf, interface, uuid, warnings);
    connection = nm_simple_connection_new_from_dbus (profile, &refused);
    if (!connection)
        g_set_error (error, SG_ERROR, SG_ERROR_FAILED, "NetworkManager refuses the profile: %s",
                     refused->message);
    return connection;
}

/* ---- export ---- */

gboolean
sg_nm_profile_export (NMConnection *connection, const char *path, GError **error)
{
    g_autoptr (GVariant) profile =
        g_variant_ref_sink (nm_connection_to_dbus (connection, NM_CONNECTION_SERIALIZE_ALL));
    g_autoptr (SgWgConf) conf = sg_profile_read (profile, error);
    char *text;
    bool ok;

    if (!conf)
        return FALSE;
    text = sg_wg_conf_to_text (conf);
    ok = sg_fs_write (path, text, /* durable= */ false, error);
    sg_wg_text_free (text);
    return ok;
}
