/* SPDX-License-Identifier: MIT */
#include "actors/backup_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_usage(void **state)
{
    (void)state;
    str_t name = STR_LIT("backup/files/vis.0/main/vis-views.json");
    assert_null(backup_path_check(name));
    backup_path_t path = backup_path_parse(name);
    assert_int_equal(path.kind, BACKUP_FILE);
    assert_true(str_is(path.storage, "vis.0"));
    assert_true(str_is(path.name, "main/vis-views.json"));
}

static void test_names_that_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",      "/",     "/etc/passwd", "..",    "../x", "a/..",          "a/../../b",
        "a//b",  "a/./b", "./../x",      "a\\b",  "a\nb", "a\x1b[2Jb",     "a\x7f",
        "a\xff", ".//x",  "././x",       "a/b//", "./",   "a\xed\xa0\x80", /* half of a pair */
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool top = strcmp(names[i], "./") == 0; /* tar writes the folder itself so: fine */
        assert_int_equal(backup_path_check(str_of(names[i])) == NULL, top);
    }
    char *too_long = calloc(1, 7000);
    memset(too_long, 'a', 6999);
    assert_non_null(backup_path_check(str_of(too_long)));
    free(too_long);
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        backup_kind_t kind;
    } rows[] = {
        {"backup/objects.jsonl", BACKUP_OBJECTS},
        {"./backup/objects.jsonl", BACKUP_OBJECTS},
        {"objects.jsonl", BACKUP_OBJECTS},
        {"backup/states.jsonl", BACKUP_STATES},
        {"backup/backup.json", BACKUP_DOCUMENT},
        {"backup/config.json", BACKUP_CONFIG},
        {"backup/files/0_userdata.0/Gr\xc3\xbc\xc3\x9f"
         "e & mehr.txt",
         BACKUP_FILE},
        {"files/vis.0/a.b/c", BACKUP_FILE},
        {"files/vis.0/a..b/c", BACKUP_OTHER}, /* the store drops ".." wherever it stands */
        {"files/v..s/x", BACKUP_OTHER},
        {"files/v's/x", BACKUP_OTHER},
        {"history/20231113/history.x.json", BACKUP_HISTORY},
        {"backup/history/x", BACKUP_HISTORY},
        {"backup/files/loose.txt", BACKUP_OTHER},
        {"backup/files/v*s/x", BACKUP_OTHER},
        {"backup/zigbee_0/shepherd.db", BACKUP_OTHER},
        {"backup/backup/objects.jsonl", BACKUP_OTHER},
        {"backup/", BACKUP_OTHER},
        {"./", BACKUP_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_null(backup_path_check(str_of(rows[i].name)));
        assert_int_equal(backup_path_parse(str_of(rows[i].name)).kind, rows[i].kind);
    }
}

static void test_recorded_values(void **state)
{
    (void)state;
    backup_path_t path = backup_path_parse(STR_LIT("./history/20231113/history.a.0.b~c.json"));
    assert_int_equal(path.kind, BACKUP_HISTORY);
    assert_true(str_is(path.day, "20231113"));
    assert_true(str_is(path.id, "a.0.b~c"));
    static const char *const others[] = {
        "history/20231313/history.a.json",
        "history/20231113/history..json",
        "history",
        "history/20231113/x/history.a.json",
        "history/20231113/history.a/b.json",
        "history/2023/history.a.json",
        "history/20231113/a.json",
        "history/history.a.json",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        path = backup_path_parse(str_of(others[i]));
        assert_int_equal(path.kind, BACKUP_HISTORY);
        assert_int_equal(path.day.len, 0);
    }
}

static void test_ids(void **state)
{
    (void)state;
    static const char *const good[] = {"a",   "system.adapter.x.0", "demo.0.K\xc3\xbc\x63he",
                                       "a b", "__proto__",          "$%"};
    static const char *const bad[] = {"", "a*", "a?", "[a]", "a$%$b", "a\nb", "\x7f"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_null(backup_id_check(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_non_null(backup_id_check(str_of(bad[i])));
    assert_non_null(backup_id_check((str_t){"a\0b", 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage), cmocka_unit_test(test_names_that_are_refused),
        cmocka_unit_test(test_kinds), cmocka_unit_test(test_recorded_values),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
