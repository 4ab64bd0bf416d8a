/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/config.h"

#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "core/contract.h"
#include "core/tunnel-config.h"

#define GROUP "sixgate"

/* Bounds of the times, in milliseconds: long enough for a slow machine, short enough that
 * NetworkManager's dispatcher, which runs one program at a time, is never held up for long. */
#define NM_TIMEOUT_DEFAULT 2000
#define LOCK_TIMEOUT_DEFAULT 10000
#define IDLE_TIMEOUT_DEFAULT 30000
#define TIMEOUT_MIN 10
#define TIMEOUT_MAX 60000

SgConfig *
sg_config_new_default (void)
{
    SgConfig *config = g_new0 (SgConfig, 1);

    config->nft_table = g_strdup (SG_NFT_TABLE);
    config->tunnel_interface = g_strdup (SG_TUNNEL_INTERFACE);
    config->tunnel_port = SG_TUNNEL_PORT;
    config->tunnel_endpoint = g_strdup ("");
    config->families[SG_IPV6] = true;
    config->local_prefixes = SG_LOCAL_PREFIXES_AUTO;
    config->local_prefix_list =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));
    config->nm_timeout_ms = NM_TIMEOUT_DEFAULT;
    config->lock_timeout_ms = LOCK_TIMEOUT_DEFAULT;
    config->idle_timeout_ms = IDLE_TIMEOUT_DEFAULT;
    config->warnings = g_ptr_array_new_with_free_func (g_free);
    return config;
}

void
sg_config_free (SgConfig *config)
{
    if (!config)
        return;
    g_free (config->nft_table);
    g_free (config->tunnel_interface);
    g_free (config->tunnel_endpoint);
    g_array_unref (config->local_prefix_list);
    g_ptr_array_unref (config->warnings);
    g_free (config);
}

/* ---- one function a key: @value is what stands behind the equals sign ---- */

static bool
set_nft_table (SgConfig *config, const char *value, GError **error)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    if (!g_ascii_isalpha (value[0]) || strlen (value) > 31 ||
        strspn (value, allowed) != strlen (value)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” cannot name an nftables table; use a letter, then letters, digits, _ "
                     "and -, 31 at most",
                     value);
        return false;
    }
    g_free (config->nft_table);
    config->nft_table = g_strdup (value);
    return true;
}

static bool
set_tunnel_interface (SgConfig *config, const char *value, GError **error)
{
    if (!sg_ifname_is_valid (value)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” cannot name an interface; use at most 15 characters without slash, "
                     "colon and space",
                     value);
        return false;
    }
    g_free (config->tunnel_interface);
    config->tunnel_interface = g_strdup (value);
    return true;
}

static bool
set_tunnel_port (SgConfig *config, const char *value, GError **error)
{
    guint64 port;

    if (!g_ascii_string_to_unsigned (value, 10, 1, UINT16_MAX, &port, NULL)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is not a port from 1 to 65535", value);
        return false;
    }
    config->tunnel_port = (uint16_t) port;
    return true;
}

static bool
set_tunnel_endpoint (SgConfig *config, const char *value, GError **error)
{
    SgWgEndpoint endpoint;

    if (*value && !sg_tunnel_endpoint_parse (value, SG_TUNNEL_PORT, &endpoint, error))
        return false;
    g_free (config->tunnel_endpoint);
    config->tunnel_endpoint = g_strdup (value);
    return true;
}

static bool
set_families (SgConfig *config, const char *value, GError **error)
{
    g_auto (GStrv) words = g_strsplit_set (value, ", ;", -1);
    bool families[SG_FAMILY_N] = {false};

    for (char **word = words; *word; word++) {
        SgFamily family = 0;

        while (family < SG_FAMILY_N && strcmp (*word, sg_family_word (family)) != 0)
            family++;
        if (family < SG_FAMILY_N) {
            families[family] = true;
        } else if (**word) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                         "“%s” is not a family of addresses; write ipv6, ipv4 or both", *word);
            return false;
        }
    }
    memcpy (config->families, families, sizeof families);
    return true;
}

static bool
set_local_prefixes (SgConfig *config, const char *value, GError **error)
{
    g_auto (GStrv) words = NULL;
    g_autoptr (GArray) list = NULL;

    if (strcmp (value, "auto") == 0 || strcmp (value, "ula") == 0) {
        config->local_prefixes = value[0] == 'a' ? SG_LOCAL_PREFIXES_AUTO : SG_LOCAL_PREFIXES_ULA;
        return true;
    }
    words = g_strsplit_set (value, ", ;", -1);
    list = g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgPrefix));
    for (char **word = words; *word; word++) {
        SgPrefix prefix;

        if (!**word)
            continue;
        if (!sg_prefix_parse (*word, &prefix, error))
            return false;
        g_array_append_val (list, prefix);
    }
    if (!list->len) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "say auto, ula or a list of prefixes");
        return false;
    }
    config->local_prefixes = SG_LOCAL_PREFIXES_LIST;
    g_array_unref (config->local_prefix_list);
    config->local_prefix_list = g_steal_pointer (&list);
    return true;
}

