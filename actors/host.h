/* SPDX-License-Identifier: MIT */
/* The actor that stands for this machine: keeps system.host.NAME and its states, answers the host
 * commands of sendToHost and those administrator's commands that concern the installation as a
 * whole. It has no store; what it reads and writes on behalf of a client it asks of the stores with
 * that client's rights.
 *
 *   host.message [command, message]   -> [result]
 *       what sendToHost has for this host; errors are {error: text} (host_messages.c)
 *   getHostByIp, readLogs, cmdExec, ...   the commands of commands.md 7 (host_admin.c)
 *
 *   event "clientEvent" [client, name, arguments...]
 *       an event for one client: cmdStdout, cmdStderr, cmdExit [id, data]
 *
 * Follows the objects for users and groups. Source: commands.md 2.6, 7; js-controller 7.1.
 * Thread contract: run by bus/dispatch.c in a thread of its own. */
#ifndef IOBUS_ACTORS_HOST_H
#define IOBUS_ACTORS_HOST_H

#include "bus/env.h"

extern const actor_t host_actor;

#endif
