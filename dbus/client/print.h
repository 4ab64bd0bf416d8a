/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables, colours and JSON on standard output. */
#pragma once

#include "client.h"

/* How a piece of text looks on a terminal; in a pipe all are plain. */
typedef enum {
    SG_STYLE_PLAIN,
    SG_STYLE_STRONG,
    SG_STYLE_GOOD,
    SG_STYLE_BAD,
    SG_STYLE_DIM,
    SG_STYLE_N
} SgStyle;

void sg_print (const SgClient *client, SgStyle style, const char *text);

/* Columns as wide as their widest cell. */
typedef struct SgTable SgTable;

SgTable *sg_table_new (const SgClient *client, guint columns);
void sg_table_free (SgTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SgTable, sg_table_free)
/* The next cell, row by row. */
void sg_table_add (SgTable *table, SgStyle style, const char *text);
void sg_table_print (const SgTable *table);

/* @value (floating is taken) as JSON: dictionaries are objects, arrays and tuples arrays. */
void sg_print_json (GVariant *value);
