/* SPDX-License-Identifier: MIT */
#include "actors/backup_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <unistd.h>

#include "bus/json.h"

/* --- making archives ------------------------------------------------------------------------- */

typedef struct {
    struct archive *archive;
    uint8_t *bytes;
    size_t size, used;
} maker_t;

static void maker_open(maker_t *self, bool packed)
{
    self->size = 1 << 20;
    self->bytes = malloc(self->size);
    self->archive = archive_write_new();
    archive_write_set_format_pax_restricted(self->archive);
    if (packed)
        archive_write_add_filter_gzip(self->archive);
    assert_int_equal(archive_write_open_memory(self->archive, self->bytes, self->size, &self->used),
                     ARCHIVE_OK);
}

static void maker_add_bytes(maker_t *self, const char *name, unsigned type, const char *link,
                            str_t content)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)content.len);
    if (link && type == AE_IFLNK)
        archive_entry_set_symlink(entry, link);
    else if (link)
        archive_entry_set_hardlink(entry, link);
    assert_true(archive_write_header(self->archive, entry) >= ARCHIVE_WARN);
    assert_int_equal(archive_write_data(self->archive, content.p, content.len), content.len);
    archive_entry_free(entry);
}

static void maker_add(maker_t *self, const char *name, const char *content)
{
    maker_add_bytes(self, name, AE_IFREG, NULL, str_of(content));
}

static str_t maker_close(maker_t *self)
{
    assert_int_equal(archive_write_close(self->archive), ARCHIVE_OK);
    archive_write_free(self->archive);
    return (str_t){(const char *)self->bytes, self->used};
}

/* --- reading them ---------------------------------------------------------------------------- */

static backup_limits_t small_limits(void)
{
    return (backup_limits_t){.max_value = 1000,
                             .max_line = 4000,
                             .max_file = 5000,
                             .max_row = 300,
                             .max_document = 4000,
                             .max_total = 1 << 20,
                             .max_entries = 20,
                             .max_ratio = 20,
                             .ratio_from = 60000};
}

static err_t keep_object(void *arg, str_t id, mp_t object, buf_t *why)
{
    buf_t *out = arg;
    (void)why;
    buf_printf(out, "object %.*s ", STR_ARG(id));
    json_from_mp(out, object, NULL);
    buf_append_byte(out, '\n');
    return ERR_OK;
}

static err_t keep_state(void *arg, str_t id, mp_t state, buf_t *why)
{
    buf_t *out = arg;
    (void)why;
    buf_printf(out, "state %.*s ", STR_ARG(id));
    json_from_mp(out, state, NULL);
    buf_append_byte(out, '\n');
    return ERR_OK;
}

static err_t keep_file(void *arg, str_t storage, str_t name, str_t bytes, int64_t mtime_ms,
                       buf_t *why)
{
    (void)why;
    (void)mtime_ms;
    buf_printf(arg, "file %.*s %.*s %zu\n", STR_ARG(storage), STR_ARG(name), bytes.len);
    return ERR_OK;
}

static err_t keep_value(void *arg, str_t id, mp_t row, buf_t *why)
{
    buf_t *out = arg;
    (void)why;
    buf_printf(out, "value %.*s ", STR_ARG(id));
    json_from_mp(out, row, NULL);
    buf_append_byte(out, '\n');
    return ERR_OK;
}

/* Knows one id that its file's name does not tell, and one name that is of several. */
static bool find_id(void *arg, str_t file_id, str_t *id)
{
    (void)arg;
    *id = str_is(file_id, "a~b") ? STR_LIT("a/b") : file_id;
    return !str_is(file_id, "x~y");
}

static const backup_ops_t keep = {.object = keep_object,
                                  .state = keep_state,
                                  .file = keep_file,
                                  .value = keep_value,
                                  .find_id = find_id};

/* Reads what was made; what is handed out, or the reason of the refusal, must be `expected`. */
static void check(maker_t *maker, const char *expected)
{
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t out = {0}, why = {0};
    str_t data = maker_close(maker);
    err_t err = backup_read_memory(data, "house", &limits, &keep, &out, &summary, &why);
    str_t got = buf_str(err == ERR_OK ? &out : &why);
    char text[4096];
    snprintf(text, sizeof text, "%.*s", STR_ARG(got));
    assert_string_equal(text, expected);
    buf_fini(&out);
    buf_fini(&why);
    free(maker->bytes);
}

