/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-tunnel.h"

#include <string.h>

#include "base/error.h"
#include "core/tunnel-addresses.h"
#include "tunnel-path.h"

#define INTERFACE SG_BUS_SUBNET

/* ---- properties ---- */

static int
append_ip (sd_bus_message *reply, SgIp ip)
{
    char text[SG_PREFIX_TEXT_MAX];

    return sd_bus_message_append (reply, "s", ip.family ? sg_ip_format (&ip, text) : "");
}

static int
append_prefix (sd_bus_message *reply, const SgPrefix *prefix)
{
    char text[SG_PREFIX_TEXT_MAX];

    return sd_bus_message_append (reply, "s",
                                  prefix->ip.family ? sg_prefix_format (prefix, text) : "");
}

static int
get_property (sd_bus *bus, const char *path, const char *interface, const char *property,
              sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const SgService *service = data;
    const SgTunnelSubnet *subnet = sg_tunnel_path_subnet (service->model->tunnel, path);

    if (!subnet)
        return sd_bus_error_setf (ret_error, sg_error_dbus_name (SG_ERROR_NOT_FOUND),
                                  "the subnet is gone");
    if (strcmp (property, "Network") == 0)
        return append_prefix (reply, &subnet->network);
    if (strcmp (property, "Name") == 0)
        return sd_bus_message_append (reply, "s", subnet->name);
    if (strcmp (property, "IPv6Prefix") == 0)
        return append_prefix (reply, &subnet->prefix);
    if (strcmp (property, "ServerAddress4") == 0)
        return append_ip (reply, sg_tunnel_server_ip4 (&subnet->network));
    return append_ip (reply, sg_tunnel_server_ip6 (subnet));
}

/* ---- methods ---- */

static bool
read_set_ipv6 (SgCall *call, GError **error)
{
    static const SgCallOption options[] = {
        {"allow-ula", "b", offsetof (SgCallOptions, allow_ula)},
        {NULL},
    };

    return sg_call_read_word (call, error) && sg_call_read_options (call, options, error);
}

static bool
read_add_device (SgCall *call, GError **error)
{
    static const SgCallOption options[] = {
        {"public-key", "s", offsetof (SgCallOptions, public_key)},
        {NULL},
    };

    return sg_call_understood (sd_bus_message_read (call->message, "sss", &call->words[0],
                                                    &call->options.address, &call->options.kind),
                               error) &&
           sg_call_read_options (call, options, error);
}

const SgMethod sg_bus_subnet_methods[] = {
    {INTERFACE, "SetName", SG_RIGHT_MANAGE, false, sg_call_read_word, sg_bus_tunnel_run,
     .compared = true},
    {INTERFACE, "SetIPv6", SG_RIGHT_MANAGE, false, read_set_ipv6, sg_bus_tunnel_run_warned,
     .compared = true},
    {INTERFACE, "ClearIPv6", SG_RIGHT_MANAGE, false, NULL, sg_bus_tunnel_run, .compared = true},
    {INTERFACE, "AddDevice", SG_RIGHT_MANAGE, false, read_add_device, sg_bus_tunnel_run_add},
    {INTERFACE, "Remove", SG_RIGHT_MANAGE, false, NULL, sg_bus_tunnel_run, .compared = true},
    {NULL},
};

#define PROPERTY(name, flags) SD_BUS_PROPERTY (name, "s", get_property, 0, flags)

/* As in data/org.sixgate.Sixgate1.xml. */
const sd_bus_vtable sg_bus_subnet_vtable[] = {
    SD_BUS_VTABLE_START (0),
    SD_BUS_METHOD_WITH_ARGS ("SetName", SD_BUS_ARGS ("s", name), SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetIPv6", SD_BUS_ARGS ("s", prefix, "a{sv}", options),
                             SD_BUS_RESULT ("as", warnings), sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("ClearIPv6", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS (
        "AddDevice", SD_BUS_ARGS ("s", name, "s", address4, "s", kind, "a{sv}", options),
        SD_BUS_RESULT ("o", device), sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Remove", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    PROPERTY ("Network", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("Name", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("IPv6Prefix", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("ServerAddress4", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("ServerAddress6", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};
