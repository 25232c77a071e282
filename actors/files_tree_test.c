/* SPDX-License-Identifier: MIT */
/* Deleting and renaming, of files and of whole folders; the plain verbs. */
#include "actors/files_test.h"

static void write(fake_env_t *env, const char *path, const char *text)
{
    char args[400];
    snprintf(args, sizeof args, "[\"vis.0\",\"%s\",\"%s\"]", path, text);
    ASSERT_OK(env, "writeFile", args);
    (void)fake_env_events(env); /* the tests look at those of what follows */
}

static void assert_text(fake_env_t *env, const char *path, const char *text)
{
    char args[400], answer[400] = "[\"Not exists\"]";
    snprintf(args, sizeof args, "[\"vis.0\",\"%s\"]", path);
    if (text)
        snprintf(answer, sizeof answer, "[null,\"%s\",\"text/plain\"]", text);
    ASSERT_CALL(env, "readFile", args, answer);
}

/* Names of all files of all storages, in the order of the scan, separated by blanks. */
static const char *all(fake_env_t *env)
{
    static char names[4000];
    mp_t position, rows, row, name;
    buf_t args = {0};
    uint32_t count;
    str_t text;
    err_t status;
    assert_int_equal(json_to_mp(&args, STR_LIT("[null,1000]")), ERR_OK);
    mp_t answer = fake_env_call_mp(env, "files.scan", mp_of_buf(&args), &status);
    assert_int_equal(status, ERR_OK);
    assert_true(mp_at(answer, 2, &position) && mp_type(position) == MP_NIL);
    assert_true(mp_at(answer, 1, &rows) && mp_read_array(&rows, &count));
    names[0] = '\0';
    while (mp_next(&rows, &row)) {
        size_t len = strlen(names);
        assert_true(mp_at(row, 1, &name) && mp_read_str(&name, &text));
        snprintf(names + len, sizeof names - len, "%s%.*s", len ? " " : "", STR_ARG(text));
    }
    buf_fini(&args);
    return names;
}

static void usage(void **state)
{
    fake_env_t *env = *state;
    write(env, "d/a.txt", "1");
    write(env, "d/e/b.txt", "2");
    ASSERT_OK(env, "rename", "[\"vis.0\",\"d\",\"n\"]");
    assert_text(env, "n/e/b.txt", "2");
    ASSERT_OK(env, "deleteFolder", "[\"vis.0\",\"n\"]");
    assert_string_equal(all(env), "");
}

/* --- deleting --------------------------------------------------------------------------------- */

static void delete_folder(void **state)
{
    fake_env_t *env = *state;
    write(env, "u/d/a.txt", "x");
    write(env, "u/d/e/f/b.txt", "x");
    write(env, "u/d/z.txt", "x");
    write(env, "u/d.txt", "x");
    write(env, "u/keep.txt", "x");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"u/d/m\"]");
    ASSERT_OK(env, "unlink", "[\"vis.0\",\"u/d/\"]");
    assert_string_equal(
        fake_env_events(env),
        "[[\"fileChange\",[\"vis.0\",\"u/d/a.txt\",null]],"
        "[\"fileChange\",[\"vis.0\",\"u/d/e/f/b.txt\",null]],"
        "[\"fileChange\",[\"vis.0\",\"u/d/e/f\",null]],[\"fileChange\",[\"vis.0\",\"u/d/e\",null]],"
        "[\"fileChange\",[\"vis.0\",\"u/d/m\",null]],"
        "[\"fileChange\",[\"vis.0\",\"u/d/z.txt\",null]],"
        "[\"fileChange\",[\"vis.0\",\"u/d\",null]]]");
    assert_string_equal(all(env), "u/d.txt u/keep.txt");
}

