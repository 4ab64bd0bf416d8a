/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of the links that the kernel has. */
#pragma once

#include <glib.h>

/* Adds them to @names, a set of strings that frees its keys. */
void sg_links_add_names (GHashTable *names);
