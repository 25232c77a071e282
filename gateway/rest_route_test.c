/* SPDX-License-Identifier: MIT */
#include "gateway/rest_route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "bus/json.h"

static void finds_command_and_arguments(void **state)
{
    rest_source_t source = {.method = HTTP_GET, .path = STR_LIT("/api/state/lamp.0.on")};
    rest_request_t request;
    buf_t json = {0};
    (void)state;
    assert_int_equal(rest_route_read(&source, &request), 0);
    assert_string_equal(request.command, "getState");
    json_from_mp(&json, mp_of_buf(&request.args), NULL);
    assert_true(str_is(buf_str(&json), "[\"lamp.0.on\"]"));
    buf_fini(&json);
    rest_request_fini(&request);
}

typedef struct {
    http_method_t method;
    const char *path;
    const char *query;
    const char *type;
    const char *body;
    int status;
    const char *command;
    const char *args;
} row_t;

#define JSON "application/json"

static const row_t rows[] = {
    {HTTP_GET, "/api", "", "", "", 0, NULL, "[]"},
    {HTTP_HEAD, "/api/status", "", "", "", 0, "iobusStatus", "[]"},
    {HTTP_GET, "/api/states", "", "", "", 0, "getStates", "[\"*\"]"},
    {HTTP_GET, "/api/states", "pattern=a.%2a", "", "", 0, "getStates", "[\"a.*\"]"},
    {HTTP_GET, "/api/states", "ids=a.b,c%20d,,", "", "", 0, "getStates", "[[\"a.b\",\"c d\"]]"},
    {HTTP_GET, "/api/states", "ids=", "", "", 0, "getStates", "[[]]"},
    {HTTP_GET, "/api/states", "ids=a,%", "", "", 400, NULL, NULL},
    {HTTP_GET, "/api/states", "pattern=%zz", "", "", 400, NULL, NULL},
    {HTTP_POST, "/api/states", "", "", "", 405, NULL, NULL},
    {HTTP_GET, "/api/state/", "", "", "", 404, NULL, NULL},
    {HTTP_GET, "/api/state/a%2Fb/c", "", "", "", 0, "getState", "[\"a/b/c\"]"},
    {HTTP_GET, "/api/state/a", "value=x", "", "", 400, NULL, NULL},
    {HTTP_PUT, "/api/state/a", "", JSON, "21.5", 0, "setState",
     "[\"a\",{\"val\":21.5,\"ack\":false}]"},
    {HTTP_PUT, "/api/state/a", "ack=true", JSON, "[1]", 0, "setState",
     "[\"a\",{\"val\":[1],\"ack\":true}]"},
    {HTTP_PUT, "/api/state/a", "", JSON, "{\"val\":1,\"q\":2}", 0, "setState",
     "[\"a\",{\"val\":1,\"q\":2}]"},
    {HTTP_PUT, "/api/state/a", "ack", JSON, "{\"ack\":false,\"val\":1}", 0, "setState",
     "[\"a\",{\"val\":1,\"ack\":true}]"},
    {HTTP_PUT, "/api/state/a", "", "text/plain", "on\n", 0, "setState",
     "[\"a\",{\"val\":\"on\",\"ack\":false}]"},
    {HTTP_PUT, "/api/state/a", "", JSON, "", 400, NULL, NULL},
    {HTTP_PUT, "/api/state/a", "", JSON, "{", 400, NULL, NULL},
    {HTTP_PUT, "/api/state/a", "", "text/xml", "<a/>", 415, NULL, NULL},
    {HTTP_PUT, "/api/state/a%", "", JSON, "1", 400, NULL, NULL},
    {HTTP_DELETE, "/api/state/a", "", "", "", 0, "delState", "[\"a\"]"},
    {HTTP_GET, "/api/objects", "type=channel", "", "", 0, "iobusObjects", "[\"*\",\"channel\"]"},
    {HTTP_GET, "/api/objects", "pattern=a.*", "", "", 0, "iobusObjects", "[\"a.*\",\"*\"]"},
    {HTTP_PUT, "/api/object/a", "", JSON, "{\"type\":\"state\"}", 0, "setObject",
     "[\"a\",{\"type\":\"state\"}]"},
    {HTTP_PUT, "/api/object/a", "", JSON, "[]", 400, NULL, NULL},
    {HTTP_GET, "/api/history/a", "from=1000&to=2020-01-01&aggregate=max&count=5&removeBorderValues",
     "", "", 0, "getHistory",
     "[\"a\",{\"start\":1000,\"end\":\"2020-01-01\",\"aggregate\":\"max\",\"count\":5,"
     "\"removeBorderValues\":true}]"},
    {HTTP_GET, "/api/history/a", "", "", "", 0, "getHistory", "[\"a\",{}]"},
    {HTTP_GET, "/api/history/a", "count=many", "", "", 400, NULL, NULL},
    {HTTP_GET, "/api/files/", "", "", "", 0, "readDir", "[\"\",\"\"]"},
    {HTTP_GET, "/api/files/vis.0", "", "", "", 0, "readDir", "[\"vis.0\",\"\"]"},
    {HTTP_GET, "/api/files/vis.0/main/", "", "", "", 0, "readDir", "[\"vis.0\",\"main/\"]"},
    {HTTP_GET, "/api/files/vis.0/a.png", "", "", "", 0, "fileExists", "[\"vis.0\",\"a.png\"]"},
    {HTTP_GET, "/api/files//evil.example/a", "", "", "", 400, NULL, NULL},
    {HTTP_GET, "/api/events", "", "", "", 400, NULL, NULL},
    {HTTP_GET, "/api/events", "pattern=%&pattern=a", "", "", 400, NULL, NULL},
    {HTTP_GET, "/api/events", "pattern=a.*&pattern=b&objects=c&files=vis.0/m/*&files=vis.1", "", "",
     0, NULL,
     "[[\"subscribe\",[\"a.*\"]],[\"subscribe\",[\"b\"]],[\"subscribeObjects\",[\"c\"]],"
     "[\"subscribeFiles\",[\"vis.0\",\"m/*\"]],[\"subscribeFiles\",[\"vis.1\",\"*\"]]]"},
    {HTTP_GET, "/api/nothing", "", "", "", 404, NULL, NULL},
    {HTTP_GET, "/apis", "", "", "", 404, NULL, NULL},
};

