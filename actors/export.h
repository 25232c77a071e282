/* SPDX-License-Identifier: MIT */
/* iobus export FILE [--data DIR | --server RUN-FOLDER-or-CONFIG-FILE]
 *
 * Writes all objects, states and files as a backup in ioBroker's layout (backup_path.h), from a
 * data folder or the server that runs on it. Objects and states in the order of their ids, files by
 * storage and path, so the same data gives the same archive. Each is read once; what changes
 * meanwhile is in it in one of its forms. Left out and reported: files whose names no backup can
 * have. Thread contract: main thread. */
#ifndef IOBUS_ACTORS_EXPORT_H
#define IOBUS_ACTORS_EXPORT_H

#include "bus/config.h"

/* As in cli.h. Exit status: 0; 1 failed; 2 wrong usage. */
int cli_export(int argc, char **argv, config_t *config);

#endif
