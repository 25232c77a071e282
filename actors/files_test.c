/* SPDX-License-Identifier: MIT */
/* Single files: reading, writing, listing, rights, bad input. */
#include "actors/files_test.h"

/* The same with bytes instead of text as third argument. */
static const char *write_bytes(fake_env_t *env, const char *command, const char *path, str_t bytes)
{
    static buf_t json;
    buf_t args = {0};
    err_t status;
    mp_put_array(&args, 3);
    mp_put_cstr(&args, "vis.0");
    mp_put_cstr(&args, path);
    mp_put_bin(&args, bytes.p, bytes.len);
    mp_t answer = fake_env_call_mp(env, command, mp_of_buf(&args), &status);
    buf_reset(&json);
    json_from_mp(&json, answer, NULL);
    buf_append_byte(&json, 0);
    buf_fini(&args);
    return (const char *)json.data;
}

static void usage(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"main/a.txt\",\"hello\"]");
    assert_string_equal(fake_env_events(env), "[[\"fileChange\",[\"vis.0\",\"main/a.txt\",5]]]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"/main/a.txt\"]", "[null,\"hello\",\"text/plain\"]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"\"]",
                "[null,[{\"file\":\"main\",\"stats\":{},\"isDir\":true}]]");
    ASSERT_OK(env, "unlink", "[\"vis.0\",\"main\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"main/a.txt\"]", "[\"Not exists\"]");
}

#define FILE_ACL(owner, group, mode)                                                               \
    "{\"owner\":\"system.user." owner "\",\"ownerGroup\":\"system.group." group                    \
    "\",\"permissions\":" mode "}"

/* An event names the acl of its file; of a deleted one the last, of a folder that of new files. */
static void events_name_their_acl(void **state)
{
    fake_env_t *env = *state;
    (void)fake_env_acls(env);
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"main/a.txt\",\"hello\",{\"mode\":1536}]");
    assert_string_equal(fake_env_acls(env), "[" FILE_ACL("admin", "administrator", "1536") "]");
    fake_env_events(env);
    (void)fake_env_call(env, "chmodFile", "[\"vis.0\",\"main/a.txt\",{\"mode\":1600}]");
    (void)fake_env_call(env, "chmodFile", "[\"vis.0\",\"none.txt\",{\"mode\":1600}]");
    assert_string_equal(fake_env_events(env), "[[\"rightsChange\",[\"vis.0\"]]]");
    assert_string_equal(fake_env_acls(env), "[null]");
    ASSERT_OK(env, "unlink", "[\"vis.0\",\"main\"]");
    assert_string_equal(fake_env_acls(env),
                        "[" FILE_ACL("admin", "administrator",
                                     "1600") "," FILE_ACL("admin", "administrator", "1604") "]");
}

/* --- reading and writing ---------------------------------------------------------------------- */

static void types_follow_the_extension(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a.json\",\"{\\\"\xc3\xbc\\\":1}\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.json\"]",
                "[null,\"{\\\"\xc3\xbc\\\":1}\",\"application/json\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a.png\",\"AB\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.png\"]",
                "[null,{\"type\":\"Buffer\",\"data\":[65,66]},\"image/png\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\".hidden\",\"text\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\".hidden\"]", "[null,\"text\",\"text/plain\"]");
    assert_string_equal(write_bytes(env, "writeFile", "raw", STR_LIT("\1\2")), "[null]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"raw\"]",
                "[null,{\"type\":\"Buffer\",\"data\":[1,2]},\"application/octet-stream\"]");
}

static void broken_text_is_repaired(void **state)
{
    fake_env_t *env = *state;
    assert_string_equal(write_bytes(env, "writeFile", "a.txt", STR_LIT("\0\1\2\3\xff")), "[null]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.txt\"]",
                "[null,\"\\u0000\\u0001\\u0002\\u0003\xef\xbf\xbd\",\"text/plain\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"b.txt\",\"a\\ud800\"]");
    assert_non_null(strstr(fake_env_events(env), "[\"vis.0\",\"b.txt\",4]"));
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"b.txt\"]", "[null,\"Ye+/vQ==\",\"text/plain\"]");
}

