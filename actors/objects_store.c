/* SPDX-License-Identifier: MIT */
#include "actors/objects_store.h"

#include <stdlib.h>
#include <string.h>

#include "bus/log.h"

/* How an id stood in the index before the batch touched it. */
typedef struct {
    char *id;
    size_t id_len;
    bool existed;
    uint64_t seq;
    object_type_t type;
    bool custom;
} undo_t;

struct objects_store {
    engine_t *engine;
    objects_index_t *index;
    uint64_t next_seq;
    objects_seen_fn *seen;
    void *arg;
    undo_t *undo; /* in the order of the changes */
    size_t undo_len, undo_cap;
    buf_t record; /* of the put under way */
};

/* --- records -----------------------------------------------------------------------------------
 */

static bool read_record(str_t value, uint64_t *seq, mp_t *object)
{
    mp_t record = mp_of(value.p, value.len);
    uint32_t count;
    return mp_check(record, true) == ERR_OK && mp_read_array(&record, &count) && count == 2 &&
           mp_read_uint(&record, seq) && mp_type(record) == MP_MAP && mp_next(&record, object);
}

static void describe(index_entry_t *entry, mp_t object)
{
    str_t type;
    mp_t custom;
    entry->type = mp_find_str(object, "type", &type) ? object_type_parse(type) : OBJECT_OTHER;
    entry->custom = mp_path(object, &custom, "common", "custom", NULL) && mp_type(custom) != MP_NIL;
}

/* --- opening -----------------------------------------------------------------------------------
 */

static err_t load(objects_store_t *self, buf_t *why)
{
    str_t key, value;
    engine_scan_t *scan = engine_scan_new(self->engine, STR_LIT(""), STR_LIT(""));
    err_t err = scan ? ERR_OK : ERR_NO_MEMORY;
    while (err == ERR_OK && engine_scan_next(scan, &key, &value)) {
        uint64_t seq;
        mp_t object;
        if (!read_record(value, &seq, &object)) {
            log_error("OBJECTS-DAMAGED", "id=%.*s bytes=%zu", STR_ARG(key), value.len);
            continue;
        }
        index_entry_t *entry = index_require(self->index, key);
        if (!entry) {
            err = ERR_NO_MEMORY;
            break;
        }
        entry->seq = seq;
        describe(entry, object);
        if (seq >= self->next_seq)
            self->next_seq = seq + 1;
        self->seen(self->arg, key, object);
    }
    if (err == ERR_OK)
        err = engine_scan_error(scan);
    engine_scan_destroy(&scan);
    if (err != ERR_OK)
        buf_printf(why, "objects: cannot read the database: %s", err_text(err));
    return err;
}

err_t objects_store_open(objects_store_t **out, engine_t **engine_p, objects_seen_fn *seen,
                         void *arg, buf_t *why)
{
    objects_store_t *self = calloc(1, sizeof *self);
    *out = NULL;
    if (!self) {
        engine_close(engine_p);
        return ERR_NO_MEMORY;
    }
    self->engine = *engine_p;
    *engine_p = NULL;
    self->index = index_new();
    self->next_seq = 1;
    self->seen = seen;
    self->arg = arg;
    err_t err = self->index ? load(self, why) : ERR_NO_MEMORY;
    if (err != ERR_OK)
        objects_store_close(&self);
    *out = self;
    return err;
}

static void forget_undo(objects_store_t *self)
{
    for (size_t i = 0; i < self->undo_len; i++)
        free(self->undo[i].id);
    self->undo_len = 0;
}

void objects_store_close(objects_store_t **self_p)
{
    objects_store_t *self = *self_p;
    if (!self)
        return;
    forget_undo(self);
    free(self->undo);
    buf_fini(&self->record);
    index_destroy(&self->index);
    engine_close(&self->engine);
    free(self);
    *self_p = NULL;
}

const objects_index_t *objects_store_index(const objects_store_t *self)
{
    return self->index;
}

engine_t *objects_store_engine(objects_store_t *self)
{
    return self->engine;
}

