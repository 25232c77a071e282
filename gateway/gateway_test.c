/* SPDX-License-Identifier: MIT */
/* A whole gateway with real sockets, and no actors behind it. */
#include "gateway/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/log.h"
#include "bus/sock.h"

#define PATIENCE_MS 5000

typedef struct {
    char folder[64];
    config_t *config;
    endpoints_t *endpoints;
    gateway_t *gateway;
    int port;
} world_t;

static void set(world_t *self, const char *key, const char *value)
{
    buf_t why = {0};
    if (config_set(self->config, key, str_of(value), &why) != ERR_OK)
        fail_msg("%.*s", STR_ARG(buf_str(&why)));
    buf_fini(&why);
}

static int setup(void **state)
{
    static const char *const nobody[] = {NULL};
    buf_t why = {0}, urls = {0};
    world_t *self = calloc(1, sizeof *self);
    log_set_level(LEVEL_ERROR);
    snprintf(self->folder, sizeof self->folder, "/tmp/gateway_test.XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    self->config = config_new();
    set(self, "run", self->folder);
    set(self, "listen", "127.0.0.1:0");
    set(self, "max-header", "2048");
    set(self, "max-message", "10000");
    set(self, "max-connections", "20");
    set(self, "ping-interval", "700");
    set(self, "ping-timeout", "200");
    self->endpoints = endpoints_new(self->config, nobody, &why);
    self->gateway = gateway_start(self->config, self->endpoints, &why);
    if (!self->gateway)
        fail_msg("%.*s", STR_ARG(buf_str(&why)));
    gateway_urls(self->gateway, &urls);
    buf_append_byte(&urls, 0);
    self->port = atoi(strrchr((char *)urls.data, ':') + 1);
    buf_fini(&urls);
    buf_fini(&why);
    *state = self;
    return 0;
}

static int teardown(void **state)
{
    world_t *self = *state;
    char command[128];
    gateway_stop(self->gateway);
    assert_true(gateway_wait(self->gateway, PATIENCE_MS));
    assert_false(gateway_has_failed(self->gateway));
    gateway_destroy(&self->gateway);
    endpoints_destroy(&self->endpoints);
    config_destroy(&self->config);
    snprintf(command, sizeof command, "rm -rf %s", self->folder);
    (void)!system(command);
    free(self);
    return 0;
}

/* --- a client ----------------------------------------------------------------------------------
 */

typedef struct {
    int fd;
    buf_t in; /* everything that has come */
    bool closed;
} client_t;

static client_t dial(const world_t *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)world->port)};
    client_t self = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(self.fd, (struct sockaddr *)&address, sizeof address), 0);
    return self;
}

static void send_bytes(client_t *self, const void *data, size_t len)
{
    assert_int_equal(send(self->fd, data, len, MSG_NOSIGNAL), len);
}

static void say(client_t *self, const char *text)
{
    send_bytes(self, text, strlen(text));
}

static bool has(const client_t *self, const char *text)
{
    return self->in.len > 0 && memmem(self->in.data, self->in.len, text, strlen(text));
}