static void empty_and_rewritten(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a.txt\",\"\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.txt\"]", "[null,\"\",\"text/plain\"]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"a.txt\"]", "[null,\"\",\"text/plain\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a.txt\",\"longer\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.txt\"]", "[null,\"longer\",\"text/plain\"]");
}

/* Contents that fill chunks exactly and by one byte more or less. */
static void sizes_around_a_chunk(void **state)
{
    fake_env_t *env = *state;
    static const size_t sizes[] = {131071, 131072, 131073, 262144, 1, 500000};
    char *bytes = malloc(500000);
    for (size_t i = 0; i < 500000; i++)
        bytes[i] = (char)(i * 31 >> 3);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        err_t status;
        buf_t args = {0};
        mp_t value;
        str_t got = {"", 0};
        assert_string_equal(write_bytes(env, "writeFile", "a.bin", (str_t){bytes, sizes[i]}),
                            "[null]");
        assert_int_equal(json_to_mp(&args, STR_LIT("[\"vis.0\",\"a.bin\"]")), ERR_OK);
        mp_t answer = fake_env_call_mp(env, "readFile", mp_of_buf(&args), &status);
        assert_int_equal(status, ERR_OK);
        assert_true(mp_at(answer, 1, &value) && mp_read_bin(&value, &got));
        assert_true(str_eq(got, (str_t){bytes, sizes[i]}));
        buf_fini(&args);
    }
    free(bytes);
}

static void base64(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile64", "[\"vis.0\",\"a.bin\",\"AQID\\nBAUG\\n\"]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"a.bin\"]",
                "[null,\"AQIDBAUG\",\"application/octet-stream\"]");
    ASSERT_OK(env, "writeFile64", "[\"vis.0\",\"a.json\",\"eyJhIjoxfQ==\"]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"a.json\"]",
                "[null,\"JTdCJTIyYSUyMiUzQTElN0Q=\",\"application/json\"]");
    ASSERT_OK(env, "writeFile64", "[\"vis.0\",\"a.json5\",\"YSBi\"]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"a.json5\"]",
                "[null,\"YSUyMGI=\",\"application/json5\"]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"none\"]", "[\"Not exists\",\"\"]");
}

static void data_of_write_file64(void **state)
{
    fake_env_t *env = *state;
    static const char *const nothing[] = {"null", "0", "false", "\"\""};
    char args[100];
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"a.bin\",%s]", nothing[i]);
        ASSERT_CALL(env, "writeFile64", args, "[\"No data provided\"]");
    }
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"a.bin\"]", "[\"No data provided\"]");
#define CANNOT                                                                                     \
    "[\"Cannot convert data: TypeError [ERR_INVALID_ARG_TYPE]: The first argument must be of "     \
    "type "                                                                                        \
    "string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received "
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"a.bin\",{\"a\":1}]",
                CANNOT "an instance of Object\"]");
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"a.bin\",5]", CANNOT "type number (5)\"]");
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"a.bin\",true]", CANNOT "type boolean (true)\"]");
    ASSERT_OK(env, "writeFile64", "[\"vis.0\",\"a.bin\",[65,\"66\",-1,257,1.9,null,true,1e300]]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.bin\"]",
                "[null,{\"type\":\"Buffer\",\"data\":[65,66,255,1,1,0,1,0]},"
                "\"application/octet-stream\"]");
    ASSERT_OK(env, "writeFile64", "[\"vis.0\",\"a.bin\",{\"type\":\"Buffer\",\"data\":[7]}]");
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"a.bin\"]",
                "[null,\"Bw==\",\"application/octet-stream\"]");
    assert_string_equal(write_bytes(env, "writeFile64", "a.bin", STR_LIT("xy")), "[null]");
}

static void data_of_write_file(void **state)
{
    fake_env_t *env = *state;
    static const struct {
        const char *data;
        const char *type;
    } rows[] = {{"5", "number"},
                {"null", "object"},
                {"true", "boolean"},
                {"{}", "object"},
                {"[]", "object"}};
    char args[100], answer[200];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"a.txt\",%s]", rows[i].data);
        snprintf(answer, sizeof answer,
                 "[\"Parameter \\\"data\\\" needs to be a Buffer but type \\\"%s\\\" has been "
                 "passed\"]",
                 rows[i].type);
        ASSERT_CALL(env, "writeFile", args, answer);
    }
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a.txt\"]", "[\"Not exists\"]");
    assert_string_equal(fake_env_events(env), "[]");
}

