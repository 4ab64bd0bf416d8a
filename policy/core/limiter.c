/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/limiter.h"

#include <netinet/in.h> /* before linux/netfilter.h, which brings a second copy */
#include <linux/netfilter.h>
#include <string.h>

#include "base/error.h"

#define GROUP "limit "
#define KEY_OBJECT "Object"
#define KEY_REMOVAL "Removal"
#define KEY_TIMES "Times"
#define KEY_SINCE "Since"
#define KEY_LAST "Last"
#define KEY_BACKOFF "Backoff"
#define KEY_UNTIL "Until"

/* An object that was put back (or taken away: what somebody else makes again and again). */
typedef struct {
    char *object;
    bool removal;
    bool guard;
    uint32_t times;      /* since since_ms, while there is no back-off */
    uint64_t since_ms;   /* the window's start */
    uint64_t last_ms;    /* the last time that it was let through */
    uint32_t backoff_ms; /* 0: no fight */
    uint64_t until_ms;   /* left out until then */
} Entry;

struct SgLimiter {
    GHashTable *entries; /* object (of the entry) → Entry */
    uint64_t next_ms;
};

static void
free_entry (Entry *entry)
{
    g_free (entry->object);
    g_free (entry);
}

SgLimiter *
sg_limiter_new (void)
{
    SgLimiter *limiter = g_new0 (SgLimiter, 1);

    limiter->entries =
        g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) free_entry);
    return limiter;
}

void
sg_limiter_free (SgLimiter *limiter)
{
    if (!limiter)
        return;
    g_hash_table_unref (limiter->entries);
    g_free (limiter);
}

/* ---- what an action is about ---- */

static bool
is_nft (SgActionKind kind)
{
    return kind <= SG_ACTION_NFT_ELEMENT_DEL;
}

static bool
is_removal (SgActionKind kind)
{
    return kind == SG_ACTION_NFT_SET_DEL || kind == SG_ACTION_NFT_CHAIN_DEL ||
           kind == SG_ACTION_NFT_ELEMENT_DEL || kind == SG_ACTION_ROUTE_DEL ||
           kind == SG_ACTION_RULE_DEL || kind == SG_ACTION_WG_PEER_DEL ||
           kind == SG_ACTION_PROXY_DEL || kind == SG_ACTION_ADDRESS_DEL ||
           kind == SG_ACTION_NEXTHOP_DEL;
}

/* What is neither of nftables nor of routing: "fwmark of wg0"; NULL when it is. */
static char *
name_other (const SgAction *action, const SgSnapshot *snapshot)
{
    uint32_t ifindex = action->ifindex;
    const char *what = NULL, *link;

    if (action->kind == SG_ACTION_SYSCTL)
        return g_strdup_printf ("setting %s", action->sysctl.path);
    if (action->kind == SG_ACTION_WG_FWMARK) {
        what = "fwmark";
    } else if (action->kind == SG_ACTION_WG_PEER_SET || action->kind == SG_ACTION_WG_PEER_DEL) {
        what = "peers";
        ifindex = action->kind == SG_ACTION_WG_PEER_SET ? action->peer.ifindex : ifindex;
    } else if (action->kind == SG_ACTION_PROXY_ADD || action->kind == SG_ACTION_PROXY_DEL) {
        what = "proxy neighbours";
        ifindex = action->proxy.ifindex;
    } else if (action->kind == SG_ACTION_NEXTHOP_ADD || action->kind == SG_ACTION_NEXTHOP_DEL) {
        what = "next hop";
        ifindex = action->nexthop.ifindex;
    } else if (action->kind == SG_ACTION_ADDRESS_DEL) {
        what = "addresses";
        ifindex = action->address.ifindex;
    }
    link = sg_snapshot_link_name (ifindex, snapshot);
    return what ? g_strdup_printf ("%s of %s", what, link ? link : "?") : NULL;
}

