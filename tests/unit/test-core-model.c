/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random hosts that change at random, and a kernel in memory. After every action of every plan,
 * and when the kernel refuses any of them, no new connection to the Internet leaves by another
 * gateway than the old or the new selection; the next run makes it good, and the one behind that
 * has nothing to do. */
#include <linux/fib_rules.h>
#include <locale.h>
#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "core/contract.h"
#include "core/fib.h"
#include "core/nft-eval.h"
#include "core/plan.h"
#include "kernel/apply.h"
#include "lib/fake-kernel.h"
#include "lib/fault-kernel.h"
#include "lib/situation.h"

#define WORLDS 400
#define WORLDS_LONG 20000

/* ---- random worlds: lines, each there or not ---- */

typedef struct {
    int percent;
    const char *line;
} Line;

static const Line lines[] = {
    {100, "link 1 lo loopback up"},
    {95, "link 2 eth0 up"},
    {60, "link 3 eth1 up"},
    {85, "link 5 wg0 kind wireguard up"},
    {50, "link 6 wg1 kind wireguard up"},
    {80, "link 7 br0 kind bridge up"},
    {40, "link 8 eth8 up"},
    {40, "link 9 tun0 kind tun up"},

    {90, "device eth0 kind ethernet can-be-gateway managed active"},
    {90, "device eth1 kind ethernet can-be-gateway managed active gateway6 fe80::3"},
    {90, "device wg0 kind wireguard can-be-gateway managed active"},
    {70, "device wg1 kind wireguard can-be-gateway managed active"},
    {80, "device br0 kind bridge managed active"},
    {20, "device tun0 kind tun can-be-gateway managed active external"},

    {90, "address 2001:db8:1::10/64 dev eth0 permanent"},
    {20, "address 2001:db8:1::77/64 dev eth0 temporary tentative"},
    {20, "address 2001:db8:aa::10/64 dev eth0"},
    {80, "address 2001:db8:3::10/64 dev eth1 deprecated"},
    {60, "address 2001:db8:3::11/64 dev eth1"},
    {90, "address 2001:db8:f::2/128 dev wg0 permanent"},
    {80, "address fd00:6::2/128 dev wg1 permanent"},
    {90, "address fd00:7::1/64 dev br0 permanent"},
    {70, "address 2001:db8:8::10/64 dev eth8"},
    {70, "address 2001:db8:9::10/64 dev tun0"},
    {90, "wireguard wg0 fwmark 0x0 default6"},
    {60, "wireguard wg1 fwmark 0xcafe default6"},

    {90, "route 2001:db8:1::/64 table main proto 2 metric 256 dev eth0"},
    {40, "route 2001:db8:aa::/64 table main proto 9 metric 100 dev eth0"},
    {80, "route 2001:db8:3::/64 table main proto 9 metric 101 dev eth1"},
    {90, "route fd00:7::/64 table main proto 2 metric 256 dev br0"},
    {70, "route 2001:db8:9::/64 table main proto 4 dev tun0"},
    {80, "route default table main proto 9 metric 100 via fe80::1 dev eth0"},
    {20, "route default table main proto 9 metric 100 pref high via fe80::2 dev eth0"},
    {15, "route default table main proto 9 metric 100 pref low via fe80::4 dev eth0"},
    {15, "route default table main proto 9 metric 101 mtu 1400 via fe80::5 dev eth0"},
    {60, "route default table main proto 9 metric 101 via fe80::3 dev eth1"},
    {20, "route default table main proto 4 metric 99 nexthop via fe80::1 dev eth0 nexthop via "
         "fe80::3 dev eth1"},
    {15, "route default table main proto 4 metric 98 nhid 4 nexthop via fe80::1 dev eth0 nexthop "
         "via fe80::3 dev eth1"},
    {25, "route default table main proto 4 metric 50 dev wg0"},
    {40, "route default table main proto 4 metric 300 via fe80::8 dev eth8"},
    {15, "route default table main proto 4 metric 20 dev tun0"},
    /* injected, in disguise, and static */
    {20, "route 2000::/3 table main proto 9 metric 9 via fe80::1 dev eth0"},
    {15, "route 2000::/3 table main proto 4 metric 9 dev wg1"},
    {15, "route 2000::/3 table main proto 4 metric 8 dev tun0"},
    {10, "route unreachable 2000::/3 table main proto 4 metric 7"},
    {25, "route 2a00:5::/48 table main proto 9 metric 9 via fe80::1 dev eth0"},
    {25, "route 2a00::/12 table main proto 9 metric 9 via fe80::3 dev eth1"},
    {25, "route 2c00::/12 table main proto 4 metric 9 via fe80::1 dev eth0"},
    {20, "route 2001:db8:1::/48 table main proto 4 metric 9 mtu 1300 via fe80::1 dev eth0"},
    {20, "route 2001:db8:1::/48 table main proto 4 metric 9 via fe80::2 dev eth0"},
    /* NetworkManager's own for a full tunnel */
    {100, "rule pref 0 lookup 255 proto 2"},
    {30, "rule pref 31488 lookup main suppress_prefixlength 0 proto 3"},
    {30, "rule pref 31489 not fwmark 0xcafe lookup 51820 proto 3"},
    {100, "rule pref 32766 lookup main proto 2"},
    {50, "trusted eth0 2001:db8:1::/64"},
};