static void delete_single(void **state)
{
    fake_env_t *env = *state;
    write(env, "a.txt", "x");
    write(env, "d/b.txt", "x");
    ASSERT_CALL(env, "deleteFile", "[\"vis.0\",\"a.txt\"]", "[null,null]");
    assert_string_equal(fake_env_events(env), "[[\"fileChange\",[\"vis.0\",\"a.txt\",null]]]");
    ASSERT_CALL(env, "deleteFile", "[\"vis.0\",\"a.txt\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "deleteFile", "[\"vis.0\",\"d\"]", "[null,null]");
    ASSERT_OK(env, "unlink", "[\"vis.0\",\"nothing\"]");
    ASSERT_OK(env, "deleteFolder", "[\"vis.0\",\"nothing\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"empty\"]");
    ASSERT_OK(env, "deleteFolder", "[\"vis.0\",\"empty\"]");
    assert_string_equal(all(env), "");
    ASSERT_CALL(env, "unlink", "[\"vis.0\",null]",
                "[\"Cannot read properties of null (reading 'endsWith')\"]");
    ASSERT_CALL(env, "unlink", "[\"vis.0\",5]", "[\"name.endsWith is not a function\"]");
    ASSERT_CALL(env, "unlink", "[\"vis.0\"]",
                "[\"Cannot read properties of undefined (reading 'endsWith')\"]");
    ASSERT_CALL(env, "unlink", "[\"nosuch.0\",\"a\"]",
                "[\"nosuch.0 is not an object of type \\\"meta\\\"\"]");
}

static void delete_everything(void **state)
{
    fake_env_t *env = *state;
    write(env, "a.txt", "x");
    write(env, "d/b.txt", "x");
    ASSERT_OK(env, "writeFile", "[\"vis\",\"c.txt\",\"x\"]");
    (void)fake_env_events(env);
    ASSERT_OK(env, "deleteFolder", "[\"vis.0\",\"\"]");
    assert_string_equal(fake_env_events(env), "[[\"fileChange\",[\"vis.0\",\"a.txt\",null]],"
                                              "[\"fileChange\",[\"vis.0\",\"d/b.txt\",null]],"
                                              "[\"fileChange\",[\"vis.0\",\"d\",null]]]");
    assert_string_equal(all(env), "c.txt");
    ASSERT_CALL(env, "readDir", "[\"\",\"\"]",
                "[null,[{\"file\":\"vis\",\"stats\":{},\"isDir\":true}]]");
}

static void many_files(void **state)
{
    fake_env_t *env = *state;
    char args[100];
    for (int i = 0; i < 3000; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"big/%d/%d.txt\",\"x\"]", i % 10, i);
        ASSERT_OK(env, "writeFile", args);
    }
    ASSERT_OK(env, "renameFile", "[\"vis.0\",\"big\",\"bigger\"]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"\"]",
                "[null,[{\"file\":\"bigger\",\"stats\":{},\"isDir\":true}]]");
    ASSERT_OK(env, "deleteFolder", "[\"vis.0\",\"bigger\"]");
    assert_string_equal(all(env), "");
}

/* --- renaming --------------------------------------------------------------------------------- */

static void rename_file(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"u/a.txt\",\"new\",{\"mode\":1536}]");
    write(env, "u/b.txt", "old");
    ASSERT_OK(env, "rename", "[\"vis.0\",\"u/a.txt/\",\"u/b.txt/\"]");
    assert_text(env, "u/a.txt", NULL);
    assert_text(env, "u/b.txt", "new");
    assert_non_null(strstr(fake_env_call(env, "readDir", "[\"vis.0\",\"u\"]"), ":1536,"));
    ASSERT_OK(env, "renameFile", "[\"vis.0\",\"u/b.txt\",\"u/b.html\"]");
    assert_text(env, "u/b.html", "new"); /* keeps its type */
    ASSERT_OK(env, "renameFile", "[\"vis.0\",\"u/b.html\",\"u/b.html\"]");
    assert_text(env, "u/b.html", "new");
    assert_string_equal(fake_env_events(env), "[]");
}

static void rename_nothing(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "rename", "[\"vis.0\",\"a\",\"b\"]");
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"a\",\"b\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"a\",\"a\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"\",\"b\"]", "[\"Not exists\"]");
    write(env, "a", "x");
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"a\",\"\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"a\",\"b\\u0000\"]",
                "[\"The file name contains a NUL\"]");
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"a\",null]",
                "[\"Cannot read properties of null (reading 'endsWith')\"]");
    ASSERT_CALL(env, "rename", "[\"vis.0\",7,\"b\"]", "[\"oldName.endsWith is not a function\"]");
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",null,\"b\"]",
                "[\"Parameter \\\"oldName\\\" needs to be of type \\\"string\\\" but type "
                "\\\"object\\\" has been passed\"]");
    assert_text(env, "a", "x");
}

