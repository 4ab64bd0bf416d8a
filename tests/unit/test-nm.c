/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dbus/nm: answers of NetworkManager built in memory. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/error.h"
#include "nm/nm-kinds.h"
#include "nm/nm-parse.h"
#include "nm/nm-profile-parse.h"

#define NM "org.freedesktop.NetworkManager"
#define PATH "/org/freedesktop/NetworkManager"

/* ---- building an answer ---- */

typedef struct {
    sd_bus *bus; /* one end of a socket pair: messages want a bus, nothing is ever sent */
    sd_bus_message *message;
    int peer;
} Answer;

static void
answer_begin (Answer *answer)
{
    int fds[2];

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    answer->peer = fds[1];
    g_assert_cmpint (sd_bus_new (&answer->bus), >=, 0);
    g_assert_cmpint (sd_bus_set_fd (answer->bus, fds[0], fds[0]), >=, 0);
    g_assert_cmpint (sd_bus_start (answer->bus), >=, 0);
    g_assert_cmpint (sd_bus_message_new (answer->bus, &answer->message, SD_BUS_MESSAGE_METHOD_CALL),
                     >=, 0);
}

static void
answer_seal (Answer *answer)
{
    g_assert_cmpint (sd_bus_message_seal (answer->message, /* cookie= */ 1, 0), >=, 0);
    g_assert_cmpint (sd_bus_message_rewind (answer->message, /* complete= */ true), >=, 0);
}

static void
answer_clear (Answer *answer)
{
    sd_bus_message_unref (answer->message);
    sd_bus_close_unref (answer->bus);
    close (answer->peer);
}

static void
open_object (Answer *answer, const char *path, const char *interface)
{
    sd_bus_message *m = answer->message;

    g_assert_cmpint (sd_bus_message_open_container (m, 'e', "oa{sa{sv}}"), >=, 0);
    g_assert_cmpint (sd_bus_message_append (m, "o", path), >=, 0);
    g_assert_cmpint (sd_bus_message_open_container (m, 'a', "{sa{sv}}"), >=, 0);
    /* one that is of no use, as every real object has, with something nested in it */
    g_assert_cmpint (sd_bus_message_append (m, "{sa{sv}}", NM ".Device.Statistics", 2, "RxBytes",
                                            "t", UINT64_C (5), "Nested", "a{sv}", 1, "x", "(ss)",
                                            "y", "z"),
                     >=, 0);
    g_assert_cmpint (sd_bus_message_open_container (m, 'e', "sa{sv}"), >=, 0);
    g_assert_cmpint (sd_bus_message_append (m, "s", interface), >=, 0);
    g_assert_cmpint (sd_bus_message_open_container (m, 'a', "{sv}"), >=, 0);
}

static void
close_object (Answer *answer)
{
    for (int i = 0; i < 4; i++)
        g_assert_cmpint (sd_bus_message_close_container (answer->message), >=, 0);
}

#define property(answer, name, type, value)                                                        \
    g_assert_cmpint (sd_bus_message_append ((answer)->message, "{sv}", name, type, value), >=, 0)

typedef struct {
    const char *interface, *ip_interface;
    uint32_t type, state;
    bool managed;
    int active; /* numbers of objects; 0: none */
    int ip6, ip4;
} DeviceRow;

static void
add_device (Answer *answer, int number, const DeviceRow *row)
{
    g_autofree char *path = g_strdup_printf (PATH "/Devices/%d", number);
    g_autofree char *active =
        row->active ? g_strdup_printf (PATH "/ActiveConnection/%d", row->active) : g_strdup ("/");
    g_autofree char *ip6 =
        row->ip6 ? g_strdup_printf (PATH "/IP6Config/%d", row->ip6) : g_strdup ("/");
    g_autofree char *ip4 =
        row->ip4 ? g_strdup_printf (PATH "/IP4Config/%d", row->ip4) : g_strdup ("/");

    open_object (answer, path, NM ".Device");
    property (answer, "Interface", "s", row->interface);
    property (answer, "IpInterface", "s", row->ip_interface);
    property (answer, "Autoconnect", "b", 1);
    property (answer, "ActiveConnection", "o", active);
    property (answer, "Ip6Config", "o", ip6);
    property (answer, "Ip4Config", "o", ip4);
    property (answer, "DeviceType", "u", row->type);
    property (answer, "State", "u", row->state);
    property (answer, "Managed", "b", row->managed);
    close_object (answer);
}

