/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of sixgate-reconcile. */
#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct {
    bool boot;      /* --boot: before the network; NetworkManager is not asked */
    bool listen;    /* --listen: the kernel reported changes, to sockets that systemd holds */
    bool dry_run;   /* --dry-run: print the plan, change nothing */
    bool verbose;   /* --verbose: print the snapshot, the gateways and the counters too */
    bool version;   /* --version */
    bool by_hand;   /* a person called, not NetworkManager or systemd: say everything */
    bool repair;    /* put back what a Reapply wiped: asks NetworkManager for profiles */
    bool ignored;   /* an event of NetworkManager that changes nothing for us */
    char *outbound; /* --outbound: the interface to select, "" = auto; NULL = as it is */
    char **removed_overrides; /* --remove-override: prefixes; NULL = none */
    char **added_overrides;   /* --add-override: "PREFIX=INTERFACE"; NULL = none */
} SgOptions;

/* Understands both "sixgate-reconcile --option…" and what NetworkManager's dispatcher says:
 * "50-sixgate INTERFACE ACTION". SG_ERROR_INVALID_ARGUMENT when it is neither. */
SgOptions *sg_options_parse (int argc, char **argv, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_options_free (SgOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgOptions, sg_options_free)
