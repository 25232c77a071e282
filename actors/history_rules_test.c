/* SPDX-License-Identifier: MIT */
#include "actors/history_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

#define T0 1700000000000

/* A state that is recorded: its settings, its memory, a clock, and what came out as "sec=val ...".
 */
typedef struct {
    history_rules_t rules;
    history_memory_t memory;
    int64_t now_ms;
    buf_t out;
} bench_t;

static void note(void *arg, const history_row_t *row)
{
    bench_t *self = arg;
    if (self->out.len)
        buf_append_byte(&self->out, ' ');
    buf_printf(&self->out, "%g=", (double)(row->ts - T0) / 1000);
    if (row->val.p)
        json_from_mp(&self->out, row->val, NULL);
    else
        buf_append_cstr(&self->out, "null");
}

static history_pass_t pass_of(bench_t *self)
{
    return (history_pass_t){&self->rules, self->now_ms, self->now_ms - T0 + 1000, note, self};
}

static void start(bench_t *self, const char *custom_json)
{
    buf_t custom = {0};
    history_native_t native;
    *self = (bench_t){.now_ms = T0};
    assert_int_equal(json_to_mp(&custom, str_of(custom_json)), ERR_OK);
    history_native_read((mp_t){NULL, NULL}, &native);
    history_rules_read(mp_of_buf(&custom), &native, &self->rules);
    buf_fini(&custom);
}

/* At a second a value arrives; changed: it differs from the state's value before. */
static void push(bench_t *self, double second, const char *val_json, bool changed)
{
    buf_t val = {0};
    history_row_t row = {.ts = T0 + (int64_t)(second * 1000)};
    self->now_ms = row.ts;
    history_pass_t pass = pass_of(self);
    (void)history_due(&self->memory, &pass);
    assert_int_equal(json_to_mp(&val, str_of(val_json)), ERR_OK);
    if (mp_type(mp_of_buf(&val)) != MP_NIL)
        row.val = mp_of_buf(&val);
    history_push(&self->memory, &pass, row, changed);
    buf_fini(&val);
}

static int64_t wait_until(bench_t *self, double second)
{
    self->now_ms = T0 + (int64_t)(second * 1000);
    const history_pass_t pass = pass_of(self);
    return history_due(&self->memory, &pass);
}

static void finish(bench_t *self, const char *wanted)
{
    assert_true(str_is(buf_str(&self->out), wanted));
    history_memory_fini(&self->memory);
    buf_fini(&self->out);
}

static void test_usage(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"enabled\":true}");
    push(&bench, 1, "20.5", true);
    push(&bench, 2, "20.5", false);
    push(&bench, 3, "null", true);
    finish(&bench, "1=20.5 2=20.5 3=null");
}

static void test_texts_become_numbers(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{}");
    push(&bench, 1, "\"21.5\"", true);
    push(&bench, 2, "\"true\"", true);
    push(&bench, 3, "\"21,5\"", true);
    push(&bench, 4, "\"0x10\"", true);
    push(&bench, 5, "\"nan\"", true);
    push(&bench, 6, "\"\"", true);
    push(&bench, 7, "{\"a\":1}", true);
    finish(&bench, "1=21.5 2=true 3=\"21,5\" 4=\"0x10\" 5=\"nan\" 6=\"\" 7={\"a\":1}");
}

static void test_changes_only(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"changesOnly\":true,\"disableSkippedValueLogging\":true}");
    push(&bench, 1, "1", true);
    push(&bench, 2, "1", false);
    push(&bench, 3, "1", false);
    push(&bench, 4, "2", true);
    finish(&bench, "1=1 4=2");
    /* The last one that was passed over shows where the step is. */
    start(&bench, "{\"changesOnly\":\"true\"}");
    push(&bench, 1, "1", true);
    push(&bench, 2, "1", false);
    push(&bench, 3, "1", false);
    push(&bench, 4, "2", true);
    finish(&bench, "1=1 3=1 4=2");
}

static void test_min_delta(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"changesOnly\":true,\"changesMinDelta\":\"0,5\","
                  "\"disableSkippedValueLogging\":\"true\"}");
    push(&bench, 1, "10", true);
    push(&bench, 2, "10.4", true);
    push(&bench, 3, "10.5", true);
    push(&bench, 4, "\"x\"", true); /* only numbers can be close */
    push(&bench, 5, "10.6", true);
    finish(&bench, "1=10 3=10.5 4=\"x\" 5=10.6");
}

static void test_relog(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"changesOnly\":true,\"changesRelogInterval\":10,"
                  "\"disableSkippedValueLogging\":true}");
    push(&bench, 1, "5", true);
    push(&bench, 4, "5", false);
    assert_int_equal(wait_until(&bench, 10), 12000);
    assert_int_equal(wait_until(&bench, 11), 22000);
    push(&bench, 12, "6", true);
    assert_int_equal(wait_until(&bench, 22), 33000);
    finish(&bench, "1=5 11=5 12=6 22=6");
}