static void too_large(void **state)
{
    fake_env_t *env = *state;
    char *bytes = calloc(1, 1000001);
    assert_string_equal(write_bytes(env, "writeFile", "a.bin", (str_t){bytes, 1000000}), "[null]");
    assert_string_equal(write_bytes(env, "writeFile", "b.bin", (str_t){bytes, 1000001}),
                        "[\"The file is too large: 1000001 bytes, the limit is 1000000\"]");
    assert_string_equal(write_bytes(env, "writeFile64", "b.bin", (str_t){bytes, 1000001}),
                        "[\"The file is too large: 1000001 bytes, the limit is 1000000\"]");
    ASSERT_CALL(env, "fileExists", "[\"vis.0\",\"b.bin\"]", "[null,false]");
    free(bytes);
}

static void modes(void **state)
{
    fake_env_t *env = *state;
    static const struct {
        const char *options;
        int expected;
    } rows[] = {
        {"{\"mode\":1536}", 0x600},
        {"{\"mode\":\"600\"}", 0x600},
        {"{\"mode\":\"0x640\"}", 0x640},
        {"{}", 0x644},
        {"null", 0x644},
        {"5", 0x644},
        {"{\"mode\":-1}", 0x644},
        {"{\"mode\":1.5}", 0x644},
        {"{\"mode\":\"zz\"}", 0x644},
        {"{\"mode\":1e300}", 0x644},
        {"{\"mode\":[]}", 0x644},
        {"[1536]", 0x644},
    };
    char args[100], part[40];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"m%zu/a.txt\",\"x\",%s]", i, rows[i].options);
        ASSERT_OK(env, "writeFile", args);
        snprintf(args, sizeof args, "[\"vis.0\",\"m%zu\"]", i);
        snprintf(part, sizeof part, "\"permissions\":%d,", rows[i].expected);
        assert_non_null(strstr(fake_env_call(env, "readDir", args), part));
    }
    /* Writing again keeps the acl. */
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"m0/a.txt\",\"y\",{\"mode\":1911}]");
    assert_non_null(strstr(fake_env_call(env, "readDir", "[\"vis.0\",\"m0\"]"), ":1536,"));
}

/* --- names and ids ---------------------------------------------------------------------------- */

static void names_of_one_file(void **state)
{
    fake_env_t *env = *state;
    static const char *const names[] = {"qd/b",    "/qd/b",     "//qd/b",     "qd//b",
                                        "qd\\\\b", "qd/a/../b", "../../qd/b", "./qd/./b"};
    char args[100];
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"qd/b\",\"x\"]");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"%s\"]", names[i]);
        ASSERT_CALL(env, "readFile", args, "[null,\"x\",\"text/plain\"]");
    }
    ASSERT_CALL(env, "readFile", "[\"vi/s.0\",\"qd/b\"]", "[null,\"x\",\"text/plain\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"QD/b\"]", "[\"Not exists\"]");
}

static void names_of_no_file(void **state)
{
    fake_env_t *env = *state;
    static const char *const names[] = {"", "/", "..", "../..", "a/.."};
    char args[100];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"%s\",\"x\"]", names[i]);
        ASSERT_CALL(env, "writeFile", args, "[\"Not exists\"]");
        ASSERT_CALL(env, "readFile", args, "[\"Not exists\"]");
        ASSERT_CALL(env, "fileExists", args, "[null,false]");
        ASSERT_CALL(env, "renameFile", args, "[\"Not exists\"]");
        ASSERT_CALL(env, "deleteFile", args, "[\"Not exists\"]");
    }
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"a\\u0000b\",\"x\"]",
                "[\"The file name contains a NUL\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a\\u0000b\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",\"a\\u0000b\"]", "[\"The file name contains a NUL\"]");
    ASSERT_CALL(env, "chmodFile", "[\"vis.0\",\"a\\u0000b\",{\"mode\":1604}]", "[null,[]]");
    ASSERT_OK(env, "unlink", "[\"vis.0\",\"a\\u0000b\"]");
    ASSERT_OK(env, "unlink", "[\"vis.0\",\"..\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"\"]");
    assert_string_equal(fake_env_events(env), "[]");
}

