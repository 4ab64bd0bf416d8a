/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-parse.h"

#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "nm/nm-kinds.h"

/* NMDeviceState (NetworkManager's D-Bus API, "Types and Constants"): from IP_CONFIG on a device
 * has addresses. At pre-up it is in IP_CHECK, at pre-down in DEACTIVATING: both count. */
#define DEVICE_STATE_IP_CONFIG 70
#define DEVICE_STATE_DEACTIVATING 110

/* NMActivationStateFlags: the profile was made up for what somebody else configured. */
#define ACTIVATION_STATE_FLAG_EXTERNAL 0x80u

/* What is read of the objects. Strings point into the message; never NULL. */
typedef struct {
    const char *interface;
    const char *ip_interface;
    const char *active_connection;
    const char *ip6_config;
    const char *ip4_config;
    uint32_t type;
    uint32_t state;
    int managed;
} RawDevice;

typedef struct {
    const char *uuid;
    const char *profile;
    uint32_t flags;
} RawActive;

typedef struct {
    const char *gateway;
} RawIpConfig;

typedef struct {
    int startup;
} RawManager;

typedef struct {
    GArray *devices;        /* of RawDevice */
    GHashTable *actives;    /* path (borrowed) → RawActive (owned) */
    GHashTable *ip_configs; /* path (borrowed) → RawIpConfig (owned) */
    RawManager manager;
} Objects;

/* A property: its name, its D-Bus type, where it goes in the struct of its interface. sd-bus
 * wants a const char * for s and o, a uint32_t for u, an int for b. */
typedef struct {
    const char *name;
    const char *type;
    size_t offset;
} Property;

static const Property device_properties[] = {
    {"Interface", "s", offsetof (RawDevice, interface)},
    {"IpInterface", "s", offsetof (RawDevice, ip_interface)},
    {"ActiveConnection", "o", offsetof (RawDevice, active_connection)},
    {"Ip6Config", "o", offsetof (RawDevice, ip6_config)},
    {"Ip4Config", "o", offsetof (RawDevice, ip4_config)},
    {"DeviceType", "u", offsetof (RawDevice, type)},
    {"State", "u", offsetof (RawDevice, state)},
    {"Managed", "b", offsetof (RawDevice, managed)},
};

static const Property active_properties[] = {
    {"Uuid", "s", offsetof (RawActive, uuid)},
    {"Connection", "o", offsetof (RawActive, profile)},
    {"StateFlags", "u", offsetof (RawActive, flags)},
};

static const Property ip_config_properties[] = {
    {"Gateway", "s", offsetof (RawIpConfig, gateway)},
};

static const Property manager_properties[] = {
    {"Startup", "b", offsetof (RawManager, startup)},
};

static int
read_property (sd_bus_message *m, const Property *properties, size_t n, void *raw)
{
    const char *name;
    int r = sd_bus_message_read_basic (m, 's', &name);

    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (strcmp (properties[i].name, name) == 0)
            return sd_bus_message_read (m, "v", properties[i].type,
                                        (char *) raw + properties[i].offset);
    return sd_bus_message_skip (m, "v");
}

/* Reads the properties (a{sv}) of one interface of one object into the struct @raw. */
static int
read_properties (sd_bus_message *m, const Property *properties, size_t n, void *raw)
{
    int r = sd_bus_message_enter_container (m, 'a', "{sv}");

    while (r >= 0 && (r = sd_bus_message_enter_container (m, 'e', "sv")) > 0) {
        r = read_property (m, properties, n, raw);
        if (r >= 0)
            r = sd_bus_message_exit_container (m);
    }
    return r < 0 ? r : sd_bus_message_exit_container (m);
}

static int
read_device (sd_bus_message *m, const char *path, Objects *objects)
{
    RawDevice device = {.interface = "",
                        .ip_interface = "",
                        .active_connection = "/",
                        .ip6_config = "/",
                        .ip4_config = "/"};
    int r = read_properties (m, device_properties, G_N_ELEMENTS (device_properties), &device);

    g_array_append_val (objects->devices, device);
    return r;
}

static int
read_active (sd_bus_message *m, const char *path, Objects *objects)
{
    RawActive *active = g_new0 (RawActive, 1);

    active->uuid = "";
    active->profile = "/";
    g_hash_table_replace (objects->actives, (char *) path, active);
    return read_properties (m, active_properties, G_N_ELEMENTS (active_properties), active);
}

static int
read_ip_config (sd_bus_message *m, const char *path, Objects *objects)
{
    RawIpConfig *config = g_new0 (RawIpConfig, 1);

    config->gateway = "";
    g_hash_table_replace (objects->ip_configs, (char *) path, config);
    return read_properties (m, ip_config_properties, G_N_ELEMENTS (ip_config_properties), config);
}

static int
read_manager (sd_bus_message *m, const char *path, Objects *objects)
{
    return read_properties (m, manager_properties, G_N_ELEMENTS (manager_properties),
                            &objects->manager);
}

/* The interfaces that matter; each reader takes the a{sv}. */
static const struct {
    const char *name;
    int (*read) (sd_bus_message *m, const char *path, Objects *objects);
} interfaces[] = {
    {"org.freedesktop.NetworkManager.Device", read_device},
    {"org.freedesktop.NetworkManager.Connection.Active", read_active},
    {"org.freedesktop.NetworkManager.IP6Config", read_ip_config},
    {"org.freedesktop.NetworkManager.IP4Config", read_ip_config},
    {"org.freedesktop.NetworkManager", read_manager},
};

