/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/nl-socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/error.h"
#include "kernel/nl-attr.h"

/* The kernel fills dump messages of up to 32 KiB once it has seen a reader that takes them
 * (net/netlink/af_netlink.c, netlink_dump). */
#define READ_SIZE (32u * 1024)
/* Acknowledgements read by one system call, each of at most ANSWER_SIZE bytes: they carry the
 * header of the request only (NETLINK_CAP_ACK) and one sentence. */
#define ANSWERS 64u
#define ANSWER_SIZE (READ_SIZE / ANSWERS)
/* Messages per send: their acknowledgements (under 1 KiB of memory each) have to fit into a
 * receive buffer of the default size too. */
#define CHUNK_MESSAGES 128u
#define CHUNK_BYTES (64u * 1024)
#define RECEIVE_BUFFER (4 * 1024 * 1024)
#define DUMP_TRIES 10u
/* How often a dump of what may never rest is repeated in the hope of a quiet moment. */
#define QUIET_TRIES 4u
/* For one silence and for a whole exchange. */
#define SILENCE_SECONDS 5
#define EXCHANGE_SECONDS 20

struct SgNlSocket {
    struct mnl_socket *mnl;
    SgKernelStats *stats;
    uint32_t seq;
    bool listening; /* to a multicast group */
    uint8_t *buffer;
    size_t size;
};

struct SgNlBatch {
    uint8_t *data;
    size_t len;
    size_t size;
    GArray *offsets; /* of size_t: where each message starts */
};

/* ---- opening ---- */

static bool
configure (struct mnl_socket *mnl)
{
    static const int options[] = {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK};
    const struct timeval silence = {.tv_sec = SILENCE_SECONDS};
    const int large = RECEIVE_BUFFER;
    int fd = mnl_socket_get_fd (mnl);
    int on = 1;

    for (size_t i = 0; i < G_N_ELEMENTS (options); i++) {
        if (mnl_socket_setsockopt (mnl, options[i], &on, sizeof (on)) < 0)
            return false;
    }
    /* Beyond the system's limit only with CAP_NET_ADMIN; without, what the limit allows. */
    if (setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof (large)) < 0 &&
        setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof (large)) < 0)
        return false;
    return setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof (silence)) == 0 &&
           mnl_socket_bind (mnl, /* groups= */ 0, MNL_SOCKET_AUTOPID) == 0;
}

SgNlSocket *
sg_nl_socket_open (int bus, SgKernelStats *stats, GError **error)
{
    struct mnl_socket *mnl = mnl_socket_open2 (bus, SOCK_CLOEXEC);

    if (!mnl || !configure (mnl)) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "open netlink socket of family %d", bus);
        if (mnl)
            mnl_socket_close (mnl);
        return NULL;
    }

    SgNlSocket *sock = g_new0 (SgNlSocket, 1);
    sock->mnl = mnl;
    sock->stats = stats;
    sock->size = READ_SIZE;
    sock->buffer = g_malloc (sock->size);
    return sock;
}

void
sg_nl_socket_close (SgNlSocket *sock)
{
    if (!sock)
        return;
    mnl_socket_close (sock->mnl);
    g_free (sock->buffer);
    g_free (sock);
}

void
sg_nl_socket_wipe (SgNlSocket *sock)
{
    explicit_bzero (sock->buffer, sock->size);
}

/* ---- sending and receiving ---- */

static bool
send_bytes (SgNlSocket *sock, void *data, size_t len, GError **error)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent;

    do {
        sent = sendto (mnl_socket_get_fd (sock->mnl), data, len, 0, (const void *) &kernel,
                       sizeof (kernel));
        sock->stats->system_calls++;
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "send %zu bytes to the kernel", len);
        return false;
    }
    return true;
}

/* Whether @nlh is the kernel's answer to one of @n requests from sequence number @first on. */
static bool
is_answer (const SgNlSocket *sock, const struct nlmsghdr *nlh, uint32_t first, size_t n)
{
    return nlh->nlmsg_pid == mnl_socket_get_portid (sock->mnl) && nlh->nlmsg_seq - first < n;
}

