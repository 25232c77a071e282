/* SPDX-License-Identifier: MIT */
#include "actors/tap_line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/safe_text.h"
#include "bus/actor_names.h"
#include "bus/json.h"
#include "bus/pattern.h"

#define NAME_MAX_BYTES 64
#define REMEMBERED 4096 /* requests whose replies may still come */
#define IDS_MAX 1000    /* of a list of ids that are looked at */
#define USER_PREFIX "system.user."

static const char *const kind_names[] = {"request", "reply", "event"};

/* --- reading --------------------------------------------------------------------------------- */

static bool read_kind(mp_t *at, tap_kind_t *kind)
{
    str_t name;
    if (!mp_read_str(at, &name))
        return false;
    for (int i = 0; i < 3; i++) {
        if (str_is(name, kind_names[i])) {
            *kind = (tap_kind_t)i;
            return true;
        }
    }
    return false;
}

bool tap_frame_read(mp_t frame, tap_frame_t *out)
{
    uint32_t count;
    mp_t at = frame;
    *out = (tap_frame_t){0};
    if (mp_check(frame, true) != ERR_OK || !mp_read_array(&at, &count))
        return false;
    bool read = read_kind(&at, &out->kind) && mp_read_int(&at, &out->ts_ms) &&
                mp_read_str(&at, &out->actor) && mp_read_str(&at, &out->command) &&
                mp_read_str(&at, &out->user) && mp_read_str(&at, &out->client) &&
                mp_read_uint(&at, &out->corr) && mp_read_uint(&at, &out->number);
    if (read && out->kind == TAP_REPLY)
        read = mp_read_str(&at, &out->status) && mp_read_int(&at, &out->latency_us);
    return read && mp_next(&at, &out->value);
}

/* --- printing -------------------------------------------------------------------------------- */

static void put_padded(buf_t *out, str_t text, size_t width)
{
    size_t start = out->len;
    safe_text_put(out, text, NAME_MAX_BYTES);
    do
        buf_append_byte(out, ' ');
    while (out->len < start + width + 1 && !out->failed);
}

static str_t short_user(str_t user)
{
    size_t len = sizeof USER_PREFIX - 1;
    return str_starts(user, USER_PREFIX) ? (str_t){user.p + len, user.len - len} : user;
}

static void put_time(buf_t *out, int64_t ts_ms)
{
    char text[32];
    struct tm parts;
    time_t seconds = (time_t)(ts_ms / 1000);
    if (localtime_r(&seconds, &parts) && strftime(text, sizeof text, "%H:%M:%S", &parts) > 0)
        buf_printf(out, "%s.%03d ", text, (int)(ts_ms % 1000 < 0 ? 0 : ts_ms % 1000));
    else
        buf_append_cstr(out, "--:--:--.--- ");
}

static void put_value(buf_t *out, mp_t value)
{
    buf_t json = {0};
    json_from_mp(&json, value, NULL);
    safe_text_put(out, buf_str(&json), TAP_LINE_VALUE_MAX);
    buf_fini(&json);
}

void tap_frame_put_text(buf_t *out, const tap_frame_t *frame)
{
    put_time(out, frame->ts_ms);
    put_padded(out, str_of(kind_names[frame->kind]), 7);
    put_padded(out, frame->actor, 7);
    put_padded(out, frame->command, 16);
    if (frame->kind == TAP_EVENT) {
        buf_printf(out, "#%llu ", (unsigned long long)frame->number);
    } else {
        put_padded(out, frame->user.len ? short_user(frame->user) : STR_LIT("-"), 6);
        put_padded(out, frame->client.len ? frame->client : STR_LIT("-"), 14);
    }
    if (frame->kind == TAP_REPLY) {
        put_padded(out, frame->status, 2);
        buf_printf(out, "%.3f ms ", (double)frame->latency_us / 1000.0);
    }
    put_value(out, frame->value);
    buf_append_byte(out, '\n');
}

static void put_text_field(buf_t *out, const char *name, str_t text)
{
    buf_printf(out, ",\"%s\":", name);
    json_put_str(out, text);
}

static void put_value_field(buf_t *out, const char *name, mp_t value)
{
    buf_printf(out, ",\"%s\":", name);
    json_from_mp(out, value, NULL);
}

