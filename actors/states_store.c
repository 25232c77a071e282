/* SPDX-License-Identifier: MIT */
#include "actors/states_store.h"

#include <assert.h>
#include <stdlib.h>

#include "bus/log.h"

#define SPARE_MAX 65536 /* a larger buffer is not kept for later changes */
#define SPARES_MAX 4096 /* so many changes keep their buffers */

/* What a point was before this batch. The buffers swap roles from batch to batch, so that a state
 * that is written again and again costs no allocation. */
typedef struct {
    point_t *point;
    buf_t state;
    int64_t end_ms;
} change_t;

struct states_store {
    engine_t *engine;
    points_t *points; /* borrowed */
    expiry_t expiry;
    change_t *changes; /* changes_len in use, buffers of all cap are valid */
    size_t changes_len, changes_cap;
    bool spoiled; /* a change failed half-way: the batch must not be committed */
    buf_t record; /* scratch */
};

/* --- loading --------------------------------------------------------------------------------- */

/* A map, and perhaps a time. */
static bool read_record(str_t value, mp_t *state, int64_t *end_ms)
{
    mp_t record = mp_of(value.p, value.len);
    *end_ms = 0;
    if (mp_check(record, false) != ERR_OK || !mp_next(&record, state) || mp_type(*state) != MP_MAP)
        return false;
    return mp_at_end(&record) ||
           (mp_read_int(&record, end_ms) && *end_ms >= 0 && mp_at_end(&record));
}

static bool load_record(states_store_t *self, str_t id, str_t value)
{
    mp_t state;
    int64_t end_ms;
    if (!read_record(value, &state, &end_ms))
        return false;
    point_t *point = points_require(self->points, id);
    if (!point)
        return false;
    mp_put_raw(&point->state, state);
    return !point->state.failed && expiry_set(&self->expiry, &point->due, end_ms);
}

static err_t load(states_store_t *self, buf_t *why)
{
    static const str_t all = {"", 0};
    str_t id, value;
    size_t skipped = 0;
    engine_scan_t *scan = engine_scan_new(self->engine, all, all);
    while (engine_scan_next(scan, &id, &value)) {
        if (load_record(self, id, value))
            continue;
        if (skipped++ == 0)
            log_warn("STATES-SKIPPED", "id=%.*s bytes=%zu", id.len < 200 ? (int)id.len : 200, id.p,
                     value.len);
    }
    err_t err = engine_scan_error(scan);
    engine_scan_destroy(&scan);
    if (err != ERR_OK)
        buf_printf(why, "states: %s", err_text(err));
    if (skipped > 1)
        log_warn("STATES-SKIPPED", "count=%zu", skipped);
    return err;
}

err_t states_store_open(states_store_t **out, engine_t **engine_p, points_t *points, buf_t *why)
{
    states_store_t *self = calloc(1, sizeof *self);
    assert(self);
    self->engine = *engine_p;
    *engine_p = NULL;
    self->points = points;
    err_t err = load(self, why);
    if (err != ERR_OK)
        states_store_close(&self);
    *out = self;
    return err;
}

void states_store_close(states_store_t **self_p)
{
    states_store_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->changes_cap; i++)
        buf_fini(&self->changes[i].state);
    free(self->changes);
    buf_fini(&self->record);
    expiry_fini(&self->expiry);
    engine_close(&self->engine);
    free(self);
    *self_p = NULL;
}

engine_t *states_store_engine(states_store_t *self)
{
    return self->engine;
}

/* --- changes --------------------------------------------------------------------------------- */

static bool grow_changes(states_store_t *self)
{
    size_t cap = self->changes_cap ? self->changes_cap * 2 : 64;
    change_t *changes = realloc(self->changes, cap * sizeof *changes);
    if (!changes)
        return false;
    for (size_t i = self->changes_cap; i < cap; i++)
        changes[i] = (change_t){0};
    self->changes = changes;
    self->changes_cap = cap;
    return true;
}

/* Keeps what the point is; its state is then an empty buffer to write to. */
static bool keep(states_store_t *self, point_t *point)
{
    if (point->undo) {
        buf_reset(&point->state);
        return true;
    }
    if (self->changes_len == self->changes_cap && !grow_changes(self))
        return false;
    change_t *change = &self->changes[self->changes_len++];
    point->undo = (uint32_t)self->changes_len;
    change->point = point;
    change->end_ms = point->due.when_ms;
    buf_t spare = change->state;
    change->state = point->state;
    point->state = spare;
    buf_reset(&point->state);
    return true;
}

err_t states_store_put(states_store_t *self, point_t *point, mp_t state, int64_t end_ms)
{
    bool was_spoiled = self->spoiled;
    self->spoiled = true;
    if (!keep(self, point))
        return ERR_NO_MEMORY;
    mp_put_raw(&point->state, state);
    buf_reset(&self->record);
    mp_put_raw(&self->record, state);
    if (end_ms)
        mp_put_int(&self->record, end_ms);
    if (point->state.failed || self->record.failed ||
        !expiry_set(&self->expiry, &point->due, end_ms))
        return ERR_NO_MEMORY;
    engine_put(self->engine, point_id(point), buf_str(&self->record));
    self->spoiled = was_spoiled;
    return ERR_OK;
}

err_t states_store_delete(states_store_t *self, point_t *point)
{
    if (!keep(self, point))
        return ERR_NO_MEMORY;
    (void)expiry_set(&self->expiry, &point->due, 0); /* taking out needs no memory */
    engine_delete(self->engine, point_id(point));
    return ERR_OK;
}

/* Forgets the changes of the batch; points that have nothing left go. */
static void end_batch(states_store_t *self)
{
    for (size_t i = 0; i < self->changes_len; i++) {
        change_t *change = &self->changes[i];
        point_t *point = change->point;
        point->undo = 0;
        change->point = NULL;
        if (change->state.cap > SPARE_MAX || i >= SPARES_MAX)
            buf_fini(&change->state);
        points_release(self->points, point);
    }
    self->changes_len = 0;
}

static void restore(states_store_t *self)
{
    for (size_t i = 0; i < self->changes_len; i++) {
        change_t *change = &self->changes[i];
        point_t *point = change->point;
        buf_t failed = point->state;
        point->state = change->state;
        change->state = failed;
        buf_reset(&change->state);
        if (!expiry_set(&self->expiry, &point->due, change->end_ms))
            log_error("STATES-MEMORY", "what=expire");
    }
    end_batch(self);
}

err_t states_store_commit(states_store_t *self)
{
    if (self->spoiled) {
        states_store_rollback(self);
        return ERR_NO_MEMORY;
    }
    if (self->changes_len == 0)
        return ERR_OK;
    err_t err = engine_commit(self->engine);
    if (err == ERR_OK)
        end_batch(self);
    else
        restore(self);
    return err;
}

void states_store_rollback(states_store_t *self)
{
    engine_rollback(self->engine);
    restore(self);
    self->spoiled = false;
}

point_t *states_store_overdue(states_store_t *self, int64_t now_ms, int64_t *next_ms)
{
    expiry_due_t *first = expiry_first(&self->expiry);
    *next_ms = first ? first->when_ms : INT64_MAX;
    return first && first->when_ms <= now_ms ? (point_t *)(void *)first : NULL;
}
