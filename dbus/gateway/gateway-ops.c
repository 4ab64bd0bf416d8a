/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All of it that needs NetworkManager only; update.c has the rest. */
#include "gateway/gateway-ops.h"

#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "base/links.h"
#include "core/profile.h"
#include "gateway/gateway-nm.h"

bool
sg_gateway_bus_open (SgNmBus *ret_bus, uint32_t timeout_ms, GError **error)
{
    g_autofree char *reason = NULL;

    if (sg_nm_bus_open (ret_bus, timeout_ms, &reason))
        return true;
    g_set_error_literal (error, SG_ERROR, SG_ERROR_FAILED, reason);
    return false;
}

void
sg_gateway_take_warnings (const SgWgConf *conf, GPtrArray *warnings)
{
    for (guint i = 0; i < conf->warnings->len; i++)
        g_ptr_array_add (warnings, g_strdup (conf->warnings->pdata[i]));
}

void
sg_gateway_imported_clear (SgGatewayImported *imported)
{
    g_clear_pointer (&imported->interface, g_free);
    g_clear_pointer (&imported->uuid, g_free);
    g_clear_pointer (&imported->path, g_free);
}

/* ---- import ---- */

static char *
choose_interface (const SgNmBus *bus, const char *file, const char *asked, GError **error)
{
    g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

    if (asked && !sg_profile_name_is_usable (asked)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” can be no name of a gateway; it has at most 15 letters, digits and "
                     "_ = + . -, and does not begin with . or -",
                     asked);
        return NULL;
    }
    sg_links_add_names (taken);
    if (!sg_nm_profile_names (bus, taken, error))
        return NULL;
    if (!asked)
        return sg_profile_choose_name (file, taken);
    if (!g_hash_table_contains (taken, asked))
        return g_strdup (asked);
    g_set_error (error, SG_ERROR, SG_ERROR_EXISTS,
                 "the name %s is taken by a link or a profile; choose another, or update that one",
                 asked);
    return NULL;
}

static bool
add_profile (const SgNmBus *bus, const SgWgConf *conf, GPtrArray *warnings,
             SgGatewayImported *imported, GError **error)
{
    g_autoptr (GVariant) settings = NULL;

    imported->uuid = g_uuid_string_random ();
    settings = sg_profile_new (conf, imported->interface, imported->uuid, warnings);
    imported->path = sg_nm_profile_add (bus, settings, error);
    return imported->path != NULL;
}

bool
sg_gateway_import (const SgGatewayFile *file, const char *interface, const SgWgType *type,
                   uint32_t timeout_ms, GPtrArray *warnings, SgGatewayImported *ret_imported,
                   GError **error)
{
    g_autoptr (SgWgConf) conf = sg_wg_conf_parse (file->name, file->text, file->len, error);
    g_auto (SgGatewayImported) imported = {0};
    SgNmBus bus;
    bool ok;

    if (!conf || !sg_gateway_bus_open (&bus, timeout_ms, error))
        return false;
    if (type)
        conf->type = *type;
    sg_gateway_take_warnings (conf, warnings);
    imported.interface = choose_interface (&bus, file->name, interface, error);
    ok = imported.interface && add_profile (&bus, conf, warnings, &imported, error);
    sg_nm_bus_close (&bus);
    if (!ok)
        return false;
    *ret_imported = imported;
    imported = (SgGatewayImported) {0};
    return true;
}

/* ---- the others ---- */

char *
sg_gateway_export (const char *interface, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgNmProfile) profile = NULL;
    g_autoptr (SgWgConf) conf = NULL;
    SgNmBus bus;

    if (!sg_gateway_bus_open (&bus, timeout_ms, error))
        return NULL;
    profile = sg_nm_profile_find (&bus, interface, error);
    sg_nm_bus_close (&bus);
    conf = profile ? sg_profile_read (profile->settings, error) : NULL;
    return conf ? sg_wg_conf_to_text (conf) : NULL;
}

static bool
save_type (const SgNmBus *bus, const char *interface, SgWgType type, GPtrArray *warnings,
           GError **error)
{
    g_autoptr (SgNmProfile) profile = sg_nm_profile_find (bus, interface, error);
    g_autoptr (GVariant) settings =
        profile ? sg_profile_set_type (profile->settings, type, error) : NULL;
    g_autoptr (GPtrArray) waits = g_ptr_array_new_with_free_func (g_free);

    if (!settings || !sg_nm_profile_save (bus, profile, settings, error))
        return false;
    if (profile->active)
        sg_profile_compare (profile->settings, settings, waits);
    if (waits->len > 0)
        g_ptr_array_add (warnings, g_strdup_printf ("%s: its name servers change with the next "
                                                    "“nmcli connection up %s”",
                                                    interface, interface));
    return true;
}

bool
sg_gateway_set_type (const char *interface, SgWgType type, uint32_t timeout_ms, GPtrArray *warnings,
                     GError **error)
{
    SgNmBus bus;
    bool ok;

    if (!sg_gateway_bus_open (&bus, timeout_ms, error))
        return false;
    ok = save_type (&bus, interface, type, warnings, error);
    sg_nm_bus_close (&bus);
    return ok;
}

bool
sg_gateway_remove (const char *interface, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgNmProfile) profile = NULL;
    SgNmBus bus;
    bool ok;

    if (!sg_gateway_bus_open (&bus, timeout_ms, error))
        return false;
    profile = sg_nm_profile_find (&bus, interface, error);
    ok = profile && sg_nm_profile_delete (&bus, profile->path, error);
    sg_nm_bus_close (&bus);
    return ok;
}