void tap_frame_put_json(buf_t *out, const tap_frame_t *frame)
{
    buf_printf(out, "{\"kind\":\"%s\",\"ts\":%lld", kind_names[frame->kind],
               (long long)frame->ts_ms);
    put_text_field(out, "actor", frame->actor);
    put_text_field(out, "command", frame->command);
    put_text_field(out, "user", frame->user);
    put_text_field(out, "client", frame->client);
    buf_printf(out, ",\"corr\":%llu,\"%s\":%llu", (unsigned long long)frame->corr,
               frame->kind == TAP_EVENT ? "seq" : "trace", (unsigned long long)frame->number);
    if (frame->kind == TAP_REPLY) {
        put_text_field(out, "status", frame->status);
        buf_printf(out, ",\"latencyUs\":%lld", (long long)frame->latency_us);
    }
    put_value_field(out, frame->kind == TAP_REPLY ? "result" : "args", frame->value);
    buf_append_cstr(out, "}\n");
}

/* --- choosing -------------------------------------------------------------------------------- */

struct tap_filter {
    char *actors, *commands, *user; /* NULL: all */
    pattern_t *id;                  /* NULL: all */
    uint64_t passed[REMEMBERED];    /* requests that matched by their id, a ring of hashes */
    size_t next;
};

static bool in_list(const char *list, str_t word)
{
    while (list) {
        const char *comma = strchr(list, ',');
        str_t item = {list, comma ? (size_t)(comma - list) : strlen(list)};
        if (str_eq(item, word))
            return true;
        list = comma ? comma + 1 : NULL;
    }
    return false;
}

static bool check_actors(const char *actors, buf_t *why)
{
    while (actors) {
        const char *comma = strchr(actors, ',');
        str_t item = {actors, comma ? (size_t)(comma - actors) : strlen(actors)};
        if (!actor_name_find(item)) {
            buf_append_cstr(why, "there is no actor \"");
            safe_text_put(why, item, NAME_MAX_BYTES);
            buf_append_cstr(why, "\"");
            return false;
        }
        actors = comma ? comma + 1 : NULL;
    }
    return true;
}

static char *copy_of(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    assert(copy || !text);
    return copy;
}

tap_filter_t *tap_filter_new(const char *actors, const char *commands, const char *user,
                             const char *id, buf_t *why)
{
    err_t err = ERR_OK;
    if (!check_actors(actors, why))
        return NULL;
    tap_filter_t *self = calloc(1, sizeof *self);
    assert(self);
    self->actors = copy_of(actors);
    self->commands = copy_of(commands);
    self->user = copy_of(user);
    self->id = id ? pattern_new(str_of(id), &err) : NULL;
    if (id && !self->id) {
        buf_printf(why, "the pattern cannot be used: %s", err_text(err));
        tap_filter_destroy(&self);
    }
    return self;
}

void tap_filter_destroy(tap_filter_t **self_p)
{
    tap_filter_t *self = *self_p;
    if (!self)
        return;
    pattern_destroy(&self->id);
    free(self->actors);
    free(self->commands);
    free(self->user);
    free(self);
    *self_p = NULL;
}

bool tap_filter_wants_actor(const tap_filter_t *self, const char *actor)
{
    return !self->actors || in_list(self->actors, str_of(actor));
}

/* FNV-1a; never 0, which marks a free place. */
static uint64_t hash_request(const tap_frame_t *frame)
{
    const str_t parts[] = {
        frame->actor, frame->client, {(const char *)&frame->corr, sizeof frame->corr}};
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < parts[i].len; j++)
            hash = (hash ^ (unsigned char)parts[i].p[j]) * 1099511628211u;
    }
    return hash | 1;
}

static bool match_id(const tap_filter_t *self, mp_t values)
{
    mp_t first;
    str_t text;
    uint32_t count;
    if (!mp_at(values, 0, &first))
        return false;
    if (mp_read_str(&first, &text))
        return pattern_match(self->id, text);
    if (!mp_read_array(&first, &count))
        return false;
    for (uint32_t i = 0; i < count && i < IDS_MAX; i++) {
        if (!mp_read_str(&first, &text))
            return false;
        if (pattern_match(self->id, text))
            return true;
    }
    return false;
}

static bool pass_id(tap_filter_t *self, const tap_frame_t *frame)
{
    uint64_t hash = hash_request(frame);
    if (frame->kind != TAP_REPLY) {
        bool match = match_id(self, frame->value);
        if (match && frame->kind == TAP_REQUEST)
            self->passed[self->next++ % REMEMBERED] = hash;
        return match;
    }
    for (size_t i = 0; i < REMEMBERED; i++) {
        if (self->passed[i] == hash) {
            self->passed[i] = 0;
            return true;
        }
    }
    return false;
}

bool tap_filter_match(tap_filter_t *self, const tap_frame_t *frame)
{
    if (self->actors && !in_list(self->actors, frame->actor))
        return false;
    if (self->commands && !in_list(self->commands, frame->command))
        return false;
    if (self->user && !str_is(frame->user, self->user) &&
        !str_is(short_user(frame->user), self->user))
        return false;
    return !self->id || pass_id(self, frame);
}
