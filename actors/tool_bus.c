/* SPDX-License-Identifier: MIT */
#include "actors/tool_bus.h"

#include <assert.h>
#include <czmq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/crew.h"
#include "bus/endpoint.h"
#include "bus/log.h"
#include "bus/requests.h"
#include "bus/sock.h"

#define TTL_MS 120000   /* of a request: a full disk is slow, and files are large */
#define CONNECT_MS 5000 /* until a server that has its sockets answers */
#define WINDOW 8        /* writes under way */
#define POLL_ITEMS 32
#define PAGE 1000 /* items that are asked for at once */
#define ACTORS_OF_A_TOOL "log,objects,states,files,auth"
#define ACTORS_WITH_HISTORY ACTORS_OF_A_TOOL ",history"

static const char *const needed[] = {"objects", "states", "files", NULL};
static const char *const needed_with_history[] = {"objects", "states", "files", "history", NULL};

struct tool_bus {
    config_t *config;
    bool with_history;
    crew_t *crew; /* NULL: a running server */
    endpoints_t *endpoints;
    requests_t *requests;
    size_t under_way;
    err_t failed; /* of a posted write */
    buf_t failure;
};

/* --- arguments ------------------------------------------------------------------------------- */

bool tool_flag(int argc, char **argv, int *at, const char *name, const char **value)
{
    const char *word = argv[*at];
    size_t len = strlen(name);
    if (strncmp(word, name, len) != 0 || (word[len] != '\0' && word[len] != '='))
        return false;
    *value = NULL;
    if (word[len] == '=')
        *value = word + len + 1;
    else if (*at + 1 < argc)
        *value = argv[++*at];
    return true;
}

err_t tool_use_server(config_t *config, const char *server, buf_t *why)
{
    struct stat info;
    if (stat(server, &info) != 0) {
        buf_printf(why, "--server: there is no run folder or configuration file %s", server);
        return ERR_CONFIG;
    }
    if (S_ISDIR(info.st_mode))
        return config_set(config, "run", str_of(server), why);
    return config_read_file(config, server, why);
}

bool tool_endpoint_alive(const char *endpoint)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strncmp(endpoint, "ipc://", 6) != 0)
        return true;
    if (strlen(endpoint + 6) >= sizeof address.sun_path)
        return false;
    strcpy(address.sun_path, endpoint + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return alive;
}

/* --- waiting --------------------------------------------------------------------------------- */

static void turn(tool_bus_t *self, int64_t wait_ms)
{
    zmq_pollitem_t items[POLL_ITEMS];
    requests_flush(self->requests);
    if (requests_process(self->requests))
        return;
    size_t count = requests_poll_items(self->requests, items, POLL_ITEMS);
    int64_t next = requests_expire(self->requests, sock_mono_ms());
    zmq_poll(items, (int)count, (long)(next < wait_ms ? next : wait_ms));
    while (requests_process(self->requests)) {
    }
}

/* NULL: all are there. */
static const char *first_missing(const tool_bus_t *self, const char *const *actors)
{
    while (*actors && requests_is_up(self->requests, *actors))
        actors++;
    return *actors;
}

static err_t await_up(tool_bus_t *self, buf_t *why)
{
    int64_t deadline = sock_mono_ms() + CONNECT_MS;
    const char *const *actors = self->with_history ? needed_with_history : needed;
    requests_connect(self->requests, actors);
    while (first_missing(self, actors) && sock_mono_ms() < deadline)
        turn(self, 50);
    const char *missing = first_missing(self, actors);
    if (!missing)
        return ERR_OK;
    buf_printf(why, "no answer from the server in %s (%s)", endpoints_run_dir(self->endpoints),
               missing);
    return ERR_UNAVAILABLE;
}

/* --- opening --------------------------------------------------------------------------------- */

static bool never_interrupted(void)
{
    return false;
}

