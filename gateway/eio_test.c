/* SPDX-License-Identifier: MIT */
#include "gateway/eio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/eio3.h"
#include "gateway/eio4.h"

#define SID "abcdefghijklmnopqrst"

/* Usage: what a request asks for. */
static void parses_a_query(void **unused)
{
    (void)unused;
    eio_query_t query;
    eio_query_parse(STR_LIT("key=nokey&EIO=3&transport=polling&t=Q8Ad5sL&b64=1&j=2x3&sid=" SID),
                    &query);
    assert_int_equal(query.transport, TRANSPORT_POLLING);
    assert_ptr_equal(query.codec, &eio3_codec);
    assert_true(query.has_sid && query.b64 && query.jsonp);
    assert_string_equal(query.sid, SID);
    assert_string_equal(query.j, "23");
    eio_query_parse(STR_LIT("EIO=4&transport=websocket"), &query);
    assert_int_equal(query.transport, TRANSPORT_WEBSOCKET);
    assert_ptr_equal(query.codec, &eio4_codec);
    assert_false(query.has_sid || query.b64 || query.jsonp);
}

static void revisions(void **unused)
{
    (void)unused;
    static const struct {
        const char *query;
        const eio_codec_t *codec;
    } rows[] = {{"", &eio3_codec},    {"EIO=3", &eio3_codec}, {"EIO=4", &eio4_codec},
                {"a=1", &eio3_codec}, {"EIO=", NULL},         {"EIO=5", NULL},
                {"EIO=abc", NULL},    {"EIO=44", NULL},       {"EIO=04", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        eio_query_t query;
        eio_query_parse(str_of(rows[i].query), &query);
        if (query.codec != rows[i].codec)
            fail_msg("%s", rows[i].query);
    }
}

/* Python's client is told from the others by its time stamp. */
static void clients_with_fixed_arity(void **unused)
{
    (void)unused;
    static const struct {
        const char *query;
        bool fixed;
    } rows[] = {{"EIO=4&t=1700000000.1234567", true},
                {"EIO=4&t=1700000000", false},
                {"EIO=4&t=Q8Ad5sL", false},
                {"EIO=4&t=Q8Ad5sL.0", false},
                {"EIO=4&t=17000000.00.1", false},
                {"EIO=4", false},
                {"EIO=4&t=", false},
                {"EIO=4&t=7f.5", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        eio_query_t query;
        eio_query_parse(str_of(rows[i].query), &query);
        if (query.fixed_arity != rows[i].fixed)
            fail_msg("%s", rows[i].query);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_query),
        cmocka_unit_test(revisions),
        cmocka_unit_test(clients_with_fixed_arity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
