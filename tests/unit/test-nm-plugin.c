/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The editor plugin as libnm loads it: every function of the interface, by libnm's own calls.
 * SIXGATE_NM_PLUGIN is the shared object. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <NetworkManager.h>

#define SERVICE "org.freedesktop.NetworkManager.sixgate"

static NMVpnEditorPlugin *
load (void)
{
    g_autoptr (GError) error = NULL;
    NMVpnEditorPlugin *plugin =
        nm_vpn_editor_plugin_load (g_getenv ("SIXGATE_NM_PLUGIN"), SERVICE, &error);

    g_assert_no_error (error);
    g_assert_nonnull (plugin);
    return plugin;
}

static char *
maker (const char *name)
{
    g_autofree char *file = g_strconcat ("wg/", name, ".conf", NULL);

    return g_test_build_filename (G_TEST_DIST, file, NULL);
}

static NMConnection *
import (NMVpnEditorPlugin *plugin, const char *path)
{
    g_autoptr (GError) error = NULL;
    NMConnection *connection = nm_vpn_editor_plugin_import (plugin, path, &error);

    g_assert_no_error (error);
    g_assert_nonnull (connection);
    return connection;
}

static void
test_identity (void)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autofree char *name = NULL, *service = NULL, *description = NULL;
    g_autoptr (GError) error = NULL;

    g_object_get (plugin, NM_VPN_EDITOR_PLUGIN_NAME, &name, NM_VPN_EDITOR_PLUGIN_SERVICE, &service,
                  NM_VPN_EDITOR_PLUGIN_DESCRIPTION, &description, NULL);
    g_assert_cmpstr (name, ==, "sixgate");
    g_assert_cmpstr (service, ==, SERVICE);
    g_assert_nonnull (strstr (description, "WireGuard"));
    g_assert_cmpint (nm_vpn_editor_plugin_get_capabilities (plugin), ==,
                     NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT |
                         NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
                         NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6);
    /* of another service it is not the plugin */
    g_assert_null (nm_vpn_editor_plugin_load (g_getenv ("SIXGATE_NM_PLUGIN"), "another", &error));
    g_assert_nonnull (error);
}

/* The .name file leads libnm to it. */
static void
test_name_file (void)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (NMVpnPluginInfo) info =
        nm_vpn_plugin_info_new_from_file (g_getenv ("SIXGATE_NAME_FILE"), &error);
    g_autoptr (NMVpnEditorPlugin) plugin = load ();

    g_assert_no_error (error);
    g_assert_cmpstr (nm_vpn_plugin_info_get_name (info), ==, "sixgate");
    g_assert_cmpstr (nm_vpn_plugin_info_get_service (info), ==, SERVICE);
    g_assert_cmpstr (nm_vpn_plugin_info_get_plugin (info), ==, "libnm-vpn-plugin-sixgate.so");
    g_assert_null (nm_vpn_plugin_info_get_program (info));
    nm_vpn_editor_plugin_set_plugin_info (plugin, info);
    g_assert_true (nm_vpn_editor_plugin_get_plugin_info (plugin) == info);
    nm_vpn_editor_plugin_set_plugin_info (plugin, NULL);
}

static void
test_import (void)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autofree char *path = maker ("starttunnel");
    g_autoptr (NMConnection) connection = import (plugin, path);
    NMSettingWireGuard *wireguard =
        (NMSettingWireGuard *) nm_connection_get_setting (connection, NM_TYPE_SETTING_WIREGUARD);
    NMSettingUser *user =
        (NMSettingUser *) nm_connection_get_setting (connection, NM_TYPE_SETTING_USER);
    NMWireGuardPeer *peer = nm_setting_wireguard_get_peer (wireguard, 0);
    g_autofree char *suggested = NULL;

    g_assert_true (nm_connection_is_type (connection, "wireguard"));
    g_assert_cmpstr (nm_connection_get_interface_name (connection), ==, "starttunnel");
    g_assert_cmpstr (nm_connection_get_id (connection), ==, "starttunnel");
    g_assert_nonnull (nm_connection_get_uuid (connection));
    g_assert_true (
        nm_setting_connection_get_autoconnect (nm_connection_get_setting_connection (connection)));
    g_assert_cmpint (nm_setting_wireguard_get_private_key_flags (wireguard), ==, 0);
    g_assert_nonnull (nm_setting_wireguard_get_private_key (wireguard));
    g_assert_nonnull (nm_wireguard_peer_get_preshared_key (peer));
    g_assert_cmpint (nm_wireguard_peer_get_preshared_key_flags (peer), ==, 0);
    g_assert_cmpint (nm_setting_wireguard_get_ip4_auto_default_route (wireguard), ==, 0);
    g_assert_cmpint (nm_setting_wireguard_get_ip6_auto_default_route (wireguard), ==, 0);
    g_assert_false (nm_setting_wireguard_get_peer_routes (wireguard));
    g_assert_cmpstr (nm_setting_user_get_data (user, "sixgate.type"), ==, "inbound-outbound");
    suggested = nm_vpn_editor_plugin_get_suggested_filename (plugin, connection);
    g_assert_cmpstr (suggested, ==, "starttunnel.conf");
}