/* One datagram into the buffer; its real length, which may be more than the buffer holds, 0 for
 * one that is not from the kernel, or -1 with errno. */
static ssize_t
receive (SgNlSocket *sock, int flags)
{
    struct sockaddr_nl from = {.nl_family = AF_NETLINK};
    struct iovec part = {.iov_base = sock->buffer, .iov_len = sock->size};
    struct msghdr header = {
        .msg_name = &from, .msg_namelen = sizeof (from), .msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    do {
        n = recvmsg (mnl_socket_get_fd (sock->mnl), &header, MSG_TRUNC | flags);
        sock->stats->system_calls++;
    } while (n < 0 && errno == EINTR);
    return n >= 0 && from.nl_pid != 0 ? 0 : n;
}

static void
set_kernel_error (GError **error, int errnum, const char *text)
{
    SgErrorCode code = SG_ERROR_KERNEL;

    if (errnum == ENOENT || errnum == ENODEV)
        code = SG_ERROR_NOT_FOUND;
    else if (errnum == EPERM || errnum == EACCES)
        code = SG_ERROR_PERMISSION;
    else if (errnum == EOPNOTSUPP || errnum == EPROTONOSUPPORT || errnum == EAFNOSUPPORT)
        code = SG_ERROR_UNSUPPORTED;

    if (text[0] != '\0')
        g_set_error (error, SG_ERROR, code, "%s (%s)", g_strerror (errnum), text);
    else
        g_set_error (error, SG_ERROR, code, "%s", g_strerror (errnum));
}

/* ---- reading ---- */

/* One request on its way. */
typedef struct {
    SgNlSocket *sock;
    const SgNlReader *reader;
    uint32_t seq;
    unsigned int pieces; /* datagrams that held messages */
    bool ended;
    bool torn;     /* what was received is not one moment's state */
    bool heard;    /* something changed meanwhile: perhaps it is not */
    GError *error; /* the first failure; what follows it is still read, but not handed on */
} Reading;

/* Errors that a dump ends with when its object changed meanwhile. */
static bool
is_interruption (int errnum)
{
    return errnum == EINTR || errnum == EAGAIN;
}

static void
take_end (Reading *reading, const struct nlmsghdr *nlh)
{
    char text[SG_NL_TEXT_MAX];
    int errnum;

    reading->ended = true;
    if (!sg_nl_error_parse (nlh, &errnum, text)) {
        errnum = EPROTO;
        text[0] = '\0';
    }
    if (is_interruption (errnum))
        reading->torn = true;
    else if (errnum != 0 && !reading->error)
        set_kernel_error (&reading->error, errnum, text);
}

static void
take_message (Reading *reading, const struct nlmsghdr *nlh)
{
    if (!is_answer (reading->sock, nlh, reading->seq, 1)) {
        reading->heard |= reading->sock->listening;
        return;
    }
    reading->sock->stats->messages_read++;
    if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
        reading->torn = true;
    if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
        take_end (reading, nlh);
    else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && !reading->torn && !reading->error)
        reading->reader->message (nlh, reading->reader->data, &reading->error);
}

static void
take_datagram (Reading *reading, size_t len)
{
    SgNlSocket *sock = reading->sock;
    const uint8_t *at = sock->buffer;
    const struct nlmsghdr *nlh = (const void *) at;

    /* Larger than the buffer: take it all the next time. */
    if (len > sock->size) {
        reading->torn = true;
        sg_nl_socket_wipe (sock);
        g_free (sock->buffer);
        sock->size = MNL_ALIGN (len);
        sock->buffer = g_malloc0 (sock->size);
        return;
    }
    reading->pieces += len >= sizeof (*nlh) && nlh->nlmsg_type >= NLMSG_MIN_TYPE;
    while (!reading->ended && (nlh = sg_nl_message_next (&at, &len)))
        take_message (reading, nlh);
    if (!reading->ended && len > 0 && !reading->error)
        set_kernel_error (&reading->error, EPROTO, "truncated message");
}

