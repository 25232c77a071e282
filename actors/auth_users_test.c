/* SPDX-License-Identifier: MIT */
#include "actors/auth_users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static void feed(auth_users_t *users, const char *id, const char *json, bool whole)
{
    buf_t object = {0};
    assert_int_equal(json_to_mp(&object, str_of(json)), ERR_OK);
    auth_users_feed(users, str_of(id), mp_of_buf(&object), whole);
    buf_fini(&object);
}

static void check_id(const auth_users_t *users, const char *name, const char *want)
{
    buf_t id = {0};
    auth_users_resolve(users, str_of(name), &id);
    buf_append_byte(&id, 0);
    assert_string_equal((const char *)id.data, want);
    buf_fini(&id);
}

/* Usage: users are fed as objects and found by what people type. */
static void test_names(void **state)
{
    (void)state;
    auth_users_t *users = auth_users_new();
    feed(users, "system.user.admin", "{\"type\":\"user\",\"common\":{\"name\":\"Chief\"}}", true);
    feed(users, "system.user.anna_b",
         "{\"type\":\"user\",\"common\":{\"name\":{\"de\":\"Anna Blau\",\"en\":\"Anna Blue\"}}}",
         true);
    check_id(users, "admin", "system.user.admin");
    check_id(users, "Admin", "system.user.admin");
    check_id(users, "Chief", "system.user.admin");
    check_id(users, "system.user.Anna", "system.user.Anna");
    check_id(users, "Anna Blue", "system.user.anna_b");
    check_id(users, "Anna Blau", "system.user.anna_blau"); /* not the system's language */
    feed(users, "system.config", "{\"type\":\"config\",\"common\":{\"language\":\"de\"}}", true);
    check_id(users, "Anna Blau", "system.user.anna_b");
    check_id(users, "Anna B", "system.user.anna_b");
    check_id(users, "Anna.B", "system.user.anna_b");
    check_id(users,
             "\xc3\x9c"
             "ber*User",
             "system.user.\xc3\xbc"
             "ber_user");
    check_id(users, "__proto__", "system.user.__proto__");
    check_id(users, "", "system.user.");
    auth_users_destroy(&users);
}

static void test_who_may_log_in(void **state)
{
    (void)state;
    static const struct {
        const char *id, *common;
        bool enabled, protected;
    } rows[] = {
        {"system.user.a", "{\"enabled\":true}", true, false},
        {"system.user.a", "{\"enabled\":false}", false, false},
        {"system.user.a", "{}", false, false}, /* as in the original */
        {"system.user.a", "5", false, false},
        {"system.user.a", "{\"enabled\":1,\"dontDelete\":true}", true, true},
        {"system.user.admin", "{\"enabled\":false}", true, false},
    };
    auth_users_t *users = auth_users_new();
    auth_user_t user;
    char object[200];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(object, sizeof object, "{\"type\":\"user\",\"common\":%s}", rows[i].common);
        feed(users, rows[i].id, object, true);
        assert_true(auth_users_find(users, str_of(rows[i].id), &user));
        assert_int_equal(user.enabled, rows[i].enabled);
        assert_int_equal(user.protected, rows[i].protected);
    }
    feed(users, "system.user.a", "null", true);
    assert_false(auth_users_find(users, STR_LIT("system.user.a"), &user));
    feed(users, "system.user.b", "{\"type\":\"state\"}", true);
    assert_false(auth_users_find(users, STR_LIT("system.user.b"), &user));
    auth_users_destroy(&users);
}

static void test_changes_of_the_password(void **state)
{
    (void)state;
    const str_t id = STR_LIT("system.user.a");
    auth_users_t *users = auth_users_new();
    auth_user_t user;
    feed(users, "system.user.a", "{\"type\":\"user\",\"common\":{}}", false); /* an event */
    assert_true(auth_users_find(users, id, &user));
    assert_false(user.print_known);
    assert_false(auth_users_set_password(users, id, STR_LIT("one"))); /* nothing to compare with */
    assert_false(auth_users_set_password(users, id, STR_LIT("one")));
    assert_true(auth_users_set_password(users, id, STR_LIT("two")));
    feed(users, "system.user.a", "{\"type\":\"user\",\"common\":{\"enabled\":true}}", false);
    assert_true(auth_users_find(users, id, &user));
    assert_true(user.print_known && user.has_password && user.enabled);
    assert_int_equal(strlen(user.print), 32);
    assert_null(strstr(user.print, "two"));
    feed(users, "system.user.a", "{\"type\":\"user\",\"common\":{\"password\":\"\"}}", true);
    assert_true(auth_users_find(users, id, &user));
    assert_true(user.print_known && !user.has_password);
    auth_users_destroy(&users);
}

static void test_groups(void **state)
{
    (void)state;
    auth_users_t *users = auth_users_new();
    buf_t id = {0};
    feed(users, "system.group.a",
         "{\"type\":\"group\",\"common\":{\"name\":\"The A\",\"members\":[\"x\",5,null,\"\"]}}",
         true);
    const json_t *group = auth_users_group(users, STR_LIT("system.group.a"));
    assert_int_equal(json_array_size(json_object_get(group, "members")), 1);
    auth_users_resolve_group(users, STR_LIT("The A"), &id);
    assert_true(str_is(buf_str(&id), "system.group.a"));
    buf_reset(&id);
    auth_users_resolve_group(users, STR_LIT("Guests"), &id);
    assert_true(str_is(buf_str(&id), "system.group.guests"));
    feed(users, "system.group.a", "null", true);
    assert_null(auth_users_group(users, STR_LIT("system.group.a")));
    buf_fini(&id);
    auth_users_destroy(&users);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_who_may_log_in),
        cmocka_unit_test(test_changes_of_the_password),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
