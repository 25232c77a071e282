/* SPDX-License-Identifier: MIT */
/* Files in pieces: what a download and an upload say to the files actor. */
#include "actors/files_test.h"

#include "actors/files_ctx.h"

#define PIECE (1u << 20)

/* Answer of a command as JSON text, valid until the next call of this function. */
static const char *call_mp(fake_env_t *env, const char *command, buf_t *args)
{
    static char text[4096];
    buf_t json = {0};
    err_t status;
    mp_t answer = fake_env_call_mp(env, command, mp_of_buf(args), &status);
    json_from_mp(&json, answer, NULL);
    snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(&json)));
    buf_fini(&json);
    buf_fini(args);
    return text;
}

static unsigned long long begin(fake_env_t *env, const char *args)
{
    const char *answer = fake_env_call(env, "files.begin", args);
    assert_memory_equal(answer, "[null,", 6);
    return strtoull(answer + 6, NULL, 10);
}

static const char *append(fake_env_t *env, unsigned long long token, uint64_t offset, str_t bytes)
{
    buf_t args = {0};
    mp_put_array(&args, 3);
    mp_put_uint(&args, token);
    mp_put_uint(&args, offset);
    mp_put_bin(&args, bytes.p, bytes.len);
    return call_mp(env, "files.append", &args);
}

/* files.finish or files.abort */
static const char *end(fake_env_t *env, const char *command, unsigned long long token)
{
    buf_t args = {0};
    mp_put_array(&args, 1);
    mp_put_uint(&args, token);
    return call_mp(env, command, &args);
}

static unsigned long long generation_of(fake_env_t *env, const char *args)
{
    const char *answer = fake_env_call(env, "files.stat", args);
    const char *at = strstr(answer, "\"generation\":");
    assert_non_null(at);
    return strtoull(at + 13, NULL, 10);
}

/* The bytes that files.read gives; asserts success. */
static str_t read_piece(fake_env_t *env, const char *path, unsigned long long generation,
                        uint64_t offset, uint64_t length)
{
    buf_t args = {0};
    err_t status;
    mp_t value;
    str_t bytes = {"", 0};
    mp_put_array(&args, 5);
    mp_put_cstr(&args, "vis.0");
    mp_put_cstr(&args, path);
    mp_put_uint(&args, generation);
    mp_put_uint(&args, offset);
    mp_put_uint(&args, length);
    mp_t answer = fake_env_call_mp(env, "files.read", mp_of_buf(&args), &status);
    assert_int_equal(status, ERR_OK);
    assert_true(mp_at(answer, 1, &value) && mp_read_bin(&value, &bytes));
    buf_fini(&args);
    return bytes;
}

static char *noise(size_t len)
{
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 31 >> 3);
    return bytes;
}

#define UNKNOWN "[\"Unknown upload\"]"
#define BAD_ARGS "[\"Invalid arguments\"]"
#define A "[\"vis.0\",\"d/a.txt\"]"

static void usage(void **state)
{
    fake_env_t *env = *state;
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, STR_LIT("hel")), "[null]");
    assert_string_equal(append(env, token, 3, STR_LIT("lo")), "[null]");
    ASSERT_CALL(env, "fileExists", A, "[null,false]");
    assert_string_equal(fake_env_events(env), "[]");
    assert_non_null(strstr(end(env, "files.finish", token), "[null,{\"size\":5,\"etag\":\""));
    assert_string_equal(fake_env_events(env), "[[\"fileChange\",[\"vis.0\",\"d/a.txt\",5]]]");
    ASSERT_CALL(env, "readFile", A, "[null,\"hello\",\"text/plain\"]");
    unsigned long long generation = generation_of(env, A);
    assert_true(str_is(read_piece(env, "d/a.txt", generation, 0, PIECE), "hello"));
    assert_true(str_is(read_piece(env, "d/a.txt", generation, 1, 3), "ell"));
    assert_string_equal(end(env, "files.finish", token), UNKNOWN);
}

/* --- content ---------------------------------------------------------------------------------- */

