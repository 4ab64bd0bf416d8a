/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-variant.h"

#include <errno.h>
#include <string.h>

/* ---- from a message ---- */

static void
wipe_and_free (void *data)
{
    char *text = data;

    explicit_bzero (text, strlen (text));
    g_free (text);
}

/* Floating, as all below. Any string may be a key. */
static GVariant *
new_text (char type, const char *text)
{
    const char signature[] = {type, '\0'};
    char *copy = g_strdup (text);

    return g_variant_new_from_data (G_VARIANT_TYPE (signature), copy, strlen (copy) + 1,
                                    /* trusted= */ FALSE, wipe_and_free, copy);
}

static GVariant *
read_basic (sd_bus_message *m, char type)
{
    union {
        uint8_t y;
        int b; /* sd-bus has booleans of this size */
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        uint64_t t;
        double d;
        const char *s;
    } value;

    if (sd_bus_message_read_basic (m, type, &value) <= 0)
        return NULL;
    switch (type) {
    case 'y':
        return g_variant_new_byte (value.y);
    case 'b':
        return g_variant_new_boolean (value.b);
    case 'n':
        return g_variant_new_int16 (value.n);
    case 'q':
        return g_variant_new_uint16 (value.q);
    case 'i':
        return g_variant_new_int32 (value.i);
    case 'u':
        return g_variant_new_uint32 (value.u);
    case 'x':
        return g_variant_new_int64 (value.x);
    case 't':
        return g_variant_new_uint64 (value.t);
    case 'd':
        return g_variant_new_double (value.d);
    case 's':
    case 'o':
    case 'g':
        return new_text (type, value.s);
    default:
        return NULL;
    }
}

static GVariant *read_value (sd_bus_message *m);

/* The container that was entered, of the GVariant type @signature. */
static GVariant *
read_children (sd_bus_message *m, const char *signature)
{
    GVariantBuilder children;
    int end;

    g_variant_builder_init (&children, G_VARIANT_TYPE (signature));
    while ((end = sd_bus_message_at_end (m, /* complete= */ false)) == 0) {
        GVariant *child = read_value (m);

        if (!child)
            break;
        g_variant_builder_add_value (&children, child);
    }
    if (end > 0)
        return g_variant_builder_end (&children);
    g_variant_builder_clear (&children);
    return NULL;
}

static GVariant *
read_container (sd_bus_message *m, char type, const char *contents)
{
    static const char *const formats[] = {
        ['a'] = "a%s", ['r'] = "(%s)", ['e'] = "{%s}", ['v'] = "v"};
    g_autoptr (GString) signature = g_string_new (formats[(int) type]);
    GVariant *value;

    g_string_replace (signature, "%s", contents, /* limit= */ 1);
    if (sd_bus_message_enter_container (m, type, contents) <= 0)
        return NULL;
    value = read_children (m, signature->str);
    if (!value || sd_bus_message_exit_container (m) >= 0)
        return value;
    g_variant_unref (g_variant_ref_sink (value));
    return NULL;
}

static GVariant *
read_value (sd_bus_message *m)
{
    const char *contents;
    char type;

    if (sd_bus_message_peek_type (m, &type, &contents) <= 0)
        return NULL;
    return strchr ("arev", type) ? read_container (m, type, contents) : read_basic (m, type);
}

GVariant *
sg_nm_read_variant (sd_bus_message *message)
{
    GVariant *value = read_value (message);

    return value ? g_variant_ref_sink (value) : NULL;
}

/* ---- into a message ---- */

static int
append_children (sd_bus_message *m, GVariant *value, char type, const char *contents)
{
    int r = sd_bus_message_open_container (m, type, contents);

    for (gsize i = 0; r >= 0 && i < g_variant_n_children (value); i++) {
        g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

        r = sg_nm_append_variant (m, child);
    }
    return r < 0 ? r : sd_bus_message_close_container (m);
}

/* The signature between the brackets. */
static char *
inside (const char *signature)
{
    return g_strndup (signature + 1, strlen (signature) - 2);
}

int
sg_nm_append_variant (sd_bus_message *m, GVariant *value)
{
    const char *signature = g_variant_get_type_string (value);
    g_autofree char *contents = NULL;

    switch (g_variant_classify (value)) {
    case G_VARIANT_CLASS_BYTE:
        return sd_bus_message_append (m, "y", g_variant_get_byte (value));
    case G_VARIANT_CLASS_BOOLEAN:
        return sd_bus_message_append (m, "b", g_variant_get_boolean (value));
    case G_VARIANT_CLASS_INT16:
        return sd_bus_message_append (m, "n", g_variant_get_int16 (value));
    case G_VARIANT_CLASS_UINT16:
        return sd_bus_message_append (m, "q", g_variant_get_uint16 (value));
    case G_VARIANT_CLASS_INT32:
        return sd_bus_message_append (m, "i", g_variant_get_int32 (value));
    case G_VARIANT_CLASS_UINT32:
        return sd_bus_message_append (m, "u", g_variant_get_uint32 (value));
    case G_VARIANT_CLASS_INT64:
        return sd_bus_message_append (m, "x", g_variant_get_int64 (value));
    case G_VARIANT_CLASS_UINT64:
        return sd_bus_message_append (m, "t", g_variant_get_uint64 (value));
    case G_VARIANT_CLASS_DOUBLE:
        return sd_bus_message_append (m, "d", g_variant_get_double (value));
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
        return sd_bus_message_append_basic (m, signature[0], g_variant_get_string (value, NULL));
    case G_VARIANT_CLASS_ARRAY:
        return append_children (m, value, 'a', signature + 1);
    case G_VARIANT_CLASS_TUPLE:
        contents = inside (signature);
        return append_children (m, value, 'r', contents);
    case G_VARIANT_CLASS_DICT_ENTRY:
        contents = inside (signature);
        return append_children (m, value, 'e', contents);
    case G_VARIANT_CLASS_VARIANT: {
        g_autoptr (GVariant) inner = g_variant_get_variant (value);

        return append_children (m, value, 'v', g_variant_get_type_string (inner));
    }
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_MAYBE:
        break;
    }
    return -EINVAL;
}
