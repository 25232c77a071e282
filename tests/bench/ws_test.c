/* SPDX-License-Identifier: MIT */
#include "tests/bench/ws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

/* The upgrade's answer, as a server sends it to the sample key of RFC 6455. */
static const char UPGRADED[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/* One connection whose server is the other end of a socket pair. */
typedef struct fixture {
    wire_net_t net;
    ws_t ws;
    int server;
    size_t messages, bytes; /* received so far */
} fixture_t;

static int on_message(void *owner, const char *data, size_t size)
{
    fixture_t *self = owner;
    if (!data)
        return 0; /* the upgrade has been accepted */
    self->messages++;
    self->bytes += size;
    for (size_t i = 0; i < size; i++)
        assert_int_equal(data[i], (char)('a' + i % 26));
    return 0;
}

static int setup(void **state)
{
    static fixture_t fixture;
    memset(&fixture, 0, sizeof fixture);
    int pair[2];
    const char *why;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    int epoll = epoll_create1(0);
    assert_int_equal(wire_net_init(&fixture.net, epoll, "127.0.0.1:1", &why), 0);
    ws_init(&fixture.ws, &fixture.net, &fixture, on_message);
    fixture.ws.wire.fd = pair[0];
    fixture.ws.wire.stage = WIRE_OPEN;
    fixture.server = pair[1];
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *self = *state;
    close(self->net.epoll);
    close(self->server);
    ws_fini(&self->ws);
    wire_net_fini(&self->net);
    return 0;
}

/* An unmasked text frame of `size` letters, appended at `at`; returns its end. */
static char *put_frame(char *at, size_t size)
{
    *at++ = (char)0x81;
    if (size < 126) {
        *at++ = (char)size;
    } else {
        int bytes = size < 65536 ? 2 : 8;
        *at++ = bytes == 2 ? 126 : 127;
        while (bytes-- > 0)
            *at++ = (char)((uint64_t)size >> (8 * bytes));
    }
    for (size_t i = 0; i < size; i++)
        *at++ = (char)('a' + i % 26);
    return at;
}

static void feed(fixture_t *self, const char *data, size_t size, size_t step)
{
    for (size_t done = 0; done < size; done += step) {
        size_t part = size - done < step ? size - done : step;
        assert_int_equal(write(self->server, data + done, part), (ssize_t)part);
        assert_int_equal(wire_event(&self->ws.wire, EPOLLIN), 0);
    }
}

/* However the network cuts the stream, the messages are the same. */
static void test_receive_in_pieces(void **state)
{
    fixture_t *self = *state;
    static const size_t sizes[] = {0, 1, 125, 126, 300, 65535, 65536, 70000};
    char *stream = malloc(300000);
    assert_non_null(stream);
    memcpy(stream, UPGRADED, sizeof UPGRADED - 1);
    char *end = stream + sizeof UPGRADED - 1;
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        end = put_frame(end, sizes[i]);
        bytes += sizes[i];
    }
    size_t size = (size_t)(end - stream);
    feed(self, stream, 800, 1); /* the upgrade and the small ones, byte by byte */
    feed(self, stream + 800, size - 800, 997);
    assert_int_equal(self->messages, sizeof sizes / sizeof sizes[0]);
    assert_int_equal(self->bytes, bytes);
    assert_int_equal(self->ws.wire.in_size, 0);
    free(stream);
}

/* Two messages leave in one write, masked. */
static void test_send_gathered(void **state)
{
    fixture_t *self = *state;
    feed(self, UPGRADED, sizeof UPGRADED - 1, sizeof UPGRADED);
    ws_send(&self->ws, "one", 3);
    ws_send(&self->ws, "three", 5);
    assert_int_equal(wire_flush(&self->ws.wire), 0);
    unsigned char got[64];
    assert_int_equal(read(self->server, got, sizeof got), 2 + 4 + 3 + 2 + 4 + 5);
    static const struct {
        size_t at;
        const char *text;
    } rows[] = {{0, "one"}, {9, "three"}};
    for (size_t i = 0; i < 2; i++) {
        const unsigned char *frame = got + rows[i].at;
        assert_int_equal(frame[0], 0x81);
        assert_int_equal(frame[1], 0x80 | strlen(rows[i].text));
        for (size_t k = 0; k < strlen(rows[i].text); k++)
            assert_int_equal(frame[6 + k] ^ frame[2 + k % 4], rows[i].text[k]);
    }
}

/* A dialect of binary messages takes no text, and the other way round. */
static void test_kind_of_messages(void **state)
{
    fixture_t *self = *state;
    feed(self, UPGRADED, sizeof UPGRADED - 1, sizeof UPGRADED);
    self->ws.binary = true;
    feed(self,
         "\x82\x01"
         "a",
         3, 3);
    assert_int_equal(self->messages, 1);
    assert_int_equal(write(self->server,
                           "\x81\x01"
                           "a",
                           3),
                     3);
    assert_int_equal(wire_event(&self->ws.wire, EPOLLIN), -1);
}

static void test_refuses(void **state)
{
    fixture_t *self = *state;
    static const struct {
        const char *data;
        size_t size;
    } rows[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
        {"HTTP/1.1 101 Switching\r\n\r\n", 26},
        {"\x01\x01x", 3},
        {"\x81\x81xxxxx", 7},
        {"\xc1\x01x", 3},
        {"\x82\x01x", 3},
        {"\x88\x00", 2},
        {"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        self->ws.upgraded = i >= 2;
        self->ws.wire.in_size = 0;
        self->ws.wire.why = NULL;
        assert_int_equal(write(self->server, rows[i].data, rows[i].size), (ssize_t)rows[i].size);
        assert_int_equal(wire_event(&self->ws.wire, EPOLLIN), -1);
        assert_non_null(self->ws.wire.why);
    }
}

/* The end of a connection is an error, unless we have said goodbye. */
static void test_end(void **state)
{
    fixture_t *self = *state;
    feed(self, UPGRADED, sizeof UPGRADED - 1, sizeof UPGRADED);
    assert_int_equal(shutdown(self->server, SHUT_WR), 0);
    assert_int_equal(wire_event(&self->ws.wire, EPOLLIN), -1);
    ws_goodbye(&self->ws);
    assert_int_equal(wire_event(&self->ws.wire, EPOLLIN), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_receive_in_pieces, setup, teardown),
        cmocka_unit_test_setup_teardown(test_send_gathered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kind_of_messages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
