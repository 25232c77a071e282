/* SPDX-License-Identifier: MIT */
#include "actors/states_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bus/json.h"
#include "bus/log.h"

typedef struct {
    points_t *points;
    states_store_t *store;
} fixture_t;

static fixture_t open_store(engine_t *engine)
{
    fixture_t self = {points_new(1), NULL};
    buf_t why = {0};
    log_set_level(LEVEL_ERROR);
    assert_int_equal(states_store_open(&self.store, &engine, self.points, &why), ERR_OK);
    assert_null(engine);
    return self;
}

static void close_store(fixture_t *self)
{
    states_store_close(&self->store);
    states_store_close(&self->store);
    points_destroy(&self->points);
}

static void put(fixture_t *self, const char *id, const char *json, int64_t end_ms)
{
    buf_t state = {0};
    assert_int_equal(json_to_mp(&state, str_of(json)), ERR_OK);
    point_t *point = points_require(self->points, str_of(id));
    assert_int_equal(states_store_put(self->store, point, mp_of_buf(&state), end_ms), ERR_OK);
    buf_fini(&state);
}

/* json NULL: there is no point. */
static void expect(fixture_t *self, const char *id, const char *json, int64_t end_ms)
{
    const point_t *point = points_find(self->points, str_of(id));
    if (!json) {
        if (point)
            fail_msg("%s is there", id);
        return;
    }
    buf_t text = {0};
    if (!point)
        fail_msg("%s is missing", id);
    json_from_mp(&text, mp_of_buf(&point->state), NULL);
    assert_true(str_is(buf_str(&text), json));
    assert_int_equal(point->due.when_ms, end_ms);
    buf_fini(&text);
}

static void example(void **state)
{
    (void)state;
    fixture_t self = open_store(engine_open_memory());
    put(&self, "a", "{\"val\":1}", 0);
    assert_int_equal(states_store_commit(self.store), ERR_OK);
    expect(&self, "a", "{\"val\":1}", 0);
    assert_int_equal(states_store_delete(self.store, points_find(self.points, STR_LIT("a"))),
                     ERR_OK);
    assert_int_equal(states_store_commit(self.store), ERR_OK);
    expect(&self, "a", NULL, 0);
    close_store(&self);
}

/* What a failed commit leaves must be what it was, whatever the batch did to it. */
static void a_batch_is_taken_back(void **state)
{
    (void)state;
    fixture_t self = open_store(engine_open_memory());
    put(&self, "changed", "{\"val\":1}", 50);
    put(&self, "deleted", "{\"val\":1}", 60);
    put(&self, "plain", "{\"val\":1}", 0);
    assert_int_equal(states_store_commit(self.store), ERR_OK);
    put(&self, "changed", "{\"val\":2}", 70);
    put(&self, "changed", "{\"val\":3}", 0);
    put(&self, "new", "{\"val\":3}", 10);
    put(&self, "plain", "{\"val\":\"a longer value than before\"}", 5);
    assert_int_equal(states_store_delete(self.store, points_find(self.points, STR_LIT("deleted"))),
                     ERR_OK);
    put(&self, "deleted", "{\"val\":4}", 0);
    expect(&self, "changed", "{\"val\":3}", 0);
    expect(&self, "deleted", "{\"val\":4}", 0);
    states_store_rollback(self.store);
    expect(&self, "changed", "{\"val\":1}", 50);
    expect(&self, "deleted", "{\"val\":1}", 60);
    expect(&self, "plain", "{\"val\":1}", 0);
    expect(&self, "new", NULL, 0);
    assert_int_equal(engine_pending(states_store_engine(self.store)), 0);
    int64_t next;
    point_t *first = states_store_overdue(self.store, 55, &next);
    assert_ptr_equal(first, points_find(self.points, STR_LIT("changed")));
    assert_int_equal(next, 50);
    assert_null(states_store_overdue(self.store, 49, &next));
    close_store(&self);
}

static void shape(fixture_t *self, const char *id, const void *bytes, size_t len)
{
    engine_put(states_store_engine(self->store), str_of(id), (str_t){bytes, len});
}

/* Restarts on the same folder, with records that this program never writes. */
static void odd_records_are_left_out(void **state)
{
    (void)state;
    char folder[] = "/tmp/iobus-store-XXXXXX", path[64], command[64];
    buf_t why = {0};
    engine_t *engine;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/states", folder);
    const engine_options_t options = {.path = path,
                                      .name = "states",
                                      .format = STATES_FORMAT,
                                      .durability = ENGINE_PROCESS,
                                      .sync_interval_ms = 100,
                                      .cache_bytes = 1024 * 1024};
    assert_int_equal(engine_open(&engine, &options, &why), ERR_OK);
    fixture_t self = open_store(engine);
    put(&self, "good", "{\"val\":1}", 99);
    shape(&self, "array", "\x90", 1);
    shape(&self, "empty", "", 0);
    shape(&self, "cut", "\x81\xa3va", 4);
    shape(&self, "life", "\x80\xa1x", 3);
    shape(&self, "negative", "\x80\xff", 2);
    shape(&self, "more", "\x80\x01\x01", 3);
    shape(&self, "plain", "\x80", 1);
    assert_int_equal(states_store_commit(self.store), ERR_OK);
    close_store(&self);
    assert_int_equal(engine_open(&engine, &options, &why), ERR_OK);
    self = open_store(engine);
    expect(&self, "good", "{\"val\":1}", 99);
    expect(&self, "plain", "{}", 0);
    static const char *const left_out[] = {"array", "empty", "cut", "life", "negative", "more"};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        expect(&self, left_out[i], NULL, 0);
    close_store(&self);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

/* Many changes of the same states: the lists and heaps keep in step. */
static void random_batches(void **state)
{
    enum { IDS = 40, STEPS = 20000 };
    (void)state;
    fixture_t self = open_store(engine_open_memory());
    int64_t stored[IDS] = {0}, batch[IDS] = {0};
    unsigned seed = 5;
    for (int step = 1; step <= STEPS; step++) {
        seed = seed * 1103515245u + 12345u;
        unsigned id = (seed >> 8) % IDS, what = (seed >> 20) % 16;
        char name[16];
        snprintf(name, sizeof name, "s.%u", id);
        if (what == 0) {
            assert_int_equal(states_store_commit(self.store), ERR_OK);
            memcpy(stored, batch, sizeof stored);
        } else if (what == 1) {
            states_store_rollback(self.store);
            memcpy(batch, stored, sizeof batch);
        } else if (what < 4) {
            point_t *point = points_find(self.points, str_of(name));
            if (point)
                assert_int_equal(states_store_delete(self.store, point), ERR_OK);
            batch[id] = 0;
        } else {
            put(&self, name, "{\"val\":1}", step);
            batch[id] = step;
        }
        int64_t least = INT64_MAX, next;
        for (int i = 0; i < IDS; i++)
            least = batch[i] && batch[i] < least ? batch[i] : least;
        states_store_overdue(self.store, 0, &next);
        assert_int_equal(next, least);
    }
    close_store(&self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example),
        cmocka_unit_test(a_batch_is_taken_back),
        cmocka_unit_test(odd_records_are_left_out),
        cmocka_unit_test(random_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
