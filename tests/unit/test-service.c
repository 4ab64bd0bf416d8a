/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of the D-Bus service: what is shown of a snapshot, and the limits of a caller. */
#include <linux/rtnetlink.h>

#include "nm/nm-gather.h"
#include "nm/nm-profile-parse.h"
#include "service/caller.h"
#include "service/model.h"

static void
add_summary (GHashTable *catalog, const char *path, const char *interface, const char *uuid,
             const char *type)
{
    SgNmSummary *summary = g_new0 (SgNmSummary, 1);

    summary->interface = g_strdup (interface);
    summary->kind = g_strdup ("wireguard");
    summary->uuid = g_strdup (uuid);
    summary->type = g_strdup (type);
    g_hash_table_insert (catalog, g_strdup (path), summary);
}

static void
add_device (SgSnapshot *snapshot, uint32_t ifindex, const char *name, const char *kind,
            const char *uuid)
{
    SgLink link = {.ifindex = ifindex};
    SgDevice device = {.can_be_gateway = true, .managed = true, .active = true};

    g_strlcpy (link.name, name, sizeof link.name);
    g_strlcpy (device.name, name, sizeof device.name);
    g_strlcpy (device.kind, kind, sizeof device.kind);
    g_strlcpy (device.uuid, uuid, sizeof device.uuid);
    g_array_append_val (snapshot->links, link);
    g_array_append_val (snapshot->devices, device);
}

static void
add_address (SgSnapshot *snapshot, uint32_t ifindex, const char *ip)
{
    SgAddress address = {.ifindex = ifindex, .prefix_len = 64, .scope = RT_SCOPE_UNIVERSE};

    g_assert_true (sg_ip_parse (ip, &address.ip));
    g_array_append_val (snapshot->addresses, address);
}

static SgModel *
new_model (SgSnapshot *snapshot, const char *outbound, GHashTable *catalog)
{
    g_autoptr (SgConfig) config = sg_config_new_default ();
    g_autoptr (SgMemory) memory = sg_memory_new ();
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (SgWanted) wanted = NULL;

    g_strlcpy (state->outbound, outbound, sizeof state->outbound);
    wanted = sg_wanted_new (config, state, memory, /* tunnel= */ NULL, snapshot);
    return sg_model_new (state, snapshot, wanted, catalog);
}

static void
test_model (void)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autoptr (GHashTable) catalog = sg_nm_catalog_new ();
    g_autoptr (SgModel) model = NULL;
    const SgModelGateway *gateway;

    snapshot->nm = SG_NM_READY;
    add_device (snapshot, 3, "wg1", "wireguard", "b");
    add_device (snapshot, 7, "eth0", "ethernet", "a");
    add_address (snapshot, 7, "2001:db8::2");
    add_address (snapshot, 7, "fe80::2");
    add_summary (catalog, "/1", "wg1", "b", "inbound-outbound");
    add_summary (catalog, "/2", "wg0", "c", "");
    add_summary (catalog, "/3", "", "d", "");
    model = new_model (snapshot, "wg1", catalog);

    g_assert_cmpuint (model->gateways->len, ==, 3);
    gateway = g_ptr_array_index (model->gateways, 0);
    g_assert_cmpstr (gateway->name, ==, "eth0");
    g_assert_cmpuint (gateway->table, ==, 1007);
    g_assert_cmpstr (gateway->type, ==, "inbound-outbound");
    g_assert_cmpstr (gateway->reason, ==, "no-default-route");
    g_assert_false (gateway->capable);
    g_assert_cmpstr (g_ptr_array_index (gateway->addresses, 0), ==, "2001:db8::2/64");
    g_assert_null (g_ptr_array_index (gateway->addresses, 1));
    /* Down: known by its profile only, which does not say its type. */
    gateway = g_ptr_array_index (model->gateways, 1);
    g_assert_cmpstr (gateway->name, ==, "wg0");
    g_assert_false (gateway->active);
    g_assert_cmpuint (gateway->index, ==, 0);
    g_assert_cmpstr (gateway->reason, ==, "inactive");
    g_assert_cmpstr (gateway->type, ==, "outbound-only");
    gateway = sg_model_gateway (model, "wg1");
    g_assert_cmpstr (gateway->type, ==, "inbound-outbound");
    g_assert_true (gateway->selected);
    g_assert_null (sg_model_gateway (model, "wg7"));
    /* The selected one has no address: somebody should know. */
    g_assert_nonnull (g_ptr_array_index (model->warnings, 0));
}

