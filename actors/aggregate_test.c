/* SPDX-License-Identifier: MIT */
#include "actors/aggregate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    int64_t ts;
    double number; /* NAN: null */
} point_t;

static aggregate_value_t value_of(double number)
{
    return (aggregate_value_t){isnan(number), number};
}

static aggregate_options_t options_of(aggregate_kind_t kind, int64_t start, int64_t end,
                                      int64_t count)
{
    return (aggregate_options_t){.kind = kind,
                                 .start = start,
                                 .end = end,
                                 .count = count,
                                 .limit = 2000,
                                 .quantile = 0.5,
                                 .integral_unit = 60000};
}

/* Feeds what the header asks for. */
static aggregate_t *run(const aggregate_options_t *options, const point_t *points, size_t len)
{
    aggregate_t *self = aggregate_new(options);
    assert_non_null(self);
    int64_t until = aggregate_until(self);
    size_t i = 0;
    while (i + 1 < len && points[i + 1].ts < options->start)
        i++;
    for (; i < len; i++) {
        if (points[i].ts >= until && !aggregate_wants_next(self))
            break;
        aggregate_add(self, points[i].ts, value_of(points[i].number));
        if (points[i].ts >= until)
            break;
    }
    return self;
}

static void test_usage(void **state)
{
    (void)state;
    const aggregate_options_t options = options_of(AGGREGATE_AVERAGE, 0, 200, 2);
    aggregate_t *self = aggregate_new(&options);
    aggregate_add(self, 10, value_of(1));
    aggregate_add(self, 20, value_of(2));
    aggregate_add(self, 150, value_of(5));
    size_t count;
    const aggregate_row_t *rows = aggregate_finish(self, &count);
    assert_true(aggregate_step(self) == 100);
    assert_int_equal(count, 3);
    assert_int_equal(rows[0].ts, 0); /* nothing is known of the time before */
    assert_true(rows[0].value.is_null);
    assert_int_equal(rows[1].ts, 50);
    assert_true(rows[1].value.number == 1.5);
    assert_int_equal(rows[2].ts, 150);
    assert_true(rows[2].value.number == 5);
    aggregate_destroy(&self);
    assert_null(self);
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(aggregate_kind(STR_LIT("minmax")), AGGREGATE_MINMAX);
    assert_int_equal(aggregate_kind(STR_LIT("integralTotal")), AGGREGATE_INTEGRAL_TOTAL);
    assert_int_equal(aggregate_kind(STR_LIT("Average")), AGGREGATE_UNKNOWN);
    assert_int_equal(aggregate_kind(STR_LIT("")), AGGREGATE_UNKNOWN);
}

static void test_rounding(void **state)
{
    (void)state;
    assert_true(aggregate_round(1.005, 100) == 1); /* as in JavaScript */
    assert_true(aggregate_round(2.5, 1) == 3);
    assert_true(aggregate_round(-2.5, 1) == -2);
    assert_true(aggregate_round(1.23456, 0) == 1.23456);
    assert_true(aggregate_round(1e300, 1e15) == 1e300);
}

static void test_empty_span_and_nothing(void **state)
{
    (void)state;
    const point_t points[] = {{5, 1}, {10, 2}};
    for (int kind = AGGREGATE_MINMAX; kind <= AGGREGATE_UNKNOWN; kind++) {
        size_t count = 1;
        aggregate_options_t options = options_of((aggregate_kind_t)kind, 10, 10, 5);
        aggregate_t *self = run(&options, points, 2);
        assert_non_null(aggregate_finish(self, &count));
        assert_int_equal(count, 0);
        aggregate_destroy(&self);
        options = options_of((aggregate_kind_t)kind, 0, 100, 5);
        self = run(&options, points, 0);
        assert_non_null(aggregate_finish(self, &count));
        assert_int_equal(count, 0);
        aggregate_destroy(&self);
    }
}