static void odd_names(void **state)
{
    fake_env_t *env = *state;
    char args[1200], name[400];
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"\\u0001\\n\\u007f\",\"x\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"\\u0001\\n\\u007f\"]",
                "[null,\"x\",\"text/plain\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"__proto__\",\"x\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a\\ud800\",\"x\"]");
    ASSERT_CALL(env, "fileExists", "[\"vis.0\",\"a\xef\xbf\xbd\"]", "[null,true]");
    memset(name, 'x', sizeof name);
    snprintf(args, sizeof args, "[\"vis.0\",\"%.256s\",\"x\"]", name);
    ASSERT_CALL(env, "writeFile", args, "[\"The file name is too long\"]");
    ASSERT_CALL(env, "readFile", args, "[\"Not exists\"]");
    snprintf(args, sizeof args, "[\"vis.0\",\"%.255s\",\"x\"]", name);
    ASSERT_OK(env, "writeFile", args);
}

static void ids(void **state)
{
    fake_env_t *env = *state;
    static const struct {
        const char *id;
        const char *type;
    } wrong[] = {{"5", "number"}, {"true", "boolean"}, {"[]", "object"}, {"{}", "object"}};
    static const char *const commands[] = {"readFile", "readDir",    "writeFile",  "unlink",
                                           "mkdir",    "fileExists", "deleteFile", "renameFile"};
    char args[100], answer[200];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(args, sizeof args, "[%s,\"a\",\"x\"]", wrong[i].id);
        snprintf(
            answer, sizeof answer,
            "[\"Parameter \\\"_adapter\\\" needs to be of type \\\"string\\\" but type \\\"%s\\\" "
            "has been passed\"]",
            wrong[i].type);
        for (size_t c = 0; c < sizeof commands / sizeof commands[0]; c++)
            ASSERT_CALL(env, commands[c], args, answer);
    }
    ASSERT_CALL(env, "readFile", "[null,\"a\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "readDir", "[null,\"\"]",
                "[\"socketio is not an object of type \\\"meta\\\"\"]");
    ASSERT_CALL(env, "readFile", "[\"\",\"a\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "writeFile", "[\"\",\"a\",\"x\"]", "[\"invalid id \\\"\\\"\"]");
    ASSERT_CALL(env, "readFile", "[\"nosuch.0\",\"a\"]", "[\"Not exists\"]");
    ASSERT_CALL(env, "fileExists", "[\"nosuch.0\",\"a\"]", "[null,false]");
    ASSERT_CALL(env, "writeFile", "[\"nosuch.0\",\"a\",\"x\"]",
                "[\"nosuch.0 is not an object of type \\\"meta\\\"\"]");
    ASSERT_CALL(env, "mkdir", "[\"vis.0\\u0000\",\"a\"]",
                "[\"vis.0 is not an object of type \\\"meta\\\"\"]");
}

static void error_texts_stay_short(void **state)
{
    fake_env_t *env = *state;
    size_t len = 3000;
    char *args = malloc(len + 100);
    strcpy(args, "[\"x");
    for (size_t i = 3; i + 2 < len; i += 2)
        memcpy(args + i, "\xc3\xbc", 3);
    strcat(args, "\",\"a\",\"x\"]");
    const char *answer = fake_env_call(env, "writeFile", args);
    assert_true(strlen(answer) < 400);
    assert_true(json_utf8_valid(str_of(answer)));
    assert_non_null(strstr(answer, " is not an object of type "));
    free(args);
}

static void missing_arguments(void **state)
{
    fake_env_t *env = *state;
    static const char *const commands[] = {
        "readFile", "readFile64", "writeFile", "unlink",     "rename",     "renameFile",  "mkdir",
        "readDir",  "chmodFile",  "chownFile", "fileExists", "deleteFile", "deleteFolder"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        ASSERT_CALL(env, commands[i], "[]", "[\"Invalid arguments\"]");
        const char *answer = fake_env_call(env, commands[i], "[\"vis.0\"]");
        assert_memory_equal(answer, "[\"", 2);
    }
    ASSERT_CALL(env, "readFile", "[\"vis.0\",{\"a\":1}]",
                "[\"Parameter \\\"filename\\\" needs to be of type \\\"string\\\" but type "
                "\\\"object\\\" has been passed\"]");
}

/* --- folders ---------------------------------------------------------------------------------- */

static void read_dir(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"main/b.txt\",\"x\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"main/a/deep/er.txt\",\"x\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"main/a.txt\",\"x\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"main2/c.txt\",\"x\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"main/empty\"]");
#define ENTRY(name)                                                                                \
    "{\"file\":\"" name                                                                            \
    "\",\"stats\":{\"mode\":33188,\"size\":1,\"atime\":\"2023-11-14T22:13:20.000Z\","              \
    "\"mtime\":\"2023-11-14T22:13:20.000Z\",\"ctime\":\"2023-11-14T22:13:20.000Z\","               \
    "\"birthtime\":\"2023-11-14T22:13:20.000Z\"},\"isDir\":false,\"acl\":{\"owner\":"              \
    "\"system.user.admin\",\"ownerGroup\":\"system.group.administrator\",\"permissions\":1604,"    \
    "\"read\":true,\"write\":true},\"modifiedAt\":1700000000000,\"createdAt\":1700000000000}"
#define FOLDER(name) "{\"file\":\"" name "\",\"stats\":{},\"isDir\":true}"
    ASSERT_CALL(
        env, "readDir", "[\"vis.0\",\"/main/\",{\"filter\":true}]",
        "[null,[" FOLDER("a") "," ENTRY("a.txt") "," ENTRY("b.txt") "," FOLDER("empty") "]]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"\"]",
                "[null,[" FOLDER("main") "," FOLDER("main2") "]]");
    ASSERT_CALL(env, "readDir", "[\"\",\"/\"]", "[null,[" FOLDER("vis.0") "]]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"main/a.txt\"]", "[null,[]]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"nothing\"]", "[null,[]]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"../..\"]", "[null,[]]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"ma*\"]", "[null,[]]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"main\"]", "[null,null,null]");
    ASSERT_CALL(env, "fileExists", "[\"vis.0\",\"main\"]", "[null,false]");
}

