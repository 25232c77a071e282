/* SPDX-License-Identifier: MIT */
/* The command table of the files actor, over the engine in memory. Each three bytes of the input
 * are a command and two names; the rest of a command follows from them. Commands about an upload
 * name one that was begun before, or none; 255 lets time pass. Properties, after every command:
 * each file of the scan can be read and has the size that it says, no name is a file and a folder
 * at once, and the scan gives names in clean form; a piece is taken only at its place, and a
 * finished upload has the bytes that were sent. At the end deleting the storages leaves nothing,
 * and of uploads that nobody goes on with nothing is known any more. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/files.h"
#include "actors/files_path.h"
#include "bus/json.h"
#include "bus/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_env.h"

#define COMMANDS_MAX 64 /* of one input */
#define TIME_PASSES 255
#define MAX_FILE "400000"

typedef struct {
    unsigned long long token;
    uint64_t size; /* what was taken */
} upload_t;

typedef struct {
    fake_env_t *env;
    upload_t uploads[COMMANDS_MAX]; /* all that were begun, also those that are over */
    size_t uploads_len;
} fuzz_t;

static const char *const names[] = {"\"a\"",          "\"a/b\"",
                                    "\"a/b/c\"",      "\"b\"",
                                    "\"a/\"",         "\"/b//c\"",
                                    "\"\"",           "\"..\"",
                                    "\"a/../b\"",     "\"a*\"",
                                    "\"*\"",          "\"a.b\"",
                                    "\"a\\u0001\"",   "\"a\\u0000b\"",
                                    "\"\\ud800\"",    "\"a..b\"",
                                    "null",           "5",
                                    "{\"a\":1}",      "[\"a\"]",
                                    "\"_data.json\"", "\"a/_data.json\"",
                                    "\"a/b/d\"",      "\"\\ue000\""};
static const char *const ids[] = {"\"vis.0\"",  "\"vis\"",    "\"\"", "null",
                                  "\"nosuch\"", "\"vi/s.0\"", "7"};
static const char *const values[] = {"\"text\"",
                                     "\"\"",
                                     "null",
                                     "5",
                                     "{\"mode\":1536}",
                                     "{}",
                                     "{\"owner\":\"system.user.x\",\"ownerGroup\":\"g\"}",
                                     "[1,2]",
                                     "\"\\udfff\""};
static const char *const users[] = {"system.user.admin", "system.user.guest", "", "system.user.x"};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *objects(void *arg, const char *actor, const char *command, const char *args)
{
    (void)arg;
    (void)actor;
    (void)command;
    (void)args;
    return "[null,[[\"vis\",{\"type\":\"meta\"}],[\"vis.0\",{\"type\":\"meta\"}],"
           "[\"system.user.guest\",{\"type\":\"user\",\"common\":{\"enabled\":true}}],"
           "[\"system.group.g\",{\"type\":\"group\",\"common\":{\"members\":[\"system.user.guest\"]"
           ","
           "\"acl\":{\"file\":{\"list\":true,\"read\":true,\"write\":true,\"create\":true,"
           "\"delete\":true}}}}]],null]";
}

static fake_env_t *open_actor(void)
{
    buf_t why = {0};
    config_t *config = config_new();
    fake_env_t *env = fake_env_new();
    err_t err = config_set(config, "data", STR_LIT(":memory:"), &why);
    assert(err == ERR_OK);
    err = config_set(config, "max-file", STR_LIT(MAX_FILE), &why);
    assert(err == ERR_OK);
    log_set_level(LEVEL_ERROR);
    fake_env_set_peer(env, objects, NULL);
    fake_env_open(env, &files_actor, config);
    config_destroy(&config);
    buf_fini(&why);
    return env;
}

/* --- commands --------------------------------------------------------------------------------- */

/* Generations are numbers from 1 on. */
static const char *plain(fuzz_t *self, const char *command, const uint8_t bytes[3])
{
    char args[400];
    const char *id = ids[bytes[2] % COUNT(ids)], *name = names[bytes[1] % COUNT(names)];
    if (strcmp(command, "files.read") == 0)
        snprintf(args, sizeof args, "[%s,%s,%d,%d,%d]", id, name, bytes[2] % 32,
                 (bytes[1] >> 5) * 50000, (bytes[2] >> 4) * 70000);
    else
        snprintf(args, sizeof args, "[%s,%s,%s,%s]", id, name,
                 bytes[2] & 0x80 ? names[bytes[2] % COUNT(names)]
                                 : values[bytes[2] % COUNT(values)],
                 values[bytes[1] % COUNT(values)]);
    const char *answer = fake_env_call(self->env, command, args);
    if (strcmp(command, "files.begin") == 0 && strncmp(answer, "[null,", 6) == 0)
        self->uploads[self->uploads_len++] = (upload_t){strtoull(answer + 6, NULL, 10), 0};
    return answer;
}

static upload_t *pick(fuzz_t *self, uint8_t byte)
{
    return self->uploads_len ? &self->uploads[byte % self->uploads_len] : NULL;
}

static const char *append(fuzz_t *self, const uint8_t bytes[3])
{
    static const size_t sizes[] = {0, 1, 100, 131071, 131072, 131073, 262144, 1048577};
    static char data[1048577];
    static char text[200];
    upload_t *upload = pick(self, bytes[1]);
    size_t size = sizes[bytes[2] % COUNT(sizes)];
    uint64_t offset = (upload ? upload->size : 0) + (bytes[2] & 0x80 ? 1 : 0);
    buf_t args = {0}, json = {0};
    err_t status;
    mp_put_array(&args, 3);
    mp_put_uint(&args, upload ? upload->token : 0);
    mp_put_uint(&args, offset);
    mp_put_bin(&args, data, size);
    mp_t answer = fake_env_call_mp(self->env, "files.append", mp_of_buf(&args), &status);
    json_from_mp(&json, answer, NULL);
    snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(&json)));
    if (status == ERR_OK) {
        assert(upload && offset == upload->size && size <= 1048576);
        upload->size += size;
    }
    buf_fini(&args);
    buf_fini(&json);
    return text;
}

