/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links that somebody else than NetworkManager configures, and that it is to leave alone (spec 2.4): found, and
 * written down as NetworkManager.conf(5) has it. */
#pragma once

#include "core/snapshot.h"

/* @link and all that it is made of: ports of a bridge or bond (but for those of machines that it hosts), the
 * link below a VLAN. GArray of SgLink, owned by the caller. */
GArray *sg_unmanaged_with_parts (const SgSnapshot *snapshot, const SgLink *link);
/* Whether NetworkManager says that it has nothing to do with the link @name, and nobody has saved a profile with
 * which it should: then it may be told so for good. @saved: interface names of saved profiles, "" for one that fits
 * any link. A link that it configures, or is to configure, would be without its addresses. */
bool sg_unmanaged_is_left_alone (const SgSnapshot *snapshot, GHashTable *saved, const char *name);
/* Whether ifupdown has the link @name up: @text is its state file, lines INTERFACE=NAME. */
bool sg_unmanaged_has_ifupdown (const char *text, const char *name);
/* Whether a link is systemd-networkd's, also where that failed in part: @state is the AdministrativeState that
 * it tells (org.freedesktop.network1(5)). */
bool sg_unmanaged_has_networkd (const char *state);

/* Whether a list in that file can hold the name: the kernel takes commas, too. */
bool sg_unmanaged_can_be_named (const char *name);
/* The names in a file that sg_unmanaged_to_text() made: of char *, owned by the caller. NULL: it is none. */
GPtrArray *sg_unmanaged_parse (const char *text);
/* A new file that names them. Owned by the caller. */
char *sg_unmanaged_to_text (const GPtrArray *names);
/* The file @text with those of @names that it lacks; all else in it stays as somebody may have made it. Owned by the
 * caller. NULL: sg_unmanaged_parse() takes it for none. */
char *sg_unmanaged_with (const char *text, const GPtrArray *names);
