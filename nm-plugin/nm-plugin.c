/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The editor plugin that libnm loads for `nmcli connection import type sixgate file F`: what it
 * returns is no VPN but a native wireguard profile, and the program that loaded it adds that. It
 * runs in that program, as its user, and is no part of NetworkManager. */
#include <NetworkManager.h>

#include "base/error.h"
#include "nm-profile.h"

/* Both as in data/nm-sixgate-service.name. */
#define NAME "sixgate"
#define SERVICE "org.freedesktop.NetworkManager.sixgate"

#define SG_TYPE_NM_PLUGIN (sg_nm_plugin_get_type ())
G_DECLARE_FINAL_TYPE (SgNmPlugin, sg_nm_plugin, SG, NM_PLUGIN, GObject)

struct _SgNmPlugin {
    GObject parent;
};

static void vpn_editor_plugin_init (NMVpnEditorPluginInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE (SgNmPlugin, sg_nm_plugin, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (NM_TYPE_VPN_EDITOR_PLUGIN,
                                                      vpn_editor_plugin_init))

enum { PROPERTY_NAME = 1, PROPERTY_DESCRIPTION, PROPERTY_SERVICE };

/* libnm and its users know the domain NM_VPN_PLUGIN_ERROR. BAD_ARGUMENTS: not a file of ours, ask
 * the next plugin; INVALID_CONNECTION: ours, and wrong. */
static void
translate (GError **error, GError *own)
{
    int code = NM_VPN_PLUGIN_ERROR_FAILED;

    if (g_error_matches (own, SG_ERROR, SG_ERROR_NOT_WIREGUARD))
        code = NM_VPN_PLUGIN_ERROR_BAD_ARGUMENTS;
    else if (g_error_matches (own, SG_ERROR, SG_ERROR_INVALID_ARGUMENT) ||
             g_error_matches (own, SG_ERROR, SG_ERROR_LIMIT))
        code = NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION;
    g_set_error_literal (error, NM_VPN_PLUGIN_ERROR, code, own->message);
}

static NMVpnEditorPluginCapability
get_capabilities (NMVpnEditorPlugin *plugin)
{
    return NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT | NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
           NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6;
}

static NMConnection *
import_from_file (NMVpnEditorPlugin *plugin, const char *path, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GError) own = NULL;
    NMConnection *connection = sg_nm_profile_import (path, warnings, &own);

    if (!connection) {
        translate (error, own);
        return NULL;
    }
    /* There is no other way to the person in front of nmcli. */
    for (guint i = 0; i < warnings->len; i++)
        g_printerr ("Warning: %s.\n", (const char *) warnings->pdata[i]);
    return connection;
}

static gboolean
export_to_file (NMVpnEditorPlugin *plugin, const char *path, NMConnection *connection,
                GError **error)
{
    g_autoptr (GError) own = NULL;

    if (sg_nm_profile_export (connection, path, &own))
        return TRUE;
    translate (error, own);
    return FALSE;
}

/* The caller frees it. */
static char *
get_suggested_filename (NMVpnEditorPlugin *plugin, NMConnection *connection)
{
    const char *name = nm_connection_get_interface_name (connection);

    return g_strconcat (name ? name : NAME, ".conf", NULL);
}

/* libnm calls it without a look whether it is there. */
static NMVpnEditor *
get_editor (NMVpnEditorPlugin *plugin, NMConnection *connection, GError **error)
{
    g_set_error_literal (error, NM_VPN_PLUGIN_ERROR, NM_VPN_PLUGIN_ERROR_FAILED,
                         "Sixgate has no editor of its own: an imported gateway is a WireGuard "
                         "profile, edit it as one");
    return NULL;
}

static void
notify_plugin_info_set (NMVpnEditorPlugin *plugin, NMVpnPluginInfo *info)
{
    /* Nothing in the .name file concerns us. */
}

/* A table of functions that libnm and the plugin agree on outside of the public interface; none of
 * its entries is ours. It may not be empty: libnm takes that for a bug. */
static const NMVpnEditorPluginVT *
get_vt (NMVpnEditorPlugin *plugin, gsize *out_size)
{
    static void *const no_functions[2];

    *out_size = sizeof no_functions;
    return (const NMVpnEditorPluginVT *) no_functions;
}

static void
vpn_editor_plugin_init (NMVpnEditorPluginInterface *interface)
{
    interface->get_editor = get_editor;
    interface->get_capabilities = get_capabilities;
    interface->import_from_file = import_from_file;
    interface->export_to_file = export_to_file;
    interface->get_suggested_filename = get_suggested_filename;
    interface->notify_plugin_info_set = notify_plugin_info_set;
    interface->get_vt = get_vt;
}

static void
get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    switch (id) {
    case PROPERTY_NAME:
        g_value_set_static_string (value, NAME);
        break;
    case PROPERTY_DESCRIPTION:
        g_value_set_static_string (value, "WireGuard gateway with the routing of Sixgate");
        break;
    case PROPERTY_SERVICE:
        g_value_set_static_string (value, SERVICE);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
sg_nm_plugin_init (SgNmPlugin *plugin)
{
}

static void
sg_nm_plugin_class_init (SgNmPluginClass *class)
{
    GObjectClass *object = G_OBJECT_CLASS (class);

    object->get_property = get_property;
    g_object_class_override_property (object, PROPERTY_NAME, NM_VPN_EDITOR_PLUGIN_NAME);
    g_object_class_override_property (object, PROPERTY_DESCRIPTION,
                                      NM_VPN_EDITOR_PLUGIN_DESCRIPTION);
    g_object_class_override_property (object, PROPERTY_SERVICE, NM_VPN_EDITOR_PLUGIN_SERVICE);
}

/* The one function that libnm looks for; declared in its header. */
G_MODULE_EXPORT NMVpnEditorPlugin *
nm_vpn_editor_plugin_factory (GError **error)
{
    return g_object_new (SG_TYPE_NM_PLUGIN, NULL);
}
