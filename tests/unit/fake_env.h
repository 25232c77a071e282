/* SPDX-License-Identifier: MIT */
/* env_t in memory: drives a whole actor in one thread, without sockets. The clock stands still
 * until it is moved; random bytes come from a seed; published events and questions are recorded.
 *
 *     fake_env_t *env = fake_env_new();
 *     fake_env_open(env, &states_actor, config);
 *     const char *answer = fake_env_call(env, "setState", "[\"a.b\", 5]");   // JSON in, JSON out
 *     assert_string_equal(answer, "[null,\"a.b\"]");
 *
 * Thread contract: one thread. */
#ifndef IOBUS_TESTS_FAKE_ENV_H
#define IOBUS_TESTS_FAKE_ENV_H

#include "bus/config.h"
#include "bus/env.h"

typedef struct fake_env fake_env_t;

fake_env_t *fake_env_new(void);
void fake_env_destroy(fake_env_t **self_p); /* closes the actor */
env_t *fake_env_env(fake_env_t *self);
/* Opens the actor (asserts success), then reports the gap of each followed actor. config may be
 * NULL: defaults with data in a fresh temporary folder that is removed at the end. */
void fake_env_open(fake_env_t *self, const actor_t *actor, const config_t *config);
void *fake_env_actor(fake_env_t *self);
void fake_env_advance(fake_env_t *self, int64_t ms);        /* moves both clocks, runs tick */
void fake_env_set_user(fake_env_t *self, const char *user); /* default system.user.admin */
void fake_env_set_instance(fake_env_t *self, const char *instance); /* default socketio.0 */
/* Who calls: a client "peer/number", default "test/1". The peer is what stands before the slash. */
void fake_env_set_client(fake_env_t *self, const char *client);

/* One request as a batch of its own, through the table (unknown command, min_args, flags as the
 * dispatcher does), commit included. Arguments and answer as JSON text; the answer is valid until
 * the next call. "PENDING" when the handler deferred: look at fake_env_answer. */
const char *fake_env_call(fake_env_t *self, const char *command, const char *args_json);
/* The same with msgpack. status receives the handler's result. */
mp_t fake_env_call_mp(fake_env_t *self, const char *command, mp_t args, err_t *status);
/* The answer given later under the last ticket, as JSON; NULL while there is none. */
const char *fake_env_answer(fake_env_t *self);
/* Events published since the last look, as JSON: [["stateChange",["id",{...}]],...]. */
const char *fake_env_events(fake_env_t *self);
/* The acls of the events published since the last look: [nil, {...}, ...] as JSON. */
const char *fake_env_acls(fake_env_t *self);
/* Questions asked since the last look: [["objects","objects.scan",[...]],...]. */
const char *fake_env_asked(fake_env_t *self);
/* Answers the oldest open question: status and JSON array. */
void fake_env_reply(fake_env_t *self, err_t status, const char *answer_json);
/* Answers questions by a function of the test instead; returns JSON array text (static) or NULL:
 * leave it open. */
typedef const char *fake_env_peer_fn(void *arg, const char *actor, const char *command,
                                     const char *args_json);
void fake_env_set_peer(fake_env_t *self, fake_env_peer_fn *peer, void *arg);
/* Hands an event of another actor to the actor under test. */
void fake_env_event(fake_env_t *self, const char *actor, const char *name, const char *instance,
                    const char *args_json);
/* Makes the next commits fail with this error (ERR_OK: ends it), where the actor's own commit
 * succeeded is moot: the actor's commit is not called. */
void fake_env_fail_commit(fake_env_t *self, err_t err);

#endif
