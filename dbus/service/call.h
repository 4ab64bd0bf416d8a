/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call of a method of ours, from its arrival to its answer: arguments, limits, rights, then
 * what it is for. What a caller may do is in one table; what is not in it is refused. */
#pragma once

#include "base/error.h"
#include "core/tunnel.h"
#include "service.h"

typedef enum {
    SG_RIGHT_NONE,         /* anybody */
    SG_RIGHT_MANAGE,       /* org.sixgate.sixgate1.manage */
    SG_RIGHT_READ_SECRETS, /* org.sixgate.sixgate1.read-secrets */
    SG_RIGHT_READ_PEERS,   /* org.sixgate.sixgate1.read-peers */
    SG_RIGHT_N
} SgRight;

typedef struct SgCall SgCall;

/* A method: its row in the table. */
typedef struct {
    const char *interface, *member;
    SgRight right;
    bool checked; /* refused when somebody else changed meanwhile what it is about */
    /* Reads the arguments. NULL: it has none. */
    bool (*read) (SgCall *call, GError **error);
    /* Does it, or sets out to; answers by sg_call_reply() and so on, now or later. */
    void (*run) (SgCall *call);
    /* Refused when the subnet or device that it is about is not as it was when the call came. */
    bool compared;
    /* For who may not, in the place of an error. Nobody is asked for a password then. */
    void (*denied) (SgCall *call);
} SgMethod;

/* What methods take beside their arguments. Strings are the message's. */
typedef struct {
    const char *from, *in, *interface, *type, *address, *kind, *public_key;
    const char *label;
    uint32_t mark;
    uint16_t external, internal; /* ports; 0: not said */
    int outbound, allow_ula;
} SgCallOptions;

/* One of a{sv}: its name, its type, where it goes in SgCallOptions. */
typedef struct {
    const char *name, *type;
    size_t offset;
} SgCallOption;

/* The most string arguments. */
#define SG_CALL_WORDS 2

struct SgCall {
    SgService *service;
    sd_bus_message *message;
    const SgMethod *method;
    SgCaller *caller;                 /* NULL: it vanished, nobody waits for the answer */
    bool asking;                      /* it is not known yet whether it may */
    bool started;                     /* is being done, and will be finished whoever vanishes */
    bool conflict;                    /* somebody else changed meanwhile what it is about */
    sd_bus_slot *question;            /* to polkit, or to the bus */
    char *question_id;                /* polkit's word for taking it back; NULL: it was not asked */
    size_t held;                      /* bytes that wait for polkit */
    const char *words[SG_CALL_WORDS]; /* its string arguments */
    SgCallOptions options;
    char *gateway;          /* the name of its object, for those of a gateway */
    char *seen;             /* how its subnet or device looked when it came; NULL: not compared */
    const SgTunnel *tunnel; /* as it was before, under the lock; NULL: no tunnel role yet */
};

/* The handler of every method in our vtables. */
int sg_call_received (sd_bus_message *message, void *service, sd_bus_error *ret_error);
/* For SgMethod.read: whether @r, what sd_bus_message_read() and its like returned, is no error. */
bool sg_call_understood (int r, GError **error);
/* For SgMethod.read: takes a string. */
bool sg_call_read_word (SgCall *call, GError **error);
/* For SgMethod.read: takes a boolean, as "yes" or "no". */
bool sg_call_read_flag (SgCall *call, GError **error);
/* For SgMethod.read: takes the a{sv} that follows; @options ends with a NULL name. */
bool sg_call_read_options (SgCall *call, const SgCallOption *options, GError **error);
/* Begins what the vtables do not: @message is answered as @method says. */
void sg_call_take (SgService *service, sd_bus_message *message, const SgMethod *method);
/* The row of a method; NULL when it has none. */
const SgMethod *sg_call_method (const char *interface, const char *member);

/* Answers, and frees the call. */
void sg_call_fail (SgCall *call, const GError *error);
void sg_call_fail_with (SgCall *call, SgErrorCode code, const char *format, ...)
    G_GNUC_PRINTF (3, 4);
/* With what @types and what follows say, as in sd_bus_message_append(3); NULL: empty. */
void sg_call_reply (SgCall *call, const char *types, ...);
/* With strings, NULL at the end. */
void sg_call_reply_strv (SgCall *call, char **words);
/* With @reply, made by sd_bus_message_new_method_return() and filled; @r is what the last of these steps
 * returned: negative, it failed. */
void sg_call_send (SgCall *call, sd_bus_message *reply, int r);

/* All calls of @caller: those that have not begun are dropped. Before it is freed. */
void sg_calls_drop (SgService *service, SgCaller *caller);
/* Whether somebody changed the subnet or device of @call since it came; @tunnel is how all are now. */
bool sg_call_is_outdated (const SgCall *call, const SgTunnel *tunnel);
/* Every call about the same as @changed, of another caller, that has not begun: in conflict. About
 * @gateway; NULL: about the choices. */
void sg_calls_outdate (SgService *service, const SgCaller *by, const char *gateway);
/* @caller changed the subnet or device at @path, which is as @tunnel says now: its own further calls are
 * about that. */
void sg_calls_see (SgService *service, const SgCaller *caller, const char *path,
                   const SgTunnel *tunnel);
