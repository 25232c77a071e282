/* SPDX-License-Identifier: MIT */
/* Files that are written in chunks and read in parts, on a real database: what is there after each
 * end that an upload can have, and after a new start. */
#include "actors/files_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID STR_LIT("vis.0")
#define PATH STR_LIT("d/a.bin")

typedef struct {
    char folder[32];
    config_t *config;
    files_store_t *store;
    char *bytes; /* three chunks and a bit */
    buf_t hold, out;
} fixture_t;

#define SIZE (3 * (size_t)FILES_CHUNK + 77)

static void reopen(fixture_t *self)
{
    buf_t why = {0};
    files_store_close(&self->store);
    assert_int_equal(files_store_open(&self->store, self->config, &why), ERR_OK);
    buf_fini(&why);
}

static int set_up(void **state)
{
    fixture_t *self = calloc(1, sizeof *self);
    buf_t why = {0};
    strcpy(self->folder, "/tmp/iobus-store-XXXXXX");
    assert_non_null(mkdtemp(self->folder));
    self->config = config_new();
    assert_int_equal(config_set(self->config, "data", str_of(self->folder), &why), ERR_OK);
    self->bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        self->bytes[i] = (char)(i * 31 >> 3);
    reopen(self);
    buf_fini(&why);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    fixture_t *self = *state;
    char command[64];
    files_store_close(&self->store);
    snprintf(command, sizeof command, "rm -rf %s", self->folder);
    assert_int_equal(system(command), 0);
    config_destroy(&self->config);
    buf_fini(&self->hold);
    buf_fini(&self->out);
    free(self->bytes);
    free(self);
    return 0;
}

/* --- steps ------------------------------------------------------------------------------------ */

static void put_chunks(fixture_t *self, uint64_t generation)
{
    uint32_t chunk = 0;
    for (size_t at = 0; at < SIZE; at += FILES_CHUNK) {
        size_t n = SIZE - at < FILES_CHUNK ? SIZE - at : FILES_CHUNK;
        files_store_put_chunk(self->store, generation, chunk++, (str_t){self->bytes + at, n});
    }
}

static files_meta_t meta_of(uint64_t generation)
{
    return (files_meta_t){.mime = STR_LIT("image/png"),
                          .binary = true,
                          .owner = STR_LIT("system.user.admin"),
                          .group = STR_LIT("system.group.administrator"),
                          .permissions = 0x644,
                          .size = SIZE,
                          .generation = generation};
}

static void commit(fixture_t *self)
{
    assert_int_equal(files_store_commit(self->store), ERR_OK);
}

static err_t read_part(fixture_t *self, const files_meta_t *meta, uint64_t offset, size_t length)
{
    buf_reset(&self->out);
    return files_store_read_part(self->store, meta, offset, length, &self->out);
}

static bool find(fixture_t *self, files_meta_t *meta)
{
    bool found;
    assert_int_equal(files_store_find(self->store, ID, PATH, &self->hold, meta, &found), ERR_OK);
    return found;
}

/* No chunk of the generation is in the store. */
static void assert_no_data(fixture_t *self, uint64_t generation)
{
    files_meta_t meta = meta_of(generation);
    for (size_t at = 0; at < SIZE; at += FILES_CHUNK)
        assert_int_equal(read_part(self, &meta, at, 1), ERR_DAMAGED);
}

