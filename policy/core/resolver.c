/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/resolver.h"

#include <string.h>

/* ---- what a link is to have ---- */

static void
add_server (GVariantBuilder *builder, const SgIp *ip)
{
    GVariant *bytes =
        g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, ip->bytes, sg_family_bytes (ip->family), 1);

    g_variant_builder_add (builder, "(i@ayqs)", (int32_t) ip->family, bytes, 0, "");
}

/* The address of a server; false when it is none. */
static bool
server_ip (GVariant *server, SgIp *ret_ip)
{
    g_autoptr (GVariant) bytes = NULL;
    gsize len;
    const void *data;
    int32_t family;

    g_variant_get (server, "(i@ayqs)", &family, &bytes, NULL, NULL);
    data = g_variant_get_fixed_array (bytes, &len, 1);
    if ((family != AF_INET && family != AF_INET6) || len != sg_family_bytes ((uint8_t) family))
        return false;
    *ret_ip = sg_ip_from_bytes ((uint8_t) family, data);
    return true;
}

static bool
is_wanted (const SgWantedDns *dns, GVariant *server)
{
    SgIp ip;

    if (!server_ip (server, &ip))
        return false;
    for (guint i = 0; i < dns->servers->len; i++) {
        if (sg_ip_compare (&g_array_index (dns->servers, SgIp, i), &ip) == 0)
            return true;
    }
    return false;
}

/* Before those that the link has. */
static GVariant *
with_servers (GVariant *before, const SgWantedDns *dns)
{
    g_autoptr (GVariant) have = g_variant_get_child_value (before, SG_RESOLVER_SERVERS);
    GVariantBuilder servers;

    g_variant_builder_init (&servers, G_VARIANT_TYPE ("a(iayqs)"));
    for (guint i = 0; i < dns->servers->len; i++)
        add_server (&servers, &g_array_index (dns->servers, SgIp, i));
    for (gsize i = 0; i < g_variant_n_children (have); i++) {
        g_autoptr (GVariant) server = g_variant_get_child_value (have, i);

        if (!is_wanted (dns, server))
            g_variant_builder_add_value (&servers, server);
    }
    return g_variant_builder_end (&servers);
}

/* "~corp" is only routed by; "~" is all of them, which systemd-resolved calls ".". */
static void
add_domain (GVariantBuilder *builder, GHashTable *seen, const char *word)
{
    bool route_only = word[0] == '~';
    const char *domain = route_only ? word + 1 : word;

    if (*domain == '\0')
        domain = ".";
    if (g_hash_table_add (seen, g_strdup (domain)))
        g_variant_builder_add (builder, "(sb)", domain, route_only);
}

/* Whatever is asked goes to these servers, as whatever is sent goes through the gateway; only what
 * another link has a domain of its own for goes there. */
static GVariant *
with_domains (GVariant *before, const SgWantedDns *dns)
{
    g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr (GVariant) have = g_variant_get_child_value (before, SG_RESOLVER_DOMAINS);
    GVariantBuilder domains;

    g_variant_builder_init (&domains, G_VARIANT_TYPE ("a(sb)"));
    for (guint i = 0; i < dns->domains->len; i++)
        add_domain (&domains, seen, g_ptr_array_index (dns->domains, i));
    for (gsize i = 0; i < g_variant_n_children (have); i++) {
        g_autoptr (GVariant) domain = g_variant_get_child_value (have, i);
        const char *name;

        g_variant_get (domain, "(&sb)", &name, NULL);
        if (g_hash_table_add (seen, g_strdup (name)))
            g_variant_builder_add_value (&domains, domain);
    }
    add_domain (&domains, seen, "~");
    return g_variant_builder_end (&domains);
}

static GVariant *
with_dns (GVariant *before, const SgWantedDns *dns)
{
    GVariant *members[SG_RESOLVER_MEMBERS_N] = {
        [SG_RESOLVER_SERVERS] = with_servers (before, dns),
        [SG_RESOLVER_DOMAINS] = with_domains (before, dns),
        [SG_RESOLVER_DEFAULT_ROUTE] = g_variant_new_boolean (true),
    };

    return g_variant_ref_sink (g_variant_new_tuple (members, SG_RESOLVER_MEMBERS_N));
}

/* ---- what it had before us ---- */

static const SgResolverMemo *
find_memo (const SgMemory *memory, uint32_t ifindex)
{
    for (guint i = 0; i < memory->resolver->len; i++) {
        const SgResolverMemo *memo = &g_array_index (memory->resolver, SgResolverMemo, i);

        if (memo->ifindex == ifindex)
            return memo;
    }
    return NULL;
}

