/* SPDX-License-Identifier: MIT */
#include "actors/auth_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bus/log.h"

#define CREDENTIALS "[\"Invalid password or user name\",{\"reason\":\"credentials\"}]"
#define NO_SESSION "[\"No session found\",{\"reason\":\"unknown\"}]"
#define NO_TOKEN "[\"No access token found\",{\"reason\":\"unknown\"}]"

static void check(auth_world_t *world, const char *command, const char *args, const char *want)
{
    assert_string_equal(world_call(world, command, args), want);
}

/* Calls with one text as the argument. */
static const char *call_text(auth_world_t *world, const char *command, const char *text)
{
    char args[256];
    snprintf(args, sizeof args, "[\"%s\",\"10.0.0.7\"]", text);
    return world_call(world, command, args);
}

/* Usage: a password is checked, or begins a session whose cookie then stands for the user. */
static void test_log_in(void **state)
{
    auth_world_t world;
    char cookie[128], hash[80], session[64], other[256];
    (void)state;
    world_open(&world, NULL);
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"10.0.0.7\"]",
          "[null,{\"user\":\"system.user.anna\",\"name\":\"anna\"}]");
    const char *answer =
        world_call(&world, "auth.login", "[\"Anna\",\"anna-pw\",\"10.0.0.7\",{\"session\":true}]");
    world_take(answer, "cookie", cookie, sizeof cookie);
    world_take(answer, "hash", hash, sizeof hash);
    world_take(answer, "session", session, sizeof session);
    assert_int_equal(strlen(session), 32);
    assert_int_equal(strncmp(cookie, "s%3A", 4), 0);
    assert_string_equal(world_take(answer, "expiresAt", other, sizeof other), "1700003600000");
    answer = call_text(&world, "auth.session.check", cookie);
    assert_string_equal(world_take(answer, "user", other, sizeof other), "system.user.anna");
    assert_string_equal(world_take(answer, "hash", other, sizeof other), hash);
    assert_string_equal(world_take(answer, "kind", other, sizeof other), "session");
    assert_string_equal(call_text(&world, "auth.session.check", session),
                        "[\"No session found\",{\"reason\":\"unsigned\"}]");
    assert_string_equal(call_text(&world, "auth.session.check", hash),
                        "[\"No session found\",{\"reason\":\"unsigned\"}]");
    (void)fake_env_events(world.env);
    snprintf(other, sizeof other, "[\"%s\"]", hash);
    assert_string_equal(world_call(&world, "auth.session.end", other), "[null,1]");
    snprintf(other, sizeof other, "[[\"sessionEnd\",[\"system.user.anna\",\"%s\",\"logout\"]]]",
             hash);
    assert_string_equal(fake_env_events(world.env), other);
    assert_string_equal(call_text(&world, "auth.session.check", cookie), NO_SESSION);
    assert_string_equal(call_text(&world, "auth.session.end", hash), "[null,0]");
    world_close(&world);
}

static void test_who_is_not_let_in(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    check(&world, "auth.login", "[\"anna\",\"wrong\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"anna\",\"\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"nobody\",\"anna-pw\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"__proto__\",\"x\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"\",\"\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"empty\",\"\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"system.group.g\",\"x\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"off\",\"wrong\",\"\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"off\",\"off-pw\",\"\"]",
          "[\"User is disabled\",{\"reason\":\"disabled\"}]");
    check(&world, "auth.token.password", "[\"off\",\"off-pw\",\"\"]",
          "[\"User is disabled\",{\"reason\":\"disabled\"}]");
    check(&world, "auth.login", "[5,\"x\",\"\"]", "[\"Invalid arguments\"]");
    check(&world, "auth.login", "[\"anna\",5,\"\"]", "[\"Invalid arguments\"]");
    fake_env_set_user(world.env, "system.user.admin");
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\"]", "[\"permissionError\"]");
    check(&world, "auth.session.check", "[\"x\",\"\"]", "[\"permissionError\"]");
    check(&world, "auth.device.add", "[\"anna\",\"x\"]", "[\"permissionError\"]");
    check(&world, "auth.passwd", "[\"anna\",\"x\"]", "[\"permissionError\"]");
    check(&world, "auth.user.list", "[]", "[\"permissionError\"]");
    check(&world, "auth.why", "[\"anna\",\"getState\"]", "[\"permissionError\"]");
    world_close(&world);
}

static void collect(void *arg, log_level_t level, const char *text)
{
    buf_t *lines = arg;
    (void)level;
    buf_append_cstr(lines, text);
}

