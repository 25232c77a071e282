/* SPDX-License-Identifier: MIT */
#include "actors/history_query.h"

#include <stdlib.h>

#include "actors/history_store.h"
#include "actors/loose.h"

#define WIDTH_MIN_MS 60000 /* first look back for the newest rows */
#define WIDTH_PER_ROW_MS 10000
#define WIDTH_FACTOR 4
#define WIDTH_MAX_MS 31536000000 /* a year: wider is not faster */
#define ROWS_BYTES_MAX 67108864u /* of an answer: rows may hold long texts */

typedef enum { PHASE_COUNT, PHASE_ROWS, PHASE_REDUCE, PHASE_DONE } phase_t;

/* A value that outlives the scan it came from. */
typedef struct {
    bool is_set;
    buf_t value;
} kept_t;

struct history_query {
    engine_t *engine;
    buf_t id, shown_id;
    history_options_t options;
    phase_t phase;
    history_scan_t *scan;
    err_t err;

    /* PHASE_COUNT: windows of time from the end backwards, until enough rows have been counted. */
    int64_t low, high, width;
    int64_t need;  /* rows still to be found */
    int64_t seen;  /* rows of this window */
    int64_t *ring; /* points of time of its last `need` rows */
    int64_t gone;  /* point of time that was pushed out of the ring last */
    int64_t gone_same;

    /* PHASE_ROWS */
    int64_t begin; /* the first row has this point of time */
    int64_t skip;  /* rows of that point of time that are too many */
    bool cut;      /* there are rows between start and begin */
    bool too_long; /* it ended with ROWS_BYTES_MAX */
    buf_t rows;    /* maps, one after the other */
    uint32_t count;
    int64_t first_ts, last_ts;
    kept_t first, last, before, behind;

    aggregate_t *aggregate; /* PHASE_REDUCE */
};

/* --- life ------------------------------------------------------------------------------------ */

static void keep(kept_t *self, mp_t value)
{
    buf_reset(&self->value);
    self->is_set = value.p != NULL && mp_type(value) != MP_NIL;
    if (self->is_set)
        mp_put_raw(&self->value, value);
}

static void open_window(history_query_t *self)
{
    int64_t start = self->options.aggregate.start;
    self->low = self->high - start > self->width ? self->high - self->width : start;
    self->seen = 0;
    self->gone_same = 0;
    history_scan_destroy(&self->scan);
    self->scan = history_scan_new(self->engine, buf_str(&self->id), self->low);
}

static void begin_rows(history_query_t *self, int64_t begin, int64_t skip)
{
    self->begin = begin;
    self->skip = skip;
    self->cut = skip > 0 || begin > self->options.aggregate.start;
    history_scan_destroy(&self->scan);
    self->scan = history_scan_new(self->engine, buf_str(&self->id), begin);
    self->phase = PHASE_ROWS;
}

static void begin_count(history_query_t *self)
{
    self->need = self->options.aggregate.count;
    self->high = self->options.count_end + 1;
    self->width = self->need * WIDTH_PER_ROW_MS;
    if (self->width < WIDTH_MIN_MS)
        self->width = WIDTH_MIN_MS;
    self->ring = malloc((size_t)self->need * sizeof *self->ring);
    if (!self->ring)
        self->err = ERR_NO_MEMORY;
    self->phase = PHASE_COUNT;
    open_window(self);
}

void history_query_destroy(history_query_t **self_p)
{
    history_query_t *self = *self_p;
    if (!self)
        return;
    history_scan_destroy(&self->scan);
    aggregate_destroy(&self->aggregate);
    free(self->ring);
    buf_t *const buffers[] = {&self->id,          &self->shown_id,   &self->rows,
                              &self->first.value, &self->last.value, &self->before.value,
                              &self->behind.value};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
        buf_fini(buffers[i]);
    free(self);
    *self_p = NULL;
}

static void fail(history_query_t *self, err_t err)
{
    self->err = err;
    self->phase = PHASE_DONE;
}