static const char *const outbounds[] = {"", "wg0", "wg0", "wg1", "eth0", "eth1", "eth8", "gone0"};
/* The gateway of the source BOUND; "": it has none of its own. */
#define BOUND "fd00:7::2"
static const char *const overrides[] = {"", "", "wg0", "wg1", "eth1", "gone0"};
static const char *const managers[] = {"ready", "ready", "ready", "ready", "starting", "absent"};

typedef struct {
    uint8_t rolls[G_N_ELEMENTS (lines)];
    uint8_t outbound, override, manager;
} World;

static void
roll (World *world, int percent)
{
    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
        if (g_test_rand_int_range (0, 100) < percent)
            world->rolls[i] = (uint8_t) g_test_rand_int_range (0, 100);
    }
    if (g_test_rand_int_range (0, 100) < percent * 2)
        world->outbound = (uint8_t) g_test_rand_int_range (0, G_N_ELEMENTS (outbounds));
    if (g_test_rand_int_range (0, 100) < percent * 2)
        world->override = (uint8_t) g_test_rand_int_range (0, G_N_ELEMENTS (overrides));
    if (g_test_rand_int_range (0, 100) < percent * 2)
        world->manager = (uint8_t) g_test_rand_int_range (0, G_N_ELEMENTS (managers));
}

/* Whether every interface that the words of @line name is there in @text. */
static bool
has_links (const char *line, const char *text)
{
    static const char *const names[] = {"eth0", "eth1", "wg0", "wg1", "br0", "eth8", "tun0"};
    g_auto (GStrv) words = g_strsplit (line, " ", -1);

    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *link = g_strdup_printf (" %s ", names[i]);

        if (g_strv_contains ((const char *const *) words, names[i]) && !strstr (text, link))
            return false;
    }
    return true;
}

static char *
world_text (const World *world)
{
    GString *text = g_string_new (NULL);
    const char *manager = managers[world->manager];

    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
        const char *line = lines[i].line;
        bool device = g_str_has_prefix (line, "device");

        if (world->rolls[i] >= lines[i].percent || (device && strcmp (manager, "absent") == 0) ||
            (device && strcmp (manager, "starting") == 0 && world->rolls[i] % 2))
            continue;
        if (g_str_has_prefix (line, "link") || has_links (line, text->str))
            g_string_append_printf (text, "%s\n", line);
    }
    g_string_append_printf (text, "networkmanager %s\n", manager);
    if (outbounds[world->outbound][0])
        g_string_append_printf (text, "outbound %s\n", outbounds[world->outbound]);
    if (overrides[world->override][0])
        g_string_append_printf (text, "override " BOUND "/128 %s\n", overrides[world->override]);
    return g_string_free (text, /* free_segment= */ FALSE);
}

/* ---- the model: where a packet may go ----
 * Which rules apply, and what the guard says, is core/fib's and core/nft-eval's answer, which
 * test-explain-kernel holds against the kernel. The look into a table is the model's own: it takes
 * every router that may be tried, while the kernel, asked now, names one. */

