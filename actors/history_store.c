/* SPDX-License-Identifier: MIT */
#include "actors/history_store.h"

#include <stdlib.h>
#include <string.h>

#define TIES_MAX 1000u /* values of one millisecond; a further one takes the place of the last */
#define TS_BYTES 8u
#define TIE_BYTES 2u

struct history_scan {
    engine_scan_t *scan;
    size_t prefix_len; /* id and NUL */
};

bool history_id_ok(str_t id)
{
    return id.len > 0 && id.len <= HISTORY_ID_MAX && !memchr(id.p, '\0', id.len);
}

static bool ts_ok(int64_t ts)
{
    return ts >= -HISTORY_TS_MAX && ts <= HISTORY_TS_MAX;
}

/* --- rows ------------------------------------------------------------------------------------ */

static mp_t field(mp_t map, const char *key)
{
    mp_t value;
    if (mp_find(map, key, &value) && mp_type(value) != MP_NIL)
        return value;
    return (mp_t){NULL, NULL};
}

bool history_row_of_state(mp_t state, int64_t fallback, history_row_t *row)
{
    double ts = (double)fallback;
    if (mp_type(state) != MP_MAP)
        return false;
    *row = (history_row_t){.val = field(state, "val"),
                           .ack = field(state, "ack"),
                           .q = field(state, "q"),
                           .from = field(state, "from"),
                           .user = field(state, "user"),
                           .comment = field(state, "c")};
    mp_find_double(state, "ts", &ts);
    if (!(ts >= -(double)HISTORY_TS_MAX && ts <= (double)HISTORY_TS_MAX))
        return false;
    row->ts = (int64_t)ts;
    return true;
}

/* The rest of an array into the fields of a row; nil and what is missing stay empty. */
static void read_fields(mp_t *at, uint32_t count, history_row_t *row)
{
    mp_t *const fields[] = {&row->val, &row->ack, &row->q, &row->from, &row->user, &row->comment};
    for (uint32_t i = 0; i < count && i < sizeof fields / sizeof fields[0]; i++) {
        mp_t value;
        if (!mp_next(at, &value))
            return;
        if (mp_type(value) != MP_NIL)
            *fields[i] = value;
    }
}

bool history_row_of_list(mp_t list, history_row_t *row)
{
    uint32_t count;
    double ts;
    *row = (history_row_t){0};
    if (!mp_read_array(&list, &count) || count < 2 || !mp_read_double(&list, &ts))
        return false;
    if (!(ts >= -(double)HISTORY_TS_MAX && ts <= (double)HISTORY_TS_MAX))
        return false;
    row->ts = (int64_t)ts;
    read_fields(&list, count - 1, row);
    return true;
}

static void put_fields(buf_t *out, const history_row_t *row, uint32_t before)
{
    const mp_t fields[] = {row->val, row->ack, row->q, row->from, row->user, row->comment};
    uint32_t count = sizeof fields / sizeof fields[0];
    while (count > 1 && fields[count - 1].p == NULL)
        count--;
    mp_put_array(out, before + count);
    if (before)
        mp_put_int(out, row->ts);
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].p)
            mp_put_raw(out, fields[i]);
        else
            mp_put_nil(out);
    }
}

void history_row_to_list(buf_t *out, const history_row_t *row)
{
    put_fields(out, row, 1);
}

/* --- keys ------------------------------------------------------------------------------------ */

static void put_ts(buf_t *out, int64_t ts)
{
    uint64_t sorted = (uint64_t)ts ^ ((uint64_t)1 << 63); /* negative numbers come first */
    for (int shift = 56; shift >= 0; shift -= 8)
        buf_append_byte(out, (uint8_t)(sorted >> shift));
}

static int64_t get_ts(const uint8_t *p)
{
    uint64_t sorted = 0;
    for (size_t i = 0; i < TS_BYTES; i++)
        sorted = sorted << 8 | p[i];
    return (int64_t)(sorted ^ ((uint64_t)1 << 63));
}

static void put_key(buf_t *out, str_t id, int64_t ts, uint32_t tie)
{
    buf_append_str(out, id);
    buf_append_byte(out, 0);
    put_ts(out, ts);
    buf_append_byte(out, (uint8_t)(tie >> 8));
    buf_append_byte(out, (uint8_t)tie);
}

/* --- writing --------------------------------------------------------------------------------- */

static err_t put_at(engine_t *engine, str_t id, const history_row_t *row, uint32_t tie)
{
    buf_t key = {0}, value = {0};
    err_t err = ERR_NO_MEMORY;
    put_key(&key, id, row->ts, tie);
    put_fields(&value, row, 0);
    if (value.len > HISTORY_ROW_MAX) {
        err = ERR_TOO_LARGE;
    } else if (!key.failed && !value.failed) {
        engine_put(engine, buf_str(&key), buf_str(&value));
        err = ERR_OK;
    }
    buf_fini(&key);
    buf_fini(&value);
    return err;
}

static err_t free_tie(engine_t *engine, str_t id, int64_t ts, uint32_t *tie)
{
    buf_t key = {0}, value = {0};
    bool found = true;
    err_t err = ERR_OK;
    for (*tie = 0; err == ERR_OK; (*tie)++) {
        buf_reset(&key);
        buf_reset(&value);
        put_key(&key, id, ts, *tie);
        err = engine_get(engine, buf_str(&key), &value, &found);
        if (!found || *tie == TIES_MAX)
            break;
    }
    buf_fini(&key);
    buf_fini(&value);
    return err;
}

