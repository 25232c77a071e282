/* SPDX-License-Identifier: MIT */
/* Zip archives that clients send. Properties: what is handed out has a fine name and keeps the
 * limits; packed again and read again it is the same; nothing is handed out after a refusal has
 * said why. */
#include <assert.h>
#include <string.h>

#include "actors/log_disk.h"
#include "actors/zip.h"
#include "tests/fuzz/fuzz.h"

static const zip_limits_t limits = {.max_entries = 50, .max_file = 65536, .max_total = 100000};

typedef struct {
    zip_writer_t *writer;
    buf_t seen; /* names and bytes, one after the other */
    size_t count, total;
} pass_t;

static err_t take(void *arg, str_t name, str_t bytes, buf_t *why)
{
    pass_t *pass = arg;
    assert(zip_name_fine(name) && why->len == 0);
    assert(bytes.len <= limits.max_file);
    pass->total += bytes.len;
    assert(++pass->count <= limits.max_entries && pass->total <= limits.max_total);
    buf_append_str(&pass->seen, name);
    buf_append_byte(&pass->seen, 0);
    buf_append_str(&pass->seen, bytes);
    err_t err = pass->writer ? zip_writer_add(pass->writer, name, bytes, 0) : ERR_OK;
    assert(err == ERR_OK);
    return ERR_OK;
}

static void pass_fini(pass_t *pass)
{
    zip_writer_destroy(&pass->writer);
    buf_fini(&pass->seen);
}

static void read_again(pass_t *first)
{
    pass_t second = {.count = 0};
    buf_t archive = {0}, why = {0};
    err_t err = zip_writer_finish(first->writer, &archive);
    assert(err == ERR_OK);
    err = zip_read(buf_str(&archive), &limits, take, &second, &why);
    assert(err == ERR_OK && why.len == 0);
    assert(str_eq(buf_str(&first->seen), buf_str(&second.seen)));
    pass_fini(&second);
    buf_fini(&archive);
    buf_fini(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str_t text = {(const char *)data, size};
    pass_t pass = {.writer = zip_writer_new()};
    buf_t why = {0};
    log_disk_line_t line;
    err_t err = zip_read(text, &limits, take, &pass, &why);
    assert((err == ERR_OK) == (why.len == 0));
    if (err == ERR_OK && pass.count > 0)
        read_again(&pass);
    pass_fini(&pass);
    buf_fini(&why);
    if (log_disk_parse(text, &line))
        assert(line.text.p + line.text.len == text.p + text.len && line.from.len > 0);
    return 0;
}
