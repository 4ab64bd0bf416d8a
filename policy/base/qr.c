/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/qr.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* What qrencode.h of libqrencode 4 declares (QRcode, QRecLevel, QRencodeMode): its ABI. */
#define LIBRARY "libqrencode.so.4"
#define LEVEL_LOW 0
#define MODE_8BIT 2

typedef struct {
    int version;
    int width;
    uint8_t *data; /* width * width; bit 0: dark */
} Code;

typedef struct {
    void *library;
    Code *(*encode) (const char *text, int version, int level, int hint, int case_sensitive);
    void (*release) (Code *code);
} Encoder;

/* Light modules around the code, on each side. */
#define QUIET 4

static bool
open_encoder (Encoder *ret_encoder, GError **error)
{
    Encoder encoder = {.library = dlopen (LIBRARY, RTLD_NOW | RTLD_LOCAL)};

    if (encoder.library) {
        encoder.encode =
            (__typeof__ (encoder.encode)) dlsym (encoder.library, "QRcode_encodeString");
        encoder.release = (__typeof__ (encoder.release)) dlsym (encoder.library, "QRcode_free");
    }
    if (!encoder.encode || !encoder.release) {
        g_set_error (error, SG_ERROR, SG_ERROR_UNSUPPORTED,
                     "a QR code needs libqrencode, which is not installed; on Debian: apt-get "
                     "install libqrencode4");
        if (encoder.library)
            dlclose (encoder.library);
        return false;
    }
    *ret_encoder = encoder;
    return true;
}

/* Also of the quiet zone, where nothing is dark. */
static bool
is_dark (const Code *code, int x, int y)
{
    return x >= 0 && y >= 0 && x < code->width && y < code->width &&
           (code->data[y * code->width + x] & 1);
}

/* Two rows of modules a line. The terminal's own colours stay out of it: black on white. */
static char *
draw (const Code *code)
{
    static const char *const blocks[] = {"█", "▀", "▄", " "}; /* upper dark: 2, lower dark: 1 */
    size_t side = (size_t) code->width + 2 * QUIET;
    /* Never grows. */
    GString *out = g_string_sized_new ((side * 3 + 32) * (side / 2 + 1));

    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        g_string_append (out, "\033[97;40m");
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            bool lower = y + 1 < code->width + QUIET && is_dark (code, x, y + 1);

            g_string_append (out, blocks[is_dark (code, x, y) * 2 + lower]);
        }
        g_string_append (out, "\033[0m\n");
    }
    return g_string_free (out, /* free_segment= */ FALSE);
}

char *
sg_qr_draw (const char *text, GError **error)
{
    Encoder encoder;
    char *drawn = NULL;
    Code *code;

    if (!open_encoder (&encoder, error))
        return NULL;
    code = encoder.encode (text, /* version= */ 0, LEVEL_LOW, MODE_8BIT, /* case_sensitive= */ 1);
    if (code) {
        drawn = draw (code);
        explicit_bzero (code->data, (size_t) code->width * code->width);
        encoder.release (code);
    } else {
        sg_error_set_errno (error, SG_ERROR_LIMIT, errno, "this is too long for a QR code");
    }
    dlclose (encoder.library);
    return drawn;
}
