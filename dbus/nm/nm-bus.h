/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A short connection to the system bus for asking NetworkManager, bounded in time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include <glib.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC (sd_bus, sd_bus_close_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (sd_bus_message, sd_bus_message_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (sd_bus_slot, sd_bus_slot_unref)

typedef struct {
    sd_bus *bus;
    uint32_t timeout_ms;
    int64_t deadline; /* of all that is asked (of g_get_monotonic_time()) */
} SgNmBus;

/* A call of one of NetworkManager's methods. */
typedef struct {
    const char *path, *interface, *method;
    const char *argument; /* its only one, a string; NULL: none */
    bool secret;          /* the answer holds keys: it is wiped when it is freed */
} SgNmCall;

/* Starts a connection; nothing here waits. It is to be closed with sg_nm_bus_close(). On failure
 * @ret_reason is a sentence, owned by the caller. */
bool sg_nm_bus_open (SgNmBus *ret_bus, uint32_t timeout_ms,
                     char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
void sg_nm_bus_close (SgNmBus *bus);
/* The answer, never an error (owned by the caller); NULL with @ret_reason when there is none in
 * time. Never starts NetworkManager. */
sd_bus_message *sg_nm_bus_call (const SgNmBus *bus, const SgNmCall *call,
                                char **ret_reason) G_GNUC_WARN_UNUSED_RESULT;
