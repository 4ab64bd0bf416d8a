/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/memory.h"

#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "core/wg-conf.h"

#define GROUP "memory"
#define KEY_MARKS "Marks"
#define KEY_WARNED "Warned"
#define KEY_RENAMED "Renamed"
#define KEY_IPV4 "IPv4"
#define KEY_RP_FILTERS "RpFilters"
#define GROUP_GATEWAY "gateway "
#define KEY_NAME "Name"
#define KEY_KIND "Kind"
#define KEY_UUID "Uuid"
#define KEY_TYPE "Type"
#define KEY_GATEWAY6 "Gateway6"
#define KEY_GATEWAY4 "Gateway4"
#define KEY_DNS "Dns"
#define KEY_DNS_SEARCH "DnsSearch"
#define GROUP_RESOLVER "resolver "
#define KEY_BEFORE "Before"
#define KEY_OURS "Ours"

static void
clear_resolver (void *data)
{
    SgResolverMemo *memo = data;

    g_clear_pointer (&memo->before, g_variant_unref);
    g_clear_pointer (&memo->ours, g_variant_unref);
}

GArray *
sg_memory_new_resolver (void)
{
    GArray *resolver =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgResolverMemo));

    g_array_set_clear_func (resolver, clear_resolver);
    return resolver;
}

SgMemory *
sg_memory_new (void)
{
    SgMemory *memory = g_new0 (SgMemory, 1);

    memory->marks =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (uint32_t));
    memory->gateways =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgRemembered));
    memory->renamed =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgFormerName));
    memory->rp_filters =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgRpFilter));
    memory->resolver = sg_memory_new_resolver ();
    memory->warned = g_ptr_array_new_with_free_func (g_free);
    return memory;
}

void
sg_memory_free (SgMemory *memory)
{
    if (!memory)
        return;
    g_array_unref (memory->marks);
    g_array_unref (memory->gateways);
    g_array_unref (memory->renamed);
    g_array_unref (memory->rp_filters);
    g_array_unref (memory->resolver);
    g_ptr_array_unref (memory->warned);
    g_free (memory);
}

static void
read_address (GKeyFile *file, const char *group, const char *key, SgIp *ret_ip)
{
    g_autofree char *text = g_key_file_get_string (file, group, key, NULL);

    if (text)
        sg_ip_parse (text, ret_ip);
}

/* Interned; NULL when it is not there. */
static const char *
read_interned (GKeyFile *file, const char *group, const char *key)
{
    g_autofree char *text = g_key_file_get_string (file, group, key, NULL);

    return g_intern_string (text);
}

/* The number behind @prefix in the name of @group. */
static bool
read_ifindex (const char *group, const char *prefix, uint32_t *ret_ifindex)
{
    guint64 ifindex;

    if (!g_ascii_string_to_unsigned (group + strlen (prefix), 10, 1, G_MAXINT32, &ifindex, NULL))
        return false;
    *ret_ifindex = (uint32_t) ifindex;
    return true;
}

static bool
parse_gateway (GKeyFile *file, const char *group, SgMemory *memory)
{
    SgRemembered gateway = {.device = {.can_be_gateway = true, .managed = true, .active = true}};
    g_autofree char *name = g_key_file_get_string (file, group, KEY_NAME, NULL);
    g_autofree char *kind = g_key_file_get_string (file, group, KEY_KIND, NULL);
    g_autofree char *type = g_key_file_get_string (file, group, KEY_TYPE, NULL);
    g_autofree char *uuid = g_key_file_get_string (file, group, KEY_UUID, NULL);

    if (!read_ifindex (group, GROUP_GATEWAY, &gateway.ifindex) || !name ||
        !sg_ifname_is_valid (name))
        return false;
    g_strlcpy (gateway.device.name, name, sizeof gateway.device.name);
    g_strlcpy (gateway.device.kind, kind ? kind : "", sizeof gateway.device.kind);
    g_strlcpy (gateway.device.uuid, uuid ? uuid : "", sizeof gateway.device.uuid);
    gateway.device.typed = type && sg_wg_type_from_string (type, &gateway.device.type);
    gateway.device.dns = read_interned (file, group, KEY_DNS);
    gateway.device.dns_search = read_interned (file, group, KEY_DNS_SEARCH);
    read_address (file, group, KEY_GATEWAY6, &gateway.device.gateway[SG_IPV6]);
    read_address (file, group, KEY_GATEWAY4, &gateway.device.gateway[SG_IPV4]);
    g_array_append_val (memory->gateways, gateway);
    return true;
}

