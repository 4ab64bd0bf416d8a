/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes of the tunnel role in any order: whatever is asked, the state after it is right as a
 * whole, and what is refused and granted is what a simple model says. The model keeps a flat list
 * and compares everybody with everybody. */
#include <string.h>

#include "base/error.h"
#include "core/tunnel-change.h"
#include "core/tunnel-codec.h"

#define SEQUENCES 400
#define SEQUENCES_LONG 40000
#define REQUESTS 80

/* ---- the model ---- */

typedef struct {
    uint32_t network, mask;
    unsigned len;
    char name[8];
    bool has_prefix;
    uint8_t prefix[16];
    unsigned prefix_len;
} Subnet;

typedef struct {
    int subnet;
    uint32_t ip4;
    char name[8];
    uint8_t key;
} Device;

typedef struct {
    Subnet subnets[8];
    int n_subnets;
    Device devices[128];
    int n_devices;
} Model;

/* Bit by bit, as spec 2.2 says it. */
static void
model_v6 (const Subnet *subnet, uint32_t ip4, uint8_t out[16])
{
    memcpy (out, subnet->prefix, 16);
    for (unsigned bit = 0; bit < 32 && bit < 128 - subnet->prefix_len; bit++) {
        if (ip4 >> bit & 1)
            out[15 - bit / 8] |= 1u << bit % 8;
    }
}

/* Whether the host @ip4 of @subnet would have the address of another host, which is not @self. */
static bool
model_collides (const Model *model, int subnet, uint32_t ip4, int self)
{
    const Subnet *mine = &model->subnets[subnet];
    uint8_t a[16], b[16];

    if (!mine->has_prefix)
        return false;
    model_v6 (mine, ip4, a);
    if (mine->prefix_len < 127 && memcmp (a, mine->prefix, 16) == 0)
        return true;
    for (int i = 0; i < model->n_subnets; i++) {
        const Subnet *other = &model->subnets[i];

        if (!other->has_prefix)
            continue;
        model_v6 (other, other->network + 1, b);
        if (memcmp (a, b, 16) == 0 && !(i == subnet && ip4 == other->network + 1))
            return true;
    }
    for (int i = 0; i < model->n_devices; i++) {
        const Subnet *other = &model->subnets[model->devices[i].subnet];

        if (i == self || !other->has_prefix)
            continue;
        model_v6 (other, model->devices[i].ip4, b);
        if (memcmp (a, b, 16) == 0)
            return true;
    }
    return false;
}

static bool
model_is_right (const Model *model)
{
    for (int i = 0; i < model->n_subnets; i++) {
        if (model_collides (model, i, model->subnets[i].network + 1, -1))
            return false;
    }
    for (int i = 0; i < model->n_devices; i++) {
        if (model_collides (model, model->devices[i].subnet, model->devices[i].ip4, i))
            return false;
    }
    return true;
}

static int
model_find_subnet (const Model *model, uint32_t network, unsigned len)
{
    for (int i = 0; i < model->n_subnets; i++) {
        if (model->subnets[i].network == network && model->subnets[i].len == len)
            return i;
    }
    return -1;
}

static int
model_find_device (const Model *model, int subnet, uint32_t ip4)
{
    for (int i = 0; i < model->n_devices; i++) {
        if (model->devices[i].subnet == subnet && model->devices[i].ip4 == ip4)
            return i;
    }
    return -1;
}

static void
model_remove_device (Model *model, int index)
{
    model->devices[index] = model->devices[--model->n_devices];
}

/* Each: whether it is granted. */

static bool
model_add_subnet (Model *model, const Subnet *subnet)
{
    if (model->n_subnets == G_N_ELEMENTS (model->subnets))
        return false;
    for (int i = 0; i < model->n_subnets; i++) {
        const Subnet *other = &model->subnets[i];
        uint32_t both = subnet->mask & other->mask;

        if (strcmp (subnet->name, other->name) == 0 ||
            (subnet->network & both) == (other->network & both))
            return false;
    }
    model->subnets[model->n_subnets++] = *subnet;
    return true;
}

