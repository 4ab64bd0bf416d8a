/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tunnel/unmanaged.h"

#include "core/tunnel-prefix.h"
#include "core/unmanaged.h"
#include "kernel/kernel.h"
#include "nm/networkd.h"
#include "nm/nm-connection.h"
#include "nm/nm-devices.h"
#include "pass/unmanaged-files.h"

/* Links, addresses and routes of both families. */
static SgSnapshot *
look (const SgConfig *config, GError **error)
{
    g_autoptr (SgKernel) kernel = sg_kernel_linux_open (error);
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    SgConfig both = *config;

    both.families[SG_IPV6] = both.families[SG_IPV4] = true;
    if (!kernel || !kernel->ops->dump (kernel, &both, snapshot, error))
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

/* What is declared, and what is new of it, as sentences: both of char *. */
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

/* @wans: the links that carry a default route, of uint32_t. */
static void
collect (const SgSnapshot *snapshot, const GArray *wans, const SgNmBus *bus,
         const Declared *declared)
{
    g_autofree char *ifstate = sg_unmanaged_files_ifstate ();

    for (guint i = 0; i < wans->len; i++) {
        const SgLink *link = sg_snapshot_link (snapshot, g_array_index (wans, uint32_t, i));
        const char *manager = link ? find_manager (bus, ifstate, link) : NULL;

        if (manager)
            declare (snapshot, link, manager, declared);
    }
}

/* Where NetworkManager cannot be asked, nothing is known of what it is to have. */
static void
ask_and_collect (SgSnapshot *snapshot, const GArray *wans, uint32_t timeout_ms,
                 const Declared *declared)
{
    g_autofree char *absent = NULL, *silent = NULL;
    SgNmBus bus;

    sg_nm_read_devices (snapshot, timeout_ms, &absent);
    if (absent || !sg_nm_bus_open (&bus, timeout_ms, &silent))
        return;
    if (sg_nm_profile_saved_names (&bus, declared->saved, NULL))
        collect (snapshot, wans, &bus, declared);
    sg_nm_bus_close (&bus);
}

/* As sg_tunnel_declare_unmanaged(), with what is declared already. */
static bool
declare_more (const SgConfig *config, uint32_t timeout_ms, const Declared *declared, GError **error)
{
    g_autoptr (SgSnapshot) snapshot = look (config, error);
    g_autoptr (GArray) wans = NULL;

    if (!snapshot)
        return false;
    wans = sg_tunnel_wan_links (snapshot, config->tunnel_interface, AF_UNSPEC);
    /* At a boot there is none yet, and nobody to ask. */
    if (wans->len)
        ask_and_collect (snapshot, wans, timeout_ms, declared);
    return declared->news->len == 0 || sg_unmanaged_files_save (declared->names, error);
}

void
sg_tunnel_declare_unmanaged (const SgConfig *config, uint32_t timeout_ms, GPtrArray *warnings)
{
    g_autoptr (GPtrArray) news = g_ptr_array_new_with_free_func (g_free);
    g_autoptr (GPtrArray) names = NULL;
    g_autoptr (GHashTable) saved = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (GError) error = NULL;

    if (!sg_unmanaged_files_matter () || !(names = sg_unmanaged_files_load ()))
        return;
    if (declare_more (config, timeout_ms, &(Declared) {names, news, saved}, &error))
        g_ptr_array_extend_and_steal (warnings, g_steal_pointer (&news));
    else
        g_ptr_array_add (
            warnings, g_strdup_printf ("another manager may configure links of this machine, and "
                                       "NetworkManager is not told to leave them alone: %s; it may "
                                       "take them at its next start (%s tells it)",
                                       error->message, SG_UNMANAGED_FILE));
}