static void test_debounce(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"debounceTime\":1000}");
    push(&bench, 1, "1", true);
    push(&bench, 1.5, "2", true);
    push(&bench, 1.8, "2", false); /* unchanged: the time runs on */
    assert_int_equal(wait_until(&bench, 2.4), 3500);
    assert_int_equal(wait_until(&bench, 2.5), HISTORY_NEVER);
    push(&bench, 5, "null", true); /* at once */
    push(&bench, 6, "3", true);    /* at once */
    push(&bench, 7, "4", true);
    const history_pass_t pass = pass_of(&bench);
    history_flush(&bench.memory, &pass); /* the end: what waits is not lost */
    finish(&bench, "1.5=2 5=null 6=3 7=4");
}

static void test_block_time(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"debounce\":\"2000\"}"); /* its old name */
    push(&bench, 1, "1", true);
    push(&bench, 2, "2", true);
    push(&bench, 3, "3", true);
    finish(&bench, "1=1 3=3");
}

static void test_ignored_values(void **state)
{
    (void)state;
    bench_t bench;
    start(&bench, "{\"ignoreZero\":true,\"ignoreBelowNumber\":\"-5\",\"ignoreAboveNumber\":100}");
    push(&bench, 1, "0", true);
    push(&bench, 2, "null", true);
    push(&bench, 3, "-5", true);
    push(&bench, 4, "-5.1", true);
    push(&bench, 5, "100", true);
    push(&bench, 6, "101", true);
    push(&bench, 7, "\"text\"", true);
    push(&bench, 8, "false", true);
    finish(&bench, "3=-5 5=100 7=\"text\" 8=false");
    start(&bench, "{\"ignoreBelowZero\":true,\"ignoreBelowNumber\":\"\"}");
    push(&bench, 1, "-1", true);
    push(&bench, 2, "0", true);
    finish(&bench, "2=0");
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t retention_ms;
    } rows[] = {
        {"{}", 0},
        {"{\"retention\":31536000}", 31536000000},
        {"{\"retention\":\"86400\"}", 172800000}, /* a day more when it is short */
        {"{\"retention\":-1,\"customRetentionDuration\":\"10\"}", 864000000},
        {"{\"retention\":-1}", 0},
        {"{\"retention\":-7}", 0},
        {"{\"retention\":1e300}", 31536000000000},
        {"{\"retention\":{}}", 0},
    };
    bench_t bench;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        start(&bench, rows[i].json);
        assert_int_equal(bench.rules.retention_ms, rows[i].retention_ms);
    }
    start(&bench, "{\"debounceTime\":1e300,\"blockTime\":-5,\"changesRelogInterval\":\"x\"}");
    assert_true(bench.rules.debounce_ms > 0);
    assert_int_equal(bench.rules.block_ms, 0);
    assert_int_equal(bench.rules.relog_ms, 0);
}

static void test_native_settings_are_the_defaults(void **state)
{
    (void)state;
    buf_t native_json = {0}, custom = {0};
    history_native_t native;
    history_rules_t rules;
    assert_int_equal(
        json_to_mp(&native_json,
                   STR_LIT("{\"writeNulls\":false,\"storeFrom\":true,\"limit\":\"50\","
                           "\"round\":\"2\",\"debounceTime\":70,\"changesOnly\":true,"
                           "\"disableSkippedValueLogging\":true,\"retention\":864000}")),
        ERR_OK);
    history_native_read(mp_of_buf(&native_json), &native);
    assert_false(native.write_nulls);
    assert_true(native.store_from && native.store_ack);
    assert_int_equal(native.limit, 50);
    assert_true(native.round == 100);
    assert_int_equal(json_to_mp(&custom, STR_LIT("{\"debounceTime\":\"\"}")), ERR_OK);
    history_rules_read(mp_of_buf(&custom), &native, &rules);
    assert_int_equal(rules.debounce_ms, 70);
    assert_int_equal(rules.retention_ms, 864000000);
    assert_false(rules.changes_only);
    assert_false(rules.log_skipped);
    buf_fini(&native_json);
    buf_fini(&custom);
}

static void test_large_values_are_left_out(void **state)
{
    (void)state;
    bench_t bench;
    buf_t val = {0};
    char *text = calloc(1, HISTORY_VALUE_MAX + 1);
    assert_non_null(text);
    start(&bench, "{}");
    mp_put_str(&val, (str_t){text, HISTORY_VALUE_MAX + 1});
    const history_row_t row = {.ts = T0, .val = mp_of_buf(&val)};
    const history_pass_t pass = pass_of(&bench);
    history_push(&bench.memory, &pass, row, true);
    finish(&bench, "");
    buf_fini(&val);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_texts_become_numbers),
        cmocka_unit_test(test_changes_only),
        cmocka_unit_test(test_min_delta),
        cmocka_unit_test(test_relog),
        cmocka_unit_test(test_debounce),
        cmocka_unit_test(test_block_time),
        cmocka_unit_test(test_ignored_values),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_native_settings_are_the_defaults),
        cmocka_unit_test(test_large_values_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