/* What a message calls it. Of nftables a chain or set is one object, whatever its elements. */
static char *
name_object (const SgAction *action, const SgSnapshot *snapshot, bool finely)
{
    char *other = name_other (action, snapshot);
    GString *name;

    if (other)
        return other;
    name = g_string_new (NULL);
    if (is_nft (action->kind)) {
        g_string_printf (name, "nftables %s%s%s%s",
                         action->table->family == NFPROTO_IPV4 ? "ip " : "", action->table->name,
                         action->chain || action->set ? " " : "",
                         action->chain ? action->chain->name
                         : action->set ? action->set->name
                                       : "");
    } else if (action->route && finely) {
        g_string_assign (name, action->route->family == AF_INET ? "IPv4 route " : "route ");
        sg_route_print (action->route, sg_snapshot_link_name, snapshot, name);
    } else if (action->route) {
        g_string_printf (name, "%sroutes of table %u",
                         action->route->family == AF_INET ? "IPv4 " : "", action->route->table);
    } else if (action->kind == SG_ACTION_SOCKETS_CLOSE) {
        char text[SG_PREFIX_TEXT_MAX];

        g_string_printf (name, "connections from %s", sg_ip_format (&action->address.ip, text));
    } else if (action->kind == SG_ACTION_RP_FILTER) {
        const char *link = sg_snapshot_link_name (action->ifindex, snapshot);

        g_string_printf (name, "rp_filter of %s", link ? link : "?");
    } else if (finely) {
        g_string_assign (name, action->rule.family == AF_INET ? "IPv4 rule " : "rule ");
        sg_rule_print (&action->rule, name);
    } else {
        g_string_printf (name, "%srules of preference %u",
                         action->rule.family == AF_INET ? "IPv4 " : "", action->rule.pref);
    }
    return g_string_free (name, /* free_segment= */ FALSE);
}

/* ---- one object ---- */

static uint32_t
most_ms (const Entry *entry)
{
    return entry->guard ? SG_LIMITER_GUARD_MS : SG_LIMITER_MOST_MS;
}

/* How long it has to stay in peace before the fight counts as over. */
static uint64_t
peace_ms (const Entry *entry)
{
    return MAX (SG_LIMITER_WINDOW_MS, 2 * (uint64_t) entry->backoff_ms);
}

static void
back_off (Entry *entry, uint32_t backoff_ms, uint64_t now)
{
    entry->backoff_ms = MIN (backoff_ms, most_ms (entry));
    entry->until_ms = now + entry->backoff_ms;
}

static void
start_window (Entry *entry, uint64_t now)
{
    entry->times = 1;
    entry->since_ms = now;
    entry->backoff_ms = 0;
    entry->until_ms = 0;
}

/* No fight so far: whether this is one too many. */
static bool
count_peaceful (Entry *entry, uint64_t now)
{
    uint32_t most = entry->guard ? SG_LIMITER_GUARD_TIMES : SG_LIMITER_TIMES;

    if (now - entry->since_ms > SG_LIMITER_WINDOW_MS)
        start_window (entry, now);
    else if (++entry->times > most)
        back_off (entry, SG_LIMITER_FIRST_MS, now);
    return entry->backoff_ms != 0;
}

/* Whether the object has to wait at @now. After each back-off it is put back once; when that is
 * undone before it was in peace, the next is twice as long. */
static bool
has_to_wait (Entry *entry, uint64_t now)
{
    if (entry->backoff_ms == 0)
        return count_peaceful (entry, now);
    if (now < entry->until_ms)
        return true;
    if (entry->last_ms < entry->until_ms)
        return false;
    if (now - entry->last_ms > peace_ms (entry)) {
        start_window (entry, now);
        return false;
    }
    back_off (entry, 2 * entry->backoff_ms, now);
    return true;
}

/* ---- the ledger ---- */

