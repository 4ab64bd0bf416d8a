/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-sets.h"

void
set_granted (World *world)
{
    pcp_map (world, 6000);
    pcp_suggest (world, 7000);
    pcp_port_set (world, 10, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 7000);
    g_assert_cmpuint (pcp_get16 (world, 64), ==, 10);
    g_assert_cmpuint (pcp_get16 (world, 66), ==, 6000);
    g_assert_cmpuint (pcp_change (world)->new.size, ==, 10);
    /* one of them alone is the same mapping */
    pcp_map (world, 6003);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 7003);
    g_assert_true (pcp_change (world)->had);
}

void
set_reduced (World *world)
{
    pcp_map (world, 6000);
    pcp_port_set (world, 1000, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_get16 (world, 64), ==, SG_PCP_PORTS_MAX);
}

void
set_of_one (World *world)
{
    pcp_map (world, 6000);
    pcp_port_set (world, 1, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 60);
    /* and one that becomes one */
    pcp_map (world, 5999);
    pcp_port_set (world, 5, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->answer_len, ==, 60);
}

/* As in the RFC's own example of an overlap (section 5.3). */
void
set_overlap (World *world)
{
    pcp_map (world, 105);
    pcp_port_set (world, 10, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    pcp_map (world, 101);
    pcp_port_set (world, 10, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_true (pcp_change (world)->had && pcp_change (world)->has);
    g_assert_cmpuint (pcp_get16 (world, 66), ==, 105);
    g_assert_cmpuint (pcp_get16 (world, 64), ==, 10);
    g_assert_cmpuint (EXTERNAL (world), ==, 105);
}

/* Every set that the deletion overlaps. */
void
set_deleted (World *world)
{
    pcp_open_port (world, 101, 0, 101);
    pcp_map (world, 105);
    pcp_port_set (world, 10, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    pcp_map (world, 101);
    pcp_port_set (world, 10, false);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (world->changes->len, ==, 2);
}

/* If one of them is another's, none goes. */
void
set_deleted_in_part (World *world)
{
    pcp_open_port (world, 101, 0, 101);
    pcp_map (world, 102);
    world->bytes[24] = 'x';
    pcp_expect (world, SG_PCP_SUCCESS);
    pcp_map (world, 101);
    pcp_port_set (world, 10, false);
    pcp_lifetime (world, 0);
    pcp_expect (world, SG_PCP_NOT_AUTHORIZED);
}

void
set_prefer_failure (World *world)
{
    pcp_map (world, 6000);
    pcp_suggest (world, 6000);
    pcp_port_set (world, 10, false);
    pcp_prefer_failure (world);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

void
set_twice_or_empty (World *world)
{
    pcp_map (world, 6000);
    pcp_port_set (world, 10, false);
    pcp_port_set (world, 10, false);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
    pcp_map (world, 6000);
    pcp_port_set (world, 0, false);
    pcp_expect (world, SG_PCP_MALFORMED_OPTION);
}

void
set_parity (World *world)
{
    pcp_open_port (world, 80, 6000, 6000);
    pcp_map (world, 6000);
    pcp_suggest (world, 7001);
    pcp_port_set (world, 4, true);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (EXTERNAL (world), ==, 6002);
}

void
set_at_the_end (World *world)
{
    pcp_map (world, 65530);
    pcp_suggest (world, 65535);
    pcp_port_set (world, 100, false);
    pcp_expect (world, SG_PCP_SUCCESS);
    g_assert_cmpuint (pcp_get16 (world, 64), ==, 6);
    g_assert_cmpuint (EXTERNAL (world), ==, 65530);
}