static void check_objects(const char *lines, const char *expected)
{
    maker_t maker;
    maker_open(&maker, false);
    maker_add(&maker, "backup/objects.jsonl", lines);
    check(&maker, expected);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_usage(void **state)
{
    (void)state;
    maker_t maker;
    maker_open(&maker, true);
    maker_add_bytes(&maker, "backup/", AE_IFDIR, NULL, STR_LIT(""));
    maker_add(&maker, "backup/config.json", "{}");
    maker_add(&maker, "backup/files/vis.0/main/a.txt", "hello");
    maker_add(&maker, "backup/objects.jsonl",
              "{\"_id\":\"a.0\",\"type\":\"meta\"}\n\n{\"_id\":\"system.host.$$__hostname__$$\","
              "\"n\":1.0}\r\n");
    maker_add(&maker, "backup/states.jsonl",
              "{\"id\":\"a.0.x\",\"state\":{\"val\":1,\"ack\":true}}\n"
              "{\"id\":\"a.0.y\",\"state\":null}");
    check(&maker, "file vis.0 main/a.txt 5\n"
                  "object a.0 {\"_id\":\"a.0\",\"type\":\"meta\"}\n"
                  "object system.host.house {\"_id\":\"system.host.house\",\"n\":1}\n"
                  "state a.0.x {\"val\":1,\"ack\":true}\n");
}

static void test_summary(void **state)
{
    (void)state;
    maker_t maker;
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t why = {0};
    maker_open(&maker, true);
    maker_add(&maker, "backup/config.json", "{}");
    maker_add(&maker, "backup/zigbee_0/shepherd.db", "x");
    maker_add(&maker, "backup/zigbee_0/other.db", "x");
    maker_add(&maker, "backup/objects.jsonl", "{\"_id\":\"a\"}\n{\"_id\":\"a\"}\n{\"_id\":\"b\"}");
    maker_add(&maker, "backup/files/vis.0/x", "12345");
    str_t data = maker_close(&maker);
    assert_int_equal(backup_read_memory(data, "house", &limits, NULL, NULL, &summary, &why),
                     ERR_OK);
    assert_int_equal(summary.objects, 2);
    assert_int_equal(summary.states, 0);
    assert_int_equal(summary.files, 1);
    assert_int_equal(summary.file_bytes, 5);
    assert_string_equal(summary.skips[1].reason, "iobus has no place for it");
    assert_int_equal(summary.skips[1].count, 2);
    assert_string_equal(summary.skips[1].example, "zigbee_0/shepherd.db");
    assert_string_equal(summary.skips[2].reason, "the id occurs again: the last one counts");
    assert_null(summary.skips[3].reason);
    free(maker.bytes);
}

/* What comes out of an archive of recorded values, and what is skipped, a line each. */
static void check_history(str_t data, const char *values, const char *skips)
{
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t out = {0}, why = {0}, skipped = {0};
    assert_int_equal(backup_read_memory(data, "house", &limits, &keep, &out, &summary, &why),
                     ERR_OK);
    for (size_t i = 0; summary.skips[i].reason; i++)
        buf_printf(&skipped, "%d %s (%s)\n", (int)summary.skips[i].count, summary.skips[i].reason,
                   summary.skips[i].example);
    buf_append_byte(&out, 0);
    buf_append_byte(&skipped, 0);
    assert_string_equal((const char *)out.data, values);
    assert_string_equal((const char *)skipped.data, skips);
    buf_fini(&out);
    buf_fini(&skipped);
}

static void test_recorded_values(void **state)
{
    (void)state;
    maker_t maker;
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t why = {0};
    maker_open(&maker, true);
    maker_add(&maker, "history/20231113/history.a~b.json",
              "[{\"ts\":1699833600000,\"val\":1.5,\"ack\":1,\"q\":0},{\"ts\":1699833600001}]");
    maker_add(&maker, "history/20231114/history.a~b.json",
              "[{\"ts\":1699920000000,\"val\":\"x\"}]");
    maker_add(&maker, "history/20231114/history.c.json", "[{\"ts\":1699920000000,\"val\":true}]");
    maker_add(&maker, "history/20231115/history.d.json", "[]");
    str_t data = maker_close(&maker);
    assert_int_equal(backup_read_memory(data, "house", &limits, NULL, NULL, &summary, &why),
                     ERR_OK);
    assert_int_equal(summary.values, 4);
    assert_int_equal(summary.recorded, 2);
    check_history(data,
                  "value a/b [1699833600000,1.5,1,0]\n"
                  "value a/b [1699833600001,null]\n"
                  "value a/b [1699920000000,\"x\"]\n"
                  "value c [1699920000000,true]\n",
                  "");
    free(maker.bytes);
}

static void test_damaged_history(void **state)
{
    (void)state;
    maker_t maker;
    char large[500];
    snprintf(large, sizeof large,
             "[{\"ts\":1699833600000,\"val\":\"%0400d\"},{\"ts\":1699833600000}]", 0);
    maker_open(&maker, true);
    maker_add(&maker, "history/20231113/history.a.json", "[{\"ts\":1699833600000");
    maker_add(&maker, "history/20231113/history.b.json", "");
    maker_add(&maker, "history/20231113/history.c.json", "{\"ts\":1699833600000}");
    maker_add(&maker, "history/20231113/history.d.json", "[{\"val\":\"\xff\"}]");
    maker_add(&maker, "history/20231113/history.x~y.json", "[{\"ts\":1699833600000}]");
    maker_add(&maker, "history/20231113/history.e*.json", "[{\"ts\":1699833600000}]");
    maker_add(&maker, "history/20231313/history.f.json", "[{\"ts\":1699833600000}]");
    maker_add(&maker, "history/20231113/history.g.json",
              "[5,{\"ts\":\"x\"},{\"ts\":1699833602000},{\"ts\":1699833601000},"
              "{\"ts\":1699833601000,\"val\":2},{\"ts\":1600000000000},{\"ts\":1e15}]");
    maker_add(&maker, "history/20231113/history.h.json", large);
    check_history(maker_close(&maker),
                  "value g [1699833602000,null]\n"
                  "value g [1699833601000,null]\n"
                  "value g [1699833601000,2]\n"
                  "value h [1699833600000,null]\n",
                  "2 damaged values: invalid JSON (history/20231113/history.a.json)\n"
                  "1 damaged values: they are no list (history/20231113/history.c.json)\n"
                  "1 damaged values: the text is not valid UTF-8 "
                  "(history/20231113/history.d.json)\n"
                  "1 several states have ids that fit the name "
                  "(history/20231113/history.x~y.json)\n"
                  "1 the id has one of the characters * ? [ ] "
                  "(history/20231113/history.e*.json)\n"
                  "1 the name is not that of recorded values of a day "
                  "(history/20231313/history.f.json)\n"
                  "1 several values of one millisecond: the last one counts "
                  "(history/20231113/history.g.json)\n"
                  "2 the value has no time (history/20231113/history.g.json)\n"
                  "2 the value is not of the day of its file (history/20231113/history.g.json)\n"
                  "1 the value is too large (history/20231113/history.h.json)\n");
    free(maker.bytes);
}

static err_t refuse_value(void *arg, str_t id, mp_t row, buf_t *why)
{
    (void)arg;
    (void)id;
    (void)row;
    buf_append_cstr(why, "disk full");
    return ERR_JSON; /* is not taken for damage of the file */
}

static void test_history_that_is_refused(void **state)
{
    (void)state;
    static const backup_ops_t ops = {.value = refuse_value};
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t why = {0};
    maker_t maker;
    maker_open(&maker, true);
    maker_add(&maker, "history/20231113/history.a.json", "[{\"ts\":1699833600000}]");
    str_t data = maker_close(&maker);
    assert_int_equal(backup_read_memory(data, "h", &limits, &ops, NULL, &summary, &why), ERR_JSON);
    assert_true(str_is(buf_str(&why), "disk full"));
    limits.max_document = 10;
    buf_reset(&why);
    assert_int_equal(backup_read_memory(data, "h", &limits, &ops, NULL, &summary, &why),
                     ERR_CUSTOM);
    assert_true(str_is(buf_str(&why), "history/20231113/history.a.json: larger than 10 bytes"));
    buf_fini(&why);
    free(maker.bytes);
}

static void test_older_document(void **state)
{
    (void)state;
    maker_t maker;
    maker_open(&maker, true);
    maker_add(
        &maker, "backup/backup.json",
        "{\"config\":{},\"objects\":["
        "{\"id\":\"a\",\"value\":{\"_id\":\"a\",\"v\":1},\"doc\":{\"_id\":\"a\",\"v\":2}},"
        "{\"id\":\"b\",\"value\":{\"_id\":\"b\"}},{\"value\":{\"_id\":\"c\"}},{\"id\":\"d\"}],"
        "\"states\":{\"a\":{\"val\":5},\"b\":null}}");
    check(&maker, "object a {\"_id\":\"a\",\"v\":2}\nobject b {\"_id\":\"b\"}\n"
                  "object c {\"_id\":\"c\"}\nstate a {\"val\":5}\n");
}

static void test_wrong_older_documents(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"[]", "backup.json: \"objects\" or \"states\" is missing"},
        {"{\"objects\":[],\"states\":[]}", "backup.json: \"states\" is no object"},
        {"{\"objects\":{},\"states\":{}}", "backup.json: \"objects\" is no list of rows"},
        {"{\"objects\":[5],\"states\":{}}", "backup.json: a row of objects has no id"},
        {"{\"objects\":[{\"doc\":{}}],\"states\":{}}", "backup.json: a row of objects has no id"},
        {"{\"objects\":[", "backup.json: Invalid JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        maker_t maker;
        maker_open(&maker, true);
        maker_add(&maker, "backup/backup.json", rows[i][0]);
        check(&maker, rows[i][1]);
    }
}

