/* SPDX-License-Identifier: MIT */
/* Commands that the gateway answers itself: session, information and log commands (local.c),
 * subscriptions (subscribe.c). Sources: commands.md 2.2, 2.3, 4. Thread contract: gateway thread.
 */
#ifndef IOBUS_GATEWAY_LOCAL_H
#define IOBUS_GATEWAY_LOCAL_H

#include "gateway/command.h"

typedef void local_fn(const invocation_t *invocation);

local_fn local_on_name;
local_fn local_on_authenticate;
local_fn local_on_updateTokenExpiration;
local_fn local_on_authEnabled;
local_fn local_on_logout;
local_fn local_on_listPermissions;
local_fn local_on_getUserPermissions;
local_fn local_on_getVersion;
local_fn local_on_getAdapterName;
local_fn local_on_checkFeatureSupported;
local_fn local_on_log;
local_fn local_on_error;
local_fn local_on_deprecated;

local_fn subscribe_on_states;
local_fn subscribe_on_objects;
local_fn subscribe_on_files;
local_fn subscribe_on_requireLog;
local_fn unsubscribe_on_states;
local_fn unsubscribe_on_objects;
local_fn unsubscribe_on_files;

/* Appends a value as JavaScript's String() does, for the values that clients pass where a text
 * belongs: a number, true, "[object Object]", elements joined by commas. */
void local_to_text(mp_t value, buf_t *out);

#endif