/* U+1F3E0 is a pair of surrogates (d83c ...) and sorts before U+E000, unlike in UTF-8. */
static void read_dir_sorts_by_code_unit(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"\xee\x80\x80\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"\xf0\x9f\x8f\xa0\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"\xed\x9f\xbf\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"z\"]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"\"]",
                "[null,[" FOLDER("z") "," FOLDER("\xed\x9f\xbf") "," FOLDER(
                    "\xf0\x9f\x8f\xa0") "," FOLDER("\xee\x80\x80") "]]");
}

static void file_and_folder_of_one_name(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"x/a\",\"file\"]");
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"x/a/b.txt\",\"below\"]",
                "[\"\\\"x/a\\\" is a file\"]");
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",\"x/a/b/c\"]", "[\"\\\"x/a\\\" is a file\"]");
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",\"x/a\"]", "[\"\\\"x/a\\\" is a file\"]");
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"x\",\"file\"]", "[\"\\\"x\\\" is a folder\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"x/a\"]", "[null,\"file\",\"text/plain\"]");
}

/* Import and export say "folder" by this name: a file of a client would get lost there. */
static void reserved_name(void **state)
{
    fake_env_t *env = *state;
    static const char reserved[] = "[\"The name _data.json is reserved\"]";
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a/b.txt\",\"x\"]");
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"a/_data.json\",\"x\"]", reserved);
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"_data.json\",\"YQ==\"]", reserved);
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"_data.json/c\",\"x\"]", reserved);
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",\"a/_data.json\"]", reserved);
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"a/b.txt\",\"a/_data.json\"]", reserved);
    ASSERT_CALL(env, "rename", "[\"vis.0\",\"a\",\"_data.json\"]", reserved);
    ASSERT_CALL(env, "files.put", "[\"vis.0\",\"_data.json/c\",\"x\",null]", reserved);
    ASSERT_CALL(env, "files.put", "[\"vis.0\",\"_data.json/_data.json\",\"\",null]", reserved);
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a/_data.json\"]", "[\"Not exists\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a/my_data.json\",\"x\"]");
}

