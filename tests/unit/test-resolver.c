/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name servers in systemd-resolved: decisions that need more than two moments (the others are golden
 * situations), and the talk itself, with the other end of the connection in this process. */
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "core/resolver.h"
#include "nm/resolver.h"

#define NOTHING "([], [], false)"
#define NETWORKMANAGERS "([(2, [0x0a, 0x3b, 0, 1], 0, '')], [('home.example', false)], false)"
#define OURS "([(2, [0x0a, 0x40, 0, 1], 0, '')], [('.', true)], true)"

static GVariant *
value (const char *text)
{
    g_autoptr (GError) error = NULL;
    GVariant *result =
        g_variant_parse (G_VARIANT_TYPE (SG_RESOLVER_TYPE), text, NULL, NULL, &error);

    g_assert_no_error (error);
    return g_variant_ref_sink (result);
}

/* ---- decisions ---- */

typedef struct {
    SgSnapshot *snapshot;
    SgMemory *memory;
    SgWanted wanted;
    SgWantedDns dns;
} Host;

static void
host_begin (Host *host)
{
    SgLink link = {.ifindex = 5, .name = "wg0"};
    SgIp server;

    *host = (Host) {.snapshot = sg_snapshot_new (), .memory = sg_memory_new ()};
    g_array_append_val (host->snapshot->links, link);
    g_assert_true (sg_ip_parse ("10.64.0.1", &server));
    host->dns.ifindex = 5;
    host->dns.servers = g_array_new (FALSE, FALSE, sizeof (SgIp));
    host->dns.domains = g_ptr_array_new ();
    g_array_append_val (host->dns.servers, server);
}

static void
host_clear (Host *host)
{
    sg_snapshot_free (host->snapshot);
    sg_memory_free (host->memory);
    g_array_unref (host->dns.servers);
    g_ptr_array_unref (host->dns.domains);
}

/* One pass while the link has what @has says: what it is told, as that text; "" = nothing. */
static char *
pass (Host *host, bool selected, const char *has)
{
    SgPlan plan = {.resolver = g_array_new (FALSE, TRUE, sizeof (SgResolverChange))};
    char *told = g_strdup ("");

    host->wanted.dns = selected ? &host->dns : NULL;
    if (sg_resolver_find_links (host->snapshot, &host->wanted, host->memory))
        g_array_index (host->snapshot->resolver, SgResolverLink, 0).has = value (has);
    sg_resolver_plan (&plan, host->snapshot, &host->wanted, host->memory);
    sg_resolver_remember (host->snapshot, &host->wanted, host->memory);
    for (guint i = 0; i < plan.resolver->len; i++) {
        SgResolverChange *change = &g_array_index (plan.resolver, SgResolverChange, i);

        g_free (told);
        told = g_variant_print (change->to, /* type_annotate= */ FALSE);
        g_variant_unref (change->to);
    }
    g_array_unref (plan.resolver);
    return told;
}

static void
expect (Host *host, bool selected, const char *has, const char *told)
{
    g_autofree char *got = pass (host, selected, has);
    g_autoptr (GVariant) wanted = *told ? value (told) : NULL;
    g_autofree char *text = wanted ? g_variant_print (wanted, FALSE) : g_strdup ("");

    g_assert_cmpstr (got, ==, text);
}

/* Also when the telling was killed before or behind any of its steps. */
static void
test_there_and_back (void)
{
    Host host;

    host_begin (&host);
    expect (&host, false, NOTHING, "");
    expect (&host, true, NOTHING, OURS);
    expect (&host, true, NOTHING, OURS);
    expect (&host, true, "([], [('.', true)], false)", OURS);
    expect (&host, true, "([], [('.', true)], true)", OURS);
    expect (&host, true, OURS, "");
    expect (&host, false, OURS, NOTHING);
    expect (&host, false, OURS, NOTHING);
    expect (&host, false, "([(2, [0x0a, 0x40, 0, 1], 0, '')], [], false)", NOTHING);
    expect (&host, false, NOTHING, "");
    g_assert_cmpuint (host.memory->resolver->len, ==, 0);
    host_clear (&host);
}

