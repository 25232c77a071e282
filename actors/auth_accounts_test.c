/* SPDX-License-Identifier: MIT */
#include "actors/auth_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bus/log.h"

static void check(auth_world_t *world, const char *command, const char *args, const char *want)
{
    assert_string_equal(world_call(world, command, args), want);
}

static const char *common_text(const auth_world_t *world, const char *id, const char *key)
{
    const json_t *object = json_object_get(world->objects, id);
    const char *text = json_string_value(json_object_get(json_object_get(object, "common"), key));
    return text ? text : "";
}

static size_t members_of(const auth_world_t *world, const char *group)
{
    const json_t *object = json_object_get(world->objects, group);
    return json_array_size(json_object_get(json_object_get(object, "common"), "members"));
}

static bool may_log_in(auth_world_t *world, const char *user, const char *password)
{
    char args[200];
    snprintf(args, sizeof args, "[\"%s\",\"%s\",\"\"]", user, password);
    return strstr(world_call(world, "auth.login", args), "system.user.") != NULL;
}

/* Usage: a user is made, gets another password, and goes again. */
static void test_a_user(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    check(&world, "auth.user.add", "[\"New One\",\"first\",[\"G\"]]",
          "[null,\"system.user.new_one\"]");
    world_tell(&world);
    assert_string_equal(common_text(&world, "system.user.new_one", "name"), "New One");
    assert_int_equal(
        strncmp(common_text(&world, "system.user.new_one", "password"), "pbkdf2$10000$", 13), 0);
    assert_int_equal(members_of(&world, "system.group.g"), 2);
    assert_true(may_log_in(&world, "New One", "first"));
    (void)fake_env_events(world.env);
    check(&world, "auth.passwd", "[\"new one\",\"second\"]", "[null,\"system.user.new_one\"]");
    assert_non_null(strstr(fake_env_events(world.env),
                           "[\"sessionEnd\",[\"system.user.new_one\",null,\"password\"]]"));
    assert_false(may_log_in(&world, "New One", "first"));
    assert_true(may_log_in(&world, "New One", "second"));
    world_tell(&world);
    assert_null(strstr(fake_env_events(world.env), "sessionEnd")); /* once is enough */
    check(&world, "auth.user.del", "[\"New One\"]", "[null,\"system.user.new_one\"]");
    world_tell(&world);
    assert_null(json_object_get(world.objects, "system.user.new_one"));
    assert_int_equal(members_of(&world, "system.group.g"), 1);
    world_close(&world);
}

static void test_stronger_hashes(void **state)
{
    static const char *const settings[] = {"auth-iterations", "12345", NULL};
    auth_world_t world;
    (void)state;
    world_open(&world, settings);
    check(&world, "auth.passwd", "[\"anna\",\"x\"]", "[null,\"system.user.anna\"]");
    assert_int_equal(
        strncmp(common_text(&world, "system.user.anna", "password"), "pbkdf2$12345$", 13), 0);
    world_close(&world);
}

static void test_what_is_refused(void **state)
{
    static const char *const rows[][3] = {
        {"auth.user.add", "[\"anna\",\"x\"]", "exists"},
        {"auth.user.add", "[\"Anna\",\"x\"]", "exists"},
        {"auth.user.add", "[\"a/b\",\"x\"]", "invalid"},
        {"auth.user.add", "[\"\",\"x\"]", "invalid"},
        {"auth.user.add", "[\"x\",\"x\",[\"nosuch\"]]", "missing"},
        {"auth.user.del", "[\"nobody\"]", "missing"},
        {"auth.user.del", "[\"system.user.prot\"]", "protected"},
        {"auth.user.enable", "[\"admin\",false]", "protected"},
        {"auth.user.enable", "[\"nobody\",false]", "missing"},
        {"auth.passwd", "[\"nobody\",\"x\"]", "missing"},
        {"auth.passwd", "[\"anna\",\"\"]", "invalid"},
        {"auth.group.add", "[\"g\"]", "exists"},
        {"auth.group.add", "[\"a*\"]", "invalid"},
        {"auth.group.add", "[\"x\",\"\",\"nosuch\"]", "missing"},
        {"auth.group.del", "[\"nosuch\"]", "missing"},
        {"auth.group.join", "[\"nosuch\",\"anna\"]", "missing"},
        {"auth.group.join", "[\"g\",\"nobody\"]", "missing"},
        {"auth.why", "[\"anna\",\"nosuch\"]", "missing"},
    };
    auth_world_t world;
    char want[64];
    (void)state;
    world_open(&world, NULL);
    world_put(&world, "system.user.prot",
              "{\"type\":\"user\",\"common\":{\"name\":\"p\",\"dontDelete\":true}}");
    world_tell(&world);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(want, sizeof want, "{\"reason\":\"%s\"}]", rows[i][2]);
        const char *answer = world_call(&world, rows[i][0], rows[i][1]);
        if (!strstr(answer, want))
            print_error("%s %s: %s\n", rows[i][0], rows[i][1], answer);
        assert_non_null(strstr(answer, want));
    }
    assert_int_equal(json_object_size(world.changed), 0);
    world_close(&world);
}

