/* SPDX-License-Identifier: MIT */
/* What the tests of the objects actor share: the actor on a store in memory, without a default acl,
 * and one comparison. */
#ifndef IOBUS_ACTORS_OBJECTS_TEST_H
#define IOBUS_ACTORS_OBJECTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/objects.h"
#include "tests/unit/fake_env.h"

static inline int set_up(void **state)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why;
    buf_init(&why);
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    assert_int_equal(config_set(config, "max-value", STR_LIT("4096"), &why), ERR_OK);
    fake_env_open(env, &objects_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    /* Objects without acl, as in an installation whose settings have no default. */
    fake_env_call(env, "extendObject", "[\"system.config\",{\"common\":{\"defaultNewAcl\":null}}]");
    fake_env_events(env);
    *state = env;
    return 0;
}

static inline int tear_down(void **state)
{
    fake_env_t *env = *state;
    fake_env_destroy(&env);
    return 0;
}

static inline void check(fake_env_t *env, const char *command, const char *args, const char *want)
{
    assert_string_equal(fake_env_call(env, command, args), want);
}

#endif