/* Member by member: NetworkManager sets them one after the other, and may be half way. */
static GVariant *
before_us (const SgResolverLink *link, const SgMemory *memory)
{
    const SgResolverMemo *memo = find_memo (memory, link->ifindex);
    GVariant *members[SG_RESOLVER_MEMBERS_N];
    GVariant *result;

    if (!memo)
        return g_variant_ref (link->has);
    for (gsize i = 0; i < SG_RESOLVER_MEMBERS_N; i++) {
        g_autoptr (GVariant) has = g_variant_get_child_value (link->has, i);
        g_autoptr (GVariant) ours = g_variant_get_child_value (memo->ours, i);

        members[i] = g_variant_equal (has, ours) ? g_variant_get_child_value (memo->before, i)
                                                 : g_variant_ref (has);
    }
    result = g_variant_ref_sink (g_variant_new_tuple (members, SG_RESOLVER_MEMBERS_N));
    for (gsize i = 0; i < SG_RESOLVER_MEMBERS_N; i++)
        g_variant_unref (members[i]);
    return result;
}

static bool
is_selected (const SgWanted *wanted, uint32_t ifindex)
{
    return wanted->dns && wanted->dns->ifindex == ifindex;
}

/* Both are owned by the caller. */
static GVariant *
target_of (const SgResolverLink *link, const SgWanted *wanted, const SgMemory *memory,
           GVariant **ret_before)
{
    *ret_before = before_us (link, memory);
    return is_selected (wanted, link->ifindex) ? with_dns (*ret_before, wanted->dns)
                                               : g_variant_ref (*ret_before);
}

/* ---- the plan ---- */

static void
add_link (SgSnapshot *snapshot, uint32_t ifindex)
{
    SgResolverLink link = {.ifindex = ifindex};

    for (guint i = 0; i < snapshot->resolver->len; i++) {
        if (g_array_index (snapshot->resolver, SgResolverLink, i).ifindex == ifindex)
            return;
    }
    if (sg_snapshot_link (snapshot, ifindex))
        g_array_append_val (snapshot->resolver, link);
}

bool
sg_resolver_find_links (SgSnapshot *snapshot, const SgWanted *wanted, const SgMemory *memory)
{
    g_array_set_size (snapshot->resolver, 0);
    snapshot->resolver_answers = false;
    if (wanted->dns)
        add_link (snapshot, wanted->dns->ifindex);
    for (guint i = 0; i < memory->resolver->len; i++)
        add_link (snapshot, g_array_index (memory->resolver, SgResolverMemo, i).ifindex);
    return snapshot->resolver->len > 0;
}

void
sg_resolver_plan (SgPlan *plan, const SgSnapshot *snapshot, const SgWanted *wanted,
                  const SgMemory *memory)
{
    for (guint i = 0; i < snapshot->resolver->len; i++) {
        const SgResolverLink *link = &g_array_index (snapshot->resolver, SgResolverLink, i);
        g_autoptr (GVariant) before = NULL;
        /* With other servers in their place there is no moment in which the LAN's are asked. */
        SgResolverChange change = {.ifindex = link->ifindex, .back = !wanted->dns};

        if (!link->has)
            continue;
        change.to = target_of (link, wanted, memory, &before);
        if (g_variant_equal (change.to, link->has))
            g_variant_unref (change.to);
        else
            g_array_append_val (plan->resolver, change);
    }
}

/* ---- what must not be forgotten ---- */

/* What is to be kept of @link; false: nothing. As long as something of ours is on a link that is not
 * selected any more, the way back is. */
static bool
memo_of (const SgResolverLink *link, const SgWanted *wanted, const SgMemory *memory,
         SgResolverMemo *ret_memo)
{
    const SgResolverMemo *old = find_memo (memory, link->ifindex);
    g_autoptr (GVariant) before = NULL;
    g_autoptr (GVariant) target = NULL;

    *ret_memo = (SgResolverMemo) {.ifindex = link->ifindex};
    if (link->has)
        target = target_of (link, wanted, memory, &before);
    if (target && is_selected (wanted, link->ifindex)) {
        ret_memo->before = g_variant_ref (before);
        ret_memo->ours = g_variant_ref (target);
    } else if (old && (!target || !g_variant_equal (target, link->has))) {
        ret_memo->before = g_variant_ref (old->before);
        ret_memo->ours = g_variant_ref (old->ours);
    }
    return ret_memo->before != NULL;
}