static void
add_active (Answer *answer, int number, const char *uuid, uint32_t flags)
{
    g_autofree char *path = g_strdup_printf (PATH "/ActiveConnection/%d", number);

    open_object (answer, path, NM ".Connection.Active");
    property (answer, "Id", "s", "a name");
    property (answer, "Uuid", "s", uuid);
    property (answer, "StateFlags", "u", flags);
    close_object (answer);
}

static void
add_ip_config (Answer *answer, int family, int number, const char *gateway)
{
    g_autofree char *path = g_strdup_printf (PATH "/IP%dConfig/%d", family, number);

    open_object (answer, path, family == 6 ? NM ".IP6Config" : NM ".IP4Config");
    property (answer, "Gateway", "s", gateway);
    close_object (answer);
}

static void
add_manager (Answer *answer, bool startup)
{
    open_object (answer, PATH, NM);
    property (answer, "Version", "s", "1.42.4");
    property (answer, "Startup", "b", startup);
    close_object (answer);
}

static void
open_answer (Answer *answer)
{
    answer_begin (answer);
    g_assert_cmpint (sd_bus_message_open_container (answer->message, 'a', "{oa{sa{sv}}}"), >=, 0);
}

/* Parses and frees the answer; the devices are the caller's. */
static GArray *
parse (Answer *answer, SgNmState *ret_state)
{
    GArray *devices = g_array_new (FALSE, FALSE, sizeof (SgDevice));
    g_autoptr (GError) error = NULL;

    g_assert_cmpint (sd_bus_message_close_container (answer->message), >=, 0);
    answer_seal (answer);
    g_assert_true (sg_nm_parse_objects (answer->message, devices, ret_state, &error));
    g_assert_no_error (error);
    answer_clear (answer);
    return devices;
}

/* ---- what is made of it ---- */

#define UUID "92d1729b-b47a-4fe4-ac01-f16fa5eeb06d"

static void
test_whole (void)
{
    static const DeviceRow wg = {"wg0", "wg0", 29, 100, true, 1, 1, 1};
    static const DeviceRow modem = {"cdc-wdm0", "wwan0", 8, 80, true, 2, 0, 2};
    static const DeviceRow lo = {"lo", "lo", 32, 100, true, 3, 0, 0};
    g_autoptr (GArray) devices = NULL;
    const SgDevice *device;
    SgNmState state;
    Answer answer;
    char text[SG_PREFIX_TEXT_MAX];

    open_answer (&answer);
    add_device (&answer, 1, &wg); /* before what it points at, as it comes */
    add_manager (&answer, /* startup= */ false);
    add_active (&answer, 1, UUID, 0x4d);
    add_active (&answer, 3, "lo's", 0x80);
    add_ip_config (&answer, 6, 1, "fe80::1");
    add_ip_config (&answer, 4, 1, "");
    add_ip_config (&answer, 4, 2, "10.0.0.1");
    add_device (&answer, 2, &modem); /* its active connection is not in the answer */
    add_device (&answer, 3, &lo);
    devices = parse (&answer, &state);

    g_assert_cmpint (state, ==, SG_NM_READY);
    g_assert_cmpuint (devices->len, ==, 3);
    device = &g_array_index (devices, SgDevice, 0); /* sorted by name */
    g_assert_cmpstr (device->name, ==, "lo");
    g_assert_true (device->external && !device->can_be_gateway);
    device = &g_array_index (devices, SgDevice, 1);
    g_assert_cmpstr (device->name, ==, "wg0");
    g_assert_cmpstr (device->kind, ==, "wireguard");
    g_assert_cmpstr (device->uuid, ==, UUID);
    g_assert_true (device->can_be_gateway && device->managed && device->active);
    g_assert_false (device->external);
    g_assert_cmpstr (sg_ip_format (&device->gateway[SG_IPV6], text), ==, "fe80::1");
    g_assert_cmpstr (sg_ip_format (&device->gateway[SG_IPV4], text), ==, "none");
    device = &g_array_index (devices, SgDevice, 2);
    g_assert_cmpstr (device->name, ==, "wwan0"); /* where the addresses are */
    g_assert_cmpstr (device->uuid, ==, "");
    g_assert_cmpstr (sg_ip_format (&device->gateway[SG_IPV4], text), ==, "10.0.0.1");
    g_assert_cmpstr (sg_ip_format (&device->gateway[SG_IPV6], text), ==, "none");
}

