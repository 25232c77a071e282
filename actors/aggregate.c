/* SPDX-License-Identifier: MIT */
#include "actors/aggregate.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000.0 /* unit of time of integralTotal */

typedef struct {
    int64_t ts;
    aggregate_value_t value;
} point_t;

/* What is known of the interval that is being filled. */
typedef struct {
    uint64_t added;   /* values, nulls included */
    uint64_t numbers; /* values that are numbers */
    double sum;       /* of the numbers; or the area so far */
    bool has_area;    /* a stretch of time has been added to the area */
    point_t min, max; /* is_null until the first number */
    point_t first, last;
    double *list; /* the numbers, for quantiles */
    size_t list_len, list_cap;
} interval_t;

struct aggregate {
    aggregate_options_t options;
    double step;
    int64_t max_index; /* intervals are 1..max_index + 1; 0 before, max_index + 2 behind */
    int64_t at;        /* index of the open interval; -1: none yet */
    interval_t open;
    bool carries; /* integral: carry is the newest value so far */
    double carry;
    bool closed; /* integralTotal: the end has been reached */
    bool truncated, failed;
    aggregate_row_t *rows;
    size_t rows_len, rows_cap;
};

static const struct {
    const char *name;
    aggregate_kind_t kind;
} names[] = {
    {"none", AGGREGATE_NONE},
    {"onchange", AGGREGATE_ONCHANGE},
    {"minmax", AGGREGATE_MINMAX},
    {"min", AGGREGATE_MIN},
    {"max", AGGREGATE_MAX},
    {"average", AGGREGATE_AVERAGE},
    {"total", AGGREGATE_TOTAL},
    {"count", AGGREGATE_COUNT},
    {"percentile", AGGREGATE_PERCENTILE},
    {"quantile", AGGREGATE_QUANTILE},
    {"integral", AGGREGATE_INTEGRAL},
    {"integralTotal", AGGREGATE_INTEGRAL_TOTAL},
};

aggregate_kind_t aggregate_kind(str_t name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_is(name, names[i].name))
            return names[i].kind;
    }
    return AGGREGATE_UNKNOWN;
}

/* Math.round: halves go up. */
static double js_round(double number)
{
    return floor(number + 0.5);
}

double aggregate_round(double number, double round)
{
    double rounded = round > 0 ? js_round(number * round) / round : number;
    return isfinite(rounded) ? rounded : number;
}

static aggregate_value_t null_value(void)
{
    return (aggregate_value_t){true, 0};
}

static aggregate_value_t number_value(double number)
{
    return (aggregate_value_t){!isfinite(number), number};
}

/* --- life ------------------------------------------------------------------------------------ */

/* Interval length and number: data-model.md 10.3. */
static void divide(aggregate_t *self)
{
    const aggregate_options_t *options = &self->options;
    double span = (double)(options->end - options->start);
    double limit = (double)(options->limit < AGGREGATE_MAX_INTERVALS ? options->limit
                                                                     : AGGREGATE_MAX_INTERVALS);
    self->step = options->step > 0 ? options->step : span / (double)options->count;
    if (span > 0 && (self->step <= 0 || span / self->step > limit))
        self->step = span / limit;
    self->max_index = span > 0 ? (int64_t)ceil(span / self->step - 1) : -1;
    if (span <= 0)
        self->step = 0;
}

static void open_interval(aggregate_t *self, int64_t index)
{
    double *list = self->open.list;
    size_t cap = self->open.list_cap;
    self->open = (interval_t){.list = list, .list_cap = cap};
    self->at = index;
}

aggregate_t *aggregate_new(const aggregate_options_t *options)
{
    assert(options->start <= options->end && options->count > 0 && options->limit > 0);
    aggregate_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->options = *options;
    divide(self);
    open_interval(self, -1);
    return self;
}

void aggregate_destroy(aggregate_t **self_p)
{
    aggregate_t *self = *self_p;
    if (!self)
        return;
    free(self->open.list);
    free(self->rows);
    free(self);
    *self_p = NULL;
}

double aggregate_step(const aggregate_t *self)
{
    return self->step;
}

int64_t aggregate_until(const aggregate_t *self)
{
    if (self->options.kind == AGGREGATE_INTEGRAL_TOTAL || self->step <= 0)
        return self->options.end + 1;
    return self->options.start + (int64_t)ceil((double)(self->max_index + 2) * self->step);
}

