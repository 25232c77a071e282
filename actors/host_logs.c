/* SPDX-License-Identifier: MIT */
/* Log files for administrators: they lie with the log actor, which trusts only the system, so
 * rights are checked here. Names are "log/HOST/file1/NAME", as the original's. */
#include <stdlib.h>
#include <string.h>

#include "actors/host_ctx.h"

#define TRANSPORT "file1"
#define LINES_DEFAULT 200
#define LINES_MAX 20000
#define LINE_BYTES 150                 /* of a line, about */
#define READ_MAX (8u * 1024u * 1024u)  /* that the log actor gives at once */
#define FILE_MAX (64u * 1024u * 1024u) /* of a file that is sent */

static void ask_files(host_call_t *call, host_step_fn *step)
{
    static const uint8_t none[] = {0x90};
    host_call_ask_as_system(call, "log", "log.files", mp_of(none, sizeof none), step);
}

/* body: [nil, [[name, size]...]]; the list {fileName, size}. */
static bool put_list(const host_call_t *call, mp_t body, buf_t *out)
{
    mp_t list;
    uint32_t count, width;
    if (!mp_at(body, 1, &list) || !mp_read_array(&list, &count))
        return false;
    mp_put_array(out, count);
    for (uint32_t i = 0; i < count; i++) {
        str_t name;
        uint64_t size;
        buf_t path = {0};
        if (!mp_read_array(&list, &width) || width != 2 || !mp_read_str(&list, &name) ||
            !mp_read_uint(&list, &size))
            return false;
        buf_printf(&path, "log/%s/" TRANSPORT "/%.*s", call->host->facts.name, STR_ARG(name));
        mp_put_map(out, 2);
        mp_put_cstr(out, "fileName");
        mp_put_str(out, buf_str(&path));
        mp_put_cstr(out, "size");
        mp_put_uint(out, size);
        buf_fini(&path);
    }
    return true;
}

/* --- lists ----------------------------------------------------------------------------------- */

static void answer_files(host_call_t *call, err_t status, mp_t body)
{
    reply_t reply;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    if (!call->is_message)
        reply_nil(&reply);
    buf_t *out = reply_value(&reply);
    if (call->is_message) {
        mp_put_map(out, 1);
        mp_put_cstr(out, "list");
    }
    if (put_list(call, body, out))
        host_call_answer(&call, &reply);
    else
        host_call_fail(&call, "%s", err_text(ERR_BAD_FRAME));
    reply_fini(&reply);
}

err_t host_message_getLogFiles(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    (void)reply, (void)message;
    host_call_t *call = host_call_open(self, request);
    if (!call)
        return ERR_BUSY;
    ask_files(call, answer_files);
    return ERR_PENDING;
}

/* readLogs(host) -> [nil, [{fileName, size}...]] */
err_t host_on_readLogs(void *actor, const request_t *request, reply_t *reply)
{
    host_t *self = actor;
    if (!host_may_execute(self, request))
        return ERR_PERMISSION;
    if (!host_is_me(self, host_arg_text(request, 0)))
        return reply_error(reply, "This host does not exist");
    return host_message_getLogFiles(self, request, reply, (mp_t){NULL, NULL});
}

/* --- one file -------------------------------------------------------------------------------- */

/* A file that is read piece by piece, or the newest lines, from the newest file back. */
typedef struct {
    buf_t bytes;
    buf_t files;   /* the list of log.files */
    uint32_t next; /* 1 + index of the file to read now */
    uint64_t wanted, size;
    char *name;
} reading_t;

static void free_reading(void *data)
{
    reading_t *reading = data;
    buf_fini(&reading->bytes);
    buf_fini(&reading->files);
    free(reading->name);
    free(reading);
}

static host_call_t *open_reading(host_t *self, const request_t *request, reading_t **reading)
{
    host_call_t *call = host_call_open(self, request);
    *reading = call ? calloc(1, sizeof **reading) : NULL;
    if (!call)
        return NULL;
    if (!*reading) {
        host_call_fail(&call, "%s", err_text(ERR_NO_MEMORY));
        return NULL;
    }
    call->data = *reading;
    call->free_data = free_reading;
    return call;
}

static void ask_piece(host_call_t *call, str_t name, uint64_t offset, uint64_t length,
                      host_step_fn *step)
{
    buf_t args = {0};
    mp_put_array(&args, 3);
    mp_put_str(&args, name);
    mp_put_uint(&args, offset);
    mp_put_uint(&args, length);
    host_call_ask_as_system(call, "log", "log.read", mp_of_buf(&args), step);
    buf_fini(&args);
}

/* [nil, bytes, size] */
static bool read_piece(mp_t body, str_t *bytes, uint64_t *size)
{
    mp_t value, number;
    return mp_at(body, 1, &value) && mp_read_bin(&value, bytes) && mp_at(body, 2, &number) &&
           mp_read_uint(&number, size);
}

static void answer_file(host_call_t **call_p)
{
    reading_t *reading = (*call_p)->data;
    reply_t reply;
    reply_init(&reply);
    buf_t *out = reply_value(&reply);
    mp_put_map(out, 3);
    mp_put_cstr(out, "data");
    mp_put_bin(out, reading->bytes.data, reading->bytes.len);
    mp_put_cstr(out, "gz");
    mp_put_bool(out, false);
    mp_put_cstr(out, "size");
    mp_put_uint(out, reading->bytes.len);
    host_call_answer(call_p, &reply);
    reply_fini(&reply);
}

