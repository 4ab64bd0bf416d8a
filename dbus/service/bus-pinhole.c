/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-tunnel.h"

#include <string.h>

#include "base/error.h"
#include "tunnel-path.h"

#define INTERFACE SG_BUS_PINHOLE
/* What Source says. */
#define BY_HAND "manual"
#define BY_DEVICE "pcp"

/* ---- properties ---- */

/* A pinhole of either kind; strings are borrowed. */
typedef struct {
    SgPinholeId id;
    uint16_t internal;
    const char *label, *source;
    int enabled;
    uint64_t expires; /* microseconds since 1970; 0: never */
} View;

static bool
find (const SgModel *model, const char *path, View *ret_view)
{
    const SgPinhole *pinhole = sg_tunnel_path_pinhole (model->tunnel, path);
    const SgOpened *opened;
    SgPinholeId id;

    if (!sg_pinhole_path_parse (path, &id))
        return false;
    if (pinhole) {
        *ret_view = (View) {id, pinhole->internal, pinhole->label, BY_HAND, pinhole->enabled, 0};
        return true;
    }
    opened = sg_opened_find (model->opened, &id);
    if (opened)
        *ret_view = (View) {id, opened->internal, "", BY_DEVICE, true, sg_opened_expires (opened)};
    return opened != NULL;
}

static int
get_property (sd_bus *bus, const char *path, const char *interface, const char *property,
              sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    g_autofree char *device = NULL;
    View view;

    if (!find (((const SgService *) data)->model, path, &view))
        return sd_bus_error_setf (ret_error, sg_error_dbus_name (SG_ERROR_NOT_FOUND),
                                  "the pinhole is gone");
    device = sg_tunnel_path (&view.id.device.network, &view.id.device.ip4);
    if (strcmp (property, "Device") == 0)
        return sd_bus_message_append (reply, "o", device);
    if (strcmp (property, "Protocol") == 0)
        return sd_bus_message_append (reply, "s", sg_pinhole_protocol_to_string (view.id.protocol));
    if (strcmp (property, "ExternalPort") == 0)
        return sd_bus_message_append (reply, "q", view.id.external);
    if (strcmp (property, "InternalPort") == 0)
        return sd_bus_message_append (reply, "q", view.internal);
    if (strcmp (property, "Label") == 0)
        return sd_bus_message_append (reply, "s", view.label);
    if (strcmp (property, "Enabled") == 0)
        return sd_bus_message_append (reply, "b", view.enabled);
    if (strcmp (property, "Source") == 0)
        return sd_bus_message_append (reply, "s", view.source);
    return sd_bus_message_append (reply, "t", view.expires);
}

/* ---- methods ---- */

const SgMethod sg_bus_pinhole_methods[] = {
    {INTERFACE, "SetEnabled", SG_RIGHT_MANAGE, false, sg_call_read_flag, sg_bus_tunnel_run,
     .compared = true},
    {INTERFACE, "SetLabel", SG_RIGHT_MANAGE, false, sg_call_read_word, sg_bus_tunnel_run,
     .compared = true},
    {INTERFACE, "Remove", SG_RIGHT_MANAGE, false, NULL, sg_bus_tunnel_run, .compared = true},
    {NULL},
};

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY (name, type, get_property, 0, flags)

/* As in data/org.sixgate.Sixgate1.xml. */
const sd_bus_vtable sg_bus_pinhole_vtable[] = {
    SD_BUS_VTABLE_START (0),
    SD_BUS_METHOD_WITH_ARGS ("SetEnabled", SD_BUS_ARGS ("b", enabled), SD_BUS_NO_RESULT,
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("SetLabel", SD_BUS_ARGS ("s", label), SD_BUS_NO_RESULT,
                             sg_call_received, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD_WITH_ARGS ("Remove", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, sg_call_received,
                             SD_BUS_VTABLE_UNPRIVILEGED),
    PROPERTY ("Device", "o", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("Protocol", "s", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("ExternalPort", "q", SD_BUS_VTABLE_PROPERTY_CONST),
    PROPERTY ("InternalPort", "q", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("Label", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("Enabled", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("Source", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    PROPERTY ("Expires", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
    SD_BUS_VTABLE_END,
};
