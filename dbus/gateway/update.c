/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Update in place: the profile on disk, then the link, and both back when a step fails. Not by
 * NetworkManager's Reapply, which flushes addresses, resets peers and loses keys (docs/import.md). */
#include "gateway/gateway-ops.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "core/profile.h"
#include "core/rollback.h"
#include "gateway/gateway-nm.h"
#include "gateway/resolve.h"
#include "kernel/wg-link.h"

typedef struct {
    const char *interface;
    uint32_t timeout_ms;
    GPtrArray *warnings;
    SgWgConf *file;       /* what is asked for */
    SgNmProfile *profile; /* as it was */
    GVariant *settings;   /* the profile as it is to be */
    SgWgLinks *links;     /* NULL: the link is not up, there is only the profile */
    SgRollback *way_back; /* the link as it was, and as it is to be */
} Update;

/* ---- what is, and what is to be ---- */

static bool
read_profile (Update *update, GError **error)
{
    SgNmBus bus;

    if (!sg_gateway_bus_open (&bus, update->timeout_ms, error))
        return false;
    update->profile = sg_nm_profile_find (&bus, update->interface, error);
    sg_nm_bus_close (&bus);
    if (!update->profile)
        return false;
    update->settings =
        sg_profile_update (update->profile->settings, update->file, update->warnings);
    return true;
}

/* The link @interface; NULL without an error when there is none to be updated. */
static bool
read_link (Update *update, SgLinkState **ret_before, GError **error)
{
    g_autoptr (GError) failure = NULL;

    *ret_before = NULL;
    if (!update->profile->active)
        return true;
    update->links = sg_wg_links_open (error);
    if (!update->links)
        return false;
    *ret_before = sg_wg_links_read (update->links, update->interface, &failure);
    if (*ret_before)
        return true;
    if (!g_error_matches (failure, SG_ERROR, SG_ERROR_NOT_FOUND)) {
        g_propagate_error (error, g_steal_pointer (&failure));
        return false;
    }
    g_clear_pointer (&update->links, sg_wg_links_close);
    return true;
}

static bool
decide (Update *update, GError **error)
{
    g_autoptr (SgWgConf) old = sg_profile_read (update->profile->settings, error);
    g_autoptr (SgWgConf) new = old ? sg_profile_read (update->settings, error) : NULL;
    g_autoptr (SgLinkState) before = NULL;
    g_autoptr (SgLinkState) from = NULL;
    g_autoptr (SgLinkState) to = NULL;
    g_autoptr (SgLinkState) target = NULL;

    if (!new || !read_link (update, &before, error))
        return false;
    if (!before)
        return true;
    /* The profile's mark of ours reads as none; on the link it is a mark like any other. */
    new->fwmark = sg_profile_fwmark (update->settings);
    from = sg_link_state_from_conf (old, before);
    to = sg_link_state_from_conf (new, before);
    target = sg_link_state_merge (before, from, to);
    if (!sg_resolve_endpoints (target, error))
        return false;
    update->way_back =
        sg_rollback_new (update->profile->uuid, update->profile->settings, before, target, error);
    return update->way_back != NULL;
}

/* ---- the way back ---- */

static bool
write_way_back (const SgRollback *way_back, GError **error)
{
    char *text = sg_rollback_to_text (way_back);
    bool ok = sg_fs_make_folder (SG_RUNTIME_DIR, error) &&
              sg_fs_write (SG_ROLLBACK_FILE, text, /* durable= */ false, error);

    sg_wg_text_free (text);
    return ok;
}

static bool
forget_way_back (GError **error)
{
    if (unlink (SG_ROLLBACK_FILE) == 0 || errno == ENOENT)
        return true;
    sg_error_set_errno (error, SG_ERROR_FAILED, errno, "remove %s", SG_ROLLBACK_FILE);
    return false;
}

/* A link that is gone, or another one by now, needs no way back. */
static bool
undo_link (const SgRollback *way_back, GError **error)
{
    g_autoptr (SgWgLinks) links = sg_wg_links_open (error);
    g_autoptr (SgLinkState) now = NULL;
    g_autoptr (SgLinkState) back = NULL;
    g_autoptr (SgLinkPlan) plan = NULL;
    g_autoptr (GError) failure = NULL;

    if (!links)
        return false;
    now = sg_wg_links_read (links, way_back->before->name, &failure);
    if (!now && g_error_matches (failure, SG_ERROR, SG_ERROR_NOT_FOUND))
        return true;
    if (!now) {
        g_propagate_error (error, g_steal_pointer (&failure));
        return false;
    }
    if (now->ifindex != way_back->before->ifindex)
        return true;
    back = sg_link_state_merge (now, way_back->target, way_back->before);
    plan = sg_link_plan_new (now, back);
    return sg_wg_links_apply (links, plan, error);
}

static bool
undo_profile (const SgRollback *way_back, uint32_t timeout_ms, GError **error)
{
    g_autoptr (SgNmProfile) profile = NULL;
    SgNmBus bus;
    bool ok;

    if (!sg_gateway_bus_open (&bus, timeout_ms, error))
        return false;
    profile = sg_nm_profile_find_uuid (&bus, way_back->uuid, error);
    ok = profile && (sg_profile_equal (profile->settings, way_back->settings) ||
                     sg_nm_profile_restore (&bus, profile->path, way_back->settings, error));
    sg_nm_bus_close (&bus);
    return ok;
}

