/* SPDX-License-Identifier: MIT */
/* The folder of a database, looked at before RocksDB opens it: RocksDB would take a folder that
 * lost its CURRENT file for an empty one and begin anew. Thread contract: pure functions. */
#ifndef IOBUS_STORAGE_ROCKS_FOLDER_H
#define IOBUS_STORAGE_ROCKS_FOLDER_H

#include "storage/engine.h"

/* Creates what is missing of the path and checks that it is a folder we may write to and whose
 * database is complete. One line in why. ERR_IO, ERR_DAMAGED. */
err_t rocks_folder_prepare(const engine_options_t *options, buf_t *why) MUST_USE;
/* Whether the file system of the folder has that many bytes left for us. */
bool rocks_folder_has_room(const char *path, uint64_t bytes);

#endif
