/* SPDX-License-Identifier: MIT */
#include "actors/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bus/tree.h"

static void feed(rights_t *rights, const char *id, const char *json)
{
    buf_t object;
    buf_init(&object);
    json_t *tree = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(tree);
    tree_to_mp(&object, tree);
    rights_feed(rights, str_of(id), mp_of_buf(&object));
    json_decref(tree);
    buf_fini(&object);
}

static rights_t *house(void)
{
    rights_t *rights = rights_new();
    feed(rights, "system.user.admin", "{\"type\":\"user\",\"common\":{\"name\":\"admin\"}}");
    feed(rights, "system.user.anna", "{\"type\":\"user\",\"common\":{\"name\":\"Anna\"}}");
    feed(rights, "system.user.bob", "{\"type\":\"user\",\"common\":{\"name\":\"bob\"}}");
    feed(rights, "system.user.carl", "{\"type\":\"user\",\"common\":{\"name\":\"carl\"}}");
    feed(rights, "system.group.administrator",
         "{\"type\":\"group\",\"common\":{\"members\":[\"system.user.admin\",\"system.user.carl\"]}"
         "}");
    feed(rights, "system.group.user",
         "{\"type\":\"group\",\"common\":{\"members\":[\"system.user.anna\"],\"acl\":{"
         "\"object\":{\"list\":true,\"read\":true,\"write\":false},\"state\":{\"write\":false}}}}");
    feed(rights, "system.group.guests",
         "{\"type\":\"group\",\"common\":{\"members\":[\"system.user.anna\",\"system.user.bob\"],"
         "\"acl\":{\"object\":{\"read\":true},\"state\":{\"write\":true},\"user\":{\"read\":true}}}"
         "}");
    return rights;
}

static void check_permissions(const rights_t *rights, const char *user, const char *want)
{
    buf_t out;
    buf_init(&out);
    rights_permissions(rights, str_of(user), &out);
    json_t *tree = tree_from_mp(mp_of_buf(&out));
    char *got = json_dumps(tree, JSON_COMPACT);
    assert_string_equal(got, want);
    free(got);
    json_decref(tree);
    buf_fini(&out);
}

/* Usage: feed it with users and groups, then ask. */
static void test_groups_give_rights(void **state)
{
    (void)state;
    rights_t *rights = house();
    str_t anna = STR_LIT("system.user.anna"), bob = STR_LIT("system.user.bob");
    assert_true(rights_may(rights, anna, "object", "list"));
    assert_true(rights_may(rights, anna, "state", "write")); /* one group says no, another yes */
    assert_false(rights_may(rights, anna, "object", "write"));
    assert_false(rights_may(rights, bob, "object", "list"));
    assert_true(rights_may(rights, bob, "users", "read")); /* the legacy name "user" */
    assert_false(rights_may(rights, STR_LIT("system.user.nobody"), "object", "read"));
    rights_destroy(&rights);
    rights_destroy(&rights);
}

static void test_administrators(void **state)
{
    (void)state;
    rights_t *rights = house();
    assert_true(rights_is_admin(rights, STR_LIT("")));
    assert_true(rights_is_admin(rights, STR_LIT("system.user.admin")));
    assert_true(rights_is_admin(rights, STR_LIT("system.user.carl")));
    assert_false(rights_is_admin(rights, STR_LIT("system.user.anna")));
    assert_true(rights_may(rights, STR_LIT("system.user.carl"), "other", "execute"));
    assert_true(rights_is_root(STR_LIT("")));
    assert_false(rights_is_root(STR_LIT("system.user.carl")));
    rights_destroy(&rights);
}

static void test_changes_take_effect(void **state)
{
    (void)state;
    rights_t *rights = house();
    str_t bob = STR_LIT("system.user.bob");
    assert_true(rights_may(rights, bob, "object", "read"));
    rights_feed(rights, STR_LIT("system.group.guests"), mp_of(NULL, 0));
    assert_false(rights_may(rights, bob, "object", "read"));
    feed(rights, "system.group.a",
         "{\"type\":\"group\",\"common\":{\"members\":[\"system.user.bob\"],\"acl\":{\"object\":{"
         "\"read\":true}}}}");
    assert_true(rights_may(rights, bob, "object", "read"));
    feed(rights, "system.user.bob", "null"); /* a user that is gone has no rights */
    assert_false(rights_may(rights, bob, "object", "read"));
    rights_destroy(&rights);
}