static void test_wrong_lines(void **state)
{
    (void)state;
    check_objects("{\"_id\":\"a\"}\n{\"_id\":\"b\"", "objects.jsonl:2: Invalid JSON");
    check_objects("{\"_id\":\"a\"} {}\n", "objects.jsonl:1: Invalid JSON");
    check_objects("[1]", "objects.jsonl:1: the line is no JSON object");
    check_objects("{\"id\":\"a\"}", "objects.jsonl:1: the object has no _id");
    check_objects("{\"_id\":5}", "objects.jsonl:1: the object has no _id");
    check_objects("{\"_id\":\"\"}", "objects.jsonl:1: the id is empty");
    check_objects("{\"_id\":\"a\\u0000b\"}", "objects.jsonl:1: the id has control characters");
    check_objects("{\"_id\":\"a.*\"}", "objects.jsonl:1: the id has one of the characters * ? [ ]");
    check_objects("{\"_id\":\"\xff\"}", "objects.jsonl:1: Text is not valid UTF-8");
    char text[6000];
    snprintf(text, sizeof text, "{\"_id\":\"a\",\"x\":\"%01500d\"}", 0);
    check_objects(text, "objects.jsonl:1: the value is larger than 1000 bytes");
    snprintf(text, sizeof text, "{\"_id\":\"a\"}\n{\"_id\":\"a\",\"x\":\"%05000d\"}\n{}", 0);
    check_objects(text, "objects.jsonl:2: the line is longer than 4000 bytes");
    size_t len = (size_t)snprintf(text, sizeof text, "{\"_id\":\"a\",\"x\":");
    memset(text + len, '[', JSON_MAX_DEPTH);
    memset(text + len + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    strcpy(text + len + 2 * JSON_MAX_DEPTH, "}");
    check_objects(text, "objects.jsonl:1: Value is nested too deeply");
    maker_t maker;
    maker_open(&maker, false);
    maker_add(&maker, "backup/states.jsonl", "{\"id\":\"a\"}");
    check(&maker, "states.jsonl:1: the line has no id or no state");
}

static void test_hostile_entries(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned type;
        const char *link;
        const char *why;
    } rows[] = {
        {"../../etc/passwd", AE_IFREG, NULL, "../../etc/passwd: a name leaves its folder"},
        {"backup/files/vis.0/../../x", AE_IFREG, NULL,
         "backup/files/vis.0/../../x: a name leaves its folder"},
        {"/etc/passwd", AE_IFREG, NULL, "/etc/passwd: a name is an absolute path"},
        {"a\\..\\b", AE_IFREG, NULL, "a\\..\\b: a name has a backslash"},
        {"backup/\x1b[2J", AE_IFREG, NULL, "backup/?[2J: a name has control characters"},
        {"backup/files/vis.0/link", AE_IFLNK, "/etc/passwd",
         "backup/files/vis.0/link: the entry is a link"},
        {"backup/files/vis.0/hard", AE_IFREG, "/etc/passwd",
         "backup/files/vis.0/hard: the entry is a link"},
        {"backup/files/vis.0/pipe", AE_IFIFO, NULL,
         "backup/files/vis.0/pipe: the entry is neither file nor folder"},
        {"backup/files/vis.0/dev", AE_IFCHR, NULL,
         "backup/files/vis.0/dev: the entry is neither file nor folder"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        maker_t maker;
        maker_open(&maker, true);
        maker_add(&maker, "backup/objects.jsonl", "{\"_id\":\"a\"}");
        maker_add_bytes(&maker, rows[i].name, rows[i].type, rows[i].link, STR_LIT(""));
        check(&maker, rows[i].why);
    }
}

static void test_names_that_occur_twice(void **state)
{
    (void)state;
    maker_t maker;
    maker_open(&maker, true);
    maker_add(&maker, "backup/objects.jsonl", "");
    maker_add(&maker, "./objects.jsonl", "");
    check(&maker, "objects.jsonl: the name occurs twice");
}

static void test_files_that_are_folders_too(void **state)
{
    (void)state;
    maker_t maker;
    maker_open(&maker, true);
    maker_add(&maker, "objects.jsonl", "");
    maker_add(&maker, "files/a.0/x", "");
    maker_add(&maker, "files/a.0/x/y", "");
    check(&maker, "files/a.0/x: the name is that of a file and of a folder");
    maker_open(&maker, true);
    maker_add(&maker, "objects.jsonl", "");
    maker_add(&maker, "files/a.0/x/y", "");
    maker_add(&maker, "files/a.0/x y", "");
    maker_add(&maker, "files/a.0/x.z", "");
    maker_add(&maker, "files/a.0/x", "");
    check(&maker, "files/a.0/x: the name is that of a file and of a folder");
}

static void test_names_that_only_look_alike(void **state)
{
    (void)state;
    maker_t maker;
    maker_open(&maker, true);
    maker_add(&maker, "objects.jsonl", "");
    maker_add(&maker, "files/a.0/x", "");
    maker_add(&maker, "files/a.0/x y/z", "");
    maker_add(&maker, "files/a.0/xy/z", "");
    check(&maker, "file a.0 x 0\nfile a.0 x y/z 0\nfile a.0 xy/z 0\n");
}

static void test_bombs(void **state)
{
    (void)state;
    maker_t maker;
    char zeros[5001] = {0};
    maker_open(&maker, true);
    maker_add_bytes(&maker, "backup/files/a/b", AE_IFREG, NULL, (str_t){zeros, sizeof zeros});
    check(&maker, "files/a/b: larger than 5000 bytes");
    maker_open(&maker, true);
    for (int i = 0; i < 18; i++) {
        char name[32];
        snprintf(name, sizeof name, "backup/files/a/%d", i);
        maker_add_bytes(&maker, name, AE_IFREG, NULL, (str_t){zeros, 5000});
    }
    check(&maker, "files/a/0: it unpacks to more than 20 times its size");
    maker_open(&maker, false);
    for (int i = 0; i < 25; i++) {
        char name[32];
        snprintf(name, sizeof name, "x%d", i);
        maker_add(&maker, name, "");
    }
    check(&maker, "x20: there are too many entries");
}

static void test_total_size(void **state)
{
    (void)state;
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t why = {0};
    maker_t maker;
    char block[3000] = "x";
    limits.max_total = 4000;
    maker_open(&maker, false);
    maker_add_bytes(&maker, "x", AE_IFREG, NULL, (str_t){block, sizeof block});
    maker_add_bytes(&maker, "y", AE_IFREG, NULL, (str_t){block, sizeof block});
    str_t data = maker_close(&maker);
    assert_int_equal(backup_read_memory(data, "h", &limits, NULL, NULL, &summary, &why),
                     ERR_CUSTOM);
    assert_true(str_is(buf_str(&why), "x: more than 4000 bytes are in it"));
    buf_fini(&why);
    free(maker.bytes);
}

static void test_what_is_no_backup(void **state)
{
    (void)state;
    maker_t maker;
    maker_open(&maker, true);
    maker_add(&maker, "readme.txt", "hello");
    check(&maker, "there is no backup in it: objects.jsonl or backup.json is missing");
    static const char *const texts[] = {
        "", "x", "no archive, but a text that is long enough to be looked at"};
    for (size_t i = 0; i < 3; i++) {
        backup_summary_t summary;
        backup_limits_t limits = small_limits();
        buf_t why = {0};
        assert_int_equal(
            backup_read_memory(str_of(texts[i]), "h", &limits, NULL, NULL, &summary, &why),
            ERR_CUSTOM);
        assert_true(str_starts(buf_str(&why), "the archive is damaged: ") ||
                    str_starts(buf_str(&why), "there is no backup in it"));
        buf_fini(&why);
    }
}

/* Cut anywhere before the end of the content, an archive is refused. */
static void test_truncation(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        maker_t maker;
        char text[3000];
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = (char)(' ' + rand() % 90);
        maker_open(&maker, packed);
        maker_add(&maker, "backup/objects.jsonl", "{\"_id\":\"a\"}");
        maker_add_bytes(&maker, "backup/files/a/b", AE_IFREG, NULL, (str_t){text, sizeof text});
        str_t data = maker_close(&maker);
        /* The checksum at the end of gzip belongs to it; a plain archive is complete with its last
         * file. */
        size_t end = packed ? data.len : 512 * 3 + sizeof text;
        for (size_t len = packed ? 1 : 512 * 3 + 1; len<end; len += len + 40> end ? 1 : 37) {
            backup_summary_t summary;
            backup_limits_t limits = small_limits();
            buf_t why = {0};
            assert_int_equal(
                backup_read_memory((str_t){data.p, len}, "h", &limits, NULL, NULL, &summary, &why),
                ERR_CUSTOM);
            assert_true(why.len > 0);
            buf_fini(&why);
        }
        free(maker.bytes);
    }
}