static bool
parse_timeout (const char *value, uint32_t *ret_ms, GError **error)
{
    guint64 ms;

    if (!g_ascii_string_to_unsigned (value, 10, TIMEOUT_MIN, TIMEOUT_MAX, &ms, NULL)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is not a number of milliseconds from %d to %d", value, TIMEOUT_MIN,
                     TIMEOUT_MAX);
        return false;
    }
    *ret_ms = (uint32_t) ms;
    return true;
}

static bool
set_nm_timeout (SgConfig *config, const char *value, GError **error)
{
    return parse_timeout (value, &config->nm_timeout_ms, error);
}

static bool
set_lock_timeout (SgConfig *config, const char *value, GError **error)
{
    return parse_timeout (value, &config->lock_timeout_ms, error);
}

static bool
set_idle_timeout (SgConfig *config, const char *value, GError **error)
{
    return parse_timeout (value, &config->idle_timeout_ms, error);
}

static const struct {
    const char *key;
    bool (*set) (SgConfig *config, const char *value, GError **error);
} key_table[] = {
    {"Families", set_families},
    {"IdleTimeoutMSec", set_idle_timeout},
    {"LocalPrefixes", set_local_prefixes},
    {"LockTimeoutMSec", set_lock_timeout},
    {"NetworkManagerTimeoutMSec", set_nm_timeout},
    {"NftTable", set_nft_table},
    {"TunnelEndpoint", set_tunnel_endpoint},
    {"TunnelInterface", set_tunnel_interface},
    {"TunnelPort", set_tunnel_port},
};

static bool
set_key (SgConfig *config, const char *name, const char *key, const char *value, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS (key_table); i++) {
        if (strcmp (key, key_table[i].key) != 0)
            continue;
        if (key_table[i].set (config, value, error))
            return true;
        g_prefix_error (error, "%s: %s=: ", name, key);
        return false;
    }
    g_ptr_array_add (config->warnings,
                     g_strdup_printf ("%s: the key “%s” is unknown and has no effect; "
                                      "sixgate.conf(5) lists the keys",
                                      name, key));
    return true;
}

static void
warn_of_groups (SgConfig *config, const char *name, GKeyFile *file)
{
    g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

    for (char **group = groups; *group; group++) {
        if (strcmp (*group, GROUP) != 0)
            g_ptr_array_add (config->warnings,
                             g_strdup_printf ("%s: the group [%s] is unknown and has no effect; "
                                              "the only group is [" GROUP "]",
                                              name, *group));
    }
}

SgConfig *
sg_config_parse (const char *name, const char *text, size_t len, GError **error)
{
    g_autoptr (SgConfig) config = sg_config_new_default ();
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_auto (GStrv) keys = NULL;
    g_autoptr (GError) syntax = NULL;

    /* What is behind a NUL would not be seen. */
    if (len && memchr (text, '\0', len)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "%s: there is a NUL in it, so it is no text; write it anew", name);
        return NULL;
    }
    if (len && !g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, &syntax)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s: %s", name, syntax->message);
        return NULL;
    }
    warn_of_groups (config, name, file);
    keys = g_key_file_get_keys (file, GROUP, NULL, NULL);
    for (char **key = keys; key && *key; key++) {
        g_autofree char *value = g_key_file_get_string (file, GROUP, *key, &syntax);

        if (!value) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s: %s=: %s", name, *key,
                         syntax->message);
            return NULL;
        }
        if (!set_key (config, name, *key, g_strstrip (value), error))
            return NULL;
    }
    return g_steal_pointer (&config);
}

bool
sg_config_routes (const SgConfig *config, const char *prefix, GError **error)
{
    SgPrefix parsed;

    if (!sg_prefix_parse (prefix, &parsed, NULL))
        return true;
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        if (sg_family_af (family) != parsed.ip.family || config->families[family])
            continue;
        g_set_error (error, SG_ERROR, SG_ERROR_UNSUPPORTED,
                     "%s is %s, which is not routed; write %s to Families= in sixgate.conf first",
                     prefix, sg_family_title (family), sg_family_word (family));
        return false;
    }
    return true;
}
