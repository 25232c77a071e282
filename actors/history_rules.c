/* SPDX-License-Identifier: MIT */
#include "actors/history_rules.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/loose.h"
#include "bus/log.h"

#define DAY_S 86400
#define SMALL_RETENTION_S 604800   /* up to a week the original keeps a day more */
#define TIME_MAX_MS 31536000000000 /* a thousand years: longer times are cut */
#define ROUND_MAX 15
#define NUMBER_MAX 64u
#define OWN_NAME "system.adapter.history.0"

/* --- settings -------------------------------------------------------------------------------- */

/* Undefined, null and "" say nothing. */
static bool says_something(mp_t value)
{
    str_t text;
    mp_type_t type = mp_type(value);
    return type != MP_NONE && type != MP_NIL && !(mp_read_str(&value, &text) && text.len == 0);
}

static bool flag_of(mp_t value, bool fallback)
{
    str_t text;
    if (!says_something(value))
        return fallback;
    if (mp_read_str(&value, &text))
        return str_is(text, "true");
    return loose_true(value);
}

static int64_t whole_of(mp_t value, int64_t fallback)
{
    int64_t number;
    if (!says_something(value))
        return fallback;
    return loose_int(value, &number) ? number : 0;
}

/* A duration: never negative, never so long that adding it to a time overflows. */
static int64_t duration_of(mp_t value, int64_t factor, int64_t fallback)
{
    if (!says_something(value))
        return fallback;
    int64_t number = whole_of(value, 0);
    if (number <= 0)
        return 0;
    return number < TIME_MAX_MS / factor ? number * factor : TIME_MAX_MS;
}

/* German users write 0,5. */
static double decimal_of(mp_t value, double fallback)
{
    char copy[NUMBER_MAX];
    str_t text;
    double number = 0;
    mp_t at = value;
    if (!says_something(value))
        return fallback;
    if (!mp_read_str(&at, &text) || text.len >= sizeof copy)
        return loose_double(value, &number) ? number : 0;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    for (char *p = strchr(copy, ','); p; p = strchr(p, ','))
        *p = '.';
    buf_t again = {0};
    mp_put_str(&again, (str_t){copy, text.len});
    number = 0;
    (void)loose_double(mp_of_buf(&again), &number); /* stays 0 when it is no number */
    buf_fini(&again);
    return number;
}

static int64_t retention_of(mp_t settings, int64_t fallback_ms)
{
    mp_t value = loose_get(settings, "retention");
    if (!says_something(value))
        return fallback_ms;
    int64_t seconds = whole_of(value, 0);
    if (seconds == -1)
        return duration_of(loose_get(settings, "customRetentionDuration"), (int64_t)DAY_S * 1000,
                           0);
    if (seconds <= 0)
        return 0;
    if (seconds <= SMALL_RETENTION_S)
        seconds += DAY_S;
    return seconds < TIME_MAX_MS / 1000 ? seconds * 1000 : TIME_MAX_MS;
}

/* The limits of what counts as a value; "below zero" had a switch of its own once. */
static void read_limits(mp_t settings, history_rules_t *out)
{
    mp_t below = loose_get(settings, "ignoreBelowNumber");
    if (says_something(below))
        out->has_below = loose_double(below, &out->below);
    else if (flag_of(loose_get(settings, "ignoreBelowZero"), false)) {
        out->has_below = true;
        out->below = 0;
    }
    mp_t above = loose_get(settings, "ignoreAboveNumber");
    if (says_something(above))
        out->has_above = loose_double(above, &out->above);
}

static void read_rules(mp_t settings, const history_rules_t *fallback, history_rules_t *out)
{
    mp_t block = loose_get(settings, "blockTime");
    *out = *fallback;
    out->changes_only = flag_of(loose_get(settings, "changesOnly"), false);
    out->ignore_zero = flag_of(loose_get(settings, "ignoreZero"), false);
    out->log_skipped =
        !flag_of(loose_get(settings, "disableSkippedValueLogging"), !fallback->log_skipped);
    out->relog_ms =
        duration_of(loose_get(settings, "changesRelogInterval"), 1000, fallback->relog_ms);
    out->debounce_ms = duration_of(loose_get(settings, "debounceTime"), 1, fallback->debounce_ms);
    if (!says_something(block))
        block = loose_get(settings, "debounce"); /* its name up to version 1 */
    out->block_ms = duration_of(block, 1, fallback->block_ms);
    out->min_delta = decimal_of(loose_get(settings, "changesMinDelta"), fallback->min_delta);
    out->retention_ms = retention_of(settings, fallback->retention_ms);
    read_limits(settings, out);
}