/* An address that its profile has and somebody took away: what it can do is what it can do now. */
static void
test_model_address_taken_away (void)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autoptr (GHashTable) catalog = sg_nm_catalog_new ();
    SgWireguardProfile *profile = sg_wireguard_profile_new ("wg0");
    SgWireguard wireguard = {.ifindex = 3, .peer_default = {[SG_IPV6] = true}};
    SgWgAddress said = {.len = 128};
    const char *reasons[] = {"no-address", ""};

    snapshot->nm = SG_NM_READY;
    add_device (snapshot, 3, "wg0", "wireguard", "a");
    g_array_append_val (snapshot->wireguards, wireguard);
    g_assert_true (sg_ip_parse ("2001:db8:a::2", &said.ip));
    g_array_append_val (profile->addresses, said);
    g_ptr_array_add (snapshot->profiles, profile);
    for (guint i = 0; i < G_N_ELEMENTS (reasons); i++) {
        g_autoptr (SgModel) model = new_model (snapshot, "wg0", catalog);

        g_assert_cmpstr (sg_model_gateway (model, "wg0")->reason, ==, reasons[i]);
        add_address (snapshot, 3, "2001:db8:a::2");
    }
}

/* What is not known any more is not made up: the old one is shown with the reason. */
static void
test_model_failed (void)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autoptr (GHashTable) catalog = sg_nm_catalog_new ();
    g_autoptr (SgModel) empty = sg_model_new_failed (NULL, "broken");
    g_autoptr (SgModel) model = NULL;
    g_autoptr (SgModel) failed = NULL;

    add_summary (catalog, "/1", "wg0", "a", "");
    model = new_model (snapshot, "wg0", catalog);
    failed = sg_model_new_failed (model, "broken");
    g_assert_cmpuint (empty->gateways->len, ==, 0);
    g_assert_cmpstr (failed->outbound, ==, "wg0");
    g_assert_cmpstr (g_ptr_array_index (failed->warnings, 0), ==, "broken");
    g_assert_null (g_ptr_array_index (failed->warnings, 1));
    g_assert_nonnull (sg_model_gateway (failed, "wg0"));
}

static void
test_caller (void)
{
    g_autoptr (GHashTable) callers = sg_callers_new ();
    SgCaller *caller = sg_callers_get (callers, ":1.1");
    unsigned allowed = 0;

    g_assert_true (sg_callers_get (callers, ":1.1") == caller);
    g_assert_true (sg_callers_get (callers, ":1.2") != caller);
    g_assert_false (sg_callers_any_subscribed (callers));
    caller->subscribed = true;
    g_assert_true (sg_callers_any_subscribed (callers));

    for (unsigned i = 0; i < 2 * SG_READ_ALL_MAX; i++)
        allowed += sg_caller_may_read_all (caller, 5000);
    g_assert_cmpuint (allowed, ==, SG_READ_ALL_MAX);
    /* A second gives all of them back, never more. */
    allowed = 0;
    for (unsigned i = 0; i < 2 * SG_READ_ALL_MAX; i++)
        allowed += sg_caller_may_read_all (caller, 60000);
    g_assert_cmpuint (allowed, ==, SG_READ_ALL_MAX);
    g_assert_false (sg_caller_may_read_all (caller, 60010));
    g_assert_true (sg_caller_may_read_all (caller, 60021));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/service/model", test_model);
    g_test_add_func ("/service/model/address-taken-away", test_model_address_taken_away);
    g_test_add_func ("/service/model/failed", test_model_failed);
    g_test_add_func ("/service/caller", test_caller);
    return g_test_run ();
}
