/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/keygen.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <nettle/curve25519.h>

#include "base/error.h"

G_STATIC_ASSERT (SG_KEYGEN_BYTES == CURVE25519_SIZE);

bool
sg_keygen_random (uint8_t ret_key[SG_KEYGEN_BYTES], GError **error)
{
    uint8_t key[SG_KEYGEN_BYTES];
    ssize_t n;

    /* Up to 256 bytes come in one piece; it waits until the kernel has gathered enough. */
    do
        n = getrandom (key, sizeof key, /* flags= */ 0);
    while (n < 0 && errno == EINTR);
    if (n != sizeof key) {
        sg_error_set_errno (error, SG_ERROR_FAILED, n < 0 ? errno : EIO,
                            "cannot make a key: the kernel gave no random bytes");
        return false;
    }
    memcpy (ret_key, key, sizeof key);
    explicit_bzero (key, sizeof key);
    return true;
}

bool
sg_keygen_private (uint8_t ret_key[SG_KEYGEN_BYTES], GError **error)
{
    if (!sg_keygen_random (ret_key, error))
        return false;
    ret_key[0] &= 0xf8;
    ret_key[31] = (ret_key[31] & 0x7f) | 0x40;
    return true;
}

void
sg_keygen_public (const uint8_t private_key[SG_KEYGEN_BYTES], uint8_t ret_key[SG_KEYGEN_BYTES])
{
    curve25519_mul_g (ret_key, private_key);
}