void history_native_read(mp_t native, history_native_t *out)
{
    static const history_rules_t none = {.log_skipped = true};
    int64_t digits;
    *out = (history_native_t){0};
    out->write_nulls = flag_of(loose_get(native, "writeNulls"), true);
    out->store_from = flag_of(loose_get(native, "storeFrom"), false);
    out->store_ack = flag_of(loose_get(native, "storeAck"), true);
    out->limit = whole_of(loose_get(native, "limit"), 2000);
    if (loose_int(loose_get(native, "round"), &digits) && digits >= 0)
        out->round = pow(10, (double)(digits < ROUND_MAX ? digits : ROUND_MAX));
    read_rules(native, &none, &out->rules);
    out->rules.changes_only = out->rules.ignore_zero = false; /* of objects only */
    out->rules.has_below = out->rules.has_above = false;
}

void history_rules_read(mp_t custom, const history_native_t *native, history_rules_t *out)
{
    read_rules(custom, &native->rules, out);
}

/* --- memory ---------------------------------------------------------------------------------- */

static void keep(history_kept_t *self, const history_row_t *row)
{
    buf_reset(&self->list);
    history_row_to_list(&self->list, row);
    self->is_set = !self->list.failed;
}

static bool kept_row(const history_kept_t *self, history_row_t *row)
{
    return self->is_set && history_row_of_list(mp_of_buf(&self->list), row);
}

static void forget(history_kept_t *self)
{
    buf_fini(&self->list);
    self->is_set = false;
}

void history_memory_fini(history_memory_t *self)
{
    forget(&self->last);
    forget(&self->skipped);
    forget(&self->pending);
}

/* --- recording ------------------------------------------------------------------------------- */

static void start_timer(history_memory_t *self, const history_pass_t *pass)
{
    bool relog = pass->rules->changes_only && pass->rules->relog_ms > 0;
    self->relog_at = relog ? pass->mono_ms + pass->rules->relog_ms : 0;
}

void history_start_relog(history_memory_t *self, const history_pass_t *pass)
{
    start_timer(self, pass);
}

static void record(history_memory_t *self, const history_pass_t *pass, const history_row_t *row)
{
    keep(&self->last, row);
    self->has_log_ts = true;
    self->log_ts = row->ts;
    pass->sink(pass->arg, row);
    start_timer(self, pass);
}

static void record_skipped(history_memory_t *self, const history_pass_t *pass)
{
    history_row_t row;
    if (kept_row(&self->skipped, &row))
        pass->sink(pass->arg, &row);
    forget(&self->skipped);
}

/* The last value again, now. */
static void repeat(history_memory_t *self, const history_pass_t *pass)
{
    history_row_t row;
    buf_t own = {0};
    self->relog_at = 0;
    if (!kept_row(&self->skipped, &row) && !kept_row(&self->last, &row))
        return;
    mp_put_cstr(&own, OWN_NAME);
    row.ts = pass->now_ms;
    row.from = mp_of_buf(&own);
    self->has_log_ts = true;
    self->log_ts = row.ts;
    pass->sink(pass->arg, &row);
    start_timer(self, pass);
    buf_fini(&own);
}

static void end_pending(history_memory_t *self, const history_pass_t *pass)
{
    history_row_t row;
    history_kept_t pending = self->pending;
    self->pending = (history_kept_t){0};
    self->pending_at = 0;
    if (kept_row(&pending, &row))
        record(self, pass, &row);
    forget(&pending);
}

int64_t history_due(history_memory_t *self, const history_pass_t *pass)
{
    if (self->pending_at && self->pending_at <= pass->mono_ms)
        end_pending(self, pass);
    if (self->relog_at && self->relog_at <= pass->mono_ms)
        repeat(self, pass);
    int64_t next = self->pending_at ? self->pending_at : HISTORY_NEVER;
    return self->relog_at && self->relog_at < next ? self->relog_at : next;
}

void history_flush(history_memory_t *self, const history_pass_t *pass)
{
    if (self->pending_at)
        end_pending(self, pass);
    record_skipped(self, pass);
    self->relog_at = 0;
}

