/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgate-gateway: gateways by file, as a command. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fs.h"
#include "base/privileges.h"
#include "command.h"
#include "gateway/gateway-ops.h"
#include "pass/files.h"

typedef struct {
    char **words; /* behind the name of the command; NULL-terminated */
    const char *interface, *type;
    char *text; /* of the file; NULL: none is wanted */
    size_t len;
    uint32_t timeout_ms;
    GPtrArray *warnings; /* of char *, what there is to say when it went well */
} Call;

/* ---- the commands ---- */

static bool
parse_type (const char *text, SgWgType *ret_type, GError **error)
{
    if (sg_wg_type_from_string (text, ret_type))
        return true;
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "“%s” is no type of gateway; it is inbound-outbound or outbound-only", text);
    return false;
}

static bool
import (Call *call, GError **error)
{
    const SgGatewayFile file = {call->words[0], call->text, call->len};
    g_auto (SgGatewayImported) imported = {0};
    SgWgType type;

    if (call->type && !parse_type (call->type, &type, error))
        return false;
    if (!sg_gateway_import (&file, call->interface, call->type ? &type : NULL, call->timeout_ms,
                            call->warnings, &imported, error))
        return false;
    printf ("%s %s\n", imported.interface, imported.uuid);
    return true;
}

static bool
update (Call *call, GError **error)
{
    const SgGatewayFile file = {call->words[1], call->text, call->len};

    return sg_gateway_update (call->words[0], &file, call->timeout_ms, call->warnings, error);
}

static bool export(Call *call, GError **error)
{
    char *text = sg_gateway_export (call->words[0], call->timeout_ms, error);
    bool ok = text != NULL;

    /* Not by stdio, whose buffer would keep the keys. */
    for (size_t done = 0, len = ok ? strlen (text) : 0; ok && done < len;) {
        ssize_t n = write (STDOUT_FILENO, text + done, len - done);

        ok = n > 0;
        done += ok ? (size_t) n : 0;
    }
    if (text && !ok)
        g_set_error (error, SG_ERROR, SG_ERROR_FAILED, "cannot write the file out");
    sg_wg_text_free (text);
    return ok;
}

static bool
set_type (Call *call, GError **error)
{
    SgWgType type;

    return parse_type (call->words[1], &type, error) &&
           sg_gateway_set_type (call->words[0], type, call->timeout_ms, call->warnings, error);
}

static bool
remove_gateway (Call *call, GError **error)
{
    return sg_gateway_remove (call->words[0], call->timeout_ms, error);
}

static bool
recover (Call *call, GError **error)
{
    g_autofree char *undone = NULL;

    if (!sg_gateway_recover (call->timeout_ms, &undone, error))
        return false;
    if (undone)
        g_ptr_array_add (
            call->warnings,
            g_strdup_printf ("%s: an update broke off; the gateway is as it was before", undone));
    return true;
}

typedef struct {
    const char *name;
    guint n_words;
    int file; /* which of the words is a file that is read; -1: none */
    bool changes;
    bool (*run) (Call *call, GError **error);
} Command;

static const Command commands[] = {
    {"import", 1, 0, true, import},          {"update", 2, 1, true, update},
    {"export", 1, -1, false, export},        {"set-type", 2, -1, true, set_type},
    {"remove", 1, -1, true, remove_gateway}, {"recover", 0, -1, true, recover},
};

/* ---- the line ---- */

static const char usage[] = "import FILE [--name IF] [--type inbound-outbound|outbound-only]\n"
                            "  sixgate-gateway update IF FILE\n"
                            "  sixgate-gateway export IF\n"
                            "  sixgate-gateway set-type IF inbound-outbound|outbound-only\n"
                            "  sixgate-gateway remove IF\n"
                            "  sixgate-gateway recover\n"
                            "\n"
                            "Gateways by file; FILE may be - for what comes in. See "
                            "sixgate-gateway(8).";

/* NULL with an error when it is none of the table. Moves call->words behind its name. */
static const Command *
find_command (Call *call, GError **error)
{
    const char *name = call->words[0];

    for (size_t i = 0; name && i < G_N_ELEMENTS (commands); i++) {
        const Command *command = &commands[i];

        if (strcmp (name, command->name) != 0)
            continue;
        call->words++;
        if (g_strv_length (call->words) == command->n_words &&
            ((!call->interface && !call->type) || command->run == import))
            return command;
    }
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                 "this is no command of sixgate-gateway; --help tells them");
    return NULL;
}

/* All that comes in, up to one byte more than is allowed: the parser refuses that. */
static bool
read_input (Call *call, GError **error)
{
    ssize_t n = 1;

    call->text = g_malloc (SG_WG_TEXT_MAX + 2);
    while (n > 0 && call->len <= SG_WG_TEXT_MAX) {
        n = read (STDIN_FILENO, call->text + call->len, SG_WG_TEXT_MAX + 1 - call->len);
        call->len += n > 0 ? (size_t) n : 0;
    }
    call->text[call->len] = '\0';
    if (n < 0)
        sg_error_set_errno (error, SG_ERROR_FAILED, errno, "read what comes in");
    return n >= 0;
}

static bool
read_file (Call *call, const char *path, GError **error)
{
    if (strcmp (path, "-") == 0)
        return read_input (call, error);
    if (!sg_fs_read (path, SG_WG_TEXT_MAX, &call->text, &call->len, error))
        return false;
    if (!call->text)
        g_set_error (error, SG_ERROR, SG_ERROR_NOT_FOUND, "%s is not there", path);
    return call->text != NULL;
}

/* Before rights are dropped: the file may be one that only its owner, or root, can read. */
static const Command *
parse (int *argc, char ***argv, Call *call, GError **error)
{
    const GOptionEntry entries[] = {
        {"name", 0, 0, G_OPTION_ARG_STRING, &call->interface, "Name of the interface", "IF"},
        {"type", 0, 0, G_OPTION_ARG_STRING, &call->type, "What the gateway is for", "TYPE"},
        {NULL}};
    g_autoptr (GOptionContext) context = g_option_context_new (usage);
    const Command *command;

    g_option_context_add_main_entries (context, entries, NULL);
    if (!sg_command_parse (context, argc, argv, error))
        return NULL;
    call->words = *argv + 1;
    command = find_command (call, error);
    if (!command || (command->file >= 0 && !read_file (call, call->words[command->file], error)))
        return NULL;
    return command;
}

static bool
run_locked (const Command *command, Call *call, GError **error)
{
    g_autoptr (SgConfig) config = sg_files_load_config (error);
    int lock;
    bool ok;

    if (!config)
        return false;
    lock = sg_files_lock (MAX (config->lock_timeout_ms, SG_COMMAND_TIMEOUT_MIN_MS), error);
    if (lock < 0)
        return false;
    call->timeout_ms = MAX (config->nm_timeout_ms, SG_COMMAND_TIMEOUT_MIN_MS);
    ok = command->run (call, error);
    close (lock);
    return ok;
}

int
main (int argc, char **argv)
{
    g_autoptr (GPtrArray) warnings = g_ptr_array_new_with_free_func (g_free);
    GError *error = NULL;
    Call call = {.warnings = warnings};
    const Command *command;

    sg_command_begin ();
    command = parse (&argc, &argv, &call, &error);
    if (command && sg_privileges_drop (&error))
        run_locked (command, &call, &error);
    sg_wg_text_free (call.text);
    return sg_command_end (error, command && command->changes, warnings);
}