/* Reads until the answer ends. False when it never did. */
static bool
read_answer (Reading *reading, GError **error)
{
    gint64 deadline = g_get_monotonic_time () + EXCHANGE_SECONDS * G_USEC_PER_SEC;

    while (!reading->ended) {
        ssize_t n = receive (reading->sock, 0);

        if (n >= 0) {
            take_datagram (reading, (size_t) n);
        } else if (errno == ENOBUFS) {
            reading->torn = true;
        } else if (errno == EAGAIN) {
            sg_error_set_errno (error, SG_ERROR_KERNEL, ETIMEDOUT, "wait for the kernel");
            return false;
        } else {
            sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "read from the kernel");
            return false;
        }
        if (g_get_monotonic_time () > deadline) {
            sg_error_set_errno (error, SG_ERROR_KERNEL, ETIMEDOUT, "read from the kernel");
            return false;
        }
    }
    return true;
}

/* What one try gave. */
typedef enum {
    READ_TORN,    /* to be repeated */
    READ_UNKNOWN, /* whole, unless somebody wrote between its pieces */
    READ_WHOLE,
} Outcome;

/* Takes what waits in the socket; whether there was anything. */
static bool
drain (SgNlSocket *sock)
{
    bool any = false;

    /* ENOBUFS, too, says that there was something; EAGAIN is the end. */
    while (receive (sock, MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
        any = true;
    return any;
}

static bool
listen_to (SgNlSocket *sock, int group, GError **error)
{
    if (mnl_socket_setsockopt (sock->mnl, NETLINK_ADD_MEMBERSHIP, &group, sizeof (group)) < 0) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "listen to netlink group %d", group);
        return false;
    }
    sock->listening = true;
    return true;
}

static void
listen_no_more (SgNlSocket *sock, int group)
{
    if (!sock->listening)
        return;
    mnl_socket_setsockopt (sock->mnl, NETLINK_DROP_MEMBERSHIP, &group, sizeof (group));
    sock->listening = false;
    drain (sock);
}

static bool
read_once (SgNlSocket *sock, struct nlmsghdr *request, const SgNlReader *reader,
           Outcome *ret_outcome, GError **error)
{
    Reading reading = {.sock = sock, .reader = reader, .seq = ++sock->seq};

    request->nlmsg_seq = reading.seq;
    if (!send_bytes (sock, request, request->nlmsg_len, error))
        return false;
    if (!read_answer (&reading, error)) {
        g_clear_error (&reading.error);
        return false;
    }
    if (reading.torn) {
        g_clear_error (&reading.error);
        *ret_outcome = READ_TORN;
        return true;
    }
    if (reading.error) {
        g_propagate_error (error, reading.error);
        return false;
    }
    /* The kernel tells of a change before it answers anything that was asked later. */
    if (sock->listening)
        reading.heard |= drain (sock);
    else
        reading.heard = reader->group != 0 && reading.pieces > 1;
    *ret_outcome = reading.heard ? READ_UNKNOWN : READ_WHOLE;
    return true;
}

static bool
read_whole (SgNlSocket *sock, struct nlmsghdr *request, const SgNlReader *reader, GError **error)
{
    bool dump = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

    request->nlmsg_pid = 0;
    request->nlmsg_flags |= NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK);
    /* What may never rest is often large too: one dump more would cost more than listening. */
    if (reader->restless && !listen_to (sock, reader->group, error))
        return false;
    for (unsigned int i = 0; i < DUMP_TRIES; i++) {
        bool as_it_is = reader->restless && i >= QUIET_TRIES;
        Outcome outcome;

        if (dump)
            sock->stats->dumps++;
        if (as_it_is)
            listen_no_more (sock, reader->group);
        if (!read_once (sock, request, reader, &outcome, error))
            return false;
        if (outcome == READ_WHOLE || (outcome == READ_UNKNOWN && as_it_is))
            return true;
        if (reader->reset)
            reader->reset (reader->data);
        if (outcome == READ_UNKNOWN && !sock->listening && !listen_to (sock, reader->group, error))
            return false;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_BUSY,
                 "the kernel's state changed during each of %u reads", DUMP_TRIES);
    return false;
}

bool
sg_nl_socket_read (SgNlSocket *sock, struct nlmsghdr *request, const SgNlReader *reader,
                   GError **error)
{
    bool ok = read_whole (sock, request, reader, error);

    listen_no_more (sock, reader->group);
    return ok;
}

