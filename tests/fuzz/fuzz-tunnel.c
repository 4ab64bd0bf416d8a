/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state file of the tunnel role. What is taken is right as a whole, and written again it is the
 * same. */
#include <string.h>

#include "base/error.h"
#include "core/tunnel-codec.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *bytes = g_memdup2 (data, size); /* ends where it ends */
    g_autoptr (GError) error = NULL;
    g_autoptr (SgTunnel) tunnel = sg_tunnel_parse ("file", bytes, size, &error);
    g_autoptr (SgTunnel) again = NULL;
    char *written, *twice;

    g_assert_true (!tunnel == (error != NULL));
    if (!tunnel) {
        g_assert_true (error->domain == SG_ERROR);
        return 0;
    }
    g_assert_true (sg_tunnel_check (tunnel, NULL));
    written = sg_tunnel_to_text (tunnel);
    again = sg_tunnel_parse ("file", written, strlen (written), &error);
    g_assert_no_error (error);
    twice = sg_tunnel_to_text (again);
    g_assert_cmpstr (written, ==, twice);
    sg_wg_text_free (written);
    sg_wg_text_free (twice);
    return 0;
}
