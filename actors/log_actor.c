/* SPDX-License-Identifier: MIT */
#include "actors/log_actor.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "actors/log_disk.h"
#include "bus/config.h"
#include "bus/json.h"
#include "bus/log.h"

#define LINE_BYTES_MAX 4096
#define FROM_BYTES_MAX 256
#define RING_BYTES_MAX (16u * 1024u * 1024u)
#define WAITING_MAX 1024
#define CLIENT_LINES_MAX 200 /* per second */
#define NAME_BYTES_MAX 64    /* of a client's name in its lines */
#define FORWARD_MAX 1000     /* lines of another process in one request */
#define DISK_BYTES_MIN 65536
#define READ_BYTES_MAX (8u * 1024u * 1024u) /* of one answer */
#define TICK_MS 50                          /* how late a line of this process is published */

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
    log_disk_t *disk;  /* NULL: lines are not kept there */
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

/* A line and who wrote it. */
typedef struct {
    log_level_t level;
    int64_t ts;
    str_t from;   /* "system.host.house" */
    str_t client; /* name of the client whose line it is; "" for others */
    str_t text;
} entry_t;

/* One map. */
static void put_entry(buf_t *out, int64_t id, const entry_t *entry)
{
    mp_put_map(out, entry->client.len > 0 ? 6 : 5);
    mp_put_cstr(out, "_id");
    mp_put_int(out, id);
    mp_put_cstr(out, "from");
    mp_put_str(out, cut(entry->from, FROM_BYTES_MAX));
    mp_put_cstr(out, "severity");
    mp_put_cstr(out, log_level_name(entry->level));
    mp_put_cstr(out, "ts");
    mp_put_int(out, entry->ts);
    mp_put_cstr(out, "message");
    mp_put_str(out, cut(entry->text, LINE_BYTES_MAX));
    if (entry->client.len > 0) {
        mp_put_cstr(out, "client");
        mp_put_str(out, entry->client);
    }
}

/* A client's name stands before its text, where the original has the number of a process. */
static void write_disk(log_actor_t *self, const entry_t *entry)
{
    buf_t text = {0};
    if (entry->client.len > 0)
        buf_printf(&text, "(%.*s) ", STR_ARG(entry->client));
    buf_append_str(&text, cut(entry->text, LINE_BYTES_MAX));
    const log_disk_line_t line = {str_of(log_level_name(entry->level)), entry->ts,
                                  cut(entry->from, FROM_BYTES_MAX), buf_str(&text)};
    log_disk_add(self->disk, &line);
    buf_fini(&text);
}

static void add_line(log_actor_t *self, const request_t *cause, const entry_t *entry)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    size_t at = args.len;
    put_entry(&args, self->next_id++, entry);
    if (!args.failed) {
        keep(self, mp_of(args.data + at, args.len - at));
        self->env->publish(self->env, "log", cause, (mp_t){NULL, NULL}, mp_of_buf(&args));
    }
    if (self->disk)
        write_disk(self, entry);
    buf_fini(&args);
}

/* A line of this process. */
static void add_own(log_actor_t *self, log_level_t level, int64_t ts, str_t text)
{
    const entry_t entry = {
        .level = level, .ts = ts, .from = str_of(self->from), .client = {"", 0}, .text = text};
    add_line(self, NULL, &entry);
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
    add_own(self, LEVEL_WARN, self->env->now(self->env), buf_str(&text));
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
        add_own(self, lines[i].level, lines[i].ts, str_of(lines[i].text));
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
    if (self->disk)
        say_dropped(self, log_disk_lost(self->disk), "disk");
}