typedef struct {
    SgIp src; /* AF_UNSPEC: not chosen yet */
    SgIp dst;
    uint32_t mark;
    uint32_t oif; /* of a socket that is bound to a device; 0 = of none */
    bool best;    /* every router answers: only the smallest metric counts */
} Packet;

/* A set of interfaces: a bit for each index. */
typedef uint64_t Devices;

static Devices
device (uint32_t ifindex)
{
    g_assert_cmpuint (ifindex, <, 64);
    return 1ull << ifindex;
}

static bool
route_matches (const SgRoute *route, uint32_t table, const Packet *packet)
{
    bool via = packet->oif == 0;

    for (uint16_t i = 0; i < route->n_nexthops; i++)
        via = via || route->nexthops[i].ifindex == packet->oif;
    return route->table == table && via && sg_prefix_contains (&route->dst, &packet->dst) &&
           (!route->src.len || sg_prefix_contains (&route->src, &packet->src));
}

/* The longest prefix decides. Of its routes all next hops count, whatever their metrics: a router
 * that does not answer makes the kernel try the next. False: no route, on to the next rule. */
static bool
look_up (const SgSnapshot *kernel, uint32_t table, const Packet *packet, int suppress,
         Devices *ret_devices)
{
    int longest = -1;
    uint32_t metric = UINT32_MAX;
    bool throws = false;

    *ret_devices = 0;
    for (guint i = 0; i < kernel->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (kernel->routes, i);

        if (!route_matches (route, table, packet) || route->dst.len < longest)
            continue;
        if (packet->best && route->dst.len == longest && route->metric > metric)
            continue;
        if (route->dst.len > longest || (packet->best && route->metric < metric))
            *ret_devices = 0;
        longest = route->dst.len;
        metric = route->metric;
        throws = route->type == RTN_THROW;
        for (uint16_t j = 0; route->type == RTN_UNICAST && j < route->n_nexthops; j++) {
            if (!packet->oif || route->nexthops[j].ifindex == packet->oif)
                *ret_devices |= device (route->nexthops[j].ifindex);
        }
    }
    return longest > suppress && !throws;
}

/* The interfaces that @packet may be routed to; none: the caller gets an error. */
static Devices
route_packet (const SgSnapshot *kernel, const Packet *packet)
{
    const SgFlow flow = {
        .src = packet->src, .dst = packet->dst, .mark = packet->mark, .bound = packet->oif};

    for (guint i = 0; i < kernel->rules->len; i++) {
        const SgRule *rule = &g_array_index (kernel->rules, SgRule, i);
        Devices devices;

        if (!sg_fib_rule_matches (kernel, rule, &flow, /* ret_selector= */ NULL))
            continue;
        if (rule->action != FR_ACT_TO_TBL)
            return 0;
        if (look_up (kernel, rule->table, packet, rule->suppress_prefixlen, &devices))
            return devices;
    }
    return 0;
}

/* What our chains in postrouting say of a new connection. */
static bool
guard_passes (const SgSnapshot *kernel, const Packet *packet, uint32_t ifindex)
{
    const SgNftPacket outgoing = {
        .src = packet->src,
        .dst = packet->dst,
        .oif = ifindex,
        .mark = packet->mark,
        .protocol = IPPROTO_UDP,
    };

    return sg_nft_eval (kernel, NF_INET_POST_ROUTING, &outgoing).opinion == SG_NFT_PASSES;
}

/* The interfaces by which @packet may really leave. */
static Devices
send_packet (const SgSnapshot *kernel, const Packet *packet)
{
    Devices routed = route_packet (kernel, packet);
    Devices passed = 0;

    for (guint i = 0; i < kernel->links->len; i++) {
        uint32_t ifindex = g_array_index (kernel->links, SgLink, i).ifindex;

        if ((routed & device (ifindex)) && guard_passes (kernel, packet, ifindex))
            passed |= device (ifindex);
    }
    return passed;
}

/* Destinations that no line above makes local: the Internet; behind an injected route; on a prefix
 * that was announced after the choice. */
static const char *const strangers[] = {"2620:fe::fe", "2a00:5::1", "2001:db8:aa::99"};

static Devices
by_name (const SgSnapshot *kernel, const char *name)
{
    const SgLink *link = sg_snapshot_link_by_name (kernel, name);

    return link ? device (link->ifindex) : 0;
}

