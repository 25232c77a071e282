/* SPDX-License-Identifier: MIT */
#include "gateway/webfile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/packer.h"
#include "gateway/web_fill.h"
#include "gateway/webfile_ctx.h"

#define AGE "max-age=60\r\n"
#define TEXT "text/plain; charset=utf-8"

/* A file on its way to a client. */
typedef struct {
    core_t *core;
    conn_t *conn; /* NULL: it has gone */
    grants_user_t *user;
    webfile_missing_fn *missing;
    buf_t id, name;
    uint64_t generation;
    uint64_t at, end; /* bytes that are still to be asked for */
    size_t piece;     /* bytes of one question */
    uint64_t corr;    /* of the open question; 0: none */
    frame_t *ready;   /* what waits to be pulled */
    bool fill;        /* its places (web_fill.h); it comes in one piece */
    packer_t *packer; /* NULL: as it is */
} webfile_t;

static void destroy(webfile_t *self)
{
    if (self->corr)
        requests_forget(self->core->requests, self->corr);
    packer_destroy(&self->packer);
    frame_put(&self->ready);
    buf_fini(&self->id);
    buf_fini(&self->name);
    free(self);
}

static void on_gone(void *owner, conn_t *conn)
{
    (void)conn;
    destroy(owner);
}

/* --- asking --------------------------------------------------------------------------------------
 */

uint64_t webfile_ask(core_t *core, const conn_t *conn, const char *user, const char *command,
                     buf_t *args, requests_done_fn *done, void *arg)
{
    const listener_t *listener = conn_listener(conn);
    caller_t caller = {.user = str_of(user),
                       .instance = str_of(listener->instance),
                       .client = str_of(conn_address(conn))};
    uint64_t corr = args->failed ? 0
                                 : requests_send(core->requests, "files", str_of(command), &caller,
                                                 mp_of_buf(args), core->limits.request_ms, 0,
                                                 core->mono_ms, done, arg);
    buf_fini(args);
    return corr;
}

void webfile_refuse(conn_t *conn, err_t status, mp_t body)
{
    static const struct {
        err_t err;
        int status;
    } table[] = {{ERR_PERMISSION, 403},  {ERR_NOT_EXISTS, 404}, {ERR_BUSY, 503},
                 {ERR_UNAVAILABLE, 503}, {ERR_TIMEOUT, 503},    {ERR_SHUTDOWN, 503},
                 {ERR_READ_ONLY, 503},   {ERR_CUSTOM, 409}};
    int answer = 500;
    uint32_t count;
    buf_t line = {0};
    str_t text = str_of(err_text(status));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].err == status)
            answer = table[i].status;
    }
    if (mp_read_array(&body, &count) && count > 0)
        (void)mp_read_str(&body, &text); /* else the text of the status */
    buf_append_str(&line, text);
    buf_append_byte(&line, '\n');
    conn_respond(conn, answer, TEXT, STR_LIT("Cache-Control: no-store\r\n"), buf_str(&line));
    buf_fini(&line);
}

static requests_done_fn on_piece;

/* Asks for the next piece, unless one is on its way or waits to be pulled. */
static void ask_piece(webfile_t *self)
{
    buf_t args = {0};
    uint64_t left = self->end - self->at;
    if (self->corr || self->ready || left == 0)
        return;
    mp_put_array(&args, 5);
    mp_put_str(&args, buf_str(&self->id));
    mp_put_str(&args, buf_str(&self->name));
    mp_put_uint(&args, self->generation);
    mp_put_uint(&args, self->at);
    mp_put_uint(&args, left < self->piece ? left : self->piece);
    self->corr = webfile_ask(self->core, self->conn, grants_name(self->user), "files.read", &args,
                             on_piece, self);
    if (self->corr == 0)
        conn_kill(self->conn);
}

/* --- compression --------------------------------------------------------------------------------
 */

/* A piece as it goes out. NULL: no memory. */
static frame_t *prepared(webfile_t *self, str_t bytes, bool last)
{
    buf_t out = {0}, filled = {0};
    frame_room(&out);
    if (self->fill) {
        web_fill(bytes, &filled);
        bytes = buf_str(&filled);
    }
    bool ok = self->packer ? packer_feed(self->packer, bytes, last, &out)
                           : (buf_append_str(&out, bytes), !out.failed);
    buf_fini(&filled);
    if (!ok) {
        buf_fini(&out);
        return NULL;
    }
    return frame_take(FRAME_RAW, &out, (str_t){"", 0});
}
static void on_piece(void *arg, err_t status, uint64_t seq, mp_t body)
{
    webfile_t *self = arg;
    uint32_t count;
    str_t bytes = {"", 0};
    (void)seq;
    self->corr = 0;
    bool ok = status == ERR_OK && mp_read_array(&body, &count) && mp_read_nil(&body) &&
              mp_read_bin(&body, &bytes) && bytes.len > 0;
    if (ok) {
        self->at += bytes.len;
        self->ready = self->packer || self->fill ? prepared(self, bytes, self->at >= self->end)
                                                 : frame_new(FRAME_RAW, bytes);
    }
    /* The head has gone out: an answer that cannot be completed is cut off, so that the client sees
     * that something is missing. */
    if (!self->ready)
        conn_kill(self->conn);
    else
        conn_wake(self->conn);
}

static frame_t *on_pull(void *owner, conn_t *conn)
{
    webfile_t *self = owner;
    frame_t *frame = self->ready;
    self->ready = NULL;
    if (frame) {
        ask_piece(self);
        return frame;
    }
    if (!self->corr && self->at >= self->end) {
        conn_respond_end(conn);
        destroy(self);
        return NULL;
    }
    ask_piece(self);
    return NULL;
}