/* --- a new value ----------------------------------------------------------------------------- */

static bool is_ignored(const history_rules_t *rules, const history_row_t *row)
{
    double number;
    mp_t at = row->val;
    if (!row->val.p)
        return rules->ignore_zero;
    if (mp_type(at) == MP_BOOL || !mp_read_double(&at, &number))
        return false;
    return (rules->ignore_zero && number == 0) || (rules->has_below && number < rules->below) ||
           (rules->has_above && number > rules->above);
}

/* changesOnly: an unchanged value whose time to be repeated has not come. */
static bool is_repetition(const history_memory_t *self, const history_rules_t *rules,
                          const history_row_t *last, const history_row_t *row)
{
    if (!last->val.p && row->val.p)
        return false;
    if (rules->relog_ms == 0)
        return true;
    int64_t age = row->ts - self->log_ts;
    return self->has_log_ts && llabs(age) < rules->relog_ms;
}

static bool is_too_close(const history_rules_t *rules, const history_row_t *last,
                         const history_row_t *row)
{
    double before, after;
    mp_t a = last->val, b = row->val;
    return rules->min_delta != 0 && mp_read_double(&a, &before) && mp_read_double(&b, &after) &&
           fabs(before - after) < rules->min_delta;
}

static bool is_passed_over(const history_memory_t *self, const history_rules_t *rules,
                           const history_row_t *row, bool changed)
{
    history_row_t last;
    if (!rules->changes_only || !kept_row(&self->last, &last))
        return false;
    return (!changed && is_repetition(self, rules, &last, row)) || is_too_close(rules, &last, row);
}

void history_convert(history_row_t *row, buf_t *out)
{
    str_t text;
    char copy[NUMBER_MAX];
    char *end;
    mp_t at = row->val;
    if (!mp_read_str(&at, &text) || text.len == 0 || text.len >= sizeof copy)
        return;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    double number = strtod(copy, &end);
    if (strcmp(copy, "true") == 0 || strcmp(copy, "false") == 0)
        mp_put_bool(out, copy[0] == 't');
    else if (end == copy + text.len && isfinite(number) && !strpbrk(copy, "xXpPnN") &&
             !isspace((unsigned char)copy[0]))
        mp_put_double(out, number);
    if (out->len)
        row->val = mp_of_buf(out);
}

/* To and from null is no flutter. */
static bool is_jump(const history_memory_t *self, const history_row_t *row)
{
    history_row_t last;
    if (!kept_row(&self->last, &last))
        return !row->val.p;
    return (last.val.p == NULL) != (row->val.p == NULL);
}

static bool is_blocked(const history_memory_t *self, const history_rules_t *rules,
                       const history_row_t *row)
{
    history_row_t last;
    return rules->block_ms > 0 && kept_row(&self->last, &last) &&
           last.ts + rules->block_ms > row->ts;
}

static void take(history_memory_t *self, const history_pass_t *pass, const history_row_t *row,
                 bool changed)
{
    const history_rules_t *rules = pass->rules;
    bool unstable = self->pending_at != 0;
    if (unstable && !changed)
        return;
    self->pending_at = 0;
    forget(&self->pending);
    if ((!unstable && is_blocked(self, rules, row)) || is_ignored(rules, row))
        return;
    if (is_passed_over(self, rules, row, changed)) {
        if (!unstable && rules->log_skipped)
            keep(&self->skipped, row);
        return;
    }
    bool at_once = is_jump(self, row) ||
                   (rules->changes_only && rules->relog_ms > 0 && self->has_log_ts && !changed);
    self->relog_at = 0;
    record_skipped(self, pass);
    if (rules->debounce_ms == 0 || at_once) {
        record(self, pass, row);
    } else {
        keep(&self->pending, row);
        self->pending_at = pass->mono_ms + rules->debounce_ms;
    }
}

void history_push(history_memory_t *self, const history_pass_t *pass, history_row_t row,
                  bool changed)
{
    static log_limit_t limit;
    buf_t converted = {0};
    if ((size_t)(row.val.end - row.val.p) > HISTORY_VALUE_MAX) {
        log_limited(&limit, LEVEL_WARN, "HISTORY-LARGE", "value of %zu bytes is not recorded",
                    (size_t)(row.val.end - row.val.p));
        return;
    }
    history_convert(&row, &converted);
    take(self, pass, &row, changed);
    buf_fini(&converted);
}
