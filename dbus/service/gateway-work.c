/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gateway-work.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "gateway/gateway-ops.h"

/* The answer of what changed a gateway that was @before. */
static GVariant *
changed (const char *before, const GPtrArray *warnings)
{
    return g_variant_new (
        "(s@as)", before,
        g_variant_new_strv ((const char *const *) warnings->pdata, warnings->len));
}

static bool
recover (uint32_t timeout_ms, GError **error)
{
    g_autofree char *undone = NULL;

    if (!sg_gateway_recover (timeout_ms, &undone, error))
        return false;
    if (undone) {
        g_autofree char *warning =
            g_strdup_printf ("%s: an update broke off; the gateway is as it was before", undone);

        sg_log_warning (warning);
    }
    return true;
}

static bool
parse_type (const char *text, SgWgType *ret_type, GError **error)
{
    if (sg_wg_type_from_string (text, ret_type))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "“%s” is no type of gateway; it is inbound-outbound or outbound-only", text);
    return false;
}

/* ---- import ---- */

GVariant *
sg_work_import (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    const SgGatewayFile file = {call->words[0], call->words[1], strlen (call->words[1])};
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    g_auto (SgGatewayImported) imported = {0};
    SgWgType type;

    if ((call->options.type && !parse_type (call->options.type, &type, error)) ||
        !recover (timeout_ms, error) ||
        !sg_gateway_import (&file, call->options.interface, call->options.type ? &type : NULL,
                            timeout_ms, warnings, &imported, error))
        return NULL;
    return g_variant_new (
        "(ss@as)", imported.interface, imported.uuid,
        g_variant_new_strv ((const char *const *) warnings->pdata, warnings->len));
}

GVariant *
sg_work_undo_import (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    const char *interface;

    g_variant_get_child (worked, 0, "&s", &interface);
    return sg_gateway_remove (interface, timeout_ms, error) ? g_variant_new_boolean (true) : NULL;
}

/* ---- update ---- */

static bool
update (const SgCall *call, const char *text, uint32_t timeout_ms, GPtrArray *warnings,
        GError **error)
{
    const SgGatewayFile file = {call->gateway, text, strlen (text)};

    return sg_gateway_update (call->gateway, &file, timeout_ms, warnings, error);
}

GVariant *
sg_work_update (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    GVariant *answer = NULL;
    char *before;

    if (!recover (timeout_ms, error))
        return NULL;
    before = sg_gateway_export (call->gateway, timeout_ms, error);
    if (before && update (call, call->words[0], timeout_ms, warnings, error))
        answer = changed (before, warnings);
    sg_wg_text_free (before);
    return answer;
}

GVariant *
sg_work_undo_update (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    const char *before;

    g_variant_get_child (worked, 0, "&s", &before);
    return update (call, before, timeout_ms, warnings, error) ? g_variant_new_boolean (true) : NULL;
}

/* ---- type ---- */

static bool
set_type (const SgCall *call, const char *text, uint32_t timeout_ms, GError **error)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    SgWgType type;

    return parse_type (text, &type, error) &&
           sg_gateway_set_type (call->gateway, type, timeout_ms, warnings, error);
}

GVariant *
sg_work_set_type (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    if (!recover (timeout_ms, error) || !set_type (call, call->words[0], timeout_ms, error))
        return NULL;
    return g_variant_new_boolean (true);
}

GVariant *
sg_work_undo_set_type (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    return set_type (call, call->words[1], timeout_ms, error) ? g_variant_new_boolean (true) : NULL;
}

/* ---- the rest ---- */

GVariant *
sg_work_remove (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    if (!recover (timeout_ms, error) || !sg_gateway_remove (call->gateway, timeout_ms, error))
        return NULL;
    return g_variant_new_boolean (true);
}

GVariant *
sg_work_export (const SgCall *call, GVariant *worked, uint32_t timeout_ms, GError **error)
{
    char *text = sg_gateway_export (call->gateway, timeout_ms, error);
    GVariant *answer = text ? g_variant_new_string (text) : NULL;

    sg_wg_text_free (text);
    return answer;
}
