/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of WireGuard, from the kernel's random source. The arithmetic of Curve25519 is nettle's:
 * constant in time, two calls, and already on every host with NetworkManager (by way of GnuTLS). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define SG_KEYGEN_BYTES 32

/* 32 random bytes, as they are (a preshared key). SG_ERROR_FAILED when the kernel gives none. */
bool sg_keygen_random (uint8_t ret_key[SG_KEYGEN_BYTES], GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* A private key: 32 random bytes, clamped (RFC 7748, section 5). Errors as above. */
bool sg_keygen_private (uint8_t ret_key[SG_KEYGEN_BYTES], GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The public key of a private one. */
void sg_keygen_public (const uint8_t private_key[SG_KEYGEN_BYTES],
                       uint8_t ret_key[SG_KEYGEN_BYTES]);