static void test_no_password_is_logged(void **state)
{
    auth_world_t world;
    buf_t lines = {0};
    (void)state;
    world_open(&world, NULL);
    log_set_sink(collect, &lines);
    for (int i = 0; i < 30; i++)
        (void)world_call(&world, "auth.login", "[\"secret-name\",\"secret-pw\",\"10.9.9.9\"]");
    log_set_sink(NULL, NULL);
    buf_append_byte(&lines, 0);
    assert_non_null(
        strstr((const char *)lines.data, "AUTH-LOCKED user=(unknown) address=10.9.9.9"));
    assert_null(strstr((const char *)lines.data, "secret"));
    buf_fini(&lines);
    world_close(&world);
}

static void test_too_many_errors(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    for (int i = 0; i < 5; i++)
        check(&world, "auth.login", "[\"anna\",\"wrong\",\"10.0.0.7\"]", CREDENTIALS);
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"10.0.0.7\"]",
          "[\"Too many errors. Try again in 1 minute.\",{\"reason\":\"locked\",\"seconds\":60}]");
    check(&world, "auth.token.password", "[\"Anna\",\"anna-pw\",\"::ffff:10.0.0.7\"]",
          "[\"Too many errors. Try again in 1 minute.\",{\"reason\":\"locked\",\"seconds\":60}]");
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"10.0.0.8\"]",
          "[null,{\"user\":\"system.user.anna\",\"name\":\"anna\"}]");
    check(&world, "auth.login", "[\"admin\",\"root-pw\",\"10.0.0.7\"]",
          "[null,{\"user\":\"system.user.admin\",\"name\":\"admin\"}]");
    fake_env_advance(world.env, 60000);
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"10.0.0.7\"]",
          "[null,{\"user\":\"system.user.anna\",\"name\":\"anna\"}]");
    world_close(&world);
}

/* Many at once do not get around the limit: 30 different passwords before the first is compared. */
static void test_a_burst_of_wrong_passwords(void **state)
{
    auth_world_t world;
    char args[100];
    (void)state;
    world_open(&world, NULL);
    world.silent = true; /* all wait for the user's object */
    for (int i = 0; i < 30; i++) {
        snprintf(args, sizeof args, "[\"anna\",\"wrong%d\",\"10.0.0.7\"]", i);
        assert_string_equal(fake_env_call(world.env, "auth.login", args), "PENDING");
    }
    world.silent = false;
    fake_env_set_peer(world.env, world_answer, &world);
    assert_non_null(strstr(world_await(&world), "locked")); /* the last one */
    /* Five were compared: the sixth failure would have made it 3 minutes at 7. */
    assert_non_null(strstr(world_call(&world, "auth.login", "[\"anna\",\"anna-pw\",\"10.0.0.7\"]"),
                           "\"seconds\":60"));
    world_close(&world);
}

/* A check that began before a change must not begin a session after it. */
static void test_a_user_that_changes_while_it_is_checked(void **state)
{
    static const char log_in[] = "[\"anna\",\"anna-pw\",\"\",{\"session\":true}]";
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    (void)world_call(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\"]");
    fake_env_advance(world.env, 61000); /* it is not remembered any more */
    assert_string_equal(fake_env_call(world.env, "auth.login", log_in), "PENDING");
    world_put_user(&world, "anna", "new", true);
    world_tell(&world);
    (void)fake_env_events(world.env);
    assert_string_equal(world_await(&world), CREDENTIALS);
    assert_string_equal(fake_env_events(world.env), "[]");
    assert_non_null(
        strstr(world_call(&world, "auth.login", "[\"anna\",\"new\",\"\"]"), "system.user.anna"));
    assert_string_equal(fake_env_events(world.env), "[]"); /* it is no other change */
    world_put_user(&world, "anna", "anna-pw", true);
    world_tell(&world);
    fake_env_advance(world.env, 61000);
    assert_string_equal(fake_env_call(world.env, "auth.login", log_in), "PENDING");
    world_put_user(&world, "anna", "anna-pw", false);
    world_tell(&world);
    assert_string_equal(world_await(&world), "[\"User is disabled\",{\"reason\":\"disabled\"}]");
    world_put_user(&world, "anna", "anna-pw", true);
    world_tell(&world);
    fake_env_advance(world.env, 61000);
    assert_string_equal(fake_env_call(world.env, "auth.login", log_in), "PENDING");
    json_object_del(world.objects, "system.user.anna");
    json_object_set_new(world.changed, "system.user.anna", json_true());
    world_tell(&world);
    assert_string_equal(world_await(&world), CREDENTIALS);
    assert_string_equal(world_call(&world, "auth.session.list", "[]"), "[null,[]]");
    world_close(&world);
}

