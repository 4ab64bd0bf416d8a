/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gateways in words, as rows of a table and as values for JSON. */
#pragma once

#include "client.h"
#include "print.h"

/* What a person is told of a reason why a gateway cannot carry IPv6 (D-Bus: Reason), and what to do;
 * NULL for "" and for one that is down on purpose. */
const char *sg_words_reason (const char *reason);
const char *sg_words_advice (const char *reason);

/* A row of five cells: the name, kind, IPv6, inbound, addresses. */
void sg_words_add_heading (SgTable *table);
void sg_words_add_gateway (SgTable *table, const SgObjectView *gateway);

/* Members of an a{sv}. */
void sg_words_add_string (GVariantBuilder *builder, const char *name, const char *value);
void sg_words_add_value (GVariantBuilder *builder, const char *name, GVariant *value);

/* For JSON: a gateway as a{sv}, all of them, overrides as objects, warnings. Floating. */
GVariant *sg_words_gateway (const SgObjectView *gateway);
GVariant *sg_words_gateways (const SgView *view);
GVariant *sg_words_overrides (GVariant *manager);
GVariant *sg_words_warnings (GVariant *manager);