static int
compare_gateways (const SgRemembered *a, const SgRemembered *b)
{
    return (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

static int
compare_marks (const uint32_t *a, const uint32_t *b)
{
    return (*a > *b) - (*a < *b);
}

static bool
parse_marks (GKeyFile *file, SgMemory *memory)
{
    g_auto (GStrv) words = g_key_file_get_string_list (file, GROUP, KEY_MARKS, NULL, NULL);

    for (char **word = words; word && *word; word++) {
        guint64 number;
        uint32_t mark;

        if (!g_ascii_string_to_unsigned (*word, 10, 1, G_MAXUINT32, &number, NULL))
            return false;
        mark = (uint32_t) number;
        g_array_append_val (memory->marks, mark);
    }
    g_array_sort (memory->marks, (GCompareFunc) compare_marks);
    return true;
}

/* "INDEX NAME" each. */
static bool
parse_renamed (GKeyFile *file, SgMemory *memory)
{
    g_auto (GStrv) words = g_key_file_get_string_list (file, GROUP, KEY_RENAMED, NULL, NULL);

    for (char **word = words; word && *word; word++) {
        g_auto (GStrv) parts = g_strsplit (*word, " ", 2);
        SgFormerName former = {0};
        guint64 ifindex;

        if (!parts[0] || !parts[1] || !sg_ifname_is_valid (parts[1]) ||
            !g_ascii_string_to_unsigned (parts[0], 10, 1, G_MAXINT32, &ifindex, NULL))
            return false;
        former.ifindex = (uint32_t) ifindex;
        g_strlcpy (former.name, parts[1], sizeof former.name);
        g_array_append_val (memory->renamed, former);
    }
    return true;
}

/* "IFINDEX:NUMBER". */
static bool
parse_rp_filters (GKeyFile *file, SgMemory *memory)
{
    g_auto (GStrv) words = g_key_file_get_string_list (file, GROUP, KEY_RP_FILTERS, NULL, NULL);

    for (char **word = words; word && *word; word++) {
        g_auto (GStrv) parts = g_strsplit (*word, ":", 2);
        guint64 ifindex, value;
        SgRpFilter entry;

        if (g_strv_length (parts) != 2 ||
            !g_ascii_string_to_unsigned (parts[0], 10, 1, G_MAXINT32, &ifindex, NULL) ||
            !g_ascii_string_to_unsigned (parts[1], 10, 0, 1, &value, NULL))
            return false;
        entry = (SgRpFilter) {(uint32_t) ifindex, (uint8_t) value};
        g_array_append_val (memory->rp_filters, entry);
    }
    return true;
}

/* Owned by the caller; NULL when it is malformed. */
static GVariant *
read_resolver (GKeyFile *file, const char *group, const char *key)
{
    g_autofree char *text = g_key_file_get_string (file, group, key, NULL);
    GVariant *value =
        text ? g_variant_parse (G_VARIANT_TYPE (SG_RESOLVER_TYPE), text, NULL, NULL, NULL) : NULL;

    return value ? g_variant_ref_sink (value) : NULL;
}

static bool
parse_resolver (GKeyFile *file, const char *group, SgMemory *memory)
{
    SgResolverMemo memo = {.before = read_resolver (file, group, KEY_BEFORE),
                           .ours = read_resolver (file, group, KEY_OURS)};
    bool ok = memo.before && memo.ours && read_ifindex (group, GROUP_RESOLVER, &memo.ifindex);

    if (ok)
        g_array_append_val (memory->resolver, memo);
    else
        clear_resolver (&memo);
    return ok;
}

static bool
parse_groups (GKeyFile *file, SgMemory *memory)
{
    g_auto (GStrv) groups = g_key_file_get_groups (file, NULL);

    for (char **group = groups; *group; group++) {
        if (g_str_has_prefix (*group, GROUP_GATEWAY) && !parse_gateway (file, *group, memory))
            return false;
        if (g_str_has_prefix (*group, GROUP_RESOLVER) && !parse_resolver (file, *group, memory))
            return false;
    }
    g_array_sort (memory->gateways, (GCompareFunc) compare_gateways);
    return true;
}

SgMemory *
sg_memory_parse (const char *name, const char *text, size_t len, GError **error)
{
    g_autoptr (SgMemory) memory = sg_memory_new ();
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_auto (GStrv) warned = NULL;

    if (!len || memchr (text, '\0', len) ||
        !g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, NULL) ||
        !parse_marks (file, memory) || !parse_renamed (file, memory) ||
        !parse_groups (file, memory) || !parse_rp_filters (file, memory)) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT, "%s: malformed; it is written anew",
                     name);
        return NULL;
    }
    memory->ipv4 = g_key_file_get_boolean (file, GROUP, KEY_IPV4, NULL);
    warned = g_key_file_get_string_list (file, GROUP, KEY_WARNED, NULL, NULL);
    for (char **warning = warned; warning && *warning; warning++)
        g_ptr_array_add (memory->warned, g_strdup (*warning));
    return g_steal_pointer (&memory);
}

