/* SPDX-License-Identifier: MIT */
/* The actor that records values and answers as instance history.0.
 *
 *   getHistory      [id, options|instance|nil] -> [nil, rows, step|nil, sessionId|nil] or [text]
 *   history.message [command, message] -> [result]
 *       What sendTo history.0 gets; errors come as {error}.
 *   history.put     [id, [[ts, val, ack, q, from, user, c], ...]] -> [nil, count]
 *       Rows as they are, for imports; a row of the same millisecond is replaced.
 *
 * Commands of history.message: getHistory, getEnabledDPs, features, storeState, update, delete,
 * deleteRange, deleteAll, enableHistory, disableHistory. An answer that was cut short by a limit of
 * ours has one more argument, or key: truncated = true.
 *
 * Recorded is every state whose object has common.custom["history.0"].enabled, by the rules of
 * actors/history_rules.h, unless the key recording is off. When recording begins and when it ends a
 * null is written (q 64), so that charts show the gap. Users other than admin read the history of
 * states that they may read.
 *
 * Source: data-model.md 10, commands.md 2.6.
 * Thread contract: the actor's own thread. */
#ifndef IOBUS_ACTORS_HISTORY_H
#define IOBUS_ACTORS_HISTORY_H

#include "bus/env.h"

extern const actor_t history_actor;

#endif
