/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show-nm-devices MILLISECONDS: what sg_nm_read_devices() says, a line each. */
#include <stdio.h>
#include <stdlib.h>

#include "nm/nm-devices.h"

int
main (int argc, char **argv)
{
    static const char *const states[] = {
        [SG_NM_ABSENT] = "absent",
        [SG_NM_STARTING] = "starting",
        [SG_NM_READY] = "ready",
    };
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    g_autofree char *reason = NULL;

    sg_nm_read_devices (snapshot, argc > 1 ? (uint32_t) atoi (argv[1]) : 2000, &reason);
    printf ("%s: %s\n", states[snapshot->nm], reason ? reason : "");
    for (guint i = 0; i < snapshot->devices->len; i++) {
        const SgDevice *device = &g_array_index (snapshot->devices, SgDevice, i);
        char gateway6[SG_PREFIX_TEXT_MAX], gateway4[SG_PREFIX_TEXT_MAX];

        printf ("%s %s%s%s%s%s gateway %s %s uuid %s\n", device->name, device->kind,
                device->can_be_gateway ? " can-be-gateway" : "", device->managed ? " managed" : "",
                device->active ? " active" : "", device->external ? " external" : "",
                sg_ip_format (&device->gateway[SG_IPV6], gateway6),
                sg_ip_format (&device->gateway[SG_IPV4], gateway4), device->uuid);
    }
    return 0;
}
