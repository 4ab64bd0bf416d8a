/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one error domain of Sixgate. Everything fallible reports a GError of it. */
#pragma once

#include <glib.h>

/* What kind of failure; a caller tells cases apart by code, never by text. The table in
 * error.c gives each its D-Bus error name and the exit status of a program. */
typedef enum {
    SG_ERROR_FAILED,           /* none of the below */
    SG_ERROR_INVALID_ARGUMENT, /* a value from a person, a file or a caller is malformed */
    SG_ERROR_NOT_FOUND,        /* the named object does not exist */
    SG_ERROR_EXISTS,           /* an object of that name is there already */
    SG_ERROR_OVERLAP,          /* a prefix or address collides with another */
    SG_ERROR_NO_SPACE,         /* no free address, port or disk space */
    SG_ERROR_NOT_OWNED,        /* the object belongs to somebody else */
    SG_ERROR_PERMISSION,       /* the caller may not do this */
    SG_ERROR_BUSY,             /* somebody else is writing; try again */
    SG_ERROR_KERNEL,           /* the kernel refused; the text holds its own words */
    SG_ERROR_UNSUPPORTED,      /* this kernel, or this version of Sixgate, cannot do it */
    SG_ERROR_STATE_CORRUPT,    /* a file of ours is truncated, unknown or from the future */
    SG_ERROR_LIMIT,            /* more than the limits allow */
    SG_ERROR_NOT_WIREGUARD,    /* a file of another kind, for another importer */
    SG_ERROR_CONFLICT,         /* somebody else changed the same thing meanwhile */
    SG_ERROR_N
} SgErrorCode;

#define SG_ERROR (sg_error_quark ())

GQuark sg_error_quark (void);

/* The D-Bus error name of @code ("org.sixgate.Sixgate1.Error.…"); static. */
const char *sg_error_dbus_name (SgErrorCode code);

/* The exit status a program ends with for @error: 1 failed, 2 usage, 3 not found, 4 denied;
 * 1 for errors of other domains. */
int sg_error_exit_status (const GError *error);

/* Sets @error to "WHAT: strerror(errnum)" with @code; @errnum is a positive errno value. */
void sg_error_set_errno (GError **error, SgErrorCode code, int errnum, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
