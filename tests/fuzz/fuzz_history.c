/* SPDX-License-Identifier: MIT */
/* The history actor: sequences of queries, messages, changes and time. A line is
 *   'q' options of getHistory on a small fixed series: `q {"aggregate":"minmax","count":5}`
 *   'm' arguments of sendTo to history.0: `m ["storeState",{"id":"a","state":{"val":1}}]`
 *   'g' arguments of getHistory, 'p' of history.put
 *   'o' arguments of an objectChange, 's' of a stateChange
 *   't' milliseconds pass: `t [500]`
 * Properties: every answer is well-formed; rows of a query ascend, lie in the interval that was
 * asked for, and are not more than the limits allow. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/history.h"
#include "actors/history_options.h"
#include "bus/json.h"
#include "bus/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_env.h"

#define LINES_MAX 48 /* commands of one input */
#define STEPS_MAX 200
#define SERIES "fixed.series"
#define SERIES_ROWS 200
#define SERIES_BEGIN 1699990000000

static void check_rows(mp_t rows, const history_options_t *options)
{
    uint32_t count;
    double ts, before = -1e16;
    mp_t row;
    bool array = mp_read_array(&rows, &count);
    assert(array);
    int64_t most = options->raw ? options->aggregate.count + 2
                                : 4 * (options->aggregate.limit < AGGREGATE_MAX_INTERVALS
                                           ? options->aggregate.limit
                                           : AGGREGATE_MAX_INTERVALS) +
                                      12;
    assert(count <= (uint64_t)most);
    for (uint32_t i = 0; i < count; i++) {
        bool found = mp_next(&rows, &row) && mp_find_double(row, "ts", &ts);
        assert(found && ts >= before);
        assert(ts >= (double)options->aggregate.start && ts <= (double)options->aggregate.end);
        before = ts;
    }
}

/* The answer, also when it comes later. */
static mp_t call(fake_env_t *env, const char *command, mp_t args, buf_t *answer)
{
    err_t status;
    buf_reset(answer);
    mp_t now = fake_env_call_mp(env, command, args, &status);
    if (status != ERR_PENDING) {
        mp_put_raw(answer, now);
    } else {
        const char *later = fake_env_answer(env);
        for (int i = 0; i < STEPS_MAX && !later; i++) {
            fake_env_advance(env, 1);
            later = fake_env_answer(env);
        }
        assert(later);
        err_t err = json_to_mp(answer, str_of(later));
        assert(err == ERR_OK);
    }
    assert(mp_check(mp_of_buf(answer), true) == ERR_OK);
    assert(mp_type(mp_of_buf(answer)) == MP_ARRAY);
    return mp_of_buf(answer);
}

static void query(fake_env_t *env, mp_t options)
{
    static const history_defaults_t defaults = {AGGREGATE_NONE, 604800000, 2000, 0};
    history_options_t read;
    buf_t args = {0}, answer = {0}, why = {0};
    mp_t first, rows;
    env_t *clock = fake_env_env(env);
    bool valid = history_options_read(options, &defaults, clock->now(clock), &read, &why);
    mp_put_array(&args, 2);
    mp_put_cstr(&args, SERIES);
    mp_put_raw(&args, options);
    mp_t said = call(env, "getHistory", mp_of_buf(&args), &answer);
    if (mp_at(said, 0, &first) && mp_type(first) == MP_NIL) {
        assert(valid && mp_at(said, 1, &rows));
        check_rows(rows, &read);
    }
    buf_fini(&args);
    buf_fini(&answer);
    buf_fini(&why);
}

static void command(fake_env_t *env, char what, mp_t args)
{
    buf_t answer = {0};
    call(env,
         what == 'm'   ? "history.message"
         : what == 'p' ? "history.put"
                       : "getHistory",
         args, &answer);
    buf_fini(&answer);
}

static void let_time_pass(fake_env_t *env, mp_t args)
{
    mp_t first;
    int64_t ms;
    if (mp_at(args, 0, &first) && mp_read_int(&first, &ms) && ms >= 0 && ms < 1000000)
        fake_env_advance(env, ms);
}

static void run_line(fake_env_t *env, str_t line)
{
    char json[4096];
    if (line.len < 2 || line.len - 1 >= sizeof json || memchr(line.p, 0, line.len))
        return;
    memcpy(json, line.p + 1, line.len - 1);
    json[line.len - 1] = '\0';
    buf_t value = {0};
    if (json_to_mp(&value, str_of(json)) == ERR_OK) {
        mp_t args = mp_of_buf(&value);
        bool array = mp_type(args) == MP_ARRAY;
        char what = line.p[0];
        if (what == 'q')
            query(env, args);
        else if (array && what == 't')
            let_time_pass(env, args);
        else if (array && (what == 'o' || what == 's'))
            fake_env_event(env, what == 'o' ? "objects" : "states",
                           what == 'o' ? "objectChange" : "stateChange", "ws.0", json);
        else if (array && (what == 'm' || what == 'g' || what == 'p'))
            command(env, what, args);
    }
    buf_fini(&value);
}

static const char *others(void *arg, const char *actor, const char *name, const char *args)
{
    (void)arg;
    (void)actor;
    (void)args;
    if (strcmp(name, "states.get") == 0)
        return "[null,[{\"val\":1,\"ts\":1}]]";
    return strcmp(name, "objects.scan") == 0 ? "[null,[],null]" : "[null,{}]";
}

/* Numbers, nulls, texts, gaps, and values of the same millisecond. */
static void put_series(fake_env_t *env)
{
    buf_t args = {0}, answer = {0};
    int64_t ts = SERIES_BEGIN;
    mp_put_array(&args, 2);
    mp_put_cstr(&args, SERIES);
    mp_put_array(&args, SERIES_ROWS);
    for (int i = 0; i < SERIES_ROWS; i++) {
        mp_put_array(&args, 4);
        mp_put_int(&args, ts);
        if (i % 17 == 3)
            mp_put_nil(&args);
        else if (i % 23 == 5)
            mp_put_cstr(&args, i % 2 ? "on" : "12.5");
        else
            mp_put_double(&args, (i * 37 % 101) / 10.0 - 4);
        mp_put_bool(&args, i % 2);
        mp_put_int(&args, 0);
        ts += i % 50 == 7 ? 3000000 : 1 + i % 5 * 20000;
    }
    call(env, "history.put", mp_of_buf(&args), &answer);
    buf_fini(&args);
    buf_fini(&answer);
}

static fake_env_t *open_actor(void)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    log_set_level(LEVEL_ERROR);
    err_t err = config_set(config, "data", STR_LIT(":memory:"), &why);
    assert(err == ERR_OK);
    fake_env_set_peer(env, others, NULL);
    fake_env_open(env, &history_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    put_series(env);
    return env;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t rest = {(const char *)data, size};
    fake_env_t *env = open_actor();
    for (int i = 0; i < LINES_MAX && rest.len; i++) {
        const char *end = memchr(rest.p, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.p) : rest.len;
        run_line(env, (str_t){rest.p, len});
        len += end ? 1 : 0;
        rest.p += len;
        rest.len -= len;
    }
    fake_env_destroy(&env);
    return 0;
}
