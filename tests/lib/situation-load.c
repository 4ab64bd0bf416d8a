/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/situation-load.h"

#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_addr.h>

#include "core/contract.h"

static void
add_link (const SgLink *link, GString *batch)
{
    if (link->flags & IFF_LOOPBACK) {
        g_string_append (batch, "link set lo up\n");
        return;
    }
    if (strcmp (link->kind, "bridge") == 0)
        g_string_append_printf (batch, "link add %s index %u type bridge\n", link->name,
                                link->ifindex);
    else
        g_string_append_printf (batch, "link add %s index %u type veth peer name p%u index %u\n",
                                link->name, link->ifindex, link->ifindex,
                                SG_SITUATION_PEER_BASE + link->ifindex);
    /* No neighbour discovery, as nobody is there to answer it, and no address by itself. */
    g_string_append_printf (batch, "link set %s arp off addrgenmode none\n%s%s%s", link->name,
                            link->flags & IFF_UP ? "link set " : "",
                            link->flags & IFF_UP ? link->name : "",
                            link->flags & IFF_UP ? " up\n" : "");
    if (strcmp (link->kind, "bridge") != 0)
        g_string_append_printf (batch, "link set p%u arp off addrgenmode none\nlink set p%u up\n",
                                link->ifindex, link->ifindex);
}

static void
add_address (const SgAddress *address, const SgSnapshot *snapshot, GString *batch)
{
    char text[SG_PREFIX_TEXT_MAX];

    if (address->ip.family != AF_INET6)
        return;
    g_string_append_printf (
        batch, "addr add %s/%u dev %s nodad noprefixroute%s\n", sg_ip_format (&address->ip, text),
        address->prefix_len, sg_snapshot_link_name (address->ifindex, snapshot),
        address->flags & IFA_F_DEPRECATED ? " preferred_lft 0 valid_lft 100000" : "");
}

/* Commands of ip. */
typedef struct {
    GString *first;  /* links, addresses, nexthop objects */
    GString *groups; /* of those; ip does not take them after "-6" */
    GString *last;   /* routes, rules */
} Batches;

/* The object that the route refers to; a group is made of one for each next hop. */
static void
add_nexthop_object (const SgRoute *route, const SgSnapshot *snapshot, Batches *batches)
{
    g_autoptr (GString) group = g_string_new (NULL);

    for (uint16_t i = 0; i < route->n_nexthops; i++) {
        const SgNexthop *hop = &route->nexthops[i];
        uint32_t id = route->n_nexthops == 1 ? route->nexthop_id : route->nexthop_id * 100 + i;
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (batches->first, "nexthop add id %u%s%s dev %s\n", id,
                                sg_ip_is_set (&hop->gateway) ? " via " : "",
                                sg_ip_is_set (&hop->gateway) ? sg_ip_format (&hop->gateway, text)
                                                             : "",
                                sg_snapshot_link_name (hop->ifindex, snapshot));
        g_string_append_printf (group, "%s%u", i ? "/" : "", id);
    }
    if (route->n_nexthops > 1)
        g_string_append_printf (batches->groups, "nexthop add id %u group %s\n", route->nexthop_id,
                                group->str);
}

static void
add_route (const SgRoute *route, const SgSnapshot *snapshot, Batches *batches)
{
    static const char *const prefs[] = {[1] = " pref high", [3] = " pref low"};
    g_autofree SgRoute *copy = sg_route_copy (route);

    if (route->family != AF_INET6)
        return;
    if (route->nexthop_id)
        add_nexthop_object (route, snapshot, batches);
    /* ip refuses multipath routes of IPv6 with a next hop that has no gateway. */
    for (uint16_t i = 0; i < copy->n_nexthops && copy->n_nexthops > 1; i++)
        g_assert_true (sg_ip_is_set (&copy->nexthops[i].gateway) ||
                       sg_ip_parse ("fe80::1", &copy->nexthops[i].gateway));
    g_string_append (batches->last, "route append ");
    sg_route_print (copy, sg_snapshot_link_name, snapshot, batches->last);
    if (route->pref == 1 || route->pref == 3)
        g_string_append (batches->last, prefs[route->pref]);
    g_string_append_c (batches->last, '\n');
}

static void
fill_batches (const SgSnapshot *snapshot, Batches *batches)
{
    for (guint i = 0; i < snapshot->links->len; i++)
        add_link (&g_array_index (snapshot->links, SgLink, i), batches->first);
    for (guint i = 0; i < snapshot->addresses->len; i++)
        add_address (&g_array_index (snapshot->addresses, SgAddress, i), snapshot, batches->first);
    for (guint i = 0; i < snapshot->routes->len; i++)
        add_route (g_ptr_array_index (snapshot->routes, i), snapshot, batches);
    for (guint i = 0; i < snapshot->rules->len; i++) {
        const SgRule *rule = &g_array_index (snapshot->rules, SgRule, i);

        if (rule->family != AF_INET6 || rule->pref == 0 || rule->pref >= SG_PREF_KERNEL_MAIN)
            continue; /* the last two are the kernel's own */
        g_string_append (batches->last, "rule add ");
        sg_rule_print (rule, batches->last);
        g_string_append_c (batches->last, '\n');
    }
    /* Whether or not ip knows the name. */
    g_string_replace (batches->last, "proto sixgate", "proto 106", 0);
}

static void
run_batch (const char *options, const GString *batch)
{
    g_autofree char *path = g_strdup_printf ("%s/explain-XXXXXX", g_get_tmp_dir ());
    g_autofree char *command = NULL;
    g_autofree char *complaint = NULL;
    g_autoptr (GError) error = NULL;
    int status, fd = g_mkstemp (path);

    g_assert_cmpint (fd, >=, 0);
    close (fd);
    g_assert_true (g_file_set_contents (path, batch->str, -1, &error));
    command = g_strdup_printf ("ip %s -batch %s", options, path);
    g_spawn_command_line_sync (command, NULL, &complaint, &status, &error);
    g_assert_no_error (error);
    unlink (path);
    if (status != 0)
        g_error ("%s\n%s", complaint, batch->str);
}

void
sg_situation_load (const SgSnapshot *snapshot)
{
    Batches batches = {g_string_new (NULL), g_string_new (NULL), g_string_new (NULL)};

    fill_batches (snapshot, &batches);
    run_batch ("-6", batches.first);
    run_batch ("", batches.groups);
    run_batch ("-6", batches.last);
    g_string_free (batches.first, TRUE);
    g_string_free (batches.groups, TRUE);
    g_string_free (batches.last, TRUE);
}
