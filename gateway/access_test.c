/* SPDX-License-Identifier: MIT */
/* Who may see what, with an auth actor on the bus that says what the test wants. */
#include "gateway/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/dispatch.h"
#include "bus/json.h"
#include "bus/log.h"
#include "bus/sock.h"

#define PATIENCE_MS 5000
#define GRANTED "{\"object\":{\"read\":true},\"state\":{\"read\":true},\"file\":{\"read\":true}}"

/* --- the auth actor ------------------------------------------------------------------------------
 */

static atomic_bool anna_has_left, auth_is_mute;

static const struct {
    const char *user, *answer;
} identities[] = {
    {"system.user.anna", "[" GRANTED ",false,[\"people\"]]"},
    {"system.user.admin", "[" GRANTED ",true,[\"administrators\"]]"},
    {"system.user.boss", "[" GRANTED ",true,[\"administrators\",\"people\"]]"},
    {"system.user.clerk", "[{\"state\":{\"read\":true}},false,[\"people\"]]"},
    {"system.user.writer", "[{\"object\":{\"write\":true}},false,[]]"},
    {"system.user.odd", "[{},5,7]"},
};

static err_t auth_on_identity(void *self, const request_t *request, reply_t *reply)
{
    mp_t value, answer, item;
    str_t user = {"", 0};
    buf_t text = {0};
    uint32_t count = 0;
    const char *json = "[{}]";
    (void)self;
    if (atomic_load(&auth_is_mute))
        return ERR_UNAVAILABLE;
    if (request_arg(request, 0, &value))
        (void)mp_read_str(&value, &user);
    for (size_t i = 0; i < sizeof identities / sizeof identities[0]; i++)
        json = str_is(user, identities[i].user) ? identities[i].answer : json;
    if (str_is(user, "system.user.anna") && atomic_load(&anna_has_left))
        json = "[" GRANTED ",false,[]]";
    assert_int_equal(json_to_mp(&text, str_of(json)), ERR_OK);
    answer = mp_of_buf(&text);
    reply_nil(reply);
    (void)mp_read_array(&answer, &count);
    for (uint32_t i = 0; i < count && mp_next(&answer, &item); i++)
        reply_raw(reply, item);
    buf_fini(&text);
    return ERR_OK;
}

static err_t auth_open(env_t *env, const config_t *config, void **self, buf_t *why)
{
    static int nothing;
    (void)env;
    (void)config;
    (void)why;
    *self = &nothing;
    return ERR_OK;
}

static void auth_close(void **self)
{
    *self = NULL;
}

static const command_t commands[] = {{"auth.identity", auth_on_identity, 1, CMD_READ},
                                     {NULL, NULL, 0, 0}};
static const actor_t auth = {
    .name = "auth", .commands = commands, .open = auth_open, .close = auth_close};

/* --- the world -----------------------------------------------------------------------------------
 */

typedef struct {
    char folder[64];
    config_t *config;
    endpoints_t *endpoints;
    dispatch_t *running;
    requests_t *requests;
    grants_t *grants;
    access_t *access;
} world_t;

