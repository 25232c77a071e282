/* SPDX-License-Identifier: MIT */
#include "actors/messages_presence.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_MS 15000
#define EXPIRE_S 35 /* two repetitions may be late */
#define TTL_MS 5000
#define SHOWN_MAX 1024  /* rows of all gateways together */
#define NAME_MAX 128    /* bytes of an instance */
#define TEXT_MAX 16384  /* bytes of the names of one row; what is more is counted only */
#define TEXTS_MAX 65536 /* of all gateways together */

/* What one gateway says of one instance. */
typedef struct {
    char *peer;
    char *instance;
    char *names;
    uint64_t clients, uptime, inputs, outputs;
    double memory;
} shown_t;

struct presence_board {
    env_t *env;
    bool names_only;
    shown_t *rows[SHOWN_MAX];
    size_t len;
    int64_t repeat_ms; /* when all is written again */
};

presence_board_t *presence_board_new(env_t *env, bool names_only)
{
    presence_board_t *self = calloc(1, sizeof *self);
    assert(self);
    self->env = env;
    self->names_only = names_only;
    return self;
}

static void free_row(shown_t *row)
{
    free(row->peer);
    free(row->instance);
    free(row->names);
    free(row);
}

void presence_board_destroy(presence_board_t **self_p)
{
    presence_board_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->len; i++)
        free_row(self->rows[i]);
    free(self);
    *self_p = NULL;
}

/* --- writing ---------------------------------------------------------------------------------- */

typedef struct {
    const char *before, *after; /* of the instance in the id */
    bool expires;
} point_t;

static const point_t alive = {"system.adapter.", ".alive", true};
static const point_t connected = {"system.adapter.", ".connected", true};
static const point_t uptime = {"system.adapter.", ".uptime", false};
static const point_t inputs = {"system.adapter.", ".inputCount", false};
static const point_t outputs = {"system.adapter.", ".outputCount", false};
static const point_t memory = {"system.adapter.", ".memRss", false};
static const point_t info_connection = {"", ".info.connection", false};
static const point_t info_connected = {"", ".info.connected", false};

static void write_state(presence_board_t *self, str_t instance, const point_t *point, bool expires,
                        const buf_t *value)
{
    const caller_t caller = {.user = {"", 0}, .instance = instance, .client = STR_LIT("messages")};
    buf_t id = {0}, args = {0};
    buf_append_cstr(&id, point->before);
    buf_append_str(&id, instance);
    buf_append_cstr(&id, point->after);
    mp_put_array(&args, 2);
    mp_put_str(&args, buf_str(&id));
    mp_put_map(&args, expires ? 3 : 2);
    mp_put_cstr(&args, "val");
    mp_put_raw(&args, mp_of_buf(value));
    mp_put_cstr(&args, "ack");
    mp_put_bool(&args, true);
    if (expires) {
        mp_put_cstr(&args, "expire");
        mp_put_int(&args, EXPIRE_S);
    }
    if (!args.failed && !value->failed)
        self->env->ask(self->env, "states", "setState", &caller, mp_of_buf(&args), TTL_MS, NULL,
                       NULL);
    buf_fini(&id);
    buf_fini(&args);
}

static void write_flag(presence_board_t *self, str_t instance, const point_t *point, bool flag)
{
    buf_t value = {0};
    mp_put_bool(&value, flag);
    write_state(self, instance, point, point->expires && flag, &value);
    buf_fini(&value);
}

static void write_number(presence_board_t *self, str_t instance, const point_t *point,
                         double number)
{
    buf_t value = {0};
    mp_put_double(&value, number);
    write_state(self, instance, point, false, &value);
    buf_fini(&value);
}

static void write_text(presence_board_t *self, str_t instance, const point_t *point, str_t text)
{
    buf_t value = {0};
    mp_put_str(&value, text);
    write_state(self, instance, point, false, &value);
    buf_fini(&value);
}

/* "[2]vis.0, noname"; "" when nobody shows the instance. */
static bool put_names(const presence_board_t *self, str_t instance, buf_t *out)
{
    uint64_t clients = 0;
    bool any = false;
    buf_t names = {0};
    for (size_t i = 0; i < self->len; i++) {
        const shown_t *row = self->rows[i];
        if (!str_is(instance, row->instance))
            continue;
        any = true;
        clients += row->clients;
        if (row->names[0] && names.len < TEXTS_MAX) {
            buf_append_cstr(&names, names.len ? ", " : "");
            buf_append_cstr(&names, row->names);
        }
    }
    if (any) {
        buf_printf(out, "[%llu]", (unsigned long long)clients);
        buf_append_str(out, buf_str(&names));
    }
    buf_fini(&names);
    return any;
}

static void write_names(presence_board_t *self, str_t instance)
{
    buf_t text = {0};
    bool any = put_names(self, instance, &text);
    write_text(self, instance, &info_connected, buf_str(&text));
    if (self->names_only)
        write_text(self, instance, &info_connection, buf_str(&text));
    else
        write_flag(self, instance, &info_connection, any);
    buf_fini(&text);
}