/* The original does nothing and says nothing; the file must not be lost. */
static void rename_into_a_missing_folder(void **state)
{
    fake_env_t *env = *state;
    write(env, "a.txt", "x");
    ASSERT_OK(env, "rename", "[\"vis.0\",\"a.txt\",\"new/deep/a.txt\"]");
    ASSERT_OK(env, "renameFile", "[\"vis.0\",\"a.txt\",\"a.txt/b\"]");
    assert_string_equal(all(env), "a.txt");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"new/deep\"]");
    ASSERT_OK(env, "renameFile", "[\"vis.0\",\"a.txt\",\"new/deep/a.txt\"]");
    assert_string_equal(all(env), "new/deep/_data.json new/deep/a.txt");
}

static void rename_folder_onto_another(void **state)
{
    fake_env_t *env = *state;
    write(env, "from/a.txt", "new");
    write(env, "from/e/b.txt", "new");
    write(env, "to/a.txt", "old");
    write(env, "to/c.txt", "old");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"from/m\"]");
    ASSERT_OK(env, "rename", "[\"vis.0\",\"from\",\"to\"]");
    assert_string_equal(all(env), "to/a.txt to/c.txt to/e/b.txt to/m/_data.json");
    assert_text(env, "to/a.txt", "new");
}

static void rename_conflicts(void **state)
{
    fake_env_t *env = *state;
    write(env, "from/x", "file");
    write(env, "from/y/z", "file");
    write(env, "to/x/inner", "file");
    write(env, "file", "file");
    const char *before = "file from/x from/y/z to/x/inner";
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"from\",\"to\"]", "[\"\\\"to/x\\\" is a folder\"]");
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"from\",\"from/y\"]",
                "[\"A folder cannot be moved into itself\"]");
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"from\",\"file\"]", "[\"\\\"file\\\" is a file\"]");
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"file\",\"from\"]", "[\"\\\"from\\\" is a folder\"]");
    assert_string_equal(all(env), before);
    write(env, "to2/y", "file");
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"from\",\"to2\"]", "[\"\\\"to2/y\\\" is a file\"]");
    assert_string_equal(all(env), "file from/x from/y/z to/x/inner to2/y");
}

/* --- plain verbs ------------------------------------------------------------------------------ */

static void put_and_get(void **state)
{
    fake_env_t *env = *state;
    fake_env_set_user(env, "");
    ASSERT_OK(
        env, "files.put",
        "[\"any.0\",\"/d/a.json\",\"{}\",{\"acl\":{\"owner\":\"system.user.x\",\"ownerGroup\":"
        "\"system.group.y\",\"permissions\":1638},\"mimeType\":\"text/x\",\"createdAt\":1,"
        "\"modifiedAt\":2}]");
    assert_string_equal(fake_env_events(env), "[[\"fileChange\",[\"any.0\",\"d/a.json\",2]]]");
    ASSERT_CALL(env, "files.get", "[\"any.0\",\"d/a.json\"]",
                "[null,{\"type\":\"Buffer\",\"data\":[123,125]},{\"acl\":{\"owner\":"
                "\"system.user.x\",\"ownerGroup\":\"system.group.y\",\"permissions\":1638},"
                "\"mimeType\":\"text/x\",\"binary\":false,\"size\":2,\"modifiedAt\":2,"
                "\"createdAt\":1}]");
    ASSERT_CALL(env, "files.get", "[\"any.0\",\"none\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "files.put", "[\"any.0\",\"..\",\"x\",null]", "[\"Not exists\"]");
    ASSERT_CALL(env, "files.put", "[\"any.0\",\"d\",\"x\",null]", "[\"\\\"d\\\" is a folder\"]");
    ASSERT_CALL(env, "files.put", "[\"any.0\",\"d/b\",7,null]", "[\"Invalid arguments\"]");
    ASSERT_OK(env, "files.put",
              "[\"any.0\",\"d/b\",\"x\",{\"acl\":5,\"mimeType\":[],\"createdAt\":{}}]");
}

static void put_bytes(fake_env_t *env, const char *path, str_t bytes)
{
    buf_t args = {0};
    err_t status;
    mp_put_array(&args, 4);
    mp_put_cstr(&args, "vis.0");
    mp_put_cstr(&args, path);
    mp_put_bin(&args, bytes.p, bytes.len);
    mp_put_nil(&args);
    (void)fake_env_call_mp(env, "files.put", mp_of_buf(&args), &status);
    assert_int_equal(status, ERR_OK);
    buf_fini(&args);
}

/* Backups hold no types: without a known extension the content decides. */
static void put_without_meta(void **state)
{
    fake_env_t *env = *state;
    put_bytes(env, "noextension", STR_LIT("no extension"));
    put_bytes(env, "raw", STR_LIT("\xff\xfe"));
    put_bytes(env, "nul", STR_LIT("a\0b"));
    put_bytes(env, "a.css", STR_LIT("a{}"));
    assert_text(env, "noextension", "no extension");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"raw\"]",
                "[null,\"//4=\",\"application/octet-stream\"]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"nul\"]",
                "[null,\"YQBi\",\"application/octet-stream\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.css\"]", "[null,\"a{}\",\"text/css\"]");
}