/* The next row; false: the scan is at its end or broken. */
static bool next_row(history_query_t *self, history_row_t *row)
{
    if (self->scan && history_scan_next(self->scan, row, NULL))
        return true;
    err_t err = self->scan ? history_scan_error(self->scan) : ERR_NO_MEMORY;
    if (err != ERR_OK)
        fail(self, err);
    return false;
}

/* --- counting back --------------------------------------------------------------------------- */

static bool shows(const history_query_t *self, const history_row_t *row)
{
    return row->val.p || self->options.aggregate.nulls != AGGREGATE_NULLS_DROP;
}

static void count_row(history_query_t *self, int64_t ts)
{
    int64_t *slot = &self->ring[self->seen % self->need];
    if (self->seen >= self->need) {
        self->gone_same = self->gone == *slot ? self->gone_same + 1 : 1;
        self->gone = *slot;
    }
    *slot = ts;
    self->seen++;
}

/* A window has been counted: rows begin in it, or further back. Stretches of time without values
 * are passed over. */
static void next_window(history_query_t *self)
{
    int64_t start = self->options.aggregate.start;
    if (self->seen >= self->need) {
        int64_t oldest = self->ring[self->seen % self->need];
        bool tied = self->gone_same > 0 && self->gone == oldest;
        begin_rows(self, oldest, tied ? self->gone_same : 0);
        return;
    }
    self->need -= self->seen;
    self->high = self->low;
    if (self->seen == 0) {
        int64_t newest;
        if (!history_store_last_before(self->engine, buf_str(&self->id), start, self->high,
                                       &newest))
            self->high = start;
        else
            self->high = newest + 1;
    }
    if (self->high <= start) {
        begin_rows(self, start, 0);
        return;
    }
    if (self->width < WIDTH_MAX_MS)
        self->width *= WIDTH_FACTOR;
    open_window(self);
}

static void step_count(history_query_t *self, uint32_t *budget)
{
    history_row_t row;
    while (*budget > 0) {
        (*budget)--;
        if (next_row(self, &row) && row.ts < self->high) {
            if (shows(self, &row))
                count_row(self, row.ts);
        } else {
            if (self->phase == PHASE_COUNT)
                next_window(self);
            return;
        }
    }
}

/* --- rows as they are ------------------------------------------------------------------------ */

static void put_val(history_query_t *self, buf_t *out, mp_t val)
{
    double number;
    mp_t at = val;
    if (!val.p && self->options.aggregate.nulls == AGGREGATE_NULLS_ZERO)
        mp_put_int(out, 0);
    else if (!val.p)
        mp_put_nil(out);
    else if (self->options.aggregate.round > 0 && mp_read_double(&at, &number))
        mp_put_double(out, aggregate_round(number, self->options.aggregate.round));
    else
        mp_put_raw(out, val);
}

static void put_field(buf_t *out, uint32_t *count, bool wanted, const char *key, mp_t value)
{
    if (!wanted || !value.p)
        return;
    mp_put_cstr(out, key);
    mp_put_raw(out, value);
    (*count)++;
}

static void put_row(history_query_t *self, buf_t *out, const history_row_t *row)
{
    const history_options_t *options = &self->options;
    size_t mark = mp_begin_map(out);
    uint32_t count = 2;
    mp_put_cstr(out, "ts");
    mp_put_int(out, row->ts);
    mp_put_cstr(out, "val");
    put_val(self, out, row->val);
    if (options->ack && row->ack.p) {
        mp_put_cstr(out, "ack");
        mp_put_bool(out, loose_true(row->ack));
        count++;
    }
    put_field(out, &count, options->q, "q", row->q);
    put_field(out, &count, options->from, "from", row->from);
    put_field(out, &count, options->user, "user", row->user);
    put_field(out, &count, options->comment, "c", row->comment);
    if (options->add_id) {
        mp_put_cstr(out, "id");
        mp_put_str(out, buf_str(&self->shown_id));
        count++;
    }
    mp_end(out, mark, count);
    self->count++;
}