/* NetworkManager sets the link anew, and is seen half way: nothing of ours becomes what was there. */
static void
test_networkmanager_half_way (void)
{
    Host host;
    g_autofree char *told = NULL;

    host_begin (&host);
    expect (&host, true, NOTHING, OURS);
    told =
        pass (&host, true, "([(2, [0x0a, 0x40, 0, 1], 0, '')], [('home.example', false)], false)");
    g_assert_nonnull (strstr (told, "home.example"));
    expect (&host, false, told, "([], [('home.example', false)], false)");
    host_clear (&host);
}

static void
test_beside_networkmanagers (void)
{
    Host host;
    g_autofree char *told = NULL;

    host_begin (&host);
    told = pass (&host, true, NETWORKMANAGERS);
    g_assert_cmpstr (told, ==,
                     "([(2, [0x0a, 0x40, 0x00, 0x01], 0, ''), (2, [0x0a, 0x3b, 0x00, 0x01], 0, "
                     "'')], [('home.example', false), ('.', true)], true)");
    expect (&host, false, told, NETWORKMANAGERS);
    host_clear (&host);
}

/* While it does not run, the way back is kept; with the link it goes. */
static void
test_not_asked (void)
{
    Host host;

    host_begin (&host);
    expect (&host, true, NOTHING, OURS);
    host.wanted.dns = NULL;
    g_assert_true (sg_resolver_find_links (host.snapshot, &host.wanted, host.memory));
    g_assert_false (sg_resolver_remember (host.snapshot, &host.wanted, host.memory));
    g_assert_cmpuint (host.memory->resolver->len, ==, 1);
    g_array_set_size (host.snapshot->links, 0);
    g_assert_false (sg_resolver_find_links (host.snapshot, &host.wanted, host.memory));
    g_assert_true (sg_resolver_remember (host.snapshot, &host.wanted, host.memory));
    g_assert_cmpuint (host.memory->resolver->len, ==, 0);
    host_clear (&host);
}

/* ---- the talk ---- */

/* Both ends; the other one answers as it is told to, and keeps what it heard. */
typedef struct {
    sd_bus *mine, *other;
    const char *error; /* its name; NULL: it answers */
    bool silent, lacks;
    GString *heard;
    bool over;
    char *reason;
} Talk;

static int
answer_all (sd_bus_message *call, const Talk *talk)
{
    g_autoptr (GVariant) servers = NULL;
    sd_bus_message *reply = NULL;
    int r = sd_bus_message_new_method_return (call, &reply);

    if (r >= 0)
        r = sd_bus_message_append (reply, "a{sv}", 3, "Domains", "a(sb)", 1, ".", 1, "DefaultRoute",
                                   "b", 1, talk->lacks ? "DNS" : "DNSEx", "a(iayqs)", 1, AF_INET, 4,
                                   10, 64, 0, 1, 0, "");
    if (r >= 0)
        r = sd_bus_send (sd_bus_message_get_bus (call), reply, NULL);
    sd_bus_message_unref (reply);
    return r;
}

static void
hear_arguments (sd_bus_message *call, GString *heard)
{
    const char *member = sd_bus_message_get_member (call), *domain;
    int ifindex, flag, family;

    g_assert_cmpint (sd_bus_message_read (call, "i", &ifindex), >, 0);
    g_string_append_printf (heard, "%s %d", member, ifindex);
    if (strcmp (member, "SetLinkDefaultRoute") == 0) {
        g_assert_cmpint (sd_bus_message_read (call, "b", &flag), >, 0);
        g_string_append_printf (heard, " %d", flag);
    } else if (strcmp (member, "SetLinkDomains") == 0) {
        g_assert_cmpint (sd_bus_message_enter_container (call, 'a', "(sb)"), >, 0);
        while (sd_bus_message_read (call, "(sb)", &domain, &flag) > 0)
            g_string_append_printf (heard, " %s %d", domain, flag);
    } else {
        g_assert_cmpint (sd_bus_message_enter_container (call, 'a', "(iayqs)"), >, 0);
        while (sd_bus_message_enter_container (call, 'r', "iayqs") > 0) {
            g_assert_cmpint (sd_bus_message_read (call, "i", &family), >, 0);
            g_string_append_printf (heard, " %d", family);
            g_assert_cmpint (sd_bus_message_skip (call, "ayqs"), >, 0);
            g_assert_cmpint (sd_bus_message_exit_container (call), >=, 0);
        }
    }
    g_string_append (heard, "\n");
}

