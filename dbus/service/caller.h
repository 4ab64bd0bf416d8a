/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who calls: one entry for each connection on the bus that did, until it vanishes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* Limits of one caller. */
#define SG_CALLS_MAX 64u    /* calls without an answer yet */
#define SG_ASKING_MAX 8u    /* of these, such as wait for polkit */
#define SG_READ_ALL_MAX 50u /* GetManagedObjects in a second */

typedef struct {
    char *name; /* unique name of the connection */
    bool uid_known;
    uint32_t uid;
    bool subscribed;
    unsigned calls, asking;
    /* What is left of SG_READ_ALL_MAX, and when that was (milliseconds, any clock). */
    double read_all_left;
    uint64_t read_all_at;
} SgCaller;

/* A set of them, by name. */
GHashTable *sg_callers_new (void);
/* The caller of that name, made where it is new. */
SgCaller *sg_callers_get (GHashTable *callers, const char *name);
/* Whether it may read all objects once more at @now_ms. */
bool sg_caller_may_read_all (SgCaller *caller, uint64_t now_ms);
/* Whether any of them is subscribed. */
bool sg_callers_any_subscribed (GHashTable *callers);