static int setup(void **state)
{
    static const char *const local[] = {"auth", NULL};
    buf_t why = {0};
    world_t *self = calloc(1, sizeof *self);
    log_set_level(LEVEL_ERROR);
    atomic_store(&anna_has_left, false);
    atomic_store(&auth_is_mute, false);
    snprintf(self->folder, sizeof self->folder, "/tmp/access_test.XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    self->config = config_new();
    assert_int_equal(config_set(self->config, "data", str_of(self->folder), &why), ERR_OK);
    assert_int_equal(config_set(self->config, "run", str_of(self->folder), &why), ERR_OK);
    self->endpoints = endpoints_new(self->config, local, &why);
    self->running = dispatch_start(&auth, self->config, self->endpoints, &why);
    assert_non_null(self->running);
    self->requests = requests_new(self->endpoints, "gateway-test", 100, 1000000);
    self->grants = grants_new(self->requests);
    self->access = access_new();
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    world_t *self = *state;
    char command[128];
    access_destroy(&self->access);
    grants_destroy(&self->grants);
    requests_destroy(&self->requests);
    dispatch_stop(self->running);
    assert_true(dispatch_wait(self->running, sock_mono_ms() + PATIENCE_MS));
    dispatch_destroy(&self->running);
    endpoints_destroy(&self->endpoints);
    config_destroy(&self->config);
    snprintf(command, sizeof command, "rm -rf %s", self->folder);
    (void)!system(command);
    free(self);
    return 0;
}

static void turn(world_t *self)
{
    zmq_pollitem_t items[16];
    requests_flush(self->requests);
    if (!requests_process(self->requests))
        zmq_poll(items, (int)requests_poll_items(self->requests, items, 16), 20);
    (void)requests_expire(self->requests, sock_mono_ms());
}

static void await_user(world_t *self, const grants_user_t *user)
{
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    while (!grants_is_known(user) && sock_mono_ms() < until)
        turn(self);
    assert_true(grants_is_known(user));
}

static grants_user_t *require_user(world_t *self, const char *name, bool read_only)
{
    buf_t id = {0};
    buf_printf(&id, "system.user.%s", name);
    buf_append_byte(&id, 0);
    grants_user_t *user =
        grants_require(self->grants, (const char *)id.data, read_only, sock_mono_ms());
    buf_fini(&id);
    await_user(self, user);
    return user;
}

static bool sees(world_t *self, const grants_user_t *user, subs_kind_t kind, const char *acl)
{
    buf_t buf = {0};
    assert_int_equal(json_to_mp(&buf, str_of(acl)), ERR_OK);
    bool allowed = access_allows(access_require(self->access, kind, mp_of_buf(&buf)), user);
    buf_fini(&buf);
    return allowed;
}

/* --- tests ---------------------------------------------------------------------------------------
 */

#define OWNED(bits) "{\"owner\":\"system.user.anna\",\"object\":" bits "}"
#define SHARED(bits) "{\"ownerGroup\":\"people\",\"object\":" bits ",\"state\":" bits "}"

/* Usage: the acl of an event and a user. 1536 is 0x600, 96 0x060, 6 0x006. */
static void rights_decide(void **state)
{
    world_t *world = *state;
    static const struct {
        const char *user;
        subs_kind_t kind;
        const char *acl;
        bool sees;
    } rows[] = {
        {"anna", SUBS_STATES, "null", true},
        {"anna", SUBS_STATES, "{}", true},
        {"anna", SUBS_STATES, OWNED("1536"), true},
        {"anna", SUBS_STATES, OWNED("102"), false},
        {"anna", SUBS_STATES, SHARED("96"), true},
        {"anna", SUBS_STATES, SHARED("6"), false},
        {"anna", SUBS_STATES, "{\"object\":6,\"state\":0}", false},
        {"anna", SUBS_STATES, "{\"object\":0,\"state\":6}", false},
        {"anna", SUBS_OBJECTS, "{\"object\":6,\"state\":0}", true},
        {"anna", SUBS_STATES, "[" SHARED("96") "," OWNED("1536") "]", true},
        {"anna", SUBS_STATES, "[" SHARED("96") "," OWNED("102") "]", false},
        {"anna", SUBS_STATES, "[" SHARED("96") ",5]", false},
        {"anna", SUBS_STATES, "\"what\"", false},
        {"anna", SUBS_FILES, "{\"permissions\":4}", true},
        {"anna", SUBS_FILES, "{\"permissions\":1536}", false},
        {"anna", SUBS_LOG, "null", false},
        {"boss", SUBS_OBJECTS, "{\"object\":0}", true},
        {"boss", SUBS_FILES, "{\"permissions\":0}", true},
        {"boss", SUBS_STATES, "{\"object\":0,\"state\":4}", true},
        {"boss", SUBS_STATES, "{\"object\":0,\"state\":0}", false},
        {"boss", SUBS_STATES, SHARED("96"), true}, /* in more groups than administrators */
        {"clerk", SUBS_STATES, "null", true},
        {"clerk", SUBS_STATES, "{}", false}, /* may not read objects */
        {"clerk", SUBS_OBJECTS, "{}", false},
        {"clerk", SUBS_FILES, "{}", false},
        {"writer", SUBS_LOG, "null", true},
        {"writer", SUBS_STATES, "null", false},
        {"odd", SUBS_STATES, "null", false},
        {"nobody", SUBS_STATES, "null", false},
        {"admin", SUBS_STATES, "{\"object\":0,\"state\":0}", true},
        {"admin", SUBS_LOG, "\"what\"", true},
    };
    for (int round = 0; round < 2; round++) { /* worked out, then remembered */
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const grants_user_t *user = require_user(world, rows[i].user, false);
            if (sees(world, user, rows[i].kind, rows[i].acl) != rows[i].sees)
                fail_msg("%s and %s", rows[i].user, rows[i].acl);
        }
    }
}

static void many_acls_are_no_problem(void **state)
{
    world_t *world = *state;
    char acl[64];
    const grants_user_t *user = require_user(world, "anna", false);
    for (int i = 0; i < 20000; i++) {
        snprintf(acl, sizeof acl, "{\"ownerGroup\":\"g%d\",\"object\":%d}", i, i & 1 ? 4 : 0);
        assert_int_equal(sees(world, user, SUBS_OBJECTS, acl), i & 1);
    }
}