typedef struct {
    const SgSnapshot *kernel;
    Devices allowed;
    const char *story; /* for when it leaks */
    guint packets;
} Watch;

static void
watch_packet (Watch *watch, const Packet *packet)
{
    Devices leak = send_packet (watch->kernel, packet) & ~watch->allowed;
    char src[SG_PREFIX_TEXT_MAX], dst[SG_PREFIX_TEXT_MAX];

    watch->packets++;
    if (leak)
        g_error ("from %s to %s, bound to device %u: leaves by interfaces 0x%" G_GINT64_MODIFIER
                 "x\n%s\n%s",
                 sg_ip_format (&packet->src, src), sg_ip_format (&packet->dst, dst), packet->oif,
                 leak, watch->story, sg_snapshot_to_string (watch->kernel));
}

/* Every source that the host has (the kernel may choose any of them by itself when the first
 * lookup fails), none, and sockets bound to any device. */
static void
nothing_leaks (Watch *watch)
{
    const SgSnapshot *kernel = watch->kernel;

    for (size_t i = 0; i < G_N_ELEMENTS (strangers); i++) {
        for (guint j = 0; j <= kernel->addresses->len; j++) {
            for (guint k = 0; k <= kernel->links->len; k++) {
                Packet packet = {0};

                g_assert_true (sg_ip_parse (strangers[i], &packet.dst));
                if (j < kernel->addresses->len)
                    packet.src = g_array_index (kernel->addresses, SgAddress, j).ip;
                if (k < kernel->links->len)
                    packet.oif = g_array_index (kernel->links, SgLink, k).ifindex;
                watch_packet (watch, &packet);
            }
        }
    }
}

/* What a source with a gateway of its own sends, bound to whatever device. */
static void
bound_source_stays (Watch *watch)
{
    for (size_t i = 0; i < G_N_ELEMENTS (strangers); i++) {
        for (guint k = 0; k <= watch->kernel->links->len; k++) {
            Packet packet = {0};

            g_assert_true (sg_ip_parse (strangers[i], &packet.dst));
            g_assert_true (sg_ip_parse (BOUND, &packet.src));
            if (k < watch->kernel->links->len)
                packet.oif = g_array_index (watch->kernel->links, SgLink, k).ifindex;
            watch_packet (watch, &packet);
        }
    }
}

/* Encapsulated packets leave, and never by a tunnel, while a gateway that is none can carry them. */
static void
transport_works (const SgSnapshot *kernel, const SgWanted *wanted, const char *story)
{
    bool underlay = false;
    Devices tunnels = 0;

    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);

        underlay = underlay || (!gateway->wireguard && gateway->capability[SG_IPV6] == SG_CAPABLE);
    }
    for (guint i = 0; i < kernel->wireguards->len; i++)
        tunnels |= device (g_array_index (kernel->wireguards, SgWireguard, i).ifindex);
    for (guint i = 0; i < wanted->gateways->len && underlay; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);
        Packet packet = {.mark = gateway->fwmark, .best = true};

        g_assert_true (sg_ip_parse (strangers[0], &packet.dst));
        if (gateway->wireguard && (send_packet (kernel, &packet) & tunnels))
            g_error ("%s: its own packets enter a tunnel\n%s\n%s", gateway->name, story,
                     sg_snapshot_to_string (kernel));
    }
}

/* What has to work when a run is complete. */
static void
everything_works (const SgSnapshot *kernel, const SgWanted *wanted)
{
    Packet inside = {0};
    Devices lan = by_name (kernel, "br0");

    g_assert_true (sg_ip_parse ("fd00:7::99", &inside.dst));
    for (guint i = 0; i < kernel->routes->len && lan; i++) {
        const SgRoute *route = g_ptr_array_index (kernel->routes, i);

        if (route->table == RT_TABLE_MAIN && sg_prefix_contains (&route->dst, &inside.dst) &&
            route->dst.len == 64)
            g_assert_cmphex (send_packet (kernel, &inside), ==, lan);
    }
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);
        Packet reply = {.mark = gateway->mark};

        g_assert_true (sg_ip_parse (strangers[0], &reply.dst));
        /* Replies leave by the gateway of their mark, or not at all. */
        g_assert_cmphex (route_packet (kernel, &reply) & ~device (gateway->ifindex), ==, 0);
        if (gateway->capability[SG_IPV6] == SG_CAPABLE)
            g_assert_cmphex (route_packet (kernel, &reply), !=, 0);
    }
}

