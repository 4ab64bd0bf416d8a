/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/sock-diag.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <linux/sock_diag.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

/* States as a mask has them (include/net/tcp_states.h; no header of user space but libc's). */
#define STATE_TIME_WAIT (1u << 6)
#define STATE_CLOSE (1u << 7)
#define STATE_LISTEN (1u << 10)

#define ROOM (NLMSG_HDRLEN + sizeof (struct inet_diag_req_v2))

/* ---- messages ---- */

/* ::ffff:a.b.c.d, as an AF_INET6 socket has IPv4 (RFC 4291, section 2.5.5.2). */
static SgIp
source_of (uint8_t family, const void *bytes)
{
    SgIp ip = sg_ip_from_bytes (family, bytes);

    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED ((const struct in6_addr *) bytes))
        ip = sg_ip_from_bytes (AF_INET, (const uint8_t *) bytes + 12);
    return ip;
}

bool
sg_sock_diag_parse (const struct nlmsghdr *nlh, uint8_t protocol, SgSocket *ret_socket,
                    GError **error)
{
    struct inet_diag_msg answer;

    if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || nlh->nlmsg_len < NLMSG_LENGTH (sizeof answer)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "malformed message about a socket");
        return false;
    }
    memcpy (&answer, NLMSG_DATA (nlh), sizeof answer);
    if (!sg_family_bytes (answer.idiag_family)) {
        g_set_error (error, SG_ERROR, SG_ERROR_KERNEL, "a socket of an unknown family");
        return false;
    }
    *ret_socket = (SgSocket) {
        .family = answer.idiag_family,
        .protocol = protocol,
        .id = answer.id,
        .source = source_of (answer.idiag_family, answer.id.idiag_src),
        .connected = answer.id.idiag_dport != 0,
    };
    return true;
}

/* A whole request of @type, for all sockets or for that of @id. */
static struct nlmsghdr *
build (void *memory, uint16_t type, uint16_t flags, const struct inet_diag_req_v2 *request)
{
    struct nlmsghdr *nlh = memory;

    memset (memory, 0, ROOM);
    nlh->nlmsg_len = NLMSG_LENGTH (sizeof *request);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = flags;
    memcpy (NLMSG_DATA (nlh), request, sizeof *request);
    return nlh;
}

/* ---- reading ---- */

typedef struct {
    GArray *sockets; /* of SgSocket */
    guint before;    /* how many there were when this dump started */
    uint8_t protocol;
    const SgIp *source;
} Taking;

static bool
take (const struct nlmsghdr *nlh, void *data, GError **error)
{
    Taking *taking = data;
    SgSocket found;

    if (!sg_sock_diag_parse (nlh, taking->protocol, &found, error))
        return false;
    if (found.connected && sg_ip_compare (&found.source, taking->source) == 0)
        g_array_append_val (taking->sockets, found);
    return true;
}

static void
forget (void *data)
{
    Taking *taking = data;

    g_array_set_size (taking->sockets, taking->before);
}

/* Neither NOT_FOUND (no module for it) nor UNSUPPORTED is a failure: there is nothing to close. */
static bool
dump (SgNlSocket *sock, uint8_t family, Taking *taking, GError **error)
{
    const struct inet_diag_req_v2 request = {
        .sdiag_family = family,
        .sdiag_protocol = taking->protocol,
        /* A connected UDP socket is "established", one that is not is "closed". */
        .idiag_states = ~(STATE_LISTEN | STATE_TIME_WAIT | STATE_CLOSE),
    };
    const SgNlReader reader = {take, forget, taking};
    g_autoptr (GError) problem = NULL;
    uint8_t memory[ROOM];

    taking->before = taking->sockets->len;
    if (sg_nl_socket_read (sock, build (memory, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request), &reader,
                           &problem) ||
        g_error_matches (problem, SG_ERROR, SG_ERROR_NOT_FOUND) ||
        g_error_matches (problem, SG_ERROR, SG_ERROR_UNSUPPORTED))
        return true;
    g_propagate_prefixed_error (error, g_steal_pointer (&problem), "read the sockets: ");
    return false;
}

/* ---- closing ---- */

static void
take_refusal (size_t index, int errnum, const char *text, void *data)
{
    int *refused = data;

    /* It closed by itself meanwhile, or this kernel cannot. */
    if (errnum != ENOENT && errnum != ESTALE && errnum != EOPNOTSUPP)
        *refused = errnum;
}

static bool
destroy (SgNlSocket *sock, const GArray *sockets, GError **error)
{
    g_autoptr (SgNlBatch) batch = sg_nl_batch_new ();
    int refused = 0;

    for (guint i = 0; i < sockets->len; i++) {
        const SgSocket *found = &g_array_index (sockets, SgSocket, i);
        const struct inet_diag_req_v2 request = {.sdiag_family = found->family,
                                                 .sdiag_protocol = found->protocol,
                                                 .idiag_states = UINT32_MAX,
                                                 .id = found->id};

        build (sg_nl_batch_reserve (batch, ROOM), SOCK_DESTROY, /* flags= */ 0, &request);
        sg_nl_batch_commit (batch);
    }
    if (!sg_nl_socket_write (sock, batch, take_refusal, &refused, error))
        return false;
    if (refused)
        sg_error_set_errno (error, SG_ERROR_KERNEL, refused, "close sockets");
    return refused == 0;
}

bool
sg_sock_diag_close (SgNlSocket *sock, const SgIp *source, GError **error)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
    g_autoptr (GArray) sockets =
        g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (SgSocket));
    Taking taking = {.sockets = sockets, .source = source};

    for (size_t i = 0; i < G_N_ELEMENTS (protocols); i++) {
        taking.protocol = protocols[i];
        if (!dump (sock, AF_INET6, &taking, error) ||
            (source->family == AF_INET && !dump (sock, AF_INET, &taking, error)))
            return false;
    }
    return sockets->len == 0 || destroy (sock, sockets, error);
}