static void test_minmax_keeps_four_points(void **state)
{
    (void)state;
    const point_t points[] = {{0, 5}, {10, 9}, {20, 1}, {30, 4}, {40, 4}, {100, NAN}, {110, 2}};
    aggregate_options_t options = options_of(AGGREGATE_MINMAX, 0, 200, 2);
    size_t count;
    options.remove_borders = true;
    aggregate_t *self = run(&options, points, 7);
    const aggregate_row_t *rows = aggregate_finish(self, &count);
    const int64_t wanted[] = {0, 10, 20, 40, 100, 110};
    assert_int_equal(count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(rows[i].ts, wanted[i]);
    assert_true(rows[4].value.is_null);
    aggregate_destroy(&self);
}

static void test_limits(void **state)
{
    (void)state;
    aggregate_options_t options = options_of(AGGREGATE_COUNT, 0, 1000000, 10);
    options.limit = 5;
    aggregate_t *self = aggregate_new(&options);
    assert_true(aggregate_step(self) == 200000);
    aggregate_destroy(&self);
    options.limit = INT64_C(1) << 53;
    options.step = 1e-9;
    options.end = INT64_C(8640000000000000);
    self = aggregate_new(&options);
    assert_true(aggregate_step(self) == 8640000000000000.0 / AGGREGATE_MAX_INTERVALS);
    aggregate_destroy(&self);
    options.step = 9007199254740992.0;
    self = aggregate_new(&options);
    aggregate_add(self, 5, value_of(1));
    size_t count;
    assert_true(aggregate_finish(self, &count)[1].value.number == 1);
    aggregate_destroy(&self);
}

/* --- a plain second way ------------------------------------------------------------------------
 * Reads 10.3 literally: for each interval it looks at all points and takes those that are in it. */

#define NAIVE_ROWS 4096

typedef struct {
    aggregate_row_t rows[NAIVE_ROWS];
    size_t len;
} naive_t;

typedef struct {
    const aggregate_options_t *options;
    const point_t *points;
    size_t len;
    double step;
    int64_t last; /* index of the last interval of the span, from 1 */
} series_t;

static void naive_put(naive_t *self, double ts, double number)
{
    assert_true(self->len < NAIVE_ROWS);
    self->rows[self->len++] = (aggregate_row_t){(int64_t)floor(ts + 0.5), value_of(number), false};
}

/* The points of an interval: before the span the newest one, behind it all of one interval, or the
 * next one. */
static size_t naive_members(const series_t *series, int64_t index, point_t *out)
{
    size_t len = 0;
    double start = (double)series->options->start;
    for (size_t i = 0; i < series->len; i++) {
        double at = floor(((double)series->points[i].ts - start) / series->step);
        bool in = at == (double)(index - 1);
        if (index == 0 && at < 0) {
            len = 0;
            in = true;
        }
        if (index == series->last + 1 && at > (double)series->last && len == 0)
            in = true;
        if (in)
            out[len++] = series->points[i];
    }
    return len;
}

static int naive_compare(const void *a, const void *b)
{
    double x = ((const point_t *)a)->number, y = ((const point_t *)b)->number;
    return x < y ? -1 : x > y;
}

static double naive_number(aggregate_kind_t kind, const point_t *members, size_t len, double q)
{
    point_t numbers[512];
    size_t n = 0;
    double sum = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isnan(members[i].number)) {
            numbers[n++] = members[i];
            sum += members[i].number;
        }
    }
    if (kind == AGGREGATE_COUNT)
        return (double)len;
    if (n == 0 || kind == AGGREGATE_UNKNOWN)
        return NAN;
    if (kind == AGGREGATE_TOTAL)
        return sum;
    if (kind == AGGREGATE_AVERAGE)
        return floor(sum / (double)n * 100 + 0.5) / 100;
    qsort(numbers, n, sizeof *numbers, naive_compare);
    if (kind == AGGREGATE_MIN || q == 0)
        return numbers[0].number;
    if (kind == AGGREGATE_MAX || q == 1)
        return numbers[n - 1].number;
    double place = (double)n * q;
    if (place == floor(place))
        return (numbers[(size_t)place - 1].number + numbers[(size_t)place].number) / 2;
    return numbers[(size_t)floor(place)].number;
}

static void naive_simple(const series_t *series, naive_t *out)
{
    static point_t members[4096];
    aggregate_kind_t kind = series->options->kind;
    double q = kind == AGGREGATE_MIN ? 0 : kind == AGGREGATE_MAX ? 1 : series->options->quantile;
    for (int64_t i = 0; i <= series->last + 1; i++) {
        size_t len = naive_members(series, i, members);
        double middle = (double)series->options->start + ((double)i - 0.5) * series->step;
        if (len)
            naive_put(out, middle, naive_number(kind, members, len, q));
    }
}

