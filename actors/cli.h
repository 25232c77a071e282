/* SPDX-License-Identifier: MIT */
/* What the verbs of the program share: how usage errors and failures are reported, and how the
 * configuration of a verb is read. Every verb is a function `int cli_VERB(int argc, char **argv,
 * config_t *config)`: argv[0] is the verb, config holds the defaults, the result is the exit status
 * (the CLI_ values below). Thread contract: main thread. */
#ifndef IOBUS_ACTORS_CLI_H
#define IOBUS_ACTORS_CLI_H

#include "bus/config.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* One line "iobus: ..." on standard error. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and a line that says where help is. Returns CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Flags, environment and file into config (config_load). CLI_OK, or the exit status after a problem
 * has been reported. */
int cli_load(config_t *config, int *argc, char **argv, const char *const *extra);

/* The verbs of this folder's cli_*.c files. */
int cli_serve(int argc, char **argv, config_t *config);
int cli_check(int argc, char **argv, config_t *config);
/* iobus upload FOLDER INSTANCE [--delete] [--data DIR | --server RUN-FOLDER-or-CONFIG-FILE] */
int cli_upload(int argc, char **argv, config_t *config);

#endif
