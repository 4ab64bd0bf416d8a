/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long the service stays: until nobody calls or is subscribed, for a while; then it goes without
 * losing a call that comes at that very moment. */
#pragma once

#include "service.h"

SgLifetime *sg_lifetime_new (SgService *service, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void sg_lifetime_free (SgLifetime *lifetime);

/* Somebody called: the time begins anew. */
void sg_lifetime_touch (SgLifetime *lifetime);
/* A call was answered. */
void sg_lifetime_call_ended (SgLifetime *lifetime);
/* Our name has no owner any more: all that was sent to it is here by now. */
void sg_lifetime_name_released (SgLifetime *lifetime);
