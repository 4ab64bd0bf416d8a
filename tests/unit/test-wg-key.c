/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys as bytes, and the ring on which secret ones travel. */
#include <string.h>

#include "core/wg-key.h"

static void
test_round_trip (void)
{
    for (unsigned i = 0; i < 256; i++) {
        SgWgRawKey key, again;
        SgWgKey text;

        for (size_t k = 0; k < sizeof key.bytes; k++)
            key.bytes[k] = (uint8_t) (i * 31 + k * 7 + 1);
        sg_wg_key_encode (&key, &text);
        g_assert_cmpuint (strlen (text.text), ==, SG_WG_KEY_TEXT - 1);
        g_assert_true (sg_wg_key_decode (text.text, &again));
        g_assert_true (sg_wg_key_equal (&key, &again));
        g_assert_true (sg_wg_key_is_set (&again));
    }
}

/* What `wg pubkey` made of a known key: our base64 is everybody's. */
static void
test_known (void)
{
    static const uint8_t first[] = {0x65, 0x0a, 0x3d};
    static const char text[] = "ZQo9NuPBgGjbLHLVO9yDcmr2Y/ZM9YBKyOYpPwfkZxc=";
    SgWgRawKey key;

    g_assert_true (sg_wg_key_decode (text, &key));
    g_assert_cmpmem (key.bytes, sizeof first, first, sizeof first);
    g_assert_cmphex (key.bytes[SG_WG_KEY_BYTES - 1], ==, 0x17);
}

static void
test_refused (void)
{
    static const char *const texts[] = {
        "",
        "=",
        "ZQo9NuPBgGjbLHLVO9yDcmr2Y/ZM9YBKyOYpPwfkZxc",
        "ZQo9NuPBgGjbLHLVO9yDcmr2Y/ZM9YBKyOYpPwfkZxc==",
        "ZQo9NuPBgGjbLHLVO9yDcmr2Y/ZM9YBKyOYpPwfkZxd=",
        "ZQo9NuPBgGjbLHLVO9yDcmr2Y ZM9YBKyOYpPwfkZxc=",
    };
    const SgWgRawKey untouched = {{42}};

    for (size_t i = 0; i < G_N_ELEMENTS (texts); i++) {
        SgWgRawKey key = untouched;

        g_assert_false (sg_wg_key_decode (texts[i], &key));
        g_assert_true (sg_wg_key_equal (&key, &untouched));
    }
}

static void
test_zeros (void)
{
    SgWgRawKey key = {{42}};

    g_assert_true (sg_wg_key_decode ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", &key));
    g_assert_false (sg_wg_key_is_set (&key));
}

static void
test_ring (void)
{
    g_autoptr (SgKeyring) keyring = sg_keyring_new ();
    const SgWgRawKey peers[] = {{{1}}, {{2}}, {{3}}}, keys[] = {{{11}}, {{12}}};

    for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
        sg_keyring_add (keyring, /* ifindex= */ 5 + i, &peers[i], &keys[i]);
    g_assert_true (sg_wg_key_equal (sg_keyring_find (keyring, 5, &peers[0]), &keys[0]));
    g_assert_true (sg_wg_key_equal (sg_keyring_find (keyring, 6, &peers[1]), &keys[1]));
    /* another link, another peer */
    g_assert_null (sg_keyring_find (keyring, 6, &peers[0]));
    g_assert_null (sg_keyring_find (keyring, 5, &peers[2]));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/core/wg-key/round-trip", test_round_trip);
    g_test_add_func ("/core/wg-key/known", test_known);
    g_test_add_func ("/core/wg-key/refused", test_refused);
    g_test_add_func ("/core/wg-key/zeros", test_zeros);
    g_test_add_func ("/core/wg-key/ring", test_ring);
    return g_test_run ();
}
