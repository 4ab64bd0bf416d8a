/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The D-Bus service as a whole: what its parts share, and how long it stays. */
#pragma once

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "core/config.h"
#include "caller.h"
#include "model.h"
#include "nm/nm-bus.h"

#define SG_BUS_NAME "org.sixgate.Sixgate1"
#define SG_BUS_PATH "/org/sixgate/Sixgate1"
#define SG_BUS_GATEWAYS SG_BUS_PATH "/gateway"
#define SG_BUS_SUBNETS SG_BUS_PATH "/subnet" /* and devices, below them */
#define SG_BUS_MANAGER SG_BUS_NAME ".Manager"
#define SG_BUS_GATEWAY SG_BUS_NAME ".Gateway"
#define SG_BUS_SUBNET SG_BUS_NAME ".Subnet"
#define SG_BUS_DEVICE SG_BUS_NAME ".Device"
#define SG_BUS_PINHOLE SG_BUS_NAME ".Pinhole"

typedef struct SgLooks SgLooks;
typedef struct SgChanges SgChanges;
typedef struct SgWatch SgWatch;
typedef struct SgLifetime SgLifetime;

typedef struct SgService {
    sd_event *event;
    sd_bus *bus; /* to those who call */
    /* To those who are asked: NetworkManager, polkit, the bus itself. Their answers never stand
     * behind a flood of calls. */
    sd_bus *peers;
    SgConfig *config;
    GHashTable *callers;         /* see sg_callers_new() */
    GPtrArray *calls;            /* of SgCall: without an answer yet */
    size_t held;                 /* bytes in those that wait for polkit */
    unsigned exports;            /* under way */
    uint64_t questions;          /* put to polkit, ever */
    GHashTable *catalog;         /* see sg_nm_catalog_new() */
    SgModel *model;              /* never NULL once calls are taken */
    sd_event_source *first_look; /* calls are not taken before it */
    SgLooks *looks;
    SgChanges *changes;
    SgWatch *watch;
    SgLifetime *lifetime;
} SgService;

/* Runs until it is idle, or told to end. The exit status of the program. */
int sg_service_run (void);

/* Milliseconds of a clock that only goes on. */
uint64_t sg_service_now (const SgService *service);
/* Shows @model (taken over) on the bus, and signals what is new in it. */
void sg_service_show (SgService *service, SgModel *model);
/* Shows that nothing newer is known, and why. */
void sg_service_show_failure (SgService *service, const char *problem);