static Entry *
find_oldest (GHashTable *entries)
{
    Entry *entry, *oldest = NULL;
    GHashTableIter iter;

    g_hash_table_iter_init (&iter, entries);
    while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry)) {
        if (!oldest ||
            MAX (entry->last_ms, entry->until_ms) < MAX (oldest->last_ms, oldest->until_ms))
            oldest = entry;
    }
    return oldest;
}

static void
add_entry (SgLimiter *limiter, Entry *entry)
{
    if (g_hash_table_size (limiter->entries) >= SG_LIMITER_ENTRIES)
        g_hash_table_remove (limiter->entries, find_oldest (limiter->entries)->object);
    g_hash_table_insert (limiter->entries, entry->object, entry);
}

/* Forgets what has been in peace for long. */
static void
forget (SgLimiter *limiter, uint64_t now)
{
    GHashTableIter iter;
    Entry *entry;

    g_hash_table_iter_init (&iter, limiter->entries);
    while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry)) {
        uint64_t busy = MAX (entry->last_ms, entry->until_ms);

        /* A time to come belongs to another boot. */
        if (entry->last_ms > now || (now > busy && now - busy > peace_ms (entry)))
            g_hash_table_iter_remove (&iter);
    }
}

/* ---- a plan ---- */

typedef struct {
    SgLimiter *limiter;
    const SgSnapshot *snapshot;
    const SgLimiterMoment *moment;
    GHashTable *verdicts; /* object (owned) → whether it has to wait, as pointer */
    GPtrArray *news;
    GPtrArray *fights; /* of Entry: those that began with this plan */
    bool finely;
} Judging;

/* Says who, once: of what one plan brings up together, and of the guard while it is fought over,
 * one object stands for all. */
static void
report (const Judging *judging, const GPtrArray *fights)
{
    const Entry *first = g_ptr_array_index (fights, 0);
    const char *who = first->guard ? judging->moment->who_nft : judging->moment->who_routing;
    g_autofree char *others =
        fights->len > 1 ? g_strdup_printf (" and %u more", fights->len - 1) : NULL;

    g_ptr_array_add (
        judging->news,
        g_strdup_printf ("%s%s: %s more than %u times within %u seconds; somebody else is at it "
                         "too (last %s). It is now left alone for a while, %s; everything else "
                         "goes on",
                         first->object, others ? others : "",
                         first->removal ? "removed" : "put back", first->times - 1,
                         SG_LIMITER_WINDOW_MS / 1000, who ? who : "nobody knows who",
                         first->guard ? "never longer than a second" : "longer each time"));
}

static bool
is_guard_fought_over (const SgLimiter *limiter)
{
    GHashTableIter iter;
    Entry *entry;

    g_hash_table_iter_init (&iter, limiter->entries);
    while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry)) {
        if (entry->guard && entry->backoff_ms)
            return true;
    }
    return false;
}

static bool
judge_object (const Judging *judging, char *object, bool removal, bool guard)
{
    uint64_t now = judging->moment->now_ms;
    Entry *entry = g_hash_table_lookup (judging->limiter->entries, object);
    bool fought, waits;

    if (!entry) {
        entry = g_new0 (Entry, 1);
        entry->object = g_strdup (object);
        entry->guard = guard;
        add_entry (judging->limiter, entry);
    }
    /* Let through already: the run starts over because another writer came in between. */
    if (entry->times && entry->last_ms == now)
        return false;
    /* What is wanted has changed: that is no fight. */
    if (entry->times == 0 || entry->removal != removal) {
        entry->removal = removal;
        entry->last_ms = now;
        start_window (entry, now);
        return false;
    }
    fought = entry->backoff_ms != 0;
    waits = has_to_wait (entry, now);
    if (waits && !fought)
        g_ptr_array_add (judging->fights, entry);
    if (!waits)
        entry->last_ms = now;
    else if (!judging->limiter->next_ms || entry->until_ms < judging->limiter->next_ms)
        judging->limiter->next_ms = entry->until_ms;
    return waits;
}