static bool is_allowed(const rights_t *rights, const char *user, const char *json,
                       const char *field, right_t right)
{
    buf_t acl;
    buf_init(&acl);
    json_t *tree = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(tree);
    tree_to_mp(&acl, tree);
    bool allowed = rights_acl(rights, str_of(user), mp_of_buf(&acl), field, right);
    json_decref(tree);
    buf_fini(&acl);
    return allowed;
}

static void test_one_class_of_the_bits_is_looked_at(void **state)
{
    (void)state;
    rights_t *rights = house();
    /* 0x066: everybody but the owner. */
    const char *acl =
        "{\"owner\":\"system.user.bob\",\"ownerGroup\":\"system.group.guests\",\"object\":102}";
    assert_false(is_allowed(rights, "system.user.bob", acl, "object", RIGHT_WRITE));
    assert_true(is_allowed(rights, "system.user.anna", acl, "object", RIGHT_WRITE));
    /* 0x604: the group is shut out, everyone may read. */
    acl = "{\"owner\":\"system.user.bob\",\"ownerGroup\":\"system.group.guests\",\"object\":1540}";
    assert_true(is_allowed(rights, "system.user.bob", acl, "object", RIGHT_WRITE));
    assert_false(is_allowed(rights, "system.user.anna", acl, "object", RIGHT_READ));
    assert_true(is_allowed(rights, "system.user.x", acl, "object", RIGHT_READ));
    assert_false(is_allowed(rights, "system.user.x", acl, "object", RIGHT_WRITE));
    rights_destroy(&rights);
}

static void test_administrators_pass_all_but_the_state_acl(void **state)
{
    (void)state;
    rights_t *rights = house();
    const char *acl =
        "{\"owner\":\"system.user.bob\",\"ownerGroup\":\"x\",\"object\":1536,\"state\":1536}";
    assert_true(is_allowed(rights, "system.user.carl", acl, "object", RIGHT_READ));
    assert_false(is_allowed(rights, "system.user.carl", acl, "state", RIGHT_READ));
    assert_true(is_allowed(rights, "system.user.admin", acl, "state", RIGHT_READ));
    assert_true(is_allowed(rights, "", acl, "state", RIGHT_WRITE));
    rights_destroy(&rights);
}

static void test_any_stored_shape(void **state)
{
    (void)state;
    rights_t *rights = house();
    const char *user = "system.user.anna";
    assert_true(is_allowed(rights, user, "null", "object", RIGHT_READ));
    assert_true(is_allowed(rights, user, "[]", "object", RIGHT_READ));
    assert_true(is_allowed(rights, user, "{\"owner\":5}", "object", RIGHT_READ));
    assert_true(is_allowed(rights, user, "{\"object\":\"x\"}", "object", RIGHT_READ));
    assert_false(is_allowed(rights, user, "{\"object\":-1}", "object", RIGHT_READ));
    assert_false(is_allowed(rights, user, "{\"object\":1e300}", "object", RIGHT_READ));
    assert_false(
        is_allowed(rights, user, "{\"object\":1536}", "state", RIGHT_READ)); /* falls back */
    feed(rights, "system.group.user",
         "{\"type\":\"group\",\"common\":{\"members\":\"system.user.anna\"}}");
    feed(rights, "system.group.b", "{\"type\":\"group\",\"common\":5}");
    feed(rights, "system.group.c",
         "{\"type\":\"group\",\"common\":{\"members\":[null,5,[],{},\"\",\"system.user.anna\"],"
         "\"acl\":{\"object\":7,\"state\":[1],\"groups\":{\"x\":true},\"users\":{\"a\":\"\",\"b\":"
         "0,\"c\":\"y\"}}}}");
    feed(rights, "system.user.anna", "{\"type\":\"user\",\"common\":{\"name\":{\"en\":\"Anna\"}}}");
    assert_true(rights_may(rights, str_of(user), "users", "c"));
    assert_false(rights_may(rights, str_of(user), "users", "a"));
    assert_false(rights_may(rights, str_of(user), "object", "list"));
    feed(rights, "system.user.x", "[1]");
    feed(rights, "other.id", "5");
    rights_destroy(&rights);
}

