/* SPDX-License-Identifier: MIT */
/* What the tests of the files actor share: an actor in memory whose objects are a few storages,
 * users and groups. */
#ifndef IOBUS_ACTORS_FILES_TEST_H
#define IOBUS_ACTORS_FILES_TEST_H

#include "actors/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"
#include "tests/unit/fake_env.h"

#define NO_RIGHTS                                                                                  \
    "{\"list\":false,\"read\":false,\"write\":false,\"create\":false,\"delete\":false}"
#define GUEST_RIGHTS                                                                               \
    "{\"list\":true,\"read\":true,\"write\":false,\"create\":false,\"delete\":false}"
#define OPERATOR_RIGHTS                                                                            \
    "{\"list\":true,\"read\":true,\"write\":true,\"create\":true,\"delete\":true}"
#define GROUP(name, member, rights)                                                                \
    "[\"system.group." name "\",{\"type\":\"group\",\"common\":{\"name\":\"" name                  \
    "\",\"members\":[\"system.user." member "\"],\"acl\":{\"file\":" rights "}}}],"
#define USER(name)                                                                                 \
    "[\"system.user." name "\",{\"type\":\"user\",\"common\":{\"name\":\"" name                    \
    "\",\"enabled\":true}}],"
#define META(id) "[\"" id "\",{\"type\":\"meta\",\"common\":{\"name\":\"" id "\"}}]"

static inline const char *files_test_objects(void *arg, const char *actor, const char *command,
                                             const char *args_json)
{
    (void)arg;
    (void)args_json;
    assert_string_equal(actor, "objects");
    assert_string_equal(command, "objects.scan");
    return "[null,[" GROUP("administrator", "admin", OPERATOR_RIGHTS)
        GROUP("operators", "operator", OPERATOR_RIGHTS) GROUP("guests", "guest", GUEST_RIGHTS)
            GROUP("nobody", "nobody", NO_RIGHTS) USER("admin") USER("operator") USER("guest")
                USER("nobody") META("vis.0") "," META("vis") "," META("web.admin") "],null]";
}

static inline fake_env_t *files_test_env(void)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    assert_int_equal(config_set(config, "max-file", STR_LIT("1000000"), &why), ERR_OK);
    fake_env_set_peer(env, files_test_objects, NULL);
    fake_env_open(env, &files_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    return env;
}

static inline int files_test_set_up(void **state)
{
    *state = files_test_env();
    return 0;
}

static inline int files_test_tear_down(void **state)
{
    fake_env_t *env = *state;
    fake_env_destroy(&env);
    return 0;
}

/* One call and its answer; and one call whose whole answer is this text. */
#define ASSERT_CALL(env, command, args, answer)                                                    \
    assert_string_equal(fake_env_call(env, command, args), answer)
#define ASSERT_OK(env, command, args) ASSERT_CALL(env, command, args, "[null]")

#endif