static void made_folders_go_round(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"a/b\"]");
    assert_string_equal(all(env), "a/b/_data.json");
    ASSERT_CALL(env, "files.get", "[\"vis.0\",\"a/b/_data.json\"]",
                "[null,{\"type\":\"Buffer\",\"data\":[]},{\"virtualFile\":true,\"size\":0}]");
    ASSERT_OK(env, "deleteFolder", "[\"vis.0\",\"a\"]");
    put_bytes(env, "a/b/_data.json", STR_LIT(""));
    put_bytes(env, "_data.json", STR_LIT(""));
    assert_string_equal(all(env), "a/b/_data.json");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"a\"]",
                "[null,[{\"file\":\"b\",\"stats\":{},\"isDir\":true}]]");
}

/* Page by page, whatever the size of a page. */
static void scan_in_pages(void **state)
{
    fake_env_t *env = *state;
    static const char *const names[] = {"B", "a", "b/_x", "b/B", "b/d/e", "b.txt", "c"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        write(env, names[i], "x");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"b\"]"); /* it is there: no entry of its own */
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"m\"]");
    write(env, "m/B", "x");
    ASSERT_OK(env, "writeFile", "[\"vis\",\"a\",\"x\"]");
    for (int limit = 1; limit < 12; limit++) {
        char position[100] = "null", args[150], seen[500] = "";
        while (strcmp(position, "null") != 0 || !seen[0]) {
            snprintf(args, sizeof args, "[%s,%d]", position, limit);
            const char *answer = fake_env_call(env, "files.scan", args);
            const char *row = answer, *end = strrchr(answer, ',');
            while ((row = strstr(row, "[\"vis")) != NULL) {
                size_t len = strlen(seen);
                bool is_row = row[strcspn(row, "]{")] == '{';
                if (is_row)
                    snprintf(seen + len, sizeof seen - len, "%.*s ", (int)strcspn(row, "{"), row);
                row++;
            }
            if (strcmp(end, ",null]") == 0)
                break;
            end = strstr(answer, "],[\"vis");
            while (strstr(end + 1, "],[\"vis"))
                end = strstr(end + 1, "],[\"vis");
            snprintf(position, sizeof position, "%.*s", (int)strcspn(end + 2, "]") + 1, end + 2);
        }
        assert_string_equal(
            seen, "[\"vis\",\"a\", [\"vis.0\",\"B\", [\"vis.0\",\"a\", [\"vis.0\",\"b/B\", "
                  "[\"vis.0\",\"b/_x\", [\"vis.0\",\"b/d/e\", [\"vis.0\",\"b.txt\", "
                  "[\"vis.0\",\"c\", [\"vis.0\",\"m/_data.json\", [\"vis.0\",\"m/B\", ");
    }
    static const char *const bad[] = {"[null,0]", "[null,\"x\"]", "[5,10]", "[[1,2],10]",
                                      "[null,1e9]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ASSERT_CALL(env, "files.scan", bad[i], "[\"Invalid arguments\"]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_test_set_up, files_test_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(usage),
        TEST(delete_folder),
        TEST(delete_single),
        TEST(delete_everything),
        TEST(many_files),
        TEST(rename_file),
        TEST(rename_nothing),
        TEST(rename_into_a_missing_folder),
        TEST(rename_folder_onto_another),
        TEST(rename_conflicts),
        TEST(put_and_get),
        TEST(put_without_meta),
        TEST(made_folders_go_round),
        TEST(scan_in_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
