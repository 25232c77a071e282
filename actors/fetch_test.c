/* SPDX-License-Identifier: MIT */
#include "actors/fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <czmq.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/fetch_worker.h"
#include "bus/dispatch.h"
#include "bus/requests.h"
#include "tests/unit/fake_env.h"

/* --- a tiny web server on the loopback interface --------------------------------------------- */

#define HELD_MAX 64

typedef struct {
    int listener;
    int port;
    int stop[2];
    pthread_t thread;
    int held[HELD_MAX]; /* connections that never get an answer */
    size_t held_len;
} server_t;

static server_t server;

static const struct {
    const char *path;
    const char *answer; /* NULL: hold the connection; "": cut it */
} pages[] = {
    {"/text", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nGr\xc3\xbc"
              "e"},
    {"/204", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"/304", "HTTP/1.1 304 Not Modified\r\n\r\n"},
    {"/404", "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nnot here"},
    {"/302", "HTTP/1.1 302 Found\r\nLocation: /text\r\nContent-Length: 0\r\n\r\n"},
    {"/loop", "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"},
    {"/to-file",
     "HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n"},
    {"/a%20b?c=%20#", "HTTP/1.1 200 Very good indeed\r\nContent-Length: 0\r\n\r\n"},
    {"/keep", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {"/to-metadata",
     "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"},
    {"/twice", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\nx"},
    {"/list", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\nx"},
    {"/zstd", "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\n\r\nx"},
    {"/transfer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"},
    {"/no-gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nplain txt"},
    {"/identity", "HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\nContent-Length: 1\r\n\r\nx"},
    {"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"},
    {"/nonsense", "SSH-2.0-nothing\r\n"},
    {"/large", "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"},
    {"/cut", ""},
    {"/hang", NULL},
};

static const char *page_of(const char *request)
{
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        size_t len = strcspn(pages[i].path, "#");
        if (strncmp(request + 4, pages[i].path, len) == 0 && request[4 + len] == ' ')
            return pages[i].answer;
    }
    return "HTTP/1.1 500 No such page\r\nContent-Length: 0\r\n\r\n";
}

static void serve_one(void)
{
    char request[2048] = "";
    size_t len = 0;
    int fd = accept(server.listener, NULL, NULL);
    while (fd >= 0 && len < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = recv(fd, request + len, sizeof request - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
        request[len] = '\0';
    }
    const char *answer = page_of(request);
    if (!answer) {
        server.held[server.held_len++ % HELD_MAX] = fd;
        return;
    }
    ssize_t ignored = send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    (void)ignored;
    if (strncmp(request, "GET /keep ", 10) == 0)
        server.held[server.held_len++ % HELD_MAX] = fd;
    else
        close(fd);
}

static void *serve(void *arg)
{
    struct pollfd fds[2] = {{server.listener, POLLIN, 0}, {server.stop[0], POLLIN, 0}};
    while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
        if (fds[0].revents)
            serve_one();
    }
    return arg;
}

static int start_server(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    (void)state;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server.listener, 64), 0);
    assert_int_equal(getsockname(server.listener, (struct sockaddr *)&address, &len), 0);
    server.port = ntohs(address.sin_port);
    assert_int_equal(pipe(server.stop), 0);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop_server(void **state)
{
    (void)state;
    close(server.stop[1]);
    pthread_join(server.thread, NULL);
    for (size_t i = 0; i < server.held_len && i < HELD_MAX; i++)
        close(server.held[i]);
    close(server.stop[0]);
    close(server.listener);
    return 0;
}

/* --- helpers --------------------------------------------------------------------------------- */

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static fake_env_t *open_fetch(const char *key, const char *value)
{
    fake_env_t *env = fake_env_new();
    config_t *config = config_new();
    buf_t why = {0};
    if (key)
        assert_int_equal(config_set(config, key, str_of(value), &why), ERR_OK);
    fake_env_open(env, &fetch_actor, config);
    config_destroy(&config);
    return env;
}

/* Runs ticks until the answer is there: the transfer goes on in another thread. */
static const char *await_answer(fake_env_t *env)
{
    int64_t deadline = mono_ms() + 10000;
    const char *answer;
    while ((answer = fake_env_answer(env)) == NULL && mono_ms() < deadline) {
        poll(NULL, 0, 1);
        fake_env_advance(env, 1);
    }
    return answer ? answer : "NONE";
}

static const char *get_url(fake_env_t *env, const char *url)
{
    char args[512];
    snprintf(args, sizeof args, "[\"%s\"]", url);
    const char *answer = fake_env_call(env, "httpGet", args);
    return strcmp(answer, "PENDING") == 0 ? await_answer(env) : answer;
}

static const char *get(fake_env_t *env, const char *path)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    return get_url(env, url);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_usage(void **state)
{
    (void)state;
    fake_env_t *env = open_fetch(NULL, NULL);
    assert_string_equal(get(env, "/text"), "[null,{\"status\":200,\"statusText\":\"OK\"},"
                                           "{\"type\":\"Buffer\",\"data\":[71,114,195,188,101]}]");
    fake_env_destroy(&env);
}

static void test_statuses(void **state)
{
    (void)state;
    fake_env_t *env = open_fetch(NULL, NULL);
    static const char empty[] = "{\"type\":\"Buffer\",\"data\":[]}]";
    char expected[256];
    snprintf(expected, sizeof expected, "[null,{\"status\":204,\"statusText\":\"No Content\"},%s",
             empty);
    assert_string_equal(get(env, "/204"), expected);
    snprintf(expected, sizeof expected, "[null,{\"status\":304,\"statusText\":\"Not Modified\"},%s",
             empty);
    assert_string_equal(get(env, "/304"), expected);
    assert_string_equal(get(env, "/404"), "[\"Request failed with status code 404\"]");
    snprintf(expected, sizeof expected,
             "[null,{\"status\":200,\"statusText\":\"Very good indeed\"},%s", empty);
    assert_string_equal(get(env, "/a b?c= #d e"), expected);
    fake_env_destroy(&env);
}

static void test_redirects(void **state)
{
    (void)state;
    fake_env_t *env = open_fetch(NULL, NULL);
    assert_non_null(strstr(get(env, "/302"), "\"status\":200"));
    assert_string_equal(get(env, "/loop"), "[\"Maximum number of redirects exceeded\"]");
    assert_string_equal(get(env, "/to-file"), "[\"Unsupported protocol\"]");
    fake_env_destroy(&env);
    env = open_fetch("fetch-max-redirects", "0");
    assert_non_null(strstr(get(env, "/302"), "\"status\":302"));
    fake_env_destroy(&env);
}

static void test_broken_servers(void **state)
{
    (void)state;
    fake_env_t *env = open_fetch(NULL, NULL);
    assert_string_equal(get(env, "/cut"), "[\"Connection closed without an answer\"]");
    assert_string_equal(get(env, "/short"), "[\"Connection closed within the answer\"]");
    assert_non_null(strstr(get(env, "/nonsense"), "[\""));
    assert_string_equal(get_url(env, "http://127.0.0.1:1/"), "[\"Connection refused\"]");
    fake_env_destroy(&env);
}

static void test_arguments(void **state)
{
    (void)state;
    static const struct {
        const char *args;
        const char *answer;
    } rows[] = {
        {"[null]", "[\"Invalid URL\"]"},
        {"[5]", "[\"Invalid URL\"]"},
        {"[{}]", "[\"Invalid URL\"]"},
        {"[[]]", "[\"Invalid URL\"]"},
        {"[[\"http://a\",\"http://b\"]]", "[\"Invalid URL\"]"},
        {"[\"not a url\"]", "[\"Invalid URL\"]"},
        {"[\"\"]", "[\"Invalid URL\"]"},
        {"[\"http://\"]", "[\"Invalid URL\"]"},
        {"[\"http:/x\"]", "[\"Invalid URL\"]"},
        {"[\"http://a b/\"]", "[\"Invalid URL\"]"},
        {"[\"http://a\\u0000b/\"]", "[\"Invalid URL\"]"},
        {"[\"file:///etc/hostname\"]", "[\"Unsupported protocol\"]"},
        {"[\"javascript:alert(1)\"]", "[\"Unsupported protocol\"]"},
        {"[]", "[\"Invalid arguments\"]"},
    };
    fake_env_t *env = open_fetch(NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(fake_env_call(env, "httpGet", rows[i].args), rows[i].answer);
    assert_string_equal(get_url(env, "http://127.0.0.1:99999/"), "[\"Invalid URL\"]");
    char args[256];
    snprintf(args, sizeof args, "[[\" HTTP://127.0.0.1:%d/te\\nxt \"]]", server.port);
    assert_string_equal(fake_env_call(env, "httpGet", args), "PENDING");
    assert_non_null(strstr(await_answer(env), "\"status\":200"));
    fake_env_destroy(&env);
}

static void test_hanging_server_is_left(void **state)
{
    (void)state;
    fake_env_t *env = open_fetch("fetch-timeout", "100");
    int64_t start = mono_ms();
    assert_string_equal(get(env, "/hang"), "[\"timeout of 100ms exceeded\"]");
    assert_true(mono_ms() - start < 5000);
    fake_env_destroy(&env);
}

static void test_size_limit(void **state)
{
    (void)state;
    fake_env_t *env = open_fetch("fetch-max-size", "1024");
    assert_string_equal(get(env, "/large"), "[\"maxContentLength size of 1024 exceeded\"]");
    fake_env_destroy(&env);
}

static const caller_t one = {{"system.user.a", 13}, {"", 0}, {"g/1", 3}};
static const caller_t same_user = {{"system.user.a", 13}, {"", 0}, {"g/2", 3}};
static const caller_t other = {{"system.user.b", 13}, {"", 0}, {"g/3", 3}};

static void submit(fetch_worker_t *worker, uint64_t id, const caller_t *caller, const char *path,
                   bool taken)
{
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
    assert_int_equal(fetch_worker_has_room(worker, caller), taken);
    assert_int_equal(fetch_worker_submit(worker, id, caller, str_of(url), 60000), taken);
}

static fetch_policy_t *make_policy(const char *key, const char *value)
{
    config_t *config = config_new();
    buf_t why = {0};
    if (key)
        assert_int_equal(config_set(config, key, str_of(value), &why), ERR_OK);
    fetch_policy_t *policy = fetch_policy_new(config);
    config_destroy(&config);
    return policy;
}

static fetch_worker_t *make_worker(const fetch_limits_t *limits)
{
    fetch_policy_t *policy = make_policy(NULL, NULL);
    fetch_worker_t *worker = fetch_worker_new(limits, &policy);
    assert_non_null(worker);
    assert_null(policy);
    return worker;
}

static void await_result(fetch_worker_t *worker, fetch_result_t *result)
{
    int64_t deadline = mono_ms() + 10000;
    while (!fetch_worker_take(worker, result)) {
        assert_true(mono_ms() < deadline);
        poll(NULL, 0, 1);
    }
}

static void test_bounds_and_end(void **state)
{
    (void)state;
    fetch_limits_t limits = {.timeout_ms = 60000,
                             .max_size = 1000,
                             .max_redirects = 5,
                             .parallel = 1,
                             .per_user = 1,
                             .per_client = 1,
                             .queue = 4};
    fetch_worker_t *worker = make_worker(&limits);
    submit(worker, 1, &one, "/hang", true);
    submit(worker, 2, &one, "/hang", true);
    submit(worker, 3, &one, "/text", false); /* a quarter of the queue */
    submit(worker, 4, &same_user, "/hang", true);
    submit(worker, 5, &same_user, "/hang", true);
    submit(worker, 6, &same_user, "/text", false); /* three quarters for both of them */
    submit(worker, 7, &other, "/hang", true);
    submit(worker, 8, &other, "/text", false); /* all of it */
    assert_int_equal(fetch_worker_open(worker), 5);
    int64_t start = mono_ms();
    fetch_worker_destroy(&worker); /* in the middle of it: does not wait for the server */
    assert_true(mono_ms() - start < 5000);
    fetch_worker_destroy(&worker);
}

static void assert_result(fetch_worker_t *worker, uint64_t id, const char *error)
{
    fetch_result_t result;
    await_result(worker, &result);
    assert_int_equal(result.id, id);
    if (error) {
        assert_non_null(result.error);
        assert_string_equal(result.error, error);
    } else {
        assert_null(result.error);
    }
    fetch_result_fini(&result);
}

static void test_waiting_jobs_follow(void **state)
{
    (void)state;
    fetch_limits_t limits = {.timeout_ms = 5000,
                             .max_size = 1000,
                             .max_redirects = 5,
                             .parallel = 1,
                             .per_user = 1,
                             .per_client = 1,
                             .queue = 16};
    fetch_worker_t *worker = make_worker(&limits);
    for (uint64_t i = 1; i <= 4; i++)
        submit(worker, i, &one, "/text", true);
    for (uint64_t i = 1; i <= 4; i++)
        assert_result(worker, i, NULL);
    fetch_worker_destroy(&worker);
}

/* Whoever waits for slow servers does not hold up others. */
static void test_others_pass(void **state)
{
    (void)state;
    fetch_limits_t limits = {.timeout_ms = 60000,
                             .max_size = 1000,
                             .max_redirects = 5,
                             .parallel = 4,
                             .per_user = 2,
                             .per_client = 1,
                             .queue = 16};
    fetch_worker_t *worker = make_worker(&limits);
    for (uint64_t i = 1; i <= 4; i++)
        submit(worker, i, &one, "/hang", true);
    submit(worker, 5, &same_user, "/text", true); /* the other transfer of the user */
    assert_result(worker, 5, NULL);
    submit(worker, 6, &same_user, "/hang", true);
    submit(worker, 7, &other, "/text", true);
    assert_result(worker, 7, NULL);
    fetch_worker_destroy(&worker);
}

static void test_policy(void **state)
{
    (void)state;
    static const char refused[] = "Address is not allowed";
    fetch_limits_t limits = {.timeout_ms = 5000,
                             .max_size = 1000,
                             .max_redirects = 5,
                             .parallel = 1,
                             .per_user = 1,
                             .per_client = 1,
                             .queue = 16};
    fetch_worker_t *worker = make_worker(&limits);
    fetch_policy_t *policy = make_policy("fetch-deny", "127.0.0.0/8");
    submit(worker, 1, &one, "/to-metadata", true);
    assert_result(worker, 1, refused);
    submit(worker, 2, &one, "/keep", true);
    assert_result(worker, 2, NULL);
    fetch_worker_set_limits(worker, &limits, &policy);
    assert_null(policy);
    submit(worker, 3, &one, "/keep", true); /* the connection of the second is still open */
    assert_result(worker, 3, refused);
    fetch_worker_destroy(&worker);
}

static void test_denied_addresses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://a:b@169.254.169.254/",
        "http://127.0.0.1@169.254.169.254/",
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    };
    fake_env_t *env = open_fetch(NULL, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer = get_url(env, rows[i]);
        if (strcmp(answer, "[\"Address is not allowed\"]") != 0)
            fail_msg("%s: %s", rows[i], answer);
    }
    assert_string_equal(get(env, "/to-metadata"), "[\"Address is not allowed\"]");
    fake_env_destroy(&env);
}

