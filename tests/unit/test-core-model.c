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
#include "worlds.h"

#define WORLDS 400
#define WORLDS_IPV4 200 /* it is off by default */
#define WORLDS_LONG 20000

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
    /* Of IPv4 who is bound to a device is told of a blackhole, too (net/ipv4/fib_trie.c). */
    bool via = packet->oif == 0 || (route->family == AF_INET && route->type != RTN_UNICAST);

    for (uint16_t i = 0; i < route->n_nexthops; i++)
        via = via || route->nexthops[i].ifindex == packet->oif;
    return route->family == packet->dst.family && route->table == table && via &&
           sg_prefix_contains (&route->dst, &packet->dst) &&
           (!route->src.len || sg_prefix_contains (&route->src, &packet->src));
}

/* The family that the packet is of, and its rules and routes. */
static SgFamily
family_of (const Packet *packet)
{
    return packet->dst.family == AF_INET ? SG_IPV4 : SG_IPV6;
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

/* By the rules alone. */
static Devices
follow_rules (const SgSnapshot *kernel, const Packet *packet)
{
    const SgFlow flow = {
        .src = packet->src, .dst = packet->dst, .mark = packet->mark, .bound = packet->oif};

    for (guint i = 0; i < kernel->rules->len; i++) {
        const SgRule *rule = &g_array_index (kernel->rules, SgRule, i);
        Devices devices;

        if (rule->family != packet->dst.family)
            continue;
        if (!sg_fib_rule_matches (kernel, rule, &flow, /* ret_selector= */ NULL))
            continue;
        if (rule->action != FR_ACT_TO_TBL)
            return 0;
        if (look_up (kernel, rule->table, packet, rule->suppress_prefixlen, &devices))
            return devices;
    }
    return 0;
}

/* The others lead to the host itself, to containers, or are tunnels, which are their owner's as
 * long as NetworkManager does not have them (docs/security.md): also who binds to one. */
static bool
is_hardware (const SgSnapshot *kernel, uint32_t ifindex)
{
    const SgLink *link = sg_snapshot_link (kernel, ifindex);

    return link && !(link->flags & IFF_LOOPBACK) && !link->kind[0];
}

/* The interfaces that @packet may be routed to; none: the caller gets an error. Where no route leads
 * out by the device that a socket is bound to, IPv4 takes everybody for a neighbour there
 * (net/ipv4/route.c, ip_route_output_key_hash_rcu). */
static Devices
route_packet (const SgSnapshot *kernel, const Packet *packet)
{
    Devices devices = follow_rules (kernel, packet);

    if (devices || !packet->oif || family_of (packet) != SG_IPV4 ||
        !is_hardware (kernel, packet->oif))
        return devices;
    return device (packet->oif);
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
        .sport = 40000,
        .dport = 9,
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

static Devices
by_name (const SgSnapshot *kernel, const char *name)
{
    const SgLink *link = sg_snapshot_link_by_name (kernel, name);

    return link ? device (link->ifindex) : 0;
}

typedef struct {
    const SgSnapshot *kernel;
    SgFamily family;
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

    for (size_t i = 0; i < SG_WORLD_STRANGERS; i++) {
        for (guint j = 0; j <= kernel->addresses->len; j++) {
            for (guint k = 0; k <= kernel->links->len; k++) {
                Packet packet = {.dst = sg_world_ip (sg_world_strangers[i], watch->family)};

                if (j < kernel->addresses->len &&
                    g_array_index (kernel->addresses, SgAddress, j).ip.family != packet.dst.family)
                    continue;
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
    for (size_t i = 0; i < SG_WORLD_STRANGERS; i++) {
        for (guint k = 0; k <= watch->kernel->links->len; k++) {
            Packet packet = {.src = sg_world_ip (SG_WORLD_BOUND, watch->family),
                             .dst = sg_world_ip (sg_world_strangers[i], watch->family)};

            if (k < watch->kernel->links->len)
                packet.oif = g_array_index (watch->kernel->links, SgLink, k).ifindex;
            watch_packet (watch, &packet);
        }
    }
}

/* Encapsulated packets leave, and never by a tunnel, while a gateway that is none can carry them. */
static void
transport_works (const SgSnapshot *kernel, const SgWanted *wanted, SgFamily family,
                 const char *story)
{
    bool underlay = false;
    Devices tunnels = 0;

    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);

        underlay = underlay || (!gateway->wireguard && gateway->capability[family] == SG_CAPABLE);
    }
    for (guint i = 0; i < kernel->wireguards->len; i++)
        tunnels |= device (g_array_index (kernel->wireguards, SgWireguard, i).ifindex);
    for (guint i = 0; i < wanted->gateways->len && underlay; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);
        Packet packet = {.dst = sg_world_ip (sg_world_strangers[0], family),
                         .mark = gateway->fwmark,
                         .best = true};

        if (gateway->wireguard && (send_packet (kernel, &packet) & tunnels))
            g_error ("%s: its own packets enter a tunnel\n%s\n%s", gateway->name, story,
                     sg_snapshot_to_string (kernel));
    }
}

/* What has to work when a run is complete. */
static void
everything_works (const SgSnapshot *kernel, const SgWanted *wanted, SgFamily family)
{
    Packet inside = {.dst = sg_world_ip (SG_WORLD_INSIDE, family)};
    Devices lan = by_name (kernel, "br0");

    for (guint i = 0; i < kernel->routes->len && lan; i++) {
        const SgRoute *route = g_ptr_array_index (kernel->routes, i);

        if (route->table == RT_TABLE_MAIN && sg_prefix_contains (&route->dst, &inside.dst) &&
            route->dst.len == (family == SG_IPV4 ? 24 : 64))
            g_assert_cmphex (send_packet (kernel, &inside), ==, lan);
    }
    for (guint i = 0; i < wanted->gateways->len; i++) {
        const SgGateway *gateway = &g_array_index (wanted->gateways, SgGateway, i);
        Packet reply = {.dst = sg_world_ip (sg_world_strangers[0], family), .mark = gateway->mark};

        /* Replies leave by the gateway of their mark, or not at all. */
        g_assert_cmphex (route_packet (kernel, &reply) & ~device (gateway->ifindex), ==, 0);
        if (gateway->capability[family] == SG_CAPABLE)
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
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        g_clear_pointer (&to->nft[family], sg_nft_table_free);
        to->nft[family] = sg_fake_nft_copy (from->nft[family]);
    }
}

typedef struct {
    guint steps, refusals, packets, selected, bound;
} Count;

/* One plan, and what its end looks like. */
typedef struct {
    SgSituationText *now;
    SgFamily family;
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
    Watch watch = {kernel, walk->family, by_name (kernel, new), story};

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
    Watch watch = {kernel, walk->family, by_name (kernel, new), story};

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
walk_plan (SgSituationText *now, const SgState *old, SgFamily family, const char *story,
           Count *count)
{
    g_autoptr (SgWanted) wanted = decide (now);
    g_autoptr (SgPlan) plan = sg_plan_new (now->snapshot, wanted);
    g_autofree char *actions = sg_plan_to_string (plan, now->snapshot);
    g_autofree char *told = g_strdup_printf ("%s--- plan ---\n%s", story, actions);
    g_autoptr (SgSnapshot) done = apply_some (now, plan, plan->actions->len);
    g_autofree char *end = sorted_text (done);
    Walk walk = {now, family, old->outbound, bound_to (old), told, end, count};

    everything_works (done, wanted, family);
    if (now->state->outbound[0])
        transport_works (done, wanted, family, story);
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
live (SgFamily family, Count *count)
{
    SgWorld world = {0};
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autofree char *story = NULL;
    g_autoptr (SgSituationText) first = NULL;
    g_autoptr (SgSituationText) second = NULL;
    g_autoptr (SgSnapshot) kernel = NULL;

    sg_world_roll (&world, 100);
    before = sg_world_text (&world, family);
    first = sg_situation_parse (before);
    sg_world_roll (&world, 15);
    after = sg_world_text (&world, family);
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
    walk_plan (second, first->state, family, story, count);
}

static void
test_model (gconstpointer data)
{
    SgFamily family = (SgFamily) GPOINTER_TO_UINT (data);
    bool all = g_strcmp0 (g_getenv ("SG_TEST_LONG"), "1") == 0;
    guint worlds = all ? WORLDS_LONG : family == SG_IPV4 ? WORLDS_IPV4 : WORLDS;
    Count count = {0};

    for (guint i = 0; i < worlds; i++)
        live (family, &count);
    g_test_message (
        "%s: %s: %u changes of worlds (%u with an outbound before and after, %u with an override), "
        "%u steps, %u refusals, %u packets",
        all ? "sized" : "reduced", family == SG_IPV4 ? "IPv4" : "IPv6", worlds, count.selected,
        count.bound, count.steps, count.refusals, count.packets);
    g_assert_cmpuint (count.bound, >, worlds / 5);
    g_assert_cmpuint (count.selected, >, worlds / 4);
}

/* The model must be able to see a leak: without the guard, and without a rule. */
static void
test_model_sees_leaks (gconstpointer data)
{
    SgFamily family = (SgFamily) GPOINTER_TO_UINT (data);
    static const char text[] =
        "link 1 lo loopback up\nlink 2 eth0 up\nlink 5 wg0 kind wireguard up\n"
        "device eth0 can-be-gateway managed active\n"
        "device wg0 can-be-gateway managed active\nwireguard wg0 fwmark 0x1\n"
        "address 2001:db8:1::10/64 dev eth0 permanent\n"
        "route default table main proto 9 via fe80::1 dev eth0\n"
        "rule pref 32766 lookup main proto 2\noutbound wg0\n";
    g_autofree char *lines = sg_world_in_family (text, family);
    g_autofree char *whole =
        g_strconcat (family == SG_IPV4 ? "config Families=ipv4\n" : "", lines, NULL);
    g_autoptr (SgSituationText) now = sg_situation_parse (whole);
    g_autoptr (SgWanted) wanted = decide (now);
    g_autoptr (SgPlan) plan = sg_plan_new (now->snapshot, wanted);
    g_autoptr (SgSnapshot) kernel = apply_some (now, plan, plan->actions->len);
    Packet packet = {.dst = sg_world_ip (sg_world_strangers[0], family)};

    g_assert_cmphex (send_packet (now->snapshot, &packet), ==, device (2));
    g_assert_cmphex (send_packet (kernel, &packet), ==, 0);
    /* The source that IPv6 would choose, or a bound socket has: rule 60 leads out, the guard holds. */
    packet.src = sg_world_ip ("2001:db8:1::10", family);
    g_assert_cmphex (route_packet (kernel, &packet), ==, device (2));
    g_assert_cmphex (send_packet (kernel, &packet), ==, 0);
    g_ptr_array_set_size (kernel->nft[family]->chains, 0);
    g_assert_cmphex (send_packet (kernel, &packet), ==, device (2));
    /* Bound to a device, without a source: IPv4 needs no route. */
    packet = (Packet) {.dst = packet.dst, .oif = 2};
    g_assert_cmphex (send_packet (kernel, &packet), ==, family == SG_IPV4 ? device (2) : 0);
}

int
main (int argc, char **argv)
{
    setlocale (LC_ALL, "");
    g_test_init (&argc, &argv, NULL);
    for (SgFamily family = 0; family < SG_FAMILY_N; family++) {
        gconstpointer data = GUINT_TO_POINTER (family);
        const char *name = family == SG_IPV4 ? "ipv4" : "ipv6";
        g_autofree char *leaks = g_strdup_printf ("/core/model/%s/sees-leaks", name);
        g_autofree char *worlds = g_strdup_printf ("/core/model/%s/worlds", name);

        g_test_add_data_func (leaks, data, test_model_sees_leaks);
        g_test_add_data_func (worlds, data, test_model);
    }
    return g_test_run ();
}
