/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be done to a gateway by its file, as works (worker.h). An update that broke off is undone
 * before any of them. */
#pragma once

#include "worker.h"

/* What an import answers: interface, uuid, warnings; an update: the file as it was, warnings. */
#define SG_WORK_IMPORTED "(&s&s^a&s)"
#define SG_WORK_UPDATED "(&s^a&s)"

/* words: the name of the file, its text; options interface and type. */
GVariant *sg_work_import (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                          GError **error);
GVariant *sg_work_undo_import (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                               GError **error);
/* words: the text. */
GVariant *sg_work_update (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                          GError **error);
GVariant *sg_work_undo_update (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                               GError **error);
/* words: the type, and the one that it has. */
GVariant *sg_work_set_type (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                            GError **error);
GVariant *sg_work_undo_set_type (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                                 GError **error);
GVariant *sg_work_remove (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                          GError **error);
/* Changes nothing, and needs no lock. Answers the file, a string. */
GVariant *sg_work_export (const SgCall *call, GVariant *worked, uint32_t timeout_ms,
                          GError **error);
