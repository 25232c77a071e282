/* SPDX-License-Identifier: MIT */
/* The host actor: host commands and administrator's commands with any arguments, and other actors
 * that answer anything. A line is 'a' the administrator, 'g' somebody with no rights, then a
 * command and its arguments: `ahost.message ["readDirAsZip",{"id":"vis.0"}]` 'p' what the other
 * actors answer from now on, an array; `p` alone: they are gone 't' milliseconds pass: `t [500]`
 * Properties: every call is answered once, by an array; what has no error argument answers one
 * value; without rights nothing is asked of the log actor; no event is sent, because commands are
 * not run. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/host.h"
#include "bus/json.h"
#include "bus/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_env.h"

#define LINES_MAX 64
#define ANSWER_MAX 65536

static char peers[ANSWER_MAX]; /* what they answer; "": nothing */
static bool guest;

static const char *answer_of(void *arg, const char *actor, const char *command, const char *args)
{
    (void)arg, (void)args;
    assert(!guest || strcmp(actor, "log") != 0 || strcmp(command, "log.files") == 0 ||
           strcmp(command, "log.read") == 0);
    if (strcmp(command, "objects.scan") == 0)
        return "[null,[],null]";
    return peers[0] ? peers : NULL;
}

static void check_answer(str_t command, mp_t answer)
{
    mp_t at = answer;
    uint32_t count;
    bool is_array = mp_read_array(&at, &count);
    assert(is_array && mp_check(answer, true) == ERR_OK);
    assert(!str_is(command, "host.message") || count == 1);
}

/* An answer that came later; of actors that are gone it comes at the end of the input. */
static void check_later(fake_env_t *env, str_t command)
{
    buf_t args = {0};
    const char *json = fake_env_answer(env);
    assert(json || !peers[0]);
    if (json && json_to_mp(&args, str_of(json)) == ERR_OK)
        check_answer(command, mp_of_buf(&args));
    buf_fini(&args);
}

static void run_call(fake_env_t *env, char who, str_t text)
{
    const char *blank = memchr(text.p, ' ', text.len);
    size_t at = blank ? (size_t)(blank - text.p) : text.len;
    char command[64];
    buf_t args = {0};
    err_t status;
    guest = who == 'g';
    fake_env_set_user(env, guest ? "system.user.guest" : "system.user.admin");
    snprintf(command, sizeof command, "%.*s", (int)(at < 63 ? at : 63), text.p);
    str_t json = blank ? (str_t){blank + 1, text.len - at - 1} : STR_LIT("[]");
    if (json_to_mp(&args, json) == ERR_OK && mp_type(mp_of_buf(&args)) == MP_ARRAY) {
        mp_t answer = fake_env_call_mp(env, command, mp_of_buf(&args), &status);
        if (status == ERR_PENDING)
            check_later(env, str_of(command));
        else if (status == ERR_OK)
            check_answer(str_of(command), answer);
    }
    buf_fini(&args);
}

static void run_peers(str_t text)
{
    buf_t value = {0};
    peers[0] = '\0';
    if (text.len < ANSWER_MAX && json_to_mp(&value, text) == ERR_OK &&
        mp_type(mp_of_buf(&value)) == MP_ARRAY && !memchr(text.p, 0, text.len))
        snprintf(peers, sizeof peers, "%.*s", STR_ARG(text));
    buf_fini(&value);
}

static void run_time(fake_env_t *env, str_t text)
{
    buf_t value = {0};
    mp_t first;
    int64_t ms;
    if (json_to_mp(&value, text) == ERR_OK && mp_at(mp_of_buf(&value), 0, &first) &&
        mp_read_int(&first, &ms) && ms >= 0 && ms < 1000000)
        fake_env_advance(env, ms);
    buf_fini(&value);
}

static void run_line(fake_env_t *env, str_t line)
{
    if (line.len == 0)
        return;
    str_t rest = {line.p + 1, line.len - 1};
    if (line.p[0] == 'p')
        run_peers(rest);
    else if (line.p[0] == 't')
        run_time(env, rest);
    else
        run_call(env, line.p[0], rest);
}

static fake_env_t *open_actor(void)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    log_set_level(LEVEL_ERROR);
    err_t err = config_set(config, "data", STR_LIT("/"), &why);
    assert(err == ERR_OK);
    err = config_set(config, "zip-max", STR_LIT("64k"), &why);
    assert(err == ERR_OK);
    peers[0] = '\0';
    fake_env_set_peer(env, answer_of, NULL);
    fake_env_open(env, &host_actor, config);
    config_destroy(&config);
    buf_fini(&why);
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
        rest = (str_t){rest.p + len, rest.len - len};
    }
    assert(strcmp(fake_env_events(env), "[]") == 0);
    snprintf(peers, sizeof peers, "[null]"); /* whoever was gone is back: env.h has all answered */
    guest = false;
    fake_env_set_peer(env, answer_of, NULL);
    fake_env_destroy(&env);
    return 0;
}
