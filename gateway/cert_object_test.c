/* SPDX-License-Identifier: MIT */
#include "gateway/cert_object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/json.h"

#define PEM "-----BEGIN CERTIFICATE-----"

static const cert_names_t defaults = {"defaultPublic", "defaultPrivate", "", ""};

typedef struct {
    tls_pair_t pairs[CERT_PAIRS_MAX];
    size_t count;
    buf_t why;
} result_t;

static void read_object(result_t *self, const char *json, const cert_names_t *names)
{
    buf_t object = {0};
    memset(self, 0, sizeof *self);
    assert_int_equal(json_to_mp(&object, str_of(json)), ERR_OK);
    self->count = cert_object_read(mp_of_buf(&object), names, self->pairs, &self->why);
    buf_fini(&object);
}

static void drop(result_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        tls_pair_fini(&self->pairs[i]);
    buf_fini(&self->why);
}

static void is_text(const buf_t *buf, const char *expected)
{
    if (!str_is(buf_str(buf), expected))
        fail_msg("\"%.*s\" instead of \"%s\"", STR_ARG(buf_str(buf)), expected);
}

/* Usage: the object as the adapters have it. */
static void finds_names(void **unused)
{
    static const cert_names_t names = {"my", "myKey", "myChain", ""};
    result_t result;
    (void)unused;
    read_object(&result,
                "{\"native\":{\"certificates\":{\"my\":\"" PEM "1\",\"myKey\":\"" PEM
                "2\",\"myChain\":\"" PEM "3\"}}}",
                &names);
    assert_int_equal(result.count, 1);
    assert_int_equal(result.why.len, 0);
    is_text(&result.pairs[0].cert, PEM "1");
    is_text(&result.pairs[0].key, PEM "2");
    is_text(&result.pairs[0].chain, PEM "3");
    is_text(&result.pairs[0].domains, "");
    drop(&result);
}

static void follows_paths(void **unused)
{
    char path[] = "/tmp/cert_object_test.XXXXXX", json[256];
    int fd = mkstemp(path);
    result_t result;
    (void)unused;
    assert_int_equal(write(fd, "from file", 9), 9);
    close(fd);
    snprintf(json, sizeof json,
             "{\"native\":{\"certificates\":{\"defaultPublic\":\"%s\",\"defaultPrivate\":\"%s\"}}}",
             path, path);
    read_object(&result, json, &defaults);
    assert_int_equal(result.count, 1);
    is_text(&result.pairs[0].cert, "from file");
    drop(&result);
    unlink(path);
    read_object(&result, json, &defaults);
    assert_int_equal(result.count, 0);
    assert_non_null(memmem(result.why.data, result.why.len, path, strlen(path)));
    drop(&result);
}

static const char collections[] = "{\"native\":{\"certificates\":{},\"collections\":{"
                                  "\"a\":{\"cert\":\"A1\",\"key\":\"A2\",\"chain\":[\"A3\",\"A4\"],"
                                  "\"domains\":[\"a.test\",\"*.a.test\",\"bad name\",5]},"
                                  "\"broken\":{\"cert\":\"B1\"},\"odd\":7,"
                                  "\"c\":{\"cert\":\"C1\",\"key\":\"C2\",\"chain\":\"C3\"}}}}";

static void takes_collections(void **unused)
{
    static const cert_names_t all = {"defaultPublic", "defaultPrivate", "", "*"},
                              one = {"defaultPublic", "defaultPrivate", "", "c"};
    result_t result;
    (void)unused;
    read_object(&result, collections, &all);
    assert_int_equal(result.count, 2);
    is_text(&result.pairs[0].cert, "A1");
    is_text(&result.pairs[0].chain, "A3\nA4\n");
    is_text(&result.pairs[0].domains, "a.test *.a.test");
    is_text(&result.pairs[1].chain, "C3\n");
    drop(&result);
    read_object(&result, collections, &one);
    assert_int_equal(result.count, 1);
    is_text(&result.pairs[0].key, "C2");
    drop(&result);
}

static void says_what_is_missing(void **unused)
{
    static const char *const objects[] = {
        "null",
        "5",
        "{}",
        "{\"native\":5}",
        "{\"native\":{\"certificates\":{}}}",
        "{\"native\":{\"certificates\":{\"defaultPublic\":5,\"defaultPrivate\":{}}}}"};
    result_t result;
    (void)unused;
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        read_object(&result, objects[i], &defaults);
        assert_int_equal(result.count, 0);
        assert_non_null(memmem(result.why.data, result.why.len, "\"defaultPublic\"", 15));
        drop(&result);
    }
    read_object(&result,
                "{\"native\":{\"certificates\":{\"defaultPublic\":\"\","
                "\"defaultPrivate\":\"" PEM "\"}}}",
                &defaults);
    assert_int_equal(result.count, 0);
    assert_non_null(memmem(result.why.data, result.why.len, "is empty", 8));
    drop(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_names),
        cmocka_unit_test(follows_paths),
        cmocka_unit_test(takes_collections),
        cmocka_unit_test(says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
