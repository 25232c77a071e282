/* SPDX-License-Identifier: MIT */
/* Any request is refused with a status and a reason, or becomes arguments that are one well-formed
 * array; ids are text without control characters. Input: a line "METHOD TARGET", a line with the
 * content type, the body. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "gateway/rest_answer.h"
#include "gateway/rest_input.h"
#include "gateway/sse_text.h"

static str_t take_line(str_t *text)
{
    const char *stop = text->len > 0 ? memchr(text->p, '\n', text->len) : NULL;
    str_t line = {text->p, stop ? (size_t)(stop - text->p) : text->len};
    size_t used = line.len + (stop ? 1 : 0);
    *text = (str_t){text->p + used, text->len - used};
    return line;
}

static http_method_t method_of(str_t word)
{
    static const struct {
        const char *word;
        http_method_t method;
    } methods[] = {{"GET", HTTP_GET}, {"HEAD", HTTP_HEAD},     {"POST", HTTP_POST},
                   {"PUT", HTTP_PUT}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (str_is(word, methods[i].word))
            return methods[i].method;
    }
    return HTTP_OTHER;
}

static void check_id(const rest_request_t *request)
{
    mp_t value;
    str_t id;
    if (request->rest.len == 0 || !mp_at(mp_of_buf(&request->args), 0, &value))
        return;
    assert(mp_read_str(&value, &id) && id.len > 0 && id.len <= REST_ID_MAX);
    for (size_t i = 0; i < id.len; i++)
        assert((uint8_t)id.p[i] >= 0x20);
}

/* Calls of a list: [[name, arguments] ...] */
static void check_list(const buf_t *list)
{
    mp_t calls = mp_of_buf(list), call, args;
    uint32_t count, two;
    str_t name;
    assert(mp_read_array(&calls, &count));
    for (uint32_t i = 0; i < count; i++) {
        assert(mp_next(&calls, &call) && mp_read_array(&call, &two) && two == 2);
        assert(mp_read_str(&call, &name) && mp_next(&call, &args) && mp_type(args) == MP_ARRAY);
    }
    assert(mp_at_end(&calls));
}

static void check_request(int status, rest_request_t *request)
{
    if (status != 0) {
        assert(status == 400 || status == 404 || status == 405 || status == 415);
        assert(request->detail);
        return;
    }
    if (request->kind == REST_OPTIONS)
        return;
    assert(mp_check(mp_of_buf(&request->args), true) == ERR_OK);
    assert(mp_type(mp_of_buf(&request->args)) == MP_ARRAY);
    check_id(request);
    if (request->kind == REST_EVENTS) {
        check_list(&request->args);
        check_list(&request->more);
    }
    if (request->shape == REST_EXISTS)
        rest_request_list(request);
    assert((request->kind == REST_CALL) == (request->command != NULL));
}

/* The body as the answer of an actor: whatever it is, it has a status. */
static void check_answer(str_t body)
{
    buf_t args = {0}, text = {0};
    if (rest_body_value(&args, REST_BODY_JSON, body) == ERR_OK) {
        for (int shape = REST_VALUE; shape <= REST_FOLDER; shape++) {
            rest_answer_t answer;
            rest_answer_read((rest_shape_t)shape, mp_of_buf(&args), &answer);
            assert(answer.status != 0 || shape == REST_EXISTS);
            buf_fini(&answer.body);
        }
        sse_put_event(STR_LIT("stateChange"), mp_of_buf(&args), &text);
        assert(text.len > 2 && memcmp(text.data + text.len - 2, "\n\n", 2) == 0);
    }
    buf_fini(&args);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t rest = {(const char *)data, size};
    str_t line = take_line(&rest), type = take_line(&rest);
    const char *blank = line.len > 0 ? memchr(line.p, ' ', line.len) : NULL;
    if (!blank)
        return 0;
    str_t method = {line.p, (size_t)(blank - line.p)};
    str_t target = {blank + 1, line.len - method.len - 1};
    const char *mark = target.len > 0 ? memchr(target.p, '?', target.len) : NULL;
    rest_source_t source = {.method = method_of(method),
                            .path = target,
                            .query = {target.p + target.len, 0},
                            .content_type = type,
                            .body = rest};
    if (mark) {
        source.path.len = (size_t)(mark - target.p);
        source.query = (str_t){mark + 1, target.len - source.path.len - 1};
    }
    rest_request_t request;
    int status = rest_route_read(&source, &request);
    check_request(status, &request);
    rest_request_fini(&request);
    check_answer(rest);
    return 0;
}
