/* SPDX-License-Identifier: MIT */
#include "actors/history_import.h"

#include <string.h>
#include <time.h>

#include "actors/history_store.h"
#include "bus/json.h"

#define PREFIX "history."
#define SUFFIX ".json"

bool history_file_name(str_t name, str_t *id)
{
    const size_t before = sizeof PREFIX - 1, behind = sizeof SUFFIX - 1;
    if (name.len <= before + behind || !str_starts(name, PREFIX) ||
        memcmp(name.p + name.len - behind, SUFFIX, behind) != 0)
        return false;
    *id = (str_t){name.p + before, name.len - before - behind};
    return true;
}

bool history_file_fits(str_t file_id, str_t id)
{
    if (file_id.len != id.len)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        if (c == '\0' || strchr("|*,;\"'<>?:/\\", c))
            c = '~';
        if (c != file_id.p[i])
            return false;
    }
    return true;
}

/* Beginning of the year of a folder name in ms, or 0. */
static int64_t year_of(str_t day)
{
    struct tm tm = {.tm_mday = 1};
    if (day.len < 4)
        return 0;
    for (size_t i = 0; i < 4; i++) {
        if (day.p[i] < '0' || day.p[i] > '9')
            return 0;
        tm.tm_year = tm.tm_year * 10 + (day.p[i] - '0');
    }
    tm.tm_year -= 1900;
    return (int64_t)timegm(&tm) * 1000;
}

static bool read_row(mp_t map, int64_t year_ms, history_row_t *row)
{
    double ts;
    if (!mp_find_double(map, "ts", &ts) || !history_row_of_state(map, 0, row))
        return false;
    if (row->ts > 0 && row->ts < year_ms)
        row->ts *= 1000;
    return row->ts <= HISTORY_TS_MAX;
}

static err_t give(buf_t *rows, uint32_t count, history_rows_fn *take, void *arg)
{
    buf_t list = {0};
    err_t err = ERR_OK;
    if (count > 0) {
        mp_put_array(&list, count);
        mp_put_raw(&list, mp_of_buf(rows));
        err = list.failed || rows->failed ? ERR_NO_MEMORY : take(arg, buf_str(&list));
    }
    buf_fini(&list);
    buf_reset(rows);
    return err;
}

static err_t read_rows(mp_t list, int64_t year_ms, history_rows_fn *take, void *arg,
                       history_day_t *summary)
{
    buf_t rows = {0};
    uint32_t count = 0, len;
    history_row_t row;
    mp_t map;
    err_t err = mp_read_array(&list, &len) ? ERR_OK : ERR_BAD_ARGS;
    while (err == ERR_OK && len-- > 0 && mp_next(&list, &map)) {
        if (!read_row(map, year_ms, &row)) {
            summary->skipped++;
            continue;
        }
        history_row_to_list(&rows, &row);
        summary->rows++;
        if (++count == HISTORY_IMPORT_ROWS) {
            err = give(&rows, count, take, arg);
            count = 0;
        }
    }
    if (err == ERR_OK)
        err = give(&rows, count, take, arg);
    buf_fini(&rows);
    return err;
}

err_t history_read_day(str_t json, str_t day, history_rows_fn *take, void *arg,
                       history_day_t *summary)
{
    buf_t values = {0};
    *summary = (history_day_t){0};
    err_t err = json_to_mp(&values, json);
    if (err == ERR_OK)
        err = read_rows(mp_of_buf(&values), year_of(day), take, arg, summary);
    buf_fini(&values);
    return err;
}
