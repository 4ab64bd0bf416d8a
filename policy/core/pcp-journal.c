/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/pcp-journal.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define HEADER "sixgate-pcp version=1 epoch=%" PRIu64 "\n"
#define NONCE_TEXT (2 * SG_PCP_NONCE_LEN + 1)
/* The longest line, with all filters, and a final NUL. */
#define LINE_MAX_LEN 1024
/* May be appended to an empty one: some hundred lines. */
#define SLACK (64u * 1024)

/* ---- writing ---- */

void
sg_pcp_journal_begin (GString *out, uint64_t epoch_ms)
{
    g_string_append_printf (out, HEADER, epoch_ms);
}

static void
write_line (const char *word, const SgIp *device, const SgPcpMapping *mapping, GString *out)
{
    char ip[SG_PREFIX_TEXT_MAX], nonce[NONCE_TEXT];

    for (int i = 0; i < SG_PCP_NONCE_LEN; i++)
        g_snprintf (nonce + 2 * i, 3, "%02x", mapping->nonce[i]);
    g_string_append_printf (
        out,
        "%s device=%s protocol=%u internal=%u external=%u size=%u expires=%" PRIu64 " nonce=%s",
        word, sg_ip_format (device, ip), mapping->protocol, mapping->internal, mapping->external,
        mapping->size, mapping->expires_ms, nonce);
    for (uint8_t i = 0; i < mapping->n_filters; i++)
        g_string_append_printf (out, " filter=%s port=%u",
                                sg_prefix_format (&mapping->filters[i].remote, ip),
                                mapping->filters[i].port);
    g_string_append_c (out, '\n');
}

void
sg_pcp_journal_mapping (const SgIp *device, const SgPcpMapping *mapping, GString *out)
{
    write_line ("open", device, mapping, out);
}

void
sg_pcp_journal_change (const SgPcpChange *change, GString *out)
{
    write_line (change->has ? "open" : "closed", &change->device,
                change->has ? &change->new : &change->old, out);
}

static void
write_each (const SgIp *device, const SgPcpMapping *mapping, void *data)
{
    sg_pcp_journal_mapping (device, mapping, data);
}

GString *
sg_pcp_journal_all (const SgPcpServer *server, uint64_t now_ms)
{
    GString *out = g_string_new (NULL);

    sg_pcp_journal_begin (out, sg_pcp_server_epoch (server));
    sg_pcp_server_foreach (server, now_ms, write_each, out);
    return out;
}

bool
sg_pcp_journal_is_due (size_t whole, size_t appended)
{
    return appended > whole + SLACK;
}

/* ---- reading ---- */

static bool
read_nonce (const char *text, uint8_t *nonce)
{
    for (int i = 0; i < 2 * SG_PCP_NONCE_LEN; i++) {
        int digit = g_ascii_xdigit_value (text[i]);

        if (digit < 0)
            return false;
        nonce[i / 2] = (uint8_t) (nonce[i / 2] << 4 | digit);
    }
    return true;
}

/* " filter=PREFIX port=N" until the end of the line. */
static bool
read_filters (const char *at, SgPcpMapping *mapping)
{
    char text[SG_PREFIX_TEXT_MAX];
    unsigned port;
    int n = 0;

    for (; *at; at += n) {
        SgPcpFilter *filter = &mapping->filters[mapping->n_filters];

        if (mapping->n_filters == SG_PCP_FILTERS_MAX ||
            sscanf (at, " filter=%63s port=%5u%n", text, &port, &n) != 2 || port > UINT16_MAX ||
            !sg_prefix_parse (text, &filter->remote, NULL) || filter->remote.ip.family != AF_INET6)
            return false;
        filter->port = (uint16_t) port;
        mapping->n_filters++;
    }
    return true;
}

static bool
read_mapping (const char *line, char word[8], SgIp *device, SgPcpMapping *mapping)
{
    char ip[SG_PREFIX_TEXT_MAX], nonce[NONCE_TEXT];
    unsigned protocol, internal, external, size;
    int n = 0;

    if (sscanf (line,
                "%7s device=%63s protocol=%3u internal=%5u external=%5u size=%5u expires=%20" SCNu64
                " nonce=%24s%n",
                word, ip, &protocol, &internal, &external, &size, &mapping->expires_ms, nonce,
                &n) != 8 ||
        (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || internal == 0 || external == 0 ||
        size == 0 || size > SG_PCP_PORTS_MAX || internal + size > 65536 ||
        external + size > 65536 || !sg_ip_parse (ip, device) || device->family != AF_INET6 ||
        strlen (nonce) != NONCE_TEXT - 1 || !read_nonce (nonce, mapping->nonce))
        return false;
    mapping->protocol = (uint8_t) protocol;
    mapping->internal = (uint16_t) internal;
    mapping->external = (uint16_t) external;
    mapping->size = (uint16_t) size;
    return read_filters (line + n, mapping);
}

static bool
read_line (SgPcpServer *server, const char *line)
{
    SgPcpMapping mapping = {0};
    char word[8];
    SgIp device;

    if (!read_mapping (line, word, &device, &mapping))
        return false;
    if (strcmp (word, "closed") == 0)
        sg_pcp_server_forget (server, &device, &mapping);
    else if (strcmp (word, "open") == 0)
        sg_pcp_server_restore (server, &device, &mapping);
    else
        return false;
    return true;
}

static bool
read_header (SgPcpServer *server, const char *line)
{
    char expected[LINE_MAX_LEN];
    uint64_t epoch;

    if (sscanf (line, "sixgate-pcp version=1 epoch=%20" SCNu64, &epoch) != 1)
        return false;
    g_snprintf (expected, sizeof expected, HEADER, epoch);
    expected[strlen (expected) - 1] = '\0';
    if (strcmp (line, expected) != 0)
        return false;
    sg_pcp_server_reset_epoch (server, epoch);
    return true;
}

bool
sg_pcp_journal_parse (SgPcpServer *server, const char *name, const char *text, size_t len,
                      GError **error)
{
    const char *end = text + len;
    unsigned number = 0;

    for (const char *next; text < end; text = next) {
        const char *stop = memchr (text, '\n', (size_t) (end - text));
        char line[LINE_MAX_LEN];

        if (!stop)
            break;
        next = stop + 1;
        number++;
        if ((size_t) (stop - text) < sizeof line && !memchr (text, '\0', (size_t) (stop - text))) {
            memcpy (line, text, (size_t) (stop - text));
            line[stop - text] = '\0';
            if (number == 1 ? read_header (server, line) : read_line (server, line))
                continue;
        }
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT, "%s:%u: this is not a line of ours",
                     name, number);
        return false;
    }
    if (number == 0) {
        g_set_error (error, SG_ERROR, SG_ERROR_STATE_CORRUPT, "%s:1: it is empty", name);
        return false;
    }
    return true;
}
