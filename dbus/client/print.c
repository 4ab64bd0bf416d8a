/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "print.h"

#include <stdio.h>
#include <string.h>

#include <json-glib/json-glib.h>

static const char *const style_codes[SG_STYLE_N] = {
    [SG_STYLE_PLAIN] = "",         [SG_STYLE_STRONG] = "\033[1m", [SG_STYLE_GOOD] = "\033[32m",
    [SG_STYLE_BAD] = "\033[1;31m", [SG_STYLE_DIM] = "\033[2m",
};

void
sg_print (const SgClient *client, SgStyle style, const char *text)
{
    if (client->colour && style != SG_STYLE_PLAIN)
        printf ("%s%s\033[0m", style_codes[style], text);
    else
        fputs (text, stdout);
}

/* ---- tables ---- */

typedef struct {
    char *text;
    SgStyle style;
} Cell;

struct SgTable {
    const SgClient *client;
    guint columns;
    GArray *cells; /* of Cell */
};

static void
clear_cell (void *data)
{
    g_free (((Cell *) data)->text);
}

SgTable *
sg_table_new (const SgClient *client, guint columns)
{
    SgTable *table = g_new0 (SgTable, 1);

    table->client = client;
    table->columns = columns;
    table->cells = g_array_new (/* zero_terminated= */ FALSE, /* clear_= */ TRUE, sizeof (Cell));
    g_array_set_clear_func (table->cells, clear_cell);
    return table;
}

void
sg_table_free (SgTable *table)
{
    if (!table)
        return;
    g_array_unref (table->cells);
    g_free (table);
}

void
sg_table_add (SgTable *table, SgStyle style, const char *text)
{
    Cell cell = {g_strdup (text), style};

    g_array_append_val (table->cells, cell);
}

static glong
width_of (const SgTable *table, guint column)
{
    glong width = 0;

    for (guint i = column; i < table->cells->len; i += table->columns)
        width = MAX (width, g_utf8_strlen (g_array_index (table->cells, Cell, i).text, -1));
    return width;
}

void
sg_table_print (const SgTable *table)
{
    for (guint i = 0; i < table->cells->len; i++) {
        const Cell *cell = &g_array_index (table->cells, Cell, i);
        guint column = i % table->columns;

        sg_print (table->client, cell->style, cell->text);
        if (column + 1 == table->columns)
            putchar ('\n');
        else
            printf ("%*s", (int) (width_of (table, column) - g_utf8_strlen (cell->text, -1)) + 2,
                    "");
    }
}

/* ---- JSON ---- */

void
sg_print_json (GVariant *value)
{
    g_autoptr (GVariant) owned = g_variant_ref_sink (value);
    g_autoptr (JsonNode) node = json_gvariant_serialize (owned);
    g_autofree char *text = json_to_string (node, /* pretty= */ TRUE);

    puts (text);
}