/* Each object counts once in a plan, however many actions it takes. */
static bool
judge (const Judging *judging, const SgAction *action)
{
    char *object = name_object (action, judging->snapshot, judging->finely);
    bool guard = is_nft (action->kind), waits;
    gpointer known;

    if (g_hash_table_lookup_extended (judging->verdicts, object, NULL, &known)) {
        g_free (object);
        return GPOINTER_TO_INT (known);
    }
    waits = judge_object (judging, object, !guard && is_removal (action->kind), guard);
    g_hash_table_insert (judging->verdicts, object, GINT_TO_POINTER (waits));
    return waits;
}

/* Judges the actions of nftables, or all others. Returns whether any has to wait; with @keep
 * those that may go on are appended to it. */
static bool
judge_actions (const Judging *judging, const SgPlan *plan, bool nft, GArray *keep)
{
    bool known = nft && is_guard_fought_over (judging->limiter);
    bool any = false;

    g_ptr_array_set_size (judging->fights, 0);
    for (guint i = 0; i < plan->actions->len; i++) {
        SgAction *action = &g_array_index (plan->actions, SgAction, i);

        if (is_nft (action->kind) != nft || !judge (judging, action))
            g_array_append_vals (keep, action, 1);
        else
            any = true;
    }
    if (judging->fights->len && !known)
        report (judging, judging->fights);
    return any;
}

/* What protects as long as its replacement is not in force stays. */
static void
keep_protection (GArray *actions)
{
    for (guint i = actions->len; i > 0; i--) {
        SgStage stage = g_array_index (actions, SgAction, i - 1).stage;

        if (stage == SG_STAGE_OLD_SELECTION || stage == SG_STAGE_UNGUARD)
            g_array_remove_index (actions, i - 1);
    }
}

static const SgAction *
find_action (const GArray *actions, SgActionKind kind)
{
    for (guint i = 0; i < actions->len; i++) {
        const SgAction *action = &g_array_index (actions, SgAction, i);

        if (action->kind == kind)
            return action;
    }
    return NULL;
}

static guint
count_routes (const GArray *actions)
{
    guint n = 0;

    for (guint i = 0; i < actions->len; i++)
        n += g_array_index (actions, SgAction, i).route != NULL;
    return n;
}

/* A route does not come without its next hop, and the kernel takes routes along with one that goes. */
static void
keep_together (const GArray *all, GArray *keep)
{
    const SgAction *added = find_action (all, SG_ACTION_NEXTHOP_ADD);
    bool waits = added && !find_action (keep, SG_ACTION_NEXTHOP_ADD);
    bool routes_wait = count_routes (all) != count_routes (keep);

    for (guint i = keep->len; i > 0; i--) {
        const SgAction *action = &g_array_index (keep, SgAction, i - 1);
        bool leads_by_it = waits && action->route && action->route->nexthop_id == added->nexthop.id;

        if (leads_by_it || (routes_wait && action->kind == SG_ACTION_NEXTHOP_DEL))
            g_array_remove_index (keep, i - 1);
    }
}

void
sg_limiter_apply (SgLimiter *limiter, SgPlan *plan, const SgSnapshot *snapshot,
                  const SgLimiterMoment *moment, GPtrArray *news)
{
    g_autoptr (GHashTable) verdicts =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, /* value_destroy_func= */ NULL);
    g_autoptr (GArray) keep =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgAction));
    g_autoptr (GPtrArray) fights = g_ptr_array_new ();
    Judging judging = {
        .limiter = limiter,
        .snapshot = snapshot,
        .moment = moment,
        .verdicts = verdicts,
        .news = news,
        .fights = fights,
        .finely = plan->actions->len <= SG_LIMITER_FINE,
    };

    limiter->next_ms = 0;
    forget (limiter, moment->now_ms);
    if (judge_actions (&judging, plan, /* nft= */ true, keep)) {
        g_array_set_size (plan->actions, 0);
        return;
    }
    g_array_set_size (keep, 0);
    if (!judge_actions (&judging, plan, /* nft= */ false, keep))
        return;
    keep_protection (keep);
    keep_together (plan->actions, keep);
    g_array_set_size (plan->actions, 0);
    g_array_append_vals (plan->actions, keep->data, keep->len);
}