static int
read_interface (sd_bus_message *m, const char *path, Objects *objects)
{
    const char *name;
    int r = sd_bus_message_read_basic (m, 's', &name);

    if (r < 0)
        return r;
    for (size_t i = 0; i < G_N_ELEMENTS (interfaces); i++)
        if (strcmp (interfaces[i].name, name) == 0)
            return interfaces[i].read (m, path, objects);
    return sd_bus_message_skip (m, "a{sv}");
}

static int
read_object (sd_bus_message *m, Objects *objects)
{
    const char *path;
    int r = sd_bus_message_read_basic (m, 'o', &path);

    if (r >= 0)
        r = sd_bus_message_enter_container (m, 'a', "{sa{sv}}");
    while (r >= 0 && (r = sd_bus_message_enter_container (m, 'e', "sa{sv}")) > 0) {
        r = read_interface (m, path, objects);
        if (r >= 0)
            r = sd_bus_message_exit_container (m);
    }
    return r < 0 ? r : sd_bus_message_exit_container (m);
}

static int
read_objects (sd_bus_message *m, Objects *objects)
{
    int r = sd_bus_message_enter_container (m, 'a', "{oa{sa{sv}}}");

    while (r >= 0 && (r = sd_bus_message_enter_container (m, 'e', "oa{sa{sv}}")) > 0) {
        r = read_object (m, objects);
        if (r >= 0)
            r = sd_bus_message_exit_container (m);
    }
    return r < 0 ? r : sd_bus_message_exit_container (m);
}

/* The gateway of an IP configuration; none when it has no gateway of @family. */
static SgIp
gateway_of (const Objects *objects, const char *path, uint8_t family)
{
    const RawIpConfig *config = g_hash_table_lookup (objects->ip_configs, path);
    static const uint8_t zero[16];
    const SgIp none = {0};
    SgIp ip;

    if (!config || !sg_ip_parse (config->gateway, &ip) || ip.family != family ||
        memcmp (ip.bytes, zero, sizeof zero) == 0)
        return none;
    return ip;
}

/* False when @raw is no interface of the kernel. */
static bool
device_from_raw (const Objects *objects, const RawDevice *raw, SgDevice *ret_device)
{
    const char *name = raw->ip_interface[0] ? raw->ip_interface : raw->interface;
    const RawActive *active = g_hash_table_lookup (objects->actives, raw->active_connection);
    const SgNmKind *kind = sg_nm_kind (raw->type);
    SgDevice device = {0};

    /* The name of a Bluetooth device is its address, that of an unplugged modem its tty. */
    if (!kind->is_link || !sg_ifname_is_valid (name))
        return false;
    g_strlcpy (device.name, name, sizeof device.name);
    g_strlcpy (device.kind, kind->name, sizeof device.kind);
    device.can_be_gateway = kind->can_be_gateway;
    device.managed = raw->managed;
    device.active = raw->state >= DEVICE_STATE_IP_CONFIG && raw->state <= DEVICE_STATE_DEACTIVATING;
    device.external = active && (active->flags & ACTIVATION_STATE_FLAG_EXTERNAL);
    if (active && strlen (active->uuid) < sizeof device.uuid)
        g_strlcpy (device.uuid, active->uuid, sizeof device.uuid);
    if (active && strlen (active->profile) < sizeof device.profile && active->profile[1])
        g_strlcpy (device.profile, active->profile, sizeof device.profile);
    device.gateway[SG_IPV6] = gateway_of (objects, raw->ip6_config, AF_INET6);
    device.gateway[SG_IPV4] = gateway_of (objects, raw->ip4_config, AF_INET);
    *ret_device = device;
    return true;
}

static int
compare_devices (gconstpointer a, gconstpointer b)
{
    return strcmp (((const SgDevice *) a)->name, ((const SgDevice *) b)->name);
}

bool
sg_nm_parse_objects (sd_bus_message *reply, GArray *devices, SgNmState *ret_state, GError **error)
{
    g_autoptr (GArray) raw_devices = g_array_new (FALSE, FALSE, sizeof (RawDevice));
    g_autoptr (GHashTable) actives = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    g_autoptr (GHashTable) configs = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
    Objects objects = {.devices = raw_devices,
                       .actives = actives,
                       .ip_configs = configs,
                       .manager = {.startup = true}};
    int r = read_objects (reply, &objects);

    if (r < 0) {
        sg_error_set_errno (error, SG_ERROR_FAILED, -r,
                            "cannot understand NetworkManager's answer");
        return false;
    }
    for (unsigned i = 0; i < raw_devices->len; i++) {
        SgDevice device;

        if (device_from_raw (&objects, &g_array_index (raw_devices, RawDevice, i), &device))
            g_array_append_val (devices, device);
    }
    /* The objects come in any order; what is remembered of them must not depend on it. */
    g_array_sort (devices, compare_devices);
    *ret_state = objects.manager.startup ? SG_NM_STARTING : SG_NM_READY;
    return true;
}
