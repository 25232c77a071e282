/* SPDX-License-Identifier: MIT */
#include "gateway/http_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void parse(const char *text, http_head_t *head)
{
    assert_int_equal(http_head_parse(str_of(text), head), 0);
}

static void expect(buf_t *out, const char *text)
{
    if (!str_is(buf_str(out), text))
        fail_msg("%.*s", STR_ARG(buf_str(out)));
    buf_fini(out);
}

/* Usage. */
static void writes_a_head(void **unused)
{
    (void)unused;
    buf_t out = {0};
    http_head_t head;
    parse("GET / HTTP/1.1\r\n\r\n", &head);
    http_answer_head(&out, &head, 200, "text/html", STR_LIT("A: b\r\n"), 5, true);
    expect(&out, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\nA: b\r\n\r\n");
    http_answer_head(&out, NULL, 400, NULL, STR_LIT(""), 0, false);
    expect(&out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    http_answer_head(&out, &head, 304, NULL, STR_LIT(""), 0, true);
    expect(&out, "HTTP/1.1 304 Not Modified\r\n\r\n");
}

#define UPGRADE                                                                                    \
    "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* The key is the example of RFC 6455, 1.3. */
static void accepts_a_websocket(void **unused)
{
    (void)unused;
    buf_t out = {0};
    http_head_t head;
    parse("GET / HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Protocol: chat , x\r\n"
          "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
          &head);
    assert_true(http_asks_websocket(&head));
    http_accept_websocket(&out, &head, NULL);
    expect(&out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: "
                 "chat\r\n\r\n");
}

static void knows_bad_upgrades(void **unused)
{
    (void)unused;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n" UPGRADE "\r\n",
        "GET / HTTP/1.0\r\n" UPGRADE KEY "\r\n",
        "POST / HTTP/1.1\r\n" UPGRADE KEY "\r\n",
        "GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" KEY
        "\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" KEY "\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
        "8\r\n" KEY "\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        http_head_t head;
        parse(texts[i], &head);
        assert_false(http_asks_websocket(&head));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_head),
        cmocka_unit_test(accepts_a_websocket),
        cmocka_unit_test(knows_bad_upgrades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
