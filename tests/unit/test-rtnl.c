/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtnetlink messages in memory: what is built is read back the same; what is torn, cut or lying is
 * refused (nl-torn.h). */
#include <errno.h>
#include <string.h>

#include <net/if.h>
#include <net/if_arp.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/nexthop.h>

#include "base/error.h"
#include "core/contract.h"
#include "kernel/nl-attr.h"
#include "kernel/rtnl-address.h"
#include "kernel/rtnl-link.h"
#include "kernel/rtnl-nexthop.h"
#include "kernel/rtnl-route.h"
#include "kernel/rtnl-rule.h"
#include "nl-torn.h"

static SgIp
ip (const char *text)
{
    SgIp result;

    g_assert_true (sg_ip_parse (text, &result));
    return result;
}

static SgPrefix
prefix (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgPrefix result;

    g_assert_true (sg_prefix_parse (text, &result, &error));
    g_assert_no_error (error);
    return result;
}

/* ---- every parser behind one face, for cutting and lying ---- */

static bool
parse_link (const struct nlmsghdr *nlh, GError **error)
{
    SgLink link;

    return sg_rtnl_link_parse (nlh, &link, error);
}

static bool
parse_address (const struct nlmsghdr *nlh, GError **error)
{
    SgAddress address;

    return sg_rtnl_address_parse (nlh, &address, error);
}

static bool
parse_rule (const struct nlmsghdr *nlh, GError **error)
{
    SgRule rule;

    return sg_rtnl_rule_parse (nlh, &rule, error);
}

static bool
parse_route (const struct nlmsghdr *nlh, GError **error)
{
    g_autofree SgRoute *route = NULL;

    return sg_rtnl_route_parse (nlh, &route, error);
}

static bool
parse_nexthop (const struct nlmsghdr *nlh, GError **error)
{
    SgRtnlNexthop nexthop = {0};
    bool ok = sg_rtnl_nexthop_parse (nlh, &nexthop, error);

    sg_rtnl_nexthop_clear (&nexthop);
    return ok;
}

/* ---- links and addresses ---- */

/* @elsewhere: what is below it is in another namespace. */
static void
build_link (SgTornMemory *memory, bool elsewhere)
{
    SgNlMessage message = sg_nl_message_begin (memory, SG_TORN_ROOM, RTM_NEWLINK, NLM_F_MULTI);
    struct ifinfomsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->ifi_index = 7;
    header->ifi_type = ARPHRD_ETHER;
    header->ifi_flags = IFF_UP | IFF_NOARP;
    sg_nl_put_string (&message, IFLA_IFNAME, "wg-abcdefghijkl");
    sg_nl_put_u32 (&message, IFLA_MASTER, 3);
    sg_nl_put_u32 (&message, IFLA_LINK, 5);
    if (elsewhere)
        sg_nl_put_u32 (&message, IFLA_LINK_NETNSID, 0);
    struct nlattr *info = sg_nl_nest_begin (&message, IFLA_LINKINFO);
    sg_nl_put_string (&message, IFLA_INFO_KIND, "wireguard");
    sg_nl_nest_end (&message, info);
    g_assert_false (message.full);
}

static void
test_link (void)
{
    g_autoptr (GError) error = NULL;
    SgTornMemory memory = {0};
    SgLink link;

    build_link (&memory, /* elsewhere= */ true);
    g_assert_true (sg_rtnl_link_parse (&memory.nlh, &link, &error));
    g_assert_cmpuint (link.lower, ==, 0);
    memset (&memory, 0, sizeof memory);
    build_link (&memory, /* elsewhere= */ false);
    g_assert_true (sg_rtnl_link_parse (&memory.nlh, &link, &error));
    g_assert_no_error (error);
    g_assert_cmpuint (link.ifindex, ==, 7);
    g_assert_cmpuint (link.type, ==, ARPHRD_ETHER);
    g_assert_cmpuint (link.flags, ==, IFF_UP | IFF_NOARP);
    g_assert_cmpuint (link.master, ==, 3);
    g_assert_cmpuint (link.lower, ==, 5);
    g_assert_cmpstr (link.name, ==, "wg-abcdefghijkl");
    g_assert_cmpstr (link.kind, ==, "wireguard");
    sg_torn_check_cut (parse_link, &memory, sizeof (struct ifinfomsg), 4);
    sg_torn_check_lies (parse_link, &memory);
}

