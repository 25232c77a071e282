/* SPDX-License-Identifier: MIT */
/* The command table of an actor together with the commands that every actor has: look-up by name
 * and counters per row. Thread contract: one owner thread. */
#ifndef IOBUS_BUS_TABLE_H
#define IOBUS_BUS_TABLE_H

#include "bus/env.h"

typedef struct table table_t;

/* Both tables end with name NULL and are borrowed. */
table_t *table_new(const command_t *commands, const command_t *builtins);
void table_destroy(table_t **self_p);
/* NULL: no such command. */
const command_t *table_find(const table_t *self, str_t name);
bool table_is_builtin(const table_t *self, const command_t *row);
/* Counts one handled request; row may be NULL (unknown command). */
void table_count(table_t *self, const command_t *row, err_t status, int64_t us);
/* Appends {command: {calls, errors, us, max_us}} of the rows that were called; "?" stands for
 * unknown commands. */
void table_stats(const table_t *self, buf_t *out);

#endif