bool aggregate_wants_next(const aggregate_t *self)
{
    if (self->step <= 0)
        return false;
    if (self->options.kind == AGGREGATE_INTEGRAL_TOTAL)
        return !self->closed;
    return self->at != self->max_index + 2;
}

bool aggregate_truncated(const aggregate_t *self)
{
    return self->truncated;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void put_row(aggregate_t *self, int64_t ts, aggregate_value_t value, bool interpolated)
{
    if (self->rows_len == self->rows_cap) {
        size_t cap = self->rows_cap ? self->rows_cap * 2 : 64;
        aggregate_row_t *rows = realloc(self->rows, cap * sizeof *rows);
        if (!rows) {
            self->failed = true;
            return;
        }
        self->rows = rows;
        self->rows_cap = cap;
    }
    self->rows[self->rows_len++] = (aggregate_row_t){ts, value, interpolated};
}

static int64_t middle(const aggregate_t *self, int64_t index)
{
    return (int64_t)js_round((double)self->options.start + ((double)index - 0.5) * self->step);
}

static void put_point(aggregate_t *self, const point_t *point)
{
    put_row(self, point->ts, point->value, false);
}

/* First, lowest, highest and last value in the order of time, each point of time once. */
static void finish_minmax(aggregate_t *self)
{
    const interval_t *open = &self->open;
    const point_t *low = &open->min, *high = &open->max;
    if (low->ts > high->ts) {
        low = &open->max;
        high = &open->min;
    }
    put_point(self, &open->first);
    if (open->first.ts == open->last.ts)
        return;
    if (open->numbers && low->ts != open->first.ts && low->ts != open->last.ts)
        put_point(self, low);
    if (open->numbers && high->ts != low->ts && high->ts != open->first.ts &&
        high->ts != open->last.ts)
        put_point(self, high);
    put_point(self, &open->last);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile_of(double *list, size_t len, double q)
{
    double index = (double)len * q;
    qsort(list, len, sizeof *list, compare_doubles);
    if (q <= 0)
        return list[0];
    if (index >= (double)len)
        return list[len - 1];
    if (floor(index) == index)
        return (list[(size_t)index - 1] + list[(size_t)index]) / 2;
    return list[(size_t)ceil(index - 1)];
}

static aggregate_value_t simple_result(aggregate_t *self)
{
    interval_t *open = &self->open;
    switch (self->options.kind) {
    case AGGREGATE_MIN:
        return open->min.value;
    case AGGREGATE_MAX:
        return open->max.value;
    case AGGREGATE_AVERAGE: /* always two digits: @iobroker/aggregate */
        return open->numbers ? number_value(aggregate_round(open->sum / (double)open->numbers, 100))
                             : null_value();
    case AGGREGATE_TOTAL:
        return open->numbers ? number_value(open->sum) : null_value();
    case AGGREGATE_COUNT:
        return number_value((double)open->added);
    case AGGREGATE_PERCENTILE:
    case AGGREGATE_QUANTILE:
        return open->list_len
                   ? number_value(quantile_of(open->list, open->list_len, self->options.quantile))
                   : null_value();
    default:
        return null_value();
    }
}

/* --- areas ----------------------------------------------------------------------------------- */

static double number_of(aggregate_value_t value)
{
    return value.is_null ? 0 : value.number; /* nothing is recorded as long as a null lasts */
}

static void add_area(aggregate_t *self, double from_ts, double from, double to_ts, double to)
{
    double length = to_ts - from_ts;
    if (length <= 0)
        return;
    double height = self->options.linear ? (from + to) / 2 : from;
    self->open.sum += height * length / self->options.integral_unit;
    self->open.has_area = true;
}

static double starts_at(const aggregate_t *self, int64_t index)
{
    return (double)self->options.start + (double)(index - 1) * self->step;
}

/* An area ends with its interval: the last value lasts that long, or leads to the value that comes
 * first in the next interval. */
static void finish_area(aggregate_t *self, const aggregate_value_t *next)
{
    double from_ts = starts_at(self, self->at);
    double to = next ? number_of(*next) : self->carry;
    if (self->open.added && (double)self->open.last.ts > from_ts)
        from_ts = (double)self->open.last.ts;
    add_area(self, from_ts, self->carry, starts_at(self, self->at + 1), to);
    if (self->open.has_area)
        put_row(self, middle(self, self->at), number_value(self->open.sum), false);
}

/* The newest value lasts through the intervals without values, up to the one at `index`. */
static void carry_on(aggregate_t *self, int64_t index, const aggregate_value_t *next)
{
    while (self->carries && self->at + 1 < index) {
        open_interval(self, self->at + 1);
        finish_area(self, self->at + 1 == index ? next : NULL);
    }
}

/* A value of another time stands at the border of the interval: the one before the span, the one
 * behind it. */
static void add_to_area(aggregate_t *self, int64_t ts, aggregate_value_t value)
{
    double number = number_of(value);
    double begins = starts_at(self, self->at), ends = starts_at(self, self->at + 1);
    double from_ts = self->open.added > 1 ? (double)self->open.last.ts : begins;
    if (from_ts < begins)
        from_ts = begins;
    add_area(self, from_ts, self->carries ? self->carry : number,
             (double)ts < ends ? (double)ts : ends, number);
    self->carries = true;
    self->carry = number;
}

/* The one area of the whole span, as lines between the values. */
static void add_to_total(aggregate_t *self, int64_t ts, aggregate_value_t value)
{
    interval_t *open = &self->open;
    double from_ts = (double)open->last.ts, from = number_of(open->last.value);
    double to_ts = (double)ts, to = number_of(value);
    double start = (double)self->options.start, end = (double)self->options.end;
    if (open->added && !self->closed && to_ts > from_ts) {
        double slope = (to - from) / (to_ts - from_ts);
        double left = from_ts < start ? start : from_ts;
        double right = to_ts > end ? end : to_ts;
        if (right > left)
            open->sum +=
                (2 * from + slope * (left + right - 2 * from_ts)) / 2 * (right - left) / HOUR_MS;
    }
    self->closed = self->closed || ts >= self->options.end;
    if (open->added || ts <= self->options.end)
        open->added++;
    open->last = (point_t){ts, value};
}

static void finish_total(aggregate_t *self)
{
    interval_t *open = &self->open;
    int64_t from = open->last.ts < self->options.start ? self->options.start : open->last.ts;
    if (!open->added || self->step <= 0)
        return;
    if (!self->closed)
        open->sum += number_of(open->last.value) * (double)(self->options.end - from) / HOUR_MS;
    put_row(self, self->options.end, number_value(open->sum), false);
}

/* --- adding ---------------------------------------------------------------------------------- */

static void finish_interval(aggregate_t *self, const aggregate_value_t *next)
{
    if (self->at < 0)
        return;
    switch (self->options.kind) {
    case AGGREGATE_MINMAX:
        finish_minmax(self);
        break;
    case AGGREGATE_INTEGRAL:
        finish_area(self, next);
        break;
    default:
        put_row(self, middle(self, self->at), simple_result(self), false);
    }
}

static void keep_number(aggregate_t *self, double number)
{
    interval_t *open = &self->open;
    if (open->list_len == AGGREGATE_MAX_POINTS) {
        self->truncated = true;
        return;
    }
    if (open->list_len == open->list_cap) {
        size_t cap = open->list_cap ? open->list_cap * 2 : 64;
        double *list = realloc(open->list, cap * sizeof *list);
        if (!list) {
            self->failed = true;
            return;
        }
        open->list = list;
        open->list_cap = cap;
    }
    open->list[open->list_len++] = number;
}

static void count_number(interval_t *open, const point_t *point)
{
    if (open->numbers == 0 || point->value.number < open->min.value.number)
        open->min = *point;
    if (open->numbers == 0 || point->value.number > open->max.value.number)
        open->max = *point;
    open->numbers++;
    open->sum += point->value.number;
}

static int64_t index_of(const aggregate_t *self, int64_t ts)
{
    double index = floor((double)(ts - self->options.start) / self->step);
    if (index < 0)
        return 0;
    if (index > (double)self->max_index)
        return self->max_index + 2;
    return (int64_t)index + 1;
}

static void turn_to(aggregate_t *self, int64_t index, const aggregate_value_t *next)
{
    bool adjoins = self->at + 1 == index;
    finish_interval(self, adjoins ? next : NULL);
    carry_on(self, index, next);
    open_interval(self, index);
}

void aggregate_add(aggregate_t *self, int64_t ts, aggregate_value_t value)
{
    aggregate_kind_t kind = self->options.kind;
    interval_t *open = &self->open;
    if (!isfinite(value.number))
        value.is_null = true;
    if (kind == AGGREGATE_INTEGRAL_TOTAL) {
        add_to_total(self, ts, value);
        return;
    }
    if (self->step <= 0)
        return;
    int64_t index = index_of(self, ts);
    if (index != self->at)
        turn_to(self, index, &value);
    const point_t point = {ts, value};
    if (open->added++ == 0) {
        open->first = point;
        open->min = open->max = (point_t){ts, null_value()};
    }
    if (kind == AGGREGATE_INTEGRAL)
        add_to_area(self, ts, value);
    else if (!value.is_null)
        count_number(open, &point);
    if (!value.is_null && (kind == AGGREGATE_PERCENTILE || kind == AGGREGATE_QUANTILE))
        keep_number(self, value.number);
    open->last = point;
}

/* --- borders --------------------------------------------------------------------------------- */

/* What lies around the span, for the points at its borders. */
typedef struct {
    bool has_before, has_behind;
    aggregate_row_t before, behind;
} around_t;

/* Applies ignoreNull and round, takes out what lies outside of the span and remembers it. */
static void cut(aggregate_t *self, around_t *around)
{
    const aggregate_options_t *options = &self->options;
    size_t kept = 0;
    *around = (around_t){0};
    for (size_t i = 0; i < self->rows_len; i++) {
        aggregate_row_t row = self->rows[i];
        if (row.value.is_null && options->nulls == AGGREGATE_NULLS_DROP)
            continue;
        if (row.value.is_null && options->nulls == AGGREGATE_NULLS_ZERO)
            row.value = number_value(0);
        if (row.ts < options->start) {
            around->has_before = !row.value.is_null;
            around->before = row;
            continue;
        }
        around->has_behind = !row.value.is_null;
        around->behind = row;
        if (row.ts > options->end)
            break;
        if (!row.value.is_null)
            row.value.number = aggregate_round(row.value.number, options->round);
        self->rows[kept++] = row;
    }
    self->rows_len = kept;
}

static aggregate_row_t between(const aggregate_row_t *a, const aggregate_row_t *b, int64_t ts)
{
    double y = a->value.number +
               (b->value.number - a->value.number) * (double)(ts - a->ts) / (double)(b->ts - a->ts);
    return (aggregate_row_t){ts, number_value(y), true};
}

/* The point at start; false: none. */
static bool left_border(const aggregate_t *self, const around_t *around, aggregate_row_t *row)
{
    const aggregate_row_t *first = &self->rows[0];
    *row = (aggregate_row_t){self->options.start, null_value(), false};
    if (first->ts <= self->options.start)
        return false;
    if (!around->has_before) {
        if (self->options.nulls == AGGREGATE_NULLS_DROP)
            row->value = first->value;
    } else if (!first->value.is_null) {
        *row = between(&around->before, first, self->options.start);
    }
    return true;
}

/* The point at end; false: none. Behind the last value of all the line does not go on. */
static bool right_border(const aggregate_t *self, const around_t *around, aggregate_row_t *row)
{
    const aggregate_row_t *last = &self->rows[self->rows_len - 1];
    bool fill = self->options.nulls == AGGREGATE_NULLS_DROP;
    *row = (aggregate_row_t){self->options.end, fill ? last->value : null_value(), false};
    if (last->ts >= self->options.end)
        return false;
    if (!around->has_behind)
        return true;
    if (around->behind.ts == last->ts)
        return fill;
    *row = (aggregate_row_t){self->options.end, null_value(), false};
    if (!last->value.is_null)
        *row = between(last, &around->behind, self->options.end);
    return true;
}

static void add_borders(aggregate_t *self, const around_t *around)
{
    aggregate_row_t left, right;
    if (self->options.remove_borders || self->rows_len == 0)
        return;
    bool has_left = left_border(self, around, &left);
    bool has_right = right_border(self, around, &right);
    if (has_right)
        put_row(self, right.ts, right.value, right.interpolated);
    if (has_left) {
        put_row(self, left.ts, left.value, left.interpolated);
        if (self->failed)
            return;
        memmove(self->rows + 1, self->rows, (self->rows_len - 1) * sizeof *self->rows);
        self->rows[0] = left;
    }
}

/* The intervals before and behind the span are there for the borders only. */
static void finish_last(aggregate_t *self)
{
    if (self->options.kind == AGGREGATE_INTEGRAL_TOTAL) {
        finish_total(self);
        return;
    }
    finish_interval(self, NULL);
    carry_on(self, self->max_index + 3, NULL);
}

const aggregate_row_t *aggregate_finish(aggregate_t *self, size_t *count)
{
    static const aggregate_row_t none;
    around_t around;
    finish_last(self);
    cut(self, &around);
    add_borders(self, &around);
    self->at = -1;
    *count = self->failed ? 0 : self->rows_len;
    if (self->failed)
        return NULL;
    return self->rows ? self->rows : &none;
}
