/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tunnel-addresses.h"

#include <string.h>

#include "base/error.h"

/* ---- arithmetic ---- */

static uint32_t
ip4_number (const SgIp *ip4)
{
    const uint8_t *b = ip4->bytes;

    return (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8 | b[3];
}

static SgIp
ip4_from_number (uint32_t number)
{
    uint8_t bytes[4] = {number >> 24, number >> 16, number >> 8, number};

    return sg_ip_from_bytes (AF_INET, bytes);
}

/* How many bits of the IPv4 address the prefix leaves room for: 0 to 32. */
static unsigned
host_bits (const SgPrefix *prefix)
{
    return MIN (128u - prefix->len, 32u);
}

static uint32_t
low_mask (unsigned bits)
{
    return bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
}

SgIp
sg_tunnel_host_v6 (const SgPrefix *prefix, const SgIp *ip4)
{
    uint32_t low = ip4_number (ip4) & low_mask (host_bits (prefix));
    SgIp ip = prefix->ip;

    for (unsigned i = 0; i < 4; i++)
        ip.bytes[15 - i] |= (uint8_t) (low >> 8 * i);
    return ip;
}

SgIp
sg_tunnel_server_ip4 (const SgPrefix *network)
{
    return ip4_from_number (ip4_number (&network->ip) + 1);
}

SgIp
sg_tunnel_server_ip6 (const SgTunnelSubnet *subnet)
{
    SgIp ip4 = sg_tunnel_server_ip4 (&subnet->network);

    return sg_prefix_is_set (&subnet->prefix) ? sg_tunnel_host_v6 (&subnet->prefix, &ip4)
                                              : (SgIp) {0};
}

SgIp
sg_tunnel_device_ip6 (const SgTunnelSubnet *subnet, const SgTunnelDevice *device)
{
    return sg_prefix_is_set (&subnet->prefix) ? sg_tunnel_host_v6 (&subnet->prefix, &device->ip4)
                                              : (SgIp) {0};
}

SgPrefix
sg_tunnel_subnet_range (const SgTunnelSubnet *subnet)
{
    SgIp first;

    if (!sg_prefix_is_set (&subnet->prefix))
        return (SgPrefix) {0};
    first = sg_tunnel_host_v6 (&subnet->prefix, &subnet->network.ip);
    return sg_prefix_new (&first, MAX (subnet->prefix.len, 96 + subnet->network.len));
}

bool
sg_tunnel_is_anycast (const SgPrefix *prefix, const SgIp *ip)
{
    return prefix->len < 127 && sg_ip_compare (&prefix->ip, ip) == 0;
}

/* ---- who has what ---- */

/* Somebody with an address: a device, the server of a subnet (device NULL), or another (subnet
 * NULL). */
typedef struct {
    SgIp ip;
    const SgTunnelSubnet *subnet;
    const SgTunnelDevice *device;
    const SgTunnelTaken *taken;
} Owner;

static bool
is_server (const Owner *owner)
{
    return owner->subnet && !owner->device;
}

struct SgTunnelAddresses {
    GArray *owners;    /* of Owner */
    GHashTable *by_ip; /* SgIp * → Owner *, both inside owners */
};

static char *
describe (const Owner *owner)
{
    char ip4[SG_PREFIX_TEXT_MAX], network[SG_PREFIX_TEXT_MAX];
    SgIp server;

    if (owner->taken)
        return g_strdup (owner->taken->who);
    sg_prefix_format (&owner->subnet->network, network);
    if (owner->device)
        return g_strdup_printf ("%s (“%s” in the subnet %s)",
                                sg_ip_format (&owner->device->ip4, ip4), owner->device->name,
                                network);
    server = sg_tunnel_server_ip4 (&owner->subnet->network);
    return g_strdup_printf ("%s (the server in the subnet %s)", sg_ip_format (&server, ip4),
                            network);
}

static void
fill (SgTunnelAddresses *addresses, const SgTunnel *tunnel, const GArray *taken)
{
    for (guint i = 0; taken && i < taken->len; i++) {
        const SgTunnelTaken *entry = &g_array_index (taken, SgTunnelTaken, i);
        Owner owner = {.ip = entry->ip, .taken = entry};

        g_array_append_val (addresses->owners, owner);
    }
    for (guint i = 0; i < tunnel->subnets->len; i++) {
        const SgTunnelSubnet *subnet = g_ptr_array_index (tunnel->subnets, i);
        Owner server = {.ip = sg_tunnel_server_ip6 (subnet), .subnet = subnet};

        if (!sg_prefix_is_set (&subnet->prefix))
            continue;
        g_array_append_val (addresses->owners, server);
        for (guint j = 0; j < subnet->devices->len; j++) {
            const SgTunnelDevice *device = g_ptr_array_index (subnet->devices, j);
            Owner owner = {sg_tunnel_device_ip6 (subnet, device), subnet, device, NULL};

            g_array_append_val (addresses->owners, owner);
        }
    }
}

SgTunnelAddresses *
sg_tunnel_addresses_new (const SgTunnel *tunnel, const GArray *taken)
{
    SgTunnelAddresses *addresses = g_new0 (SgTunnelAddresses, 1);

    addresses->owners =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (Owner));
    addresses->by_ip = g_hash_table_new (sg_ip_hash, sg_ip_equal);
    fill (addresses, tunnel, taken);
    for (guint i = 0; i < addresses->owners->len; i++) {
        Owner *owner = &g_array_index (addresses->owners, Owner, i);
        const Owner *other = g_hash_table_lookup (addresses->by_ip, &owner->ip);
        bool same_machine = other && other->taken && other->taken->ours && is_server (owner);

        if (!other || same_machine)
            g_hash_table_replace (addresses->by_ip, &owner->ip, owner);
    }
    return addresses;
}

