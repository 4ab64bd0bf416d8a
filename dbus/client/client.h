/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every command of sixgatectl has: the service on the bus, and how to print. */
#pragma once

#include <stdbool.h>

#include <glib.h>
#include <systemd/sd-bus.h>

#define SG_CLIENT_ROOT "/org/sixgate/Sixgate1"
#define SG_CLIENT_MANAGER "org.sixgate.Sixgate1.Manager"
#define SG_CLIENT_GATEWAY "org.sixgate.Sixgate1.Gateway"
#define SG_CLIENT_SUBNET "org.sixgate.Sixgate1.Subnet"
#define SG_CLIENT_DEVICE "org.sixgate.Sixgate1.Device"
#define SG_CLIENT_PINHOLE "org.sixgate.Sixgate1.Pinhole"

typedef struct {
    sd_bus *bus; /* NULL until the first call */
    bool json;   /* --json */
    bool colour; /* standard output is a terminal that shows colours */
    bool quiet;  /* nobody is asked for a password */
} SgClient;

void sg_client_clear (SgClient *client);

/* An object of the service, and one of its interfaces. */
typedef struct {
    const char *path;
    const char *interface;
} SgObject;

/* Calls a method with the members of the tuple @arguments (NULL: none; floating is taken); its answer
 * as a tuple. The service's own errors keep their kind and words; others get words for a person. A
 * person may be asked for a password meanwhile. */
GVariant *sg_client_call (SgClient *client, const SgObject *object, const char *method,
                          GVariant *arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same of the Manager. */
GVariant *sg_client_manage (SgClient *client, const char *method, GVariant *arguments,
                            GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same, where the answer does not matter. */
bool sg_client_tell (SgClient *client, const SgObject *object, const char *method,
                     GVariant *arguments, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Everything that the service shows at one moment. */
typedef struct {
    GVariant *manager;   /* a{sv}: its properties */
    GPtrArray *gateways; /* of SgObjectView (owned), sorted by name */
    GPtrArray *subnets;  /* the same, by network */
    GPtrArray *devices;  /* the same, by address */
    GPtrArray *pinholes; /* the same, by device and port; named by their protocol */
    GHashTable *by_path; /* path → SgObjectView of any of them */
} SgView;

/* An object: a gateway, a subnet, a device, a pinhole. Strings are owned. */
typedef struct {
    char *path;
    char *name;
    GVariant *properties; /* a{sv} */
} SgObjectView;

SgView *sg_view_new (SgClient *client, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_view_free (SgView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgView, sg_view_free)
/* SG_ERROR_NOT_FOUND, naming those that there are. */
const SgObjectView *sg_view_gateway (const SgView *view, const char *name, GError **error);
/* As people say it: by network or name; of a subnet, by IPv4 or name. SG_ERROR_NOT_FOUND likewise. */
const SgObjectView *sg_view_subnet (const SgView *view, const char *text, GError **error);
const SgObjectView *sg_view_device (const SgView *view, const SgObjectView *subnet,
                                    const char *text, GError **error);
/* The device of two words: its subnet, and itself. */
const SgObjectView *sg_view_device_of (const SgView *view, char *const words[2], GError **error);
/* By protocol and external port. */
const SgObjectView *sg_view_pinhole (const SgView *view, const SgObjectView *device,
                                     const char *protocol, guint port, GError **error);
/* NULL where there is none. */
const SgObjectView *sg_view_at (const SgView *view, const char *path);
/* A property, a string or a path; "" and false where the service does not say it. */
const char *sg_view_string (GVariant *properties, const char *name);
bool sg_view_flag (GVariant *properties, const char *name);
/* A port; 0 where the service does not say it. */
guint sg_view_port (GVariant *properties, const char *name);