/* Between a change of the groups and the answer that knows of it nobody sees anything. */
static void what_is_doubtful_is_not_allowed(void **state)
{
    world_t *world = *state;
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    const grants_user_t *root = require_user(world, "admin", false);
    grants_doubt(world->grants, 1, 1, sock_mono_ms());
    assert_false(grants_doubtful(world->grants)); /* there is only one who may everything */
    const grants_user_t *user = require_user(world, "anna", false);
    assert_true(sees(world, user, SUBS_STATES, SHARED("96")));
    atomic_store(&anna_has_left, true);
    grants_doubt(world->grants, 1, 2, sock_mono_ms());
    grants_doubt(world->grants, 1, 3, sock_mono_ms());
    assert_true(grants_doubtful(world->grants));
    assert_false(sees(world, user, SUBS_STATES, "null"));
    assert_true(sees(world, root, SUBS_STATES, SHARED("0")));
    while (grants_doubtful(world->grants) && sock_mono_ms() < until)
        turn(world);
    assert_false(grants_doubtful(world->grants));
    assert_true(sees(world, user, SUBS_STATES, "null"));
    assert_false(sees(world, user, SUBS_STATES, SHARED("96")));
}

static void doubt_stays_until_somebody_knows(void **state)
{
    world_t *world = *state;
    int64_t until = sock_mono_ms() + PATIENCE_MS, start = sock_mono_ms();
    const grants_user_t *user = require_user(world, "anna", false);
    atomic_store(&auth_is_mute, true);
    grants_doubt(world->grants, 1, 2, sock_mono_ms());
    while (sock_mono_ms() < start + 100) {
        grants_retry(world->grants, sock_mono_ms());
        turn(world);
    }
    assert_false(sees(world, user, SUBS_STATES, "null"));
    atomic_store(&auth_is_mute, false);
    while (grants_doubtful(world->grants) && sock_mono_ms() < until) {
        grants_retry(world->grants, sock_mono_ms());
        turn(world);
    }
    assert_true(sees(world, user, SUBS_STATES, "null"));
}

/* A log-in that may only read is not above everything, whoever made it. */
static void a_read_only_administrator_reads(void **state)
{
    world_t *world = *state;
    const grants_user_t *user = require_user(world, "boss", true);
    assert_true(sees(world, user, SUBS_OBJECTS, "{\"object\":0}"));
    assert_false(sees(world, user, SUBS_LOG, "null"));
}

/* Usage: the same user at an address that has fewer rights. */
static void an_address_takes_rights_away(void **state)
{
    world_t *world = *state;
    forbidden_t no_states = forbidden_of(STR_LIT("state"), STR_LIT("read"));
    forbidden_t no_objects = forbidden_of(STR_LIT("object"), STR_LIT("read"));
    grants_user_t *anna = require_user(world, "anna", false);
    grants_user_t *there = grants_limited(anna, no_states, sock_mono_ms());
    grants_user_t *elsewhere = grants_limited(anna, no_objects, sock_mono_ms());
    await_user(world, there);
    await_user(world, elsewhere);
    assert_ptr_equal(there, grants_limited(anna, no_states, sock_mono_ms()));
    assert_ptr_equal(there, grants_limited(there, no_states, sock_mono_ms()));
    assert_string_equal(grants_name(there), "system.user.anna");
    assert_int_equal(grants_forbidden(there), no_states);
    assert_int_equal(grants_check(anna, PERM_GET_STATE), GRANT_YES);
    assert_int_equal(grants_check(there, PERM_GET_STATE), GRANT_NO);
    assert_int_equal(grants_check_own(there, PERM_GET_STATE), GRANT_YES);
    assert_int_equal(grants_check(there, PERM_SET_STATE), GRANT_NO); /* anna has not, either */
    assert_true(sees(world, anna, SUBS_STATES, "null"));
    assert_false(sees(world, there, SUBS_STATES, "null"));
    assert_true(sees(world, there, SUBS_OBJECTS, SHARED("96")));
    assert_false(sees(world, elsewhere, SUBS_OBJECTS, SHARED("96")));
    assert_true(sees(world, elsewhere, SUBS_STATES, SHARED("96"))); /* as getState has it */
}

/* Who may everything may that nowhere else. */
static void an_address_limits_the_administrator(void **state)
{
    world_t *world = *state;
    forbidden_t no_states = forbidden_of(STR_LIT("state"), STR_LIT("read"));
    grants_user_t *root = require_user(world, "admin", false);
    grants_user_t *there = grants_limited(root, no_states, sock_mono_ms());
    assert_false(grants_is_known(there));
    assert_int_equal(grants_check(there, PERM_GET_STATE), GRANT_NO);
    assert_int_equal(grants_check(there, PERM_READ_FILE), GRANT_UNKNOWN);
    await_user(world, there);
    assert_true(grants_is_almighty(root));
    assert_false(grants_is_almighty(there));
    assert_true(sees(world, root, SUBS_STATES, "null"));
    assert_false(sees(world, there, SUBS_STATES, "null"));
    assert_true(sees(world, there, SUBS_FILES, "{\"permissions\":0}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rights_decide),
        TEST(many_acls_are_no_problem),
        TEST(what_is_doubtful_is_not_allowed),
        TEST(doubt_stays_until_somebody_knows),
        TEST(a_read_only_administrator_reads),
        TEST(an_address_takes_rights_away),
        TEST(an_address_limits_the_administrator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