static uint64_t upload(fixture_t *self, const files_meta_t *old)
{
    uint64_t generation = files_store_begin(self->store);
    put_chunks(self, generation);
    files_meta_t meta = meta_of(generation);
    files_store_finish(self->store, ID, PATH, &meta, old);
    commit(self);
    return generation;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void usage(void **state)
{
    fixture_t *self = *state;
    files_meta_t meta;
    uint64_t generation = files_store_begin(self->store);
    put_chunks(self, generation);
    commit(self);
    assert_false(find(self, &meta));
    meta = meta_of(generation);
    files_store_finish(self->store, ID, PATH, &meta, NULL);
    commit(self);
    reopen(self);
    assert_true(find(self, &meta));
    assert_int_equal(meta.generation, generation);
    assert_int_equal(files_store_read(self->store, &meta, &self->out), ERR_OK);
    assert_true(str_eq(buf_str(&self->out), (str_t){self->bytes, SIZE}));
}

static void parts(void **state)
{
    fixture_t *self = *state;
    static const struct {
        uint64_t offset;
        size_t length, expected;
    } rows[] = {
        {0, 1, 1},
        {0, SIZE, SIZE},
        {0, SIZE + 1, SIZE},
        {1, SIZE, SIZE - 1},
        {FILES_CHUNK - 1, 2, 2},
        {FILES_CHUNK, FILES_CHUNK, FILES_CHUNK},
        {FILES_CHUNK + 1, FILES_CHUNK, FILES_CHUNK},
        {SIZE - 1, 9, 1},
        {SIZE, 9, 0},
        {SIZE + 9, 9, 0},
        {UINT64_MAX, SIZE_MAX, 0},
        {7, 0, 0},
        {3, SIZE_MAX, SIZE - 3},
    };
    files_meta_t meta = meta_of(upload(self, NULL));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_part(self, &meta, rows[i].offset, rows[i].length), ERR_OK);
        assert_int_equal(self->out.len, rows[i].expected);
        if (rows[i].expected)
            assert_memory_equal(self->out.data, self->bytes + rows[i].offset, self->out.len);
    }
}

static void replacing_deletes_the_old_data(void **state)
{
    fixture_t *self = *state;
    files_meta_t meta;
    uint64_t first = upload(self, NULL);
    assert_true(find(self, &meta));
    uint64_t second = upload(self, &meta);
    assert_true(second > first);
    assert_no_data(self, first);
    assert_true(find(self, &meta));
    assert_int_equal(read_part(self, &meta, 0, SIZE), ERR_OK);
}

static void discarding_leaves_nothing(void **state)
{
    fixture_t *self = *state;
    files_meta_t meta;
    uint64_t generation = files_store_begin(self->store);
    put_chunks(self, generation);
    commit(self);
    files_store_discard(self->store, generation, 4);
    commit(self);
    assert_no_data(self, generation);
    assert_false(find(self, &meta));
}

/* What a crash cuts off is gone at the next start; what was there before stays. */
static void unfinished_uploads_are_dropped_at_open(void **state)
{
    fixture_t *self = *state;
    files_meta_t meta;
    uint64_t kept = upload(self, NULL);
    uint64_t lost[3];
    for (size_t i = 0; i < 3; i++) {
        lost[i] = files_store_begin(self->store);
        if (i > 0)
            put_chunks(self, lost[i]);
    }
    commit(self);
    reopen(self);
    for (size_t i = 0; i < 3; i++)
        assert_no_data(self, lost[i]);
    assert_true(find(self, &meta));
    assert_int_equal(meta.generation, kept);
    assert_int_equal(read_part(self, &meta, 0, SIZE), ERR_OK);
    assert_int_equal(self->out.len, SIZE);
    assert_true(files_store_begin(self->store) > lost[2]); /* a number is never given twice */
}

/* A batch that was not committed is not there after a start either. */
static void what_was_not_committed_is_not_there(void **state)
{
    fixture_t *self = *state;
    files_meta_t meta;
    uint64_t generation = files_store_begin(self->store);
    put_chunks(self, generation);
    commit(self);
    meta = meta_of(generation);
    files_store_finish(self->store, ID, PATH, &meta, NULL);
    reopen(self); /* without a commit */
    assert_false(find(self, &meta));
    assert_no_data(self, generation);
}

static void a_chunk_that_is_missing(void **state)
{
    fixture_t *self = *state;
    files_meta_t meta = meta_of(upload(self, NULL));
    meta.size += FILES_CHUNK;
    assert_int_equal(read_part(self, &meta, SIZE, 200), ERR_DAMAGED);
    buf_reset(&self->out);
    assert_int_equal(files_store_read(self->store, &meta, &self->out), ERR_DAMAGED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(usage),
        TEST(parts),
        TEST(replacing_deletes_the_old_data),
        TEST(discarding_leaves_nothing),
        TEST(unfinished_uploads_are_dropped_at_open),
        TEST(what_was_not_committed_is_not_there),
        TEST(a_chunk_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