static void write_figures(presence_board_t *self, str_t instance)
{
    shown_t sum = {0};
    for (size_t i = 0; i < self->len; i++) {
        const shown_t *row = self->rows[i];
        if (!str_is(instance, row->instance))
            continue;
        sum.uptime = row->uptime > sum.uptime ? row->uptime : sum.uptime;
        sum.inputs += row->inputs;
        sum.outputs += row->outputs;
        sum.memory += row->memory;
    }
    write_flag(self, instance, &alive, true);
    write_flag(self, instance, &connected, true);
    write_number(self, instance, &uptime, (double)sum.uptime);
    write_number(self, instance, &inputs, (double)sum.inputs);
    write_number(self, instance, &outputs, (double)sum.outputs);
    write_number(self, instance, &memory, sum.memory);
}

static bool is_shown(const presence_board_t *self, str_t instance)
{
    for (size_t i = 0; i < self->len; i++) {
        if (str_is(instance, self->rows[i]->instance))
            return true;
    }
    return false;
}

static void write_gone(presence_board_t *self, str_t instance)
{
    write_flag(self, instance, &alive, false);
    write_flag(self, instance, &connected, false);
    write_names(self, instance);
}

/* --- what gateways say ------------------------------------------------------------------------ */

static shown_t *find(const presence_board_t *self, str_t peer, str_t instance)
{
    for (size_t i = 0; i < self->len; i++) {
        if (str_is(peer, self->rows[i]->peer) && str_is(instance, self->rows[i]->instance))
            return self->rows[i];
    }
    return NULL;
}

typedef struct {
    str_t instance, names;
    shown_t figures;
} said_t;

static bool read_row(mp_t row, said_t *said)
{
    uint32_t count;
    *said = (said_t){0};
    shown_t *figures = &said->figures;
    return mp_read_array(&row, &count) && count == 7 && mp_read_str(&row, &said->instance) &&
           mp_read_uint(&row, &figures->clients) && mp_read_str(&row, &said->names) &&
           mp_read_uint(&row, &figures->uptime) && mp_read_uint(&row, &figures->inputs) &&
           mp_read_uint(&row, &figures->outputs) && mp_read_double(&row, &figures->memory) &&
           said->instance.len > 0 && said->instance.len <= NAME_MAX &&
           said->names.len <= TEXT_MAX + NAME_MAX * 4 &&
           !memchr(said->instance.p, 0, said->instance.len);
}

static shown_t *add_row(presence_board_t *self, str_t peer, str_t instance)
{
    if (self->len == SHOWN_MAX)
        return NULL;
    shown_t *row = calloc(1, sizeof *row);
    assert(row);
    row->peer = str_dup(peer);
    row->instance = str_dup(instance);
    assert(row->peer && row->instance);
    self->rows[self->len++] = row;
    return row;
}

static void set_row(presence_board_t *self, str_t peer, const said_t *said)
{
    shown_t *row = find(self, peer, said->instance);
    bool is_new = !is_shown(self, said->instance);
    if (!row && !(row = add_row(self, peer, said->instance)))
        return;
    char *names = str_dup(said->names);
    assert(names);
    bool changed =
        !row->names || strcmp(names, row->names) != 0 || row->clients != said->figures.clients;
    free(row->names);
    row->names = names;
    row->clients = said->figures.clients;
    row->uptime = said->figures.uptime;
    row->inputs = said->figures.inputs;
    row->outputs = said->figures.outputs;
    row->memory = said->figures.memory;
    if (changed)
        write_names(self, said->instance);
    if (is_new)
        write_figures(self, said->instance);
}

err_t presence_board_set(presence_board_t *self, str_t peer, mp_t rows)
{
    uint32_t count;
    said_t said;
    mp_t row, at = rows;
    if (!mp_read_array(&at, &count))
        return ERR_BAD_ARGS;
    for (uint32_t i = 0; i < count; i++) {
        if (!mp_next(&at, &row) || !read_row(row, &said))
            return ERR_BAD_ARGS;
    }
    (void)mp_read_array(&rows, &count);
    for (uint32_t i = 0; i < count && mp_next(&rows, &row); i++) {
        if (read_row(row, &said))
            set_row(self, peer, &said);
    }
    return ERR_OK;
}

void presence_board_drop(presence_board_t *self, str_t peer)
{
    for (size_t i = 0; i < self->len;) {
        shown_t *row = self->rows[i];
        if (!str_is(peer, row->peer)) {
            i++;
            continue;
        }
        self->rows[i] = self->rows[--self->len];
        if (is_shown(self, str_of(row->instance)))
            write_names(self, str_of(row->instance));
        else
            write_gone(self, str_of(row->instance));
        free_row(row);
    }
}

/* Whether an instance is that of an earlier row. */
static bool is_repeated(const presence_board_t *self, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(self->rows[i]->instance, self->rows[index]->instance) == 0)
            return true;
    }
    return false;
}

void presence_board_tick(presence_board_t *self, int64_t mono_ms)
{
    if (mono_ms < self->repeat_ms)
        return;
    self->repeat_ms = mono_ms + REPEAT_MS;
    for (size_t i = 0; i < self->len; i++) {
        if (!is_repeated(self, i))
            write_figures(self, str_of(self->rows[i]->instance));
    }
}

void presence_board_repeat(presence_board_t *self)
{
    self->repeat_ms = 0;
    for (size_t i = 0; i < self->len; i++) {
        if (!is_repeated(self, i))
            write_names(self, str_of(self->rows[i]->instance));
    }
}