/* ---- runs ---- */

static SgWanted *
decide (const SgSituationText *now)
{
    SgWanted *wanted =
        sg_wanted_new (now->config, now->state, now->memory, now->tunnel, now->snapshot);

    sg_gateways_remember (wanted->gateways, now->snapshot, now->memory);
    return wanted;
}

/* What @kernel holds, with what NetworkManager says as before. Closes the kernel. */
static SgSnapshot *
look_again (const SgSituationText *now, SgKernel *kernel)
{
    SgSnapshot *after = sg_snapshot_new ();

    g_assert_true (kernel->ops->dump (kernel, now->config, after, NULL));
    after->nm = now->snapshot->nm;
    g_array_append_vals (after->devices, now->snapshot->devices->data, now->snapshot->devices->len);
    sg_kernel_close (kernel);
    return after;
}

/* The kernel after the first @n actions of @plan. */
static SgSnapshot *
apply_some (const SgSituationText *now, const SgPlan *plan, guint n)
{
    SgKernel *kernel = sg_fake_kernel_new (now->snapshot);
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
    SgPlan some = {g_array_new (FALSE, TRUE, sizeof (SgAction))};

    g_array_append_vals (some.actions, plan->actions->data, n);
    if (!sg_apply (kernel, now->snapshot, &some, failures))
        g_error ("%s", ((const GError *) g_ptr_array_index (failures, 0))->message);
    g_array_unref (some.actions);
    return look_again (now, kernel);
}

/* The kernel after @plan, of which it refused the action @nth. */
static SgSnapshot *
apply_refused (const SgSituationText *now, const SgPlan *plan, guint nth)
{
    SgKernel *kernel = sg_fake_kernel_new (now->snapshot);
    g_autoptr (SgKernel) faulty = sg_fault_kernel_new (kernel, SG_FAULT_REFUSE, nth);
    g_autoptr (GPtrArray) failures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);

    g_assert_false (sg_apply (faulty, now->snapshot, plan, failures));
    g_assert_cmpuint (failures->len, >, 0);
    return look_again (now, kernel);
}

/* A transaction is one step. */
static bool
is_step (const SgPlan *plan, guint n)
{
    const SgAction *next;

    if (n == 0 || n == plan->actions->len)
        return true;
    next = &g_array_index (plan->actions, SgAction, n);
    return (next->stage != SG_STAGE_GUARD && next->stage != SG_STAGE_UNGUARD) ||
           g_array_index (plan->actions, SgAction, n - 1).stage != next->stage;
}

/* The gateway of the override; "" without one. */
static const char *
bound_to (const SgState *state)
{
    return state->overrides->len ? g_array_index (state->overrides, SgOverride, 0).interface : "";
}

static int
compare_text (const char **a, const char **b)
{
    return strcmp (*a, *b);
}

/* A kernel as text; what was added when does not count. */
static char *
sorted_text (const SgSnapshot *kernel)
{
    g_autofree char *text = sg_snapshot_to_string (kernel);
    g_auto (GStrv) parts = g_strsplit (text, "\n", -1);

    qsort (parts, g_strv_length (parts), sizeof *parts,
           (int (*) (const void *, const void *)) compare_text);
    return g_strjoinv ("\n", parts);
}

/* The kernel after one run to the end, from what @kernel holds; whether there was nothing to do. */
static SgSnapshot *
run_on (SgSituationText *now, SgSnapshot *kernel, bool *ret_nothing)
{
    SgSnapshot *before = now->snapshot;
    g_autoptr (SgWanted) wanted = NULL;
    g_autoptr (SgPlan) plan = NULL;
    SgSnapshot *after;

    now->snapshot = kernel;
    wanted = decide (now);
    plan = sg_plan_new (kernel, wanted);
    after = apply_some (now, plan, plan->actions->len);
    *ret_nothing = plan->actions->len == 0;
    now->snapshot = before;
    return after;
}

