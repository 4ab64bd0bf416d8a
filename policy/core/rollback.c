/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/rollback.h"

#include <string.h>

#include "base/error.h"

/* The layout of the file; another program than ours never reads it. */
#define VERSION 1u
#define TYPE "(usa{sa{sv}}" SG_LINK_STATE_TYPE SG_LINK_STATE_TYPE ")"

void
sg_rollback_free (SgRollback *rollback)
{
    if (!rollback)
        return;
    g_free (rollback->uuid);
    g_clear_pointer (&rollback->settings, g_variant_unref);
    g_clear_pointer (&rollback->before, sg_link_state_free);
    g_clear_pointer (&rollback->target, sg_link_state_free);
    g_free (rollback);
}

/* By the way that it goes in the file: what could not be read from there is found now. */
static SgLinkState *
copy_state (const SgLinkState *state, GError **error)
{
    g_autoptr (GVariant) value = g_variant_ref_sink (sg_link_state_to_variant (state));

    return sg_link_state_from_variant (value, error);
}

SgRollback *
sg_rollback_new (const char *uuid, GVariant *settings, const SgLinkState *before,
                 const SgLinkState *target, GError **error)
{
    g_autoptr (SgRollback) rollback = g_new0 (SgRollback, 1);

    rollback->uuid = g_strdup (uuid);
    rollback->settings = g_variant_ref (settings);
    rollback->before = copy_state (before, error);
    rollback->target = rollback->before ? copy_state (target, error) : NULL;
    return rollback->target ? g_steal_pointer (&rollback) : NULL;
}

/* ---- as text: the bytes of a GVariant in base64 ---- */

typedef struct {
    gsize size;
    guint8 bytes[];
} Buffer;

static void
wipe_and_free (void *data)
{
    Buffer *buffer = data;

    explicit_bzero (buffer->bytes, buffer->size);
    g_free (buffer);
}

char *
sg_rollback_to_text (const SgRollback *rollback)
{
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new (
        "(us@a{sa{sv}}@" SG_LINK_STATE_TYPE "@" SG_LINK_STATE_TYPE ")", VERSION, rollback->uuid,
        rollback->settings, sg_link_state_to_variant (rollback->before),
        sg_link_state_to_variant (rollback->target)));
    gsize size = g_variant_get_size (value);
    Buffer *buffer = g_malloc (sizeof *buffer + size);
    char *text;

    buffer->size = size;
    g_variant_store (value, buffer->bytes);
    text = g_base64_encode (buffer->bytes, size);
    wipe_and_free (buffer);
    return text;
}

static GVariant *
decode (char *text)
{
    gsize len = strlen (text);
    Buffer *buffer = g_malloc (sizeof *buffer + len / 4 * 3 + 3);
    int state = 0;
    guint save = 0;

    buffer->size = g_base64_decode_step (text, len, buffer->bytes, &state, &save);
    explicit_bzero (text, len);
    return g_variant_ref_sink (g_variant_new_from_data (G_VARIANT_TYPE (TYPE), buffer->bytes,
                                                        buffer->size, /* trusted= */ FALSE,
                                                        wipe_and_free, buffer));
}

SgRollback *
sg_rollback_parse (char *text, GError **error)
{
    g_autoptr (GVariant) value = decode (text);
    g_autoptr (SgRollback) rollback = g_new0 (SgRollback, 1);
    g_autoptr (GVariant) before = NULL;
    g_autoptr (GVariant) target = NULL;
    guint32 version = 0;

    if (g_variant_is_normal_form (value))
        g_variant_get (value, "(us@a{sa{sv}}@" SG_LINK_STATE_TYPE "@" SG_LINK_STATE_TYPE ")",
                       &version, &rollback->uuid, &rollback->settings, &before, &target);
    if (version != VERSION) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT,
                     "this is no file to undo an update from");
        return NULL;
    }
    rollback->before = sg_link_state_from_variant (before, error);
    rollback->target = rollback->before ? sg_link_state_from_variant (target, error) : NULL;
    return rollback->target ? g_steal_pointer (&rollback) : NULL;
}