/* A name is resolved first, the address is looked at then. */
static void test_denied_name(void **state)
{
    (void)state;
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%d/text", server.port);
    fake_env_t *env = open_fetch("fetch-deny", "127.0.0.0/8,::1");
    assert_string_equal(get_url(env, url), "[\"Address is not allowed\"]");
    fake_env_destroy(&env);
    env = open_fetch("fetch-deny", "::1"); /* one address of the name is left */
    assert_non_null(strstr(get_url(env, url), "\"status\":200"));
    fake_env_destroy(&env);
}

static void test_our_own_port(void **state)
{
    (void)state;
    char listen[64];
    snprintf(listen, sizeof listen, "127.0.0.1:%d", server.port);
    fake_env_t *env = open_fetch("listen", listen);
    assert_string_equal(get(env, "/text"), "[\"Address is not allowed\"]");
    fake_env_destroy(&env);
}

static void test_encodings(void **state)
{
    (void)state;
    static const char wrong[] = "[\"Answer has a wrong encoding\"]";
    fake_env_t *env = open_fetch(NULL, NULL);
    assert_string_equal(get(env, "/twice"), wrong);
    assert_string_equal(get(env, "/list"), wrong);
    assert_string_equal(get(env, "/zstd"), wrong);
    assert_string_equal(get(env, "/transfer"), wrong);
    assert_string_equal(get(env, "/no-gzip"), wrong);
    assert_non_null(strstr(get(env, "/identity"), "\"status\":200"));
    fake_env_destroy(&env);
}