static void test_groups(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    check(&world, "auth.group.add", "[\"guests\",\"May look\",\"g\"]",
          "[null,\"system.group.guests\"]");
    assert_string_equal(common_text(&world, "system.group.guests", "name"), "Guests");
    assert_string_equal(common_text(&world, "system.group.guests", "desc"), "May look");
    world_tell(&world);
    check(&world, "auth.group.join", "[\"guests\",\"empty\"]", "[null,\"system.group.guests\"]");
    check(&world, "auth.group.join", "[\"Guests\",\"anna\"]", "[null,\"system.group.guests\"]");
    assert_int_equal(members_of(&world, "system.group.guests"), 2); /* before it was told */
    check(&world, "auth.group.join", "[\"Guests\",\"anna\"]", "[null,\"system.group.guests\"]");
    assert_int_equal(members_of(&world, "system.group.guests"), 2);
    world_tell(&world);
    check(&world, "auth.permissions", "[\"empty\"]",
          "[null,{\"user\":\"system.user.empty\",\"groups\":[\"system.group.guests\"],"
          "\"object\":{\"read\":true},\"state\":{\"read\":true,\"write\":true}}]");
    check(&world, "auth.group.leave", "[\"guests\",\"anna\"]", "[null,\"system.group.guests\"]");
    assert_int_equal(members_of(&world, "system.group.guests"), 1);
    check(
        &world, "auth.group.list", "[]",
        "[null,[{\"id\":\"system.group.g\",\"name\":\"G\",\"description\":null,"
        "\"members\":[\"system.user.anna\"]},{\"id\":\"system.group.guests\","
        "\"name\":\"Guests\",\"description\":\"May look\",\"members\":[\"system.user.empty\"]}]]");
    check(&world, "auth.group.del", "[\"guests\"]", "[null,\"system.group.guests\"]");
    assert_null(json_object_get(world.objects, "system.group.guests"));
    world_close(&world);
}

static void test_a_write_that_fails(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    world.refuse = true;
    check(&world, "auth.group.join", "[\"g\",\"empty\"]", "[\"Storage is read-only\"]");
    check(&world, "auth.passwd", "[\"anna\",\"x\"]", "[\"Storage is read-only\"]");
    assert_true(may_log_in(&world, "anna", "anna-pw"));
    world.refuse = false;
    fake_env_advance(world.env, 0);
    check(&world, "auth.group.list", "[]",
          "[null,[{\"id\":\"system.group.g\",\"name\":\"G\",\"description\":null,"
          "\"members\":[\"system.user.anna\"]}]]");
    world_close(&world);
}