static int
on_call (sd_bus_message *call, void *data, sd_bus_error *ret_error)
{
    Talk *talk = data;

    if (talk->silent)
        return 1;
    g_assert_false (sd_bus_message_get_auto_start (call));
    g_assert_cmpstr (sd_bus_message_get_destination (call), ==, "org.freedesktop.resolve1");
    if (talk->error) {
        sd_bus_reply_method_errorf (call, talk->error, "said so");
        return 1;
    }
    if (sd_bus_message_is_method_call (call, "org.freedesktop.DBus.Properties", "GetAll")) {
        g_string_append_printf (talk->heard, "%s\n", sd_bus_message_get_path (call));
        g_assert_cmpint (answer_all (call, talk), >=, 0);
    } else {
        hear_arguments (call, talk->heard);
        g_assert_cmpint (sd_bus_reply_method_return (call, ""), >=, 0);
    }
    return 1;
}

static void
talk_begin (Talk *talk)
{
    int fds[2];
    sd_id128_t id;

    *talk = (Talk) {.heard = g_string_new (NULL)};
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==,
                     0);
    g_assert_cmpint (sd_id128_randomize (&id), >=, 0);
    g_assert_cmpint (sd_bus_new (&talk->mine), >=, 0);
    g_assert_cmpint (sd_bus_set_fd (talk->mine, fds[0], fds[0]), >=, 0);
    g_assert_cmpint (sd_bus_new (&talk->other), >=, 0);
    g_assert_cmpint (sd_bus_set_fd (talk->other, fds[1], fds[1]), >=, 0);
    g_assert_cmpint (sd_bus_set_server (talk->other, /* b= */ true, id), >=, 0);
    g_assert_cmpint (sd_bus_start (talk->mine), >=, 0);
    g_assert_cmpint (sd_bus_start (talk->other), >=, 0);
    g_assert_cmpint (sd_bus_add_filter (talk->other, NULL, on_call, talk), >=, 0);
}

static void
talk_clear (Talk *talk)
{
    sd_bus_close_unref (talk->mine);
    sd_bus_close_unref (talk->other);
    g_string_free (talk->heard, TRUE);
    g_free (talk->reason);
}

static void
on_over (void *data, const char *reason)
{
    Talk *talk = data;

    g_assert_false (talk->over);
    talk->over = true;
    talk->reason = g_strdup (reason);
}

static void
run (Talk *talk)
{
    int64_t end = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

    while (!talk->over) {
        int a = sd_bus_process (talk->mine, NULL), b = sd_bus_process (talk->other, NULL);

        g_assert_cmpint (a, >=, 0);
        g_assert_cmpint (b, >=, 0);
        if (a == 0 && b == 0)
            sd_bus_wait (talk->mine, 10000);
        g_assert_cmpint (g_get_monotonic_time (), <, end);
    }
}

/* Asks about the link 12 and says what came of it. */
static SgSnapshot *
ask (Talk *talk, uint32_t timeout_ms)
{
    const SgResolverQuestion question = {talk->mine, timeout_ms, on_over, talk};
    SgSnapshot *snapshot = sg_snapshot_new ();
    g_autofree char *reason = NULL;
    SgResolverLink link = {.ifindex = 12};

    g_array_append_val (snapshot->resolver, link);
    g_assert_nonnull (sg_resolver_ask (&question, snapshot, &reason));
    run (talk);
    return snapshot;
}

