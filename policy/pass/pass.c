/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pass/pass.h"

#include <unistd.h>

#include "base/error.h"
#include "core/resolver.h"
#include "kernel/apply.h"
#include "pass/files.h"

static bool
only_looks (const SgPass *pass)
{
    return pass->lock < 0;
}

static void
warn (const SgPass *pass, const char *warning)
{
    pass->reporter.warning (pass->reporter.data, warning);
}

/* ---- opening ---- */

static bool
read_files (SgPass *pass, GError **error)
{
    g_autofree char *problem = NULL;

    pass->state = sg_files_load_state (error);
    if (!pass->state)
        return false;
    if (!sg_files_load_tunnel (&pass->tunnel, error))
        return false;
    pass->memory = sg_files_load_memory (&problem, error);
    if (!pass->memory)
        return false;
    pass->memory_damaged = problem != NULL;
    if (problem)
        warn (pass, problem);
    return true;
}

SgPass *
sg_pass_new (SgConfig *config, int lock, const SgReporter *reporter, GError **error)
{
    g_autoptr (SgPass) pass = g_new0 (SgPass, 1);

    pass->reporter = *reporter;
    pass->config = config;
    pass->lock = lock;
    if (!read_files (pass, error))
        return NULL;
    pass->kernel = sg_kernel_linux_open (error);
    return pass->kernel ? g_steal_pointer (&pass) : NULL;
}

static void
drop_plan (SgPass *pass)
{
    g_clear_pointer (&pass->plan, sg_plan_free);
    if (pass->kernel)
        pass->kernel->keyring = NULL;
    g_clear_pointer (&pass->keyring, sg_keyring_free);
    g_clear_pointer (&pass->wanted, sg_wanted_free);
}

void
sg_pass_free (SgPass *pass)
{
    if (!pass)
        return;
    drop_plan (pass);
    g_clear_pointer (&pass->snapshot, sg_snapshot_free);
    g_clear_pointer (&pass->kernel, sg_kernel_close);
    g_clear_pointer (&pass->device_keys, sg_keyring_free);
    g_clear_pointer (&pass->tunnel, sg_tunnel_free);
    g_clear_pointer (&pass->memory, sg_memory_free);
    g_clear_pointer (&pass->state, sg_state_free);
    g_clear_pointer (&pass->config, sg_config_free);
    if (pass->lock >= 0)
        close (pass->lock);
    g_free (pass);
}

/* ---- looking, deciding ---- */

bool
sg_pass_look (SgPass *pass, SgSnapshot *snapshot, GError **error)
{
    bool done;

    pass->tries++;
    drop_plan (pass);
    g_clear_pointer (&pass->snapshot, sg_snapshot_free);
    g_clear_pointer (&pass->device_keys, sg_keyring_free);
    if (pass->tunnel)
        pass->device_keys = sg_tunnel_preshared_keys (pass->tunnel);
    pass->snapshot = snapshot;
    snapshot->tunnel = pass->tunnel != NULL;
    snapshot->expected = pass->device_keys;
    snapshot->ipv4_left = pass->memory->ipv4;
    done = pass->kernel->ops->dump (pass->kernel, pass->config, snapshot, error);
    snapshot->expected = NULL;
    return done;
}

bool
sg_pass_save_state (const SgPass *pass, GError **error)
{
    return only_looks (pass) || sg_files_save_state (pass->state, error);
}

/* The preshared keys of the tunnel's devices, as far as they are wanted. */
static void
take_tunnel_keys (SgPass *pass)
{
    if (!pass->device_keys || pass->wanted->peers->len == 0)
        return;
    pass->keyring = sg_keyring_new ();
    sg_wanted_collect_keys (pass->wanted, pass->device_keys, pass->keyring);
    pass->kernel->keyring = pass->keyring;
}

void
sg_pass_decide (SgPass *pass)
{
    drop_plan (pass);
    pass->wanted =
        sg_wanted_new (pass->config, pass->state, pass->memory, pass->tunnel, pass->snapshot);
    for (guint i = 0; i < pass->config->warnings->len; i++)
        g_ptr_array_add (pass->wanted->warnings,
                         g_strdup (g_ptr_array_index (pass->config->warnings, i)));
    take_tunnel_keys (pass);
}