uint64_t
sg_limiter_next (const SgLimiter *limiter)
{
    return limiter->next_ms;
}

/* ---- as text ---- */

static bool
read_number (GKeyFile *file, const char *group, const char *key, uint64_t *ret_number)
{
    g_autoptr (GError) error = NULL;

    *ret_number = g_key_file_get_uint64 (file, group, key, &error);
    /* A minus sign wraps around. */
    return !error && *ret_number <= G_MAXINT64;
}

static bool
parse_entry (GKeyFile *file, const char *group, SgLimiter *limiter)
{
    g_autofree char *object = g_key_file_get_string (file, group, KEY_OBJECT, NULL);
    uint64_t times, since, last, backoff, until;
    Entry *entry;

    if (!object || g_hash_table_contains (limiter->entries, object) ||
        !read_number (file, group, KEY_TIMES, &times) || times == 0 || times > G_MAXUINT16 ||
        !read_number (file, group, KEY_SINCE, &since) ||
        !read_number (file, group, KEY_LAST, &last) || since > last ||
        !read_number (file, group, KEY_BACKOFF, &backoff) || backoff > SG_LIMITER_MOST_MS ||
        !read_number (file, group, KEY_UNTIL, &until) ||
        (until > last && until - last > G_MAXUINT32))
        return false;
    entry = g_new0 (Entry, 1);
    *entry = (Entry) {g_steal_pointer (&object),
                      g_key_file_get_boolean (file, group, KEY_REMOVAL, NULL),
                      false,
                      (uint32_t) times,
                      since,
                      last,
                      (uint32_t) backoff,
                      until};
    entry->guard = g_str_has_prefix (entry->object, "nftables ");
    add_entry (limiter, entry);
    return true;
}

SgLimiter *
sg_limiter_parse (const char *name, const char *text, size_t len, GError **error)
{
    g_autoptr (SgLimiter) limiter = sg_limiter_new ();
    g_autoptr (GKeyFile) file = g_key_file_new ();
    g_auto (GStrv) groups = NULL;
    bool good = (!len || !memchr (text, '\0', len)) &&
                g_key_file_load_from_data (file, text, len, G_KEY_FILE_NONE, NULL);

    groups = g_key_file_get_groups (file, NULL);
    for (char **group = groups; good && *group; group++)
        good = g_str_has_prefix (*group, GROUP) && parse_entry (file, *group, limiter);
    if (!good) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT, "%s: malformed; it is written anew",
                     name);
        return NULL;
    }
    return g_steal_pointer (&limiter);
}

static void
write_entry (GKeyFile *file, uint32_t number, const Entry *entry)
{
    g_autofree char *group = g_strdup_printf (GROUP "%u", number);

    g_key_file_set_string (file, group, KEY_OBJECT, entry->object);
    g_key_file_set_boolean (file, group, KEY_REMOVAL, entry->removal);
    g_key_file_set_uint64 (file, group, KEY_TIMES, entry->times);
    g_key_file_set_uint64 (file, group, KEY_SINCE, entry->since_ms);
    g_key_file_set_uint64 (file, group, KEY_LAST, entry->last_ms);
    g_key_file_set_uint64 (file, group, KEY_BACKOFF, entry->backoff_ms);
    g_key_file_set_uint64 (file, group, KEY_UNTIL, entry->until_ms);
}

char *
sg_limiter_to_text (const SgLimiter *limiter)
{
    g_autoptr (GKeyFile) file = g_key_file_new ();
    GHashTableIter iter;
    uint32_t number = 0;
    Entry *entry;

    g_hash_table_iter_init (&iter, limiter->entries);
    while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &entry))
        write_entry (file, number++, entry);
    return g_key_file_to_data (file, NULL, NULL);
}
