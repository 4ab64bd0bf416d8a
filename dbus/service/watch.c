/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/log.h"
#include "changes.h"
#include "kernel/notify-filter.h"
#include "looks.h"
#include "nm/nm-profile-parse.h"

#define NETWORKMANAGER "org.freedesktop.NetworkManager"
#define NM_ACCESS_POINTS "/org/freedesktop/NetworkManager/AccessPoint/"

/* Changes come in groups: a look begins so long after the first of one, and on a busy host not
 * before a pause of so many times the length of the last (milliseconds). */
#define GROUP_MS 20u
#define PAUSE_TIMES 4u
#define PAUSE_MAX_MS 400u
/* As large as the largest notification; what is longer is cut, and was heard all the same. */
#define READ_SIZE (32u * 1024)
/* Messages taken at once. */
#define READS_MAX 4096u
#define GROUP_BIT(group) (1u << ((group) -1))

struct SgWatch {
    SgService *service;
    int route; /* the netlink socket */
    SgNotifyInterest interest;
    bool heard;          /* and not looked at yet */
    bool networkmanager; /* of it, too */
    sd_event_source *socket, *folder, *run_folder, *timer, *end;
    sd_bus_slot *signals, *owner;
};

/* ---- looking ---- */

static void
set_timer (sd_event_source *timer, uint64_t at_ms)
{
    (void) sd_event_source_set_time (timer, at_ms * 1000);
    (void) sd_event_source_set_enabled (timer, SD_EVENT_ONESHOT);
}

static void
hear (SgWatch *watch, bool networkmanager)
{
    uint64_t now = sg_service_now (watch->service), took;
    uint64_t ended = sg_looks_ended (watch->service->looks, &took);

    watch->networkmanager = watch->networkmanager || networkmanager;
    if (watch->heard)
        return;
    watch->heard = true;
    set_timer (watch->timer, MAX (now + GROUP_MS, ended + MIN (PAUSE_TIMES * took, PAUSE_MAX_MS)));
}

void
sg_watch_seen (SgWatch *watch)
{
    watch->heard = false;
    watch->networkmanager = false;
    (void) sd_event_source_set_enabled (watch->timer, SD_EVENT_OFF);
}

static void
look (SgWatch *watch)
{
    bool networkmanager = watch->networkmanager;

    sg_watch_seen (watch);
    sg_looks_at_kernel (watch->service->looks);
    if (networkmanager)
        sg_looks_refresh (watch->service->looks);
}

static int
on_timer (sd_event_source *source, uint64_t usec, void *data)
{
    look (data);
    return 0;
}

static int
on_end (sd_event_source *source, uint64_t usec, void *data)
{
    hear (data, /* networkmanager= */ false);
    return 0;
}

void
sg_watch_look_at (SgWatch *watch, uint64_t at_ms)
{
    if (at_ms)
        set_timer (watch->end, at_ms);
    else
        (void) sd_event_source_set_enabled (watch->end, SD_EVENT_OFF);
}

/* ---- the kernel ---- */

static bool
take_all (int fd)
{
    uint8_t buffer[READ_SIZE] __attribute__ ((aligned (NLMSG_ALIGNTO)));
    bool any = false;

    for (unsigned i = 0; i < READS_MAX; i++) {
        if (recv (fd, buffer, sizeof buffer, MSG_DONTWAIT) < 0 && errno != EINTR &&
            errno != ENOBUFS)
            break;
        any = true;
    }
    return any;
}

static int
on_netlink (sd_event_source *source, int fd, uint32_t events, void *data)
{
    if (take_all (fd))
        hear (data, /* networkmanager= */ false);
    return 0;
}

void
sg_watch_catch_up (SgWatch *watch)
{
    if (take_all (watch->route))
        watch->heard = true;
    if (watch->heard)
        look (watch);
}

static bool
attach_filter (const SgWatch *watch, GError **error)
{
    g_autoptr (GArray) program = sg_notify_filter_route (&watch->interest);

    return sg_notify_filter_attach (watch->route, program, error);
}

void
sg_watch_tune (SgWatch *watch, bool refreshes)
{
    g_autoptr (GError) error = NULL;

    if (watch->interest.refreshes == refreshes)
        return;
    watch->interest.refreshes = refreshes;
    if (!attach_filter (watch, &error))
        sg_log_failure (error);
}

static bool
open_netlink (SgWatch *watch, GError **error)
{
    const SgConfig *config = watch->service->config;
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups = GROUP_BIT (RTNLGRP_LINK) | GROUP_BIT (RTNLGRP_IPV6_IFADDR) |
                     GROUP_BIT (RTNLGRP_IPV6_ROUTE) | GROUP_BIT (RTNLGRP_IPV6_RULE) |
                     GROUP_BIT (RTNLGRP_NEXTHOP) | GROUP_BIT (RTNLGRP_IPV4_IFADDR) |
                     GROUP_BIT (RTNLGRP_IPV4_ROUTE) | GROUP_BIT (RTNLGRP_IPV4_RULE),
    };
    int on = 1;

    watch->interest = (SgNotifyInterest) {.ipv6 = config->families[SG_IPV6],
                                          .ipv4 = config->families[SG_IPV4],
                                          .nft_table = config->nft_table};
    watch->route = socket (AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (watch->route < 0 ||
        setsockopt (watch->route, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on) < 0 ||
        bind (watch->route, (struct sockaddr *) &address, sizeof address) < 0) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "cannot watch the kernel");
        return false;
    }
    return attach_filter (watch, error);
}