static bool
same_memos (const GArray *a, const GArray *b)
{
    if (a->len != b->len)
        return false;
    for (guint i = 0; i < a->len; i++) {
        const SgResolverMemo *left = &g_array_index (a, SgResolverMemo, i);
        const SgResolverMemo *right = &g_array_index (b, SgResolverMemo, i);

        if (left->ifindex != right->ifindex || !g_variant_equal (left->before, right->before) ||
            !g_variant_equal (left->ours, right->ours))
            return false;
    }
    return true;
}

bool
sg_resolver_remember (const SgSnapshot *snapshot, const SgWanted *wanted, SgMemory *memory)
{
    g_autoptr (GArray) now = sg_memory_new_resolver ();

    for (guint i = 0; i < snapshot->resolver->len; i++) {
        SgResolverMemo memo;

        if (memo_of (&g_array_index (snapshot->resolver, SgResolverLink, i), wanted, memory, &memo))
            g_array_append_val (now, memo);
    }
    if (same_memos (now, memory->resolver))
        return false;
    g_array_unref (memory->resolver);
    memory->resolver = g_steal_pointer (&now);
    return true;
}

/* ---- words ---- */

void
sg_resolver_warn_absent (SgWanted *wanted, const SgSnapshot *snapshot)
{
    g_autoptr (GString) list = g_string_new (NULL);
    const char *name;

    if (!wanted->dns)
        return;
    name = sg_snapshot_link_name (wanted->dns->ifindex, snapshot);
    for (guint i = 0; i < wanted->dns->servers->len; i++) {
        char text[SG_PREFIX_TEXT_MAX];

        g_string_append_printf (
            list, i ? ", %s" : "%s",
            sg_ip_format (&g_array_index (wanted->dns->servers, SgIp, i), text));
    }
    g_ptr_array_add (wanted->warnings,
                     g_strdup_printf ("%s: its name servers (%s) are not asked, because "
                                      "systemd-resolved does not run here; start it, or name them "
                                      "in /etc/resolv.conf: they are reached through %s as long as "
                                      "it is the selected outbound",
                                      name, list->str, name));
}

static void
print_servers (GVariant *servers, GString *out)
{
    for (gsize i = 0; i < g_variant_n_children (servers); i++) {
        g_autoptr (GVariant) server = g_variant_get_child_value (servers, i);
        char text[SG_PREFIX_TEXT_MAX];
        const char *name;
        uint16_t port;
        SgIp ip;

        if (!server_ip (server, &ip))
            continue;
        g_variant_get (server, "(i@ayq&s)", NULL, NULL, &port, &name);
        sg_ip_format (&ip, text);
        if (port)
            g_string_append_printf (out, ip.family == AF_INET6 ? " [%s]:%u" : " %s:%u", text, port);
        else
            g_string_append_printf (out, " %s", text);
        if (*name)
            g_string_append_printf (out, "#%s", name);
    }
}

static void
print_domains (GVariant *domains, GString *out)
{
    GVariantIter iter;
    const char *domain;
    gboolean route_only;

    g_variant_iter_init (&iter, domains);
    while (g_variant_iter_next (&iter, "(&sb)", &domain, &route_only))
        g_string_append_printf (out, route_only ? " '~%s'" : " %s", domain);
}

static void
print_change (const SgResolverChange *change, const SgSnapshot *snapshot, GString *out)
{
    const char *name = sg_snapshot_link_name (change->ifindex, snapshot);
    g_autoptr (GVariant) servers = g_variant_get_child_value (change->to, SG_RESOLVER_SERVERS);
    g_autoptr (GVariant) domains = g_variant_get_child_value (change->to, SG_RESOLVER_DOMAINS);
    g_autoptr (GVariant) route = g_variant_get_child_value (change->to, SG_RESOLVER_DEFAULT_ROUTE);

    g_string_append_printf (out, "resolvectl dns %s", name);
    print_servers (servers, out);
    g_string_append_printf (out, "%s\nresolvectl domain %s",
                            g_variant_n_children (servers) ? "" : " ''", name);
    print_domains (domains, out);
    g_string_append_printf (out, "%s\nresolvectl default-route %s %s\n",
                            g_variant_n_children (domains) ? "" : " ''", name,
                            g_variant_get_boolean (route) ? "yes" : "no");
}

void
sg_resolver_print (const SgPlan *plan, bool back, const SgSnapshot *snapshot, GString *out)
{
    for (guint i = 0; i < plan->resolver->len; i++) {
        const SgResolverChange *change = &g_array_index (plan->resolver, SgResolverChange, i);

        if (change->back == back)
            print_change (change, snapshot, out);
    }
}