/* The run after a kill, as text; the one behind it has nothing to do. */
static char *
converge (SgSituationText *now, SgSnapshot *kernel)
{
    bool nothing;
    g_autoptr (SgSnapshot) after = run_on (now, kernel, &nothing);
    g_autoptr (SgSnapshot) again = run_on (now, after, &nothing);

    g_assert_true (nothing);
    return sorted_text (again);
}

/* What is ours stays when the rest of the world changes; routes go with their link. */
static void
carry_over (const SgSnapshot *from, SgSnapshot *to)
{
    GArray *rules = g_array_new (FALSE, TRUE, sizeof (SgRule));

    for (guint i = 0; i < from->rules->len; i++) {
        if (g_array_index (from->rules, SgRule, i).protocol == SG_PROTOCOL)
            g_array_append_val (rules, g_array_index (from->rules, SgRule, i));
    }
    /* The world's own: 0 before ours, the others behind. */
    g_array_insert_vals (to->rules, 1, rules->data, rules->len);
    g_array_unref (rules);
    for (guint i = 0; i < from->routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (from->routes, i);
        bool alive = route->protocol == SG_PROTOCOL;

        for (uint16_t j = 0; j < route->n_nexthops; j++)
            alive = alive && sg_snapshot_link (to, route->nexthops[j].ifindex);
        if (alive)
            g_ptr_array_add (to->routes, sg_route_copy (route));
    }
    g_clear_pointer (&to->nft[SG_IPV6], sg_nft_table_free);
    to->nft[SG_IPV6] = sg_fake_nft_copy (from->nft[SG_IPV6]);
}

typedef struct {
    guint steps, refusals, packets, selected, bound;
} Count;

/* One plan, and what its end looks like. */
typedef struct {
    SgSituationText *now;
    const char *old;       /* the outbound that was selected before */
    const char *old_bound; /* and the gateway of the override */
    const char *story;
    char *end;
    Count *count;
} Walk;

/* The same for the override. */
static void
check_override (const Walk *walk, const SgSnapshot *kernel, bool finished, const char *story)
{
    const char *new = bound_to (walk->now->state);
    Watch watch = {kernel, by_name (kernel, new), story};

    if (!finished)
        watch.allowed |= by_name (kernel, walk->old_bound);
    if (*new && (*walk->old_bound || finished))
        bound_source_stays (&watch);
    walk->count->packets += watch.packets;
}

/* Whatever happened on the way to @kernel (which is taken): nothing leaks, the next run makes it
 * good. @finished: the old selection must not matter any more. */
static void
check_kernel (const Walk *walk, SgSnapshot *kernel, bool finished, const char *where)
{
    g_autoptr (SgSnapshot) owned = kernel;
    g_autofree char *story = g_strdup_printf ("%s--- after %s ---", walk->story, where);
    g_autofree char *end = NULL;
    const char *new = walk->now->state->outbound;
    Watch watch = {kernel, by_name (kernel, new), story};

    if (!finished)
        watch.allowed |= by_name (kernel, walk->old);
    if (*new && (*walk->old || finished))
        nothing_leaks (&watch);
    walk->count->packets += watch.packets;
    check_override (walk, kernel, finished, story);
    end = converge (walk->now, kernel);
    if (strcmp (end, walk->end) != 0)
        g_error ("%s\n--- undisturbed ---\n%s\n--- made good ---\n%s", story, walk->end, end);
}

/* Every step of one plan, and every refusal. */
static void
walk_plan (SgSituationText *now, const SgState *old, const char *story, Count *count)
{
    g_autoptr (SgWanted) wanted = decide (now);
    g_autoptr (SgPlan) plan = sg_plan_new (now->snapshot, wanted);
    g_autofree char *actions = sg_plan_to_string (plan, now->snapshot);
    g_autofree char *told = g_strdup_printf ("%s--- plan ---\n%s", story, actions);
    g_autoptr (SgSnapshot) done = apply_some (now, plan, plan->actions->len);
    g_autofree char *end = sorted_text (done);
    Walk walk = {now, old->outbound, bound_to (old), told, end, count};

    everything_works (done, wanted);
    if (now->state->outbound[0])
        transport_works (done, wanted, story);
    count->selected += *walk.old && now->state->outbound[0];
    count->bound += *walk.old_bound && *bound_to (now->state);
    for (guint n = 0; n <= plan->actions->len; n++) {
        g_autofree char *where = g_strdup_printf ("%u actions", n);

        if (!is_step (plan, n))
            continue;
        check_kernel (&walk, apply_some (now, plan, n), n == plan->actions->len, where);
        count->steps++;
        if (n == plan->actions->len)
            break;
        g_free (where);
        where = g_strdup_printf ("a refusal of action %u", n);
        check_kernel (&walk, apply_refused (now, plan, n), /* finished= */ false, where);
        count->refusals++;
    }
}