static void
test_startup (void)
{
    static const struct {
        bool manager, startup;
        SgNmState state;
    } rows[] = {
        {true, false, SG_NM_READY},
        {true, true, SG_NM_STARTING},
        {false, false, SG_NM_STARTING}, /* it does not say */
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GArray) devices = NULL;
        SgNmState state = SG_NM_ABSENT;
        Answer answer;

        open_answer (&answer);
        if (rows[i].manager)
            add_manager (&answer, rows[i].startup);
        devices = parse (&answer, &state);
        g_assert_cmpint (state, ==, rows[i].state);
        g_assert_cmpuint (devices->len, ==, 0);
    }
}

/* Device states: NetworkManager's D-Bus API, NMDeviceState. */
static void
test_active_states (void)
{
    static const struct {
        uint32_t state;
        bool active;
    } rows[] = {
        {0, false},  {10, false},  {20, false},  {30, false},  {40, false}, {50, false},
        {60, false}, {69, false},  {70, true},   {80, true},   {90, true},  {100, true},
        {110, true}, {111, false}, {120, false}, {~0u, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        const DeviceRow row = {"eth0", "", 1, rows[i].state, true, 0, 0, 0};
        g_autoptr (GArray) devices = NULL;
        SgNmState state;
        Answer answer;

        open_answer (&answer);
        add_device (&answer, 1, &row);
        devices = parse (&answer, &state);
        g_assert_cmpuint (devices->len, ==, 1);
        g_assert_cmpstr (g_array_index (devices, SgDevice, 0).name, ==, "eth0");
        g_assert_cmpint (g_array_index (devices, SgDevice, 0).active, ==, rows[i].active);
    }
}

/* Devices that are no interface of the kernel are left out. */
static void
test_no_link (void)
{
    static const DeviceRow rows[] = {
        {"AA:BB:CC:DD:EE:FF", "", 5, 30, true, 0, 0, 0}, /* Bluetooth: its address */
        {"ovs-br", "", 26, 100, true, 0, 0, 0},          {"ovs-port", "", 25, 100, true, 0, 0, 0},
        {"p2p-dev-wlan0", "", 30, 30, true, 0, 0, 0},    {"", "", 1, 100, true, 0, 0, 0},
        {"sixteen-bytes-12", "", 1, 100, true, 0, 0, 0}, {"eth0", "a/b", 1, 100, true, 0, 0, 0},
    };
    g_autoptr (GArray) devices = NULL;
    SgNmState state;
    Answer answer;

    open_answer (&answer);
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
        add_device (&answer, i, &rows[i]);
    devices = parse (&answer, &state);
    g_assert_cmpuint (devices->len, ==, 0);
}

static void
test_gateways (void)
{
    static const struct {
        const char *gateway6, *expected;
    } rows[] = {
        {"fe80::1", "fe80::1"}, {"2001:db8::1", "2001:db8::1"}, {"::", "none"},
        {"", "none"},           {"10.0.0.1", "none"},           {"nonsense", "none"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        static const DeviceRow row = {"eth0", "", 1, 100, true, 0, 7, 0};
        g_autoptr (GArray) devices = NULL;
        SgNmState state;
        Answer answer;
        char text[SG_PREFIX_TEXT_MAX];

        open_answer (&answer);
        add_device (&answer, 1, &row);
        add_ip_config (&answer, 6, 7, rows[i].gateway6);
        devices = parse (&answer, &state);
        g_assert_cmpstr (
            sg_ip_format (&g_array_index (devices, SgDevice, 0).gateway[SG_IPV6], text), ==,
            rows[i].expected);
    }
}

static void
test_kinds (void)
{
    static const char *const gateways[] = {
        "ethernet", "wifi", "bluetooth", "olpc-mesh", "wimax",     "modem",   "infiniband", "bond",
        "vlan",     "adsl", "team",      "tun",       "ip-tunnel", "macvlan", "vxlan",      "veth",
        "macsec",   "ppp",  "wireguard", "ipvlan",    "geneve",    "unknown",
    };
    static const char *const others[] = {
        "bridge", "generic", "dummy",    "ovs-interface", "ovs-port", "ovs-bridge",
        "wpan",   "6lowpan", "wifi-p2p", "vrf",           "loopback", "hsr",
    };
    g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

    for (uint32_t type = 0; type < 100; type++) {
        const SgNmKind *kind = sg_nm_kind (type);

        g_assert_cmpuint (strlen (kind->name), <, sizeof ((SgDevice *) NULL)->kind);
        g_hash_table_insert (seen, (char *) kind->name, (void *) kind);
    }
    for (size_t i = 0; i < G_N_ELEMENTS (gateways); i++)
        g_assert_true (((SgNmKind *) g_hash_table_lookup (seen, gateways[i]))->can_be_gateway);
    for (size_t i = 0; i < G_N_ELEMENTS (others); i++)
        g_assert_false (((SgNmKind *) g_hash_table_lookup (seen, others[i]))->can_be_gateway);
    g_assert_cmpuint (g_hash_table_size (seen), ==,
                      G_N_ELEMENTS (gateways) + G_N_ELEMENTS (others));
    g_assert_cmpstr (sg_nm_kind (29)->name, ==, "wireguard");
    g_assert_cmpstr (sg_nm_kind (UINT32_MAX)->name, ==, "unknown");
}

static void
expect_refused (Answer *answer)
{
    g_autoptr (GArray) devices = g_array_new (FALSE, FALSE, sizeof (SgDevice));
    g_autoptr (GError) error = NULL;
    SgNmState state = SG_NM_ABSENT;

    answer_seal (answer);
    g_assert_false (sg_nm_parse_objects (answer->message, devices, &state, &error));
    g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
    g_assert_cmpint (state, ==, SG_NM_ABSENT);
    answer_clear (answer);
}

static void
test_malformed (void)
{
    Answer answer;

    answer_begin (&answer); /* empty */
    expect_refused (&answer);

    answer_begin (&answer); /* something else */
    g_assert_cmpint (sd_bus_message_append (answer.message, "s", "hello"), >=, 0);
    expect_refused (&answer);

    answer_begin (&answer); /* the signature of a similar call */
    g_assert_cmpint (sd_bus_message_append (answer.message, "a{sv}", 1, "x", "s", "y"), >=, 0);
    expect_refused (&answer);

    open_answer (&answer); /* a property of another type */
    open_object (&answer, PATH "/Devices/1", NM ".Device");
    property (&answer, "DeviceType", "s", "ethernet");
    close_object (&answer);
    g_assert_cmpint (sd_bus_message_close_container (answer.message), >=, 0);
    expect_refused (&answer);
}

/* ---- profiles ---- */

#define PEER "ZQo9NuPBgGjbLHLVO9yDcmr2Y/ZM9YBKyOYpPwfkZxc="
#define OTHER "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
#define PRESHARED "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE="

static void
open_setting (Answer *answer, const char *name)
{
    sd_bus_message *m = answer->message;

    g_assert_cmpint (sd_bus_message_open_container (m, 'e', "sa{sv}"), >=, 0);
    g_assert_cmpint (sd_bus_message_append (m, "s", name), >=, 0);
    g_assert_cmpint (sd_bus_message_open_container (m, 'a', "{sv}"), >=, 0);
    g_assert_cmpint (sd_bus_message_append (m, "{sv}", "unknown", "a{ss}", 1, "a", "b"), >=, 0);
}

static void
close_containers (Answer *answer, int n)
{
    for (int i = 0; i < n; i++)
        g_assert_cmpint (sd_bus_message_close_container (answer->message), >=, 0);
}

static void
open_list (Answer *answer, const char *name)
{
    sd_bus_message *m = answer->message;

    g_assert_cmpint (sd_bus_message_open_container (m, 'e', "sv"), >=, 0);
    g_assert_cmpint (sd_bus_message_append (m, "s", name), >=, 0);
    g_assert_cmpint (sd_bus_message_open_container (m, 'v', "aa{sv}"), >=, 0);
    g_assert_cmpint (sd_bus_message_open_container (m, 'a', "a{sv}"), >=, 0);
}

#define append(answer, ...)                                                                        \
    g_assert_cmpint (sd_bus_message_append ((answer)->message, "a{sv}", __VA_ARGS__), >=, 0)

static void
begin_profile (Answer *answer)
{
    answer_begin (answer);
    g_assert_cmpint (sd_bus_message_open_container (answer->message, 'a', "{sa{sv}}"), >=, 0);
    open_setting (answer, "connection"); /* one that is of no use */
    close_containers (answer, 2);
    open_setting (answer, "user");
    g_assert_cmpint (sd_bus_message_append (answer->message, "{sv}", "data", "a{ss}", 3,
                                            "sixgate.dns", "10.0.0.1, fd00::1", "sixgate.type",
                                            "inbound-outbound", "sixgate.dns-search", "corp"),
                     >=, 0);
    close_containers (answer, 2);
    open_setting (answer, "wireguard");
}

static void
end_profile (Answer *answer)
{
    close_containers (answer, 1);
    answer_seal (answer);
}

/* What GetSettings says: flags 0 where there is a key, others or none where there is none. */
static void
test_profile (void)
{
    g_autoptr (SgWireguardProfile) profile = sg_wireguard_profile_new ("wg0");
    g_autoptr (GError) error = NULL;
    SgWgKey key;
    Answer answer;

    begin_profile (&answer);
    property (&answer, "fwmark", "u", 51820);
    open_list (&answer, "peers");
    append (&answer, 3, "public-key", "s", PEER, "endpoint", "s", "a:1", "preshared-key-flags", "u",
            0);
    append (&answer, 1, "public-key", "s", OTHER);
    append (&answer, 2, "preshared-key-flags", "u", 4, "public-key", "s", OTHER);
    append (&answer, 2, "preshared-key-flags", "u", 1, "public-key", "s", OTHER);
    close_containers (&answer, 3 + 2);
    for (int i = 0; i < 2; i++) {
        open_setting (&answer, i ? "ipv6" : "ipv4");
        open_list (&answer, "address-data");
        append (&answer, 2, "address", "s", i ? "2001:db8::2" : "10.0.0.2", "prefix", "u",
                i ? 128 : 24);
        close_containers (&answer, 3 + 2);
    }
    end_profile (&answer);
    g_assert_true (sg_nm_parse_profile (answer.message, profile, &error));
    g_assert_no_error (error);
    answer_clear (&answer);

    g_assert_cmpuint (profile->fwmark, ==, 51820);
    g_assert_cmpint (profile->type, ==, SG_WG_TYPE_INBOUND_OUTBOUND);
    g_assert_cmpstr (profile->dns, ==, "10.0.0.1, fd00::1");
    g_assert_cmpstr (profile->dns_search, ==, "corp");
    g_assert_cmpuint (profile->preshared->len, ==, 1);
    sg_wg_key_encode (&g_array_index (profile->preshared, SgWgRawKey, 0), &key);
    g_assert_cmpstr (key.text, ==, PEER);
    g_assert_cmpuint (profile->addresses->len, ==, 2);
    g_assert_cmpuint (g_array_index (profile->addresses, SgWgAddress, 0).ip.family, ==, AF_INET);
    g_assert_cmpuint (g_array_index (profile->addresses, SgWgAddress, 0).len, ==, 24);
    g_assert_cmpuint (g_array_index (profile->addresses, SgWgAddress, 1).len, ==, 128);
}

static void
test_secrets (void)
{
    g_autoptr (SgKeyring) keyring = sg_keyring_new ();
    g_autoptr (GError) error = NULL;
    SgWgRawKey peer, other;
    SgWgKey key;
    Answer answer;

    begin_profile (&answer);
    property (&answer, "private-key", "s", OTHER);
    open_list (&answer, "peers");
    append (&answer, 2, "preshared-key", "s", PRESHARED, "public-key", "s", PEER);
    append (&answer, 1, "public-key", "s", OTHER);
    close_containers (&answer, 3 + 2);
    end_profile (&answer);
    g_assert_true (sg_nm_parse_secrets (answer.message, /* ifindex= */ 5, keyring, &error));
    g_assert_no_error (error);
    answer_clear (&answer);

    g_assert_true (sg_wg_key_decode (PEER, &peer) && sg_wg_key_decode (OTHER, &other));
    g_assert_null (sg_keyring_find (keyring, 6, &peer));
    g_assert_null (sg_keyring_find (keyring, 5, &other));
    g_assert_nonnull (sg_keyring_find (keyring, 5, &peer));
    sg_wg_key_encode (sg_keyring_find (keyring, 5, &peer), &key);
    g_assert_cmpstr (key.text, ==, PRESHARED);
}

/* Each is refused, and the error holds nothing of a key. */
static void
test_profile_malformed (void)
{
    for (int i = 0; i < 5; i++) {
        g_autoptr (SgWireguardProfile) profile = sg_wireguard_profile_new ("wg0");
        g_autoptr (SgKeyring) keyring = sg_keyring_new ();
        g_autoptr (GError) error = NULL;
        Answer answer;
        bool ok;

        begin_profile (&answer);
        if (i == 0)
            property (&answer, "peers", "s", PRESHARED);
        else
            open_list (&answer, "peers");
        if (i == 1)
            append (&answer, 2, "public-key", "s", "short", "preshared-key", "s", PRESHARED);
        else if (i == 2)
            append (&answer, 1, "preshared-key", "s", PRESHARED); /* whose? */
        else if (i == 3)
            append (&answer, 2, "public-key", "s", PEER, "preshared-key", "s", PRESHARED "=");
        else if (i == 4)
            append (&answer, 2, "public-key", "s", PEER, "preshared-key", "u", 7);
        close_containers (&answer, (i == 0 ? 0 : 3) + 2);
        end_profile (&answer);
        ok = sg_nm_parse_secrets (answer.message, /* ifindex= */ 5, keyring, &error);
        g_assert_false (ok);
        g_assert_error (error, SG_ERROR, SG_ERROR_FAILED);
        g_assert_null (strstr (error->message, "FpCy"));
        if (i < 3) {
            g_assert_cmpint (sd_bus_message_rewind (answer.message, /* complete= */ true), >=, 0);
            g_assert_false (sg_nm_parse_profile (answer.message, profile, NULL));
        }
        answer_clear (&answer);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/nm/parse/whole", test_whole);
    g_test_add_func ("/nm/parse/startup", test_startup);
    g_test_add_func ("/nm/parse/active-states", test_active_states);
    g_test_add_func ("/nm/parse/no-link", test_no_link);
    g_test_add_func ("/nm/parse/gateways", test_gateways);
    g_test_add_func ("/nm/parse/malformed", test_malformed);
    g_test_add_func ("/nm/profile/settings", test_profile);
    g_test_add_func ("/nm/profile/secrets", test_secrets);
    g_test_add_func ("/nm/profile/malformed", test_profile_malformed);
    g_test_add_func ("/nm/kinds", test_kinds);
    return g_test_run ();
}
