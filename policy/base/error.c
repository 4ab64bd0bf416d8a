/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <stdarg.h>

/* One row a code: its D-Bus error name and the exit status of a program that ends with it. */
static const struct {
    const char *dbus_name;
    int exit_status;
} error_table[SG_ERROR_N] = {
#define NAME(x) "org.sixgate.Sixgate1.Error." x
    [SG_ERROR_FAILED] = {NAME ("Failed"), 1},
    [SG_ERROR_INVALID_ARGUMENT] = {NAME ("InvalidArgument"), 2},
    [SG_ERROR_NOT_FOUND] = {NAME ("NotFound"), 3},
    [SG_ERROR_EXISTS] = {NAME ("Exists"), 1},
    [SG_ERROR_OVERLAP] = {NAME ("Overlap"), 1},
    [SG_ERROR_NO_SPACE] = {NAME ("NoSpace"), 1},
    [SG_ERROR_NOT_OWNED] = {NAME ("NotOwned"), 1},
    [SG_ERROR_PERMISSION] = {NAME ("Permission"), 4},
    [SG_ERROR_BUSY] = {NAME ("Busy"), 1},
    [SG_ERROR_KERNEL] = {NAME ("Kernel"), 1},
    [SG_ERROR_UNSUPPORTED] = {NAME ("Unsupported"), 1},
    [SG_ERROR_STATE_CORRUPT] = {NAME ("StateCorrupt"), 1},
    [SG_ERROR_LIMIT] = {NAME ("Limit"), 1},
    [SG_ERROR_NOT_WIREGUARD] = {NAME ("NotWireGuard"), 1},
    [SG_ERROR_CONFLICT] = {NAME ("Conflict"), 1},
#undef NAME
};

G_DEFINE_QUARK (sg - error - quark, sg_error)

const char *
sg_error_dbus_name (SgErrorCode code)
{
    g_return_val_if_fail (code < SG_ERROR_N, error_table[SG_ERROR_FAILED].dbus_name);

    return error_table[code].dbus_name;
}

int
sg_error_exit_status (const GError *error)
{
    g_return_val_if_fail (error, 1);

    if (error->domain != SG_ERROR || (unsigned) error->code >= SG_ERROR_N)
        return 1;
    return error_table[error->code].exit_status;
}

void
sg_error_set_errno (GError **error, SgErrorCode code, int errnum, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start (args, format);
    what = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (error, SG_ERROR, code, "%s: %s", what, g_strerror (errnum));
}