/* Pieces of odd sizes around the chunks of the store give the same file, read in any pieces. */
static void sizes(void **state)
{
    fake_env_t *env = *state;
    static const size_t pieces[] = {1, 1000, 131071, 131072, 131073, 300000, 600000};
    const size_t size = 600000;
    char *bytes = noise(size);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        size_t len = pieces[i] == 1 ? 3 : size;
        unsigned long long token = begin(env, "[\"vis.0\",\"a.bin\"]");
        for (size_t at = 0; at < len; at += pieces[i]) {
            size_t n = len - at < pieces[i] ? len - at : pieces[i];
            assert_string_equal(append(env, token, at, (str_t){bytes + at, n}), "[null]");
        }
        assert_memory_equal(end(env, "files.finish", token), "[null,{", 7);
        unsigned long long generation = generation_of(env, "[\"vis.0\",\"a.bin\"]");
        for (size_t at = 0; at < len; at += pieces[i]) {
            size_t n = len - at < pieces[i] ? len - at : pieces[i];
            str_t got = read_piece(env, "a.bin", generation, at, pieces[i]);
            assert_true(str_eq(got, (str_t){bytes + at, n}));
        }
    }
    free(bytes);
}

static void an_empty_file(void **state)
{
    fake_env_t *env = *state;
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, STR_LIT("")), "[null]");
    assert_non_null(strstr(end(env, "files.finish", token), "\"created\":true"));
    ASSERT_CALL(env, "readFile", A, "[null,\"\",\"text/plain\"]");
    assert_int_equal(read_piece(env, "d/a.txt", generation_of(env, A), 0, PIECE).len, 0);
    assert_int_equal(read_piece(env, "d/a.txt", generation_of(env, A), 9, PIECE).len, 0);
}

static void types(void **state)
{
    fake_env_t *env = *state;
    static const struct {
        const char *args;
        const char *path;
        const char *type;
    } rows[] = {
        {"[\"vis.0\",\"a.png\"]", "[\"vis.0\",\"a.png\"]", "image/png"},
        {"[\"vis.0\",\"b\",null]", "[\"vis.0\",\"b\"]", "application/octet-stream"},
        {"[\"vis.0\",\"c\",\"text/x-own\"]", "[\"vis.0\",\"c\"]", "text/x-own"},
        {"[\"vis.0\",\"d\",7]", "[\"vis.0\",\"d\"]", "application/octet-stream"},
        {"[\"vis.0\",\"e\",\"a/b\\r\\nX: y\"]", "[\"vis.0\",\"e\"]", "application/octet-stream"}};
    char type[100];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_memory_equal(end(env, "files.finish", begin(env, rows[i].args)), "[null,{", 7);
        snprintf(type, sizeof type, "\"mimeType\":\"%s\"", rows[i].type);
        assert_non_null(strstr(fake_env_call(env, "files.stat", rows[i].path), type));
    }
}

static void a_replaced_file(void **state)
{
    fake_env_t *env = *state;
    char args[100];
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"d/a.txt\",\"old one\",{\"mode\":1536}]");
    unsigned long long before = generation_of(env, A);
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, STR_LIT("new")), "[null]");
    assert_true(str_is(read_piece(env, "d/a.txt", before, 4, 9), "one"));
    assert_non_null(strstr(end(env, "files.finish", token), "\"created\":false"));
    snprintf(args, sizeof args, "[\"vis.0\",\"d/a.txt\",%llu,4,9]", before);
    ASSERT_CALL(env, "files.read", args, "[\"The file has changed\"]");
    assert_true(str_is(read_piece(env, "d/a.txt", generation_of(env, A), 0, 9), "new"));
    assert_non_null(
        strstr(fake_env_call(env, "readDir", "[\"vis.0\",\"d\"]"), "\"permissions\":1536"));
    ASSERT_CALL(env, "deleteFile", A, "[null,null]");
    ASSERT_CALL(env, "files.read", args, "[\"Not exists\"]");
}

