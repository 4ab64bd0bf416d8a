/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "kernel/nft-foreign.h"

/* The groups that data/sixgate-reconcile.socket listens to at least: IPv6 rules and routes. */
#define ROUTING_GROUPS ((1u << (RTNLGRP_IPV6_RULE - 1)) | (1u << (RTNLGRP_IPV6_ROUTE - 1)))
/* NFNLGRP_NFTABLES (linux/netfilter/nfnetlink.h) */
#define NFT_GROUPS (1u << 6)

/* ---- settings ---- */

static int
read_number (const char *path)
{
    FILE *file = fopen (path, "re");
    int number = -1;

    if (!file)
        return -1;
    if (fscanf (file, "%d", &number) != 1)
        number = -1;
    fclose (file);
    return number;
}

static int
read_setting (const char *family, const char *interface, const char *name)
{
    g_autofree char *path =
        g_strdup_printf ("/proc/sys/net/%s/conf/%s/%s", family, interface, name);

    return read_number (path);
}

static void
read_interfaces (const SgSnapshot *snapshot, SgDoctorFacts *facts)
{
    for (guint i = 0; i < snapshot->links->len; i++) {
        const SgLink *link = &g_array_index (snapshot->links, SgLink, i);
        SgInterfaceFacts interface = {
            .ifindex = link->ifindex,
            .forwarding = read_setting ("ipv6", link->name, "forwarding"),
            .accept_ra = read_setting ("ipv6", link->name, "accept_ra"),
            .rp_filter = read_setting ("ipv4", link->name, "rp_filter"),
            .mtu = read_setting ("ipv6", link->name, "mtu"),
        };

        g_array_append_val (facts->interfaces, interface);
    }
    facts->forwarding_all = read_setting ("ipv6", "all", "forwarding");
    facts->rp_filter_all = read_setting ("ipv4", "all", "rp_filter");
}

/* ---- who listens ---- */

/* A row of /proc/net/netlink: sk Eth Pid Groups …; systemd's sockets stay bound while nobody runs. */
static void
read_listener (const char *line, SgDoctorFacts *facts)
{
    unsigned protocol, port, groups;

    if (sscanf (line, "%*s %u %u %x", &protocol, &port, &groups) != 3)
        return;
    if (protocol == NETLINK_ROUTE && (groups & ROUTING_GROUPS) == ROUTING_GROUPS)
        facts->hears_routing = true;
    if (protocol == NETLINK_NETFILTER && (groups & NFT_GROUPS))
        facts->hears_nft = true;
}

static void
read_listeners (SgDoctorFacts *facts)
{
    FILE *file = fopen ("/proc/net/netlink", "re");
    char line[256];

    while (file && fgets (line, sizeof line, file))
        read_listener (line, facts);
    if (file)
        fclose (file);
}

SgDoctorFacts *
sg_facts_read (const SgSnapshot *snapshot, const char *our_table, GError **error)
{
    SgKernelStats stats = {0};
    g_autoptr (SgDoctorFacts) facts = sg_doctor_facts_new ();
    g_autoptr (SgNlSocket) sock = NULL;

    /* Before a socket of our own is there. */
    read_listeners (facts);
    sock = sg_nl_socket_open (NETLINK_NETFILTER, &stats, error);
    if (!sock || !sg_nft_foreign_dump (sock, our_table, facts->chains, error))
        return NULL;
    read_interfaces (snapshot, facts);
    facts->now = (uint64_t) time (NULL);
    return g_steal_pointer (&facts);
}
