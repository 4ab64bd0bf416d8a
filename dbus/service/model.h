/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the objects on the bus say, as plain values; one moment's, never changed. */
#pragma once

#include "core/config.h"
#include "core/state.h"
#include "core/tunnel.h"
#include "core/wanted.h"
#include "opened.h"

typedef struct {
    char name[IFNAMSIZ];
    uint32_t index, table, mark; /* 0 while it is down */
    char *kind, *uuid;
    const char *type; /* static */
    bool active, capable, selected;
    const char *reason;   /* static */
    GPtrArray *addresses; /* of char *, NULL at the end */
} SgModelGateway;

typedef struct {
    char outbound[IFNAMSIZ];
    GArray *overrides;   /* of SgOverride */
    GPtrArray *warnings; /* of char *, NULL at the end */
    GPtrArray *gateways; /* of SgModelGateway, sorted by name */
    SgTunnel *tunnel;    /* without a secret key; NULL: no tunnel role */
    GArray *opened;      /* of SgOpened: what its devices opened themselves */
    uint16_t port;       /* of the tunnel */
    char *endpoint;      /* how devices reach this machine; "" = unknown */
} SgModel;

/* The reason of a gateway that is down, beside those of SgCapability. */
#define SG_REASON_INACTIVE "inactive"

/* @catalog: object path → SgNmSummary of every profile. */
SgModel *sg_model_new (const SgState *state, const SgSnapshot *snapshot, const SgWanted *wanted,
                       GHashTable *catalog);
/* Adds the tunnel role, of which @tunnel (may be NULL) is the state. */
void sg_model_take_tunnel (SgModel *model, const SgTunnel *tunnel, const SgConfig *config,
                           const SgSnapshot *snapshot);
/* Adds @opened, which is taken over. */
void sg_model_take_opened (SgModel *model, GArray *opened);
/* What is left of @old (may be NULL) when nothing newer can be known because of @problem. */
SgModel *sg_model_new_failed (const SgModel *old, const char *problem);
void sg_model_free (SgModel *model);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgModel, sg_model_free)
/* NULL when none has that name. */
const SgModelGateway *sg_model_gateway (const SgModel *model, const char *name);
