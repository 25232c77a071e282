/* SPDX-License-Identifier: MIT */
/* iobus tap [--json] [--actor A,B] [--command C,D] [--user U] [--id PATTERN] [--count N]
 *           [--data DIR | --server RUN-FOLDER-or-CONFIG-FILE]
 *
 * Watches the bus of a running system: one line for each request, reply (with its latency) and
 * event, or one JSON object a line. Ends after N lines, on SIGINT or SIGTERM, or when nobody reads
 * what it prints. Thread contract: main thread. */
#ifndef IOBUS_ACTORS_TAP_CLI_H
#define IOBUS_ACTORS_TAP_CLI_H

#include "bus/config.h"

/* As in cli.h. Exit status: 0; 1 no server runs there; 2 wrong usage. */
int cli_tap(int argc, char **argv, config_t *config);

#endif