/* A world, complete; then it changes. */
static void
live (Count *count)
{
    World world = {0};
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autofree char *story = NULL;
    g_autoptr (SgSituationText) first = NULL;
    g_autoptr (SgSituationText) second = NULL;
    g_autoptr (SgSnapshot) kernel = NULL;

    roll (&world, 100);
    before = world_text (&world);
    first = sg_situation_parse (before);
    roll (&world, 15);
    after = world_text (&world);
    second = sg_situation_parse (after);
    story = g_strdup_printf ("--- before ---\n%s--- after ---\n%s", before, after);

    {
        g_autoptr (SgWanted) wanted = decide (first);
        g_autoptr (SgPlan) plan = sg_plan_new (first->snapshot, wanted);

        kernel = apply_some (first, plan, plan->actions->len);
    }
    carry_over (kernel, second->snapshot);
    sg_memory_free (second->memory);
    second->memory = g_steal_pointer (&first->memory);
    first->memory = sg_memory_new ();
    walk_plan (second, first->state, story, count);
}

static void
test_model (void)
{
    guint worlds = g_strcmp0 (g_getenv ("SG_TEST_LONG"), "1") == 0 ? WORLDS_LONG : WORLDS;
    Count count = {0};

    for (guint i = 0; i < worlds; i++)
        live (&count);
    g_test_message (
        "%s: %u changes of worlds (%u with an outbound before and after, %u with an override), "
        "%u steps, %u refusals, %u packets",
        worlds == WORLDS ? "reduced" : "sized", worlds, count.selected, count.bound, count.steps,
        count.refusals, count.packets);
    g_assert_cmpuint (count.bound, >, worlds / 5);
    g_assert_cmpuint (count.selected, >, worlds / 4);
}

/* The model must be able to see a leak: without the guard, and without a rule. */
static void
test_model_sees_leaks (void)
{
    static const char text[] =
        "link 1 lo loopback up\nlink 2 eth0 up\nlink 5 wg0 kind wireguard up\n"
        "device eth0 can-be-gateway managed active\n"
        "device wg0 can-be-gateway managed active\nwireguard wg0 fwmark 0x1\n"
        "address 2001:db8:1::10/64 dev eth0 permanent\n"
        "route default table main proto 9 via fe80::1 dev eth0\n"
        "rule pref 32766 lookup main proto 2\noutbound wg0\n";
    g_autoptr (SgSituationText) now = sg_situation_parse (text);
    g_autoptr (SgWanted) wanted = decide (now);
    g_autoptr (SgPlan) plan = sg_plan_new (now->snapshot, wanted);
    g_autoptr (SgSnapshot) kernel = apply_some (now, plan, plan->actions->len);
    Packet packet = {0};

    g_assert_true (sg_ip_parse (strangers[0], &packet.dst));
    g_assert_cmphex (send_packet (now->snapshot, &packet), ==, device (2));
    g_assert_cmphex (send_packet (kernel, &packet), ==, 0);
    /* The source that the kernel would choose: rule 60 leads out, the guard holds. */
    g_assert_true (sg_ip_parse ("2001:db8:1::10", &packet.src));
    g_assert_cmphex (route_packet (kernel, &packet), ==, device (2));
    g_assert_cmphex (send_packet (kernel, &packet), ==, 0);
    g_ptr_array_set_size (kernel->nft[SG_IPV6]->chains, 0);
    g_assert_cmphex (send_packet (kernel, &packet), ==, device (2));
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/core/model/sees-leaks", test_model_sees_leaks);
    g_test_add_func ("/core/model/worlds", test_model);
    return g_test_run ();
}
