/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/pcp-world.h"

#include <netinet/in.h>
#include <string.h>

#include "core/tunnel.h"

SgIp
pcp_ip_of (const char *text)
{
    SgIp ip = {0};

    g_assert_true (sg_ip_parse (text, &ip));
    return ip;
}

void
pcp_make_server (World *world)
{
    SgIp client = pcp_ip_of (CLIENT), other = pcp_ip_of (OTHER), denied = pcp_ip_of (DENIED);

    world->server = sg_pcp_server_new (EPOCH_MS);
    sg_pcp_server_add_device (world->server, &client, /* allowed= */ true, world->pinholes);
    sg_pcp_server_add_device (world->server, &other, /* allowed= */ true, NULL);
    sg_pcp_server_add_device (world->server, &denied, /* allowed= */ false, NULL);
}

World *
world_new (void)
{
    World *world = g_new0 (World, 1);
    SgPinhole *off = sg_pinhole_new (IPPROTO_TCP, 8443, 443, "");

    off->enabled = false;
    world->pinholes = g_ptr_array_new ();
    g_ptr_array_add (world->pinholes, sg_pinhole_new (IPPROTO_TCP, 22, 2222, ""));
    g_ptr_array_add (world->pinholes, off);
    pcp_make_server (world);
    world->changes = g_array_new (FALSE, TRUE, sizeof (SgPcpChange));
    world->now_ms = NOW_MS;
    world->source = pcp_ip_of (CLIENT);
    return world;
}

void
world_free (World *world)
{
    for (guint i = 0; i < world->pinholes->len; i++) {
        SgPinhole *pinhole = g_ptr_array_index (world->pinholes, i);

        g_free (pinhole->label);
        g_free (pinhole);
    }
    g_ptr_array_unref (world->pinholes);
    sg_pcp_server_free (world->server);
    g_array_unref (world->changes);
    g_free (world);
}

void
pcp_put16 (uint8_t *at, unsigned value)
{
    at[0] = (uint8_t) (value >> 8);
    at[1] = (uint8_t) value;
}

void
pcp_map (World *world, unsigned internal)
{
    memset (world->bytes, 0, sizeof world->bytes);
    world->bytes[0] = 2;
    world->bytes[1] = 1;
    pcp_put16 (world->bytes + 6, 3600);
    memcpy (world->bytes + 8, world->source.bytes, 16);
    memset (world->bytes + 24, 'n', 12);
    world->bytes[36] = IPPROTO_TCP;
    pcp_put16 (world->bytes + 40, internal);
    world->len = 60;
}

void
pcp_lifetime (World *world, uint32_t seconds)
{
    pcp_put16 (world->bytes + 4, seconds >> 16);
    pcp_put16 (world->bytes + 6, seconds);
}

void
pcp_suggest (World *world, unsigned port)
{
    pcp_put16 (world->bytes + 42, port);
}

void
pcp_suggest_ip (World *world, const char *text)
{
    SgIp ip = pcp_ip_of (text);

    memcpy (world->bytes + 44, ip.bytes, 16);
}

uint8_t *
pcp_option (World *world, uint8_t code, unsigned len)
{
    uint8_t *at = world->bytes + world->len;

    at[0] = code;
    pcp_put16 (at + 2, len);
    world->len += 4 + ((len + 3) & ~3u);
    return at + 4;
}

void
pcp_prefer_failure (World *world)
{
    pcp_option (world, 2, 0);
}

void
pcp_filter (World *world, const char *remote, uint8_t len, unsigned port)
{
    uint8_t *data = pcp_option (world, 3, 20);
    SgIp ip = pcp_ip_of (remote);

    data[1] = len;
    pcp_put16 (data + 2, port);
    memcpy (data + 4, ip.bytes, 16);
}

void
pcp_port_set (World *world, unsigned size, bool parity)
{
    uint8_t *data = pcp_option (world, 130, 5);

    pcp_put16 (data, size);
    memcpy (data + 2, world->bytes + 40, 2);
    data[4] = parity;
}

bool
pcp_ask (World *world)
{
    SgPcpDatagram datagram = {world->source, world->bytes, world->len, world->now_ms};

    g_array_set_size (world->changes, 0);
    world->answer_len =
        sg_pcp_server_answer (world->server, &datagram, world->answer, world->changes);
    return world->answer_len > 0;
}

unsigned
pcp_get16 (const World *world, size_t at)
{
    return (unsigned) world->answer[at] << 8 | world->answer[at + 1];
}

uint32_t
pcp_get32 (const World *world, size_t at)
{
    return pcp_get16 (world, at) << 16 | pcp_get16 (world, at + 2);
}

void
pcp_expect (World *world, SgPcpResult result)
{
    g_assert_true (pcp_ask (world));
    g_assert_cmpstr (sg_pcp_result_to_string ((SgPcpResult) world->answer[3]), ==,
                     sg_pcp_result_to_string (result));
    if (result != SG_PCP_SUCCESS)
        g_assert_cmpuint (world->changes->len, ==, 0);
}

const SgPcpChange *
pcp_change (const World *world)
{
    g_assert_cmpuint (world->changes->len, ==, 1);
    return &g_array_index (world->changes, SgPcpChange, 0);
}

void
pcp_open_port (World *world, unsigned internal, unsigned suggested, unsigned external)
{
    pcp_map (world, internal);
    pcp_suggest (world, suggested);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, external);
    g_assert_true (pcp_change (world)->has);
}
