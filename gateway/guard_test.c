/* SPDX-License-Identifier: MIT */
#include "gateway/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/log.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

typedef struct {
    char folder[64];
    config_t *config;
    endpoints_t *endpoints;
    core_t core;
} world_t;

static int setup(void **state)
{
    static const char *const nobody[] = {NULL};
    buf_t why = {0};
    world_t *self = calloc(1, sizeof *self);
    log_set_level(LEVEL_ERROR);
    snprintf(self->folder, sizeof self->folder, "/tmp/guard_test.XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    self->config = config_new();
    assert_int_equal(config_set(self->config, "run", str_of(self->folder), &why), ERR_OK);
    self->endpoints = endpoints_new(self->config, nobody, &why);
    self->core.requests = requests_new(self->endpoints, "guard-test", 100, 1000000);
    self->core.grants = grants_new(self->core.requests);
    self->core.guard = guard_new(&self->core);
    buf_fini(&why);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    world_t *self = *state;
    guard_destroy(&self->core.guard);
    grants_destroy(&self->core.grants);
    requests_destroy(&self->core.requests);
    endpoints_destroy(&self->endpoints);
    config_destroy(&self->config);
    (void)rmdir(self->folder);
    free(self);
    return 0;
}

static identity_t identity(world_t *self, const char *user, identity_kind_t kind, const char *hash)
{
    identity_t result = {.kind = kind, .user = grants_require(self->core.grants, user, false, 0)};
    memcpy(result.hash, hash, strlen(hash) + 1);
    return result;
}

static void end(world_t *self, const char *user, const char *hash)
{
    guard_end(self->core.guard, str_of(user), str_of(hash), STR_LIT("test"), NULL);
}

/* Usage: did what was just found good end while it was looked at? */
static void a_log_in_under_way_misses_no_end(void **state)
{
    world_t *world = *state;
    guard_t *guard = world->core.guard;
    identity_t anna = identity(world, "system.user.anna", IDENTITY_SESSION, HASH);
    uint64_t before = guard_serial(guard);
    assert_false(guard_has_ended(guard, before, &anna));
    end(world, "system.user.anna", OTHER);
    end(world, "system.user.bob", "");
    assert_false(guard_has_ended(guard, before, &anna));
    end(world, "system.user.anna", HASH);
    assert_true(guard_has_ended(guard, before, &anna));
    assert_false(guard_has_ended(guard, guard_serial(guard), &anna)); /* asked anew */
}

static void the_end_of_a_user_spares_devices(void **state)
{
    world_t *world = *state;
    guard_t *guard = world->core.guard;
    identity_t session = identity(world, "system.user.anna", IDENTITY_SESSION, HASH);
    identity_t password = identity(world, "system.user.anna", IDENTITY_PASSWORD, "");
    identity_t device = identity(world, "system.user.anna", IDENTITY_DEVICE, OTHER);
    uint64_t before = guard_serial(guard);
    end(world, "system.user.anna", "");
    assert_true(guard_has_ended(guard, before, &session));
    assert_true(guard_has_ended(guard, before, &password));
    assert_false(guard_has_ended(guard, before, &device));
    end(world, "system.user.anna", OTHER);
    assert_true(guard_has_ended(guard, before, &device));
}

static void what_cannot_be_known_counts_as_ended(void **state)
{
    world_t *world = *state;
    guard_t *guard = world->core.guard;
    identity_t anna = identity(world, "system.user.anna", IDENTITY_SESSION, HASH);
    uint64_t before = guard_serial(guard);
    for (int i = 0; i < 1000; i++)
        end(world, "system.user.bob", "");
    assert_true(guard_has_ended(guard, before, &anna)); /* more than are remembered */
    before = guard_serial(guard);
    guard_gap(guard); /* first contact: nothing was missed */
    assert_false(guard_has_ended(guard, before, &anna));
    guard_gap(guard);
    assert_true(guard_has_ended(guard, before, &anna));
    assert_false(guard_has_ended(guard, guard_serial(guard), &anna));
}

static void without_a_guard_nothing_ends(void **state)
{
    world_t *world = *state;
    identity_t anna = identity(world, "system.user.anna", IDENTITY_SESSION, HASH);
    assert_int_equal(guard_serial(NULL), 0);
    assert_false(guard_has_ended(NULL, 0, &anna));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_log_in_under_way_misses_no_end, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_of_a_user_spares_devices, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_known_counts_as_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_guard_nothing_ends, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
