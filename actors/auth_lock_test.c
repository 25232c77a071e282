/* SPDX-License-Identifier: MIT */
#include "actors/auth_lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE 60000
#define ANNA STR_LIT("system.user.anna")
#define BOB STR_LIT("system.user.bob")
#define HOME STR_LIT("10.0.0.1")
#define AWAY STR_LIT("10.0.0.2")

static const auth_limits_t limits = {.user = 5, .address = 20, .entries = 100};

/* Usage: after five failures the next attempt has to wait, but only there. */
static void test_a_user_at_an_address(void **state)
{
    (void)state;
    auth_lock_t *lock = auth_lock_new(1, &limits);
    for (int i = 0; i < 4; i++)
        assert_int_equal(auth_lock_fail(lock, ANNA, HOME, 0), 0);
    assert_int_equal(auth_lock_wait(lock, ANNA, HOME, 0), 0);
    assert_int_equal(auth_lock_fail(lock, ANNA, HOME, 0), MINUTE);
    assert_int_equal(auth_lock_wait(lock, ANNA, HOME, 1000), MINUTE - 1000);
    assert_int_equal(auth_lock_wait(lock, ANNA, AWAY, 1000), 0);
    assert_int_equal(auth_lock_wait(lock, BOB, HOME, 1000), 0);
    assert_int_equal(auth_lock_wait(lock, ANNA, HOME, MINUTE), 0);
    auth_lock_destroy(&lock);
}

static void test_the_originals_steps(void **state)
{
    (void)state;
    static const int64_t minutes[] = {0, 0, 0, 0, 1, 1, 3, 3, 3, 10, 10, 10, 10, 10, 60, 60};
    auth_lock_t *lock = auth_lock_new(1, &limits);
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++)
        assert_int_equal(auth_lock_fail(lock, ANNA, HOME, 0), minutes[i] * MINUTE);
    auth_lock_success(lock, ANNA, HOME, 0);
    assert_int_equal(auth_lock_fail(lock, ANNA, HOME, 0), 0);
    auth_lock_destroy(&lock);
}

static void test_an_address_that_tries_many_users(void **state)
{
    (void)state;
    char user[32];
    auth_lock_t *lock = auth_lock_new(1, &limits);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(auth_lock_wait(lock, BOB, HOME, 0), 0);
        snprintf(user, sizeof user, "u%d", i);
        (void)auth_lock_fail(lock, str_of(user), HOME, 0);
    }
    assert_int_equal(auth_lock_wait(lock, BOB, HOME, 0), MINUTE);
    assert_int_equal(auth_lock_wait(lock, BOB, AWAY, 0), 0);
    auth_lock_destroy(&lock);
}

static void test_room_for_attempts_at_once(void **state)
{
    (void)state;
    auth_lock_t *lock = auth_lock_new(1, &limits);
    assert_int_equal(auth_lock_room(lock, ANNA, HOME, 0).user, 5);
    for (uint32_t i = 1; i <= 6; i++) {
        (void)auth_lock_fail(lock, ANNA, HOME, 0);
        auth_room_t room = auth_lock_room(lock, ANNA, HOME, 0);
        assert_int_equal(room.user, i < 5 ? 5 - i : 1);
        assert_int_equal(room.address, 20 - i);
    }
    assert_int_equal(auth_lock_room(lock, ANNA, STR_LIT(""), 0).user, UINT32_MAX);
    auth_lock_destroy(&lock);
}

static void test_many_addresses_that_guess_one_user(void **state)
{
    (void)state;
    char address[32];
    auth_lock_t *lock = auth_lock_new(1, &limits);
    auth_lock_success(lock, ANNA, HOME, 0);
    for (int i = 0; i < 20; i++) {
        snprintf(address, sizeof address, "192.168.0.%d", i);
        assert_int_equal(auth_lock_turn(lock, ANNA, str_of(address), 0), 0);
        (void)auth_lock_fail(lock, ANNA, str_of(address), 0);
    }
    assert_int_equal(auth_lock_turn(lock, ANNA, AWAY, 0), 0);
    assert_int_equal(auth_lock_turn(lock, ANNA, AWAY, 0), 2000);
    assert_int_equal(auth_lock_turn(lock, ANNA, AWAY, 0), 4000);
    assert_int_equal(auth_lock_turn(lock, ANNA, AWAY, 0), 6000);
    assert_true(auth_lock_turn(lock, ANNA, AWAY, 0) > AUTH_LOCK_HOLD_MS);
    assert_int_equal(auth_lock_turn(lock, ANNA, HOME, 0), 0); /* it is known there */
    assert_int_equal(auth_lock_turn(lock, BOB, AWAY, 0), 0);
    auth_lock_destroy(&lock);
}

static void test_the_table_is_bounded(void **state)
{
    (void)state;
    char address[32];
    auth_lock_t *lock = auth_lock_new(1, &limits);
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        (void)auth_lock_fail(lock, ANNA, str_of(address), i);
        assert_true(auth_lock_size(lock) <= limits.entries);
    }
    const auth_limits_t fewer = {.user = 5, .address = 20, .entries = 3};
    auth_lock_set_limits(lock, &fewer);
    assert_int_equal(auth_lock_size(lock), 3);
    auth_lock_destroy(&lock);
}

static void test_a_day_later(void **state)
{
    (void)state;
    auth_lock_t *lock = auth_lock_new(1, &limits);
    for (int i = 0; i < 4; i++)
        (void)auth_lock_fail(lock, ANNA, HOME, 0);
    assert_int_equal(auth_lock_fail(lock, ANNA, HOME, 86400001), 0);
    auth_lock_destroy(&lock);
}

static void check_address(const char *given, const char *want)
{
    buf_t text = {0};
    auth_lock_address(&text, str_of(given));
    assert_true(str_is(buf_str(&text), want));
    buf_fini(&text);
}

static void test_addresses(void **state)
{
    (void)state;
    check_address("", "");
    check_address("192.168.1.2", "192.168.1.2");
    check_address("::ffff:192.168.1.2", "192.168.1.2");
    check_address("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
    check_address("2001:db8:1:2::1", "2001:db8:1:2::");
    check_address("no address", "no address");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_user_at_an_address),
        cmocka_unit_test(test_the_originals_steps),
        cmocka_unit_test(test_an_address_that_tries_many_users),
        cmocka_unit_test(test_room_for_attempts_at_once),
        cmocka_unit_test(test_many_addresses_that_guess_one_user),
        cmocka_unit_test(test_the_table_is_bounded),
        cmocka_unit_test(test_a_day_later),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
