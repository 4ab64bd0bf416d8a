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

/* A call of a method. */
typedef struct {
    const char *service; /* who is asked; NULL: NetworkManager */
    const char *path, *interface, *method;
    const char *argument; /* its only one, a string; NULL: none, or … */
    GVariant *arguments;  /* all of them, a tuple, borrowed; NULL: none */
    bool secret;          /* call and answer may hold keys: they are wiped when they are freed */
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
/* The same with a reason that a program can tell from others: SG_ERROR_CONFLICT when the profile
 * was changed meanwhile, _PERMISSION, _NOT_FOUND, _INVALID_ARGUMENT (what NetworkManager calls
 * invalid), else _FAILED. */
sd_bus_message *sg_nm_bus_ask (const SgNmBus *bus, const SgNmCall *call,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For those who wait in a loop of their own: the message of a call; the reason that an error stands
 * for (owned by the caller). */
int sg_nm_bus_new_call (sd_bus *bus, const SgNmCall *call, sd_bus_message **ret_message);
char *sg_nm_bus_reason (const sd_bus_error *error, uint32_t timeout_ms);
