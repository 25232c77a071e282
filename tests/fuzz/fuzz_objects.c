/* SPDX-License-Identifier: MIT */
/* The objects actor: sequences of commands. A line is a caller ('a' the administrator, 'g' a guest
 * who may read and write, 's' the system), a command and its arguments as JSON: `asetObject
 * ["a.b",{}]`. Properties: every command gives a well-formed answer; an object that was set is read
 * back with what was given; what a scan shows is what can be read. */
#include <assert.h>
#include <string.h>

#include "actors/objects.h"
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

/* Keys that a write fills in or merges. */
static bool is_filled(str_t key)
{
    static const char *const keys[] = {"from", "user",   "ts",     "_id",
                                       "acl",  "common", "native", "nonEdit"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (str_is(key, keys[i]))
            return true;
    }
    return false;
}

static void check_kept(mp_t given, mp_t stored)
{
    uint32_t count;
    mp_t at = given, value, last, found;
    str_t key;
    if (mp_find(given, "nonEdit", &value) || mp_find(stored, "nonEdit", &value))
        return; /* its vendor decides */
    if (!mp_read_map(&at, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        assert(mp_read_str(&at, &key) && mp_next(&at, &value));
        char name[64];
        if (is_filled(key) || key.len >= sizeof name || memchr(key.p, 0, key.len))
            continue;
        memcpy(name, key.p, key.len);
        name[key.len] = '\0';
        assert(mp_find(given, name, &last) && mp_find(stored, name, &found));
        assert(mp_equal(last, found));
    }
}

/* After an answer [nil, {id}] of setObject the system reads what was given. */
static void check_set(fake_env_t *env, mp_t args, mp_t answer)
{
    mp_t result, given, stored;
    str_t id, own;
    buf_t list, got;
    err_t status;
    if (!mp_at(answer, 1, &result) || !mp_find_str(result, "id", &id) || !mp_at(args, 1, &given))
        return;
    buf_init(&list);
    buf_init(&got);
    fake_env_set_user(env, "");
    fake_env_set_instance(env, "");
    mp_put_array(&list, 1);
    mp_put_str(&list, id);
    call(env, "getObject", mp_of_buf(&list), &got, &status);
    assert(status == ERR_OK && mp_at(mp_of_buf(&got), 1, &stored));
    assert(mp_find_str(stored, "_id", &own) && str_eq(own, id));
    check_kept(given, stored);
    buf_fini(&list);
    buf_fini(&got);
}

static void become(fake_env_t *env, char who)
{
    fake_env_set_user(env, who == 's'   ? ""
                           : who == 'g' ? "system.user.guest"
                                        : "system.user.admin");
    fake_env_set_instance(env, who == 's' ? "" : "socketio.0");
}

static void run_line(fake_env_t *env, str_t line)
{
    char command[32];
    const char *blank = line.len ? memchr(line.p, ' ', line.len) : NULL;
    size_t len = blank ? (size_t)(blank - line.p) : 0;
    if (len < 2 || len > sizeof command)
        return;
    memcpy(command, line.p + 1, len - 1);
    command[len - 1] = '\0';
    buf_t args, answer;
    err_t status;
    buf_init(&args);
    buf_init(&answer);
    if (json_to_mp(&args, (str_t){blank + 1, line.len - len - 1}) == ERR_OK &&
        mp_type(mp_of_buf(&args)) == MP_ARRAY) {
        become(env, line.p[0]);
        call(env, command, mp_of_buf(&args), &answer, &status);
        if (status == ERR_OK && strcmp(command, "setObject") == 0)
            check_set(env, mp_of_buf(&args), mp_of_buf(&answer));
    }
    buf_fini(&args);
    buf_fini(&answer);
}

/* Every object that a scan shows can be read under its id and is the same there. */
static void check_scan(fake_env_t *env)
{
    static const char scan[] = "\x92\xc0\xcd\x27\x10"; /* [nil, 10000] */
    buf_t page, list, got;
    err_t status;
    mp_t rows, row, id, object, objects, same;
    uint32_t count;
    buf_init(&page);
    buf_init(&list);
    buf_init(&got);
    become(env, 's');
    call(env, "objects.scan", mp_of(scan, sizeof scan - 1), &page, &status);
    assert(status == ERR_OK && mp_at(mp_of_buf(&page), 1, &rows) && mp_read_array(&rows, &count));
    for (uint32_t i = 0; i < count; i++) {
        assert(mp_next(&rows, &row) && mp_at(row, 0, &id) && mp_at(row, 1, &object));
        buf_reset(&list);
        mp_put_array(&list, 1);
        mp_put_array(&list, 1);
        mp_put_raw(&list, id);
        call(env, "objects.get", mp_of_buf(&list), &got, &status);
        assert(mp_at(mp_of_buf(&got), 1, &objects) && mp_at(objects, 0, &same));
        assert(mp_equal(object, same));
    }
    buf_fini(&page);
    buf_fini(&list);
    buf_fini(&got);
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
    fake_env_open(env, &objects_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    run_line(env, STR_LIT("asetObject [\"system.user.guest\",{\"type\":\"user\"}]"));
    run_line(env,
             STR_LIT("asetObject [\"system.group.g\",{\"type\":\"group\",\"common\":{\"members\":"
                     "[\"system.user.guest\"],\"acl\":{\"object\":{\"read\":true,\"list\":true,"
                     "\"write\":true,\"delete\":true}}}}]"));
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
