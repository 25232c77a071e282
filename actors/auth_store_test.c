/* SPDX-License-Identifier: MIT */
#include "actors/auth_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t random_bytes[32] = {0xab, 0xcd};

static auth_store_t *open_store(void)
{
    auth_store_t *store;
    buf_t why = {0};
    engine_t *engine = engine_open_memory();
    assert_int_equal(auth_store_open(&store, &engine, random_bytes, &why), ERR_OK);
    buf_fini(&why);
    return store;
}

static auth_record_t *add(auth_store_t *store, const char *secret, int64_t ttl_ms)
{
    auth_record_t draft = {.hash = auth_hash_of(str_of(secret)),
                           .kind = AUTH_SESSION,
                           .created_ms = 1000,
                           .seen_ms = 1000,
                           .ttl_ms = ttl_ms,
                           .expires_ms = 1000 + ttl_ms,
                           .user = "system.user.anna",
                           .client = "browser"};
    return auth_store_add(store, &draft);
}

static auth_record_t *find(auth_store_t *store, const char *secret)
{
    auth_hash_t hash = auth_hash_of(str_of(secret));
    return auth_store_find(store, &hash);
}

/* Usage: records are added, found by what proves them, and removed; a commit makes it last. */
static void test_records(void **state)
{
    (void)state;
    auth_store_t *store = open_store();
    assert_int_equal(auth_store_secret(store).len, 48);
    assert_int_equal(strncmp(auth_store_secret(store).p, "abcd00", 6), 0);
    assert_non_null(add(store, "one", 3600000));
    assert_non_null(add(store, "two", 3600000));
    assert_int_equal(auth_store_commit(store), ERR_OK);
    assert_int_equal(auth_store_count(store), 2);
    assert_string_equal(find(store, "one")->user, "system.user.anna");
    assert_null(find(store, "three"));
    auth_store_remove(store, find(store, "one"));
    assert_null(find(store, "one"));
    assert_string_equal(auth_store_at(store, 0)->client, "browser");
    assert_int_equal(auth_store_commit(store), ERR_OK);
    auth_store_close(&store);
}

static void test_use_prolongs(void **state)
{
    (void)state;
    auth_store_t *store = open_store();
    auth_record_t *record = add(store, "one", 40000);
    assert_int_equal(auth_store_commit(store), ERR_OK);
    auth_store_touch(store, record, STR_LIT("10.0.0.1"), 5000);
    assert_int_equal(record->expires_ms, 45000);
    assert_int_equal(record->saved_ms, 1000); /* not written yet: it was just now */
    assert_string_equal(record->address, "10.0.0.1");
    auth_store_touch(store, record, STR_LIT(""), 11000);
    assert_int_equal(record->saved_ms, 11000);
    assert_string_equal(record->address, "10.0.0.1");
    auth_store_close(&store);
}

/* A commit that fails leaves memory as the database is. */
static void test_a_commit_that_fails(void **state)
{
    (void)state;
    auth_store_t *store = open_store();
    assert_non_null(add(store, "old", 60000));
    assert_int_equal(auth_store_commit(store), ERR_OK);
    assert_non_null(add(store, "new", 60000));
    auth_store_remove(store, find(store, "old"));
    engine_rollback(auth_store_engine(store)); /* what a failing engine does */
    auth_store_take_back(store);
    assert_null(find(store, "new"));
    assert_non_null(find(store, "old"));
    assert_int_equal(auth_store_count(store), 1);
    auth_store_close(&store);
}

static void test_texts_are_cut(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof text);
    memcpy(text + AUTH_FIELD_MAX - 1, "\xc3\xa4", 2);
    text[sizeof text - 1] = '\0';
    auth_store_t *store = open_store();
    auth_record_t draft = {.user = "u", .client = text, .address = text};
    const auth_record_t *record = auth_store_add(store, &draft);
    assert_int_equal(strlen(record->client), AUTH_FIELD_MAX - 1);
    auth_store_close(&store);
}

static void test_records_go_round(void **state)
{
    (void)state;
    auth_record_t record = {.hash = auth_hash_of(STR_LIT("x")),
                            .kind = AUTH_DEVICE,
                            .read_only = true,
                            .family = UINT64_MAX,
                            .created_ms = 1,
                            .seen_ms = 2,
                            .expires_ms = 3,
                            .ttl_ms = 4,
                            .user = "u",
                            .print = "p",
                            .client = "c",
                            .address = "a",
                            .name = "n"};
    buf_t text = {0}, again = {0};
    auth_record_put(&text, &record);
    auth_record_t *read = auth_record_read(&record.hash, buf_str(&text));
    assert_non_null(read);
    auth_record_put(&again, read);
    assert_true(str_eq(buf_str(&text), buf_str(&again)));
    auth_record_destroy(&read);
    for (size_t len = 0; len < text.len; len++)
        assert_null(auth_record_read(&record.hash, (str_t){(const char *)text.data, len}));
    buf_fini(&text);
    buf_fini(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_use_prolongs),
        cmocka_unit_test(test_a_commit_that_fails),
        cmocka_unit_test(test_texts_are_cut),
        cmocka_unit_test(test_records_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