static void
test_ask (void)
{
    g_autoptr (GVariant) ours = value (OURS);
    g_autoptr (SgSnapshot) snapshot = NULL;
    Talk talk;

    talk_begin (&talk);
    snapshot = ask (&talk, 5000);
    g_assert_null (talk.reason);
    g_assert_true (snapshot->resolver_answers);
    g_assert_cmpstr (talk.heard->str, ==, "/org/freedesktop/resolve1/link/_312\n");
    g_assert_true (
        g_variant_equal (g_array_index (snapshot->resolver, SgResolverLink, 0).has, ours));
    talk_clear (&talk);
}

/* What is no answer: it does not run, it does not know the link, it refuses, it says too little, nothing. */
static void
test_ask_in_vain (void)
{
    static const struct {
        const char *error;
        bool silent, lacks, answers;
        const char *reason;
    } rows[] = {
        {SD_BUS_ERROR_SERVICE_UNKNOWN, false, false, false, NULL},
        {SD_BUS_ERROR_NAME_HAS_NO_OWNER, false, false, false, NULL},
        {SD_BUS_ERROR_UNKNOWN_OBJECT, false, false, true, NULL},
        {SD_BUS_ERROR_ACCESS_DENIED, false, false, false, "systemd-resolved: said so"},
        {NULL, false, true, true, NULL},
        {NULL, true, false, false, "systemd-resolved: "},
    };

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (SgSnapshot) snapshot = NULL;
        Talk talk;

        talk_begin (&talk);
        talk.error = rows[i].error;
        talk.silent = rows[i].silent;
        talk.lacks = rows[i].lacks;
        snapshot = ask (&talk, rows[i].silent ? 50 : 5000);
        g_assert_cmpint (snapshot->resolver_answers, ==, rows[i].answers);
        g_assert_null (g_array_index (snapshot->resolver, SgResolverLink, 0).has);
        if (rows[i].reason)
            g_assert_true (talk.reason && g_str_has_prefix (talk.reason, rows[i].reason));
        else
            g_assert_null (talk.reason);
        talk_clear (&talk);
    }
}

/* Only what is asked for, the servers last; nothing, where there is nothing of that kind. */
static void
test_tell (void)
{
    SgPlan plan = {.resolver = g_array_new (FALSE, TRUE, sizeof (SgResolverChange))};
    SgResolverChange changes[] = {{12, value (OURS), false}, {7, value (NOTHING), true}};
    g_autofree char *reason = NULL;
    Talk talk;

    talk_begin (&talk);
    const SgResolverQuestion question = {talk.mine, 5000, on_over, &talk};

    g_array_append_val (plan.resolver, changes[0]);
    g_assert_null (sg_resolver_tell (&question, &plan, /* back= */ true, &reason));
    g_assert_null (reason);
    g_array_append_val (plan.resolver, changes[1]);
    g_assert_nonnull (sg_resolver_tell (&question, &plan, /* back= */ true, &reason));
    run (&talk);
    talk.over = false;
    g_assert_nonnull (sg_resolver_tell (&question, &plan, /* back= */ false, &reason));
    run (&talk);
    g_assert_null (talk.reason);
    g_assert_cmpstr (talk.heard->str, ==,
                     "SetLinkDomains 7\nSetLinkDefaultRoute 7 0\nSetLinkDNSEx 7\n"
                     "SetLinkDomains 12 . 1\nSetLinkDefaultRoute 12 1\nSetLinkDNSEx 12 2\n");
    g_variant_unref (changes[0].to);
    g_variant_unref (changes[1].to);
    g_array_unref (plan.resolver);
    talk_clear (&talk);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/resolver/there-and-back", test_there_and_back);
    g_test_add_func ("/resolver/networkmanager-half-way", test_networkmanager_half_way);
    g_test_add_func ("/resolver/beside-networkmanagers", test_beside_networkmanagers);
    g_test_add_func ("/resolver/not-asked", test_not_asked);
    g_test_add_func ("/resolver/ask", test_ask);
    g_test_add_func ("/resolver/ask-in-vain", test_ask_in_vain);
    g_test_add_func ("/resolver/tell", test_tell);
    return g_test_run ();
}
