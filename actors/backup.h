/* SPDX-License-Identifier: MIT */
/* iobus import FILE [--dry-run] [--data DIR | --server RUN-FOLDER-or-CONFIG-FILE]
 *
 * Takes a backup of ioBroker (backup_read.h) into a data folder, or into the server that runs on
 * it: objects and states as they are, files with the mime type of their name, owner
 * system.user.admin, permissions 0x644, recorded values of history.0 (also alone, without a
 * backup). What is there already stays, or is replaced by what has the same id, name or, of a
 * recorded value, time. The whole archive is checked before anything is written; --dry-run stops
 * there. A summary goes to standard output. Thread contract: main thread. */
#ifndef IOBUS_ACTORS_BACKUP_H
#define IOBUS_ACTORS_BACKUP_H

#include "bus/config.h"

/* As in cli.h. Exit status: 0; 1 refused or failed; 2 wrong usage. */
int cli_import(int argc, char **argv, config_t *config);

#endif
