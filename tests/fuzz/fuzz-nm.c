/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers of NetworkManager and systemd-resolved of any content, and of any type: the first byte says which, the rest is the
 * value. Each is taken, or refused in a sentence of our own that holds no key. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "core/resolver.h"
#include "nm/nm-parse.h"
#include "nm/nm-profile-parse.h"
#include "nm/nm-variant.h"
#include "nm/resolver.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define LINK 7u

/* What is documented, and what is like it. */
static const char *const types[] = {
    "a{oa{sa{sv}}}", "a{sa{sv}}", "a{sv}", "a{ss}", "a{oa{ss}}", "(a{sa{sv}}s)", "s", "ay",
};

/* ---- the message ---- */

/* Messages want a bus; nothing is ever sent. */
static sd_bus *
any_bus (void)
{
    static sd_bus *bus;
    int fds[2];

    if (bus)
        return bus;
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    g_assert_cmpint (sd_bus_new (&bus), >=, 0);
    g_assert_cmpint (sd_bus_set_fd (bus, fds[0], fds[0]), >=, 0);
    g_assert_cmpint (sd_bus_start (bus), >=, 0);
    return bus;
}

/* NULL: no message can hold @value. */
static sd_bus_message *
message_of (GVariant *value)
{
    sd_bus_message *message = NULL;

    g_assert_cmpint (sd_bus_message_new (any_bus (), &message, SD_BUS_MESSAGE_METHOD_CALL), >=, 0);
    if (sg_nm_append_variant (message, value) >= 0 &&
        sd_bus_message_seal (message, /* cookie= */ 1, /* timeout_usec= */ 0) >= 0)
        return message;
    sd_bus_message_unref (message);
    return NULL;
}

static void
rewind_to_start (sd_bus_message *message)
{
    g_assert_cmpint (sd_bus_message_rewind (message, /* complete= */ true), >=, 0);
}

/* ---- who reads it ---- */

static void
check (bool taken, const GError *error)
{
    g_assert_true (taken == (error == NULL));
    if (error) {
        g_assert_true (error->domain == SG_ERROR);
        g_assert_cmpstr (error->message, !=, "");
    }
}

static void
read_objects (sd_bus_message *message)
{
    g_autoptr (GArray) devices = g_array_new (FALSE, FALSE, sizeof (SgDevice));
    g_autoptr (GError) error = NULL;
    SgNmState state;
    bool taken;

    taken = sg_nm_parse_objects (message, devices, &state, &error);
    check (taken, error);
}

static void
read_profile (sd_bus_message *message)
{
    g_autoptr (SgWireguardProfile) profile = sg_wireguard_profile_new ("wg0");
    g_autoptr (GError) error = NULL;
    bool taken;

    taken = sg_nm_parse_profile (message, profile, &error);
    check (taken, error);
}

static void
read_summary (sd_bus_message *message)
{
    g_autoptr (SgNmSummary) summary = NULL;
    g_autoptr (GError) error = NULL;

    summary = sg_nm_parse_summary (message, &error);
    check (summary != NULL, error);
}

static void
read_secrets (sd_bus_message *message)
{
    g_autoptr (SgKeyring) keyring = sg_keyring_new ();
    g_autoptr (GError) error = NULL;
    bool taken;

    taken = sg_nm_parse_secrets (message, LINK, keyring, &error);
    check (taken, error);
}

/* Of what systemd-resolved may say, too, something is decided: nothing of ours is there, and a server is wanted. */
static void
decide_on (GVariant *has)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autoptr (SgConfig) config = sg_config_new_default ();
    g_autoptr (SgState) state = sg_state_new ();
    g_autoptr (SgMemory) memory = sg_memory_new ();
    g_autoptr (SgWanted) wanted = sg_wanted_new (config, state, memory, NULL, snapshot);
    g_autoptr (SgPlan) plan = sg_plan_new (snapshot, wanted);
    g_autofree char *text = NULL, *planned = NULL;
    SgResolverLink link = {LINK, has};
    SgIp server = {AF_INET6, {0xfd}};

    wanted->dns = g_new0 (SgWantedDns, 1);
    wanted->dns->ifindex = LINK;
    wanted->dns->servers = g_array_new (FALSE, FALSE, sizeof (SgIp));
    wanted->dns->domains = g_ptr_array_new ();
    g_array_append_val (wanted->dns->servers, server);
    g_array_append_val (snapshot->resolver, link);
    snapshot->resolver_answers = true;
    sg_resolver_plan (plan, snapshot, wanted, memory);
    sg_resolver_remember (snapshot, wanted, memory);
    planned = sg_plan_to_string (plan, snapshot);
    text = sg_snapshot_to_string (snapshot);
}

static void
read_resolver (sd_bus_message *message)
{
    GVariant *has = sg_resolver_parse_link (message);

    if (has)
        decide_on (has);
}

/* As it was written. */
static void
read_whole (sd_bus_message *message, GVariant *value)
{
    g_autoptr (GVariant) again = sg_nm_read_variant (message);

    g_assert_nonnull (again);
    g_assert_true (g_variant_equal (again, value));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const GVariantType *type;
    g_autofree uint8_t *copy = NULL;
    g_autoptr (GVariant) raw = NULL, value = NULL;
    sd_bus_message *message;

    if (size == 0)
        return 0;
    type = G_VARIANT_TYPE (types[data[0] % G_N_ELEMENTS (types)]);
    copy = g_memdup2 (data + 1, size - 1); /* aligned */
    raw = g_variant_ref_sink (
        g_variant_new_from_data (type, copy, size - 1, /* trusted= */ FALSE, NULL, NULL));
    value = g_variant_get_normal_form (raw);
    message = message_of (value);
    if (!message)
        return 0;
    rewind_to_start (message);
    read_objects (message);
    rewind_to_start (message);
    read_profile (message);
    rewind_to_start (message);
    read_summary (message);
    rewind_to_start (message);
    read_secrets (message);
    rewind_to_start (message);
    read_resolver (message);
    rewind_to_start (message);
    read_whole (message, value);
    sd_bus_message_unref (message);
    return 0;
}