static void naive_minmax(const series_t *series, naive_t *out)
{
    static point_t members[4096];
    for (int64_t i = 0; i <= series->last + 1; i++) {
        size_t len = naive_members(series, i, members);
        size_t low = SIZE_MAX, high = SIZE_MAX;
        for (size_t k = 0; k < len; k++) {
            if (isnan(members[k].number))
                continue;
            if (low == SIZE_MAX || members[k].number < members[low].number)
                low = k;
            if (high == SIZE_MAX || members[k].number > members[high].number)
                high = k;
        }
        for (size_t k = 0; k < len; k++) {
            if (k == 0 || k == low || k == high || k == len - 1)
                naive_put(out, (double)members[k].ts, members[k].number);
        }
    }
}

static double zero_if_null(double number)
{
    return isnan(number) ? 0 : number;
}

static void naive_integral(const series_t *series, naive_t *out)
{
    static point_t members[4096], next[4096];
    const aggregate_options_t *options = series->options;
    double carry = NAN;
    for (int64_t i = 0; i <= series->last + 1; i++) {
        size_t len = naive_members(series, i, members);
        double from = (double)options->start + (double)(i - 1) * series->step;
        double end = from + series->step, area = 0;
        bool has_value = len > 0 || !isnan(carry);
        double value = !isnan(carry) ? carry : len ? zero_if_null(members[0].number) : 0;
        for (size_t k = 0; k < len; k++) {
            double ts = (double)members[k].ts, number = zero_if_null(members[k].number);
            ts = ts < end ? ts : end;
            if (ts > from)
                area += (ts - from) * (options->linear ? (value + number) / 2 : value);
            from = ts > from ? ts : from;
            carry = value = number;
        }
        size_t next_len = i <= series->last ? naive_members(series, i + 1, next) : 0;
        double to = next_len && options->linear ? zero_if_null(next[0].number) : value;
        area += (end - from) * (value + to) / 2;
        if (has_value)
            naive_put(out, (double)options->start + ((double)i - 0.5) * series->step,
                      area / options->integral_unit);
    }
}

/* Walks millisecond by millisecond, which is plain and slow. */
static void naive_total(const series_t *series, naive_t *out)
{
    const aggregate_options_t *options = series->options;
    double sum = 0;
    bool any = false;
    for (size_t i = 0; i < series->len; i++)
        any = any || series->points[i].ts <= options->end;
    for (int64_t ms = options->start; ms < options->end; ms++) {
        const point_t *a = NULL, *b = NULL;
        for (size_t i = 0; i < series->len; i++) {
            if (series->points[i].ts <= ms)
                a = &series->points[i];
            else if (!b)
                b = &series->points[i];
        }
        if (!a)
            continue;
        double x = zero_if_null(a->number), slope = 0;
        if (b)
            slope = (zero_if_null(b->number) - x) / (double)(b->ts - a->ts);
        sum += x + slope * ((double)(ms - a->ts) + 0.5);
    }
    if (any)
        naive_put(out, (double)options->end, sum / 3600000);
}

static void naive_nulls(const aggregate_options_t *options, naive_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->len; i++) {
        aggregate_row_t row = self->rows[i];
        if (row.value.is_null && options->nulls == AGGREGATE_NULLS_DROP)
            continue;
        if (row.value.is_null && options->nulls == AGGREGATE_NULLS_ZERO)
            row.value = value_of(0);
        self->rows[kept++] = row;
    }
    self->len = kept;
}

static aggregate_row_t naive_line(const aggregate_row_t *a, const aggregate_row_t *b, int64_t ts)
{
    double share = (double)(ts - a->ts) / (double)(b->ts - a->ts);
    return (aggregate_row_t){ts, value_of(a->value.number * (1 - share) + b->value.number * share),
                             true};
}

static void naive_borders(const aggregate_options_t *options, naive_t *self)
{
    naive_t in = {.len = 0};
    const aggregate_row_t *before = NULL, *behind = NULL;
    bool fill = options->nulls == AGGREGATE_NULLS_DROP;
    for (size_t i = 0; i < self->len; i++) {
        const aggregate_row_t *row = &self->rows[i];
        if (row->ts < options->start)
            before = row->value.is_null ? NULL : row;
        else if (row->ts <= options->end)
            in.rows[in.len++] = *row;
        else if (!behind)
            behind = row;
    }
    self->len = 0;
    static naive_t out;
    out.len = 0;
    bool borders = in.len > 0 && !options->remove_borders;
    if (borders && in.rows[0].ts > options->start) {
        const aggregate_row_t *first = &in.rows[0];
        aggregate_row_t row = {options->start, value_of(NAN), false};
        if (before && !first->value.is_null)
            row = naive_line(before, first, options->start);
        else if (!before && fill)
            row.value = first->value;
        out.rows[out.len++] = row;
    }
    for (size_t i = 0; i < in.len; i++)
        out.rows[out.len++] = in.rows[i];
    const aggregate_row_t *last = in.len ? &in.rows[in.len - 1] : NULL;
    if (borders && last->ts < options->end) {
        aggregate_row_t row = {options->end, value_of(NAN), false};
        if (behind && !behind->value.is_null && !last->value.is_null)
            row = naive_line(last, behind, options->end);
        else if (fill)
            row.value = last->value;
        /* After the last value of all the chart just ends; after a null it says so. */
        if (behind || fill || last->value.is_null)
            out.rows[out.len++] = row;
    }
    *self = out;
}

