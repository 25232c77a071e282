/* SPDX-License-Identifier: MIT */
/* What a head says lies within its text and is free of what could split an answer; a body comes out
 * the same however it is cut. */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "gateway/http_head.h"

static void check_inside(str_t part, str_t text)
{
    assert(part.len == 0 || (part.p >= text.p && part.p + part.len <= text.p + text.len));
    for (size_t i = 0; i < part.len; i++)
        assert(part.p[i] != '\r' && part.p[i] != '\n' && part.p[i] != '\0');
}

static void check_head(const http_head_t *head, str_t text)
{
    assert(head->path.len > 0 && head->header_count <= HTTP_MAX_HEADERS);
    check_inside(head->path, text);
    check_inside(head->query, text);
    for (size_t i = 0; i < head->header_count; i++) {
        assert(head->headers[i].name.len > 0);
        check_inside(head->headers[i].name, text);
        check_inside(head->headers[i].value, text);
    }
    (void)http_head_has(head, "connection", "upgrade");
}

static void check_query(str_t query)
{
    buf_t value = {0};
    (void)http_query_get(query, "sid", &value);
    assert(value.len <= query.len);
    buf_fini(&value);
}

static http_body_result_t read_body(const http_head_t *head, str_t text, size_t step, buf_t *out)
{
    http_body_t body;
    http_body_result_t result = HTTP_BODY_MORE;
    http_body_init(&body, head);
    for (size_t at = 0; at < text.len && result == HTTP_BODY_MORE; at += step) {
        str_t data = {text.p + at, text.len - at < step ? text.len - at : step}, piece;
        while (data.len > 0 && result == HTTP_BODY_MORE) {
            result = http_body_feed(&body, &data, &piece);
            buf_append_str(out, piece);
        }
    }
    return result;
}

static void check_body(const http_head_t *head, str_t text)
{
    buf_t whole = {0}, parts = {0};
    http_body_result_t a = read_body(head, text, text.len ? text.len : 1, &whole);
    http_body_result_t b = read_body(head, text, 3, &parts);
    assert(a == b && str_eq(buf_str(&whole), buf_str(&parts)));
    assert(head->chunked || whole.len <= head->content_length);
    buf_fini(&whole);
    buf_fini(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t text = {(const char *)data, size};
    http_head_t head;
    size_t n = http_head_length(text);
    if (n == 0)
        return 0;
    int status = http_head_parse((str_t){text.p, n}, &head);
    assert(status == 0 || status == 400 || status == 431 || status == 501 || status == 505);
    if (status != 0)
        return 0;
    check_head(&head, (str_t){text.p, n});
    check_query(head.query);
    check_body(&head, (str_t){text.p + n, text.len - n});
    return 0;
}
