/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-kinds.h"

#include <stddef.h>

/* The index is the value of NMDeviceType (NetworkManager's D-Bus API, "Types and Constants"):
 * a number there never changes its meaning. Wireless personal area networks, P2P and the parts
 * of Open vSwitch carry no traffic of the host to elsewhere by themselves; bridges, VRFs and
 * HSR are spanned over the interfaces that do; generic is what NetworkManager knows nothing
 * about and does not configure by itself. */
static const SgNmKind kinds[] = {
    [0] = {"unknown", true, true},
    [1] = {"ethernet", true, true},
    [2] = {"wifi", true, true},
    [5] = {"bluetooth", true, true},
    [6] = {"olpc-mesh", true, true},
    [7] = {"wimax", true, true},
    [8] = {"modem", true, true},
    [9] = {"infiniband", true, true},
    [10] = {"bond", true, true},
    [11] = {"vlan", true, true},
    [12] = {"adsl", true, true},
    [13] = {"bridge", false, true},
    [14] = {"generic", false, true},
    [15] = {"team", true, true},
    [16] = {"tun", true, true},
    [17] = {"ip-tunnel", true, true},
    [18] = {"macvlan", true, true},
    [19] = {"vxlan", true, true},
    [20] = {"veth", true, true},
    [21] = {"macsec", true, true},
    [22] = {"dummy", false, true},
    [23] = {"ppp", true, true},
    [24] = {"ovs-interface", false, true},
    [25] = {"ovs-port", false, false},
    [26] = {"ovs-bridge", false, false},
    [27] = {"wpan", false, true},
    [28] = {"6lowpan", false, true},
    [29] = {"wireguard", true, true},
    [30] = {"wifi-p2p", false, false},
    [31] = {"vrf", false, true},
    [32] = {"loopback", false, true},
    [33] = {"hsr", false, true},   /* since 1.46 */
    [34] = {"ipvlan", true, true}, /* since 1.52 */
    [35] = {"geneve", true, true}, /* since 1.58 */
};

const SgNmKind *
sg_nm_kind (uint32_t device_type)
{
    if (device_type >= sizeof kinds / sizeof kinds[0] || !kinds[device_type].name)
        return &kinds[0];
    return &kinds[device_type];
}