static bool
model_remove_subnet (Model *model, int index)
{
    if (index < 0)
        return false;
    for (int i = model->n_devices - 1; i >= 0; i--) {
        if (model->devices[i].subnet == index)
            model_remove_device (model, i);
    }
    model->n_subnets--;
    model->subnets[index] = model->subnets[model->n_subnets];
    for (int i = 0; i < model->n_devices; i++) {
        if (model->devices[i].subnet == model->n_subnets)
            model->devices[i].subnet = index;
    }
    return true;
}

static bool
model_set_prefix (Model *model, int index, const Subnet *wish)
{
    Model before = *model;

    if (index < 0 || (wish->has_prefix && wish->prefix_len == 128))
        return false;
    model->subnets[index].has_prefix = wish->has_prefix;
    memcpy (model->subnets[index].prefix, wish->prefix, 16);
    model->subnets[index].prefix_len = wish->prefix_len;
    if (model_is_right (model))
        return true;
    *model = before;
    return false;
}

static bool
model_may_have (const Model *model, int subnet, uint32_t ip4)
{
    const Subnet *mine = &model->subnets[subnet];

    return (ip4 & mine->mask) == mine->network && ip4 > mine->network + 1 &&
           ip4 < (mine->network | ~mine->mask) && model_find_device (model, subnet, ip4) < 0 &&
           !model_collides (model, subnet, ip4, -1);
}

/* @device->ip4 0: the lowest that is free, which is then in it. */
static bool
model_add_device (Model *model, Device *device)
{
    const Subnet *mine;

    if (device->subnet < 0 || model->n_devices == G_N_ELEMENTS (model->devices))
        return false;
    for (int i = 0; i < model->n_devices; i++) {
        if (model->devices[i].key == device->key ||
            (model->devices[i].subnet == device->subnet &&
             strcmp (model->devices[i].name, device->name) == 0))
            return false;
    }
    mine = &model->subnets[device->subnet];
    for (uint32_t ip4 = mine->network; !device->ip4 && ip4 < (mine->network | ~mine->mask); ip4++) {
        if (model_may_have (model, device->subnet, ip4))
            device->ip4 = ip4;
    }
    if (!device->ip4 || !model_may_have (model, device->subnet, device->ip4))
        return false;
    model->devices[model->n_devices++] = *device;
    return true;
}

/* ---- both, step by step ---- */

typedef struct {
    GRand *rand;
    SgTunnel *tunnel;
    Model model;
    guint granted, refused;
} World;

static uint32_t
pick (World *world, uint32_t n)
{
    return (uint32_t) g_rand_int_range (world->rand, 0, (gint32) n);
}

static SgIp
ip4_of (uint32_t number)
{
    uint32_t bytes = GUINT32_TO_BE (number);

    return sg_ip_from_bytes (AF_INET, &bytes);
}

static SgPrefix
network_of (uint32_t network, unsigned len)
{
    SgIp ip = ip4_of (network);

    return sg_prefix_new (&ip, (uint8_t) len);
}

/* Takes @next: the new state, NULL when the change was refused. */
static void
step (World *world, SgTunnel *next, bool granted, GError **error)
{
    g_autoptr (GError) problem = *error;

    if (granted)
        g_assert_no_error (problem);
    else
        g_assert_nonnull (problem);
    g_assert_true ((next != NULL) == granted);
    world->granted += granted;
    world->refused += !granted;
    if (!next)
        return;
    g_assert_cmpuint (next->generation, ==, world->tunnel->generation + 1);
    sg_tunnel_free (world->tunnel);
    world->tunnel = next;
}

/* Few networks, names and keys, so that they meet. */
static Subnet
random_subnet (World *world)
{
    static const unsigned lens[] = {24, 24, 25, 26, 28, 29, 30};
    Subnet subnet = {.len = lens[pick (world, G_N_ELEMENTS (lens))]};

    subnet.mask = ~0u << (32 - subnet.len);
    subnet.network = (0x0a3b0000u | pick (world, 3) << 8 | pick (world, 256)) & subnet.mask;
    g_snprintf (subnet.name, sizeof subnet.name, "s%u", pick (world, 12));
    return subnet;
}

static int
random_known_subnet (World *world, Subnet *subnet)
{
    if (world->model.n_subnets == 0 || pick (world, 10) == 0)
        *subnet = random_subnet (world);
    else
        *subnet = world->model.subnets[pick (world, world->model.n_subnets)];
    return model_find_subnet (&world->model, subnet->network, subnet->len);
}