static const conn_owner_t streaming = {.gone = on_gone, .pull = on_pull};
static const conn_owner_t waiting = {.gone = on_gone};

/* --- the answer ----------------------------------------------------------------------------------
 */

typedef struct {
    uint64_t size;
    str_t type;
    str_t etag;
} stat_t;

static bool read_stat(mp_t body, webfile_t *self, stat_t *out)
{
    uint32_t count;
    mp_t map, value;
    return mp_read_array(&body, &count) && mp_read_nil(&body) && mp_next(&body, &map) &&
           mp_find(map, "size", &value) && mp_read_uint(&value, &out->size) &&
           mp_find(map, "generation", &value) && mp_read_uint(&value, &self->generation) &&
           mp_find_str(map, "mimeType", &out->type) && mp_find_str(map, "etag", &out->etag);
}

/* What only somebody who has logged in may see is kept by no cache but his own. */
static void put_age(const webfile_t *self, buf_t *headers)
{
    buf_printf(headers, "Cache-Control: %s, " AGE,
               conn_listener(self->conn)->auth ? "private" : "public");
}

static void answer_known(webfile_t *self, const buf_t *tag)
{
    buf_t headers = {0};
    conn_t *conn = self->conn;
    put_age(self, &headers);
    buf_printf(&headers, "Vary: Accept-Encoding\r\nETag: W/%.*s\r\n", STR_ARG(buf_str(tag)));
    conn_set_owner(conn, NULL, NULL);
    conn_respond(conn, 304, NULL, buf_str(&headers), (str_t){"", 0});
    buf_fini(&headers);
    destroy(self);
}

static packer_t *packer_for(const http_head_t *head, const stat_t *stat)
{
    bool worth = stat->size >= PACKER_MIN && http_file_compressible(stat->type);
    return worth && head->method == HTTP_GET && !head->http10
               ? packer_new(http_best_encoding(http_head_get(head, "accept-encoding")))
               : NULL;
}

/* Begins a part, or the whole, compressed or not. */
static void answer_content(webfile_t *self, const stat_t *stat, const buf_t *tag)
{
    buf_t headers = {0}, type = {0};
    const http_head_t *head = conn_head(self->conn);
    int status = 200;
    self->end = stat->size;
    http_file_type(stat->type, &type);
    buf_printf(&headers, "Vary: Accept-Encoding\r\nX-Content-Type-Options: nosniff\r\n");
    if (http_file_range(http_head_get(head, "range"), stat->size, &self->at, &self->end)) {
        status = 206;
        buf_printf(&headers, "Content-Range: bytes %llu-%llu/%llu\r\n",
                   (unsigned long long)self->at, (unsigned long long)self->end - 1,
                   (unsigned long long)stat->size);
    } else {
        self->at = 0;
        self->end = stat->size;
        put_age(self, &headers);
        buf_printf(&headers, "ETag: W/%.*s\r\n", STR_ARG(buf_str(tag)));
        self->packer = packer_for(head, stat);
        self->fill = web_fill_is_wanted(buf_str(&self->name), stat->size);
    }
    if (self->packer)
        buf_printf(&headers, "Content-Encoding: %s\r\n", packer_name(self->packer));
    self->piece = self->packer && !self->fill ? PACKER_PIECE : WEBFILE_PIECE;
    int64_t length = self->packer || self->fill ? -1 : (int64_t)(self->end - self->at);
    buf_append_byte(&type, 0);
    conn_respond_begin(self->conn, status, (const char *)type.data, buf_str(&headers), length,
                       &streaming, self);
    buf_fini(&headers);
    buf_fini(&type);
}

static void on_stat(void *arg, err_t status, uint64_t seq, mp_t body)
{
    webfile_t *self = arg;
    conn_t *conn = self->conn;
    stat_t stat;
    buf_t tag = {0};
    (void)seq;
    self->corr = 0;
    if (status != ERR_OK || !read_stat(body, self, &stat)) {
        conn_set_owner(conn, NULL, NULL);
        if (status == ERR_NOT_EXISTS)
            self->missing(conn, conn_head(conn));
        else
            webfile_refuse(conn, status, body);
        destroy(self);
        return;
    }
    buf_printf(&tag, "\"%.*s\"", STR_ARG(stat.etag));
    if (http_is_known(conn_head(conn), buf_str(&tag)))
        answer_known(self, &tag);
    else
        answer_content(self, &stat, &tag);
    buf_fini(&tag);
}

bool webfile_has(str_t path)
{
    buf_t id = {0}, name = {0};
    bool has = http_file_of(path, &id, &name);
    buf_fini(&id);
    buf_fini(&name);
    return has;
}

bool webfile_serve(core_t *core, conn_t *conn, grants_user_t *user, str_t path,
                   webfile_missing_fn *missing)
{
    buf_t args = {0};
    webfile_t *self = calloc(1, sizeof *self);
    assert(self);
    *self = (webfile_t){.core = core, .conn = conn, .user = user, .missing = missing};
    if (!http_file_of(path, &self->id, &self->name)) {
        destroy(self);
        return false;
    }
    if (grants_forbids(user, PERM_READ_FILE)) {
        webfile_refuse(conn, ERR_PERMISSION, (mp_t){0});
        destroy(self);
        return true;
    }
    mp_put_array(&args, 2);
    mp_put_str(&args, buf_str(&self->id));
    mp_put_str(&args, buf_str(&self->name));
    self->corr = webfile_ask(core, conn, grants_name(user), "files.stat", &args, on_stat, self);
    if (self->corr == 0) {
        webfile_refuse(conn, ERR_BUSY, (mp_t){0});
        destroy(self);
    } else {
        conn_set_owner(conn, &waiting, self);
    }
    return true;
}
