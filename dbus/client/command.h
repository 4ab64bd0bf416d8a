/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands of sixgatectl: a table for each group, put together in main.c. */
#pragma once

#include "client.h"

#define SG_COMMAND_OPTIONS_MAX 4

/* What stood behind the words of a command; borrowed. */
typedef struct {
    char **words; /* NULL-terminated */
    guint n_words;
    const char *values[SG_COMMAND_OPTIONS_MAX]; /* as the command's options; NULL: not given */
} SgArguments;

typedef struct {
    const char *name;  /* "--type" */
    const char *value; /* what stands behind it, for the help: "TYPE"; NULL: nothing does */
} SgOption;

typedef struct {
    const char *group; /* "gateway"; NULL: the command is one word */
    const char *name;
    const char *arguments; /* for the help: "FILE [--name INTERFACE]" */
    const char *summary;   /* a line */
    const char *help;      /* what a person should know before using it; whole sentences */
    guint min_words, max_words;
    bool reads; /* changes nothing, and knows --json */
    SgOption options[SG_COMMAND_OPTIONS_MAX];
    bool (*run) (SgClient *client, const SgArguments *arguments, GError **error);
} SgCommand;

/* Each ends with a command without a name. */
extern const SgCommand sg_host_commands[];
extern const SgCommand sg_choice_commands[];
extern const SgCommand sg_gateway_commands[];
extern const SgCommand sg_subnet_commands[];
extern const SgCommand sg_device_commands[];
extern const SgCommand sg_pinhole_commands[];
extern const SgCommand sg_backup_commands[];

/* Reads FILE ("-": standard input), at most 1 MiB. SG_ERROR_NOT_FOUND where there is none. */
char *sg_command_read_file (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Prints the warnings (as) of an answer to standard error. */
void sg_command_warn (GVariant *warnings);