static void test_the_queue_is_bounded(void **state)
{
    static const char *const few[] = {"auth-queue", "3", NULL};
    auth_world_t world;
    (void)state;
    world_open(&world, few);
    world.silent = true;
    for (int i = 0; i < 3; i++)
        assert_string_equal(fake_env_call(world.env, "auth.login", "[\"anna\",\"x\",\"\"]"),
                            "PENDING");
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\"]", "[\"Too many requests in flight\"]");
    world.silent = false;
    fake_env_set_peer(world.env, world_answer, &world);
    assert_string_equal(world_await(&world), CREDENTIALS);
    check(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\"]",
          "[null,{\"user\":\"system.user.anna\",\"name\":\"anna\"}]");
    world_close(&world);
}

static void test_sessions_slide_and_expire(void **state)
{
    auth_world_t world;
    char cookie[128], hash[80], want[200];
    (void)state;
    world_open(&world, NULL);
    const char *answer = world_call(
        &world, "auth.login", "[\"anna\",\"anna-pw\",\"10.0.0.7\",{\"session\":true,\"ttl\":60}]");
    world_take(answer, "cookie", cookie, sizeof cookie);
    world_take(answer, "hash", hash, sizeof hash);
    for (int i = 0; i < 5; i++) {
        fake_env_advance(world.env, 50000);
        assert_non_null(
            strstr(call_text(&world, i % 2 ? "auth.session.check" : "auth.session.touch",
                             i % 2 ? cookie : hash),
                   "system.user.anna"));
    }
    (void)fake_env_events(world.env);
    fake_env_advance(world.env, 60000);
    snprintf(want, sizeof want, "[[\"sessionEnd\",[\"system.user.anna\",\"%s\",\"expired\"]]]",
             hash);
    assert_string_equal(fake_env_events(world.env), want);
    assert_string_equal(call_text(&world, "auth.session.check", cookie), NO_SESSION);
    world_close(&world);
}

static void test_tokens(void **state)
{
    auth_world_t world;
    char access[64], refresh[64], second[64], text[128];
    (void)state;
    world_open(&world, NULL);
    const char *answer =
        world_call(&world, "auth.token.password", "[\"anna\",\"anna-pw\",\"10.0.0.7\"]");
    world_take(answer, "access_token", access, sizeof access);
    world_take(answer, "refresh_token", refresh, sizeof refresh);
    assert_int_equal(strlen(access), 40);
    assert_int_equal(strspn(access, "0123456789abcdef"), 40);
    assert_string_equal(world_take(answer, "expires_in", text, sizeof text), "3600");
    assert_string_equal(world_take(answer, "refresh_token_expires_in", text, sizeof text),
                        "2592000");
    assert_non_null(strstr(call_text(&world, "auth.token.check", access), "\"kind\":\"access\""));
    assert_string_equal(call_text(&world, "auth.token.check", refresh), NO_TOKEN);
    assert_string_equal(call_text(&world, "auth.token.check", "nosuch"), NO_TOKEN);
    assert_non_null(strstr(call_text(&world, "auth.token.refresh", access), "\"unknown\""));
    answer = call_text(&world, "auth.token.refresh", refresh);
    world_take(answer, "access_token", second, sizeof second);
    assert_string_not_equal(second, access);
    /* The old refresh token is used up, the old access token lives on. */
    assert_string_equal(call_text(&world, "auth.token.refresh", refresh),
                        "[\"Invalid grant: refresh token is invalid\",{\"reason\":\"unknown\"}]");
    assert_non_null(strstr(call_text(&world, "auth.token.check", access), "system.user.anna"));
    snprintf(text, sizeof text, "[\"%s\",\"system.user.admin\"]", second);
    assert_string_equal(world_call(&world, "auth.token.update", text), NO_TOKEN);
    snprintf(text, sizeof text, "[\"%s\",\"system.user.anna\"]", second);
    answer = world_call(&world, "auth.token.update", text);
    world_take(answer, "hash", text, sizeof text);
    /* A log-out ends the whole family. */
    assert_non_null(strstr(call_text(&world, "auth.token.info", text), "\"refreshExpires\":17"));
    (void)fake_env_events(world.env);
    assert_string_equal(call_text(&world, "auth.session.end", text), "[null,3]");
    assert_string_equal(call_text(&world, "auth.token.check", access), NO_TOKEN);
    assert_string_equal(call_text(&world, "auth.token.check", second), NO_TOKEN);
    world_close(&world);
}