static void mkdir(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"a/b/c\"]");
    ASSERT_OK(env, "mkdir", "[\"vis.0\",\"a/b/c/\"]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"a/b\"]", "[null,[" FOLDER("c") "]]");
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"a/b/c\"]", "[null,[]]");
    assert_string_equal(fake_env_events(env), "[]");
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",null]",
                "[\"Parameter \\\"dirname\\\" needs to be of type \\\"string\\\" but type "
                "\\\"object\\\" has been passed\"]");
}

/* --- chmod and chown -------------------------------------------------------------------------- */

/* Names of the entries of the answer, separated by blanks; static storage. */
static const char *changed(fake_env_t *env, const char *command, const char *args)
{
    static char names[1000];
    const char *at = fake_env_call(env, command, args);
    assert_memory_equal(at, "[null,[", 7);
    names[0] = '\0';
    while ((at = strstr(at, "\"file\":\"")) != NULL) {
        at += 8;
        size_t len = strlen(names);
        snprintf(names + len, sizeof names - len, "%s%.*s", len ? " " : "", (int)strcspn(at, "\""),
                 at);
    }
    return names;
}

static void chmod(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"d/a.txt\",\"x\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"d/b.txt\",\"x\"]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"d/e/c.txt\",\"x\"]");
    const char *answer = fake_env_call(env, "chmodFile", "[\"vis.0\",\"d/a.txt\",{\"mode\":1536}]");
    assert_non_null(strstr(answer, "[null,[{\"path\":\"d\",\"file\":\"a.txt\",\"stats\":{"));
    assert_non_null(strstr(answer, "\"permissions\":1536}"));
    assert_string_equal(changed(env, "chmodFile", "[\"vis.0\",\"d\",{\"mode\":1604}]"),
                        "a.txt b.txt");
    assert_string_equal(changed(env, "chmodFile", "[\"vis.0\",\"d/\",{\"mode\":1604}]"),
                        "a.txt b.txt");
    assert_string_equal(changed(env, "chmodFile", "[\"vis.0\",\"d/*\",{\"mode\":1604}]"),
                        "a.txt b.txt");
    assert_string_equal(changed(env, "chmodFile", "[\"vis.0\",\"d*\",{\"mode\":\"666\"}]"),
                        "a.txt b.txt c.txt");
    assert_string_equal(changed(env, "chmodFile", "[\"vis.0\",\"none\",{\"mode\":1604}]"), "");
    ASSERT_CALL(env, "chmodFile", "[\"vis.0\",\"\",{\"mode\":1604}]", "[\"Not exists\"]");
    static const char *const options[] = {
        "{}", "null", "5", "[]", "{\"mode\":null}", "{\"mode\":\"x\"}"};
    char args[100];
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        snprintf(args, sizeof args, "[\"vis.0\",\"d/a.txt\",%s]", options[i]);
        ASSERT_CALL(env, "chmodFile", args, "[\"no options\"]");
    }
    ASSERT_CALL(env, "chmodFile", "[\"vis.0\",\"d/a.txt\"]", "[\"no options\"]");
}

static void chown(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a.txt\",\"x\"]");
    const char *answer = fake_env_call(
        env, "chownFile", "[\"vis.0\",\"a.txt\",{\"owner\":\"system.user.operator\"}]");
    assert_non_null(strstr(answer, "\"owner\":\"system.user.operator\",\"ownerGroup\":"
                                   "\"system.group.operators\",\"permissions\":1604}"));
    answer = fake_env_call(env, "chownFile",
                           "[\"vis.0\",\"a.txt\",{\"ownerGroup\":\"system.group.guests\"}]");
    assert_non_null(strstr(answer, "\"owner\":\"system.user.admin\",\"ownerGroup\":"
                                   "\"system.group.guests\""));
    ASSERT_CALL(env, "chownFile", "[\"vis.0\",\"a.txt\",{\"owner\":\"guest\"}]",
                "[\"user \\\"guest\\\" belongs to no group\"]");
    ASSERT_CALL(env, "chownFile", "[\"vis.0\",\"a.txt\"]", "[\"no options\"]");
    ASSERT_CALL(env, "chownFile", "[\"vis.0\",\"none\",{}]", "[null,[]]");
}

/* --- rights ----------------------------------------------------------------------------------- */