/* The first name that neither a link nor the file itself forbids. */
static void
test_name_of_a_link (void)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autofree char *folder = g_dir_make_tmp ("sixgate-XXXXXX", NULL);
    g_autofree char *source = maker ("mullvad");
    g_autofree char *path = g_build_filename (folder, "lo.conf", NULL);
    g_autofree char *text = NULL;
    g_autoptr (NMConnection) connection = NULL;
    gsize len;

    g_assert_true (g_file_get_contents (source, &text, &len, NULL));
    g_assert_true (g_file_set_contents (path, text, (gssize) len, NULL));
    connection = import (plugin, path);
    g_assert_true (g_str_has_prefix (nm_connection_get_interface_name (connection), "wg"));
    g_unlink (path);
    g_rmdir (folder);
}

/* Import → export → import gives the same profile, but for the uuid. */
static void
test_export (gconstpointer data)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autofree char *source = maker (data);
    g_autofree char *folder = g_dir_make_tmp ("sixgate-XXXXXX", NULL);
    g_autoptr (NMConnection) first = import (plugin, source);
    g_autofree char *name = nm_vpn_editor_plugin_get_suggested_filename (plugin, first);
    g_autofree char *path = g_build_filename (folder, name, NULL);
    g_autoptr (NMConnection) second = NULL;
    g_autoptr (GError) error = NULL;
    struct stat st;

    g_assert_true (nm_vpn_editor_plugin_export (plugin, path, first, &error));
    g_assert_no_error (error);
    g_assert_cmpint (stat (path, &st), ==, 0);
    g_assert_cmpint (st.st_mode & 07777, ==, 0600);
    second = import (plugin, path);
    g_object_set (nm_connection_get_setting_connection (second), NM_SETTING_CONNECTION_UUID,
                  nm_connection_get_uuid (first), NULL);
    g_assert_true (nm_connection_compare (first, second, NM_SETTING_COMPARE_FLAG_EXACT));
    g_unlink (path);
    g_rmdir (folder);
}

static void
test_export_refused (void)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autofree char *source = maker ("starttunnel");
    g_autoptr (NMConnection) ours = import (plugin, source);
    g_autoptr (NMConnection) other = nm_simple_connection_new ();
    NMSetting *setting = nm_setting_connection_new ();
    g_autofree char *suggested = NULL;
    g_autoptr (GError) error = NULL;

    g_object_set (setting, NM_SETTING_CONNECTION_TYPE, "vpn", NM_SETTING_CONNECTION_ID, "v", NULL);
    nm_connection_add_setting (other, setting);
    g_assert_false (nm_vpn_editor_plugin_export (plugin, "/nowhere", other, &error));
    g_assert_error (error, NM_VPN_PLUGIN_ERROR, NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION);
    g_clear_error (&error);
    g_assert_false (nm_vpn_editor_plugin_export (plugin, "/proc/nowhere/x.conf", ours, &error));
    g_assert_error (error, NM_VPN_PLUGIN_ERROR, NM_VPN_PLUGIN_ERROR_FAILED);
    suggested = nm_vpn_editor_plugin_get_suggested_filename (plugin, other);
    g_assert_cmpstr (suggested, ==, "sixgate.conf");
}

/* ---- what is refused: at once, and so that other importers get their turn ---- */

static void
refuse (const char *path, int code, const char *message)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autoptr (GError) error = NULL;
    g_autoptr (NMConnection) connection = nm_vpn_editor_plugin_import (plugin, path, &error);

    g_assert_null (connection);
    g_assert_error (error, NM_VPN_PLUGIN_ERROR, code);
    if (!strstr (error->message, message))
        g_error ("“%s” lacks “%s”", error->message, message);
}