static void take_row(history_query_t *self, const history_row_t *row)
{
    if (self->count == 0) {
        self->first_ts = row->ts;
        keep(&self->first, row->val);
    }
    self->last_ts = row->ts;
    keep(&self->last, row->val);
    put_row(self, &self->rows, row);
}

/* Points at the borders: onchange only, and only with an interval. */
static bool has_borders(const history_query_t *self)
{
    return self->options.aggregate.kind == AGGREGATE_ONCHANGE &&
           !self->options.aggregate.remove_borders && self->options.has_start && self->count > 0;
}

static void find_before(history_query_t *self)
{
    int64_t start = self->options.aggregate.start, ts;
    history_row_t row;
    if (self->cut ||
        !history_store_last_before(self->engine, buf_str(&self->id), -HISTORY_TS_MAX, start, &ts))
        return;
    history_scan_destroy(&self->scan);
    self->scan = history_scan_new(self->engine, buf_str(&self->id), ts);
    while (next_row(self, &row) && row.ts < start)
        keep(&self->before, row.val);
}

static void put_border(history_query_t *self, buf_t *out, int64_t ts, const kept_t *value)
{
    history_row_t row = {.ts = ts};
    if (value && value->is_set)
        row.val = mp_of_buf(&value->value);
    put_row(self, out, &row);
}

/* The value that held at start is repeated there; at end stands the value that follows, because
 * the line of a chart goes on to it. Without one the line stops, unless nulls are to be filled. */
static void add_borders(history_query_t *self)
{
    bool fill = self->options.aggregate.nulls == AGGREGATE_NULLS_DROP;
    int64_t start = self->options.aggregate.start, end = self->options.aggregate.end;
    if (self->first_ts > start) {
        buf_t out = {0};
        find_before(self);
        const kept_t *value = self->before.is_set ? &self->before : fill ? &self->first : NULL;
        put_border(self, &out, start, value);
        buf_append_str(&out, buf_str(&self->rows));
        buf_fini(&self->rows);
        self->rows = out;
    }
    if (self->last_ts >= end)
        return;
    if (self->behind.is_set)
        put_border(self, &self->rows, end, &self->behind);
    else if (fill)
        put_border(self, &self->rows, end, &self->last);
}

static void finish_rows(history_query_t *self)
{
    self->phase = PHASE_DONE;
    if (has_borders(self))
        add_borders(self);
}

static void step_rows(history_query_t *self, uint32_t *budget)
{
    history_row_t row;
    while (*budget > 0) {
        (*budget)--;
        if (!next_row(self, &row)) {
            finish_rows(self);
            return;
        }
        if (row.ts > self->options.aggregate.end) {
            if (row.ts <= self->options.horizon)
                keep(&self->behind, row.val);
            finish_rows(self);
            return;
        }
        if (!shows(self, &row))
            continue;
        if (self->skip > 0) {
            self->skip--;
            continue;
        }
        self->too_long = self->rows.len > ROWS_BYTES_MAX;
        if (self->too_long || self->count >= (uint32_t)self->options.aggregate.count) {
            finish_rows(self);
            return;
        }
        take_row(self, &row);
    }
}

/* --- reduced --------------------------------------------------------------------------------- */

static aggregate_value_t value_of(const history_query_t *self, mp_t val)
{
    double number = 0;
    if (!loose_double(val, &number))
        return (aggregate_value_t){true, 0};
    return (aggregate_value_t){false, aggregate_round(number, self->options.aggregate.round)};
}

static void begin_reduce(history_query_t *self)
{
    int64_t start = self->options.aggregate.start, ts = start;
    self->phase = PHASE_REDUCE;
    self->aggregate = aggregate_new(&self->options.aggregate);
    /* One row before start is enough, but it may have fellows of the same millisecond. */
    if (!history_store_last_before(self->engine, buf_str(&self->id), -HISTORY_TS_MAX, start, &ts))
        ts = start;
    self->scan = history_scan_new(self->engine, buf_str(&self->id), ts);
    if (!self->aggregate)
        fail(self, ERR_NO_MEMORY);
}