/* --- reading and writing -----------------------------------------------------------------------
 */

err_t objects_store_get(objects_store_t *self, str_t id, buf_t *hold, mp_t *object)
{
    uint64_t seq;
    bool found = false;
    *object = (mp_t){NULL, NULL};
    buf_reset(hold);
    if (!index_find(self->index, id))
        return ERR_OK;
    err_t err = engine_get(self->engine, id, hold, &found);
    if (err != ERR_OK || !found)
        return err;
    if (hold->failed)
        return ERR_NO_MEMORY;
    return read_record(buf_str(hold), &seq, object) ? ERR_OK : ERR_DAMAGED;
}

static bool remember(objects_store_t *self, str_t id, const index_entry_t *entry)
{
    if (self->undo_len == self->undo_cap) {
        size_t cap = self->undo_cap ? self->undo_cap * 2 : 64;
        undo_t *undo = realloc(self->undo, cap * sizeof *undo);
        if (!undo)
            return false;
        self->undo = undo;
        self->undo_cap = cap;
    }
    undo_t *undo = &self->undo[self->undo_len];
    *undo = (undo_t){.id = str_dup(id), .id_len = id.len, .existed = entry != NULL};
    if (!undo->id)
        return false;
    if (entry) {
        undo->seq = entry->seq;
        undo->type = entry->type;
        undo->custom = entry->custom;
    }
    self->undo_len++;
    return true;
}

err_t objects_store_put(objects_store_t *self, str_t id, mp_t object)
{
    index_entry_t *entry = index_find(self->index, id);
    uint64_t seq = entry ? entry->seq : self->next_seq;
    buf_reset(&self->record);
    mp_put_array(&self->record, 2);
    mp_put_uint(&self->record, seq);
    mp_put_raw(&self->record, object);
    if (self->record.failed || !remember(self, id, entry))
        return ERR_NO_MEMORY;
    if (!entry) {
        entry = index_require(self->index, id);
        if (!entry)
            return ERR_NO_MEMORY;
        entry->seq = self->next_seq++;
    }
    describe(entry, object);
    engine_put(self->engine, id, buf_str(&self->record));
    self->seen(self->arg, id, object);
    return ERR_OK;
}

err_t objects_store_delete(objects_store_t *self, str_t id)
{
    const index_entry_t *entry = index_find(self->index, id);
    if (!entry)
        return ERR_OK;
    if (!remember(self, id, entry))
        return ERR_NO_MEMORY;
    const undo_t *undo = &self->undo[self->undo_len - 1];
    id = (str_t){undo->id, undo->id_len}; /* the caller's may lie in the entry that goes now */
    index_remove(self->index, id);
    engine_delete(self->engine, id);
    self->seen(self->arg, id, (mp_t){NULL, NULL});
    return ERR_OK;
}

static void take_back(objects_store_t *self)
{
    while (self->undo_len > 0) {
        undo_t *undo = &self->undo[--self->undo_len];
        str_t id = {undo->id, undo->id_len};
        index_entry_t *entry = undo->existed ? index_require(self->index, id) : NULL;
        if (entry) {
            entry->seq = undo->seq;
            entry->type = undo->type;
            entry->custom = undo->custom;
        } else {
            index_remove(self->index, id);
        }
        buf_t hold;
        mp_t object;
        buf_init(&hold);
        /* The engine has the old value again; one that cannot be read counts as gone. */
        if (objects_store_get(self, id, &hold, &object) != ERR_OK)
            object = (mp_t){NULL, NULL};
        self->seen(self->arg, id, object);
        buf_fini(&hold);
        free(undo->id);
    }
}

err_t objects_store_commit(objects_store_t *self)
{
    if (self->undo_len == 0)
        return ERR_OK;
    err_t err = engine_commit(self->engine);
    if (err == ERR_OK)
        forget_undo(self);
    else
        take_back(self);
    return err;
}

void objects_store_rollback(objects_store_t *self)
{
    engine_rollback(self->engine);
    take_back(self);
}
