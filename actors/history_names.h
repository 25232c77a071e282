/* SPDX-License-Identifier: MIT */
/* Which ids the files of recorded values belong to. Their names do not tell it of an id with one of
 * the characters | * , ; " ' < > ? : / \ in it (history_import.h), so the known ids are collected
 * here.
 *
 *     err = history_names_add(names, STR_LIT("a.0.b/c"));
 *     known = history_names_find(names, STR_LIT("a.0.b~c"), &id); // "a.0.b/c"
 *
 * Source: ioBroker.history 5.0.1, getHistory.ts. Thread contract: one owner thread. */
#ifndef IOBUS_ACTORS_HISTORY_NAMES_H
#define IOBUS_ACTORS_HISTORY_NAMES_H

#include "bus/buf.h"
#include "bus/err.h"

typedef struct history_names history_names_t;

/* Caller owns; NULL when memory is gone. */
history_names_t *history_names_new(void);
void history_names_destroy(history_names_t **self_p);
/* Ids whose names say everything are not kept. ERR_NO_MEMORY. */
err_t history_names_add(history_names_t *self, str_t id) MUST_USE;
/* Whether only a known id can tell whose file this is. */
bool history_names_is_open(str_t file_id);
/* The id; file_id itself when there is no better one. False: several ids fit. The id is borrowed
 * until the next call of history_names_add. */
bool history_names_find(const history_names_t *self, str_t file_id, str_t *id);

#endif