/* ---- our own choices ---- */

static int
on_folder (sd_event_source *source, const struct inotify_event *event, void *data)
{
    hear (data, /* networkmanager= */ false);
    return 0;
}

/* Of the files that programs share in /run only this one is shown. */
static int
on_run_folder (sd_event_source *source, const struct inotify_event *event, void *data)
{
    if (event->len > 0 && strcmp (event->name, SG_OPENED_FILE) == 0)
        hear (data, /* networkmanager= */ false);
    return 0;
}

/* ---- NetworkManager ---- */

static bool
is_news (sd_bus_message *signal)
{
    const char *about;

    /* How well an access point is heard changes all the time. */
    if (g_str_has_prefix (sd_bus_message_get_path (signal), NM_ACCESS_POINTS))
        return false;
    if (!sd_bus_message_is_signal (signal, "org.freedesktop.DBus.Properties", "PropertiesChanged"))
        return true;
    return sd_bus_message_read (signal, "s", &about) < 0 ||
           (strcmp (about, NETWORKMANAGER ".Device.Statistics") != 0 &&
            strcmp (about, NETWORKMANAGER ".Device.Wireless") != 0);
}

/* It is to be read anew. */
static void
forget_profile (SgWatch *watch, const char *path)
{
    GHashTable *catalog = watch->service->catalog;
    SgNmSummary *summary = g_hash_table_lookup (catalog, path);

    if (!summary)
        return;
    sg_changes_notice_gateway (watch->service->changes, summary->interface);
    summary->stale = true;
}

static int
on_signal (sd_bus_message *signal, void *data, sd_bus_error *ret_error)
{
    SgWatch *watch = data;

    if (sd_bus_message_is_signal (signal, NETWORKMANAGER ".Settings.Connection", NULL))
        forget_profile (watch, sd_bus_message_get_path (signal));
    if (is_news (signal))
        hear (watch, /* networkmanager= */ true);
    return 0;
}

/* It is there anew, or not any more. */
static int
on_owner (sd_bus_message *signal, void *data, sd_bus_error *ret_error)
{
    SgWatch *watch = data;
    GHashTableIter iter;
    SgNmSummary *summary;

    g_hash_table_iter_init (&iter, watch->service->catalog);
    while (g_hash_table_iter_next (&iter, NULL, (void **) &summary))
        summary->stale = true;
    hear (watch, /* networkmanager= */ true);
    return 0;
}

static int
watch_networkmanager (SgWatch *watch)
{
    sd_bus *peers = watch->service->peers;
    int r = sd_bus_add_match_async (peers, &watch->signals,
                                    "type='signal',sender='" NETWORKMANAGER
                                    "',path_namespace='/org/freedesktop'",
                                    on_signal, /* install= */ NULL, watch);

    if (r >= 0)
        r = sd_bus_add_match_async (peers, &watch->owner,
                                    "type='signal',sender='org.freedesktop.DBus',"
                                    "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                    "arg0='" NETWORKMANAGER "'",
                                    on_owner, /* install= */ NULL, watch);
    return r;
}

/* ---- the whole ---- */

static int
add_sources (SgWatch *watch)
{
    sd_event *event = watch->service->event;
    int r = sd_event_add_io (event, &watch->socket, watch->route, EPOLLIN, on_netlink, watch);

    if (r >= 0)
        r = sd_event_add_time (event, &watch->timer, CLOCK_MONOTONIC, 0, GROUP_MS * 100, on_timer,
                               watch);
    if (r >= 0)
        r = sd_event_source_set_enabled (watch->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_time (event, &watch->end, CLOCK_MONOTONIC, 0, 0, on_end, watch);
    if (r >= 0)
        r = sd_event_source_set_enabled (watch->end, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_add_inotify (event, &watch->folder, SG_STATE_DIR,
                                  IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE, on_folder, watch);
    if (r >= 0)
        r = sd_event_add_inotify (event, &watch->run_folder, SG_RUNTIME_DIR,
                                  IN_MOVED_TO | IN_MODIFY | IN_DELETE, on_run_folder, watch);
    return r;
}

SgWatch *
sg_watch_new (SgService *service, GError **error)
{
    SgWatch *watch = g_new0 (SgWatch, 1);
    int r;

    watch->service = service;
    if (!open_netlink (watch, error) || !sg_fs_make_folder (SG_STATE_DIR, error) ||
        !sg_fs_make_folder (SG_RUNTIME_DIR, error)) {
        sg_watch_free (watch);
        return NULL;
    }
    r = add_sources (watch);
    if (r >= 0)
        r = watch_networkmanager (watch);
    if (r < 0) {
        sg_error_set_errno (error, SG_ERROR_FAILED, -r, "cannot watch what changes");
        sg_watch_free (watch);
        return NULL;
    }
    return watch;
}

void
sg_watch_free (SgWatch *watch)
{
    if (!watch)
        return;
    sd_bus_slot_unref (watch->signals);
    sd_bus_slot_unref (watch->owner);
    sd_event_source_disable_unref (watch->socket);
    sd_event_source_disable_unref (watch->folder);
    sd_event_source_disable_unref (watch->run_folder);
    sd_event_source_disable_unref (watch->timer);
    sd_event_source_disable_unref (watch->end);
    if (watch->route >= 0)
        close (watch->route);
    g_free (watch);
}