static void test_first_group_and_default_acl(void **state)
{
    (void)state;
    rights_t *rights = house();
    assert_true(
        str_is(rights_first_group(rights, STR_LIT("system.user.anna")), "system.group.guests"));
    assert_true(str_is(rights_first_group(rights, STR_LIT("system.user.none")), ""));
    assert_true(str_is(rights_first_group(rights, (str_t){NULL, 0}), ""));
    assert_int_equal(mp_type(rights_default_acl(rights)), MP_NONE);
    feed(rights, "system.config", "{\"common\":{\"defaultNewAcl\":{\"object\":1636}}}");
    double bits;
    assert_true(mp_find_double(rights_default_acl(rights), "object", &bits));
    assert_int_equal((int)bits, 1636);
    feed(rights, "system.config", "{\"common\":{\"defaultNewAcl\":5}}");
    assert_int_equal(mp_type(rights_default_acl(rights)), MP_NONE);
    rights_destroy(&rights);
}

static void test_permissions(void **state)
{
    (void)state;
    rights_t *rights = house();
    check_permissions(
        rights, "system.user.admin",
        "{\"user\":\"system.user.admin\",\"groups\":[\"system.group.administrator\"],"
        "\"object\":{\"read\":true,\"list\":true,\"write\":true,\"delete\":true},"
        "\"state\":{\"list\":true,\"read\":true,\"write\":true,\"delete\":true,\"create\":true},"
        "\"users\":{\"create\":true,\"delete\":true,\"write\":true},"
        "\"other\":{\"http\":true,\"execute\":true,\"sendto\":true},"
        "\"file\":{\"list\":true,\"create\":true,\"write\":true,\"read\":true,\"delete\":true}}");
    check_permissions(
        rights, "system.user.carl",
        "{\"file\":{\"read\":true,\"write\":true,\"delete\":true,\"create\":true,\"list\":true},"
        "\"object\":{\"read\":true,\"write\":true,\"delete\":true,\"list\":true},"
        "\"state\":{\"read\":true,\"write\":true,\"delete\":true,\"create\":true,\"list\":true},"
        "\"user\":\"system.user.carl\","
        "\"users\":{\"read\":true,\"write\":true,\"create\":true,\"delete\":true,\"list\":true},"
        "\"other\":{\"execute\":true,\"http\":true,\"sendto\":true},"
        "\"groups\":[\"system.group.administrator\"]}");
    check_permissions(
        rights, "system.user.anna",
        "{\"user\":\"system.user.anna\",\"groups\":[\"system.group.guests\",\"system.group.user\"],"
        "\"object\":{\"read\":true,\"list\":true,\"write\":false},"
        "\"state\":{\"write\":true},\"users\":{\"read\":true}}");
    check_permissions(rights, "system.user.none", "{\"user\":\"system.user.none\",\"groups\":[]}");
    rights_destroy(&rights);
}

static void test_permissions_by_name(void **state)
{
    (void)state;
    rights_t *rights = house();
    feed(rights, "system.group.guests", "null");
    feed(rights, "system.group.user", "null");
    check_permissions(rights, "Anna", "{\"user\":\"system.user.anna\",\"groups\":[]}");
    check_permissions(rights, "Dr. No,body",
                      "{\"user\":\"system.user.dr__no_body\",\"groups\":[]}");
    rights_destroy(&rights);
}

static void test_many_users_are_not_remembered_for_ever(void **state)
{
    (void)state;
    rights_t *rights = house();
    char user[64];
    for (int i = 0; i < 5000; i++) {
        snprintf(user, sizeof user, "system.user.u%d", i);
        assert_false(rights_may(rights, str_of(user), "object", "read"));
    }
    assert_true(rights_may(rights, STR_LIT("system.user.anna"), "object", "read"));
    rights_destroy(&rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_give_rights),
        cmocka_unit_test(test_administrators),
        cmocka_unit_test(test_changes_take_effect),
        cmocka_unit_test(test_one_class_of_the_bits_is_looked_at),
        cmocka_unit_test(test_administrators_pass_all_but_the_state_acl),
        cmocka_unit_test(test_any_stored_shape),
        cmocka_unit_test(test_first_group_and_default_acl),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_permissions_by_name),
        cmocka_unit_test(test_many_users_are_not_remembered_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