static void
refuse_text (const char *folder, const char *text, gssize len, int code, const char *message)
{
    g_autofree char *path = g_build_filename (folder, "x.conf", NULL);

    g_assert_true (g_file_set_contents (path, text, len, NULL));
    refuse (path, code, message);
    g_unlink (path);
}

static void
test_refused (void)
{
    g_autofree char *folder = g_dir_make_tmp ("sixgate-XXXXXX", NULL);
    g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
    g_autofree char *large = g_strnfill (1024 * 1024 + 1, '#');
    g_autofree char *random = g_malloc (100000);

    for (size_t i = 0; i < 100000; i++)
        random[i] = (char) g_test_rand_int ();
    refuse_text (folder, "client\ndev tun\n", -1, NM_VPN_PLUGIN_ERROR_BAD_ARGUMENTS,
                 "x.conf is no WireGuard configuration");
    refuse_text (folder, "", -1, NM_VPN_PLUGIN_ERROR_BAD_ARGUMENTS, "is no WireGuard");
    refuse_text (folder, random, 100000, NM_VPN_PLUGIN_ERROR_BAD_ARGUMENTS, "is no WireGuard");
    refuse_text (folder, "[Interface]\nPrivateKey = x\n", -1,
                 NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION, "x.conf:2: PrivateKey: this is not a key");
    refuse_text (folder, large, 1024 * 1024 + 1, NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION,
                 "larger than the 1048576 bytes");
    refuse_text (folder, large, 1024 * 1024, NM_VPN_PLUGIN_ERROR_BAD_ARGUMENTS, "is no WireGuard");
    refuse (folder, NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION, "is not a regular file");
    refuse ("/nowhere/x.conf", NM_VPN_PLUGIN_ERROR_FAILED, "/nowhere/x.conf is not there");
    refuse ("/dev/zero", NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION, "is not a regular file");
    g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
    refuse (fifo, NM_VPN_PLUGIN_ERROR_INVALID_CONNECTION, "is not a regular file");
    g_unlink (fifo);
    g_rmdir (folder);
}

/* ---- the rest of the interface ---- */

static void
test_no_editor (void)
{
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    g_autofree char *source = maker ("starttunnel");
    g_autoptr (NMConnection) connection = import (plugin, source);
    g_autoptr (GError) error = NULL;

    g_assert_null (nm_vpn_editor_plugin_get_editor (plugin, connection, &error));
    g_assert_error (error, NM_VPN_PLUGIN_ERROR, NM_VPN_PLUGIN_ERROR_FAILED);
    g_assert_nonnull (strstr (error->message, "has no editor"));
}

/* What libnm has in the table it can also do without. */
static void
test_table (void)
{
    static void *const none[8];
    g_autoptr (NMVpnEditorPlugin) plugin = load ();
    void *functions[8];

    memset (functions, 0xff, sizeof functions);
    g_assert_cmpuint (nm_vpn_editor_plugin_get_vt (plugin, NULL, 0), >, 0);
    g_assert_cmpuint (
        nm_vpn_editor_plugin_get_vt (plugin, (NMVpnEditorPluginVT *) functions, sizeof functions),
        <=, sizeof functions);
    g_assert_cmpmem (functions, sizeof functions, none, sizeof none);
}

int
main (int argc, char **argv)
{
    static const char *const makers[] = {
        "starttunnel", "wg-quick",  "mullvad",           "proton",
        "ivpn",        "wg-easy",   "netmaker",          "opnsense",
        "unifi",       "ipv6-only", "hundred-addresses", "fritzbox",
    };

    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/nm-plugin/identity", test_identity);
    g_test_add_func ("/nm-plugin/name-file", test_name_file);
    g_test_add_func ("/nm-plugin/import", test_import);
    g_test_add_func ("/nm-plugin/name-of-a-link", test_name_of_a_link);
    for (size_t i = 0; i < G_N_ELEMENTS (makers); i++) {
        g_autofree char *path = g_strconcat ("/nm-plugin/export/", makers[i], NULL);

        g_test_add_data_func (path, makers[i], test_export);
    }
    g_test_add_func ("/nm-plugin/export-refused", test_export_refused);
    g_test_add_func ("/nm-plugin/refused", test_refused);
    g_test_add_func ("/nm-plugin/no-editor", test_no_editor);
    g_test_add_func ("/nm-plugin/table", test_table);
    return g_test_run ();
}
