/* SPDX-License-Identifier: MIT */
/* What tests of the auth actor share: objects in memory that answer its questions and tell it about
 * changes, and waiting for passwords, which are hashed in other threads. */
#ifndef IOBUS_ACTORS_AUTH_TEST_H
#define IOBUS_ACTORS_AUTH_TEST_H

#include <assert.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/auth.h"
#include "actors/password.h"
#include "tests/unit/fake_env.h"

typedef struct {
    fake_env_t *env;
    json_t *objects;
    json_t *changed; /* ids whose events have not been told yet */
    bool refuse;     /* writes fail */
    bool silent;     /* reads are not answered */
    char *answer;
} auth_world_t;

static inline json_t *world_patch(json_t *object, const json_t *patch)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)patch, key, value)
    {
        json_t *old = json_object_get(object, key);
        if (json_is_object(old) && json_is_object(value))
            world_patch(old, value);
        else
            json_object_set(object, key, value);
    }
    return object;
}

static inline json_t *world_write(auth_world_t *world, const char *command, const json_t *args)
{
    if (world->refuse)
        return json_pack("[s]", "Storage is read-only");
    if (strcmp(command, "objects.patch") == 0) {
        const char *id = json_string_value(json_array_get(args, 0));
        json_t *object = json_object_get(world->objects, id);
        object = object ? json_incref(object) : json_object();
        json_object_set_new(world->objects, id, world_patch(object, json_array_get(args, 1)));
        json_object_set_new(world->changed, id, json_true());
        return json_pack("[n]");
    }
    const char *id = json_string_value(json_array_get(json_array_get(args, 0), 0));
    json_object_del(world->objects, id);
    json_object_set_new(world->changed, id, json_true());
    return json_pack("[ni]", 1);
}

static inline const char *world_answer(void *arg, const char *actor, const char *command,
                                       const char *args_text)
{
    auth_world_t *world = arg;
    json_t *args = json_loads(args_text, 0, NULL), *answer, *list = json_array(), *value;
    const char *id;
    size_t i;
    bool scan = strcmp(command, "objects.scan") == 0;
    if (strcmp(actor, "objects") != 0 || (world->silent && !scan)) {
        json_decref(args);
        json_decref(list);
        return NULL;
    }
    if (scan) {
        json_object_foreach(world->objects, id, value)
        {
            json_array_append_new(list, json_pack("[sO]", id, value));
        }
        answer = json_pack("[nOn]", list);
    } else if (strcmp(command, "objects.peek") == 0) {
        json_array_foreach(json_array_get(args, 0), i, value)
        {
            json_t *object = json_object_get(world->objects, json_string_value(value));
            json_array_append_new(list, object ? json_incref(object) : json_null());
        }
        answer = json_pack("[nO]", list);
    } else {
        answer = world_write(world, command, args);
    }
    free(world->answer);
    world->answer = json_dumps(answer, 0);
    json_decref(answer);
    json_decref(args);
    json_decref(list);
    return world->answer;
}

/* Tells the actor of the changes, as events without passwords. */
static inline void world_tell(auth_world_t *world)
{
    json_t *changed = world->changed, *value;
    const char *id;
    world->changed = json_object();
    json_object_foreach(changed, id, value)
    {
        json_t *object = json_deep_copy(json_object_get(world->objects, id));
        json_object_del(json_object_get(object, "common"), "password");
        json_t *args = object ? json_pack("[so]", id, object) : json_pack("[sn]", id);
        char *text = json_dumps(args, 0);
        fake_env_event(world->env, "objects", "objectChange", "socketio.0", text);
        free(text);
        json_decref(args);
    }
    json_decref(changed);
}

static inline void world_put(auth_world_t *world, const char *id, const char *json)
{
    json_object_set_new(world->objects, id, json_loads(json, 0, NULL));
    json_object_set_new(world->changed, id, json_true());
}

/* A user with a password that costs little. */
static inline void world_put_user(auth_world_t *world, const char *name, const char *password,
                                  bool enabled)
{
    static const uint8_t salt[PASSWORD_SALT_BYTES] = {1, 2, 3};
    char id[64], object[1024];
    buf_t hash = {0};
    if (password) {
        bool made = password_hash(&hash, str_of(password), 10, salt);
        assert(made);
    }
    snprintf(id, sizeof id, "system.user.%s", name);
    snprintf(object, sizeof object,
             "{\"type\":\"user\",\"common\":{\"name\":\"%s\",\"enabled\":%s,"
             "\"password\":\"%.*s\"}}",
             name, enabled ? "true" : "false", STR_ARG(buf_str(&hash)));
    world_put(world, id, object);
    buf_fini(&hash);
}

/* More of the configuration: pairs of key and value, ends with NULL. */
static inline void world_open(auth_world_t *world, const char *const *settings)
{
    buf_t why = {0};
    config_t *config = config_new();
    *world = (auth_world_t){.env = fake_env_new()};
    world->objects = json_object();
    world->changed = json_object();
    world_put_user(world, "admin", "root-pw", true);
    world_put_user(world, "anna", "anna-pw", true);
    world_put_user(world, "off", "off-pw", false);
    world_put_user(world, "empty", NULL, true);
    world_put(world, "system.group.g",
              "{\"type\":\"group\",\"common\":{\"name\":\"G\",\"members\":[\"system.user.anna\"],"
              "\"acl\":{\"object\":{\"read\":true},\"state\":{\"read\":true,\"write\":true}}}}");
    json_object_clear(world->changed);
    err_t err = config_set(config, "data", STR_LIT(":memory:"), &why);
    for (size_t i = 0; settings && settings[i] && err == ERR_OK; i += 2)
        err = config_set(config, settings[i], str_of(settings[i + 1]), &why);
    assert(err == ERR_OK);
    fake_env_set_peer(world->env, world_answer, world);
    fake_env_open(world->env, &auth_actor, config);
    fake_env_set_user(world->env, "");
    fake_env_set_instance(world->env, "");
    (void)fake_env_events(world->env);
    config_destroy(&config);
    buf_fini(&why);
}

static inline void world_close(auth_world_t *world)
{
    fake_env_destroy(&world->env);
    json_decref(world->objects);
    json_decref(world->changed);
    free(world->answer);
}

static inline int64_t world_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The answer of the last deferred call; the clock of the actor stands still. */
static inline const char *world_await(auth_world_t *world)
{
    int64_t deadline = world_clock_ms() + 10000;
    const char *answer;
    while ((answer = fake_env_answer(world->env)) == NULL && world_clock_ms() < deadline) {
        fake_env_advance(world->env, 0);
        poll(NULL, 0, 1);
    }
    return answer ? answer : "NONE";
}

/* A call whose answer may come later. */
static inline const char *world_call(auth_world_t *world, const char *command, const char *args)
{
    const char *answer = fake_env_call(world->env, command, args);
    return strcmp(answer, "PENDING") == 0 ? world_await(world) : answer;
}

/* The answer as a tree; its element at a key of the second argument, as text in `out`. */
static inline const char *world_take(const char *answer, const char *key, char *out, size_t size)
{
    json_t *tree = json_loads(answer, 0, NULL);
    json_t *value = json_object_get(json_array_get(tree, 1), key);
    if (json_is_integer(value))
        snprintf(out, size, "%lld", (long long)json_integer_value(value));
    else
        snprintf(out, size, "%s", json_is_string(value) ? json_string_value(value) : "");
    json_decref(tree);
    return out;
}

#endif