/* Reads until a text has come (NULL: until the end of the connection). */
static void await(client_t *self, const char *text)
{
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    while (!self->closed && !(text && has(self, text)) && sock_mono_ms() < until) {
        struct pollfd item = {self->fd, POLLIN, 0};
        char bytes[4096];
        if (poll(&item, 1, 100) != 1)
            continue;
        ssize_t n = recv(self->fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            self->closed = true;
        else
            buf_append(&self->in, bytes, (size_t)n);
    }
    if (text ? !has(self, text) : !self->closed)
        fail_msg("\"%s\" did not come, but\n%.*s", text ? text : "(end)",
                 STR_ARG(buf_str(&self->in)));
}

static void hang_up(client_t *self)
{
    close(self->fd);
    buf_fini(&self->in);
}

/* One request on a connection of its own; the answer must contain a text. */
static void ask(const world_t *world, const char *request, const char *text)
{
    client_t client = dial(world);
    say(&client, request);
    await(&client, text);
    hang_up(&client);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define UPGRADE                                                                                    \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* A masked text frame; the mask is zero. */
static void say_frame(client_t *self, const char *text)
{
    uint8_t head[] = {0x81, (uint8_t)(0x80 | strlen(text)), 0, 0, 0, 0};
    send_bytes(self, head, sizeof head);
    say(self, text);
}

static client_t dial_websocket(const world_t *world)
{
    client_t client = dial(world);
    say(&client, "GET /socket.io/?EIO=3&transport=websocket HTTP/1.1\r\nHost: x\r\n" UPGRADE);
    await(&client, "40");
    return client;
}

/* The sid of a new polling session. */
static void shake_hands(const world_t *world, char sid[21])
{
    client_t client = dial(world);
    say(&client, GET("/socket.io/?EIO=3&transport=polling"));
    await(&client, "}2:40");
    buf_append_byte(&client.in, 0);
    memcpy(sid, strstr((char *)client.in.data, "\"sid\":\"") + 7, 20);
    sid[20] = '\0';
    hang_up(&client);
}

static void poll_request(char out[256], const char *sid)
{
    snprintf(out, 256, "GET /socket.io/?EIO=3&transport=polling&sid=%s HTTP/1.1\r\nHost: x\r\n\r\n",
             sid);
}

/* --- tests -------------------------------------------------------------------------------------
 */

/* Usage: it serves pages, with the headers that belong to them. */
static void serves_pages(void **state)
{
    ask(*state, GET("/healthz"), "\r\n\r\nok\n");
    ask(*state, GET("/name"), "\r\n\r\nsocketio.0");
    ask(*state, GET("/auth"), "application/json; charset=utf-8\r\nContent-Length: 14\r\n");
    ask(*state, GET("/version"), "\"version\":\"" IOBUS_VERSION "\"");
    ask(*state, GET("/metrics"), "\niobus_connections 1\n");
    ask(*state, GET("/vis/_socket/info.js"), "var socketUrl = \"\";");
    ask(*state, GET("/readyz"), "503 Service Unavailable");
    ask(*state, GET("/readyz"), "\"states\":{\"ready\":false,\"why\":");
    ask(*state, GET("/a<b>"), "Not found: /a&#60;b&#62;");
    ask(*state, "POST /healthz HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "200 OK");
    ask(*state, "BREW /healthz HTTP/1.1\r\n\r\n", "405 Method Not Allowed");
}

static void answers_head_without_a_body(void **state)
{
    client_t client = dial(*state);
    say(&client, "HEAD /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    await(&client, NULL);
    assert_true(has(&client, "Content-Length: 3\r\n"));
    assert_false(has(&client, "ok"));
    hang_up(&client);
}

static void takes_requests_one_after_the_other(void **state)
{
    client_t client = dial(*state);
    say(&client,
        GET("/healthz") "\r\n" GET("/name") "GET /auth HTTP/1.1\r\nConnection: close\r\n\r\n");
    await(&client, NULL);
    assert_true(has(&client, "ok\nHTTP/1.1 200 OK"));
    assert_true(has(&client, "socketio.0HTTP/1.1 200 OK"));
    assert_true(has(&client, "{\"auth\":false}"));
    hang_up(&client);
}

static void refuses_bad_requests(void **state)
{
    ask(*state, "nonsense\r\n\r\n", "400 Bad Request");
    ask(*state, "GET / HTTP/3.0\r\n\r\n", "505 HTTP Version");
    ask(*state, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented");
    ask(*state, "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", "413 Payload Too Large");
    ask(*state, GET("/socket.io/?EIO=5&transport=polling"), "{\"code\":5,");
    ask(*state, GET("/socket.io/?transport=websocket"), "{\"code\":3,");
    ask(*state, "GET /socket.io/?transport=websocket&sid=x HTTP/1.1\r\nHost: x\r\n" UPGRADE,
        "\r\n\r\nSession ID unknown");
}

/* Any other path is ioBroker's own dialect. */
static void speaks_the_plain_dialect(void **state)
{
    ask(*state, "GET /any/?sid=1 HTTP/1.1\r\nHost: x\r\n" UPGRADE, "[0,1,\"___ready___\"]");
    ask(*state, "GET /x HTTP/1.1\r\nHost: x\r\n" UPGRADE, "[0,501,\"error\",[\"invalid sid\"]]");
}

static void refuses_long_heads(void **state)
{
    char text[3000];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "GET /", 5);
    text[sizeof text - 1] = '\0';
    ask(*state, text, "431 Request Header Fields Too Large");
}

/* Other protocols are not offered; the request stays an ordinary one. */
static void does_not_speak_h2c(void **state)
{
    ask(*state,
        "GET /healthz HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
        "h2c\r\nHTTP2-Settings: x\r\n\r\n",
        "HTTP/1.1 200 OK");
}

/* The end of a connection is noticed while its GET is held. */
static void held_get_that_hangs_up_ends_the_session(void **state)
{
    char sid[21], request[256];
    shake_hands(*state, sid);
    poll_request(request, sid);
    client_t client = dial(*state);
    say(&client, request);
    ask(*state, GET("/healthz"), "ok"); /* so that the GET has been read */
    hang_up(&client);
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    for (bool gone = false; !gone;) {
        client_t again = dial(*state);
        say(&again, request);
        await(&again, "HTTP/1.1 ");
        gone = has(&again, "400 Bad Request");
        hang_up(&again);
        assert_true(sock_mono_ms() < until);
    }
}

static void moves_to_a_websocket(void **state)
{
    char sid[21], request[256];
    shake_hands(*state, sid);
    poll_request(request, sid);
    client_t get = dial(*state), ws = dial(*state);
    say(&get, request);
    snprintf(request, sizeof request,
             "GET /socket.io/?EIO=3&transport=websocket&sid=%s HTTP/1.1\r\nHost: x\r\n" UPGRADE,
             sid);
    say(&ws, request);
    say_frame(&ws, "2probe");
    await(&ws, "3probe");
    await(&get, "1:6");
    say_frame(&ws, "5");
    say_frame(&ws, "420[\"authEnabled\"]");
    await(&ws, "430[false,\"admin\"]");
    poll_request(request, sid);
    ask(*state, request, "{\"code\":3,");
    hang_up(&get);
    hang_up(&ws);
}

static void answers_when_no_actor_does(void **state)
{
    client_t client = dial_websocket(*state);
    say_frame(&client, "421[\"getState\",\"a\"]");
    await(&client, "431[\"Service is not available\"]");
    hang_up(&client);
}

static void silence_ends_a_session(void **state)
{
    client_t client = dial_websocket(*state);
    await(&client, "\x88"); /* close frame */
    hang_up(&client);
}

static void bad_frames_end_with_a_code(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *close;
    } rows[] = {{"\x81\x01"
                 "2",
                 3, "\x88\x02\x03\xea"},
                {"\x81\x82\0\0\0\0\xc3\x28", 8, "\x88\x02\x03\xef"},
                {"\x81\xfe\xff\xff\0\0\0\0", 8, "\x88\x02\x03\xf1"},
                {"\x88\x82\0\0\0\0\x03\xe8", 8, "\x88\x02\x03\xe8"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        client_t client = dial_websocket(*state);
        send_bytes(&client, rows[i].bytes, rows[i].len);
        await(&client, rows[i].close);
        hang_up(&client);
    }
}

static void counts_connections(void **state)
{
    client_t clients[20];
    for (size_t i = 0; i < 20; i++) {
        clients[i] = dial(*state);
        say(&clients[i], GET("/healthz"));
        await(&clients[i], "ok");
    }
    client_t one_more = dial(*state);
    await(&one_more, NULL);
    hang_up(&one_more);
    for (size_t i = 0; i < 20; i++)
        hang_up(&clients[i]);
}

static void reloads_limits(void **state)
{
    world_t *world = *state;
    config_t *config = config_copy(world->config);
    buf_t why = {0};
    assert_int_equal(config_set(config, "max-connections", STR_LIT("1"), &why), ERR_OK);
    gateway_reload(world->gateway, config);
    config_destroy(&config);
    client_t first = dial(world);
    say(&first, GET("/healthz"));
    await(&first, "ok");
    int64_t until = sock_mono_ms() + PATIENCE_MS;
    for (bool refused = false; !refused;) {
        client_t second = dial(world);
        say(&second, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
        await(&second, NULL);
        refused = !has(&second, "ok");
        hang_up(&second);
        assert_true(sock_mono_ms() < until);
    }
    hang_up(&first);
}

static void says_why_it_cannot_listen(void **state)
{
    world_t *world = *state;
    char listen[32];
    buf_t why = {0};
    config_t *config = config_copy(world->config);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", world->port);
    assert_int_equal(config_set(config, "listen", str_of(listen), &why), ERR_OK);
    log_set_level(LEVEL_ERROR);
    assert_null(gateway_start(config, world->endpoints, &why));
    assert_non_null(memmem(why.data, why.len, "Address already in use", 22));
    buf_reset(&why);
    assert_int_equal(config_set(config, "listen", STR_LIT("0.0.0.0:0"), &why), ERR_OK);
    assert_null(gateway_start(config, world->endpoints, &why));
    assert_non_null(memmem(why.data, why.len, "--open", 6));
    config_destroy(&config);
    buf_fini(&why);
}

/* Clients that are there when it stops are told. */
static void stops_with_a_close_frame(void **state)
{
    world_t *world = *state;
    client_t client = dial_websocket(world);
    gateway_stop(world->gateway);
    await(&client, "\x88");
    hang_up(&client);
    assert_true(gateway_wait(world->gateway, PATIENCE_MS));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(serves_pages),
        TEST(answers_head_without_a_body),
        TEST(takes_requests_one_after_the_other),
        TEST(refuses_bad_requests),
        TEST(speaks_the_plain_dialect),
        TEST(refuses_long_heads),
        TEST(does_not_speak_h2c),
        TEST(held_get_that_hangs_up_ends_the_session),
        TEST(moves_to_a_websocket),
        TEST(answers_when_no_actor_does),
        TEST(silence_ends_a_session),
        TEST(bad_frames_end_with_a_code),
        TEST(counts_connections),
        TEST(reloads_limits),
        TEST(says_why_it_cannot_listen),
        TEST(stops_with_a_close_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
