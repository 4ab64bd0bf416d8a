/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys as the kernel has them, 32 bytes, and the ring on which secret ones travel from
 * NetworkManager to the kernel: outside of everything that is compared, kept or printed. */
#pragma once

#include "core/wg-value.h"

/* A key; all zero for none. */
typedef struct {
    uint8_t bytes[SG_WG_KEY_BYTES];
} SgWgRawKey;

/* From and to base64. False when @text is no key; one of zeros is taken for none. */
bool sg_wg_key_decode (const char *text, SgWgRawKey *ret_key) G_GNUC_WARN_UNUSED_RESULT;
void sg_wg_key_encode (const SgWgRawKey *key, SgWgKey *ret_text);
bool sg_wg_key_is_set (const SgWgRawKey *key);
bool sg_wg_key_equal (const SgWgRawKey *a, const SgWgRawKey *b);
/* For a GHashTable with public keys (SgWgRawKey) as keys. */
guint sg_wg_key_hash (const void *key);
gboolean sg_wg_key_equal_hashed (const void *a, const void *b);

/* Preshared keys of peers. */
typedef struct SgKeyring SgKeyring;

SgKeyring *sg_keyring_new (void);
/* Wipes the keys. */
void sg_keyring_free (SgKeyring *keyring);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgKeyring, sg_keyring_free)
/* Notes a copy of @preshared for the peer @public_key of the link @ifindex. */
void sg_keyring_add (SgKeyring *keyring, uint32_t ifindex, const SgWgRawKey *public_key,
                     const SgWgRawKey *preshared);
/* Moves what is on @from, which is freed, to @keyring. */
void sg_keyring_take (SgKeyring *keyring, SgKeyring *from);
/* Borrowed; NULL when there is none. */
const SgWgRawKey *sg_keyring_find (const SgKeyring *keyring, uint32_t ifindex,
                                   const SgWgRawKey *public_key);