static void test_the_environment_is_ignored(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    fake_env_t *env = open_fetch(NULL, NULL);
    assert_non_null(strstr(get(env, "/text"), "\"status\":200"));
    fake_env_destroy(&env);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

typedef struct {
    bool done;
    err_t status;
    uint32_t count;
} outcome_t;

static void take_outcome(void *arg, err_t status, uint64_t seq, mp_t body)
{
    outcome_t *outcome = arg;
    (void)seq;
    *outcome = (outcome_t){.done = true, .status = status};
    assert_true(mp_read_array(&body, &outcome->count));
}

/* The dispatcher calls tick when a request is deferred, not when the long idle interval is over. */
static void test_over_the_bus(void **state)
{
    (void)state;
    static const char *const local[] = {"fetch", NULL};
    static const caller_t nobody = {{"", 0}, {"", 0}, {"", 0}};
    buf_t why = {0}, args = {0};
    char url[64];
    config_t *config = config_new();
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    zsys_handler_set(NULL);
    endpoints_t *endpoints = endpoints_new(config, local, &why);
    dispatch_t *dispatch = dispatch_start(&fetch_actor, config, endpoints, &why);
    assert_non_null(dispatch);
    requests_t *requests = requests_new(endpoints, "test", 10, 1 << 20);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/text", server.port);
    mp_put_array(&args, 1);
    mp_put_cstr(&args, url);
    int64_t start = mono_ms();
    outcome_t outcome = {.done = false};
    requests_send(requests, "fetch", STR_LIT("httpGet"), &nobody, mp_of_buf(&args), 5000, 0, start,
                  take_outcome, &outcome);
    requests_flush(requests);
    while (!outcome.done && mono_ms() < start + 5000) {
        requests_process(requests);
        poll(NULL, 0, 1);
    }
    assert_true(outcome.done && outcome.status == ERR_OK && outcome.count == 3);
    assert_true(mono_ms() - start < 800);
    requests_destroy(&requests);
    dispatch_destroy(&dispatch);
    endpoints_destroy(&endpoints);
    config_destroy(&config);
    buf_fini(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_broken_servers),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_hanging_server_is_left),
        cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_bounds_and_end),
        cmocka_unit_test(test_waiting_jobs_follow),
        cmocka_unit_test(test_others_pass),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_denied_addresses),
        cmocka_unit_test(test_denied_name),
        cmocka_unit_test(test_our_own_port),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_the_environment_is_ignored),
        cmocka_unit_test(test_over_the_bus),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
