/* SPDX-License-Identifier: MIT */
#include "actors/password.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "actors/password_pool.h"

/* Made by the original for the password "iobroker". */
#define KEY                                                                                        \
    "63711c7e7a33a6263f685b20cd6387f8b0775ca6160f2f36288aeaa63fd367bec5279e2c23de8e539cd1d3307f14" \
    "59de4ae0527efe5f533c966a3dbd8beb923d987d2d91170f2a4af5b3bd545dbab7b5774170530f0240854da7eddb" \
    "fb1a7aed095e28092769cf5ab95464cdcb919d9345b963031bfc2e6591d7408ebe231906703c1150065d9e794051" \
    "df679fcf758e9d0b2d981d9a2c57f3ca12196aa1b6a4a858b72895fc26c4060f6fab25b75d7f15f13b90ceacb877" \
    "1dfbd5648d2a7719ba83e752bd10cd0eff22fe8cde85fe4e613392c33821029df3082ba873ecfbff482b4f442c89" \
    "ad35ee9ea8bb13152eae91e629e0e63352ba57ca3624e687e0d8"
#define SALT "00112233445566778899aabbccddeeff"
#define VECTOR "pbkdf2$10000$" KEY "$" SALT

static const uint8_t salt_bytes[PASSWORD_SALT_BYTES] = {
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

/* Usage: a stored hash is read and a password compared with it. */
static void test_the_originals_hash(void **state)
{
    (void)state;
    password_hash_t hash;
    assert_true(password_parse(STR_LIT(VECTOR), &hash));
    assert_int_equal(hash.iterations, 10000);
    assert_true(password_matches(&hash, STR_LIT("iobroker")));
    assert_false(password_matches(&hash, STR_LIT("iobroker1")));
    assert_false(password_matches(&hash, STR_LIT("Iobroker")));
    assert_false(password_matches(&hash, STR_LIT("")));
    hash.key[PASSWORD_KEY_BYTES - 1] ^= 1; /* the whole key counts, not only its first block */
    assert_false(password_matches(&hash, STR_LIT("iobroker")));
}

static void test_a_new_hash_is_the_originals(void **state)
{
    (void)state;
    buf_t text = {0};
    assert_true(password_hash(&text, STR_LIT("iobroker"), 10000, salt_bytes));
    assert_true(str_is(buf_str(&text), VECTOR));
    buf_fini(&text);
    assert_true(password_hash(&text, STR_LIT("x"), 3, salt_bytes));
    password_hash_t hash;
    assert_true(password_parse(buf_str(&text), &hash));
    assert_int_equal(hash.iterations, 3);
    assert_true(password_matches(&hash, STR_LIT("x")));
    buf_fini(&text);
}

static void test_what_is_no_hash(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "",
        "iobroker",
        "$",
        "$$$",
        "pbkdf2$10000$" KEY,
        "pbkdf2$10000$" KEY "$",
        "pbkdf2$0$" KEY "$" SALT,
        "pbkdf2$$" KEY "$" SALT,
        "pbkdf2$1e4$" KEY "$" SALT,
        "pbkdf2$-1$" KEY "$" SALT,
        "pbkdf2$2000001$" KEY "$" SALT,
        "pbkdf2$99999999999999999999$" KEY "$" SALT,
        "pbkdf2$10000$" KEY "0$" SALT,
        "pbkdf2$10000$0a$" SALT,
        "PBKDF2$10000$" KEY "$" SALT,
        "bcrypt$10000$" KEY "$" SALT,
        VECTOR "$more",
    };
    password_hash_t hash;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_false(password_parse(str_of(refused[i]), &hash));
    char upper[] = VECTOR;
    *strchr(upper + 13, 'c') = 'C'; /* the original compares texts */
    assert_false(password_parse(str_of(upper), &hash));
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void await_result(password_pool_t *pool, password_result_t *result)
{
    int64_t deadline = mono_ms() + 10000;
    while (!password_pool_take(pool, result)) {
        assert_true(mono_ms() < deadline);
        poll(NULL, 0, 1);
    }
}

static void test_the_pool_answers_every_job(void **state)
{
    (void)state;
    static const struct {
        const char *password, *hash;
        bool ok;
    } jobs[] = {
        {"iobroker", VECTOR, true}, {"wrong", VECTOR, false}, {"iobroker", "", false},
        {"", VECTOR, false},        {"", "", false},
    };
    bool seen[5] = {false};
    password_pool_t *pool = password_pool_new(2, 16);
    for (size_t i = 0; i < 5; i++)
        assert_true(
            password_pool_check(pool, i, str_of(jobs[i].password), str_of(jobs[i].hash), 10));
    for (size_t i = 0; i < 5; i++) {
        password_result_t result;
        await_result(pool, &result);
        assert_true(result.id < 5 && !seen[result.id]);
        seen[result.id] = true;
        assert_int_equal(result.ok, jobs[result.id].ok);
        password_result_fini(&result);
    }
    password_result_t made;
    assert_true(password_pool_hash(pool, 9, STR_LIT("iobroker"), 10000, salt_bytes));
    await_result(pool, &made);
    assert_true(made.ok && made.id == 9);
    assert_true(str_is(buf_str(&made.hash), VECTOR));
    password_result_fini(&made);
    password_pool_destroy(&pool);
}

static void test_the_queue_is_bounded(void **state)
{
    (void)state;
    password_pool_t *pool = password_pool_new(1, 3);
    size_t taken = 0;
    for (size_t i = 0; i < 100; i++)
        taken += password_pool_check(pool, i, STR_LIT("x"), STR_LIT(""), 20000);
    assert_true(taken >= 3 && taken < 100);
    password_pool_set_queue(pool, 0);
    assert_false(password_pool_check(pool, 0, STR_LIT("x"), STR_LIT(""), 1));
    password_pool_destroy(&pool); /* with jobs waiting */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_originals_hash),
        cmocka_unit_test(test_a_new_hash_is_the_originals),
        cmocka_unit_test(test_what_is_no_hash),
        cmocka_unit_test(test_the_pool_answers_every_job),
        cmocka_unit_test(test_the_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
