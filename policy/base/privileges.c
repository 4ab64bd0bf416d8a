/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/privileges.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

/* Always false, so that a caller can return it. */
static bool
refused (GError **error, const char *what)
{
    sg_error_set_errno (error, SG_ERROR_FAILED, errno, "cannot %s", what);
    return false;
}

/* Empties the bounding set but for CAP_NET_ADMIN. This takes CAP_SETPCAP (capabilities(7)),
 * which a unit with CapabilityBoundingSet=CAP_NET_ADMIN has taken away together with the rest:
 * EPERM then leaves things as they are, and no_new_privs alone keeps an execve() from gaining. */
static bool
drop_bounding_set (GError **error)
{
    for (unsigned long cap = 0;; cap++) {
        if (cap == CAP_NET_ADMIN || prctl (PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
            continue;
        if (errno == EINVAL || errno == EPERM) /* EINVAL: past the kernel's last capability */
            return true;
        return refused (error, "drop the capability bounding set");
    }
}

/* Effective and permitted: CAP_NET_ADMIN where it is there; inheritable: nothing. Raw system
 * calls: capset() has no wrapper in the C library, and libcap would be one library more to load
 * in a program that runs for milliseconds. Where nothing else is there, as in a unit with
 * CapabilityBoundingSet=CAP_NET_ADMIN, nothing is set: its SystemCallFilter= need not allow it. */
static bool
keep_net_admin (GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    const uint32_t keep = CAP_TO_MASK (CAP_NET_ADMIN);
    bool same = true;

    if (syscall (SYS_capget, &header, data) < 0)
        return refused (error, "read the capabilities");
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        uint32_t kept = i == CAP_TO_INDEX (CAP_NET_ADMIN) ? data[i].permitted & keep : 0;

        same = same && data[i].effective == kept && data[i].permitted == kept;
        same = same && !data[i].inheritable;
        data[i] = (struct __user_cap_data_struct) {.effective = kept, .permitted = kept};
    }
    if (!same && syscall (SYS_capset, &header, data) < 0)
        return refused (error, "drop capabilities");
    return true;
}

bool
sg_privileges_drop (GError **error)
{
    /* The order matters: the bounding set needs CAP_SETPCAP, so it goes before the others. */
    if (!drop_bounding_set (error))
        return false;
    if (prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return refused (error, "clear the ambient capabilities");
    if (!keep_net_admin (error))
        return false;
    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return refused (error, "set no_new_privs");
    return true;
}