static void
build_address (SgTornMemory *memory, const char *local, const char *far)
{
    SgNlMessage message = sg_nl_message_begin (memory, SG_TORN_ROOM, RTM_NEWADDR, NLM_F_MULTI);
    struct ifaddrmsg *header = sg_nl_put_header (&message, sizeof (*header));
    SgIp address = ip (local);

    header->ifa_family = address.family;
    header->ifa_prefixlen = 17;
    header->ifa_flags = IFA_F_PERMANENT;
    header->ifa_scope = RT_SCOPE_LINK;
    header->ifa_index = 9;
    if (far) {
        SgIp peer = ip (far);

        sg_nl_put_ip (&message, IFA_LOCAL, &address);
        sg_nl_put_ip (&message, IFA_ADDRESS, &peer);
    } else {
        sg_nl_put_ip (&message, IFA_ADDRESS, &address);
    }
    sg_nl_put_u32 (&message, IFA_FLAGS, IFA_F_PERMANENT | IFA_F_MANAGETEMPADDR);
    g_assert_false (message.full);
}

static void
test_address (void)
{
    static const char *const cases[][2] = {
        {"2001:db8::1", NULL}, {"2001:db8::1", "2001:db8::2"}, {"192.0.2.1", "192.0.2.2"}};

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        SgTornMemory memory = {0};
        SgAddress address;
        SgIp wanted = ip (cases[i][0]);

        build_address (&memory, cases[i][0], cases[i][1]);
        g_assert_true (sg_rtnl_address_parse (&memory.nlh, &address, &error));
        g_assert_cmpint (sg_ip_compare (&address.ip, &wanted), ==, 0);
        g_assert_cmpuint (address.ifindex, ==, 9);
        g_assert_cmpuint (address.prefix_len, ==, 17);
        g_assert_cmpuint (address.scope, ==, RT_SCOPE_LINK);
        /* IFA_FLAGS has 32 bits, the header 8. */
        g_assert_cmpuint (address.flags, ==, IFA_F_PERMANENT | IFA_F_MANAGETEMPADDR);
        sg_torn_check_cut (parse_address, &memory, sizeof (struct ifaddrmsg), 2);
        sg_torn_check_lies (parse_address, &memory);
    }
}

/* ---- rules ---- */

static GArray *
make_rules (void)
{
    GArray *rules = g_array_new (FALSE, FALSE, sizeof (SgRule));
    SgRule rule = sg_rule_ours (AF_INET6, 1000, FR_ACT_TO_TBL);

    rule.table = RT_TABLE_MAIN;
    g_array_append_val (rules, rule);
    rule.pref = 65;
    rule.suppress_prefixlen = 31;
    g_array_append_val (rules, rule);
    rule.suppress_prefixlen = 0;
    g_array_append_val (rules, rule);

    rule = sg_rule_ours (AF_INET6, 50, FR_ACT_TO_TBL);
    rule.table = 0xfffffffe;
    rule.fwmark = 1003;
    rule.fwmask = UINT32_MAX;
    g_array_append_val (rules, rule);
    /* A mask with the mark 0 is a selector too. */
    rule.fwmark = 0;
    rule.fwmask = 0xff00;
    rule.flags = FIB_RULE_INVERT;
    g_array_append_val (rules, rule);

    rule = sg_rule_ours (AF_INET6, 76, FR_ACT_UNREACHABLE);
    rule.src = prefix ("2001:db8:1::/48");
    rule.dst = prefix ("fd00::1/128");
    g_strlcpy (rule.iif, "lo", IFNAMSIZ);
    g_strlcpy (rule.oif, "abcdefghijklmno", IFNAMSIZ);
    rule.tos = 0x10;
    rule.protocol = RTPROT_STATIC;
    g_array_append_val (rules, rule);

    rule = sg_rule_ours (AF_INET, 0, FR_ACT_PROHIBIT);
    rule.src = prefix ("192.0.2.0/25");
    g_array_append_val (rules, rule);
    return rules;
}

