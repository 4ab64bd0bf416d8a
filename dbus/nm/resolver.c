/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/resolver.h"

#include <errno.h>
#include <string.h>

#include "nm/nm-bus.h"
#include "nm/nm-variant.h"

/* org.freedesktop.resolve1(5) */
#define SERVICE "org.freedesktop.resolve1"
#define MANAGER_PATH "/org/freedesktop/resolve1"
#define MANAGER SERVICE ".Manager"
#define LINK_PATH MANAGER_PATH "/link"
#define LINK SERVICE ".Link"

struct SgResolverTalk {
    SgResolverQuestion question;
    int64_t deadline;     /* of g_get_monotonic_time() */
    SgSnapshot *snapshot; /* whose links are asked about; NULL when telling */
    GPtrArray *slots;     /* of sd_bus_slot: calls without an answer yet, and answered ones */
    char *reason;         /* the first that there was */
    unsigned pending;
};

/* A call on its way. */
typedef struct {
    SgResolverTalk *talk;
    guint link; /* when asking: its index in snapshot->resolver */
} Asked;

/* ---- answers ---- */

static void
note_reason (SgResolverTalk *talk, const char *why)
{
    if (!talk->reason)
        talk->reason = g_strdup_printf ("systemd-resolved: %s", why);
}

static bool
is_absence (const sd_bus_error *error)
{
    return sd_bus_error_has_name (error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
           sd_bus_error_has_name (error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

/* A link that has just come, or just gone: it is told of the next time. */
static bool
is_unknown_link (const sd_bus_error *error)
{
    return sd_bus_error_has_name (error, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
           sd_bus_error_has_name (error, SD_BUS_ERROR_UNKNOWN_INTERFACE) ||
           sd_bus_error_has_name (error, SD_BUS_ERROR_UNKNOWN_METHOD) ||
           sd_bus_error_has_name (error, SERVICE ".NoSuchLink");
}

GVariant *
sg_resolver_parse_link (sd_bus_message *reply)
{
    g_autoptr (GVariant) all = sg_nm_read_variant (reply);
    g_autoptr (GVariant) servers = NULL;
    g_autoptr (GVariant) domains = NULL;
    gboolean default_route;

    if (!all || !g_variant_is_of_type (all, G_VARIANT_TYPE_VARDICT))
        return NULL;
    servers = g_variant_lookup_value (all, "DNSEx", G_VARIANT_TYPE ("a(iayqs)"));
    domains = g_variant_lookup_value (all, "Domains", G_VARIANT_TYPE ("a(sb)"));
    if (!servers || !domains || !g_variant_lookup (all, "DefaultRoute", "b", &default_route))
        return NULL;
    return g_variant_ref_sink (
        g_variant_new ("(@a(iayqs)@a(sb)b)", servers, domains, default_route));
}

static void
take_answer (const Asked *asked, sd_bus_message *reply)
{
    SgSnapshot *snapshot = asked->talk->snapshot;

    if (!snapshot)
        return;
    snapshot->resolver_answers = true;
    g_array_index (snapshot->resolver, SgResolverLink, asked->link).has =
        sg_resolver_parse_link (reply);
}

static void
take_error (const Asked *asked, const sd_bus_error *error)
{
    SgResolverTalk *talk = asked->talk;

    if (is_unknown_link (error)) {
        if (talk->snapshot)
            talk->snapshot->resolver_answers = true;
    } else if (!talk->snapshot || !is_absence (error)) {
        note_reason (talk, error->message ? error->message : error->name);
    }
}

static int
on_reply (sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    const Asked *asked = data;
    SgResolverTalk *talk = asked->talk;

    if (sd_bus_message_is_method_error (reply, NULL))
        take_error (asked, sd_bus_message_get_error (reply));
    else
        take_answer (asked, reply);
    if (--talk->pending == 0) {
        talk->question.done (talk->question.data, talk->reason);
        sg_resolver_talk_free (talk);
    }
    return 0;
}

/* ---- calls ---- */

static void
unref_slot (void *slot)
{
    sd_bus_slot_unref (slot);
}

static SgResolverTalk *
new_talk (const SgResolverQuestion *question)
{
    SgResolverTalk *talk = g_new0 (SgResolverTalk, 1);

    talk->question = *question;
    talk->deadline = g_get_monotonic_time () + (int64_t) question->timeout_ms * 1000;
    talk->slots = g_ptr_array_new_with_free_func (unref_slot);
    return talk;
}

void
sg_resolver_talk_free (SgResolverTalk *talk)
{
    if (!talk)
        return;
    g_ptr_array_unref (talk->slots);
    g_free (talk->reason);
    g_free (talk);
}

/* Queues @message; returns a negative errno when it cannot. */
static int
send_call (SgResolverTalk *talk, sd_bus_message *message, guint link)
{
    int64_t left = talk->deadline - g_get_monotonic_time ();
    Asked *asked = g_new (Asked, 1);
    sd_bus_slot *slot = NULL;
    int r = sd_bus_message_set_auto_start (message, /* b= */ false);

    *asked = (Asked) {talk, link};
    if (r >= 0)
        r = sd_bus_call_async (talk->question.bus, &slot, message, on_reply, asked,
                               (uint64_t) MAX (left, 1));
    if (r < 0) {
        g_free (asked);
        return r;
    }
    sd_bus_slot_set_destroy_callback (slot, g_free);
    g_ptr_array_add (talk->slots, slot);
    talk->pending++;
    return 0;
}

static int
ask_link (SgResolverTalk *talk, guint index)
{
    uint32_t ifindex = g_array_index (talk->snapshot->resolver, SgResolverLink, index).ifindex;
    g_autofree char *number = g_strdup_printf ("%u", ifindex);
    g_autoptr (sd_bus_message) message = NULL;
    char *path = NULL;
    int r = sd_bus_path_encode (LINK_PATH, number, &path);

    if (r >= 0)
        r = sd_bus_message_new_method_call (talk->question.bus, &message, SERVICE, path,
                                            "org.freedesktop.DBus.Properties", "GetAll");
    free (path);
    if (r >= 0)
        r = sd_bus_message_append (message, "s", LINK);
    return r < 0 ? r : send_call (talk, message, index);
}

/* @argument: the member @index of what the link is to have. */
static int
tell_link (SgResolverTalk *talk, const SgResolverChange *change, const char *method, gsize index)
{
    g_autoptr (GVariant) argument = g_variant_get_child_value (change->to, index);
    g_autoptr (sd_bus_message) message = NULL;
    int r = sd_bus_message_new_method_call (talk->question.bus, &message, SERVICE, MANAGER_PATH,
                                            MANAGER, method);

    if (r >= 0)
        r = sd_bus_message_append (message, "i", (int) change->ifindex);
    if (r >= 0)
        r = sg_nm_append_variant (message, argument);
    return r < 0 ? r : send_call (talk, message, /* link= */ 0);
}

/* The domains first: with servers and none, the whole would be asked there for a moment. */
static int
tell_all (SgResolverTalk *talk, const SgResolverChange *change)
{
    static const struct {
        const char *method;
        gsize member;
    } calls[] = {{"SetLinkDomains", SG_RESOLVER_DOMAINS},
                 {"SetLinkDefaultRoute", SG_RESOLVER_DEFAULT_ROUTE},
                 {"SetLinkDNSEx", SG_RESOLVER_SERVERS}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < G_N_ELEMENTS (calls); i++)
        r = tell_link (talk, change, calls[i].method, calls[i].member);
    return r;
}

/* What is on its way; none with the reason when that is nothing. */
static SgResolverTalk *
if_pending (SgResolverTalk *talk, int r, char **ret_reason)
{
    if (r < 0)
        note_reason (talk, g_strerror (-r));
    if (talk->pending > 0)
        return talk;
    *ret_reason = g_steal_pointer (&talk->reason);
    sg_resolver_talk_free (talk);
    return NULL;
}

SgResolverTalk *
sg_resolver_ask (const SgResolverQuestion *question, SgSnapshot *snapshot, char **ret_reason)
{
    SgResolverTalk *talk = new_talk (question);
    int r = 0;

    *ret_reason = NULL;
    talk->snapshot = snapshot;
    for (guint i = 0; r >= 0 && i < snapshot->resolver->len; i++)
        r = ask_link (talk, i);
    return if_pending (talk, r, ret_reason);
}

SgResolverTalk *
sg_resolver_tell (const SgResolverQuestion *question, const SgPlan *plan, bool back,
                  char **ret_reason)
{
    SgResolverTalk *talk = new_talk (question);
    int r = 0;

    *ret_reason = NULL;
    for (guint i = 0; r >= 0 && i < plan->resolver->len; i++) {
        const SgResolverChange *change = &g_array_index (plan->resolver, SgResolverChange, i);

        if (change->back == back)
            r = tell_all (talk, change);
    }
    return if_pending (talk, r, ret_reason);
}

/* ---- waiting ---- */

typedef struct {
    bool over;
    char *reason;
} Waiting;

static void
on_done (void *data, const char *reason)
{
    Waiting *waiting = data;

    waiting->over = true;
    waiting->reason = g_strdup (reason);
}

/* Not longer than the deadline, which also holds while the connection is being authenticated. */
static void
wait_for (const SgNmBus *bus, SgResolverTalk *talk, Waiting *waiting)
{
    int r = 0;

    while (talk && r >= 0 && !waiting->over) {
        int64_t left = bus->deadline - g_get_monotonic_time ();

        r = left > 0 ? sd_bus_process (bus->bus, NULL) : -ETIMEDOUT;
        if (r == 0)
            r = sd_bus_wait (bus->bus, (uint64_t) left);
        if (r == -EINTR)
            r = 0;
    }
    if (talk && !waiting->over) {
        waiting->reason = g_strdup_printf ("systemd-resolved: %s", g_strerror (-r));
        sg_resolver_talk_free (talk);
    }
}

void
sg_resolver_ask_and_wait (SgSnapshot *snapshot, uint32_t timeout_ms, char **ret_reason)
{
    Waiting waiting = {0};
    SgNmBus bus;
    SgResolverTalk *talk;

    if (!sg_nm_bus_open (&bus, timeout_ms, ret_reason))
        return;
    const SgResolverQuestion question = {bus.bus, timeout_ms, on_done, &waiting};

    talk = sg_resolver_ask (&question, snapshot, ret_reason);
    wait_for (&bus, talk, &waiting);
    if (waiting.reason)
        *ret_reason = waiting.reason;
    sg_nm_bus_close (&bus);
}

void
sg_resolver_tell_and_wait (const SgPlan *plan, bool back, uint32_t timeout_ms, char **ret_reason)
{
    Waiting waiting = {0};
    SgNmBus bus;
    SgResolverTalk *talk;

    *ret_reason = NULL;
    if (plan->resolver->len == 0 || !sg_nm_bus_open (&bus, timeout_ms, ret_reason))
        return;
    const SgResolverQuestion question = {bus.bus, timeout_ms, on_done, &waiting};

    talk = sg_resolver_tell (&question, plan, back, ret_reason);
    wait_for (&bus, talk, &waiting);
    if (waiting.reason)
        *ret_reason = waiting.reason;
    sg_nm_bus_close (&bus);
}
