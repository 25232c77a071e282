/* SPDX-License-Identifier: MIT */
#include "actors/history_import.h"

#include <string.h>
#include <time.h>

#include "actors/history_store.h"
#include "bus/json.h"

#define PREFIX "history."
#define SUFFIX ".json"
#define DAY_MS INT64_C(86400000)

bool history_file_name(str_t name, str_t *id)
{
    const size_t before = sizeof PREFIX - 1, behind = sizeof SUFFIX - 1;
    if (name.len <= before + behind || !str_starts(name, PREFIX) ||
        memcmp(name.p + name.len - behind, SUFFIX, behind) != 0)
        return false;
    *id = (str_t){name.p + before, name.len - before - behind};
    return true;
}

void history_file_put_id(buf_t *out, str_t id)
{
    for (size_t i = 0; i < id.len; i++) {
        bool replaced = id.p[i] == '\0' || strchr("|*,;\"'<>?:/\\", id.p[i]);
        buf_append_byte(out, replaced ? '~' : (uint8_t)id.p[i]);
    }
}

/* --- days ------------------------------------------------------------------------------------ */

static bool read_digits(const char *at, size_t len, int *number)
{
    *number = 0;
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        *number = *number * 10 + (at[i] - '0');
    }
    return true;
}

bool history_day_begin(str_t day, int64_t *ms)
{
    int year, month, number;
    if (day.len != 8 || !read_digits(day.p, 4, &year) || !read_digits(day.p + 4, 2, &month) ||
        !read_digits(day.p + 6, 2, &number))
        return false;
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = number};
    *ms = (int64_t)timegm(&tm) * 1000;
    /* timegm makes 2 March of 30 February. */
    return tm.tm_mon == month - 1 && tm.tm_mday == number;
}

/* The times that a file may have. */
typedef struct {
    int64_t from, to;
} span_t;

static span_t span_of(str_t day)
{
    int64_t begin;
    if (!history_day_begin(day, &begin))
        return (span_t){-HISTORY_TS_MAX, HISTORY_TS_MAX};
    return (span_t){begin - DAY_MS, begin + 2 * DAY_MS};
}

static bool is_within(const span_t *span, int64_t ts)
{
    return ts >= span->from && ts <= span->to;
}

/* --- rows ------------------------------------------------------------------------------------ */

static bool read_row(mp_t map, const span_t *span, history_row_t *row)
{
    double ts;
    if (!mp_find_double(map, "ts", &ts) || !history_row_of_state(map, 0, row))
        return false;
    if (!is_within(span, row->ts) && is_within(span, row->ts * 1000))
        row->ts *= 1000;
    return true;
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

static err_t read_rows(mp_t list, const span_t *span, history_rows_fn *take, void *arg,
                       history_day_t *summary)
{
    buf_t rows = {0};
    uint32_t count = 0, len;
    history_row_t row;
    mp_t map;
    err_t err = mp_read_array(&list, &len) ? ERR_OK : ERR_BAD_ARGS;
    while (err == ERR_OK && len-- > 0 && mp_next(&list, &map)) {
        if (!read_row(map, span, &row)) {
            summary->skipped++;
            continue;
        }
        if (!is_within(span, row.ts)) {
            summary->outside++;
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
    const span_t span = span_of(day);
    *summary = (history_day_t){0};
    err_t err = json_to_mp(&values, json);
    if (err == ERR_OK)
        err = read_rows(mp_of_buf(&values), &span, take, arg, summary);
    buf_fini(&values);
    return err;
}