static void test_device_tokens(void **state)
{
    auth_world_t world;
    char token[80], id[32];
    (void)state;
    world_open(&world, NULL);
    const char *answer =
        world_call(&world, "auth.device.add", "[\"anna\",\"kitchen\",{\"readOnly\":true}]");
    world_take(answer, "token", token, sizeof token);
    world_take(answer, "id", id, sizeof id);
    assert_non_null(strstr(call_text(&world, "auth.token.check", token), "\"readOnly\":true"));
    assert_non_null(strstr(world_call(&world, "auth.device.list", "[\"anna\"]"), "kitchen"));
    assert_string_equal(world_call(&world, "auth.device.list", "[\"admin\"]"), "[null,[]]");
    check(&world, "auth.device.add", "[\"nobody\",\"x\"]",
          "[\"User does not exist\",{\"reason\":\"missing\"}]");
    check(&world, "auth.device.revoke", "[\"garden\"]",
          "[\"There is no such device token\",{\"reason\":\"missing\"}]");
    fake_env_advance(world.env, 1000000000); /* it has no end */
    assert_non_null(strstr(call_text(&world, "auth.token.check", token), "\"expiresAt\":null"));
    (void)fake_env_events(world.env);
    assert_non_null(strstr(call_text(&world, "auth.device.revoke", id), "kitchen"));
    assert_non_null(strstr(fake_env_events(world.env), "\"revoked\""));
    assert_string_equal(call_text(&world, "auth.token.check", token), NO_TOKEN);
    answer = world_call(&world, "auth.device.add", "[\"anna\",\"hall\",{\"ttl\":10}]");
    world_take(answer, "token", token, sizeof token);
    fake_env_advance(world.env, 10000);
    assert_string_equal(call_text(&world, "auth.token.check", token), NO_TOKEN);
    check(&world, "auth.permissions", "[\"anna\",true]",
          "[null,{\"user\":\"system.user.anna\",\"groups\":[\"system.group.g\"],"
          "\"object\":{\"read\":true},\"state\":{\"read\":true,\"write\":false}}]");
    world_close(&world);
}

/* Begins a session, tokens and a device token of a user; their proofs. */
typedef struct {
    char cookie[128], access[64], device[80];
} proofs_t;

static void begin_all(auth_world_t *world, proofs_t *proofs)
{
    world_take(world_call(world, "auth.login", "[\"anna\",\"anna-pw\",\"\",{\"session\":true}]"),
               "cookie", proofs->cookie, sizeof proofs->cookie);
    world_take(world_call(world, "auth.token.password", "[\"anna\",\"anna-pw\",\"\"]"),
               "access_token", proofs->access, sizeof proofs->access);
    world_take(world_call(world, "auth.device.add", "[\"anna\",\"hall\"]"), "token", proofs->device,
               sizeof proofs->device);
    (void)fake_env_events(world->env);
}

static void check_proofs(auth_world_t *world, const proofs_t *proofs, bool others, bool device)
{
    bool session = strstr(call_text(world, "auth.session.check", proofs->cookie), "anna") != NULL;
    bool access = strstr(call_text(world, "auth.token.check", proofs->access), "anna") != NULL;
    bool hall = strstr(call_text(world, "auth.token.check", proofs->device), "anna") != NULL;
    assert_int_equal(session, others);
    assert_int_equal(access, others);
    assert_int_equal(hall, device);
}

static void test_what_ends_everything(void **state)
{
    auth_world_t world;
    proofs_t proofs;
    (void)state;
    world_open(&world, NULL);
    begin_all(&world, &proofs);
    check_proofs(&world, &proofs, true, true);
    world_put_user(&world, "anna", "anna-pw", true); /* written, but not changed */
    world_tell(&world);
    check_proofs(&world, &proofs, true, true);
    assert_null(strstr(fake_env_events(world.env), "sessionEnd"));
    world_put_user(&world, "anna", "new", true);
    world_tell(&world);
    assert_non_null(strstr(fake_env_events(world.env),
                           "[\"sessionEnd\",[\"system.user.anna\",null,\"password\"]]"));
    check_proofs(&world, &proofs, false, true);
    world_put_user(&world, "anna", "anna-pw", true);
    world_tell(&world);
    begin_all(&world, &proofs);
    world_put_user(&world, "anna", "anna-pw", false);
    world_tell(&world);
    assert_non_null(strstr(fake_env_events(world.env),
                           "[\"sessionEnd\",[\"system.user.anna\",null,\"disabled\"]]"));
    check_proofs(&world, &proofs, false, false);
    world_put_user(&world, "anna", "anna-pw", true);
    world_tell(&world);
    check_proofs(&world, &proofs, false, false); /* it does not come back */
    begin_all(&world, &proofs);
    json_object_del(world.objects, "system.user.anna");
    json_object_set_new(world.changed, "system.user.anna", json_true());
    world_tell(&world);
    assert_non_null(strstr(fake_env_events(world.env), "\"deleted\""));
    check_proofs(&world, &proofs, false, false);
    world_close(&world);
}

