/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parser of wg-conf.h: lines of "KEY = VALUE" below [Interface] and [Peer], # starts a comment
 * (wg-quick(8), wg(8) "CONFIGURATION FILE FORMAT"). */
#include "core/wg-conf-parts.h"

#include <string.h>

#include "base/error.h"

/* A key's name in a message: longer ones, and those with other characters, could be a secret. */
#define NAME_MAX_SHOWN 24
/* The word in files of StartTunnel. */
#define START_TUNNEL "StartTunnel"
#define BOM "\xef\xbb\xbf"

typedef struct {
    const char *file;
    unsigned line;
    SgWgConf *conf;
    SgWgPeer *peer; /* the last of conf->peers */
    SgWgSection section;
    unsigned interface_line, section_line;
    unsigned seen[SG_WG_CONF_KEYS]; /* in which line of this section */
} Parser;

static bool fail (const Parser *parser, SgErrorCode code, GError **error, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* Always false, so that a caller can return it. */
static bool
fail (const Parser *parser, SgErrorCode code, GError **error, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start (args, format);
    what = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, SG_ERROR, code, "%s:%u: %s", parser->file, parser->line, what);
    return false;
}

static void warn (Parser *parser, unsigned line, const char *format, ...) G_GNUC_PRINTF (3, 4);

static void
warn (Parser *parser, unsigned line, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start (args, format);
    what = g_strdup_vprintf (format, args);
    va_end (args);
    g_ptr_array_add (parser->conf->warnings,
                     g_strdup_printf ("%s:%u: %s", parser->file, line, what));
}

/* ---- keys ---- */

static const char *
section_name (SgWgSection section)
{
    return section == SG_WG_SECTION_PEER ? "[Peer]" : "[Interface]";
}

static bool
fail_unknown (const Parser *parser, const char *name, GError **error)
{
    size_t len = strlen (name);
    bool shown = len > 0 && len <= NAME_MAX_SHOWN;

    for (size_t i = 0; i < len && shown; i++)
        shown = g_ascii_isalnum (name[i]) || name[i] == '-' || name[i] == '_';
    return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                 "%s%s%s is unknown in %s; remove the line, or correct its name",
                 shown ? "the key “" : "this key", shown ? name : "", shown ? "”" : "",
                 section_name (parser->section));
}

static bool
parse_value (Parser *parser, size_t index, char *value, GError **error)
{
    const SgWgConfKey *key = sg_wg_conf_key (index);
    unsigned *seen = &parser->seen[index];

    if (key->section != parser->section)
        return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                     "%s stands in %s; it belongs into %s", key->name,
                     section_name (parser->section), section_name (key->section));
    if (*seen && !key->repeats)
        return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                     "%s stands in line %u already; keep one of the two", key->name, *seen);
    if (key->set && !key->set (parser->conf, parser->peer, value, error)) {
        g_prefix_error (error, "%s:%u: %s: ", parser->file, parser->line, key->name);
        return false;
    }
    if (!key->set && !*seen)
        warn (parser, parser->line, "%s %s", key->name, key->why_not);
    if (!*seen)
        *seen = parser->line;
    return true;
}

static bool
parse_pair (Parser *parser, char *text, GError **error)
{
    char *equals = strchr (text, '=');
    const char *name;

    if (parser->section == SG_WG_SECTION_NONE)
        return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                     "a line stands before the first section; begin with [Interface]");
    if (!equals)
        return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                     "this line is not of the form KEY = VALUE, nor [Interface] nor [Peer]; a "
                     "comment begins with #");
    *equals = '\0';
    name = g_strchomp (text);
    for (size_t i = 0; i < SG_WG_CONF_KEYS; i++) {
        if (g_ascii_strcasecmp (name, sg_wg_conf_key (i)->name) == 0)
            return parse_value (parser, i, g_strchug (equals + 1), error);
    }
    return fail_unknown (parser, name, error);
}

/* ---- sections ---- */

/* What a section must have, when it ends. */
static bool
end_section (Parser *parser, GError **error)
{
    unsigned line = parser->line;
    bool ok = true;

    /* Reported where the section begins. */
    parser->line = parser->section_line;
    if (parser->section == SG_WG_SECTION_INTERFACE && !*parser->conf->private_key.text)
        ok = fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                   "[Interface] has no PrivateKey; the file that the server gave to this device "
                   "has one");
    if (parser->section == SG_WG_SECTION_PEER && !*parser->peer->public_key.text)
        ok = fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                   "[Peer] has no PublicKey; write the one of the server");
    if (parser->section == SG_WG_SECTION_PEER && *parser->peer->public_key.text &&
        sg_wg_conf_peer (parser->conf, &parser->peer->public_key) != parser->peer)
        ok = fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                   "another [Peer] has the same PublicKey; make one of the two");
    parser->line = line;
    return ok;
}

