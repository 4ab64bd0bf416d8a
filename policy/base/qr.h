/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QR codes for terminals, by libqrencode where it is installed. */
#pragma once

#include <glib.h>

/* @text as a QR code, of half blocks in UTF-8, dark on light, with the quiet zone (ISO/IEC 18004);
 * each line ends with a newline. The result says what @text says: where that is secret wipe it.
 * Owned by the caller. SG_ERROR_UNSUPPORTED when libqrencode.so.4 is not installed,
 * SG_ERROR_LIMIT when @text is too long for a QR code. */
char *sg_qr_draw (const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