void
sg_tunnel_addresses_free (SgTunnelAddresses *addresses)
{
    if (!addresses)
        return;
    g_hash_table_unref (addresses->by_ip);
    g_array_unref (addresses->owners);
    g_free (addresses);
}

bool
sg_tunnel_addresses_check (const SgTunnelAddresses *addresses, const SgPrefix *prefix,
                           const SgIp *ip, GError **error)
{
    const Owner *owner = g_hash_table_lookup (addresses->by_ip, ip);
    g_autofree char *who = owner ? describe (owner) : NULL;
    char text[SG_PREFIX_TEXT_MAX];

    if (!owner && !sg_tunnel_is_anycast (prefix, ip))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_OVERLAP, "%s belongs to %s", sg_ip_format (ip, text),
                 who ? who : "every router of its network (RFC 4291, section 2.6.1)");
    return false;
}

/* ---- choosing ---- */

static SgIp
device_ip4 (const SgTunnelSubnet *subnet, guint index)
{
    return index < subnet->devices->len
               ? ((const SgTunnelDevice *) g_ptr_array_index (subnet->devices, index))->ip4
               : (SgIp) {0};
}

static bool
no_space (const SgTunnelSubnet *subnet, bool prefix_is_full, GError **error)
{
    char network[SG_PREFIX_TEXT_MAX], prefix[SG_PREFIX_TEXT_MAX];

    sg_prefix_format (&subnet->network, network);
    if (prefix_is_full)
        g_set_error (error, SG_ERROR, SG_ERROR_NO_SPACE,
                     "the subnet %s has no free IPv6 address: all of %s are taken; remove a "
                     "device, or set a larger prefix",
                     network, sg_prefix_format (&subnet->prefix, prefix));
    else
        g_set_error (error, SG_ERROR, SG_ERROR_NO_SPACE,
                     "the subnet %s is full; remove a device, or add another subnet", network);
    return false;
}

/* Addresses that follow one another differ in the bits that go into the IPv6 address until these
 * have all been seen, so every one that is refused is another address that somebody has: there are
 * no more steps than hosts. The few more are the ends of the network and the anycast address. */
bool
sg_tunnel_addresses_choose (const SgTunnelAddresses *addresses, const SgTunnelSubnet *subnet,
                            SgIp *ret_ip4, GError **error)
{
    uint32_t first = ip4_number (&subnet->network.ip);
    uint32_t size = 1u << (32 - subnet->network.len);
    bool has_prefix = sg_prefix_is_set (&subnet->prefix), refused = false;
    uint64_t patterns = has_prefix ? (uint64_t) 1 << host_bits (&subnet->prefix) : size;
    guint next = 0;

    for (uint32_t i = 2; i < size - 1 && i < patterns + 2; i++) {
        SgIp ip4 = ip4_from_number (first + i), other = device_ip4 (subnet, next);
        SgIp ip6 = has_prefix ? sg_tunnel_host_v6 (&subnet->prefix, &ip4) : (SgIp) {0};

        if (sg_ip_compare (&ip4, &other) == 0) {
            next++;
            continue;
        }
        if (!has_prefix ||
            sg_tunnel_addresses_check (addresses, &subnet->prefix, &ip6, /* error= */ NULL)) {
            *ret_ip4 = ip4;
            return true;
        }
        refused = true;
    }
    return no_space (subnet, refused || (has_prefix && patterns + 2 < size - 1), error);
}

/* ---- the whole ---- */

static bool
set_rivals (const Owner *owner, const Owner *other, GError **error)
{
    g_autofree char *first = describe (other);
    g_autofree char *second = describe (owner);
    char ip[SG_PREFIX_TEXT_MAX];

    g_set_error (error, SG_ERROR, SG_ERROR_OVERLAP, "%s and %s would both have %s", first, second,
                 sg_ip_format (&owner->ip, ip));
    return false;
}

static bool
set_anycast (const Owner *owner, GError **error)
{
    g_autofree char *who = describe (owner);
    char ip[SG_PREFIX_TEXT_MAX];

    g_set_error (error, SG_ERROR, SG_ERROR_OVERLAP,
                 "%s would have %s, which belongs to every router of its network (RFC 4291, "
                 "section 2.6.1)",
                 who, sg_ip_format (&owner->ip, ip));
    return false;
}

bool
sg_tunnel_addresses_unique (const SgTunnel *tunnel, const GArray *taken, GError **error)
{
    g_autoptr (SgTunnelAddresses) addresses = sg_tunnel_addresses_new (tunnel, taken);

    for (guint i = 0; i < addresses->owners->len; i++) {
        const Owner *owner = &g_array_index (addresses->owners, Owner, i);
        const Owner *rival = g_hash_table_lookup (addresses->by_ip, &owner->ip);

        if (owner->taken)
            continue;
        if (rival != owner)
            return set_rivals (owner, rival, error);
        if (sg_tunnel_is_anycast (&owner->subnet->prefix, &owner->ip))
            return set_anycast (owner, error);
    }
    return true;
}
