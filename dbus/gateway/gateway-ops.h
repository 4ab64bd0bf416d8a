/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be done to a gateway: import, update in place, export, set its type, remove. Each is
 * whole: in force when it returns true, and nothing of it when it returns false. docs/import.md.
 *
 * Every function blocks: on NetworkManager at most @timeout_ms in each of a few exchanges, on
 * names of hosts 5 s. None keeps anything outside of its arguments, so any may run in a thread of
 * its own. The caller holds the lock of the host role (base/lock.h), and afterwards runs a
 * reconcile, which makes rules and tables of what has changed. Root only: NetworkManager gives keys
 * to nobody else.
 *
 * Errors: SG_ERROR_NOT_FOUND (no such gateway), _EXISTS, _INVALID_ARGUMENT and _LIMIT and
 * _NOT_WIREGUARD (the file), _CONFLICT (somebody else changed the profile), _PERMISSION, _KERNEL,
 * _FAILED. No message and no warning holds a key. */
#pragma once

#include "core/wg-conf.h"

/* A configuration that came in by whatever way. */
typedef struct {
    const char *name; /* for messages; a name for the interface is made of it. A path will do */
    const char *text; /* of @len bytes; the caller wipes it */
    size_t len;
} SgGatewayFile;

typedef struct {
    char *interface; /* its name, for the link that will be */
    char *uuid;
    char *path; /* the profile's object in NetworkManager */
} SgGatewayImported;

void sg_gateway_imported_clear (SgGatewayImported *imported);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SgGatewayImported, sg_gateway_imported_clear)

/* Saves a profile, which comes up by itself. @interface: its name, or NULL to choose one; @type:
 * or NULL to take it from the text. Warnings (of char *, one sentence each) are appended. */
bool sg_gateway_import (const SgGatewayFile *file, const char *interface, const SgWgType *type,
                        uint32_t timeout_ms, GPtrArray *warnings, SgGatewayImported *ret_imported,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Another file for the gateway @interface: same uuid, same ifindex. Of a link that is up, what
 * stays the same is not touched; what only NetworkManager can bring there is named in a warning,
 * and waits for `nmcli connection up`. While it runs, SG_ROLLBACK_FILE is there; who finds it and gets
 * the lock calls sg_gateway_recover(). */
bool sg_gateway_update (const char *interface, const SgGatewayFile *file, uint32_t timeout_ms,
                        GPtrArray *warnings, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The file of wg-quick(8) that gives the same profile, keys included: free it with
 * sg_wg_text_free(). */
char *sg_gateway_export (const char *interface, uint32_t timeout_ms,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

bool sg_gateway_set_type (const char *interface, SgWgType type, uint32_t timeout_ms,
                          GPtrArray *warnings, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Deletes the profile; NetworkManager takes the link down. */
bool sg_gateway_remove (const char *interface, uint32_t timeout_ms,
                        GError **error) G_GNUC_WARN_UNUSED_RESULT;

#define SG_ROLLBACK_FILE SG_RUNTIME_DIR "/update"

/* Undoes an update that was killed: profile and link are as before. @ret_undone: the name of the
 * gateway, owned by the caller; NULL when there was nothing to undo. On failure the file stays. */
bool sg_gateway_recover (uint32_t timeout_ms, char **ret_undone,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
