/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/wg-key.h"

#include <string.h>

bool
sg_wg_key_decode (const char *text, SgWgRawKey *ret_key)
{
    /* One more byte than a key has: what a decoder may write for 44 characters. */
    uint8_t bytes[SG_WG_KEY_BYTES + 1] = {0};
    SgWgKey checked;
    int state = 0;
    guint save = 0;
    bool ok = sg_wg_key_parse (text, /* zero_is_none= */ true, &checked, NULL);

    /* In memory of ours: g_base64_decode() would leave a copy in memory that it frees. */
    if (ok) {
        g_base64_decode_step (text, SG_WG_KEY_TEXT - 1, bytes, &state, &save);
        memcpy (ret_key->bytes, bytes, sizeof ret_key->bytes);
    }
    explicit_bzero (bytes, sizeof bytes);
    explicit_bzero (&checked, sizeof checked);
    explicit_bzero (&save, sizeof save);
    return ok;
}

void
sg_wg_key_encode (const SgWgRawKey *key, SgWgKey *ret_text)
{
    /* g_base64_encode_close() wants room for what is left over of three bytes. */
    char text[SG_WG_KEY_TEXT + 8];
    int state = 0, save = 0;
    gsize len = g_base64_encode_step (key->bytes, sizeof key->bytes, /* break_lines= */ FALSE, text,
                                      &state, &save);

    len += g_base64_encode_close (/* break_lines= */ FALSE, text + len, &state, &save);
    text[len] = '\0';
    g_strlcpy (ret_text->text, text, sizeof ret_text->text);
    explicit_bzero (text, sizeof text);
}

bool
sg_wg_key_is_set (const SgWgRawKey *key)
{
    static const SgWgRawKey none;

    return !sg_wg_key_equal (key, &none);
}

bool
sg_wg_key_equal (const SgWgRawKey *a, const SgWgRawKey *b)
{
    return memcmp (a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* ---- the ring ---- */

typedef struct {
    uint32_t ifindex;
    SgWgRawKey public_key;
    SgWgRawKey preshared;
} Entry;

/* Each entry in memory of its own: an array that grows would leave copies behind. */
struct SgKeyring {
    GPtrArray *entries; /* of Entry, owned */
};

static void
entry_free (Entry *entry)
{
    explicit_bzero (entry, sizeof *entry);
    g_free (entry);
}

SgKeyring *
sg_keyring_new (void)
{
    SgKeyring *keyring = g_new0 (SgKeyring, 1);

    keyring->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) entry_free);
    return keyring;
}

void
sg_keyring_free (SgKeyring *keyring)
{
    if (!keyring)
        return;
    g_ptr_array_unref (keyring->entries);
    g_free (keyring);
}

void
sg_keyring_add (SgKeyring *keyring, uint32_t ifindex, const SgWgRawKey *public_key,
                const SgWgRawKey *preshared)
{
    Entry *entry = g_new (Entry, 1);

    *entry = (Entry) {ifindex, *public_key, *preshared};
    g_ptr_array_add (keyring->entries, entry);
}

const SgWgRawKey *
sg_keyring_find (const SgKeyring *keyring, uint32_t ifindex, const SgWgRawKey *public_key)
{
    for (guint i = 0; i < keyring->entries->len; i++) {
        const Entry *entry = g_ptr_array_index (keyring->entries, i);

        if (entry->ifindex == ifindex && sg_wg_key_equal (&entry->public_key, public_key))
            return &entry->preshared;
    }
    return NULL;
}