static void naive(const aggregate_options_t *options, const point_t *points, size_t len,
                  naive_t *out)
{
    series_t series = {.options = options, .points = points, .len = len};
    double span = (double)(options->end - options->start);
    series.step = options->step > 0 ? options->step : span / (double)options->count;
    if (span / series.step > (double)options->limit)
        series.step = span / (double)options->limit;
    series.last = (int64_t)ceil(span / series.step);
    if (series.last < 1)
        series.last = 1;
    out->len = 0;
    if (options->kind == AGGREGATE_MINMAX)
        naive_minmax(&series, out);
    else if (options->kind == AGGREGATE_INTEGRAL)
        naive_integral(&series, out);
    else if (options->kind == AGGREGATE_INTEGRAL_TOTAL)
        naive_total(&series, out);
    else
        naive_simple(&series, out);
    naive_nulls(options, out);
    naive_borders(options, out);
}

/* --- random series --------------------------------------------------------------------------- */

static uint64_t seed = 42;

static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static size_t random_series(point_t *points, size_t cap)
{
    size_t len = below((uint32_t)cap);
    int64_t ts = (int64_t)below(400);
    uint32_t gap = 1 + below(60);
    for (size_t i = 0; i < len; i++) {
        ts += 1 + (int64_t)below(gap) + (below(20) == 0 ? (int64_t)below(300) : 0);
        points[i].ts = ts;
        points[i].number = below(8) == 0 ? NAN : (double)below(2000) / 10 - 100;
    }
    return len;
}

static aggregate_options_t random_options(aggregate_kind_t kind)
{
    int64_t start = 100 + (int64_t)below(600);
    aggregate_options_t options =
        options_of(kind, start, start + 1 + (int64_t)below(900), 1 + (int64_t)below(12));
    if (below(3) == 0)
        options.step = 1 + below(400);
    options.limit = below(4) == 0 ? 1 + (int64_t)below(10) : 2000;
    options.nulls = (aggregate_nulls_t)below(3);
    options.remove_borders = below(3) == 0;
    options.quantile = (double)below(101) / 100;
    options.linear = below(2) == 0;
    return options;
}

static void compare(const aggregate_options_t *options, const point_t *points, size_t len)
{
    static naive_t wanted;
    size_t count;
    naive(options, points, len, &wanted);
    aggregate_t *self = run(options, points, len);
    const aggregate_row_t *rows = aggregate_finish(self, &count);
    assert_int_equal(count, wanted.len);
    for (size_t i = 0; i < count; i++) {
        const aggregate_row_t *a = &rows[i], *b = &wanted.rows[i];
        assert_int_equal(a->ts, b->ts);
        assert_int_equal(a->value.is_null, b->value.is_null);
        assert_int_equal(a->interpolated, b->interpolated);
        if (!a->value.is_null)
            assert_true(fabs(a->value.number - b->value.number) <=
                        1e-9 * (1 + fabs(b->value.number)));
        assert_true(i == 0 || rows[i - 1].ts <= a->ts);
    }
    aggregate_destroy(&self);
}

static void test_against_naive(void **state)
{
    (void)state;
    static point_t points[200];
    for (int kind = AGGREGATE_MINMAX; kind <= AGGREGATE_UNKNOWN; kind++) {
        int rounds = kind == AGGREGATE_INTEGRAL_TOTAL ? 100 : 1000;
        for (int i = 0; i < rounds; i++) {
            size_t len = random_series(points, kind == AGGREGATE_INTEGRAL_TOTAL ? 40 : 200);
            const aggregate_options_t options = random_options((aggregate_kind_t)kind);
            compare(&options, points, len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_empty_span_and_nothing),
        cmocka_unit_test(test_minmax_keeps_four_points),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_against_naive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