static err_t start_crew(tool_bus_t *self, buf_t *why)
{
    const char *actors = self->with_history ? ACTORS_WITH_HISTORY : ACTORS_OF_A_TOOL;
    err_t err = config_set(self->config, "only", str_of(actors), why);
    if (err == ERR_OK)
        err = config_set(self->config, "recording", STR_LIT("off"), why);
    if (err != ERR_OK)
        return err;
    self->crew = crew_new(self->config, why);
    return self->crew ? crew_start(self->crew, never_interrupted, why) : ERR_UNAVAILABLE;
}

static bool server_runs(const tool_bus_t *self)
{
    return tool_endpoint_alive(endpoints_connect(self->endpoints, "objects", ENDPOINT_REQUEST));
}

static err_t connect_all(tool_bus_t *self, bool need_server, buf_t *why)
{
    char peer[64];
    self->endpoints = endpoints_new(self->config, NULL, why);
    if (!self->endpoints)
        return ERR_CONFIG;
    bool runs = server_runs(self);
    if (!runs && need_server) {
        buf_printf(why, "no server runs in %s", endpoints_run_dir(self->endpoints));
        return ERR_UNAVAILABLE;
    }
    err_t err = runs ? ERR_OK : start_crew(self, why);
    if (err != ERR_OK)
        return err;
    snprintf(peer, sizeof peer, "tool-%ld", (long)getpid());
    self->requests = requests_new(self->endpoints, peer, WINDOW * 2,
                                  (size_t)config_int(self->config, "max-frame"));
    return await_up(self, why);
}

tool_bus_t *tool_bus_open(config_t *config, bool need_server, bool with_history, buf_t *why)
{
    tool_bus_t *self = calloc(1, sizeof *self);
    assert(self);
    self->config = config;
    self->with_history = with_history;
    zsys_handler_set(NULL); /* CZMQ's own would keep an interrupt from ending the tool */
    log_level_t level = config_is_set(config, "log-level")
                            ? (log_level_t)log_level_parse(config_text(config, "log-level"))
                            : LEVEL_WARN; /* births and deaths of actors are of no interest here */
    log_set_level(level);
    if (connect_all(self, need_server, why) != ERR_OK) {
        buf_t second = {0};
        (void)tool_bus_close(&self, &second); /* the first error is the one to report */
        buf_fini(&second);
        return NULL;
    }
    return self;
}

bool tool_bus_close(tool_bus_t **self_p, buf_t *why)
{
    tool_bus_t *self = *self_p;
    if (!self)
        return true;
    requests_destroy(&self->requests);
    bool stopped = !self->crew || crew_stop(self->crew, why);
    if (stopped)
        crew_destroy(&self->crew); /* otherwise it would wait for what hangs */
    endpoints_destroy(&self->endpoints);
    buf_fini(&self->failure);
    free(self);
    *self_p = NULL;
    return stopped;
}

bool tool_bus_is_server(const tool_bus_t *self)
{
    return !self->crew;
}

void tool_bus_describe(const tool_bus_t *self, buf_t *out)
{
    if (self->crew)
        buf_printf(out, "data folder %s", config_text(self->config, "data"));
    else
        buf_printf(out, "the running server in %s", endpoints_run_dir(self->endpoints));
}

/* --- requests -------------------------------------------------------------------------------- */

typedef struct {
    bool done;
    err_t status;
    buf_t *answer;
} waiter_t;

/* A failed command says why in its first call-back argument, whatever its status. */
static err_t take_status(err_t status, mp_t body, buf_t *text)
{
    mp_t first;
    str_t message = str_of(err_text(status));
    bool said = mp_at(body, 0, &first) && mp_read_str(&first, &message);
    if (status == ERR_OK && said)
        status = ERR_CUSTOM;
    if (status != ERR_OK)
        buf_append_str(text, message);
    return status;
}

static void on_answer(void *arg, err_t status, uint64_t seq, mp_t body)
{
    waiter_t *waiter = arg;
    (void)seq;
    waiter->done = true;
    waiter->status = status;
    mp_put_raw(waiter->answer, body);
}