static void two_at_once(void **state)
{
    fake_env_t *env = *state;
    unsigned long long first = begin(env, A), second = begin(env, A);
    assert_string_equal(append(env, second, 0, STR_LIT("second")), "[null]");
    assert_string_equal(append(env, first, 0, STR_LIT("first")), "[null]");
    assert_non_null(strstr(end(env, "files.finish", second), "\"created\":true"));
    assert_non_null(strstr(end(env, "files.finish", first), "\"created\":false"));
    ASSERT_CALL(env, "readFile", A, "[null,\"first\",\"text/plain\"]");
}

/* --- errors ----------------------------------------------------------------------------------- */

static void wrong_order(void **state)
{
    fake_env_t *env = *state;
    assert_string_equal(append(env, 5, 0, STR_LIT("x")), UNKNOWN);
    assert_string_equal(end(env, "files.finish", 5), UNKNOWN);
    assert_string_equal(end(env, "files.abort", 5), UNKNOWN);
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 1, STR_LIT("x")), BAD_ARGS);
    assert_string_equal(append(env, token, 0, STR_LIT("ab")), "[null]");
    assert_string_equal(append(env, token, 0, STR_LIT("ab")), BAD_ARGS);
    assert_string_equal(append(env, token, 3, STR_LIT("ab")), BAD_ARGS);
    assert_string_equal(append(env, token, 2, STR_LIT("cd")), "[null]");
    assert_memory_equal(end(env, "files.finish", token), "[null,{", 7);
    ASSERT_CALL(env, "readFile", A, "[null,\"abcd\",\"text/plain\"]");
    assert_string_equal(append(env, token, 4, STR_LIT("x")), UNKNOWN);
}

static void bad_arguments(void **state)
{
    fake_env_t *env = *state;
    static const struct {
        const char *command;
        const char *args;
        const char *answer;
    } rows[] = {
        {"files.begin", "[\"vis.0\",\"..\"]", "[\"Not exists\"]"},
        {"files.begin", "[\"vis.0\",\"_data.json\"]", "[\"The name _data.json is reserved\"]"},
        {"files.begin", "[\"none\",\"a\"]", "[\"none is not an object of type \\\"meta\\\"\"]"},
        {"files.append", "[\"x\",0,\"y\"]", UNKNOWN},
        {"files.append", "[-1,0,\"y\"]", UNKNOWN},
        {"files.stat", "[\"vis.0\",\"none\"]", "[\"Not exists\"]"},
        {"files.stat", "[\"vis.0\",\"\"]", "[\"Not exists\"]"},
        {"files.read", "[\"vis.0\",\"none\",1,0,1]", "[\"Not exists\"]"},
        {"files.read", "[\"vis.0\",\"none\",1,0,1048577]", BAD_ARGS},
        {"files.read", "[\"vis.0\",\"none\",1,-1,1]", BAD_ARGS},
        {"files.read", "[\"vis.0\",\"none\",\"1\",0,1]", BAD_ARGS},
        {"files.read", "[\"vis.0\",\"none\",1]", BAD_ARGS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ASSERT_CALL(env, rows[i].command, rows[i].args, rows[i].answer);
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"a/b\",\"x\"]");
    ASSERT_CALL(env, "files.begin", "[\"vis.0\",\"a\"]", "[\"\\\"a\\\" is a folder\"]");
    ASSERT_CALL(env, "files.begin", "[\"vis.0\",\"a/b/c\"]", "[\"\\\"a/b\\\" is a file\"]");
    char *bytes = noise(PIECE + 1);
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, (str_t){bytes, PIECE + 1}), BAD_ARGS);
    assert_string_equal(end(env, "files.abort", token), "[null]");
    free(bytes);
}

/* Something else came to stand in its way meanwhile. */
static void the_place_is_taken(void **state)
{
    fake_env_t *env = *state;
    unsigned long long token = begin(env, A);
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"d/a.txt/b\",\"x\"]");
    assert_string_equal(end(env, "files.finish", token), "[\"\\\"d/a.txt\\\" is a folder\"]");
    assert_string_equal(end(env, "files.finish", token), UNKNOWN);
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"d/a.txt/b\"]", "[null,\"x\",\"text/plain\"]");
}