static void take_file(host_call_t *call, err_t status, mp_t body)
{
    reading_t *reading = call->data;
    str_t bytes;
    uint64_t size;
    if (status == ERR_NOT_EXISTS) {
        host_call_fail(&call, "Cannot find file");
        return;
    }
    if (status != ERR_OK || !read_piece(body, &bytes, &size)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    buf_append_str(&reading->bytes, bytes);
    if (bytes.len == 0 || reading->bytes.len >= size || reading->bytes.len >= FILE_MAX)
        answer_file(&call);
    else
        ask_piece(call, str_of(reading->name), reading->bytes.len, READ_MAX, take_file);
}

/* {transport, filename} -> {data, gz, size} */
err_t host_message_getLogFile(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    str_t transport, name;
    reading_t *reading;
    if (!mp_find_str(message, "filename", &name) ||
        !mp_find_str(message, "transport", &transport) || !str_is(transport, TRANSPORT))
        return host_refuse(reply, "invalid config");
    if (name.len == 0 || name.len > 255 || memchr(name.p, 0, name.len))
        return host_refuse(reply, "Cannot find file");
    host_call_t *call = open_reading(self, request, &reading);
    if (!call)
        return ERR_BUSY;
    reading->name = str_dup(name);
    ask_piece(call, name, 0, READ_MAX, take_file);
    return ERR_PENDING;
}

/* --- the newest lines ------------------------------------------------------------------------ */

static host_step_fn take_tail;

/* Each line as a text, the size of the newest file at the end, as the original has it. */
static void answer_lines(host_call_t **call_p)
{
    reading_t *reading = (*call_p)->data;
    str_t text = buf_str(&reading->bytes);
    uint32_t count = 0;
    reply_t reply;
    buf_t size = {0};
    reply_init(&reply);
    size_t array = mp_begin_array(reply_value(&reply));
    while (text.len > 0) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t len = end ? (size_t)(end - text.p) : text.len;
        mp_put_str(&reply.body, (str_t){text.p, len});
        len += end != NULL;
        text = (str_t){text.p + len, text.len - len};
        count++;
    }
    buf_printf(&size, "%llu", (unsigned long long)reading->size);
    mp_put_str(&reply.body, buf_str(&size));
    mp_end(&reply.body, array, count + 1);
    host_call_answer(call_p, &reply);
    buf_fini(&size);
    reply_fini(&reply);
}

/* Asks for the end of the file in turn, as much as is still wanted. */
static void ask_tail(host_call_t *call)
{
    reading_t *reading = call->data;
    mp_t row, value, number;
    str_t name;
    uint64_t size;
    uint64_t missing = reading->wanted - reading->bytes.len;
    if (reading->next == 0 || !mp_at(mp_of_buf(&reading->files), reading->next - 1, &row) ||
        !mp_at(row, 0, &value) || !mp_read_str(&value, &name) || !mp_at(row, 1, &number) ||
        !mp_read_uint(&number, &size)) {
        answer_lines(&call);
        return;
    }
    reading->size = reading->size ? reading->size : size;
    reading->next--;
    ask_piece(call, name, size > missing ? size - missing : 0, missing, take_tail);
}

/* What is older comes in front. */
static void take_tail(host_call_t *call, err_t status, mp_t body)
{
    reading_t *reading = call->data;
    buf_t joined = {0};
    str_t bytes;
    uint64_t size;
    if (status != ERR_OK || !read_piece(body, &bytes, &size)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    if (bytes.len < size) { /* the first line is not whole */
        const char *end = memchr(bytes.p, '\n', bytes.len);
        size_t cut = end ? (size_t)(end + 1 - bytes.p) : bytes.len;
        bytes = (str_t){bytes.p + cut, bytes.len - cut};
        reading->next = 0;
    }
    buf_append_str(&joined, bytes);
    buf_append_str(&joined, buf_str(&reading->bytes));
    buf_fini(&reading->bytes);
    reading->bytes = joined;
    if (reading->bytes.len >= reading->wanted)
        answer_lines(&call);
    else
        ask_tail(call);
}

static void take_list(host_call_t *call, err_t status, mp_t body)
{
    reading_t *reading = call->data;
    mp_t list, at;
    uint32_t count;
    if (status != ERR_OK || !mp_at(body, 1, &list)) {
        host_call_fail_with(&call, status, body);
        return;
    }
    at = list;
    mp_put_raw(&reading->files, list);
    reading->next = mp_read_array(&at, &count) ? count : 0;
    ask_tail(call);
}

/* Number of lines (200) -> [line..., size] */
err_t host_message_getLogs(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    double lines = 0;
    reading_t *reading;
    (void)reply;
    if (mp_type(message) == MP_NONE || !mp_read_double(&message, &lines) || !(lines >= 1))
        lines = LINES_DEFAULT;
    if (lines > LINES_MAX)
        lines = LINES_MAX;
    host_call_t *call = open_reading(self, request, &reading);
    if (!call)
        return ERR_BUSY;
    reading->wanted = (uint64_t)lines * LINE_BYTES;
    ask_files(call, take_list);
    return ERR_PENDING;
}

/* --- deleting -------------------------------------------------------------------------------- */

static void answer_cleared(host_call_t *call, err_t status, mp_t body)
{
    reply_t reply;
    if (status != ERR_OK) {
        host_call_fail_with(&call, status, body);
        return;
    }
    reply_init(&reply);
    reply_nil(&reply);
    host_call_answer(&call, &reply);
    reply_fini(&reply);
}

err_t host_message_delLogs(host_t *self, const request_t *request, reply_t *reply, mp_t message)
{
    static const uint8_t none[] = {0x90};
    (void)reply, (void)message;
    host_call_t *call = host_call_open(self, request);
    if (!call)
        return ERR_BUSY;
    host_call_ask_as_system(call, "log", "log.clear", mp_of(none, sizeof none), answer_cleared);
    return ERR_PENDING;
}
