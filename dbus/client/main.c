/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sixgatectl: the commands of a person, each a call or two to the service on the bus. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "command.h"
#include "help.h"

#define FILE_MAX (1u << 20)

/* A new group of commands joins here. */
static const SgCommand *const groups[] = {
    sg_host_commands,   sg_choice_commands,  sg_gateway_commands, sg_subnet_commands,
    sg_device_commands, sg_pinhole_commands, sg_backup_commands,
};

/* ---- helpers of the commands ---- */

char *
sg_command_read_file (const char *path, GError **error)
{
    FILE *file = strcmp (path, "-") == 0 ? stdin : fopen (path, "re");
    g_autofree char *text = g_malloc (FILE_MAX + 2);
    size_t len;
    bool failed;

    if (!file) {
        sg_error_set_errno (error, errno == ENOENT ? SG_ERROR_NOT_FOUND : SG_ERROR_FAILED, errno,
                            "cannot read %s", path);
        return NULL;
    }
    len = fread (text, 1, FILE_MAX + 1, file);
    failed = ferror (file) != 0;
    if (file != stdin)
        fclose (file);
    text[len] = '\0';
    if (failed || len > FILE_MAX || strlen (text) != len || !g_utf8_validate (text, -1, NULL)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     failed           ? "cannot read %s"
                     : len > FILE_MAX ? "%s is larger than 1 MiB: no WireGuard file"
                                      : "%s is no text: no WireGuard file",
                     path);
        return NULL;
    }
    return g_steal_pointer (&text);
}

void
sg_command_warn (GVariant *warnings)
{
    for (gsize i = 0; i < g_variant_n_children (warnings); i++) {
        const char *warning;

        g_variant_get_child (warnings, i, "&s", &warning);
        fprintf (stderr, "sixgatectl: %s\n", warning);
    }
}

/* ---- finding the command ---- */

static const SgCommand *
find (const char *group, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS (groups); i++) {
        for (const SgCommand *command = groups[i]; command->name; command++) {
            if (g_strcmp0 (command->group, group) == 0 && strcmp (command->name, name) == 0)
                return command;
        }
    }
    return NULL;
}

/* "list, show, …" of @group; of all when it is NULL. NULL: it has none. */
static char *
names_in (const char *group)
{
    GString *names = g_string_new (NULL);
    const char *last = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS (groups); i++) {
        for (const SgCommand *command = groups[i]; command->name; command++) {
            const char *name = !group && command->group ? command->group : command->name;

            if ((group && g_strcmp0 (command->group, group) != 0) || g_strcmp0 (last, name) == 0)
                continue;
            g_string_append_printf (names, "%s%s", names->len ? ", " : "", name);
            last = name;
        }
    }
    return g_string_free (names, /* free_segment= */ names->len == 0);
}

/* The command that the words begin with; *@ret_used of them are its name. */
static const SgCommand *
choose (char **words, guint *ret_used, GError **error)
{
    const SgCommand *command = words[0] ? find (NULL, words[0]) : NULL;
    g_autofree char *names = words[0] ? names_in (words[0]) : NULL;

    *ret_used = command ? 1 : 2;
    if (!command && names && words[1])
        command = find (words[0], words[1]);
    if (command)
        return command;
    if (!words[0]) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "say what to do: sixgatectl status shows how things are, --help all commands");
    } else if (names && !words[1]) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "say what to do with “%s”; there are %s", words[0], names);
    } else if (names) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "no command “%s %s”; there are %s",
                     words[0], words[1], names);
    } else {
        g_autofree char *all = names_in (NULL);

        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "no command “%s”; there are %s",
                     words[0], all);
    }
    return NULL;
}

/* ---- taking the arguments apart ---- */

typedef struct {
    bool json, help, version;
    GPtrArray *words; /* borrowed from argv; ends with NULL */
} Line;

static void G_GNUC_PRINTF (3, 4)
    usage_error (GError **error, const SgCommand *command, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start (args, format);
    what = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s; write: sixgatectl %s%s%s %s",
                 what, command->group ? command->group : "", command->group ? " " : "",
                 command->name, command->arguments);
}

static const SgOption *
find_option (const SgCommand *command, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < SG_COMMAND_OPTIONS_MAX && command->options[i].name; i++) {
        if (strcmp (command->options[i].name, name) == 0) {
            *ret_index = i;
            return &command->options[i];
        }
    }
    return NULL;
}

/* One option at argv[*at]; moves past its value. */
static bool
take_option (const SgCommand *command, char **argv, int *at, SgArguments *arguments, GError **error)
{
    g_auto (GStrv) halves = g_strsplit (argv[*at], "=", 2);
    size_t index = 0;
    const SgOption *option = find_option (command, halves[0], &index);
    const char *inline_value = halves[1] ? strchr (argv[*at], '=') + 1 : NULL;

    if (!option) {
        usage_error (error, command, "no option %s here", halves[0]);
        return false;
    }
    if (option->value && !inline_value && !argv[*at + 1]) {
        usage_error (error, command, "%s wants %s", option->name, option->value);
        return false;
    }
    if (!option->value && inline_value) {
        usage_error (error, command, "%s takes no value", option->name);
        return false;
    }
    arguments->values[index] = !option->value ? option->name
                               : inline_value ? inline_value
                                              : argv[++*at];
    return true;
}