static void rights(void **state)
{
    fake_env_t *env = *state;
    static const char denied[] = "[\"permissionError\"]";
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"secret.txt\",\"x\",{\"mode\":1536}]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"open.txt\",\"x\",{\"mode\":1638}]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"shown.txt\",\"x\"]");

    fake_env_set_user(env, "system.user.guest");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"shown.txt\"]", "[null,\"x\",\"text/plain\"]");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"secret.txt\"]", denied);
    ASSERT_CALL(env, "readFile64", "[\"vis.0\",\"secret.txt\"]", denied);
    ASSERT_CALL(env, "fileExists", "[\"vis.0\",\"secret.txt\"]",
                "[\"Cannot check file existence of \\\"vis.0\\\": permissionError\"]");
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"open.txt\",\"y\"]", denied);
    ASSERT_CALL(env, "chmodFile", "[\"vis.0\",\"open.txt\",{\"mode\":1638}]", denied);
    ASSERT_CALL(env, "files.get", "[\"vis.0\",\"shown.txt\"]", denied);
    assert_non_null(strstr(fake_env_call(env, "readDir", "[\"vis.0\",\"\"]"),
                           "\"permissions\":1604,\"read\":true,\"write\":false}"));

    fake_env_set_user(env, "system.user.operator");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"open.txt\",\"y\"]");
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"new.txt\",\"y\"]", denied); /* default acl */
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",\"new\"]", denied);
    ASSERT_CALL(env, "unlink", "[\"vis.0\",\"shown.txt\"]", denied);
    ASSERT_CALL(env, "unlink", "[\"vis.0\",\"\"]", denied);
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"shown.txt\",\"b.txt\"]", denied);
    ASSERT_CALL(env, "renameFile", "[\"vis.0\",\"open.txt\",\"shown.txt\"]", denied);
    ASSERT_CALL(env, "deleteFile", "[\"vis.0\",\"open.txt\"]", "[null,null]");

    fake_env_set_user(env, "system.user.nobody");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"shown.txt\"]", denied);
    ASSERT_CALL(env, "readDir", "[\"vis.0\",\"\"]", denied);
    ASSERT_CALL(env, "readDir", "[\"\",\"\"]", denied);
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"a\",null]", denied);
    ASSERT_CALL(env, "unlink", "[\"vis.0\",\"none\"]", denied);
    fake_env_set_user(env, "system.user.stranger");
    ASSERT_CALL(env, "deleteFile", "[\"vis.0\",\"shown.txt\"]", denied);

    fake_env_set_user(env, "");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"system.txt\",\"x\"]");
}

static void owner_of_a_new_file(void **state)
{
    fake_env_t *env = *state;
    fake_env_event(env, "objects", "objectChange", "",
                   "[\"system.user.chief\",{\"type\":\"user\",\"common\":{}}]");
    fake_env_event(env, "objects", "objectChange", "",
                   "[\"system.group.administrator\",{\"type\":\"group\",\"common\":{\"members\":"
                   "[\"system.user.admin\",\"system.user.chief\"]}}]");
    fake_env_event(env, "objects", "objectChange", "",
                   "[\"system.config\",{\"type\":\"config\",\"common\":{\"defaultNewAcl\":"
                   "{\"ownerGroup\":\"system.group.guests\",\"file\":1632}}}]");
    fake_env_set_user(env, "system.user.chief");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a.txt\",\"x\"]");
    assert_non_null(
        strstr(fake_env_call(env, "readDir", "[\"vis.0\",\"\"]"),
               "{\"owner\":\"system.user.chief\",\"ownerGroup\":\"system.group.guests\","
               "\"permissions\":1632,"));
}

/* --- the world around ------------------------------------------------------------------------- */

static void storages_come_and_go(void **state)
{
    fake_env_t *env = *state;
    fake_env_event(env, "objects", "objectChange", "socketio.0", "[\"new.0\",{\"type\":\"meta\"}]");
    ASSERT_OK(env, "writeFile", "[\"new.0\",\"a.txt\",\"x\"]");
    fake_env_event(env, "objects", "objectChange", "socketio.0", "[\"new.0\",null]");
    ASSERT_CALL(env, "writeFile", "[\"new.0\",\"a.txt\",\"x\"]",
                "[\"new.0 is not an object of type \\\"meta\\\"\"]");
    ASSERT_CALL(env, "readFile", "[\"new.0\",\"a.txt\"]", "[null,\"x\",\"text/plain\"]");
    fake_env_event(env, "objects", "objectChange", "socketio.0",
                   "[\"vis.0\",{\"type\":\"state\"}]");
    ASSERT_CALL(env, "mkdir", "[\"vis.0\",\"a\"]",
                "[\"vis.0 is not an object of type \\\"meta\\\"\"]");
}

