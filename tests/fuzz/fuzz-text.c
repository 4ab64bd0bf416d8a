/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of people and of our own files: configuration, state, memory, limits, unmanaged links, prefix, address, interface,
 * endpoint, what explain is asked.
 * What is taken must, written again, be taken again and mean the same. */
#include <string.h>

#include "base/error.h"
#include "base/ifname.h"
#include "base/port-range.h"
#include "core/config.h"
#include "core/explain.h"
#include "core/limiter.h"
#include "core/memory.h"
#include "core/state.h"
#include "core/tunnel-config.h"
#include "core/unmanaged.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A refusal is one sentence of our own; a value comes without one. */
static void
check (const void *value, const GError *error)
{
    g_assert_true (!value == (error != NULL));
    if (error) {
        g_assert_true (error->domain == SG_ERROR);
        g_assert_cmpstr (error->message, !=, "");
    }
}

static void
fuzz_config (const char *text, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgConfig) config = sg_config_parse ("file", text, size, &error);

    check (config, error);
}

static void
fuzz_state (const char *text, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgState) state = sg_state_parse ("file", text, size, &error);
    g_autofree char *written = NULL;
    g_autofree char *twice = NULL;
    g_autoptr (SgState) again = NULL;

    check (state, error);
    if (!state)
        return;
    written = sg_state_to_text (state);
    again = sg_state_parse ("file", written, strlen (written), &error);
    check (again, error);
    g_assert_nonnull (again);
    twice = sg_state_to_text (again);
    g_assert_cmpstr (written, ==, twice);
}

static void
fuzz_memory (const char *text, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgMemory) memory = sg_memory_parse ("file", text, size, &error);
    g_autofree char *written = NULL;
    g_autofree char *twice = NULL;
    g_autoptr (SgMemory) again = NULL;

    check (memory, error);
    if (!memory)
        return;
    written = sg_memory_to_text (memory);
    again = sg_memory_parse ("file", written, strlen (written), &error);
    check (again, error);
    g_assert_nonnull (again);
    twice = sg_memory_to_text (again);
    g_assert_cmpstr (written, ==, twice);
}

/* One more name is added, and nothing else of the file is touched: it is found again behind those before. */
static void
fuzz_unmanaged_grows (const char *text, GPtrArray *names)
{
    g_autofree char *same = sg_unmanaged_with (text, names);
    g_autofree char *grown = NULL;
    g_autoptr (GPtrArray) again = NULL;

    g_assert_cmpstr (same, ==, text);
    g_ptr_array_add (names, g_strdup ("fuzzed0"));
    grown = sg_unmanaged_with (text, names);
    again = sg_unmanaged_parse (grown);
    g_assert_true (g_ptr_array_find_with_equal_func (again, "fuzzed0", g_str_equal, NULL));
    g_assert_cmpuint (strlen (grown), >=, strlen (text));
}

static void
fuzz_unmanaged (const char *text)
{
    g_autoptr (GPtrArray) names = sg_unmanaged_parse (text);
    g_autofree char *written = names ? sg_unmanaged_to_text (names) : NULL;
    g_autoptr (GPtrArray) again = names ? sg_unmanaged_parse (written) : NULL;

    if (!names)
        return;
    g_assert_cmpuint (again->len, ==, names->len);
    for (guint i = 0; i < names->len; i++)
        g_assert_cmpstr (again->pdata[i], ==, names->pdata[i]);
    fuzz_unmanaged_grows (text, names);
}

static void
fuzz_limiter (const char *text, size_t size)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (SgLimiter) limiter = sg_limiter_parse ("file", text, size, &error);
    g_autofree char *written = NULL;
    g_autofree char *twice = NULL;
    g_autoptr (SgLimiter) again = NULL;

    check (limiter, error);
    if (!limiter)
        return;
    written = sg_limiter_to_text (limiter);
    again = sg_limiter_parse ("file", written, strlen (written), &error);
    check (again, error);
    g_assert_nonnull (again);
    twice = sg_limiter_to_text (again);
    /* In whatever order. */
    g_assert_cmpuint (strlen (written), ==, strlen (twice));
}

static void
fuzz_prefix (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgPrefix prefix, again;
    SgIp ip, ip_again;
    char written[SG_PREFIX_TEXT_MAX];

    if (sg_prefix_parse (text, &prefix, &error)) {
        g_assert_true (sg_prefix_parse (sg_prefix_format (&prefix, written), &again, NULL));
        g_assert_cmpint (sg_prefix_compare (&prefix, &again), ==, 0);
    } else {
        check (NULL, error);
    }
    if (sg_ip_parse (text, &ip)) {
        g_assert_true (sg_ip_parse (sg_ip_format (&ip, written), &ip_again));
        g_assert_cmpint (sg_ip_compare (&ip, &ip_again), ==, 0);
    }
    sg_ifname_is_valid (text);
}

static void
fuzz_ports (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgPortRange range;

    if (sg_port_range_parse (text, &range, &error))
        g_assert_cmpuint (range.external + range.n - 1, <=, UINT16_MAX);
    else
        check (NULL, error);
}

static void
fuzz_endpoint (const char *text)
{
    g_autoptr (GError) error = NULL;
    SgWgEndpoint endpoint;
    bool taken = sg_tunnel_endpoint_parse (text, 51820, &endpoint, &error);

    g_assert_true (taken == (error == NULL));
}

static void
fuzz_explain (const char *text)
{
    g_autoptr (SgSnapshot) snapshot = sg_snapshot_new ();
    const SgExplainRequest requests[] = {
        {text}, {"2001:db8::1", text}, {"2001:db8::1", NULL, text}};

    for (size_t i = 0; i < G_N_ELEMENTS (requests); i++) {
        g_autoptr (GError) error = NULL;
        SgFlow flow;
        bool taken = sg_explain_parse (&requests[i], snapshot, &flow, &error);

        g_assert_true (taken == (error == NULL));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup ((const char *) data, size);
    g_autofree char *bytes = g_memdup2 (data, size); /* with its NULs, and ends where it ends */

    fuzz_config (bytes, size);
    fuzz_state (bytes, size);
    fuzz_memory (bytes, size);
    fuzz_limiter (bytes, size);
    fuzz_unmanaged (text);
    fuzz_prefix (text);
    fuzz_ports (text);
    fuzz_endpoint (text);
    fuzz_explain (text);
    return 0;
}
