/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "value.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* ---- reading ---- */

static GVariant *
new_basic (char type, const void *data)
{
    switch (type) {
    case SD_BUS_TYPE_BYTE:
        return g_variant_new_byte (*(const uint8_t *) data);
    case SD_BUS_TYPE_BOOLEAN:
        return g_variant_new_boolean (*(const int *) data);
    case SD_BUS_TYPE_INT16:
        return g_variant_new_int16 (*(const int16_t *) data);
    case SD_BUS_TYPE_UINT16:
        return g_variant_new_uint16 (*(const uint16_t *) data);
    case SD_BUS_TYPE_INT32:
        return g_variant_new_int32 (*(const int32_t *) data);
    case SD_BUS_TYPE_UINT32:
        return g_variant_new_uint32 (*(const uint32_t *) data);
    case SD_BUS_TYPE_INT64:
        return g_variant_new_int64 (*(const int64_t *) data);
    case SD_BUS_TYPE_UINT64:
        return g_variant_new_uint64 (*(const uint64_t *) data);
    case SD_BUS_TYPE_DOUBLE:
        return g_variant_new_double (*(const double *) data);
    case SD_BUS_TYPE_STRING:
        return g_variant_new_string (*(const char *const *) data);
    case SD_BUS_TYPE_OBJECT_PATH:
        return g_variant_new_object_path (*(const char *const *) data);
    case SD_BUS_TYPE_SIGNATURE:
        return g_variant_new_signature (*(const char *const *) data);
    default:
        return NULL;
    }
}

static int
read_basic (sd_bus_message *message, char type, GVariant **ret_value)
{
    uint64_t data[2] = {0}; /* room, and alignment, for any of them */
    int r = sd_bus_message_read_basic (message, type, data);

    if (r < 0)
        return r;
    *ret_value = new_basic (type, data);
    return *ret_value ? 1 : -EBADMSG;
}

static int read_one (sd_bus_message *message, GVariant **ret_value);

/* The members up to the end of the container. */
static int
read_members (sd_bus_message *message, GVariantBuilder *builder)
{
    GVariant *member;
    int r;

    while ((r = read_one (message, &member)) > 0)
        g_variant_builder_add_value (builder, member);
    return r;
}

static char *
type_of_container (char type, const char *contents)
{
    switch (type) {
    case SD_BUS_TYPE_ARRAY:
        return g_strconcat ("a", contents, NULL);
    case SD_BUS_TYPE_STRUCT:
        return g_strconcat ("(", contents, ")", NULL);
    case SD_BUS_TYPE_DICT_ENTRY:
        return g_strconcat ("{", contents, "}", NULL);
    default:
        return g_strdup ("v");
    }
}

static int
read_container (sd_bus_message *message, char type, const char *contents, GVariant **ret_value)
{
    g_autofree char *text = type_of_container (type, contents);
    GVariantBuilder builder;
    int r = sd_bus_message_enter_container (message, type, contents);

    if (r < 0)
        return r;
    g_variant_builder_init (&builder, (const GVariantType *) text);
    r = read_members (message, &builder);
    if (r >= 0)
        r = sd_bus_message_exit_container (message);
    if (r < 0) {
        g_variant_builder_clear (&builder);
        return r;
    }
    *ret_value = g_variant_builder_end (&builder);
    return 1;
}

/* 0: there is none. */
static int
read_one (sd_bus_message *message, GVariant **ret_value)
{
    const char *contents = NULL;
    char type = 0;
    int r = sd_bus_message_peek_type (message, &type, &contents);

    if (r <= 0)
        return r;
    return contents ? read_container (message, type, contents, ret_value)
                    : read_basic (message, type, ret_value);
}

int
sg_value_read (sd_bus_message *message, GVariant **ret_value)
{
    GVariantBuilder builder;
    int r;

    g_variant_builder_init (&builder, G_VARIANT_TYPE_TUPLE);
    r = read_members (message, &builder);
    if (r < 0) {
        g_variant_builder_clear (&builder);
        return r;
    }
    *ret_value = g_variant_ref_sink (g_variant_builder_end (&builder));
    return 0;
}

/* ---- writing ---- */

static int append_one (sd_bus_message *message, GVariant *value);

static int
append_members (sd_bus_message *message, GVariant *value)
{
    int r = 0;

    for (gsize i = 0; i < g_variant_n_children (value) && r >= 0; i++) {
        g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

        r = append_one (message, child);
    }
    return r;
}

static int
append_container (sd_bus_message *message, char type, GVariant *value)
{
    g_autofree char *contents = NULL;
    const char *text = g_variant_get_type_string (value);
    int r;

    if (type == SD_BUS_TYPE_VARIANT) {
        g_autoptr (GVariant) inner = g_variant_get_variant (value);

        contents = g_strdup (g_variant_get_type_string (inner));
    } else if (type == SD_BUS_TYPE_ARRAY) {
        contents = g_strdup (text + 1);
    } else {
        contents = g_strndup (text + 1, strlen (text) - 2);
    }
    r = sd_bus_message_open_container (message, type, contents);
    if (r >= 0)
        r = append_members (message, value);
    return r < 0 ? r : sd_bus_message_close_container (message);
}

static int
append_one (sd_bus_message *message, GVariant *value)
{
    int flag;
    uint16_t port;
    uint32_t number;

    switch (g_variant_classify (value)) {
    case G_VARIANT_CLASS_BOOLEAN:
        flag = g_variant_get_boolean (value);
        return sd_bus_message_append_basic (message, SD_BUS_TYPE_BOOLEAN, &flag);
    case G_VARIANT_CLASS_UINT16:
        port = g_variant_get_uint16 (value);
        return sd_bus_message_append_basic (message, SD_BUS_TYPE_UINT16, &port);
    case G_VARIANT_CLASS_UINT32:
        number = g_variant_get_uint32 (value);
        return sd_bus_message_append_basic (message, SD_BUS_TYPE_UINT32, &number);
    case G_VARIANT_CLASS_STRING:
        return sd_bus_message_append_basic (message, SD_BUS_TYPE_STRING,
                                            g_variant_get_string (value, NULL));
    case G_VARIANT_CLASS_VARIANT:
        return append_container (message, SD_BUS_TYPE_VARIANT, value);
    case G_VARIANT_CLASS_ARRAY:
        return append_container (message, SD_BUS_TYPE_ARRAY, value);
    case G_VARIANT_CLASS_TUPLE:
        return append_container (message, SD_BUS_TYPE_STRUCT, value);
    case G_VARIANT_CLASS_DICT_ENTRY:
        return append_container (message, SD_BUS_TYPE_DICT_ENTRY, value);
    /* No argument of ours is one of these. */
    case G_VARIANT_CLASS_BYTE:
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_DOUBLE:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_MAYBE:
        break;
    }
    return -EINVAL;
}

int
sg_value_append (sd_bus_message *message, GVariant *value)
{
    return append_members (message, value);
}