static void before_the_objects_are_known(void **state)
{
    fake_env_t *env = fake_env_new();
    (void)state;
    config_t *config = config_new();
    buf_t why = {0};
    assert_int_equal(config_set(config, "data", STR_LIT(":memory:"), &why), ERR_OK);
    fake_env_open(env, &files_actor, config);
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a\"]", "[\"Service is not available\"]");
    ASSERT_CALL(env, "writeFile64", "[\"vis.0\",\"a\",\"YQ==\"]", "[\"Service is not available\"]");
    ASSERT_CALL(env, "readDir", "[\"\",\"\"]", "[\"Service is not available\"]");
    assert_false(files_actor.ready(fake_env_actor(env), &why));
    fake_env_set_peer(env, files_test_objects, NULL);
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"a\"]", "[\"Not exists\"]");
    buf_reset(&why);
    assert_true(files_actor.ready(fake_env_actor(env), &why));
    config_destroy(&config);
    fake_env_destroy(&env);
    buf_fini(&why);
}

static void full_disk(void **state)
{
    fake_env_t *env = *state;
    fake_env_fail_commit(env, ERR_READ_ONLY);
    ASSERT_CALL(env, "writeFile", "[\"vis.0\",\"a.txt\",\"x\"]",
                "[\"Storage is read-only: the disk is full or failing\"]");
    assert_string_equal(fake_env_events(env), "[]");
}

static void survives_a_restart(void **state)
{
    fake_env_t *first = fake_env_new();
    (void)state;
    char folder[] = "/tmp/iobus-files-XXXXXX", command[64];
    config_t *config = config_new();
    buf_t why = {0};
    assert_non_null(mkdtemp(folder));
    assert_int_equal(config_set(config, "data", str_of(folder), &why), ERR_OK);
    fake_env_set_peer(first, files_test_objects, NULL);
    fake_env_open(first, &files_actor, config);
    ASSERT_OK(first, "writeFile", "[\"vis.0\",\"d/a.txt\",\"one\"]");
    ASSERT_OK(first, "writeFile", "[\"vis.0\",\"d/b.txt\",\"two\"]");
    fake_env_destroy(&first);
    fake_env_t *second = fake_env_new();
    fake_env_set_peer(second, files_test_objects, NULL);
    fake_env_open(second, &files_actor, config);
    ASSERT_OK(second, "writeFile", "[\"vis.0\",\"d/c.txt\",\"three\"]");
    ASSERT_CALL(second, "readFile", "[\"vis.0\",\"d/a.txt\"]", "[null,\"one\",\"text/plain\"]");
    ASSERT_CALL(second, "readFile", "[\"vis.0\",\"d/b.txt\"]", "[null,\"two\",\"text/plain\"]");
    fake_env_destroy(&second);
    config_destroy(&config);
    buf_fini(&why);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_test_set_up, files_test_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(usage),
        TEST(events_name_their_acl),
        TEST(types_follow_the_extension),
        TEST(broken_text_is_repaired),
        TEST(empty_and_rewritten),
        TEST(sizes_around_a_chunk),
        TEST(base64),
        TEST(data_of_write_file64),
        TEST(data_of_write_file),
        TEST(too_large),
        TEST(modes),
        TEST(names_of_one_file),
        TEST(names_of_no_file),
        TEST(odd_names),
        TEST(ids),
        TEST(error_texts_stay_short),
        TEST(missing_arguments),
        TEST(read_dir),
        TEST(read_dir_sorts_by_code_unit),
        TEST(file_and_folder_of_one_name),
        TEST(reserved_name),
        TEST(mkdir),
        TEST(chmod),
        TEST(chown),
        TEST(rights),
        TEST(owner_of_a_new_file),
        TEST(storages_come_and_go),
        cmocka_unit_test(before_the_objects_are_known),
        TEST(full_disk),
        cmocka_unit_test(survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
