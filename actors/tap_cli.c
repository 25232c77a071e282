/* SPDX-License-Identifier: MIT */
#include "actors/tap_cli.h"

#include <czmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/cli.h"
#include "actors/tap_line.h"
#include "actors/tool_bus.h"
#include "bus/actor_names.h"
#include "bus/endpoint.h"
#include "bus/sock.h"

#define SOCKETS_MAX 32
#define FRAME_BYTES_MAX (16u * 1024 * 1024) /* values in it are shortened (tap.h) */
#define POLL_MS 500         /* how late a signal that came at the wrong moment is seen */
#define FRAMES_PER_TURN 500 /* between two flushes */

typedef struct {
    bool json;
    const char *actors, *commands, *user, *id, *server, *count_text;
    uint64_t count; /* lines to print; 0: no end */
} options_t;

typedef struct {
    options_t options;
    tap_filter_t *filter;
    endpoints_t *endpoints;
    zsock_t *sockets[SOCKETS_MAX];
    zmq_pollitem_t items[SOCKETS_MAX];
    size_t sockets_len;
    uint64_t printed;
    bool closed; /* nobody reads our output any more */
    buf_t line;
} tap_cli_t;

static volatile sig_atomic_t stop_asked;

/* --- arguments ------------------------------------------------------------------------------- */

static bool read_count(options_t *options)
{
    char *end;
    if (!options->count_text)
        return true;
    options->count = strtoull(options->count_text, &end, 10);
    return options->count_text[0] >= '0' && options->count_text[0] <= '9' && *end == '\0' &&
           options->count > 0;
}

static int read_args(options_t *options, int argc, char **argv, config_t *config)
{
    static const char *const flags[] = {"--json", "--actor", "--command", "--user",
                                        "--id",   "--count", "--server",  NULL};
    const struct {
        const char *name;
        const char **value;
    } values[] = {{"--actor", &options->actors},     {"--command", &options->commands},
                  {"--user", &options->user},        {"--id", &options->id},
                  {"--count", &options->count_text}, {"--server", &options->server}};
    int status = cli_load(config, &argc, argv, flags);
    for (int i = 1; i < argc && status == CLI_OK; i++) {
        size_t row = 0;
        while (row < 6 && !tool_flag(argc, argv, &i, values[row].name, values[row].value))
            row++;
        if (row < 6 && !*values[row].value)
            status = cli_usage("tap: %s needs a value", values[row].name);
        else if (row == 6 && strcmp(argv[i], "--json") == 0)
            options->json = true;
        else if (row == 6)
            status = cli_usage("tap: unexpected argument \"%s\"", argv[i]);
    }
    if (status == CLI_OK && !read_count(options))
        status = cli_usage("tap: --count: expected a number above 0");
    return status;
}

/* --- sockets --------------------------------------------------------------------------------- */

static bool connect_actor(tap_cli_t *self, const char *actor)
{
    const char *endpoint = endpoints_connect(self->endpoints, actor, ENDPOINT_TAP);
    zsock_t *socket = sock_new(ZMQ_SUB, NULL, FRAME_BYTES_MAX);
    zsock_set_subscribe(socket, "");
    if (zmq_connect(zsock_resolve(socket), endpoint) != 0) {
        zsock_destroy(&socket);
        return false;
    }
    self->items[self->sockets_len] = (zmq_pollitem_t){zsock_resolve(socket), 0, ZMQ_POLLIN, 0};
    self->sockets[self->sockets_len++] = socket;
    return tool_endpoint_alive(endpoint);
}

/* Connects to all wanted actors, also to those that are not there yet; false when none is there. */
static bool connect_all(tap_cli_t *self)
{
    bool any = false;
    for (size_t i = 0; actor_names()[i] && self->sockets_len < SOCKETS_MAX; i++) {
        if (tap_filter_wants_actor(self->filter, actor_names()[i]))
            any = connect_actor(self, actor_names()[i]) || any;
    }
    return any;
}

/* --- watching -------------------------------------------------------------------------------- */

static bool finished(const tap_cli_t *self)
{
    return stop_asked || self->closed ||
           (self->options.count > 0 && self->printed >= self->options.count);
}

static void print_frame(tap_cli_t *self, str_t data)
{
    tap_frame_t frame;
    if (!tap_frame_read(mp_of(data.p, data.len), &frame) || !tap_filter_match(self->filter, &frame))
        return;
    buf_reset(&self->line);
    if (self->options.json)
        tap_frame_put_json(&self->line, &frame);
    else
        tap_frame_put_text(&self->line, &frame);
    self->printed++;
    if (fwrite(self->line.data, 1, self->line.len, stdout) != self->line.len)
        self->closed = true;
}

static void drain(tap_cli_t *self, zsock_t *socket)
{
    zmq_msg_t msg;
    for (int i = 0; i < FRAMES_PER_TURN && !finished(self) && sock_recv(socket, &msg); i++) {
        print_frame(self, sock_msg_str(&msg));
        sock_drop_rest(socket, &msg);
        zmq_msg_close(&msg);
    }
}

static void watch(tap_cli_t *self)
{
    while (!finished(self)) {
        zmq_poll(self->items, (int)self->sockets_len, POLL_MS);
        for (size_t i = 0; i < self->sockets_len; i++)
            drain(self, self->sockets[i]);
        if (fflush(stdout) != 0)
            self->closed = true;
    }
}

static void on_signal(int number)
{
    (void)number;
    stop_asked = 1;
}

static void prepare_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    zsys_handler_set(NULL); /* CZMQ has handlers of its own */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* seen as an error of the write */
}

static int open_all(tap_cli_t *self, config_t *config, buf_t *why)
{
    const options_t *options = &self->options;
    self->filter =
        tap_filter_new(options->actors, options->commands, options->user, options->id, why);
    if (!self->filter)
        return CLI_USAGE;
    if (options->server && tool_use_server(config, options->server, why) != ERR_OK)
        return CLI_FAILED;
    const char *data = config_text(config, "data");
    if (!config_is_set(config, "run") && access(data, F_OK) != 0) {
        /* Looking for endpoints would create it. */
        buf_printf(why, "no server runs in %s", data);
        return CLI_FAILED;
    }
    self->endpoints = endpoints_new(config, NULL, why);
    if (!self->endpoints)
        return CLI_FAILED;
    if (connect_all(self))
        return CLI_OK;
    buf_printf(why, "no server runs in %s", endpoints_run_dir(self->endpoints));
    return CLI_FAILED;
}

int cli_tap(int argc, char **argv, config_t *config)
{
    tap_cli_t self = {.options = {.json = false}};
    buf_t why = {0};
    int status = read_args(&self.options, argc, argv, config);
    if (status == CLI_OK) {
        prepare_signals();
        status = open_all(&self, config, &why);
        if (status == CLI_OK)
            watch(&self);
        else if (status == CLI_USAGE)
            cli_usage("tap: %.*s", STR_ARG(buf_str(&why)));
        else
            cli_fail("tap: %.*s", STR_ARG(buf_str(&why)));
    }
    for (size_t i = 0; i < self.sockets_len; i++)
        zsock_destroy(&self.sockets[i]);
    endpoints_destroy(&self.endpoints);
    tap_filter_destroy(&self.filter);
    buf_fini(&self.line);
    buf_fini(&why);
    return status;
}