static uint64_t ask(tool_bus_t *self, const char *actor, const char *command, mp_t args,
                    requests_done_fn *done, void *arg)
{
    static const caller_t tool = {{"", 0}, {"", 0}, {"tool", 4}};
    return requests_send(self->requests, actor, str_of(command), &tool, args, TTL_MS, 0,
                         sock_mono_ms(), done, arg);
}

err_t tool_bus_call(tool_bus_t *self, const char *actor, const char *command, mp_t args,
                    buf_t *answer, buf_t *why)
{
    buf_reset(answer);
    waiter_t waiter = {.answer = answer};
    if (ask(self, actor, command, args, on_answer, &waiter) == 0)
        return ERR_BUSY;
    while (!waiter.done)
        turn(self, 1000);
    buf_t text = {0};
    err_t err = take_status(waiter.status, mp_of_buf(answer), &text);
    if (err != ERR_OK)
        buf_printf(why, "%s: %.*s", command, STR_ARG(buf_str(&text)));
    buf_fini(&text);
    return err;
}

/* Hands out the items of a page; *after becomes where the next one begins. */
static err_t take_page(mp_t page, const char *command, tool_bus_take_fn *take, void *arg,
                       buf_t *after, buf_t *why)
{
    mp_t items, next, item;
    uint32_t count;
    err_t err = ERR_OK;
    if (!mp_at(page, 1, &items) || !mp_at(page, 2, &next) || !mp_read_array(&items, &count)) {
        buf_printf(why, "%s: unexpected answer", command);
        return ERR_BAD_FRAME;
    }
    buf_reset(after);
    mp_put_raw(after, next);
    for (uint32_t i = 0; i < count && err == ERR_OK && mp_next(&items, &item); i++)
        err = take(arg, item, why);
    return err;
}

err_t tool_bus_scan(tool_bus_t *self, const char *actor, const char *command,
                    tool_bus_take_fn *take, void *arg, buf_t *why)
{
    buf_t after = {0}, args = {0}, page = {0};
    err_t err = ERR_OK;
    mp_put_nil(&after);
    do {
        buf_reset(&args);
        mp_put_array(&args, 2);
        mp_put_raw(&args, mp_of_buf(&after));
        mp_put_int(&args, PAGE);
        err = tool_bus_call(self, actor, command, mp_of_buf(&args), &page, why);
        if (err == ERR_OK)
            err = take_page(mp_of_buf(&page), command, take, arg, &after, why);
    } while (err == ERR_OK && mp_type(mp_of_buf(&after)) != MP_NIL);
    buf_fini(&after);
    buf_fini(&args);
    buf_fini(&page);
    return err;
}

static void on_written(void *arg, err_t status, uint64_t seq, mp_t body)
{
    tool_bus_t *self = arg;
    buf_t text = {0};
    (void)seq;
    self->under_way--;
    err_t err = take_status(status, body, &text);
    if (err != ERR_OK && self->failed == ERR_OK) {
        self->failed = err;
        buf_append_str(&self->failure, buf_str(&text));
    }
    buf_fini(&text);
}

static err_t await_window(tool_bus_t *self, size_t most, buf_t *why)
{
    while (self->under_way > most)
        turn(self, 1000);
    if (self->failed != ERR_OK && why->len == 0)
        buf_append_str(why, buf_str(&self->failure));
    return self->failed;
}

err_t tool_bus_post(tool_bus_t *self, const char *actor, const char *command, mp_t args, buf_t *why)
{
    err_t err = await_window(self, WINDOW - 1, why);
    if (err != ERR_OK)
        return err;
    self->under_way++;
    if (ask(self, actor, command, args, on_written, self) == 0) {
        self->under_way--;
        return ERR_BUSY;
    }
    requests_flush(self->requests);
    return ERR_OK;
}

err_t tool_bus_finish(tool_bus_t *self, buf_t *why)
{
    return await_window(self, 0, why);
}
