/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* How an answer goes through the pipe: the code of an error plus one, or 0; its sentence; else the
 * result. */
#define ANSWER_TYPE "(usv)"
/* The largest answer: an exported file. */
#define ANSWER_MAX (4u * 1024 * 1024)
/* A child that takes longer has gone astray: each of its exchanges is bounded far below. */
#define ALL_MAX_US (120 * G_USEC_PER_SEC)

struct SgWorker {
    SgWorkOrder order;
    pid_t pid;
    int fd;
    GByteArray *answer;
    sd_event_source *pipe, *timer;
};

/* ---- the child ---- */

static void
write_all (int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, data, len);

        if (n < 0 && errno != EINTR)
            return;
        data += MAX (n, 0);
        len -= (size_t) MAX (n, 0);
    }
}

static void
work_and_exit (const SgWorkOrder *order, int fd)
{
    g_autoptr (GError) error = NULL;
    GVariant *result, *answer;
    sigset_t none;

    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    /* The service told to end waits for it; killed, it still finishes, with the lock. */
    signal (SIGTERM, SIG_IGN);
    result = order->work (order->call, order->worked, order->timeout_ms, &error);
    if (result)
        answer = g_variant_new (ANSWER_TYPE, 0u, "", result);
    else
        answer = g_variant_new (ANSWER_TYPE, (uint32_t) error->code + 1, error->message,
                                g_variant_new_boolean (false));
    write_all (fd, g_variant_get_data (answer), g_variant_get_size (answer));
    _exit (0);
}

/* ---- the service ---- */

static void
wipe (void *data)
{
    GByteArray *bytes = data;

    if (bytes->len > 0)
        explicit_bzero (bytes->data, bytes->len);
    g_byte_array_unref (bytes);
}

void
sg_worker_free (SgWorker *worker)
{
    if (!worker)
        return;
    sd_event_source_disable_unref (worker->pipe);
    sd_event_source_disable_unref (worker->timer);
    if (worker->pid > 0) {
        kill (worker->pid, SIGKILL);
        while (waitpid (worker->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    if (worker->fd >= 0)
        close (worker->fd);
    if (worker->answer)
        wipe (worker->answer);
    g_free (worker);
}

static void
fail (SgWorker *worker, const char *why)
{
    SgWorkOrder order = worker->order;
    g_autoptr (GError) error = g_error_new_literal (SG_ERROR, SG_ERROR_FAILED, why);

    sg_worker_free (worker);
    order.done (order.data, NULL, error);
}

/* All that the child had to say is here. */
static void
finish (SgWorker *worker)
{
    SgWorkOrder order = worker->order;
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) answer = NULL;
    g_autoptr (GVariant) result = NULL;
    GByteArray *bytes;
    const char *message;
    uint32_t code;

    if (worker->answer->len == 0) {
        fail (worker, "what was begun broke off");
        return;
    }
    /* It is wiped with the value. */
    bytes = g_steal_pointer (&worker->answer);
    answer = g_variant_ref_sink (g_variant_new_from_data (
        G_VARIANT_TYPE (ANSWER_TYPE), bytes->data, bytes->len, /* trusted= */ FALSE, wipe, bytes));
    if (!g_variant_is_normal_form (answer)) {
        fail (worker, "what was begun broke off");
        return;
    }
    sg_worker_free (worker);
    g_variant_get (answer, "(u&sv)", &code, &message, &result);
    if (code > 0)
        error = g_error_new_literal (SG_ERROR, (int) code - 1, message);
    order.done (order.data, error ? NULL : result, error);
}

static int
on_readable (sd_event_source *source, int fd, uint32_t events, void *data)
{
    SgWorker *worker = data;
    uint8_t buffer[4096];
    ssize_t n = read (fd, buffer, sizeof buffer);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n > 0) {
        g_byte_array_append (worker->answer, buffer, (guint) n);
        explicit_bzero (buffer, sizeof buffer);
    }
    if (worker->answer->len > ANSWER_MAX)
        fail (worker, "the answer is too large");
    else if (n <= 0)
        finish (worker);
    return 0;
}

static int
on_late (sd_event_source *source, uint64_t usec, void *data)
{
    fail (data, "it took too long, and was broken off");
    return 0;
}

static int
listen_to (SgWorker *worker)
{
    sd_event *event = worker->order.call->service->event;
    int r = sd_event_add_io (event, &worker->pipe, worker->fd, EPOLLIN, on_readable, worker);

    if (r >= 0)
        r = sd_event_add_time_relative (event, &worker->timer, CLOCK_MONOTONIC, ALL_MAX_US, 0,
                                        on_late, worker);
    return r;
}

SgWorker *
sg_worker_start (const SgWorkOrder *order, GError **error)
{
    SgWorker *worker = g_new0 (SgWorker, 1);
    int fds[2];
    int r = pipe2 (fds, O_CLOEXEC) < 0 ? -errno : 0;

    worker->order = *order;
    worker->answer = g_byte_array_new ();
    worker->fd = r < 0 ? -1 : fds[0];
    if (r >= 0) {
        worker->pid = fork ();
        if (worker->pid == 0)
            work_and_exit (order, fds[1]);
        if (worker->pid < 0)
            r = -errno;
        close (fds[1]);
    }
    if (r >= 0)
        r = listen_to (worker);
    if (r >= 0)
        return worker;
    sg_error_set_errno (error, SG_ERROR_FAILED, -r, "cannot start what has to be done");
    sg_worker_free (worker);
    return NULL;
}