static void too_large(void **state)
{
    fake_env_t *env = *state;
    char *bytes = noise(1000001);
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, (str_t){bytes, 600000}), "[null]");
    assert_string_equal(append(env, token, 600000, (str_t){bytes, 400001}),
                        "[\"The file is too large: the limit is 1000000 bytes\"]");
    assert_string_equal(append(env, token, 600000, (str_t){bytes, 1}), UNKNOWN);
    ASSERT_CALL(env, "fileExists", A, "[null,false]");
    token = begin(env, A);
    assert_string_equal(append(env, token, 0, (str_t){bytes, 1000000}), "[null]");
    assert_memory_equal(end(env, "files.finish", token), "[null,{\"size\":1000000,", 22);
    free(bytes);
}

static void aborted(void **state)
{
    fake_env_t *env = *state;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"d/a.txt\",\"old\"]");
    (void)fake_env_events(env);
    char *bytes = noise(300000);
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, (str_t){bytes, 300000}), "[null]");
    assert_string_equal(end(env, "files.abort", token), "[null]");
    assert_string_equal(end(env, "files.finish", token), UNKNOWN);
    ASSERT_CALL(env, "readFile", A, "[null,\"old\",\"text/plain\"]");
    assert_string_equal(fake_env_events(env), "[]");
    free(bytes);
}

/* --- rights ----------------------------------------------------------------------------------- */

static void rights(void **state)
{
    fake_env_t *env = *state;
    static const char denied[] = "[\"permissionError\"]";
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"secret.txt\",\"x\",{\"mode\":1536}]");
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"open.txt\",\"x\",{\"mode\":1638}]");
    unsigned long long foreign = begin(env, "[\"vis.0\",\"open.txt\"]");

    fake_env_set_user(env, "system.user.guest");
    ASSERT_CALL(env, "files.begin", "[\"vis.0\",\"open.txt\"]", denied);
    ASSERT_CALL(env, "files.begin", "[\"vis.0\",\"new.txt\"]", denied);
    ASSERT_CALL(env, "files.stat", "[\"vis.0\",\"secret.txt\"]", denied);
    ASSERT_CALL(env, "files.read", "[\"vis.0\",\"secret.txt\",1,0,1]", denied);
    assert_string_equal(append(env, foreign, 0, STR_LIT("x")), UNKNOWN);
    assert_string_equal(end(env, "files.finish", foreign), UNKNOWN);
    assert_string_equal(end(env, "files.abort", foreign), UNKNOWN);

    fake_env_set_user(env, "system.user.operator");
    ASSERT_CALL(env, "files.begin", "[\"vis.0\",\"new.txt\"]", denied); /* default acl */
    unsigned long long token = begin(env, "[\"vis.0\",\"open.txt\"]");
    assert_string_equal(append(env, token, 0, STR_LIT("mine")), "[null]");
    fake_env_set_user(env, "system.user.admin");
    fake_env_call(env, "chmodFile", "[\"vis.0\",\"open.txt\",{\"mode\":1536}]");
    fake_env_set_user(env, "system.user.operator"); /* the right is gone before it was finished */
    assert_string_equal(end(env, "files.finish", token), denied);
    assert_string_equal(end(env, "files.finish", token), UNKNOWN);

    fake_env_set_user(env, "system.user.nobody");
    ASSERT_CALL(env, "files.stat", "[\"vis.0\",\"open.txt\"]", denied);
    ASSERT_CALL(env, "files.begin", "[\"vis.0\",\"open.txt\"]", denied);
    fake_env_set_user(env, "");
    ASSERT_CALL(env, "readFile", "[\"vis.0\",\"open.txt\"]", "[null,\"x\",\"text/plain\"]");
    assert_memory_equal(end(env, "files.finish", begin(env, A)), "[null,{", 7);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static size_t begin_many(fake_env_t *env, unsigned long long *last)
{
    size_t count = 0;
    for (;;) {
        const char *answer = fake_env_call(env, "files.begin", "[\"vis.0\",\"open.txt\"]");
        if (strcmp(answer, "[\"Too many requests in flight\"]") == 0)
            return count;
        assert_memory_equal(answer, "[null,", 6);
        *last = strtoull(answer + 6, NULL, 10);
        assert_true(++count < 1000);
    }
}