static void
write_gateway (GKeyFile *file, const SgRemembered *gateway)
{
    g_autofree char *group = g_strdup_printf (GROUP_GATEWAY "%u", gateway->ifindex);
    const SgDevice *device = &gateway->device;
    char text[SG_PREFIX_TEXT_MAX];

    g_key_file_set_string (file, group, KEY_NAME, device->name);
    g_key_file_set_string (file, group, KEY_KIND, device->kind);
    g_key_file_set_string (file, group, KEY_UUID, device->uuid);
    if (device->typed)
        g_key_file_set_string (file, group, KEY_TYPE, sg_wg_type_to_string (device->type));
    if (device->dns)
        g_key_file_set_string (file, group, KEY_DNS, device->dns);
    if (device->dns_search)
        g_key_file_set_string (file, group, KEY_DNS_SEARCH, device->dns_search);
    if (sg_ip_is_set (&device->gateway[SG_IPV6]))
        g_key_file_set_string (file, group, KEY_GATEWAY6,
                               sg_ip_format (&device->gateway[SG_IPV6], text));
    if (sg_ip_is_set (&device->gateway[SG_IPV4]))
        g_key_file_set_string (file, group, KEY_GATEWAY4,
                               sg_ip_format (&device->gateway[SG_IPV4], text));
}

static void
write_resolver (GKeyFile *file, const SgResolverMemo *memo)
{
    g_autofree char *group = g_strdup_printf (GROUP_RESOLVER "%u", memo->ifindex);
    g_autofree char *before = g_variant_print (memo->before, /* type_annotate= */ FALSE);
    g_autofree char *ours = g_variant_print (memo->ours, /* type_annotate= */ FALSE);

    g_key_file_set_string (file, group, KEY_BEFORE, before);
    g_key_file_set_string (file, group, KEY_OURS, ours);
}

static void
write_renamed (GKeyFile *file, const SgMemory *memory)
{
    g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < memory->renamed->len; i++) {
        const SgFormerName *former = &g_array_index (memory->renamed, SgFormerName, i);

        g_ptr_array_add (words, g_strdup_printf ("%u %s", former->ifindex, former->name));
    }
    if (words->len > 0)
        g_key_file_set_string_list (file, GROUP, KEY_RENAMED, (const char *const *) words->pdata,
                                    words->len);
}