static void step_reduce(history_query_t *self, uint32_t *budget)
{
    int64_t until = aggregate_until(self->aggregate);
    history_row_t row;
    while (*budget > 0) {
        (*budget)--;
        if (!next_row(self, &row) ||
            (row.ts >= until &&
             (row.ts > self->options.horizon || !aggregate_wants_next(self->aggregate)))) {
            self->phase = PHASE_DONE;
            return;
        }
        aggregate_add(self->aggregate, row.ts, value_of(self, row.val));
        if (row.ts >= until) {
            self->phase = PHASE_DONE;
            return;
        }
    }
}

static void put_reduced(history_query_t *self)
{
    size_t count;
    const aggregate_row_t *row = aggregate_finish(self->aggregate, &count);
    if (!row) {
        self->err = ERR_NO_MEMORY;
        return;
    }
    for (; count > 0; count--, row++) {
        mp_put_map(&self->rows, 2u + row->interpolated + self->options.add_id);
        mp_put_cstr(&self->rows, "ts");
        mp_put_int(&self->rows, row->ts);
        mp_put_cstr(&self->rows, "val");
        if (row->value.is_null)
            mp_put_nil(&self->rows);
        else
            mp_put_double(&self->rows, row->value.number);
        if (row->interpolated) {
            mp_put_cstr(&self->rows, "i");
            mp_put_bool(&self->rows, true);
        }
        if (self->options.add_id) {
            mp_put_cstr(&self->rows, "id");
            mp_put_str(&self->rows, buf_str(&self->shown_id));
        }
        self->count++;
    }
}

/* --- steps ----------------------------------------------------------------------------------- */

static void begin(history_query_t *self)
{
    if (!history_id_ok(buf_str(&self->id)))
        self->phase = PHASE_DONE;
    else if (!self->options.raw)
        begin_reduce(self);
    else if (self->options.oldest)
        begin_rows(self, self->options.aggregate.start, 0);
    else
        begin_count(self);
}

history_query_t *history_query_new(engine_t *engine, str_t id, str_t shown_id,
                                   const history_options_t *options)
{
    history_query_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->engine = engine;
    self->options = *options;
    buf_append_str(&self->id, id);
    buf_append_str(&self->shown_id, shown_id);
    begin(self);
    return self;
}

bool history_query_step(history_query_t *self, uint32_t budget)
{
    while (budget > 0 && self->phase != PHASE_DONE) {
        if (self->err != ERR_OK)
            self->phase = PHASE_DONE;
        else if (self->phase == PHASE_COUNT)
            step_count(self, &budget);
        else if (self->phase == PHASE_ROWS)
            step_rows(self, &budget);
        else
            step_reduce(self, &budget);
    }
    return self->phase == PHASE_DONE;
}

err_t history_query_result(history_query_t *self, buf_t *rows, buf_t *step)
{
    if (self->err == ERR_OK && self->aggregate)
        put_reduced(self);
    if (self->err == ERR_OK && self->rows.failed)
        self->err = ERR_NO_MEMORY;
    if (self->err != ERR_OK)
        return self->err;
    mp_put_array(rows, self->count);
    mp_put_raw(rows, mp_of_buf(&self->rows));
    if (self->aggregate && aggregate_step(self->aggregate) > 0)
        mp_put_double(step, aggregate_step(self->aggregate));
    else
        mp_put_nil(step);
    return rows->failed || step->failed ? ERR_NO_MEMORY : ERR_OK;
}

bool history_query_truncated(const history_query_t *self)
{
    return self->too_long || (self->options.limited && self->count >= HISTORY_MAX_ROWS) ||
           (self->aggregate && aggregate_truncated(self->aggregate));
}
