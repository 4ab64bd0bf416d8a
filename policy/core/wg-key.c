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

guint
sg_wg_key_hash (const void *key)
{
    guint hash;

    /* A public key is as good as random. */
    memcpy (&hash, ((const SgWgRawKey *) key)->bytes, sizeof hash);
    return hash;
}

gboolean
sg_wg_key_equal_hashed (const void *a, const void *b)
{
    return sg_wg_key_equal (a, b);
}

/* ---- the ring ---- */

typedef struct {
    uint32_t ifindex;
    SgWgRawKey public_key;
    SgWgRawKey preshared;
} Entry;

/* Each entry in memory of its own: an array that grows would leave copies behind. */
struct SgKeyring {
    GHashTable *entries; /* of Entry, owned: each is its own key */
};

static guint
entry_hash (const void *data)
{
    const Entry *entry = data;

    return sg_wg_key_hash (&entry->public_key) ^ entry->ifindex;
}

static gboolean
entry_equal (const void *a, const void *b)
{
    const Entry *first = a, *second = b;

    return first->ifindex == second->ifindex &&
           sg_wg_key_equal (&first->public_key, &second->public_key);
}

static void
entry_free (void *data)
{
    explicit_bzero (data, sizeof (Entry));
    g_free (data);
}

SgKeyring *
sg_keyring_new (void)
{
    SgKeyring *keyring = g_new0 (SgKeyring, 1);

    keyring->entries = g_hash_table_new_full (entry_hash, entry_equal, entry_free, NULL);
    return keyring;
}

void
sg_keyring_free (SgKeyring *keyring)
{
    if (!keyring)
        return;
    g_hash_table_unref (keyring->entries);
    g_free (keyring);
}

/* The first of the same peer stays. */
static void
add_entry (SgKeyring *keyring, Entry *entry)
{
    if (g_hash_table_contains (keyring->entries, entry))
        entry_free (entry);
    else
        g_hash_table_add (keyring->entries, entry);
}

void
sg_keyring_add (SgKeyring *keyring, uint32_t ifindex, const SgWgRawKey *public_key,
                const SgWgRawKey *preshared)
{
    Entry *entry = g_new (Entry, 1);

    *entry = (Entry) {ifindex, *public_key, *preshared};
    add_entry (keyring, entry);
}

void
sg_keyring_take (SgKeyring *keyring, SgKeyring *from)
{
    GHashTableIter iter;
    void *entry;

    g_hash_table_iter_init (&iter, from->entries);
    while (g_hash_table_iter_next (&iter, &entry, NULL)) {
        g_hash_table_iter_steal (&iter);
        add_entry (keyring, entry);
    }
    sg_keyring_free (from);
}

const SgWgRawKey *
sg_keyring_find (const SgKeyring *keyring, uint32_t ifindex, const SgWgRawKey *public_key)
{
    const Entry wanted = {.ifindex = ifindex, .public_key = *public_key};
    const Entry *entry = g_hash_table_lookup (keyring->entries, &wanted);

    return entry ? &entry->preshared : NULL;
}
