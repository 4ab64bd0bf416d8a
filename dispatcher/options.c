/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "options.h"

#include <locale.h>
#include <string.h>

#include "base/error.h"

/* The actions of NetworkManager-dispatcher(8) behind which addresses, routes or devices may
 * have changed; "vpn-*" likewise. */
static const char *const actions[] = {
    "pre-up",       "up",           "pre-down", "down",
    "dhcp4-change", "dhcp6-change", "reapply",  "connectivity-change",
    "dns-change",
};

static bool
matters (const char *action)
{
    for (size_t i = 0; i < G_N_ELEMENTS (actions); i++) {
        if (strcmp (action, actions[i]) == 0)
            return true;
    }
    return g_str_has_prefix (action, "vpn-");
}

static bool
parse_words (SgOptions *options, int *argc, char ***argv, GError **error)
{
    gboolean boot = FALSE, listen = FALSE, dry_run = FALSE, verbose = FALSE, version = FALSE;
    g_auto (GStrv) added = NULL, removed = NULL;
    g_autofree char *outbound = NULL;
    const GOptionEntry entries[] = {
        {"boot", 0, 0, G_OPTION_ARG_NONE, &boot,
         "Before the network is up: what holds without NetworkManager", NULL},
        {"listen", 0, 0, G_OPTION_ARG_NONE, &listen,
         "As the kernel reports changes, to the sockets that systemd passes, until all is quiet",
         NULL},
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &dry_run,
         "Print what would change, as ip, nft and wg commands; change nothing", NULL},
        {"outbound", 0, 0, G_OPTION_ARG_STRING, &outbound,
         "Select the gateway for the host's own traffic, or “auto”; kept over reboots",
         "INTERFACE"},
        {"add-override", 0, 0, G_OPTION_ARG_STRING_ARRAY, &added,
         "What comes from addresses of PREFIX leaves by INTERFACE; kept over reboots",
         "PREFIX=INTERFACE"},
        {"remove-override", 0, 0, G_OPTION_ARG_STRING_ARRAY, &removed,
         "It goes where everything goes again", "PREFIX"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose,
         "Print what is there, the gateways, the changes and the counters", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr (GOptionContext) context = g_option_context_new (NULL);
    g_autoptr (GError) usage = NULL;

    /* For the help text. NetworkManager's way in needs no locale, which costs a dozen files. */
    setlocale (LC_CTYPE, "");
    g_option_context_set_summary (
        context, "Brings IPv6 policy routing and the leak guard to what they should be.");
    g_option_context_add_main_entries (context, entries, NULL);
    if (!g_option_context_parse (context, argc, argv, &usage)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT, "%s; --help tells the options",
                     usage->message);
        return false;
    }
    options->boot = boot;
    options->listen = listen;
    options->dry_run = dry_run;
    options->verbose = verbose;
    options->version = version;
    options->by_hand = !boot && !listen;
    options->repair = options->by_hand;
    options->outbound = g_steal_pointer (&outbound);
    options->added_overrides = g_steal_pointer (&added);
    options->removed_overrides = g_steal_pointer (&removed);
    return true;
}

SgOptions *
sg_options_parse (int argc, char **argv, GError **error)
{
    g_autoptr (SgOptions) options = g_new0 (SgOptions, 1);

    if (argc == 3 && argv[1][0] != '-') {
        options->ignored = !matters (argv[2]);
        options->repair = strcmp (argv[2], "reapply") == 0 || strcmp (argv[2], "up") == 0;
        return g_steal_pointer (&options);
    }
    if (!parse_words (options, &argc, &argv, error))
        return NULL;
    if (argc > 1) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "“%s” is one word too many; --help tells the options", argv[1]);
        return NULL;
    }
    if (options->listen && (options->boot || options->dry_run || options->outbound ||
                            options->added_overrides || options->removed_overrides)) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "--listen goes with --verbose only");
        return NULL;
    }
    for (char **word = options->added_overrides; word && *word; word++) {
        if (!strchr (*word, '=')) {
            g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                         "“%s”: --add-override wants PREFIX=INTERFACE, like 2001:db8:a::/64=wg0",
                         *word);
            return NULL;
        }
    }
    if (options->outbound && strcmp (options->outbound, "auto") == 0)
        options->outbound[0] = '\0';
    else if (options->outbound && !options->outbound[0]) {
        g_set_error (error, SG_ERROR, SG_ERROR_INVALID_ARGUMENT,
                     "--outbound wants the name of a gateway, or auto");
        return NULL;
    }
    return g_steal_pointer (&options);
}

void
sg_options_free (SgOptions *options)
{
    if (!options)
        return;
    g_free (options->outbound);
    g_strfreev (options->added_overrides);
    g_strfreev (options->removed_overrides);
    g_free (options);
}
