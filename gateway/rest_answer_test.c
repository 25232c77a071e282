/* SPDX-License-Identifier: MIT */
#include "gateway/rest_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static rest_answer_t read_answer(rest_shape_t shape, const char *args_json)
{
    buf_t args = {0};
    rest_answer_t answer;
    assert_int_equal(json_to_mp(&args, str_of(args_json)), ERR_OK);
    rest_answer_read(shape, mp_of_buf(&args), &answer);
    buf_fini(&args);
    return answer;
}

static void a_result_becomes_a_body(void **state)
{
    rest_answer_t answer = read_answer(REST_VALUE, "[null,{\"val\":1}]");
    (void)state;
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.type, REST_JSON);
    assert_true(str_is(buf_str(&answer.body), "{\"val\":1}\n"));
    buf_fini(&answer.body);
}

static void shapes_differ(void **state)
{
    static const struct {
        rest_shape_t shape;
        const char *args;
        int status;
        const char *body; /* NULL: a problem, or none */
    } rows[] = {
        {REST_VALUE, "[null,{}]", 200, "{}\n"},
        {REST_VALUE, "[null,null]", 404, NULL},
        {REST_VALUE, "[null]", 404, NULL},
        {REST_VALUE, "[]", 404, NULL},
        {REST_PLAIN, "[null,{\"val\":\"on\"}]", 200, "on"},
        {REST_PLAIN, "[null,{\"val\":21.5}]", 200, "21.5"},
        {REST_PLAIN, "[null,{\"val\":null}]", 200, "null"},
        {REST_PLAIN, "[null,null]", 404, NULL},
        {REST_NOTHING, "[null,\"a.b\"]", 204, ""},
        {REST_NOTHING, "[null]", 204, ""},
        {REST_HISTORY, "[null,[{\"ts\":1}],5,\"s\"]", 200,
         "{\"result\":[{\"ts\":1}],\"step\":5}\n"},
        {REST_HISTORY, "[null,[]]", 200, "{\"result\":[],\"step\":null}\n"},
        {REST_EXISTS, "[null,true]", 302, ""},
        {REST_EXISTS, "[null,false]", 0, ""},
        {REST_FOLDER, "[null,[1]]", 200, "[1]\n"},
        {REST_FOLDER, "[null,[]]", 404, NULL},
        {REST_VALUE, "[\"permissionError\"]", 403, NULL},
        {REST_EXISTS, "[\"Cannot check file existence of \\\"a: b\\\": permissionError\"]", 403,
         NULL},
        {REST_VALUE, "[\"permissionError: no\"]", 400, NULL},
        {REST_NOTHING, "[\"Not exists\"]", 404, NULL},
        {REST_EXISTS, "[\"Message is too large\"]", 413, NULL},
        {REST_PLAIN, "[\"No answer within the deadline\"]", 503, NULL},
        {REST_HISTORY, "[\"anything else\"]", 400, NULL},
        {REST_VALUE, "[{\"odd\":true}]", 400, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rest_answer_t answer = read_answer(rows[i].shape, rows[i].args);
        if (answer.status != rows[i].status)
            fail_msg("%s: %d", rows[i].args, answer.status);
        if (rows[i].body)
            assert_true(str_is(buf_str(&answer.body), rows[i].body));
        else
            assert_string_equal(answer.type, REST_PROBLEM);
        buf_fini(&answer.body);
    }
}

static void problems_are_described(void **state)
{
    rest_answer_t answer = {0};
    (void)state;
    rest_answer_problem(404, STR_LIT("no \"x\""), &answer);
    assert_true(str_is(buf_str(&answer.body),
                       "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                       "\"detail\":\"no \\\"x\\\"\"}\n"));
    buf_fini(&answer.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_becomes_a_body),
        cmocka_unit_test(shapes_differ),
        cmocka_unit_test(problems_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