void
sg_pass_give_keys (SgPass *pass, SgKeyring *keyring)
{
    sg_wanted_keep_known (pass->wanted, keyring);
    if (pass->keyring)
        sg_keyring_take (pass->keyring, keyring);
    else
        pass->keyring = keyring;
    pass->kernel->keyring = pass->keyring;
}

bool
sg_pass_needs_resolver (SgPass *pass)
{
    bool needed = sg_resolver_find_links (pass->snapshot, pass->wanted, pass->memory);

    pass->resolver_known = !needed;
    return needed;
}

/* Where it does not run it keeps what it has for when it does. */
void
sg_pass_resolver_asked (SgPass *pass)
{
    pass->resolver_known = pass->snapshot->resolver_answers;
    if (!pass->resolver_known)
        sg_resolver_warn_absent (pass->wanted, pass->snapshot);
}

static void
hold_back (SgPass *pass, SgHealing *healing)
{
    g_autoptr (GPtrArray) news = g_ptr_array_new_with_free_func (g_free);

    healing->refreshes = sg_snapshot_waits_for_refresh (pass->snapshot);
    sg_limiter_apply (healing->limiter, pass->plan, pass->snapshot, &healing->moment, news);
    for (guint i = 0; i < news->len; i++)
        warn (pass, g_ptr_array_index (news, i));
}

void
sg_pass_plan (SgPass *pass, SgHealing *healing)
{
    g_clear_pointer (&pass->plan, sg_plan_free);
    pass->plan = sg_plan_new (pass->snapshot, pass->wanted);
    if (pass->resolver_known)
        sg_resolver_plan (pass->plan, pass->snapshot, pass->wanted, pass->memory);
    if (healing)
        hold_back (pass, healing);
}

/* ---- keeping ---- */

static bool
contains (const GPtrArray *warnings, const char *warning)
{
    return g_ptr_array_find_with_equal_func ((GPtrArray *) warnings, warning, g_str_equal, NULL);
}

/* Whether the memory changed. */
static bool
say_warnings (SgPass *pass, bool everything)
{
    const GPtrArray *warnings = pass->wanted->warnings;
    GPtrArray *warned = pass->memory->warned;
    bool changed = warnings->len != warned->len;

    for (guint i = 0; i < warnings->len; i++) {
        const char *warning = g_ptr_array_index (warnings, i);
        bool known = contains (warned, warning);

        if (everything || !known)
            warn (pass, warning);
        changed = changed || !known;
    }
    if (changed) {
        g_ptr_array_set_size (warned, 0);
        for (guint i = 0; i < warnings->len; i++)
            g_ptr_array_add (warned, g_strdup (g_ptr_array_index (warnings, i)));
    }
    return changed;
}

bool
sg_pass_keep (SgPass *pass, bool everything, GError **error)
{
    bool changed = pass->memory_damaged;

    changed =
        sg_gateways_remember (pass->wanted->gateways, pass->snapshot, pass->memory) || changed;
    changed = sg_wanted_remember_ipv4 (pass->wanted, pass->config, pass->snapshot, pass->memory) ||
              changed;
    if (pass->resolver_known)
        changed = sg_resolver_remember (pass->snapshot, pass->wanted, pass->memory) || changed;
    changed = say_warnings (pass, everything) || changed;
    if (!changed || only_looks (pass))
        return true;
    if (!sg_files_save_memory (pass->memory, error))
        return false;
    pass->memory_damaged = false;
    return true;
}

/* ---- applying ---- */

bool
sg_pass_apply (SgPass *pass, GPtrArray *failures)
{
    return only_looks (pass) || sg_apply (pass->kernel, pass->snapshot, pass->plan, failures);
}

bool
sg_pass_may_retry (const SgPass *pass, const GPtrArray *failures)
{
    if (pass->tries >= SG_PASS_TRIES_MAX)
        return false;
    for (guint i = 0; i < failures->len; i++) {
        if (g_error_matches (g_ptr_array_index (failures, i), SG_ERROR, SG_ERROR_BUSY))
            return true;
    }
    return false;
}