static void check(const row_t *row)
{
    rest_source_t source = {.method = row->method,
                            .path = str_of(row->path),
                            .query = str_of(row->query),
                            .content_type = str_of(row->type),
                            .body = str_of(row->body)};
    rest_request_t request;
    buf_t json = {0};
    int status = rest_route_read(&source, &request);
    if (status != row->status)
        fail_msg("%s?%s: %d", row->path, row->query, status);
    if (status != 0) {
        assert_non_null(request.detail);
    } else {
        json_from_mp(&json, mp_of_buf(&request.args), NULL);
        if (!str_is(buf_str(&json), row->args))
            fail_msg("%s?%s: %.*s", row->path, row->query, STR_ARG(buf_str(&json)));
        assert_int_equal(request.command != NULL, row->command != NULL);
        if (row->command)
            assert_string_equal(request.command, row->command);
    }
    buf_fini(&json);
    rest_request_fini(&request);
}

static void reads_every_kind_of_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(&rows[i]);
}

static void events_may_begin_with_values(void **state)
{
    rest_source_t source = {.method = HTTP_GET,
                            .path = STR_LIT("/api/events"),
                            .query = STR_LIT("pattern=a.*&pattern=b&objects=c&initial=1")};
    rest_request_t request;
    buf_t json = {0};
    (void)state;
    assert_int_equal(rest_route_read(&source, &request), 0);
    assert_true(request.initial);
    json_from_mp(&json, mp_of_buf(&request.more), NULL);
    assert_true(str_is(buf_str(&json), "[[\"getStates\",[\"a.*\"]],[\"getStates\",[[\"b\"]]]]"));
    buf_fini(&json);
    rest_request_fini(&request);
}

static void what_is_no_file_may_be_a_folder(void **state)
{
    rest_source_t source = {.method = HTTP_GET, .path = STR_LIT("/api/files/vis.0/main")};
    rest_request_t request;
    buf_t json = {0};
    (void)state;
    assert_int_equal(rest_route_read(&source, &request), 0);
    assert_int_equal(request.shape, REST_EXISTS);
    rest_request_list(&request);
    assert_string_equal(request.command, "readDir");
    assert_int_equal(request.shape, REST_FOLDER);
    json_from_mp(&json, mp_of_buf(&request.args), NULL);
    assert_true(str_is(buf_str(&json), "[\"vis.0\",\"main\"]"));
    buf_fini(&json);
    rest_request_fini(&request);
}

static void a_path_says_what_it_allows(void **state)
{
    rest_source_t source = {.method = HTTP_OPTIONS, .path = STR_LIT("/api/state/a")};
    rest_request_t request;
    buf_t text = {0};
    (void)state;
    assert_int_equal(rest_route_read(&source, &request), 0);
    assert_int_equal(request.kind, REST_OPTIONS);
    rest_allowed_text(request.allowed, &text);
    assert_true(str_is(buf_str(&text), "GET, HEAD, PUT, DELETE, OPTIONS"));
    buf_fini(&text);
    rest_request_fini(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_command_and_arguments),
        cmocka_unit_test(reads_every_kind_of_request),
        cmocka_unit_test(events_may_begin_with_values),
        cmocka_unit_test(what_is_no_file_may_be_a_folder),
        cmocka_unit_test(a_path_says_what_it_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
