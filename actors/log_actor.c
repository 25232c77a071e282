/* SPDX-License-Identifier: MIT */
#include "actors/log_actor.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bus/config.h"
#include "bus/json.h"
#include "bus/log.h"

#define LINE_BYTES_MAX 4096
#define FROM_BYTES_MAX 256
#define RING_BYTES_MAX (16u * 1024u * 1024u)
#define WAITING_MAX 1024
#define CLIENT_LINES_MAX 200 /* per second */
#define TICK_MS 50           /* how late a line of this process is published */

/* A line as it is kept: one msgpack map, ready to be sent. */
typedef struct {
    uint8_t *data;
    size_t len;
} line_t;

typedef struct {
    log_level_t level;
    int64_t ts;
    char *text;
} waiting_t;

typedef struct {
    env_t *env;
    pthread_t owner;
    bool in_client_line;       /* owner thread: the line being written is a client's */
    char from[FROM_BYTES_MAX]; /* of lines of this process */
    int64_t next_id;
    line_t *ring; /* ring_cap places; the oldest is at ring_at */
    size_t ring_cap, ring_at, ring_len, ring_bytes;
    int64_t window_ms; /* start of the second that client lines are counted in */
    uint32_t window_lines, window_dropped;
    pthread_mutex_t lock;
    waiting_t waiting[WAITING_MAX]; /* {lock} lines of this process since the last tick */
    size_t waiting_len;             /* {lock} */
    uint64_t waiting_dropped;       /* {lock} */
} log_actor_t;

/* --- ring ------------------------------------------------------------------------------------ */

static void drop_oldest(log_actor_t *self)
{
    line_t *line = &self->ring[self->ring_at];
    self->ring_bytes -= line->len;
    free(line->data);
    *line = (line_t){0};
    self->ring_at = (self->ring_at + 1) % self->ring_cap;
    self->ring_len--;
}

static void keep(log_actor_t *self, mp_t message)
{
    size_t len = (size_t)(message.end - message.p);
    uint8_t *copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, message.p, len);
    while (self->ring_len > 0 &&
           (self->ring_len == self->ring_cap || self->ring_bytes + len > RING_BYTES_MAX))
        drop_oldest(self);
    self->ring[(self->ring_at + self->ring_len) % self->ring_cap] = (line_t){copy, len};
    self->ring_len++;
    self->ring_bytes += len;
}

/* --- lines ----------------------------------------------------------------------------------- */

/* Cuts at a character of UTF-8. */
static str_t cut(str_t text, size_t max)
{
    if (text.len <= max)
        return text;
    text.len = max;
    while (text.len > 0 && ((unsigned char)text.p[text.len] & 0xc0) == 0x80)
        text.len--;
    return text;
}

static void add_line(log_actor_t *self, const request_t *cause, log_level_t level, str_t text,
                     str_t from, int64_t ts)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    size_t at = args.len;
    mp_put_map(&args, 5);
    mp_put_cstr(&args, "_id");
    mp_put_int(&args, self->next_id++);
    mp_put_cstr(&args, "from");
    mp_put_str(&args, cut(from, FROM_BYTES_MAX));
    mp_put_cstr(&args, "severity");
    mp_put_cstr(&args, log_level_name(level));
    mp_put_cstr(&args, "ts");
    mp_put_int(&args, ts);
    mp_put_cstr(&args, "message");
    mp_put_str(&args, cut(text, LINE_BYTES_MAX));
    if (!args.failed) {
        keep(self, mp_of(args.data + at, args.len - at));
        self->env->publish(self->env, "log", cause, mp_of_buf(&args));
    }
    buf_fini(&args);
}

/* --- lines of this process ------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_line(void *arg, log_level_t level, const char *text)
{
    log_actor_t *self = arg;
    /* A client's line is kept where it comes in. */
    if (pthread_equal(pthread_self(), self->owner) && self->in_client_line)
        return;
    char *copy = strdup(text);
    pthread_mutex_lock(&self->lock);
    bool kept = copy && self->waiting_len < WAITING_MAX;
    if (kept)
        self->waiting[self->waiting_len++] = (waiting_t){level, wall_ms(), copy};
    else
        self->waiting_dropped++;
    pthread_mutex_unlock(&self->lock);
    if (!kept)
        free(copy);
}

static void say_dropped(log_actor_t *self, uint64_t count, const char *whose)
{
    buf_t text = {0};
    if (count == 0)
        return;
    buf_printf(&text, "LOG-DROPPED whose=%s lines=%llu", whose, (unsigned long long)count);
    add_line(self, NULL, LEVEL_WARN, buf_str(&text), str_of(self->from), self->env->now(self->env));
    buf_fini(&text);
}

static void take_waiting(log_actor_t *self)
{
    waiting_t lines[WAITING_MAX];
    pthread_mutex_lock(&self->lock);
    size_t count = self->waiting_len;
    uint64_t dropped = self->waiting_dropped;
    memcpy(lines, self->waiting, count * sizeof *lines);
    self->waiting_len = 0;
    self->waiting_dropped = 0;
    pthread_mutex_unlock(&self->lock);
    for (size_t i = 0; i < count; i++) {
        add_line(self, NULL, lines[i].level, str_of(lines[i].text), str_of(self->from),
                 lines[i].ts);
        free(lines[i].text);
    }
    say_dropped(self, dropped, "server");
}

/* A new second: says how many lines of clients were left out in the last one. */
static void roll_window(log_actor_t *self, int64_t mono_ms)
{
    if (mono_ms - self->window_ms < 1000)
        return;
    uint32_t dropped = self->window_dropped;
    self->window_ms = mono_ms;
    self->window_lines = 0;
    self->window_dropped = 0;
    say_dropped(self, dropped, "clients");
}