static void
add_subnet (World *world)
{
    Subnet subnet = random_subnet (world);
    SgPrefix network = network_of (subnet.network, subnet.len);
    GError *error = NULL;

    if (world->model.n_subnets < (int) G_N_ELEMENTS (world->model.subnets))
        step (world, sg_tunnel_add_subnet (world->tunnel, &network, subnet.name, &error),
              model_add_subnet (&world->model, &subnet), &error);
}

static void
remove_subnet (World *world)
{
    Subnet subnet;
    int index = random_known_subnet (world, &subnet);
    SgPrefix network = network_of (subnet.network, subnet.len);
    GError *error = NULL;

    step (world, sg_tunnel_remove_subnet (world->tunnel, &network, &error),
          model_remove_subnet (&world->model, index), &error);
}

static void
set_prefix (World *world)
{
    static const unsigned lens[] = {32, 48, 56, 64, 64, 96, 112, 120, 123, 124, 125, 126, 127, 128};
    uint8_t bytes[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, pick (world, 2)};
    SgTunnelPrefixRequest request = {0};
    Subnet subnet, wish = {0};
    int index = random_known_subnet (world, &subnet);
    SgPrefix network = network_of (subnet.network, subnet.len);
    GError *error = NULL;

    if (pick (world, 5) > 0) {
        SgIp ip;

        bytes[15] = (uint8_t) pick (world, 256);
        bytes[12] = (uint8_t) (pick (world, 2) * 0x0a);
        bytes[13] = (uint8_t) (pick (world, 2) * 0x3b);
        ip = sg_ip_from_bytes (AF_INET6, bytes);
        wish.has_prefix = true;
        wish.prefix_len = lens[pick (world, G_N_ELEMENTS (lens))];
        request.prefix = sg_prefix_new (&ip, (uint8_t) wish.prefix_len);
        memcpy (wish.prefix, request.prefix.ip.bytes, 16);
    }
    step (world, sg_tunnel_set_prefix (world->tunnel, &network, &request, &error),
          model_set_prefix (&world->model, index, &wish), &error);
}

static void
add_device (World *world)
{
    SgTunnelKeys keys = {0};
    Subnet subnet;
    Device device = {.subnet = random_known_subnet (world, &subnet),
                     .key = (uint8_t) (1 + pick (world, 120))};
    SgPrefix network = network_of (subnet.network, subnet.len);
    SgTunnelDeviceRequest request = {.name = device.name, .keys = &keys};
    GError *error = NULL;
    SgIp got = {0}, expected;
    SgTunnel *next;
    bool granted;

    g_snprintf (device.name, sizeof device.name, "d%u", pick (world, 60));
    keys.public_key.bytes[5] = device.key;
    if (pick (world, 2)) {
        device.ip4 = subnet.network - 2 + pick (world, (~subnet.mask) + 4);
        request.ip4 = ip4_of (device.ip4);
    }
    next = sg_tunnel_add_device (world->tunnel, &network, &request, &got, &error);
    granted = model_add_device (&world->model, &device);
    expected = ip4_of (device.ip4);
    if (granted)
        g_assert_cmpint (sg_ip_compare (&got, &expected), ==, 0);
    step (world, next, granted, &error);
}

static void
remove_device (World *world)
{
    Subnet subnet;
    int index = random_known_subnet (world, &subnet), device;
    SgTunnelDeviceId id = {.network = network_of (subnet.network, subnet.len)};
    uint32_t ip4 = subnet.network + pick (world, 8);
    GError *error = NULL;

    id.ip4 = ip4_of (ip4);
    device = index < 0 ? -1 : model_find_device (&world->model, index, ip4);
    step (world, sg_tunnel_remove_device (world->tunnel, &id, &error), device >= 0, &error);
    if (device >= 0)
        model_remove_device (&world->model, device);
}