/* The link first: it is what carries traffic. */
static bool
undo (const SgRollback *way_back, uint32_t timeout_ms, GError **error)
{
    g_autoptr (GError) link = NULL;
    bool ok = undo_link (way_back, &link);

    if (!undo_profile (way_back, timeout_ms, ok ? error : NULL))
        ok = false;
    if (link)
        g_propagate_error (error, g_steal_pointer (&link));
    return ok && forget_way_back (error);
}

/* ---- there ---- */

static bool
save_profile (const Update *update, GError **error)
{
    SgNmBus bus;
    bool ok;

    if (!sg_gateway_bus_open (&bus, update->timeout_ms, error))
        return false;
    ok = sg_nm_profile_save (&bus, update->profile, update->settings, error);
    sg_nm_bus_close (&bus);
    return ok;
}

/* What the kernel says now has to be what it was told. */
static bool
verify_link (const Update *update, GError **error)
{
    const SgLinkState *target = update->way_back->target;
    g_autoptr (SgLinkState) now = sg_wg_links_read (update->links, update->interface, error);
    g_autoptr (SgLinkState) wanted = NULL;
    g_autoptr (SgLinkPlan) missing = NULL;
    g_autofree char *text = NULL;

    if (!now)
        return false;
    wanted = sg_link_state_merge (now, target, target);
    missing = sg_link_plan_new (now, wanted);
    if (missing->actions->len == 0 && now->ifindex == target->ifindex)
        return true;
    text = sg_link_plan_to_string (missing);
    g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "the kernel has not kept: %s",
                 *text ? g_strchomp (text) : "the link");
    return false;
}

static bool
change_link (const Update *update, GError **error)
{
    g_autoptr (SgLinkPlan) plan =
        sg_link_plan_new (update->way_back->before, update->way_back->target);

    return sg_wg_links_apply (update->links, plan, error) && verify_link (update, error);
}

static bool
carry_out (const Update *update, GError **error)
{
    g_autoptr (GError) second = NULL;

    if (!update->way_back)
        return save_profile (update, error);
    if (!write_way_back (update->way_back, error))
        return false;
    if (save_profile (update, error) && change_link (update, error) && forget_way_back (error))
        return true;
    if (!undo (update->way_back, update->timeout_ms, &second))
        g_prefix_error (error, "not all could be undone (%s), after: ", second->message);
    return false;
}

static void
say_what_waits (const Update *update)
{
    g_autoptr (GPtrArray) waits = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *list = NULL;

    if (!update->way_back)
        return;
    sg_profile_compare (update->profile->settings, update->settings, waits);
    if (waits->len == 0)
        return;
    g_ptr_array_add (waits, NULL);
    list = g_strjoinv (", ", (char **) waits->pdata);
    g_ptr_array_add (update->warnings,
                     g_strdup_printf ("%s: only NetworkManager can apply %s: with the next "
                                      "“nmcli connection up %s”",
                                      update->interface, list, update->interface));
}

/* ---- public ---- */

static void
clear (Update *update)
{
    g_clear_pointer (&update->file, sg_wg_conf_free);
    g_clear_pointer (&update->profile, sg_nm_profile_free);
    g_clear_pointer (&update->settings, g_variant_unref);
    g_clear_pointer (&update->links, sg_wg_links_close);
    g_clear_pointer (&update->way_back, sg_rollback_free);
}

bool
sg_gateway_recover (uint32_t timeout_ms, char **ret_undone, GError **error)
{
    g_autoptr (SgRollback) way_back = NULL;
    char *text = NULL;
    size_t len = 0;

    *ret_undone = NULL;
    /* What a run that was killed had not put in its place yet: it holds keys, too. */
    sg_fs_remove_leftovers (SG_ROLLBACK_FILE);
    if (!sg_fs_read (SG_ROLLBACK_FILE, SG_ROLLBACK_MAX, &text, &len, error))
        return false;
    if (!text)
        return true;
    way_back = sg_rollback_parse (text, error);
    sg_wg_text_free (text);
    if (!way_back || !undo (way_back, timeout_ms, error)) {
        g_prefix_error (error, "undo the update that %s is from: ", SG_ROLLBACK_FILE);
        return false;
    }
    *ret_undone = g_strdup (way_back->before->name);
    return true;
}

bool
sg_gateway_update (const char *interface, const SgGatewayFile *file, uint32_t timeout_ms,
                   GPtrArray *warnings, GError **error)
{
    Update update = {.interface = interface, .timeout_ms = timeout_ms, .warnings = warnings};
    g_autofree char *undone = NULL;
    bool ok;

    update.file = sg_wg_conf_parse (file->name, file->text, file->len, error);
    ok = update.file && sg_gateway_recover (timeout_ms, &undone, error);
    if (ok)
        sg_gateway_take_warnings (update.file, warnings);
    ok = ok && read_profile (&update, error) && decide (&update, error) &&
         carry_out (&update, error);
    if (ok)
        say_what_waits (&update);
    clear (&update);
    return ok;
}