static int64_t log_actor_tick(void *arg, int64_t mono_ms)
{
    log_actor_t *self = arg;
    take_waiting(self);
    roll_window(self, mono_ms);
    return TICK_MS;
}

/* --- commands -------------------------------------------------------------------------------- */

/* A text as it is, anything else as JSON; false: there is no such argument. */
static bool read_text(const request_t *request, uint32_t index, buf_t *out)
{
    mp_t value;
    str_t text;
    if (!request_arg(request, index, &value))
        return false;
    mp_t cursor = value;
    if (mp_read_str(&cursor, &text))
        buf_append_str(out, cut(text, LINE_BYTES_MAX));
    else
        json_from_mp(out, value, NULL);
    return true;
}

static log_level_t read_level(const request_t *request)
{
    mp_t value;
    str_t name;
    int level = -1;
    char text[16];
    if (request_arg(request, 0, &value) && mp_read_str(&value, &name) && name.len < sizeof text) {
        memcpy(text, name.p, name.len);
        text[name.len] = '\0';
        level = log_level_parse(text);
    }
    return level < 0 ? LEVEL_DEBUG : (log_level_t)level;
}

static void read_from(const request_t *request, buf_t *out)
{
    mp_t value;
    str_t from = {"", 0};
    if (request_arg(request, 2, &value))
        (void)mp_read_str(&value, &from);
    if (from.len > 0) {
        buf_append_str(out, cut(from, FROM_BYTES_MAX));
    } else {
        buf_append_cstr(out, "system.adapter.");
        buf_append_str(out, cut(request->caller.instance, FROM_BYTES_MAX));
    }
}

static void write_client_line(log_actor_t *self, const request_t *request, log_level_t level,
                              str_t from, str_t text)
{
    static log_limit_t limit;
    self->in_client_line = true;
    log_limited(&limit, level, "CLIENT-LOG", "client=%.*s from=%.*s text=%.*s",
                STR_ARG(request->caller.client), STR_ARG(from), STR_ARG(text));
    self->in_client_line = false;
}

static err_t log_on_append(void *arg, const request_t *request, reply_t *reply)
{
    log_actor_t *self = arg;
    log_level_t level = read_level(request);
    reply_nil(reply);
    if (level > log_level())
        return ERR_OK;
    roll_window(self, self->env->mono(self->env));
    if (self->window_lines == CLIENT_LINES_MAX) {
        self->window_dropped++;
        return ERR_OK;
    }
    buf_t text = {0}, from = {0};
    if (read_text(request, 1, &text)) {
        self->window_lines++;
        read_from(request, &from);
        str_t line = cut(buf_str(&text), LINE_BYTES_MAX);
        write_client_line(self, request, level, buf_str(&from), line);
        add_line(self, request, level, line, buf_str(&from), self->env->now(self->env));
    }
    buf_fini(&text);
    buf_fini(&from);
    return ERR_OK;
}

static err_t log_on_tail(void *arg, const request_t *request, reply_t *reply)
{
    log_actor_t *self = arg;
    mp_t value;
    int64_t wanted = -1;
    if (request_arg(request, 0, &value))
        (void)mp_read_int(&value, &wanted);
    size_t count = self->ring_len;
    if (wanted >= 0 && (uint64_t)wanted < count)
        count = (size_t)wanted;
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, (uint32_t)count);
    for (size_t i = self->ring_len - count; i < self->ring_len; i++) {
        const line_t *line = &self->ring[(self->ring_at + i) % self->ring_cap];
        mp_put_raw(out, mp_of(line->data, line->len));
    }
    return ERR_OK;
}

/* --- life ------------------------------------------------------------------------------------ */

static void log_actor_close(void **self_p)
{
    log_actor_t *self = *self_p;
    if (!self)
        return;
    log_set_sink(NULL, NULL);
    for (size_t i = 0; i < self->waiting_len; i++)
        free(self->waiting[i].text);
    while (self->ring_len > 0)
        drop_oldest(self);
    free(self->ring);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

static void set_from(log_actor_t *self, const config_t *config)
{
    char host[128] = "";
    const char *name = config_text(config, "host-name");
    if (!name[0] && gethostname(host, sizeof host - 1) == 0)
        name = host;
    snprintf(self->from, sizeof self->from, "system.host.%s", name);
}

static err_t log_actor_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    log_actor_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    self->owner = pthread_self();
    self->next_id = env->now(env); /* so that ids are not used again after a restart */
    self->window_ms = env->mono(env);
    self->ring_cap = (size_t)config_int(config, "log-ring");
    self->ring = calloc(self->ring_cap, sizeof *self->ring);
    pthread_mutex_init(&self->lock, NULL);
    set_from(self, config);
    *self_p = self;
    if (!self->ring) {
        buf_append_cstr(why, "log: no memory for log-ring");
        log_actor_close(self_p);
        return ERR_NO_MEMORY;
    }
    log_set_sink(on_line, self);
    return ERR_OK;
}

static const command_t commands[] = {
    /* name         handler        min args  flags */
    {"log.append", log_on_append, 0, CMD_EFFECT},
    {"log.tail", log_on_tail, 0, CMD_READ},
    {NULL, NULL, 0, 0},
};

const actor_t log_actor = {
    .name = "log",
    .commands = commands,
    .open = log_actor_open,
    .close = log_actor_close,
    .tick = log_actor_tick,
};