/* ---- writing ---- */

SgNlBatch *
sg_nl_batch_new (void)
{
    SgNlBatch *batch = g_new0 (SgNlBatch, 1);

    batch->offsets =
        g_array_new (/* zero_terminated= */ FALSE, /* clear= */ FALSE, sizeof (size_t));
    return batch;
}

/* A message may hold a key. */
static void
wipe_and_free (uint8_t *data, size_t size)
{
    if (data)
        explicit_bzero (data, size);
    g_free (data);
}

void
sg_nl_batch_free (SgNlBatch *batch)
{
    if (!batch)
        return;
    g_array_unref (batch->offsets);
    wipe_and_free (batch->data, batch->size);
    g_free (batch);
}

struct nlmsghdr *
sg_nl_batch_reserve (SgNlBatch *batch, size_t room)
{
    room = MNL_ALIGN (MAX (room, sizeof (struct nlmsghdr)));
    if (batch->size - batch->len < room) {
        size_t size = MAX (batch->size * 2, batch->len + room);
        uint8_t *data = g_malloc (size);

        if (batch->len > 0)
            memcpy (data, batch->data, batch->len);
        wipe_and_free (batch->data, batch->size);
        batch->data = data;
        batch->size = size;
    }
    memset (batch->data + batch->len, 0, room);
    return (void *) (batch->data + batch->len);
}

void
sg_nl_batch_commit (SgNlBatch *batch)
{
    const struct nlmsghdr *nlh = (const void *) (batch->data + batch->len);

    g_array_append_val (batch->offsets, batch->len);
    batch->len += MNL_ALIGN ((size_t) nlh->nlmsg_len);
}

size_t
sg_nl_batch_count (const SgNlBatch *batch)
{
    return batch->offsets->len;
}

static size_t
batch_offset (const SgNlBatch *batch, size_t index)
{
    return index < batch->offsets->len ? g_array_index (batch->offsets, size_t, index) : batch->len;
}

static struct nlmsghdr *
batch_message (const SgNlBatch *batch, size_t index)
{
    return (void *) (batch->data + batch_offset (batch, index));
}

/* The acknowledgements of messages @start to @start + @n of a batch. */
typedef struct {
    SgNlSocket *sock;
    SgNlRefused refused;
    void *data;
    size_t start;
    size_t n;
    uint32_t seq;    /* of message start */
    size_t answered; /* how many are read */
} Writing;

static void
take_answer (Writing *writing, const struct nlmsghdr *nlh)
{
    char text[SG_NL_TEXT_MAX];
    int errnum;

    if (!is_answer (writing->sock, nlh, writing->seq, writing->n) ||
        nlh->nlmsg_type != NLMSG_ERROR || !sg_nl_error_parse (nlh, &errnum, text))
        return;
    writing->sock->stats->messages_read++;
    writing->answered++;
    if (errnum != 0)
        writing->refused (writing->start + (nlh->nlmsg_seq - writing->seq), errnum, text,
                          writing->data);
}

/* Reads what is there, or when nothing is waits unless @flags hold MSG_DONTWAIT. Returns the
 * number of datagrams, or -1 with errno. */
static int
receive_answers (Writing *writing, size_t most, int flags)
{
    SgNlSocket *sock = writing->sock;
    struct sockaddr_nl from[ANSWERS] = {0};
    struct iovec parts[ANSWERS];
    struct mmsghdr headers[ANSWERS] = {0};
    int n;

    for (size_t i = 0; i < ANSWERS; i++) {
        parts[i] = (struct iovec) {sock->buffer + i * ANSWER_SIZE, ANSWER_SIZE};
        headers[i].msg_hdr = (struct msghdr) {.msg_name = &from[i],
                                              .msg_namelen = sizeof (from[i]),
                                              .msg_iov = &parts[i],
                                              .msg_iovlen = 1};
    }
    do {
        n = recvmmsg (mnl_socket_get_fd (sock->mnl), headers, MIN (most, ANSWERS), flags,
                      /* timeout= */ NULL);
        sock->stats->system_calls++;
    } while (n < 0 && errno == EINTR);

    for (int i = 0; i < n; i++) {
        const uint8_t *at = parts[i].iov_base;
        size_t left = headers[i].msg_len;
        const struct nlmsghdr *nlh;

        while (from[i].nl_pid == 0 && (nlh = sg_nl_message_next (&at, &left)))
            take_answer (writing, nlh);
    }
    return n;
}

