/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/unmanaged.h"

#include "core/unmanaged.h"
#include "kernel/kernel.h"
#include "nm/networkd.h"
#include "nm/nm-connection.h"
#include "nm/nm-devices.h"
#include "pass/unmanaged-files.h"

/* Links, addresses and routes of both families. */
static SgSnapshot *
look (const SgConfig *config)
{
    g_autoptr (SgKernel) kernel = sg_kernel_linux_open (NULL);
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    SgConfig both = *config;

    both.families[SG_IPV6] = both.families[SG_IPV4] = true;
    if (!kernel || !kernel->ops->dump (kernel, &both, snapshot, NULL))
        return NULL;
    return g_steal_pointer (&snapshot);
}

/* Who configures @link, as people call it; NULL: nobody that is known. */
static const char *
find_manager (const SgNmBus *bus, const char *ifstate, const SgLink *link)
{
    g_autofree char *state = sg_networkd_state (bus, link->ifindex);

    if (state && sg_unmanaged_has_networkd (state))
        return "systemd-networkd";
    return ifstate && sg_unmanaged_has_ifupdown (ifstate, link->name) ? "ifupdown" : NULL;
}

static bool
contains (const GPtrArray *names, const char *name)
{
    return g_ptr_array_find_with_equal_func ((GPtrArray *) names, name, g_str_equal, NULL);
}

/* What is declared, and what is to be said of it: both of char *. */
typedef struct {
    GPtrArray *names, *news;
    GHashTable *saved; /* interface names of saved profiles */
} Declared;

/* @link and its parts are @manager's. */
static void
declare (const SgSnapshot *snapshot, const SgLink *link, const char *manager,
         const Declared *declared)
{
    g_autoptr (GArray) links = sg_unmanaged_with_parts (snapshot, link);

    if (!sg_unmanaged_is_left_alone (snapshot, declared->saved, link->name))
        return;
    for (guint i = 0; i < links->len; i++) {
        const char *name = g_array_index (links, SgLink, i).name;

        if (contains (declared->names, name) || !sg_unmanaged_can_be_named (name) ||
            !sg_unmanaged_is_left_alone (snapshot, declared->saved, name))
            continue;
        g_ptr_array_add (declared->names, g_strdup (name));
        g_ptr_array_add (
            declared->news,
            g_strdup_printf ("%s%s%s is %s's: NetworkManager is told to leave it alone (%s)", name,
                             i ? ", a part of " : "", i ? link->name : "", manager,
                             SG_UNMANAGED_FILE));
    }
}

static void
collect (const SgSnapshot *snapshot, const SgConfig *config, const SgNmBus *bus,
         const Declared *declared)
{
    g_autoptr (GArray) links = sg_unmanaged_candidates (snapshot, config->tunnel_interface);
    g_autofree char *ifstate = sg_unmanaged_files_ifstate ();

    for (guint i = 0; i < links->len; i++) {
        const SgLink *link = &g_array_index (links, SgLink, i);
        const char *manager = find_manager (bus, ifstate, link);

        if (manager)
            declare (snapshot, link, manager, declared);
    }
}

static void
append_all (GPtrArray *warnings, const GPtrArray *news)
{
    for (guint i = 0; i < news->len; i++)
        g_ptr_array_add (warnings, g_strdup (g_ptr_array_index (news, i)));
}

static void
keep (const GPtrArray *names, const GPtrArray *news, GPtrArray *warnings)
{
    g_autoptr (GError) error = NULL;

    if (sg_unmanaged_files_save (names, &error))
        append_all (warnings, news);
    else
        g_ptr_array_add (
            warnings, g_strdup_printf ("another manager configures links of this machine, and "
                                       "NetworkManager cannot be told to leave them alone: %s; it "
                                       "may take them at its next start",
                                       error->message));
}

/* Where NetworkManager cannot be asked, nothing is known of what it is to have. */
static void
ask_and_collect (SgSnapshot *snapshot, const SgConfig *config, uint32_t timeout_ms,
                 const Declared *declared)
{
    g_autofree char *absent = NULL, *silent = NULL;
    SgNmBus bus;

    sg_nm_read_devices (snapshot, timeout_ms, &absent);
    if (absent || !sg_nm_bus_open (&bus, timeout_ms, &silent))
        return;
    if (sg_nm_profile_saved_names (&bus, declared->saved, NULL))
        collect (snapshot, config, &bus, declared);
    sg_nm_bus_close (&bus);
}

void
sg_tunnel_declare_unmanaged (const SgConfig *config, uint32_t timeout_ms, GPtrArray *warnings)
{
    g_autoptr (GPtrArray) news = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) names = NULL;
    g_autoptr (GHashTable) saved = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (SgSnapshot) snapshot = NULL;

    if (!sg_unmanaged_files_matter () || !(names = sg_unmanaged_files_load ()) ||
        !(snapshot = look (config)))
        return;
    ask_and_collect (snapshot, config, timeout_ms, &(Declared) {names, news, saved});
    if (news->len)
        keep (names, news, warnings);
}
