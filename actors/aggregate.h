/* SPDX-License-Identifier: MIT */
/* Reduces a series of values to rows for a chart: points in, rows out, nothing else.
 *
 *     aggregate_t *self = aggregate_new(&options);
 *     aggregate_add(self, ts, value);              // ascending, see below which ones
 *     const aggregate_row_t *rows = aggregate_finish(self, &count);
 *
 * The span from start to end is cut into intervals of `step`; one more interval lies before start
 * and one behind the last: their results are not shown but serve to continue the line to the
 * borders of the span. What to add: the newest value before start, all values from start on, and
 * from aggregate_until() on only the first one, and only when aggregate_wants_next().
 * Source: data-model.md 10.3; the numbers are those of @iobroker/aggregate 1.0.1, except where it
 * depends on the order in which files are read (minmax of an interval that was read backwards,
 * the slope behind an interval's last value in `integral`, `integralTotal`): here values count in
 * the order of time.
 * Memory: one result per interval that holds values, and the values of one interval.
 * Thread contract: one owner, no locks. */
#ifndef IOBUS_ACTORS_AGGREGATE_H
#define IOBUS_ACTORS_AGGREGATE_H

#include "bus/buf.h"

#define AGGREGATE_MAX_INTERVALS 100000 /* a smaller step is made larger */
#define AGGREGATE_MAX_POINTS 4000000   /* values of one interval that are kept (quantiles) */

typedef enum {
    AGGREGATE_NONE,     /* rows as they are: not reduced here */
    AGGREGATE_ONCHANGE, /* the same with values at the borders: not reduced here */
    AGGREGATE_MINMAX,
    AGGREGATE_MIN,
    AGGREGATE_MAX,
    AGGREGATE_AVERAGE,
    AGGREGATE_TOTAL,
    AGGREGATE_COUNT,
    AGGREGATE_PERCENTILE,
    AGGREGATE_QUANTILE,
    AGGREGATE_INTEGRAL,
    AGGREGATE_INTEGRAL_TOTAL,
    AGGREGATE_UNKNOWN /* any other name: nulls where values are */
} aggregate_kind_t;

/* What becomes of nulls in the result (option ignoreNull). */
typedef enum { AGGREGATE_NULLS_KEEP, AGGREGATE_NULLS_DROP, AGGREGATE_NULLS_ZERO } aggregate_nulls_t;

typedef struct {
    aggregate_kind_t kind;
    int64_t start, end;   /* ms, start <= end */
    double step;          /* ms; 0: from count */
    int64_t count;        /* intervals, > 0 */
    int64_t limit;        /* most intervals, > 0 */
    double quantile;      /* 0..1; percentile / 100 */
    double integral_unit; /* ms, > 0 */
    bool linear;          /* integral: straight lines between values instead of steps */
    bool remove_borders;  /* no points at start and end */
    aggregate_nulls_t nulls;
    double round; /* 10^digits; 0: not rounded */
} aggregate_options_t;

/* A number, or null: a gap, or a value that is no number. */
typedef struct {
    bool is_null;
    double number;
} aggregate_value_t;

typedef struct {
    int64_t ts;
    aggregate_value_t value;
    bool interpolated; /* made up at a border */
} aggregate_row_t;

typedef struct aggregate aggregate_t;

/* "average" ... to kind; AGGREGATE_UNKNOWN for other text. */
aggregate_kind_t aggregate_kind(str_t name);
/* Number rounded as Math.round(number * round) / round; round 0: as it is. */
double aggregate_round(double number, double round);

/* Caller owns. kind is neither NONE nor ONCHANGE. NULL when memory is gone. */
aggregate_t *aggregate_new(const aggregate_options_t *options);
void aggregate_destroy(aggregate_t **self_p);
/* Length of an interval in ms as it came out; 0 when start equals end (there are no rows then). */
double aggregate_step(const aggregate_t *self);
/* Where the interval behind the last one ends: values from here on matter only when none came in
 * it. */
int64_t aggregate_until(const aggregate_t *self);
bool aggregate_wants_next(const aggregate_t *self);
/* ts must not be less than that of the value before. */
void aggregate_add(aggregate_t *self, int64_t ts, aggregate_value_t value);
/* Rows in the order of time, borrowed until destroyed; NULL when memory was gone on the way. */
const aggregate_row_t *aggregate_finish(aggregate_t *self, size_t *count);
/* Whether an interval held more than AGGREGATE_MAX_POINTS values and not all were looked at. */
bool aggregate_truncated(const aggregate_t *self);

#endif
