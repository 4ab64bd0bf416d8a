/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rights.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

#define POLKIT "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_AUTHORITY POLKIT ".Authority"
/* CheckAuthorizationFlags: polkit may ask the person. */
#define ALLOW_USER_INTERACTION 1u

/* How long an answer may take, in microseconds: of the bus, of polkit, of polkit and a person. */
#define BUS_TIMEOUT_US (5 * G_USEC_PER_SEC)
#define POLKIT_TIMEOUT_US (10 * G_USEC_PER_SEC)
#define PERSON_TIMEOUT_US (120 * G_USEC_PER_SEC)

/* Bytes of calls that wait for polkit, of all callers together: a call may bring a file. */
#define HELD_MAX (8u * 1024 * 1024)

static const char *
action_of (SgRight right)
{
    static const char *const actions[SG_RIGHT_N] = {
        [SG_RIGHT_NONE] = "",
        [SG_RIGHT_MANAGE] = "org.sixgate.sixgate1.manage",
        [SG_RIGHT_READ_SECRETS] = "org.sixgate.sixgate1.read-secrets",
        [SG_RIGHT_READ_PEERS] = "org.sixgate.sixgate1.read-peers",
    };

    return actions[right];
}

static void
stop_asking (SgCall *call)
{
    call->question = sd_bus_slot_unref (call->question);
    g_clear_pointer (&call->question_id, g_free);
    call->service->held -= call->held;
    call->held = 0;
    call->caller->asking--;
}

static void
run (SgCall *call)
{
    stop_asking (call);
    call->asking = false;
    call->method->run (call);
}

static void
refuse (SgCall *call, SgErrorCode code, const char *why)
{
    const char *action = action_of (call->method->right);

    stop_asking (call);
    if (call->method->denied) {
        call->asking = false;
        call->method->denied (call);
        return;
    }
    sg_call_fail_with (call, code, "%s needs the right %s: %s", call->method->member, action, why);
}

/* ---- polkit ---- */

/* polkit is not there, or cannot be started. */
static bool
is_absent (const sd_bus_error *error)
{
    return sd_bus_error_has_name (error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
           sd_bus_error_has_name (error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
           g_str_has_prefix (error->name, "org.freedesktop.DBus.Error.Spawn.") ||
           g_str_has_prefix (error->name, "org.freedesktop.systemd1.");
}

static void
refuse_for_error (SgCall *call, const sd_bus_error *error)
{
    if (is_absent (error))
        refuse (call, SG_ERROR_PERMISSION, "polkit is not there to grant it; call as root");
    else if (sd_bus_error_has_name (error, SD_BUS_ERROR_NO_REPLY))
        refuse (call, SG_ERROR_FAILED, "polkit did not answer in time; try again, or call as root");
    else
        refuse (call, SG_ERROR_PERMISSION, error->message ? error->message : error->name);
}

static int
on_verdict (sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    SgCall *call = data;
    int authorized, challenge;

    if (sd_bus_message_is_method_error (reply, NULL))
        refuse_for_error (call, sd_bus_message_get_error (reply));
    else if (sd_bus_message_enter_container (reply, 'r', "bba{ss}") < 0 ||
             sd_bus_message_read (reply, "bb", &authorized, &challenge) < 0)
        refuse (call, SG_ERROR_FAILED, "polkit's answer cannot be understood");
    else if (authorized)
        run (call);
    else if (challenge)
        refuse (call, SG_ERROR_PERMISSION,
                "polkit wants an administrator to authenticate; call again where that can be "
                "asked for, or as root");
    else
        refuse (call, SG_ERROR_PERMISSION, "polkit does not grant it to this caller");
    return 0;
}

static int
ask_polkit (SgCall *call)
{
    SgService *service = call->service;
    bool interactive = !call->method->denied &&
                       sd_bus_message_get_allow_interactive_authorization (call->message) > 0;
    g_autoptr (sd_bus_message) question = NULL;
    int r = sd_bus_message_new_method_call (service->peers, &question, POLKIT, POLKIT_PATH,
                                            POLKIT_AUTHORITY, "CheckAuthorization");

    call->question_id = g_strdup_printf ("sixgate-%" PRIu64, ++service->questions);
    if (r >= 0)
        r = sd_bus_message_append (question, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                   call->caller->name, action_of (call->method->right), 0,
                                   interactive ? ALLOW_USER_INTERACTION : 0, call->question_id);
    if (r >= 0)
        r = sd_bus_call_async (service->peers, &call->question, question, on_verdict, call,
                               interactive ? PERSON_TIMEOUT_US : POLKIT_TIMEOUT_US);
    return r;
}

void
sg_rights_cancel (SgCall *call)
{
    if (call->question_id)
        (void) sd_bus_call_method_async (call->service->peers, NULL, POLKIT, POLKIT_PATH,
                                         POLKIT_AUTHORITY, "CancelCheckAuthorization", NULL, NULL,
                                         "s", call->question_id);
    stop_asking (call);
}

/* Whether it may wait for polkit; counts it then. */
static bool
may_wait (SgCall *call)
{
    SgService *service = call->service;
    size_t bytes = 0;

    for (guint i = 0; i < G_N_ELEMENTS (call->words); i++)
        bytes += call->words[i] ? strlen (call->words[i]) : 0;
    if (call->caller->asking > SG_ASKING_MAX || service->held + bytes > HELD_MAX)
        return false;
    call->held = bytes;
    service->held += bytes;
    return true;
}

/* ---- who calls ---- */

static void
ask_unless_root (SgCall *call)
{
    int r;

    if (call->caller->uid == 0) {
        run (call);
        return;
    }
    call->question = sd_bus_slot_unref (call->question);
    if (!may_wait (call)) {
        refuse (call, SG_ERROR_LIMIT, "too many calls are waiting for polkit; wait for one");
        return;
    }
    r = ask_polkit (call);
    if (r < 0)
        refuse (call, SG_ERROR_FAILED, g_strerror (-r));
}

static int
on_uid (sd_bus_message *reply, void *data, sd_bus_error *ret_error)
{
    SgCall *call = data;

    if (sd_bus_message_is_method_error (reply, NULL) ||
        sd_bus_message_read (reply, "u", &call->caller->uid) < 0) {
        refuse (call, SG_ERROR_PERMISSION, "the bus does not say who calls");
        return 0;
    }
    call->caller->uid_known = true;
    ask_unless_root (call);
    return 0;
}

static int
ask_uid (SgCall *call)
{
    g_autoptr (sd_bus_message) question = NULL;
    int r = sd_bus_message_new_method_call (call->service->peers, &question, "org.freedesktop.DBus",
                                            "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                            "GetConnectionUnixUser");

    if (r >= 0)
        r = sd_bus_message_append (question, "s", call->caller->name);
    if (r >= 0)
        r = sd_bus_call_async (call->service->peers, &call->question, question, on_uid, call,
                               BUS_TIMEOUT_US);
    return r;
}

void
sg_rights_ask (SgCall *call)
{
    int r;

    if (call->method->right == SG_RIGHT_NONE) {
        call->method->run (call);
        return;
    }
    call->asking = true;
    call->caller->asking++;
    if (call->caller->uid_known) {
        ask_unless_root (call);
        return;
    }
    r = ask_uid (call);
    if (r < 0)
        refuse (call, SG_ERROR_FAILED, g_strerror (-r));
}
