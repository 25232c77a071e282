/* SPDX-License-Identifier: MIT */
/* Reads what ioBroker.history keeps on disk: folder YYYYMMDD, file history.ID.json, in it an array
 * of {ts, val, ack, q, from, user, c} of that day. The result is what history.put takes.
 *
 *     if (history_file_name(STR_LIT("history.demo.0.power.json"), &id))
 *         err = history_read_day(json, STR_LIT("20231113"), put, arg, &summary);
 *     // put(arg, rows) sends history.put [id, rows]
 *
 * In file names the characters NUL | * , ; " ' < > ? : / \ of an id have become ~, so such an id
 * has to be found among the known ones (history_names.h).
 *
 * Source: ioBroker.history 5.0.1, getHistory.ts.
 * Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_HISTORY_IMPORT_H
#define IOBUS_ACTORS_HISTORY_IMPORT_H

#include "bus/buf.h"
#include "bus/err.h"

#define HISTORY_IMPORT_ROWS 10000u /* rows of one array */

typedef struct {
    uint32_t rows;    /* that were read */
    uint32_t skipped; /* elements that are no rows */
    uint32_t outside; /* rows that belong to another day */
} history_day_t;

/* Text between "history." and ".json", borrowed. False: another name. */
bool history_file_name(str_t name, str_t *id);
/* The id as it stands in the name of a file. */
void history_file_put_id(buf_t *out, str_t id);
/* Beginning of a day in ms, by UTC. Valid: "20231113", "20240229". Invalid: "20230229", "2023",
 * "2023111x", "20231113 ". */
bool history_day_begin(str_t day, int64_t *ms);

/* Takes one array value of rows [ts, val, ack, q, from, user, c]. Borrowed for the call. An error
 * ends the reading. */
typedef err_t history_rows_fn(void *arg, str_t rows);

/* day: name of the folder, "20231113". Rows more than a day before or after it are left out (where
 * the day begins depends on the time zone); very old versions wrote seconds. Of a folder with
 * another name all rows are taken as they are. Calls take with at most HISTORY_IMPORT_ROWS rows at
 * a time. ERR_JSON, ERR_UTF8, ERR_TOO_DEEP: no such file; ERR_BAD_ARGS: JSON, but no array;
 * ERR_NO_MEMORY; or what take said. */
err_t history_read_day(str_t json, str_t day, history_rows_fn *take, void *arg,
                       history_day_t *summary) MUST_USE;

#endif
