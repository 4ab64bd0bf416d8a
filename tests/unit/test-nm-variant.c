/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dbus/nm: values of the bus as GVariants and back, each type that NetworkManager uses or may use. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nm/nm-variant.h"

typedef struct {
    sd_bus *bus; /* one end of a socket pair: messages want a bus, nothing is ever sent */
    sd_bus_message *message;
    int peer;
} Carrier;

static void
carrier_init (Carrier *carrier)
{
    int fds[2];

    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    carrier->peer = fds[1];
    g_assert_cmpint (sd_bus_new (&carrier->bus), >=, 0);
    g_assert_cmpint (sd_bus_set_fd (carrier->bus, fds[0], fds[0]), >=, 0);
    g_assert_cmpint (sd_bus_negotiate_fds (carrier->bus, /* b= */ true), >=, 0);
    g_assert_cmpint (sd_bus_start (carrier->bus), >=, 0);
    g_assert_cmpint (
        sd_bus_message_new (carrier->bus, &carrier->message, SD_BUS_MESSAGE_METHOD_CALL), >=, 0);
}

/* From now on it is read. */
static void
carrier_turn (Carrier *carrier)
{
    g_assert_cmpint (sd_bus_message_seal (carrier->message, /* cookie= */ 1, 0), >=, 0);
    g_assert_cmpint (sd_bus_message_rewind (carrier->message, /* complete= */ true), >=, 0);
}

static void
carrier_clear (Carrier *carrier)
{
    sd_bus_message_unref (carrier->message);
    sd_bus_close_unref (carrier->bus);
    close (carrier->peer);
}

/* ---- there and back ---- */

static const char *const values[] = {
    /* one of each, at its edges */
    "byte 0x00",
    "byte 0xff",
    "true",
    "false",
    "int16 -32768",
    "uint16 65535",
    "int32 -2147483648",
    "uint32 4294967295",
    "int64 -9223372036854775808",
    "uint64 18446744073709551615",
    "0.1",
    "''",
    "'two words, “quoted”'",
    "objectpath '/org/freedesktop/NetworkManager'",
    "signature 'a{sv}'",
    /* in each other */
    "@as []",
    "['a', '']",
    "@ay []",
    "[byte 0x20, 0x01]",
    "@a{sv} {}",
    "@a{sa{sv}} {}",
    "<<'variant in a variant'>>",
    "('a tuple', (uint32 1, true), [<uint16 2>])",
    "{uint32 7: <@av []>}",
    "@aa{sv} [{}, {'x': <byte 0x01>}]",
    /* a profile with keys, as it is saved */
    "({'connection': {'id': <'wg0'>, 'autoconnect': <true>}, 'wireguard': {'mtu': <uint32 1420>,"
    " 'peers': <[{'public-key': <'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='>,"
    " 'allowed-ips': <['0.0.0.0/0', '::/0']>}]>}, 'user': {'data': <{'sixgate.type': 'x'}>}},"
    " uint32 65, @a{sv} {'version-id': <uint64 9>})",
};

static void
test_round_trip (void)
{
    for (size_t i = 0; i < G_N_ELEMENTS (values); i++) {
        g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (values[i]));
        g_autoptr (GVariant) read = NULL;
        Carrier carrier;

        carrier_init (&carrier);
        g_assert_cmpint (sg_nm_append_variant (carrier.message, value), >=, 0);
        carrier_turn (&carrier);
        g_assert_cmpstr (sd_bus_message_get_signature (carrier.message, /* complete= */ true), ==,
                         g_variant_get_type_string (value));
        read = sg_nm_read_variant (carrier.message);
        g_assert_nonnull (read);
        g_assert_false (g_variant_is_floating (read));
        g_assert_cmpvariant (read, value);
        g_assert_null (sg_nm_read_variant (carrier.message)); /* there is no second one */
        carrier_clear (&carrier);
    }
}

/* One after the other, each whole. */
static void
test_in_a_row (void)
{
    Carrier carrier;

    carrier_init (&carrier);
    g_assert_cmpint (sd_bus_message_append (carrier.message, "sa{sv}u", "first", 1, "x", "as", 2,
                                            "y", "z", UINT32_C (3)),
                     >=, 0);
    carrier_turn (&carrier);
    static const char *const expected[] = {"'first'", "{'x': <['y', 'z']>}", "uint32 3"};
    for (size_t i = 0; i < G_N_ELEMENTS (expected); i++) {
        g_autoptr (GVariant) wanted = g_variant_ref_sink (g_variant_new_parsed (expected[i]));
        g_autoptr (GVariant) read = sg_nm_read_variant (carrier.message);

        g_assert_cmpvariant (read, wanted);
    }
    carrier_clear (&carrier);
}

/* ---- what does not go ---- */

static void
test_not_appended (void)
{
    static const char *const cases[] = {
        "just 'a maybe'", "@ms nothing", "[just 1]", "<just 1>", "handle 0", "(1, handle 0)",
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (cases[i]));
        Carrier carrier;

        carrier_init (&carrier);
        g_assert_cmpint (sg_nm_append_variant (carrier.message, value), ==, -EINVAL);
        carrier_clear (&carrier);
    }
}

/* A file descriptor, alone and inside of something: what was read before it is given back. */
static void
test_not_read (void)
{
    static const struct {
        char container; /* 0: none */
        const char *contents;
    } rows[] = {{0, "h"}, {'r', "sh"}, {'v', "h"}, {'a', "h"}};
    int fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);

    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
        Carrier carrier;
        sd_bus_message *m;

        carrier_init (&carrier);
        m = carrier.message;
        if (rows[i].container)
            g_assert_cmpint (sd_bus_message_open_container (m, rows[i].container, rows[i].contents),
                             >=, 0);
        if (rows[i].contents[0] == 's')
            g_assert_cmpint (sd_bus_message_append (m, "s", "before it"), >=, 0);
        g_assert_cmpint (sd_bus_message_append (m, "h", fd), >=, 0);
        if (rows[i].container)
            g_assert_cmpint (sd_bus_message_close_container (m), >=, 0);
        carrier_turn (&carrier);
        g_assert_null (sg_nm_read_variant (m));
        carrier_clear (&carrier);
    }
    close (fd);
}

static void
test_nothing (void)
{
    Carrier carrier;

    carrier_init (&carrier);
    carrier_turn (&carrier);
    g_assert_null (sg_nm_read_variant (carrier.message));
    carrier_clear (&carrier);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/nm-variant/round-trip", test_round_trip);
    g_test_add_func ("/nm-variant/in-a-row", test_in_a_row);
    g_test_add_func ("/nm-variant/not-appended", test_not_appended);
    g_test_add_func ("/nm-variant/not-read", test_not_read);
    g_test_add_func ("/nm-variant/nothing", test_nothing);
    return g_test_run ();
}
