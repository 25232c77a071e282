/* SPDX-License-Identifier: MIT */
/* The way of a tool (import, export) to the actors of an installation: those of a running server
 * when there is one, otherwise actors that run in this process for as long as the tool does. Either
 * way the tool speaks over the sockets in the run folder, with the plain verbs and all rights.
 * Thread contract: main thread; every function may block. */
#ifndef IOBUS_ACTORS_TOOL_BUS_H
#define IOBUS_ACTORS_TOOL_BUS_H

#include "bus/config.h"
#include "bus/err.h"
#include "bus/mp.h"

typedef struct tool_bus tool_bus_t;

/* Finds the value of a flag that a verb parses itself, "--name VALUE" or "--name=VALUE", at
 * argv[*at], and moves *at to its last word. False: argv[*at] is something else. *value is NULL
 * when it is missing. */
bool tool_flag(int argc, char **argv, int *at, const char *name, const char **value);
/* Makes config that of the system that --server names: a run folder, or a configuration file.
 * On error one line in why. */
err_t tool_use_server(config_t *config, const char *server, buf_t *why) MUST_USE;
/* Whether somebody accepts connections at an endpoint of the bus (ipc: looked up at once; tcp:
 * assumed). */
bool tool_endpoint_alive(const char *endpoint);

/* config: borrowed as long as the tool_bus lives, and changed. need_server: start nothing.
 * with_history: the actor of recorded values is needed too; one that is started records nothing.
 * NULL: one line in why. Caller owns. */
tool_bus_t *tool_bus_open(config_t *config, bool need_server, bool with_history, buf_t *why);
/* Stops what it has started. False: that went wrong (one line in why). */
bool tool_bus_close(tool_bus_t **self_p, buf_t *why);
bool tool_bus_is_server(const tool_bus_t *self);
/* "the running server" or "data folder X", for messages. */
void tool_bus_describe(const tool_bus_t *self, buf_t *out);

/* One request. args: one array value. answer receives the array of call-back arguments.
 * On error one line in why. */
err_t tool_bus_call(tool_bus_t *self, const char *actor, const char *command, mp_t args,
                    buf_t *answer, buf_t *why) MUST_USE;
/* Asks for page after page of a store, [after, limit] -> [nil, [item...], after|nil], and hands out
 * the items (borrowed for the call). An error of take ends it. */
typedef err_t tool_bus_take_fn(void *arg, mp_t item, buf_t *why);
err_t tool_bus_scan(tool_bus_t *self, const char *actor, const char *command,
                    tool_bus_take_fn *take, void *arg, buf_t *why) MUST_USE;
/* A write whose answer is not waited for now; at most a few are under way, then it waits. The first
 * error is reported by the next tool_bus_post or tool_bus_finish. */
err_t tool_bus_post(tool_bus_t *self, const char *actor, const char *command, mp_t args,
                    buf_t *why) MUST_USE;
err_t tool_bus_finish(tool_bus_t *self, buf_t *why) MUST_USE;

#endif