/* The state is what the model says, is right by itself, and survives its file. */
static void
compare (World *world)
{
    char *text = sg_tunnel_to_text (world->tunnel), *again;
    g_autoptr (GError) error = NULL;
    g_autoptr (SgTunnel) parsed = sg_tunnel_parse ("file", text, strlen (text), &error);

    g_assert_no_error (error);
    g_assert_true (model_is_right (&world->model));
    g_assert_cmpint (world->tunnel->subnets->len, ==, world->model.n_subnets);
    g_assert_cmpint (sg_tunnel_count_devices (world->tunnel), ==, world->model.n_devices);
    for (int i = 0; i < world->model.n_devices; i++) {
        const Device *device = &world->model.devices[i];
        const Subnet *subnet = &world->model.subnets[device->subnet];
        SgPrefix network = network_of (subnet->network, subnet->len);
        SgTunnelSubnet *found = sg_tunnel_find (world->tunnel, &network);
        SgIp ip4 = ip4_of (device->ip4);
        SgTunnelDevice *mine = sg_tunnel_subnet_find (found, &ip4);

        g_assert_nonnull (mine);
        g_assert_cmpstr (mine->name, ==, device->name);
        if (subnet->has_prefix) {
            SgIp ip6 = sg_tunnel_device_ip6 (found, mine);
            uint8_t bytes[16];

            model_v6 (subnet, device->ip4, bytes);
            g_assert_cmpmem (ip6.bytes, 16, bytes, 16);
        }
    }
    again = sg_tunnel_to_text (parsed);
    g_assert_cmpstr (text, ==, again);
    sg_wg_text_free (again);
    sg_wg_text_free (text);
}

static void
run_sequence (guint32 seed, guint *granted, guint *refused)
{
    static void (*const requests[]) (World *) = {add_subnet, add_device,    add_device, add_device,
                                                 add_device, remove_device, set_prefix, set_prefix};
    SgTunnelKeys keys = {{{1}}, {{2}}, {{0}}};
    World world = {.rand = g_rand_new_with_seed (seed), .tunnel = sg_tunnel_new (&keys)};

    for (guint i = 0; i < REQUESTS; i++) {
        if (pick (&world, 25) == 0)
            remove_subnet (&world);
        else
            requests[pick (&world, G_N_ELEMENTS (requests))](&world);
        if (i % 8 == 7)
            compare (&world);
    }
    *granted += world.granted;
    *refused += world.refused;
    g_rand_free (world.rand);
    sg_tunnel_free (world.tunnel);
}

static void
test_sequences (void)
{
    guint n = g_strcmp0 (g_getenv ("SG_TEST_LONG"), "1") == 0 ? SEQUENCES_LONG : SEQUENCES;
    guint granted = 0, refused = 0;

    for (guint32 seed = 0; seed < n; seed++)
        run_sequence (seed, &granted, &refused);
    g_test_message ("%s: %u sequences, %u changes granted, %u refused",
                    n == SEQUENCES ? "reduced" : "sized", n, granted, refused);
    /* Both happen often, or the test shows nothing. */
    g_assert_cmpuint (granted, >, n * REQUESTS / 5);
    g_assert_cmpuint (refused, >, n * REQUESTS / 5);
}

/* ---- lengths ---- */

static void
test_every_length_stays_inside (void)
{
    GRand *rand = g_rand_new_with_seed (7);

    for (unsigned len = 0; len <= 128; len++) {
        for (unsigned i = 0; i < 200; i++) {
            uint32_t words[4] = {g_rand_int (rand), g_rand_int (rand), g_rand_int (rand),
                                 g_rand_int (rand)};
            SgIp ip = sg_ip_from_bytes (AF_INET6, words), ip4 = ip4_of (g_rand_int (rand));
            SgPrefix prefix = sg_prefix_new (&ip, (uint8_t) len);
            SgIp host = sg_tunnel_host_v6 (&prefix, &ip4);

            g_assert_true (sg_prefix_contains (&prefix, &host));
            for (unsigned bit = 0; bit < 32 && bit < 128 - len; bit++)
                g_assert_cmpint (host.bytes[15 - bit / 8] >> bit % 8 & 1, ==,
                                 ip4.bytes[3 - bit / 8] >> bit % 8 & 1);
        }
    }
    g_rand_free (rand);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/tunnel-model/sequences", test_sequences);
    g_test_add_func ("/tunnel-model/every-length-stays-inside", test_every_length_stays_inside);
    return g_test_run ();
}
