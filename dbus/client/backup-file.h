/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of `sixgatectl backup`: gateways with their keys, the outbound, the overrides, the tunnel role. A
 * key file, written and read as a whole. Works on memory alone. */
#pragma once

#include <stddef.h>

#include <glib.h>

/* The most that a file can have, in bytes. */
#define SG_BACKUP_MAX (64u << 20)

/* A WireGuard gateway. Strings are owned. */
typedef struct {
    char *name; /* its interface */
    char *type; /* as Gateway.Type says it */
    char *config;
} SgSavedGateway;

typedef struct {
    char *prefix, *interface; /* owned */
} SgSavedOverride;

typedef struct {
    char *outbound;       /* "" for none */
    GPtrArray *overrides; /* of SgSavedOverride (owned) */
    GPtrArray *gateways;  /* of SgSavedGateway (owned) */
    char *tunnel;         /* what ExportTunnel said; "": no tunnel role */
} SgBackup;

SgBackup *sg_backup_new (void);
void sg_backup_free (SgBackup *backup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgBackup, sg_backup_free)

/* Strings are copied. */
void sg_backup_add_override (SgBackup *backup, const char *prefix, const char *interface);
void sg_backup_add_gateway (SgBackup *backup, const SgSavedGateway *gateway);
/* Whether that override is in it. */
gboolean sg_backup_has_override (const SgBackup *backup, const SgSavedOverride *override);

/* The file's text, owned by the caller. */
char *sg_backup_to_text (const SgBackup *backup);
/* @name is the file's, for messages. SG_ERROR_STATE_CORRUPT when it is damaged, something else, or of a
 * later version. */
SgBackup *sg_backup_parse (const char *name, const char *text, size_t len,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
