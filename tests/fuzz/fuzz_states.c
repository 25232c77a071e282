/* SPDX-License-Identifier: MIT */
/* The states actor: sequences of commands, object changes and time. A line is
 *   'a' the administrator, 'g' a guest, 's' the system, then a command and its arguments:
 *       `asetState ["a.b",{"val":1,"expire":5}]`
 *   'o' a client changes an object, 'i' an import does: `o ["a.b",{"type":"state"}]`
 *   'r' the objects are read anew and none is left: `r []`
 *   't' milliseconds pass: `t [500]`
 * Properties: every command gives a well-formed answer; a state that was set is read back with its
 * value; what a scan of the store shows is what memory holds. */
#include <assert.h>
#include <string.h>

#include "actors/states.h"
#include "bus/json.h"
#include "bus/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_env.h"

#define LINES_MAX 64 /* commands of one input */

static void call(fake_env_t *env, const char *command, mp_t args, buf_t *answer, err_t *status)
{
    buf_reset(answer);
    mp_put_raw(answer, fake_env_call_mp(env, command, args, status));
    assert(mp_check(mp_of_buf(answer), true) == ERR_OK);
    assert(mp_type(mp_of_buf(answer)) == MP_ARRAY);
}

static void become(fake_env_t *env, char who)
{
    fake_env_set_user(env, who == 's'   ? ""
                           : who == 'g' ? "system.user.guest"
                                        : "system.user.admin");
    fake_env_set_instance(env, who == 's' ? "" : "socketio.0");
}

/* The value that setState was given; false: it says nothing of one. */
static bool given_value(mp_t args, mp_t *val)
{
    mp_t state;
    str_t id;
    mp_t first;
    if (!mp_at(args, 0, &first) || !mp_read_str(&first, &id) || str_starts(id, "alias.") ||
        !mp_at(args, 1, &state))
        return false;
    if (mp_type(state) == MP_MAP)
        return mp_find(state, "val", val);
    *val = state;
    return true;
}

/* After an answer [nil, id] of setState the system reads the value under that id. */
static void check_set(fake_env_t *env, mp_t args, mp_t answer)
{
    mp_t id, given, stored, val;
    buf_t list, got;
    err_t status;
    if (!mp_at(answer, 1, &id) || !given_value(args, &given))
        return;
    buf_init(&list);
    buf_init(&got);
    become(env, 's');
    mp_put_array(&list, 1);
    mp_put_raw(&list, id);
    call(env, "getState", mp_of_buf(&list), &got, &status);
    assert(status == ERR_OK && mp_at(mp_of_buf(&got), 1, &stored) && mp_find(stored, "val", &val));
    /* A number may have been rounded to the object's step. */
    double number;
    bool numeric = mp_read_double(&given, &number);
    assert(numeric ? mp_read_double(&val, &number) : mp_equal(given, val));
    buf_fini(&list);
    buf_fini(&got);
}

static void run_command(fake_env_t *env, char who, const char *command, mp_t args)
{
    buf_t answer;
    err_t status;
    buf_init(&answer);
    become(env, who);
    call(env, command, args, &answer, &status);
    if (status == ERR_OK && strcmp(command, "setState") == 0)
        check_set(env, args, mp_of_buf(&answer));
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
    char command[32], json[4096];
    const char *blank = line.len ? memchr(line.p, ' ', line.len) : NULL;
    size_t len = blank ? (size_t)(blank - line.p) : 0;
    size_t rest = blank ? line.len - len - 1 : 0;
    if (len < 1 || len > sizeof command || rest >= sizeof json || memchr(line.p, 0, line.len))
        return;
    memcpy(command, line.p + 1, len - 1);
    command[len - 1] = '\0';
    memcpy(json, blank + 1, rest);
    json[rest] = '\0';
    buf_t args;
    buf_init(&args);
    if (json_to_mp(&args, (str_t){json, rest}) == ERR_OK && mp_type(mp_of_buf(&args)) == MP_ARRAY) {
        if (line.p[0] == 'o' || line.p[0] == 'i')
            fake_env_event(env, "objects", "objectChange", line.p[0] == 'o' ? "ws.0" : "", json);
        else if (line.p[0] == 't')
            let_time_pass(env, mp_of_buf(&args));
        else if (line.p[0] == 'r')
            states_actor.gap(fake_env_actor(env), "objects");
        else if (command[0])
            run_command(env, line.p[0], command, mp_of_buf(&args));
    }
    buf_fini(&args);
}

/* Memory and store hold the same states. */
static void check_scan(fake_env_t *env)
{
    static const char scan[] = "\x92\xc0\xcd\x27\x10"; /* [nil, 10000] */
    buf_t page, list, got;
    err_t status;
    mp_t rows, row, id, state, states, same;
    uint32_t count;
    buf_init(&page);
    buf_init(&list);
    buf_init(&got);
    call(env, "states.scan", mp_of(scan, sizeof scan - 1), &page, &status);
    assert(status == ERR_OK && mp_at(mp_of_buf(&page), 1, &rows) && mp_read_array(&rows, &count));
    for (uint32_t i = 0; i < count; i++) {
        assert(mp_next(&rows, &row) && mp_at(row, 0, &id) && mp_at(row, 1, &state));
        buf_reset(&list);
        mp_put_array(&list, 1);
        mp_put_array(&list, 1);
        mp_put_raw(&list, id);
        call(env, "states.get", mp_of_buf(&list), &got, &status);
        assert(mp_at(mp_of_buf(&got), 1, &states) && mp_at(states, 0, &same));
        assert(mp_equal(state, same));
    }
    buf_fini(&page);
    buf_fini(&list);
    buf_fini(&got);
}

static const char *no_objects(void *arg, const char *actor, const char *command, const char *args)
{
    (void)arg;
    (void)actor;
    (void)command;
    (void)args;
    return "[null,[],null]";
}

static fake_env_t *open_actor(void)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why;
    buf_init(&why);
    log_set_level(LEVEL_ERROR);
    err_t err = config_set(config, "data", STR_LIT(":memory:"), &why);
    assert(err == ERR_OK);
    fake_env_set_peer(env, no_objects, NULL);
    fake_env_open(env, &states_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    run_line(env, STR_LIT("i [\"system.user.guest\",{\"type\":\"user\"}]"));
    run_line(env,
             STR_LIT("i [\"system.group.g\",{\"type\":\"group\",\"common\":{\"members\":"
                     "[\"system.user.guest\"],\"acl\":{\"object\":{\"read\":true,\"list\":true},"
                     "\"state\":{\"read\":true,\"write\":true}}}}]"));
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
    check_scan(env);
    fake_env_destroy(&env);
    return 0;
}