/* Those that any command takes. */
static bool
take_common (const char *word, Line *line)
{
    if (strcmp (word, "--json") == 0)
        line->json = true;
    else if (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)
        line->help = true;
    else if (strcmp (word, "--version") == 0)
        line->version = true;
    else
        return false;
    return true;
}

static bool
is_option (const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* The words that are no options: enough to find the command, whose table tells which options have a
 * value. */
static void
skim (char **argv, Line *line)
{
    bool options = true;

    for (int i = 1; argv[i]; i++) {
        if (options && strcmp (argv[i], "--") == 0)
            options = false;
        else if (!options || !is_option (argv[i]))
            g_ptr_array_add (line->words, argv[i]);
        else
            take_common (argv[i], line);
    }
    g_ptr_array_add (line->words, NULL);
}

/* Everything behind the command's name. */
static bool
take_all (const SgCommand *command, char **argv, guint used, SgArguments *arguments, GError **error)
{
    g_autoptr (GPtrArray) words = g_ptr_array_new ();
    bool options = true;
    Line ignored = {0};

    for (int i = 1; argv[i]; i++) {
        if (options && strcmp (argv[i], "--") == 0)
            options = false;
        else if (!options || !is_option (argv[i]))
            g_ptr_array_add (words, argv[i]);
        else if (!take_common (argv[i], &ignored) &&
                 !take_option (command, argv, &i, arguments, error))
            return false;
    }
    arguments->n_words = words->len - used;
    g_ptr_array_add (words, NULL);
    g_ptr_array_remove_range (words, 0, used);
    arguments->words = (char **) g_ptr_array_free (g_steal_pointer (&words), FALSE);
    if (arguments->n_words < command->min_words)
        usage_error (error, command, "something is missing");
    else if (arguments->n_words > command->max_words)
        usage_error (error, command, "“%s” is one word too many",
                     arguments->words[command->max_words]);
    return arguments->n_words >= command->min_words && arguments->n_words <= command->max_words;
}

/* ---- running ---- */

static bool
shows_colours (void)
{
    const char *term = getenv ("TERM"), *no = getenv ("NO_COLOR");

    return isatty (STDOUT_FILENO) && term && strcmp (term, "dumb") != 0 && !(no && no[0]);
}

static bool
run (char **argv, const Line *line, GError **error)
{
    SgClient client = {.json = line->json, .colour = !line->json && shows_colours ()};
    SgArguments arguments = {0};
    guint used;
    const SgCommand *command = choose ((char **) line->words->pdata, &used, error);
    bool done;

    if (!command)
        return false;
    if (line->json && !command->reads) {
        usage_error (error, command, "--json is for commands that only read");
        return false;
    }
    done = take_all (command, argv, used, &arguments, error) &&
           command->run (&client, &arguments, error);
    g_free (arguments.words);
    sg_client_clear (&client);
    return done;
}

static bool
help (const Line *line, GError **error)
{
    char **words = (char **) line->words->pdata;
    g_autofree char *names = words[0] ? names_in (words[0]) : NULL;
    const SgCommand *command;
    guint used;

    if (!words[0] || (names && !words[1])) {
        sg_help_overview (groups, G_N_ELEMENTS (groups), words[0]);
        return true;
    }
    command = choose (words, &used, error);
    if (command)
        sg_help_command (command);
    return command != NULL;
}

int
main (int argc, char **argv)
{
    g_autoptr (GPtrArray) words = g_ptr_array_new ();
    g_autoptr (GError) error = NULL;
    g_autofree char *text = NULL;
    Line line = {.words = words};
    bool done = true;

    setlocale (LC_ALL, "");
    signal (SIGPIPE, SIG_IGN);
    skim (argv, &line);
    if (line.help || g_strcmp0 (g_ptr_array_index (words, 0), "help") == 0) {
        if (g_strcmp0 (g_ptr_array_index (words, 0), "help") == 0)
            g_ptr_array_remove_index (words, 0);
        done = help (&line, &error);
    } else if (line.version) {
        printf ("sixgatectl %s\n", SG_VERSION);
    } else {
        done = run (argv, &line, &error);
    }
    if (done && (fflush (stdout) != 0 || ferror (stdout))) {
        sg_error_set_errno (&error, SG_ERROR_FAILED, errno, "cannot write");
        done = false;
    }
    if (done)
        return 0;
    text = sg_log_line (error->message);
    fprintf (stderr, "sixgatectl: %s\n", text);
    return sg_error_exit_status (error);
}
