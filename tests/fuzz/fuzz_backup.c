/* SPDX-License-Identifier: MIT */
/* The import's first look at an archive. Property: what is refused gives a reason that is safe for
 * a terminal; of what is accepted every id and every name is one that a database takes, no name
 * leaves its folder, sizes stay within their limits, recorded values are rows that the history
 * actor takes, the summary counts what was handed out, and a second reading gives the same. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "actors/backup_read.h"
#include "actors/history_store.h"
#include "tests/fuzz/fuzz.h"

static const backup_limits_t limits = {.max_value = 2000,
                                       .max_line = 8000,
                                       .max_file = 20000,
                                       .max_row = 1000,
                                       .max_document = 50000,
                                       .max_total = 1 << 20,
                                       .max_entries = 50,
                                       .max_ratio = 50,
                                       .ratio_from = 65536};

typedef struct {
    uint64_t objects, states, files, file_bytes, values;
} counts_t;

static void check_value(str_t id, mp_t value)
{
    assert(!backup_id_check(id));
    assert(mp_type(value) == MP_MAP && mp_check(value, true) == ERR_OK);
    assert((size_t)(value.end - value.p) <= limits.max_value);
}

static err_t take_object(void *arg, str_t id, mp_t object, buf_t *why)
{
    (void)why;
    check_value(id, object);
    ((counts_t *)arg)->objects++;
    return ERR_OK;
}

static err_t take_state(void *arg, str_t id, mp_t state, buf_t *why)
{
    (void)why;
    check_value(id, state);
    ((counts_t *)arg)->states++;
    return ERR_OK;
}

static err_t take_file(void *arg, str_t storage, str_t name, str_t bytes, int64_t mtime_ms,
                       buf_t *why)
{
    counts_t *counts = arg;
    (void)why;
    assert(mtime_ms >= 0);
    assert(!backup_id_check(storage) && !memchr(storage.p, '/', storage.len));
    assert(!backup_path_check(name) && bytes.len <= limits.max_file);
    counts->files++;
    counts->file_bytes += bytes.len;
    return ERR_OK;
}

static err_t take_value(void *arg, str_t id, mp_t row, buf_t *why)
{
    history_row_t parsed;
    (void)why;
    assert(!backup_id_check(id) && history_id_ok(id));
    assert(mp_check(row, true) == ERR_OK && history_row_of_list(row, &parsed));
    assert((size_t)(row.end - row.p) <= limits.max_row);
    ((counts_t *)arg)->values++;
    return ERR_OK;
}

static uint64_t skipped(const backup_summary_t *summary, const char *reason)
{
    uint64_t count = 0;
    for (size_t i = 0; i < BACKUP_SKIPS_MAX && summary->skips[i].reason; i++) {
        if (strstr(summary->skips[i].reason, reason))
            count += summary->skips[i].count;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const backup_ops_t ops = {
        .object = take_object, .state = take_state, .file = take_file, .value = take_value};
    str_t bytes = {(const char *)data, size};
    buf_t why = {0}, second_why = {0};
    counts_t counts = {0};
    backup_summary_t summary, second;
    err_t err = backup_read_memory(bytes, "house", &limits, &ops, &counts, &summary, &why);
    err_t second_err =
        backup_read_memory(bytes, "house", &limits, NULL, NULL, &second, &second_why);
    assert(err == second_err && str_eq(buf_str(&why), buf_str(&second_why)));
    assert((err == ERR_OK) == (why.len == 0) && why.len < 1500);
    for (size_t i = 0; i < why.len; i++)
        assert(why.data[i] >= 0x20 && why.data[i] != 0x7f);
    assert(counts.objects + counts.states ==
           summary.objects + summary.states + skipped(&summary, "occurs again"));
    assert(counts.values == summary.values + skipped(&summary, "one millisecond"));
    assert((summary.values == 0) == (summary.recorded == 0));
    if (err == ERR_OK)
        assert(counts.files == summary.files && counts.file_bytes == summary.file_bytes);
    buf_fini(&why);
    buf_fini(&second_why);
    return 0;
}
