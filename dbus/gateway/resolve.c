/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "gateway/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"

/* For all names together. */
#define TIMEOUT_S 5

/* One question; it has to outlive this call when it cannot be taken back. */
typedef struct {
    struct gaicb request;
    struct addrinfo hints;
    char host[SG_WG_HOST_MAX + 1];
} Question;

static Question *
ask (const char *host)
{
    Question *question = g_new0 (Question, 1);
    struct gaicb *list[] = {&question->request};

    g_strlcpy (question->host, host, sizeof question->host);
    question->hints = (struct addrinfo) {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_DGRAM};
    question->request = (struct gaicb) {.ar_name = question->host, .ar_request = &question->hints};
    if (getaddrinfo_a (GAI_NOWAIT, list, G_N_ELEMENTS (list), /* sevp= */ NULL) == 0)
        return question;
    g_free (question);
    return NULL;
}

/* The resolver's thread may still write into a question that it is working at: that one is left to
 * it. */
static void
drop (Question *question)
{
    if (gai_cancel (&question->request) == EAI_NOTCANCELED)
        return;
    if (question->request.ar_result)
        freeaddrinfo (question->request.ar_result);
    g_free (question);
}

static bool
wait_for (Question *question, int64_t deadline)
{
    const struct gaicb *const list[] = {&question->request};
    int r = EAI_AGAIN;

    while (gai_error (&question->request) == EAI_INPROGRESS) {
        int64_t left = deadline - g_get_monotonic_time ();
        struct timespec timeout = {left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000};

        if (left <= 0)
            return false;
        r = gai_suspend (list, G_N_ELEMENTS (list), &timeout);
        if (r != 0 && r != EAI_INTR && r != EAI_ALLDONE)
            return false;
    }
    return gai_error (&question->request) == 0;
}

/* The first address that the system prefers. */
static bool
take_answer (const struct addrinfo *answer, SgWgEndpoint *endpoint)
{
    for (; answer; answer = answer->ai_next) {
        char text[SG_PREFIX_TEXT_MAX];
        SgIp ip;

        if (answer->ai_family == AF_INET)
            ip = sg_ip_from_bytes (
                AF_INET, &((const struct sockaddr_in *) (const void *) answer->ai_addr)->sin_addr);
        else if (answer->ai_family == AF_INET6)
            ip = sg_ip_from_bytes (
                AF_INET6,
                &((const struct sockaddr_in6 *) (const void *) answer->ai_addr)->sin6_addr);
        else
            continue;
        g_strlcpy (endpoint->host, sg_ip_format (&ip, text), sizeof endpoint->host);
        return true;
    }
    return false;
}

static bool
resolve (SgWgEndpoint *endpoint, int64_t deadline)
{
    Question *question = ask (endpoint->host);
    bool ok = question && wait_for (question, deadline) &&
              take_answer (question->request.ar_result, endpoint);

    if (question)
        drop (question);
    return ok;
}

bool
sg_resolve_endpoints (SgLinkState *state, GError **error)
{
    int64_t deadline = g_get_monotonic_time () + TIMEOUT_S * G_USEC_PER_SEC;

    for (guint i = 0; i < state->conf->peers->len; i++) {
        SgWgPeer *peer = state->conf->peers->pdata[i];
        SgIp ip;

        if (!*peer->endpoint.host || sg_ip_parse (peer->endpoint.host, &ip))
            continue;
        if (!resolve (&peer->endpoint, deadline)) {
            g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND,
                         "the endpoint %s has no address that can be found now; try again when it "
                         "has, or write an address",
                         peer->endpoint.host);
            return false;
        }
    }
    return true;
}