err_t history_store_add(engine_t *engine, str_t id, const history_row_t *row)
{
    uint32_t tie;
    if (!history_id_ok(id) || !ts_ok(row->ts))
        return ERR_BAD_ARGS;
    err_t err = free_tie(engine, id, row->ts, &tie);
    return err == ERR_OK ? put_at(engine, id, row, tie) : err;
}

err_t history_store_put(engine_t *engine, str_t id, const history_row_t *row)
{
    if (!history_id_ok(id) || !ts_ok(row->ts))
        return ERR_BAD_ARGS;
    return put_at(engine, id, row, 0);
}

/* --- reading --------------------------------------------------------------------------------- */

history_scan_t *history_scan_new(engine_t *engine, str_t id, int64_t from)
{
    buf_t key = {0};
    history_scan_t *self = NULL;
    if (!history_id_ok(id))
        return NULL;
    put_key(&key, id, ts_ok(from) ? from : from < 0 ? -HISTORY_TS_MAX : HISTORY_TS_MAX + 1, 0);
    if (!key.failed && (self = calloc(1, sizeof *self)) != NULL) {
        self->prefix_len = id.len + 1;
        str_t prefix = {(const char *)key.data, self->prefix_len};
        self->scan = engine_scan_new(engine, prefix, buf_str(&key));
        if (!self->scan)
            history_scan_destroy(&self);
    }
    buf_fini(&key);
    return self;
}

bool history_scan_next(history_scan_t *self, history_row_t *row, str_t *key_p)
{
    str_t key, value;
    uint32_t count;
    *row = (history_row_t){0};
    while (engine_scan_next(self->scan, &key, &value)) {
        mp_t at = mp_of(value.p, value.len);
        if (key.len != self->prefix_len + TS_BYTES + TIE_BYTES || mp_check(at, true) != ERR_OK ||
            !mp_read_array(&at, &count))
            continue; /* not ours, or damaged: the rest can still be read */
        row->ts = get_ts((const uint8_t *)key.p + self->prefix_len);
        read_fields(&at, count, row);
        if (key_p)
            *key_p = key;
        return true;
    }
    return false;
}

err_t history_scan_error(const history_scan_t *self)
{
    return engine_scan_error(self->scan);
}

void history_scan_destroy(history_scan_t **self_p)
{
    history_scan_t *self = *self_p;
    if (!self)
        return;
    engine_scan_destroy(&self->scan);
    free(self);
    *self_p = NULL;
}

static void patch_field(mp_t *field, mp_t with)
{
    if (with.p)
        *field = mp_type(with) == MP_NIL ? (mp_t){NULL, NULL} : with;
}

static void apply_patch(history_row_t *row, const history_row_t *patch)
{
    patch_field(&row->val, patch->val);
    patch_field(&row->ack, patch->ack);
    patch_field(&row->user, patch->user);
    patch_field(&row->comment, patch->comment);
    if (row->q.p)
        patch_field(&row->q, patch->q);
    if (row->from.p)
        patch_field(&row->from, patch->from);
}

err_t history_store_update(engine_t *engine, str_t id, const history_row_t *patch, bool *found)
{
    history_row_t row;
    str_t key;
    buf_t value = {0}, copy = {0};
    history_scan_t *scan = history_scan_new(engine, id, patch->ts);
    *found = scan && history_scan_next(scan, &row, &key) && row.ts == patch->ts;
    err_t err = scan ? history_scan_error(scan) : ERR_OK;
    if (*found && err == ERR_OK) {
        apply_patch(&row, patch);
        put_fields(&value, &row, 0);
        buf_append_str(&copy, key);
        if (value.failed || copy.failed)
            err = ERR_NO_MEMORY;
        else if (value.len > HISTORY_ROW_MAX)
            err = ERR_TOO_LARGE;
        else
            engine_put(engine, buf_str(&copy), buf_str(&value));
    }
    history_scan_destroy(&scan);
    buf_fini(&value);
    buf_fini(&copy);
    return err;
}

static bool first_from(engine_t *engine, str_t id, int64_t from, int64_t *ts)
{
    history_row_t row;
    history_scan_t *scan = history_scan_new(engine, id, from);
    bool found = scan && history_scan_next(scan, &row, NULL);
    if (found)
        *ts = row.ts;
    history_scan_destroy(&scan);
    return found;
}

/* The store reads forward only, so the span is halved: where the first row behind the middle lies
 * before `before`, everything up to it is out of the question, else what lies behind the middle. */
bool history_store_last_before(engine_t *engine, str_t id, int64_t from, int64_t before,
                               int64_t *ts)
{
    int64_t low = from < -HISTORY_TS_MAX ? -HISTORY_TS_MAX : from;
    int64_t high = before > HISTORY_TS_MAX ? HISTORY_TS_MAX + 1 : before;
    int64_t seen;
    int64_t reach = 60000; /* most series have a value close by: look there first */
    bool found = false;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (!found && high - reach > middle) {
            middle = high - reach;
            reach *= 16;
        }
        if (first_from(engine, id, middle, &seen) && seen < before) {
            found = true;
            *ts = seen;
            low = seen + 1;
        } else {
            high = middle;
        }
    }
    return found;
}
