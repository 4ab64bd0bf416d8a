/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "caller.h"

static void
free_caller (void *data)
{
    SgCaller *caller = data;

    g_free (caller->name);
    g_free (caller);
}

GHashTable *
sg_callers_new (void)
{
    return g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_caller);
}

SgCaller *
sg_callers_get (GHashTable *callers, const char *name)
{
    SgCaller *caller = g_hash_table_lookup (callers, name);

    if (!caller) {
        caller = g_new0 (SgCaller, 1);
        caller->name = g_strdup (name);
        caller->read_all_left = SG_READ_ALL_MAX;
        g_hash_table_insert (callers, caller->name, caller);
    }
    return caller;
}

bool
sg_caller_may_read_all (SgCaller *caller, uint64_t now_ms)
{
    double regained = (double) (now_ms - caller->read_all_at) * SG_READ_ALL_MAX / 1000;

    caller->read_all_left = MIN (caller->read_all_left + regained, SG_READ_ALL_MAX);
    caller->read_all_at = now_ms;
    if (caller->read_all_left < 1)
        return false;
    caller->read_all_left -= 1;
    return true;
}

bool
sg_callers_any_subscribed (GHashTable *callers)
{
    GHashTableIter iter;
    SgCaller *caller;

    g_hash_table_iter_init (&iter, callers);
    while (g_hash_table_iter_next (&iter, NULL, (void **) &caller)) {
        if (caller->subscribed)
            return true;
    }
    return false;
}