static void
write_ipv4 (GKeyFile *file, const SgMemory *memory)
{
    g_autoptr (GPtrArray) words = g_ptr_array_new_with_free_func (g_free);

    if (memory->ipv4)
        g_key_file_set_boolean (file, GROUP, KEY_IPV4, true);
    for (guint i = 0; i < memory->rp_filters->len; i++) {
        const SgRpFilter *entry = &g_array_index (memory->rp_filters, SgRpFilter, i);

        g_ptr_array_add (words, g_strdup_printf ("%u:%u", entry->ifindex, entry->value));
    }
    if (words->len)
        g_key_file_set_string_list (file, GROUP, KEY_RP_FILTERS, (const char *const *) words->pdata,
                                    words->len);
}

char *
sg_memory_to_text (const SgMemory *memory)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_autoptr (GPtrArray) marks = g_ptr_array_new_with_free_func (g_free);

    for (guint i = 0; i < memory->marks->len; i++)
        g_ptr_array_add (marks, g_strdup_printf ("%u", g_array_index (memory->marks, uint32_t, i)));
    g_key_file_set_string_list (file, GROUP, KEY_MARKS, (const char *const *) marks->pdata,
                                marks->len);
    write_renamed (file, memory);
    g_key_file_set_string_list (file, GROUP, KEY_WARNED,
                                (const char *const *) memory->warned->pdata, memory->warned->len);
    write_ipv4 (file, memory);
    for (guint i = 0; i < memory->gateways->len; i++)
        write_gateway (file, &g_array_index (memory->gateways, SgRemembered, i));
    for (guint i = 0; i < memory->resolver->len; i++)
        write_resolver (file, &g_array_index (memory->resolver, SgResolverMemo, i));
    return g_key_file_to_data (file, NULL, NULL);
}

/* ---- interfaces that were renamed ---- */

static bool
has_another_name (const SgSnapshot *snapshot, uint32_t ifindex, const char *name)
{
    const SgLink *link = sg_snapshot_link (snapshot, ifindex);

    return link && strcmp (link->name, name) != 0;
}

static bool
is_noted (const SgMemory *memory, uint32_t ifindex, const char *name)
{
    for (guint i = 0; i < memory->renamed->len; i++) {
        const SgFormerName *former = &g_array_index (memory->renamed, SgFormerName, i);

        if (former->ifindex == ifindex && strcmp (former->name, name) == 0)
            return true;
    }
    return false;
}

bool
sg_memory_note_renamed (SgMemory *memory, const SgSnapshot *snapshot)
{
    bool changed = false;

    for (guint i = memory->renamed->len; i-- > 0;) {
        const SgFormerName *former = &g_array_index (memory->renamed, SgFormerName, i);

        if (!has_another_name (snapshot, former->ifindex, former->name)) {
            g_array_remove_index (memory->renamed, i);
            changed = true;
        }
    }
    for (guint i = 0; i < memory->gateways->len; i++) {
        const SgRemembered *gateway = &g_array_index (memory->gateways, SgRemembered, i);
        SgFormerName former = {.ifindex = gateway->ifindex};

        /* The kernel takes any bytes as a name; in the file they would spoil the rest. */
        if (!has_another_name (snapshot, gateway->ifindex, gateway->device.name) ||
            is_noted (memory, gateway->ifindex, gateway->device.name) ||
            !g_utf8_validate (gateway->device.name, -1, NULL))
            continue;
        g_strlcpy (former.name, gateway->device.name, sizeof former.name);
        g_array_append_val (memory->renamed, former);
        changed = true;
    }
    return changed;
}

const SgLink *
sg_memory_find_renamed (const SgMemory *memory, const SgSnapshot *snapshot, const char *name)
{
    if (sg_snapshot_link_by_name (snapshot, name))
        return NULL;
    for (guint i = 0; i < memory->gateways->len; i++) {
        const SgRemembered *gateway = &g_array_index (memory->gateways, SgRemembered, i);

        if (strcmp (gateway->device.name, name) == 0)
            return sg_snapshot_link (snapshot, gateway->ifindex);
    }
    for (guint i = 0; i < memory->renamed->len; i++) {
        const SgFormerName *former = &g_array_index (memory->renamed, SgFormerName, i);

        if (strcmp (former->name, name) == 0)
            return sg_snapshot_link (snapshot, former->ifindex);
    }
    return NULL;
}