/* files.finish and files.abort */
static const char *end(fuzz_t *self, const char *command, const upload_t *upload)
{
    char args[40], size[40];
    snprintf(args, sizeof args, "[%llu]", upload ? upload->token : 0);
    const char *answer = fake_env_call(self->env, command, args);
    if (upload && strcmp(command, "files.finish") == 0 && strncmp(answer, "[null", 5) == 0) {
        snprintf(size, sizeof size, "[null,{\"size\":%llu,", (unsigned long long)upload->size);
        assert(strncmp(answer, size, strlen(size)) == 0);
    }
    return answer;
}

static void call(fuzz_t *self, const uint8_t bytes[3])
{
    size_t rows = 0;
    if (bytes[0] == TIME_PASSES) {
        fake_env_advance(self->env, bytes[1] * INT64_C(500));
        return;
    }
    while (files_actor.commands[rows].name)
        rows++;
    const char *command = files_actor.commands[bytes[0] % rows].name, *answer;
    fake_env_set_user(self->env, users[bytes[0] / rows % COUNT(users)]);
    if (strcmp(command, "files.append") == 0)
        answer = append(self, bytes);
    else if (strcmp(command, "files.finish") == 0 || strcmp(command, "files.abort") == 0)
        answer = end(self, command, pick(self, bytes[1]));
    else
        answer = plain(self, command, bytes);
    assert(answer[0] == '[' && answer[1] != ']'); /* every command is answered */
    (void)fake_env_events(self->env);
}

/* --- properties ------------------------------------------------------------------------------- */

static void put_pair(buf_t *out, str_t id, str_t path)
{
    mp_put_array(out, 2);
    mp_put_str(out, id);
    mp_put_str(out, path);
}

/* The file can be read whole; what lies below its name is nothing. */
static void check_file(fake_env_t *env, str_t id, str_t path, int64_t size)
{
    buf_t args = {0}, clean = {0};
    mp_t value;
    str_t bytes;
    err_t status;
    assert(files_path_clean(id, path, &clean) == FILES_PATH_FINE);
    assert(str_eq(buf_str(&clean), path));
    put_pair(&args, id, path);
    mp_t answer = fake_env_call_mp(env, "files.get", mp_of_buf(&args), &status);
    assert(status == ERR_OK && mp_at(answer, 1, &value) && mp_read_bin(&value, &bytes));
    assert((int64_t)bytes.len == size);
    buf_fini(&args);
    buf_fini(&clean);
}

static size_t check_all(fake_env_t *env)
{
    buf_t rows = {0}, args = {0}, last = {0};
    mp_t value, row, field, meta;
    uint32_t count;
    err_t status;
    fake_env_set_user(env, "");
    err_t err = json_to_mp(&args, STR_LIT("[null,100000]"));
    assert(err == ERR_OK);
    mp_t answer = fake_env_call_mp(env, "files.scan", mp_of_buf(&args), &status);
    assert(status == ERR_OK && mp_at(answer, 1, &value));
    mp_put_raw(&rows, value); /* the calls below overwrite the answer */
    mp_t list = mp_of_buf(&rows);
    bool is_list = mp_read_array(&list, &count);
    assert(is_list);
    for (uint32_t i = 0; i < count; i++) {
        str_t id, path;
        double size = -1;
        bool sound = mp_next(&list, &row) && mp_at(row, 0, &field) && mp_read_str(&field, &id) &&
                     mp_at(row, 1, &field) && mp_read_str(&field, &path) && mp_at(row, 2, &meta) &&
                     mp_find_double(meta, "size", &size);
        assert(sound);
        check_file(env, id, path, (int64_t)size);
        buf_t whole = {0};
        buf_append_str(&whole, id);
        buf_append_byte(&whole, ':');
        buf_append_str(&whole, path);
        assert(!files_path_is_below(buf_str(&whole), buf_str(&last)) || last.len == 0);
        buf_fini(&last);
        last = whole;
    }
    buf_fini(&rows);
    buf_fini(&args);
    buf_fini(&last);
    return count;
}

static void check_forgotten(fuzz_t *self)
{
    fake_env_advance(self->env, 120000);
    for (size_t user = 0; user < COUNT(users); user++) {
        fake_env_set_user(self->env, users[user]);
        for (size_t i = 0; i < self->uploads_len; i++)
            assert(strcmp(end(self, "files.finish", &self->uploads[i]), "[\"Unknown upload\"]") ==
                   0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_t self = {.env = open_actor()};
    for (size_t i = 0; i + 3 <= size && i < 3 * COMMANDS_MAX; i += 3) {
        call(&self, data + i);
        (void)check_all(self.env);
    }
    check_forgotten(&self);
    fake_env_set_user(self.env, "");
    static const char *const storages[] = {"vis", "vis.0"};
    char args[64];
    for (size_t i = 0; i < COUNT(storages); i++) {
        snprintf(args, sizeof args, "[\"%s\",\"\"]", storages[i]);
        (void)fake_env_call(self.env, "deleteFolder", args);
        snprintf(args, sizeof args, "[\"%s\",\"\"]", storages[i]);
        assert(strcmp(fake_env_call(self.env, "readDir", args), "[null,[]]") == 0);
    }
    fake_env_destroy(&self.env);
    return 0;
}