static void
test_rule_round_trip (void)
{
    g_autoptr (GArray) rules = make_rules ();

    for (guint i = 0; i < rules->len; i++) {
        const SgRule *rule = &g_array_index (rules, SgRule, i);
        g_autoptr (GError) error = NULL;
        SgTornMemory memory = {0};
        SgRule read;

        g_assert_true (sg_rtnl_rule_build (&memory, SG_RTNL_RULE_ROOM, RTM_NEWRULE, rule));
        g_assert_cmpuint (memory.nlh.nlmsg_flags, ==, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
        g_assert_true (sg_rtnl_rule_parse (&memory.nlh, &read, &error));
        g_assert_cmpint (sg_rule_compare (rule, &read), ==, 0);
        sg_torn_check_cut (parse_rule, &memory, sizeof (struct fib_rule_hdr), 8);
        sg_torn_check_lies (parse_rule, &memory);
    }
}

/* The kernel takes what a deletion does not name as "any": both messages are alike. */
static void
test_rule_deletion_names_all (void)
{
    g_autoptr (GArray) rules = make_rules ();

    for (guint i = 0; i < rules->len; i++) {
        const SgRule *rule = &g_array_index (rules, SgRule, i);
        SgTornMemory add = {0};
        SgTornMemory del = {0};

        g_assert_true (sg_rtnl_rule_build (&add, SG_RTNL_RULE_ROOM, RTM_NEWRULE, rule));
        g_assert_true (sg_rtnl_rule_build (&del, SG_RTNL_RULE_ROOM, RTM_DELRULE, rule));
        g_assert_cmpuint (del.nlh.nlmsg_type, ==, RTM_DELRULE);
        g_assert_cmpuint (del.nlh.nlmsg_flags, ==, NLM_F_REQUEST);
        g_assert_cmpmem (
            add.bytes + sizeof (struct nlmsghdr), add.nlh.nlmsg_len - sizeof (struct nlmsghdr),
            del.bytes + sizeof (struct nlmsghdr), del.nlh.nlmsg_len - sizeof (struct nlmsghdr));
    }
}

/* Whatever selects and has no place in SgRule is noted, known to us or not. */
static void
test_rule_other (void)
{
    static const uint16_t types[] = {FRA_GOTO,
                                     FRA_FLOW,
                                     FRA_TUN_ID,
                                     FRA_L3MDEV,
                                     FRA_UID_RANGE,
                                     FRA_IP_PROTO,
                                     FRA_SPORT_RANGE,
                                     FRA_DPORT_RANGE,
                                     FRA_SUPPRESS_IFGROUP,
                                     25,
                                     26,
                                     999};
    const SgRule rule = sg_rule_ours (AF_INET6, 5, FR_ACT_BLACKHOLE);

    for (size_t i = 0; i < G_N_ELEMENTS (types); i++) {
        g_autoptr (GError) error = NULL;
        SgTornMemory memory = {0};
        uint64_t value = 1;
        SgRule read;

        g_assert_true (sg_rtnl_rule_build (&memory, SG_RTNL_RULE_ROOM, RTM_NEWRULE, &rule));
        SgNlMessage message = {.nlh = &memory.nlh, .room = SG_TORN_ROOM};
        sg_nl_put (&message, types[i], &value, sizeof (value));
        g_assert_true (sg_rtnl_rule_parse (&memory.nlh, &read, &error));
        g_assert_true (read.other);
        read.other = false;
        g_assert_cmpint (sg_rule_compare (&rule, &read), ==, 0);
    }
}

/* ---- routes ---- */

static SgRoute *
make_route (uint8_t family, const char *dst, uint16_t n)
{
    SgRoute *route = sg_route_new (family, n);

    route->dst = prefix (dst);
    route->table = 1003;
    route->protocol = SG_PROTOCOL;
    route->metric = 1024;
    for (uint16_t i = 0; i < n; i++)
        route->nexthops[i].ifindex = 3u + i;
    return route;
}

static SgRoute *
make_full_route (void)
{
    SgRoute *route = make_route (AF_INET6, "2001:db8::/32", 3);

    route->src = prefix ("2001:db8:5::/48");
    route->prefsrc = ip ("2001:db8::5");
    route->metric = 0xffffffff;
    for (uint32_t i = 1; i < SG_ROUTE_METRICS_N; i++)
        route->metrics[i] = i == RTAX_CC_ALGO ? 0 : 1000 + i;
    route->nexthops[0].gateway = ip ("fe80::1");
    route->nexthops[1].gateway = ip ("fe80::2");
    route->nexthops[1].weight = 256;
    route->nexthops[2].gateway = ip ("fe80::3");
    route->nexthops[2].onlink = true;
    return route;
}

static GPtrArray *
make_routes (void)
{
    GPtrArray *routes = g_ptr_array_new_with_free_func (g_free);
    SgRoute *route = make_route (AF_INET6, "::/0", 1);

    g_ptr_array_add (routes, route);
    route = make_route (AF_INET6, "::/0", 1);
    route->nexthops[0].gateway = ip ("fe80::1");
    route->nexthops[0].onlink = true;
    g_ptr_array_add (routes, route);
    route = make_route (AF_INET6, "::/0", 0);
    route->type = RTN_BLACKHOLE;
    route->metric = SG_BLACKHOLE_METRIC;
    g_ptr_array_add (routes, route);
    route = make_route (AF_INET6, "2001:db8:7::/64", 0);
    route->nexthop_id = 42;
    g_ptr_array_add (routes, route);
    g_ptr_array_add (routes, make_full_route ());

    route = make_route (AF_INET, "192.0.2.0/24", 2);
    route->scope = RT_SCOPE_LINK;
    route->tos = 0x10;
    route->metric = 0;
    route->nexthops[0].gateway = ip ("10.0.0.1");
    route->nexthops[1].gateway = ip ("fe80::1"); /* RTA_VIA */
    g_ptr_array_add (routes, route);
    return routes;
}

static void
test_route_round_trip (void)
{
    g_autoptr (GPtrArray) routes = make_routes ();

    for (guint i = 0; i < routes->len; i++) {
        const SgRoute *route = g_ptr_array_index (routes, i);
        g_autofree SgRoute *read = NULL;
        g_autoptr (GError) error = NULL;
        SgTornMemory memory = {0};

        g_assert_cmpuint (sg_rtnl_route_room (route), <=, SG_TORN_ROOM);
        g_assert_true (sg_rtnl_route_build (&memory, sg_rtnl_route_room (route),
                                            SG_RTNL_ROUTE_REPLACE, route));
        g_assert_cmpuint (memory.nlh.nlmsg_flags, ==, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE);
        g_assert_true (sg_rtnl_route_parse (&memory.nlh, &read, &error));
        g_assert_no_error (error);
        g_assert_cmpint (sg_route_compare (route, read), ==, 0);
        sg_torn_check_cut (parse_route, &memory, sizeof (struct rtmsg), 8);
        sg_torn_check_lies (parse_route, &memory);
    }
}

/* A route without next hops is deleted by the device it stands on. */
static void
test_route_deletion (void)
{
    g_autoptr (GPtrArray) routes = make_routes ();
    static const uint16_t wanted[] = {RTA_OIF,   RTA_OIF,       RTA_OIF,
                                      RTA_NH_ID, RTA_MULTIPATH, RTA_MULTIPATH};
    static const SgNlSpec specs[] = {[RTA_OIF] = {SG_NL_U32},
                                     [RTA_MULTIPATH] = {SG_NL_BYTES},
                                     [RTA_TABLE] = {SG_NL_U32},
                                     [RTA_NH_ID] = {SG_NL_U32}};

    g_assert_cmpuint (routes->len, ==, G_N_ELEMENTS (wanted));
    for (guint i = 0; i < routes->len; i++) {
        const struct nlattr *attrs[G_N_ELEMENTS (specs)];
        const SgRoute *route = g_ptr_array_index (routes, i);
        SgTornMemory memory = {0};

        g_assert_true (sg_rtnl_route_build (&memory, SG_TORN_ROOM, SG_RTNL_ROUTE_DEL, route));
        g_assert_cmpuint (memory.nlh.nlmsg_type, ==, RTM_DELROUTE);
        g_assert_true (sg_nl_message_parse (&memory.nlh, sizeof (struct rtmsg), specs,
                                            G_N_ELEMENTS (specs), attrs));
        g_assert_nonnull (attrs[wanted[i]]);
        const struct rtmsg *header = sg_nl_message_header (&memory.nlh);
        g_assert_cmpuint (header->rtm_protocol, ==, SG_PROTOCOL);
        g_assert_cmpuint (sg_nl_attr_u32 (attrs[RTA_TABLE]), ==, 1003);
    }
}

/* A snapshot holds main, default, what could be a gateway's, and what is ours; no clones. */
static void
test_route_kept (void)
{
    static const struct {
        uint32_t table;
        uint32_t flags;
        uint8_t protocol;
        bool kept;
    } cases[] = {
        {254, 0, RTPROT_RA, true},      {253, 0, RTPROT_KERNEL, true},
        {255, 0, RTPROT_KERNEL, false}, {900, 0, SG_PROTOCOL, true},
        {1003, 0, RTPROT_STATIC, true}, {900, 0, RTPROT_STATIC, false},
        {70000, 0, SG_PROTOCOL, true},  {254, RTM_F_CLONED, RTPROT_RA, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree SgRoute *route = make_route (AF_INET6, "2001:db8::/32", 1);
        g_autofree SgRoute *read = NULL;
        g_autoptr (GError) error = NULL;
        SgTornMemory memory = {0};

        route->table = cases[i].table;
        route->protocol = cases[i].protocol;
        g_assert_true (sg_rtnl_route_build (&memory, SG_TORN_ROOM, SG_RTNL_ROUTE_ADD, route));
        ((struct rtmsg *) (memory.bytes + NLMSG_HDRLEN))->rtm_flags = cases[i].flags;
        g_assert_true (sg_rtnl_route_parse (&memory.nlh, &read, &error));
        g_assert_true ((read != NULL) == cases[i].kept);
    }
}

/* Next hops are in canonical order, however the kernel lists them. */
static void
test_route_order (void)
{
    g_autofree SgRoute *route = make_full_route ();
    g_autofree SgRoute *read = NULL;
    g_autoptr (GError) error = NULL;
    SgTornMemory memory = {0};
    SgNexthop first = route->nexthops[0];

    route->nexthops[0] = route->nexthops[2];
    route->nexthops[2] = first;
    g_assert_true (sg_rtnl_route_build (&memory, SG_TORN_ROOM, SG_RTNL_ROUTE_ADD, route));
    g_assert_true (sg_rtnl_route_parse (&memory.nlh, &read, &error));
    sg_route_sort_nexthops (route);
    g_assert_cmpint (sg_route_compare (route, read), ==, 0);
}

/* More next hops than 16 bits of length can say: refused, not cut. */
static void
test_route_too_large (void)
{
    g_autofree SgRoute *route = make_route (AF_INET6, "2001:db8::/32", 3000);
    size_t room = sg_rtnl_route_room (route);
    g_autofree uint8_t *memory = g_malloc0 (room);

    for (uint16_t i = 0; i < route->n_nexthops; i++)
        route->nexthops[i].gateway = ip ("fe80::1");
    g_assert_false (sg_rtnl_route_build (memory, room, SG_RTNL_ROUTE_ADD, route));
}

/* ---- next hop objects ---- */

static void
test_nexthop (void)
{
    g_autoptr (GError) error = NULL;
    SgTornMemory memory = {0};
    SgRtnlNexthop read = {0};
    SgIp gateway = ip ("fe80::1");
    SgNlMessage message = sg_nl_message_begin (&memory, SG_TORN_ROOM, RTM_NEWNEXTHOP, NLM_F_MULTI);
    struct nhmsg *header = sg_nl_put_header (&message, sizeof (*header));

    header->nh_family = AF_INET6;
    header->nh_flags = RTNH_F_ONLINK;
    sg_nl_put_u32 (&message, NHA_ID, 42);
    sg_nl_put_u32 (&message, NHA_OIF, 3);
    sg_nl_put_ip (&message, NHA_GATEWAY, &gateway);
    g_assert_true (sg_rtnl_nexthop_parse (&memory.nlh, &read, &error));
    g_assert_cmpuint (read.id, ==, 42);
    g_assert_cmpuint (read.hop.ifindex, ==, 3);
    g_assert_true (read.hop.onlink);
    g_assert_cmpint (sg_ip_compare (&read.hop.gateway, &gateway), ==, 0);
    g_assert_null (read.members);
    sg_torn_check_cut (parse_nexthop, &memory, sizeof (struct nhmsg), 2);
    sg_torn_check_lies (parse_nexthop, &memory);
}

static void
test_nexthop_build (void)
{
    const SgNexthopObject mine = {SG_NEXTHOP_BASE + 3, 3, SG_PROTOCOL};
    g_autoptr (GError) error = NULL;
    SgTornMemory memory = {0};
    SgRtnlNexthop read = {0};

    g_assert_true (sg_rtnl_nexthop_build (&memory, SG_TORN_ROOM, RTM_NEWNEXTHOP, &mine));
    g_assert_cmpuint (memory.nlh.nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL), ==,
                      NLM_F_CREATE | NLM_F_EXCL);
    g_assert_true (sg_rtnl_nexthop_parse (&memory.nlh, &read, &error));
    g_assert_cmpuint (read.id, ==, mine.id);
    g_assert_cmpuint (read.family, ==, AF_INET6);
    g_assert_cmpuint (read.protocol, ==, SG_PROTOCOL);
    g_assert_cmpuint (read.hop.ifindex, ==, 3);
    memset (&memory, 0, sizeof memory);
    g_assert_false (sg_rtnl_nexthop_build (&memory, /* room= */ 32, RTM_NEWNEXTHOP, &mine));
}

static void
test_nexthop_group (void)
{
    static const struct nexthop_grp entries[] = {{.id = 7}, {.id = 8, .weight = 255}};
    g_autoptr (GError) error = NULL;
    SgTornMemory memory = {0};
    SgRtnlNexthop read = {0};
    SgNlMessage message = sg_nl_message_begin (&memory, SG_TORN_ROOM, RTM_NEWNEXTHOP, NLM_F_MULTI);

    sg_nl_put_header (&message, sizeof (struct nhmsg));
    sg_nl_put_u32 (&message, NHA_ID, 42);
    sg_nl_put (&message, NHA_GROUP, entries, sizeof (entries));
    g_assert_true (sg_rtnl_nexthop_parse (&memory.nlh, &read, &error));
    g_assert_cmpuint (read.members->len, ==, 2);
    g_assert_cmpuint (g_array_index (read.members, SgRtnlMember, 1).id, ==, 8);
    g_assert_cmpuint (g_array_index (read.members, SgRtnlMember, 1).weight, ==, 256);
    sg_rtnl_nexthop_clear (&read);
    sg_torn_check_cut (parse_nexthop, &memory, sizeof (struct nhmsg), 1);
    sg_torn_check_lies (parse_nexthop, &memory);
}

int
main (int argc, char *argv[])
{
    g_test_init (&argc, &argv, NULL);

    g_test_add_func ("/rtnl/link/read", test_link);
    g_test_add_func ("/rtnl/address/read", test_address);
    g_test_add_func ("/rtnl/rule/round-trip", test_rule_round_trip);
    g_test_add_func ("/rtnl/rule/deletion-names-all", test_rule_deletion_names_all);
    g_test_add_func ("/rtnl/rule/unknown-selectors-noted", test_rule_other);
    g_test_add_func ("/rtnl/route/round-trip", test_route_round_trip);
    g_test_add_func ("/rtnl/route/deletion-names-the-path", test_route_deletion);
    g_test_add_func ("/rtnl/route/kept", test_route_kept);
    g_test_add_func ("/rtnl/route/canonical-order", test_route_order);
    g_test_add_func ("/rtnl/route/too-large-refused", test_route_too_large);
    g_test_add_func ("/rtnl/nexthop/single", test_nexthop);
    g_test_add_func ("/rtnl/nexthop/build", test_nexthop_build);
    g_test_add_func ("/rtnl/nexthop/group", test_nexthop_group);

    return g_test_run ();
}