/* What happened while nobody listened is noticed with the next reading. */
static void test_a_new_reading_ends_what_is_over(void **state)
{
    auth_world_t world;
    proofs_t proofs;
    (void)state;
    world_open(&world, NULL);
    begin_all(&world, &proofs);
    world_put_user(&world, "anna", "changed", true);
    auth_actor.gap(fake_env_actor(world.env), "objects");
    fake_env_set_peer(world.env, world_answer, &world);
    check_proofs(&world, &proofs, false, true);
    world_close(&world);
}

static void test_the_oldest_makes_room(void **state)
{
    static const char *const few[] = {"auth-max-user-sessions", "3", NULL};
    auth_world_t world;
    char cookies[4][128];
    (void)state;
    world_open(&world, few);
    for (int i = 0; i < 4; i++) {
        world_take(
            world_call(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\",{\"session\":true}]"),
            "cookie", cookies[i], sizeof cookies[i]);
        fake_env_advance(world.env, 1000);
    }
    assert_non_null(strstr(fake_env_events(world.env), "\"replaced\""));
    assert_string_equal(call_text(&world, "auth.session.check", cookies[0]), NO_SESSION);
    for (int i = 1; i < 4; i++)
        assert_non_null(strstr(call_text(&world, "auth.session.check", cookies[i]), "anna"));
    for (int i = 0; i < 3; i++)
        assert_non_null(
            strstr(world_call(&world, "auth.device.add", "[\"anna\",\"d\"]"), "iobus_"));
    check(&world, "auth.device.add", "[\"anna\",\"d\"]",
          "[\"Too many sessions and device tokens\",{\"reason\":\"invalid\"}]");
    world_close(&world);
}

static void test_a_failed_commit(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    fake_env_fail_commit(world.env, ERR_READ_ONLY);
    (void)world_call(&world, "auth.device.add", "[\"anna\",\"x\"]");
    fake_env_fail_commit(world.env, ERR_OK);
    assert_string_equal(fake_env_events(world.env), "[]");
    world_close(&world);
}

/* A session outlives the process; the secret that signs cookies too. */
static void test_a_restart(void **state)
{
    char folder[] = "/tmp/iobus-auth-XXXXXX", command[64];
    char cookie[128];
    auth_world_t world;
    (void)state;
    assert_non_null(mkdtemp(folder));
    const char *const settings[] = {"data", folder, NULL};
    world_open(&world, settings);
    world_take(world_call(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\",{\"session\":true}]"),
               "cookie", cookie, sizeof cookie);
    world_close(&world);
    world_open(&world, settings);
    assert_non_null(strstr(call_text(&world, "auth.session.check", cookie), "system.user.anna"));
    assert_string_equal(world_call(&world, "auth.session.list", "[\"admin\"]"), "[null,[]]");
    assert_non_null(strstr(world_call(&world, "auth.session.list", "[]"), "system.user.anna"));
    world_close(&world);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    log_set_level(LEVEL_WARN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_in),
        cmocka_unit_test(test_who_is_not_let_in),
        cmocka_unit_test(test_no_password_is_logged),
        cmocka_unit_test(test_too_many_errors),
        cmocka_unit_test(test_a_burst_of_wrong_passwords),
        cmocka_unit_test(test_a_user_that_changes_while_it_is_checked),
        cmocka_unit_test(test_the_queue_is_bounded),
        cmocka_unit_test(test_sessions_slide_and_expire),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_device_tokens),
        cmocka_unit_test(test_what_ends_everything),
        cmocka_unit_test(test_a_new_reading_ends_what_is_over),
        cmocka_unit_test(test_the_oldest_makes_room),
        cmocka_unit_test(test_a_failed_commit),
        cmocka_unit_test(test_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
