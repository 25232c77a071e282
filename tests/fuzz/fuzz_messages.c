/* SPDX-License-Identifier: MIT */
/* The messages actor: lines "CLIENT COMMAND [arguments]", for example `a/1 messages.register
 * ["hue.0","t"]`, `b/7 sendTo ["hue.0","x",1]`, `a/1 iobusReply [1,5]`; "+MS" lets time pass;
 * "=[answer]" answers the questions to other actors. Whatever gateways and clients say,
 * every call is answered once, at the latest when the time is up, and events go to clients only. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/messages.h"
#include "bus/json.h"
#include "bus/log.h"
#include "tests/unit/fake_env.h"

#define LINES_MAX 60 /* fewer than fake_env.h has tickets */
#define LINE_MAX_BYTES 4096
#define TIMEOUT_MS 5000

typedef struct {
    fake_env_t *env;
    const char *answer; /* of other actors; NULL: they are silent */
    bool waits;         /* a call has been deferred */
} world_t;

static const char *others(void *arg, const char *actor, const char *command, const char *args)
{
    const world_t *world = arg;
    (void)command;
    (void)args;
    return strcmp(actor, "states") == 0 ? "[null]" : world->answer;
}

/* [["clientEvent",[client, event, ...]]...] */
static void check_events(world_t *world)
{
    buf_t events = {0};
    mp_t list, row, value;
    uint32_t count, width;
    str_t text;
    err_t err = json_to_mp(&events, str_of(fake_env_events(world->env)));
    assert(err == ERR_OK);
    list = mp_of_buf(&events);
    bool ok = mp_read_array(&list, &count);
    for (uint32_t i = 0; ok && i < count && mp_next(&list, &row); i++) {
        ok = mp_at(row, 0, &value) && mp_read_str(&value, &text) && str_is(text, "clientEvent") &&
             mp_at(row, 1, &row) && mp_read_array(&row, &width) && width >= 3 &&
             mp_read_str(&row, &text) && memchr(text.p, '/', text.len) && mp_read_str(&row, &text);
    }
    assert(ok);
    buf_fini(&events);
}

static void call(world_t *world, const char *client, const char *command, const char *json)
{
    buf_t args = {0};
    err_t status;
    if (json_to_mp(&args, str_of(json)) == ERR_OK && mp_type(mp_of_buf(&args)) == MP_ARRAY) {
        fake_env_set_client(world->env, client);
        mp_t answer = fake_env_call_mp(world->env, command, mp_of_buf(&args), &status);
        assert(mp_check(answer, true) == ERR_OK);
        if (status == ERR_PENDING)
            world->waits = true;
        check_events(world);
    }
    buf_fini(&args);
}

static void answer_questions(world_t *world, const char *json)
{
    buf_t answer = {0};
    if (json_to_mp(&answer, str_of(json)) == ERR_OK && mp_type(mp_of_buf(&answer)) == MP_ARRAY) {
        world->answer = json;
        fake_env_set_peer(world->env, others, world);
        world->answer = NULL;
    }
    buf_fini(&answer);
}

static void run_line(world_t *world, char *line)
{
    char *command = strchr(line, ' ');
    char *args = command ? strchr(command + 1, ' ') : NULL;
    if (line[0] == '+') {
        fake_env_advance(world->env, strtol(line + 1, NULL, 10) % 100000);
        check_events(world);
    } else if (line[0] == '=') {
        answer_questions(world, line + 1);
    } else if (args && strlen(line) < LINE_MAX_BYTES && args - line < 200) {
        *command++ = *args++ = '\0';
        call(world, line, command, args);
    }
}

static void finish(world_t *world)
{
    answer_questions(world, "[1]");
    for (int i = 0; i < 3; i++)
        fake_env_advance(world->env, TIMEOUT_MS);
    assert(!world->waits || fake_env_answer(world->env));
    check_events(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[LINE_MAX_BYTES];
    world_t world = {.env = fake_env_new()};
    config_t *config = config_new();
    buf_t why = {0};
    log_set_level(LEVEL_ERROR);
    err_t err = config_set(config, "message-timeout", STR_LIT("5s"), &why);
    assert(err == ERR_OK);
    fake_env_set_peer(world.env, others, &world);
    fake_env_open(world.env, &messages_actor, config);
    for (int i = 0; i < LINES_MAX && size > 0; i++) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) : size;
        if (len < sizeof line && !memchr(data, 0, len)) {
            memcpy(line, data, len);
            line[len] = '\0';
            run_line(&world, line);
        }
        len += end ? 1 : 0;
        data += len;
        size -= len;
    }
    finish(&world);
    fake_env_destroy(&world.env);
    config_destroy(&config);
    buf_fini(&why);
    return 0;
}
