/* SPDX-License-Identifier: MIT */
/* For the tests of the states actor: the actor with a few objects, in memory unless the test gives
 * a configuration. The clock stands at 1700000000000. */
#ifndef IOBUS_ACTORS_STATES_TEST_H
#define IOBUS_ACTORS_STATES_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/states.h"
#include "bus/log.h"
#include "tests/unit/fake_env.h"

#define NOW "1700000000000"
/* What follows the value in a state that the test's client has written just now. */
#define TAIL(ack)                                                                                  \
    "\"ack\":" ack ",\"ts\":" NOW ",\"q\":0,\"from\":\"system.adapter.socketio.0\","               \
    "\"user\":\"system.user.admin\",\"lc\":" NOW "}"

static inline const char *world_scan(void *arg, const char *actor, const char *command,
                                     const char *args)
{
    (void)args;
    assert_string_equal(actor, "objects");
    assert_string_equal(command, "objects.scan");
    return arg;
}

/* objects: answer of objects.scan as JSON, or NULL: none exist. config may be NULL. */
static inline fake_env_t *world_with(const char *objects, const config_t *config)
{
    static const char nothing[] = "[null,[],null]";
    config_t *own = config_new();
    buf_t why = {0};
    fake_env_t *env = fake_env_new();
    log_set_level(LEVEL_ERROR);
    assert_int_equal(config_set(own, "data", STR_LIT(":memory:"), &why), ERR_OK);
    union {
        const char *text;
        void *arg;
    } scan = {.text = objects ? objects : nothing};
    fake_env_set_peer(env, world_scan, scan.arg);
    fake_env_open(env, &states_actor, config ? config : own);
    config_destroy(&own);
    return env;
}

static inline fake_env_t *world(const char *objects)
{
    return world_with(objects, NULL);
}

typedef struct {
    const char *command, *args, *answer;
} world_row_t;

/* Makes the calls one after the other; ends with command NULL. */
static inline void world_expect(fake_env_t *env, const world_row_t *row)
{
    for (; row->command; row++) {
        const char *answer = fake_env_call(env, row->command, row->args);
        if (strcmp(answer, row->answer) != 0)
            fail_msg("%s %s\n  answers %s\n  not     %s", row->command, row->args, answer,
                     row->answer);
    }
}

/* A client writes or deletes an object. */
static inline void world_object(fake_env_t *env, const char *args)
{
    fake_env_event(env, "objects", "objectChange", "socketio.0", args);
}

#endif