/* Any bit that is not as it was is noticed, in the bytes of files as well. */
static void test_flipped_bits(void **state)
{
    (void)state;
    maker_t maker;
    char text[2000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)rand();
    maker_open(&maker, true);
    maker_add(&maker, "backup/objects.jsonl", "{\"_id\":\"a\"}");
    maker_add_bytes(&maker, "backup/files/a/b", AE_IFREG, NULL, (str_t){text, sizeof text});
    str_t data = maker_close(&maker);
    for (size_t i = 10; i < data.len; i += 7) {
        backup_summary_t summary;
        backup_limits_t limits = small_limits();
        buf_t why = {0};
        maker.bytes[i] ^= 4;
        assert_int_equal(backup_read_memory(data, "h", &limits, NULL, NULL, &summary, &why),
                         ERR_CUSTOM);
        maker.bytes[i] ^= 4;
        buf_fini(&why);
    }
    free(maker.bytes);
}

static err_t refuse_object(void *arg, str_t id, mp_t object, buf_t *why)
{
    (void)arg;
    (void)id;
    (void)object;
    buf_append_cstr(why, "disk full");
    return ERR_STORAGE;
}

static void test_errors_of_operations(void **state)
{
    (void)state;
    static const backup_ops_t ops = {.object = refuse_object};
    backup_summary_t summary;
    backup_limits_t limits = small_limits();
    buf_t why = {0};
    maker_t maker;
    maker_open(&maker, true);
    maker_add(&maker, "objects.jsonl", "{\"_id\":\"a\"}\n{\"_id\":\"b\"}");
    str_t data = maker_close(&maker);
    assert_int_equal(backup_read_memory(data, "h", &limits, &ops, NULL, &summary, &why),
                     ERR_STORAGE);
    assert_true(str_is(buf_str(&why), "disk full"));
    buf_fini(&why);
    free(maker.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_recorded_values),
        cmocka_unit_test(test_damaged_history),
        cmocka_unit_test(test_history_that_is_refused),
        cmocka_unit_test(test_older_document),
        cmocka_unit_test(test_wrong_older_documents),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_hostile_entries),
        cmocka_unit_test(test_names_that_occur_twice),
        cmocka_unit_test(test_files_that_are_folders_too),
        cmocka_unit_test(test_names_that_only_look_alike),
        cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_total_size),
        cmocka_unit_test(test_what_is_no_backup),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_errors_of_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
