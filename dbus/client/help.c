/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "help.h"

#include <stdio.h>
#include <string.h>

static void
print_row (const SgCommand *command)
{
    g_autofree char *words = g_strdup_printf ("%s%s%s", command->group ? command->group : "",
                                              command->group ? " " : "", command->name);

    printf ("  %-22s %s\n", words, command->summary);
}

void
sg_help_overview (const SgCommand *const *groups, size_t n, const char *group)
{
    printf ("Usage: sixgatectl %s%sCOMMAND [ARGUMENT…]\n\n", group ? group : "", group ? " " : "");
    if (!group)
        puts ("IPv6 through the gateways of this host: which there are, which one its own traffic "
              "leaves by,\nand what is wrong. Start with: sixgatectl status\n");
    for (size_t i = 0; i < n; i++) {
        for (const SgCommand *command = groups[i]; command->name; command++) {
            if (!group || g_strcmp0 (command->group, group) == 0)
                print_row (command);
        }
    }
    puts ("\nCOMMAND --help tells more of each. Options of all that read: --json");
    if (!group)
        puts ("Exit status: 0 done, 1 failed, 2 wrongly called, 3 not found, 4 not allowed\n"
              "More: man sixgatectl");
}

void
sg_help_command (const SgCommand *command)
{
    printf ("Usage: sixgatectl %s%s%s%s%s%s\n\n%s.\n\n%s\n", command->group ? command->group : "",
            command->group ? " " : "", command->name, command->arguments[0] ? " " : "",
            command->arguments, command->reads ? " [--json]" : "", command->summary, command->help);
}