static void open_uploads_are_bounded(void **state)
{
    fake_env_t *env = *state;
    unsigned long long last = 0;
    ASSERT_OK(env, "writeFile", "[\"vis.0\",\"open.txt\",\"x\",{\"mode\":1638}]");
    assert_int_equal(begin_many(env, &last), 32); /* of one user */
    assert_string_equal(end(env, "files.abort", last), "[null]");
    assert_int_equal(begin_many(env, &last), 1);
    fake_env_set_user(env, "system.user.operator");
    assert_int_equal(begin_many(env, &last), 32);
    fake_env_set_user(env, "");
    assert_int_equal(begin_many(env, &last), 0); /* of all */
    fake_env_set_user(env, "system.user.operator");
    assert_memory_equal(end(env, "files.finish", last), "[null,{", 7);
    fake_env_set_user(env, "");
    assert_int_equal(begin_many(env, &last), 1);
}

static void idle_uploads_end(void **state)
{
    fake_env_t *env = *state;
    unsigned long long idle = begin(env, A), busy = begin(env, A);
    fake_env_advance(env, 40000);
    assert_string_equal(append(env, busy, 0, STR_LIT("x")), "[null]");
    fake_env_advance(env, 40000);
    assert_string_equal(append(env, idle, 0, STR_LIT("x")), UNKNOWN);
    assert_string_equal(append(env, busy, 1, STR_LIT("y")), "[null]");
    assert_memory_equal(end(env, "files.finish", busy), "[null,{", 7);
    ASSERT_CALL(env, "readFile", A, "[null,\"xy\",\"text/plain\"]");
}

/* --- failing commits -------------------------------------------------------------------------- */

static void a_failed_commit_ends_the_upload(void **state)
{
    fake_env_t *env = *state;
    files_t *files = fake_env_actor(env);
    unsigned long long before = begin(env, "[\"vis.0\",\"other\"]");
    fake_env_fail_commit(env, ERR_READ_ONLY);
    ASSERT_CALL(env, "files.begin", A, "[\"Storage is read-only: the disk is full or failing\"]");
    assert_non_null(files->uploads);
    files_uploads_committed(files, false);
    fake_env_fail_commit(env, ERR_OK);
    assert_string_equal(append(env, before, 0, STR_LIT("x")), "[null]"); /* not of that batch */
    assert_string_equal(end(env, "files.abort", before), "[null]");
    assert_null(files->uploads);
}

/* The batch was written in parts: the last failed, the one in which the file came to be did not. */
static void a_file_that_counts_is_kept(void **state)
{
    fake_env_t *env = *state;
    files_t *files = fake_env_actor(env);
    unsigned long long token = begin(env, A);
    assert_string_equal(append(env, token, 0, STR_LIT("hello")), "[null]");
    fake_env_fail_commit(env, ERR_READ_ONLY);
    assert_string_equal(end(env, "files.finish", token),
                        "[\"Storage is read-only: the disk is full or failing\"]");
    fake_env_fail_commit(env, ERR_OK);
    files_uploads_committed(files, false);
    assert_null(files->uploads);
    ASSERT_CALL(env, "readFile", A, "[null,\"hello\",\"text/plain\"]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, files_test_set_up, files_test_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(usage),
        TEST(sizes),
        TEST(an_empty_file),
        TEST(types),
        TEST(a_replaced_file),
        TEST(two_at_once),
        TEST(wrong_order),
        TEST(bad_arguments),
        TEST(the_place_is_taken),
        TEST(too_large),
        TEST(aborted),
        TEST(rights),
        TEST(open_uploads_are_bounded),
        TEST(idle_uploads_end),
        TEST(a_failed_commit_ends_the_upload),
        TEST(a_file_that_counts_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