/* How many messages from @start on go into one send. */
static size_t
chunk_messages (const SgNlBatch *batch, size_t start)
{
    size_t n = 1;

    while (n < CHUNK_MESSAGES && start + n < batch->offsets->len &&
           batch_offset (batch, start + n + 1) - batch_offset (batch, start) <= CHUNK_BYTES)
        n++;
    return n;
}

/* Numbers @n messages of @batch from @start on and sends them in one piece. */
static bool
send_messages (Writing *writing, SgNlBatch *batch, uint16_t flags, GError **error)
{
    SgNlSocket *sock = writing->sock;
    size_t end = writing->start + writing->n;

    writing->seq = sock->seq + 1;
    for (size_t i = writing->start; i < end; i++) {
        struct nlmsghdr *nlh = batch_message (batch, i);

        nlh->nlmsg_seq = ++sock->seq;
        nlh->nlmsg_pid = 0;
        nlh->nlmsg_flags |= NLM_F_REQUEST | flags;
    }
    return send_bytes (sock, batch_message (batch, writing->start),
                       batch_offset (batch, end) - batch_offset (batch, writing->start), error);
}

bool
sg_nl_socket_write (SgNlSocket *sock, SgNlBatch *batch, SgNlRefused refused, void *data,
                    GError **error)
{
    Writing writing = {.sock = sock, .refused = refused, .data = data};

    for (; writing.start < batch->offsets->len; writing.start += writing.n) {
        writing.n = chunk_messages (batch, writing.start);
        writing.answered = 0;
        sock->stats->writes += writing.n;
        if (!send_messages (&writing, batch, NLM_F_ACK, error))
            return false;
        while (writing.answered < writing.n) {
            if (receive_answers (&writing, writing.n - writing.answered, MSG_WAITFORONE) < 0) {
                sg_error_set_errno (error, SG_ERROR_KERNEL, errno == EAGAIN ? ETIMEDOUT : errno,
                                    "read acknowledgements from the kernel");
                return false;
            }
        }
    }
    return true;
}

/* A transaction is one datagram, however large. */
static bool
make_room_for (const SgNlSocket *sock, size_t len, GError **error)
{
    int fd = mnl_socket_get_fd (sock->mnl);
    int wanted = (int) MIN (len + 1024, (size_t) G_MAXINT / 2);
    int have = 0;
    socklen_t size = sizeof (have);

    if (getsockopt (fd, SOL_SOCKET, SO_SNDBUF, &have, &size) == 0 && have > wanted)
        return true;
    if (setsockopt (fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof (wanted)) < 0 &&
        setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof (wanted)) < 0) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "make room for %zu bytes", len);
        return false;
    }
    return true;
}

static size_t
count_changes (const SgNlBatch *batch)
{
    size_t n = 0;

    for (size_t i = 0; i < batch->offsets->len; i++) {
        uint16_t type = batch_message (batch, i)->nlmsg_type;

        n += type != NFNL_MSG_BATCH_BEGIN && type != NFNL_MSG_BATCH_END;
    }
    return n;
}

bool
sg_nl_socket_transact (SgNlSocket *sock, SgNlBatch *batch, SgNlRefused refused, void *data,
                       GError **error)
{
    Writing writing = {.sock = sock, .refused = refused, .data = data, .n = batch->offsets->len};

    if (writing.n == 0)
        return true;
    sock->stats->writes += count_changes (batch);
    if (!make_room_for (sock, batch->len, error) || !send_messages (&writing, batch, 0, error))
        return false;
    while (receive_answers (&writing, ANSWERS, MSG_DONTWAIT) > 0)
        ;
    if (errno != EAGAIN) {
        sg_error_set_errno (error, SG_ERROR_KERNEL, errno, "read acknowledgements from the kernel");
        return false;
    }
    return true;
}
