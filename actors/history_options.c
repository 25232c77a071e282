/* SPDX-License-Identifier: MIT */
#include "actors/history_options.h"

#include <math.h>

#include "actors/history_store.h"
#include "actors/loose.h"
#include "bus/json.h"

#define END_AHEAD_MS 5000000 /* end when none is given: now and a bit, in the original too */
#define DAY_MS 86400000
#define INTERVALS 500  /* count of the aggregates when none is given */
#define ROUND_MAX 15   /* digits of a double */
#define SHOWN_MAX 200u /* bytes of a wrong value in a message */

static int64_t positive(mp_t value)
{
    int64_t number;
    return loose_int(value, &number) && number > 0 ? number : 0;
}

static bool read_time(mp_t options, const char *key, const char *label, int64_t *out, buf_t *why)
{
    mp_t value = loose_get(options, key);
    buf_t shown = {0};
    if (loose_time(value, out))
        return true;
    json_from_mp(&shown, value, NULL);
    str_t text = buf_str(&shown);
    if (text.len > SHOWN_MAX)
        text.len = SHOWN_MAX;
    buf_printf(why, "Invalid call. %s date ", label);
    buf_append_str(why, text);
    buf_append_cstr(why, " is not a valid date");
    buf_fini(&shown);
    return false;
}

static int64_t clamp_time(int64_t ts)
{
    if (ts > HISTORY_TS_MAX)
        return HISTORY_TS_MAX;
    return ts < -HISTORY_TS_MAX ? -HISTORY_TS_MAX : ts;
}

/* Start and end; has_count: a count is given. */
static bool read_span(mp_t options, const history_defaults_t *defaults, int64_t now, bool has_count,
                      history_options_t *out, buf_t *why)
{
    int64_t start = -HISTORY_TS_MAX;
    int64_t end = now + END_AHEAD_MS;
    out->has_start = loose_true(loose_get(options, "start"));
    if (out->has_start && !read_time(options, "start", "Start", &start, why))
        return false;
    if (loose_true(loose_get(options, "end")) && !read_time(options, "end", "End", &end, why))
        return false;
    if (!out->has_start && !has_count) {
        out->has_start = true;
        start = now - defaults->span_ms;
    }
    out->aggregate.start = clamp_time(start < end ? start : end);
    out->aggregate.end = clamp_time(start < end ? end : start);
    return true;
}

static int64_t end_of_day(int64_t ts)
{
    int64_t into = ts % DAY_MS;
    return ts - (into < 0 ? into + DAY_MS : into) + DAY_MS - 1;
}

static aggregate_kind_t read_kind(mp_t options, aggregate_kind_t fallback)
{
    str_t name = {NULL, 0};
    mp_t value = loose_get(options, "aggregate");
    if (!loose_true(value))
        return fallback;
    return mp_read_str(&value, &name) ? aggregate_kind(name) : AGGREGATE_UNKNOWN;
}

static aggregate_nulls_t read_nulls(mp_t value)
{
    str_t text;
    double number;
    bool flag;
    if (mp_read_bool(&value, &flag))
        return flag ? AGGREGATE_NULLS_DROP : AGGREGATE_NULLS_KEEP;
    if (mp_read_str(&value, &text)) {
        if (str_is(text, "true"))
            return AGGREGATE_NULLS_DROP;
        return str_is(text, "0") ? AGGREGATE_NULLS_ZERO : AGGREGATE_NULLS_KEEP;
    }
    return mp_read_double(&value, &number) && number == 0 ? AGGREGATE_NULLS_ZERO
                                                          : AGGREGATE_NULLS_KEEP;
}

static double read_round(mp_t value, double fallback)
{
    int64_t digits;
    if (!loose_int(value, &digits) || digits < 0)
        return fallback;
    return pow(10, (double)(digits < ROUND_MAX ? digits : ROUND_MAX));
}

static double read_quantile(mp_t options, aggregate_kind_t kind)
{
    double share = 0.5;
    int64_t percent;
    if (kind == AGGREGATE_PERCENTILE && loose_int(loose_get(options, "percentile"), &percent) &&
        percent > 0 && percent <= 100)
        return (double)percent / 100;
    if (kind == AGGREGATE_QUANTILE && loose_double(loose_get(options, "quantile"), &share) &&
        share > 0 && share <= 1)
        return share;
    return 0.5;
}

static void read_aggregate(mp_t options, const history_defaults_t *defaults, int64_t count,
                           history_options_t *out)
{
    aggregate_options_t *aggregate = &out->aggregate;
    mp_t interpolation = loose_get(options, "integralInterpolation");
    str_t text = {NULL, 0};
    int64_t unit = positive(loose_get(options, "integralUnit"));
    int64_t limit = positive(loose_get(options, "limit"));
    if (limit == 0)
        limit = count ? count : defaults->limit > 0 ? defaults->limit : 2000;
    if (count == 0)
        count = aggregate->kind <= AGGREGATE_ONCHANGE ? limit : INTERVALS;
    aggregate->step = (double)positive(loose_get(options, "step"));
    aggregate->quantile = read_quantile(options, aggregate->kind);
    aggregate->integral_unit = (double)(unit ? unit : 60) * 1000;
    aggregate->linear = mp_read_str(&interpolation, &text) && str_is(text, "linear");
    aggregate->remove_borders = loose_true(loose_get(options, "removeBorderValues"));
    aggregate->nulls = read_nulls(loose_get(options, "ignoreNull"));
    aggregate->round = read_round(loose_get(options, "round"), defaults->round);
    out->limited = count > HISTORY_MAX_ROWS;
    aggregate->count = count < HISTORY_MAX_ROWS ? count : HISTORY_MAX_ROWS;
    aggregate->limit = limit;
}

static bool is_false(mp_t value)
{
    str_t text;
    bool flag = true;
    if (mp_read_str(&value, &text))
        return str_is(text, "false");
    return mp_read_bool(&value, &flag) && !flag;
}

bool history_options_read(mp_t options, const history_defaults_t *defaults, int64_t now,
                          history_options_t *out, buf_t *why)
{
    int64_t count = positive(loose_get(options, "count"));
    *out = (history_options_t){0};
    if (!read_span(options, defaults, now, count > 0, out, why))
        return false;
    out->aggregate.kind = read_kind(options, defaults->kind);
    read_aggregate(options, defaults, count, out);
    out->raw = out->aggregate.kind <= AGGREGATE_ONCHANGE || !out->has_start;
    out->oldest = out->has_start && is_false(loose_get(options, "returnNewestEntries"));
    out->horizon = end_of_day(out->aggregate.end);
    out->count_end = out->aggregate.end;
    if (!out->has_start && mp_type(loose_get(options, "start")) == MP_NIL)
        out->count_end = out->horizon;
    out->ack = loose_true(loose_get(options, "ack"));
    out->q = loose_true(loose_get(options, "q"));
    out->from = loose_true(loose_get(options, "from"));
    out->user = loose_true(loose_get(options, "user"));
    out->comment = loose_true(loose_get(options, "comment"));
    out->add_id = loose_true(loose_get(options, "addId"));
    return true;
}
