/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What generic netlink says about a WireGuard link with its keys: messages of a dump. What was read can
 * be said to the kernel, and is the same when it comes back, by netlink and by the file that an update
 * is undone from. */
#include "kernel/genl-wg-conf.h"
#include "kernel/nl-attr.h"

/* No more prefixes of a peer fit into one attribute. */
#define ALLOWED_MAX 1000

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static GVariant *
as_value (const SgLinkState *state)
{
    return g_variant_ref_sink (sg_link_state_to_variant (state));
}

static void
check_equal (const SgLinkState *a, const SgLinkState *b)
{
    g_autoptr (GVariant) left = as_value (a);
    g_autoptr (GVariant) right = as_value (b);

    g_assert_true (g_variant_equal (left, right));
}

static void
check_file (const SgLinkState *state)
{
    g_autoptr (GVariant) value = as_value (state);
    g_autoptr (GError) error = NULL;
    g_autoptr (SgLinkState) again = sg_link_state_from_variant (value, &error);

    g_assert_no_error (error);
    check_equal (state, again);
}

/* One action to the kernel, taken for what the kernel says. */
static void
tell (const SgLinkState *state, const SgLinkAction *action, SgLinkState *again)
{
    size_t room = sg_genl_wg_conf_room (action);
    g_autofree struct nlmsghdr *memory = g_malloc0 (room);
    g_autoptr (GError) error = NULL;

    g_assert_true (sg_genl_wg_build_conf (memory, room, /* family= */ 30, state, action));
    g_assert_true (sg_genl_wg_parse_conf (memory, again->conf, &error));
}

static void
check_messages (const SgLinkState *state)
{
    const SgLinkAction device = {.kind = SG_LINK_DEVICE,
                                 .fields =
                                     SG_LINK_PRIVATE_KEY | SG_LINK_LISTEN_PORT | SG_LINK_FWMARK};
    g_autoptr (SgLinkState) again = sg_link_state_new (state->name, state->ifindex);

    tell (state, &device, again);
    for (guint i = 0; i < state->conf->peers->len; i++) {
        const SgWgPeer *peer = state->conf->peers->pdata[i];
        const SgLinkAction set = {.kind = SG_LINK_PEER_SET,
                                  .fields = SG_LINK_NEW_PEER | SG_LINK_PRESHARED_KEY |
                                            SG_LINK_KEEPALIVE | SG_LINK_ALLOWED_IPS |
                                            (*peer->endpoint.host ? SG_LINK_ENDPOINT : 0),
                                  .peer = peer};

        if (peer->allowed_ips->len > ALLOWED_MAX)
            return;
        tell (state, &set, again);
    }
    check_equal (state, again);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree uint8_t *copy = g_memdup2 (data, size); /* aligned, ends where it ends */
    g_autoptr (SgLinkState) state = sg_link_state_new ("wg0", 7);
    const struct nlmsghdr *nlh;
    const uint8_t *at = copy;
    size_t left = size;

    while ((nlh = sg_nl_message_next (&at, &left))) {
        g_autoptr (GError) error = NULL;

        if (!sg_genl_wg_parse_conf (nlh, state->conf, &error)) {
            g_assert_nonnull (error);
            return 0;
        }
    }
    check_file (state);
    check_messages (state);
    return 0;
}
