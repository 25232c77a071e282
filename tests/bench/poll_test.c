/* SPDX-License-Identifier: MIT */
#include "tests/bench/poll.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

/* A polling client whose server is the other end of two socket pairs. */
typedef struct fixture {
    wire_net_t net;
    poll_t poll;
    int get, post; /* the server's ends */
    char got[256]; /* packets, with a bar behind each */
} fixture_t;

static int on_message(void *owner, const char *data, size_t size)
{
    fixture_t *self = owner;
    assert_true(strlen(self->got) + size + 2 < sizeof self->got);
    strncat(self->got, data, size);
    strcat(self->got, "|");
    return 0;
}

static int setup(void **state)
{
    static fixture_t self;
    memset(&self, 0, sizeof self);
    int get[2], post[2];
    const char *why;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, get), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, post), 0);
    assert_int_equal(wire_net_init(&self.net, epoll_create1(0), "127.0.0.1:1", &why), 0);
    poll_init(&self.poll, &self.net, &self, on_message);
    self.poll.host = "h:1";
    self.poll.path = "/p?a";
    strcpy(self.poll.sid, "S");
    self.poll.get.fd = get[0];
    self.poll.post.fd = post[0];
    self.poll.get.stage = self.poll.post.stage = WIRE_OPEN;
    self.get = get[1];
    self.post = post[1];
    *state = &self;
    return 0;
}

static int teardown(void **state)
{
    fixture_t *self = *state;
    poll_fini(&self->poll);
    close(self->net.epoll);
    close(self->get);
    close(self->post);
    wire_net_fini(&self->net);
    return 0;
}

static int answer(int fd, wire_t *wire, const char *body)
{
    char text[256];
    int size = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
                        strlen(body), body);
    assert_int_equal(write(fd, text, (size_t)size), size);
    return wire_event(wire, EPOLLIN);
}

static void expect_sent(int fd, const char *text)
{
    char got[512];
    ssize_t size = read(fd, got, sizeof got - 1);
    got[size > 0 ? size : 0] = '\0';
    assert_string_equal(got, text);
}

/* Packets come out whatever separates them, and the next poll leaves at once. */
static void test_get(void **state)
{
    fixture_t *self = *state;
    self->poll.revision = 3;
    assert_int_equal(answer(self->get, &self->poll.get, "5:40abc1:3"), 0);
    self->poll.revision = 4;
    assert_int_equal(answer(self->get, &self->poll.get,
                            "42x\x1e"
                            "2"),
                     0);
    assert_string_equal(self->got, "40abc|3|42x|2|");
    expect_sent(self->get, "GET /p?a&sid=S HTTP/1.1\r\nHost: h:1\r\n\r\n"
                           "GET /p?a&sid=S HTTP/1.1\r\nHost: h:1\r\n\r\n");
}

/* One POST at a time; what is said meanwhile leaves together. */
static void test_post(void **state)
{
    fixture_t *self = *state;
    self->poll.revision = 4;
    poll_send(&self->poll, "one", 3);
    assert_int_equal(poll_flush(&self->poll), 0);
    poll_send(&self->poll, "two", 3);
    poll_send(&self->poll, "three", 5);
    assert_int_equal(poll_flush(&self->poll), 0);
    static const char head[] = "POST /p?a&sid=S HTTP/1.1\r\nHost: h:1\r\n"
                               "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ";
    char text[256];
    snprintf(text, sizeof text, "%s3\r\n\r\none", head);
    expect_sent(self->post, text);
    assert_int_equal(answer(self->post, &self->poll.post, "ok"), 0);
    snprintf(text, sizeof text, "%s9\r\n\r\ntwo\x1ethree", head);
    expect_sent(self->post, text);
    self->poll.revision = 3;
    poll_send(&self->poll, "four", 4);
    assert_int_equal(answer(self->post, &self->poll.post, "ok"), 0);
    snprintf(text, sizeof text, "%s6\r\n\r\n4:four", head);
    expect_sent(self->post, text);
}

static void test_refuses(void **state)
{
    fixture_t *self = *state;
    self->poll.revision = 3;
    static const char *const bodies[] = {"x", "9:short", "3", "1"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        self->poll.get.in_size = 0;
        assert_int_equal(answer(self->get, &self->poll.get, bodies[i]), -1);
    }
    static const char refused[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(write(self->get, refused, sizeof refused - 1), sizeof refused - 1);
    assert_int_equal(wire_event(&self->poll.get, EPOLLIN), -1);
    assert_string_equal(self->poll.get.why, "the server refused a poll");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_post, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
