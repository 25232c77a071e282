/* SPDX-License-Identifier: MIT */
/* Options of getHistory. Values may be texts ("300"), as old clients send them.
 * Source: data-model.md 10.2; handleGetHistory of ioBroker.history 5.0.1.
 *
 * Which rows a `count` leaves of `none` and `onchange`: the newest ones of the interval, as in the
 * recordings; the oldest ones when returnNewestEntries is there and false. The original takes them
 * of a day's file before it looks at the interval, which leaves nothing early in a day; here
 * `count` applies to the interval.
 *
 * The one exception is recorded (vectors, history.start-null): a start that is null with a count
 * takes the newest rows up to the end of the day (UTC) that `end` lies in, and shows those up to
 * `end`.
 *
 * The line at the right border leads to the next value only when that lies in the same day (UTC) as
 * `end`, as in the original, or in the interval behind it; the value before `start` may be as old
 * as it likes, because it held until then.
 *
 * Thread contract: pure functions. */
#ifndef IOBUS_ACTORS_HISTORY_OPTIONS_H
#define IOBUS_ACTORS_HISTORY_OPTIONS_H

#include "actors/aggregate.h"
#include "bus/mp.h"

#define HISTORY_MAX_ROWS 250000 /* of one answer */

/* What holds where a call says nothing. */
typedef struct {
    aggregate_kind_t kind; /* command getHistory: none; message: average */
    int64_t span_ms;       /* start is now minus this when neither start nor count are given */
    int64_t limit;         /* of the instance: 2000 */
    double round;          /* 10^digits, 0: not rounded */
} history_defaults_t;

typedef struct {
    aggregate_options_t aggregate; /* kind, interval, step, nulls ...; count also of rows */
    bool has_start;                /* false: aggregate.start is the beginning of time */
    bool raw;                      /* rows as they are: none, onchange, or no start */
    bool oldest;                   /* count takes the oldest rows */
    int64_t count_end;             /* newest rows are counted back from here */
    int64_t horizon;               /* later values are not looked at for the right border */
    bool limited;                  /* more rows were asked for than HISTORY_MAX_ROWS */
    bool ack, q, from, user, comment, add_id;
} history_options_t;

/* options: a map, or nothing. False: one line in why, as a client may see it. */
bool history_options_read(mp_t options, const history_defaults_t *defaults, int64_t now,
                          history_options_t *out, buf_t *why);

#endif
