/* SPDX-License-Identifier: MIT */
/* The actor that keeps the last log lines, in memory and on disk, and publishes each new one.
 *
 *   log.append [severity, text, from, name]   -> [nil]
 *       a line of a client; from "": the caller's instance; name: the client's
 *   log.tail [n]   -> [nil, [message...]]
 *       the last n lines (all without n), oldest first
 *   log.forward [from, [[severity, ts, text]...]]   -> [nil]
 *       lines of another process (log_forward.h)
 *   log.files []   -> [nil, [[name, size]...]]
 *   log.read [name, offset, length]   -> [nil, bytes, size of the file]
 *   log.clear []   -> [nil]
 *       the files (log_disk.h); only for the system: who asks on behalf of a client checks its
 * rights
 *
 *   event "log" [{_id, from, severity, ts, message[, client]}]
 *       client: the name of the client whose line it is
 *
 * Lines of this process come in through log_set_sink, so one log actor per process sees them.
 * Bounds: `log-ring` lines of at most 4 KiB, 16 MiB in all; `log-disk` bytes on disk, from which
 * the ring in memory is filled at the start; 1024 lines that wait for a tick and 200 lines of
 * clients a second, what is more is counted and a line says so. A severity that is no level counts
 * as debug, as in the original; lines above the log level are dropped. Source: commands.md 2.2
 * (log, error), 3 (event log). Thread contract: the actor's own thread; the sink is called by any.
 */
#ifndef IOBUS_ACTORS_LOG_ACTOR_H
#define IOBUS_ACTORS_LOG_ACTOR_H

#include "bus/env.h"

extern const actor_t log_actor;

#endif