static bool
begin_section (Parser *parser, const char *header, GError **error)
{
    if (!end_section (parser, error))
        return false;
    memset (parser->seen, 0, sizeof parser->seen);
    parser->section_line = parser->line;
    if (g_ascii_strcasecmp (header, "[Interface]") == 0) {
        if (parser->interface_line)
            return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                         "a second [Interface]; the first is in line %u, and a file holds one "
                         "gateway",
                         parser->interface_line);
        parser->interface_line = parser->line;
        parser->section = SG_WG_SECTION_INTERFACE;
        return true;
    }
    if (g_ascii_strcasecmp (header, "[Peer]") != 0)
        return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                     "this section is unknown; the sections are [Interface] and [Peer]");
    if (parser->conf->peers->len == SG_WG_PEERS_MAX)
        return fail (parser, SG_ERROR_LIMIT, error,
                     "more than %u peers; a gateway can have no more", SG_WG_PEERS_MAX);
    parser->section = SG_WG_SECTION_PEER;
    parser->peer = sg_wg_peer_new ();
    g_ptr_array_add (parser->conf->peers, parser->peer);
    return true;
}

/* What the file as a whole must have. */
static bool
check_whole (Parser *parser, GError **error)
{
    SgWgConf *conf = parser->conf;
    bool has6 = false;

    if (!end_section (parser, error))
        return false;
    if (!parser->interface_line || !conf->peers->len)
        return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                     "the file ends without %s; a gateway has both [Interface] and [Peer]",
                     parser->interface_line ? "[Peer]" : "[Interface]");
    for (guint i = 0; i < conf->addresses->len; i++)
        has6 = has6 || g_array_index (conf->addresses, SgWgAddress, i).ip.family == AF_INET6;
    if (!conf->addresses->len)
        warn (parser, parser->interface_line,
              "there is no Address: the gateway can carry nothing before it has one");
    if (has6 && conf->mtu && conf->mtu < SG_WG_MTU_IPV6)
        warn (parser, parser->interface_line,
              "MTU %u is less than the %u that IPv6 needs: the gateway can carry no IPv6",
              conf->mtu, SG_WG_MTU_IPV6);
    return true;
}

/* ---- lines ---- */

/* Cuts the next line off [*at, end); @ret_whole is false when a NUL is in it. */
static char *
next_line (char **at, char *end, bool *ret_whole)
{
    char *line = *at;
    char *newline = memchr (line, '\n', end - line);
    char *stop = newline ? newline : end;
    char *comment;

    *ret_whole = !memchr (line, '\0', stop - line);
    *stop = '\0'; /* the copy has room for one behind its end */
    *at = newline ? newline + 1 : end;
    comment = strchr (line, '#');
    if (comment)
        *comment = '\0';
    return g_strstrip (line); /* and the CR of CRLF */
}

/* Whether a line of it is [Interface] or [Peer]. */
static bool
is_wireguard (const char *text, size_t len)
{
    static const char *const headers[] = {"[interface]", "[peer]"};
    const char *end = text + len;

    for (const char *line = text; line && line < end;) {
        while (line < end && g_ascii_isspace (*line))
            line++;
        for (size_t i = 0; i < G_N_ELEMENTS (headers); i++) {
            size_t n = strlen (headers[i]);

            if ((size_t) (end - line) >= n && g_ascii_strncasecmp (line, headers[i], n) == 0)
                return true;
        }
        line = memchr (line, '\n', end - line);
    }
    return false;
}

static bool
parse_lines (Parser *parser, char *text, size_t len, GError **error)
{
    char *end = text + len;

    for (char *at = text; at < end;) {
        bool whole;
        char *line = next_line (&at, end, &whole);

        parser->line++;
        if (!whole)
            return fail (parser, SG_ERROR_INVALID_ARGUMENT, error,
                         "a byte of zero is in this line; the file has to be text");
        if (*line == '\0')
            continue;
        if (!(*line == '[' ? begin_section (parser, line, error)
                           : parse_pair (parser, line, error)))
            return false;
    }
    return check_whole (parser, error);
}

SgWgConf *
sg_wg_conf_parse (const char *file, const char *text, size_t len, GError **error)
{
    g_autoptr (SgWgConf) conf = NULL;
    Parser parser = {.file = file};
    char *copy;
    bool ok;

    if (len > SG_WG_TEXT_MAX) {
        g_set_error (error, SG_ERROR, SG_ERROR_LIMIT,
                     "%s is larger than %u bytes; a WireGuard configuration has a few hundred",
                     file, SG_WG_TEXT_MAX);
        return NULL;
    }
    if (len >= strlen (BOM) && memcmp (text, BOM, strlen (BOM)) == 0) {
        text += strlen (BOM);
        len -= strlen (BOM);
    }
    if (!is_wireguard (text, len)) {
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_WIREGUARD,
                     "%s is no WireGuard configuration: it has neither [Interface] nor [Peer]",
                     file);
        return NULL;
    }
    parser.conf = conf = sg_wg_conf_new ();
    if (g_strstr_len (text, (gssize) len, START_TUNNEL))
        conf->type = SG_WG_TYPE_INBOUND_OUTBOUND;
    /* Cut up in place, so that no copy of a key stays behind. */
    copy = g_malloc (len + 1);
    memcpy (copy, text, len);
    copy[len] = '\0';
    ok = parse_lines (&parser, copy, len, error);
    explicit_bzero (copy, len);
    g_free (copy);
    return ok ? g_steal_pointer (&conf) : NULL;
}