/* The commands of the admin adapter: with the rights and the texts of the original. */
static void test_commands_of_clients(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    fake_env_set_user(world.env, "system.user.anna");
    fake_env_set_instance(world.env, "socketio.0");
    check(&world, "addUser", "[\"x\",\"y\"]", "[\"permissionError\"]");
    check(&world, "delUser", "[\"empty\"]", "[\"permissionError\"]");
    check(&world, "addGroup", "[\"x\"]", "[\"permissionError\"]");
    check(&world, "delGroup", "[\"g\"]", "[\"permissionError\"]");
    check(&world, "changePassword", "[\"admin\",\"y\"]", "[\"permissionError\"]");
    check(&world, "changePassword", "[\"nobody\",\"y\"]", "[\"permissionError\"]");
    check(&world, "changePassword", "[\"anna\",\"own\"]", "[null]");
    fake_env_set_user(world.env, "system.user.admin");
    check(&world, "addUser", "[\"anna\",\"y\"]", "[\"User yet exists\"]");
    check(&world, "addUser", "[\"a*\",\"y\"]",
          "[\"Invalid characters in the name. Only following special characters are allowed: "
          "-@+$\xc2\xa7=?!&# and letters\"]");
    check(&world, "delUser", "[\"nobody\"]", "[\"User does not exist\"]");
    check(&world, "changePassword", "[\"nobody\",\"y\"]", "[\"User does not exist\"]");
    check(&world, "delGroup", "[\"nobody\"]", "[\"Group does not exist\"]");
    check(&world, "addUser", "[\"\xc3\x9cser\",\"y\"]", "[null]");
    assert_string_equal(common_text(&world, "system.user.\xc3\xbcser", "name"), "\xc3\x9cser");
    const json_t *made = json_object_get(world.objects, "system.user.\xc3\xbcser");
    assert_string_equal(json_string_value(json_object_get(made, "user")), "system.user.admin");
    assert_string_equal(json_string_value(json_object_get(made, "from")),
                        "system.adapter.socketio.0");
    check(&world, "addGroup", "[\"staff\",\"desc\",{\"object\":{\"read\":true}}]",
          "[null,{\"_id\":\"system.group.staff\",\"type\":\"group\",\"common\":{\"name\":\"Staff\","
          "\"desc\":\"desc\",\"members\":[],\"acl\":{\"object\":{\"read\":true}}},\"native\":{}}]");
    world_tell(&world);
    check(&world, "delUser", "[\"\xc3\x9cser\"]", "[null]");
    check(&world, "delGroup", "[\"staff\"]", "[null]");
    fake_env_set_user(world.env, "");
    assert_true(may_log_in(&world, "anna", "own"));
    world_close(&world);
}

static void test_lists(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    (void)world_call(&world, "auth.login", "[\"anna\",\"anna-pw\",\"\",{\"session\":true}]");
    (void)world_call(&world, "auth.device.add", "[\"anna\",\"wall\"]");
    const char *answer = world_call(&world, "auth.user.list", "[]");
    assert_non_null(strstr(answer,
                           "{\"id\":\"system.user.anna\",\"name\":\"anna\","
                           "\"enabled\":true,\"password\":true,"
                           "\"groups\":[\"system.group.g\"],\"sessions\":1,\"devices\":1}"));
    assert_non_null(strstr(answer, "{\"id\":\"system.user.empty\",\"name\":\"empty\","
                                   "\"enabled\":true,\"password\":false,\"groups\":[]"));
    assert_null(strstr(answer, "pbkdf2"));
    world_close(&world);
}

static bool says(auth_world_t *world, const char *args, bool allowed, const char *text)
{
    const char *answer = world_call(world, "auth.why", args);
    const char *verdict = allowed ? "\"allowed\":true,\"steps\"" : "\"allowed\":false,\"steps\"";
    if (strstr(answer, verdict) && strstr(answer, text))
        return true;
    print_error("%s: %s\n", args, answer);
    return false;
}

static void test_why(void **state)
{
    auth_world_t world;
    (void)state;
    world_open(&world, NULL);
    world_put(&world, "a.b",
              "{\"type\":\"state\",\"common\":{},\"acl\":{\"owner\":\"system.user.admin\","
              "\"ownerGroup\":\"system.group.g\",\"object\":1604,\"state\":1600}}");
    assert_true(says(&world, "[\"admin\",\"setState\",\"a.b\"]", true, "may do everything"));
    assert_true(says(&world, "[\"nobody\",\"setState\",\"a.b\"]", false, "no such user"));
    assert_true(says(&world, "[\"off\",\"setState\",\"a.b\"]", false, "disabled"));
    assert_true(says(&world, "[\"empty\",\"setState\",\"a.b\"]", false, "in no group"));
    assert_true(says(&world, "[\"empty\",\"getVersion\"]", true, "needs no right"));
    assert_true(says(&world, "[\"anna\",\"delState\",\"a.b\"]", false,
                     "needs state.delete: not given by system.group.g"));
    assert_true(says(&world, "[\"anna\",\"getState\",\"a.b\"]", true,
                     "acl.state is 0x640: group system.group.g may read"));
    assert_true(says(&world, "[\"anna\",\"setState\",\"a.b\"]", false,
                     "acl.state is 0x640: group system.group.g may not write"));
    assert_true(says(&world, "[\"anna\",\"setState\",\"a.c\"]", true, "no such object"));
    assert_true(says(&world, "[\"anna\",\"setState\"]", true, "given by system.group.g"));
    world_close(&world);
}

int main(void)
{
    log_set_level(LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user),
        cmocka_unit_test(test_stronger_hashes),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_a_write_that_fails),
        cmocka_unit_test(test_commands_of_clients),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
