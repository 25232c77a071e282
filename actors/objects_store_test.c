/* SPDX-License-Identifier: MIT */
#include "actors/objects_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "bus/tree.h"

/* What the store has told its owner: "id=type " or "id=- " for a deletion. */
typedef struct {
    buf_t seen;
} listener_t;

static void on_seen(void *arg, str_t id, mp_t object)
{
    listener_t *self = arg;
    str_t type;
    buf_printf(&self->seen, "%.*s=", STR_ARG(id));
    if (mp_find_str(object, "type", &type))
        buf_append_str(&self->seen, type);
    else
        buf_append_byte(&self->seen, '-');
    buf_append_byte(&self->seen, ' ');
}

static void check_seen(listener_t *self, const char *want)
{
    assert_true(str_is(buf_str(&self->seen), want));
    buf_reset(&self->seen);
}

static objects_store_t *open_store(engine_t *engine, listener_t *listener)
{
    objects_store_t *store;
    buf_t why;
    buf_init(&why);
    assert_int_equal(objects_store_open(&store, &engine, on_seen, listener, &why), ERR_OK);
    buf_fini(&why);
    return store;
}

static void put(objects_store_t *store, const char *id, const char *json)
{
    buf_t object;
    buf_init(&object);
    json_t *tree = json_loads(json, 0, NULL);
    tree_to_mp(&object, tree);
    assert_int_equal(objects_store_put(store, str_of(id), mp_of_buf(&object)), ERR_OK);
    json_decref(tree);
    buf_fini(&object);
}

static void check_type(objects_store_t *store, const char *id, const char *want)
{
    buf_t hold;
    mp_t object;
    str_t type = STR_LIT("");
    buf_init(&hold);
    assert_int_equal(objects_store_get(store, str_of(id), &hold, &object), ERR_OK);
    mp_find_str(object, "type", &type);
    assert_true(str_is(type, want));
    buf_fini(&hold);
}

static uint64_t seq_of(objects_store_t *store, const char *id)
{
    return index_find(objects_store_index(store), str_of(id))->seq;
}

/* Usage: put, commit, read. */
static void test_objects_go_in_and_out(void **state)
{
    (void)state;
    listener_t listener = {0};
    objects_store_t *store = open_store(engine_open_memory(), &listener);
    put(store, "a", "{\"type\":\"state\",\"common\":{\"custom\":{}}}");
    put(store, "b", "{\"type\":\"nosuch\"}");
    assert_int_equal(objects_store_commit(store), ERR_OK);
    check_type(store, "a", "state");
    check_type(store, "c", "");
    check_seen(&listener, "a=state b=nosuch ");

    const index_entry_t *a = index_find(objects_store_index(store), STR_LIT("a"));
    assert_int_equal(a->type, OBJECT_STATE);
    assert_true(a->custom);
    assert_int_equal(index_find(objects_store_index(store), STR_LIT("b"))->type, OBJECT_OTHER);
    objects_store_close(&store);
    buf_fini(&listener.seen);
}

static void test_places_are_kept(void **state)
{
    (void)state;
    listener_t listener = {0};
    objects_store_t *store = open_store(engine_open_memory(), &listener);
    put(store, "z", "{\"type\":\"state\"}");
    put(store, "a", "{\"type\":\"state\"}");
    put(store, "z", "{\"type\":\"channel\"}");
    assert_true(seq_of(store, "z") < seq_of(store, "a"));
    assert_int_equal(objects_store_delete(store, STR_LIT("z")), ERR_OK);
    assert_int_equal(objects_store_delete(store, STR_LIT("z")), ERR_OK);
    put(store, "z", "{\"type\":\"state\"}");
    assert_true(seq_of(store, "z") > seq_of(store, "a"));
    objects_store_close(&store);
    buf_fini(&listener.seen);
}

static void test_a_batch_can_be_taken_back(void **state)
{
    (void)state;
    listener_t listener = {0};
    objects_store_t *store = open_store(engine_open_memory(), &listener);
    put(store, "keep", "{\"type\":\"state\",\"common\":{\"custom\":{}}}");
    put(store, "gone", "{\"type\":\"enum\"}");
    assert_int_equal(objects_store_commit(store), ERR_OK);
    uint64_t keep = seq_of(store, "keep"), gone = seq_of(store, "gone");
    buf_reset(&listener.seen);

    put(store, "keep", "{\"type\":\"channel\"}");
    put(store, "new", "{\"type\":\"device\"}");
    assert_int_equal(objects_store_delete(store, STR_LIT("gone")), ERR_OK);
    put(store, "gone", "{\"type\":\"folder\"}");
    check_seen(&listener, "keep=channel new=device gone=- gone=folder ");
    objects_store_rollback(store);

    check_type(store, "keep", "state");
    check_type(store, "gone", "enum");
    check_type(store, "new", "");
    assert_int_equal(index_count(objects_store_index(store)), 2);
    assert_int_equal(seq_of(store, "keep"), keep);
    assert_int_equal(seq_of(store, "gone"), gone);
    assert_true(index_find(objects_store_index(store), STR_LIT("keep"))->custom);
    check_seen(&listener, "gone=- gone=enum new=- keep=state ");
    objects_store_close(&store);
    buf_fini(&listener.seen);
}

static void test_opening_reads_all_and_leaves_out_damage(void **state)
{
    (void)state;
    listener_t listener = {0};
    engine_t *engine = engine_open_memory();
    engine_put(engine, STR_LIT("a"), STR_LIT("\x92\x07\x81\xa4type\xa5state"));
    engine_put(engine, STR_LIT("b"), STR_LIT("\x92\x02\x81\xa4type\xa4")); /* cut off */
    engine_put(engine, STR_LIT("c"), STR_LIT("\x92\x03\xc0"));             /* no map */
    engine_put(engine, STR_LIT("d"), STR_LIT(""));
    assert_int_equal(engine_commit(engine), ERR_OK);
    objects_store_t *store = open_store(engine, &listener);
    check_seen(&listener, "a=state ");
    assert_int_equal(index_count(objects_store_index(store)), 1);
    put(store, "b", "{\"type\":\"enum\"}"); /* a new one repairs it, behind all that are there */
    check_type(store, "b", "enum");
    assert_true(seq_of(store, "b") > 7);
    objects_store_close(&store);
    buf_fini(&listener.seen);
}

static void test_an_id_that_lies_in_the_index_may_be_deleted(void **state)
{
    (void)state;
    listener_t listener = {0};
    objects_store_t *store = open_store(engine_open_memory(), &listener);
    put(store, "a", "{\"type\":\"state\"}");
    str_t id = index_id(index_find(objects_store_index(store), STR_LIT("a")));
    assert_int_equal(objects_store_delete(store, id), ERR_OK);
    check_seen(&listener, "a=state a=- ");
    objects_store_close(&store);
    buf_fini(&listener.seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_go_in_and_out),
        cmocka_unit_test(test_places_are_kept),
        cmocka_unit_test(test_a_batch_can_be_taken_back),
        cmocka_unit_test(test_opening_reads_all_and_leaves_out_damage),
        cmocka_unit_test(test_an_id_that_lies_in_the_index_may_be_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