static int64_t log_actor_tick(void *arg, int64_t mono_ms)
{
    log_actor_t *self = arg;
    take_waiting(self);
    roll_window(self, mono_ms);
    if (self->disk)
        log_disk_flush(self->disk);
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

/* The name that the client has given itself, or its number. */
static void read_client(const request_t *request, buf_t *out)
{
    mp_t value;
    str_t name = {"", 0};
    if (request_arg(request, 3, &value))
        (void)mp_read_str(&value, &name);
    buf_append_str(out, cut(name.len > 0 ? name : request->caller.client, NAME_BYTES_MAX));
}

static void write_client_line(log_actor_t *self, const request_t *request, const entry_t *entry)
{
    static log_limit_t limit;
    self->in_client_line = true;
    log_limited(&limit, entry->level, "CLIENT-LOG", "client=%.*s name=\"%.*s\" from=%.*s text=%.*s",
                STR_ARG(request->caller.client), STR_ARG(entry->client), STR_ARG(entry->from),
                STR_ARG(entry->text));
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
    buf_t text = {0}, from = {0}, client = {0};
    if (read_text(request, 1, &text)) {
        self->window_lines++;
        read_from(request, &from);
        read_client(request, &client);
        take_waiting(self); /* they are older */
        const entry_t entry = {.level = level,
                               .ts = self->env->now(self->env),
                               .from = buf_str(&from),
                               .client = buf_str(&client),
                               .text = cut(buf_str(&text), LINE_BYTES_MAX)};
        write_client_line(self, request, &entry);
        add_line(self, request, &entry);
    }
    buf_fini(&text);
    buf_fini(&from);
    buf_fini(&client);
    return ERR_OK;
}

/* log.forward [from, [[severity, ts, text]...]] -> [nil]: lines of another process of ours, which
 * has written them to its own standard error. */
static err_t log_on_forward(void *arg, const request_t *request, reply_t *reply)
{
    log_actor_t *self = arg;
    mp_t from_value, rows;
    uint32_t count, width;
    entry_t entry = {.client = {"", 0}};
    if (request->caller.user.len > 0)
        return ERR_PERMISSION;
    if (!request_arg(request, 0, &from_value) || !mp_read_str(&from_value, &entry.from) ||
        !request_arg(request, 1, &rows) || !mp_read_array(&rows, &count) || count > FORWARD_MAX)
        return ERR_BAD_ARGS;
    for (uint32_t i = 0; i < count; i++) {
        str_t severity;
        char name[16];
        if (!mp_read_array(&rows, &width) || width != 3 || !mp_read_str(&rows, &severity) ||
            !mp_read_int(&rows, &entry.ts) || !mp_read_str(&rows, &entry.text))
            return ERR_BAD_ARGS;
        snprintf(name, sizeof name, "%.*s", STR_ARG(severity));
        int level = log_level_parse(name);
        if (level < 0)
            return ERR_BAD_ARGS;
        entry.level = (log_level_t)level;
        add_line(self, NULL, &entry);
    }
    reply_nil(reply);
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

/* --- files (for administrators; whoever asks has checked that) -------------------------------- */

typedef struct {
    buf_t rows;
    uint32_t count;
} listing_t;

static void list_file(void *arg, const char *name, uint64_t size)
{
    listing_t *listing = arg;
    mp_put_array(&listing->rows, 2);
    mp_put_cstr(&listing->rows, name);
    mp_put_uint(&listing->rows, size);
    listing->count++;
}

/* log.files [] -> [nil, [[name, size]...]], oldest first */
static err_t log_on_files(void *arg, const request_t *request, reply_t *reply)
{
    log_actor_t *self = arg;
    listing_t listing = {.count = 0};
    if (request->caller.user.len > 0)
        return ERR_PERMISSION;
    if (self->disk)
        log_disk_files(self->disk, list_file, &listing);
    reply_nil(reply);
    buf_t *out = reply_value(reply);
    mp_put_array(out, listing.count);
    mp_put_raw(out, mp_of_buf(&listing.rows));
    buf_fini(&listing.rows);
    return ERR_OK;
}

/* log.read [name, offset, length] -> [nil, bytes, size of the file] */
static err_t log_on_read(void *arg, const request_t *request, reply_t *reply)
{
    log_actor_t *self = arg;
    mp_t args = request->args;
    str_t name;
    uint64_t offset, length, size;
    buf_t bytes = {0};
    if (request->caller.user.len > 0)
        return ERR_PERMISSION;
    if (!mp_read_str(&args, &name) || !mp_read_uint(&args, &offset) ||
        !mp_read_uint(&args, &length) || length > READ_BYTES_MAX)
        return ERR_BAD_ARGS;
    err_t err = self->disk ? log_disk_read(self->disk, name, offset, (size_t)length, &bytes, &size)
                           : ERR_NOT_EXISTS;
    if (err == ERR_OK) {
        reply_nil(reply);
        mp_put_bin(reply_value(reply), bytes.data, bytes.len);
        mp_put_uint(reply_value(reply), size);
    }
    buf_fini(&bytes);
    return err;
}

/* log.clear [] -> [nil]: the files; what is kept in memory stays. */
static err_t log_on_clear(void *arg, const request_t *request, reply_t *reply)
{
    log_actor_t *self = arg;
    if (request->caller.user.len > 0)
        return ERR_PERMISSION;
    if (self->disk)
        log_disk_clear(self->disk);
    reply_nil(reply);
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
    log_disk_close(&self->disk);
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

/* A line of an earlier run. */
static void remember(void *arg, const log_disk_line_t *line)
{
    log_actor_t *self = arg;
    char name[16];
    buf_t map = {0};
    snprintf(name, sizeof name, "%.*s", STR_ARG(line->severity));
    int level = log_level_parse(name);
    const entry_t entry = {.level = level < 0 ? LEVEL_INFO : (log_level_t)level,
                           .ts = line->ts,
                           .from = line->from,
                           .client = {"", 0},
                           .text = line->text};
    put_entry(&map, self->next_id++, &entry);
    if (!map.failed)
        keep(self, mp_of_buf(&map));
    buf_fini(&map);
}

/* Without the files the log goes on: it is needed most when something is wrong with the disk. */
static void open_disk(log_actor_t *self, const config_t *config)
{
    const char *data = config_text(config, "data");
    int64_t bytes = config_int(config, "log-disk");
    buf_t folder = {0}, why = {0};
    if (bytes == 0 || strcmp(data, ":memory:") == 0)
        return;
    (void)mkdir(data, 0750); /* what fails here fails once more below */
    buf_printf(&folder, "%s/log", data);
    buf_append_byte(&folder, 0);
    self->disk = log_disk_open((const char *)folder.data,
                               bytes < DISK_BYTES_MIN ? DISK_BYTES_MIN : (size_t)bytes, &why);
    if (self->disk)
        log_disk_tail(self->disk, self->ring_cap, remember, self);
    else
        log_warn("LOG-DISK", "%.*s", STR_ARG(buf_str(&why)));
    buf_fini(&folder);
    buf_fini(&why);
}

static err_t log_actor_open(env_t *env, const config_t *config, void **self_p, buf_t *why)
{
    log_actor_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    self->owner = pthread_self();
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
    /* So that ids are not used again after a restart. */
    self->next_id = env->now(env) - (int64_t)self->ring_cap;
    log_set_sink(on_line, self);
    open_disk(self, config);
    self->next_id = env->now(env);
    return ERR_OK;
}

static const command_t commands[] = {
    /* name         handler        min args  flags */
    {"log.append", log_on_append, 0, CMD_EFFECT},
    {"log.tail", log_on_tail, 0, CMD_READ},
    {"log.forward", log_on_forward, 2, CMD_EFFECT},
    {"log.files", log_on_files, 0, CMD_READ},
    {"log.read", log_on_read, 3, CMD_READ},
    {"log.clear", log_on_clear, 0, CMD_EFFECT},
    {NULL, NULL, 0, 0},
};

const actor_t log_actor = {
    .name = "log",
    .commands = commands,
    .open = log_actor_open,
    .close = log_actor_close,
    .tick = log_actor_tick,
};
